use proptest::prelude::*;
use serde_json::json;

use super::{Answer, get, post, post_request, start};
use crate::server::TestServer;

const START: &str = "/api/v1/investigations/start";

#[tokio::test]
async fn each_refusal_has_its_status() {
    let server = TestServer::idle().await;
    let client = reqwest::Client::new();

    let problem = get(&server, "/api/v1/nothing").await.problem(404, "NOT_FOUND");
    assert_eq!(problem["type"], "urn:cidadao:problem:UNKNOWN_PATH");
    let answer = Answer::of(client.delete(server.url(START))).await;
    // The path of an investigation called "start" takes no DELETE either.
    answer.problem(405, "UNIMPLEMENTED");
    assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS, POST");
    let options = Answer::of(client.request(http::Method::OPTIONS, server.url("/api/v1/contracts"))).await;
    assert!(options.status.is_success() && !options.headers.contains_key("access-control-allow-origin"), "{options:?}");
    let request = client.post(server.url(START)).header("content-type", "text/plain").body("{}");
    Answer::of(request).await.problem(415, "INVALID_ARGUMENT");
    let request = client.post(server.url(START)).header("content-type", "application/json; charset=latin1").body("{}");
    Answer::of(request).await.problem(415, "INVALID_ARGUMENT");
    let request = post_request(&server, START, "{}").header("content-encoding", "br");
    Answer::of(request).await.problem(415, "INVALID_ARGUMENT");
    let large = format!(r#"{{"query": "{}"}}"#, "x".repeat(2 << 20));
    Answer::of(post_request(&server, START, large)).await.problem(413, "RESOURCE_EXHAUSTED");

    let malformed = Answer::of(post_request(&server, START, "{\"query\": \"a\",\n  \"nope\": 1}")).await;
    let problem = malformed.problem(400, "INVALID_ARGUMENT");
    assert_eq!((problem["metadata"]["line"].as_str(), problem["reason"].as_str()), (Some("2"), Some("MALFORMED_JSON")));
    assert!(problem["detail"].as_str().unwrap().contains("nope"), "{problem}");
    Answer::of(post_request(&server, START, "{")).await.problem(400, "INVALID_ARGUMENT");
    let problem = get(&server, "/api/v1/contracts?filters.min_valeu=1").await.problem(400, "INVALID_ARGUMENT");
    assert_eq!(problem["metadata"]["parameter"], "filters.min_valeu");
    let problem = get(&server, "/api/v1/contracts?filters.year=x").await.problem(400, "INVALID_ARGUMENT");
    let expected = json!([{"field": "filters.year", "rule": "must be a 32-bit integer", "value": "x"}]);
    assert_eq!(problem["errors"], expected);
    get(&server, "/api/v1/investigations/%ff").await.problem(400, "INVALID_ARGUMENT");

    // A rule of the service, and a value that is none of an enum.
    let problem = post(&server, START, &json!({"query": ""})).await.problem(422, "INVALID_ARGUMENT");
    assert_eq!(
        (problem["errors"][0]["field"].as_str(), problem["reason"].as_str()),
        (Some("query"), Some("INVALID_FIELD"))
    );
    assert!(problem["detail"].as_str().unwrap().starts_with("validation_error: query"), "{problem}");
    let body = json!({"query": "x", "investigation_type": "witch_hunt"});
    let problem = post(&server, START, &body).await.problem(422, "INVALID_ARGUMENT");
    assert_eq!(problem["errors"][0]["value"], "witch_hunt");
    assert!(problem["detail"].as_str().unwrap().starts_with("validation_error: investigation_type"), "{problem}");
    let problem = get(&server, "/api/v1/investigations?status=lost").await.problem(422, "INVALID_ARGUMENT");
    assert_eq!(problem["errors"][0]["field"], "status");

    let unknown = get(&server, "/api/v1/investigations/0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f/status").await;
    let problem = unknown.problem(404, "NOT_FOUND");
    assert_eq!(problem["reason"], "INVESTIGATION_NOT_FOUND");
    assert_eq!(
        (problem["domain"].as_str(), problem["metadata"]["resource"].as_str()),
        (Some("cidadao.ai"), Some("investigation"))
    );

    let request_id = "0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f";
    post(&server, START, &json!({"query": "a", "request_id": request_id})).await.ok();
    let reused = post(&server, START, &json!({"query": "b", "request_id": request_id})).await;
    assert_eq!(reused.problem(409, "ALREADY_EXISTS")["reason"], "REQUEST_ID_REUSED");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_sends_no_head_is_not_waited_for() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = TestServer::idle().await;
    let addr = server.url("").trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(std::time::Duration::from_secs(40), stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "the connection is still open");
    server.stop().await;
}

/// A request made of pieces that the API knows, and others.
fn requests() -> impl Strategy<Value = (String, String, String)> {
    let piece = prop::sample::select(vec![
        "api",
        "v1",
        "investigations",
        "analysis",
        "contracts",
        "start",
        "status",
        "events:x",
        "results",
        "report",
        "health",
        ":cancel",
        "investigations:batchStart",
        "x",
        "%00",
        "%2e%2e",
        "{id}",
        "*",
        "",
    ]);
    let known = prop::sample::select(vec![
        "/api/v1/investigations/ID/results",
        "/api/v1/investigations/ID",
        "/api/v1/investigations",
        "/api/v1/contracts",
        "/api/v1/contracts/ID",
        "/api/v1/analysis/ID/status",
        "/api/v1/investigations/start",
        "/api/v1/analysis/start",
        "/api/v1/investigations:batchStart",
        "/api/v1/investigations/ID/report",
        "/api/v1/investigations/ID/events",
    ]);
    let id = "[a-z0-9-]{1,12}|[^/?#\\s\\p{C}]{1,12}";
    let path = prop_oneof![
        prop::collection::vec(piece, 1..6).prop_map(|pieces| format!("/{}", pieces.join("/"))),
        (known, id).prop_map(|(path, id)| path.replace(
            "ID",
            &percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC).to_string()
        )),
    ];
    let name = prop::sample::select(vec![
        "page_size",
        "pageToken",
        "status",
        "filters.year",
        "filters.min_value",
        "filters.start_date",
        "filters.supplier_id",
        "query",
        "min_severity",
        "after_sequence",
        "format",
        "language",
        "types",
        "x",
        "filters",
        "filters.filters.x",
    ]);
    let value = "-?[0-9]{1,20}|[a-z_]{0,8}|%[0-9a-f]{2}|[0-9]{4}-[0-9]{2}-[0-9]{2}|1e[0-9]{1,3}";
    let query = prop::collection::vec((name, value).prop_map(|(name, value)| format!("{name}={value}")), 0..4)
        .prop_map(|pairs| pairs.join("&"));
    let word = "-?[0-9]{1,20}|true|null|\"[^\"\\\\\\p{C}]{0,20}\"|\\[\\]|\\[null\\]|\\{\\}|\\{\"year\": [0-9]{1,12}\\}|\\[\\{\"query\": \"x\"\\}\\]";
    let key = prop::sample::select(vec![
        "query",
        "investigation_type",
        "filters",
        "options",
        "request_id",
        "requests",
        "time_range",
        "analysis_type",
        "x",
    ]);
    let body = prop_oneof![
        prop::collection::vec((key, word).prop_map(|(key, word)| format!("\"{key}\": {word}")), 0..5)
            .prop_map(|pairs| format!("{{{}}}", pairs.join(", "))),
        "\\PC{0,40}".boxed(),
    ];
    (path, query, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_answered_with_a_fault_of_the_server() {
    let server = TestServer::idle().await;
    start(&server).await;
    let client = reqwest::Client::new();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let runtime = tokio::runtime::Handle::current();
    let tried = tokio::task::block_in_place(|| {
        runner.run(&requests(), |(path, query, body)| {
            let url = server.url(&format!("{path}?{query}"));
            for method in [http::Method::GET, http::Method::POST] {
                let request = client.request(method.clone(), &url).header("content-type", "application/json");
                let request = if method == http::Method::POST { request.body(body.clone()) } else { request };
                // A URL that the client itself refuses says nothing about the server.
                let Ok(request) = request.build() else { continue };
                let status = runtime
                    .block_on(client.execute(request))
                    .map_err(|error| TestCaseError::fail(error.to_string()))?
                    .status();
                prop_assert!(!status.is_server_error(), "{method} {url} {body}: {status}");
            }
            Ok(())
        })
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
    server.stop().await;
}
