//! Analyses: figures about a period. They describe; they accuse nobody.

mod handler;

use std::time::Duration;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use handler::Handler;

use crate::investigation::filter_violations;
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
        if let (Some(start), Some(end)) = (self.start_date, self.end_date)
            && end < start
        {
            let rule = format!("must not be before start_date ({start})");
            found.push(Violation::new("time_range.end_date", rule, end));
        }
        filter_violations(&self.filters, "filters", &mut found);
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
