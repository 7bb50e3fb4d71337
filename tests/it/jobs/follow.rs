//! All jobs of an owner, live; and what a watcher is told of events that are gone.

use std::collections::HashMap;
use std::time::Duration;

use cidadao::jobs::{FollowItem, FollowQuery, Jobs, JobsError, JobsOptions, Retention, WatchItem};
use cidadao::model::{Job, JobKind, JobState};
use cidadao::store::RetentionQuery;
use futures::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;

use super::{options, process};
use crate::support::samples::{completed, job, step};
use crate::support::{Database, eventually, on_both_databases};

on_both_databases!(
    every_job_of_an_owner_is_followed_to_its_end,
    what_ended_before_is_told_if_asked_for,
    a_watcher_is_told_what_is_kept,
    maintenance_deletes_and_ends_by_itself,
);

async fn start(jobs: &Jobs, owner: &str) -> Job {
    jobs.start(job(owner, None, serde_json::json!({}))).await.expect("started").0
}

async fn claim(jobs: &Jobs) -> Job {
    let claim = jobs.store().claim_job("w", Duration::from_secs(60), &[JobKind::Investigation]).await;
    claim.expect("a claim").expect("a job")
}

async fn finish(jobs: &Jobs, job: &Job) {
    jobs.store().finish_job(&job.id, job.lease_token, completed(job)).await.expect("finished");
}

fn of(owner: &str) -> FollowQuery {
    FollowQuery { kind: JobKind::Investigation, owner: owner.to_owned(), ended_after: None }
}

async fn next(stream: &mut (impl Stream<Item = Result<FollowItem, JobsError>> + Unpin)) -> FollowItem {
    let item = tokio::time::timeout(Duration::from_secs(10), stream.next()).await;
    item.expect("in time").expect("an item").expect("no error")
}

async fn every_job_of_an_owner_is_followed_to_its_end(database: Database) {
    let (here, elsewhere) = (process(&database, "w").await, process(&database, "other").await);
    let first = start(&here, "ana").await;
    start(&here, "bia").await;
    let gone = start(&here, "ana").await;
    here.cancel(&gone.id, "ana", "cli").await.expect("cancelled");
    let mut stream = Box::pin(elsewhere.follow(of("ana")));
    assert!(matches!(next(&mut stream).await, FollowItem::Job(job) if job.id == first.id));
    assert_eq!(next(&mut stream).await, FollowItem::CaughtUp);

    // More than are read at once, on another process.
    let mut expected: HashMap<String, JobState> = HashMap::from([(first.id.clone(), JobState::Pending)]);
    for _ in 0..250 {
        expected.insert(start(&here, "ana").await.id, JobState::Pending);
    }
    let mut last: HashMap<String, Job> = HashMap::new();
    while last.len() < 250 {
        if let FollowItem::Job(job) = next(&mut stream).await {
            assert_eq!(job.owner, "ana");
            last.insert(job.id.clone(), *job);
        }
    }
    for _ in 0..5 {
        let job = claim(&here).await;
        if job.owner == "ana" {
            here.store().commit_step(&job.id, job.lease_token, step(1)).await.expect("committed");
            finish(&here, &job).await;
            expected.insert(job.id, JobState::Completed);
        }
    }
    let ended = expected.values().filter(|state| **state == JobState::Completed).count();
    while last.values().filter(|job| job.state == JobState::Completed).count() < ended {
        if let FollowItem::Job(job) = next(&mut stream).await {
            assert!(last.get(&job.id).is_none_or(|before| before.last_sequence < job.last_sequence), "told once");
            last.insert(job.id.clone(), *job);
        }
    }
    for (id, job) in last {
        assert_eq!(job.state, expected[&id]);
    }
}

async fn what_ended_before_is_told_if_asked_for(database: Database) {
    let watch_heartbeat = Duration::from_millis(200);
    let jobs = Jobs::new(database.store().await, JobsOptions { watch_heartbeat, ..options("w") });
    let before = jobs.store().now();
    start(&jobs, "ana").await;
    let ended = claim(&jobs).await;
    finish(&jobs, &ended).await;
    let mut stream = Box::pin(jobs.follow(of("ana")));
    assert_eq!(next(&mut stream).await, FollowItem::CaughtUp);
    assert_eq!(next(&mut stream).await, FollowItem::Heartbeat);
    let mut stream = Box::pin(jobs.follow(FollowQuery { ended_after: Some(before), ..of("ana") }));
    assert!(matches!(next(&mut stream).await, FollowItem::Job(job) if job.state == JobState::Completed));
    assert_eq!(next(&mut stream).await, FollowItem::CaughtUp);
    assert_eq!(next(&mut stream).await, FollowItem::Heartbeat);
}

async fn a_watcher_is_told_what_is_kept(database: Database) {
    let jobs = process(&database, "w").await;
    start(&jobs, "ana").await;
    let done = claim(&jobs).await;
    finish(&jobs, &done).await;
    database.pass(100);
    let retention = RetentionQuery { events: Some(Duration::from_secs(50)), chunk: 2, ..RetentionQuery::default() };
    jobs.store().retain(retention).await.expect("retained");
    for asked in 0..3 {
        let told: Vec<_> = jobs.watch(&done.id, asked).collect().await;
        assert_eq!(told, [Err(JobsError::Deleted { asked, oldest: 4 })]);
    }
    // Who has seen the end has missed nothing.
    assert_eq!(jobs.watch(&done.id, 3).collect::<Vec<_>>().await, []);
    let ahead: Vec<_> = jobs.watch(&done.id, 4).collect().await;
    assert_eq!(ahead, [Err(JobsError::SequenceAhead { asked: 4, last: 3 })]);
}

async fn maintenance_deletes_and_ends_by_itself(database: Database) {
    let retention = Retention { events: Some(Duration::from_millis(1)), ..Retention::default() };
    let jobs = Jobs::new(database.store().await, JobsOptions { retention, workers: 0, ..options("w") });
    let late =
        cidadao::model::NewJob { timeout: Some(Duration::from_secs(1)), ..job("ana", None, serde_json::json!({})) };
    let late = jobs.start(late).await.expect("started").0;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (jobs, stop) = (jobs.clone(), stop.clone());
        async move { jobs.run(Vec::new(), stop).await }
    });
    let mut stream = Box::pin(jobs.watch(&late.id, 1));
    let told = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.expect("in time");
    assert!(
        matches!(&told, Some(Ok(WatchItem::Event(event))) if event.body.state == JobState::Failed)
            || matches!(told, Some(Err(JobsError::Deleted { .. }))),
        "{told:?}"
    );
    eventually("its events are deleted", async || {
        jobs.store().events(&late.id, 0, 10).await.is_ok_and(|events| events.is_empty())
    })
    .await;
    stop.cancel();
    running.await.expect("no panic");
}
