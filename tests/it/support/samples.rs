//! Values to store.

use cidadao::model::{
    AuditEntry, Counts, DetectorRef, DetectorSummary, Event, EventKind, Evidence, Finding, Job, JobKind, JobState,
    Money, NewEvent, NewJob, Severity, Strength,
};
use cidadao::store::{FinishCommit, StepCommit, Store};
use serde_json::{Value, json};

pub(crate) fn job(owner: &str, request_id: Option<&str>, payload: Value) -> NewJob {
    NewJob {
        kind: JobKind::Investigation,
        owner: owner.to_owned(),
        request_id: request_id.map(str::to_owned),
        payload,
        priority: cidadao::model::Priority::Normal,
        timeout: None,
        remote: "127.0.0.1".to_owned(),
    }
}

pub(crate) fn event(kind: EventKind, state: JobState, stage: &str) -> NewEvent {
    NewEvent {
        kind,
        state,
        stage: stage.to_owned(),
        fraction: 1.0 / 6.0,
        counts: Counts { contracts: 7, ..Counts::default() },
        message_pt: format!("etapa {stage}"),
        message_en: format!("step {stage}"),
    }
}

pub(crate) fn queued() -> NewEvent {
    event(EventKind::StateChanged, JobState::Pending, "queued")
}

pub(crate) fn progress(stage: &str) -> NewEvent {
    event(EventKind::Progress, JobState::Running, stage)
}

/// Stores a job of an owner.
pub(crate) async fn start(store: &Store, owner: &str) -> Job {
    store.create_job(job(owner, None, json!({ "query": "contratos" })), queued()).await.expect("started").0
}

pub(crate) fn detector(id: &str) -> DetectorRef {
    DetectorRef {
        id: id.to_owned(),
        version: "1".to_owned(),
        reference: "R000".to_owned(),
        legal_basis: String::new(),
        strength: Strength::Contextual,
        user_made: false,
    }
}

pub(crate) fn finding(id: &str, detector_id: &str, severity: Severity) -> Finding {
    Finding {
        id: id.to_owned(),
        detector: detector(detector_id),
        severity,
        title_pt: "Título".to_owned(),
        title_en: "Title".to_owned(),
        description_pt: format!("{id}: «acréscimo» de 30 %"),
        description_en: format!("{id}: an addition of 30 %"),
        evidence: Evidence::default(),
        amount_at_stake: Some(Money::from_cents(9_007_199_254_740_993)),
        tags: vec!["a".to_owned()],
        false_positives_pt: vec![],
        false_positives_en: vec![],
        contract_ids: vec!["c1".to_owned(), "c2".to_owned()],
    }
}

pub(crate) fn summary(detector_id: &str, fired: i64) -> DetectorSummary {
    DetectorSummary {
        detector: detector(detector_id),
        title_pt: "Título".to_owned(),
        title_en: "Title".to_owned(),
        fired,
        clear: 1,
        not_evaluable: 2,
        reasons: vec![],
        warnings_pt: vec![],
        warnings_en: vec![],
        failed: false,
    }
}

/// A step with one event.
pub(crate) fn step(steps_done: i32) -> StepCommit {
    let stage = format!("step-{steps_done}");
    StepCommit { steps_done, events: vec![progress(&stage)], stage, fraction: 0.5, ..StepCommit::default() }
}

pub(crate) fn completed(job: &Job) -> FinishCommit {
    FinishCommit::new(job, JobState::Completed, "Concluída", "Completed")
}

pub(crate) fn audit(action: &str, resource: &str) -> AuditEntry {
    AuditEntry {
        actor: "ana".to_owned(),
        action: action.to_owned(),
        resource: resource.to_owned(),
        remote: "cli".to_owned(),
        result: "ok".to_owned(),
        details: json!({ "n": 1 }),
    }
}

/// How often the audit log says an action of a resource.
pub(crate) async fn audited(store: &Store, action: &str, resource: &str) -> usize {
    let entries = store.audit_entries(10_000).await.expect("the audit log");
    entries.iter().filter(|entry| entry.action == action && entry.resource == resource).count()
}

/// Every event of a job; fails unless they are numbered from one without a gap.
pub(crate) async fn log(store: &Store, job_id: &str) -> Vec<Event> {
    let events = store.events(job_id, 0, 100_000).await.expect("events");
    let sequences: Vec<i64> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=events.len() as i64).collect::<Vec<_>>());
    assert_eq!(store.job(job_id).await.expect("job").expect("stored").last_sequence, events.len() as i64);
    events
}
