//! The API over a real connection: what it refuses and how it says so, pages, streams, health,
//! reflection.

use std::time::Duration;

use cidadao::api::{ERROR_DOMAIN, pb};
use cidadao::model::{JobState, Severity};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::server::{Script, TestServer, finding};

const UNKNOWN: &str = "0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f";

fn fields(status: &Status) -> Vec<(String, String)> {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    violations.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, ERROR_DOMAIN);
    info.reason.clone()
}

/// The status is INVALID_ARGUMENT and names exactly these fields; each description has the value.
#[track_caller]
fn refuses(status: &Status, expected: &[(&str, &str)]) {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(reason(status), "INVALID_FIELD");
    let fields = fields(status);
    let names: Vec<_> = fields.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(names, expected.iter().map(|(field, _)| *field).collect::<Vec<_>>());
    for ((_, description), (field, value)) in fields.iter().zip(expected) {
        assert!(description.contains("must"), "{field}: {description}");
        assert!(description.contains(value), "{field}: {description} lacks {value}");
    }
}

fn query(text: &str) -> pb::StartInvestigationRequest {
    pb::StartInvestigationRequest { query: text.to_owned(), ..Default::default() }
}

fn filtered(filters: pb::ContractFilters) -> pb::StartInvestigationRequest {
    pb::StartInvestigationRequest { filters: Some(filters), ..query("contratos") }
}

#[tokio::test]
async fn a_bad_start_names_each_field_and_value() {
    let server = TestServer::idle().await;
    let mut client = server.investigations();
    let long = "é".repeat(2_001);
    let megabyte = "x".repeat(1 << 20);
    let filters = pb::ContractFilters::default;
    let cases: Vec<(pb::StartInvestigationRequest, Vec<(&str, &str)>)> = vec![
        (query(""), vec![("query", "\"\"")]),
        (query("  \n"), vec![("query", "\\n")]),
        (query(&long), vec![("query", "has 2001")]),
        (query(&megabyte), vec![("query", "has 1048576")]),
        (query("a\0b"), vec![("query", "U+0000")]),
        (
            filtered(pb::ContractFilters {
                start_date: "2024-12-31".to_owned(),
                end_date: "2024-01-01".to_owned(),
                ..filters()
            }),
            vec![("filters.end_date", "2024-01-01")],
        ),
        (
            filtered(pb::ContractFilters { start_date: "31/12/2024".to_owned(), ..filters() }),
            vec![("filters.start_date", "31/12/2024")],
        ),
        (
            filtered(pb::ContractFilters { end_date: "2023-02-29".to_owned(), ..filters() }),
            vec![("filters.end_date", "2023-02-29")],
        ),
        (filtered(pb::ContractFilters { min_value: Some(-1.0), ..filters() }), vec![("filters.min_value", "-1.00")]),
        (filtered(pb::ContractFilters { min_value: Some(f64::NAN), ..filters() }), vec![("filters.min_value", "NaN")]),
        (
            filtered(pb::ContractFilters { max_value: Some(f64::INFINITY), ..filters() }),
            vec![("filters.max_value", "inf")],
        ),
        (filtered(pb::ContractFilters { max_value: Some(0.001), ..filters() }), vec![("filters.max_value", "0.001")]),
        (
            filtered(pb::ContractFilters { min_value: Some(2.0), max_value: Some(1.0), ..filters() }),
            vec![("filters.max_value", "1.00")],
        ),
        (filtered(pb::ContractFilters { year: Some(1815), ..filters() }), vec![("filters.year", "1815")]),
        (
            filtered(pb::ContractFilters { modalidades: vec![6, 99], ..filters() }),
            vec![("filters.modalidades[1]", "99")],
        ),
        (filtered(pb::ContractFilters { modalidades: vec![0], ..filters() }), vec![("filters.modalidades[0]", "0")]),
        (
            filtered(pb::ContractFilters { category: "y".repeat(201), ..filters() }),
            vec![("filters.category", "at most 200")],
        ),
        (
            filtered(pb::ContractFilters { supplier_id: "529.982.247-25".to_owned(), ..filters() }),
            vec![("filters.supplier_id", "***.982.247-**")],
        ),
        (
            pb::StartInvestigationRequest { investigation_type: 42, ..query("contratos") },
            vec![("investigation_type", "42")],
        ),
        (
            pb::StartInvestigationRequest { request_id: "again".to_owned(), ..query("contratos") },
            vec![("request_id", "again")],
        ),
        (
            pb::StartInvestigationRequest {
                options: Some(pb::InvestigationOptions { detectors: vec!["nope".to_owned()], ..Default::default() }),
                ..query("contratos")
            },
            vec![("options.detectors[0]", "nope")],
        ),
        // Everything wrong is told at once.
        (
            pb::StartInvestigationRequest {
                investigation_type: -1,
                request_id: "x".to_owned(),
                filters: Some(pb::ContractFilters { year: Some(0), min_value: Some(f64::NAN), ..filters() }),
                ..query("")
            },
            vec![
                ("query", "\"\""),
                ("filters.year", "0"),
                ("investigation_type", "-1"),
                ("filters.min_value", "NaN"),
                ("request_id", "x"),
            ],
        ),
    ];
    for (request, expected) in cases {
        refuses(&client.start_investigation(request).await.unwrap_err(), &expected);
    }
    let listed = client.list_investigations(pb::ListInvestigationsRequest::default()).await.unwrap().into_inner();
    assert!(listed.investigations.is_empty(), "nothing that was refused is stored");
}

#[tokio::test]
async fn a_bad_analysis_names_each_field_and_value() {
    let server = TestServer::idle().await;
    let mut client = server.analyses();
    let scan = || pb::StartAnalysisRequest { analysis_type: pb::AnalysisType::QuickScan as i32, ..Default::default() };
    let range = |start: &str, end: &str| Some(pb::TimeRange { start_date: start.to_owned(), end_date: end.to_owned() });
    let cases: Vec<(pb::StartAnalysisRequest, Vec<(&str, &str)>)> = vec![
        (pb::StartAnalysisRequest::default(), vec![("analysis_type", "0")]),
        (pb::StartAnalysisRequest { analysis_type: 9, ..Default::default() }, vec![("analysis_type", "9")]),
        (pb::StartAnalysisRequest { data_source: 7, ..scan() }, vec![("data_source", "7")]),
        (
            pb::StartAnalysisRequest { time_range: range("2024-12-31", "2024-01-01"), ..scan() },
            vec![("time_range.end_date", "2024-01-01")],
        ),
        (pb::StartAnalysisRequest { time_range: range("soon", ""), ..scan() }, vec![("time_range.start_date", "soon")]),
        (
            pb::StartAnalysisRequest {
                filters: Some(pb::ContractFilters { max_value: Some(-3.0), ..Default::default() }),
                ..scan()
            },
            vec![("filters.max_value", "-3.00")],
        ),
        (pb::StartAnalysisRequest { request_id: "1".to_owned(), ..scan() }, vec![("request_id", "1")]),
    ];
    for (request, expected) in cases {
        refuses(&client.start_analysis(request).await.unwrap_err(), &expected);
    }
    let started = client.start_analysis(scan()).await.unwrap().into_inner();
    assert_eq!(started.status, "started");
    assert!(started.estimated_completion.is_some());
    let id = started.analysis_id;
    let analysis = client.get_analysis(pb::GetAnalysisRequest { analysis_id: id.clone() }).await.unwrap().into_inner();
    assert_eq!(analysis.status(), pb::JobState::Pending);
    assert_eq!(analysis.analysis_type(), pb::AnalysisType::QuickScan);
    let status =
        client.get_analysis_results(pb::GetAnalysisResultsRequest { analysis_id: id.clone() }).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "NOT_FINISHED"));
    // An analysis is no investigation.
    let status = server
        .investigations()
        .get_investigation(pb::GetInvestigationRequest { investigation_id: id })
        .await
        .unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "INVESTIGATION_NOT_FOUND"));
}

#[tokio::test]
async fn ids_of_nothing_are_not_found_and_empty_ones_refused() {
    let server = TestServer::idle().await;
    let mut client = server.investigations();
    macro_rules! each {
        ($id:expr) => {{
            let investigation_id = $id.to_owned();
            let id = || investigation_id.clone();
            [
                client.get_investigation(pb::GetInvestigationRequest { investigation_id: id() }).await.unwrap_err(),
                client
                    .cancel_investigation(pb::CancelInvestigationRequest { investigation_id: id() })
                    .await
                    .unwrap_err(),
                client
                    .watch_investigation(pb::WatchInvestigationRequest { investigation_id: id(), after_sequence: 0 })
                    .await
                    .unwrap_err(),
                client
                    .get_investigation_results(pb::GetInvestigationResultsRequest {
                        investigation_id: id(),
                        ..Default::default()
                    })
                    .await
                    .unwrap_err(),
                client
                    .get_investigation_report(pb::GetInvestigationReportRequest {
                        investigation_id: id(),
                        ..Default::default()
                    })
                    .await
                    .unwrap_err(),
            ]
        }};
    }
    for id in [UNKNOWN, "nonexistent", "' OR 1=1 --", &"9".repeat(500)] {
        for status in each!(id) {
            assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "INVESTIGATION_NOT_FOUND"));
        }
    }
    for status in each!("") {
        refuses(&status, &[("investigation_id", "\"\"")]);
    }
    let mut analyses = server.analyses();
    let status = analyses.get_analysis(pb::GetAnalysisRequest { analysis_id: UNKNOWN.to_owned() }).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "ANALYSIS_NOT_FOUND"));
    let mut contracts = server.contracts();
    let status = contracts.get_contract(pb::GetContractRequest { contract_id: "x".to_owned() }).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "CONTRACT_NOT_FOUND"));
    let status = contracts.get_contract(pb::GetContractRequest::default()).await.unwrap_err();
    refuses(&status, &[("contract_id", "\"\"")]);
}

#[tokio::test]
async fn a_request_id_starts_once() {
    let server = TestServer::idle().await;
    let mut client = server.investigations();
    let request = |text: &str| pb::StartInvestigationRequest { request_id: UNKNOWN.to_uppercase(), ..query(text) };
    let first = client.start_investigation(request("contratos")).await.unwrap().into_inner();
    let again = client.start_investigation(request("contratos")).await.unwrap().into_inner();
    assert_eq!(first, again);
    assert_eq!(first.request_id, UNKNOWN);
    assert_eq!(first.created_by, "local");
    let status = client.start_investigation(request("outra pergunta")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["id"], first.investigation_id);
}

#[tokio::test]
async fn a_request_is_echoed_as_it_was_understood() {
    let server = TestServer::idle().await;
    let filters = pb::ContractFilters {
        min_value: Some(10_000.5),
        category: "tecnologia".to_owned(),
        year: Some(2024),
        modalidades: vec![pb::Modality::DispensaLicitacao as i32],
        start_date: "2024-01-01".to_owned(),
        ..Default::default()
    };
    let options = pb::InvestigationOptions { include_subcategories: Some(true), ..Default::default() };
    let request = pb::StartInvestigationRequest {
        investigation_type: pb::InvestigationType::SpendingAnalysis as i32,
        filters: Some(filters.clone()),
        options: Some(options),
        ..query("contratos de tecnologia acima de 10 mil reais")
    };
    let started = server.investigations().start_investigation(request).await.unwrap().into_inner();
    assert_eq!(started.filters, Some(filters));
    assert_eq!(started.investigation_type(), pb::InvestigationType::SpendingAnalysis);
    let options = started.options.unwrap();
    assert_eq!((options.include_subcategories, options.detect_anomalies), (Some(true), Some(true)));
    assert_eq!(started.status, pb::JobState::Pending as i32);
    assert_eq!((started.progress, started.last_sequence), (0.0, 1));
    assert!(started.create_time.is_some() && started.end_time.is_none());
}

#[tokio::test]
async fn a_list_is_paged_without_gap_or_repetition() {
    let server = TestServer::idle().await;
    let mut client = server.investigations();
    let mut started = Vec::new();
    for at in 0..7 {
        let one = client.start_investigation(query(&format!("contratos {at}"))).await.unwrap().into_inner();
        started.push(one.investigation_id);
    }
    started.reverse();
    let mut request = pb::ListInvestigationsRequest { page_size: 3, ..Default::default() };
    let mut listed = Vec::new();
    let mut sizes = Vec::new();
    let first_token = loop {
        let page = client.list_investigations(request.clone()).await.unwrap().into_inner();
        sizes.push(page.investigations.len());
        listed.extend(page.investigations.into_iter().map(|one| one.investigation_id));
        if page.next_page_token.is_empty() {
            break request.page_token.clone();
        }
        request.page_token = page.next_page_token;
    };
    assert_eq!((listed, sizes), (started, vec![3, 3, 1]));

    let refused = [
        (pb::ListInvestigationsRequest { page_token: "next".to_owned(), ..request.clone() }, "page_token", "next"),
        (pb::ListInvestigationsRequest { status: 2, page_token: first_token.clone(), page_size: 3 }, "page_token", ""),
        (pb::ListInvestigationsRequest { page_size: -1, ..Default::default() }, "page_size", "-1"),
        (pb::ListInvestigationsRequest { status: 77, ..Default::default() }, "status", "77"),
    ];
    for (request, field, value) in refused {
        refuses(&client.list_investigations(request).await.unwrap_err(), &[(field, value)]);
    }
    // Another size is no other question, and a thousand is the most.
    let request = pb::ListInvestigationsRequest { page_size: 5_000, page_token: first_token, ..Default::default() };
    assert_eq!(client.list_investigations(request).await.unwrap().into_inner().investigations.len(), 1);
    let request = pb::ListInvestigationsRequest { status: pb::JobState::Completed as i32, ..Default::default() };
    assert!(client.list_investigations(request).await.unwrap().into_inner().investigations.is_empty());
}

#[tokio::test]
async fn a_search_refuses_what_breaks_its_rules_and_finds_nothing_in_an_empty_lake() {
    let server = TestServer::idle().await;
    let mut client = server.contracts();
    let cases = [
        (pb::SearchContractsRequest { query: "z".repeat(201), ..Default::default() }, "query", "has 201"),
        (pb::SearchContractsRequest { query: "?!".to_owned(), ..Default::default() }, "query", "?!"),
        (pb::SearchContractsRequest { page_size: -7, ..Default::default() }, "page_size", "-7"),
        (pb::SearchContractsRequest { page_token: "7b".to_owned(), ..Default::default() }, "page_token", "7b"),
        (
            pb::SearchContractsRequest {
                filters: Some(pb::ContractFilters { year: Some(3), ..Default::default() }),
                ..Default::default()
            },
            "filters.year",
            "3",
        ),
    ];
    for (request, field, value) in cases {
        refuses(&client.search_contracts(request).await.unwrap_err(), &[(field, value)]);
    }
    let page = client.search_contracts(pb::SearchContractsRequest::default()).await.unwrap().into_inner();
    assert_eq!(page, pb::SearchContractsResponse::default());
}

#[tokio::test]
async fn a_watch_replays_follows_and_ends() {
    let server = TestServer::scripted(Script { findings: vec![finding("a", Severity::High)], ..Script::gated() }).await;
    let mut client = server.investigations();
    let id = client.start_investigation(query("contratos")).await.unwrap().into_inner().investigation_id;
    let watch = |after_sequence| pb::WatchInvestigationRequest { investigation_id: id.clone(), after_sequence };
    let mut live = client.watch_investigation(watch(0)).await.unwrap().into_inner();
    let first = live.next().await.unwrap().unwrap();
    assert_eq!((first.sequence, first.stage.as_str(), first.kind()), (1, "queued", pb::EventKind::StateChanged));
    assert_eq!(first.job_id, id);
    server.open_gate();
    let rest: Vec<_> =
        live.map(Result::unwrap).filter(|event| event.kind() != pb::EventKind::Heartbeat).collect().await;
    let all: Vec<_> = std::iter::once(first).chain(rest).collect();
    let last = all.len() as i64;
    assert_eq!(all.iter().map(|event| event.sequence).collect::<Vec<_>>(), (1..=last).collect::<Vec<_>>());
    assert_eq!(all.last().unwrap().kind(), pb::EventKind::Finished);
    assert_eq!(all.last().unwrap().state(), pb::JobState::Completed);
    assert!(all.windows(2).all(|pair| pair[0].fraction <= pair[1].fraction));
    for after in 0..=last {
        let replay = client.watch_investigation(watch(after)).await.unwrap().into_inner();
        let replay: Vec<_> = replay.map(Result::unwrap).collect().await;
        assert_eq!(replay, all[after as usize..], "after {after}");
    }
    let status = first_error(client.watch_investigation(watch(last + 1)).await).await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "SEQUENCE_AHEAD"));
    let metadata = status.get_error_details().error_info().unwrap().metadata.clone();
    assert_eq!(metadata["last_sequence"], last.to_string());
    refuses(&first_error(client.watch_investigation(watch(-1)).await).await, &[("after_sequence", "-1")]);
}

/// The status of a stream that fails at its start or with its first item.
async fn first_error<T: std::fmt::Debug>(answer: Result<tonic::Response<tonic::Streaming<T>>, Status>) -> Status {
    match answer {
        Err(status) => status,
        Ok(stream) => stream.into_inner().next().await.unwrap().unwrap_err(),
    }
}

#[tokio::test]
async fn a_silent_job_is_heard_of_all_the_same() {
    let server = TestServer::scripted(Script { heartbeat: Duration::from_millis(100), ..Script::gated() }).await;
    let mut client = server.investigations();
    let id = client.start_investigation(query("contratos")).await.unwrap().into_inner().investigation_id;
    let watch = pb::WatchInvestigationRequest { investigation_id: id.clone(), after_sequence: 0 };
    let mut events = client.watch_investigation(watch).await.unwrap().into_inner();
    let mut last = 0;
    let mut heartbeats = 0;
    while heartbeats < 2 {
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event.job_id, id);
        if event.kind() == pb::EventKind::Heartbeat {
            assert_eq!(event.sequence, last);
            heartbeats += 1;
        } else {
            assert_eq!(event.sequence, last + 1);
            last = event.sequence;
        }
    }
}

#[tokio::test]
async fn results_are_paged_counted_and_kept_back_until_the_end() {
    let severities = [Severity::Low, Severity::Critical, Severity::High, Severity::High, Severity::Medium];
    let findings: Vec<_> = severities.iter().zip("abcde".chars()).map(|(s, id)| finding(&id.to_string(), *s)).collect();
    let server = TestServer::scripted(Script { findings, ..Script::gated() }).await;
    let mut client = server.investigations();
    let id = client.start_investigation(query("contratos")).await.unwrap().into_inner().investigation_id;
    let results = pb::GetInvestigationResultsRequest { investigation_id: id.clone(), ..Default::default() };
    let report = pb::GetInvestigationReportRequest { investigation_id: id.clone(), ..Default::default() };
    for status in [
        client.get_investigation_results(results.clone()).await.unwrap_err(),
        client.get_investigation_report(report.clone()).await.unwrap_err(),
    ] {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "NOT_FINISHED"));
        assert_eq!(status.get_error_details().error_info().unwrap().metadata["id"], id);
    }
    server.open_gate();
    server.wait_for(&id, JobState::Completed).await;

    let mut seen = Vec::new();
    let mut request = pb::GetInvestigationResultsRequest { page_size: 2, ..results.clone() };
    let mut tokens = Vec::new();
    loop {
        let page = client.get_investigation_results(request.clone()).await.unwrap().into_inner();
        assert_eq!((page.total_findings, page.status()), (5, pb::JobState::Completed));
        let by_severity = page.metadata.unwrap().by_severity;
        assert_eq!(["critical", "high", "medium", "low"].map(|name| by_severity[name]), [1, 2, 1, 1]);
        assert!(page.findings.len() <= 2);
        seen.extend(page.findings.into_iter().map(|finding| (finding.severity, finding.id)));
        if page.next_page_token.is_empty() {
            break;
        }
        tokens.push(page.next_page_token.clone());
        request.page_token = page.next_page_token;
    }
    let order = [(4, "b"), (3, "c"), (3, "d"), (2, "e"), (1, "a")].map(|(rank, id)| (rank, id.to_owned()));
    assert_eq!(seen, order);

    let high = pb::Severity::High as i32;
    let request = pb::GetInvestigationResultsRequest { min_severity: high, ..results.clone() };
    let page = client.get_investigation_results(request).await.unwrap().into_inner();
    assert_eq!((page.findings.len(), page.total_findings), (3, 3));
    let token = tokens[0].clone();
    let refused = [
        (
            pb::GetInvestigationResultsRequest { page_token: token.clone(), min_severity: high, ..results.clone() },
            "page_token",
            token.as_str(),
        ),
        (pb::GetInvestigationResultsRequest { page_token: "zz".to_owned(), ..results.clone() }, "page_token", "zz"),
        (pb::GetInvestigationResultsRequest { page_size: -1, ..results.clone() }, "page_size", "-1"),
        (pb::GetInvestigationResultsRequest { min_severity: 9, ..results.clone() }, "min_severity", "9"),
        (pb::GetInvestigationResultsRequest { types: vec!["nope".to_owned()], ..results.clone() }, "types[0]", "nope"),
    ];
    for (request, field, value) in refused {
        refuses(&client.get_investigation_results(request).await.unwrap_err(), &[(field, value)]);
    }

    let rendered = client.get_investigation_report(report.clone()).await.unwrap().into_inner();
    assert_eq!((rendered.format.as_str(), rendered.language.as_str()), ("md", "pt"));
    assert!(!rendered.report_content.is_empty());
    let json =
        pb::GetInvestigationReportRequest { format: "json".to_owned(), language: "en".to_owned(), ..report.clone() };
    let rendered = client.get_investigation_report(json).await.unwrap().into_inner();
    let content: serde_json::Value = serde_json::from_str(&rendered.report_content).unwrap();
    assert_eq!(content["findings"].as_array().unwrap().len(), 5);
    let bad = pb::GetInvestigationReportRequest { format: "docx".to_owned(), language: "fr".to_owned(), ..report };
    let status = client.get_investigation_report(bad).await.unwrap_err();
    refuses(&status, &[("format", "docx"), ("language", "fr")]);
}

#[tokio::test]
async fn what_was_cancelled_keeps_what_it_found_and_has_no_report() {
    let server = TestServer::idle().await;
    let mut client = server.investigations();
    let id = client.start_investigation(query("contratos")).await.unwrap().into_inner().investigation_id;
    let cancel = pb::CancelInvestigationRequest { investigation_id: id.clone() };
    let cancelled = client.cancel_investigation(cancel.clone()).await.unwrap().into_inner();
    assert_eq!(cancelled.status(), pb::JobState::Cancelled);
    assert_eq!(client.cancel_investigation(cancel).await.unwrap().into_inner(), cancelled);
    let results = pb::GetInvestigationResultsRequest { investigation_id: id.clone(), ..Default::default() };
    let page = client.get_investigation_results(results).await.unwrap().into_inner();
    assert_eq!((page.status(), page.total_findings), (pb::JobState::Cancelled, 0));
    let report = pb::GetInvestigationReportRequest { investigation_id: id.clone(), ..Default::default() };
    let status = client.get_investigation_report(report).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "WITHOUT_RESULTS"));
    let watch = pb::WatchInvestigationRequest { investigation_id: id, after_sequence: 0 };
    let events: Vec<_> = client.watch_investigation(watch).await.unwrap().into_inner().collect().await;
    assert_eq!(events.last().unwrap().as_ref().unwrap().state(), pb::JobState::Cancelled);
}

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

const IMPORTS: [&str; 6] = [
    "cidadao/v1/common.proto",
    "google/api/annotations.proto",
    "google/api/field_behavior.proto",
    "google/api/http.proto",
    "google/protobuf/descriptor.proto",
    "google/protobuf/timestamp.proto",
];

#[tokio::test]
async fn a_client_that_knows_nothing_but_reflection_can_call() {
    let server = TestServer::idle().await;
    let expected = [
        "cidadao.v1.AnalysisService",
        "cidadao.v1.ContractService",
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

    let contract_id = seen[0].contract_id.clone();
    let read = client.get_contract(pb::GetContractRequest { contract_id }).await.unwrap().into_inner();
    let listed = pb::Contract { items: Vec::new(), amendments: Vec::new(), ..read.clone() };
    assert_eq!(listed, seen[0]);
    assert!(!read.items.is_empty());
    let source = read.source.unwrap();
    assert!(source.line > 1 && source.file.ends_with("_Compras.csv"), "{source:?}");
}
