//! A record as a row of a canonical table, whichever API it came from.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};

use super::super::ocds::values::Moment;
use super::super::person::Person;
use super::super::pii::{PiiKey, mask_text};
use super::super::portal::{Provenance, fold_object};
use crate::lake::{LakeError, TableWriter};
use crate::model::{Modality, TaxIdCheck, TaxIdKind, fold};

/// A row that can be taken in.
#[derive(Debug)]
pub(super) struct Row {
    /// Id in the lake.
    pub(super) id: String,
    /// What makes two records the same thing; it may be finer than the id.
    pub(super) identity: u128,
    /// When the source last changed it, if it says: the later record counts.
    pub(super) updated: Option<DateTime<Utc>>,
    /// Whether it tells of money spent.
    pub(super) spending: bool,
    /// Numbers that had to be rounded.
    pub(super) rounded: i64,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Contract(Box<Contract>),
    Tender(Box<Tender>),
    Item(Box<Item>),
}

/// Code and name of an organ.
pub(super) type Organ = (Option<String>, Option<String>);

#[derive(Debug)]
pub(super) struct Contract {
    pub(super) number: String,
    pub(super) object: String,
    pub(super) legal_basis: Option<String>,
    pub(super) modality: Modality,
    pub(super) modality_name: String,
    pub(super) situation: Option<String>,
    pub(super) sphere: Option<&'static str>,
    pub(super) superior_organ: Organ,
    pub(super) organ: Organ,
    pub(super) buyer_id: String,
    pub(super) buyer_name: String,
    pub(super) signature_date: Option<NaiveDate>,
    pub(super) publication_date: Option<NaiveDate>,
    pub(super) start_date: Option<NaiveDate>,
    pub(super) end_date: Option<NaiveDate>,
    pub(super) supplier: Party,
    pub(super) initial_value: Option<i128>,
    pub(super) current_value: Option<i128>,
    pub(super) tender_number: Option<String>,
    pub(super) tender_buyer_id: Option<String>,
    pub(super) tender_modality: Option<String>,
    pub(super) tender_id: Option<String>,
    pub(super) category: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct Tender {
    pub(super) number: Option<String>,
    pub(super) process_number: Option<String>,
    pub(super) object: String,
    pub(super) legal_basis: Option<String>,
    pub(super) modality: Modality,
    pub(super) modality_name: String,
    pub(super) method: Option<&'static str>,
    pub(super) situation: Option<String>,
    pub(super) sphere: Option<&'static str>,
    pub(super) superior_organ: Organ,
    pub(super) organ: Organ,
    pub(super) buyer_id: String,
    pub(super) buyer_name: String,
    pub(super) state: Option<String>,
    pub(super) municipality: Option<String>,
    pub(super) publication_date: Option<NaiveDate>,
    pub(super) open_date: Option<NaiveDate>,
    pub(super) result_date: Option<NaiveDate>,
    pub(super) period_start: Option<Moment>,
    pub(super) period_end: Option<Moment>,
    pub(super) estimated_value: Option<i128>,
    pub(super) value: Option<i128>,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) tender_id: String,
    pub(super) buyer_id: String,
    pub(super) number: String,
    pub(super) description: String,
    pub(super) unit: Option<String>,
    pub(super) quantity: Option<i128>,
    pub(super) unit_price: Option<i128>,
    pub(super) total_value: Option<i128>,
    pub(super) winner: Option<Party>,
    pub(super) status: Option<String>,
}

/// What the source says a supplier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// A natural person, whose CPF may have lost the zeros in front.
    Natural,
    /// A company, whose CNPJ may have lost the zeros in front.
    Legal,
    Foreign,
    /// The number itself tells.
    Unsaid,
}

/// A supplier as published.
#[derive(Debug)]
pub(super) struct Party {
    number: String,
    nature: Nature,
    name: Option<String>,
}

impl Party {
    pub(super) fn new(number: Option<Cow<'_, str>>, nature: Nature, name: Option<Cow<'_, str>>) -> Self {
        let number = number.map(Cow::into_owned).unwrap_or_default();
        let digits = match nature {
            Nature::Natural => 11,
            Nature::Legal => 14,
            Nature::Foreign | Nature::Unsaid => 0,
        };
        let short = (1..digits).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = if short { format!("{number:0>digits$}") } else { number };
        let withheld = |name: &str| super::super::portal::is_withheld(name);
        Self { number, nature, name: name.map(Cow::into_owned).filter(|name| !withheld(name)) }
    }

    pub(super) fn person(&self) -> Person<'_> {
        let mut person = Person::brazilian(&self.number, self.name.as_deref());
        if self.nature == Nature::Foreign && person.kind != TaxIdKind::Secret {
            person.kind = TaxIdKind::Foreign;
            person.normal = self.number.to_uppercase();
            person.check = TaxIdCheck::NotApplicable;
        }
        // A blank number keeps the published name; one that says "secret" has none worth keeping.
        if person.kind == TaxIdKind::Secret && !self.number.is_empty() {
            person.name = None;
        }
        person
    }
}

impl Row {
    /// Writes the row.
    ///
    /// # Errors
    /// If the lake cannot be written.
    pub(super) fn write(
        &self,
        source: &str,
        from: Provenance<'_>,
        key: &PiiKey,
        writer: &mut TableWriter,
    ) -> Result<(), LakeError> {
        match &self.content {
            Content::Contract(row) => row.write(source, from, key, writer),
            Content::Tender(row) => row.write(source, from, writer),
            Content::Item(row) => row.write(source, from, key, writer),
        }
    }
}

impl Contract {
    fn write(
        &self,
        source: &str,
        from: Provenance<'_>,
        key: &PiiKey,
        writer: &mut TableWriter,
    ) -> Result<(), LakeError> {
        let supplier = self.supplier.person();
        let name = supplier.name.map(mask_text);
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text(&self.number)
                .text(&self.object)
                .text(&fold_object(&self.object))
                .optional_text(self.legal_basis.as_deref())
                .text(self.modality.as_str())
                .text(&self.modality_name)
                .optional_text(self.situation.as_deref())
                .optional_text(self.sphere)
                .optional_text(self.superior_organ.0.as_deref())
                .optional_text(self.superior_organ.1.as_deref())
                .optional_text(self.organ.0.as_deref())
                .optional_text(self.organ.1.as_deref())
                .text(&self.buyer_id)
                .text(&self.buyer_name)
                .day(self.signature_date)
                .day(self.publication_date)
                .day(self.start_date)
                .day(self.end_date)
                .optional_text(supplier.published_id().as_deref())
                .optional_text(supplier.id().as_deref())
                .optional_text(supplier.key(key).as_deref())
                .text(supplier.kind.as_str())
                .text(supplier.check.as_str())
                .optional_text(name.as_deref())
                .decimal(self.initial_value)
                .decimal(self.current_value)
                .optional_text(self.tender_number.as_deref())
                .optional_text(self.tender_buyer_id.as_deref())
                .optional_text(self.tender_modality.as_deref())
                .optional_text(None)
                .optional_text(self.tender_id.as_deref())
                .text("BRL")
                .optional_text(self.category)
                .text(source)
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}

impl Tender {
    fn write(&self, source: &str, from: Provenance<'_>, writer: &mut TableWriter) -> Result<(), LakeError> {
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .optional_text(None)
                .optional_text(self.number.as_deref())
                .optional_text(self.process_number.as_deref())
                .text(&self.object)
                .text(&fold_object(&self.object))
                .optional_text(self.legal_basis.as_deref())
                .text(self.modality.as_str())
                .text(&self.modality_name)
                .optional_text(self.method)
                .optional_text(None)
                .optional_text(None)
                .optional_text(self.situation.as_deref())
                .optional_text(self.sphere)
                .optional_text(self.superior_organ.0.as_deref())
                .optional_text(self.superior_organ.1.as_deref())
                .optional_text(self.organ.0.as_deref())
                .optional_text(self.organ.1.as_deref())
                .text(&self.buyer_id)
                .text(&self.buyer_name)
                .optional_text(self.state.as_deref())
                .optional_text(self.municipality.as_deref())
                .day(self.publication_date)
                .day(self.open_date)
                .day(self.result_date)
                .moment(self.period_start.map(|moment| moment.at))
                .moment(self.period_end.map(|moment| moment.at))
                .text("BRL")
                .decimal(self.estimated_value)
                .decimal(self.value)
                .optional_integer(None)
                .optional_text(self.period_start.map(|moment| moment.clock.as_str()))
                .optional_text(self.period_end.map(|moment| moment.clock.as_str()))
                .text(source)
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}

impl Item {
    fn write(
        &self,
        source: &str,
        from: Provenance<'_>,
        key: &PiiKey,
        writer: &mut TableWriter,
    ) -> Result<(), LakeError> {
        let winner = self.winner.as_ref().map(Party::person);
        let winner = winner.as_ref();
        let name = winner.and_then(|who| who.name).map(mask_text);
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text(&self.tender_id)
                .text(&self.buyer_id)
                .text(&self.number)
                .optional_text(None)
                .text(&self.description)
                .text(&fold(&self.description))
                .optional_text(None)
                .optional_text(None)
                .optional_text(self.unit.as_deref())
                .decimal(self.quantity)
                .decimal(self.unit_price)
                .optional_text(winner.and_then(Person::published_id).as_deref())
                .optional_text(winner.and_then(Person::id).as_deref())
                .optional_text(winner.and_then(|who| who.key(key)).as_deref())
                .optional_text(name.as_deref())
                .optional_text(self.status.as_deref())
                .decimal(self.total_value)
                .text(source)
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
