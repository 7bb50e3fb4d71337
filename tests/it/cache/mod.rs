//! The cache, the same tests in memory and in Redis; then what Redis alone can do to it.

mod bucket;
mod hints;
mod patterns;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cidadao::cache::{Cache, CacheBackend, CacheError, Codec, MAX_VALUE_BYTES, RedisOptions};
use futures::future::join_all;

use crate::support::{RedisServer, eventually};

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Share {
    buyer: String,
    cents: i64,
}

/// Makes of each function `async fn name(cache: Cache)` two tests: `memory::name` and `redis::name`.
macro_rules! on_both_caches {
    ($($name:ident,)*) => {
        mod memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(cidadao::cache::Cache::in_memory(64 << 20)).await;
                }
            )*
        }
        mod redis {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    if let Some(server) = $crate::support::RedisServer::get() {
                        super::$name(cidadao::cache::Cache::in_redis(&server.connect().await)).await;
                    }
                }
            )*
        }
    };
}

on_both_caches! {
    typed_values_come_back_until_they_expire,
    both_forms_keep_what_they_are_given,
    of_many_that_ask_at_once_one_loads,
    another_takes_over_from_a_loader_that_is_gone,
    nothing_is_a_value_and_an_error_is_not,
    a_value_of_another_type_is_computed_anew,
    what_is_too_large_is_not_kept,
    keys_are_forgotten_one_by_one_or_by_pattern,
    a_probe_goes_there_and_back,
}

async fn typed_values_come_back_until_they_expire(cache: Cache) {
    let share = Share { buyer: "Fundação «Ó»".to_owned(), cents: i64::MAX };
    assert_eq!(cache.get::<Share>("share:1").await, None);
    cache.set("share:1", &share, None).await.expect("kept");
    cache.set("short", &7, Some(Duration::from_millis(60))).await.expect("kept");
    assert_eq!(cache.get("share:1").await, Some(share));
    assert_eq!(cache.get("short").await, Some(7));
    // Not of the type that is asked for: as if it were not there.
    assert_eq!(cache.get::<u8>("share:1").await, None);
    tokio::time::sleep(Duration::from_millis(90)).await;
    assert_eq!(cache.get::<i32>("short").await, None);
    // Written again, it lives for the new time.
    cache.set("short", &8, Some(Duration::from_millis(20))).await.expect("kept");
    cache.set("short", &9, None).await.expect("kept");
    tokio::time::sleep(Duration::from_millis(40)).await;
    assert_eq!(cache.get("short").await, Some(9));
    let brief = cache.clone().with_default_ttl(Duration::from_millis(20));
    brief.set("brief", &1, None).await.expect("kept");
    tokio::time::sleep(Duration::from_millis(40)).await;
    assert_eq!(brief.get::<i32>("brief").await, None);
    // No time at all, and more than there is.
    cache.set("short", &10, Some(Duration::ZERO)).await.expect("kept");
    assert_eq!(cache.get::<i32>("short").await, None);
    cache.set("long", &11, Some(Duration::MAX)).await.expect("kept");
    assert_eq!(cache.get("long").await, Some(11));
}

async fn both_forms_keep_what_they_are_given(cache: Cache) {
    let binary = cache.clone().with_codec(Codec::Binary);
    let share = Share { buyer: "Órgão\u{0}".to_owned(), cents: -9_007_199_254_740_993 };
    for (cache, other, key) in [(&cache, &binary, "json"), (&binary, &cache, "binary")] {
        cache.set(key, &share, None).await.expect("kept");
        assert_eq!(cache.get::<Share>(key).await.as_ref(), Some(&share));
        assert_eq!(other.get::<Share>(key).await, None, "of the other form");
    }
    let floats = vec![0.1 + 0.2, f64::MIN_POSITIVE, 1e300];
    binary.set("floats", &floats, None).await.expect("kept");
    assert_eq!(binary.get("floats").await, Some(floats));
    // JSON has no such key.
    let strange = std::collections::BTreeMap::from([((1, 2), 3)]);
    let refused = cache.set("strange", &strange, None).await;
    assert!(matches!(&refused, Err(CacheError::Codec { key, .. }) if key == "strange"), "{refused:?}");
}

async fn of_many_that_ask_at_once_one_loads(cache: Cache) {
    assert_eq!(loads_of_a_hundred(&cache).await, 1);
    let stats = cache.stats().await;
    assert_eq!((stats.hits, stats.misses, stats.entries, stats.up, stats.errors), (99, 1, 1, true, 0));
    assert!((stats.hit_rate() - 0.99).abs() < 1e-9);
}

/// How often the value of a key is computed when a hundred ask for it.
async fn loads_of_a_hundred(cache: &Cache) -> u32 {
    let loads = Arc::new(AtomicU32::new(0));
    let asks = (0..100).map(|_| {
        let (cache, loads) = (cache.clone(), Arc::clone(&loads));
        tokio::spawn(async move {
            let load = async {
                loads.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok::<_, String>(vec![1, 2, 3])
            };
            cache.get_or_set("k", None, load).await.expect("loaded")
        })
    });
    for answer in join_all(asks).await {
        assert_eq!(answer.expect("no panic"), [1, 2, 3]);
    }
    loads.load(Ordering::SeqCst)
}

async fn another_takes_over_from_a_loader_that_is_gone(cache: Cache) {
    let (started, starts) = tokio::sync::oneshot::channel();
    let hanging = cache.clone();
    let gone = tokio::spawn(async move {
        let load = async {
            started.send(()).expect("the test waits");
            std::future::pending::<Result<u8, String>>().await
        };
        hanging.get_or_set("k", None, load).await
    });
    starts.await.expect("started");
    let waiting = cache.clone();
    let waiter = tokio::spawn(async move { waiting.get_or_set("k", None, async { Ok::<u8, String>(2) }).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiter.is_finished());
    gone.abort();
    assert_eq!(waiter.await.expect("no panic").expect("loaded"), 2);
    assert_eq!(cache.get("k").await, Some(2));
}

async fn nothing_is_a_value_and_an_error_is_not(cache: Cache) {
    let none = async { Ok::<Option<u8>, String>(None) };
    assert_eq!(cache.get_or_set("none", None, none).await.expect("loaded"), None);
    let never = async { Err::<Option<u8>, _>("loaded twice".to_owned()) };
    assert_eq!(cache.get_or_set("none", None, never).await.expect("kept"), None);
    assert_eq!(cache.get::<Option<u8>>("none").await, Some(None));

    let failing = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err::<u8, _>("away".to_owned())
    };
    let (failed, shared) = tokio::join!(
        cache.get_or_set("k", None, failing),
        cache.get_or_set("k", None, async { Err::<u8, _>("asked too late".to_owned()) }),
    );
    for failed in [failed, shared] {
        assert!(matches!(&failed, Err(CacheError::Load(error)) if **error == "away"), "{failed:?}");
    }
    assert_eq!(cache.get_or_set("k", None, async { Ok::<u8, String>(5) }).await.expect("loaded"), 5);
}

async fn a_value_of_another_type_is_computed_anew(cache: Cache) {
    cache.set("k", &5_u8, None).await.expect("kept");
    let text = async { Ok::<String, String>("five".to_owned()) };
    assert_eq!(cache.get_or_set("k", None, text).await.expect("loaded"), "five");
    assert_eq!(cache.get::<String>("k").await.as_deref(), Some("five"));
    let stats = cache.stats().await;
    assert_eq!((stats.hits, stats.misses), (1, 1));
}

async fn what_is_too_large_is_not_kept(cache: Cache) {
    // A quoted text and its tag.
    let largest = "x".repeat(MAX_VALUE_BYTES - 3);
    cache.set("k", &largest, None).await.expect("kept");
    assert_eq!(cache.get::<String>("k").await.map(|text| text.len()), Some(largest.len()));
    let too_large = largest + "x";
    cache.set("k", &too_large, None).await.expect("not kept");
    assert_eq!(cache.get::<String>("k").await, None, "neither the new nor the old one");
    let load = async { Ok::<_, String>(too_large.clone()) };
    assert_eq!(cache.get_or_set("k", None, load).await.expect("loaded").len(), too_large.len());
    assert_eq!(cache.stats().await.entries, 0);
}

async fn keys_are_forgotten_one_by_one_or_by_pattern(cache: Cache) {
    for key in ["stats:1", "stats:2", "statsX3", "plan:1"] {
        cache.set(key, &1, None).await.expect("kept");
    }
    assert!(cache.delete("stats:1").await);
    assert!(!cache.delete("stats:1").await);
    assert_eq!(cache.clear("stats:*").await, 1);
    assert_eq!(cache.get("statsX3").await, Some(1));
    assert_eq!(cache.clear("*").await, 2);
    assert_eq!(cache.stats().await.entries, 0);
}

async fn a_probe_goes_there_and_back(cache: Cache) {
    cache.probe().await.expect("a value back");
    let stats = cache.stats().await;
    assert_eq!((stats.hits, stats.misses, stats.entries), (0, 0, 0));
    assert!(format!("{cache:?}").contains(&format!("{:?}", stats.backend)));
}

#[tokio::test]
async fn the_cache_in_memory_stays_within_its_size() {
    let cache = Cache::in_memory(10_000);
    for n in 0..1000 {
        cache.set(&format!("k{n}"), &"x".repeat(100), None).await.expect("kept");
    }
    let stats = cache.stats().await;
    assert!(stats.entries <= 100);
    assert_eq!(stats.backend, CacheBackend::Memory);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_values_within_a_namespace() {
    let Some(server) = RedisServer::get() else { return };
    let ours = Cache::in_redis(&server.connect().await);
    let theirs = Cache::in_redis(&server.connect().await);
    let others = RedisOptions { namespace: "other".to_owned(), ..server.options() };
    let others = Cache::in_redis(&cidadao::cache::Redis::connect(others).await);
    ours.set("k", &1, None).await.expect("kept");
    assert_eq!((theirs.get("k").await, others.get::<i32>("k").await), (Some(1), None));
    assert_eq!(others.clear("*").await, 0);
    assert_eq!(server.cli(&["TTL", "cidadao:cache:k"]), "3600");
    assert!(theirs.delete("k").await);
    eventually("the value is gone", async || ours.get::<i32>("k").await.is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_stored_is_no_value() {
    let Some(server) = RedisServer::get() else { return };
    let json = Cache::in_redis(&server.connect().await);
    let binary = json.clone().with_codec(Codec::Binary);
    for foreign in ["", "7", "\"7\"", "garbage", "\u{fa}7"] {
        server.cli(&["SET", "cidadao:cache:k", foreign]);
        assert_eq!((json.get::<u8>("k").await, binary.get::<u8>("k").await), (None, None), "{foreign:?}");
        assert_eq!(json.get_or_set("k", None, async { Ok::<u8, String>(8) }).await.expect("computed"), 8);
        assert_eq!(json.get("k").await, Some(8));
    }
    // Not even a text: Redis refuses to read it, and goes on.
    server.cli(&["DEL", "cidadao:cache:k"]);
    server.cli(&["LPUSH", "cidadao:cache:k", "7"]);
    assert_eq!(json.get::<u8>("k").await, None);
    let stats = json.stats().await;
    assert!(stats.up && stats.errors == 1, "{stats:?}");
    json.set("k", &9, None).await.expect("kept");
    assert_eq!(json.get("k").await, Some(9));
}
