//! The queue: watchers and workers, on SQLite and on PostgreSQL.

mod follow;
mod watch;
mod workers;

use std::time::Duration;

use cidadao::jobs::{Jobs, JobsOptions};

use crate::support::Database;

/// Short intervals, so that what is polled comes soon.
fn options(worker_id: &str) -> JobsOptions {
    JobsOptions {
        worker_id: worker_id.to_owned(),
        workers: 2,
        lease: Duration::from_secs(30),
        poll_interval: Duration::from_millis(20),
        cancel_poll: Duration::from_millis(20),
        watch_heartbeat: Duration::from_secs(15),
        grace: Duration::from_secs(5),
        retry_backoff: Duration::from_millis(10),
        maintenance_interval: Duration::from_millis(50),
        ..JobsOptions::default()
    }
}

/// A queue as another process would have it.
async fn process(database: &Database, worker_id: &str) -> Jobs {
    Jobs::new(database.store().await, options(worker_id))
}
