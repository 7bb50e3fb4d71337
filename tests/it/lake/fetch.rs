//! Files by their address, from a server that does all that servers do.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::Utc;
use cidadao::sources::{Address, FetchError, FetchOptions, ImportSummary, fetch};

use super::portal::zipped;
use super::{CONTRACTS, House, usual};
use crate::binary::{cidadao, json};
use crate::support::raw_http::{RawHttp, Reply, answer};

fn options(server: &RawHttp) -> FetchOptions {
    FetchOptions {
        attempts: 3,
        backoff: Duration::from_millis(5),
        longest_wait: Duration::from_millis(1_200),
        silence: Duration::from_millis(400),
        max_bytes: 1 << 20,
        ..FetchOptions::of(server.url("/download-de-dados"))
    }
}

fn month(house: &House) -> Vec<u8> {
    let path = house.put("202401_Compras.csv", CONTRACTS, &usual());
    let bytes = zipped(&[("202401_Compras.csv", &path)]);
    fs::remove_file(path).unwrap();
    bytes
}

fn good(bytes: &[u8]) -> Reply {
    Reply::Bytes(answer("200 OK", "Content-Type: application/zip\r\n", bytes))
}

/// What comes of downloading and taking in a month from a server with these replies.
async fn taken_in(house: &House, server: &RawHttp, text: &str) -> Result<ImportSummary, FetchError> {
    let address = Address::parse(text).unwrap().unwrap();
    let directory = house.directory.path().join("downloads");
    let fetched = fetch(&[address], &directory, &options(server), Utc::now(), &|_| {}).await?;
    let summary = house.import(&fetched.paths).await.unwrap();
    drop(fetched);
    Ok(summary)
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

#[tokio::test]
async fn a_month_comes_by_its_address() {
    let house = House::new().await;
    let bytes = month(&house);
    let server =
        RawHttp::start(vec![Reply::Bytes(answer("302 Found", "Location: /saida/compras.zip\r\n", b"")), good(&bytes)]);
    let summary = taken_in(&house, &server, "portal:compras/202401").await.unwrap();
    assert_eq!((summary.contracts, summary.lake_version), (4, 1));
    assert_eq!(summary.files[0].dataset, "portal:compras/202401");
    assert_eq!(
        server.requests(),
        ["GET /download-de-dados/compras/202401 HTTP/1.1", "GET /saida/compras.zip HTTP/1.1"]
    );
    assert!(is_empty(&house.directory.path().join("downloads")), "the archive is gone");
    let again = taken_in(&house, &RawHttp::start(vec![good(&bytes)]), "portal:compras/202401").await.unwrap();
    assert_eq!((again.unchanged.len(), again.lake_version), (1, 1));
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let house = House::new().await;
    let bytes = month(&house);
    let whole = answer("200 OK", "", &bytes);
    let page = b"<html><head><title>Limite de Requisi&ccedil;&otilde;es Excedido</title></head></html>";
    let html = "Content-Type: text/html\r\n";
    let longer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", bytes.len() + 10);
    let shorter = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", bytes.len() - 40);
    let with = |head: String| Reply::Bytes([head.as_bytes(), &bytes].concat());
    let failures = [
        ("silence", Reply::Hang(Vec::new())),
        ("silence in the body", Reply::Hang(whole[..whole.len() / 2].to_vec())),
        ("reset", Reply::Reset(Vec::new())),
        ("reset in the body", Reply::Reset(whole[..whole.len() / 2].to_vec())),
        ("closed at once", Reply::Bytes(Vec::new())),
        ("429 with HTML", Reply::Bytes(answer("429 Too Many Requests", html, page))),
        ("500", Reply::Bytes(answer("500 Internal Server Error", "", b"JDBC"))),
        ("503", Reply::Bytes(answer("503 Service Unavailable", "Retry-After: 0\r\n", b""))),
        ("longer than it is", with(longer)),
        ("shorter than it is", with(shorter)),
        ("a page in place of an archive", Reply::Bytes(answer("200 OK", html, page))),
        ("a page that says nothing of it", Reply::Bytes(answer("200 OK", "", page))),
        ("no HTTP", Reply::Bytes(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec())),
    ];
    for (name, failure) in failures {
        let house = House::new().await;
        let server = RawHttp::start(vec![failure.clone(), good(&bytes)]);
        let summary = taken_in(&house, &server, "portal:compras/202401").await;
        assert_eq!(summary.map(|summary| (summary.contracts, summary.lake_version)).ok(), Some((4, 1)), "{name}");
        assert_eq!(server.requests().len(), 2, "{name}");

        // Again and again the same: given up, with nothing left behind.
        let house = House::new().await;
        let server = RawHttp::start(vec![failure]);
        let error = taken_in(&house, &server, "portal:compras/202401").await.unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, FetchError::GaveUp { attempts: 3, .. }), "{name}: {said}");
        assert!(said.starts_with(&server.url("/download-de-dados/compras/202401")), "{name}: {said}");
        assert_eq!((server.requests().len(), house.store.lake_version().await), (3, Ok(0)), "{name}");
        assert!(is_empty(&house.directory.path().join("downloads")), "{name}");
        if name.contains("HTML") {
            assert!(said.contains("HTTP 429") && said.contains("Limite de Requisi"), "{said}");
        }
    }
}

#[tokio::test]
async fn the_server_says_how_long_to_wait() {
    let house = House::new().await;
    let bytes = month(&house);
    let busy = Reply::Bytes(answer("429 Too Many Requests", "Retry-After: 1\r\n", b""));
    let server = RawHttp::start(vec![busy, good(&bytes)]);
    let begun = Instant::now();
    taken_in(&house, &server, "portal:compras/202401").await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn what_stays_is_not_tried_again() {
    let house = House::new().await;
    for status in ["403 Forbidden", "404 Not Found"] {
        let server = RawHttp::start(vec![Reply::Bytes(answer(status, "", b""))]);
        let error = taken_in(&house, &server, "portal:compras/209901").await.unwrap_err();
        assert!(matches!(error, FetchError::NotPublished { .. }), "{error}");
        assert!(error.to_string().contains("/compras/209901: not published"), "{error}");
        assert_eq!(server.requests().len(), 1);
    }
    let page = b"<html><title>Human Verification</title></html>";
    let server = RawHttp::start(vec![Reply::Bytes(answer("405 Method Not Allowed", "", page))]);
    let error = taken_in(&house, &server, "portal:compras/202401").await.unwrap_err();
    assert!(error.to_string().ends_with("refused (HTTP 405): Human Verification"), "{error}");
    // Said to be too large, and found to be.
    let large = vec![0; (1 << 20) + 1];
    let declared = Reply::Bytes(answer("200 OK", "", &large));
    let found = Reply::Bytes([b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(), &large].concat());
    for reply in [declared, found] {
        let server = RawHttp::start(vec![reply]);
        let error = taken_in(&house, &server, "portal:compras/202401").await.unwrap_err();
        assert!(matches!(error, FetchError::TooLarge { limit: 1_048_576, .. }), "{error}");
        assert_eq!(server.requests().len(), 1);
    }
    // Sent on to where nobody listens.
    let away = Reply::Bytes(answer("302 Found", "Location: http://127.0.0.1:9/loop\r\n", b""));
    let server = RawHttp::start(vec![away]);
    let error = taken_in(&house, &server, "portal:compras/202401").await.unwrap_err();
    assert!(matches!(error, FetchError::GaveUp { .. }), "{error}");
    assert_eq!(house.store.lake_version().await, Ok(0));
}

#[tokio::test]
async fn a_list_without_a_day_is_the_latest_one() {
    let house = House::new().await;
    let bytes = month(&house);
    let missing = Reply::Bytes(answer("404 Not Found", "", b""));
    let server = RawHttp::start(vec![missing.clone(), missing.clone(), good(&bytes)]);
    taken_in(&house, &server, "portal:ceis").await.unwrap();
    let mut days = server.requests();
    days.sort();
    days.dedup();
    assert_eq!(days.len(), 3, "three days, one after the other: {days:?}");
    let server = RawHttp::start(vec![missing]);
    let error = taken_in(&house, &server, "portal:ceis").await.unwrap_err();
    assert!(matches!(error, FetchError::NotPublished { .. }), "{error}");
}

#[test]
fn the_command_takes_addresses() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bytes = runtime.block_on(async { month(&House::new().await) });
    let server = RawHttp::start(vec![good(&bytes)]);
    let import = |arguments: &[&str]| {
        let mut command = cidadao(&directory.path().join("data"));
        command
            .args(["--output", "json", "import", "--portal-url", &server.url("/d")])
            .args(arguments)
            .output()
            .unwrap()
    };
    let summary = json(&import(&["portal:compras/202401"]));
    assert_eq!((&summary["contracts"], &summary["lake_version"]), (&4.into(), &1.into()));
    assert_eq!(server.requests(), ["GET /d/compras/202401 HTTP/1.1"]);
    let wrong = import(&["portal:compras/2024"]);
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && said.contains("portal:compras/2024: the period must be a month"), "{said}");
    let mut command = cidadao(&directory.path().join("data"));
    let plain = command.args(["import", "--portal-url", "http://example.org/d", "portal:ceis"]).output().unwrap();
    let said = String::from_utf8_lossy(&plain.stderr).into_owned();
    assert!(said.contains("portal_url: must be https://, or http:// on loopback"), "{said}");
}
