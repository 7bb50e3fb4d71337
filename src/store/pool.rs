//! Two pools behind one face, and the two macros that every query goes through.
//!
//! A query is written once, in `read!` or `transaction!`, and compiled for both connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::result::{ConnectionError, ConnectionResult};
use diesel::{Connection, SqliteConnection};
use diesel_async::pooled_connection::bb8::{Pool, PooledConnection, RunError};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, SetupCallback};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures::FutureExt;
use rand::Rng;
use tokio::sync::{Mutex, MutexGuard, watch};
use tracing::{Instrument, Span};

use super::{StoreError, StoreOptions};

pub(super) type SqliteConn = SyncConnectionWrapper<SqliteConnection>;

/// What the pool of connections does, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolStats {
    /// Largest number of connections.
    pub max_size: u32,
    /// Connections there are.
    pub size: u32,
    /// Connections nobody uses.
    pub idle: u32,
    /// Connections in use.
    pub in_use: u32,
    /// Connections made since the start.
    pub created: u64,
    /// Connections that could not be made, or were found broken.
    pub errors: u64,
    /// Callers that had to wait for a connection.
    pub waited: u64,
    /// Callers that waited in vain.
    pub timed_out: u64,
    /// Time that callers have waited, in all.
    pub wait_time: Duration,
}

/// Counts failures to connect, and tells those who wait for a connection.
#[derive(Debug)]
struct Link {
    errors: AtomicU64,
    last_failure: watch::Sender<Option<StoreError>>,
}

/// A pool of connections of one kind.
pub(super) struct Connections<P> {
    pool: P,
    link: Arc<Link>,
}

macro_rules! connections {
    ($conn:ty) => {
        impl Connections<Pool<$conn>> {
            async fn build(
                options: &StoreOptions,
                test: bool,
                setup: SetupCallback<$conn>,
            ) -> Result<Self, StoreError> {
                let link = Arc::new(Link { errors: AtomicU64::new(0), last_failure: watch::Sender::new(None) });
                let mut config = ManagerConfig::default();
                let seen = Arc::clone(&link);
                let limit = options.connect_timeout;
                config.custom_setup = Box::new(move |url| {
                    let seen = Arc::clone(&seen);
                    let made = setup(url);
                    async move {
                        let late = || ConnectionError::BadConnection(format!("no connection within {limit:?}"));
                        let made = tokio::time::timeout(limit, made).await.unwrap_or_else(|_| Err(late()));
                        if let Err(error) = &made {
                            seen.errors.fetch_add(1, Ordering::Relaxed);
                            seen.last_failure.send_replace(Some(StoreError::connection(error)));
                        }
                        made
                    }
                    .boxed()
                });
                let file = sqlite_path(&options.url)?.map(|path| path.to_string_lossy().into_owned());
                let target = file.unwrap_or_else(|| options.url.clone());
                let pool = Pool::builder()
                    .max_size(options.max_size())
                    .connection_timeout(options.acquire_timeout)
                    .max_lifetime(options.max_lifetime)
                    .idle_timeout(options.idle_timeout)
                    .test_on_check_out(test)
                    // A failure goes to those who wait at once; the store has retries of its own.
                    .retry_connection(false)
                    .build(AsyncDieselConnectionManager::new_with_config(target, config))
                    .await
                    .map_err(|_| StoreError::Unavailable { reason: "the pool could not be built".to_owned() })?;
                Ok(Self { pool, link })
            }

            pub(super) async fn acquire(&self) -> Result<PooledConnection<'_, $conn>, StoreError> {
                let mut failures = self.link.last_failure.subscribe();
                let mut get = std::pin::pin!(self.pool.get());
                loop {
                    tokio::select! {
                        got = &mut get => return got.map_err(|error| match error {
                            RunError::TimedOut => StoreError::Unavailable {
                                reason: "no connection was free in time".to_owned(),
                            },
                            RunError::User(_) => StoreError::Unavailable { reason: "no connection".to_owned() },
                        }),
                        Ok(()) = failures.changed() => {
                            // While there are others, one of them may come free.
                            if self.pool.state().connections == 0
                                && let Some(error) = failures.borrow_and_update().clone()
                            {
                                return Err(error);
                            }
                        }
                    }
                }
            }

            fn stats(&self) -> PoolStats {
                let state = self.pool.state();
                let seen = state.statistics;
                PoolStats {
                    max_size: self.pool.config().max_size,
                    size: state.connections,
                    idle: state.idle_connections,
                    in_use: state.connections.saturating_sub(state.idle_connections),
                    created: seen.connections_created,
                    errors: self.link.errors.load(Ordering::Relaxed)
                        + seen.connections_closed_broken
                        + seen.connections_closed_invalid,
                    waited: seen.get_waited,
                    timed_out: seen.get_timed_out,
                    wait_time: seen.get_wait_time,
                }
            }
        }
    };
}

connections!(AsyncPgConnection);
connections!(SqliteConn);

pub(super) enum Pools {
    Postgres(Connections<Pool<AsyncPgConnection>>),
    /// SQLite has one writer at a time: those of this process queue here, fairly and without
    /// spinning; those of other processes are waited for with the busy timeout.
    Sqlite {
        connections: Connections<Pool<SqliteConn>>,
        writer: Mutex<()>,
    },
}

impl Pools {
    /// Name of the database in spans, as OpenTelemetry spells it.
    pub(super) const fn system(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgresql",
            Self::Sqlite { .. } => "sqlite",
        }
    }

    /// Whether writers wait for each other.
    pub(super) const fn has_one_writer(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    pub(super) async fn connect(options: &StoreOptions) -> Result<Self, StoreError> {
        if sqlite_path(&options.url)?.is_some() {
            let busy = options.busy_timeout.as_millis();
            let pragmas = format!("PRAGMA busy_timeout = {busy}; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;");
            let setup: SetupCallback<SqliteConn> = Box::new(move |url| {
                let (url, pragmas) = (url.to_owned(), pragmas.clone());
                async move { prepared(SqliteConn::establish(&url).await?, &pragmas).await }.boxed()
            });
            let connections = Connections::<Pool<SqliteConn>>::build(options, false, setup).await?;
            return Ok(Self::Sqlite { connections, writer: Mutex::new(()) });
        }
        let limit = options.statement_timeout.as_millis();
        let settings = format!("SET application_name = 'cidadao'; SET statement_timeout = {limit};");
        let setup: SetupCallback<AsyncPgConnection> = Box::new(move |url| {
            let (url, settings) = (url.to_owned(), settings.clone());
            async move { prepared(AsyncPgConnection::establish(&url).await?, &settings).await }.boxed()
        });
        Ok(Self::Postgres(
            Connections::<Pool<AsyncPgConnection>>::build(options, options.test_on_check_out, setup).await?,
        ))
    }

    /// The turn to write, where only one may.
    pub(super) async fn writer(&self) -> Option<MutexGuard<'_, ()>> {
        match self {
            Self::Postgres(_) => None,
            Self::Sqlite { writer, .. } => Some(writer.lock().await),
        }
    }

    pub(super) fn stats(&self) -> PoolStats {
        match self {
            Self::Postgres(connections) => connections.stats(),
            Self::Sqlite { connections, .. } => connections.stats(),
        }
    }
}

async fn prepared<C: SimpleAsyncConnection>(mut conn: C, settings: &str) -> ConnectionResult<C> {
    conn.batch_execute(settings).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// The file of a `sqlite:` URL; `None` for PostgreSQL.
pub(super) fn sqlite_path(url: &str) -> Result<Option<PathBuf>, StoreError> {
    let refuse = |rule, value: &str| Err(StoreError::Invalid { field: "url", rule, value: value.to_owned() });
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(None);
    }
    let Some(rest) = url.strip_prefix("sqlite:") else {
        return refuse("begin with sqlite: or postgres://", &super::options::without_secrets(url));
    };
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.contains(":memory:") || path.starts_with("file:") || path.contains('\0') {
        return refuse("name a file after sqlite:", url);
    }
    Ok(Some(PathBuf::from(path)))
}

/// Makes the file, which its owner alone may read as it holds hashes of passwords, and its directories, and sets
/// the journal to WAL, which then stays with the file.
pub(super) fn prepare_sqlite(path: &Path, busy: Duration) -> Result<SqliteConnection, StoreError> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory)
            .map_err(|error| StoreError::Unavailable { reason: format!("{}: {error}", directory.display()) })?;
    }
    // SQLite gives the files beside it the same mode.
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| StoreError::Unavailable { reason: format!("{}: {error}", path.display()) })?;
    let mut conn =
        SqliteConnection::establish(&path.to_string_lossy()).map_err(|error| StoreError::connection(&error))?;
    conn.batch_execute(&format!("PRAGMA busy_timeout = {};", busy.as_millis()))?;
    conn.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
    Ok(conn)
}

/// Runs a query as a task of its own: a caller that goes away (a client that hangs up) must not
/// leave a connection in the middle of a statement.
///
/// `place` is the type name of a closure in the calling method: it names the span.
pub(super) async fn detached<T: Send + 'static>(
    place: &'static str,
    system: &'static str,
    query: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::spawn(query.instrument(query_span(place, system))).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Err(StoreError::Database { reason: "a query panicked".to_owned() }),
        Err(_) => Err(StoreError::Unavailable { reason: "the process is ending".to_owned() }),
    }
}

/// The span of a query within that of a request or a job. Without one there is none: polls of an
/// idle worker would fill the traces.
fn query_span(place: &'static str, system: &'static str) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    let method = place.rsplit("::").find(|part| !part.starts_with("{{")).unwrap_or(place);
    tracing::debug_span!(
        "query",
        otel.name = format_args!("store.{method}"),
        otel.kind = "client",
        db.system.name = system,
        db.operation.name = method,
    )
}

/// Counts the retries of one call.
#[derive(Debug)]
pub(super) struct Retry {
    left: u32,
    wait: Duration,
}

impl Retry {
    pub(super) const fn new(options: &StoreOptions) -> Self {
        Self { left: options.retries, wait: options.retry_base }
    }

    /// Waits and says true if the call should be made again after `error`.
    pub(super) async fn again(&mut self, error: &StoreError) -> bool {
        if !error.is_transient() || self.left == 0 {
            return false;
        }
        self.left -= 1;
        let jitter = self.wait.mul_f64(rand::rng().random_range(0.0..0.5));
        tracing::debug!(%error, wait_ms = self.wait.as_millis() as u64, "trying a query again");
        tokio::time::sleep(self.wait + jitter).await;
        self.wait *= 2;
        true
    }
}

/// A failed transaction, and whether it is certain that nothing of it took effect.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: StoreError,
    pub(super) undone: bool,
}

impl Failed {
    pub(super) const fn undone(error: StoreError) -> Self {
        Self { error, undone: true }
    }
}

/// Runs a query that changes nothing, again after a transient failure:
/// `read!(store, |conn| Ok(jobs::table.load::<JobRow>(conn).await?))`.
macro_rules! read {
    ($store:expr, |$conn:ident| $body:expr) => {{
        let store = $store.clone();
        let system = store.inner.pools.system();
        $crate::store::pool::detached(std::any::type_name_of_val(&|| ()), system, async move {
            let mut retry = $crate::store::pool::Retry::new(&store.inner.options);
            loop {
                let result = match &store.inner.pools {
                    $crate::store::pool::Pools::Postgres(connections) => {
                        read!(@on connections, $conn, $body)
                    }
                    $crate::store::pool::Pools::Sqlite { connections, .. } => {
                        read!(@on connections, $conn, $body)
                    }
                };
                match result {
                    Err(error) if retry.again(&error).await => {}
                    result => break result,
                }
            }
        })
        .await
    }};
    (@on $connections:ident, $conn:ident, $body:expr) => {
        match $connections.acquire().await {
            Err(error) => Err(error),
            Ok(mut guard) => {
                let $conn = &mut *guard;
                let result: Result<_, $crate::store::StoreError> = async { $body }.await;
                result
            }
        }
    };
}

/// Runs a transaction, again after a transient failure if it is certain that it was undone. The
/// body may run more than once: it must take nothing by value.
macro_rules! transaction {
    ($store:expr, |$conn:ident| $body:expr) => {{
        let store = $store.clone();
        let system = store.inner.pools.system();
        $crate::store::pool::detached(std::any::type_name_of_val(&|| ()), system, async move {
            let mut retry = $crate::store::pool::Retry::new(&store.inner.options);
            loop {
                let turn = store.inner.pools.writer().await;
                let result = match &store.inner.pools {
                    $crate::store::pool::Pools::Postgres(connections) => {
                        transaction!(@on connections, $conn, $body)
                    }
                    $crate::store::pool::Pools::Sqlite { connections, .. } => {
                        transaction!(@on connections, $conn, $body)
                    }
                };
                drop(turn);
                match result {
                    Ok(value) => break Ok(value),
                    Err(failed) if failed.undone && retry.again(&failed.error).await => {}
                    Err(failed) => break Err(failed.error),
                }
            }
        })
        .await
    }};
    (@on $connections:ident, $conn:ident, $body:expr) => {
        match $connections.acquire().await {
            Err(error) => Err($crate::store::pool::Failed::undone(error)),
            Ok(mut guard) => {
                let $conn = &mut *guard;
                match $crate::store::dialect::Dialect::begin($conn).await {
                    Err(error) => Err($crate::store::pool::Failed::undone(error.into())),
                    Ok(()) => {
                        let result: Result<_, $crate::store::StoreError> = async { $body }.await;
                        $crate::store::dialect::end($conn, result).await
                    }
                }
            }
        }
    };
}

pub(super) use {read, transaction};
