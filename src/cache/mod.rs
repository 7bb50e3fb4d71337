//! Values that can be computed again, kept for a while: in the memory of this process or in Redis,
//! behind one interface. And hints, which wake other replicas earlier than they would look.
//!
//! Whatever happens to Redis, an answer is the same as without a cache, only slower.

mod bucket;
mod codec;
mod flights;
mod glob;
mod hints;
mod memory;
mod redis;
mod remote;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::flights::Flights;
use self::memory::{Entry, Memory};
use self::remote::Remote;

pub use self::bucket::{Bucket, Rate};
pub use self::codec::Codec;
pub use self::hints::{Hint, HintStats, Hints};
pub use self::redis::{Redis, RedisOptions, RedisStats, RedisUrl, RedisUrlError};

/// Why a cached call fails. The cache itself never does: what cannot be kept is computed again.
#[derive(Debug, thiserror::Error)]
pub enum CacheError<E> {
    /// The value could not be computed; everybody who waited for it shares this error.
    #[error("{0}")]
    Load(Arc<E>),
    /// The value has no stored form, or does not come back from it.
    #[error("the value of {key:?} does not fit: {reason}")]
    Codec {
        /// The key.
        key: String,
        /// Why.
        reason: String,
    },
}

impl<E> Clone for CacheError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Load(error) => Self::Load(Arc::clone(error)),
            Self::Codec { key, reason } => Self::Codec { key: key.clone(), reason: reason.clone() },
        }
    }
}

/// Where values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheBackend {
    /// In this process.
    Memory,
    /// In Redis.
    Redis,
}

impl CacheBackend {
    /// Its name, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redis => "Redis",
        }
    }
}

/// How the cache is used, for metrics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CacheStats {
    /// Where values are kept.
    pub backend: CacheBackend,
    /// Whether values can be kept now: not while Redis is away.
    pub up: bool,
    /// Calls that found a value.
    pub hits: u64,
    /// Calls that did not.
    pub misses: u64,
    /// Entries, about. Of Redis all keys of the database, also those of others.
    pub entries: u64,
    /// Commands, those of hints too, that Redis did not serve.
    pub errors: u64,
}

impl CacheStats {
    /// hits / (hits + misses), from 0 to 1; 0 before the first call.
    pub fn hit_rate(&self) -> f64 {
        let calls = self.hits + self.misses;
        if calls == 0 { 0.0 } else { self.hits as f64 / calls as f64 }
    }
}

#[derive(Clone)]
enum Backend {
    Memory(Memory),
    Redis(Remote),
}

/// Calls the same method of whichever arm there is.
macro_rules! on_backend {
    ($cache:expr, $method:ident($($argument:expr),*)) => {
        match &$cache.backend {
            Backend::Memory(memory) => memory.$method($($argument),*).await,
            Backend::Redis(remote) => remote.$method($($argument),*).await,
        }
    };
}

#[derive(Default)]
struct Shared {
    hits: AtomicU64,
    misses: AtomicU64,
    flights: Flights,
}

/// A cache of typed values under text keys. Cheap to clone; every clone shares the values.
#[derive(Clone)]
pub struct Cache {
    backend: Backend,
    codec: Codec,
    default_ttl: Duration,
    shared: Arc<Shared>,
}

/// How long a value is kept if nothing else is said.
pub const DEFAULT_TTL: Duration = Duration::from_secs(3600);

/// How long a value is kept at most, whatever is said: a year. Clocks overflow beyond.
pub const MAX_TTL: Duration = Duration::from_secs(365 * 24 * 3600);

/// Size of an encoded value beyond which it is not kept, in bytes.
pub const MAX_VALUE_BYTES: usize = 8 << 20;

impl Cache {
    /// A cache in the memory of this process of at most `max_bytes` of values and keys.
    pub fn in_memory(max_bytes: u64) -> Self {
        Self::of(Backend::Memory(Memory::new(max_bytes)))
    }

    /// A cache in Redis. Every process with the same Redis and namespace shares its values.
    pub fn in_redis(redis: &Redis) -> Self {
        Self::of(Backend::Redis(Remote::new(redis.clone())))
    }

    fn of(backend: Backend) -> Self {
        Self { backend, codec: Codec::default(), default_ttl: DEFAULT_TTL, shared: Arc::default() }
    }

    /// The same cache with another time that values are kept for by default.
    #[must_use]
    pub const fn with_default_ttl(mut self, ttl: Duration) -> Self {
        self.default_ttl = ttl;
        self
    }

    /// The same cache with values in another form. What is stored in one form is missing in the
    /// other.
    #[must_use]
    pub const fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Where values are kept.
    pub const fn backend(&self) -> CacheBackend {
        match self.backend {
            Backend::Memory(_) => CacheBackend::Memory,
            Backend::Redis(_) => CacheBackend::Redis,
        }
    }

    /// The value of a key. One that does not have the form asked for counts as missing.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let value = self.find(key).await.map(|(value, _)| value);
        self.count(value.is_some());
        value
    }

    /// Keeps a value, for `ttl` or the default time. One larger than [`MAX_VALUE_BYTES`] is not
    /// kept, nor is what was there before.
    ///
    /// # Errors
    /// [`CacheError::Codec`] if the value has no stored form.
    pub async fn set<T: Serialize + Sync>(
        &self,
        key: &str,
        value: &T,
        ttl: Option<Duration>,
    ) -> Result<(), CacheError<std::convert::Infallible>> {
        let bytes = self.encode(key, value)?;
        self.keep(key, bytes, ttl).await;
        Ok(())
    }

    /// The value of a key; where there is none of this type, that of `load`, which is then kept. Of
    /// many who ask at once in this process one loads and the others wait for it; if the one that
    /// loads is dropped, another does. `None` is a value like any other; an error is not kept.
    ///
    /// # Errors
    /// [`CacheError::Load`] with the error of `load`, [`CacheError::Codec`] if the value has no
    /// stored form or does not come back from it.
    pub async fn get_or_set<T, E>(
        &self,
        key: &str,
        ttl: Option<Duration>,
        load: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, CacheError<E>>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        let loaded = AtomicBool::new(false);
        let mut own = None;
        let seat = self.shared.flights.board::<T, Result<Arc<[u8]>, CacheError<E>>>(key, self.codec);
        let make = async || {
            if let Some((value, bytes)) = self.find(key).await {
                own = Some(value);
                return Ok(bytes);
            }
            loaded.store(true, Ordering::Relaxed);
            let value = load.await.map_err(|error| CacheError::Load(Arc::new(error)))?;
            let bytes = self.encode(key, &value)?;
            own = Some(value);
            self.keep(key, Arc::clone(&bytes), ttl).await;
            Ok(bytes)
        };
        let made = seat.cell.get_or_init(make).await;
        self.count(!loaded.load(Ordering::Relaxed));
        match (own, made) {
            (Some(value), _) => Ok(value),
            (None, Err(error)) => Err(error.clone()),
            (None, Ok(bytes)) => self.codec.decode(bytes).map_err(|reason| misfit(key, reason)),
        }
    }

    /// Forgets a key; says whether it was there.
    pub async fn delete(&self, key: &str) -> bool {
        on_backend!(self, delete(key))
    }

    /// Forgets every key that a pattern matches: `*` stands for any characters, `?` for one, `\`
    /// takes the next as it is. Returns how many there were.
    pub async fn clear(&self, pattern: &str) -> u64 {
        on_backend!(self, clear(pattern))
    }

    /// Keeps a value and asks for it back, for health; no hit or miss is counted.
    ///
    /// # Errors
    /// What the cache gave back instead.
    pub async fn probe(&self) -> Result<(), String> {
        let (key, sent) = (format!("probe:{}", uuid::Uuid::now_v7()), 1_u8);
        let bytes = self.codec.encode(&sent)?;
        self.keep(&key, bytes.into(), Some(Duration::from_secs(10))).await;
        let back = self.find::<u8>(&key).await.map(|(value, _)| value);
        self.delete(&key).await;
        match back {
            Some(back) if back == sent => Ok(()),
            Some(back) => Err(format!("{back} instead of {sent}")),
            None if self.is_up() => Err("nothing".to_owned()),
            None => Err(format!("{} is away", self.backend().as_str())),
        }
    }

    /// How the cache is used.
    pub async fn stats(&self) -> CacheStats {
        let entries = on_backend!(self, len());
        let errors = match &self.backend {
            Backend::Memory(_) => 0,
            Backend::Redis(remote) => remote.redis().stats().errors,
        };
        CacheStats {
            backend: self.backend(),
            up: self.is_up(),
            hits: self.shared.hits.load(Ordering::Relaxed),
            misses: self.shared.misses.load(Ordering::Relaxed),
            entries,
            errors,
        }
    }

    fn is_up(&self) -> bool {
        match &self.backend {
            Backend::Memory(_) => true,
            Backend::Redis(remote) => remote.redis().is_up(),
        }
    }

    /// The value of a key, and its stored form.
    async fn find<T: DeserializeOwned>(&self, key: &str) -> Option<(T, Arc<[u8]>)> {
        let bytes = on_backend!(self, get(key))?;
        match self.codec.decode(&bytes) {
            Ok(value) => Some((value, bytes)),
            Err(reason) => {
                tracing::debug!(key, reason, "a stored value is of another form and counts as missing");
                None
            }
        }
    }

    async fn keep(&self, key: &str, bytes: Arc<[u8]>, ttl: Option<Duration>) {
        if bytes.len() > MAX_VALUE_BYTES {
            tracing::debug!(key, bytes = bytes.len(), most = MAX_VALUE_BYTES, "a value is too large to be kept");
            self.delete(key).await;
            return;
        }
        let ttl = ttl.unwrap_or(self.default_ttl).min(MAX_TTL);
        on_backend!(self, set(key, Entry { bytes, ttl }));
    }

    fn encode<T: Serialize, E>(&self, key: &str, value: &T) -> Result<Arc<[u8]>, CacheError<E>> {
        self.codec.encode(value).map(Arc::from).map_err(|reason| misfit(key, reason))
    }

    fn count(&self, hit: bool) {
        let counter = if hit { &self.shared.hits } else { &self.shared.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn misfit<E>(key: &str, reason: String) -> CacheError<E> {
    CacheError::Codec { key: key.to_owned(), reason }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("backend", &self.backend())
            .field("codec", &self.codec)
            .field("default_ttl", &self.default_ttl)
            .finish_non_exhaustive()
    }
}
