//! Calls that are tried again, and pages.

use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{Stream, try_unfold};
use tokio::time::{Instant, sleep, timeout_at};
use tonic::{Code, Request, Response, Status};

use crate::client::Client;
use crate::errors::{Error, Kind};
use crate::v1;

/// Items as they come. After an error nothing more comes; dropping it ends what runs behind it.
pub type Items<T> = Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>;

/// More than any call takes, and a number that the header of a deadline can hold.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Client {
    /// Makes a call, and again while the server is unavailable and there is time.
    pub(crate) async fn call<S, Q, A, F>(
        &self,
        timeout: Duration,
        stub: &S,
        message: Q,
        method: impl Fn(S, Request<Q>) -> F,
    ) -> Result<A, Error>
    where
        S: Clone,
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let deadline = Instant::now() + timeout.min(LONGEST);
        let policy = &self.settings.retry;
        let mut failures = 0;
        loop {
            let attempt = async {
                let mut request = self.settings.request(message.clone()).await?;
                // The server need not go on for a caller who has left.
                request.set_timeout(deadline.saturating_duration_since(Instant::now()));
                Ok(method(stub.clone(), request).await?.into_inner())
            };
            let error: Error = match timeout_at(deadline, attempt).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => {
                    return Err(Status::new(Code::DeadlineExceeded, format!("no answer within {timeout:?}")).into());
                }
            };
            failures += 1;
            let delay = policy.delay(failures, error.retry_delay());
            if error.kind() != Some(Kind::Unavailable)
                || failures >= policy.attempts
                || deadline.saturating_duration_since(Instant::now()) <= delay
            {
                return Err(error);
            }
            sleep(delay).await;
        }
    }
}

/// A request whose answer is one page of many.
pub(crate) trait Paged: Clone + Send + 'static {
    /// What the pages hold.
    type Item: Send + 'static;

    /// Reads the page: its items and the token of the next one, empty on the last.
    fn read(&self, client: &Client) -> impl Future<Output = Result<(Vec<Self::Item>, String), Error>> + Send;

    /// Makes it the request of the page with this token.
    fn turn(&mut self, token: String);
}

/// The items of every page from that of the request on.
pub(crate) fn items<P: Paged + Sync>(client: Client, request: P) -> Items<P::Item> {
    let begin = (client, Some(request), Vec::new().into_iter());
    Box::pin(try_unfold(begin, |(client, mut request, mut page)| async move {
        loop {
            if let Some(item) = page.next() {
                return Ok(Some((item, (client, request, page))));
            }
            let Some(asked) = &mut request else { return Ok(None) };
            let (items, token) = asked.read(&client).await?;
            page = items.into_iter();
            if token.is_empty() {
                request = None;
            } else {
                asked.turn(token);
            }
        }
    }))
}

impl Paged for v1::ListInvestigationsRequest {
    type Item = v1::Investigation;

    async fn read(&self, client: &Client) -> Result<(Vec<Self::Item>, String), Error> {
        let page = client.list_investigations(self.clone()).await?;
        Ok((page.investigations, page.next_page_token))
    }

    fn turn(&mut self, token: String) {
        self.page_token = token;
    }
}

impl Paged for v1::GetInvestigationResultsRequest {
    type Item = v1::Finding;

    async fn read(&self, client: &Client) -> Result<(Vec<Self::Item>, String), Error> {
        let page = client.get_investigation_results(self.clone()).await?;
        Ok((page.findings, page.next_page_token))
    }

    fn turn(&mut self, token: String) {
        self.page_token = token;
    }
}

impl Paged for v1::ListDetectorsRequest {
    type Item = v1::Detector;

    async fn read(&self, client: &Client) -> Result<(Vec<Self::Item>, String), Error> {
        let page = client.list_detectors(self.clone()).await?;
        Ok((page.detectors, page.next_page_token))
    }

    fn turn(&mut self, token: String) {
        self.page_token = token;
    }
}

impl Paged for v1::SearchContractsRequest {
    type Item = v1::Contract;

    async fn read(&self, client: &Client) -> Result<(Vec<Self::Item>, String), Error> {
        let page = client.search_contracts(self.clone()).await?;
        Ok((page.contracts, page.next_page_token))
    }

    fn turn(&mut self, token: String) {
        self.page_token = token;
    }
}
