use super::super::person::Person;
use super::super::pii::mask_text;
use super::{Fault, Layout, PiiKey, Provenance, Published, digest, first_128, is_withheld, long_hex};
use crate::lake::{LakeError, RowBuilder};
use crate::model::{Money, Table, TaxIdKind, fold};

const NUMBER: usize = 0;
const BUYER_ID: usize = 1;
const MODALITY_CODE: usize = 2;
const MODALITY_NAME: usize = 3;
const CODE: usize = 4;
const DESCRIPTION: usize = 5;
const QUANTITY: usize = 6;
const VALUE: usize = 7;
const WINNER_ID: usize = 8;
const WINNER_NAME: usize = 9;

/// `ItemLicitação`: one row an item of a tender and who won it. `Valor Item` is that of the whole quantity,
/// unlike that of `ItemCompra`.
#[derive(Debug)]
pub(crate) struct TenderItems;

/// An item of a tender that can be taken in.
#[derive(Debug)]
pub(crate) struct TenderItem<'a> {
    published: Published<'a>,
    tender_id: String,
    buyer_id: &'a str,
    winner: Person<'a>,
    quantity: Option<i128>,
    value: Option<Money>,
}

impl TenderItem<'_> {
    fn code(&self) -> Option<&str> {
        self.published.optional(CODE)
    }
}

impl Layout for TenderItems {
    const COLUMNS: &'static [&'static str] = &[
        "numero licitacao",
        "codigo ug",
        "codigo modalidade compra",
        "modalidade compra",
        "codigo item compra",
        "descricao",
        "quantidade item",
        "valor item",
        "codigo vencedor",
        "nome vencedor",
    ];
    const OTHER_NAMES: &'static [(&'static str, &'static str)] = &[
        ("numero licitacao", "numlic"),
        ("codigo ug", "codug"),
        ("modalidade compra", "modcomp"),
        ("codigo item compra", "coditem"),
        ("descricao", "descricao item compra"),
        ("quantidade item", "quant"),
        ("valor item", "valor"),
        ("codigo vencedor", "cnpj vencedor"),
        ("codigo vencedor", "cnpjvencedor"),
        ("nome vencedor", "nomevencedor"),
    ];
    const OPTIONAL: &'static [&'static str] = &["codigo modalidade compra", "codigo item compra"];
    const TABLE: Table = Table::TenderItems;
    type Row<'a> = TenderItem<'a>;

    fn read<'a>(published: Published<'a>) -> Result<TenderItem<'a>, Fault> {
        let name = published.optional(WINNER_NAME).filter(|name| !is_withheld(name));
        Ok(TenderItem {
            published,
            tender_id: published.tender(NUMBER, BUYER_ID, MODALITY_CODE, MODALITY_NAME)?.id(),
            buyer_id: published.required(BUYER_ID)?,
            winner: Person::brazilian(published.text(WINNER_ID), name),
            quantity: published.quantity(QUANTITY)?,
            value: published.money(VALUE)?,
        })
    }

    fn id(row: &TenderItem<'_>) -> (String, Option<u128>) {
        let tender = row.tender_id.as_str();
        let shown = row.winner.id().unwrap_or_default();
        let published = row.published;
        match row.code() {
            // One item may be won by several.
            Some(code) => {
                let of = |winner: &str| digest([tender, code, winner]);
                let identity = first_128(&of(&row.winner.normal));
                ([tender, "-item-", &long_hex(&of(&shown))].concat(), Some(identity))
            }
            None => {
                let description = mask_text(published.raw(DESCRIPTION));
                let numbers = [published.text(QUANTITY), published.text(VALUE)];
                let content = digest([tender, &description, numbers[0], numbers[1], &shown]);
                ([tender, "-item-", &long_hex(&content)].concat(), None)
            }
        }
    }

    fn repeats(row: &TenderItem<'_>) -> bool {
        // Without a code, equal rows are items that happen to be equal.
        row.code().is_some()
    }

    fn write(
        row: &TenderItem<'_>,
        from: Provenance<'_>,
        key: &PiiKey,
        writer: &mut RowBuilder,
    ) -> Result<(), LakeError> {
        let description = mask_text(row.published.raw(DESCRIPTION));
        let folded = Some(fold(&description)).filter(|text| text != "undefined").unwrap_or_default();
        let winner_name = row.winner.name.filter(|_| row.winner.kind != TaxIdKind::Secret).map(mask_text);
        let code = row.code().map(mask_text);
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text(&row.tender_id)
                .text(row.buyer_id)
                .optional_text(code.as_deref())
                .optional_text(None)
                .text(&description)
                .text(&folded)
                .optional_text(None)
                .optional_text(None)
                .optional_text(None)
                .decimal(row.quantity)
                .decimal(None)
                .optional_text(row.winner.published_id().as_deref())
                .optional_text(row.winner.id().as_deref())
                .optional_text(row.winner.key(key).as_deref())
                .optional_text(winner_name.as_deref())
                .optional_text(None)
                .decimal(row.value.map(Money::cents))
                .text("portal:itens-licitacao")
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
