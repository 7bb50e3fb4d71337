use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cidadao::jobs::{Finish, JobContext, JobFailure, JobHandler, Jobs, JobsOptions};
use cidadao::model::{Counts, EventKind, Job, JobKind, JobState, Severity};
use cidadao::store::StepCommit;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{options, process};
use crate::support::samples::{audited, finding, job, log, step};
use crate::support::{Cluster, Database, Proxy, eventually, on_both_databases};

on_both_databases!(
    a_job_runs_to_its_end,
    a_panic_fails_its_job_and_no_other,
    a_failure_is_told_or_tried_again,
    a_cancel_reaches_a_worker_elsewhere,
    a_shutdown_gives_the_job_back,
    a_handler_that_does_not_stop_is_left_behind,
    a_worker_that_lost_its_lease_stops,
    many_jobs_on_two_processes_run_once_each,
    a_job_that_takes_too_long_is_stopped,
    of_a_kind_only_so_many_run_at_once,
);

/// Commits as many steps as the payload says, then does what it says.
#[derive(Default)]
struct Steps {
    ran: AtomicU32,
}

#[async_trait]
impl JobHandler for Steps {
    fn kind(&self) -> JobKind {
        JobKind::Investigation
    }

    async fn run(&self, ctx: &mut JobContext) -> Result<Finish, JobFailure> {
        self.ran.fetch_add(1, Ordering::SeqCst);
        let steps = ctx.job.payload["steps"].as_i64().unwrap_or(3) as i32;
        for n in ctx.job.steps_done + 1..=steps {
            let findings = vec![finding(&format!("f{n}"), "d", Severity::Low)];
            ctx.commit(StepCommit { findings, output: json!({ "step": n }), ..step(n) }).await?;
        }
        match ctx.job.payload["then"].as_str() {
            Some("panic") => panic!("a secret of the inside"),
            Some("fail") => return Err(JobFailure::failed("NO_DATA", "there is no data")),
            Some("later") if ctx.job.attempt < 3 => return Err(JobFailure::retryable("SOURCE_AWAY", "not now")),
            Some("never") => return Err(JobFailure::retryable("SOURCE_AWAY", "not now")),
            Some("wait") => {
                ctx.cancelled().cancelled().await;
                return Err(JobFailure::Stopped);
            }
            Some("hang") => std::future::pending().await,
            _ => {}
        }
        Ok(Finish {
            output: json!({ "done": true }),
            counts: Counts { findings: i64::from(steps), ..Counts::default() },
            stage: "report".to_owned(),
            message_pt: "Concluída".to_owned(),
            message_en: "Completed".to_owned(),
        })
    }
}

struct Pool {
    jobs: Jobs,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
    handler: Arc<Steps>,
}

impl Pool {
    fn start(jobs: &Jobs) -> Self {
        let (shutdown, handler) = (CancellationToken::new(), Arc::new(Steps::default()));
        let (queue, stop, with) = (jobs.clone(), shutdown.clone(), Arc::clone(&handler));
        let running = tokio::spawn(async move { queue.run(vec![with], stop).await });
        Self { jobs: jobs.clone(), shutdown, running, handler }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.running).await.expect("in time").expect("no panic");
    }

    async fn run(&self, payload: serde_json::Value) -> Job {
        let id = self.jobs.start(job("ana", None, payload)).await.expect("started").0.id;
        ended(&self.jobs, &id).await
    }
}

async fn get(jobs: &Jobs, id: &str) -> Job {
    jobs.get(id).await.expect("readable").expect("there")
}

async fn ended(jobs: &Jobs, id: &str) -> Job {
    eventually("the job ends", async || get(jobs, id).await.state.is_terminal()).await;
    get(jobs, id).await
}

async fn reaches(jobs: &Jobs, id: &str, steps: i32) {
    eventually("the steps are done", async || get(jobs, id).await.steps_done == steps).await;
}

async fn finding_count(jobs: &Jobs, id: &str) -> i64 {
    let query = cidadao::store::FindingQuery { job_id: id.to_owned(), ..Default::default() };
    jobs.store().count_findings(query).await.expect("count")
}

async fn a_job_runs_to_its_end(database: Database) {
    let pool = Pool::start(&process(&database, "w1").await);
    let job = pool.run(json!({ "steps": 3 })).await;
    assert_eq!((job.state, job.steps_done, job.attempt), (JobState::Completed, 3, 1));
    assert_eq!((&job.output, job.stage.as_str(), job.counts.findings), (&json!({ "done": true }), "report", 3));
    assert!((job.fraction - 1.0).abs() < f64::EPSILON && job.finished_at >= job.started_at);
    let events = log(pool.jobs.store(), &job.id).await;
    assert_eq!(events.len(), 6);
    let last = &events[5].body;
    assert_eq!(
        (last.kind, last.state, last.message_pt.as_str()),
        (EventKind::Finished, JobState::Completed, "Concluída")
    );
    assert_eq!(finding_count(&pool.jobs, &job.id).await, 3);
    assert_eq!(audited(pool.jobs.store(), "investigation.completed", &job.id).await, 1);
    pool.stop().await;
}

async fn a_panic_fails_its_job_and_no_other(database: Database) {
    let pool = Pool::start(&process(&database, "w1").await);
    for _ in 0..3 {
        let job = pool.run(json!({ "steps": 1, "then": "panic" })).await;
        let error = job.error.expect("why");
        assert_eq!((job.state, error.reason.as_str(), job.attempt), (JobState::Failed, "INTERNAL", 1));
        let events = log(pool.jobs.store(), &job.id).await;
        assert_eq!(events.last().expect("one").body.state, JobState::Failed);
        assert!(!format!("{error:?} {events:?}").contains("secret"));
        assert_eq!(audited(pool.jobs.store(), "investigation.failed", &job.id).await, 1);
    }
    assert_eq!(pool.run(json!({})).await.state, JobState::Completed);
    pool.stop().await;
}

async fn a_failure_is_told_or_tried_again(database: Database) {
    let pool = Pool::start(&process(&database, "w1").await);
    let failed = pool.run(json!({ "then": "fail" })).await;
    let error = failed.error.expect("why");
    assert_eq!((error.reason.as_str(), error.message.as_str()), ("NO_DATA", "there is no data"));
    assert_eq!((failed.state, failed.attempt), (JobState::Failed, 1));
    let later = pool.run(json!({ "steps": 2, "then": "later" })).await;
    assert_eq!((later.state, later.attempt, later.steps_done), (JobState::Completed, 3, 2));
    assert_eq!(finding_count(&pool.jobs, &later.id).await, 2);
    assert_eq!(log(pool.jobs.store(), &later.id).await.len(), 5);
    let never = pool.run(json!({ "then": "never" })).await;
    assert_eq!((never.state, never.attempt), (JobState::DeadLetter, 5));
    assert_eq!(never.error.expect("why").reason, "SOURCE_AWAY");
    pool.stop().await;
}

async fn a_cancel_reaches_a_worker_elsewhere(database: Database) {
    let defaults = JobsOptions { cancel_poll: JobsOptions::default().cancel_poll, ..options("w1") };
    let pool = Pool::start(&Jobs::new(database.store().await, defaults));
    let other = process(&database, "other").await;
    let id = other.start(job("ana", None, json!({ "steps": 1, "then": "wait" }))).await.expect("started").0.id;
    reaches(&other, &id, 1).await;
    let asked = Instant::now();
    assert!(other.cancel(&id, "rui", "cli").await.expect("asked").cancel_requested);
    let job = ended(&other, &id).await;
    // It looks every half second; the rest is for a busy machine.
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!((job.state, job.steps_done, job.error), (JobState::Cancelled, 1, None));
    assert_eq!(log(other.store(), &id).await.last().expect("one").body.state, JobState::Cancelled);
    assert_eq!(pool.run(json!({})).await.state, JobState::Completed);
    pool.stop().await;
}

async fn a_shutdown_gives_the_job_back(database: Database) {
    let first = Pool::start(&process(&database, "w1").await);
    let new = job("ana", None, json!({ "steps": 2, "then": "wait" }));
    let id = first.jobs.start(new).await.expect("started").0.id;
    reaches(&first.jobs, &id, 2).await;
    let jobs = first.jobs.clone();
    first.stop().await;
    let given_back = get(&jobs, &id).await;
    assert_eq!((given_back.state, given_back.attempt), (JobState::Running, 0));
    // Nobody takes anything after a shutdown.
    let waiting = jobs.start(job("ana", None, json!({}))).await.expect("started").0.id;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(get(&jobs, &waiting).await.state, JobState::Pending);

    let second = Pool::start(&process(&database, "w2").await);
    assert_eq!(ended(&jobs, &waiting).await.state, JobState::Completed);
    eventually("it is taken again", async || get(&jobs, &id).await.attempt == 1).await;
    jobs.cancel(&id, "ana", "cli").await.expect("asked");
    let job = ended(&jobs, &id).await;
    assert_eq!((job.state, job.steps_done), (JobState::Cancelled, 2));
    assert_eq!(finding_count(&jobs, &id).await, 2);
    // Queued, running, two steps, finished: the steps were not done again.
    assert_eq!(log(jobs.store(), &id).await.len(), 5);
    second.stop().await;
}

async fn a_handler_that_does_not_stop_is_left_behind(database: Database) {
    let hasty = JobsOptions { grace: Duration::from_millis(50), ..options("w1") };
    let pool = Pool::start(&Jobs::new(database.store().await, hasty));
    let jobs = pool.jobs.clone();
    let id = jobs.start(job("ana", None, json!({ "steps": 1, "then": "hang" }))).await.expect("started").0.id;
    reaches(&jobs, &id, 1).await;
    pool.stop().await;
    let claimed = jobs.store().claim_job("w2", Duration::from_secs(5), &[JobKind::Investigation]).await;
    let claimed = claimed.expect("a claim").expect("given back");
    assert_eq!((claimed.id, claimed.attempt), (id, 1));
}

async fn a_worker_that_lost_its_lease_stops(database: Database) {
    // One worker, which is busy: else it would take the job over from itself.
    let jobs = Jobs::new(database.store().await, JobsOptions { workers: 1, ..options("w1") });
    let pool = Pool::start(&jobs);
    let id = jobs.start(job("ana", None, json!({ "steps": 1, "then": "wait" }))).await.expect("started").0.id;
    reaches(&jobs, &id, 1).await;
    let held = get(&jobs, &id).await;
    database.pass(31);
    let lease = Duration::from_secs(3600);
    let other = jobs.store().claim_job("w2", lease, &[JobKind::Investigation]).await;
    let other = other.expect("a claim").expect("the lease has ended");
    assert_eq!((other.lease_token, other.steps_done), (held.lease_token + 1, 1));
    // The worker is free again, and has written nothing of what was no longer its own.
    for _ in 0..2 {
        assert_eq!(pool.run(json!({})).await.state, JobState::Completed);
    }
    assert_eq!(get(&jobs, &id).await, other);
    pool.stop().await;
    assert_eq!(get(&jobs, &id).await, other);
}

async fn many_jobs_on_two_processes_run_once_each(database: Database) {
    let pools = [Pool::start(&process(&database, "w1").await), Pool::start(&process(&database, "w2").await)];
    let mut ids = Vec::new();
    for n in 0..20 {
        let new = job("ana", None, json!({ "steps": n % 4 }));
        ids.push(pools[n % 2].jobs.start(new).await.expect("started").0.id);
    }
    for (n, id) in (0_i64..).zip(&ids) {
        let job = ended(&pools[0].jobs, id).await;
        assert_eq!((job.state, job.attempt), (JobState::Completed, 1));
        assert_eq!(finding_count(&pools[0].jobs, id).await, n % 4);
        log(pools[0].jobs.store(), id).await;
    }
    let ran = pools.iter().map(|pool| pool.handler.ran.load(Ordering::SeqCst)).sum::<u32>();
    assert_eq!(ran, 20);
    for pool in pools {
        pool.stop().await;
    }
}

async fn a_job_that_takes_too_long_is_stopped(database: Database) {
    let pool = Pool::start(&process(&database, "w1").await);
    let new = job("ana", None, json!({ "steps": 1, "then": "wait" }));
    let late = cidadao::model::NewJob { timeout: Some(Duration::from_millis(600)), ..new };
    let id = pool.jobs.start(late).await.expect("started").0.id;
    let job = ended(&pool.jobs, &id).await;
    assert_eq!((job.state, job.attempt, job.steps_done), (JobState::Failed, 1, 1));
    assert_eq!(job.error.expect("why").reason, "DEADLINE_EXCEEDED");
    assert_eq!(log(pool.jobs.store(), &id).await.len(), 4);
    pool.stop().await;
}

async fn of_a_kind_only_so_many_run_at_once(database: Database) {
    let limits = vec![(JobKind::Investigation, 1)];
    let jobs = Jobs::new(database.store().await, JobsOptions { workers: 4, limits, ..options("w1") });
    let pool = Pool::start(&jobs);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let new = job("ana", None, json!({ "steps": 1, "then": "wait" }));
        ids.push(jobs.start(new).await.expect("started").0.id);
    }
    for (at, id) in ids.iter().enumerate() {
        reaches(&jobs, id, 1).await;
        // Several polls later the others still wait.
        tokio::time::sleep(Duration::from_millis(100)).await;
        for waiting in &ids[at + 1..] {
            assert_eq!(get(&jobs, waiting).await.state, JobState::Pending);
        }
        jobs.cancel(id, "ana", "cli").await.expect("asked");
        assert_eq!(ended(&jobs, id).await.state, JobState::Cancelled);
    }
    pool.stop().await;
}

/// The line to the database is cut in the middle of a job, again and again: each step is there
/// once in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_outlives_the_absence_of_its_database() {
    let Some(database) = Database::postgres().await else { return };
    let cluster = Cluster::get().await.expect("there is one");
    let proxy = Proxy::to(cluster.port()).await;
    let mut options = database.options();
    options.url = database.url.replace(&cluster.port().to_string(), &proxy.port.to_string());
    (options.retries, options.retry_base) = (1, Duration::from_millis(10));
    let store = cidadao::store::Store::connect(&options).await.expect("opens");
    let pool = Pool::start(&Jobs::new(store, super::options("w1")));
    let direct = process(&database, "direct").await;
    let id = pool.jobs.start(job("ana", None, json!({ "steps": 400 }))).await.expect("started").0.id;
    for n in 0..6 {
        tokio::time::sleep(Duration::from_millis(60 + 7 * n)).await;
        proxy.cut();
        tokio::time::sleep(Duration::from_millis(80)).await;
        proxy.mend();
    }
    let deadline = Instant::now() + Duration::from_secs(180);
    while !get(&direct, &id).await.state.is_terminal() {
        assert!(Instant::now() < deadline, "{:?}", get(&direct, &id).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let job = get(&direct, &id).await;
    assert_eq!((job.state, job.steps_done, job.attempt), (JobState::Completed, 400, 1));
    let events = log(direct.store(), &id).await;
    assert_eq!(events.len(), 403);
    let stages: Vec<&str> = events[2..402].iter().map(|event| event.body.stage.as_str()).collect();
    assert_eq!(stages, (1..=400).map(|n| format!("step-{n}")).collect::<Vec<_>>());
    assert_eq!(finding_count(&direct, &id).await, 400);
    pool.stop().await;
}
