use std::borrow::Cow;

use super::super::pii::mask_text;
use super::{Fault, Layout, PiiKey, Provenance, Published, digest, first_hex, slug};
use crate::lake::{LakeError, RowBuilder};
use crate::model::{Money, Table, fold};

const BUYER_ID: usize = 0;
const CONTRACT_NUMBER: usize = 1;
const CODE: usize = 2;
const DESCRIPTION: usize = 3;
const DETAILS: usize = 4;
const QUANTITY: usize = 5;
const UNIT_PRICE: usize = 6;

/// `ItemCompra`: one row an item of a contract; `Valor Item` is the price of one unit.
#[derive(Debug)]
pub(crate) struct Items;

/// An item that can be taken in.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    published: Published<'a>,
    buyer_id: &'a str,
    contract_number: &'a str,
    /// Code, description and further description, CPFs masked.
    code: Cow<'a, str>,
    description: Cow<'a, str>,
    details: Cow<'a, str>,
    quantity: Option<i128>,
    unit_price: Option<Money>,
}

impl Layout for Items {
    const COLUMNS: &'static [&'static str] = &[
        "codigo ug",
        "numero contrato",
        "codigo item compra",
        "descricao item compra",
        "descricao complementar item compra",
        "quantidade item",
        "valor item",
    ];
    const TABLE: Table = Table::ContractItems;
    type Row<'a> = Item<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Item<'a>, Fault> {
        Ok(Item {
            published,
            buyer_id: published.required(BUYER_ID)?,
            contract_number: published.required(CONTRACT_NUMBER)?,
            code: mask_text(published.text(CODE)),
            description: mask_text(published.raw(DESCRIPTION)),
            details: mask_text(published.raw(DETAILS)),
            quantity: published.quantity(QUANTITY)?,
            unit_price: published.money(UNIT_PRICE)?,
        })
    }

    fn id(row: &Item<'_>) -> (String, Option<u128>) {
        let published = row.published;
        let content = digest([
            row.buyer_id,
            row.contract_number,
            &row.code,
            &row.description,
            &row.details,
            published.text(QUANTITY),
            published.text(UNIT_PRICE),
        ]);
        let (buyer, number) = (slug(row.buyer_id), slug(row.contract_number));
        (["portal-", &buyer, "-", &number, "-item-", &first_hex(&content)].concat(), None)
    }

    fn write(row: &Item<'_>, from: Provenance<'_>, _: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        // The source writes the word where it has no description: it names no line of business.
        let folded = Some(fold(&row.description)).filter(|text| text != "undefined").unwrap_or_default();
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text(row.buyer_id)
                .text(row.contract_number)
                .text(&row.code)
                .text(&row.description)
                .text(&folded)
                .text(&row.details)
                .decimal(row.quantity)
                .decimal(row.unit_price.map(Money::cents))
                .text("portal:itens")
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
