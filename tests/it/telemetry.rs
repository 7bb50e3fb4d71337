//! Metrics and traces of a running server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cidadao::api::pb;
use cidadao::config::LogFormat;
use cidadao::model::JobState;
use cidadao::telemetry::{Telemetry, TelemetryOptions};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use tonic::{Code, Request, Response, Status};

use crate::server::{Script, TestServer};

/// Keeps what it is sent.
#[derive(Debug, Clone, Default)]
struct Collector(Arc<Mutex<Vec<ResourceSpans>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().extend(request.into_inner().resource_spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn listen(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let service = TraceServiceServer::new(self.clone());
        tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        addr
    }

    fn spans(&self) -> Vec<Span> {
        let all = self.0.lock().unwrap();
        all.iter().flat_map(|one| &one.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
    }

    fn resource(&self) -> Vec<KeyValue> {
        self.0.lock().unwrap()[0].resource.clone().unwrap().attributes
    }
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<Value> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.clone();
    value.and_then(|AnyValue { value, .. }| value)
}

fn text(value: &str) -> Option<Value> {
    Some(Value::StringValue(value.to_owned()))
}

#[tokio::test]
async fn spans_of_a_request_reach_the_collector_within_the_trace_of_the_caller() {
    let collector = Collector::default();
    let addr = collector.listen().await;
    // The subscriber of the whole test binary: spans of other tests come along, in traces of their own.
    let telemetry = Telemetry::init(&TelemetryOptions {
        log_format: LogFormat::Json,
        log_filter: "off".to_owned(),
        otlp_endpoint: Some(format!("http://{addr}")),
        service_name: "cidadao".to_owned(),
        version: "9.9.9".to_owned(),
        environment: "test".to_owned(),
    })
    .unwrap();
    let server = TestServer::with_sample(300).await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = "b7ad6b7169203331";
    let traced = |query: &str| {
        let mut request = Request::new(pb::StartInvestigationRequest { query: query.to_owned(), ..Default::default() });
        request.metadata_mut().insert("traceparent", format!("00-{trace}-{parent}-01").parse().unwrap());
        request
    };
    let mut client = server.investigations();
    let status = client.start_investigation(traced("")).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let id = client.start_investigation(traced("contratos")).await.unwrap().into_inner().investigation_id;
    server.wait_for(&id, JobState::Completed).await;
    server.stop().await;
    telemetry.shutdown().await;

    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let all = collector.spans();
    let of_caller: Vec<&Span> = all.iter().filter(|span| hex(&span.trace_id) == trace).collect();
    let requests: Vec<&Span> = of_caller.iter().filter(|span| hex(&span.parent_span_id) == parent).copied().collect();
    assert_eq!(requests.len(), 2);
    for (request, code) in requests.iter().zip([Code::InvalidArgument, Code::Ok]) {
        assert_eq!(request.name, "cidadao.v1.InvestigationService/StartInvestigation");
        assert_eq!(request.kind, 2, "a server span");
        let of = |key| attribute(&request.attributes, key);
        assert_eq!(of("rpc.system"), text("grpc"));
        assert_eq!(of("rpc.service"), text("cidadao.v1.InvestigationService"));
        assert_eq!(of("rpc.method"), text("StartInvestigation"));
        assert_eq!(of("rpc.grpc.status_code"), Some(Value::IntValue(code as i64)));
        assert!(request.end_time_unix_nano > request.start_time_unix_nano);
    }
    let query = of_caller.iter().find(|span| span.name == "store.create_job").expect("the query of the start");
    assert_eq!(query.parent_span_id, requests[1].span_id);
    assert_eq!(attribute(&query.attributes, "db.system.name"), text("sqlite"));

    let is_job = |span: &&Span| span.name == "job" && attribute(&span.attributes, "id") == text(&id);
    let job = all.iter().find(is_job).expect("a span of the job");
    let names: Vec<&str> = all.iter().filter(|span| span.trace_id == job.trace_id).map(|span| &*span.name).collect();
    for name in
        ["agent.amendment_cap.detect", "agent.supplier_share_of_buyer.detect", "store.commit", "store.finish_job"]
    {
        assert!(names.contains(&name), "{name} is not in the trace of the job: {names:?}");
    }
    let resource = collector.resource();
    assert_eq!(attribute(&resource, "service.name"), text("cidadao"));
    assert_eq!(attribute(&resource, "service.version"), text("9.9.9"));
    assert_eq!(attribute(&resource, "deployment.environment"), text("test"));
}

#[tokio::test]
async fn telemetry_names_what_it_cannot_use() {
    let options = |filter: &str, endpoint: Option<&str>| TelemetryOptions {
        log_format: LogFormat::Pretty,
        log_filter: filter.to_owned(),
        otlp_endpoint: endpoint.map(ToOwned::to_owned),
        service_name: "cidadao".to_owned(),
        version: "1".to_owned(),
        environment: "test".to_owned(),
    };
    let error = Telemetry::dispatch(&options("cidadao=loud", None)).unwrap_err().to_string();
    assert!(error.contains("cidadao=loud"), "{error}");
    let error = Telemetry::dispatch(&options("info", Some("no endpoint"))).unwrap_err().to_string();
    assert!(error.contains("no endpoint"), "{error}");
}

#[tokio::test]
async fn metrics_tell_what_happened() {
    let server = TestServer::scripted(Script::gated()).await;
    let mut client = server.investigations();
    let query = |text: &str| pb::StartInvestigationRequest { query: text.to_owned(), ..Default::default() };
    let id = client.start_investigation(query("contratos")).await.unwrap().into_inner().investigation_id;
    client.start_investigation(query("")).await.unwrap_err();
    server.call_raw::<pb::Health>("/made.up.Service/Name", Vec::new()).await.unwrap_err();
    let watch = pb::WatchInvestigationRequest { investigation_id: id.clone(), after_sequence: 0 };
    let mut events = client.watch_investigation(watch).await.unwrap().into_inner();
    events.message().await.unwrap().unwrap();
    let stream = |text: &str| {
        let handled = r#"grpc_server_handled_total{grpc_service="cidadao.v1.InvestigationService",grpc_method="WatchInvestigation",grpc_type="server_stream",grpc_code="OK"} "#;
        text.lines().find_map(|line| line.strip_prefix(handled)).unwrap().to_owned()
    };
    let (text, content_type) = server.metrics().await;
    assert_eq!(content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(text.contains("\nactive_investigations_total 1\n"), "{text}");
    assert_eq!(stream(&text), "0", "a stream counts at its end");
    server.open_gate();
    while events.message().await.unwrap().is_some() {}
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (text, _) = server.metrics().await;
    assert_eq!(stream(&text), "1");
    let service =
        r#"grpc_service="cidadao.v1.InvestigationService",grpc_method="StartInvestigation",grpc_type="unary""#;
    for line in [
        r#"cidadao_ai_app_info{app_name="cidadao-ai",version="0.0.0",environment="test"} 1"#,
        r#"agent_execution_seconds_count{agent_name="scripted",action="detect"} 1"#,
        "active_investigations_total 0",
        r#"api_errors_total{endpoint="cidadao.v1.InvestigationService/StartInvestigation",error_type="InvalidArgument"} 1"#,
        r#"api_errors_total{endpoint="unknown/unknown",error_type="Unimplemented"} 1"#,
        &format!("grpc_server_started_total{{{service}}} 2"),
        &format!("grpc_server_handled_total{{{service},grpc_code=\"OK\"}} 1"),
        &format!("grpc_server_handled_total{{{service},grpc_code=\"InvalidArgument\"}} 1"),
        &format!("grpc_server_handling_seconds_count{{{service}}} 2"),
        r#"cidadao_jobs_finished_total{kind="investigation",state="completed"} 1"#,
        "cache_hit_rate_percent 0.0",
        "cidadao_redis_up NaN",
        "cidadao_hints_published_total 0",
    ] {
        assert!(text.lines().any(|have| have == line), "{line} is not in\n{text}");
    }
    assert!(text.lines().any(|line| line.starts_with("database_connections_active ")));
    assert!(!text.contains("made.up"), "a caller made a label up");
}
