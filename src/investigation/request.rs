//! What an investigation is asked, and the rules a request keeps.

use chrono::Datelike;
use serde::{Deserialize, Serialize};

use crate::model::{Filters, Money, Priority, Violation};

/// Most characters of a query.
pub(super) const MAX_QUERY_CHARS: usize = 2_000;
/// Most characters of a category.
pub(super) const MAX_CATEGORY_CHARS: usize = 200;
/// Most entries of a repeated filter.
pub(super) const MAX_ENTRIES: usize = 100;

/// What an investigation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvestigationType {
    /// Every detector.
    #[default]
    AnomalyDetection,
    /// Detectors of value and concentration.
    SpendingAnalysis,
}

/// Options of an investigation; every switch is on by default but `include_subcategories`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Match terms and categories in the items of a contract too.
    pub include_subcategories: bool,
    /// Run the detectors.
    pub detect_anomalies: bool,
    /// Write the summary.
    pub generate_summary: bool,
    /// Compare with contracts of every year in the lake; off: only those of the years in scope.
    pub include_historical_data: bool,
    /// Run the detectors that look at several contracts together.
    pub detect_patterns: bool,
    /// Allow the report.
    pub generate_report: bool,
    /// Only these detectors; empty means those that the type implies.
    pub detectors: Vec<String>,
    /// How soon it is taken.
    pub priority: Priority,
    /// How long after its start it must have ended, in seconds; `None` is what the server is set to.
    pub timeout_seconds: Option<u64>,
    /// Take over the results of an earlier run of the same plan on the same data.
    pub allow_cached: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            include_subcategories: false,
            detect_anomalies: true,
            generate_summary: true,
            include_historical_data: true,
            detect_patterns: true,
            generate_report: true,
            detectors: Vec::new(),
            priority: Priority::Normal,
            timeout_seconds: None,
            allow_cached: true,
        }
    }
}

/// A request as it is stored: equal requests have equal JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The question.
    pub query: String,
    /// What it is for.
    pub investigation_type: InvestigationType,
    /// Filters; they win over what the query says.
    pub filters: Filters,
    /// Options.
    pub options: Options,
}

impl Request {
    /// A request with nothing but a question.
    pub fn of_query(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            investigation_type: InvestigationType::default(),
            filters: Filters::default(),
            options: Options::default(),
        }
    }

    /// Everything wrong with the request; `known_detectors` are the ids of the catalogue.
    pub fn violations(&self, known_detectors: &[&str]) -> Vec<Violation> {
        let mut found = Vec::new();
        if self.query.trim().is_empty() {
            found.push(Violation::new("query", "must not be empty", &self.query));
        }
        let length = self.query.chars().count();
        if length > MAX_QUERY_CHARS {
            found.push(Violation::new(
                "query",
                format!("must have at most {MAX_QUERY_CHARS} characters, has {length}"),
                &self.query,
            ));
        }
        filter_violations(&self.filters, "filters", &mut found);
        if self.options.detectors.len() > MAX_ENTRIES {
            let rule = format!("must have at most {MAX_ENTRIES} entries");
            found.push(Violation::new("options.detectors", rule, self.options.detectors.len()));
        }
        for (at, id) in self.options.detectors.iter().enumerate().take(MAX_ENTRIES) {
            if !known_detectors.contains(&id.as_str()) {
                let rule = format!("must be one of {}", known_detectors.join(", "));
                found.push(Violation::new(format!("options.detectors[{at}]"), rule, id));
            }
        }
        found
    }
}

/// Adds everything wrong with filters, their fields named below `path`.
pub fn filter_violations(filters: &Filters, path: &str, found: &mut Vec<Violation>) {
    let field = |name: &str| format!("{path}.{name}");
    for (name, value) in [("min_value", filters.min_value), ("max_value", filters.max_value)] {
        if let Some(value) = value.filter(|value| *value < Money::default()) {
            found.push(Violation::new(field(name), "must not be negative", value));
        }
    }
    if let (Some(min), Some(max)) = (filters.min_value, filters.max_value)
        && max < min
    {
        found.push(Violation::new(field("max_value"), format!("must not be below min_value ({min})"), max));
    }
    if let Some(year) = filters.year.filter(|year| !(1990..=2100).contains(year)) {
        found.push(Violation::new(field("year"), "must be from 1990 to 2100", year));
    }
    if let (Some(start), Some(end)) = (filters.start_date, filters.end_date)
        && end < start
    {
        found.push(Violation::new(field("end_date"), format!("must not be before start_date ({start})"), end));
    }
    for (name, date) in [("start_date", filters.start_date), ("end_date", filters.end_date)] {
        if let Some(date) = date.filter(|date| !(1990..=2100).contains(&date.year())) {
            found.push(Violation::new(field(name), "must be in a year from 1990 to 2100", date));
        }
    }
    if filters.categories.len() > MAX_ENTRIES {
        let rule = format!("must have at most {MAX_ENTRIES} entries");
        found.push(Violation::new(field("categories"), rule, filters.categories.len()));
    }
    for category in &filters.categories {
        if category.chars().count() > MAX_CATEGORY_CHARS {
            let rule = format!("must have at most {MAX_CATEGORY_CHARS} characters");
            found.push(Violation::new(field("category"), rule, category));
        }
        if crate::model::fold(category).is_empty() {
            found.push(Violation::new(field("category"), "must hold a letter or a digit", category));
        }
    }
    for (name, text) in [("supplier_id", &filters.supplier_id), ("buyer_id", &filters.buyer_id)] {
        if let Some(text) = text.as_ref().filter(|text| text.len() > 60) {
            found.push(Violation::new(field(name), "must have at most 60 characters", text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_violation_names_its_field_and_value() {
        let mut request = Request::of_query(" ");
        request.filters.min_value = Some(Money::from_cents(-1));
        request.filters.max_value = Some(Money::from_cents(-2));
        request.filters.year = Some(1815);
        request.filters.start_date = chrono::NaiveDate::from_ymd_opt(2024, 12, 31);
        request.filters.end_date = chrono::NaiveDate::from_ymd_opt(2024, 1, 1);
        request.filters.categories = vec!["  ".to_owned(), "x".repeat(201)];
        request.options.detectors = vec!["nope".to_owned()];
        let fields: Vec<_> = request.violations(&["amendment_cap"]).into_iter().map(|v| (v.field, v.value)).collect();
        let names: Vec<_> = fields.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            names,
            [
                "query",
                "filters.min_value",
                "filters.max_value",
                "filters.max_value",
                "filters.year",
                "filters.end_date",
                "filters.category",
                "filters.category",
                "options.detectors[0]"
            ]
        );
        assert_eq!(fields[4].1, "1815");
        assert!(Request::of_query("contratos").violations(&[]).is_empty());
        assert_eq!(Request::of_query("é".repeat(2_001)).violations(&[]).len(), 1);
        assert!(Request::of_query("é".repeat(2_000)).violations(&[]).is_empty());
    }
}
