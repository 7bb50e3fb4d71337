//! Every call, against the real binary.

use cidadao_client::{Kind, Watch, v1};
use futures_util::TryStreamExt as _;
use uuid::Uuid;

use crate::server::Product;
use crate::{connect, refused};

/// Checks that sequences are 1, 2, 3, … and that the last event is the end.
fn gapless(events: &[v1::ProgressEvent]) {
    let sequences: Vec<i64> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=sequences.len() as i64).collect::<Vec<_>>());
    let last = events.last().unwrap();
    assert_eq!((last.kind(), last.state()), (v1::EventKind::Finished, v1::JobState::Completed), "{last:?}");
}

fn results(id: &str) -> v1::GetInvestigationResultsRequest {
    v1::GetInvestigationResultsRequest { investigation_id: id.to_owned(), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_costs_no_event_and_doubles_none() {
    let mut server = Product::start();
    let client = connect(&server.address());
    let request = v1::StartInvestigationRequest {
        query: "contratos".into(),
        // Not answered from an earlier run.
        options: Some(v1::InvestigationOptions { allow_cached: Some(false), ..Default::default() }),
        ..Default::default()
    };
    let id = client.start_investigation(request).await.unwrap().investigation_id;
    let mut following = client.watch_investigation(&id, Watch::default());
    let mut events = Vec::new();
    while let Some(event) = following.try_next().await.unwrap() {
        // The kill costs the job an attempt; who is asked to stop takes leave of its watchers first.
        match event.sequence {
            4 => server.restart("KILL"),
            6 => server.restart("TERM"),
            _ => {}
        }
        events.push(event);
    }
    gapless(&events);
    let attempt = client.get_investigation(&id).await.unwrap().attempt;
    assert!(attempt >= 2, "the kill did not come in the middle");

    // The same events again, from the middle and from the end.
    let again = |after: i64| client.watch_investigation(&id, Watch::after(after)).try_collect::<Vec<_>>();
    assert_eq!(again(4).await.unwrap(), events[4..]);
    let end = events.len() as i64;
    assert_eq!(again(end).await.unwrap(), []);
    refused(again(end + 1).await, Kind::OutOfRange);

    // Every finding, whatever the pages.
    let page = |page_size: i32| v1::GetInvestigationResultsRequest { page_size, ..results(&id) };
    let whole = client.get_investigation_results(page(1_000)).await.unwrap();
    assert_eq!(whole.total_findings as usize, whole.findings.len());
    assert!(whole.findings.len() > 20, "{} findings", whole.findings.len());
    let paged: Vec<_> = client.findings(page(7)).try_collect().await.unwrap();
    assert_eq!(paged, whole.findings);
    let severe = v1::GetInvestigationResultsRequest { min_severity: v1::Severity::High.into(), ..results(&id) };
    let severe: Vec<_> = client.findings(severe).try_collect().await.unwrap();
    assert!(!severe.is_empty() && severe.len() < whole.findings.len(), "{} severe findings", severe.len());

    let request = v1::GetInvestigationReportRequest {
        investigation_id: id.clone(),
        format: "html".into(),
        language: "en".into(),
    };
    let report = client.get_investigation_report(request).await.unwrap();
    assert!(report.content_type.starts_with("text/html") && report.report_content.contains(&id));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_outlive_a_server_that_is_killed() {
    let mut server = Product::start();
    let client = connect(&server.address());
    client.get_health().await.unwrap();
    // Nobody tells the client: it finds out with its next call, on the connection that is no more.
    server.restart("KILL");
    client.get_health().await.unwrap();
}

#[tokio::test]
async fn a_request_id_makes_one_job() {
    let server = Product::shared();
    let client = connect(&server.address());
    let filters = v1::ContractFilters {
        min_value: Some(1e6),
        modalidades: vec![v1::Modality::DispensaLicitacao.into()],
        ..Default::default()
    };
    let request = |query: &str, request_id: &str| v1::StartInvestigationRequest {
        query: query.into(),
        request_id: request_id.into(),
        filters: Some(filters.clone()),
        ..Default::default()
    };
    let id = Uuid::new_v4().to_string();
    let one = client.start_investigation(request("dispensas", &id)).await.unwrap();
    let again = client.start_investigation(request("dispensas", &id)).await.unwrap();
    assert_eq!((&again.investigation_id, &one.filters), (&one.investigation_id, &Some(filters.clone())));
    let reused = refused(client.start_investigation(request("convites", &id)).await, Kind::AlreadyExists);
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    let other = client.start_investigation(request("dispensas", "")).await.unwrap();
    assert_ne!(other.investigation_id, one.investigation_id);
    for started in [&other, &one] {
        client.cancel_investigation(&started.investigation_id).await.unwrap();
    }
    assert_eq!(client.get_investigation(&one.investigation_id).await.unwrap().query, "dispensas");
    let listed = v1::ListInvestigationsRequest { page_size: 1, ..Default::default() };
    let listed: Vec<_> = client.investigations(listed).try_collect().await.unwrap();
    let place = |id: &str| listed.iter().position(|one| one.investigation_id == id).unwrap();
    assert!(place(&other.investigation_id) < place(&one.investigation_id), "not newest first");
}

#[tokio::test]
async fn a_batch_has_a_result_for_each_request() {
    let server = Product::shared();
    let client = connect(&server.address());
    let request = |query: &str| v1::StartInvestigationRequest { query: query.into(), ..Default::default() };
    let mut results = client.batch_start_investigations(vec![request("dispensas"), request("")]).await.unwrap();
    let second = refused(results.pop().unwrap(), Kind::InvalidArgument);
    assert_eq!(second.field_violations[0].field, "query");
    let first = results.pop().unwrap().unwrap();
    assert!(first.query == "dispensas" && results.is_empty());

    let since = v1::WatchInvestigationsRequest { ended_after: first.create_time, ..Default::default() };
    let mut watched = client.watch_investigations(since, false);
    let mut seen = false;
    loop {
        match watched.try_next().await.unwrap().unwrap().item.unwrap() {
            v1::watch_investigations_response::Item::Investigation(one) => {
                seen |= one.investigation_id == first.investigation_id;
            }
            v1::watch_investigations_response::Item::CaughtUp(_) => break,
            v1::watch_investigations_response::Item::Heartbeat(_) => panic!("heartbeats were not asked for"),
        }
    }
    client.cancel_investigation(&first.investigation_id).await.unwrap();
    assert!(seen, "the investigation is not among those that are followed");
}

#[tokio::test]
async fn an_analysis() {
    let server = Product::shared();
    let client = connect(&server.address());
    let request = v1::StartAnalysisRequest {
        analysis_type: v1::AnalysisType::SpendingTrends.into(),
        time_range: Some(v1::TimeRange { start_date: "2024-01-01".into(), end_date: "2024-12-31".into() }),
        ..Default::default()
    };
    let id = client.start_analysis(request).await.unwrap().analysis_id;
    let events: Vec<_> = client.watch_analysis(&id, Watch::default()).try_collect().await.unwrap();
    gapless(&events);
    let end = Watch::after(events.len() as i64);
    assert_eq!(client.watch_analysis(&id, end).try_collect::<Vec<_>>().await.unwrap(), []);
    assert_eq!(client.get_analysis(&id).await.unwrap().status(), v1::JobState::Completed);
    let results = client.get_analysis_results(&id).await.unwrap();
    assert!(results.contracts > 0 && !results.by_month.is_empty(), "{results:?}");
}

#[tokio::test]
async fn contracts() {
    let server = Product::shared();
    let client = connect(&server.address());
    let request = |page_size: i32| v1::SearchContractsRequest {
        page_size,
        filters: Some(v1::ContractFilters { min_value: Some(5e5), ..Default::default() }),
        ..Default::default()
    };
    let page = client.search_contracts(request(10)).await.unwrap();
    let all: Vec<_> = client.contracts(request(1_000)).try_collect().await.unwrap();
    assert_eq!((page.contracts.len(), page.total_contracts as usize), (10, all.len()));
    assert!(all.len() > 10);
    assert_eq!(page.contracts, all[..10]);
    let one = client.get_contract(&all[0].contract_id).await.unwrap();
    assert_eq!(one.current_value, all[0].current_value);
}

#[tokio::test]
async fn health() {
    let server = Product::shared();
    let client = connect(&server.address());
    let health = client.get_health().await.unwrap();
    assert!(health.status() == v1::HealthState::Healthy && !health.version.is_empty(), "{health:?}");
    let watched = client.watch_health().try_next().await.unwrap().unwrap();
    assert!(!watched.dependencies.is_empty(), "{watched:?}");
    assert_eq!(watched.dependencies.len(), health.dependencies.len());
}
