use std::collections::HashSet;
use std::time::Duration;

use cidadao::model::{EventKind, Job, JobKind, JobState, Severity};
use cidadao::store::{HeartbeatState, Release, StepCommit, Store, StoreError};
use futures::future::join_all;
use serde_json::json;

use crate::support::samples::{audited, completed, finding, log, start, step};
use crate::support::{Database, on_both_databases};

on_both_databases!(
    each_job_is_claimed_by_one_worker,
    a_late_commit_is_refused,
    a_heartbeat_extends_the_lease,
    another_worker_goes_on_from_the_last_step,
    attempts_run_out,
    a_released_job_is_claimable,
    a_step_whose_answer_was_lost_is_not_done_twice,
    a_step_must_make_sense,
    the_end_is_written_once,
);

const LEASE: Duration = Duration::from_secs(10);

async fn claim(store: &Store, worker: &str) -> Option<Job> {
    store.claim_job(worker, LEASE, &[JobKind::Investigation]).await.expect("a claim")
}

fn lost(job: &Job) -> StoreError {
    StoreError::LeaseLost { job_id: job.id.clone(), token: job.lease_token }
}

async fn each_job_is_claimed_by_one_worker(database: Database) {
    let stores = [database.store().await, database.store().await];
    let mut started = Vec::new();
    for _ in 0..40 {
        started.push(start(&stores[0], "ana").await.id);
    }
    let claimers = (0..8).map(|n| {
        let store = stores[n % 2].clone();
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            while let Some(job) = claim(&store, &format!("w{n}")).await {
                claimed.push(job);
            }
            claimed
        })
    });
    let claimed: Vec<Job> = join_all(claimers).await.into_iter().flat_map(|jobs| jobs.expect("no panic")).collect();
    assert_eq!(claimed.len(), 40);
    let ids: HashSet<&String> = claimed.iter().map(|job| &job.id).collect();
    assert_eq!(ids, started.iter().collect());
    for job in &claimed {
        assert_eq!((job.state, job.attempt, job.lease_token), (JobState::Running, 1, 1));
        let events = log(&stores[1], &job.id).await;
        assert_eq!(events.len(), 2);
        assert_eq!((events[1].body.kind, events[1].body.state), (EventKind::StateChanged, JobState::Running));
    }
    // Alone, a worker takes the oldest first, and only what it knows how to do.
    let (old, _new) = (start(&stores[0], "ana").await, start(&stores[0], "ana").await);
    assert_eq!(stores[0].claim_job("w", LEASE, &[JobKind::Analysis]).await, Ok(None));
    assert_eq!(stores[0].claim_job("w", LEASE, &[]).await, Ok(None));
    assert_eq!(claim(&stores[0], "w").await.expect("claimed").id, old.id);
}

async fn a_late_commit_is_refused(database: Database) {
    let store = database.store().await;
    start(&store, "ana").await;
    let slow = claim(&store, "slow").await.expect("claimed");
    assert_eq!(claim(&store, "quick").await, None);
    database.pass(11);
    let quick = claim(&store, "quick").await.expect("the lease has ended");
    assert_eq!((&quick.id, quick.attempt, quick.lease_token), (&slow.id, 2, 2));

    let with = |id| StepCommit { findings: vec![finding(id, "d", Severity::High)], ..step(1) };
    store.commit_step(&quick.id, quick.lease_token, with("quick")).await.expect("committed");
    let before = store.job(&quick.id).await;
    assert_eq!(store.commit_step(&slow.id, slow.lease_token, with("slow")).await, Err(lost(&slow)));
    assert_eq!(store.finish_job(&slow.id, slow.lease_token, completed(&slow)).await, Err(lost(&slow)));
    assert_eq!(store.heartbeat(&slow.id, slow.lease_token, LEASE).await, Err(lost(&slow)));
    assert_eq!(store.check_lease(&slow.id, slow.lease_token).await, Err(lost(&slow)));
    assert_eq!(store.release_job(&slow.id, slow.lease_token, Release::Now).await, Err(lost(&slow)));
    assert_eq!(store.job(&quick.id).await, before);
    assert_eq!(claim(&store, "third").await, None);

    store.finish_job(&quick.id, quick.lease_token, completed(&quick)).await.expect("finished");
    let findings = super::results::all(&store, &quick.id).await;
    assert_eq!(findings.iter().map(|(_, finding)| finding.id.as_str()).collect::<Vec<_>>(), ["quick"]);
    assert_eq!(log(&store, &quick.id).await.len(), 4);
    // Nobody holds what has ended, nor what there is not.
    assert_eq!(store.commit_step(&quick.id, quick.lease_token, step(2)).await, Err(lost(&quick)));
    let missing = StoreError::NotFound { what: "job", id: "no such id".to_owned() };
    assert_eq!(store.commit_step("no such id", 1, step(1)).await, Err(missing));
}

async fn a_heartbeat_extends_the_lease(database: Database) {
    let store = database.store().await;
    start(&store, "ana").await;
    let job = claim(&store, "w").await.expect("claimed");
    for _ in 0..3 {
        database.pass(8);
        assert_eq!(store.heartbeat(&job.id, job.lease_token, LEASE).await, Ok(HeartbeatState::Held));
        assert_eq!(claim(&store, "other").await, None);
    }
    store.request_cancel(&job.id, "ana", "cli").await.expect("asked");
    assert_eq!(store.heartbeat(&job.id, job.lease_token, LEASE).await, Ok(HeartbeatState::CancelRequested));
    assert_eq!(store.check_lease(&job.id, job.lease_token).await, Ok(HeartbeatState::CancelRequested));
    // To look is not to hold.
    database.pass(8);
    store.check_lease(&job.id, job.lease_token).await.expect("held");
    database.pass(3);
    assert!(claim(&store, "other").await.expect("the lease has ended").cancel_requested);
}

async fn another_worker_goes_on_from_the_last_step(database: Database) {
    let (one, other) = (database.store().await, database.store().await);
    start(&one, "ana").await;
    let job = claim(&one, "w1").await.expect("claimed");
    let plan = json!({ "lake_version": 3 });
    let first = StepCommit {
        output: plan.clone(),
        findings: vec![finding("f1", "d1", Severity::Low)],
        detectors: vec![crate::support::samples::summary("d1", 1)],
        ..step(1)
    };
    one.commit_step(&job.id, job.lease_token, first).await.expect("committed");
    drop(one);
    database.pass(11);
    let taken = claim(&other, "w2").await.expect("taken over");
    assert_eq!((taken.steps_done, &taken.output, taken.attempt), (1, &plan, 2));
    assert_eq!(taken.started_at, job.started_at);
    let second = StepCommit { output: plan.clone(), ..step(2) };
    let after = other.commit_step(&taken.id, taken.lease_token, second).await.expect("committed");
    assert_eq!((after.steps_done, after.stage.as_str()), (2, "step-2"));
    let ended = other.finish_job(&taken.id, taken.lease_token, completed(&after)).await.expect("finished");
    assert_eq!((ended.state, ended.steps_done, &ended.output), (JobState::Completed, 2, &plan));
    // Queued, running once, two steps, finished: nothing twice.
    let kinds: Vec<EventKind> = log(&other, &taken.id).await.into_iter().map(|event| event.body.kind).collect();
    use EventKind::{Finished, Progress, StateChanged};
    assert_eq!(kinds, [StateChanged, StateChanged, Progress, Progress, Finished]);
    assert_eq!(super::results::all(&other, &taken.id).await.len(), 1);
    let took = other.recent_durations(JobKind::Investigation, 5).await.expect("durations");
    assert!(took.len() == 1 && took[0] >= Duration::from_secs(11), "{took:?}");
    assert_eq!(other.active_jobs(JobKind::Investigation).await, Ok(0));
}

async fn attempts_run_out(database: Database) {
    let store = database.store().await;
    let (failing, asked) = (start(&store, "ana").await, start(&store, "ana").await);
    for attempt in 1..=5 {
        for _ in 0..2 {
            assert_eq!(claim(&store, "w").await.expect("claimed").attempt, attempt);
        }
        database.pass(11);
    }
    store.request_cancel(&asked.id, "ana", "cli").await.expect("asked");
    assert_eq!(claim(&store, "w").await, None);
    let failed = store.job(&failing.id).await.expect("job").expect("there");
    assert_eq!((failed.state, failed.attempt), (JobState::DeadLetter, 5));
    assert_eq!(failed.error.expect("why").reason, "ATTEMPTS_EXHAUSTED");
    assert_eq!(log(&store, &failing.id).await.last().expect("one").body.kind, EventKind::Finished);
    assert_eq!(audited(&store, "investigation.dead_letter", &failing.id).await, 1);
    let cancelled = store.job(&asked.id).await.expect("job").expect("there");
    assert_eq!((cancelled.state, cancelled.error), (JobState::Cancelled, None));
}

async fn a_released_job_is_claimable(database: Database) {
    let store = database.store().await;
    start(&store, "ana").await;
    let job = claim(&store, "w1").await.expect("claimed");
    store.release_job(&job.id, job.lease_token, Release::Now).await.expect("released");
    assert_eq!(store.commit_step(&job.id, job.lease_token, step(1)).await, Err(lost(&job)));
    let again = claim(&store, "w2").await.expect("at once");
    assert_eq!(again.attempt, 1);
    assert!(again.lease_token > job.lease_token);
    let wait = Release::After(Duration::from_secs(5));
    store.release_job(&again.id, again.lease_token, wait).await.expect("released");
    assert_eq!(claim(&store, "w3").await, None);
    database.pass(6);
    assert_eq!(claim(&store, "w3").await.expect("after a while").attempt, 2);
}

async fn a_step_whose_answer_was_lost_is_not_done_twice(database: Database) {
    let store = database.store().await;
    start(&store, "ana").await;
    let job = claim(&store, "w").await.expect("claimed");
    let calls = (0..4).map(|_| {
        let (store, job) = (store.clone(), job.clone());
        let step = StepCommit { findings: vec![finding("f", "d", Severity::Low)], ..step(1) };
        tokio::spawn(async move { store.commit_step_after(&job.id, job.lease_token, job.last_sequence, step).await })
    });
    let calls: Vec<_> = join_all(calls).await.into_iter().map(|call| call.expect("no panic")).collect();
    let done: Vec<&Job> = calls.iter().flatten().collect();
    assert_eq!((done.len(), done[0].last_sequence), (1, 3));
    let out_of_step = StoreError::OutOfStep { job_id: job.id.clone(), expected: 2, found: 3 };
    assert_eq!(calls.iter().filter(|call| **call == Err(out_of_step.clone())).count(), 3);
    assert_eq!(log(&store, &job.id).await.len(), 3);
}

async fn a_step_must_make_sense(database: Database) {
    let store = database.store().await;
    start(&store, "ana").await;
    let job = claim(&store, "w").await.expect("claimed");
    store.commit_step(&job.id, job.lease_token, step(2)).await.expect("committed");
    let before = store.job(&job.id).await;
    let ends = StepCommit { events: completed(&job).events, ..step(3) };
    let unending = {
        let mut end = completed(&job);
        end.events = step(3).events;
        end
    };
    let mut open = completed(&job);
    open.state = JobState::Running;
    for (refused, field) in [
        (store.commit_step(&job.id, job.lease_token, step(1)).await, "steps_done"),
        (store.commit_step(&job.id, job.lease_token, StepCommit { fraction: 1.5, ..step(3) }).await, "fraction"),
        (store.commit_step(&job.id, job.lease_token, StepCommit { fraction: f64::NAN, ..step(3) }).await, "fraction"),
        (store.commit_step(&job.id, job.lease_token, ends).await, "events"),
        (store.finish_job(&job.id, job.lease_token, unending).await, "events"),
        (store.finish_job(&job.id, job.lease_token, open).await, "state"),
    ] {
        assert!(matches!(&refused, Err(StoreError::Invalid { field: named, .. }) if *named == field), "{refused:?}");
    }
    assert_eq!(store.job(&job.id).await, before);
}

async fn the_end_is_written_once(database: Database) {
    let store = database.store().await;
    start(&store, "ana").await;
    let job = claim(&store, "w7").await.expect("claimed");
    let ends = (0..8).map(|_| {
        let (store, job) = (store.clone(), job.clone());
        tokio::spawn(async move { store.finish_job(&job.id, job.lease_token, completed(&job)).await })
    });
    let ends: Vec<_> = join_all(ends).await.into_iter().map(|end| end.expect("no panic")).collect();
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1);
    assert!(ends.iter().all(|end| end.is_ok() || *end == Err(lost(&job))));
    assert_eq!(log(&store, &job.id).await.len(), 3);
    let entry = store.audit_entries(1).await.expect("audit").remove(0);
    assert_eq!((entry.actor.as_str(), entry.action.as_str()), ("w7", "investigation.completed"));
    assert_eq!(audited(&store, "investigation.completed", &job.id).await, 1);
}
