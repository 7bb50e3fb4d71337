//! `SIMPLES`: who is and was under Simples Nacional, and who a micro-entrepreneur (MEI), from and until when.

use chrono::NaiveDate;

use super::super::fault::Fault;
use super::super::pii::PiiKey;
use super::super::portal::{Layout, Provenance, Published, digest, first_128};
use super::values::{day, root};
use super::{Kind, edition_day};
use crate::lake::{LakeError, RowBuilder};
use crate::model::Table;

/// One of the two regimes of a company: whether it is under it, since when, and until when it was.
type Regime = (Option<bool>, Option<NaiveDate>, Option<NaiveDate>);

/// The regimes of a company.
#[derive(Debug)]
pub(crate) struct OfCompany<'a> {
    root: &'a str,
    simples: Regime,
    mei: Regime,
}

/// Regimes.
#[derive(Debug)]
pub(crate) struct Regimes;

fn regime(published: Published<'_>, at: usize) -> Result<Regime, Fault> {
    let is = match published.text(at) {
        "S" | "s" => Some(true),
        "N" | "n" => Some(false),
        _ => None,
    };
    Ok((is, day(published, at + 1)?, day(published, at + 2)?))
}

impl Layout for Regimes {
    const COLUMNS: &'static [&'static str] = &[
        "cnpj basico",
        "opcao pelo simples",
        "data de opcao pelo simples",
        "data de exclusao do simples",
        "opcao pelo mei",
        "data de opcao pelo mei",
        "data de exclusao do mei",
    ];
    const TABLE: Table = Table::TaxRegimes;
    type Row<'a> = OfCompany<'a>;

    fn read<'a>(published: Published<'a>) -> Result<OfCompany<'a>, Fault> {
        Ok(OfCompany { root: root(published)?, simples: regime(published, 1)?, mei: regime(published, 4)? })
    }

    fn id(row: &OfCompany<'_>) -> (String, Option<u128>) {
        (row.root.to_owned(), Some(first_128(&digest([row.root]))))
    }

    fn write(row: &OfCompany<'_>, from: Provenance<'_>, _: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        writer.row(|out| {
            out.text(from.id).text(from.status).text(row.root);
            for (is, since, until) in [row.simples, row.mei] {
                out.truth(is).day(since).day(until);
            }
            out.day(edition_day(from.file))
                .text(Kind::Regimes.source())
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
