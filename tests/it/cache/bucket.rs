//! A bucket that replicas share.

use std::time::Duration;

use chrono::Utc;
use cidadao::cache::{Bucket, Rate};

use crate::support::RedisServer;

/// How many requests come through at once.
async fn at_once(buckets: &[Bucket]) -> usize {
    let mut taken = 0;
    for bucket in buckets.iter().cycle().take(200) {
        taken += usize::from(bucket.take(Utc::now()).await.is_ok());
    }
    taken
}

#[tokio::test]
async fn replicas_share_a_bucket_and_names_do_not() {
    let Some(mut server) = RedisServer::get() else { return };
    // A request every ten minutes beyond those that may come at once: none is added while the test runs.
    let of = |name: &str, redis| Bucket::new(name, Rate::always(1), Some(redis));
    let replicas = [of("a", server.connect().await), of("a", server.connect().await)];
    assert_eq!(at_once(&replicas).await, 1);
    let wait = replicas[1].take(Utc::now()).await.unwrap_err();
    assert!(wait > Duration::from_secs(30) && wait <= Duration::from_secs(60), "{wait:?}");
    assert_eq!(at_once(&[of("b", server.connect().await)]).await, 1);
    // A tenth of a higher rate comes at once, whichever replica asks.
    let fast = Rate::always(90);
    let replicas =
        [Bucket::new("c", fast, Some(server.connect().await)), Bucket::new("c", fast, Some(server.connect().await))];
    let taken = at_once(&replicas).await;
    assert!((10..=20).contains(&taken), "{taken}");
    // Without Redis each process has its own: slower for the service, never a standstill.
    server.stop();
    let taken = at_once(&replicas[..1]).await;
    assert!((10..=14).contains(&taken), "{taken}");
}
