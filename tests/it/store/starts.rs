use std::collections::{BTreeSet, HashSet};

use cidadao::model::{JobKind, JobState};
use cidadao::store::{JobQuery, Store, StoreError};
use futures::future::join_all;
use serde_json::json;

use crate::support::samples::{audited, job, log, queued, start};
use crate::support::{Database, on_both_databases};

on_both_databases!(
    starts_of_one_request_give_one_job,
    a_request_id_used_for_something_else_is_refused,
    a_start_is_stored_whole_or_not_at_all,
    jobs_are_listed_newest_first_page_by_page,
    a_job_is_read_as_it_was_stored,
    cancelling_depends_on_the_state,
    many_open_a_new_database_at_once,
);

async fn starts_of_one_request_give_one_job(database: Database) {
    let (one, other) = (database.store().await, database.store().await);
    let starts = (0..50).map(|n| {
        let store = if n % 2 == 0 { one.clone() } else { other.clone() };
        tokio::spawn(async move {
            let payload = json!({ "query": "obras", "min": 0.1 + 0.2 });
            store.create_job(job("ana", Some("r1"), payload), queued()).await.expect("started")
        })
    });
    let answers: Vec<_> = join_all(starts).await.into_iter().map(|answer| answer.expect("no panic")).collect();
    let ids: HashSet<&str> = answers.iter().map(|(job, _)| job.id.as_str()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(answers.iter().filter(|(_, created)| *created).count(), 1);
    let id = &answers[0].0.id;
    assert_eq!(log(&one, id).await.len(), 1);
    assert_eq!(audited(&one, "investigation.started", id).await, 1);
    assert_eq!(one.active_jobs(JobKind::Investigation).await, Ok(1));

    // Another owner, another kind, no request id: other jobs.
    let payload = json!({ "query": "obras", "min": 0.1 + 0.2 });
    let mut analysis = job("ana", Some("r1"), payload.clone());
    analysis.kind = JobKind::Analysis;
    let mut ids = BTreeSet::from([id.clone()]);
    for new in [job("rui", Some("r1"), payload.clone()), analysis, job("ana", None, payload.clone())] {
        let (job, created) = one.create_job(new, queued()).await.expect("started");
        assert!(created && ids.insert(job.id));
    }
    assert!(one.create_job(job("ana", None, payload), queued()).await.expect("started").1);
}

async fn a_request_id_used_for_something_else_is_refused(database: Database) {
    let store = database.store().await;
    let payload = serde_json::from_str(r#"{"b": {"y": 1, "x": [1, 2]}, "a": 1.1}"#).expect("json");
    let first = store.create_job(job("ana", Some("r1"), payload), queued()).await.expect("started").0;
    let reordered = serde_json::from_str(r#"{"a":1.1,"b":{"x":[1,2],"y":1}}"#).expect("json");
    let (same, created) = store.create_job(job("ana", Some("r1"), reordered), queued()).await.expect("the same");
    assert_eq!((same.id.as_str(), created), (first.id.as_str(), false));
    let other = serde_json::from_str(r#"{"a":1.1,"b":{"x":[2,1],"y":1}}"#).expect("json");
    let refused = store.create_job(job("ana", Some("r1"), other), queued()).await;
    let reused = StoreError::RequestIdReused { request_id: "r1".to_owned(), job_id: first.id.clone() };
    assert_eq!(refused, Err(reused));
    assert_eq!(audited(&store, "investigation.started", &first.id).await, 1);
}

/// PostgreSQL takes no NUL in a text, SQLite does: where the audit entry cannot be written there
/// must be no job either, and where it can there must be both.
async fn a_start_is_stored_whole_or_not_at_all(database: Database) {
    let store = database.store().await;
    let mut new = job("ana", Some("r1"), json!({}));
    new.remote = "\0".to_owned();
    let started = store.create_job(new, queued()).await;
    assert_eq!(started.is_ok(), database.is_sqlite(), "{started:?}");
    let stored = store.active_jobs(JobKind::Investigation).await.expect("count");
    assert_eq!(stored, i64::from(started.is_ok()));
    assert_eq!(store.audit_entries(10).await.expect("audit").len(), started.iter().len());
    // The request id is not taken by what was undone.
    let (job, _) = store.create_job(job("ana", Some("r1"), json!({})), queued()).await.expect("started");
    assert_eq!(log(&store, &job.id).await.len(), 1);
}

async fn jobs_are_listed_newest_first_page_by_page(database: Database) {
    let store = database.store().await;
    let mut ids = Vec::new();
    for n in 0..7 {
        // Some share the microsecond or the second; the id decides.
        database.pass(n % 2);
        ids.push(start(&store, if n % 3 == 0 { "rui" } else { "ana" }).await.id);
    }
    ids.reverse();
    let query = JobQuery { kind: JobKind::Investigation, owner: None, state: None, before: None, limit: 3 };
    let mut listed = Vec::new();
    let mut page = query.clone();
    loop {
        let jobs = store.jobs(page.clone()).await.expect("a page");
        let Some(last) = jobs.last() else { break };
        page.before = Some((last.created_at, last.id.clone()));
        listed.extend(jobs.into_iter().map(|job| job.id));
    }
    assert_eq!(listed, ids);

    store.request_cancel(&ids[0], "rui", "cli").await.expect("cancelled");
    let count = async |owner: Option<&str>, state| {
        let query = JobQuery { owner: owner.map(str::to_owned), state, limit: 100, ..query.clone() };
        store.jobs(query).await.expect("jobs").len()
    };
    assert_eq!(count(Some("rui"), None).await, 3);
    assert_eq!(count(Some("rui"), Some(JobState::Pending)).await, 2);
    assert_eq!(count(None, Some(JobState::Cancelled)).await, 1);
    assert_eq!(count(Some("eva"), None).await, 0);
    assert_eq!(store.jobs(JobQuery { kind: JobKind::Analysis, ..query }).await, Ok(vec![]));
}

async fn a_job_is_read_as_it_was_stored(database: Database) {
    let store = database.store().await;
    let payload = json!({ "texto": "«ção» ' \" \\ 🜲", "n": [null, true, -1, 12_345_678_901_234_i64] });
    let (job, _) = store.create_job(job("ana", Some("r'1"), payload.clone()), queued()).await.expect("started");
    assert_eq!(store.job(&job.id).await, Ok(Some(job.clone())));
    assert_eq!(job.payload, payload);
    assert_eq!((job.state, job.attempt, job.lease_token, job.last_sequence), (JobState::Pending, 0, 0, 1));
    assert_eq!(job.fraction.to_bits(), (1.0_f64 / 6.0).to_bits());
    assert_eq!(job.created_at.timestamp_subsec_nanos() % 1000, 0);
    let event = store.events(&job.id, 0, 10).await.expect("events").remove(0);
    assert_eq!((event.at, event.body), (job.created_at, queued()));
    assert_eq!(store.job("no such id").await, Ok(None));
    assert_eq!(store.events("no such id", 0, 10).await, Ok(vec![]));
}

async fn cancelling_depends_on_the_state(database: Database) {
    let store = database.store().await;
    assert_eq!(store.request_cancel("no such id", "ana", "cli").await, Ok(None));

    let pending = start(&store, "ana").await;
    let cancelled = store.request_cancel(&pending.id, "rui", "10.0.0.7").await.expect("ok").expect("there");
    assert_eq!((cancelled.state, cancelled.cancel_requested), (JobState::Cancelled, true));
    assert!(cancelled.finished_at.is_some() && cancelled.started_at.is_none());
    let events = log(&store, &pending.id).await;
    assert_eq!(events.last().expect("one").body.state, JobState::Cancelled);
    let entry = store.audit_entries(1).await.expect("audit").remove(0);
    let said = (entry.actor.as_str(), entry.action.as_str(), entry.remote.as_str(), entry.result.as_str());
    assert_eq!(said, ("rui", "investigation.cancelled", "10.0.0.7", "ok"));
    assert_eq!(claim(&store).await, None);

    let running = start(&store, "ana").await;
    let claimed = claim(&store).await.expect("claimed");
    assert_eq!(claimed, running.id);
    for _ in 0..2 {
        let asked = store.request_cancel(&running.id, "rui", "cli").await.expect("ok").expect("there");
        assert_eq!((asked.state, asked.cancel_requested), (JobState::Running, true));
    }
    assert_eq!(audited(&store, "investigation.cancel_requested", &running.id).await, 1);
    assert_eq!(log(&store, &running.id).await.len(), 2);

    // What has ended stays as it is.
    let again = store.request_cancel(&pending.id, "rui", "cli").await.expect("ok").expect("there");
    assert_eq!(again, cancelled);
    assert_eq!(audited(&store, "investigation.cancelled", &pending.id).await, 1);
}

async fn claim(store: &Store) -> Option<String> {
    let lease = std::time::Duration::from_secs(30);
    store.claim_job("w", lease, &[JobKind::Investigation]).await.expect("a claim").map(|job| job.id)
}

async fn many_open_a_new_database_at_once(database: Database) {
    let stores = join_all((0..8).map(|_| database.store())).await;
    let job = start(&stores[0], "ana").await;
    for store in &stores {
        assert_eq!(store.job(&job.id).await.expect("readable").expect("there").id, job.id);
        assert_eq!(store.lake_version().await, Ok(0));
    }
}
