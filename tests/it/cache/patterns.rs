//! Patterns mean the same in memory and in Redis.

use cidadao::cache::{Cache, Redis, RedisOptions};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::support::RedisServer;

/// Keeps the keys, clears by the pattern, and gives the count and what is left.
async fn cleared(cache: &Cache, keys: &[&str], pattern: &str) -> (u64, Vec<String>) {
    for key in keys {
        cache.set(key, &1, None).await.expect("kept");
    }
    let count = cache.clear(pattern).await;
    let mut left = Vec::new();
    for key in keys {
        if cache.get::<u8>(key).await.is_some() {
            left.push((*key).to_owned());
        }
    }
    (count, left)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn special_characters_mean_the_same() {
    let Some(server) = RedisServer::get() else { return };
    // The beginning of every key is no pattern either.
    let options = RedisOptions { namespace: "a*b?[c]\\^".to_owned(), ..server.options() };
    let (memory, redis) = (Cache::in_memory(1 << 20), Cache::in_redis(&Redis::connect(options).await));
    server.cli(&["SET", "aXbYc\\^:cache:a", "1"]);
    let keys = ["", "a", "b", "ab", "a*", "a?b", "[ab]", "[^a]", "a-c", "ç", "aç", "a\\", "\\*", "a:b:c", "^", "😀"];
    for (pattern, count) in [
        ("*", 16),
        ("?", 5),
        ("a?", 4),
        ("a\\*", 1),
        ("a\\?b", 1),
        ("[ab]", 1),
        ("[^a]", 1),
        ("[*", 2),
        ("a\\", 1),
        ("\\\\\\*", 1),
        ("\\ç", 1),
        ("a*c", 2),
        ("", 1),
        ("**?**", 15),
        ("nothing*", 0),
    ] {
        let in_memory = cleared(&memory, &keys, pattern).await;
        assert_eq!(in_memory.0, count, "{pattern:?} leaves {:?}", in_memory.1);
        assert_eq!(in_memory, cleared(&redis, &keys, pattern).await, "{pattern:?}");
    }
    let mut random = StdRng::seed_from_u64(41);
    let alphabet = ['a', 'b', '*', '?', '[', ']', '\\', '^', '-', 'ç'];
    for _ in 0..200 {
        let pattern: String =
            (0..random.random_range(0..6)).map(|_| alphabet[random.random_range(0..alphabet.len())]).collect();
        let in_memory = cleared(&memory, &keys, &pattern).await;
        assert_eq!(in_memory, cleared(&redis, &keys, &pattern).await, "{pattern:?}");
    }
    assert_eq!(server.cli(&["GET", "aXbYc\\^:cache:a"]), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_keys_are_cleared_step_by_step_and_their_neighbours_stay() {
    let Some(server) = RedisServer::get() else { return };
    let cache = Cache::in_redis(&server.connect().await);
    let fill = "for i = 1, 10000 do redis.call('SET', KEYS[1] .. i, 'x') end return 1";
    for beginning in ["cidadao:cache:n:", "cidadao:cache:m:", "cidadao:n:", "n:"] {
        server.cli(&["EVAL", fill, "1", beginning]);
    }
    assert_eq!(cache.stats().await.entries, 40_000);
    assert_eq!(cache.clear("n:*").await, 10_000);
    assert_eq!(server.cli(&["DBSIZE"]), "30000");
    assert_eq!(cache.clear("m:?").await, 9);
    assert_eq!(cache.clear("*").await, 9_991);
    assert_eq!(server.cli(&["DBSIZE"]), "20000");
    let commands = server.cli(&["INFO", "commandstats"]);
    assert!(!commands.contains("cmdstat_keys:") && !commands.contains("cmdstat_del:"), "{commands}");
    assert!(commands.contains("cmdstat_scan:") && commands.contains("cmdstat_unlink:"), "{commands}");
}
