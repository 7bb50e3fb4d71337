use chrono::NaiveDate;

use super::super::pii::mask_text;
use super::{Fault, Kind, Layout, PiiKey, Provenance, Published, digest, first_hex, fold_object, slug};
use crate::lake::{LakeError, RowBuilder};
use crate::model::{Money, Table};

const CONTRACT_NUMBER: usize = 0;
const BUYER_ID: usize = 1;
const NUMBER: usize = 2;
const DATE: usize = 3;
const OBJECT: usize = 4;
/// Of notes alone.
const VALUE: usize = 5;

/// Changes of contracts, one a row: amendments or notes, as rows of amendments that their source tells apart.
#[derive(Debug)]
pub(crate) struct Changes<const NOTES: bool>;

/// `TermoAditivo`: the source publishes no amounts.
pub(crate) type Amendments = Changes<false>;
/// `Apostilamento`. Most months publish a header only.
pub(crate) type Notes = Changes<true>;

/// A change that can be taken in.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    published: Published<'a>,
    buyer_id: &'a str,
    contract_number: &'a str,
    date: Option<NaiveDate>,
    value: Option<Money>,
}

impl<const NOTES: bool> Layout for Changes<NOTES> {
    const COLUMNS: &'static [&'static str] = if NOTES {
        &[
            "numero contrato",
            "codigo ug",
            "numero apostilamento",
            "data de inclusao",
            "descricao apostilamento",
            "valor apostilamento",
        ]
    } else {
        &["numero contrato", "codigo ug", "numero termo aditivo", "data publicacao", "objeto"]
    };
    const OPTIONAL: &'static [&'static str] = if NOTES { &["data de inclusao"] } else { &[] };
    const TABLE: Table = Table::Amendments;
    type Row<'a> = Change<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Change<'a>, Fault> {
        Ok(Change {
            published,
            buyer_id: published.required(BUYER_ID)?,
            contract_number: published.required(CONTRACT_NUMBER)?,
            value: if NOTES { published.money(VALUE)? } else { None },
            date: published.date(DATE)?,
        })
    }

    fn id(row: &Change<'_>) -> (String, Option<u128>) {
        let published = row.published;
        let (own, object) = (mask_text(published.text(NUMBER)), mask_text(published.raw(OBJECT)));
        let parts = [row.buyer_id, row.contract_number, &own, published.text(DATE), &object];
        let content = digest(parts.into_iter().chain(NOTES.then(|| published.text(VALUE))));
        let (buyer, number) = (slug(row.buyer_id), slug(row.contract_number));
        let kind = if NOTES { "apostille" } else { "amendment" };
        (["portal-", &buyer, "-", &number, "-", kind, "-", &first_hex(&content)].concat(), None)
    }

    fn write(row: &Change<'_>, from: Provenance<'_>, _: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
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
                .text(if NOTES { Kind::Notes } else { Kind::Amendments }.source())
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
