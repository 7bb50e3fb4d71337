use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// An investigation.
    Investigation,
    /// An analysis.
    Analysis,
    /// An import into the lake.
    Import,
}

impl JobKind {
    /// Name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Investigation => "investigation",
            Self::Analysis => "analysis",
            Self::Import => "import",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Investigation, Self::Analysis, Self::Import].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Stored; nobody has taken it.
    Pending,
    /// A worker holds its lease.
    Running,
    /// Ended with results.
    Completed,
    /// Ended without results.
    Failed,
    /// Ended because somebody asked.
    Cancelled,
    /// Ended without results: every attempt was interrupted or failed, and somebody has to look.
    DeadLetter,
}

impl JobState {
    /// Name in the store and in REST.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::DeadLetter => "dead_letter",
        }
    }

    /// The state of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Completed, Self::Failed, Self::Cancelled, Self::DeadLetter]
            .into_iter()
            .find(|state| state.as_str() == name)
    }

    /// Whether nothing can follow it.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::DeadLetter)
    }
}

/// How soon a job is taken, before others that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// When nothing else waits.
    Low,
    /// In turn.
    #[default]
    Normal,
    /// Before what is in turn.
    High,
}

impl Priority {
    /// Its place: higher is sooner.
    pub const fn rank(self) -> i32 {
        match self {
            Self::Low => -1,
            Self::Normal => 0,
            Self::High => 1,
        }
    }

    /// The priority of a place.
    pub const fn of_rank(rank: i32) -> Self {
        match rank {
            i32::MIN..=-1 => Self::Low,
            0 => Self::Normal,
            1..=i32::MAX => Self::High,
        }
    }
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobError {
    /// Stable reason, UPPER_SNAKE_CASE.
    pub reason: String,
    /// In words that a caller may read.
    pub message: String,
}

/// What a job has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Contracts in scope.
    pub contracts: i64,
    /// Detectors that have ended.
    pub detectors_done: i32,
    /// Detectors of the plan.
    pub detectors_total: i32,
    /// Findings.
    pub findings: i64,
    /// Subjects judged.
    pub evaluated: i64,
    /// Subjects that could not be judged.
    pub not_evaluable: i64,
    /// Rows that an import has read.
    pub rows: i64,
}

/// A job to store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// What it does.
    pub kind: JobKind,
    /// Who asks for it.
    pub owner: String,
    /// Id of the request, for idempotent starts.
    pub request_id: Option<String>,
    /// What is asked, as the domain stores it; equal content gives equal JSON.
    pub payload: serde_json::Value,
    /// From where the request came, for the audit log.
    pub remote: String,
    /// How soon it is taken.
    pub priority: Priority,
    /// How long after now it must have ended; else it fails with `DEADLINE_EXCEEDED`.
    pub timeout: Option<std::time::Duration>,
}

/// A stored job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Id (UUID v7, text).
    pub id: String,
    /// What it does.
    pub kind: JobKind,
    /// State.
    pub state: JobState,
    /// Who asked for it.
    pub owner: String,
    /// Id of the request that started it.
    pub request_id: Option<String>,
    /// What is asked.
    pub payload: serde_json::Value,
    /// What the worker pins and produces: plan, lake version, summaries. Null until the first step.
    pub output: serde_json::Value,
    /// Steps that have been committed: a worker goes on from here.
    pub steps_done: i32,
    /// Current step.
    pub stage: String,
    /// Share done, 0 to 1.
    pub fraction: f64,
    /// Counts so far.
    pub counts: Counts,
    /// Sequence of the last event.
    pub last_sequence: i64,
    /// Somebody asked it to stop.
    pub cancel_requested: bool,
    /// Times a worker has taken it.
    pub attempt: i32,
    /// Fencing token of the lease; grows with each claim.
    pub lease_token: i64,
    /// How soon it is taken.
    pub priority: Priority,
    /// When it must have ended.
    pub deadline_at: Option<DateTime<Utc>>,
    /// Sequence of the first event that is kept; above `last_sequence` when none is.
    pub oldest_sequence: i64,
    /// Its findings are kept no longer.
    pub results_deleted: bool,
    /// Why it failed.
    pub error: Option<JobError>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// When a worker first took it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The state changed.
    StateChanged,
    /// A step began or ended.
    Progress,
    /// The job ended.
    Finished,
}

impl EventKind {
    /// Name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StateChanged => "state_changed",
            Self::Progress => "progress",
            Self::Finished => "finished",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::StateChanged, Self::Progress, Self::Finished].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// An event to append; the store gives it its sequence and time.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What it says.
    pub kind: EventKind,
    /// State of the job after it.
    pub state: JobState,
    /// Step.
    pub stage: String,
    /// Share done.
    pub fraction: f64,
    /// Counts so far.
    pub counts: Counts,
    /// In Portuguese.
    pub message_pt: String,
    /// In English.
    pub message_en: String,
}

/// A stored event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Position in the log of its job, from 1, without gaps.
    pub sequence: i64,
    /// The job.
    pub job_id: String,
    /// When it was stored.
    pub at: DateTime<Utc>,
    /// What it says.
    pub body: NewEvent,
}

/// Who did what, when, from where, with which result.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Who.
    pub actor: String,
    /// What, for example `investigation.started`.
    pub action: String,
    /// On what: the id of a job, an import or a key.
    pub resource: String,
    /// From where: an address, or `cli`.
    pub remote: String,
    /// `ok`, `denied` or `error`.
    pub result: String,
    /// More.
    pub details: serde_json::Value,
}
