//! Published files by their address: `portal:compras/202401` is downloaded and taken in as if it lay here.

mod address;
mod api;
mod download;
mod retry;
mod uri;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use tempfile::TempDir;

use super::Progress;
pub use address::{Address, AddressError};
pub use api::{ApiAddress, ApiOptions, PNCP, PORTAL_API, PortalNow, PortalQuery, fetch_lists};
use download::Downloader;
pub use download::is_trusted_base;
pub use uri::{Allowed, ImportRules, UriError, fetch_web};

/// Where the bulk files of the Portal da Transparência are, unless a mirror is configured.
pub const PORTAL: &str = "https://portaldatransparencia.gov.br/download-de-dados";

/// Beginning of the names of directories that downloads are kept in while they are taken in.
const DIRECTORY: &str = "download-";
/// Age at which such a directory is what a killed process left behind.
const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Days that a list without a day is looked for: the Portal publishes one each working day.
const LOOK_BACK_DAYS: u32 = 10;

/// How files are downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOptions {
    /// What the name of a data set and its period are put behind; `https://`, or `http://` on loopback.
    pub base: String,
    /// Times that a download is tried.
    pub attempts: u32,
    /// Wait after the first failure; it doubles with each. What the server asks for goes before.
    pub backoff: Duration,
    /// Longest wait, whatever the server asks for.
    pub longest_wait: Duration,
    /// How long a connection may take, and how long a server may be silent.
    pub silence: Duration,
    /// Largest file.
    pub max_bytes: u64,
}

impl FetchOptions {
    /// The usual patience, with files from `base`.
    pub fn of(base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            attempts: 6,
            backoff: Duration::from_secs(2),
            longest_wait: Duration::from_secs(5 * 60),
            silence: Duration::from_secs(60),
            // The largest monthly archive there is has 200 MB.
            max_bytes: 4 << 30,
        }
    }
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self::of(PORTAL)
    }
}

/// Why a file was not downloaded.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The server has no such file.
    #[error("{url}: not published (HTTP {status}); the Portal answers so for periods that it does not have")]
    NotPublished {
        /// Where it was looked for.
        url: String,
        /// The answer.
        status: u16,
    },
    /// The server refuses, and will again.
    #[error("{url}: refused (HTTP {status}): {detail}")]
    Refused {
        /// Where it was looked for.
        url: String,
        /// The answer.
        status: u16,
        /// What the answer says.
        detail: String,
    },
    /// Every attempt failed.
    #[error("{url}: given up after {attempts} attempts, the last one: {detail}")]
    GaveUp {
        /// Where it was looked for.
        url: String,
        /// How many.
        attempts: u32,
        /// What was wrong with the last one.
        detail: String,
    },
    /// The file is larger than is allowed.
    #[error("{url}: larger than the limit of {limit} bytes")]
    TooLarge {
        /// Where it is.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// A list went on changing while it was read: what stands in it is not known.
    #[error("{url}: the list changed while it was read, {passes} times over ({detail}): try again later")]
    Unstable {
        /// Its first page.
        url: String,
        /// How often it was read.
        passes: u32,
        /// What did not agree.
        detail: String,
    },
    /// A list has more pages than somebody can wait for.
    #[error("{url}: more than {limit} pages")]
    TooManyPages {
        /// Its first page.
        url: String,
        /// How many it may have.
        limit: u64,
    },
    /// A filter that was asked for was not applied.
    #[error("{url}: the answer has nothing of {filter}, which was asked for: the API ignores the filter")]
    FilterIgnored {
        /// The page.
        url: String,
        /// The filter and its value.
        filter: String,
    },
    /// The API answers nobody without a key.
    #[error(
        "portal_api_key is not set: the API of the Portal da Transparência needs a key (--portal-api-key or CIDADAO_PORTAL_API_KEY)"
    )]
    KeyMissing,
    /// The client cannot be made or asked.
    #[error("{url}: {detail}")]
    Client {
        /// Where the file was looked for.
        url: String,
        /// Why.
        detail: String,
    },
    /// The file cannot be written.
    #[error("cannot write {path}: {cause}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
}

/// What was downloaded; it is gone with it.
#[derive(Debug)]
pub struct Fetched {
    /// Files, in the order of their addresses; of lists of an API a directory for each dataset, named as it is.
    pub paths: Vec<PathBuf>,
    /// Lists without any record.
    pub empty: Vec<String>,
    _directory: TempDir,
}

/// Downloads the files of addresses into a directory of their own under `directory`, with bounded memory.
///
/// `now` decides which day a list without one is looked for from.
///
/// # Errors
/// [`FetchError`]; nothing is kept then.
pub async fn fetch(
    addresses: &[Address],
    directory: &Path,
    options: &FetchOptions,
    now: DateTime<Utc>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Fetched, FetchError> {
    let own = own_directory(directory)?;
    let downloader = Downloader::new(options)?;
    let mut paths = Vec::new();
    for address in addresses {
        let mut periods = address.periods(now, LOOK_BACK_DAYS).into_iter().peekable();
        while let Some(period) = periods.next() {
            let path = own.path().join(address.file_name(&period));
            match downloader.download(&address.url(&options.base, &period), &path, progress).await {
                Ok(()) => {
                    paths.push(path);
                    break;
                }
                Err(FetchError::NotPublished { .. }) if periods.peek().is_some() => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Fetched { paths, empty: Vec::new(), _directory: own })
}

/// A directory for the downloads of one call.
fn own_directory(directory: &Path) -> Result<TempDir, FetchError> {
    let failed = |cause| FetchError::Io { path: directory.to_owned(), cause };
    fs::create_dir_all(directory).map_err(failed)?;
    remove_leftovers(directory);
    tempfile::Builder::new().prefix(DIRECTORY).tempdir_in(directory).map_err(failed)
}

/// Removes what processes that were killed left behind.
fn remove_leftovers(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(DIRECTORY);
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let age = changed.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if ours
            && age.is_some_and(|age| age > LEFTOVER_AGE)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            // It costs space and nothing else.
            tracing::warn!(%error, path = %entry.path().display(), "the leftover of a download stays");
        }
    }
}
