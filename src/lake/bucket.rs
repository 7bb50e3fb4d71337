//! The files of a lake in a bucket of an S3-compatible store.

use std::fmt;
use std::io;
use std::path::{Path as LocalPath, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::prelude::SessionContext;
use futures::stream::FuturesUnordered;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::SpawnedReqwestConnector;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientConfigKey, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig, WriteMultipart,
};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::runtime::Handle;

use super::LakeError;
use super::objects::{ObjectFile, Objects};
use crate::model::{LakeFile, Table};

/// Size in bytes of the parts that a file is uploaded in; one that is smaller is one request.
const PART: u64 = 8 << 20;
/// Parts on their way at once: so many times [`PART`] of memory.
const PARTS_AT_ONCE: usize = 4;
/// Parts that an upload may have; S3 allows 10,000.
const MOST_PARTS: u64 = 9_000;
/// Files that are asked for at once.
const FILES_AT_ONCE: usize = 8;
/// Patience with a store that does not answer or asks to slow down: some 20 seconds of outage are waited out, none is for ever.
const PATIENT: Patience = Patience {
    retries: 12,
    first: Duration::from_millis(500),
    longest: Duration::from_secs(4),
    all: Duration::from_secs(60),
};
/// The same of a probe, which is to say soon that the store is away.
const HASTY: Patience = Patience {
    retries: 1,
    first: Duration::from_millis(50),
    longest: Duration::from_millis(50),
    all: Duration::from_millis(1_500),
};
/// How long a request of a probe may take.
const PROBE_TIMEOUT: &str = "1500ms";
/// What the settings of the client take for yes.
const YES: [&str; 5] = ["1", "true", "on", "yes", "y"];

/// Retries of a request: how many, after what time, and for how long.
#[derive(Debug, Clone, Copy)]
struct Patience {
    retries: usize,
    first: Duration,
    longest: Duration,
    all: Duration,
}

/// Names a bucket, and a prefix of the keys in it: `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketUrl {
    bucket: String,
    prefix: String,
}

impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "s3://{}{slash}{}", self.bucket, self.prefix)
    }
}

/// Why a text names no bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}, got {value:?}")]
pub struct BucketUrlError {
    /// The rule that it breaks.
    pub rule: &'static str,
    /// The text, without what may be a password.
    pub value: String,
}

impl FromStr for BucketUrl {
    type Err = BucketUrlError;

    fn from_str(text: &str) -> Result<Self, BucketUrlError> {
        let shown = || match text.split_once("://") {
            Some((scheme, _)) if text.contains(['@', '?', '#']) => format!("{scheme}://…"),
            _ => text.to_owned(),
        };
        let refused = |rule| Err(BucketUrlError { rule, value: shown() });
        let Some(named) = text.strip_prefix("s3://") else {
            return refused("must be s3://bucket or s3://bucket/prefix; without it the lake is in the data directory");
        };
        let (bucket, prefix) = named.split_once('/').unwrap_or((named, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let of_bucket = bucket.chars().all(|c| plain(c) || c == '-' || c == '.');
        if !(3..=63).contains(&bucket.len()) || !of_bucket || !bucket.starts_with(plain) || !bucket.ends_with(plain) {
            return refused(
                "must name a bucket of 3 to 63 lower-case letters, digits, dots and hyphens; credentials come from AWS_* variables",
            );
        }
        let of_prefix = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=');
        let good = |part: &str| !part.is_empty() && part.chars().all(of_prefix) && part.chars().any(|c| c != '.');
        if !prefix.is_empty() && !prefix.split('/').all(good) {
            return refused("must have a prefix of letters, digits, - _ . = and single slashes");
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

/// A bucket, or a part of one, with the directory where files wait for their upload.
pub(crate) struct Bucket {
    url: BucketUrl,
    /// Every request asks the store.
    store: Arc<Objects>,
    /// For queries: what never changes is asked for once.
    remembering: Arc<Objects>,
    probing: Arc<Objects>,
    staging: PathBuf,
    runtime: Handle,
    probed: AtomicUsize,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client knows the credentials.
        f.debug_struct("Bucket").field("url", &self.url).field("staging", &self.staging).finish_non_exhaustive()
    }
}

impl Bucket {
    /// The bucket `url`, by a client with these settings: names and values as of the environment variables `AWS_*`. Its
    /// requests run on the runtime of whoever opens it. Nothing is asked of the store yet.
    ///
    /// # Errors
    /// [`LakeError::Setting`] if a setting is malformed or one is missing.
    pub(super) fn open(url: &BucketUrl, settings: &[(String, String)], staging: PathBuf) -> Result<Self, LakeError> {
        let runtime = Handle::current();
        let client = |patience: Patience, timeout: Option<&str>| -> Result<Arc<dyn ObjectStore>, LakeError> {
            let mut builder = AmazonS3Builder::new();
            for (name, value) in settings {
                // A name that it does not know is for others.
                if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                    builder = builder.with_config(key, value);
                }
            }
            check_endpoint(&builder)?;
            if let Some(timeout) = timeout {
                builder = builder.with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), timeout);
            }
            let backoff = BackoffConfig { init_backoff: patience.first, max_backoff: patience.longest, base: 3.0 };
            let built = builder
                .with_bucket_name(&url.bucket)
                .with_retry(RetryConfig { backoff, max_retries: patience.retries, retry_timeout: patience.all })
                .with_http_connector(SpawnedReqwestConnector::new(runtime.clone()))
                .build();
            let built = built.map_err(|error| LakeError::Setting {
                field: "AWS_*",
                rule: format!("must be settings of a client of S3: {error}"),
                value: url.to_string(),
            })?;
            Ok(Arc::new(built))
        };
        let (patient, hasty) = (client(PATIENT, None)?, client(HASTY, Some(PROBE_TIMEOUT))?);
        let objects = |client| Objects::new(client, &url.bucket);
        Ok(Self {
            url: url.clone(),
            store: Arc::new(objects(Arc::clone(&patient))),
            remembering: Arc::new(objects(patient).remembering()),
            probing: Arc::new(objects(hasty)),
            staging,
            runtime,
            probed: AtomicUsize::new(0),
        })
    }

    pub(super) fn staging(&self) -> &LocalPath {
        &self.staging
    }

    pub(super) const fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// A file, to be read from beginning to end.
    pub(super) async fn open_file(&self, path: &str) -> Result<ObjectFile, LakeError> {
        Ok(ObjectFile::open(Arc::clone(&self.store), self.key(path)).await?)
    }

    fn key(&self, path: &str) -> Path {
        let parts = self.url.prefix.split('/').chain(path.split('/'));
        parts.filter(|part| !part.is_empty()).collect()
    }

    /// `s3://` URL of a file.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    /// Lets a session read the URLs of the files.
    pub(super) fn attach(&self, session: &SessionContext) -> Result<(), LakeError> {
        let url = ObjectStoreUrl::parse(format!("s3://{}", self.url.bucket))?;
        session.register_object_store(url.as_ref(), Arc::clone(&self.remembering) as Arc<dyn ObjectStore>);
        Ok(())
    }

    /// Uploads files of the staging directory, which stay there.
    pub(super) async fn upload(&self, files: &[LakeFile]) -> Result<(), LakeError> {
        for file in files {
            self.upload_one(file).await?;
        }
        Ok(())
    }

    async fn upload_one(&self, file: &LakeFile) -> Result<(), LakeError> {
        let (from, key) = (self.staging.join(&file.path), self.key(&file.path));
        let mut source = File::open(&from).await.map_err(LakeError::io(&from))?;
        let bytes = source.metadata().await.map_err(LakeError::io(&from))?.len();
        let part = PART.max(bytes.div_ceil(MOST_PARTS));
        if bytes <= part {
            let whole = next_part(&mut source, part).await.map_err(LakeError::io(&from))?;
            self.store.put(&key, whole.into()).await?;
        } else {
            let upload = self.store.put_multipart(&key).await?;
            let size = usize::try_from(part).unwrap_or(usize::MAX);
            let mut upload = Upload::of(WriteMultipart::new_with_chunk_size(upload, size), self.runtime.clone());
            loop {
                let some = next_part(&mut source, part).await.map_err(LakeError::io(&from))?;
                if some.is_empty() {
                    break;
                }
                upload.put(some).await?;
            }
            upload.finish().await?;
        }
        // Each request was signed with the hash of its bytes; here the store says what it made of them.
        self.check(&self.store, file).await
    }

    async fn check(&self, store: &Objects, file: &LakeFile) -> Result<(), LakeError> {
        let held = store.head(&self.key(&file.path)).await?.size;
        if i64::try_from(held) == Ok(file.bytes) {
            return Ok(());
        }
        Err(LakeError::Object {
            action: "use",
            object: self.address(&file.path),
            problem: format!("it has {held} bytes, not {}", file.bytes),
        })
    }

    /// Whether the files are there, in their sizes.
    pub(super) async fn check_all(&self, files: &[LakeFile]) -> Result<(), LakeError> {
        let mut waiting = files.iter();
        let mut asking = FuturesUnordered::new();
        loop {
            while asking.len() < FILES_AT_ONCE
                && let Some(file) = waiting.next()
            {
                asking.push(self.check(&self.store, file));
            }
            match asking.next().await {
                Some(checked) => checked?,
                None => return Ok(()),
            }
        }
    }

    /// Deletes files; one that is not there is deleted.
    pub(super) async fn remove(&self, paths: &[String]) -> Result<(), LakeError> {
        let keys: Vec<_> = paths.iter().map(|path| Ok(self.key(path))).collect();
        let mut gone = self.store.delete_stream(futures::stream::iter(keys).boxed());
        while gone.try_next().await?.is_some() {}
        Ok(())
    }

    /// Paths of the files, of any version or of none, that were uploaded before a moment.
    pub(super) async fn before(&self, moment: DateTime<Utc>) -> Result<Vec<String>, LakeError> {
        let prefix = self.key("");
        let mut listed = self.store.list(Some(&prefix));
        let mut found = Vec::new();
        while let Some(ObjectMeta { location, last_modified, .. }) = listed.try_next().await? {
            let Some(parts) = location.prefix_match(&prefix) else { continue };
            let path = parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
            let of_table = |table: &Table| path.split_once('/').is_some_and(|(name, _)| name == table.as_str());
            if last_modified < moment && path.ends_with(".parquet") && Table::ALL.iter().any(of_table) {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// Asks for one of the files of a version, each time for another one; of an empty version whether the bucket answers.
    pub(super) async fn probe(&self, files: &[LakeFile]) -> Result<(), LakeError> {
        let turn = self.probed.fetch_add(1, Ordering::Relaxed);
        match turn.checked_rem(files.len()).and_then(|at| files.get(at)) {
            Some(file) => self.check(&self.probing, file).await,
            None => self.reach(&self.probing).await,
        }
    }

    /// Whether the bucket answers and lets its keys be listed.
    pub(super) async fn reachable(&self) -> Result<(), LakeError> {
        self.reach(&self.store).await
    }

    async fn reach(&self, store: &Objects) -> Result<(), LakeError> {
        store.list(Some(&self.key(""))).next().await.transpose()?;
        Ok(())
    }
}

/// The next bytes of a file, as many as a part has; none at its end.
async fn next_part(source: &mut File, part: u64) -> io::Result<Vec<u8>> {
    let mut some = Vec::new();
    source.take(part).read_to_end(&mut some).await?;
    Ok(some)
}

/// An address that would be refused at the first request is refused at the start.
fn check_endpoint(builder: &AmazonS3Builder) -> Result<(), LakeError> {
    let of = |key| builder.get_config_value(&key);
    let Some(endpoint) = of(AmazonS3ConfigKey::S3Endpoint).or_else(|| of(AmazonS3ConfigKey::Endpoint)) else {
        return Ok(());
    };
    let plain = of(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp));
    let plain = plain.is_some_and(|value| YES.contains(&value.to_ascii_lowercase().as_str()));
    let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://").filter(|_| plain));
    if host.is_some_and(|host| !host.is_empty() && !host.contains('@')) {
        return Ok(());
    }
    let value = if endpoint.contains('@') { "…@…".to_owned() } else { endpoint };
    let rule = "must be https://host[:port], or http:// where AWS_ALLOW_HTTP is true, without a password";
    Err(LakeError::Setting { field: "AWS_ENDPOINT_URL", rule: rule.to_owned(), value })
}

/// An upload in parts; dropped before its end, it is told to the store, which else keeps the parts.
struct Upload {
    writing: Option<WriteMultipart>,
    runtime: Handle,
}

impl Upload {
    const fn of(writing: WriteMultipart, runtime: Handle) -> Self {
        Self { writing: Some(writing), runtime }
    }

    async fn put(&mut self, part: Vec<u8>) -> object_store::Result<()> {
        if let Some(writing) = &mut self.writing {
            writing.wait_for_capacity(PARTS_AT_ONCE).await?;
            writing.put(part.into());
        }
        Ok(())
    }

    async fn finish(mut self) -> object_store::Result<()> {
        // What cannot be finished is aborted.
        if let Some(writing) = self.writing.take() {
            writing.finish().await?;
        }
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(writing) = self.writing.take() {
            self.runtime.spawn(async move {
                if let Err(error) = writing.abort().await {
                    tracing::warn!(%error, "the parts of an upload stay in the bucket");
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_by_its_url() {
        for (text, bucket, prefix) in [
            ("s3://lake", "lake", ""),
            ("s3://lake/", "lake", ""),
            ("s3://my.lake-1/prod/v=2", "my.lake-1", "prod/v=2"),
            ("s3://lake/a/", "lake", "a"),
        ] {
            let url: BucketUrl = text.parse().unwrap();
            assert_eq!((url.bucket.as_str(), url.prefix.as_str()), (bucket, prefix), "{text}");
            assert_eq!(url.to_string(), text.trim_end_matches('/'));
        }
        for text in [
            "",
            "lake",
            "gs://lake",
            "file:///lake",
            "s3:lake",
            "s3://",
            "s3://la",
            "s3://Lake",
            "s3://-lake",
            "s3://lake_1",
            "s3://lake:9000",
            "s3://lake//a",
            "s3://lake/..",
            "s3://lake/a/../b",
            "s3://lake/a b",
            "s3://lake/a*",
            "s3://lake/é",
        ] {
            let error = text.parse::<BucketUrl>().unwrap_err();
            assert_eq!(error.value, text, "{error}");
        }
        for secret in ["s3://key:hunter2@lake", "s3://lake?secret=hunter2", "s3://lake/a#hunter2"] {
            let error = secret.parse::<BucketUrl>().unwrap_err();
            assert!(!error.to_string().contains("hunter2") && error.value == "s3://…", "{error}");
        }
    }

    #[tokio::test]
    async fn settings_are_checked_before_the_first_request() {
        let url: BucketUrl = "s3://lake/a".parse().unwrap();
        let open = |settings: &[(&str, &str)]| {
            let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "hunter2")];
            let settings: Vec<_> =
                keys.iter().chain(settings).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            Bucket::open(&url, &settings, PathBuf::from("staging"))
        };
        let bucket = open(&[]).unwrap();
        assert!(!format!("{bucket:?}").contains("hunter2"), "{bucket:?}");
        assert_eq!(bucket.key("bids/1.parquet").as_ref(), "a/bids/1.parquet");
        assert_eq!(bucket.address("bids/1.parquet"), "s3://lake/a/bids/1.parquet");
        assert!(open(&[("AWS_ENDPOINT_URL", "https://s3.example:9000")]).is_ok());
        assert!(open(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:9000"), ("AWS_ALLOW_HTTP", "true")]).is_ok());
        for (settings, part) in [
            (&[("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")][..], "AWS_ALLOW_HTTP"),
            (&[("AWS_ENDPOINT_URL_S3", "127.0.0.1:9000")], "127.0.0.1:9000"),
            (&[("AWS_ENDPOINT_URL", "https://id:hunter2@s3.example")], "without a password"),
            (&[("AWS_ALLOW_HTTP", "perhaps")], "perhaps"),
        ] {
            let error = open(settings).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("hunter2"), "{error}");
        }
    }
}
