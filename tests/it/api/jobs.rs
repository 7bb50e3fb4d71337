//! Investigations that run: events, results, reports, cancellation.

use std::time::Duration;

use cidadao::api::pb;
use cidadao::model::{JobState, Severity};
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{query, reason, refuses};
use crate::server::{Script, TestServer, finding};

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
