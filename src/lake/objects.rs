//! The client of a bucket as the lake uses it: errors name the object and what to do, and what never changes is asked
//! for once.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use prost::bytes::Bytes;

use super::LakeError;

/// Largest end of a file that is remembered: the engine asks for so much, to find the metadata in it.
const LARGEST_TAIL: u64 = 1 << 20;
/// What is read at once to find the metadata of a file, which is hardly ever more.
const FOOTER: usize = 64 << 10;
/// Bytes of ends that are remembered.
const REMEMBERED: usize = 128 << 20;

/// Objects of a bucket.
pub(super) struct Objects {
    client: Arc<dyn ObjectStore>,
    bucket: Arc<str>,
    memory: Option<Mutex<Memory>>,
}

/// What is known of objects: a file of the lake is written once, under a name that no other ever has.
#[derive(Default)]
struct Memory {
    known: HashMap<Path, Known>,
    /// Whose ends are known, the oldest first.
    order: VecDeque<Path>,
    bytes: usize,
}

struct Known {
    meta: ObjectMeta,
    /// The end of the file, from a place on.
    tail: Option<(u64, Arc<Vec<u8>>)>,
}

impl Memory {
    fn keep(&mut self, meta: &ObjectMeta, from: u64, tail: Arc<Vec<u8>>) {
        let known = self.known.entry(meta.location.clone()).or_insert_with(|| Known { meta: meta.clone(), tail: None });
        match known.tail.replace((from, Arc::clone(&tail))) {
            Some((_, before)) => self.bytes -= before.len(),
            None => self.order.push_back(meta.location.clone()),
        }
        self.bytes += tail.len();
        while self.bytes > REMEMBERED {
            let Some(oldest) = self.order.pop_front() else { return };
            if let Some((_, tail)) = self.known.remove(&oldest).and_then(|known| known.tail) {
                self.bytes -= tail.len();
            }
        }
    }

    /// The bytes of a range, where they are known.
    fn part(&self, location: &Path, range: &Range<u64>) -> Option<(ObjectMeta, Vec<u8>)> {
        let known = self.known.get(location)?;
        let (from, tail) = known.tail.as_ref()?;
        let start = usize::try_from(range.start.checked_sub(*from)?).ok()?;
        let end = usize::try_from(range.end.min(known.meta.size).checked_sub(*from)?).ok()?;
        Some((known.meta.clone(), tail.get(start..end)?.to_vec()))
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client knows the credentials.
        write!(f, "Objects({})", self.bucket)
    }
}

impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)
    }
}

impl Objects {
    pub(super) fn new(client: Arc<dyn ObjectStore>, bucket: &str) -> Self {
        Self { client, bucket: bucket.into(), memory: None }
    }

    /// The same, but sizes and ends of objects are asked for once.
    pub(super) fn remembering(self) -> Self {
        Self { memory: Some(Mutex::default()), ..self }
    }

    fn told(&self, action: &'static str, location: Option<&Path>) -> impl Fn(Error) -> Error + Send + 'static {
        let at = location.map(|location| format!("/{location}")).unwrap_or_default();
        let object = format!("s3://{}{at}", self.bucket);
        // Not as an object that is not found: the engine would take it for a directory, and an empty one.
        move |error| match error {
            Error::Generic { ref source, .. } if source.is::<LakeError>() => error,
            error => Error::Generic {
                store: "lake",
                source: Box::new(LakeError::Object { action, object: object.clone(), problem: problem(&error) }),
            },
        }
    }

    fn read<T>(&self, with: impl FnOnce(&mut Memory) -> Option<T>) -> Option<T> {
        let mut memory = self.memory.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        with(&mut memory)
    }

    /// Answers from memory, if it knows.
    fn remembered(&self, location: &Path, options: &GetOptions) -> Option<GetResult> {
        let of = |meta: ObjectMeta, range: Range<u64>, bytes: Vec<u8>| GetResult {
            payload: GetResultPayload::Stream(futures::stream::once(async move { Ok(bytes.into()) }).boxed()),
            meta,
            range,
            attributes: Default::default(),
        };
        if options.head {
            let meta = self.read(|memory| memory.known.get(location).map(|known| known.meta.clone()))?;
            return Some(of(meta, 0..0, Vec::new()));
        }
        let Some(GetRange::Bounded(range)) = &options.range else { return None };
        let (meta, bytes) = self.read(|memory| memory.part(location, range))?;
        let range = range.start..range.start + bytes.len() as u64;
        Some(of(meta, range, bytes))
    }

    /// Remembers what was asked for, if it is worth it.
    async fn remember(&self, options: &GetOptions, got: GetResult) -> Result<GetResult> {
        if self.memory.is_none() {
            return Ok(got);
        }
        let GetResult { payload, meta, range, attributes } = got;
        if options.head {
            self.read(|memory| {
                let known = || Known { meta: meta.clone(), tail: None };
                memory.known.entry(meta.location.clone()).or_insert_with(known);
                Some(())
            });
            return Ok(GetResult { payload, meta, range, attributes });
        }
        if range.end != meta.size || range.end - range.start > LARGEST_TAIL {
            return Ok(GetResult { payload, meta, range, attributes });
        }
        let location = meta.location.clone();
        let got = GetResult { payload, meta: meta.clone(), range: range.clone(), attributes: attributes.clone() };
        let bytes = got.bytes().await.map_err(self.told("read", Some(&location)))?;
        self.read(|memory| {
            memory.keep(&meta, range.start, Arc::new(bytes.to_vec()));
            Some(())
        });
        let payload = GetResultPayload::Stream(futures::stream::once(async move { Ok(bytes) }).boxed());
        Ok(GetResult { payload, meta, range, attributes })
    }
}

#[async_trait]
impl ObjectStore for Objects {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.client.put_opts(location, payload, options).await.map_err(self.told("write", Some(location)))
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let told = self.told("write", Some(location));
        let upload = self.client.put_multipart_opts(location, options).await.map_err(&told)?;
        Ok(Box::new(Told { upload, told: Arc::new(told) }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if let Some(known) = self.remembered(location, &options) {
            return Ok(known);
        }
        let told = self.told("read", Some(location));
        let mut got = self.client.get_opts(location, options.clone()).await.map_err(&told)?;
        if let GetResultPayload::Stream(stream) = got.payload {
            got.payload = GetResultPayload::Stream(stream.map_err(told).boxed());
        }
        self.remember(&options, got).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let told = self.told("delete objects of", None);
        let gone = self.client.delete_stream(locations);
        gone.filter(|one| std::future::ready(!matches!(one, Err(Error::NotFound { .. })))).map_err(told).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.client.list(prefix).map_err(self.told("list", prefix)).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.client.list_with_delimiter(prefix).await.map_err(self.told("list", prefix))
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.client.copy_opts(from, to, options).await.map_err(self.told("write", Some(to)))
    }
}

type Tell = dyn Fn(Error) -> Error + Send + Sync;

/// An upload whose errors name the object.
struct Told {
    upload: Box<dyn MultipartUpload>,
    told: Arc<Tell>,
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

#[async_trait]
impl MultipartUpload for Told {
    fn put_part(&mut self, data: PutPayload) -> object_store::UploadPart {
        let told = Arc::clone(&self.told);
        self.upload.put_part(data).map(move |done| done.map_err(|error| told(error))).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.upload.complete().await.map_err(|error| (self.told)(error))
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await.map_err(|error| (self.told)(error))
    }
}

/// A Parquet file in a bucket, for those who read it from beginning to end.
pub(super) struct ObjectFile {
    store: Arc<Objects>,
    key: Path,
    bytes: u64,
}

impl ObjectFile {
    /// Asks for its size.
    pub(super) async fn open(store: Arc<Objects>, key: Path) -> Result<Self> {
        let bytes = store.head(&key).await?.size;
        Ok(Self { store, key, bytes })
    }

    /// Its size.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl AsyncFileReader for ObjectFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move { Ok(self.store.get_range(&self.key, range).await?) }.boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move { Ok(self.store.get_ranges(&self.key, &ranges).await?) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            let reader = ParquetMetaDataReader::new()
                .with_metadata_options(options.map(|options| options.metadata_options().clone()))
                .with_prefetch_hint(Some(FOOTER));
            let bytes = self.bytes;
            Ok(Arc::new(reader.load_and_finish(self, bytes).await?))
        }
        .boxed()
    }
}

/// What went wrong, and what to do. What the store says of how a request was signed is left out.
fn problem(error: &Error) -> String {
    let text = error.to_string();
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    };
    let code = element("Code");
    let said = match (code, element("Message")) {
        (Some(code), Some(message)) => format!(" ({code}: {message})"),
        (Some(code), None) => format!(" ({code})"),
        _ => String::new(),
    };
    let keys = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they may do in this bucket";
    let region = "check AWS_REGION and AWS_ENDPOINT_URL";
    // Where a machine of the cloud would ask for its role.
    if text.contains("169.254.169.254") || text.contains("169.254.170.2") {
        return "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned();
    }
    match (error, code) {
        (_, Some("NoSuchBucket")) => "there is no such bucket: make it, or correct CIDADAO_LAKE_URL".to_owned(),
        (_, Some("AuthorizationHeaderMalformed" | "PermanentRedirect")) => {
            format!("the bucket is in another region{said}: {region}")
        }
        (Error::NotFound { .. }, _) => {
            "it is not there: check CIDADAO_LAKE_URL, and whether somebody deleted it".to_owned()
        }
        (_, Some("RequestTimeTooSkewed")) => format!("the store refuses it{said}: set the clock of this machine"),
        // A listing that is refused has no kind of its own.
        (Error::PermissionDenied { .. } | Error::Unauthenticated { .. }, _) => {
            format!("the store refuses it{said}: {keys}")
        }
        _ if text.contains("status code: 403") || text.contains("status code: 401") => {
            format!("the store refuses it{said}: {keys}")
        }
        (_, Some(_)) => format!("the store answered with an error{said}"),
        _ if text.contains("redirect") => format!("the store is elsewhere: {region}"),
        _ => {
            let mut cause: &dyn std::error::Error = error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            let status =
                text.split_once("status code: ").map(|(_, rest)| rest.split(['\n', '<']).next().unwrap_or(rest));
            let cause = status
                .map_or_else(|| cause.to_string(), |status| format!("status {}", status.trim_end_matches([' ', ':'])));
            format!("the store does not answer as it should ({cause}): check AWS_ENDPOINT_URL, and whether it runs")
        }
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    fn said(status: &str, body: &str) -> Box<dyn std::error::Error + Send + Sync> {
        format!("Error performing PUT http://127.0.0.1/lake/x in 1ms - Server returned non-2xx status code: {status}: {body}").into()
    }

    #[test]
    fn an_error_says_what_to_do_and_no_more_than_it_should() {
        let body = "<Error><Code>SignatureDoesNotMatch</Code><Message>It does not match.</Message><StringToSign>hunter2</StringToSign></Error>";
        let refused = Error::PermissionDenied { path: "x".to_owned(), source: said("403 Forbidden", body) };
        let told = problem(&refused);
        assert!(
            told.contains("SignatureDoesNotMatch: It does not match.") && told.contains("AWS_SECRET_ACCESS_KEY"),
            "{told}"
        );
        assert!(!told.contains("hunter2"), "{told}");
        let listing = Error::Generic { store: "S3", source: said("403 Forbidden", "<Code>InvalidAccessKeyId</Code>") };
        assert!(problem(&listing).contains("(InvalidAccessKeyId): check AWS_ACCESS_KEY_ID"), "{}", problem(&listing));
        let none = Error::NotFound { path: "x".to_owned(), source: said("404 Not Found", "<Code>NoSuchBucket</Code>") };
        assert!(problem(&none).contains("no such bucket"), "{}", problem(&none));
        let slow = Error::Generic { store: "S3", source: said("503 Service Unavailable", "<Code>SlowDown</Code>") };
        assert!(problem(&slow).contains("SlowDown"), "{}", problem(&slow));
        let down = Error::Generic { store: "S3", source: said("502 Bad Gateway", "<html>nginx</html>") };
        assert!(problem(&down).contains("(status 502 Bad Gateway)"), "{}", problem(&down));
    }

    #[tokio::test]
    async fn sizes_and_ends_are_asked_for_once_and_other_parts_each_time() {
        let inner = Arc::new(InMemory::new());
        let objects = Objects::new(Arc::clone(&inner) as Arc<dyn ObjectStore>, "lake").remembering();
        let (path, other) = (Path::from("a.parquet"), Path::from("b.parquet"));
        inner.put(&path, (0..100_u8).collect::<Vec<_>>().into()).await.unwrap();
        assert_eq!(objects.head(&path).await.unwrap().size, 100);
        assert_eq!(objects.get_range(&path, 40..100).await.unwrap()[..3], [40, 41, 42]);
        inner.delete(&path).await.unwrap();
        assert_eq!(objects.head(&path).await.unwrap().size, 100, "from memory");
        assert_eq!(objects.get_range(&path, 50..53).await.unwrap()[..], [50, 51, 52], "from memory");
        let error = objects.get_range(&path, 10..50).await.unwrap_err();
        assert!(error.to_string().contains("cannot read s3://lake/a.parquet: it is not there"), "{error}");
        assert!(!matches!(error, Error::NotFound { .. }), "which the engine would read as an empty table");
        assert!(objects.head(&other).await.is_err());
        let mut memory = Memory::default();
        for at in 0..300 {
            let location = Path::from(format!("{at}"));
            let meta =
                ObjectMeta { location, last_modified: Default::default(), size: 1 << 20, e_tag: None, version: None };
            memory.keep(&meta, 0, Arc::new(vec![0; 1 << 20]));
        }
        assert_eq!((memory.bytes, memory.known.len(), memory.order.len()), (REMEMBERED, 128, 128), "and no more");
    }
}
