//! What the integration tests share: databases of their own, a clock to move, a line to cut.

mod postgres;
mod proxy;
pub(crate) mod raw_http;
mod redis;
pub(crate) mod s3;
pub(crate) mod samples;
mod watched;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use cidadao::store::{Clock, Store, StoreOptions};

pub(crate) use postgres::Cluster;
pub(crate) use proxy::Proxy;
pub(crate) use redis::RedisServer;
pub(crate) use watched::program;

/// A database of one test. A SQLite file goes with it.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) url: String,
    /// Seconds that the store's clock is ahead of the machine's.
    ahead: Arc<AtomicI64>,
    _directory: Option<tempfile::TempDir>,
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let url = format!("sqlite:{}", directory.path().join("new/cidadao.db").display());
        Self { url, ahead: Arc::default(), _directory: Some(directory) }
    }

    /// `None`, with a line that says so, if there is no PostgreSQL.
    pub(crate) async fn postgres() -> Option<Self> {
        let cluster = Cluster::get().await?;
        let url = tokio::task::spawn_blocking(move || cluster.create_database()).await.expect("createdb");
        Some(Self { url, ahead: Arc::default(), _directory: None })
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    pub(crate) fn options(&self) -> StoreOptions {
        let ahead = Arc::clone(&self.ahead);
        let mut options = StoreOptions::new(&self.url);
        options.clock = Clock::new(move || Utc::now() + TimeDelta::seconds(ahead.load(Ordering::SeqCst)));
        options
    }

    /// A store with a pool of its own: as another process would have.
    pub(crate) async fn store(&self) -> Store {
        Store::connect(&self.options()).await.expect("the store opens")
    }

    /// Moves the clock of every store of this database.
    pub(crate) fn pass(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// A port of loopback for a server that is started with it. It is below those that the system gives to connections
/// (from 32,768), and each is given out once: no connection of a test beside takes it before the server does.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const PORTS: u16 = 20_000;
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Test binaries that run side by side begin at different places.
    let begin = std::process::id().wrapping_mul(997) % u32::from(PORTS);
    let mut ports = (0..PORTS).map(|_| {
        let place = begin + u32::from(GIVEN.fetch_add(1, Ordering::Relaxed));
        FIRST + u16::try_from(place % u32::from(PORTS)).expect("a remainder of a port")
    });
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

/// Says that a test is skipped for want of a server; with `CIDADAO_REQUIRE_ALL=1` it fails.
pub(crate) fn skip(server: &str) {
    let required = std::env::var("CIDADAO_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(!required, "CIDADAO_REQUIRE_ALL=1, and there is no {server} to test with");
    eprintln!("skipped: there is no {server} to test with");
}

/// Waits until a condition holds; panics after ten seconds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "{what}: not within ten seconds");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Makes of each function `async fn name(database: Database)` two tests: `sqlite::name` and
/// `postgres::name`.
macro_rules! on_both_databases {
    ($($name:ident,)*) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::support::Database::sqlite()).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    if let Some(database) = $crate::support::Database::postgres().await {
                        super::$name(database).await;
                    }
                }
            )*
        }
    };
}

pub(crate) use on_both_databases;
