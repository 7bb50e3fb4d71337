//! The parts, wired and served. Everything with state is a field of [`App`]: several of them run in
//! one process, each on its own ports.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{self, Handle, Runtime};
use tokio_util::sync::CancellationToken;

use crate::api::{self, Api, Fresh, Prober, ServeError, Stack};
use crate::auth::{Auth, AuthOptions};
use crate::cache::{Cache, Hints, Redis, RedisOptions};
use crate::config::Config;
use crate::detectors::{Catalogue, DetectorError, QueryLimits};
use crate::gateway::binding::BindingError;
use crate::gateway::{self, Gateway, GatewayParts, MetricsSource};
use crate::ingest::{Intake, Uploads};
use crate::jobs::{JobHandler, Jobs, JobsOptions};
use crate::lake::{Engine, Lake, LakeError};
use crate::sources::PortalNow;
use crate::store::{Store, StoreError, StoreOptions};
use crate::telemetry::Metrics;
use crate::{analysis, ingest, investigation, secret};

/// Memory of the cache, in bytes.
const CACHE_BYTES: u64 = 64 << 20;
/// How often dependencies are probed.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// How long calls get to end after the jobs have handed over.
const DRAIN: Duration = Duration::from_secs(5);
/// How long a server that is about to stop says that it is not ready, before it turns callers away.
const NOTICE: Duration = Duration::from_millis(300);

/// Sockets that a server listens on; they may be bound to port 0.
#[derive(Debug)]
pub struct Listeners {
    /// gRPC.
    pub grpc: TcpListener,
    /// REST.
    pub http: TcpListener,
    /// Metrics.
    pub metrics: TcpListener,
}

impl Listeners {
    /// All on loopback, on ports that the system chooses.
    ///
    /// # Errors
    /// If a socket cannot be bound.
    pub async fn loopback() -> std::io::Result<Self> {
        let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        Ok(Self { grpc: bind().await?, http: bind().await?, metrics: bind().await? })
    }
}

/// Why a server cannot be built or stops.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A setting of the lake's bucket.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// gRPC.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// An annotation of the API cannot be served: a defect of the build.
    #[error(transparent)]
    Gateway(#[from] BindingError),
    /// A detector of this version is malformed.
    #[error(transparent)]
    Detectors(#[from] DetectorError),
    /// A socket, or the threads of the engine.
    #[error("{what}: {cause}")]
    Io {
        /// What failed.
        what: &'static str,
        /// Why.
        cause: std::io::Error,
    },
    /// A server task ended by a panic: a defect.
    #[error("the server ended by a panic: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}

/// The threads of the query engine, apart from those that answer calls.
pub struct EngineThreads(Option<Runtime>);

impl EngineThreads {
    /// So many threads.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn new(threads: usize) -> Result<Self, AppError> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("engine")
            .enable_all()
            .build()
            .map_err(|cause| AppError::Io { what: "threads of the query engine", cause })?;
        Ok(Self(Some(runtime)))
    }

    /// Where to spawn.
    pub fn handle(&self) -> Handle {
        self.0.as_ref().map_or_else(Handle::current, |runtime| runtime.handle().clone())
    }
}

impl Drop for EngineThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // A runtime that is dropped within another one would block it.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for EngineThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EngineThreads")
    }
}

/// What a server is made of.
pub struct AppParts {
    /// The database.
    pub store: Store,
    /// Who calls.
    pub auth: Auth,
    /// The queue over it.
    pub jobs: Jobs,
    /// Redis, where one is used.
    pub redis: Option<Redis>,
    /// The cache.
    pub cache: Cache,
    /// Hints to and from other replicas.
    pub hints: Hints,
    /// The lake.
    pub lake: Lake,
    /// Contracts as their source has them now.
    pub fresh: Fresh,
    /// What may be taken in over the API.
    pub intake: Intake,
    /// The detectors.
    pub catalogue: Arc<Catalogue>,
    /// How much a user's own detector may use.
    pub own_limits: QueryLimits,
    /// What is counted.
    pub metrics: Metrics,
    /// Threads of the query engine.
    pub engine: EngineThreads,
    /// Most memory of one query, in bytes.
    pub engine_memory: usize,
    /// Threads of one query.
    pub engine_threads: usize,
    /// Who does the jobs.
    pub handlers: Vec<Arc<dyn JobHandler>>,
    /// How often dependencies are probed.
    pub probe_every: Duration,
    /// How long jobs get to hand over at the end.
    pub grace: Duration,
    /// How long a job may take where its request does not say.
    pub job_timeout: Option<Duration>,
    /// Silence after which a stream sends a heartbeat.
    pub heartbeat: Duration,
    /// Origins whose pages may call the API.
    pub cors_origins: Vec<String>,
}

impl fmt::Debug for AppParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppParts").field("store", &self.store).field("lake", &self.lake).finish_non_exhaustive()
    }
}

/// A server that does not serve yet.
#[derive(Debug)]
pub struct App {
    parts: AppParts,
}

impl App {
    /// Opens everything that a configuration names. A Redis that is away is told of in the log and
    /// used when it is back.
    ///
    /// # Errors
    /// [`AppError::Store`] if the database cannot be opened, [`AppError::Io`] if the engine gets no
    /// threads or the key of the tokens cannot be kept, [`AppError::Lake`] if a setting of the lake's bucket is malformed.
    pub async fn build(config: &Config) -> Result<Self, AppError> {
        let (pool_size, max_overflow) = config.database_pool;
        let store = Store::connect(&StoreOptions {
            pool_size,
            max_overflow,
            acquire_timeout: config.database_acquire_timeout,
            max_lifetime: config.database_recycle,
            test_on_check_out: config.database_check_connections,
            max_attempts: config.max_attempts,
            ..StoreOptions::new(&config.database_url)
        })
        .await?;
        let signing_key = match &config.jwt_secret {
            Some(secret) => secret.expose().as_bytes().to_vec(),
            None => secret::load_or_create(&config.data_dir.join("jwt.key"))
                .map_err(|cause| AppError::Io { what: "key of the tokens", cause })?
                .to_vec(),
        };
        let auth = AuthOptions { token_ttl: config.token_ttl, ..AuthOptions::new(config.auth, signing_key) };
        let engine = EngineThreads::new(config.engine_threads)?;
        let lake = config.lake(store.clone())?;
        let catalogue = Arc::new(Catalogue::with_own(config.detectors_dir.as_deref(), config.own_limits).await?);
        let redis = match &config.redis_url {
            Some(url) => Some(Redis::connect(RedisOptions::new(url.clone())).await),
            None => None,
        };
        let cache = redis.as_ref().map_or_else(|| Cache::in_memory(CACHE_BYTES), Cache::in_redis);
        let cache = cache.with_default_ttl(config.cache_ttl);
        let hints = redis.as_ref().map_or_else(Hints::none, Hints::over);
        let metrics = Metrics::new(api::VERSION, &config.environment);
        let options = JobsOptions {
            workers: config.workers,
            limits: config.limits.clone(),
            lease: config.lease,
            grace: config.grace,
            watch_heartbeat: config.heartbeat,
            retention: config.retention,
            hints: hints.clone(),
            ..JobsOptions::default()
        };
        let queries = Engine { handle: engine.handle(), memory: config.engine_memory, threads: config.engine_threads };
        let intake = Intake {
            rules: config.import_rules(),
            uploads: Uploads::new(config.data_dir.join("uploads"), config.max_upload),
        };
        let apis = config.apis(redis.as_ref());
        let (key, bucket) = (apis.key.clone(), apis.portal_bucket.clone());
        let portal = PortalNow::new(&config.portal_api_url, key, bucket, config.data_dir.clone());
        let fresh = Fresh::new(portal, &cache, config.data_dir.join("pii.key"));
        let handlers: Vec<Arc<dyn JobHandler>> = vec![
            Arc::new(investigation::Handler {
                lake: lake.clone(),
                catalogue: Arc::clone(&catalogue),
                engine: queries.clone(),
                metrics: metrics.clone(),
                cache: cache.clone(),
                results_ttl: config.results_ttl,
                own_limits: config.own_limits,
            }),
            Arc::new(analysis::Handler { lake: lake.clone(), engine: queries.clone(), metrics: metrics.clone() }),
            Arc::new(ingest::Handler {
                lake: lake.clone(),
                store: store.clone(),
                intake: intake.clone(),
                apis,
                data_dir: config.data_dir.clone(),
            }),
        ];
        Ok(Self::of(AppParts {
            auth: Auth::new(store.clone(), &auth),
            jobs: Jobs::new(store.clone(), options),
            store,
            cache,
            hints,
            redis,
            lake,
            fresh,
            intake,
            catalogue,
            own_limits: config.own_limits,
            metrics,
            engine,
            engine_memory: config.engine_memory,
            engine_threads: config.engine_threads,
            handlers,
            probe_every: PROBE_EVERY,
            grace: config.grace,
            job_timeout: config.job_timeout,
            heartbeat: config.heartbeat,
            cors_origins: config.cors_origins.clone(),
        }))
    }

    /// A server of these parts.
    pub const fn of(parts: AppParts) -> Self {
        Self { parts }
    }

    /// Takes calls and does no jobs: others do them.
    pub fn without_workers(&mut self) {
        self.parts.handlers.clear();
    }

    /// The parts.
    pub const fn parts(&self) -> &AppParts {
        &self.parts
    }

    /// Serves gRPC, REST and metrics and does jobs until `shutdown`, then drains: it is not ready any more
    /// and takes no more jobs; those that run hand over within the grace period; a moment later
    /// clients are told to reconnect elsewhere (GOAWAY), streams are cut, calls end.
    ///
    /// # Errors
    /// [`AppError`] if a listener fails; the others are drained before it is returned.
    pub async fn serve(self, listeners: Listeners, shutdown: CancellationToken) -> Result<(), AppError> {
        let parts = self.parts;
        // Tokens of its own: if one part fails, the others stop too.
        let (draining, stopping) = (shutdown.child_token(), CancellationToken::new());
        let prober = Prober::new(parts.store.clone(), parts.cache.clone(), parts.lake.clone(), parts.jobs.clone());
        let api = Api {
            auth: parts.auth.clone(),
            store: parts.store.clone(),
            jobs: parts.jobs.clone(),
            lake: parts.lake.clone(),
            engine: Engine {
                handle: parts.engine.handle(),
                memory: parts.engine_memory,
                threads: parts.engine_threads,
            },
            fresh: parts.fresh.clone(),
            intake: parts.intake.clone(),
            catalogue: Arc::clone(&parts.catalogue),
            own_limits: parts.own_limits,
            metrics: parts.metrics.clone(),
            prober,
            job_timeout: parts.job_timeout,
            draining: draining.clone(),
            stopping: stopping.clone(),
        };
        let stack = Stack::new(&api)?;
        let rest = Gateway::new(GatewayParts {
            api: api.clone(),
            service: stack.service.clone(),
            heartbeat: parts.heartbeat,
            cors_origins: parts.cors_origins.clone(),
        })?;
        let source = MetricsSource {
            metrics: parts.metrics.clone(),
            store: parts.store.clone(),
            cache: parts.cache.clone(),
            redis: parts.redis.clone(),
            hints: parts.hints.clone(),
            jobs: parts.jobs.clone(),
        };
        let grpc = api::serve(&api, stack, listeners.grpc, parts.probe_every);
        let http = gateway::serve(rest, listeners.http, stopping.clone());
        let metrics = gateway::serve_metrics(source, listeners.metrics, stopping.clone());
        let jobs = parts.jobs.run(parts.handlers.clone(), draining.clone());
        let announce = async {
            draining.cancelled().await;
            tokio::time::sleep(NOTICE).await;
            stopping.cancel();
        };

        let deadline = async {
            stopping.cancelled().await;
            tokio::time::sleep(parts.grace + DRAIN).await;
        };
        let served = async {
            let guard = |result| {
                draining.cancel();
                result
            };
            let (grpc, http, metrics, (), ()) = tokio::join!(
                async { guard(grpc.await.map_err(AppError::from)) },
                async { guard(http.await.map_err(|cause| AppError::Io { what: "HTTP listener", cause })) },
                async {
                    let io = |cause| AppError::Io { what: "metrics listener", cause };
                    guard(metrics.await.map_err(io))
                },
                jobs,
                announce,
            );
            grpc.and(http).and(metrics)
        };
        tokio::select! {
            result = served => result,
            () = deadline => {
                tracing::warn!("calls that had not ended within the grace period were cut");
                Ok(())
            }
        }
    }

    /// Serves in a task of its own; for tests and for commands that are their own client.
    ///
    /// # Errors
    /// If the address of a listener cannot be read.
    pub fn spawn(self, listeners: Listeners) -> Result<ServerHandle, AppError> {
        let addr = |listener: &TcpListener| {
            listener.local_addr().map_err(|cause| AppError::Io { what: "address of a listener", cause })
        };
        let (grpc_addr, http_addr) = (addr(&listeners.grpc)?, addr(&listeners.http)?);
        let metrics_addr = addr(&listeners.metrics)?;
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(self.serve(listeners, shutdown.clone()));
        Ok(ServerHandle { grpc_addr, http_addr, metrics_addr, shutdown, task })
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct ServerHandle {
    /// Where gRPC is served.
    pub grpc_addr: SocketAddr,
    /// Where REST is served.
    pub http_addr: SocketAddr,
    /// Where the metrics are served.
    pub metrics_addr: SocketAddr,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), AppError>>,
}

impl ServerHandle {
    /// Stops it and waits until it has drained.
    ///
    /// # Errors
    /// What ended it.
    pub async fn stop(self) -> Result<(), AppError> {
        self.shutdown.cancel();
        self.task.await?
    }
}
