//! What a filter says of a contract, in Portuguese and in English: for the plan and for the report.

use super::period::Span;
use crate::model::{Filters, Modality, Money};

/// Of an amount, its least or its most, both inclusive.
pub(super) fn value(min: Option<Money>, max: Option<Money>) -> Option<(String, String)> {
    Some(match (min, max) {
        (Some(min), Some(max)) if min == max => (format!("valor igual a {}", min.pt()), format!("value of {}", min.en())),
        (Some(min), Some(max)) => (
            format!("valor de {} a {} (inclusive)", min.pt(), max.pt()),
            format!("value from {} to {} (inclusive)", min.en(), max.en()),
        ),
        (Some(min), None) => (
            format!("valor a partir de {} (inclusive)", min.pt()),
            format!("value from {} (inclusive)", min.en()),
        ),
        (None, Some(max)) => {
            (format!("valor até {} (inclusive)", max.pt()), format!("value up to {} (inclusive)", max.en()))
        }
        (None, None) => return None,
    })
}

/// Any of these modalities.
pub(super) fn modalities(modalities: &[Modality]) -> (String, String) {
    let pt: Vec<_> = modalities.iter().map(|modality| modality.pt()).collect();
    let en: Vec<_> = modalities.iter().map(|modality| modality.en()).collect();
    (format!("modalidade: {}", pt.join(" ou ")), format!("modality: {}", en.join(" or ")))
}

/// A supplier by its tax id; of a CPF the mask is all there is.
pub(super) fn supplier(id: &str) -> (String, String) {
    if id.contains('*') {
        return (
            format!("fornecedor de CPF {id} (os dados só têm a máscara, que outras pessoas podem ter)"),
            format!("supplier with CPF {id} (the data hold the mask only, which other persons may share)"),
        );
    }
    (format!("fornecedor {id}"), format!("supplier {id}"))
}

/// A buyer by its code.
pub(super) fn buyer(id: &str) -> (String, String) {
    (format!("unidade gestora {id}"), format!("buyer (UG) {id}"))
}

/// Everything that filters say.
pub(super) fn filters(filters: &Filters) -> Vec<(String, String)> {
    let Filters { min_value, max_value, categories, year, modalities: any_of, start_date, end_date, supplier_id, buyer_id } =
        filters;
    let days = Span { first: *start_date, last: *end_date };
    let held: Vec<_> = categories.iter().map(|words| format!("«{words}»")).collect();
    [
        value(*min_value, *max_value),
        year.map(|year| Span::years(year, year).meaning()),
        (start_date.is_some() || end_date.is_some()).then(|| days.meaning()),
        (!any_of.is_empty()).then(|| modalities(any_of)),
        supplier_id.as_deref().map(supplier),
        buyer_id.as_deref().map(buyer),
        (!held.is_empty()).then(|| {
            (format!("o objeto contém {}", held.join(" ou ")), format!("the object holds {}", held.join(" or ")))
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}
