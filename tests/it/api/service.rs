//! The server as such: health, reflection, request ids, its end; and the contracts it serves.

use std::time::Duration;

use cidadao::api::pb;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{query, reason, refuses};
use crate::server::{Script, TestServer};

#[tokio::test]
async fn health_is_probed_and_followed() {
    let server = TestServer::idle().await;
    let mut client = server.health();
    let health = client.get_health(pb::GetHealthRequest {}).await.unwrap().into_inner();
    let states: Vec<_> =
        health.dependencies.iter().map(|one| (one.name.as_str(), one.status(), one.required)).collect();
    let healthy = pb::HealthState::Healthy;
    assert_eq!(states[..3], [("database", healthy, true), ("cache", healthy, false), ("lake", healthy, true)]);
    // No worker runs in an idle server: starts are taken, nobody works on them.
    assert_eq!(states[3], ("workers", pb::HealthState::Degraded, false));
    assert_eq!(health.status(), pb::HealthState::Degraded);
    assert!(health.dependencies.iter().all(|one| one.duration_ms >= 0.0 && !one.detail.is_empty()));
    assert!(!health.version.is_empty() && health.check_time.is_some());

    let mut reports = client.watch_health(pb::WatchHealthRequest {}).await.unwrap().into_inner();
    assert_eq!(reports.next().await.unwrap().unwrap().status(), pb::HealthState::Degraded);
    let mut standard = tonic_health::pb::health_client::HealthClient::new(server.channel());
    let service = "cidadao.v1.InvestigationService".to_owned();
    let check = tonic_health::pb::HealthCheckRequest { service };
    let mut serving = standard.watch(check.clone()).await.unwrap().into_inner();
    assert_eq!(serving.next().await.unwrap().unwrap().status, 1);

    server.lose_lake_file().await;
    let report = reports.next().await.unwrap().unwrap();
    assert_eq!(report.status(), pb::HealthState::Unhealthy);
    let lake = report.dependencies.iter().find(|one| one.name == "lake").unwrap();
    assert_eq!(lake.status(), pb::HealthState::Unhealthy);
    assert_eq!(serving.next().await.unwrap().unwrap().status, 2);
    assert_eq!(standard.check(check).await.unwrap().into_inner().status, 2);
    let overall = tonic_health::pb::HealthCheckRequest::default();
    assert_eq!(standard.check(overall).await.unwrap().into_inner().status, 2);
    let unknown = tonic_health::pb::HealthCheckRequest { service: "nope".to_owned() };
    assert_eq!(standard.check(unknown).await.unwrap_err().code(), Code::NotFound);
}

const IMPORTS: [&str; 9] = [
    "cidadao/v1/common.proto",
    "google/api/annotations.proto",
    "google/api/field_behavior.proto",
    "google/api/http.proto",
    "google/protobuf/any.proto",
    "google/protobuf/descriptor.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/timestamp.proto",
    "google/rpc/status.proto",
];

#[tokio::test]
async fn a_client_that_knows_nothing_but_reflection_can_call() {
    let server = TestServer::idle().await;
    let expected = [
        "cidadao.v1.AnalysisService",
        "cidadao.v1.AuthService",
        "cidadao.v1.ContractService",
        "cidadao.v1.DatasetService",
        "cidadao.v1.DetectorService",
        "cidadao.v1.HealthService",
        "cidadao.v1.InvestigationService",
        "grpc.health.v1.Health",
    ];
    macro_rules! reflect {
        ($version:ident) => {{
            use tonic_reflection::pb::$version::ServerReflectionRequest;
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
            let mut client = ServerReflectionClient::new(server.channel());
            let ask = |message| ServerReflectionRequest { host: String::new(), message_request: Some(message) };
            let asked = tokio_stream::iter([
                ask(MessageRequest::ListServices(String::new())),
                ask(MessageRequest::FileContainingSymbol("cidadao.v1.InvestigationService".to_owned())),
            ]);
            let mut answers = client.server_reflection_info(asked).await.unwrap().into_inner();
            let Some(MessageResponse::ListServicesResponse(list)) =
                answers.next().await.unwrap().unwrap().message_response
            else {
                panic!("no list")
            };
            let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
            names.retain(|name| !name.starts_with("grpc.reflection."));
            names.sort();
            assert_eq!(names, expected);
            let Some(MessageResponse::FileDescriptorResponse(file)) =
                answers.next().await.unwrap().unwrap().message_response
            else {
                panic!("no file")
            };
            let mut files = file.file_descriptor_proto;
            // The imports come one by one, as a client asks for them.
            let wanted = IMPORTS.map(|name| ask(MessageRequest::FileByFilename(name.to_owned())));
            let asked = tokio_stream::iter(wanted);
            let mut answers = client.server_reflection_info(asked).await.unwrap().into_inner();
            while let Some(answer) = answers.next().await {
                match answer.unwrap().message_response {
                    Some(MessageResponse::FileDescriptorResponse(file)) => files.extend(file.file_descriptor_proto),
                    other => panic!("{other:?}"),
                }
            }
            files
        }};
    }
    let files: Vec<Vec<u8>> = reflect!(v1);
    assert_eq!(files, reflect!(v1alpha));

    let mut pool = DescriptorPool::new();
    let protos = files.iter().map(|bytes| prost_reflect::prost_types::FileDescriptorProto::decode(&bytes[..]).unwrap());
    pool.add_file_descriptor_protos(protos).unwrap();
    let service = pool.get_service_by_name("cidadao.v1.InvestigationService").unwrap();
    let method = service.methods().find(|method| method.name() == "StartInvestigation").unwrap();
    let json = r#"{"query": "contratos emergenciais acima de 1 milhão", "filters": {"minValue": 1000000}}"#;
    let mut json = serde_json::Deserializer::from_str(json);
    let request = DynamicMessage::deserialize(method.input(), &mut json).unwrap();
    let answer: pb::Investigation =
        server.call_raw("/cidadao.v1.InvestigationService/StartInvestigation", request.encode_to_vec()).await.unwrap();
    let answer = DynamicMessage::decode(method.output(), answer.encode_to_vec().as_slice()).unwrap();
    let field = |name: &str| answer.get_field_by_name(name).unwrap().into_owned();
    assert_eq!(field("query").as_str(), Some("contratos emergenciais acima de 1 milhão"));
    assert_eq!(field("status").as_enum_number(), Some(pb::JobState::Pending as i32));
}

#[tokio::test]
async fn a_request_id_comes_back_and_unknown_methods_are_unimplemented() {
    let server = TestServer::idle().await;
    let mut client = server.health();
    let mut request = tonic::Request::new(pb::GetHealthRequest {});
    request.metadata_mut().insert("x-request-id", "from-the-caller".parse().unwrap());
    let answer = client.get_health(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "from-the-caller");
    let answer = client.get_health(pb::GetHealthRequest {}).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap().len(), 36);
    let status = server.call_raw::<pb::Health>("/cidadao.v1.Nope/Nothing", Vec::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn the_server_stops_although_a_stream_is_open() {
    let server = TestServer::scripted(Script::gated()).await;
    let mut client = server.investigations();
    let id = client.start_investigation(query("contratos")).await.unwrap().into_inner().investigation_id;
    let watch = pb::WatchInvestigationRequest { investigation_id: id, after_sequence: 0 };
    let mut events = client.watch_investigation(watch).await.unwrap().into_inner();
    events.next().await.unwrap().unwrap();
    let mut health = server.health().watch_health(pb::WatchHealthRequest {}).await.unwrap().into_inner();
    health.next().await.unwrap().unwrap();
    let stopped = tokio::time::timeout(Duration::from_secs(10), server.stop());
    let (stopped, status) = tokio::join!(stopped, async {
        loop {
            match events.next().await {
                Some(Ok(_)) => {}
                Some(Err(status)) => return status,
                None => panic!("the stream ended as if the job had"),
            }
        }
    });
    stopped.expect("the server hangs");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "STOPPING"));
    assert!(status.get_error_details().retry_info().is_some());
    while let Some(report) = health.next().await {
        report.unwrap();
    }
}

#[tokio::test]
async fn contracts_are_paged_by_value_and_read_with_what_belongs_to_them() {
    let server = TestServer::with_sample(120).await;
    let mut client = server.contracts();
    let mut request = pb::SearchContractsRequest { page_size: 50, ..Default::default() };
    let mut seen: Vec<pb::Contract> = Vec::new();
    loop {
        let page = client.search_contracts(request.clone()).await.unwrap().into_inner();
        assert_eq!(page.total_contracts, 120);
        seen.extend(page.contracts);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let ids: std::collections::HashSet<_> = seen.iter().map(|one| one.contract_id.as_str()).collect();
    assert_eq!((seen.len(), ids.len()), (120, 120), "no contract is left out or comes twice");
    let values: Vec<f64> = seen.iter().filter_map(|one| one.current_value.parse().ok()).collect();
    assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));

    let filters = pb::ContractFilters { min_value: Some(values[9]), ..Default::default() };
    let largest = pb::SearchContractsRequest { filters: Some(filters), ..Default::default() };
    let page = client.search_contracts(largest).await.unwrap().into_inner();
    assert_eq!(page.total_contracts as usize, values.iter().filter(|value| **value >= values[9]).count());
    let other = pb::SearchContractsRequest { query: "obra".to_owned(), ..request.clone() };
    let token = request.page_token.clone();
    refuses(&client.search_contracts(other).await.unwrap_err(), &[("page_token", &token[..100])]);

    let mut items = 0;
    for expected in &seen[..5] {
        let contract_id = expected.contract_id.clone();
        let read = client
            .get_contract(pb::GetContractRequest { contract_id, ..Default::default() })
            .await
            .unwrap()
            .into_inner();
        let listed = pb::Contract { items: Vec::new(), amendments: Vec::new(), ..read.clone() };
        assert_eq!(listed, *expected);
        items += read.items.len();
        let source = read.source.unwrap();
        assert!(source.line > 1 && source.file.ends_with("_Compras.csv"), "{source:?}");
    }
    assert!(items > 0);
}
