use chrono::NaiveDate;

use super::super::pii::mask_text;
use super::tender_ref::{TenderRef, is_sentinel, modality_of};
use super::{Fault, Layout, PiiKey, Provenance, Published, digest, first_128, fold_object, is_withheld};
use crate::lake::{LakeError, RowBuilder};
use crate::model::{Money, Table, fold};

const NUMBER: usize = 0;
const BUYER_ID: usize = 1;
const BUYER_NAME: usize = 2;
const MODALITY_CODE: usize = 3;
const MODALITY_NAME: usize = 4;
const PROCESS_NUMBER: usize = 5;
const OBJECT: usize = 6;
const SITUATION: usize = 7;
const SUPERIOR_ORGAN_ID: usize = 8;
const SUPERIOR_ORGAN_NAME: usize = 9;
const ORGAN_ID: usize = 10;
const ORGAN_NAME: usize = 11;
const STATE: usize = 12;
const MUNICIPALITY: usize = 13;
const RESULT_DATE: usize = 14;
const OPEN_DATE: usize = 15;
const VALUE: usize = 16;

/// `Licitação`: one row a tender, direct awards among them. A tender is published again in each month in
/// which something became of it: the later row counts.
#[derive(Debug)]
pub(crate) struct Tenders;

/// A tender that can be taken in.
#[derive(Debug)]
pub(crate) struct Tender<'a> {
    published: Published<'a>,
    key: TenderRef<'a>,
    result_date: Option<NaiveDate>,
    open_date: Option<NaiveDate>,
    value: Option<Money>,
}

impl Layout for Tenders {
    const COLUMNS: &'static [&'static str] = &[
        "numero licitacao",
        "codigo ug",
        "nome ug",
        "codigo modalidade compra",
        "modalidade compra",
        "numero processo",
        "objeto",
        "situacao licitacao",
        "codigo orgao superior",
        "nome orgao superior",
        "codigo orgao",
        "nome orgao",
        "uf",
        "municipio",
        "data resultado compra",
        "data abertura",
        "valor licitacao",
    ];
    const OTHER_NAMES: &'static [(&'static str, &'static str)] = &[
        ("numero licitacao", "numlic"),
        ("codigo ug", "codug"),
        ("nome ug", "instituicao"),
        ("modalidade compra", "modcomp"),
        ("numero processo", "processo"),
        ("situacao licitacao", "situacao"),
        ("codigo orgao", "codorgao"),
        ("nome orgao", "nomeorgao"),
        ("data resultado compra", "datacompra"),
        ("data abertura", "datalicitacao"),
        ("valor licitacao", "valor"),
    ];
    const OPTIONAL: &'static [&'static str] =
        &["codigo modalidade compra", "codigo orgao superior", "nome orgao superior", "uf"];
    const TABLE: Table = Table::Tenders;
    type Row<'a> = Tender<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Tender<'a>, Fault> {
        Ok(Tender {
            published,
            key: published.tender(NUMBER, BUYER_ID, MODALITY_CODE, MODALITY_NAME)?,
            result_date: published.date(RESULT_DATE)?,
            open_date: published.date(OPEN_DATE)?,
            value: published.money(VALUE)?,
        })
    }

    fn id(row: &Tender<'_>) -> (String, Option<u128>) {
        let id = row.key.id();
        let identity = first_128(&digest([id.as_str()]));
        (id, Some(identity))
    }

    fn write(row: &Tender<'_>, from: Provenance<'_>, _: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        let published = row.published;
        let masked = |column: usize| published.optional(column).map(mask_text);
        let object = mask_text(published.raw(OBJECT));
        let modality = modality_of(published.text(MODALITY_CODE), published.text(MODALITY_NAME));
        let named = |column: usize| published.optional(column).filter(|name| !is_withheld(name)).map(mask_text);
        let state = published.optional(STATE).filter(|state| !is_sentinel(state)).map(mask_text);
        let municipality = published.optional(MUNICIPALITY).filter(|name| fold(name) != "invalido").map(mask_text);
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .optional_text(None)
                .text(published.text(NUMBER))
                .optional_text(masked(PROCESS_NUMBER).as_deref())
                .text(&object)
                .text(&fold_object(&object))
                .optional_text(None)
                .text(modality.as_str())
                .text(&mask_text(published.text(MODALITY_NAME)))
                .optional_text(None)
                .optional_text(None)
                .optional_text(None)
                .optional_text(masked(SITUATION).as_deref())
                .text("federal")
                .optional_text(published.optional(SUPERIOR_ORGAN_ID))
                .optional_text(named(SUPERIOR_ORGAN_NAME).as_deref())
                .optional_text(published.optional(ORGAN_ID))
                .optional_text(named(ORGAN_NAME).as_deref())
                .text(published.text(BUYER_ID))
                .text(&mask_text(published.text(BUYER_NAME)))
                .optional_text(state.as_deref())
                .optional_text(municipality.as_deref())
                .day(None)
                .day(row.open_date)
                .day(row.result_date)
                .moment(None)
                .moment(None)
                .text("BRL")
                .decimal(None)
                .decimal(row.value.map(Money::cents))
                .optional_integer(None)
                .optional_text(None)
                .optional_text(None)
                .text("portal:licitacoes")
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
