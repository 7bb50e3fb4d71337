//! One page of an API over HTTP: within its limits, tried again where that may help.

use std::sync::Arc;

use chrono::Utc;
use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use tokio::time::Instant;

use super::super::super::answers::{MAX_BYTES, Page};
use super::super::download::{Attempts, Failure, check, client, is_html, shown, told};
use super::super::{FetchError, FetchOptions};
use super::breaker::Breaker;
use crate::cache::Bucket;
use crate::secret::Secret;

/// The header that the API of the Portal wants its key in.
const KEY_HEADER: &str = "chave-api-dados";
/// How much of an answer that is no document is shown.
const SHOWN_BYTES: usize = 80;

/// Asks one API.
#[derive(Debug)]
pub(super) struct ApiClient<'a> {
    client: Client,
    options: &'a FetchOptions,
    bucket: &'a Bucket,
    breaker: Arc<Breaker>,
    key: Option<HeaderValue>,
}

impl<'a> ApiClient<'a> {
    pub(super) fn new(
        options: &'a FetchOptions,
        bucket: &'a Bucket,
        breaker: Arc<Breaker>,
        key: Option<&Secret>,
    ) -> Result<Self, FetchError> {
        let unfit = |_| FetchError::Client {
            url: options.base.clone(),
            detail: "portal_api_key has characters that no header may have".to_owned(),
        };
        let key = key.map(|key| HeaderValue::from_str(key.expose())).transpose().map_err(unfit)?;
        let key = key.map(|mut key| {
            key.set_sensitive(true);
            key
        });
        // Nobody else is to see the key: no redirect is followed.
        Ok(Self { client: client(options, Policy::none())?, options, bucket, breaker, key })
    }

    pub(super) fn base(&self) -> &str {
        self.options.base.trim_end_matches('/')
    }

    /// The JSON document at `url`; `None` if the server says that there is none (204, or 404 where `may_lack`).
    pub(super) async fn get(&self, url: &str, may_lack: bool) -> Result<Option<Vec<u8>>, FetchError> {
        let mut attempts = Attempts::new(url, self.options);
        loop {
            while let Err(wait) = self.bucket.take(Utc::now()).await {
                tokio::time::sleep(wait).await;
            }
            let answer = match self.breaker.admit(Instant::now()) {
                Ok(()) => {
                    let answer = self.attempt(url, may_lack).await;
                    self.breaker.record(!matches!(answer, Err(Failure::Passing(..))), Instant::now());
                    answer
                }
                Err(pause) => Err(Failure::Passing("the circuit breaker is open".to_owned(), Some(pause))),
            };
            match answer {
                Ok(document) => return Ok(document),
                Err(failure) => attempts.after(failure).await?,
            }
        }
    }

    async fn attempt(&self, url: &str, may_lack: bool) -> Result<Option<Vec<u8>>, Failure> {
        let mut request = self.client.get(url).header(ACCEPT, "application/json");
        if let Some(key) = &self.key {
            request = request.header(KEY_HEADER, key.clone());
        }
        let response = request.send().await.map_err(|error| Failure::passing(told(&error)))?;
        let status = response.status();
        if status == StatusCode::NO_CONTENT || (may_lack && status == StatusCode::NOT_FOUND) {
            return Ok(None);
        }
        let refusing = !(status.is_success() || status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error());
        if is_html(response.headers()) && (status.is_success() || refusing) {
            // A wall in front of the API, not the API.
            let detail = format!("HTML in place of JSON (HTTP {}): {}", status.as_u16(), shown(response).await);
            return Err(Failure::passing(detail));
        }
        let mut response = match check(url, response).await {
            // An API has no periods that are not published.
            Err(Failure::Final(FetchError::NotPublished { url, status })) => {
                let detail = if status == 403 { "the key or this address is not accepted" } else { "no such list" };
                return Err(Failure::Final(FetchError::Refused { url, status, detail: detail.to_owned() }));
            }
            checked => checked?,
        };
        let too_large = || Failure::Final(FetchError::TooLarge { url: url.to_owned(), limit: MAX_BYTES });
        if response.content_length().is_some_and(|bytes| bytes > MAX_BYTES) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Failure::passing(told(&error)))? {
            if (body.len() + chunk.len()) as u64 > MAX_BYTES {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        // A document that was cut off has no end.
        if Page::cut(&body).is_some_and(|page| page.is_whole()) {
            return Ok(Some(body));
        }
        let begin = String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES)]).into_owned();
        let begin: String = begin.chars().filter(|c| !c.is_control()).collect();
        Err(Failure::passing(format!("{} bytes that are no whole JSON document: {begin}", body.len())))
    }
}
