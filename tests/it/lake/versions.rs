//! Compaction, going back, and letting go of old versions.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use cidadao::lake::{self, Lake, LakeError, session, verify};
use cidadao::model::{AuditEntry, ImportRecord, JobKind, NewJob, Priority, Table};
use cidadao::sources::{PiiKey, files_to_parquet};
use cidadao::store::{Expiry, ImportCommit, NewImport, Store, StoreError, StoreOptions};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{CONTRACTS, House, contract};
use crate::binary::{cidadao, json, ok};

pub(super) fn of(number: &str, cents: &str) -> String {
    contract(number, "Café", "Pregão", "10/01/2024", "33000167000101", [cents, cents])
}

/// Adds a part to a dataset, beside those it has.
pub(super) async fn add(lake: &Lake, store: &Store, path: &Path, dataset: &str) {
    let key = PiiKey::from_bytes([1; 32]);
    let parsed = files_to_parquet(&[path.to_owned()], lake.root(), &key, &|_| {}).unwrap();
    let name = parsed.files[0].path.trim_start_matches("contracts/").trim_end_matches(".parquet").to_owned();
    let record = ImportRecord {
        id: name,
        dataset: dataset.to_owned(),
        file_name: path.file_name().unwrap().to_string_lossy().into_owned(),
        content_hash: parsed.summary.files[0].content_hash.clone(),
        counts: [("rows".to_owned(), parsed.files[0].rows)].into(),
        imported_at: store.now(),
    };
    let audit = AuditEntry {
        actor: "test".to_owned(),
        action: "import.committed".to_owned(),
        resource: record.id.clone(),
        remote: String::new(),
        result: "ok".to_owned(),
        details: serde_json::Value::Null,
    };
    let import =
        NewImport { record, replaces_dataset: false, files: parsed.files, quarantine: parsed.quarantine, audit };
    store.commit_imports(ImportCommit { imports: vec![import], ..ImportCommit::default() }).await.unwrap();
}

/// Every row of a version, whatever its status, with where it comes from.
pub(super) async fn rows(lake: &Lake, version: Option<i64>) -> Vec<String> {
    let session = session(256 << 20, 2).unwrap();
    lake.snapshot(version).await.unwrap().register(&session).await.unwrap();
    let sql = "SELECT contract_id, row_status, CAST(initial_value AS VARCHAR) AS v, source_file,
        CAST(source_line AS VARCHAR) AS l, import_id FROM contracts_all ORDER BY 6, 4, source_line";
    let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
    let shown = datafusion::arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
    shown.lines().map(str::to_owned).collect()
}

/// A dataset of three parts that share ids, and another one of one part.
async fn parts(house: &House) -> (Lake, Store) {
    let (lake, store) = (house.lake.clone(), house.store.clone());
    let parts = [
        vec![of("1", "0,01"), of("2", "0,01"), of("2", "0,01")],
        vec![of("2", "0,02"), of("3", "0,02")],
        vec![of("3", "0,03"), of("4", "0,03")],
    ];
    for (at, part) in parts.iter().enumerate() {
        let path = house.put(&format!("part{at}.csv"), CONTRACTS, part);
        add(&lake, &store, &path, "portal:parts").await;
    }
    house.import(&[house.put("202402_Compras.csv", CONTRACTS, &[of("4", "0,04"), of("5", "0,04")])]).await.unwrap();
    (lake, store)
}

#[tokio::test]
async fn compaction_keeps_every_row_and_what_counts() {
    let house = House::new().await;
    let (lake, store) = parts(&house).await;
    let before = rows(&lake, None).await;
    let nothing = lake::compact(&lake, 1).await.unwrap();
    assert_eq!((nothing.version, nothing.merged.len()), (4, 0), "no file is as small");
    let done = lake::compact(&lake, 128 << 20).await.unwrap();
    assert_eq!((done.version, done.merged.len()), (5, 1), "{done:?}");
    let one = &done.merged[0];
    assert_eq!(
        (one.source.as_str(), one.datasets, one.table, one.files, one.rows),
        ("portal", 2, Table::Contracts, 4, 9)
    );
    assert_eq!(rows(&lake, None).await, before, "the same rows, ids, imports and statuses");
    assert_eq!(rows(&lake, Some(4)).await, before, "the version before stays readable");
    let (now, old) = (lake.snapshot(None).await.unwrap(), lake.snapshot(Some(4)).await.unwrap());
    assert_eq!((now.files().len(), old.files().len()), (1, 4));
    assert_eq!((verify(&now, &|_| {}).rows, verify(&now, &|_| {}).defects), (9, vec![]));
    assert_eq!(lake::compact(&lake, 128 << 20).await.unwrap().version, 5, "again there is nothing to merge");
    // A further part wins over what was merged, and a whole edition takes its place.
    let path = house.put("part3.csv", CONTRACTS, &[of("1", "0,05")]);
    add(&lake, &store, &path, "portal:parts").await;
    let current = rows(&lake, None).await;
    assert_eq!(current.iter().filter(|row| row.contains("current") && row.contains("-1-")).count(), 1, "{current:?}");
    let imports = store.imports().await.unwrap();
    assert_eq!(imports.len(), 5);
}

#[tokio::test]
async fn what_was_merged_stands_in_the_order_of_who_buys() {
    let house = House::new().await;
    let (lake, store) = (house.lake.clone(), house.store.clone());
    // Two files whose buyers alternate.
    let rows_of_a_file = 100;
    for at in 0..2 {
        let row = |n: usize| {
            let own = of(&format!("{}", at * rows_of_a_file + n), "0,01");
            own.replacen("\"200\"", &format!("\"1530{:02}\"", n % 50), 1)
        };
        let part: Vec<String> = (0..rows_of_a_file).map(row).collect();
        let path = house.put(&format!("part{at}.csv"), CONTRACTS, &part);
        add(&lake, &store, &path, "portal:parts").await;
    }
    let before = rows(&lake, None).await;
    let done = lake::compact(&lake, 128 << 20).await.unwrap();
    assert_eq!((done.merged.len(), done.merged[0].rows), (1, 2 * rows_of_a_file as i64));
    assert_eq!(rows(&lake, None).await, before, "the same rows, ids, imports and statuses");
    let now = lake.snapshot(None).await.unwrap();
    let file = fs::File::open(lake.root().join(&now.files()[0].path)).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let groups = reader.metadata().row_groups();
    assert!(groups.iter().all(|group| group.sorting_columns().is_some_and(|by| by.len() == 1)));
    let mut order = Vec::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let buyers = batch.column_by_name("buyer_id").unwrap().as_string::<i32>().clone();
        let lines = batch.column_by_name("source_line").unwrap().as_primitive::<Int64Type>().clone();
        let imports = batch.column_by_name("import_id").unwrap().as_string::<i32>().clone();
        order.extend(
            (0..batch.num_rows())
                .map(|row| (buyers.value(row).to_owned(), imports.value(row).to_owned(), lines.value(row))),
        );
    }
    assert!(order.is_sorted() && order[0].0 == "153000" && order.last().unwrap().0 == "153049");
}

#[tokio::test]
async fn a_dataset_that_was_merged_is_replaced_as_a_whole() {
    let house = House::new().await;
    let (lake, store) = (house.lake.clone(), house.store.clone());
    for at in 0..2 {
        let path = house.put(&format!("part{at}.csv"), CONTRACTS, &[of(&at.to_string(), "0,01")]);
        add(&lake, &store, &path, "portal:compras/202401").await;
    }
    assert_eq!(lake::compact(&lake, 128 << 20).await.unwrap().version, 3);
    house.import(&[house.put("202401_Compras.csv", CONTRACTS, &[of("9", "0,09")])]).await.unwrap();
    let now = rows(&lake, None).await;
    assert!(now.iter().any(|row| row.contains("-9-")) && !now.iter().any(|row| row.contains("-1-")), "{now:?}");
    assert_eq!(store.imports().await.unwrap().len(), 1);
}

/// How many of these are rows.
fn count(rows: &[String]) -> usize {
    rows.iter().filter(|row| row.contains("portal-")).count()
}

/// Files of months are merged, and each of them can still be replaced, gone back to and let go of.
#[tokio::test]
async fn months_that_were_merged_are_replaced_one_by_one() {
    let house = House::new().await;
    let (lake, store) = (house.lake.clone(), house.store.clone());
    let month = |month: u32, rows: &[(&str, &str)]| {
        let rows: Vec<String> = rows.iter().map(|(number, cents)| of(number, cents)).collect();
        house.put(&format!("2024{month:02}_Compras.csv"), CONTRACTS, &rows)
    };
    // Contract 1 was published in January and again in February.
    house.import(&[month(1, &[("1", "0,01"), ("2", "0,01")])]).await.unwrap();
    house.import(&[month(2, &[("1", "0,02"), ("3", "0,02")])]).await.unwrap();
    house.import(&[month(3, &[("4", "0,03")])]).await.unwrap();
    let apart = rows(&lake, None).await;
    let done = lake::compact(&lake, 128 << 20).await.unwrap();
    assert_eq!((done.version, done.merged[0].datasets, done.merged[0].files, done.merged[0].rows), (4, 3, 3, 5));
    assert_eq!(lake.snapshot(None).await.unwrap().files().len(), 1);
    assert_eq!(rows(&lake, None).await, apart, "one file alone: the later of two rows with one id still counts");

    // February says no more of contract 1: January's row counts again.
    let second = house.import(&[month(2, &[("3", "0,05")])]).await.unwrap();
    assert_eq!(second.lake_version, 5);
    let now = rows(&lake, None).await;
    assert_eq!(count(&now), 4, "{now:?}");
    let of_one = now.iter().filter(|row| row.contains("-1-")).collect::<Vec<_>>();
    assert!(of_one.len() == 1 && of_one[0].contains("current") && of_one[0].contains("0.01"), "{of_one:?}");
    assert!(now.iter().any(|row| row.contains("-3-") && row.contains("0.05")), "{now:?}");
    let snapshot = lake.snapshot(None).await.unwrap();
    assert_eq!((snapshot.files().len(), verify(&snapshot, &|_| {}).defects), (2, vec![]));
    assert_eq!(rows(&lake, Some(4)).await, apart, "the version before stays readable");
    assert_eq!(store.imports().await.unwrap().len(), 3);
    // What is merged already and what came since become one again; all months but one are replaced at once.
    let again = lake::compact(&lake, 128 << 20).await.unwrap();
    assert_eq!((again.version, again.merged[0].datasets, again.merged[0].rows), (6, 3, 4));
    assert_eq!(rows(&lake, None).await, now);
    house.import(&[month(1, &[("1", "0,06")]), month(2, &[("3", "0,06")])]).await.unwrap();
    let last = rows(&lake, None).await;
    assert_eq!(count(&last), 3, "{last:?}");
    assert_eq!(last.iter().filter(|row| row.contains("0.06")).count(), 2);
    // March alone is no merged file any more.
    let files = lake.snapshot(None).await.unwrap().files().to_vec();
    assert_eq!((files.len(), files.iter().filter(|file| file.merged).count()), (3, 0), "{files:?}");
    house.import(&[month(3, &[("4", "0,07")])]).await.unwrap();
    assert_eq!(count(&rows(&lake, None).await), 3);
    // Back to the merged file, and on from there.
    assert_eq!(lake::roll_back(&lake, 4).await.unwrap(), 9);
    assert_eq!(rows(&lake, None).await, apart);
    assert!(lake.snapshot(None).await.unwrap().files()[0].merged);
    house.import(&[month(2, &[("3", "0,08")])]).await.unwrap();
    assert_eq!(count(&rows(&lake, None).await), 4);
    // The only months of a merged file leave nothing of it.
    lake::compact(&lake, 128 << 20).await.unwrap();
    let all = [month(1, &[("1", "0,09")]), month(2, &[("3", "0,09")]), month(3, &[("4", "0,09")])];
    house.import(&all).await.unwrap();
    let end = rows(&lake, None).await;
    assert_eq!((count(&end), end.iter().filter(|row| row.contains("0.09")).count()), (3, 3), "{end:?}");
}

/// Of a contract that two months of one call publish the later month's row counts, whichever file is larger.
#[tokio::test]
async fn of_months_that_come_together_the_later_one_counts() {
    for (first, second) in [(1, 200), (200, 1)] {
        let house = House::new().await;
        let month = |month: u32, cents: &str, rows: usize| {
            let rows: Vec<String> = (0..rows).map(|n| of(&n.to_string(), cents)).collect();
            house.put(&format!("2024{month:02}_Compras.csv"), CONTRACTS, &rows)
        };
        house.import(&[month(2, "0,02", second), month(1, "0,01", first)]).await.unwrap();
        let of_both = rows(&house.lake, None).await;
        let of_both = of_both.iter().filter(|row| row.contains("-0-") && row.contains("current")).collect::<Vec<_>>();
        assert!(of_both.len() == 1 && of_both[0].contains("0.02"), "{of_both:?}");
    }
}

/// Somebody merges files while an import that replaces one of them is under way.
#[tokio::test]
async fn an_import_beside_a_compaction_leaves_no_row_twice() {
    let house = House::new().await;
    let (lake, store) = (house.lake.clone(), house.store.clone());
    for month in 1..=2 {
        let path = house.put(&format!("20240{month}_Compras.csv"), CONTRACTS, &[of(&month.to_string(), "0,01")]);
        house.import(&[path]).await.unwrap();
    }
    let (version, held) = store.current_files().await.unwrap();
    lake::compact(&lake, 128 << 20).await.unwrap();
    // The manifest refuses an import that does not know of the merge.
    let first = held.iter().find(|held| held.dataset.ends_with("202401")).unwrap();
    let mut record = store.imports().await.unwrap().into_iter().find(|one| one.id == first.import_id).unwrap();
    (record.id, record.content_hash) = ("x".to_owned(), "other".to_owned());
    let import = cidadao::store::NewImport {
        record,
        replaces_dataset: true,
        files: Vec::new(),
        quarantine: Vec::new(),
        audit: cidadao::model::AuditEntry {
            actor: "t".to_owned(),
            action: "t".to_owned(),
            resource: "t".to_owned(),
            remote: String::new(),
            result: "ok".to_owned(),
            details: serde_json::Value::Null,
        },
    };
    let refused = store.commit_import(import).await;
    assert!(matches!(refused, Err(StoreError::LakeMoved { .. })), "{refused:?}");
    assert_eq!(store.lake_version().await.unwrap(), version + 1);
    // Many times, both at once.
    for round in 0..6 {
        let path = house.put("202401_Compras.csv", CONTRACTS, &[of("1", &format!("0,1{round}"))]);
        let paths = [path];
        let (imported, compacted) = tokio::join!(house.import(&paths), lake::compact(&lake, 128 << 20));
        imported.unwrap();
        match compacted {
            Ok(_) | Err(LakeError::Manifest(StoreError::LakeMoved { .. })) => {}
            Err(error) => panic!("{error}"),
        }
        let now = rows(&lake, None).await;
        assert_eq!(count(&now), 2, "round {round}: {now:?}");
        assert!(now.iter().any(|row| row.contains(&format!("0.1{round}"))), "round {round}: {now:?}");
        assert_eq!(verify(&lake.snapshot(None).await.unwrap(), &|_| {}).defects, []);
    }
}

#[tokio::test]
async fn a_rollback_shows_what_was_there_and_imports_go_on() {
    let house = House::new().await;
    let (lake, store) = (house.lake.clone(), house.store.clone());
    let month = |cents: &str| house.put("202401_Compras.csv", CONTRACTS, &[of("1", cents), of("2", cents)]);
    house.import(&[month("0,01")]).await.unwrap();
    house.import(&[house.put("202402_Compras.csv", CONTRACTS, &[of("3", "0,03")])]).await.unwrap();
    house.import(&[month("0,02")]).await.unwrap();
    let (second, third) = (rows(&lake, Some(2)).await, rows(&lake, Some(3)).await);
    assert_eq!(lake::roll_back(&lake, 2).await.unwrap(), 4);
    assert_eq!(rows(&lake, None).await, second);
    assert_eq!(rows(&lake, Some(3)).await, third, "nothing is deleted");
    // What was rolled back is there, what went is not: importing says so.
    assert_eq!(house.import(&[month("0,01")]).await.unwrap().unchanged.len(), 1);
    assert_eq!(house.import(&[month("0,02")]).await.unwrap().lake_version, 5);
    assert_eq!(rows(&lake, None).await.len(), third.len());
    assert_eq!(lake::roll_back(&lake, 4).await.unwrap(), 6, "a rollback can be gone back to");
    assert_eq!(rows(&lake, None).await, second);
    assert_eq!(lake::roll_back(&lake, 3).await.unwrap(), 7);
    assert_eq!(rows(&lake, None).await, third);
    assert_eq!(lake::roll_back(&lake, 0).await.unwrap(), 8, "the empty lake");
    assert_eq!((lake.snapshot(None).await.unwrap().files().len(), store.imports().await.unwrap().len()), (0, 0));
    assert_eq!(lake::roll_back(&lake, 7).await.unwrap(), 9);
    assert_eq!(store.imports().await.unwrap().len(), 2);
    assert!(matches!(lake::roll_back(&lake, 99).await, Err(LakeError::NoSuchVersion { asked: 99, latest: 9 })));
    let latest = lake::roll_back(&lake, 9).await;
    assert!(matches!(latest, Err(LakeError::Manifest(StoreError::Invalid { field: "version", .. }))), "{latest:?}");
    // A file that somebody took away is noticed before.
    let gone = lake.snapshot(Some(5)).await.unwrap().files()[0].path.clone();
    fs::remove_file(lake.root().join(&gone)).unwrap();
    let missing = lake::roll_back(&lake, 5).await;
    assert!(matches!(&missing, Err(LakeError::Io { path, .. }) if path.ends_with(&gone)), "{missing:?}");
    assert_eq!(store.lake_version().await.unwrap(), 9);
    let told: Vec<_> =
        store.lake_versions(3).await.unwrap().into_iter().map(|one| (one.operation, one.of_version)).collect();
    assert_eq!(
        told,
        [("rollback".to_owned(), Some(7)), ("rollback".to_owned(), Some(0)), ("rollback".to_owned(), Some(3))]
    );
}

fn files(lake: &Lake) -> BTreeSet<String> {
    let entries = fs::read_dir(lake.root().join("contracts")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn a_vacuum_deletes_only_what_no_kept_version_and_no_running_job_reads() {
    let house = House::new().await;
    let lake = house.lake.clone();
    for at in 1..=5 {
        let cents = format!("0,0{at}");
        house.import(&[house.put("202401_Compras.csv", CONTRACTS, &[of("1", &cents)])]).await.unwrap();
    }
    let all = Expiry { keep: Duration::ZERO, keep_versions: 1 };
    let young = lake::vacuum(&lake, all, false).await.unwrap();
    assert_eq!((young.versions.len(), young.files, young.oldest_version), (0, 0, 1), "the last hour is kept");

    // The same an hour later, with a job that reads version 3.
    let later = |by: i64| {
        let mut options = StoreOptions::new(format!("sqlite:{}", house.directory.path().join("cidadao.db").display()));
        options.clock = cidadao::store::Clock::new(move || chrono::Utc::now() + chrono::TimeDelta::seconds(by));
        options
    };
    let aged = Store::connect(&later(3_700)).await.unwrap();
    let lake = Lake::new(lake.root().to_owned(), aged.clone());
    let job = NewJob {
        kind: JobKind::Investigation,
        owner: "ana".to_owned(),
        request_id: None,
        payload: serde_json::json!({}),
        remote: String::new(),
        priority: Priority::Normal,
        timeout: None,
    };
    let jobs = cidadao::jobs::Jobs::new(aged.clone(), cidadao::jobs::JobsOptions::default());
    let (job, _) = jobs.start(job).await.unwrap();
    let claimed = aged.claim_job("w", Duration::from_secs(60), &[JobKind::Investigation]).await.unwrap().unwrap();
    let step = cidadao::store::StepCommit {
        output: serde_json::json!({"plan": {"lake_version": 3}}),
        ..cidadao::store::StepCommit::default()
    };
    aged.commit_step(&job.id, claimed.lease_token, step).await.unwrap();
    let before = files(&lake);
    let told = lake::vacuum(&lake, all, true).await.unwrap();
    assert_eq!((told.versions.as_slice(), told.files, told.oldest_version), (&[1, 2][..], 2, 3));
    assert_eq!(files(&lake), before, "nothing is gone yet");
    assert!(lake.snapshot(Some(1)).await.is_ok());
    let wide = lake::vacuum(&lake, Expiry { keep: Duration::from_secs(86_400), ..all }, true).await.unwrap();
    assert_eq!(wide.versions.len(), 0);
    let three = lake::vacuum(&lake, Expiry { keep_versions: 4, ..all }, true).await.unwrap();
    assert_eq!(three.versions, [1]);
    assert_eq!(lake::vacuum(&lake, all, false).await.unwrap(), told);
    assert_eq!(files(&lake).len(), 3);
    for version in 3..=5 {
        assert_eq!(verify(&lake.snapshot(Some(version)).await.unwrap(), &|_| {}).defects, []);
    }
    assert!(matches!(lake.snapshot(Some(2)).await, Err(LakeError::NoSuchVersion { asked: 2, .. })));
    assert!(matches!(lake::roll_back(&lake, 2).await, Err(LakeError::NoSuchVersion { .. })));
    // What is rolled back to is live again, and stays.
    assert_eq!(lake::roll_back(&lake, 3).await.unwrap(), 6);
    aged.request_cancel(&job.id, "ana", "").await.unwrap();
    let end = cidadao::store::FinishCommit::new(&claimed, cidadao::model::JobState::Cancelled, "fim", "end");
    aged.finish_job(&job.id, claimed.lease_token, end).await.unwrap();
    let lake = Lake::new(lake.root().to_owned(), Store::connect(&later(7_500)).await.unwrap());
    let last = lake::vacuum(&lake, all, false).await.unwrap();
    assert_eq!((last.versions.as_slice(), last.files, last.oldest_version), (&[3, 4, 5][..], 2, 6));
    assert_eq!(verify(&lake.snapshot(None).await.unwrap(), &|_| {}).defects, []);
    assert_eq!(files(&lake).len(), 1);
    assert_eq!(lake.remove_orphans().await.unwrap(), 0);
}

#[tokio::test]
async fn the_commands_of_the_lake_survive_kill_9() {
    const KILLS: usize = 12;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let store =
        Store::connect(&StoreOptions::new(format!("sqlite:{}", data.join("cidadao.db").display()))).await.unwrap();
    let lake = Lake::new(data.join("lake"), store.clone());
    let house = House { directory, store: store.clone(), lake: lake.clone() };
    fs::create_dir(house.input()).unwrap();
    let part = async |at: usize| {
        let rows: Vec<_> = (0..200).map(|n| of(&format!("{at}{n:04}"), "0,01")).collect();
        let path = house.put(&format!("part{at}.csv"), CONTRACTS, &rows);
        add(&lake, &store, &path, "portal:parts").await;
    };
    part(0).await;
    part(1).await;
    let run = |args: &[&str]| {
        let mut command = cidadao(&data);
        command.arg("lake").args(args).args(["--output", "json"]);
        command
    };
    let mut rng = StdRng::seed_from_u64(4);
    let begun = Instant::now();
    let compacted = json(&run(&["compact"]).output().unwrap());
    let usual = begun.elapsed();
    assert_eq!((&compacted["version"], &compacted["merged"][0]["rows"]), (&3.into(), &400.into()));
    let (mut old, mut new) = (0, 0);
    for kill in 0..KILLS {
        part(kill + 2).await;
        let before = (store.lake_version().await.unwrap(), rows(&lake, None).await);
        let mut child = run(&["compact"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(usual.mul_f64(rng.random_range(0.1..1.2)));
        child.kill().unwrap();
        child.wait().unwrap();
        let version = store.lake_version().await.unwrap();
        assert!(version == before.0 || version == before.0 + 1, "kill {kill}");
        if version == before.0 {
            old += 1;
        } else {
            new += 1;
        }
        assert_eq!(rows(&lake, None).await, before.1, "kill {kill}: the same rows in the old version and in the new");
        assert_eq!(verify(&lake.snapshot(None).await.unwrap(), &|_| {}).defects, []);
    }
    println!("old {old}, new {new} of {KILLS}; one compaction takes {usual:?}");
    ok(&run(&["compact"]).output().unwrap());
    let latest = store.lake_version().await.unwrap();
    let back = json(&run(&["rollback", "1"]).output().unwrap());
    assert_eq!((&back["version"], &back["of_version"]), (&(latest + 1).into(), &1.into()));
    assert_eq!(rows(&lake, None).await, rows(&lake, Some(1)).await);
    let refused = run(&["rollback", "999"]).output().unwrap();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("999"));
    let vacuumed = json(&run(&["vacuum", "--keep-days", "0", "--keep-versions", "1", "--dry-run"]).output().unwrap());
    assert_eq!(vacuumed["versions"], serde_json::json!([]), "the last hour is kept");
    let status = ok(&cidadao(&data).args(["lake", "status"]).output().unwrap());
    assert!(status.contains("rollback to 1") && status.contains("compact"), "{status}");
}
