//! What an investigation is asked, and the rules a request keeps.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::model::{Filters, Money, ParameterOverride, Priority, Violation, is_control, mask_text, printable};

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
    /// Every detector but those that run on request only.
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
    /// Parameters of detectors that differ from their defaults.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ParameterOverride>,
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
            parameters: Vec::new(),
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
    /// A request, any CPF in its question masked: a request is stored, shown and reported, and the
    /// lake knows no more of a person than the mask.
    pub fn new(query: &str, investigation_type: InvestigationType, filters: Filters, options: Options) -> Self {
        Self { query: mask_text(query).into_owned(), investigation_type, filters, options }
    }

    /// A request with nothing but a question.
    pub fn of_query(query: &str) -> Self {
        Self::new(query, InvestigationType::default(), Filters::default(), Options::default())
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
        if let Some(c) = self.query.chars().find(|c| is_control(*c) && !matches!(c, '\t' | '\n' | '\r')) {
            let rule = format!("must not contain the control character U+{:04X}", u32::from(c));
            found.push(Violation::new("query", rule, printable(&self.query)));
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
    let known_year = filters.year.filter(|year| (1990..=2100).contains(year));
    if let (Some(year), None) = (filters.year, known_year) {
        found.push(Violation::new(field("year"), "must be from 1990 to 2100", year));
    }
    let (year, start, end) = (field("year"), field("start_date"), field("end_date"));
    period_violations((&year, known_year), (&start, filters.start_date), (&end, filters.end_date), found);
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
        if let Some(text) = text.as_ref().filter(|text| text.chars().count() > 60) {
            found.push(Violation::new(field(name), "must have at most 60 characters", text));
        }
    }
}

/// Adds what makes a period impossible: a last day before the first one, or a year without any day
/// between them. Each part comes with the name of its field.
pub fn period_violations(
    (year_field, year): (&str, Option<i32>),
    (start_field, start): (&str, Option<NaiveDate>),
    (end_field, end): (&str, Option<NaiveDate>),
    found: &mut Vec<Violation>,
) {
    let mut add = |field: &str, rule: String, date: NaiveDate| {
        let violation = Violation::new(field, rule, date);
        if !found.contains(&violation) {
            found.push(violation);
        }
    };
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        let name = start_field.rsplit('.').next().unwrap_or(start_field);
        add(end_field, format!("must not be before {name} ({start})"), end);
    }
    if let (Some(year), Some(start)) = (year, start)
        && start.year() > year
    {
        add(start_field, format!("must not be after {year_field} ({year})"), start);
    }
    if let (Some(year), Some(end)) = (year, end)
        && end.year() < year
    {
        add(end_field, format!("must not be before {year_field} ({year})"), end);
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
        assert_eq!(Request::of_query(&"é".repeat(2_001)).violations(&[]).len(), 1);
        assert!(Request::of_query(&"é".repeat(2_000)).violations(&[]).is_empty());
    }

    #[test]
    fn a_cpf_is_masked_before_anything_else_is_done() {
        for query in ["contratos de 529.982.247-25", "contratos de 52998224725", "contratos de 529982247-25"] {
            assert_eq!(Request::of_query(query).query, "contratos de ***.982.247-**");
        }
        let violations = Request::of_query(&format!("52998224725 {}", "x".repeat(2_001))).violations(&[]);
        assert!(violations[0].value.starts_with("***.982.247-**"), "{violations:?}");
        assert_eq!(Request::of_query("fornecedor 00.087.163/0005-87").query, "fornecedor 00.087.163/0005-87");
    }

    #[test]
    fn a_query_that_acts_on_a_terminal_is_refused() {
        for (query, name) in
            [("a\u{1b}[2Jb", "U+001B"), ("a\u{9b}b", "U+009B"), ("a\u{202e}b", "U+202E"), ("a\0", "U+0000")]
        {
            let violations = Request::of_query(query).violations(&[]);
            assert_eq!(violations.len(), 1, "{violations:?}");
            assert_eq!(violations[0].field, "query");
            assert!(violations[0].rule.contains(name) && !violations[0].value.contains(is_control), "{violations:?}");
        }
        assert!(Request::of_query("contratos\tde\r\nobras").violations(&[]).is_empty());
    }

    #[test]
    fn a_period_that_no_day_is_in_is_refused() {
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        let of = |year, start: &str, end: &str| {
            let filters = Filters { year, start_date: day(start), end_date: day(end), ..Filters::default() };
            let mut found = Vec::new();
            filter_violations(&filters, "filters", &mut found);
            found.into_iter().map(|violation| format!("{} {}", violation.field, violation.rule)).collect::<Vec<_>>()
        };
        assert_eq!(of(Some(2020), "2024-01-01", ""), ["filters.start_date must not be after filters.year (2020)"]);
        assert_eq!(of(Some(2020), "", "2019-12-31"), ["filters.end_date must not be before filters.year (2020)"]);
        assert_eq!(
            of(None, "2024-01-01", "2023-01-01"),
            ["filters.end_date must not be before start_date (2024-01-01)"]
        );
        assert!(of(Some(2020), "2019-06-01", "2020-01-01").is_empty());
    }
}
