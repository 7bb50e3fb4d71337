use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::files::Files;
use super::{BucketUrl, LakeError, LakeSnapshot};
use crate::store::{Store, StoreError};

/// The lake: Parquet files in a directory or in a bucket, and the manifest in the store that says which of them
/// make a version.
#[derive(Debug, Clone)]
pub struct Lake {
    files: Files,
    store: Store,
    // What a snapshot found out about its files is kept for the next one of the same version.
    latest: Arc<Mutex<Option<LakeSnapshot>>>,
}

impl Lake {
    /// The lake under `root`, with its manifest in `store`.
    pub fn new(root: PathBuf, store: Store) -> Self {
        Self { files: Files::Directory(root), store, latest: Arc::default() }
    }

    /// The lake in a bucket of an S3-compatible store, with its manifest in `store`. `settings` are names and values of
    /// the client as of the environment variables `AWS_*`; its requests run on the runtime of whoever calls. Files wait
    /// in the directory `staging` until they are uploaded. The bucket is not asked for anything yet.
    ///
    /// # Errors
    /// [`LakeError::Setting`].
    pub fn in_bucket(
        url: &BucketUrl,
        settings: &[(String, String)],
        staging: PathBuf,
        store: Store,
    ) -> Result<Self, LakeError> {
        Ok(Self { files: Files::in_bucket(url, settings, staging)?, store, latest: Arc::default() })
    }

    /// The directory that files are written to: that of the lake, or where they wait until they are uploaded.
    pub fn root(&self) -> &Path {
        self.files.root()
    }

    /// Where the files are.
    pub(crate) const fn files(&self) -> &Files {
        &self.files
    }

    /// The files of a version, the latest one by default. Version 0 is the empty lake.
    ///
    /// # Errors
    /// [`LakeError::NoSuchVersion`], or if the manifest cannot be read.
    pub async fn snapshot(&self, version: Option<i64>) -> Result<LakeSnapshot, LakeError> {
        let asked = match version {
            Some(version) => version,
            None => self.store.lake_version().await?,
        };
        let cached = || self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(snapshot) = cached().as_ref().filter(|snapshot| snapshot.version() == asked) {
            return Ok(snapshot.clone());
        }
        let files = match self.store.lake_files(asked).await {
            Ok(files) => files,
            Err(StoreError::NotFound { .. }) => {
                return Err(LakeError::NoSuchVersion { asked, latest: self.store.lake_version().await? });
            }
            Err(error) => return Err(error.into()),
        };
        let snapshot = LakeSnapshot::new(self.files.clone(), asked, files);
        *cached() = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// The manifest.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Files that are of no version, not even of an old one, and old enough to be no import's that is running.
    ///
    /// # Errors
    /// If the manifest, the directory or the bucket cannot be read.
    pub(super) async fn leftovers(&self) -> Result<Vec<String>, LakeError> {
        let mut candidates = self.files.old(self.store.now()).await?;
        if !candidates.is_empty() {
            let known = self.store.known_files().await?;
            candidates.retain(|path| !known.contains(path));
        }
        Ok(candidates)
    }

    /// Removes what imports that crashed left behind: files older than an hour (in a bucket, a day) that are of no
    /// version, not even of an old one. Returns how many.
    ///
    /// # Errors
    /// If the manifest, the directory or the bucket cannot be read, or a file cannot be removed.
    pub async fn remove_orphans(&self) -> Result<usize, LakeError> {
        let leftovers = self.leftovers().await?;
        self.files.remove(&leftovers).await?;
        for path in &leftovers {
            tracing::info!(path, "removed the leftover of an import");
        }
        self.files.clear_staging()?;
        Ok(leftovers.len())
    }
}
