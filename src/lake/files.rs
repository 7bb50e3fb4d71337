//! Where the files of a lake are, and how they get there and are read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use datafusion::parquet::arrow::async_reader::{ParquetRecordBatchStream, ParquetRecordBatchStreamBuilder};
use datafusion::parquet::errors::ParquetError;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::bucket::Bucket;
use super::objects::ObjectFile;
use super::snapshot::file_url;
use super::{BucketUrl, LakeError};
use crate::model::{LakeFile, Table};

/// Age at which a file that no version knows is taken for the leftover of an import that crashed,
/// and not for the work of one that is running.
const ORPHAN_AGE: Duration = Duration::from_secs(60 * 60);
/// The same in a bucket, where a clock that is not ours says how old it is.
const ORPHAN_AGE_IN_BUCKET: TimeDelta = TimeDelta::hours(24);
/// Rows that are decoded at once.
const BATCH_ROWS: usize = 8_192;

/// Where the files of a lake are: Parquet, named by table and import, written once.
#[derive(Debug, Clone)]
pub(crate) enum Files {
    /// In a directory.
    Directory(PathBuf),
    /// In a bucket of an S3-compatible store.
    Bucket(Arc<Bucket>),
}

impl Files {
    /// Those of a bucket, written to `staging` before they are uploaded.
    pub(super) fn in_bucket(
        url: &BucketUrl,
        settings: &[(String, String)],
        staging: PathBuf,
    ) -> Result<Self, LakeError> {
        Ok(Self::Bucket(Arc::new(Bucket::open(url, settings, staging)?)))
    }

    /// The directory that files are written to: the lake itself, or where they wait for their upload.
    pub(crate) fn root(&self) -> &Path {
        match self {
            Self::Directory(root) => root,
            Self::Bucket(bucket) => bucket.staging(),
        }
    }

    /// URL of a file, as the engine reads it.
    pub(super) fn url(&self, path: &str) -> Result<String, LakeError> {
        match self {
            Self::Directory(root) => file_url(&root.join(path)),
            Self::Bucket(bucket) => Ok(bucket.address(path)),
        }
    }

    /// Lets a session read the URLs.
    pub(super) fn attach(&self, session: &SessionContext) -> Result<(), LakeError> {
        match self {
            Self::Directory(_) => Ok(()),
            Self::Bucket(bucket) => bucket.attach(session),
        }
    }

    /// Brings finished files from where they were written to where they are read; they stay there as well until
    /// [`Files::forget`].
    ///
    /// # Errors
    /// If they cannot be read, or the store does not take them.
    pub(crate) async fn publish(&self, files: &[LakeFile]) -> Result<(), LakeError> {
        match self {
            Self::Directory(_) => Ok(()),
            Self::Bucket(bucket) => bucket.upload(files).await,
        }
    }

    /// Removes what is left of files where they were written, if that is not where they are read.
    pub(super) fn forget(&self, files: &[LakeFile]) {
        if let Self::Bucket(bucket) = self {
            for file in files {
                unlink_or_tell(&bucket.staging().join(&file.path));
            }
        }
    }

    /// Removes files that no version ever had, wherever they are; what cannot be removed is told of in the log.
    /// In a bucket that goes on in the background.
    pub(super) fn abandon(&self, files: &[LakeFile]) -> Option<JoinHandle<()>> {
        for file in files {
            unlink_or_tell(&self.root().join(&file.path));
        }
        let Self::Bucket(bucket) = self else { return None };
        if files.is_empty() {
            return None;
        }
        let (own, paths) = (Arc::clone(bucket), files.iter().map(|file| file.path.clone()).collect::<Vec<_>>());
        Some(bucket.runtime().spawn(async move {
            if let Err(error) = own.remove(&paths).await {
                tracing::warn!(%error, "the leftovers of an import stay until a vacuum");
            }
        }))
    }

    /// Removes files; one that is not there is removed.
    pub(super) async fn remove(&self, paths: &[String]) -> Result<(), LakeError> {
        match self {
            Self::Directory(root) => paths.iter().try_for_each(|path| unlink(&root.join(path))),
            Self::Bucket(bucket) => bucket.remove(paths).await,
        }
    }

    /// Whether files are there; in a bucket also in their sizes.
    ///
    /// # Errors
    /// [`LakeError::Io`] or [`LakeError::Object`] names the first that is not.
    pub(crate) async fn check(&self, files: &[LakeFile]) -> Result<(), LakeError> {
        match self {
            Self::Directory(_) => self.check_paths(files.iter()),
            Self::Bucket(bucket) => bucket.check_all(files).await,
        }
    }

    /// Whether the files of a directory are there: the engine takes one that is not for an empty one. A bucket says so
    /// when it is read.
    pub(super) fn check_paths<'a>(&self, mut files: impl Iterator<Item = &'a LakeFile>) -> Result<(), LakeError> {
        let Self::Directory(root) = self else { return Ok(()) };
        files.try_for_each(|file| {
            let path = root.join(&file.path);
            fs::metadata(&path).map(|_| ()).map_err(LakeError::io(&path))
        })
    }

    /// Whether it can be read and listed.
    ///
    /// # Errors
    /// If a bucket is not there, does not answer or refuses us.
    pub(crate) async fn reachable(&self) -> Result<(), LakeError> {
        match self {
            Self::Directory(_) => Ok(()),
            Self::Bucket(bucket) => bucket.reachable().await,
        }
    }

    /// A look at the files of a version, as often as every few seconds: at all of a directory, at one of a bucket, each
    /// time another one.
    ///
    /// # Errors
    /// [`LakeError::Io`] or [`LakeError::Object`] names the first that is missing or has another size.
    pub(crate) async fn probe(&self, files: &[LakeFile]) -> Result<(), LakeError> {
        let root = match self {
            Self::Directory(root) => root,
            Self::Bucket(bucket) => return bucket.probe(files).await,
        };
        for file in files {
            let path = root.join(&file.path);
            let found = tokio::fs::metadata(&path).await.map_err(LakeError::io(&path))?.len();
            if i64::try_from(found) != Ok(file.bytes) {
                let source = io::Error::other(format!("it has {found} bytes, not {}", file.bytes));
                return Err(LakeError::Io { path, source });
            }
        }
        Ok(())
    }

    /// Paths of the files that are old enough to be orphans; whether they are, the manifest says.
    pub(super) async fn old(&self, now: DateTime<Utc>) -> Result<Vec<String>, LakeError> {
        match self {
            Self::Directory(root) => old_files(root),
            Self::Bucket(bucket) => bucket.before(now - ORPHAN_AGE_IN_BUCKET).await,
        }
    }

    /// Removes what crashed imports left where files wait for their upload.
    pub(super) fn clear_staging(&self) -> Result<(), LakeError> {
        let Self::Bucket(bucket) = self else { return Ok(()) };
        old_files(bucket.staging())?.iter().try_for_each(|path| unlink(&bucket.staging().join(path)))
    }

    /// Reads a file batch by batch, all of its columns or those that are named. Blocks the thread.
    ///
    /// # Errors
    /// If it cannot be read, or is no Parquet.
    pub(super) fn read(&self, file: &LakeFile, columns: Option<&[&str]>) -> Result<Batches, LakeError> {
        match self {
            Self::Directory(root) => of_disk(root.join(&file.path), columns),
            Self::Bucket(bucket) => of_bucket(bucket, file, columns),
        }
    }

    /// The same, from where it was written if it is still there.
    pub(super) fn read_near(&self, file: &LakeFile, columns: Option<&[&str]>) -> Result<Batches, LakeError> {
        match of_disk(self.root().join(&file.path), columns) {
            Err(LakeError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => self.read(file, columns),
            near => near,
        }
    }
}

fn of_disk(path: PathBuf, columns: Option<&[&str]>) -> Result<Batches, LakeError> {
    let opened = fs::File::open(&path).map_err(LakeError::io(&path))?;
    let bytes = opened.metadata().map_err(LakeError::io(&path))?.len();
    let failed = |error| damaged(&path, error);
    let builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(failed)?;
    let schema = Arc::clone(builder.schema());
    let mask = mask(columns, builder.parquet_schema());
    let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(failed)?;
    Ok(Batches { schema, bytes, source: Source::Disk(path, Box::new(reader)) })
}

fn of_bucket(bucket: &Bucket, file: &LakeFile, columns: Option<&[&str]>) -> Result<Batches, LakeError> {
    let address = bucket.address(&file.path);
    let failed = |error| unreadable(&address, error);
    let opened = bucket.runtime().block_on(async {
        let object = bucket.open_file(&file.path).await?;
        let bytes = object.bytes();
        Ok::<_, LakeError>((bytes, ParquetRecordBatchStreamBuilder::new(object).await.map_err(failed)?))
    });
    let (bytes, builder) = opened?;
    let schema = Arc::clone(builder.schema());
    let mask = mask(columns, builder.parquet_schema());
    let stream = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(failed)?;
    let source = Source::Bucket(address, bucket.runtime().clone(), Box::new(stream));
    Ok(Batches { schema, bytes, source })
}

fn mask(columns: Option<&[&str]>, schema: &datafusion::parquet::schema::types::SchemaDescriptor) -> ProjectionMask {
    columns.map_or_else(ProjectionMask::all, |columns| ProjectionMask::columns(schema, columns.iter().copied()))
}

/// The rows of a file.
pub(super) struct Batches {
    schema: SchemaRef,
    bytes: u64,
    source: Source,
}

enum Source {
    Disk(PathBuf, Box<ParquetRecordBatchReader>),
    Bucket(String, Handle, Box<ParquetRecordBatchStream<ObjectFile>>),
}

impl Batches {
    /// Columns of the file, those that are not read among them.
    pub(super) const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Size of the file.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, LakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.source {
            Source::Disk(path, reader) => Some(reader.next()?.map_err(|error| damaged(path, error.into()))),
            Source::Bucket(address, runtime, stream) => {
                let next = runtime.block_on(stream.next())?;
                Some(next.map_err(|error| unreadable(address, error)))
            }
        }
    }
}

fn damaged(path: &Path, error: ParquetError) -> LakeError {
    LakeError::Io { path: path.to_owned(), source: io::Error::other(error) }
}

fn unreadable(address: &str, error: ParquetError) -> LakeError {
    LakeError::of_object(&error).unwrap_or_else(|| LakeError::Object {
        action: "read",
        object: address.to_owned(),
        problem: error.to_string(),
    })
}

/// Removes a file that may be gone already.
fn unlink(path: &Path) -> Result<(), LakeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LakeError::io(path)(error)),
        _ => Ok(()),
    }
}

fn unlink_or_tell(path: &Path) {
    if let Err(error) = unlink(path) {
        tracing::warn!(%error, "a leftover stays");
    }
}

/// Paths, relative to a directory, of the files that are old enough to be orphans.
fn old_files(root: &Path) -> Result<Vec<String>, LakeError> {
    let mut found = Vec::new();
    for table in Table::ALL {
        let directory = root.join(table.as_str());
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
