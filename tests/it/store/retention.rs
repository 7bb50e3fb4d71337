//! What is kept no longer goes, in chunks; the rest stays. Results are taken over.

use std::time::Duration;

use cidadao::model::{JobKind, JobState, QuarantinedRow, Severity};
use cidadao::store::{FindingQuery, Retained, RetentionQuery, StepCommit, Store, StoreError};
use serde_json::json;

use crate::support::samples::{audited, completed, finding, progress, start, step, summary};
use crate::support::{Database, on_both_databases};

on_both_databases!(old_events_go_and_the_log_says_so, old_findings_go_and_the_job_stays, results_are_taken_over_once,);

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A job that has completed with so many findings and more events.
async fn done(store: &Store, findings: usize) -> String {
    start(store, "ana").await;
    let lease = Duration::from_secs(10);
    let job = store.claim_job("w", lease, &[JobKind::Investigation]).await.expect("a claim").expect("a job");
    let commit = StepCommit {
        findings: (0..findings).map(|n| finding(&format!("f{n}"), "d", Severity::Low)).collect(),
        detectors: vec![summary("d", findings as i64)],
        events: (0..25).map(|n| progress(&format!("{n}"))).collect(),
        ..step(1)
    };
    store.commit_step(&job.id, job.lease_token, commit).await.expect("committed");
    store.finish_job(&job.id, job.lease_token, completed(&job)).await.expect("finished");
    job.id
}

async fn retain(store: &Store, query: RetentionQuery) -> Retained {
    store.retain(RetentionQuery { chunk: 10, ..query }).await.expect("retained")
}

async fn count(store: &Store, id: &str) -> i64 {
    store.count_findings(FindingQuery { job_id: id.to_owned(), ..Default::default() }).await.expect("counted")
}

async fn old_events_go_and_the_log_says_so(database: Database) {
    let store = database.store().await;
    let old = done(&store, 1).await;
    database.pass(2 * 86_400);
    let (young, running) = (done(&store, 1).await, start(&store, "ana").await.id);
    let query = RetentionQuery { events: Some(DAY), ..RetentionQuery::default() };
    let gone = retain(&store, query).await;
    assert_eq!(gone, Retained { events: 28, ..Retained::default() });
    assert_eq!(retain(&store, query).await, Retained::default());
    assert_eq!(store.events(&old, 0, 100).await, Ok(vec![]));
    let job = store.job(&old).await.expect("read").expect("there");
    assert_eq!((job.last_sequence, job.oldest_sequence, job.results_deleted), (28, 29, false));
    assert_eq!(count(&store, &old).await, 1);
    for (id, events) in [(young, 28), (running, 1)] {
        assert_eq!(store.events(&id, 0, 100).await.expect("read").len(), events);
        assert_eq!(store.job(&id).await.expect("read").expect("there").oldest_sequence, 1);
    }
    assert_eq!(retain(&store, RetentionQuery::default()).await, Retained::default());
}

async fn old_findings_go_and_the_job_stays(database: Database) {
    let store = database.store().await;
    let old = done(&store, 35).await;
    let import = "0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f";
    let row = |n: i64| QuarantinedRow {
        file: "a.csv".to_owned(),
        line: n,
        column: "c".to_owned(),
        reason: "r".to_owned(),
        value: "v".to_owned(),
    };
    super::manifest::import_with_quarantine(&store, import, (1..=35).map(row).collect()).await;
    database.pass(2 * 86_400);
    let young = done(&store, 3).await;
    let query = RetentionQuery { findings: Some(DAY), quarantine: Some(DAY), ..RetentionQuery::default() };
    let gone = retain(&store, query).await;
    assert_eq!((gone.findings, gone.quarantine, gone.events), (35, 35, 0));
    let again = retain(&store, query).await;
    assert_eq!((again.findings, again.quarantine), (0, 0));
    let job = store.job(&old).await.expect("read").expect("there");
    assert_eq!((job.state, job.results_deleted), (JobState::Completed, true));
    assert_eq!((count(&store, &old).await, count(&store, &young).await), (0, 3));
    assert_eq!(store.detector_summaries(&old).await, Ok(vec![]));
    assert_eq!(audited(&store, "results.deleted", &old).await, 1);
    assert_eq!(store.events(&old, 0, 100).await.expect("read").len(), 28);
}

async fn results_are_taken_over_once(database: Database) {
    let store = database.store().await;
    let source = done(&store, 12).await;
    start(&store, "bia").await;
    let lease = Duration::from_secs(10);
    let job = store.claim_job("w", lease, &[JobKind::Investigation]).await.expect("a claim").expect("a job");
    let copy = StepCommit { copy_from: Some(source.clone()), output: json!({ "from": source }), ..step(2) };
    store.commit_step(&job.id, job.lease_token, copy.clone()).await.expect("committed");
    // As after a crash that lost the answer.
    store.commit_step(&job.id, job.lease_token, copy.clone()).await.expect("committed");
    let all = |id: &str| FindingQuery { job_id: id.to_owned(), limit: 100, ..Default::default() };
    assert_eq!(store.findings(all(&job.id)).await, store.findings(all(&source)).await);
    assert_eq!(count(&store, &job.id).await, 12);
    assert_eq!(store.detector_summaries(&job.id).await, store.detector_summaries(&source).await);
    // What is not complete, or kept no longer, cannot be taken over.
    for source in [job.id.clone(), "no such id".to_owned()] {
        let copy = StepCommit { copy_from: Some(source.clone()), ..copy.clone() };
        let missing = StoreError::NotFound { what: "results", id: source };
        assert_eq!(store.commit_step(&job.id, job.lease_token, copy).await, Err(missing));
    }
    database.pass(5);
    retain(&store, RetentionQuery { findings: Some(Duration::from_secs(1)), ..RetentionQuery::default() }).await;
    let missing = StoreError::NotFound { what: "results", id: source };
    assert_eq!(store.commit_step(&job.id, job.lease_token, copy).await, Err(missing));
    assert_eq!(count(&store, &job.id).await, 12);
}
