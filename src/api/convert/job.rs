use super::timestamp;
use crate::api::pb;
use crate::model::{Counts, Event, EventKind, Job, JobError, JobState, Priority};

/// A state as the API names it.
pub(crate) const fn job_state(state: JobState) -> pb::JobState {
    match state {
        JobState::Pending => pb::JobState::Pending,
        JobState::Running => pb::JobState::Running,
        JobState::Completed => pb::JobState::Completed,
        JobState::Failed => pb::JobState::Failed,
        JobState::Cancelled => pb::JobState::Cancelled,
        JobState::DeadLetter => pb::JobState::DeadLetter,
    }
}

/// The state of a request; `None` if it is not set.
pub(crate) const fn state_from_pb(state: pb::JobState) -> Option<JobState> {
    match state {
        pb::JobState::Unspecified => None,
        pb::JobState::Pending => Some(JobState::Pending),
        pb::JobState::Running => Some(JobState::Running),
        pb::JobState::Completed => Some(JobState::Completed),
        pb::JobState::Failed => Some(JobState::Failed),
        pb::JobState::Cancelled => Some(JobState::Cancelled),
        pb::JobState::DeadLetter => Some(JobState::DeadLetter),
    }
}

/// The priority of a request.
pub(crate) const fn priority_from_pb(priority: pb::Priority) -> Priority {
    match priority {
        pb::Priority::Low => Priority::Low,
        pb::Priority::Unspecified | pb::Priority::Normal => Priority::Normal,
        pb::Priority::High => Priority::High,
    }
}

/// A priority as the API names it.
pub(crate) const fn priority(priority: Priority) -> pb::Priority {
    match priority {
        Priority::Low => pb::Priority::Low,
        Priority::Normal => pb::Priority::Normal,
        Priority::High => pb::Priority::High,
    }
}

/// Counts as the API shows them.
pub(crate) const fn counts(counts: Counts) -> pb::ProgressCounts {
    pb::ProgressCounts {
        contracts: counts.contracts,
        detectors_done: counts.detectors_done,
        detectors_total: counts.detectors_total,
        findings: counts.findings,
        evaluated: counts.evaluated,
        not_evaluable: counts.not_evaluable,
        rows: counts.rows,
    }
}

/// Why a job failed.
pub(crate) fn job_error(error: JobError) -> pb::JobError {
    pb::JobError { reason: error.reason, message: error.message }
}

/// An event of the log.
pub(crate) fn event(event: &Event) -> pb::ProgressEvent {
    let kind = match event.body.kind {
        EventKind::StateChanged => pb::EventKind::StateChanged,
        EventKind::Progress => pb::EventKind::Progress,
        EventKind::Finished => pb::EventKind::Finished,
    };
    pb::ProgressEvent {
        sequence: event.sequence,
        job_id: event.job_id.clone(),
        event_time: Some(timestamp(event.at)),
        kind: kind as i32,
        state: job_state(event.body.state) as i32,
        stage: event.body.stage.clone(),
        fraction: event.body.fraction,
        counts: Some(counts(event.body.counts)),
        message: event.body.message_pt.clone(),
        message_en: event.body.message_en.clone(),
    }
}

/// A sign of life with the last sequence sent; it is not part of the log.
pub(crate) fn heartbeat(job: &Job, sequence: i64, at: chrono::DateTime<chrono::Utc>) -> pb::ProgressEvent {
    pb::ProgressEvent {
        sequence,
        job_id: job.id.clone(),
        event_time: Some(timestamp(at)),
        kind: pb::EventKind::Heartbeat as i32,
        state: job_state(job.state) as i32,
        stage: job.stage.clone(),
        fraction: job.fraction,
        counts: Some(counts(job.counts)),
        message: String::new(),
        message_en: String::new(),
    }
}
