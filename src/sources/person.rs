//! Who supplies, bids or is punished: what of an id may be stored, and what tells persons apart.

use std::borrow::Cow;

use super::pii::{PiiKey, mask_text};
use crate::model::{TaxIdCheck, TaxIdKind, check_tax_id, fold, mask_cpf};

/// A person or company as published, before anything is masked.
#[derive(Debug, Clone)]
pub(crate) struct Person<'a> {
    /// The id as published.
    pub(crate) published: &'a str,
    pub(crate) kind: TaxIdKind,
    /// The id without punctuation; empty for [`TaxIdKind::Secret`].
    pub(crate) normal: String,
    pub(crate) check: TaxIdCheck,
    /// The name, if one is published.
    pub(crate) name: Option<&'a str>,
}

impl<'a> Person<'a> {
    /// A person with a Brazilian id, or with what a Brazilian source writes in place of one.
    pub(crate) fn brazilian(published: &'a str, name: Option<&'a str>) -> Self {
        let (kind, normal, check) = check_tax_id(published);
        Self { published, kind, normal, check, name }
    }

    /// The id as the lake shows it: nobody's CPF in full.
    pub(crate) fn id(&self) -> Option<Cow<'_, str>> {
        match self.kind {
            TaxIdKind::Secret => None,
            TaxIdKind::Cpf if !self.is_masked() => Some(Cow::Owned(mask_cpf(&self.normal))),
            TaxIdKind::Cpf | TaxIdKind::Cnpj => Some(Cow::Borrowed(&self.normal)),
            TaxIdKind::Foreign | TaxIdKind::Other => Some(mask_text(&self.normal)),
        }
    }

    /// The id as published, nobody's CPF in full.
    pub(crate) fn published_id(&self) -> Option<Cow<'_, str>> {
        match self.kind {
            TaxIdKind::Secret => None,
            TaxIdKind::Cpf if !self.is_masked() => Some(Cow::Owned(mask_cpf(&self.normal))),
            TaxIdKind::Cpf | TaxIdKind::Cnpj => Some(Cow::Borrowed(self.published)),
            TaxIdKind::Foreign | TaxIdKind::Other => Some(mask_text(self.published)),
        }
    }

    /// What tells persons apart. A mask alone is shared by a thousand of them, so that the name goes
    /// with it.
    pub(crate) fn key(&self, key: &PiiKey) -> Option<Cow<'_, str>> {
        Some(Cow::Owned(match self.kind {
            TaxIdKind::Secret => return None,
            TaxIdKind::Cnpj => return Some(Cow::Borrowed(&self.normal)),
            TaxIdKind::Cpf if self.is_masked() => {
                format!("cpf:{}", key.hash(&format!("{}|{}", self.normal, fold(self.name.unwrap_or_default()))))
            }
            TaxIdKind::Cpf => format!("cpf:{}", key.hash(&self.normal)),
            TaxIdKind::Foreign | TaxIdKind::Other => {
                format!("{}:{}", self.kind.as_str(), mask_text(&self.normal))
            }
        }))
    }

    fn is_masked(&self) -> bool {
        self.normal.contains('*')
    }
}
