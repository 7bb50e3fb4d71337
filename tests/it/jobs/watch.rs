use std::time::Duration;

use cidadao::jobs::{Jobs, JobsError, JobsOptions, WatchItem};
use cidadao::model::{Event, EventKind, Job, JobKind};
use cidadao::store::StepCommit;
use futures::{Stream, StreamExt, TryStreamExt};

use super::{options, process};
use crate::support::samples::{completed, job, log, progress, step};
use crate::support::{Database, eventually, on_both_databases};

on_both_databases!(
    a_watcher_sees_every_event_once,
    a_cut_at_any_event_resumes,
    what_cannot_be_followed_is_refused,
    a_silent_job_sends_heartbeats,
    a_watcher_reads_no_more_than_it_is_asked_for,
);

async fn started(jobs: &Jobs) -> Job {
    jobs.start(job("ana", None, serde_json::json!({}))).await.expect("started").0
}

async fn claimed(jobs: &Jobs) -> Job {
    started(jobs).await;
    let claim = jobs.store().claim_job("w", Duration::from_secs(60), &[JobKind::Investigation]).await;
    claim.expect("a claim").expect("claimed")
}

/// The events of a stream that ends.
async fn events(stream: impl Stream<Item = Result<WatchItem, JobsError>>) -> Vec<Event> {
    let items: Vec<WatchItem> = tokio::time::timeout(Duration::from_secs(20), stream.try_collect())
        .await
        .expect("the stream ends")
        .expect("no error");
    let event = |item| match item {
        WatchItem::Event(event) => Some((*event).clone()),
        WatchItem::Heartbeat { .. } => None,
    };
    items.into_iter().filter_map(event).collect()
}

async fn a_watcher_sees_every_event_once(database: Database) {
    let (worker, other) = (process(&database, "w").await, process(&database, "other").await);
    let job = claimed(&worker).await;
    // Early, late, and in another process.
    let early = tokio::spawn(events(worker.watch(&job.id, 0)));
    let elsewhere = tokio::spawn(events(other.watch(&job.id, 0)));
    let store = worker.store();
    let mut late = None;
    for n in 1..=25 {
        let events = (0..n % 3 + 1).map(|e| progress(&format!("{n}.{e}"))).collect();
        store.commit_step(&job.id, job.lease_token, StepCommit { events, ..step(n) }).await.expect("committed");
        if n == 12 {
            late = Some(tokio::spawn(events_of(&worker, &job.id)));
        }
        tokio::task::yield_now().await;
    }
    store.finish_job(&job.id, job.lease_token, completed(&job)).await.expect("finished");
    let written = log(store, &job.id).await;
    for watcher in [early, elsewhere, late.expect("started")] {
        assert_eq!(watcher.await.expect("no panic"), written);
    }
    assert_eq!(events(worker.watch(&job.id, 0)).await, written);
    // Who has seen the end sees nothing more, at once.
    assert_eq!(events(worker.watch(&job.id, written.len() as i64)).await, []);
    eventually("no ear is left", async || worker.watched_jobs() == 0 && other.watched_jobs() == 0).await;
}

fn events_of(jobs: &Jobs, id: &str) -> impl Future<Output = Vec<Event>> + Send + use<> {
    events(jobs.watch(id, 0))
}

async fn a_cut_at_any_event_resumes(database: Database) {
    let jobs = process(&database, "w").await;
    let job = claimed(&jobs).await;
    for n in 1..=8 {
        jobs.store().commit_step(&job.id, job.lease_token, step(n)).await.expect("committed");
    }
    jobs.store().finish_job(&job.id, job.lease_token, completed(&job)).await.expect("finished");
    let written = log(jobs.store(), &job.id).await;
    for k in 1..=written.len() {
        let mut seen: Vec<Event> = Vec::new();
        loop {
            let after = seen.last().map_or(0, |event| event.sequence);
            let part = events(jobs.watch(&job.id, after).take(k)).await;
            if part.is_empty() {
                break;
            }
            seen.extend(part);
        }
        assert_eq!(seen, written, "cut at every {k}");
    }
    assert_eq!(written.last().expect("one").body.kind, EventKind::Finished);
}

async fn what_cannot_be_followed_is_refused(database: Database) {
    let jobs = process(&database, "w").await;
    let job = started(&jobs).await;
    let ahead: Vec<_> = jobs.watch(&job.id, 2).collect().await;
    assert_eq!(ahead, [Err(JobsError::SequenceAhead { asked: 2, last: 1 })]);
    let unknown: Vec<_> = jobs.watch("no such id", 0).collect().await;
    assert_eq!(unknown, [Err(JobsError::NotFound { id: "no such id".to_owned() })]);
    let cancelled = jobs.cancel("no such id", "ana", "cli").await;
    assert_eq!(cancelled, Err(JobsError::NotFound { id: "no such id".to_owned() }));
}

async fn a_silent_job_sends_heartbeats(database: Database) {
    let watch_heartbeat = Duration::from_millis(50);
    let options = JobsOptions { watch_heartbeat, poll_interval: Duration::from_secs(60), ..options("w") };
    let jobs = Jobs::new(database.store().await, options);
    let job = started(&jobs).await;
    let mut stream = Box::pin(jobs.watch(&job.id, 0));
    assert!(matches!(stream.next().await, Some(Ok(WatchItem::Event(event))) if event.sequence == 1));
    for _ in 0..2 {
        let item = stream.next().await.expect("an item").expect("no error");
        assert_eq!(item, WatchItem::Heartbeat { sequence: 1, job: Box::new(job.clone()) });
    }
    // With a poll a minute away, only the wake-up can bring the end this soon.
    jobs.cancel(&job.id, "ana", "cli").await.expect("cancelled");
    let rest = events(stream).await;
    assert_eq!(rest.iter().map(|event| event.sequence).collect::<Vec<_>>(), [2]);
}

async fn a_watcher_reads_no_more_than_it_is_asked_for(database: Database) {
    let jobs = process(&database, "w").await;
    let job = claimed(&jobs).await;
    let mut slow = Box::pin(jobs.watch(&job.id, 0));
    assert!(slow.next().await.is_some());
    for n in 1..=5 {
        let events = (0..60).map(|e| progress(&format!("{n}.{e}"))).collect();
        jobs.store().commit_step(&job.id, job.lease_token, StepCommit { events, ..step(n) }).await.expect("committed");
    }
    jobs.store().finish_job(&job.id, job.lease_token, completed(&job)).await.expect("finished");
    let rest = events(slow).await;
    let written = log(jobs.store(), &job.id).await;
    assert_eq!((rest.len(), &rest[..]), (302, &written[1..]));
    assert_eq!(events(jobs.watch(&job.id, 0)).await, written);
}
