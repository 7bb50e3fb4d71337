//! One finding: its review and its explanation.

use cidadao::api::pb;
use cidadao::model::JobState;
use tonic::Code;

use super::{query, reason, refuses};
use crate::server::TestServer;

async fn investigate(server: &TestServer, parameters: Vec<pb::ParameterOverride>) -> String {
    let options = pb::InvestigationOptions {
        detectors: vec!["high_value_direct_award".to_owned(), "splitting_sum".to_owned()],
        parameters,
        allow_cached: Some(false),
        ..Default::default()
    };
    let request = pb::StartInvestigationRequest { options: Some(options), ..query("contratos") };
    let started = server.investigations().start_investigation(request).await.unwrap().into_inner();
    server.wait_for(&started.investigation_id, JobState::Completed).await;
    started.investigation_id
}

async fn results(server: &TestServer, investigation_id: &str, review_states: &[pb::ReviewState]) -> Vec<pb::Finding> {
    let request = pb::GetInvestigationResultsRequest {
        investigation_id: investigation_id.to_owned(),
        page_size: 1000,
        review_states: review_states.iter().map(|state| *state as i32).collect(),
        ..Default::default()
    };
    let results = server.investigations().get_investigation_results(request).await.unwrap().into_inner();
    assert_eq!(results.total_findings as usize, results.findings.len());
    results.findings
}

fn says(finding_id: &str, state: pb::ReviewState, reason: &str) -> pb::ReviewFindingRequest {
    pb::ReviewFindingRequest { finding_id: finding_id.to_owned(), state: state as i32, reason: reason.to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_review_shows_in_results_and_reports_and_outlives_the_run() {
    let server = TestServer::with_sample(300).await;
    let mut client = server.investigations();
    let first = investigate(&server, Vec::new()).await;
    let found = results(&server, &first, &[]).await;
    assert!(found.len() >= 2);
    for finding in &found {
        let review = finding.review.clone().unwrap();
        assert_eq!((review.state(), review.reviewer.as_str(), review.review_time), (pb::ReviewState::Open, "", None));
    }
    let dismissed = says(&found[0].id, pb::ReviewState::Dismissed, " Prorrogação na folha 12, de 529.982.247-25 ");
    let review = client.review_finding(dismissed.clone()).await.unwrap().into_inner();
    assert_eq!(review.state(), pb::ReviewState::Dismissed);
    assert_eq!(review.reason, "Prorrogação na folha 12, de ***.982.247-**", "a CPF is masked");
    assert_eq!(review.reviewer, "local");
    assert_eq!(client.review_finding(dismissed).await.unwrap().into_inner(), review, "the same again changes nothing");
    client.review_finding(says(&found[1].id, pb::ReviewState::Confirmed, "")).await.unwrap();

    let second = investigate(&server, Vec::new()).await;
    assert_ne!(first, second);
    for id in [&first, &second] {
        let all = results(&server, id, &[]).await;
        assert_eq!(all.len(), found.len());
        assert_eq!(all[0].review, Some(review.clone()));
        let ids = async |states: &[pb::ReviewState]| -> Vec<String> {
            results(&server, id, states).await.into_iter().map(|finding| finding.id).collect()
        };
        use pb::ReviewState::{Confirmed, Dismissed, Open};
        assert_eq!(ids(&[Dismissed]).await, [found[0].id.clone()]);
        assert_eq!(ids(&[Confirmed, Dismissed]).await, [found[0].id.clone(), found[1].id.clone()]);
        let open: Vec<_> = found[2..].iter().map(|finding| finding.id.clone()).collect();
        assert_eq!(ids(&[Open]).await, open);
    }
    for (format, words) in [
        ("md", "Revisão: descartado (local, "),
        ("html", "Revisão: descartado (local, "),
        ("json", "\"state\": \"dismissed\""),
        ("csv", "dismissed,"),
    ] {
        let investigation_id = second.clone();
        let request =
            pb::GetInvestigationReportRequest { investigation_id, format: format.to_owned(), ..Default::default() };
        let report = client.get_investigation_report(request).await.unwrap().into_inner().report_content;
        assert!(report.contains(words) && report.contains("folha 12"), "{format}: {report}");
        assert!(!report.contains("529.982"), "{format}");
        // What could not be judged says how much of what it needs is published.
        assert_eq!(report.contains(" linhas publicadas têm valor."), ["md", "html"].contains(&format), "{format}");
    }
    let request = pb::GetInvestigationResultsRequest { investigation_id: second, page_size: 1, ..Default::default() };
    let metadata = client.get_investigation_results(request).await.unwrap().into_inner().metadata.unwrap();
    let reasons = metadata.detectors.iter().flat_map(|one| &one.reasons);
    let published: Vec<_> = reasons.flat_map(|reason| &reason.published).collect();
    assert!(published.iter().any(|one| one.column.starts_with("contracts.")), "{published:?}");
    assert!(published.iter().all(|one| one.rows > 0 && (0..=one.rows).contains(&one.filled)), "{published:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_review_is_refused() {
    let server = TestServer::with_sample(300).await;
    let mut client = server.investigations();
    let id = results(&server, &investigate(&server, Vec::new()).await, &[]).await[0].id.clone();
    let long = "é".repeat(1_001);
    for (request, expected) in [
        (says(&id, pb::ReviewState::Unspecified, ""), ("state", "0")),
        (pb::ReviewFindingRequest { state: 9, ..says(&id, pb::ReviewState::Open, "") }, ("state", "9")),
        (says(&id, pb::ReviewState::Dismissed, " \n"), ("reason", "\"\"")),
        (says(&id, pb::ReviewState::Open, &long), ("reason", "has 1001")),
        (says(&id, pb::ReviewState::Open, "a\u{1b}[2J"), ("reason", "U+001B")),
        (says("", pb::ReviewState::Open, ""), ("finding_id", "\"\"")),
    ] {
        refuses(&client.review_finding(request).await.unwrap_err(), &[expected]);
    }
    for id in ["none", "' OR 1=1 --", "a\0b"] {
        let status = client.review_finding(says(id, pb::ReviewState::Open, "")).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "FINDING_NOT_FOUND"));
        let request = pb::ExplainFindingRequest { finding_id: id.to_owned() };
        let status = client.explain_finding(request).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "FINDING_NOT_FOUND"));
    }
    let request = pb::GetInvestigationResultsRequest {
        investigation_id: investigate(&server, Vec::new()).await,
        review_states: vec![1, 0, 7],
        ..Default::default()
    };
    let status = client.get_investigation_results(request).await.unwrap_err();
    refuses(&status, &[("review_states[1]", "0"), ("review_states[2]", "7")]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_finding_comes_out_again_with_its_query_and_rows() {
    let server = TestServer::with_sample(300).await;
    let mut client = server.investigations();
    let lower = pb::ParameterOverride {
        detector: "high_value_direct_award".to_owned(),
        name: "min_value".to_owned(),
        value: "900000".to_owned(),
    };
    let mut explained = 0;
    for parameters in [vec![], vec![lower]] {
        let overridden = !parameters.is_empty();
        let investigation_id = investigate(&server, parameters).await;
        for finding in results(&server, &investigation_id, &[]).await.into_iter().take(8) {
            let request = pb::ExplainFindingRequest { finding_id: finding.id.clone() };
            let told = client.explain_finding(request).await.unwrap().into_inner();
            assert!(told.reproduced && told.difference.is_empty(), "{}", told.difference);
            let again = told.recomputed.unwrap();
            assert_eq!(again, finding, "to the last value");
            assert_eq!(told.finding.unwrap(), finding);
            assert!(told.lake_version > 0 && told.plan.unwrap().lake_version == told.lake_version);
            assert!(told.query.contains("FROM") && !told.query.contains('$'));
            assert!(!told.tables.is_empty() && told.detector.unwrap().id == finding.r#type);
            if finding.r#type == "high_value_direct_award" {
                let value = if overridden { "900000.00" } else { "1000000.00" };
                assert_eq!(told.investigation_id, investigation_id);
                assert_eq!(told.parameters[0].value, value);
                assert!(told.query.contains(value));
            }
            explained += 1;
        }
    }
    assert!(explained >= 6, "{explained}");
    server.stop().await;
}

#[tokio::test]
async fn what_does_not_come_out_again_is_said() {
    // Findings that no detector made.
    let server = TestServer::scripted(crate::server::Script {
        findings: vec![crate::server::finding("made-up", cidadao::model::Severity::High)],
        ..crate::server::Script::gated()
    })
    .await;
    let mut client = server.investigations();
    let started = client.start_investigation(query("contratos")).await.unwrap().into_inner();
    server.open_gate();
    server.wait_for(&started.investigation_id, JobState::Completed).await;
    let request = pb::ExplainFindingRequest { finding_id: "made-up".to_owned() };
    let status = client.explain_finding(request).await.unwrap_err();
    assert!(matches!(status.code(), Code::NotFound | Code::FailedPrecondition), "{status:?}");
    server.stop().await;
}
