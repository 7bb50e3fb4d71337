//! Hints between replicas.

use std::time::{Duration, Instant};

use cidadao::cache::{Hint, HintStats, Hints, Redis};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::{RedisServer, eventually};

/// A replica that listens.
struct Replica {
    redis: Redis,
    hints: Hints,
    heard: mpsc::UnboundedReceiver<Hint>,
    shutdown: CancellationToken,
    listener: tokio::task::JoinHandle<()>,
}

impl Replica {
    async fn start(server: &RedisServer) -> Self {
        let redis = server.connect().await;
        let hints = Hints::over(&redis);
        let (tell, mut heard) = mpsc::unbounded_channel();
        let shutdown = CancellationToken::new();
        let (listening, until) = (hints.clone(), shutdown.clone());
        let on = move |hint| tell.send(hint).expect("the test listens");
        let listener = tokio::spawn(async move { listening.listen(on, until).await });
        assert_eq!(next(&mut heard).await, Hint::Resync);
        Self { redis, hints, heard, shutdown, listener }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.listener.await.expect("no panic");
        assert!(!self.hints.stats().connected);
    }
}

async fn next(heard: &mut mpsc::UnboundedReceiver<Hint>) -> Hint {
    tokio::time::timeout(Duration::from_secs(10), heard.recv()).await.expect("a hint in time").expect("a listener")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_replica_does_the_others_hear() {
    let Some(server) = RedisServer::get() else { return };
    let (mut here, mut there) = (Replica::start(&server).await, Replica::start(&server).await);
    let began = Instant::now();
    here.hints.publish(Hint::Queued);
    assert_eq!(next(&mut there.heard).await, Hint::Queued);
    println!("a hint took {:?}", began.elapsed());
    for message in ["garbage", "me later", "", &"x".repeat(100_000)] {
        server.cli(&["PUBLISH", "cidadao:hints", message]);
    }
    here.hints.publish(Hint::Job("not an id".to_owned()));
    for n in 0..500 {
        here.hints.publish(Hint::Job(format!("job-{n}")));
    }
    for n in 0..500 {
        assert_eq!(next(&mut there.heard).await, Hint::Job(format!("job-{n}")), "in order");
    }
    there.hints.publish(Hint::Job("back".to_owned()));
    assert_eq!(next(&mut here.heard).await, Hint::Job("back".to_owned()), "and none of its own before");
    // A hint may be there before Redis has said that it took it.
    let published = async || (here.hints.stats().published, there.hints.stats().published);
    eventually("all are taken", async || published().await == (501, 1)).await;
    let (sent, got) = (here.hints.stats(), there.hints.stats());
    assert_eq!((sent.dropped, sent.received, sent.connected), (1, 1, true));
    assert_eq!((got.dropped, got.received, got.reconnects), (0, 501, 0));
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_flow_again_after_redis_was_started_anew() {
    let Some(mut server) = RedisServer::get() else { return };
    let (here, mut there) = (Replica::start(&server).await, Replica::start(&server).await);
    server.stop();
    eventually("the loss is seen", async || !there.hints.stats().connected).await;
    let began = Instant::now();
    for _ in 0..5_000 {
        here.hints.publish(Hint::Queued);
    }
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    eventually("all are dropped", async || here.hints.stats().dropped == 5_000).await;
    assert_eq!(here.hints.stats().published, 0);

    server.start();
    assert_eq!(next(&mut there.heard).await, Hint::Resync, "before anything else");
    eventually("Redis is used again", async || here.redis.is_up()).await;
    here.hints.publish(Hint::Queued);
    assert_eq!(next(&mut there.heard).await, Hint::Queued);
    assert_eq!(there.hints.stats().reconnects, 1);
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_dead_but_open_is_noticed() {
    let Some(server) = RedisServer::get() else { return };
    let (here, mut there) = (Replica::start(&server).await, Replica::start(&server).await);
    server.pause();
    let began = Instant::now();
    for _ in 0..5_000 {
        here.hints.publish(Hint::Queued);
    }
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    eventually("the silence is noticed", async || !there.hints.stats().connected).await;
    println!("a dead connection was noticed after {:?}", began.elapsed());
    let stats = here.hints.stats();
    assert_eq!((stats.published, stats.dropped), (0, 5_000));
    server.resume();
    // What the server had taken in before comes first, or never.
    while next(&mut there.heard).await != Hint::Resync {}
    here.stop().await;
    there.stop().await;
}

#[tokio::test]
async fn alone_there_is_nothing_to_hear() {
    let (hints, shutdown) = (Hints::none(), CancellationToken::new());
    hints.publish(Hint::Queued);
    let listening = hints.listen(|hint| panic!("{hint:?} from nowhere"), shutdown.clone());
    let ended = tokio::time::timeout(Duration::from_millis(50), listening).await;
    assert!(ended.is_err(), "it waits for the end");
    shutdown.cancel();
    hints.listen(|_| {}, shutdown).await;
    assert_eq!(hints.stats(), HintStats::default());
}
