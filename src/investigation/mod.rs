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
    /// Weight of what fired and weight of what could be judged.
    #[serde(flatten)]
    pub score: Score,
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
const fn weight(strength: Strength) -> i64 {
    match strength {
        Strength::Legal => 3,
        Strength::Statistical => 2,
        Strength::Contextual => 1,
    }
}

/// How much fired of what could be judged; what could not be judged neither lowers nor raises it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Score {
    /// Subjects that fired, each as often as its detector weighs: 3 legal, 2 statistical, 1 contextual.
    pub fired_weight: i64,
    /// Subjects that fired or are clear, each as often as its detector weighs.
    pub evaluable_weight: i64,
    /// The first over the second, 0 to 1; 0 where nothing could be judged.
    pub score: f64,
}

impl Score {
    /// The score of what detectors did.
    pub fn of(detectors: &[DetectorSummary]) -> Self {
        let sum = |count: fn(&DetectorSummary) -> i64| -> i64 {
            detectors.iter().map(|summary| weight(summary.detector.strength) * count(summary)).sum()
        };
        let (fired, judged) = (sum(|summary| summary.fired), sum(|summary| summary.fired + summary.clear));
        let score = if judged == 0 { 0.0 } else { fired as f64 / judged as f64 };
        Self { fired_weight: fired, evaluable_weight: judged, score }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DetectorRef;

    fn summary(strength: Strength, fired: i64, clear: i64, not_evaluable: i64) -> DetectorSummary {
        DetectorSummary {
            detector: DetectorRef {
                id: "d".to_owned(),
                version: "1".to_owned(),
                reference: String::new(),
                legal_basis: String::new(),
                strength,
                user_made: false,
            },
            title_pt: String::new(),
            title_en: String::new(),
            fired,
            clear,
            not_evaluable,
            reasons: Vec::new(),
            warnings_pt: Vec::new(),
            warnings_en: Vec::new(),
            failed: false,
        }
    }

    #[test]
    fn a_score_is_fired_weight_over_evaluable_weight() {
        let ran = [
            summary(Strength::Legal, 2, 8, 1_000),
            summary(Strength::Statistical, 1, 4, 0),
            summary(Strength::Contextual, 5, 5, 7),
        ];
        let expected = Score { fired_weight: 6 + 2 + 5, evaluable_weight: 30 + 10 + 10, score: 0.26 };
        assert_eq!(Score::of(&ran), expected);
        assert_eq!(Score::of(&[summary(Strength::Legal, 0, 0, 9)]), Score::default());
        // What was stored before there were weights is read as it was.
        let stored: Output = serde_json::from_str(r#"{"contracts": 3, "score": 0.5}"#).unwrap();
        assert_eq!((stored.contracts, stored.score), (3, Score { score: 0.5, ..Score::default() }));
        let output = Output { score: expected, ..Output::default() };
        let written = serde_json::to_value(&output).unwrap();
        assert_eq!((&written["fired_weight"], &written["score"]), (&13.into(), &0.26.into()));
        assert_eq!(serde_json::from_value::<Output>(written).unwrap(), output);
    }
}
