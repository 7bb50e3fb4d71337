//! From a question in Portuguese to an explicit plan, by rules alone: the same words always give
//! the same plan, and what no rule reads is listed, not guessed.

use chrono::Datelike;

use super::reader::{About, Reading, read};
use super::request::{InvestigationType, Request};
use crate::model::{Filters, Plan, PlanNote};

/// What the planner needs to know of a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectorInfo<'a> {
    /// Id.
    pub id: &'a str,
    /// It looks at several contracts together.
    pub pattern: bool,
    /// It belongs to a spending analysis.
    pub spending: bool,
    /// It runs only if the request or the question names it.
    pub on_request: bool,
}

/// Makes the plan of a request. Filters of the request win over the words of the query, which then
/// are shown as without effect; the lake version is pinned later, by the worker.
pub fn plan(request: &Request, detectors: &[DetectorInfo<'_>]) -> Plan {
    let Reading { filters: said, emergency, notes, not_understood, terms, wanted } = read(&request.query);
    let options = &request.options;
    let chosen = |detector: &&DetectorInfo<'_>| {
        if !options.detect_anomalies || (detector.pattern && !options.detect_patterns) {
            return false;
        }
        if !options.detectors.is_empty() {
            return options.detectors.iter().any(|id| id == detector.id);
        }
        let of_type = request.investigation_type == InvestigationType::AnomalyDetection || detector.spending;
        let named = wanted.contains(&detector.id);
        of_type && (named || (wanted.is_empty() && !detector.on_request))
    };
    let detectors: Vec<String> = detectors.iter().filter(chosen).map(|detector| detector.id.to_owned()).collect();
    let filters = overlay(&request.filters, &said);
    let overridden = |about| match about {
        About::Value => (filters.min_value, filters.max_value) != (said.min_value, said.max_value),
        About::Period => {
            (filters.year, filters.start_date, filters.end_date) != (said.year, said.start_date, said.end_date)
        }
        About::Modality => filters.modalities != said.modalities,
        About::Supplier => filters.supplier_id != said.supplier_id,
        About::Buyer => filters.buyer_id != said.buyer_id,
        About::Detector(id) => !detectors.iter().any(|chosen| chosen == id),
        About::Emergency | About::Term => false,
    };
    let shown = |(about, note): (About, PlanNote)| if overridden(about) { without_effect(about, note) } else { note };
    Plan {
        peer_years: if options.include_historical_data { None } else { years_in_scope(&filters) },
        understood: notes.into_iter().map(shown).collect(),
        filters,
        detectors,
        parameters: Vec::new(),
        terms,
        emergency_only: emergency,
        include_items: options.include_subcategories,
        not_understood,
        lake_version: 0,
    }
}

/// A note on words that the request itself puts out of force.
fn without_effect(about: About, note: PlanNote) -> PlanNote {
    let (pt, en) = match about {
        About::Detector(_) => ("prevalecem as opções do pedido", "the options of the request prevail"),
        _ => ("prevalece o filtro do pedido", "the filter of the request prevails"),
    };
    PlanNote { meaning_pt: format!("sem efeito: {pt}"), meaning_en: format!("without effect: {en}"), ..note }
}

/// The filters of the request, and where it has none those of the query. A date range and a year
/// are one filter: either of the request puts both of the query out of force.
fn overlay(request: &Filters, query: &Filters) -> Filters {
    let dated = request.year.is_some() || request.start_date.is_some() || request.end_date.is_some();
    let valued = request.min_value.is_some() || request.max_value.is_some();
    let asked = request.clone();
    Filters {
        min_value: if valued { asked.min_value } else { query.min_value },
        max_value: if valued { asked.max_value } else { query.max_value },
        categories: asked.categories,
        year: if dated { asked.year } else { query.year },
        modalities: if asked.modalities.is_empty() { query.modalities.clone() } else { asked.modalities },
        start_date: if dated { asked.start_date } else { query.start_date },
        end_date: if dated { asked.end_date } else { query.end_date },
        supplier_id: asked.supplier_id.or_else(|| query.supplier_id.clone()),
        buyer_id: asked.buyer_id.or_else(|| query.buyer_id.clone()),
    }
}

/// The years that filters are about, `None` for every year.
fn years_in_scope(filters: &Filters) -> Option<(i32, i32)> {
    match (filters.year, filters.start_date, filters.end_date) {
        (Some(year), _, _) => Some((year, year)),
        (None, None, None) => None,
        (None, start, end) => Some((start.map_or(i32::MIN, |d| d.year()), end.map_or(i32::MAX, |d| d.year()))),
    }
}

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
