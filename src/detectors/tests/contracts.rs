//! Contracts, their amendments and their items, for the tests.

use chrono::NaiveDate;
use datafusion::arrow::array::RecordBatch;

use super::{CNPJ, Cell, Data, batch, cents, day, provenance, shown, text};
use crate::model::{Table, check_tax_id, fold};

#[derive(Debug, Clone)]
pub(in crate::detectors) struct Contract {
    pub(super) id: String,
    pub(super) status: &'static str,
    pub(super) number: String,
    pub(super) object: String,
    pub(super) legal_basis: Option<String>,
    pub(super) modality: &'static str,
    pub(super) situation: Option<&'static str>,
    pub(super) sphere: Option<String>,
    pub(super) buyer: String,
    pub(super) buyer_name: String,
    pub(super) signed: Option<NaiveDate>,
    pub(super) published: Option<NaiveDate>,
    pub(super) start: Option<NaiveDate>,
    pub(super) end: Option<NaiveDate>,
    /// As published; empty is secret.
    pub(super) supplier: String,
    pub(super) supplier_name: String,
    pub(super) initial: Option<i128>,
    pub(super) current: Option<i128>,
    /// Its number and its id.
    pub(super) tender: Option<String>,
    pub(super) currency: Option<&'static str>,
    pub(super) category: Option<&'static str>,
    /// Source and file that it was published in.
    pub(super) source: &'static str,
    pub(super) file: String,
}

impl Contract {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            status: "current",
            number: format!("number of {id}"),
            object: "Aquisição de material".to_owned(),
            legal_basis: None,
            modality: "pregao",
            situation: None,
            sphere: Some("federal".to_owned()),
            buyer: "100".to_owned(),
            buyer_name: "UNIDADE DE TESTE".to_owned(),
            signed: Some(day("2024-03-01")),
            published: None,
            start: None,
            end: None,
            supplier: CNPJ.to_owned(),
            supplier_name: "EMPRESA SINTÉTICA LTDA".to_owned(),
            initial: Some(100_000),
            current: Some(100_000),
            tender: None,
            currency: Some("BRL"),
            category: None,
            source: "portal:compras",
            file: "202401_Compras.csv".to_owned(),
        }
    }

    pub(super) fn worth(mut self, initial: &str) -> Self {
        self.initial = Some(cents(initial));
        self.current = self.initial;
        self
    }
}

#[derive(Debug, Clone)]
pub(in crate::detectors) struct Amendment {
    pub(super) id: String,
    pub(super) status: &'static str,
    pub(super) buyer: String,
    pub(super) contract_number: String,
    pub(super) number: String,
    pub(super) published: Option<NaiveDate>,
    pub(super) object: String,
    pub(super) source: &'static str,
}

impl Amendment {
    pub(super) fn of(contract: &Contract, number: u32, object: &str) -> Self {
        Self {
            id: format!("{}-{number}", contract.id),
            status: "current",
            buyer: contract.buyer.clone(),
            contract_number: contract.number.clone(),
            number: format!("{number:05}"),
            published: Some(day("2024-06-01")),
            object: object.to_owned(),
            source: "portal:termos-aditivos",
        }
    }

    /// A note that registers a change of prices.
    pub(super) fn apostille(contract: &Contract) -> Self {
        Self {
            id: format!("{}-apostille", contract.id),
            source: "portal:apostilamentos",
            ..Self::of(contract, 1, "Valor dos serviços do segundo ano")
        }
    }
}

#[derive(Debug, Clone)]
pub(in crate::detectors) struct Item {
    pub(super) id: String,
    pub(super) buyer: String,
    pub(super) contract_number: String,
    pub(super) description: String,
    pub(super) details: String,
    /// Empty is one of its own.
    pub(super) code: String,
    /// Ten-thousandths.
    pub(super) quantity: Option<i128>,
    /// Cents.
    pub(super) price: Option<i128>,
}

impl Item {
    pub(super) fn of(contract: &Contract, description: &str) -> Self {
        Self {
            id: format!("{}-{description}", contract.id),
            buyer: contract.buyer.clone(),
            contract_number: contract.number.clone(),
            description: description.to_owned(),
            details: String::new(),
            code: String::new(),
            quantity: Some(10_000),
            price: contract.initial,
        }
    }
}

impl Data {
    pub(super) fn contract_rows(&self) -> RecordBatch {
        let rows = self.contracts.iter().enumerate().map(|(at, one)| {
            let (kind, id, check) = check_tax_id(&one.supplier);
            let key = (!id.is_empty()).then(|| id.clone());
            let mut row = vec![
                text(&one.id),
                text(one.status),
                text(&one.number),
                text(&one.object),
                text(fold(&one.object)),
                Cell::Text(one.legal_basis.clone()),
                text(one.modality),
                text(one.modality),
                Cell::Text(one.situation.map(str::to_owned)),
                Cell::Text(one.sphere.clone()),
                Cell::Text(None),
                Cell::Text(None),
                Cell::Text(None),
                Cell::Text(None),
                text(&one.buyer),
                text(&one.buyer_name),
                Cell::Day(one.signed),
                Cell::Day(one.published),
                Cell::Day(one.start),
                Cell::Day(one.end),
                text(&one.supplier),
                Cell::Text(key.as_ref().map(|key| shown(kind, key))),
                Cell::Text(key),
                text(kind.as_str()),
                text(check.as_str()),
                text(&one.supplier_name),
                Cell::Number(one.initial),
                Cell::Number(one.current),
                Cell::Text(one.tender.clone()),
                Cell::Text(one.tender.as_ref().map(|_| one.buyer.clone())),
                Cell::Text(None),
                Cell::Text(None),
                Cell::Text(one.tender.clone()),
                Cell::Text(one.currency.map(str::to_owned)),
                Cell::Text(one.category.map(str::to_owned)),
            ];
            row.extend(provenance(one.source, &one.file, at));
            row
        });
        batch(Table::Contracts, rows.collect())
    }

    pub(super) fn amendment_rows(&self) -> RecordBatch {
        let rows = self.amendments.iter().enumerate().map(|(at, one)| {
            let mut row = vec![
                text(&one.id),
                text(one.status),
                text(&one.buyer),
                text(&one.contract_number),
                text(&one.number),
                Cell::Day(one.published),
                text(&one.object),
                text(fold(&one.object)),
                Cell::Number(None),
                Cell::Day(None),
            ];
            row.extend(provenance(one.source, "202401_TermoAditivo.csv", at));
            row
        });
        batch(Table::Amendments, rows.collect())
    }

    pub(super) fn item_rows(&self) -> RecordBatch {
        let rows = self.items.iter().enumerate().map(|(at, one)| {
            let mut row = vec![
                text(&one.id),
                text("current"),
                text(&one.buyer),
                text(&one.contract_number),
                // As long as a code of the Portal, which names no class.
                text(if one.code.is_empty() { format!("{at:022}") } else { one.code.clone() }),
                text(&one.description),
                text(fold(&one.description)),
                text(&one.details),
                Cell::Number(one.quantity),
                Cell::Number(one.price),
            ];
            row.extend(provenance("portal:compras", "202401_ItemCompra.csv", at));
            row
        });
        batch(Table::ContractItems, rows.collect())
    }
}
