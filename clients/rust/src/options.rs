//! How a client connects, who is asking, and how patiently.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tonic::Request;
use tonic::metadata::{AsciiMetadataValue, MetadataValue};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Uri};

use crate::Client;
use crate::errors::{BoxError, ConfigError, Error};

/// How long a call may take, its retries included.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// The same for what reads much: reports, results and searches.
pub const LONG_TIMEOUT: Duration = Duration::from_secs(120);

/// How often and how slowly to try again what was not available.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// How often a call is tried at most; 1 means no retries.
    pub attempts: u32,
    /// How often in a row a stream is reopened without anything coming out of it, before it is given up.
    pub reconnects: u32,
    /// What comes before the first retry.
    pub initial_delay: Duration,
    /// Growth of the delay from one retry to the next.
    pub multiplier: f64,
    /// What the delay grows to at most; a longer delay that the server asks for is kept to.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 8,
            reconnects: 30,
            initial_delay: Duration::from_millis(100),
            multiplier: 2.0,
            max_delay: Duration::from_secs(5),
        }
    }
}

impl RetryPolicy {
    /// How long to wait after this many failures in a row, of which the server asked for a delay of its own.
    /// It is spread at random, so that clients that lost the same server do not return together.
    pub(crate) fn delay(&self, failures: u32, asked: Duration) -> Duration {
        let growth = self.multiplier.powf(f64::from(failures.saturating_sub(1)));
        let grown = (self.initial_delay.as_secs_f64() * growth).min(self.max_delay.as_secs_f64());
        spread(grown, 0.5, 1.0).max(spread(asked.as_secs_f64(), 1.0, 1.2))
    }
}

/// A number of seconds times something between two factors. What is no duration, as after a growth that is no
/// number or a delay beyond all time, is as long as can be.
fn spread(seconds: f64, from: f64, to: f64) -> Duration {
    Duration::try_from_secs_f64(seconds * (from + (to - from) * fastrand::f64())).unwrap_or(Duration::MAX)
}

/// Where a stream of events begins and what it shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// Begins after this sequence, the last one that was seen; 0 replays from the start.
    pub after_sequence: i64,
    /// Hands over the server's signs of life too. Those of a job repeat the sequence of the event before
    /// them.
    pub heartbeats: bool,
}

impl Watch {
    /// After this sequence, without heartbeats.
    pub fn after(sequence: i64) -> Self {
        Self { after_sequence: sequence, heartbeats: false }
    }
}

type Token = Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send>>;

#[derive(Clone)]
enum Credentials {
    None,
    ApiKey(String),
    Bearer(Arc<dyn Fn() -> Token + Send + Sync>),
}

impl fmt::Debug for Credentials {
    /// Says which kind they are; secrets are shown to nobody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::ApiKey(_) => "ApiKey",
            Self::Bearer(_) => "Bearer",
        })
    }
}

/// Makes a [`Client`].
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    address: String,
    authority: Option<Vec<u8>>,
    settings: Settings,
}

/// What a client knows beside its connection.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) timeout: Duration,
    pub(crate) long_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    credentials: Credentials,
}

impl Settings {
    /// A request with the credentials as they are now.
    pub(crate) async fn request<T>(&self, message: T) -> Result<Request<T>, Error> {
        let mut request = Request::new(message);
        let (name, value) = match &self.credentials {
            Credentials::None => return Ok(request),
            Credentials::ApiKey(key) => ("x-api-key", key.clone()),
            Credentials::Bearer(token) => {
                ("authorization", format!("Bearer {}", token().await.map_err(Error::Credentials)?))
            }
        };
        let value = secret(&value).ok_or_else(|| Error::Credentials("credentials must be printable ASCII".into()))?;
        request.metadata_mut().insert(name, value);
        Ok(request)
    }
}

impl Builder {
    pub(crate) fn new(address: String) -> Self {
        let retry = RetryPolicy::default();
        let settings =
            Settings { timeout: DEFAULT_TIMEOUT, long_timeout: LONG_TIMEOUT, retry, credentials: Credentials::None };
        Self { address, authority: None, settings }
    }

    /// Sends an API key with each call, as metadata `x-api-key`. It is sent as it is: use TLS beyond
    /// loopback.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.settings.credentials = Credentials::ApiKey(key.into());
        self
    }

    /// Sends a bearer token with each call, as metadata `authorization`. The function gives the current
    /// token; it is asked before each attempt of a call, and its error ends the call as
    /// [`Error::Credentials`].
    pub fn bearer_token<F, T, E>(mut self, token: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.settings.credentials = Credentials::Bearer(Arc::new(move || {
            let token = token();
            Box::pin(async { token.await.map_err(Into::into) })
        }));
        self
    }

    /// Trusts these certificate authorities, as PEM, in place of those of the system.
    pub fn certificate_authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authority = Some(pem.into());
        self
    }

    /// Sets how often and how slowly to try again.
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// Sets how long a call may take, its retries included: `long` is for reports, results and searches,
    /// `short` for all others. [`Client::with_timeout`] sets both for some calls.
    pub fn timeouts(mut self, short: Duration, long: Duration) -> Self {
        self.settings.timeout = short;
        self.settings.long_timeout = long;
        self
    }

    /// Makes the client; nothing is sent yet.
    ///
    /// # Errors
    /// If the address or an option is wrong, or outside of a Tokio runtime.
    pub fn build(self) -> Result<Client, ConfigError> {
        let endpoint = self.endpoint()?;
        if let Credentials::ApiKey(key) = &self.settings.credentials
            && secret(key).is_none()
        {
            return Err(ConfigError::ApiKey);
        }
        tokio::runtime::Handle::try_current().map_err(|_| ConfigError::NoRuntime)?;
        Ok(Client::over(&endpoint.connect_lazy(), self.settings))
    }

    fn endpoint(&self) -> Result<Endpoint, ConfigError> {
        let malformed = || ConfigError::Address(self.address.clone());
        let uri: Uri = self.address.parse().map_err(|_| malformed())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(malformed()),
        };
        if uri.host().is_none_or(str::is_empty) || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(malformed());
        }
        let endpoint = Endpoint::from(uri)
            .user_agent(concat!("cidadao-client-rust/", env!("CARGO_PKG_VERSION")))
            .map_err(|_| malformed())?
            .connect_timeout(Duration::from_secs(5))
            // A peer that vanished without a word is noticed while a stream waits for its next event.
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10));
        let configuration = match (&self.authority, tls) {
            (None, false) => return Ok(endpoint),
            (Some(_), false) => return Err(ConfigError::AuthorityWithoutTls),
            (None, true) => ClientTlsConfig::new().with_native_roots(),
            (Some(pem), true) => ClientTlsConfig::new().ca_certificates(authorities(pem)?),
        };
        endpoint.tls_config(configuration).map_err(|error| ConfigError::Tls(error.into()))
    }
}

/// The certificates of a PEM; it is refused here if there are none, rather than by each handshake.
fn authorities(pem: &[u8]) -> Result<Option<Certificate>, ConfigError> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    if !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
        return Err(ConfigError::NoAuthority);
    }
    Ok(Some(Certificate::from_pem(pem)))
}

/// A metadata value that no log shows.
fn secret(text: &str) -> Option<AsciiMetadataValue> {
    let mut value: AsciiMetadataValue = MetadataValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
