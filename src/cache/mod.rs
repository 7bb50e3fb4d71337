//! Values that can be computed again, kept for a while. One interface; in memory today.

mod glob;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::Expiry;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a cached call fails. The cache itself never does: what cannot be kept is computed again.
#[derive(Debug, thiserror::Error)]
pub enum CacheError<E> {
    /// The value could not be computed; everybody who waited for it shares this error.
    #[error("{0}")]
    Load(Arc<E>),
    /// The value has no JSON form, or not the one that is stored under this key.
    #[error("the value of {key:?} does not fit: {reason}")]
    Codec {
        /// The key.
        key: String,
        /// Why.
        reason: String,
    },
}

/// How the cache is used, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CacheStats {
    /// Calls that found a value.
    pub hits: u64,
    /// Calls that did not.
    pub misses: u64,
    /// Entries, about.
    pub entries: u64,
}

impl CacheStats {
    /// hits / (hits + misses); 0 before the first call.
    pub fn hit_rate(&self) -> f64 {
        let calls = self.hits + self.misses;
        if calls == 0 { 0.0 } else { self.hits as f64 / calls as f64 }
    }
}

/// A value as JSON, and how long it is kept.
#[derive(Debug, Clone)]
struct Entry {
    json: Arc<[u8]>,
    ttl: Duration,
}

struct TimeToLive;

impl Expiry<String, Entry> for TimeToLive {
    fn expire_after_create(&self, _key: &String, entry: &Entry, _at: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(
        &self,
        _key: &String,
        entry: &Entry,
        _at: Instant,
        _left: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl)
    }
}

#[derive(Clone)]
enum Backend {
    Memory(moka::future::Cache<String, Entry>),
}

/// A cache of typed values under text keys. Cheap to clone; every clone shares the values.
#[derive(Clone)]
pub struct Cache {
    backend: Backend,
    default_ttl: Duration,
    hits: Arc<AtomicU64>,
    misses: Arc<AtomicU64>,
}

/// How long a value is kept if nothing else is said.
pub const DEFAULT_TTL: Duration = Duration::from_secs(3600);

impl Cache {
    /// A cache in the memory of this process of at most `max_bytes` of JSON and keys.
    pub fn in_memory(max_bytes: u64) -> Self {
        let weigh = |key: &String, entry: &Entry| u32::try_from(key.len() + entry.json.len()).unwrap_or(u32::MAX);
        let memory = moka::future::Cache::builder().max_capacity(max_bytes).weigher(weigh).expire_after(TimeToLive);
        Self {
            backend: Backend::Memory(memory.build()),
            default_ttl: DEFAULT_TTL,
            hits: Arc::default(),
            misses: Arc::default(),
        }
    }

    /// The same cache with another time that values are kept for by default.
    #[must_use]
    pub const fn with_default_ttl(mut self, ttl: Duration) -> Self {
        self.default_ttl = ttl;
        self
    }

    /// The value of a key. One that does not have the form asked for counts as missing.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let found = match &self.backend {
            Backend::Memory(memory) => memory.get(key).await,
        };
        let value = found.and_then(|entry| serde_json::from_slice(&entry.json).ok());
        self.count(value.is_some());
        value
    }

    /// Keeps a value, for `ttl` or the default time.
    ///
    /// # Errors
    /// [`CacheError::Codec`] if the value has no JSON form.
    pub async fn set<T: Serialize + Sync>(
        &self,
        key: &str,
        value: &T,
        ttl: Option<Duration>,
    ) -> Result<(), CacheError<std::convert::Infallible>> {
        let entry = self.entry(key, value, ttl)?;
        match &self.backend {
            Backend::Memory(memory) => memory.insert(key.to_owned(), entry).await,
        }
        Ok(())
    }

    /// The value of a key; where there is none, that of `load`, which is then kept. Of many who
    /// ask at once one loads and the others wait for it. `None` is a value like any other; an error
    /// is not kept.
    ///
    /// # Errors
    /// [`CacheError::Load`] with the error of `load`, [`CacheError::Codec`] if the stored value is
    /// of another type.
    pub async fn get_or_set<T, E>(
        &self,
        key: &str,
        ttl: Option<Duration>,
        load: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, CacheError<E>>
    where
        T: Serialize + DeserializeOwned + Send + Sync,
        E: Send + Sync + 'static,
    {
        let loaded = AtomicBool::new(false);
        let make = async {
            loaded.store(true, Ordering::Relaxed);
            let value = load.await.map_err(|error| CacheError::Load(Arc::new(error)))?;
            self.entry(key, &value, ttl)
        };
        let found = match &self.backend {
            Backend::Memory(memory) => memory.try_get_with_by_ref(key, make).await,
        };
        self.count(!loaded.load(Ordering::Relaxed));
        let entry = found.map_err(|error: Arc<CacheError<E>>| match &*error {
            CacheError::Load(error) => CacheError::Load(Arc::clone(error)),
            CacheError::Codec { key, reason } => CacheError::Codec { key: key.clone(), reason: reason.clone() },
        })?;
        serde_json::from_slice(&entry.json)
            .map_err(|error| CacheError::Codec { key: key.to_owned(), reason: error.to_string() })
    }

    /// Forgets a key; says whether it was there.
    pub async fn delete(&self, key: &str) -> bool {
        match &self.backend {
            Backend::Memory(memory) => memory.remove(key).await.is_some(),
        }
    }

    /// Forgets every key that a pattern matches: `*` stands for any characters, `?` for one, `\`
    /// takes the next as it is. Returns how many there were.
    pub async fn clear(&self, pattern: &str) -> u64 {
        let mut cleared = 0;
        match &self.backend {
            Backend::Memory(memory) => {
                let matching = memory.iter().filter(|(key, _)| glob::matches(pattern, key));
                let keys: Vec<Arc<String>> = matching.map(|(key, _)| key).collect();
                for key in keys {
                    cleared += u64::from(memory.remove(key.as_str()).await.is_some());
                }
            }
        }
        cleared
    }

    /// Keeps a value and asks for it back, for health; no hit or miss is counted.
    ///
    /// # Errors
    /// What the cache gave back instead.
    pub async fn probe(&self) -> Result<(), String> {
        let (key, sent) = (format!("probe:{}", uuid::Uuid::now_v7()), 1_u8);
        let entry = self
            .entry::<_, std::convert::Infallible>(&key, &sent, Some(Duration::from_secs(10)))
            .map_err(|error| error.to_string())?;
        let found = match &self.backend {
            Backend::Memory(memory) => {
                memory.insert(key.clone(), entry).await;
                memory.remove(&key).await
            }
        };
        match found.map(|entry| serde_json::from_slice::<u8>(&entry.json)) {
            Some(Ok(back)) if back == sent => Ok(()),
            Some(Ok(other)) => Err(format!("{other} instead of {sent}")),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("nothing".to_owned()),
        }
    }

    /// How the cache is used.
    pub async fn stats(&self) -> CacheStats {
        let entries = match &self.backend {
            Backend::Memory(memory) => {
                memory.run_pending_tasks().await;
                memory.entry_count()
            }
        };
        CacheStats { hits: self.hits.load(Ordering::Relaxed), misses: self.misses.load(Ordering::Relaxed), entries }
    }

    fn entry<T: Serialize, E>(&self, key: &str, value: &T, ttl: Option<Duration>) -> Result<Entry, CacheError<E>> {
        let json = serde_json::to_vec(value)
            .map_err(|error| CacheError::Codec { key: key.to_owned(), reason: error.to_string() })?;
        Ok(Entry { json: json.into(), ttl: ttl.unwrap_or(self.default_ttl) })
    }

    fn count(&self, hit: bool) {
        let counter = if hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Backend::Memory(_) = &self.backend;
        f.debug_struct("Cache").field("backend", &"memory").field("default_ttl", &self.default_ttl).finish()
    }
}
