//! Rows as they are stored, and their way to and from the model.

use diesel::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema::{
    api_keys, audit_log, detector_results, events, finding_reviews, finding_states, findings, imports, jobs,
    lake_files, quarantine, users,
};
use super::{StoreError, Timestamp, utc};
use crate::model::{
    ApiKey, AuditEntry, Counts, Event, EventKind, ImportRecord, Job, JobError, JobKind, JobState, LakeFile, NewEvent,
    Priority, QuarantinedRow, Review, ReviewChange, ReviewState, Role, Table, User,
};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = jobs, treat_none_as_default_value = false)]
pub(super) struct JobRow {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) owner: String,
    pub(super) request_id: Option<String>,
    pub(super) payload: Value,
    pub(super) state: String,
    pub(super) progress: Value,
    pub(super) output: Value,
    pub(super) last_sequence: i64,
    pub(super) cancel_requested: bool,
    pub(super) attempt: i32,
    pub(super) lease_token: i64,
    pub(super) error: Option<Value>,
    pub(super) created_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) due_at: Option<Timestamp>,
    pub(super) worker_id: Option<String>,
    pub(super) priority: i32,
    pub(super) turn: i64,
    pub(super) deadline_at: Option<Timestamp>,
    pub(super) oldest_sequence: i64,
    pub(super) results_deleted_at: Option<Timestamp>,
}

/// How far a job is: what changes together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) steps_done: i32,
    pub(super) stage: String,
    /// As text: serde_json may read a float back with another last bit.
    #[serde(with = "exact")]
    pub(super) fraction: f64,
    pub(super) counts: Counts,
}

mod exact {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<Value, StoreError> {
    serde_json::to_value(value).map_err(|error| StoreError::Database { reason: error.to_string() })
}

/// Where a stored value comes from, for the error that says it cannot be read.
#[derive(Debug, Clone, Copy)]
struct Place<'a>(&'static str, &'static str, &'a str);

impl Place<'_> {
    fn corrupt(self, reason: &impl ToString) -> StoreError {
        StoreError::Corrupt { table: self.0, column: self.1, id: self.2.to_owned(), reason: reason.to_string() }
    }

    fn json<T: DeserializeOwned>(self, value: Value) -> Result<T, StoreError> {
        serde_json::from_value(value).map_err(|error| self.corrupt(&error))
    }

    fn name<T>(self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        parse(name).ok_or_else(|| self.corrupt(&format!("{name:?} is not a known name")))
    }
}

impl TryFrom<JobRow> for Job {
    type Error = StoreError;

    fn try_from(row: JobRow) -> Result<Self, StoreError> {
        let at = |column| Place("jobs", column, &row.id);
        let kind = at("kind").name(&row.kind, JobKind::parse)?;
        let state = at("state").name(&row.state, JobState::parse)?;
        let progress: Progress = at("progress").json(row.progress)?;
        let error = row.error.map(|error| at("error").json::<JobError>(error)).transpose()?;
        Ok(Self {
            kind,
            state,
            owner: row.owner,
            request_id: row.request_id,
            payload: row.payload,
            output: row.output,
            steps_done: progress.steps_done,
            stage: progress.stage,
            fraction: progress.fraction,
            counts: progress.counts,
            last_sequence: row.last_sequence,
            cancel_requested: row.cancel_requested,
            attempt: row.attempt,
            lease_token: row.lease_token,
            priority: Priority::of_rank(row.priority),
            deadline_at: row.deadline_at.map(utc),
            oldest_sequence: row.oldest_sequence,
            results_deleted: row.results_deleted_at.is_some(),
            error,
            created_at: utc(row.created_at),
            started_at: row.started_at.map(utc),
            finished_at: row.finished_at.map(utc),
            id: row.id,
        })
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
pub(super) struct EventRow {
    pub(super) job_id: String,
    pub(super) sequence: i64,
    pub(super) at: Timestamp,
    pub(super) kind: String,
    pub(super) state: String,
    pub(super) stage: String,
    pub(super) fraction: f64,
    pub(super) counts: Value,
    pub(super) message_pt: String,
    pub(super) message_en: String,
}

impl EventRow {
    pub(super) fn new(job_id: &str, sequence: i64, at: Timestamp, event: &NewEvent) -> Result<Self, StoreError> {
        Ok(Self {
            job_id: job_id.to_owned(),
            sequence,
            at,
            kind: event.kind.as_str().to_owned(),
            state: event.state.as_str().to_owned(),
            stage: event.stage.clone(),
            fraction: event.fraction,
            counts: json(&event.counts)?,
            message_pt: event.message_pt.clone(),
            message_en: event.message_en.clone(),
        })
    }
}

impl TryFrom<EventRow> for Event {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        let at = |column| Place("events", column, &row.job_id);
        let body = NewEvent {
            kind: at("kind").name(&row.kind, EventKind::parse)?,
            state: at("state").name(&row.state, JobState::parse)?,
            stage: row.stage,
            fraction: row.fraction,
            counts: at("counts").json(row.counts)?,
            message_pt: row.message_pt,
            message_en: row.message_en,
        };
        Ok(Self { sequence: row.sequence, at: utc(row.at), body, job_id: row.job_id })
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = findings, treat_none_as_default_value = false)]
pub(super) struct FindingRow {
    pub(super) job_id: String,
    pub(super) id: String,
    pub(super) detector_id: String,
    pub(super) severity_rank: i32,
    pub(super) ordinal: i64,
    pub(super) body: Value,
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = detector_results, treat_none_as_default_value = false)]
pub(super) struct DetectorRow {
    pub(super) job_id: String,
    pub(super) detector_id: String,
    pub(super) place: i32,
    pub(super) body: Value,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = finding_states, treat_none_as_default_value = false)]
pub(super) struct ReviewRow {
    pub(super) finding_id: String,
    pub(super) state: String,
    pub(super) reason: String,
    pub(super) reviewer: String,
    pub(super) reviewed_at: Timestamp,
    pub(super) revision: i64,
}

impl TryFrom<ReviewRow> for Review {
    type Error = StoreError;

    fn try_from(row: ReviewRow) -> Result<Self, StoreError> {
        Ok(Self {
            state: Place("finding_states", "state", &row.finding_id).name(&row.state, ReviewState::parse)?,
            finding_id: row.finding_id,
            reason: row.reason,
            reviewer: row.reviewer,
            reviewed_at: utc(row.reviewed_at),
        })
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = finding_reviews, treat_none_as_default_value = false)]
pub(super) struct ReviewChangeRow {
    pub(super) id: String,
    pub(super) finding_id: String,
    pub(super) at: Timestamp,
    pub(super) actor: String,
    pub(super) remote: String,
    pub(super) state_from: String,
    pub(super) state_to: String,
    pub(super) reason: String,
}

impl TryFrom<ReviewChangeRow> for ReviewChange {
    type Error = StoreError;

    fn try_from(row: ReviewChangeRow) -> Result<Self, StoreError> {
        Ok(Self {
            from: Place("finding_reviews", "state_from", &row.id).name(&row.state_from, ReviewState::parse)?,
            to: Place("finding_reviews", "state_to", &row.id).name(&row.state_to, ReviewState::parse)?,
            at: utc(row.at),
            actor: row.actor,
            remote: row.remote,
            reason: row.reason,
        })
    }
}

/// Reads the JSON of a finding or of a summary.
pub(super) fn body<T: DeserializeOwned>(table: &'static str, id: &str, value: Value) -> Result<T, StoreError> {
    Place(table, "body", id).json(value)
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_log, treat_none_as_default_value = false)]
pub(super) struct AuditRow {
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(super) actor: String,
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) remote: String,
    pub(super) result: String,
    pub(super) details: Value,
}

impl AuditRow {
    pub(super) fn new(entry: &AuditEntry, at: Timestamp) -> Self {
        Self {
            id: super::new_id(),
            at,
            actor: entry.actor.clone(),
            action: entry.action.clone(),
            resource: entry.resource.clone(),
            remote: entry.remote.clone(),
            result: entry.result.clone(),
            details: entry.details.clone(),
        }
    }
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        Self {
            actor: row.actor,
            action: row.action,
            resource: row.resource,
            remote: row.remote,
            result: row.result,
            details: row.details,
        }
    }
}

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub(super) struct UserRow {
    pub(super) id: String,
    pub(super) username: String,
    pub(super) email: Option<String>,
    pub(super) password_hash: String,
    pub(super) role: String,
    pub(super) token_version: i64,
    pub(super) created_at: Timestamp,
    pub(super) disabled_at: Option<Timestamp>,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            role: Place("users", "role", &row.id).name(&row.role, Role::parse)?,
            id: row.id,
            username: row.username,
            email: row.email,
            token_version: row.token_version,
            created_at: utc(row.created_at),
            disabled_at: row.disabled_at.map(utc),
        })
    }
}

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false)]
pub(super) struct ApiKeyRow {
    pub(super) id: String,
    pub(super) prefix: String,
    pub(super) key_hash: String,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) username: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) revoked_at: Option<Timestamp>,
    pub(super) last_used_at: Option<Timestamp>,
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = StoreError;

    fn try_from(row: ApiKeyRow) -> Result<Self, StoreError> {
        Ok(Self {
            role: Place("api_keys", "role", &row.id).name(&row.role, Role::parse)?,
            id: row.id,
            prefix: row.prefix,
            name: row.name,
            username: row.username,
            created_at: utc(row.created_at),
            expires_at: row.expires_at.map(utc),
            revoked_at: row.revoked_at.map(utc),
            last_used_at: row.last_used_at.map(utc),
        })
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = imports, treat_none_as_default_value = false)]
pub(super) struct ImportRow {
    pub(super) id: String,
    pub(super) dataset: String,
    pub(super) file_name: String,
    pub(super) content_hash: String,
    pub(super) counts: Value,
    pub(super) imported_at: Timestamp,
    pub(super) added_version: i64,
    pub(super) replaced_version: Option<i64>,
    pub(super) job_id: Option<String>,
}

impl TryFrom<ImportRow> for ImportRecord {
    type Error = StoreError;

    fn try_from(row: ImportRow) -> Result<Self, StoreError> {
        let counts = Place("imports", "counts", &row.id).json(row.counts)?;
        Ok(Self {
            id: row.id,
            dataset: row.dataset,
            file_name: row.file_name,
            content_hash: row.content_hash,
            counts,
            imported_at: utc(row.imported_at),
        })
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = lake_files, treat_none_as_default_value = false)]
pub(super) struct LakeFileRow {
    pub(super) path: String,
    pub(super) table_name: String,
    pub(super) row_count: i64,
    pub(super) bytes: i64,
    pub(super) import_id: String,
    pub(super) added_version: i64,
    pub(super) removed_version: Option<i64>,
}

impl TryFrom<LakeFileRow> for LakeFile {
    type Error = StoreError;

    fn try_from(row: LakeFileRow) -> Result<Self, StoreError> {
        let table = Place("lake_files", "table_name", &row.path).name(&row.table_name, Table::parse)?;
        Ok(Self { table, path: row.path, rows: row.row_count, bytes: row.bytes, merged: false })
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = quarantine, treat_none_as_default_value = false)]
pub(super) struct QuarantineRow {
    pub(super) import_id: String,
    pub(super) place: i64,
    pub(super) file: String,
    pub(super) line: i64,
    pub(super) column_name: String,
    pub(super) reason: String,
    pub(super) value: String,
}

impl From<QuarantineRow> for QuarantinedRow {
    fn from(row: QuarantineRow) -> Self {
        Self { file: row.file, line: row.line, column: row.column_name, reason: row.reason, value: row.value }
    }
}
