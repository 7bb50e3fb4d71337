use std::sync::Arc;

use bb8_redis::redis::cmd;

use super::glob;
use super::memory::Entry;
use super::redis::Redis;

/// Keys that one step of a search looks at; a step must not hold Redis up.
const SCAN_STEP: usize = 1_000;

/// The arm that keeps values in Redis. Of a Redis that is away every method says what an empty
/// cache would.
#[derive(Clone)]
pub(super) struct Remote {
    redis: Redis,
    prefix: String,
}

impl Remote {
    pub(super) fn new(redis: Redis) -> Self {
        let prefix = redis.name("cache:");
        Self { redis, prefix }
    }

    pub(super) const fn redis(&self) -> &Redis {
        &self.redis
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    pub(super) async fn get(&self, key: &str) -> Option<Arc<[u8]>> {
        let found = self.redis.query::<Option<Vec<u8>>>(cmd("GET").arg(self.key(key))).await;
        found.ok().flatten().map(Arc::from)
    }

    pub(super) async fn set(&self, key: &str, entry: Entry) {
        // Redis refuses a time of zero.
        let milliseconds = entry.ttl.as_millis();
        if milliseconds == 0 {
            self.delete(key).await;
            return;
        }
        let mut set = cmd("SET");
        set.arg(self.key(key)).arg(&entry.bytes[..]).arg("PX").arg(milliseconds.to_string());
        // A value that was not kept is computed again: the handle has counted and told of it.
        let _ = self.redis.query::<()>(&set).await;
    }

    pub(super) async fn delete(&self, key: &str) -> bool {
        self.unlink(&[self.key(key).into_bytes()]).await > 0
    }

    /// How many of the keys were there.
    async fn unlink(&self, keys: &[Vec<u8>]) -> u64 {
        self.redis.query(cmd("UNLINK").arg(keys)).await.unwrap_or(0)
    }

    /// Redis counts bytes where a pattern counts characters, so it is asked for the keys that begin
    /// as the pattern does, and the pattern itself is applied here.
    pub(super) async fn clear(&self, pattern: &str) -> u64 {
        let head = glob::Head::of(pattern);
        if head.is_whole {
            return u64::from(self.delete(&head.text).await);
        }
        let begins = glob::literal(&self.key(&head.text)) + "*";
        let matches = |key: &Vec<u8>| {
            let key = std::str::from_utf8(key).ok().and_then(|key| key.strip_prefix(&self.prefix));
            key.is_some_and(|key| glob::matches(pattern, key))
        };
        let (mut cleared, mut cursor) = (0, 0_u64);
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&begins).arg("COUNT").arg(SCAN_STEP);
            let Ok((next, mut keys)) = self.redis.query::<(u64, Vec<Vec<u8>>)>(&scan).await else { break };
            keys.retain(matches);
            if !keys.is_empty() {
                cleared += self.unlink(&keys).await;
            }
            if next == 0 {
                break;
            }
            cursor = next;
        }
        cleared
    }

    /// Keys of the database, those of others too: to count its own would take a walk through all.
    pub(super) async fn len(&self) -> u64 {
        self.redis.query(&cmd("DBSIZE")).await.unwrap_or(0)
    }
}
