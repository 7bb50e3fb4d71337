//! gRPC: the services of `proto/cidadao/v1`, conversions, errors, the server, and a thin client.

mod access;
mod analysis;
mod auth;
mod caller;
pub mod client;
mod contracts;
mod convert;
mod dashboard;
mod datasets;
mod deadline;
mod detectors;
mod engine;
mod errors;
mod findings;
mod fresh;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod health;
mod investigation;
mod jobs;
mod layer;
mod page;
pub mod pb;
mod server;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub use access::Credentials;
pub use caller::{REQUEST_ID, RequestId};
pub(crate) use deadline::TIMEOUT;
pub use deadline::{Deadline, DeadlineLayer};
pub use errors::{ERROR_DOMAIN, violation};
pub use fresh::{Fresh, FreshError};
pub use guard::{Guard, GuardLayer};
pub use health::{HealthReport, HealthState, Probed, Prober};
pub(crate) use layer::Forwarded;
pub use layer::{Observe, ObserveLayer};
pub use server::{ServeError, Services, Stack, serve};

pub use crate::auth::Principal;
pub use crate::model::Role;

use crate::auth::Auth;
use crate::detectors::{Catalogue, QueryLimits};
use crate::ingest::Intake;
use crate::jobs::Jobs;
use crate::lake::{Engine, Lake};
use crate::store::Store;
use crate::telemetry::Metrics;

/// Version of the product.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the services are made of. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    /// Who calls.
    pub auth: Auth,
    /// Results, and the time.
    pub store: Store,
    /// The queue.
    pub jobs: Jobs,
    /// Contracts.
    pub lake: Lake,
    /// Where and within which limits contracts are searched.
    pub engine: Engine,
    /// Contracts as their source has them now.
    pub fresh: Fresh,
    /// What may be taken in over the API.
    pub intake: Intake,
    /// Detectors that a request may name.
    pub catalogue: Arc<Catalogue>,
    /// How much a user's own detector may use.
    pub own_limits: QueryLimits,
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
