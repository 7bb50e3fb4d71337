//! Health: real probes of every dependency, `HealthService`, and the task that keeps
//! `grpc.health.v1` true.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt as _};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::convert::timestamp;
use super::pb::health_service_server::HealthService;
use super::{VERSION, pb};
use crate::cache::{Cache, CacheBackend};
use crate::jobs::{Jobs, WorkerStats};
use crate::lake::{Lake, LakeError};
use crate::store::Store;

/// How long a probe may take before its dependency counts as away.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// When everything that a server starts has started.
const SETTLED: Duration = Duration::from_millis(300);

/// Silence of every worker that is more than a slow poll or a late heartbeat.
const WORKER_SILENCE: Duration = Duration::from_secs(60);

/// State of a dependency or of the service; from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthState {
    /// Works.
    Healthy,
    /// Works, but slower or with less.
    Degraded,
    /// Does not work.
    Unhealthy,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq)]
pub struct Probed {
    /// Name of the dependency.
    pub name: &'static str,
    /// State.
    pub state: HealthState,
    /// What was probed and what it said; fit for a caller.
    pub detail: String,
    /// How long the probe took.
    pub took: Duration,
    /// Whether the service is unhealthy without it.
    pub required: bool,
}

/// What all probes found.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthReport {
    /// When.
    pub at: DateTime<Utc>,
    /// Each dependency, always in the same order.
    pub dependencies: Vec<Probed>,
}

impl HealthReport {
    /// The worst state of what is required; what is not required can only degrade.
    pub fn state(&self) -> HealthState {
        let of = |probed: &Probed| if probed.required { probed.state } else { probed.state.min(HealthState::Degraded) };
        self.dependencies.iter().map(of).max().unwrap_or(HealthState::Healthy)
    }

    fn is_up(&self, name: &str) -> bool {
        self.dependencies.iter().all(|probed| probed.name != name || probed.state != HealthState::Unhealthy)
    }

    fn differs(&self, other: &Self) -> bool {
        let states = |report: &Self| report.dependencies.iter().map(|probed| probed.state).collect::<Vec<_>>();
        states(self) != states(other)
    }
}

/// Probes the dependencies of a server.
#[derive(Clone)]
pub struct Prober {
    store: Store,
    cache: Cache,
    lake: Lake,
    jobs: Jobs,
    latest: watch::Sender<Option<HealthReport>>,
}

impl fmt::Debug for Prober {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prober").finish_non_exhaustive()
    }
}

impl Prober {
    /// A prober of these dependencies.
    pub fn new(store: Store, cache: Cache, lake: Lake, jobs: Jobs) -> Self {
        Self { store, cache, lake, jobs, latest: watch::Sender::new(None) }
    }

    /// Probes every dependency now, all at once.
    pub async fn probe(&self) -> HealthReport {
        let (database, cache, lake, workers) = tokio::join!(
            timed("database", true, PROBE_TIMEOUT, self.database()),
            timed("cache", false, PROBE_TIMEOUT, self.cache()),
            timed("lake", true, PROBE_TIMEOUT, self.lake()),
            timed("workers", false, PROBE_TIMEOUT, self.workers()),
        );
        HealthReport { at: self.store.now(), dependencies: vec![database, cache, lake, workers] }
    }

    /// Probes and tells everybody who follows: `grpc.health.v1`, and `WatchHealth` if a state changed.
    pub(super) async fn refresh(&self, serving: &mut Serving) -> HealthReport {
        let report = self.probe().await;
        serving.follow(&report).await;
        self.latest.send_if_modified(|latest| {
            let changed = latest.as_ref().is_none_or(|latest| latest.differs(&report));
            if changed {
                *latest = Some(report.clone());
            }
            changed
        });
        report
    }

    async fn database(&self) -> Verdict {
        match self.store.ping().await {
            Ok(()) => Verdict::healthy("answers a query"),
            // The text of the driver may name hosts: it stays in the log.
            Err(error) => Verdict::unhealthy("does not answer a query", &error),
        }
    }

    async fn cache(&self) -> Verdict {
        let backend = self.cache.backend();
        match (self.cache.probe().await, backend) {
            (Ok(()), _) => Verdict::healthy(format!("{}: keeps a value and gives it back", backend.as_str())),
            (Err(error), CacheBackend::Memory) => {
                Verdict::unhealthy("memory: does not give back what it was given", &error)
            }
            (Err(error), CacheBackend::Redis) => {
                tracing::debug!(target: "cidadao::api", %error, "the probe of Redis failed");
                Verdict::degraded("Redis: does not give back what it was given, values are computed each time")
            }
        }
    }

    async fn lake(&self) -> Verdict {
        let snapshot = match self.lake.snapshot(None).await {
            Ok(snapshot) => snapshot,
            Err(error) => return Verdict::unhealthy("its manifest cannot be read", &error),
        };
        let (version, files) = (snapshot.version(), snapshot.files().len());
        if let Err(error) = self.lake.files().probe(snapshot.files()).await {
            let what = match &error {
                LakeError::Object { .. } => "its bucket cannot be read, or not all of it",
                _ => "a file is missing or damaged",
            };
            return Verdict::unhealthy(&format!("version {version}: {what}"), &error);
        }
        if version == 0 {
            return Verdict::healthy("empty: nothing has been imported");
        }
        Verdict::healthy(format!("version {version}, {files} files"))
    }

    async fn workers(&self) -> Verdict {
        let stats = self.jobs.worker_stats();
        let WorkerStats { alive, busy, silent_for, .. } = stats;
        if alive == 0 {
            Verdict::degraded("no worker runs in this process")
        } else if silent_for > WORKER_SILENCE {
            let seconds = silent_for.as_secs();
            Verdict::degraded(format!("{alive} workers, {busy} busy, no sign of life for {seconds} s"))
        } else {
            let seconds = silent_for.as_secs_f64();
            Verdict::healthy(format!("{alive} workers, {busy} busy, last sign of life {seconds:.1} s ago"))
        }
    }
}

/// What one probe says.
struct Verdict {
    state: HealthState,
    detail: String,
}

impl Verdict {
    fn healthy(detail: impl Into<String>) -> Self {
        Self { state: HealthState::Healthy, detail: detail.into() }
    }

    fn degraded(detail: impl Into<String>) -> Self {
        Self { state: HealthState::Degraded, detail: detail.into() }
    }

    fn unhealthy(detail: &str, cause: &dyn fmt::Display) -> Self {
        tracing::debug!(target: "cidadao::api", %cause, "a probe failed: {detail}");
        Self { state: HealthState::Unhealthy, detail: detail.to_owned() }
    }
}

async fn timed(name: &'static str, required: bool, patience: Duration, probe: impl Future<Output = Verdict>) -> Probed {
    let began = Instant::now();
    let verdict = tokio::time::timeout(patience, probe).await.unwrap_or_else(|_| Verdict {
        state: HealthState::Unhealthy,
        detail: format!("did not answer within {patience:?}"),
    });
    Probed { name, state: verdict.state, detail: verdict.detail, took: began.elapsed(), required }
}

/// Each service with the dependencies that it cannot work without; `""` is the server as a whole.
const SERVICES: [(&str, &[&str]); 6] = [
    ("", &["database", "lake"]),
    ("cidadao.v1.InvestigationService", &["database", "lake"]),
    ("cidadao.v1.AnalysisService", &["database", "lake"]),
    ("cidadao.v1.ContractService", &["database", "lake"]),
    ("cidadao.v1.AuthService", &["database"]),
    ("cidadao.v1.HealthService", &[]),
];

/// What `grpc.health.v1` says of each service.
#[derive(Debug)]
pub(super) struct Serving {
    reporter: HealthReporter,
    said: [Option<bool>; SERVICES.len()],
}

impl Serving {
    /// Nothing serves until the first probe.
    pub(super) const fn new(reporter: HealthReporter) -> Self {
        Self { reporter, said: [None; SERVICES.len()] }
    }

    async fn follow(&mut self, report: &HealthReport) {
        for ((service, needs), said) in SERVICES.iter().zip(&mut self.said) {
            let up = needs.iter().all(|name| report.is_up(name));
            // Setting wakes every watcher, also where nothing changed.
            if said.replace(up) != Some(up) {
                let status = if up { ServingStatus::Serving } else { ServingStatus::NotServing };
                self.reporter.set_service_status(service, status).await;
            }
        }
    }

    /// Says that nothing serves any more.
    async fn drain(&self) {
        for (service, _) in SERVICES {
            self.reporter.set_service_status(service, ServingStatus::NotServing).await;
        }
    }

    /// Ends every watch, so that connections can close.
    async fn stop(&mut self) {
        // Watchers read the last status before they see the end.
        for (service, _) in SERVICES {
            self.reporter.clear_service_status(service).await;
        }
    }
}

/// Keeps the health of a server true until it stops.
pub(super) async fn keep(
    prober: Prober,
    mut serving: Serving,
    every: Duration,
    draining: CancellationToken,
    stopping: CancellationToken,
) {
    // The first look was before the workers ran.
    let mut wait = every.min(SETTLED);
    while draining.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
        prober.refresh(&mut serving).await;
        wait = every;
    }
    serving.drain().await;
    stopping.cancelled().await;
    serving.stop().await;
}

#[derive(Debug, Clone)]
pub(super) struct Service {
    prober: Prober,
    stopping: CancellationToken,
}

impl Service {
    pub(super) const fn new(prober: Prober, stopping: CancellationToken) -> Self {
        Self { prober, stopping }
    }
}

const fn state(state: HealthState) -> pb::HealthState {
    match state {
        HealthState::Healthy => pb::HealthState::Healthy,
        HealthState::Degraded => pb::HealthState::Degraded,
        HealthState::Unhealthy => pb::HealthState::Unhealthy,
    }
}

fn health(report: &HealthReport) -> pb::Health {
    let dependencies = report.dependencies.iter().map(|probed| pb::DependencyHealth {
        name: probed.name.to_owned(),
        status: state(probed.state) as i32,
        detail: probed.detail.clone(),
        duration_ms: probed.took.as_secs_f64() * 1_000.0,
        required: probed.required,
    });
    pb::Health {
        status: state(report.state()) as i32,
        dependencies: dependencies.collect(),
        check_time: Some(timestamp(report.at)),
        version: VERSION.to_owned(),
    }
}

type Reports = Pin<Box<dyn Stream<Item = Result<pb::Health, Status>> + Send>>;

#[async_trait]
impl HealthService for Service {
    async fn get_health(&self, _request: Request<pb::GetHealthRequest>) -> Result<Response<pb::Health>, Status> {
        Ok(Response::new(health(&self.prober.probe().await)))
    }

    type WatchHealthStream = Reports;

    async fn watch_health(&self, _request: Request<pb::WatchHealthRequest>) -> Result<Response<Reports>, Status> {
        // One slot for all watchers: who is slow sees the latest report, never a queue of old ones.
        let changes = self.prober.latest.subscribe();
        let reports = futures::stream::unfold((changes, true), |(mut changes, first)| async move {
            if !first {
                changes.changed().await.ok()?;
            }
            let report = changes.borrow_and_update().as_ref().map(health)?;
            Some((Ok(report), (changes, false)))
        });
        Ok(Response::new(Box::pin(reports.take_until(self.stopping.clone().cancelled_owned()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(states: &[(HealthState, bool)]) -> HealthReport {
        let dependencies = states.iter().map(|(state, required)| Probed {
            name: "x",
            state: *state,
            detail: String::new(),
            took: Duration::ZERO,
            required: *required,
        });
        HealthReport { at: DateTime::UNIX_EPOCH, dependencies: dependencies.collect() }
    }

    #[test]
    fn only_what_is_required_makes_the_service_unhealthy() {
        use HealthState::{Degraded, Healthy, Unhealthy};
        assert_eq!(report(&[(Healthy, true), (Healthy, false)]).state(), Healthy);
        assert_eq!(report(&[(Healthy, true), (Unhealthy, false)]).state(), Degraded);
        assert_eq!(report(&[(Degraded, true), (Healthy, false)]).state(), Degraded);
        assert_eq!(report(&[(Unhealthy, true), (Degraded, false)]).state(), Unhealthy);
    }

    #[tokio::test]
    async fn a_probe_that_hangs_is_cut_off() {
        let patience = Duration::from_millis(20);
        let probed = timed("x", true, patience, std::future::pending()).await;
        assert_eq!(probed.state, HealthState::Unhealthy);
        assert!(probed.took >= patience && probed.detail.contains("20ms"), "{probed:?}");
    }
}
