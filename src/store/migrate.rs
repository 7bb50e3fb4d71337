use diesel::RunQueryDsl;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::pool::{Retry, prepare_sqlite, sqlite_path};
use super::{StoreError, StoreOptions};

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Names the lock among PostgreSQL's advisory locks: "cidadao" as a number.
const LOCK: &str = "SELECT pg_advisory_xact_lock(27988542935262575)";

/// Brings the schema up to date in one transaction. Processes that start at once queue on a lock.
pub(super) async fn run(options: &StoreOptions) -> Result<(), StoreError> {
    let mut retry = Retry::new(options);
    loop {
        match once(options).await {
            Err(error) if retry.again(&error).await => {}
            result => return result,
        }
    }
}

async fn once(options: &StoreOptions) -> Result<(), StoreError> {
    if let Some(path) = sqlite_path(&options.url)? {
        let busy = options.busy_timeout;
        return blocking(move || {
            let mut conn = prepare_sqlite(&path, busy)?;
            conn.immediate_transaction(|conn| {
                conn.run_pending_migrations(SQLITE).map(drop).map_err(|error| failed(error.as_ref()))
            })
        })
        .await;
    }
    let conn = tokio::time::timeout(options.connect_timeout, AsyncPgConnection::establish(&options.url))
        .await
        .map_err(|_| StoreError::Unavailable { reason: format!("no connection within {:?}", options.connect_timeout) })?
        .map_err(|error| StoreError::connection(&error))?;
    blocking(move || {
        let mut conn: AsyncConnectionWrapper<AsyncPgConnection> = AsyncConnectionWrapper::from(conn);
        diesel::Connection::transaction(&mut conn, |conn| {
            diesel::sql_query(LOCK).execute(conn)?;
            conn.run_pending_migrations(POSTGRES).map(drop).map_err(|error| failed(error.as_ref()))
        })
    })
    .await
}

fn failed(error: &(dyn std::error::Error + Send + Sync)) -> StoreError {
    StoreError::Migration { reason: error.to_string() }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|_| Err(StoreError::Migration { reason: "the task ended early".to_owned() }))
}
