//! Sanctions and payments, for the tests.

use chrono::NaiveDate;
use datafusion::arrow::array::RecordBatch;

use super::{Cell, Data, batch, day, provenance, shown, text};
use crate::model::{Table, check_tax_id, fold};

#[derive(Debug, Clone)]
pub(in crate::detectors) struct Sanction {
    pub(super) id: String,
    pub(super) list: &'static str,
    /// As published.
    pub(super) person: String,
    pub(super) name: String,
    pub(super) category: &'static str,
    pub(super) basis: &'static str,
    pub(super) scope: &'static str,
    pub(super) body: &'static str,
    pub(super) sphere: &'static str,
    pub(super) start: Option<NaiveDate>,
    pub(super) end: Option<NaiveDate>,
    pub(super) published: Option<NaiveDate>,
    pub(super) judged: Option<NaiveDate>,
    pub(super) file: &'static str,
}

impl Sanction {
    /// A declaration of unfitness, which holds everywhere, in force in the whole of 2024.
    pub(super) fn of(person: &str) -> Self {
        Self {
            id: "s".to_owned(),
            list: "ceis",
            person: person.to_owned(),
            name: "EMPRESA SINTÉTICA LTDA".to_owned(),
            category: "Declaração de Inidoneidade com prazo determinado",
            basis: "LEI 14133 - ART. 156, IV",
            scope: "Todas as Esferas em todos os Poderes",
            body: "Ministério da Saúde",
            sphere: "federal",
            start: Some(day("2024-01-01")),
            end: Some(day("2024-12-31")),
            published: None,
            judged: None,
            file: "20300101_CEIS.csv",
        }
    }
}

#[derive(Debug, Clone)]
pub(in crate::detectors) struct Payment {
    pub(super) contract: String,
    pub(super) kind: &'static str,
    pub(super) date: Option<NaiveDate>,
    pub(super) value: Option<i128>,
    pub(super) currency: Option<&'static str>,
}

impl Payment {
    pub(super) fn of(contract: &str, date: &str, value: i128) -> Self {
        Self {
            contract: contract.to_owned(),
            kind: "payment",
            date: Some(day(date)),
            value: Some(value),
            currency: Some("BRL"),
        }
    }
}

fn optional(value: &str) -> Cell {
    Cell::Text(Some(value.to_owned()).filter(|value| !value.is_empty()))
}

impl Data {
    pub(super) fn sanction_rows(&self) -> RecordBatch {
        let rows = self.sanctions.iter().enumerate().map(|(at, one)| {
            let (kind, id, check) = check_tax_id(&one.person);
            let key = if id.contains('*') { format!("{id}|{}", fold(&one.name)) } else { id.clone() };
            let mut row = vec![
                text(&one.id),
                text("current"),
                text(one.list),
                text(shown(kind, &id)),
                text(shown(kind, &id)),
                text(key),
                text(kind.as_str()),
                text(check.as_str()),
                text(&one.name),
                optional(one.category),
                optional(one.basis),
                optional(one.scope),
                optional(one.body),
                Cell::Text(None),
                optional(one.sphere),
                text("123/2024"),
                Cell::Day(one.start),
                Cell::Day(one.end),
                Cell::Day(one.published),
                Cell::Day(one.judged),
                Cell::Number(None),
                text("77"),
                Cell::Text(None),
            ];
            row.extend(provenance("portal:ceis", one.file, at));
            row
        });
        batch(Table::Sanctions, rows.collect())
    }

    pub(super) fn payment_rows(&self) -> RecordBatch {
        let rows = self.payments.iter().enumerate().map(|(at, one)| {
            let mut row = vec![
                text(format!("payment {at}")),
                text("current"),
                text(one.kind),
                text(&one.contract),
                text("100"),
                Cell::Text(None),
                Cell::Text(None),
                Cell::Day(one.date),
                Cell::Number(one.value),
                Cell::Text(None),
                Cell::Text(None),
                Cell::Text(None),
                Cell::Text(one.currency.map(str::to_owned)),
            ];
            row.extend(provenance("ocds:test", "releases.json", at));
            row
        });
        batch(Table::Payments, rows.collect())
    }
}
