//! Investigations: question → plan → detectors → findings → report.

mod amount;
mod explain;
mod handler;
mod negation;
mod period;
mod planner;
mod reader;
mod report;
mod request;
mod vocabulary;

use serde::{Deserialize, Serialize};

pub use explain::{ExplainError, difference, recompute};
pub use handler::{Handler, plan_of, request_violations};
pub use planner::{DetectorInfo, plan};
pub use report::{
    Language, Rendered, ReportFormat, ReportInput, in_scope, render_report, row_about, severity_name, summary,
};
pub use request::{InvestigationType, Options, Request, filter_violations, period_violations};

use crate::model::{DetectorSummary, Job, Plan, Strength};

/// What the worker of an investigation pins and produces; stored in the job's output.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Output {
    /// The plan, once it is made.
    pub plan: Option<Plan>,
    /// Contracts in scope.
    pub contracts: i64,
    /// Tenders in scope.
    pub tenders: i64,
    /// The answer in short, in Portuguese.
    pub summary_pt: String,
    /// The answer in short, in English.
    pub summary_en: String,
    /// Weight of what fired over the weight of what could be judged, 0 to 1.
    pub score: f64,
    /// Wall time of the run, in milliseconds.
    pub duration_ms: i64,
    /// The earlier job whose results these are: the same plan, on the same data.
    pub cached_from: Option<String>,
}

impl Output {
    /// The output of a stored job; empty until its first step, or if it cannot be read.
    pub fn of(job: &Job) -> Self {
        serde_json::from_value(job.output.clone()).unwrap_or_default()
    }
}

/// Weight of a detector in the score: what a law states counts more than a statistic, a statistic
/// more than context.
const fn weight(strength: Strength) -> f64 {
    match strength {
        Strength::Legal => 3.0,
        Strength::Statistical => 2.0,
        Strength::Contextual => 1.0,
    }
}

/// Fired weight over evaluable weight, 0 to 1; what could not be judged neither lowers nor raises it.
pub fn score(detectors: &[DetectorSummary]) -> f64 {
    let sum = |count: fn(&DetectorSummary) -> i64| -> f64 {
        detectors.iter().map(|summary| weight(summary.detector.strength) * count(summary) as f64).sum()
    };
    let judged = sum(|summary| summary.fired + summary.clear);
    if judged == 0.0 { 0.0 } else { sum(|summary| summary.fired) / judged }
}
