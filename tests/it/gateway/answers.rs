use std::io::Write as _;

use cidadao::model::{JobState, Severity};
use serde_json::json;

use super::{Answer, get, post, post_request, start};
use crate::server::{Script, TestServer, finding};

#[tokio::test]
async fn an_investigation_runs_from_start_to_report() {
    let script =
        Script { findings: vec![finding("a", Severity::High), finding("b", Severity::Low)], ..Script::gated() };
    let server = TestServer::scripted(script).await;
    let body = json!({
        "query": "contratos de tecnologia acima de 50 mil reais em 2024",
        "investigationType": "Spending_Analysis",
        "filters": {"min_value": 50000, "modalidades": ["dispensa_licitacao"], "year": 2024},
        "options": {"include_subcategories": true, "timeout": "3600s"},
    });
    let started = post(&server, "/api/v1/investigations/start", &body).await.ok();
    let id = started["investigation_id"].as_str().unwrap().to_owned();
    assert_eq!(started["investigation_type"], "spending_analysis");
    assert_eq!(started["filters"]["min_value"], 50_000.0);
    assert_eq!(started["filters"]["modalidades"], json!(["dispensa_licitacao"]));
    assert_eq!(started["options"]["timeout"], "3600s");
    // Defaults are there, what has presence and is not set is not.
    assert!(started["progress"].is_number() && started["last_sequence"].is_string(), "{started}");
    assert!(started["filters"].get("max_value").is_none() && started.get("error").is_none(), "{started}");

    let status = get(&server, &format!("/api/v1/investigations/{id}/status")).await.ok();
    assert!(["pending", "running"].contains(&status["status"].as_str().unwrap()), "{status}");
    get(&server, &format!("/api/v1/investigations/{id}/results")).await.problem(409, "FAILED_PRECONDITION");

    server.open_gate();
    server.wait_for(&id, JobState::Completed).await;
    let results = get(&server, &format!("/api/v1/investigations/{id}/results?min_severity=HIGH")).await.ok();
    assert_eq!((results["status"].as_str(), results["total_findings"].as_str()), (Some("completed"), Some("1")));
    let found = &results["findings"][0];
    assert_eq!(found["severity"], "high");
    for key in ["type", "description", "evidence"] {
        assert!(!found[key].is_null(), "{key} in {found}");
    }
    assert_eq!(found["evidence"]["rows"], json!([]));
    assert!(results["summary"].is_string() && results["metadata"].is_object());
    let none = get(&server, &format!("/api/v1/investigations/{id}/results?types=amendment_cap")).await.ok();
    assert_eq!(none["findings"], json!([]));

    let list = get(&server, "/api/v1/investigations?page_size=1&status=completed").await.ok();
    assert_eq!(list["investigations"][0]["investigation_id"], id.as_str());
    // A POST without a body is one with nothing in it.
    let path = format!("/api/v1/investigations/{id}:cancel");
    let cancelled = Answer::of(reqwest::Client::new().post(server.url(&path))).await.ok();
    assert_eq!(cancelled["status"], "completed");
    server.stop().await;
}

#[tokio::test]
async fn an_analysis_is_started_as_the_plan_says() {
    let server = TestServer::idle().await;
    let mut body = json!({
        "analysis_type": "spending_trends", "data_source": "contracts",
        "time_range": {"start_date": "2024-01-01", "end_date": "2024-12-31"},
        "filters": {"min_value": 10000, "categories": ["technology", "services"]},
    });
    let started = post(&server, "/api/v1/analysis/start", &body).await.ok();
    assert_eq!(started["status"], "started");
    assert!(started["estimated_completion"].is_string());
    let id = started["analysis_id"].as_str().unwrap();
    let status = get(&server, &format!("/api/v1/analysis/{id}/status")).await.ok();
    assert_eq!((status["analysis_id"].as_str(), status["progress"].as_f64()), (Some(id), Some(0.0)));

    body["time_range"] = json!({"start_date": "2024-12-31", "end_date": "2024-01-01"});
    let problem = post(&server, "/api/v1/analysis/start", &body).await.problem(422, "INVALID_ARGUMENT");
    assert!(problem["detail"].as_str().unwrap().starts_with("validation_error:"), "{problem}");
    assert_eq!(problem["errors"][0]["field"], "time_range.end_date");
    assert_eq!(problem["errors"][0]["value"], "2024-01-01");
    assert!(problem["errors"][0]["rule"].as_str().unwrap().starts_with("must"), "{problem}");
    server.stop().await;
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let server = TestServer::idle().await;
    let id = start(&server).await;
    let path = format!("/api/v1/investigations/{id}");
    let first = get(&server, &path).await;
    let etag = first.header("etag").to_owned();
    assert!(etag.starts_with('"'), "{etag}");
    let client = reqwest::Client::new();
    for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
        let again = Answer::of(client.get(server.url(&path)).header("if-none-match", &known)).await;
        assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""), "{known}");
        assert_eq!(again.header("etag"), etag);
    }
    let other = Answer::of(client.get(server.url(&path)).header("if-none-match", "\"x\"")).await;
    assert_eq!(other.ok(), first.json());

    let head = Answer::of(client.head(server.url(&path))).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), first.text.len().to_string());
    assert_eq!(head.header("etag"), etag);
    let head = Answer::of(client.head(server.url("/api/v1/nope"))).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (404, ""));
    server.stop().await;
}

#[tokio::test]
async fn bodies_are_packed_both_ways() {
    let server = TestServer::idle().await;
    for _ in 0..5 {
        start(&server).await;
    }
    let path = "/api/v1/investigations";
    let plain = get(&server, path).await;
    assert!(plain.text.len() > 2_000, "{}", plain.text.len());
    for encoding in ["gzip", "zstd"] {
        let request = reqwest::Client::new().get(server.url(path)).header("accept-encoding", encoding);
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-encoding"], encoding);
        assert!(response.headers().get_all("vary").iter().any(|value| value == "accept-encoding"));
        assert_eq!(response.headers()["etag"], format!("W/{}", plain.header("etag")));
        let bytes = response.bytes().await.unwrap();
        assert!(bytes.len() * 2 < plain.text.len());
        if encoding == "gzip" {
            let text = std::io::read_to_string(flate2::read::GzDecoder::new(&bytes[..])).unwrap();
            assert_eq!(text, plain.text);
        }
    }

    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(br#"{"query": "contratos"}"#).unwrap();
    let request = post_request(&server, "/api/v1/investigations/start", packed.finish().unwrap());
    let started = Answer::of(request.header("content-encoding", "gzip")).await.ok();
    assert_eq!(started["query"], "contratos");
    // A bomb: little when packed, more than may be.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 3 << 20]).unwrap();
    let request = post_request(&server, "/api/v1/investigations/start", bomb.finish().unwrap());
    Answer::of(request.header("content-encoding", "gzip")).await.problem(413, "RESOURCE_EXHAUSTED");
    let request = post_request(&server, "/api/v1/investigations/start", "not gzip");
    Answer::of(request.header("content-encoding", "gzip")).await.problem(400, "INVALID_ARGUMENT");
    server.stop().await;
}

#[tokio::test]
async fn requests_keep_their_id_and_leave_their_address() {
    let server = TestServer::idle().await;
    let request = post_request(&server, "/api/v1/investigations", r#"{"query": "contratos"}"#);
    let answer = Answer::of(request.header("x-request-id", "mine-1")).await;
    assert_eq!(answer.header("x-request-id"), "mine-1");
    let unfit = Answer::of(reqwest::Client::new().get(server.url("/nope")).header("x-request-id", "two words")).await;
    assert!(uuid::Uuid::try_parse(unfit.problem(404, "NOT_FOUND")["request_id"].as_str().unwrap()).is_ok());
    let audit = server.last_audit_remote().await;
    assert!(audit.starts_with("127.0.0.1:"), "{audit:?}");
    server.stop().await;
}

#[tokio::test]
async fn http2_without_tls_is_spoken_too() {
    let server = TestServer::idle().await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let response = client.get(server.url("/api/v1/investigations")).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
    // gRPC itself is served beside it.
    let channel = tonic::transport::Channel::from_shared(server.url("")).unwrap().connect().await.unwrap();
    let mut grpc = cidadao::api::pb::health_service_client::HealthServiceClient::new(channel);
    assert!(!grpc.get_health(cidadao::api::pb::GetHealthRequest {}).await.unwrap().into_inner().version.is_empty());
    drop(grpc);
    server.stop().await;
}
