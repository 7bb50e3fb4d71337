//! Redis goes, hangs and comes back.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use cidadao::api::pb;
use cidadao::cache::{Cache, Codec, Hints, Redis, RedisOptions};
use futures::future::join_all;

use super::loads_of_a_hundred;
use crate::server::TestServer;
use crate::support::{RedisServer, eventually};

/// What a call may take when Redis hangs: the time to connect, and some.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// What a hundred calls may take when Redis is known to be away: less than one wait for it.
const AT_ONCE: Duration = Duration::from_millis(500);

async fn back(cache: &Cache) {
    eventually("Redis is used again", async || cache.stats().await.up).await;
    cache.set("again", &1, None).await.expect("kept");
    assert_eq!(cache.get("again").await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_gone_is_done_without_and_used_again() {
    let Some(mut server) = RedisServer::get() else { return };
    let redis = server.connect().await;
    let cache = Cache::in_redis(&redis);
    cache.set("k", &1, None).await.expect("kept");
    server.stop();
    assert_eq!(cache.get::<i32>("k").await, None);
    assert!(!redis.is_up());
    let before = cache.stats().await;
    assert!(!before.up && before.errors >= 1, "{before:?}");
    cache.set("k", &1, None).await.expect("dropped");
    assert!(!cache.delete("k").await);
    assert_eq!((cache.clear("*").await, cache.clear("k").await), (0, 0));
    assert_eq!(cache.probe().await, Err("Redis is away".to_owned()));
    assert_eq!(loads_of_a_hundred(&cache).await, 1);
    assert_eq!(loads_of_a_hundred(&cache).await, 1, "nothing was kept");
    assert!(cache.stats().await.errors >= before.errors + 5);
    server.start();
    back(&cache).await;
    cache.probe().await.expect("a value back");
    assert_eq!(redis.stats().reconnects, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_was_started_anew_in_between_is_not_missed() {
    let Some(mut server) = RedisServer::get() else { return };
    let redis = server.connect().await;
    let cache = Cache::in_redis(&redis);
    let key = |n: i32| format!("k{n}");
    eventually("there are several connections", async || {
        join_all((0..50).map(|n| {
            let cache = &cache;
            async move { cache.set(&key(n), &n, None).await.expect("kept") }
        }))
        .await;
        redis.stats().connections > 1
    })
    .await;
    server.stop();
    server.start();
    cache.set("k", &1, None).await.expect("kept");
    assert_eq!(cache.get("k").await, Some(1));
    let stats = redis.stats();
    assert_eq!((stats.up, stats.errors, stats.reconnects), (true, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_costs_little() {
    let Some(server) = RedisServer::get() else { return };
    let cache = Cache::in_redis(&server.connect().await).with_codec(Codec::Binary);
    cache.set("k", &1, None).await.expect("kept");
    server.pause();
    let began = Instant::now();
    let calls = (0..100).map(|_| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.get::<i32>("k").await })
    });
    for call in join_all(calls).await {
        assert_eq!(call.expect("no panic"), None);
    }
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    // For a while: no call waits for a try to find out whether it is back.
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        let began = Instant::now();
        assert_eq!(loads_of_a_hundred(&cache).await, 1);
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    }
    assert!(!cache.stats().await.up);
    server.resume();
    back(&cache).await;
    assert_eq!(cache.get("k").await, Some(1), "what it held is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_at_the_address_keeps_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = format!("redis://127.0.0.1:{}", listener.local_addr().expect("an address").port());
    for (url, patience) in [(silent, PATIENCE), ("redis://127.0.0.1:1".to_owned(), Duration::from_millis(500))] {
        let began = Instant::now();
        let redis = Redis::connect(RedisOptions::new(url.parse().expect("a URL"))).await;
        assert!(began.elapsed() < patience, "{url}: {:?}", began.elapsed());
        let began = Instant::now();
        let cache = Cache::in_redis(&redis);
        assert_eq!(loads_of_a_hundred(&cache).await, 1);
        assert!(!redis.is_up() && began.elapsed() < AT_ONCE, "{url}: {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_used_and_never_shown() {
    let Some(server) = RedisServer::get() else { return };
    server.cli(&["CONFIG", "SET", "requirepass", "hunter2"]);
    let connect = async |password: &str| {
        let url = server.url().replace("//", &format!("//default:{password}@"));
        Redis::connect(RedisOptions::new(url.parse().expect("a URL"))).await
    };
    let (redis, stranger) = (connect("hunter2").await, connect("hunter3").await);
    let cache = Cache::in_redis(&redis);
    cache.set("k", &1, None).await.expect("kept");
    assert_eq!(cache.get("k").await, Some(1));
    assert_eq!((stranger.is_up(), Cache::in_redis(&stranger).get::<i32>("k").await), (false, None));
    let shown = format!("{redis:?} {stranger:?} {cache:?} {:?} {:?}", Hints::over(&redis), redis.stats());
    assert!(!shown.contains("hunter"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_says_where_its_values_are() {
    let Some(mut redis) = RedisServer::get() else { return };
    let server = TestServer::with_redis(&redis.url()).await;
    let cache = async || {
        let health = server.health().get_health(pb::GetHealthRequest {}).await.unwrap().into_inner();
        let cache = health.dependencies.iter().find(|one| one.name == "cache").unwrap().clone();
        (cache.status(), cache.required, cache.detail, health.status())
    };
    let (healthy, degraded) = (pb::HealthState::Healthy, pb::HealthState::Degraded);
    let (state, required, detail, _) = cache().await;
    assert_eq!((state, required), (healthy, false), "{detail}");
    assert!(detail.starts_with("Redis: "), "{detail}");
    let (text, _) = server.metrics().await;
    assert!(text.contains("\ncidadao_redis_up 1.0\n") && text.contains("\ncidadao_redis_errors_total 0\n"), "{text}");

    redis.stop();
    let (state, _, detail, whole) = cache().await;
    assert_eq!((state, whole), (degraded, degraded), "{detail}");
    let (text, _) = server.metrics().await;
    assert!(text.contains("\ncidadao_redis_up 0.0\n") && !text.contains("\ncidadao_redis_errors_total 0\n"), "{text}");
    server.stop().await;

    // It starts without Redis, too.
    let server = TestServer::with_redis(&redis.url()).await;
    let health = server.health().get_health(pb::GetHealthRequest {}).await.unwrap().into_inner();
    assert_eq!(health.status(), degraded);
    server.stop().await;
}
