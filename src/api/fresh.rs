//! Contracts as the API of their source has them now, kept for a while.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::errors::ApiError;
use crate::cache::{Cache, CacheError, Codec};
use crate::lake::LakeSnapshot;
use crate::model::{LakeFile, Table};
use crate::sources::{FetchError, ImportError, PiiKey, PortalNow, PortalQuery, files_to_parquet};

/// How long what was read answers for what the source has now.
const KEPT_FOR: Duration = Duration::from_secs(600);

/// Why the contracts of a source cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FreshError {
    /// Its API does not give them.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What it gave cannot be read.
    #[error(transparent)]
    Read(#[from] ImportError),
    /// They cannot be kept while they are searched.
    #[error("cannot keep what the API of a source gave: {0}")]
    Keep(io::Error),
    /// A defect: a task ended early, or what was kept does not come back.
    #[error("{0}")]
    Defect(String),
}

/// Reads contracts from the API of the Portal da Transparência. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fresh {
    portal: PortalNow,
    cache: Cache,
    pii_key: PathBuf,
}

/// One Parquet file of what was read; nothing in it is to be masked any more.
#[derive(Debug, Serialize, Deserialize)]
struct KeptFile {
    table: Table,
    rows: i64,
    bytes: Vec<u8>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    read_at: DateTime<Utc>,
    unreadable: i64,
    files: Vec<KeptFile>,
}

/// What an API published, as a lake of its own.
#[derive(Debug)]
pub(super) struct Published {
    /// When it was read.
    pub(super) read_at: DateTime<Utc>,
    /// Records that could not be read.
    pub(super) unreadable: i64,
    /// The others.
    pub(super) snapshot: LakeSnapshot,
    /// Where the files of the snapshot are; they go with it.
    _directory: TempDir,
}

impl Fresh {
    /// Asks `portal` and keeps what it gave in `cache`; CPFs are hashed with the key of the file `pii_key`.
    pub fn new(portal: PortalNow, cache: &Cache, pii_key: PathBuf) -> Self {
        Self { portal, cache: cache.clone().with_codec(Codec::Binary), pii_key }
    }

    /// What the API has under a query, or had at most [`KEPT_FOR`] ago. Of many who ask at once one reads.
    ///
    /// # Errors
    /// [`ApiError::Source`].
    pub(super) async fn read(&self, query: &PortalQuery) -> Result<Published, ApiError> {
        let kept = self.cache.get_or_set(&format!("source:{query}"), Some(KEPT_FOR), self.load(query)).await;
        let kept: Kept = kept.map_err(|error| match error {
            CacheError::Load(error) => ApiError::Source(error),
            error @ CacheError::Codec { .. } => FreshError::Defect(error.to_string()).into(),
        })?;
        let directory = self.portal.scratch().map_err(FreshError::Fetch)?;
        let mut files = Vec::new();
        for (at, file) in kept.files.iter().enumerate() {
            let path = format!("{at}.parquet");
            fs::write(directory.path().join(&path), &file.bytes).map_err(FreshError::Keep)?;
            files.push(LakeFile {
                table: file.table,
                path,
                rows: file.rows,
                bytes: file.bytes.len() as i64,
                merged: false,
            });
        }
        let snapshot = LakeSnapshot::from_files(directory.path().to_owned(), files);
        Ok(Published { read_at: kept.read_at, unreadable: kept.unreadable, snapshot, _directory: directory })
    }

    async fn load(&self, query: &PortalQuery) -> Result<Kept, FreshError> {
        let read_at = Utc::now();
        let fetched = self.portal.read(query).await?;
        if fetched.paths.is_empty() {
            return Ok(Kept { read_at, unreadable: 0, files: Vec::new() });
        }
        let directory = self.portal.scratch()?;
        let pii_key = self.pii_key.clone();
        let work = move || {
            let key = PiiKey::load_or_create(&pii_key).map_err(FreshError::Keep)?;
            let parsed = files_to_parquet(&fetched.paths, directory.path(), &key, &|_| {})?;
            let kept = parsed.files.iter().map(|file| {
                let bytes = fs::read(directory.path().join(&file.path)).map_err(FreshError::Keep)?;
                Ok(KeptFile { table: file.table, rows: file.rows, bytes })
            });
            let files = kept.collect::<Result<_, FreshError>>()?;
            Ok(Kept { read_at, unreadable: parsed.summary.quarantined, files })
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| FreshError::Defect(error.to_string()))?
    }
}
