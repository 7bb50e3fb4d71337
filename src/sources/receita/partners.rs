//! `SOCIOCSV`: partners and administrators of companies.
//!
//! Of a natural person the lake holds the mask of the CPF that the source publishes and a keyed hash of mask and name, which
//! tells equal persons; no name. Who represents a partner, and how old one is, is not taken in.

use std::borrow::Cow;

use chrono::NaiveDate;

use super::super::fault::{Fault, Reason};
use super::super::person::Person;
use super::super::pii::PiiKey;
use super::super::portal::{Layout, Provenance, Published, digest};
use super::values::{code, day, root, text};
use super::{Kind, edition_day};
use crate::lake::{LakeError, RowBuilder};
use crate::model::{Table, TaxIdCheck, check_tax_id, fold};
use crate::secret::hex;

/// Whose document a partner has.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Document {
    /// A CNPJ with right check digits.
    Cnpj(String),
    /// The mask of a CPF, `***.123.456-**`.
    Cpf(String),
    /// None that tells anybody.
    None,
}

/// A partner.
#[derive(Debug)]
pub(crate) struct Partner<'a> {
    published: Published<'a>,
    root: &'a str,
    kind: &'static str,
    document: Document,
    entry_date: Option<NaiveDate>,
}

/// Partners.
#[derive(Debug)]
pub(crate) struct Partners;

/// The mask of a CPF as the lake writes masks, from one as the register does (`***123456**`) or from all its digits; `None` if
/// there are no digits to tell anybody by.
fn mask(published: &str) -> Option<String> {
    let bare: Vec<u8> = published.bytes().filter(|byte| !matches!(byte, b'.' | b'-' | b' ')).collect();
    let middle = bare.get(3..9).filter(|middle| bare.len() == 11 && middle.iter().all(u8::is_ascii_digit))?;
    let digits = std::str::from_utf8(middle).ok().filter(|digits| digits.bytes().any(|byte| byte != b'0'))?;
    Some(format!("***.{}.{}-**", &digits[..3], &digits[3..]))
}

impl Layout for Partners {
    const COLUMNS: &'static [&'static str] = &[
        "cnpj basico",
        "identificador de socio",
        "nome do socio",
        "cnpj cpf do socio",
        "qualificacao do socio",
        "data de entrada sociedade",
        "pais",
        "representante legal",
        "nome do representante",
        "qualificacao do representante legal",
        "faixa etaria",
    ];
    const TABLE: Table = Table::Partners;
    const NAMES_PERSONS: bool = true;
    type Row<'a> = Partner<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Partner<'a>, Fault> {
        let root = root(published)?;
        let id = published.text(3);
        let (kind, document) = match published.required(1)? {
            "1" => match check_tax_id(id) {
                (_, cnpj, TaxIdCheck::Valid) if cnpj.len() == 14 => ("company", Document::Cnpj(cnpj)),
                _ => ("company", Document::None),
            },
            "2" => ("person", mask(id).map_or(Document::None, Document::Cpf)),
            // Of whom a name and a country is all there is, nobody can tell apart from namesakes.
            "3" => ("foreign", Document::None),
            _ => return Err(Fault { column: 1, reason: Reason::UnknownCode }),
        };
        Ok(Partner { published, root, kind, document, entry_date: day(published, 5)? })
    }

    /// Nothing that names a person is part of it.
    fn id(row: &Partner<'_>) -> (String, Option<u128>) {
        let document = match &row.document {
            Document::Cnpj(id) | Document::Cpf(id) => id.as_str(),
            Document::None => "",
        };
        let of = [row.root, row.kind, document, row.published.text(4), row.published.text(5)];
        (format!("{}-{}", row.root, hex(&digest(of)[..6])), None)
    }

    fn write(row: &Partner<'_>, from: Provenance<'_>, key: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        let name = row.published.text(2);
        let (document, partner_key) = match &row.document {
            Document::Cnpj(cnpj) => (Some(cnpj.as_str()), Some(cnpj.clone())),
            // The key that the same mask and name have where they supply.
            Document::Cpf(mask) if !fold(name).is_empty() => {
                (Some(mask.as_str()), Person::brazilian(mask, Some(name)).key(key).map(Cow::into_owned))
            }
            Document::Cpf(mask) => (Some(mask.as_str()), None),
            Document::None => (None, None),
        };
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text(row.root)
                .text(row.kind)
                .optional_text(document)
                .optional_text(partner_key.as_deref())
                .optional_text(text(name).filter(|_| row.kind == "company").as_deref())
                .optional_text(code(row.published.text(4)).as_deref())
                .day(row.entry_date)
                .day(edition_day(from.file))
                .text(Kind::Partners.source())
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
