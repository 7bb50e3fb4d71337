//! The calls.

use std::time::Duration;

use tonic::transport::Channel;
use uuid::Uuid;

use crate::calls::{Items, items};
use crate::errors::{ConfigError, Error};
use crate::options::{Builder, Settings, Watch};
use crate::v1;
use crate::v1::analysis_service_client::AnalysisServiceClient;
use crate::v1::batch_start_result::Result as Started;
use crate::v1::contract_service_client::ContractServiceClient;
use crate::v1::detector_service_client::DetectorServiceClient;
use crate::v1::health_service_client::HealthServiceClient;
use crate::v1::investigation_service_client::InvestigationServiceClient;
use crate::watch::{Dashboard, Events, HealthChanges, Job, messages};

/// Findings carry their evidence: a page of a thousand is larger than the 4 MiB that gRPC expects.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// A connection to a server, made when it is first needed and again when it was lost. Cheap to clone; its
/// clones share the connection.
///
/// A call that finds the server unavailable is tried again within its time. That is safe for each of them,
/// starts included: they carry a request id, under which the server makes one job and no second one.
/// Dropping the future of a call, or a stream, gives it up.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) investigations: InvestigationServiceClient<Channel>,
    pub(crate) analyses: AnalysisServiceClient<Channel>,
    pub(crate) contracts: ContractServiceClient<Channel>,
    pub(crate) detectors: DetectorServiceClient<Channel>,
    pub(crate) health: HealthServiceClient<Channel>,
    pub(crate) settings: Settings,
}

impl Client {
    /// Prepares a connection to `http://host:port`, or `https://host:port` for TLS; nothing is sent yet. The
    /// connection lives in the Tokio runtime that it is made in.
    ///
    /// # Errors
    /// If the address is malformed, or outside of a Tokio runtime.
    pub fn new(address: impl Into<String>) -> Result<Self, ConfigError> {
        Self::builder(address).build()
    }

    /// The same with credentials, certificate authorities, or a patience of one's own.
    pub fn builder(address: impl Into<String>) -> Builder {
        Builder::new(address.into())
    }

    pub(crate) fn over(channel: &Channel, settings: Settings) -> Self {
        macro_rules! stub {
            ($service:ident) => {
                $service::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
            };
        }
        Self {
            investigations: stub!(InvestigationServiceClient),
            analyses: stub!(AnalysisServiceClient),
            contracts: stub!(ContractServiceClient),
            detectors: stub!(DetectorServiceClient),
            health: stub!(HealthServiceClient),
            settings,
        }
    }

    /// The same client, whose calls may take this long, their retries included. Streams have no deadline.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        let mut client = self.clone();
        client.settings.timeout = timeout;
        client.settings.long_timeout = timeout;
        client
    }

    /// Stores an investigation and answers at once; the work runs behind it. A request without `request_id`
    /// gets one: give one to be able to ask again after this process was lost.
    ///
    /// # Errors
    /// [`Kind::InvalidArgument`](crate::Kind) names each field that breaks a rule;
    /// [`Kind::AlreadyExists`](crate::Kind) says that the id was used for another request.
    pub async fn start_investigation(
        &self,
        mut request: v1::StartInvestigationRequest,
    ) -> Result<v1::Investigation, Error> {
        identify(&mut request.request_id);
        self.call(self.settings.timeout, &self.investigations, request, |mut stub, request| async move {
            stub.start_investigation(request).await
        })
        .await
    }

    /// Starts up to 100 investigations and gives the result of each, in order. Requests without `request_id`
    /// get one.
    ///
    /// # Errors
    /// If the batch as a whole is refused. What is wrong with one request is its own result.
    pub async fn batch_start_investigations(
        &self,
        mut requests: Vec<v1::StartInvestigationRequest>,
    ) -> Result<Vec<Result<v1::Investigation, Error>>, Error> {
        for request in &mut requests {
            identify(&mut request.request_id);
        }
        let batch = v1::BatchStartInvestigationsRequest { requests };
        let answer = self
            .call(self.settings.long_timeout, &self.investigations, batch, |mut stub, request| async move {
                stub.batch_start_investigations(request).await
            })
            .await?;
        let of = |started: v1::BatchStartResult| match started.result {
            Some(Started::Investigation(investigation)) => Ok(*investigation),
            Some(Started::Error(status)) => Err(status.into()),
            None => Err(tonic::Status::unknown("the server left out what became of the request").into()),
        };
        Ok(answer.results.into_iter().map(of).collect())
    }

    /// Reads the state of an investigation.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind) if there is none with this id.
    pub async fn get_investigation(&self, investigation_id: impl Into<String>) -> Result<v1::Investigation, Error> {
        let request = v1::GetInvestigationRequest { investigation_id: investigation_id.into() };
        self.call(self.settings.timeout, &self.investigations, request, |mut stub, request| async move {
            stub.get_investigation(request).await
        })
        .await
    }

    /// Reads one page of investigations, newest first; [`Client::investigations`] reads them all.
    ///
    /// # Errors
    /// The status of the call.
    pub async fn list_investigations(
        &self,
        request: v1::ListInvestigationsRequest,
    ) -> Result<v1::ListInvestigationsResponse, Error> {
        self.call(self.settings.timeout, &self.investigations, request, |mut stub, request| async move {
            stub.list_investigations(request).await
        })
        .await
    }

    /// Every investigation from the page of the request on, newest first, read page by page as they are asked
    /// for.
    pub fn investigations(&self, request: v1::ListInvestigationsRequest) -> Items<v1::Investigation> {
        items(self.clone(), request)
    }

    /// Asks an investigation to stop. Asking again, or for one that has ended, changes nothing.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind) if there is none with this id.
    pub async fn cancel_investigation(&self, investigation_id: impl Into<String>) -> Result<v1::Investigation, Error> {
        let request = v1::CancelInvestigationRequest { investigation_id: investigation_id.into() };
        self.call(self.settings.timeout, &self.investigations, request, |mut stub, request| async move {
            stub.cancel_investigation(request).await
        })
        .await
    }

    /// Every event of an investigation, each once and in order, to the last one.
    ///
    /// A connection that breaks, or a server that stops, is waited for, and the stream goes on where it was. It
    /// ends with an error of [`Kind::NotFound`](crate::Kind) for an unknown id,
    /// [`Kind::OutOfRange`](crate::Kind) for a sequence that the log does not have, [`Error::Sequence`] if an
    /// event is missing or comes twice, or what the last of
    /// [`RetryPolicy::reconnects`](crate::RetryPolicy::reconnects) tries in a row ended with.
    pub fn watch_investigation(&self, investigation_id: impl Into<String>, watch: Watch) -> Items<v1::ProgressEvent> {
        messages(self.clone(), Events::new(Job::Investigation(investigation_id.into()), watch))
    }

    /// All investigations of the caller as they are, then each again whenever it changes, until the stream is
    /// dropped. A stream that breaks is reopened where it was: those that are active come again, with their
    /// latest state, and so does `caught_up`. Heartbeats come only where they are wanted.
    pub fn watch_investigations(
        &self,
        request: v1::WatchInvestigationsRequest,
        heartbeats: bool,
    ) -> Items<v1::WatchInvestigationsResponse> {
        messages(self.clone(), Dashboard { request, heartbeats })
    }

    /// Reads the summary and one page of findings, most severe first; [`Client::findings`] reads them all.
    ///
    /// # Errors
    /// [`Kind::FailedPrecondition`](crate::Kind) until the investigation has ended.
    pub async fn get_investigation_results(
        &self,
        request: v1::GetInvestigationResultsRequest,
    ) -> Result<v1::GetInvestigationResultsResponse, Error> {
        self.call(self.settings.long_timeout, &self.investigations, request, |mut stub, request| async move {
            stub.get_investigation_results(request).await
        })
        .await
    }

    /// Every finding from the page of the request on, most severe first, read page by page as they are asked
    /// for.
    pub fn findings(&self, request: v1::GetInvestigationResultsRequest) -> Items<v1::Finding> {
        items(self.clone(), request)
    }

    /// Renders the report.
    ///
    /// # Errors
    /// [`Kind::FailedPrecondition`](crate::Kind) until the investigation has completed.
    pub async fn get_investigation_report(
        &self,
        request: v1::GetInvestigationReportRequest,
    ) -> Result<v1::InvestigationReport, Error> {
        self.call(self.settings.long_timeout, &self.investigations, request, |mut stub, request| async move {
            stub.get_investigation_report(request).await
        })
        .await
    }

    /// Stores an analysis and answers at once; the work runs behind it. As for
    /// [`Client::start_investigation`], a request without `request_id` gets one.
    ///
    /// # Errors
    /// As for [`Client::start_investigation`].
    pub async fn start_analysis(
        &self,
        mut request: v1::StartAnalysisRequest,
    ) -> Result<v1::StartAnalysisResponse, Error> {
        identify(&mut request.request_id);
        self.call(self.settings.timeout, &self.analyses, request, |mut stub, request| async move {
            stub.start_analysis(request).await
        })
        .await
    }

    /// Reads the state of an analysis.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind) if there is none with this id.
    pub async fn get_analysis(&self, analysis_id: impl Into<String>) -> Result<v1::Analysis, Error> {
        let request = v1::GetAnalysisRequest { analysis_id: analysis_id.into() };
        self.call(self.settings.timeout, &self.analyses, request, |mut stub, request| async move {
            stub.get_analysis(request).await
        })
        .await
    }

    /// Every event of an analysis, each once and in order, to the last one; as
    /// [`Client::watch_investigation`].
    pub fn watch_analysis(&self, analysis_id: impl Into<String>, watch: Watch) -> Items<v1::ProgressEvent> {
        messages(self.clone(), Events::new(Job::Analysis(analysis_id.into()), watch))
    }

    /// Reads the figures.
    ///
    /// # Errors
    /// [`Kind::FailedPrecondition`](crate::Kind) until the analysis has completed.
    pub async fn get_analysis_results(&self, analysis_id: impl Into<String>) -> Result<v1::AnalysisResults, Error> {
        let request = v1::GetAnalysisResultsRequest { analysis_id: analysis_id.into() };
        self.call(self.settings.long_timeout, &self.analyses, request, |mut stub, request| async move {
            stub.get_analysis_results(request).await
        })
        .await
    }

    /// Says what became of a finding that was checked; kept by its id, whatever the run.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind) if no completed investigation of the caller has made it.
    pub async fn review_finding(&self, request: v1::ReviewFindingRequest) -> Result<v1::FindingReview, Error> {
        self.call(self.settings.timeout, &self.investigations, request, |mut stub, request| async move {
            stub.review_finding(request).await
        })
        .await
    }

    /// Computes a finding once more, from the version of the lake that it was made on.
    ///
    /// # Errors
    /// As [`Client::review_finding`].
    pub async fn explain_finding(&self, finding_id: impl Into<String>) -> Result<v1::FindingExplanation, Error> {
        let request = v1::ExplainFindingRequest { finding_id: finding_id.into() };
        self.call(self.settings.long_timeout, &self.investigations, request, |mut stub, request| async move {
            stub.explain_finding(request).await
        })
        .await
    }

    /// Reads one page of contracts, by value from the largest; [`Client::contracts`] reads them all.
    ///
    /// # Errors
    /// The status of the call.
    pub async fn search_contracts(
        &self,
        request: v1::SearchContractsRequest,
    ) -> Result<v1::SearchContractsResponse, Error> {
        self.call(self.settings.long_timeout, &self.contracts, request, |mut stub, request| async move {
            stub.search_contracts(request).await
        })
        .await
    }

    /// Every contract that matches from the page of the request on, by value from the largest, read page by
    /// page as they are asked for.
    pub fn contracts(&self, request: v1::SearchContractsRequest) -> Items<v1::Contract> {
        items(self.clone(), request)
    }

    /// Reads a contract with its items and amendments.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind) if there is none with this id.
    pub async fn get_contract(&self, contract_id: impl Into<String>) -> Result<v1::Contract, Error> {
        let request = v1::GetContractRequest { contract_id: contract_id.into(), ..Default::default() };
        self.call(self.settings.timeout, &self.contracts, request, |mut stub, request| async move {
            stub.get_contract(request).await
        })
        .await
    }

    /// Reads one page of the catalogue of detectors, in the order in which they run; [`Client::detectors`]
    /// reads it all.
    ///
    /// # Errors
    /// The status of the call.
    pub async fn list_detectors(&self, request: v1::ListDetectorsRequest) -> Result<v1::ListDetectorsResponse, Error> {
        self.call(self.settings.timeout, &self.detectors, request, |mut stub, request| async move {
            stub.list_detectors(request).await
        })
        .await
    }

    /// Every detector from the page of the request on, read page by page as they are asked for.
    pub fn detectors(&self, request: v1::ListDetectorsRequest) -> Items<v1::Detector> {
        items(self.clone(), request)
    }

    /// Reads a detector: what it means, rests on and counts.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind) if there is none with this id.
    pub async fn get_detector(&self, detector_id: impl Into<String>) -> Result<v1::Detector, Error> {
        let request = v1::GetDetectorRequest { detector_id: detector_id.into() };
        self.call(self.settings.timeout, &self.detectors, request, |mut stub, request| async move {
            stub.get_detector(request).await
        })
        .await
    }

    /// Probes every dependency of the server and reports each.
    ///
    /// # Errors
    /// The status of the call.
    pub async fn get_health(&self) -> Result<v1::Health, Error> {
        self.call(self.settings.timeout, &self.health, v1::GetHealthRequest {}, |mut stub, request| async move {
            stub.get_health(request).await
        })
        .await
    }

    /// The health of the server now, and again whenever it changes, until the stream is dropped; a stream that
    /// breaks is reopened.
    pub fn watch_health(&self) -> Items<v1::Health> {
        messages(self.clone(), HealthChanges)
    }
}

/// Fills in a request id where there is none.
fn identify(request_id: &mut String) {
    if request_id.is_empty() {
        *request_id = Uuid::new_v4().to_string();
    }
}
