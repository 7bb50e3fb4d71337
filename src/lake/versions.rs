use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::{LakeError, LakeSnapshot};
use crate::model::Table;
use crate::store::{Store, StoreError};

/// Age at which a file that no version knows is taken for the leftover of an import that crashed,
/// and not for the work of one that is running.
const ORPHAN_AGE: Duration = Duration::from_secs(60 * 60);

/// The lake: Parquet files under a directory, and the manifest in the store that says which of them
/// make a version.
#[derive(Debug, Clone)]
pub struct Lake {
    root: PathBuf,
    store: Store,
    // What a snapshot found out about its files is kept for the next one of the same version.
    latest: Arc<Mutex<Option<LakeSnapshot>>>,
}

impl Lake {
    /// The lake under `root`, with its manifest in `store`.
    pub fn new(root: PathBuf, store: Store) -> Self {
        Self { root, store, latest: Arc::default() }
    }

    /// The directory of the files.
    pub fn root(&self) -> &Path {
        &self.root
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
        let snapshot = LakeSnapshot::new(self.root.clone(), asked, files);
        *cached() = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// The manifest.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Removes what imports that crashed left behind: files older than an hour that are of no
    /// version, not even of an old one. Returns how many.
    ///
    /// # Errors
    /// If the manifest or a directory cannot be read, or a file cannot be removed.
    pub async fn remove_orphans(&self) -> Result<usize, LakeError> {
        let mut candidates = self.old_files()?;
        if !candidates.is_empty() {
            let known = self.store.known_files().await?;
            candidates.retain(|path| !known.contains(path));
        }
        for path in &candidates {
            let path = self.root.join(path);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(LakeError::io(&path)(error)),
                _ => tracing::info!(path = %path.display(), "removed the leftover of an import"),
            }
        }
        Ok(candidates.len())
    }

    /// Paths, relative to the root, of the files that are old enough to be orphans.
    fn old_files(&self) -> Result<Vec<String>, LakeError> {
        let mut found = Vec::new();
        for table in Table::ALL {
            let directory = self.root.join(table.as_str());
            let entries = match fs::read_dir(&directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries.map_err(LakeError::io(&directory))?,
            };
            for entry in entries {
                let entry = entry.map_err(LakeError::io(&directory))?;
                let Some(name) = entry.file_name().to_str().map(ToOwned::to_owned) else { continue };
                let ours = name.ends_with(".parquet") || name.ends_with(".parquet.tmp");
                // A file that vanishes meanwhile is no orphan any more.
                let changed = entry.metadata().and_then(|metadata| metadata.modified());
                let age = changed.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
                if ours && age.is_some_and(|age| age > ORPHAN_AGE) {
                    found.push(format!("{}/{name}", table.as_str()));
                }
            }
        }
        Ok(found)
    }
}
