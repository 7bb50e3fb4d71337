use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Money, PublishedColumn};

/// How much attention a finding deserves; from low to critical.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Context only.
    Low,
    /// Outlier among its peers.
    Medium,
    /// Breach of a legal limit on its face, or a ratio far out.
    High,
    /// Breach of a legal limit on its face with a large value at stake.
    Critical,
}

impl Severity {
    /// Every severity, most severe first.
    pub const DESCENDING: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// Name in the store, in SQL and in REST.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::DESCENDING.into_iter().find(|severity| severity.as_str() == name)
    }

    /// 1 for low to 4 for critical: order and weight.
    pub const fn rank(self) -> i32 {
        match self {
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
            Self::Critical => 4,
        }
    }
}

/// What a detector answers for one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Present.
    Fired,
    /// Judged and absent.
    Clear,
    /// The published data do not allow a judgement.
    NotEvaluable,
}

impl Outcome {
    /// Name in SQL, in the store and in REST.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Clear => "clear",
            Self::NotEvaluable => "not_evaluable",
        }
    }

    /// The outcome of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Fired, Self::Clear, Self::NotEvaluable].into_iter().find(|outcome| outcome.as_str() == name)
    }
}

/// What a detector's definition rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// A limit or duty that a law states.
    Legal,
    /// A comparison with a group of peers.
    Statistical,
    /// A circumstance that matters only beside others.
    Contextual,
}

impl Strength {
    /// Name in a detector's header and in REST.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Legal => "legal",
            Self::Statistical => "statistical",
            Self::Contextual => "contextual",
        }
    }
}

/// Names one version of a detector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectorRef {
    /// Id, for example `amendment_cap`.
    pub id: String,
    /// Version of its definition.
    pub version: String,
    /// Reference in the literature.
    pub reference: String,
    /// Law and article; empty where none applies.
    pub legal_basis: String,
    /// What it rests on.
    pub strength: Strength,
    /// A user's own, not of the catalogue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub user_made: bool,
}

/// One published row that a finding rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRow {
    /// Canonical table.
    pub table: String,
    /// Id in the canonical table.
    pub id: String,
    /// Source, for example `portal:compras`.
    pub source: String,
    /// File.
    pub file: String,
    /// Line of the file, the header being line 1.
    pub line: i64,
    /// Import that took it in.
    pub import_id: String,
    /// Columns that matter.
    pub columns: BTreeMap<String, String>,
}

/// One value that a detector computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceValue {
    /// Name, as in the detector's header.
    pub name: String,
    /// The value, exact.
    pub value: String,
    /// `BRL`, `ratio`, `days`, `count`, `date` or `text`.
    pub unit: String,
    /// Label in Portuguese.
    pub label_pt: String,
    /// Label in English.
    pub label_en: String,
    /// The value as it reads in Portuguese: `R$ 1.234,56`, `31/01/2024`, `25,0 %`, words for codes.
    #[serde(default)]
    pub text_pt: String,
    /// The value as it reads in English.
    #[serde(default)]
    pub text_en: String,
}

/// A limit or parameter that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedLimit {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
    /// Unit.
    pub unit: String,
    /// Act and article; empty for a parameter of the detector's own.
    pub legal_basis: String,
    /// What it is, in Portuguese.
    #[serde(default)]
    pub label_pt: String,
    /// What it is, in English.
    #[serde(default)]
    pub label_en: String,
    /// The value as it reads in Portuguese.
    #[serde(default)]
    pub text_pt: String,
    /// The value as it reads in English.
    #[serde(default)]
    pub text_en: String,
    /// Of a parameter that the plan overrides: the value of the detector's header.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub default_value: String,
}

/// What a finding rests on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// The rows, at most the first hundred.
    pub rows: Vec<EvidenceRow>,
    /// The numbers.
    pub values: Vec<EvidenceValue>,
    /// The thresholds.
    pub limits: Vec<AppliedLimit>,
    /// How many rows there are.
    pub total_rows: i32,
}

/// One red flag found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable: same detector, version and evidence give the same id.
    pub id: String,
    /// The detector; its id is the type of the finding.
    pub detector: DetectorRef,
    /// Severity.
    pub severity: Severity,
    /// Title in Portuguese.
    pub title_pt: String,
    /// Title in English.
    pub title_en: String,
    /// Text in Portuguese.
    pub description_pt: String,
    /// Text in English.
    pub description_en: String,
    /// What it rests on.
    pub evidence: Evidence,
    /// Amount at stake, where it can be computed.
    pub amount_at_stake: Option<Money>,
    /// Further names.
    pub tags: Vec<String>,
    /// Innocent explanations, in Portuguese.
    pub false_positives_pt: Vec<String>,
    /// Innocent explanations, in English.
    pub false_positives_en: Vec<String>,
    /// Contracts it is about, in order.
    pub contract_ids: Vec<String>,
}

/// How often one reason was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonCount {
    /// Outcome.
    pub outcome: Outcome,
    /// Stable reason.
    pub reason: String,
    /// In Portuguese.
    pub text_pt: String,
    /// In English.
    pub text_en: String,
    /// Subjects.
    pub count: i64,
    /// How much is published of the columns that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<PublishedColumn>,
}

/// What one detector did in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectorSummary {
    /// The detector.
    pub detector: DetectorRef,
    /// Title in Portuguese.
    pub title_pt: String,
    /// Title in English.
    pub title_en: String,
    /// Subjects that fired.
    pub fired: i64,
    /// Subjects that are clear.
    pub clear: i64,
    /// Subjects that could not be judged.
    pub not_evaluable: i64,
    /// Reasons, in order of outcome and name.
    pub reasons: Vec<ReasonCount>,
    /// Warnings of the run, in Portuguese.
    pub warnings_pt: Vec<String>,
    /// Warnings of the run, in English.
    pub warnings_en: Vec<String>,
    /// A user's own detector that came to no end: it found nothing and judged nothing, and a warning says why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

impl DetectorSummary {
    /// fired / (fired + clear); 0 where nothing could be judged.
    pub fn base_rate(&self) -> f64 {
        let judged = self.fired + self.clear;
        if judged == 0 { 0.0 } else { self.fired as f64 / judged as f64 }
    }
}
