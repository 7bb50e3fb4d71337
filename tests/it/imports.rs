//! Imports over the API: what may be named, what is uploaded, what becomes of them, and what a crash leaves.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cidadao::api::pb;
use cidadao::api::pb::dataset_service_client::DatasetServiceClient;
use cidadao::api::pb::upload_dataset_request::Part;
use cidadao::auth::{Accounts, Actor, KeyRequest, PasswordCost, Passwords};
use cidadao::lake::{Lake, verify};
use cidadao::model::Role;
use cidadao::sources::sample::{self, SampleOptions};
use cidadao::store::{Store, StoreOptions};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_stream::StreamExt as _;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::api::{reason, refuses};
use crate::binary::{Server, cidadao};
use crate::lake::api::{contract, nothing, page};
use crate::server::TestServer;
use crate::support::raw_http::RawHttp;

/// A month of synthetic files.
fn month(rows: u64) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let month = dir.path().canonicalize().unwrap().join("in");
    sample::generate(&SampleOptions { rows, seed: 3, out: month.clone() }, &|_| {}).unwrap();
    // Three files of one month are enough.
    for entry in fs::read_dir(&month).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let wanted = ["202401_Compras.csv", "202401_ItemCompra.csv", "202401_TermoAditivo.csv"];
        if !wanted.contains(&name.as_str()) {
            fs::remove_file(path).unwrap();
        }
    }
    (dir, month)
}

fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

fn asked(uri: impl Into<String>) -> pb::ImportDatasetRequest {
    pb::ImportDatasetRequest { uri: uri.into(), ..Default::default() }
}

fn client(server: &TestServer) -> DatasetServiceClient<Channel> {
    DatasetServiceClient::new(server.channel())
}

async fn get(client: &mut DatasetServiceClient<Channel>, id: &str) -> pb::Import {
    client.get_import(pb::GetImportRequest { import_id: id.to_owned() }).await.unwrap().into_inner()
}

/// Watches an import to its end; every event has the sequence after the one before.
async fn watched(client: &mut DatasetServiceClient<Channel>, id: &str, after_sequence: i64) -> Vec<pb::ProgressEvent> {
    let request = pb::WatchImportRequest { import_id: id.to_owned(), after_sequence };
    let events: Vec<_> = client.watch_import(request).await.unwrap().into_inner().map(Result::unwrap).collect().await;
    let logged = events.iter().filter(|event| event.kind != pb::EventKind::Heartbeat as i32);
    for (event, sequence) in logged.zip(after_sequence + 1..) {
        assert_eq!(event.sequence, sequence);
    }
    events
}

fn info(status: &Status, key: &str) -> String {
    status.get_error_details().error_info().unwrap().metadata.get(key).cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_is_taken_in_and_followed_once() {
    let (_dir, month) = month(400);
    let server = TestServer::configured(|settings| settings.import_roots = Some(vec![month.clone()])).await;
    let mut client = client(&server);
    let request_id = "0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f".to_owned();
    let request = pb::ImportDatasetRequest { request_id, ..asked(uri(&month)) };
    let import = client.import_dataset(request.clone()).await.unwrap().into_inner();
    let id = import.import_id.clone();
    assert_eq!((import.lake_version, import.editions.len()), (0, 0));
    let events = watched(&mut client, &id, 0).await;
    let last = events.last().unwrap();
    assert_eq!((last.kind(), last.state(), last.fraction), (pb::EventKind::Finished, pb::JobState::Completed, 1.0));
    assert!(events.windows(2).all(|pair| pair[0].fraction <= pair[1].fraction));
    assert_eq!(watched(&mut client, &id, events[0].sequence).await.len(), events.len() - 1, "resumed after the first");

    let done = get(&mut client, &id).await;
    assert_eq!((done.status(), done.lake_version, done.attempt), (pb::JobState::Completed, 1, 1));
    let names: Vec<_> = done.editions.iter().map(|edition| edition.dataset.as_str()).collect();
    assert_eq!(names, ["portal:compras/202401", "portal:itens/202401", "portal:termos-aditivos/202401"]);
    let contracts = &done.editions[0];
    let report = contracts.quality.as_ref().unwrap();
    assert_eq!((report.rows, report.tables[0].table.as_str()), (contracts.rows, "contracts"));
    let object = report.tables[0].coverage.iter().find(|one| one.column == "object").unwrap();
    assert!(object.filled > 0 && (0.0..=1.0).contains(&object.share));
    assert!(last.counts.unwrap().rows >= contracts.rows);

    // The same request is the same import; the same files by another one are there already.
    let same = client.import_dataset(request).await.unwrap().into_inner();
    assert_eq!(same.import_id, id);
    let again = client.import_dataset(asked(uri(&month))).await.unwrap().into_inner();
    watched(&mut client, &again.import_id, 0).await;
    let again = get(&mut client, &again.import_id).await;
    assert_eq!((again.status(), again.lake_version, again.editions.len()), (pb::JobState::Completed, 1, 0));
    assert_eq!(again.unchanged.len(), 3);
    let listed = client.list_imports(pb::ListImportsRequest { page_size: 1, ..Default::default() }).await.unwrap();
    let listed = listed.into_inner();
    assert_eq!(listed.imports[0].import_id, again.import_id, "newest first");
    let page_token = listed.next_page_token;
    let rest = client.list_imports(pb::ListImportsRequest { page_token, ..Default::default() }).await.unwrap();
    assert_eq!(rest.into_inner().imports.iter().map(|one| one.import_id.as_str()).collect::<Vec<_>>(), [id.as_str()]);

    // The datasets, by pages and by name, over both doors.
    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let page =
            client.list_datasets(pb::ListDatasetsRequest { page_size: 2, page_token }).await.unwrap().into_inner();
        assert!(page.datasets.iter().all(|one| one.editions[0].quality.is_none() && one.lake_version == 1));
        seen.extend(page.datasets.into_iter().map(|one| one.dataset));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, names);
    let one = pb::GetDatasetRequest { dataset: "portal:compras/202401".to_owned() };
    let one = client.get_dataset(one).await.unwrap().into_inner();
    assert_eq!(one.editions[0].quality, contracts.quality);
    let rest = reqwest::get(server.url("/api/v1/datasets/portal:compras/202401")).await.unwrap();
    let rest: serde_json::Value = serde_json::from_str(&rest.text().await.unwrap()).unwrap();
    assert_eq!(rest["editions"][0]["quality"]["rows"].to_string().trim_matches('"'), report.rows.to_string());
    let none = client.get_dataset(pb::GetDatasetRequest { dataset: "portal:x".to_owned() }).await.unwrap_err();
    assert_eq!((none.code(), reason(&none)), (Code::NotFound, "DATASET_NOT_FOUND".to_owned()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_configured_may_be_named() {
    let (dir, month) = month(50);
    let outside = dir.path().canonicalize().unwrap().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::copy(month.join("202401_Compras.csv"), outside.join("202401_Compras.csv")).unwrap();
    std::os::unix::fs::symlink(&outside, month.join("link")).unwrap();
    let server = TestServer::configured(|settings| settings.import_roots = Some(vec![month.clone()])).await;
    let mut client = client(&server);
    for denied in [
        uri(&outside),
        uri(&month.join("../outside/202401_Compras.csv")),
        uri(&month.join("link/202401_Compras.csv")),
        "file:///etc/passwd".to_owned(),
        "https://example.org/a.csv".to_owned(),
        "http://169.254.169.254/latest".to_owned(),
        "portal:compras/202401".to_owned(),
    ] {
        let status = client.import_dataset(asked(&denied)).await.unwrap_err();
        assert_eq!(
            (status.code(), reason(&status)),
            (Code::PermissionDenied, "IMPORT_NOT_ALLOWED".to_owned()),
            "{denied}"
        );
        assert_eq!(info(&status, "field"), "uri");
        assert!(info(&status, "rule").contains("import_") && info(&status, "value").starts_with(&denied[..17]));
    }
    for invalid in ["", "/etc/passwd", "ftp://example.org/x", "portal:compras/2024"] {
        let status = client.import_dataset(asked(invalid)).await.unwrap_err();
        refuses(&status, &[("uri", invalid)]);
    }
    let status = client.import_dataset(asked(uri(&month.join("gone.csv")))).await.unwrap_err();
    refuses(&status, &[("uri", "gone.csv")]);
    let both = pb::ImportDatasetRequest { request_id: "x".to_owned(), format: 9, ..asked("x") };
    refuses(&client.import_dataset(both).await.unwrap_err(), &[("uri", "x"), ("format", "9"), ("request_id", "x")]);

    // A link inside an allowed directory leads nowhere.
    let import = client.import_dataset(asked(uri(&month))).await.unwrap().into_inner();
    watched(&mut client, &import.import_id, 0).await;
    let done = get(&mut client, &import.import_id).await;
    assert_eq!((done.status(), done.editions.len()), (pb::JobState::Completed, 3), "{done:?}");
    assert!(done.ignored.iter().any(|name| name.ends_with("link")), "{:?}", done.ignored);

    // Over REST the same rules are told as problems.
    let response = reqwest::Client::new()
        .post(server.url("/api/v1/imports"))
        .header("content-type", "application/json")
        .body(r#"{"uri": "file:///etc/passwd"}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 403);
    assert!(response.text().await.unwrap().contains("IMPORT_NOT_ALLOWED"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_taken_in_says_why() {
    let (_dir, month) = month(50);
    fs::write(month.join("notes.csv"), "nothing;known\n1;2\n").unwrap();
    let server = TestServer::configured(|settings| settings.import_roots = Some(vec![month.clone()])).await;
    let mut client = client(&server);
    let import = client.import_dataset(asked(uri(&month.join("notes.csv")))).await.unwrap().into_inner();
    watched(&mut client, &import.import_id, 0).await;
    let failed = get(&mut client, &import.import_id).await;
    assert_eq!(failed.status(), pb::JobState::Failed);
    let error = failed.error.unwrap();
    assert_eq!(error.reason, "UNKNOWN_LAYOUT");
    assert!(error.message.contains("notes.csv"), "{error:?}");
    assert_eq!(server.store().lake_version().await.unwrap(), 0);
    server.stop().await;
}

fn upload(name: &str, bytes: &[u8], chunk: usize, sha256: &str) -> Vec<pb::UploadDatasetRequest> {
    let metadata = pb::UploadMetadata { file_name: name.to_owned(), sha256: sha256.to_owned(), ..Default::default() };
    let parts =
        std::iter::once(Part::Metadata(metadata)).chain(bytes.chunks(chunk).map(|part| Part::Chunk(part.to_vec())));
    parts.map(|part| pb::UploadDatasetRequest { part: Some(part) }).collect()
}

async fn send(server: &TestServer, parts: Vec<pb::UploadDatasetRequest>) -> Result<pb::Import, Status> {
    client(server).upload_dataset(tokio_stream::iter(parts)).await.map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_taken_in_whole_or_not_at_all() {
    let (_dir, month) = month(300);
    let bytes = fs::read(month.join("202401_Compras.csv")).unwrap();
    let server = TestServer::configured(|settings| settings.max_upload_mib = Some(1)).await;
    let name = "202401_Compras.csv";
    let sha: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let import = send(&server, upload(name, &bytes, 7_001, &sha)).await.unwrap();
    assert_eq!((import.uri.as_str(), import.file_name.as_str()), ("", name));
    let mut client = client(&server);
    watched(&mut client, &import.import_id, 0).await;
    let done = get(&mut client, &import.import_id).await;
    assert_eq!((done.status(), done.editions[0].dataset.as_str()), (pb::JobState::Completed, "portal:compras/202401"));
    let rows = bytes.iter().filter(|byte| **byte == b'\n').count() as i64 - 1;
    assert_eq!(done.editions[0].rows, rows);

    // The same request and bytes are the same import, also when it has ended; other bytes are refused.
    let with_id = |bytes: &[u8]| {
        let mut parts = upload(name, bytes, 50_000, "");
        if let Some(Part::Metadata(metadata)) = &mut parts[0].part {
            metadata.request_id = "0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f".to_owned();
        }
        parts
    };
    let first = send(&server, with_id(&bytes)).await.unwrap().import_id;
    watched(&mut client, &first, 0).await;
    assert_eq!(send(&server, with_id(&bytes)).await.unwrap().import_id, first);
    let status = send(&server, with_id(b"other")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::AlreadyExists, "REQUEST_ID_REUSED".to_owned()));

    let mut renamed = with_id(&bytes);
    if let Some(Part::Metadata(metadata)) = &mut renamed[0].part {
        metadata.file_name = "202402_Compras.csv".to_owned();
    }
    let status = send(&server, renamed).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::AlreadyExists, "REQUEST_ID_REUSED".to_owned()));

    let personal = send(&server, upload("529.982.247-25.csv", b"x", 9, "")).await.unwrap_err();
    refuses(&personal, &[("metadata.file_name", "***.982.247-**.csv")]);
    assert!(!format!("{personal:?}").contains("529"), "{personal:?}");
    let personal = client.import_dataset(asked("file:///x/52998224725.csv")).await.unwrap_err();
    refuses(&personal, &[("uri", "file:///x/***.982.247-**.csv")]);
    refuses(&send(&server, upload("../x.csv", b"x", 9, "")).await.unwrap_err(), &[("metadata.file_name", "../x.csv")]);
    refuses(&send(&server, upload("a.csv", b"x", 9, "zz")).await.unwrap_err(), &[("metadata.sha256", "zz")]);
    refuses(&send(&server, upload("a.csv", b"x", 9, &sha)).await.unwrap_err(), &[("metadata.sha256", &sha)]);
    refuses(&send(&server, upload("a.csv", b"", 9, "")).await.unwrap_err(), &[("chunk", "")]);
    refuses(
        &send(&server, upload("a.csv", &vec![b'x'; (1 << 20) + 1], 1 << 19, "")).await.unwrap_err(),
        &[("chunk", "")],
    );
    refuses(&send(&server, upload(name, &bytes, 9, "").split_off(1)).await.unwrap_err(), &[("metadata", "")]);
    refuses(&send(&server, vec![pb::UploadDatasetRequest { part: None }]).await.unwrap_err(), &[("part", "")]);
    let twice = [upload("a.csv", b"x", 9, ""), upload("a.csv", b"x", 9, "")].concat();
    refuses(&send(&server, twice).await.unwrap_err(), &[("metadata", "a.csv")]);
    // Something that is no published file fails as an import, and names no directory of the server.
    let import = send(&server, upload("a.csv", b"a;b\n1;2\n", 9, "")).await.unwrap();
    watched(&mut client, &import.import_id, 0).await;
    let error = get(&mut client, &import.import_id).await.error.unwrap();
    assert!(error.reason == "UNKNOWN_LAYOUT" && error.message.starts_with("a.csv"), "{error:?}");
    let left: Vec<_> = fs::read_dir(server.directory().join("data/uploads")).unwrap().collect();
    assert_eq!(left.len(), 0, "{left:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_administrator_imports_and_everybody_sees_datasets() {
    let server = TestServer::configured(|_| {}).await;
    let accounts = Accounts::new(server.store().clone(), Passwords::new(PasswordCost { memory_kib: 256, passes: 1 }));
    for role in [Role::Viewer, Role::Analyst, Role::Admin] {
        let request = KeyRequest { name: "k".to_owned(), role, username: None, expires_in: None };
        let (_, key) = accounts.create_key(Actor { id: "test", remote: "here" }, request).await.unwrap();
        let with = |request: pb::ImportDatasetRequest| {
            let mut request = tonic::Request::new(request);
            request.metadata_mut().insert("x-api-key", key.expose().parse().unwrap());
            request
        };
        let status = client(&server).import_dataset(with(asked("file:///etc/passwd"))).await.unwrap_err();
        let expected = if role == Role::Admin { "IMPORT_NOT_ALLOWED" } else { "ROLE_MISSING" };
        assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, expected));
        let mut list = tonic::Request::new(pb::ListDatasetsRequest::default());
        list.metadata_mut().insert("x-api-key", key.expose().parse().unwrap());
        assert!(client(&server).list_datasets(list).await.unwrap().into_inner().datasets.is_empty());
    }
    server.stop().await;
}

/// Serves one body by its path, and a redirect to somewhere else.
async fn web(body: Vec<u8>) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let read = stream.read(&mut request).await.unwrap();
            let asked = String::from_utf8_lossy(&request[..read]).into_owned();
            let head = if asked.starts_with("GET /away/") {
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/202401_Compras.csv\r\ncontent-length: 0\r\n\r\n"
                    .to_owned()
            } else {
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len())
            };
            stream.write_all(head.as_bytes()).await.unwrap();
            if head.contains("200 OK") {
                stream.write_all(&body).await.unwrap();
            }
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_an_allowed_host_is_downloaded_and_no_redirect_leads_away() {
    let (_dir, month) = month(100);
    let port = web(fs::read(month.join("202401_Compras.csv")).unwrap()).await;
    let hosts = vec![format!("127.0.0.1:{port}"), "localhost:9".to_owned()];
    let server = TestServer::configured(|settings| settings.import_hosts = Some(hosts)).await;
    let mut client = client(&server);
    let good = client.import_dataset(asked(format!("http://127.0.0.1:{port}/x/202401_Compras.csv"))).await.unwrap();
    let good = good.into_inner().import_id;
    watched(&mut client, &good, 0).await;
    let good = get(&mut client, &good).await;
    assert_eq!((good.status(), good.editions.len()), (pb::JobState::Completed, 1), "{good:?}");
    assert_eq!(good.editions[0].dataset, "portal:compras/202401");
    // Behind a name stands an address of this machine: it is not even asked.
    let name = client.import_dataset(asked("https://localhost:9/202401_Compras.csv")).await.unwrap().into_inner();
    client.cancel_import(pb::CancelImportRequest { import_id: name.import_id }).await.unwrap();
    let port_only = client.import_dataset(asked("http://127.0.0.1:1/202401_Compras.csv")).await.unwrap_err();
    assert_eq!(port_only.code(), Code::PermissionDenied);
    let leftovers = fs::read_dir(server.directory().join("data")).unwrap();
    let downloads =
        leftovers.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("download-"));
    assert!(downloads.count() <= 1, "what was downloaded is gone");
    server.stop().await;
}

/// What the lake of a data directory holds: its version, its imports and their rows.
async fn held(data: &Path) -> (i64, usize, i64) {
    let store =
        Store::connect(&StoreOptions::new(format!("sqlite:{}", data.join("cidadao.db").display()))).await.unwrap();
    let snapshot = Lake::new(data.join("lake"), store.clone()).snapshot(None).await.unwrap();
    assert_eq!(verify(&snapshot, &|_| {}).defects, []);
    let imports = store.imports().await.unwrap();
    let rows = imports.iter().map(|import| import.counts["rows"]).sum();
    (snapshot.version(), imports.len(), rows)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_survives_kill_9_and_is_done_once() {
    /// Kills that must come in the midst of an import, and imports in which they must have come: when one comes
    /// depends on the machine.
    const WANTED: usize = 3;
    const ROUNDS: usize = 40;
    let (dir, month) = month(20_000);
    let data = dir.path().join("data");
    let start = || {
        let mut command = cidadao(&data);
        command.arg("--import-roots").arg(&month).args(["--lease-seconds", "3"]);
        Server::of(command)
    };
    let compras = month.join("202401_Compras.csv");
    let original = fs::read(&compras).unwrap();
    let mut rng = StdRng::seed_from_u64(5);
    let (mut interrupted, mut rounds, mut usual) = (0, 0, Duration::from_secs(3));
    let mut expected = None;
    while interrupted < WANTED && rounds < ROUNDS {
        let round = rounds;
        rounds += 1;
        // An edition of its own each time, of as many rows.
        let mut text = original.clone();
        text.extend(b"\r\n".repeat(round + 1));
        fs::write(&compras, text).unwrap();
        let mut server = start();
        let mut client = DatasetServiceClient::connect(server.url()).await.unwrap();
        let begun = std::time::Instant::now();
        let import = client.import_dataset(asked(uri(&compras))).await.unwrap().into_inner();
        if round > 0 {
            tokio::time::sleep(usual.mul_f64(rng.random_range(0.02..1.1))).await;
            // SIGKILL, and another server over what is there.
            server = {
                drop(server);
                start()
            };
            client = DatasetServiceClient::connect(server.url()).await.unwrap();
        }
        let events = watched(&mut client, &import.import_id, 0).await;
        assert_eq!(events.last().unwrap().state(), pb::JobState::Completed, "{round}: {events:?}");
        let done = get(&mut client, &import.import_id).await;
        let version = round as i64 + 1;
        assert_eq!((done.lake_version, done.editions.len()), (version, 1), "{round}: {done:?}");
        assert!(done.editions[0].quality.is_some());
        interrupted += usize::from(done.attempt > 1);
        let rows = *expected.get_or_insert(done.editions[0].rows);
        assert_eq!(held(&data).await, (version, 1, rows), "{round}");
        if round == 0 {
            usual = begun.elapsed();
        } else if done.attempt == 1 {
            // It was done before it was killed: the machine has less to do than it had.
            usual = usual.mul_f64(0.8);
        }
    }
    println!("{interrupted} of {rounds} imports were cut off; one takes {usual:?}");
    assert_eq!(interrupted, WANTED, "kills that came in the midst of an import, of {rounds}");
    let store =
        Store::connect(&StoreOptions::new(format!("sqlite:{}", data.join("cidadao.db").display()))).await.unwrap();
    assert_eq!(store.active_jobs(cidadao::model::JobKind::Import).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_an_api_is_read_by_the_server() {
    let pncp = RawHttp::start(vec![page(&[contract(1), contract(2)], 2, 1), nothing()]);
    let host = pncp.url("").trim_start_matches("http://").to_owned();
    let server = TestServer::configured(|settings| {
        settings.import_hosts = Some(vec![host]);
        settings.pncp_url = Some(pncp.url(""));
    })
    .await;
    let mut client = client(&server);
    let mut taken_in = async |uri: &str| {
        let id = client.import_dataset(asked(uri)).await.unwrap().into_inner().import_id;
        watched(&mut client, &id, 0).await;
        get(&mut client, &id).await
    };
    let done = taken_in("pncp:contratos/2025-03-12..2025-03-13").await;
    assert_eq!((done.status(), done.lake_version, done.editions.len()), (pb::JobState::Completed, 1, 1), "{done:?}");
    assert_eq!((done.editions[0].dataset.as_str(), done.editions[0].rows), ("pncp:contratos/2025-03-12", 2));
    assert_eq!(done.ignored, ["pncp:contratos/2025-03-13: nothing is published"]);
    let none = taken_in("pncp:contratos/2025-03-14").await;
    assert_eq!((none.status(), none.lake_version, none.editions.len()), (pb::JobState::Completed, 1, 0), "{none:?}");
    assert_eq!(none.ignored, ["pncp:contratos/2025-03-14: nothing is published"]);
    assert_eq!(pncp.requests().len(), 3);
    let other = client.import_dataset(asked("portal-api:contratos/26246/2025-03-01..2025-03-31")).await.unwrap_err();
    assert_eq!(other.code(), Code::PermissionDenied, "{other:?}");
    server.stop().await;
}
