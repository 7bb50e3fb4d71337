//! What the API refuses and how it says so; pages of a list.

use cidadao::api::pb;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{query, reason, refuses};
use crate::server::TestServer;

const UNKNOWN: &str = "0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f";

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
    let status = contracts
        .get_contract(pb::GetContractRequest { contract_id: "x".to_owned(), ..Default::default() })
        .await
        .unwrap_err();
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
