//! What PostgreSQL and SQLite do differently, all of it.

use diesel::SqliteConnection;
use diesel::connection::AnsiTransactionManager;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::upsert::excluded;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, TransactionManager};

use super::pool::{Failed, SqliteConn};
use super::rows::{FindingRow, JobRow, QuarantineRow};
use super::schema::{findings, jobs, lake_versions, quarantine};
use super::{StoreError, Timestamp};

/// PostgreSQL locks rows; SQLite's `BEGIN IMMEDIATE` has locked the database already.
pub(super) trait Dialect: AsyncConnection {
    /// Begins a transaction that will write.
    async fn begin(&mut self) -> QueryResult<()>;
    /// The job, which nobody else changes until the transaction ends.
    async fn lock_job(&mut self, id: &str) -> QueryResult<Option<JobRow>>;
    /// The next job that may be claimed and that no other transaction is claiming.
    async fn lock_claimable(&mut self, kinds: &[&str], now: Timestamp) -> QueryResult<Option<JobRow>>;
    /// Nobody else makes a version of the lake until the transaction ends.
    async fn lock_lake(&mut self) -> QueryResult<()>;
    /// Adds findings, at most one of an id; one that is there is replaced.
    async fn upsert_findings(&mut self, rows: Vec<FindingRow>) -> QueryResult<()>;
    /// Adds rows to the quarantine.
    async fn insert_quarantine(&mut self, rows: Vec<QuarantineRow>) -> QueryResult<()>;
}

/// Rows of one statement; PostgreSQL takes at most 65,535 parameters.
pub(super) const BATCH: usize = 1000;

macro_rules! upsert_findings {
    ($rows:expr) => {
        diesel::insert_into(findings::table)
            .values($rows)
            .on_conflict((findings::job_id, findings::id))
            .do_update()
            .set((
                findings::detector_id.eq(excluded(findings::detector_id)),
                findings::severity_rank.eq(excluded(findings::severity_rank)),
                findings::ordinal.eq(excluded(findings::ordinal)),
                findings::body.eq(excluded(findings::body)),
            ))
    };
}

/// Pending, or running with a lease that has ended; the highest priority first, within it by turn.
///
/// The states are literals: PostgreSQL uses a partial index only where it can prove its condition.
macro_rules! claimable {
    ($kinds:expr, $now:expr) => {
        jobs::table
            .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("state IN ('pending', 'running')"))
            .filter(jobs::state.eq("pending").or(jobs::due_at.le($now)))
            // Spelled so that no index on the kind is taken for the one that has the order.
            .filter(diesel::dsl::sql::<diesel::sql_types::Text>("kind || ''").eq_any($kinds))
            .order((jobs::priority.desc(), jobs::turn, jobs::id))
            .limit(1)
            .select(JobRow::as_select())
    };
}

pub(super) use claimable;

impl Dialect for AsyncPgConnection {
    async fn begin(&mut self) -> QueryResult<()> {
        <Self as AsyncConnection>::TransactionManager::begin_transaction(self).await
    }

    async fn lock_job(&mut self, id: &str) -> QueryResult<Option<JobRow>> {
        jobs::table.find(id).select(JobRow::as_select()).for_update().first(self).await.optional()
    }

    async fn lock_claimable(&mut self, kinds: &[&str], now: Timestamp) -> QueryResult<Option<JobRow>> {
        // The table fills and empties faster than its statistics follow: without this, the planner
        // sorts the whole queue for its first row instead of reading it from the index.
        diesel::sql_query("SET LOCAL enable_sort = off").execute(self).await?;
        claimable!(kinds, now).for_update().skip_locked().first(self).await.optional()
    }

    async fn lock_lake(&mut self) -> QueryResult<()> {
        let first = lake_versions::table.find(0).select(lake_versions::version).for_update();
        first.first::<i64>(self).await.map(drop)
    }

    async fn upsert_findings(&mut self, rows: Vec<FindingRow>) -> QueryResult<()> {
        for rows in rows.chunks(BATCH) {
            upsert_findings!(rows).execute(self).await?;
        }
        Ok(())
    }

    async fn insert_quarantine(&mut self, rows: Vec<QuarantineRow>) -> QueryResult<()> {
        for rows in rows.chunks(BATCH) {
            diesel::insert_into(quarantine::table).values(rows).execute(self).await?;
        }
        Ok(())
    }
}

impl Dialect for SqliteConn {
    async fn begin(&mut self) -> QueryResult<()> {
        self.spawn_blocking(|conn: &mut SqliteConnection| {
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")
        })
        .await
    }

    async fn lock_job(&mut self, id: &str) -> QueryResult<Option<JobRow>> {
        jobs::table.find(id).select(JobRow::as_select()).first(self).await.optional()
    }

    async fn lock_claimable(&mut self, kinds: &[&str], now: Timestamp) -> QueryResult<Option<JobRow>> {
        claimable!(kinds, now).first(self).await.optional()
    }

    async fn lock_lake(&mut self) -> QueryResult<()> {
        Ok(())
    }

    // diesel-async writes no batches for SQLite. Without a network a row costs next to nothing, if
    // all of them go to the connection's thread in one piece.
    async fn upsert_findings(&mut self, rows: Vec<FindingRow>) -> QueryResult<()> {
        self.spawn_blocking(move |conn: &mut SqliteConnection| {
            rows.iter().try_for_each(|row| diesel::RunQueryDsl::execute(upsert_findings!(row), conn).map(drop))
        })
        .await
    }

    async fn insert_quarantine(&mut self, rows: Vec<QuarantineRow>) -> QueryResult<()> {
        self.spawn_blocking(move |conn: &mut SqliteConnection| {
            rows.iter().try_for_each(|row| {
                diesel::RunQueryDsl::execute(diesel::insert_into(quarantine::table).values(row), conn).map(drop)
            })
        })
        .await
    }
}

/// Ends a transaction: commits what is good, undoes what is not.
pub(super) async fn end<C: AsyncConnection, T>(conn: &mut C, result: Result<T, StoreError>) -> Result<T, Failed> {
    match result {
        Ok(value) => match C::TransactionManager::commit_transaction(conn).await {
            Ok(()) => Ok(value),
            Err(error) => {
                // A server that refuses says so; a connection that is cut leaves it open whether it did.
                let undone = matches!(error, DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _));
                undo(conn).await;
                Err(Failed { error: error.into(), undone })
            }
        },
        Err(error) => {
            undo(conn).await;
            Err(Failed::undone(error))
        }
    }
}

async fn undo<C: AsyncConnection>(conn: &mut C) {
    // A connection that cannot roll back is still in its transaction: the pool closes it, and the
    // database undoes what it began.
    if let Err(error) = C::TransactionManager::rollback_transaction(conn).await {
        tracing::debug!(%error, "rollback failed; the connection is closed");
    }
}
