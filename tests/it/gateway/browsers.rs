use cidadao::api::pb;
use prost::Message as _;

use super::{Answer, start};
use crate::server::TestServer;

const ORIGIN: &str = "https://painel.example";

#[tokio::test]
async fn configured_origins_alone_are_let_in() {
    let server = TestServer::idle().await;
    let client = reqwest::Client::new();
    let preflight = |origin: &str| {
        let request = client.request(http::Method::OPTIONS, server.url("/api/v1/investigations/start"));
        let request = request.header("origin", origin).header("access-control-request-method", "POST");
        Answer::of(request.header("access-control-request-headers", "content-type,x-api-key"))
    };
    let allowed = preflight(ORIGIN).await;
    assert_eq!(allowed.header("access-control-allow-origin"), ORIGIN);
    assert!(allowed.header("access-control-allow-methods").contains("POST"));
    assert!(allowed.header("access-control-allow-headers").contains("x-api-key"));
    let refused = preflight("https://evil.example").await;
    assert!(!refused.headers.contains_key("access-control-allow-origin"), "{refused:?}");

    let answer = Answer::of(client.get(server.url("/api/v1/investigations")).header("origin", ORIGIN)).await;
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert!(answer.header("access-control-expose-headers").contains("grpc-status"));
    let answer = Answer::of(client.get(server.url("/api/v1/nope")).header("origin", ORIGIN)).await;
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    answer.problem(404, "NOT_FOUND");
    let answer = Answer::of(client.get(server.url("/api/v1/investigations")).header("origin", "null")).await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    server.stop().await;
}

#[tokio::test]
async fn pages_of_other_sites_do_nothing_where_no_credentials_are_asked_for() {
    let server = TestServer::idle().await;
    let client = reqwest::Client::new();
    let list = || client.get(server.url("/api/v1/investigations"));
    // A name that somebody made to lead to this machine.
    let problem = Answer::of(list().header("host", "evil.example")).await.problem(403, "PERMISSION_DENIED");
    assert_eq!(
        (problem["reason"].as_str(), problem["metadata"]["header"].as_str()),
        (Some("FOREIGN_SITE"), Some("Host"))
    );
    Answer::of(list().header("host", "localhost:1")).await.ok();
    let start = |origin: &str| {
        // What a form or `fetch` in `no-cors` mode can send without asking first.
        let request = client.post(server.url("/api/v1/investigations/start")).header("origin", origin);
        Answer::of(request.body(r#"{"query": "contratos"}"#))
    };
    for origin in ["https://evil.example", "null"] {
        let problem = start(origin).await.problem(403, "PERMISSION_DENIED");
        assert_eq!(problem["metadata"]["header"], "Origin");
    }
    let listed = Answer::of(list()).await.ok();
    assert!(listed["investigations"].as_array().is_none_or(Vec::is_empty), "nothing was started: {listed}");
    start(ORIGIN).await.ok();
    let own = server.url("");
    start(own.trim_end_matches('/')).await.ok();
    server.stop().await;
}

/// The frames of a gRPC-Web answer: whether each holds trailers, and its bytes.
fn frames(mut bytes: &[u8]) -> Vec<(bool, Vec<u8>)> {
    let mut out = Vec::new();
    while let Some((prefix, rest)) = bytes.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
        out.push((prefix[0] & 0x80 != 0, rest[..length].to_vec()));
        bytes = &rest[length..];
    }
    out
}

#[tokio::test]
async fn grpc_web_reaches_the_same_services() {
    let server = TestServer::idle().await;
    let id = start(&server).await;
    let call = async |id: &str| {
        let message = pb::GetInvestigationRequest { investigation_id: id.to_owned() }.encode_to_vec();
        let body = [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat();
        let request = reqwest::Client::new()
            .post(server.url("/cidadao.v1.InvestigationService/GetInvestigation"))
            .header("content-type", "application/grpc-web+proto")
            .header("x-grpc-web", "1")
            .header("origin", ORIGIN)
            .body(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["access-control-allow-origin"], ORIGIN);
        let headers = response.headers().clone();
        (headers, frames(&response.bytes().await.unwrap()))
    };
    let (_, answer) = call(&id).await;
    let [(false, message), (true, trailers)] = answer.as_slice() else { panic!("{answer:?}") };
    assert_eq!(pb::Investigation::decode(message.as_slice()).unwrap().investigation_id, id);
    assert!(String::from_utf8_lossy(trailers).contains("grpc-status:0"));
    let (headers, answer) = call("0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f").await;
    let in_trailers = answer.iter().any(|(_, bytes)| String::from_utf8_lossy(bytes).contains("grpc-status:5"));
    assert!(in_trailers || headers.get("grpc-status").is_some_and(|status| status == "5"), "{headers:?} {answer:?}");
    server.stop().await;
}
