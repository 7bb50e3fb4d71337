//! Several starts at once, and the stream of all investigations.

use std::time::Duration;

use cidadao::api::pb;
use cidadao::api::pb::batch_start_result::Result as One;
use cidadao::api::pb::watch_investigations_response::Item;
use tonic::Code;

use super::query;
use crate::server::{Script, TestServer};

fn batch(requests: Vec<pb::StartInvestigationRequest>) -> pb::BatchStartInvestigationsRequest {
    pb::BatchStartInvestigationsRequest { requests }
}

#[tokio::test]
async fn each_of_a_batch_has_a_result_of_its_own() {
    let server = TestServer::idle().await;
    let mut client = server.investigations();
    let request_id = uuid::Uuid::new_v4().to_string();
    let twice = pb::StartInvestigationRequest { request_id: request_id.clone(), ..query("duas vezes") };
    let mut requests: Vec<_> = (0..97).map(|n| query(&format!("contratos acima de {n} mil"))).collect();
    requests.push(twice.clone());
    requests.insert(50, query(" "));
    requests.push(pb::StartInvestigationRequest { request_id, ..query("outra coisa") });
    assert_eq!(requests.len(), 100);
    let results = client.batch_start_investigations(batch(requests.clone())).await.unwrap().into_inner().results;
    assert_eq!(results.len(), 100);
    for (at, (result, request)) in results.iter().zip(&requests).enumerate() {
        match result.result.as_ref().unwrap() {
            One::Investigation(started) => assert_eq!(started.query, request.query, "{at}"),
            One::Error(error) => {
                let code = if at == 50 { Code::InvalidArgument } else { Code::AlreadyExists };
                assert_eq!(error.code, code as i32, "{at}: {}", error.message);
                assert!(!error.details.is_empty());
                if at == 50 {
                    assert!(error.message.contains("query"), "{}", error.message);
                }
            }
        }
    }
    // Of the two with one id, one was first.
    let refused: Vec<usize> =
        (0..100).filter(|at| matches!(results[*at].result, Some(One::Error(_))) && *at != 50).collect();
    assert_eq!(refused.len(), 1);
    let again =
        client.batch_start_investigations(batch(vec![requests[if refused[0] == 99 { 98 } else { 99 }].clone()]));
    assert!(matches!(again.await.unwrap().into_inner().results[0].result, Some(One::Investigation(_))));

    for (requests, count) in [(vec![], "0"), (vec![query("x"); 101], "101")] {
        let refused = client.batch_start_investigations(batch(requests)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("requests") && refused.message().contains("100"), "{count}: {refused:?}");
    }
}

#[tokio::test]
async fn a_dashboard_sees_each_change() {
    let server = TestServer::scripted(Script::gated()).await;
    let mut client = server.investigations();
    let first = client.start_investigation(query("contratos")).await.unwrap().into_inner();
    let watch = |status: Vec<i32>| pb::WatchInvestigationsRequest { status, ..Default::default() };
    let mut all = client.watch_investigations(watch(vec![])).await.unwrap().into_inner();
    let completed = pb::JobState::Completed as i32;
    let mut done = client.watch_investigations(watch(vec![completed])).await.unwrap().into_inner();
    let item = all.message().await.unwrap().unwrap();
    assert!(item.event_time.is_some());
    assert!(matches!(item.item, Some(Item::Investigation(job)) if job.investigation_id == first.investigation_id));
    while !matches!(all.message().await.unwrap().unwrap().item, Some(Item::CaughtUp(true))) {}
    assert!(matches!(done.message().await.unwrap().unwrap().item, Some(Item::CaughtUp(true))));
    server.open_gate();
    let ended = loop {
        let item = tokio::time::timeout(Duration::from_secs(10), done.message()).await.expect("in time");
        if let Some(Item::Investigation(job)) = item.unwrap().unwrap().item {
            break job;
        }
    };
    assert_eq!((ended.investigation_id.as_str(), ended.status), (first.investigation_id.as_str(), completed));
    assert_eq!(ended.attempt, 1);

    let long_ago = prost_types::Timestamp { seconds: 1, nanos: 0 };
    for (request, field) in [
        (watch(vec![99]), "status[0]"),
        (watch(vec![0]), "status[0]"),
        (pb::WatchInvestigationsRequest { ended_after: Some(long_ago), ..Default::default() }, "ended_after"),
        (pb::WatchInvestigationsRequest { investigation_type: 77, ..Default::default() }, "investigation_type"),
    ] {
        let refused = client.watch_investigations(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(field), "{refused:?}");
    }
}

#[tokio::test]
async fn priority_and_deadline_are_checked_and_shown() {
    let server = TestServer::idle().await;
    let mut client = server.investigations();
    let with = |options| pb::StartInvestigationRequest { options: Some(options), ..query("contratos") };
    let timeout = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let options =
        pb::InvestigationOptions { priority: pb::Priority::High as i32, timeout: timeout(90), ..Default::default() };
    let started = client.start_investigation(with(options)).await.unwrap().into_inner();
    let shown = started.options.unwrap();
    assert_eq!((shown.priority(), shown.timeout), (pb::Priority::High, timeout(90)));
    assert_eq!(started.deadline.unwrap().seconds, started.create_time.unwrap().seconds + 90);
    for (options, field) in [
        (pb::InvestigationOptions { priority: 9, ..Default::default() }, "options.priority"),
        (pb::InvestigationOptions { timeout: timeout(0), ..Default::default() }, "options.timeout"),
        (pb::InvestigationOptions { timeout: timeout(-5), ..Default::default() }, "options.timeout"),
        (pb::InvestigationOptions { timeout: timeout(i64::MAX), ..Default::default() }, "options.timeout"),
    ] {
        let refused = client.start_investigation(with(options)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(field), "{refused:?}");
    }
}
