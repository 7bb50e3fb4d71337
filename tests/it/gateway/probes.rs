use super::{get, post, start};
use crate::server::{Script, TestServer};
use crate::support::eventually;

#[tokio::test]
async fn the_health_of_each_part_is_told() {
    let server = TestServer::scripted(Script::gated()).await;
    eventually("the workers live", async || get(&server, "/metrics/health").await.status == 200).await;
    let health = get(&server, "/metrics/health").await.ok();
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["checks"], serde_json::json!({"database": true, "redis": true, "agents": true}));
    let now = chrono::Utc::now().timestamp() as f64;
    assert!((health["timestamp"].as_f64().unwrap() - now).abs() < 60.0, "{health}");
    assert_eq!(get(&server, "/health/live").await.ok()["status"], "alive");
    assert_eq!(get(&server, "/health/ready").await.ok()["status"], "ready");
    post(&server, "/health/live", &serde_json::json!({})).await.problem(405, "UNIMPLEMENTED");
    server.lose_lake_file().await;
    let ready = get(&server, "/health/ready").await;
    assert_eq!((ready.status.as_u16(), ready.json()["status"].as_str()), (503, Some("not_ready")));
    server.stop().await;

    let idle = TestServer::idle().await;
    let health = get(&idle, "/metrics/health").await;
    assert_eq!((health.status.as_u16(), health.json()["checks"]["agents"].as_bool()), (503, Some(false)));
    assert_eq!(health.json()["status"], "unhealthy");
    idle.stop().await;
}

#[tokio::test]
async fn requests_are_counted_by_the_template_of_their_path() {
    let server = TestServer::idle().await;
    let id = start(&server).await;
    for _ in 0..3 {
        get(&server, &format!("/api/v1/investigations/{id}/status")).await.ok();
    }
    get(&server, "/api/v1/investigations/secret-name/status").await.problem(404, "NOT_FOUND");
    get(&server, "/secret-path").await.problem(404, "NOT_FOUND");
    let (text, _) = server.metrics().await;
    let endpoint = "/api/v1/investigations/{investigation_id}/status";
    for line in [
        format!(r#"http_requests_total{{method="GET",endpoint="{endpoint}",status_code="200"}} 3"#),
        format!(r#"http_requests_total{{method="GET",endpoint="{endpoint}",status_code="404"}} 1"#),
        r#"http_requests_total{method="GET",endpoint="unknown",status_code="404"} 1"#.to_owned(),
        format!(r#"http_request_duration_seconds_count{{method="GET",endpoint="{endpoint}"}} 4"#),
        format!(r#"api_errors_total{{endpoint="{endpoint}",error_type="NOT_FOUND"}} 1"#),
    ] {
        assert!(text.lines().any(|have| have == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("secret"));
    server.stop().await;
}
