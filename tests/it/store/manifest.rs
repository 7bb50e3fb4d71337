use std::collections::BTreeSet;

use chrono::{SubsecRound, Utc};
use cidadao::model::{ImportRecord, LakeFile, QuarantinedRow, Table};
use cidadao::store::{NewImport, Store, StoreError};
use futures::future::join_all;

use crate::support::samples::{audit, audited};
use crate::support::{Database, on_both_databases};

on_both_databases!(
    a_dataset_is_replaced_and_old_versions_stay,
    the_same_content_is_not_added_twice,
    imports_at_once_make_one_version_each,
    a_failed_import_leaves_nothing,
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
    let file = |table: Table| LakeFile { table, path: format!("{}/{id}.parquet", table.as_str()), rows: 3, bytes: 99 };
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
