use std::time::{Duration, Instant};

use cidadao::store::{Store, StoreError, StoreOptions};
use serde_json::json;

use crate::support::samples::{audited, job, log, queued, start};
use crate::support::{Cluster, Database, Proxy, on_both_databases};

on_both_databases!(callers_that_go_away_leave_the_store_whole, the_pool_says_what_it_does,);

/// Drops the futures of starts in every state. Each start has happened whole or not at all, and
/// the pool is as good as before.
async fn callers_that_go_away_leave_the_store_whole(database: Database) {
    let mut options = database.options();
    (options.pool_size, options.max_overflow) = (4, 0);
    let store = Store::connect(&options).await.expect("opens");
    for n in 0..120_u64 {
        let starting = store.create_job(job("ana", Some(&n.to_string()), json!({ "n": n })), queued());
        let _dropped = tokio::time::timeout(Duration::from_micros(n * 40), starting).await;
    }
    for n in 0..120_u64 {
        let new = job("ana", Some(&n.to_string()), json!({ "n": n }));
        let (job, _) = store.create_job(new, queued()).await.expect("started");
        assert_eq!(log(&store, &job.id).await.len(), 1);
        assert_eq!(audited(&store, "investigation.started", &job.id).await, 1);
    }
    let stats = store.pool_stats();
    assert_eq!((stats.max_size, stats.errors), (4, 0));
}

async fn the_pool_says_what_it_does(database: Database) {
    let store = database.store().await;
    store.ping().await.expect("alive");
    let stats = store.pool_stats();
    assert_eq!((stats.max_size, stats.in_use, stats.errors, stats.timed_out), (50, 0, 0, 0));
    assert!(stats.size >= 1 && stats.idle == stats.size && stats.created >= 1, "{stats:?}");
}

#[tokio::test]
async fn a_url_that_leads_nowhere_is_refused_without_its_password() {
    for url in ["mysql://ana:s3cret@db/x", "sqlite:", "sqlite::memory:", "sqlite:file:x?mode=memory", "data.db"] {
        let refused = Store::connect(&StoreOptions::new(url)).await.expect_err(url);
        assert!(matches!(refused, StoreError::Invalid { field: "url", .. }), "{refused}");
        assert!(!format!("{refused} {refused:?}").contains("s3cret"), "{refused}");
    }
    for url in [
        "postgres://ana:s3cret@127.0.0.1:1/cidadao",
        "postgres://ana:s3cret@127.0.0.1:1/cidadao?no_such=s3cret",
        "postgres://ana:s3cret@127.0.0.1:notaport/cidadao",
    ] {
        let started = Instant::now();
        let away = Store::connect(&StoreOptions::new(url)).await.expect_err(url);
        assert!(matches!(away, StoreError::Unavailable { .. }), "{away}");
        assert!(!format!("{away} {away:?}").contains("s3cret"), "{away}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_made_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    std::fs::write(&file, "x").expect("written");
    let url = format!("sqlite:{}", file.join("cidadao.db").display());
    let refused = Store::connect(&StoreOptions::new(url)).await.expect_err("refused");
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused}");
    let url = format!("sqlite:{}", directory.path().display());
    assert!(Store::connect(&StoreOptions::new(url)).await.is_err());
}

/// The server ends every connection; the next call goes through as if nothing had been.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_were_cut_are_replaced() {
    let Some(database) = Database::postgres().await else { return };
    let cluster = Cluster::get().await.expect("there is one");
    let store = database.store().await;
    let before = start(&store, "ana").await;
    for _ in 0..3 {
        cluster.execute(
            &database.url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        assert_eq!(store.job(&before.id).await.expect("readable").expect("there"), before);
        start(&store, "ana").await;
    }
}

/// Away means unavailable, soon; and back means back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_comes_back() {
    let Some(database) = Database::postgres().await else { return };
    let cluster = Cluster::get().await.expect("there is one");
    let proxy = Proxy::to(cluster.port()).await;
    let mut options = database.options();
    options.url = database.url.replace(&cluster.port().to_string(), &proxy.port.to_string());
    let store = Store::connect(&options).await.expect("opens");
    let job = start(&store, "ana").await;
    proxy.cut();
    let started = Instant::now();
    for result in [store.ping().await, store.job(&job.id).await.map(drop)] {
        assert!(matches!(result, Err(StoreError::Unavailable { .. })), "{result:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(store.pool_stats().errors > 0);
    proxy.mend();
    assert_eq!(store.job(&job.id).await.expect("readable").expect("there"), job);
    assert_eq!(log(&store, &job.id).await.len(), 1);
}
