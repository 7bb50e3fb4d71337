//! Uploaded files on their way: each in a directory of its own, whole or not there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::secret::hex;

/// Uploads at the same time: each holds a file open, and up to the limit of disk.
const AT_ONCE: usize = 4;
/// Age at which what belongs to no job that waits or runs is what a crash left behind.
const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Beginning of the names of directories that are being filled.
const PARTIAL: &str = "partial-";

/// A file that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Name of its directory.
    pub id: String,
    /// Name of the file.
    pub file_name: String,
    /// SHA-256 of its bytes, in lower-case hex.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
}

/// Why an upload ends early.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It is larger than allowed.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// Too many are under way.
    #[error("{AT_ONCE} uploads are under way")]
    Busy,
    /// It cannot be written.
    #[error("{path}: {cause}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

/// The directory of the uploads.
#[derive(Debug, Clone)]
pub struct Uploads {
    root: PathBuf,
    /// Largest file, in bytes; 0 where nothing may be uploaded.
    limit: u64,
    slots: Arc<Semaphore>,
}

/// A file that is being uploaded; dropped before its end, it is gone.
#[derive(Debug)]
pub struct Uploading {
    uploads: Uploads,
    directory: tempfile::TempDir,
    path: PathBuf,
    file: File,
    hash: Sha256,
    bytes: u64,
    _slot: OwnedSemaphorePermit,
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> UploadError + '_ {
    move |cause| UploadError::Io { path: path.to_owned(), cause }
}

impl Uploads {
    /// Uploads in a directory, each of at most `limit` bytes.
    pub fn new(root: PathBuf, limit: u64) -> Self {
        Self { root, limit, slots: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Largest file, in bytes; 0 where nothing may be uploaded.
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Begins to take a file.
    ///
    /// # Errors
    /// [`UploadError::Busy`] while others take all places, [`UploadError::Io`].
    pub async fn begin(&self, file_name: &str) -> Result<Uploading, UploadError> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| UploadError::Busy)?;
        tokio::fs::create_dir_all(&self.root).await.map_err(failed(&self.root))?;
        let directory = tempfile::Builder::new().prefix(PARTIAL).tempdir_in(&self.root).map_err(failed(&self.root))?;
        let path = directory.path().join(file_name);
        let file = File::create(&path).await.map_err(failed(&path))?;
        Ok(Uploading { uploads: self.clone(), directory, path, file, hash: Sha256::new(), bytes: 0, _slot: slot })
    }

    /// Where the file of an upload is.
    pub fn path(&self, upload: &Upload) -> PathBuf {
        self.root.join(&upload.id).join(&upload.file_name)
    }

    /// The directory of an upload, which messages are not to show.
    pub fn directory(&self, upload: &Upload) -> PathBuf {
        self.root.join(&upload.id)
    }

    /// Removes the file of an upload; one that is gone is fine.
    pub async fn remove(&self, upload: &Upload) {
        let directory = self.directory(upload);
        match tokio::fs::remove_dir_all(&directory).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %directory.display(), "an upload that is done with stays");
            }
            _ => {}
        }
    }

    /// Removes what is older than a day and not `awaited`.
    pub async fn remove_leftovers(&self, awaited: &[String]) {
        let Ok(mut entries) = tokio::fs::read_dir(&self.root).await else { return };
        while let Ok(Some(entry)) = entries.next_entry().await {
            let changed = entry.metadata().await.and_then(|metadata| metadata.modified());
            let age = changed.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
            let held = entry.file_name().to_str().is_some_and(|name| awaited.iter().any(|id| id == name));
            if !held
                && age.is_some_and(|age| age > LEFTOVER_AGE)
                && let Err(error) = tokio::fs::remove_dir_all(entry.path()).await
            {
                tracing::warn!(%error, path = %entry.path().display(), "the leftover of an upload stays");
            }
        }
    }
}

impl Uploading {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`UploadError::TooLarge`], [`UploadError::Io`].
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), UploadError> {
        self.bytes += chunk.len() as u64;
        if self.bytes > self.uploads.limit {
            return Err(UploadError::TooLarge { limit: self.uploads.limit });
        }
        self.hash.update(chunk);
        self.file.write_all(chunk).await.map_err(failed(&self.path))
    }

    /// Completes the file, durable on disk. `request` tells the same upload that comes again from others; without one,
    /// each is new. Returns whether the file was not there before.
    ///
    /// # Errors
    /// [`UploadError::Io`].
    pub async fn finish(mut self, request: Option<&str>) -> Result<(Upload, bool), UploadError> {
        self.file.flush().await.map_err(failed(&self.path))?;
        self.file.sync_all().await.map_err(failed(&self.path))?;
        let sha256 = hex(&self.hash.finalize());
        let file_name = self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let id = match request {
            // One directory for each content and name that a request came with.
            Some(request) => hex(&Sha256::digest(format!("{request}|{sha256}|{file_name}"))[..16]),
            None => Uuid::now_v7().simple().to_string(),
        };
        let upload = Upload { id, file_name, sha256, bytes: self.bytes };
        let target = self.uploads.directory(&upload);
        let new = match tokio::fs::rename(self.directory.path(), &target).await {
            Ok(()) => true,
            // The same upload came before and waits: this one goes with its directory.
            Err(_) if tokio::fs::try_exists(self.uploads.path(&upload)).await.unwrap_or(false) => false,
            Err(cause) => return Err(UploadError::Io { path: target, cause }),
        };
        if new {
            // Nothing of it is where the temporary directory was.
            let _moved = self.directory.keep();
            let root = File::open(&self.uploads.root).await.map_err(failed(&self.uploads.root))?;
            root.sync_all().await.map_err(failed(&self.uploads.root))?;
        }
        Ok((upload, new))
    }
}
