//! Analyses: figures about a period. They describe; they accuse nobody.

mod handler;

use std::time::Duration;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use handler::Handler;

use crate::investigation::{filter_violations, period_violations};
use crate::model::{Filters, Job, Money, Violation};

/// What an analysis computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnalysisType {
    /// Totals, modalities, largest buyers, suppliers and contracts.
    QuickScan,
    /// The same month by month.
    SpendingTrends,
}

/// A request as it is stored: equal requests have equal JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What to compute.
    pub analysis_type: AnalysisType,
    /// First day of signature, inclusive.
    pub start_date: Option<NaiveDate>,
    /// Last day of signature, inclusive.
    pub end_date: Option<NaiveDate>,
    /// Filters.
    pub filters: Filters,
}

impl Request {
    /// Everything wrong with the request.
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        filter_violations(&self.filters, "filters", &mut found);
        // The range lies over the filters: together they must leave a day as well.
        let start = self
            .start_date
            .map_or(("filters.start_date", self.filters.start_date), |day| ("time_range.start_date", Some(day)));
        let end =
            self.end_date.map_or(("filters.end_date", self.filters.end_date), |day| ("time_range.end_date", Some(day)));
        period_violations(("filters.year", self.filters.year), start, end, &mut found);
        found
    }

    /// The filters with the time range laid over them.
    pub fn effective_filters(&self) -> Filters {
        let filters = self.filters.clone();
        Filters {
            start_date: self.start_date.or(filters.start_date),
            end_date: self.end_date.or(filters.end_date),
            ..filters
        }
    }
}

/// Total of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupTotal {
    /// Id of the group.
    pub id: String,
    /// Name of the group.
    pub name: String,
    /// Contracts.
    pub contracts: i64,
    /// Sum of current values.
    pub total_value: Money,
    /// Share of the sum of the period, 0 to 1.
    pub share: f64,
}

/// Names a contract and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractRef {
    /// Id.
    pub contract_id: String,
    /// Object as published.
    pub object: String,
    /// Current value.
    pub value: Money,
    /// Name of the buyer.
    pub buyer_name: String,
    /// Name of the supplier; empty where the source keeps it secret.
    pub supplier_name: String,
}

/// The figures, stored in the job's output.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Output {
    /// Version of the lake that was read; 0 until it is pinned.
    pub lake_version: i64,
    /// The figures are complete.
    pub done: bool,
    /// Contracts in the period.
    pub contracts: i64,
    /// Sum of their initial values.
    pub total_initial_value: Money,
    /// Sum of their current values.
    pub total_value: Money,
    /// Contracts whose supplier is secret.
    pub contracts_without_supplier: i64,
    /// By modality, largest first.
    pub by_modality: Vec<GroupTotal>,
    /// Buyers with the largest totals.
    pub top_buyers: Vec<GroupTotal>,
    /// Suppliers with the largest totals.
    pub top_suppliers: Vec<GroupTotal>,
    /// By month of signature, in order.
    pub by_month: Vec<GroupTotal>,
    /// Contracts with the largest values.
    pub top_contracts: Vec<ContractRef>,
}

impl Output {
    /// The figures of a job; `None` until they are complete.
    pub fn of(job: &Job) -> Option<Self> {
        serde_json::from_value::<Self>(job.output.clone()).ok().filter(|output| output.done)
    }
}

/// How long an analysis should take: the median of recent ones, five seconds where there is none.
pub fn estimate(recent: &[Duration]) -> Duration {
    let mut sorted = recent.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(Duration::from_secs(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_and_the_filters_must_leave_a_day() {
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        let of = |start: &str, end: &str, filters: Filters| {
            let analysis_type = AnalysisType::QuickScan;
            let found = Request { analysis_type, start_date: day(start), end_date: day(end), filters }.violations();
            found.into_iter().map(|violation| format!("{} {}", violation.field, violation.rule)).collect::<Vec<_>>()
        };
        let year = Filters { year: Some(2020), ..Filters::default() };
        assert_eq!(of("2024-01-01", "", year.clone()), ["time_range.start_date must not be after filters.year (2020)"]);
        let both = Filters { start_date: day("2024-01-01"), ..year };
        assert_eq!(of("", "", both), ["filters.start_date must not be after filters.year (2020)"], "told once");
        let ends = Filters { end_date: day("2023-01-01"), ..Filters::default() };
        assert_eq!(of("2024-01-01", "", ends), ["filters.end_date must not be before start_date (2024-01-01)"]);
        assert_eq!(
            of("2024-12-31", "2024-01-01", Filters::default()),
            ["time_range.end_date must not be before start_date (2024-12-31)"]
        );
    }
}
