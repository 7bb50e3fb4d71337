use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Jobs;
use crate::store::RetentionQuery;

/// Rows that one transaction deletes at most.
const CHUNK: i64 = 500;
/// Jobs past their deadline that one pass ends.
const OVERDUE: i64 = 100;
/// Rest between two passes, so that work comes first.
const REST: Duration = Duration::from_millis(100);

/// How long things are kept; `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Events of a job, from its end on.
    pub events: Option<Duration>,
    /// Findings of a job, from its end on.
    pub findings: Option<Duration>,
    /// Quarantined rows, from their import on.
    pub quarantine: Option<Duration>,
}

impl Jobs {
    /// Ends what nobody took in time and deletes what is kept no longer, now and then. Every process
    /// does it; two at once do no harm.
    pub(super) async fn maintain(&self, shutdown: CancellationToken) {
        let every = self.inner.options.maintenance_interval;
        while shutdown.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            match self.inner.store.end_overdue(OVERDUE).await {
                Ok(ended) => ended.iter().for_each(|id| self.committed(id)),
                Err(error) => tracing::warn!(%error, "overdue jobs could not be ended"),
            }
            shutdown.run_until_cancelled(self.retain()).await;
        }
    }

    async fn retain(&self) {
        let Retention { events, findings, quarantine } = self.inner.options.retention;
        let query = RetentionQuery { events, findings, quarantine, chunk: CHUNK };
        loop {
            match self.inner.store.retain(query).await {
                Ok(done) => {
                    if done.events + done.findings + done.quarantine > 0 {
                        let (events, findings, quarantine) = (done.events, done.findings, done.quarantine);
                        tracing::info!(events, findings, quarantine, "deleted what is kept no longer");
                    }
                    if !done.more {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "what is kept no longer could not be deleted");
                    return;
                }
            }
            tokio::time::sleep(REST).await;
        }
    }
}
