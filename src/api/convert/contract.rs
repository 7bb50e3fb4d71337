use chrono::NaiveDate;

use super::filters::modality;
use super::finding::evidence_row;
use crate::api::pb;
use crate::lake::contracts::{AmendmentRow, ContractDetail, ContractRow, ItemRow};
use crate::model::Money;

fn day(date: Option<NaiveDate>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}

fn reais(amount: Option<Money>) -> String {
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

/// A contract without its items and amendments.
pub(crate) fn contract(row: ContractRow) -> pb::Contract {
    pb::Contract {
        contract_id: row.contract_id,
        number: row.number,
        object: row.object,
        modality: modality(row.modality) as i32,
        modality_name: row.modality_name,
        legal_basis: row.legal_basis.unwrap_or_default(),
        buyer: Some(pb::Buyer {
            id: row.buyer_id,
            name: row.buyer_name,
            organ_id: row.organ_id.unwrap_or_default(),
            organ_name: row.organ_name.unwrap_or_default(),
        }),
        supplier: row.supplier.map(|supplier| pb::Supplier {
            id: supplier.id,
            name: supplier.name,
            id_kind: supplier.id_kind,
        }),
        signature_date: day(row.signature_date),
        publication_date: day(row.publication_date),
        start_date: day(row.start_date),
        end_date: day(row.end_date),
        initial_value: reais(row.initial_value),
        current_value: reais(row.current_value),
        source: Some(evidence_row(row.source)),
        items: Vec::new(),
        amendments: Vec::new(),
        ambiguous_link: false,
        read_time: None,
    }
}

/// A contract with all that belongs to it.
pub(crate) fn contract_detail(detail: ContractDetail) -> pb::Contract {
    pb::Contract {
        items: detail.items.into_iter().map(item).collect(),
        amendments: detail.amendments.into_iter().map(amendment).collect(),
        ambiguous_link: detail.ambiguous,
        ..contract(detail.contract)
    }
}

fn item(row: ItemRow) -> pb::ContractItem {
    pb::ContractItem {
        code: row.code,
        description: row.description,
        details: row.details,
        quantity: row.quantity.map(ten_thousandths).unwrap_or_default(),
        unit_price: reais(row.unit_price),
        source: Some(evidence_row(row.source)),
    }
}

fn amendment(row: AmendmentRow) -> pb::Amendment {
    pb::Amendment {
        number: row.number,
        publication_date: day(row.publication_date),
        object: row.object,
        source: Some(evidence_row(row.source)),
    }
}

/// A quantity in ten-thousandths as a decimal, without zeros at the end.
fn ten_thousandths(quantity: i128) -> String {
    let sign = if quantity < 0 { "-" } else { "" };
    let (whole, fraction) = (quantity.unsigned_abs() / 10_000, quantity.unsigned_abs() % 10_000);
    let text = format!("{sign}{whole}.{fraction:04}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::ten_thousandths;

    #[test]
    fn quantities_are_exact() {
        let shown = [0, 10_000, 15_000, 1, -12_345, 1_000_000].map(ten_thousandths);
        assert_eq!(shown, ["0", "1", "1.5", "0.0001", "-1.2345", "100"]);
    }
}
