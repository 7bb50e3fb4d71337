use std::collections::BTreeSet;

use chrono::{SubsecRound, Utc};
use cidadao::model::{ImportRecord, JobKind, LakeFile, NewJob, Priority, QualityReport, QuarantinedRow, Table};
use cidadao::store::{Expiry, ImportCommit, NewImport, Store, StoreError};
use futures::future::join_all;

use crate::support::samples::{audit, audited};
use crate::support::{Database, on_both_databases};

on_both_databases!(
    a_dataset_is_replaced_and_old_versions_stay,
    the_same_content_is_not_added_twice,
    imports_at_once_make_one_version_each,
    a_failed_import_leaves_nothing,
    a_version_may_come_back,
    versions_that_nobody_needs_expire,
    a_report_and_a_job_come_with_the_import,
);

fn import(id: &str, dataset: &str, hash: &str) -> NewImport {
    let record = ImportRecord {
        id: id.to_owned(),
        dataset: dataset.to_owned(),
        file_name: format!("{id}.zip"),
        content_hash: hash.to_owned(),
        counts: [("rows".to_owned(), 3), ("duplicates".to_owned(), 0)].into(),
        imported_at: Utc::now().trunc_subsecs(6),
    };
    let file = |table: Table| LakeFile {
        table,
        path: format!("{}/{id}.parquet", table.as_str()),
        rows: 3,
        bytes: 99,
        merged: false,
    };
    let bad = |line| QuarantinedRow {
        file: "a.csv".to_owned(),
        line,
        column: "Valor".to_owned(),
        reason: "sub_cent".to_owned(),
        value: "1,001".to_owned(),
    };
    NewImport {
        record,
        replaces_dataset: true,
        files: vec![file(Table::Contracts), file(Table::Amendments)],
        quarantine: vec![bad(9), bad(7)],
        audit: audit("import.committed", id),
    }
}

pub(super) async fn import_with_quarantine(store: &Store, id: &str, quarantine: Vec<QuarantinedRow>) {
    let import = NewImport { quarantine, ..import(id, "jan", "h1") };
    store.commit_import(import).await.expect("imported");
}

async fn files(store: &Store, version: i64) -> BTreeSet<String> {
    store.lake_files(version).await.expect("files").into_iter().map(|file| file.path).collect()
}

fn paths(ids: &[&str]) -> BTreeSet<String> {
    let of = |id: &&str| [format!("contracts/{id}.parquet"), format!("amendments/{id}.parquet")];
    ids.iter().flat_map(of).collect()
}

async fn a_dataset_is_replaced_and_old_versions_stay(database: Database) {
    let store = database.store().await;
    assert_eq!((store.lake_version().await, files(&store, 0).await), (Ok(0), BTreeSet::new()));
    assert_eq!(store.commit_import(import("a", "jan", "h1")).await, Ok(1));
    assert_eq!(store.commit_import(import("b", "feb", "h1")).await, Ok(2));
    assert_eq!(store.commit_import(import("c", "jan", "h2")).await, Ok(3));
    assert_eq!(store.lake_version().await, Ok(3));
    for (version, ids) in [(0, &[][..]), (1, &["a"]), (2, &["a", "b"]), (3, &["b", "c"])] {
        assert_eq!(files(&store, version).await, paths(ids), "version {version}");
    }
    let missing = StoreError::NotFound { what: "lake version", id: "4".to_owned() };
    assert_eq!(store.lake_files(4).await, Err(missing));
    assert_eq!(store.lake_files(1).await.expect("files")[1], import("a", "jan", "h1").files[0]);

    assert_eq!(store.import_by_hash("jan", "h1").await, Ok(None));
    let current = store.import_by_hash("jan", "h2").await.expect("ok").expect("current");
    assert_eq!((current.id.as_str(), current.counts.get("rows")), ("c", Some(&3)));
    let ids: Vec<String> = store.imports().await.expect("imports").into_iter().map(|import| import.id).collect();
    assert_eq!(ids, ["b", "c"]);
    // What was replaced may come back.
    assert_eq!(store.commit_import(import("d", "jan", "h1")).await, Ok(4));
    assert_eq!(files(&store, 4).await, paths(&["b", "d"]));
    assert_eq!(files(&store, 2).await, paths(&["a", "b"]));

    let lines = async |limit| {
        let rows = store.quarantine("a", limit).await.expect("rows");
        rows.into_iter().map(|row| row.line).collect::<Vec<_>>()
    };
    assert_eq!((lines(10).await, lines(1).await), (vec![9, 7], vec![9]));
    assert_eq!(store.quarantine("a", 1).await, Ok(vec![import("a", "jan", "h1").quarantine[0].clone()]));
    assert_eq!(audited(&store, "import.committed", "a").await, 1);
}

async fn the_same_content_is_not_added_twice(database: Database) {
    let store = database.store().await;
    let add = |id, hash| NewImport { replaces_dataset: false, ..import(id, "jan", hash) };
    assert_eq!(store.commit_import(add("a", "h1")).await, Ok(1));
    assert_eq!(store.commit_import(add("b", "h2")).await, Ok(2));
    let same = StoreError::AlreadyImported { dataset: "jan".to_owned(), import_id: "a".to_owned() };
    assert_eq!(store.commit_import(add("c", "h1")).await, Err(same));
    assert_eq!((store.lake_version().await, files(&store, 2).await), (Ok(2), paths(&["a", "b"])));
    assert_eq!(store.commit_import(import("d", "jan", "h1")).await, Ok(3));
    assert_eq!(files(&store, 3).await, paths(&["d"]));
}

async fn imports_at_once_make_one_version_each(database: Database) {
    let stores = [database.store().await, database.store().await];
    let commits = (0..10).map(|n| {
        let store = stores[n % 2].clone();
        // Five of them bring the same content of the same dataset.
        let dataset = if n < 5 { "jan".to_owned() } else { format!("d{n}") };
        tokio::spawn(async move { store.commit_import(import(&format!("i{n}"), &dataset, "h")).await })
    });
    let versions: BTreeSet<i64> =
        join_all(commits).await.into_iter().filter_map(|version| version.expect("no panic").ok()).collect();
    // Of those that bring the same content, one makes a version.
    assert_eq!(versions, (1..=6).collect());
    assert_eq!(files(&stores[0], 6).await.len(), 12);
    assert_eq!(stores[0].imports().await.expect("imports").len(), 6);
}

async fn a_failed_import_leaves_nothing(database: Database) {
    let store = database.store().await;
    store.commit_import(import("a", "jan", "h1")).await.expect("committed");
    // A path that is there already stops it, after the version was made and the dataset closed.
    let mut clash = import("b", "jan", "h2");
    clash.files[1].path = "contracts/a.parquet".to_owned();
    let failed = store.commit_import(clash).await;
    assert!(matches!(failed, Err(StoreError::Database { .. })), "{failed:?}");
    assert_eq!((store.lake_version().await, files(&store, 1).await), (Ok(1), paths(&["a"])));
    assert_eq!(store.quarantine("b", 10).await, Ok(vec![]));
    assert_eq!(audited(&store, "import.committed", "b").await, 0);
    assert!(store.import_by_hash("jan", "h1").await.expect("ok").is_some());
}

async fn a_version_may_come_back(database: Database) {
    let store = database.store().await;
    for (id, dataset, hash) in [("a", "jan", "h1"), ("b", "feb", "h1"), ("c", "jan", "h2")] {
        store.commit_import(import(id, dataset, hash)).await.expect("committed");
    }
    let held = async || store.imports().await.expect("imports").into_iter().map(|one| one.id).collect::<BTreeSet<_>>();
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(store.roll_back(2, audit("lake.rolled_back", "lake")).await, Ok(4));
    assert_eq!((files(&store, 4).await, held().await), (paths(&["a", "b"]), ids(&["a", "b"])));
    assert_eq!(files(&store, 3).await, paths(&["b", "c"]));
    assert!(store.import_by_hash("jan", "h1").await.expect("asked").is_some());
    assert!(store.import_by_hash("jan", "h2").await.expect("asked").is_none());
    // What comes next replaces what came back, once more.
    assert_eq!(store.commit_import(import("d", "jan", "h2")).await, Ok(5));
    assert_eq!(files(&store, 5).await, paths(&["b", "d"]));
    assert_eq!(store.roll_back(4, audit("lake.rolled_back", "lake")).await, Ok(6));
    assert_eq!((files(&store, 6).await, held().await), (paths(&["a", "b"]), ids(&["a", "b"])));
    assert_eq!(store.roll_back(3, audit("lake.rolled_back", "lake")).await, Ok(7));
    assert_eq!((files(&store, 7).await, held().await), (paths(&["b", "c"]), ids(&["b", "c"])));
    for version in 0..8 {
        let expected: &[&str] =
            [&[][..], &["a"], &["a", "b"], &["b", "c"], &["a", "b"], &["b", "d"], &["a", "b"], &["b", "c"]][version];
        assert_eq!(files(&store, version as i64).await, paths(expected), "version {version}");
    }
    let missing = StoreError::NotFound { what: "lake version", id: "99".to_owned() };
    assert_eq!(store.roll_back(99, audit("lake.rolled_back", "lake")).await, Err(missing));
    assert!(matches!(
        store.roll_back(7, audit("lake.rolled_back", "lake")).await,
        Err(StoreError::Invalid { field: "version", .. })
    ));
    assert_eq!(store.lake_version().await, Ok(7));
}

async fn versions_that_nobody_needs_expire(database: Database) {
    let store = database.store().await;
    for (id, hash) in [("a", "h1"), ("b", "h2"), ("c", "h3")] {
        store.commit_import(import(id, "jan", hash)).await.expect("committed");
    }
    assert_eq!(store.roll_back(1, audit("lake.rolled_back", "lake")).await, Ok(4));
    let all = Expiry { keep: std::time::Duration::from_secs(60), keep_versions: 1 };
    let young = store.expire_versions(all, Some(audit("lake.vacuumed", "lake"))).await.expect("expired");
    assert_eq!((young.versions.len(), young.files.len(), young.oldest), (0, 0, 1));
    database.pass(100);
    let done = store.expire_versions(all, Some(audit("lake.vacuumed", "lake"))).await.expect("expired");
    let gone: BTreeSet<_> = done.files.iter().map(|file| file.path.clone()).collect();
    assert_eq!((done.versions.as_slice(), gone, done.oldest), (&[1, 2, 3][..], paths(&["b", "c"]), 4));
    // Until they are forgotten, they are told of again.
    let again = store.expire_versions(all, Some(audit("lake.vacuumed", "lake"))).await.expect("expired");
    assert_eq!((again.versions.len(), again.files.len()), (0, 4));
    store.forget_files(again.files.into_iter().map(|file| file.path).collect(), again.oldest).await.expect("forgotten");
    let last = store.expire_versions(all, None).await.expect("asked");
    assert_eq!((last.versions.len(), last.files.len()), (0, 0));
    assert_eq!(store.known_files().await, Ok(paths(&["a"])));
    assert_eq!(files(&store, 4).await, paths(&["a"]));
    assert!(matches!(store.lake_files(1).await, Err(StoreError::NotFound { .. })));
}

async fn a_report_and_a_job_come_with_the_import(database: Database) {
    let store = database.store().await;
    let report = QualityReport { rows: 3, ..QualityReport::default() };
    let commit = |after, job| ImportCommit {
        imports: vec![import("a", "jan", "h1")],
        reports: [("a".to_owned(), report.clone())].into(),
        merges: Vec::new(),
        after,
        job,
    };
    let moved = store.commit_imports(commit(Some(7), None)).await;
    assert_eq!(moved, Err(StoreError::LakeMoved { expected: 7, found: 0 }));
    let nobody = Some((uuid::Uuid::now_v7().to_string(), 1));
    assert!(matches!(store.commit_imports(commit(None, nobody)).await, Err(StoreError::NotFound { .. })));
    assert_eq!(store.lake_version().await, Ok(0));
    let (job, _) = create(&store, JobKind::Import).await;
    let held = store.claim_job("w", std::time::Duration::from_secs(60), &[JobKind::Import]).await.expect("asked");
    let token = held.expect("claimed").lease_token;
    let lost = store.commit_imports(commit(None, Some((job.clone(), token - 1)))).await;
    assert!(matches!(lost, Err(StoreError::LeaseLost { .. })), "{lost:?}");
    assert_eq!(store.imports_of_job(&job).await, Ok(None));
    assert_eq!(store.commit_imports(commit(Some(0), Some((job.clone(), token)))).await, Ok(1));
    let (version, records) = store.imports_of_job(&job).await.expect("asked").expect("there");
    assert_eq!((version, records.len(), records[0].id.as_str()), (1, 1, "a"));
    assert_eq!(
        store.import_reports(vec!["a".to_owned(), "x".to_owned()]).await,
        Ok([("a".to_owned(), report.clone())].into())
    );
}

async fn create(store: &Store, kind: JobKind) -> (String, bool) {
    let job = NewJob {
        kind,
        owner: "ana".to_owned(),
        request_id: None,
        payload: serde_json::json!({}),
        remote: String::new(),
        priority: Priority::Normal,
        timeout: None,
    };
    let jobs = cidadao::jobs::Jobs::new(store.clone(), cidadao::jobs::JobsOptions::default());
    let (job, created) = jobs.start(job).await.expect("started");
    (job.id, created)
}
