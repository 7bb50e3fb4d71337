//! What must not be lost: jobs and their events, findings, the manifest of the lake, the audit log.
//!
//! SQLite or PostgreSQL, chosen by the URL. Each query is written once and compiled for both; what
//! differs stands in `dialect`. Rows stop here: callers see types of [`crate::model`].

mod accounts;
mod audit;
mod commit;
mod dialect;
mod error;
mod jobs;
mod leases;
mod manifest;
mod migrate;
mod options;
mod pool;
mod results;
mod retention;
mod reviews;
mod rows;
mod schema;
mod versions;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

pub use accounts::{NewApiKey, NewUser};
pub use commit::{FinishCommit, StepCommit};
pub use error::StoreError;
pub use jobs::{ActiveQuery, JobQuery};
pub use leases::{HeartbeatState, Release};
pub use manifest::{DatasetFile, ImportCommit, NewImport};
pub use options::{Clock, StoreOptions};
pub use pool::PoolStats;
pub use results::FindingQuery;
pub use retention::{Retained, RetentionQuery};
pub use reviews::NewReview;
pub use versions::{Expired, Expiry, Merge};

use pool::{Pools, read};

/// A time as both databases keep it: UTC, whole microseconds, no zone.
type Timestamp = NaiveDateTime;

/// The operational database. Cheap to clone; every clone shares one pool.
///
/// Each call runs to its end even if the caller goes away, so that no transaction is left half way.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    options: StoreOptions,
    pools: Pools,
}

impl Store {
    /// Opens the database, makes a SQLite file and its directories if they are missing, and brings
    /// the schema up to date; several processes may do so at once.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a URL that is neither SQLite nor PostgreSQL,
    /// [`StoreError::Unavailable`] if the database cannot be reached, [`StoreError::Migration`] if
    /// its schema cannot be brought up to date.
    pub async fn connect(options: &StoreOptions) -> Result<Self, StoreError> {
        migrate::run(options).await?;
        let pools = Pools::connect(options).await?;
        Ok(Self { inner: Arc::new(Inner { options: options.clone(), pools }) })
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        read!(self, |conn| {
            diesel::select(1.into_sql::<diesel::sql_types::Integer>()).get_result::<i32>(conn).await?;
            Ok(())
        })
    }

    /// What the pool of connections does.
    pub fn pool_stats(&self) -> PoolStats {
        self.inner.pools.stats()
    }

    /// Times a job is handed to a worker before it fails.
    pub fn max_attempts(&self) -> i32 {
        self.inner.options.max_attempts
    }

    /// The store's time, in whole microseconds.
    pub fn now(&self) -> DateTime<Utc> {
        self.inner.options.clock.now()
    }

    fn timestamp(&self) -> Timestamp {
        self.now().naive_utc()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

const fn utc(time: Timestamp) -> DateTime<Utc> {
    time.and_utc()
}

/// A new id: a UUID v7 as text, so that ids sort by the time they were made.
fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
