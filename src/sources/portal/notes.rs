use chrono::NaiveDate;

use super::super::pii::mask_text;
use super::{Fault, Kind, Layout, PiiKey, Provenance, Published, digest, first_hex, fold_object, slug};
use crate::lake::{LakeError, RowBuilder};
use crate::model::{Money, Table};

const CONTRACT_NUMBER: usize = 0;
const BUYER_ID: usize = 1;
const NUMBER: usize = 2;
const OBJECT: usize = 3;
const VALUE: usize = 4;
const DATE: usize = 5;

/// `Apostilamento`: notes on contracts, as rows of amendments that their source tells apart. Most months publish a header
/// only.
#[derive(Debug)]
pub(crate) struct Notes;

/// A note that can be taken in.
#[derive(Debug)]
pub(crate) struct Note<'a> {
    published: Published<'a>,
    buyer_id: &'a str,
    contract_number: &'a str,
    value: Option<Money>,
    date: Option<NaiveDate>,
}

impl Layout for Notes {
    const COLUMNS: &'static [&'static str] = &[
        "numero contrato",
        "codigo ug",
        "numero apostilamento",
        "descricao apostilamento",
        "valor apostilamento",
        "data de inclusao",
    ];
    const OPTIONAL: &'static [&'static str] = &["data de inclusao"];
    const TABLE: Table = Table::Amendments;
    type Row<'a> = Note<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Note<'a>, Fault> {
        Ok(Note {
            published,
            buyer_id: published.required(BUYER_ID)?,
            contract_number: published.required(CONTRACT_NUMBER)?,
            value: published.money(VALUE)?,
            date: published.date(DATE)?,
        })
    }

    fn id(row: &Note<'_>) -> (String, Option<u128>) {
        let published = row.published;
        let content = digest([
            row.buyer_id,
            row.contract_number,
            &mask_text(published.text(NUMBER)),
            published.text(DATE),
            &mask_text(published.raw(OBJECT)),
            published.text(VALUE),
        ]);
        let (buyer, number) = (slug(row.buyer_id), slug(row.contract_number));
        (format!("portal-{buyer}-{number}-apostille-{}", first_hex(&content)), None)
    }

    fn write(row: &Note<'_>, from: Provenance<'_>, _: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        let object = mask_text(row.published.raw(OBJECT));
        let number = mask_text(row.published.text(NUMBER));
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text(row.buyer_id)
                .text(row.contract_number)
                .text(&number)
                .day(row.date)
                .text(&object)
                .text(&fold_object(&object))
                .decimal(row.value.map(Money::cents))
                .day(None)
                .text(Kind::Notes.source())
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
