//! The cache in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cidadao::cache::{Cache, CacheError};
use futures::future::join_all;

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Share {
    buyer: String,
    cents: i64,
}

fn cache() -> Cache {
    Cache::in_memory(1 << 20)
}

#[tokio::test]
async fn typed_values_come_back_until_they_expire() {
    let cache = cache();
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_ask_at_once_one_loads() {
    let (cache, loads) = (cache(), Arc::new(AtomicU32::new(0)));
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
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    let stats = cache.stats().await;
    assert_eq!((stats.hits, stats.misses, stats.entries), (99, 1, 1));
    assert!((stats.hit_rate() - 0.99).abs() < 1e-9);
}

#[tokio::test]
async fn nothing_is_a_value_and_an_error_is_not() {
    let cache = cache();
    let none = async { Ok::<Option<u8>, String>(None) };
    assert_eq!(cache.get_or_set("none", None, none).await.expect("loaded"), None);
    let never = async { Err::<Option<u8>, _>("loaded twice".to_owned()) };
    assert_eq!(cache.get_or_set("none", None, never).await.expect("kept"), None);
    assert_eq!(cache.get::<Option<u8>>("none").await, Some(None));

    let failing = async { Err::<u8, _>("away".to_owned()) };
    let failed = cache.get_or_set("k", None, failing).await;
    assert!(matches!(&failed, Err(CacheError::Load(error)) if **error == "away"), "{failed:?}");
    assert_eq!(cache.get_or_set("k", None, async { Ok::<u8, String>(5) }).await.expect("loaded"), 5);
    let other = cache.get_or_set("k", None, async { Ok::<String, String>(String::new()) }).await;
    assert!(matches!(&other, Err(CacheError::Codec { key, .. }) if key == "k"), "{other:?}");
}

#[tokio::test]
async fn keys_are_forgotten_one_by_one_or_by_pattern() {
    let cache = cache();
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

#[tokio::test]
async fn the_cache_stays_within_its_size() {
    let cache = Cache::in_memory(10_000);
    for n in 0..1000 {
        cache.set(&format!("k{n}"), &"x".repeat(100), None).await.expect("kept");
    }
    assert!(cache.stats().await.entries <= 100);
}
