//! The lake in a bucket, on a real server that speaks S3: the same lake as on a disk, whole or not there at all.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use cidadao::api::pb;
use cidadao::api::{HealthState, Prober};
use cidadao::cache::Cache;
use cidadao::jobs::{Jobs, JobsOptions};
use cidadao::lake::{self, Lake, LakeError, verify};
use cidadao::sources::ImportError;
use cidadao::sources::sample::{SampleOptions, generate};
use cidadao::store::{Clock, Expiry, Store, StoreOptions};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::versions::{add, of, rows};
use super::{CONTRACTS, House, ITEMS, item};
use crate::binary::{Server, cidadao, json, ok};
use crate::support::eventually;
use crate::support::s3::{BUCKET, Fate, FaultyProxy, S3Server, settings, with_settings};

const PREFIX: &str = "of/tests";
const MONTH: &str = "202401_Compras.csv";

fn url() -> String {
    format!("s3://{BUCKET}/{PREFIX}")
}

impl House {
    /// With its lake in a bucket, which the server at a port has.
    async fn in_bucket(port: u16) -> Self {
        Self::new().await.with_lake(&url(), &settings(port))
    }

    fn with_lake(mut self, url: &str, settings: &[(String, String)]) -> Self {
        let staging = self.directory.path().join("staging");
        self.lake = Lake::in_bucket(&url.parse().unwrap(), settings, staging, self.store.clone()).unwrap();
        self
    }

    fn month(&self, contracts: &[(&str, &str)]) -> std::path::PathBuf {
        self.put(MONTH, CONTRACTS, &contracts.iter().map(|(number, cents)| of(number, cents)).collect::<Vec<_>>())
    }

    /// A store whose clock is ahead, over the same database.
    async fn later(&self, seconds: i64) -> Store {
        let mut options = StoreOptions::new(format!("sqlite:{}", self.directory.path().join("cidadao.db").display()));
        options.clock = Clock::new(move || chrono::Utc::now() + chrono::TimeDelta::seconds(seconds));
        Store::connect(&options).await.unwrap()
    }
}

/// A command with its lake in the bucket of the server at a port.
fn command(data: &Path, port: u16) -> Command {
    let mut command = cidadao(data);
    with_settings(&mut command, &settings(port)).env("CIDADAO_LAKE_URL", url());
    command
}

/// What checks of the latest version find; in a thread that may block.
async fn sound(lake: &Lake) -> (usize, i64) {
    let snapshot = lake.snapshot(None).await.unwrap();
    let found = tokio::task::spawn_blocking(move || verify(&snapshot, &|_| {})).await.unwrap();
    assert_eq!(found.defects, []);
    (found.files, found.rows)
}

async fn keys_of(lake: &Lake) -> Vec<String> {
    let snapshot = lake.snapshot(None).await.unwrap();
    let mut keys: Vec<_> = snapshot.files().iter().map(|file| format!("{PREFIX}/{}", file.path)).collect();
    keys.sort();
    keys
}

fn staged(house: &House) -> usize {
    house.parquet().len()
}

/// Findings without what tells one lake from another: the id of the import.
fn findings(result: &Value) -> Vec<String> {
    assert_eq!(result["status"], "completed", "{result}");
    let shown = |finding: &Value| {
        let mut finding = finding.clone();
        for row in finding["evidence"]["rows"].as_array_mut().into_iter().flatten() {
            row.as_object_mut().unwrap().remove("import_id");
        }
        finding.as_object_mut().unwrap().remove("created_at");
        finding.as_object_mut().unwrap().remove("detection_time");
        finding.to_string()
    };
    result["findings"].as_array().unwrap().iter().map(shown).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_in_a_bucket_gives_the_same_findings_as_one_on_a_disk() {
    let Some(mut s3) = S3Server::get() else { return };
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().canonicalize().unwrap().join(name);
    let (sample, next) = (at("in"), at("next"));
    generate(&SampleOptions { rows: 2_000, seed: 5, out: sample.clone() }, &|_| {}).unwrap();
    let port = s3.port();
    let remote = || command(&at("remote"), port);
    let local = || cidadao(&at("local"));
    let import =
        |mut command: Command| json(&command.args(["import", "--output", "json"]).arg(&sample).output().unwrap());
    let (here, there) = (import(local()), import(remote()));
    for name in ["contracts", "items", "amendments", "quarantined", "duplicates", "lake_version"] {
        assert_eq!(here[name], there[name], "{name}");
    }
    let status = |mut command: Command| json(&command.args(["lake", "status", "--output", "json"]).output().unwrap());
    let counts = |status: &Value| {
        let tables = status["tables"].as_object().unwrap().iter();
        tables.map(|(name, table)| (name.clone(), table["files"].clone(), table["rows"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(counts(&status(local())), counts(&status(remote())));
    let quality = |mut command: Command| {
        let told = ok(&command.args(["lake", "quality"]).output().unwrap());
        // Imports have ids of their own.
        told.lines().filter(|line| !line.contains(", import ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(quality(local()), quality(remote()));
    assert!(!at("remote").join("lake").exists(), "nothing is kept on the disk");
    let sound = json(&remote().args(["lake", "verify", "--output", "json"]).output().unwrap());
    assert_eq!(
        (&sound["defects"], sound["files"].as_u64()),
        (&Value::from(Vec::<Value>::new()), Some(s3.keys().len() as u64))
    );
    assert!(s3.keys().iter().all(|key| key.starts_with(&format!("{PREFIX}/"))), "{:?}", s3.keys());

    let mut serving = remote();
    serving.env("CIDADAO_IMPORT_ROOTS", directory.path().canonicalize().unwrap());
    let server = Server::of(serving);
    let beside = Server::of(local());
    let investigate = |server: &Server| {
        let mut command = local();
        command.args(["investigate", "contratos", "--watch", "--output", "json", "--server", &server.url()]);
        json(&command.output().unwrap())
    };
    let (there, here) = (findings(&investigate(&server)), findings(&investigate(&beside)));
    assert!(!here.is_empty());
    assert_eq!(there, here);
    drop(beside);

    // A month that is brought over the API.
    generate(&SampleOptions { rows: 300, seed: 6, out: next.clone() }, &|_| {}).unwrap();
    fs::rename(next.join(MONTH), at("202207_Compras.csv")).unwrap();
    let mut datasets = pb::dataset_service_client::DatasetServiceClient::connect(server.url()).await.unwrap();
    let uri = format!("file://{}", at("202207_Compras.csv").display());
    let asked = pb::ImportDatasetRequest { uri, ..Default::default() };
    let started = datasets.import_dataset(asked).await.unwrap().into_inner();
    eventually_long("the import ends", || status(remote())["version"] == 2).await;
    assert!(!started.import_id.is_empty() && s3.keys().iter().all(|key| key.starts_with(PREFIX)));

    // Without its bucket the server says so, and answers again when it is back.
    let mut contracts = pb::contract_service_client::ContractServiceClient::connect(server.url()).await.unwrap();
    let search = || pb::SearchContractsRequest { page_size: 5, ..Default::default() };
    let found = contracts.search_contracts(search()).await.unwrap().into_inner();
    assert_eq!(found.contracts.len(), 5);
    s3.stop();
    let mut health = pb::health_service_client::HealthServiceClient::connect(server.url()).await.unwrap();
    let report = health.get_health(pb::GetHealthRequest {}).await.unwrap().into_inner();
    let of_lake = report.dependencies.iter().find(|one| one.name == "lake").unwrap();
    assert_eq!(
        (of_lake.status(), report.status()),
        (pb::HealthState::Unhealthy, pb::HealthState::Unhealthy),
        "{report:?}"
    );
    s3.start();
    let report = health.get_health(pb::GetHealthRequest {}).await.unwrap().into_inner();
    assert_eq!(report.dependencies.iter().find(|one| one.name == "lake").unwrap().status(), pb::HealthState::Healthy);
    assert_eq!(contracts.search_contracts(search()).await.unwrap().into_inner(), found);
    // An object that somebody deleted is an error, not an empty table.
    let gone = s3.keys().into_iter().find(|key| key.contains("/contracts/")).unwrap();
    fs::remove_file(s3.object(&gone)).unwrap();
    drop(server);
    let mut again = remote();
    again.args(["lake", "verify"]);
    let told = again.output().unwrap();
    assert!(!told.status.success() && String::from_utf8_lossy(&told.stdout).contains("it is not there"), "{told:?}");
    let server = Server::of(remote());
    let mut contracts = pb::contract_service_client::ContractServiceClient::connect(server.url()).await.unwrap();
    let refused = contracts.search_contracts(search()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert_eq!(refused.get_details_error_info().unwrap().reason, "LAKE_UNAVAILABLE");
    assert!(!format!("{refused:?}").contains("contracts/"), "names of objects are nobody's business: {refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn months_are_replaced_gone_back_to_merged_and_let_go_of() {
    let Some(s3) = S3Server::get() else { return };
    let house = House::in_bucket(s3.port()).await;
    let lake = house.lake.clone();
    house.import(&[house.month(&[("1", "0,01"), ("2", "0,01")])]).await.unwrap();
    let first = rows(&lake, None).await;
    house.import(&[house.month(&[("1", "0,02"), ("2", "0,02"), ("3", "0,02")])]).await.unwrap();
    assert_eq!(
        house.import(&[house.month(&[("1", "0,02"), ("2", "0,02"), ("3", "0,02")])]).await.unwrap().unchanged.len(),
        1
    );
    assert_eq!((sound(&lake).await, s3.keys().len(), staged(&house)), ((1, 3), 2, 0));
    assert_eq!(rows(&lake, Some(1)).await, first, "the version before stays readable");
    assert_eq!(lake::roll_back(&lake, 1).await.unwrap(), 3);
    assert_eq!(rows(&lake, None).await, first);

    // Parts of one dataset, as several imports may leave them.
    for at in 0..2 {
        let path = house.put(
            &format!("part{at}.csv"),
            CONTRACTS,
            &[of("7", &format!("0,1{at}")), of(&format!("8{at}"), "0,01")],
        );
        add(&lake, &house.store, &path, "portal:parts").await;
    }
    for path in house.parquet() {
        let key = format!("{PREFIX}/contracts/{}", path.file_name().unwrap().to_string_lossy());
        fs::rename(path, s3.object(&key)).unwrap();
    }
    let before = rows(&lake, None).await;
    let done = lake::compact(&lake, 128 << 20).await.unwrap();
    assert_eq!((done.merged.len(), done.merged[0].files, done.merged[0].rows), (1, 3, 6));
    assert_eq!(rows(&lake, None).await, before);
    assert_eq!((sound(&lake).await, staged(&house)), ((1, 6), 0));

    // An hour later the old versions may go. What a crash left goes a day later.
    let orphan = s3.object(&format!("{PREFIX}/contracts/crashed.parquet"));
    fs::write(&orphan, "half").unwrap();
    let foreign = s3.object(&format!("{PREFIX}/notes.txt"));
    fs::write(&foreign, "not ours").unwrap();
    let all = Expiry { keep: Duration::ZERO, keep_versions: 1 };
    let lake_at = async |seconds| {
        let store = house.later(seconds).await;
        let staging = house.directory.path().join("staging");
        Lake::in_bucket(&url().parse().unwrap(), &s3.settings(), staging, store).unwrap()
    };
    let hour = lake_at(3_700).await;
    let told = lake::vacuum(&hour, all, true).await.unwrap();
    assert_eq!((told.files, told.leftovers), (4, 0));
    assert_eq!(s3.keys().len(), 7, "nothing is gone yet");
    assert_eq!(lake::vacuum(&hour, all, false).await.unwrap(), told);
    assert_eq!(s3.keys().len(), 3);
    let day = lake_at(25 * 3_600).await;
    assert_eq!(lake::vacuum(&day, all, false).await.unwrap().leftovers, 1);
    assert!(!orphan.exists() && foreign.exists(), "what is not ours is left alone");
    fs::remove_file(foreign).unwrap();
    assert_eq!(s3.keys(), keys_of(&day).await);
    assert_eq!(rows(&day, None).await, before);
    // A file that somebody took away is noticed before a version is made of it.
    let version = house.store.lake_version().await.unwrap();
    house.import(&[house.month(&[("1", "0,05"), ("2", "0,05")])]).await.unwrap();
    let gone = keys_of(&day).await.into_iter().find(|key| key.contains("/contracts/")).unwrap();
    fs::remove_file(s3.object(&gone)).unwrap();
    let missing = [lake::roll_back(&lake, version).await, lake::roll_back(&lake, version + 1).await];
    assert!(missing.iter().any(|one| matches!(one, Err(LakeError::Object { .. }))), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_bucket_is_told_and_nothing_is_taken_in() {
    let Some(mut s3) = S3Server::get() else { return };
    let told = async |url: &str, settings: &[(String, String)]| {
        let house = House::new().await.with_lake(url, settings);
        let error = house.import(&[house.month(&[("1", "0,01")])]).await.unwrap_err();
        assert!(matches!(error, ImportError::Lake(LakeError::Object { .. })), "{error:?}");
        assert_eq!((house.store.lake_version().await.unwrap(), staged(&house)), (0, 0));
        let error = error.to_string();
        assert!(!error.contains("a-secret-that-no-log-may-show"), "{error}");
        error
    };
    let with = |name: &str, value: &str| {
        let changed = |(key, old): (String, String)| (key.clone(), if key == name { value.to_owned() } else { old });
        s3.settings().into_iter().map(changed).collect::<Vec<_>>()
    };
    let secret = told(&url(), &with("AWS_SECRET_ACCESS_KEY", "another")).await;
    assert!(secret.contains(&format!("s3://{BUCKET}")) && secret.contains("SignatureDoesNotMatch"), "{secret}");
    assert!(secret.contains("check AWS_ACCESS_KEY_ID"), "{secret}");
    let key = told(&url(), &with("AWS_ACCESS_KEY_ID", "nobody")).await;
    // Every store has a word of its own for it.
    assert!(key.contains(&format!("s3://{BUCKET}")) && key.to_lowercase().contains("access key"), "{key}");
    let bucket = told("s3://nowhere/x", &s3.settings()).await;
    assert!(bucket.contains("s3://nowhere/x") && bucket.contains("there is no such bucket"), "{bucket}");
    s3.stop();
    let begun = Instant::now();
    let down = told(&url(), &s3.settings()).await;
    assert!(down.contains("Connection refused") && down.contains("AWS_ENDPOINT_URL"), "{down}");
    assert!(begun.elapsed() < Duration::from_secs(90), "patience has an end: {:?}", begun.elapsed());

    // At the command line, before anything is asked of anybody.
    let data = tempfile::tempdir().unwrap();
    for (lake_url, plain, part) in [
        ("gs://lake/x", "true", "lake_url: must be s3://bucket"),
        ("s3://La", "true", "lake_url: must name a bucket"),
        ("s3://k:a-secret-that-no-log-may-show@lake", "true", "s3://…"),
        ("s3://lake/x", "false", "AWS_ENDPOINT_URL: must be https://"),
    ] {
        let mut command = command(data.path(), s3.port());
        command.env("CIDADAO_LAKE_URL", lake_url).env("AWS_ALLOW_HTTP", plain).args(["lake", "status"]);
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(part), "{lake_url}: {told}");
        assert!(!told.contains("a-secret-that-no-log-may-show"), "{told}");
    }
}

/// A month that takes more than one part: no text of it repeats.
fn large(house: &House, name: &str, seed: u64) -> std::path::PathBuf {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut random = || (0..40).map(|_| format!("{:016x}", rng.random::<u64>())).collect::<String>();
    let rows: Vec<_> =
        (0..32_000).map(|n| of(&n.to_string(), "0,01").replace("Café", &format!("Café {}", random()))).collect();
    house.put(name, CONTRACTS, &rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_store_are_waited_out_or_nothing_is_visible() {
    let Some(mut s3) = S3Server::get() else { return };
    // Every second request of each kind fails at first, some are late, and the parts arrive.
    let proxy = FaultyProxy::to(s3.port(), |_, before| match before % 4 {
        0 => Fate::Answered(503),
        1 => Fate::Dropped,
        2 => Fate::Waits(Duration::from_millis(50)),
        _ => Fate::Passes,
    })
    .await;
    let house = House::in_bucket(proxy.port).await;
    house.import(&[large(&house, "202401_Compras.csv", 1)]).await.unwrap();
    assert_eq!((sound(&house.lake).await, staged(&house)), ((1, 32_000), 0));
    let of_parts = |method: &str, part: &str| {
        proxy.seen().iter().filter(|line| line.starts_with(method) && line.contains(part)).count()
    };
    assert!(of_parts("PUT", "partNumber=2") > 0 && of_parts("POST", "uploadId=") > 0, "{:?}", proxy.seen());
    assert_eq!(s3.keys(), keys_of(&house.lake).await);

    // It goes away in the middle of an import, and stays away.
    let broken = Arc::new(AtomicBool::new(true));
    let breaks = Arc::clone(&broken);
    let proxy = FaultyProxy::to(s3.port(), move |line, _| {
        if line.starts_with("PUT") && breaks.load(Ordering::SeqCst) { Fate::Dropped } else { Fate::Passes }
    })
    .await;
    let house = house.with_lake(&url(), &settings(proxy.port));
    let month = house.put("202402_Compras.csv", CONTRACTS, &[of("1", "0,01"), of("2", "0,02")]);
    let error = house.import(std::slice::from_ref(&month)).await.unwrap_err().to_string();
    assert!(error.contains(&format!("cannot write {}/contracts/", url())), "{error}");
    assert_eq!((house.store.lake_version().await.unwrap(), staged(&house)), (1, 0));
    assert_eq!(s3.keys(), keys_of(&house.lake).await, "and nothing is left");
    broken.store(false, Ordering::SeqCst);
    assert_eq!(house.import(&[month]).await.unwrap().lake_version, 2);

    // It goes away while parts are on their way, and comes back.
    let house = house.with_lake(&url(), &s3.settings());
    let path = large(&house, "202403_Compras.csv", 2);
    let (lake, store, own) = (house.lake.clone(), house.store.clone(), path.clone());
    let importing = tokio::spawn(async move {
        let key = cidadao::sources::PiiKey::from_bytes([1; 32]);
        cidadao::sources::import(&[own], &lake, &store, &key, Default::default(), &|_| {}).await
    });
    eventually_long("a file waits for its upload", || staged(&house) > 0).await;
    s3.stop();
    tokio::time::sleep(Duration::from_secs(3)).await;
    s3.start();
    assert_eq!(importing.await.unwrap().unwrap().lake_version, 3);
    assert_eq!(sound(&house.lake).await, (3, 64_002));
    // One that hangs is given up on by a probe at once.
    let prober = |lake: &Lake| {
        let jobs = Jobs::new(house.store.clone(), JobsOptions::default());
        Prober::new(house.store.clone(), Cache::in_memory(1 << 20), lake.clone(), jobs)
    };
    let lake_of = async |lake: &Lake| {
        let report = prober(lake).probe().await;
        let of_lake = report.dependencies.into_iter().find(|one| one.name == "lake").unwrap();
        (of_lake.state, of_lake.detail)
    };
    assert_eq!(lake_of(&house.lake).await, (HealthState::Healthy, "version 3, 3 files".to_owned()));
    s3.pause();
    let begun = Instant::now();
    let hanging = lake_of(&house.lake).await;
    assert!(hanging.0 == HealthState::Unhealthy && begun.elapsed() < Duration::from_secs(3), "{hanging:?}");
    s3.resume();
    eventually("it answers again", async || lake_of(&house.lake).await.0 == HealthState::Healthy).await;
    // An object of another size is noticed within as many probes as there are files.
    fs::write(s3.object(&s3.keys()[1]), "cut off").unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(lake_of(&house.lake).await);
    }
    assert_eq!(seen.iter().filter(|one| one.0 == HealthState::Unhealthy).count(), 1, "{seen:?}");
    let error = house.lake.snapshot(None).await.unwrap();
    let found = tokio::task::spawn_blocking(move || verify(&error, &|_| {})).await.unwrap();
    assert_eq!(found.defects.len(), 1);
}

async fn eventually_long(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{what}: not within two minutes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_in_mid_upload_leaves_the_version_before() {
    let Some(s3) = S3Server::get() else { return };
    let house = House::in_bucket(s3.port()).await;
    house.import(&[house.month(&[("1", "0,01")])]).await.unwrap();
    let before = rows(&house.lake, None).await;
    house.put("202402_Compras.csv", CONTRACTS, &[of("2", "0,02")]);
    house.put("202402_ItemCompra.csv", ITEMS, &[item("2", "açúcar")]);
    house.month(&[("1", "0,03")]);
    let data = house.directory.path();
    for (kill, hangs_at) in [0, 1, 2].into_iter().enumerate() {
        // One after the other of the three uploads never ends.
        let proxy = FaultyProxy::to(s3.port(), move |line, before| {
            if line.starts_with("PUT") && before >= hangs_at {
                Fate::Waits(Duration::from_secs(600))
            } else {
                Fate::Passes
            }
        })
        .await;
        let mut child = command(data, proxy.port);
        let mut child =
            child.arg("import").arg(house.input()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually_long("the upload begins", || proxy.count("PUT") > hangs_at).await;
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(house.store.lake_version().await.unwrap(), 1, "kill {kill}");
        assert_eq!(rows(&house.lake, None).await, before, "kill {kill}");
        assert_eq!(sound(&house.lake).await, (1, 1));
    }
    assert!(s3.keys().len() > 1, "some uploads had ended: {:?}", s3.keys());
    // Whatever was left behind, the next import goes through, and a vacuum removes it.
    ok(&command(data, s3.port()).arg("import").arg(house.input()).output().unwrap());
    assert_eq!((house.store.lake_version().await.unwrap(), sound(&house.lake).await), (2, (3, 3)));
    for path in fs::read_dir(data.join("lake-staging/contracts")).unwrap() {
        let file = fs::File::options().write(true).open(path.unwrap().path()).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(7_200)).unwrap();
    }
    let store = house.later(25 * 3_600).await;
    let day = Lake::in_bucket(&url().parse().unwrap(), &s3.settings(), data.join("lake-staging"), store).unwrap();
    lake::vacuum(&day, Expiry { keep: Duration::ZERO, keep_versions: 1 }, false).await.unwrap();
    assert_eq!(s3.keys(), keys_of(&day).await);
    assert_eq!(fs::read_dir(data.join("lake-staging/contracts")).unwrap().count(), 0, "nor does anything wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_investigation_waits_for_its_bucket() {
    let Some(s3) = S3Server::get() else { return };
    let directory = tempfile::tempdir().unwrap();
    let sample = directory.path().join("in");
    generate(&SampleOptions { rows: 300, seed: 5, out: sample.clone() }, &|_| {}).unwrap();
    let data = directory.path().join("data");
    ok(&command(&data, s3.port()).arg("import").arg(&sample).output().unwrap());
    let refuses = Arc::new(AtomicBool::new(true));
    let refusing = Arc::clone(&refuses);
    let proxy = FaultyProxy::to(s3.port(), move |line, _| {
        if line.starts_with("GET") && refusing.load(Ordering::SeqCst) { Fate::Answered(403) } else { Fate::Passes }
    })
    .await;
    let server = Server::of(command(&data, proxy.port));
    let investigating = cidadao(&data)
        .args(["investigate", "contratos", "--watch", "--output", "json", "--server", &server.url()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually_long("it is refused", || proxy.count("GET") > 0).await;
    refuses.store(false, Ordering::SeqCst);
    let result = json(&investigating.wait_with_output().unwrap());
    assert!(!findings(&result).is_empty(), "the job was tried again: {result}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_one_lake() {
    let Some(s3) = S3Server::get() else { return };
    let house = House::in_bucket(s3.port()).await;
    let database = format!("sqlite:{}", house.directory.path().join("cidadao.db").display());
    let of_process = |name: &str| {
        let mut command = command(&house.directory.path().join(name), s3.port());
        command.env("DATABASE_URL", &database);
        command
    };
    let begin = |name: &str, month: &str| {
        let rows: Vec<_> = (0..50).map(|n| of(&format!("{month}{n}"), "0,01")).collect();
        let path = house.put(&format!("{month}_Compras.csv"), CONTRACTS, &rows);
        of_process(name).arg("import").arg(path).stdout(Stdio::null()).spawn().unwrap()
    };
    for pair in [["202401", "202402"], ["202403", "202404"]] {
        let children = [begin("one", pair[0]), begin("two", pair[1])];
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
    }
    let status = |name: &str| json(&of_process(name).args(["lake", "status", "--output", "json"]).output().unwrap());
    assert_eq!(status("one"), status("two"));
    assert_eq!(status("one")["tables"]["contracts"]["rows"], 200);
    assert_eq!((sound(&house.lake).await, s3.keys()), ((4, 200), keys_of(&house.lake).await));
    ok(&of_process("two").args(["lake", "verify"]).output().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_asks_for_what_it_does_not_know_yet_and_for_no_more() {
    let Some(s3) = S3Server::get() else { return };
    let proxy = FaultyProxy::to(s3.port(), |_, _| Fate::Passes).await;
    let house = House::in_bucket(proxy.port).await;
    house.import(&[house.month(&[("1", "0,01")]), large(&house, "202402_Compras.csv", 3)]).await.unwrap();
    let sum = async || house.lines("SELECT count(*), CAST(sum(initial_value) AS VARCHAR) FROM contracts_all").await;
    let asked = |since: usize| proxy.seen()[since..].iter().filter(|line| !line.starts_with("PUT")).count();
    let mut since = proxy.seen().len();
    let first = sum().await;
    let cold = asked(since);
    since = proxy.seen().len();
    assert_eq!(sum().await, first);
    let warm = asked(since);
    assert!(warm < cold && proxy.seen()[since..].iter().all(|line| line.starts_with("GET")), "{cold}, then {warm}");
    // Files and row groups whose bounds say that nothing in them can match are not read.
    since = proxy.seen().len();
    for filter in ["signature_date > DATE '2025-01-01'", "buyer_id = '999'", "signature_date < DATE '2023-01-01'"] {
        assert_eq!(house.lines(&format!("SELECT count(*) FROM contracts_all WHERE {filter}")).await, ["0"]);
    }
    assert_eq!(asked(since), 0, "{:?}", &proxy.seen()[since..]);
    println!("{cold} requests, then {warm}");
}
