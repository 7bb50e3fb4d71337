//! The gRPC server: every service behind one layer.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::server::{HealthReporter, health_reporter};
use tower::Layer as _;

use super::deadline::{Deadline, DeadlineLayer};
use super::guard::{Guard, GuardLayer};
use super::health::{self, Prober, Serving};
use super::layer::{Observe, ObserveLayer};
use super::pb::analysis_service_server::AnalysisServiceServer;
use super::pb::auth_service_server::AuthServiceServer;
use super::pb::contract_service_server::ContractServiceServer;
use super::pb::dataset_service_server::DatasetServiceServer;
use super::pb::detector_service_server::DetectorServiceServer;
use super::pb::health_service_server::HealthServiceServer;
use super::pb::investigation_service_server::InvestigationServiceServer;
use super::{Api, analysis, auth, contracts, datasets, detectors, investigation, pb};

/// Largest request, in bytes: well above the largest valid one, so that a query which is too long is
/// answered by its rule and not by the transport.
const MAX_REQUEST_BYTES: usize = 2 << 20;
/// How often an idle connection is asked for a sign of life, and how long it may take to give it.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Why the server cannot be set up or stops.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptors are malformed: a defect of the build.
    #[error("descriptor set of the API: {0}")]
    Descriptors(#[from] prost::DecodeError),
    /// Reflection cannot be built: a defect of the build.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("gRPC server: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// What answers calls.
pub type Services = Observe<Deadline<Guard<Routes>>>;

/// Every service, guarded, traced and counted: what the gRPC listener serves, and what may be called within
/// the process.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The services.
    pub service: Services,
    health: HealthReporter,
}

impl Stack {
    /// The services of an API.
    ///
    /// # Errors
    /// [`ServeError::Descriptors`] or [`ServeError::Reflection`], both defects of the build.
    pub fn new(api: &Api) -> Result<Self, ServeError> {
        let (health, health_service) = health_reporter();
        let descriptors: [&[u8]; 4] = [
            pb::DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                // So that grpcurl can show the details of an error.
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        };
        macro_rules! limited {
            ($server:expr) => {
                $server
                    .max_decoding_message_size(MAX_REQUEST_BYTES)
                    .accept_compressed(CompressionEncoding::Gzip)
                    .send_compressed(CompressionEncoding::Gzip)
            };
        }
        let health_of_parts = health::Service::new(api.prober.clone(), api.stopping.clone());
        let routes = Routes::default()
            .add_service(limited!(InvestigationServiceServer::new(investigation::Service::new(api.clone()))))
            .add_service(limited!(AnalysisServiceServer::new(analysis::Service::new(api.clone()))))
            .add_service(limited!(ContractServiceServer::new(contracts::Service::new(api.clone()))))
            .add_service(limited!(DetectorServiceServer::new(detectors::Service::new(api.clone()))))
            .add_service(limited!(DatasetServiceServer::new(datasets::Service::new(api.clone()))))
            .add_service(limited!(AuthServiceServer::new(auth::Service::new(api.clone()))))
            .add_service(limited!(HealthServiceServer::new(health_of_parts)))
            .add_service(health_service)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?)
            .prepare();
        let service = ObserveLayer::new(api.metrics.clone(), &descriptors)?
            .layer(DeadlineLayer.layer(GuardLayer::new(api.auth.clone()).layer(routes)));
        Ok(Self { service, health })
    }
}

/// Serves an API until `api.stopping`, then lets calls end; streams are cut, so that it returns
/// unless a unary call hangs or a client holds its connection. The caller sets the deadline.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(api: &Api, stack: Stack, listener: TcpListener, probe_every: Duration) -> Result<(), ServeError> {
    let prober: Prober = api.prober.clone();
    let mut serving = Serving::new(stack.health.clone());
    prober.refresh(&mut serving).await;
    let stopping: CancellationToken = api.stopping.clone();
    let keeping = health::keep(prober, serving, probe_every, api.draining.clone(), stopping.clone());
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .serve_with_incoming_shutdown(stack.service, incoming, stopping.cancelled_owned());
    let (served, ()) = tokio::join!(serving, keeping);
    Ok(served?)
}
