//! `EMPRECSV`: what the register knows of a company as a whole.

use super::super::fault::Fault;
use super::super::pii::PiiKey;
use super::super::portal::{Layout, Provenance, Published, digest, first_128};
use super::values::{code, root, text};
use super::{Kind, edition_day};
use crate::lake::{LakeError, RowBuilder};
use crate::model::{Money, Table};

/// Legal nature of a sole trader, whose company has the name of the person, often with the CPF.
const SOLE_TRADER: &str = "2135";
/// First digit of the legal natures of natural persons.
const NATURAL_PERSONS: char = '4';

/// A company.
#[derive(Debug)]
pub(crate) struct Company<'a> {
    root: &'a str,
    name: Option<String>,
    nature: Option<String>,
    capital: Option<Money>,
    size: Option<&'static str>,
}

/// Companies.
#[derive(Debug)]
pub(crate) struct Companies;

impl Layout for Companies {
    const COLUMNS: &'static [&'static str] = &[
        "cnpj basico",
        "razao social",
        "natureza juridica",
        "qualificacao do responsavel",
        "capital social da empresa",
        "porte da empresa",
        "ente federativo responsavel",
    ];
    const TABLE: Table = Table::Companies;
    const NAMES_PERSONS: bool = true;
    type Row<'a> = Company<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Company<'a>, Fault> {
        let nature = code(published.text(2));
        // The name of a natural person is not needed: contracts name whom they are with.
        let of_person = nature.as_deref().is_some_and(|own| own == SOLE_TRADER || own.starts_with(NATURAL_PERSONS));
        Ok(Company {
            root: root(published)?,
            name: text(published.text(1)).filter(|_| !of_person),
            nature,
            capital: published.money(4)?,
            size: match published.text(5) {
                "01" | "1" => Some("micro"),
                "03" | "3" => Some("small"),
                "05" | "5" => Some("other"),
                _ => None,
            },
        })
    }

    fn id(row: &Company<'_>) -> (String, Option<u128>) {
        (row.root.to_owned(), Some(first_128(&digest([row.root]))))
    }

    fn write(row: &Company<'_>, from: Provenance<'_>, _: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text(row.root)
                .optional_text(row.name.as_deref())
                .optional_text(row.nature.as_deref())
                .decimal(row.capital.map(Money::cents))
                .optional_text(row.size)
                .day(edition_day(from.file))
                .text(Kind::Companies.source())
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
