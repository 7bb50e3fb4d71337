use chrono::NaiveDate;

use super::super::pii::mask_text;
use super::{Fault, Layout, PiiKey, Provenance, Published, digest, first_hex, fold_object, slug};
use crate::lake::{LakeError, RowBuilder};
use crate::model::Table;

const CONTRACT_NUMBER: usize = 0;
const BUYER_ID: usize = 1;
const NUMBER: usize = 2;
const PUBLICATION_DATE: usize = 3;
const OBJECT: usize = 4;

/// `TermoAditivo`: one row an amendment; the source publishes no amounts.
#[derive(Debug)]
pub(crate) struct Amendments;

/// An amendment that can be taken in.
#[derive(Debug)]
pub(crate) struct Amendment<'a> {
    published: Published<'a>,
    buyer_id: &'a str,
    contract_number: &'a str,
    publication_date: Option<NaiveDate>,
}

impl Layout for Amendments {
    const COLUMNS: &'static [&'static str] =
        &["numero contrato", "codigo ug", "numero termo aditivo", "data publicacao", "objeto"];
    const TABLE: Table = Table::Amendments;
    type Row<'a> = Amendment<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Amendment<'a>, Fault> {
        Ok(Amendment {
            published,
            buyer_id: published.required(BUYER_ID)?,
            contract_number: published.required(CONTRACT_NUMBER)?,
            publication_date: published.date(PUBLICATION_DATE)?,
        })
    }

    fn id(row: &Amendment<'_>) -> (String, Option<u128>) {
        let published = row.published;
        let content = digest([
            row.buyer_id,
            row.contract_number,
            &mask_text(published.text(NUMBER)),
            published.text(PUBLICATION_DATE),
            &mask_text(published.raw(OBJECT)),
        ]);
        let (buyer, number) = (slug(row.buyer_id), slug(row.contract_number));
        (format!("portal-{buyer}-{number}-amendment-{}", first_hex(&content)), None)
    }

    fn write(row: &Amendment<'_>, from: Provenance<'_>, _: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        let object = mask_text(row.published.raw(OBJECT));
        let number = mask_text(row.published.text(NUMBER));
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text(row.buyer_id)
                .text(row.contract_number)
                .text(&number)
                .day(row.publication_date)
                .text(&object)
                .text(&fold_object(&object))
                .decimal(None)
                .day(None)
                .text("portal:termos-aditivos")
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
