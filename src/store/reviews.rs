//! What reviewers say of findings. Each change, its entry in the list of changes and its audit entry are one
//! transaction.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::pool::{read, transaction};
use super::rows::{AuditRow, FindingRow, ReviewChangeRow, ReviewRow, body};
use super::schema::{audit_log, finding_reviews, finding_states, findings, jobs};
use super::{Store, StoreError, new_id};
use crate::model::{AuditEntry, Finding, JobState, Review, ReviewChange, ReviewState};

/// A conclusion to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReview {
    /// The finding.
    pub finding_id: String,
    /// What is said of it.
    pub state: ReviewState,
    /// Why.
    pub reason: String,
    /// Who says it.
    pub actor: String,
    /// From where.
    pub remote: String,
}

impl Store {
    /// Sets the review of a finding. What stands so already, by whomever, stays and leaves no entry.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn review_finding(&self, new: NewReview) -> Result<Review, StoreError> {
        let now = self.timestamp();
        let row = transaction!(self, |conn| {
            let open = ReviewRow {
                finding_id: new.finding_id.clone(),
                state: ReviewState::Open.as_str().to_owned(),
                reason: String::new(),
                reviewer: new.actor.clone(),
                reviewed_at: now,
                revision: 0,
            };
            diesel::insert_into(finding_states::table).values(&open).on_conflict_do_nothing().execute(conn).await?;
            // Raising the revision locks the row: what is read next changes no more until the end.
            let target = finding_states::table.find(&new.finding_id);
            let raised = finding_states::revision.eq(finding_states::revision + 1);
            diesel::update(target).set(raised).execute(conn).await?;
            let before: ReviewRow = target.select(ReviewRow::as_select()).first(conn).await?;
            if before.state == new.state.as_str() && before.reason == new.reason && before.revision > 1 {
                return Ok(before);
            }
            let after = ReviewRow {
                state: new.state.as_str().to_owned(),
                reason: new.reason.clone(),
                reviewer: new.actor.clone(),
                reviewed_at: now,
                ..before.clone()
            };
            let set = (
                finding_states::state.eq(&after.state),
                finding_states::reason.eq(&after.reason),
                finding_states::reviewer.eq(&after.reviewer),
                finding_states::reviewed_at.eq(now),
            );
            diesel::update(target).set(set).execute(conn).await?;
            let change = ReviewChangeRow {
                id: new_id(),
                finding_id: new.finding_id.clone(),
                at: now,
                actor: new.actor.clone(),
                remote: new.remote.clone(),
                state_from: before.state,
                state_to: after.state.clone(),
                reason: new.reason.clone(),
            };
            diesel::insert_into(finding_reviews::table).values(&change).execute(conn).await?;
            let entry = AuditEntry {
                actor: new.actor.clone(),
                action: "finding.reviewed".to_owned(),
                resource: new.finding_id.clone(),
                remote: new.remote.clone(),
                result: "ok".to_owned(),
                details: json!({"from": change.state_from, "to": change.state_to, "reason": change.reason}),
            };
            diesel::insert_into(audit_log::table).values(&AuditRow::new(&entry, now)).execute(conn).await?;
            Ok(after)
        })?;
        Review::try_from(row)
    }

    /// The reviews of findings, by id; a finding that nobody has reviewed has none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn reviews(&self, ids: Vec<String>) -> Result<HashMap<String, Review>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = read!(self, |conn| {
            let of_them = finding_states::table.filter(finding_states::finding_id.eq_any(&ids));
            Ok(of_them.select(ReviewRow::as_select()).load::<ReviewRow>(conn).await?)
        })?;
        rows.into_iter().map(|row| Ok((row.finding_id.clone(), Review::try_from(row)?))).collect()
    }

    /// Every change of the review of a finding, the oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn review_changes(&self, finding_id: &str) -> Result<Vec<ReviewChange>, StoreError> {
        let finding_id = finding_id.to_owned();
        let rows = read!(self, |conn| {
            let of_it = finding_reviews::table.filter(finding_reviews::finding_id.eq(&finding_id));
            let of_it = of_it.order(finding_reviews::id).select(ReviewChangeRow::as_select());
            Ok(of_it.load::<ReviewChangeRow>(conn).await?)
        })?;
        rows.into_iter().map(ReviewChange::try_from).collect()
    }

    /// A finding of this id and the latest completed job that made it, of one owner or of anybody.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn finding(&self, id: &str, owner: Option<String>) -> Result<Option<(String, Finding)>, StoreError> {
        let id = id.to_owned();
        let row = read!(self, |conn| {
            let mut found = findings::table
                .inner_join(jobs::table.on(jobs::id.eq(findings::job_id)))
                .filter(findings::id.eq(&id))
                .filter(jobs::state.eq(JobState::Completed.as_str()))
                .into_boxed();
            if let Some(owner) = &owner {
                found = found.filter(jobs::owner.eq(owner));
            }
            let latest = found.order((jobs::created_at.desc(), jobs::id.desc())).limit(1);
            Ok(latest.select(FindingRow::as_select()).first::<FindingRow>(conn).await.optional()?)
        })?;
        row.map(|row| Ok((row.job_id, body("findings", &row.id, row.body)?))).transpose()
    }
}
