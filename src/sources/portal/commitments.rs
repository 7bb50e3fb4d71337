use chrono::NaiveDate;

use super::super::pii::mask_text;
use super::{Fault, Layout, PiiKey, Provenance, Published, digest, first_128, first_hex};
use crate::lake::{LakeError, RowBuilder};
use crate::model::{Money, Table};

const NUMBER: usize = 0;
const BUYER_ID: usize = 1;
const MODALITY_CODE: usize = 2;
const MODALITY_NAME: usize = 3;
const CODE: usize = 4;
const DATE: usize = 5;
const NOTE: usize = 6;
const VALUE: usize = 7;

/// `EmpenhosRelacionados`: one row a commitment (empenho) that a tender gave rise to. A commitment sets money
/// aside before anything is delivered: it is no payment.
#[derive(Debug)]
pub(crate) struct Commitments;

/// A commitment that can be taken in.
#[derive(Debug)]
pub(crate) struct Commitment<'a> {
    published: Published<'a>,
    tender_id: String,
    buyer_id: &'a str,
    code: &'a str,
    date: Option<NaiveDate>,
    value: Option<Money>,
}

impl Layout for Commitments {
    const COLUMNS: &'static [&'static str] = &[
        "numero licitacao",
        "codigo ug",
        "codigo modalidade compra",
        "modalidade compra",
        "codigo empenho",
        "data emissao empenho",
        "observacao empenho",
        "valor empenho r",
    ];
    const OTHER_NAMES: &'static [(&'static str, &'static str)] = &[("valor empenho r", "valor empenho")];
    const OPTIONAL: &'static [&'static str] = &["codigo modalidade compra"];
    const TABLE: Table = Table::Payments;
    type Row<'a> = Commitment<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Commitment<'a>, Fault> {
        Ok(Commitment {
            published,
            tender_id: published.tender(NUMBER, BUYER_ID, MODALITY_CODE, MODALITY_NAME)?.id(),
            buyer_id: published.required(BUYER_ID)?,
            code: published.required(CODE)?,
            date: published.date(DATE)?,
            value: published.money(VALUE)?,
        })
    }

    fn id(row: &Commitment<'_>) -> (String, Option<u128>) {
        let tender = row.tender_id.as_str();
        let key = digest([tender, row.code]);
        (format!("{tender}-empenho-{}", first_hex(&key)), Some(first_128(&key)))
    }

    fn write(row: &Commitment<'_>, from: Provenance<'_>, _: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        let note = row.published.optional(NOTE).map(mask_text);
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text("commitment")
                .optional_text(None)
                .text(row.buyer_id)
                .text(&mask_text(row.code))
                .text(row.published.text(NUMBER))
                .day(row.date)
                .decimal(row.value.map(Money::cents))
                .optional_text(None)
                .optional_text(note.as_deref())
                .text(&row.tender_id)
                .text("BRL")
                .text("portal:empenhos")
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
