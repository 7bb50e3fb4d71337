//! Contracts of the Portal as its API has them now, for somebody who waits for the answer.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tempfile::TempDir;

use super::address::PortalList;
use super::breaker::Breaker;
use super::client::ApiClient;
use super::portal::{of_organ, of_supplier};
use super::{ApiOptions, FetchError, FetchOptions, Fetched, own_directory};
use crate::cache::Bucket;
use crate::secret::Secret;

/// Times that a page is tried: somebody waits.
const ATTEMPTS: u32 = 2;
/// How long the API may be silent. It takes some seconds for a page in working hours.
const SILENCE: Duration = Duration::from_secs(20);

/// Contracts that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortalQuery {
    /// Those of an organ whose term lies in a span.
    Organ {
        /// SIAFI code of the organ.
        code: String,
        /// First day.
        first: NaiveDate,
        /// Last day.
        last: NaiveDate,
    },
    /// Those of a supplier.
    Supplier {
        /// Its CNPJ, without marks.
        cnpj: String,
    },
}

impl fmt::Display for PortalQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organ { code, first, last } => write!(f, "portal-api:contratos/{code}/{first}..{last}"),
            Self::Supplier { cnpj } => write!(f, "portal-api:contratos/cpf-cnpj/{cnpj}"),
        }
    }
}

/// The API of the Portal da Transparência. Clones share its circuit breaker and its token bucket.
#[derive(Debug, Clone)]
pub struct PortalNow {
    options: FetchOptions,
    key: Option<Secret>,
    bucket: Bucket,
    breaker: Arc<Breaker>,
    directory: PathBuf,
}

impl PortalNow {
    /// Pages that a list may have: 15 contracts each. A longer one is to be imported.
    pub const MOST_PAGES: u64 = 40;

    /// The API at `base`, which needs a `key`; pages are kept under `directory` while they are read.
    pub fn new(base: &str, key: Option<Secret>, bucket: Bucket, directory: PathBuf) -> Self {
        let (failures, pause) = ApiOptions::BREAKER;
        let options = FetchOptions { attempts: ATTEMPTS, silence: SILENCE, ..FetchOptions::of(base) };
        Self { options, key, bucket, breaker: Arc::new(Breaker::new("portal-api", failures, pause)), directory }
    }

    /// An empty directory beside those of the pages, gone when it is dropped.
    ///
    /// # Errors
    /// [`FetchError::Io`].
    pub fn scratch(&self) -> Result<TempDir, FetchError> {
        own_directory(&self.directory)
    }

    /// Reads the contracts of a query, every page of them.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::TooManyPages`] where there are more than [`Self::MOST_PAGES`].
    pub async fn read(&self, query: &PortalQuery) -> Result<Fetched, FetchError> {
        let key = self.key.as_ref().ok_or(FetchError::KeyMissing)?;
        let client = ApiClient::new(&self.options, &self.bucket, Arc::clone(&self.breaker), Some(key))?;
        let filter = match query {
            PortalQuery::Organ { code, first, last } => of_organ(PortalList::Contracts, code, (*first, *last)),
            PortalQuery::Supplier { cnpj } => of_supplier(cnpj),
        };
        let own = self.scratch()?;
        let name = format!("{}_now", PortalList::Contracts.source());
        let files = filter.read(&client, name, Some(Self::MOST_PAGES), own.path(), &|_| {}).await?;
        let empty = if files.is_empty() { vec![query.to_string()] } else { Vec::new() };
        let paths = if files.is_empty() { Vec::new() } else { vec![own.path().to_owned()] };
        Ok(Fetched { paths, empty, _directory: own })
    }
}
