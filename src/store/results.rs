use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::pool::read;
use super::rows::{DetectorRow, EventRow, FindingRow, body};
use super::schema::{detector_results, events, finding_states, findings};
use super::{Store, StoreError};
use crate::model::{DetectorSummary, Event, Finding, ReviewState, Severity};

/// Which findings of a job to read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FindingQuery {
    /// The job.
    pub job_id: String,
    /// Only of this severity or above.
    pub min_severity: Option<Severity>,
    /// Only of these detectors; empty means all.
    pub types: Vec<String>,
    /// Only those whose review is in one of these states; empty means all. Unreviewed findings are open.
    pub reviews: Vec<ReviewState>,
    /// Only what comes after this ordinal.
    pub after: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

impl FindingQuery {
    /// Whether it leaves out findings of the job, order and limit aside.
    pub fn is_filtered(&self) -> bool {
        self.min_severity.is_some() || !self.types.is_empty() || !self.reviews.is_empty()
    }
}

/// The findings that a query asks for, before order and limit.
macro_rules! matching {
    ($query:expr) => {{
        let mut found = findings::table.filter(findings::job_id.eq(&$query.job_id)).into_boxed();
        if let Some(severity) = $query.min_severity {
            found = found.filter(findings::severity_rank.ge(severity.rank()));
        }
        if !$query.types.is_empty() {
            found = found.filter(findings::detector_id.eq_any(&$query.types));
        }
        if !$query.reviews.is_empty() {
            // A finding without a row is open.
            let open = $query.reviews.contains(&ReviewState::Open);
            let named = ReviewState::ALL.into_iter().filter(|state| $query.reviews.contains(state) != open);
            let named = finding_states::state.eq_any(named.map(ReviewState::as_str).collect::<Vec<_>>());
            let in_them = finding_states::table.filter(named).select(finding_states::finding_id);
            if open {
                found = found.filter(findings::id.ne_all(in_them));
            } else {
                found = found.filter(findings::id.eq_any(in_them));
            }
        }
        found
    }};
}

impl Store {
    /// Findings of a job by severity, the most severe first; severities without one are left out.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn findings_by_severity(&self, job_id: &str) -> Result<Vec<(Severity, i64)>, StoreError> {
        let job_id = job_id.to_owned();
        let rows = read!(self, |conn| {
            let of_job = findings::table.filter(findings::job_id.eq(&job_id)).group_by(findings::severity_rank);
            let counted = of_job.select((findings::severity_rank, diesel::dsl::count_star()));
            Ok(counted.load::<(i32, i64)>(conn).await?)
        })?;
        let count =
            |severity: Severity| rows.iter().find(|(rank, _)| *rank == severity.rank()).map(|(_, n)| (severity, *n));
        Ok(Severity::DESCENDING.into_iter().filter_map(count).collect())
    }

    /// Events of a job after a sequence, in order.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn events(&self, job_id: &str, after_sequence: i64, limit: i64) -> Result<Vec<Event>, StoreError> {
        let job_id = job_id.to_owned();
        let rows = read!(self, |conn| {
            let later = events::table.filter(events::job_id.eq(&job_id)).filter(events::sequence.gt(after_sequence));
            let page = later.order(events::sequence).limit(limit).select(EventRow::as_select());
            Ok(page.load::<EventRow>(conn).await?)
        })?;
        rows.into_iter().map(Event::try_from).collect()
    }

    /// Findings of a job with their ordinals: the most severe first, then by detector, then by id.
    ///
    /// An ordinal is the place among all findings of the job, whatever the filter, from 1. Those
    /// of a job that has ended never change; while it runs, a step that finds more may move them.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn findings(&self, query: FindingQuery) -> Result<Vec<(i64, Finding)>, StoreError> {
        let rows = read!(self, |conn| {
            let after = findings::ordinal.gt(query.after.unwrap_or(0));
            let page = matching!(query).filter(after).order(findings::ordinal).limit(query.limit);
            Ok(page.select(FindingRow::as_select()).load::<FindingRow>(conn).await?)
        })?;
        rows.into_iter().map(|row| Ok((row.ordinal, body("findings", &row.id, row.body)?))).collect()
    }

    /// How many findings the filters of a query leave; its `after` and `limit` have no effect.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn count_findings(&self, query: FindingQuery) -> Result<i64, StoreError> {
        read!(self, |conn| Ok(matching!(query).count().get_result::<i64>(conn).await?))
    }

    /// What the detectors of a job did, in the order they were committed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn detector_summaries(&self, job_id: &str) -> Result<Vec<DetectorSummary>, StoreError> {
        let job_id = job_id.to_owned();
        let rows = read!(self, |conn| {
            let all = detector_results::table.filter(detector_results::job_id.eq(&job_id));
            let all = all.order(detector_results::place).select(DetectorRow::as_select());
            Ok(all.load::<DetectorRow>(conn).await?)
        })?;
        rows.into_iter().map(|row| body("detector_results", &row.detector_id, row.body)).collect()
    }
}
