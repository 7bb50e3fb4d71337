use chrono::NaiveDate;

use super::super::person::Person;
use super::super::pii::mask_text;
use super::tender_ref::{TenderRef, is_sentinel};
use super::{
    Fault, Layout, PiiKey, Provenance, Published, digest, first_128, first_hex, fold_object, is_withheld, slug,
};
use crate::lake::{LakeError, RowBuilder};
use crate::model::{Modality, Money, Table, TaxIdKind, fold};

const NUMBER: usize = 0;
const OBJECT: usize = 1;
const LEGAL_BASIS: usize = 2;
const MODALITY: usize = 3;
const SITUATION: usize = 4;
const SUPERIOR_ORGAN_ID: usize = 5;
const SUPERIOR_ORGAN_NAME: usize = 6;
const ORGAN_ID: usize = 7;
const ORGAN_NAME: usize = 8;
const BUYER_ID: usize = 9;
const BUYER_NAME: usize = 10;
const SIGNATURE_DATE: usize = 11;
const PUBLICATION_DATE: usize = 12;
const START_DATE: usize = 13;
const END_DATE: usize = 14;
const SUPPLIER_ID: usize = 15;
const SUPPLIER_NAME: usize = 16;
const INITIAL_VALUE: usize = 17;
const CURRENT_VALUE: usize = 18;
const TENDER_NUMBER: usize = 19;
const TENDER_BUYER_ID: usize = 20;
const TENDER_MODALITY: usize = 21;

/// `Compras`: one row a contract.
#[derive(Debug)]
pub(crate) struct Contracts;

/// A contract that can be taken in.
#[derive(Debug)]
pub(crate) struct Contract<'a> {
    published: Published<'a>,
    number: &'a str,
    buyer_id: &'a str,
    supplier: Person<'a>,
    signature_date: Option<NaiveDate>,
    publication_date: Option<NaiveDate>,
    start_date: Option<NaiveDate>,
    end_date: Option<NaiveDate>,
    initial_value: Option<Money>,
    current_value: Option<Money>,
}

/// Who supplies.
fn supplier<'a>(published: Published<'a>) -> Person<'a> {
    let name = published.optional(SUPPLIER_NAME).filter(|name| !is_withheld(name));
    let mut supplier = Person::brazilian(published.text(SUPPLIER_ID), name);
    // Some rows withhold only the name in words, beside a code that is no tax id.
    if supplier.kind == TaxIdKind::Other && fold(published.text(SUPPLIER_NAME)) == "sigiloso" {
        supplier.kind = TaxIdKind::Secret;
    }
    // A blank code keeps the published name; a code that says "secret" has none worth keeping.
    supplier.name = name.filter(|_| supplier.kind != TaxIdKind::Secret || supplier.published.is_empty());
    supplier
}

impl Contract<'_> {
    fn tender_number(&self) -> Option<&str> {
        self.published.optional(TENDER_NUMBER).filter(|number| !is_sentinel(number))
    }

    fn tender_buyer_id(&self) -> Option<&str> {
        self.published.optional(TENDER_BUYER_ID).filter(|id| !is_sentinel(id))
    }

    fn tender_modality(&self) -> Option<&str> {
        self.published.optional(TENDER_MODALITY).filter(|code| !is_sentinel(code))
    }

    /// The id of the tender in the lake, where the source names one.
    fn tender_id(&self) -> Option<String> {
        let (number, buyer) = (self.tender_number()?, self.tender_buyer_id()?);
        Some(TenderRef::new(buyer, number, self.tender_modality()?, "").id())
    }

    fn organ_name(&self, column: usize) -> Option<&str> {
        self.published.optional(column).filter(|name| !is_withheld(name))
    }

    fn key(&self) -> ContractKey<'_> {
        ContractKey {
            buyer_id: self.buyer_id,
            number: self.number,
            tender_number: self.tender_number().unwrap_or_default(),
            tender_buyer_id: self.tender_buyer_id().unwrap_or_default(),
            tender_modality: self.tender_modality().unwrap_or_default(),
            signature_date: self.signature_date,
        }
    }
}

/// What tells a contract of the federal government from others, whichever way the Portal publishes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContractKey<'a> {
    /// Code of the unit.
    pub(crate) buyer_id: &'a str,
    /// Number, nine digits.
    pub(crate) number: &'a str,
    /// Number, unit and code of the modality of its tender; empty where it names none.
    pub(crate) tender_number: &'a str,
    pub(crate) tender_buyer_id: &'a str,
    pub(crate) tender_modality: &'a str,
    pub(crate) signature_date: Option<NaiveDate>,
}

impl ContractKey<'_> {
    fn digest(&self, supplier: &str) -> [u8; 32] {
        let signed = self.signature_date.map(|day| day.to_string()).unwrap_or_default();
        digest([
            self.buyer_id,
            self.number,
            supplier,
            self.tender_number,
            self.tender_buyer_id,
            self.tender_modality,
            &signed,
        ])
    }

    /// The id in the lake, and what makes two rows the same contract.
    pub(crate) fn id(&self, supplier: &Person<'_>) -> (String, u128) {
        // Where only the name is withheld, it is the contract that it is where the name is published.
        let id = supplier.id().unwrap_or_else(|| mask_text(&supplier.normal));
        let shown = self.digest(&id);
        // Two persons may share a mask; their contracts are not the same.
        let exact = if id == supplier.normal { shown } else { self.digest(&supplier.normal) };
        let id = ["portal-", &slug(self.buyer_id), "-", &slug(self.number), "-", &first_hex(&shown)].concat();
        (id, first_128(&exact))
    }
}

impl Layout for Contracts {
    const COLUMNS: &'static [&'static str] = &[
        "numero do contrato",
        "objeto",
        "fundamento legal",
        "modalidade compra",
        "situacao contrato",
        "codigo orgao superior",
        "nome orgao superior",
        "codigo orgao",
        "nome orgao",
        "codigo ug",
        "nome ug",
        "data assinatura contrato",
        "data publicacao dou",
        "data inicio vigencia",
        "data fim vigencia",
        "codigo contratado",
        "nome contratado",
        "valor inicial compra",
        "valor final compra",
        "numero licitacao",
        "codigo ug licitacao",
        "codigo modalidade compra licitacao",
    ];
    const TABLE: Table = Table::Contracts;
    type Row<'a> = Contract<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Contract<'a>, Fault> {
        Ok(Contract {
            published,
            number: published.required(NUMBER)?,
            buyer_id: published.required(BUYER_ID)?,
            supplier: supplier(published),
            signature_date: published.date(SIGNATURE_DATE)?,
            publication_date: published.date(PUBLICATION_DATE)?,
            start_date: published.date(START_DATE)?,
            end_date: published.date(END_DATE)?,
            initial_value: published.money(INITIAL_VALUE)?,
            current_value: published.money(CURRENT_VALUE)?,
        })
    }

    fn id(row: &Contract<'_>) -> (String, Option<u128>) {
        let (id, identity) = row.key().id(&row.supplier);
        (id, Some(identity))
    }

    fn without_supplier(row: &Contract<'_>) -> bool {
        row.supplier.kind == TaxIdKind::Secret
    }

    fn write(row: &Contract<'_>, from: Provenance<'_>, key: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        let published = row.published;
        let object = mask_text(published.raw(OBJECT));
        let legal_basis = published.optional(LEGAL_BASIS).map(mask_text);
        let situation = published.optional(SITUATION).map(mask_text);
        let modality_name = mask_text(published.text(MODALITY));
        let named = |column: usize| row.organ_name(column).map(mask_text);
        let supplier_name = row.supplier.name.map(mask_text);
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text(row.number)
                .text(&object)
                .text(&fold_object(&object))
                .optional_text(legal_basis.as_deref())
                .text(modality(&modality_name).as_str())
                .text(&modality_name)
                .optional_text(situation.as_deref())
                .text("federal")
                .optional_text(published.optional(SUPERIOR_ORGAN_ID))
                .optional_text(named(SUPERIOR_ORGAN_NAME).as_deref())
                .optional_text(published.optional(ORGAN_ID))
                .optional_text(named(ORGAN_NAME).as_deref())
                .text(row.buyer_id)
                .text(&mask_text(published.text(BUYER_NAME)))
                .day(row.signature_date)
                .day(row.publication_date)
                .day(row.start_date)
                .day(row.end_date)
                .optional_text(row.supplier.published_id().as_deref())
                .optional_text(row.supplier.id().as_deref())
                .optional_text(row.supplier.key(key).as_deref())
                .text(row.supplier.kind.as_str())
                .text(row.supplier.check.as_str())
                .optional_text(supplier_name.as_deref())
                .decimal(row.initial_value.map(Money::cents))
                .decimal(row.current_value.map(Money::cents))
                .optional_text(row.tender_number())
                .optional_text(row.tender_buyer_id())
                .optional_text(row.tender_modality())
                .optional_text(None)
                .optional_text(row.tender_id().as_deref())
                .text("BRL")
                .optional_text(None)
                .text("portal:compras")
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}

/// The modality of a folded or published name.
pub(crate) fn modality(name: &str) -> Modality {
    match fold(name).as_str() {
        "pregao registro de preco" => Modality::PregaoRegistroPreco,
        "pregao" => Modality::Pregao,
        "dispensa de licitacao" => Modality::DispensaLicitacao,
        "inexigibilidade de licitacao" => Modality::Inexigibilidade,
        "tomada de precos" => Modality::TomadaDePrecos,
        "concorrencia" => Modality::Concorrencia,
        "convite" => Modality::Convite,
        _ => Modality::NotInformed,
    }
}
