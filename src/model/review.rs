use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a reviewer says of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// Nobody has come to a conclusion.
    #[default]
    Open,
    /// Checked against the case file, and it holds.
    Confirmed,
    /// Checked, and explained; the reason says how.
    Dismissed,
}

impl ReviewState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Confirmed, Self::Dismissed];

    /// Name in the store and in REST.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Confirmed => "confirmed",
            Self::Dismissed => "dismissed",
        }
    }

    /// The state of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// The review of a finding as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The finding, by its stable id.
    pub finding_id: String,
    /// What was said last.
    pub state: ReviewState,
    /// Why; may be empty, unless it is dismissed.
    pub reason: String,
    /// Who said it.
    pub reviewer: String,
    /// When.
    pub reviewed_at: DateTime<Utc>,
}

/// One change of a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewChange {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// From where.
    pub remote: String,
    /// What it was.
    pub from: ReviewState,
    /// What it became.
    pub to: ReviewState,
    /// Why.
    pub reason: String,
}
