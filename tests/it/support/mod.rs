//! What the integration tests share: databases of their own, a clock to move, a line to cut.

mod postgres;
mod proxy;
pub(crate) mod raw_http;
mod redis;
pub(crate) mod s3;
pub(crate) mod samples;
mod watched;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
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
