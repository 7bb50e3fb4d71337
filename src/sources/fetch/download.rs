//! One file over HTTP: streamed to disk, tried again where that may help.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use reqwest::dns::Resolve;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use uuid::Uuid;
use zip::ZipArchive;

use super::super::Progress;
use super::{FetchError, FetchOptions, retry};

/// Redirects that are followed: the Portal sends to the server of its files.
const MAX_REDIRECTS: usize = 5;
/// How much of an answer that is no file is read to be shown.
const SHOWN_BYTES: usize = 64 << 10;
/// Characters of it that are shown.
const SHOWN_CHARS: usize = 120;

/// Why one attempt failed.
pub(super) enum Failure {
    /// Another attempt may succeed, after so long if the server says.
    Passing(String, Option<Duration>),
    Final(FetchError),
}

impl Failure {
    /// Another attempt may succeed.
    pub(super) const fn passing(detail: String) -> Self {
        Self::Passing(detail, None)
    }
}

/// The attempts at one address.
pub(super) struct Attempts<'a> {
    url: &'a str,
    options: &'a FetchOptions,
    made: u32,
}

impl<'a> Attempts<'a> {
    pub(super) const fn new(url: &'a str, options: &'a FetchOptions) -> Self {
        Self { url, options, made: 0 }
    }

    /// Waits until the next attempt.
    ///
    /// # Errors
    /// If there is to be none.
    pub(super) async fn after(&mut self, failure: Failure) -> Result<(), FetchError> {
        self.made += 1;
        let (detail, asked) = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Passing(detail, asked) => (detail, asked),
        };
        if self.made >= self.options.attempts {
            return Err(FetchError::GaveUp { url: self.url.to_owned(), attempts: self.made, detail });
        }
        let wait = retry::wait(self.options, self.made + 1, asked, chance());
        let (url, attempt, wait_ms) = (self.url, self.made + 1, wait.as_millis() as u64);
        tracing::warn!(url, detail, attempt, wait_ms, "download is tried again");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// A client that checks certificates, and asks nobody without encryption beyond this machine.
pub(super) fn client(options: &FetchOptions, redirects: Policy) -> Result<Client, FetchError> {
    let failed = |detail: String| FetchError::Client { url: options.base.clone(), detail };
    let secure = options.base.starts_with("https://");
    if !is_trusted_base(&options.base) {
        return Err(failed("must be https://, or http:// on loopback".to_owned()));
    }
    let mut builder = Client::builder()
        .user_agent(concat!("cidadao/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.silence)
        .read_timeout(options.silence)
        .https_only(secure)
        .redirect(redirects);
    if !secure {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| failed(told(&error)))
}

/// Downloads archives.
#[derive(Debug)]
pub(super) struct Downloader<'a> {
    client: Client,
    options: &'a FetchOptions,
    /// Whether every file is an archive, or only those that are named so.
    archives: bool,
}

impl<'a> Downloader<'a> {
    /// A client that checks certificates, and follows nobody from `https` to `http`.
    pub(super) fn new(options: &'a FetchOptions) -> Result<Self, FetchError> {
        Ok(Self { client: client(options, Policy::limited(MAX_REDIRECTS))?, options, archives: true })
    }

    /// A client of files of any kind that goes where `redirects` lets it and finds hosts by `resolver`.
    pub(super) fn guarded<R: Resolve + 'static>(
        options: &'a FetchOptions,
        redirects: Policy,
        resolver: Arc<R>,
    ) -> Result<Self, FetchError> {
        let client = Client::builder()
            .user_agent(concat!("cidadao/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.silence)
            .read_timeout(options.silence)
            .redirect(redirects)
            .dns_resolver(resolver)
            // A proxy would find hosts by itself.
            .no_proxy()
            .build()
            .map_err(|error| FetchError::Client { url: options.base.clone(), detail: told(&error) })?;
        Ok(Self { client, options, archives: false })
    }

    /// Downloads the archive at `url` to `path`.
    pub(super) async fn download(
        &self,
        url: &str,
        path: &Path,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), FetchError> {
        let mut attempts = Attempts::new(url, self.options);
        loop {
            match self.attempt(url, path, progress).await {
                Ok(()) => return Ok(()),
                Err(failure) => attempts.after(failure).await?,
            }
        }
    }

    async fn attempt(
        &self,
        url: &str,
        path: &Path,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), Failure> {
        let passing = Failure::passing;
        let response = self.client.get(url).send().await.map_err(|error| passing(told(&error)))?;
        let response = check(url, response).await?;
        let too_large = || Failure::Final(FetchError::TooLarge { url: url.to_owned(), limit: self.options.max_bytes });
        let declared = response.content_length();
        if declared.is_some_and(|bytes| bytes > self.options.max_bytes) {
            return Err(too_large());
        }
        if is_html(response.headers()) {
            return Err(passing(format!("HTML in place of an archive: {}", shown(response).await)));
        }
        let io = |cause| Failure::Final(FetchError::Io { path: path.to_owned(), cause });
        // What an attempt before left of the file goes with it.
        let mut file = File::create(path).map_err(io)?;
        let mut response = response;
        let mut bytes = 0;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        while let Some(chunk) = response.chunk().await.map_err(|error| passing(told(&error)))? {
            bytes += chunk.len() as u64;
            if bytes > self.options.max_bytes {
                return Err(too_large());
            }
            file.write_all(&chunk).map_err(io)?;
            let bytes_total = declared.unwrap_or(bytes);
            progress(Progress { file: name.clone(), bytes_done: bytes.min(bytes_total), bytes_total, rows: 0 });
        }
        file.sync_all().map_err(io)?;
        drop(file);
        if !self.archives && path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("zip")) {
            return Ok(());
        }
        // The directory stands at the end of an archive: one that was cut off has none.
        let file = File::open(path).map_err(io)?;
        ZipArchive::new(BufReader::new(file))
            .map_err(|error| passing(format!("{bytes} bytes that are no whole archive: {error}")))?;
        Ok(())
    }
}

/// A number from 0 to 1.
fn chance() -> f64 {
    f64::from(Uuid::new_v4().as_bytes()[0]) / 255.0
}

/// The answer, if it is one to read.
pub(super) async fn check(url: &str, response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() && status != StatusCode::NO_CONTENT {
        return Ok(response);
    }
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let asked = asked.and_then(|value| retry::asked_for(value, Utc::now()));
    let not_published = matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE);
    if not_published {
        return Err(Failure::Final(FetchError::NotPublished { url: url.to_owned(), status: status.as_u16() }));
    }
    let detail = shown(response).await;
    let again = status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY);
    Err(if again {
        Failure::Passing(format!("HTTP {}: {detail}", status.as_u16()), asked)
    } else {
        Failure::Final(FetchError::Refused { url: url.to_owned(), status: status.as_u16(), detail })
    })
}

pub(super) fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
}

/// The title of a page, or its beginning.
pub(super) async fn shown(mut response: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= SHOWN_BYTES {
            break;
        }
    }
    body.truncate(SHOWN_BYTES);
    let text = String::from_utf8_lossy(&body);
    let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).map(|(title, _)| title);
    let line = title.unwrap_or(&text).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().take(SHOWN_CHARS).filter(|c| !c.is_control()).collect::<String>() {
        empty if empty.is_empty() => "no body".to_owned(),
        line => line,
    }
}

/// An error with its causes: the outermost only says that a request failed.
pub(super) fn told(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// Whether files may be downloaded from behind an address: the way there is encrypted and its end proven, or
/// does not leave this machine.
pub fn is_trusted_base(base: &str) -> bool {
    let Some(rest) = base.strip_prefix("http://") else { return base.starts_with("https://") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_goes_without_encryption() {
        for base in ["https://example.org/x", "http://127.0.0.1:1/x", "http://[::1]:80", "http://localhost/a"] {
            assert!(is_trusted_base(base), "{base}");
            assert!(Downloader::new(&FetchOptions::of(base)).is_ok());
        }
        for base in
            ["http://example.org", "http://127.0.0.1.example.org/", "http://127.0.0.1@example.org", "ftp://localhost"]
        {
            assert!(!is_trusted_base(base), "{base}");
            let error = Downloader::new(&FetchOptions::of(base)).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("must be https://"), "{error}");
        }
    }
}
