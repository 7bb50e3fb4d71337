//! gRPC: the services of `proto/cidadao/v1`, conversions, errors, the server, and a thin client.

mod analysis;
mod caller;
pub mod client;
mod contracts;
mod convert;
mod dashboard;
mod errors;
mod health;
mod investigation;
mod jobs;
mod layer;
mod page;
pub mod pb;
mod server;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub use caller::{Principal, REQUEST_ID, RequestId, principal};
pub use errors::{ERROR_DOMAIN, violation};
pub use health::{HealthReport, HealthState, Probed, Prober};
pub use layer::{Observe, ObserveLayer};
pub use server::{ServeError, Stack, serve};

use crate::detectors::Catalogue;
use crate::jobs::Jobs;
use crate::lake::{Engine, Lake};
use crate::store::Store;
use crate::telemetry::Metrics;

/// Version of the product.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the services are made of. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    /// Results, and the time.
    pub store: Store,
    /// The queue.
    pub jobs: Jobs,
    /// Contracts.
    pub lake: Lake,
    /// Where and within which limits contracts are searched.
    pub engine: Engine,
    /// Detectors that a request may name.
    pub catalogue: Arc<Catalogue>,
    /// What is counted.
    pub metrics: Metrics,
    /// What is probed.
    pub prober: Prober,
    /// How long a job may take, from its start, where the request does not say.
    pub job_timeout: Option<std::time::Duration>,
    /// Cancelled when the server is about to stop: it is not ready any more.
    pub draining: CancellationToken,
    /// Cancelled when the server stops: streams end then.
    pub stopping: CancellationToken,
}
