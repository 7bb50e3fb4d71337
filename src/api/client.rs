//! A thin client over the generated stubs: what the command line and the tests call. A watch goes
//! on by itself from its last sequence when the connection breaks.

use std::time::Duration;

use tonic::Code;
pub use tonic::Status;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic_types::StatusExt as _;

use super::pb;
use super::pb::investigation_service_client::InvestigationServiceClient;
use crate::secret::Secret;

/// Times that a broken watch is reopened before its error is given up to the caller.
const RECONNECTS: u32 = 30;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is malformed or nobody answers.
    #[error(transparent)]
    Transport(#[from] tonic::transport::Error),
    /// The key holds characters that a header cannot.
    #[error("the API key holds characters that no key has")]
    Key,
}

/// Puts an API key into every call.
#[derive(Clone, Default)]
struct Credentials(Option<MetadataValue<Ascii>>);

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Credentials(…)" } else { "Credentials(none)" })
    }
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        if let Some(key) = &self.0 {
            request.metadata_mut().insert("x-api-key", key.clone());
        }
        Ok(request)
    }
}

/// A connection to a server.
#[derive(Debug, Clone)]
pub struct Client {
    investigations: InvestigationServiceClient<InterceptedService<Channel, Credentials>>,
}

impl Client {
    /// Connects to `http://host:port`, with an API key where the server asks for one.
    ///
    /// # Errors
    /// If the address or the key is malformed or nobody answers within five seconds.
    pub async fn connect(address: &str, api_key: Option<&Secret>) -> Result<Self, ConnectError> {
        let key = api_key.map(|key| key.expose().parse::<MetadataValue<Ascii>>()).transpose();
        let mut credentials = Credentials(key.map_err(|_| ConnectError::Key)?);
        if let Some(key) = &mut credentials.0 {
            key.set_sensitive(true);
        }
        let channel = Endpoint::from_shared(address.to_owned())?
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_while_idle(true)
            .connect()
            .await?;
        let investigations =
            InvestigationServiceClient::with_interceptor(channel, credentials).max_decoding_message_size(64 << 20);
        Ok(Self { investigations })
    }

    /// Starts an investigation.
    ///
    /// # Errors
    /// The status of the server.
    pub async fn start(&mut self, request: pb::StartInvestigationRequest) -> Result<pb::Investigation, Status> {
        Ok(self.investigations.start_investigation(request).await?.into_inner())
    }

    /// Reads the state of an investigation.
    ///
    /// # Errors
    /// The status of the server.
    pub async fn get(&mut self, investigation_id: &str) -> Result<pb::Investigation, Status> {
        let request = pb::GetInvestigationRequest { investigation_id: investigation_id.to_owned() };
        Ok(self.investigations.get_investigation(request).await?.into_inner())
    }

    /// Follows an investigation to its end and hands each event over once, in order; a connection
    /// that breaks is reopened after the last sequence seen.
    ///
    /// # Errors
    /// The status of the server, `UNAVAILABLE` only after thirty tries in a row.
    pub async fn follow(
        &mut self,
        investigation_id: &str,
        mut on_event: impl FnMut(&pb::ProgressEvent),
    ) -> Result<(), Status> {
        let mut after_sequence = 0;
        let mut failures = 0;
        loop {
            let request =
                pb::WatchInvestigationRequest { investigation_id: investigation_id.to_owned(), after_sequence };
            let broken = match self.investigations.watch_investigation(request).await {
                Ok(response) => {
                    let mut events = response.into_inner();
                    loop {
                        match events.message().await {
                            Ok(Some(event)) if event.kind() == pb::EventKind::Heartbeat => failures = 0,
                            Ok(Some(event)) => {
                                failures = 0;
                                after_sequence = event.sequence;
                                on_event(&event);
                                if event.kind() == pb::EventKind::Finished {
                                    return Ok(());
                                }
                            }
                            // The server ended the stream early, as it does when it shuts down.
                            Ok(None) => break Status::unavailable("the stream ended before the investigation"),
                            Err(status) => break status,
                        }
                    }
                }
                Err(status) => status,
            };
            failures += 1;
            let transient = matches!(broken.code(), Code::Unavailable | Code::Unknown | Code::Internal);
            if !transient || failures > RECONNECTS {
                return Err(broken);
            }
            tokio::time::sleep(Duration::from_millis(100 << failures.min(5))).await;
        }
    }

    /// Reads every finding of an investigation, page by page; the last page comes with them.
    ///
    /// # Errors
    /// The status of the server.
    pub async fn results(
        &mut self,
        investigation_id: &str,
    ) -> Result<(Vec<pb::Finding>, pb::GetInvestigationResultsResponse), Status> {
        let mut findings = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = pb::GetInvestigationResultsRequest {
                investigation_id: investigation_id.to_owned(),
                page_size: 1_000,
                page_token,
                ..Default::default()
            };
            let mut page = self.investigations.get_investigation_results(request).await?.into_inner();
            findings.append(&mut page.findings);
            if page.next_page_token.is_empty() {
                return Ok((findings, page));
            }
            page_token = page.next_page_token;
        }
    }

    /// Says what became of a finding that was checked.
    ///
    /// # Errors
    /// The status of the server.
    pub async fn review(&mut self, request: pb::ReviewFindingRequest) -> Result<pb::FindingReview, Status> {
        Ok(self.investigations.review_finding(request).await?.into_inner())
    }

    /// Computes a finding once more.
    ///
    /// # Errors
    /// The status of the server.
    pub async fn explain(&mut self, finding_id: &str) -> Result<pb::FindingExplanation, Status> {
        let request = pb::ExplainFindingRequest { finding_id: finding_id.to_owned() };
        Ok(self.investigations.explain_finding(request).await?.into_inner())
    }

    /// Reads the report of an investigation.
    ///
    /// # Errors
    /// The status of the server.
    pub async fn report(
        &mut self,
        investigation_id: &str,
        format: &str,
        language: &str,
    ) -> Result<pb::InvestigationReport, Status> {
        let request = pb::GetInvestigationReportRequest {
            investigation_id: investigation_id.to_owned(),
            format: format.to_owned(),
            language: language.to_owned(),
        };
        Ok(self.investigations.get_investigation_report(request).await?.into_inner())
    }
}

/// A status in words: its code, its message and the fields it names.
pub fn words(status: &Status) -> String {
    let mut out = format!("{:?}: {}", status.code(), status.message());
    for violation in
        status.get_error_details().bad_request().map(|details| &details.field_violations[..]).unwrap_or(&[])
    {
        out.push_str(&format!("\n  {}: {}", violation.field, violation.description));
    }
    out
}
