use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;

use super::glob;

/// The bytes of a value, and how long they are kept.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) bytes: Arc<[u8]>,
    pub(super) ttl: Duration,
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

/// The arm that keeps values in this process.
#[derive(Clone)]
pub(super) struct Memory {
    entries: moka::future::Cache<String, Entry>,
}

impl Memory {
    /// Keeps at most so many bytes of values and keys.
    pub(super) fn new(max_bytes: u64) -> Self {
        let weigh = |key: &String, entry: &Entry| u32::try_from(key.len() + entry.bytes.len()).unwrap_or(u32::MAX);
        let entries = moka::future::Cache::builder().max_capacity(max_bytes).weigher(weigh).expire_after(TimeToLive);
        Self { entries: entries.build() }
    }

    pub(super) async fn get(&self, key: &str) -> Option<Arc<[u8]>> {
        self.entries.get(key).await.map(|entry| entry.bytes)
    }

    pub(super) async fn set(&self, key: &str, entry: Entry) {
        self.entries.insert(key.to_owned(), entry).await;
    }

    pub(super) async fn delete(&self, key: &str) -> bool {
        self.entries.remove(key).await.is_some()
    }

    pub(super) async fn clear(&self, pattern: &str) -> u64 {
        let matching = self.entries.iter().filter(|(key, _)| glob::matches(pattern, key));
        let keys: Vec<Arc<String>> = matching.map(|(key, _)| key).collect();
        let mut cleared = 0;
        for key in keys {
            cleared += u64::from(self.delete(key.as_str()).await);
        }
        cleared
    }

    pub(super) async fn len(&self) -> u64 {
        self.entries.run_pending_tasks().await;
        self.entries.entry_count()
    }
}
