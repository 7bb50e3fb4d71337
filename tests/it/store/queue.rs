//! The order of the queue, deadlines and dead letters.

use std::time::Duration;

use cidadao::model::{Job, JobKind, JobState, NewJob, Priority};
use cidadao::store::{Release, Store};
use serde_json::json;

use crate::support::samples::{audited, job, log, queued};
use crate::support::{Database, on_both_databases};

on_both_databases!(
    owners_take_turns,
    a_higher_priority_goes_first,
    what_is_late_fails,
    what_was_tried_too_often_is_a_dead_letter,
    a_cancel_ends_what_waits_for_its_next_attempt,
);

async fn store_job(store: &Store, owner: &str, change: impl FnOnce(&mut NewJob)) -> Job {
    let mut new = job(owner, None, json!({}));
    change(&mut new);
    store.create_job(new, queued()).await.expect("stored").0
}

async fn claim(store: &Store) -> Option<Job> {
    store.claim_job("w", Duration::from_secs(10), &[JobKind::Investigation]).await.expect("a claim")
}

async fn owners(store: &Store, n: usize) -> String {
    let mut owners = String::new();
    for _ in 0..n {
        owners.push_str(&claim(store).await.expect("a job").owner);
    }
    owners
}

async fn owners_take_turns(database: Database) {
    let store = database.store().await;
    for _ in 0..100 {
        store_job(&store, "a", |_| {}).await;
    }
    assert_eq!(owners(&store, 3).await, "aaa");
    // The one job of another owner does not wait for a hundred.
    store_job(&store, "b", |_| {}).await;
    let next = owners(&store, 2).await;
    assert!(next.contains('b'), "{next}");
    for owner in ["b", "b", "c", "c", "c"] {
        store_job(&store, owner, |_| {}).await;
    }
    let next = owners(&store, 9).await;
    for (owner, least) in [('a', 3), ('b', 2), ('c', 3)] {
        let count = next.chars().filter(|one| *one == owner).count();
        assert!(count >= least, "{owner} {count} times in {next}");
    }
    // Who comes again and again does not starve the one who waits.
    let mut served = String::new();
    for _ in 0..10 {
        store_job(&store, "d", |_| {}).await;
        served.push_str(&owners(&store, 2).await);
    }
    assert!(served.chars().filter(|one| *one == 'a').count() >= 5, "{served}");
}

async fn a_higher_priority_goes_first(database: Database) {
    let store = database.store().await;
    store_job(&store, "l", |job| job.priority = Priority::Low).await;
    for _ in 0..3 {
        store_job(&store, "n", |_| {}).await;
    }
    let high = store_job(&store, "h", |job| job.priority = Priority::High).await;
    assert_eq!(high.priority, Priority::High);
    store_job(&store, "h", |job| job.priority = Priority::High).await;
    assert_eq!(owners(&store, 6).await, "hhnnnl");
    assert_eq!(claim(&store).await, None);
}

async fn what_is_late_fails(database: Database) {
    let store = database.store().await;
    let late = store_job(&store, "ana", |job| job.timeout = Some(Duration::from_secs(60))).await;
    let swept = store_job(&store, "ana", |job| job.timeout = Some(Duration::from_secs(60))).await;
    let in_time = store_job(&store, "ana", |job| job.timeout = Some(Duration::from_secs(600))).await;
    let without = store_job(&store, "ana", |_| {}).await;
    assert_eq!(late.deadline_at, Some(late.created_at + chrono::TimeDelta::seconds(60)));
    assert_eq!(without.deadline_at, None);
    assert_eq!(store.end_overdue(10).await, Ok(vec![]));
    database.pass(61);
    // A sweep ends what nobody has taken; so does the next claim.
    assert_eq!(store.end_overdue(1).await.map(|ended| ended.len()), Ok(1));
    assert_eq!(claim(&store).await.expect("a job").id, in_time.id);
    for id in [&late.id, &swept.id] {
        let job = store.job(id).await.expect("read").expect("there");
        assert_eq!((job.state, job.attempt), (JobState::Failed, 0));
        assert_eq!(job.error.expect("an error").reason, "DEADLINE_EXCEEDED");
        assert_eq!(log(&store, id).await.len(), 2);
        assert_eq!(audited(&store, "investigation.failed", id).await, 1);
    }
    assert_eq!(claim(&store).await.expect("a job").id, without.id);
    assert_eq!(store.end_overdue(10).await, Ok(vec![]));
}

async fn what_was_tried_too_often_is_a_dead_letter(database: Database) {
    let store = database.store().await;
    let id = store_job(&store, "ana", |_| {}).await.id;
    for attempt in 1..=store.max_attempts() {
        let job = claim(&store).await.expect("a job");
        assert_eq!((&job.id, job.attempt), (&id, attempt));
        database.pass(11);
    }
    assert_eq!(claim(&store).await, None);
    let job = store.job(&id).await.expect("read").expect("there");
    assert_eq!(job.state, JobState::DeadLetter);
    assert!(job.state.is_terminal() && job.finished_at.is_some());
    assert_eq!(job.error.expect("an error").reason, "ATTEMPTS_EXHAUSTED");
    assert_eq!(audited(&store, "investigation.dead_letter", &id).await, 1);
    let events = log(&store, &id).await;
    assert_eq!(events.last().expect("an event").body.state, JobState::DeadLetter);
}

async fn a_cancel_ends_what_waits_for_its_next_attempt(database: Database) {
    let store = database.store().await;
    store_job(&store, "ana", |_| {}).await;
    let job = claim(&store).await.expect("a job");
    let wait = Release::After(Duration::from_secs(3_600));
    store.release_job(&job.id, job.lease_token, wait).await.expect("released");
    assert_eq!(claim(&store).await, None);
    store.request_cancel(&job.id, "ana", "cli").await.expect("asked");
    assert!(claim(&store).await.expect("claimable at once").cancel_requested);
}
