//! Parameters of detectors in place of their defaults.

use cidadao::api::pb;
use cidadao::model::JobState;

use super::{query, refuses};
use crate::server::TestServer;

fn with(detectors: &[&str], parameters: &[(&str, &str, &str)]) -> pb::StartInvestigationRequest {
    let parameter = |(detector, name, value): &(&str, &str, &str)| pb::ParameterOverride {
        detector: (*detector).to_owned(),
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    let options = pb::InvestigationOptions {
        detectors: detectors.iter().map(|id| (*id).to_owned()).collect(),
        parameters: parameters.iter().map(parameter).collect(),
        ..Default::default()
    };
    pb::StartInvestigationRequest { options: Some(options), ..query("contratos") }
}

#[tokio::test]
async fn wrong_parameters_name_field_rule_and_value() {
    let server = TestServer::idle().await;
    let mut client = server.investigations();
    for (request, field, value) in [
        (with(&[], &[("none", "x", "1")]), "options.parameters[0].detector", "none"),
        (with(&["duplicates"], &[("value_jump", "low_ratio", "0.2")]), "options.parameters[0].detector", "value_jump"),
        (with(&[], &[("value_risk", "high_from", "1")]), "options.parameters[0].detector", "value_risk"),
        (with(&[], &[("value_jump", "ratio", "0.2")]), "options.parameters[0].name", "ratio"),
        (with(&[], &[("amendment_cap", "cap", "0.3")]), "options.parameters[0].value", "0.3"),
        (with(&[], &[("value_jump", "low_ratio", "1 OR 1=1")]), "options.parameters[0].value", "1 OR 1=1"),
        (with(&[], &[("value_jump", "low_ratio", "0.6")]), "options.parameters[0].value", "0.60"),
    ] {
        refuses(&client.start_investigation(request).await.unwrap_err(), &[(field, value)]);
    }
    let many = vec![("value_jump", "low_ratio", "0.2"); 101];
    refuses(&client.start_investigation(with(&[], &many)).await.unwrap_err(), &[("options.parameters", "101")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_override_shows_in_plan_and_findings_and_is_no_earlier_answer() {
    let server = TestServer::with_sample(300).await;
    let mut client = server.investigations();
    let mut run = async |parameters: &[(&str, &str, &str)]| {
        let request = with(&["high_value_direct_award"], parameters);
        let started = client.start_investigation(request).await.unwrap().into_inner();
        server.wait_for(&started.investigation_id, JobState::Completed).await;
        let investigation_id = started.investigation_id;
        let request = pb::GetInvestigationResultsRequest { investigation_id, page_size: 1000, ..Default::default() };
        client.get_investigation_results(request).await.unwrap().into_inner()
    };
    let usual = run(&[]).await;
    let lower = run(&[("high_value_direct_award", "min_value", "1000")]).await;
    let again = run(&[("high_value_direct_award", "min_value", "1000.00")]).await;
    let spelt = run(&[("high_value_direct_award", "min_value", "1000000")]).await;

    assert!(usual.total_findings > 0 && lower.total_findings > usual.total_findings);
    type Results = pb::GetInvestigationResultsResponse;
    let metadata = |of: &Results| of.metadata.clone().unwrap();
    let plan = |of: &Results| metadata(of).plan.unwrap();
    assert!(plan(&usual).parameters.is_empty());
    let expected = pb::PlanParameter {
        detector: "high_value_direct_award".to_owned(),
        name: "min_value".to_owned(),
        value: "1000.00".to_owned(),
        default_value: "1000000.00".to_owned(),
    };
    assert_eq!(plan(&lower).parameters, [expected]);
    assert_eq!(metadata(&lower).cached_from, "", "another number is another question");
    assert_eq!(metadata(&again).cached_from, lower.investigation_id, "the same number is the same question");
    assert_eq!(metadata(&spelt).cached_from, usual.investigation_id, "the default is no override");
    assert!(metadata(&lower).detectors[0].warnings.iter().any(|warning| warning.contains("parâmetros alterados")));

    let limit = |finding: &pb::Finding| {
        let limits = finding.evidence.clone().unwrap().limits;
        limits.into_iter().find(|limit| limit.name == "min_value").unwrap()
    };
    for finding in &lower.findings {
        let limit = limit(finding);
        assert_eq!((limit.value.as_str(), limit.default_value.as_str()), ("1000.00", "1000000.00"));
        assert_eq!(limit.text, "R$ 1.000,00 (alterado; padrão: R$ 1.000.000,00)");
        assert_eq!(limit.text_en, "R$ 1,000.00 (overridden; default: R$ 1,000,000.00)");
        assert!(usual.findings.iter().all(|other| other.id != finding.id));
    }
    assert!(usual.findings.iter().all(|finding| limit(finding).default_value.is_empty()));
    let request = pb::GetInvestigationReportRequest { investigation_id: lower.investigation_id, ..Default::default() };
    let report = client.get_investigation_report(request).await.unwrap().into_inner().report_content;
    assert!(report.contains(r"high\_value\_direct\_award.min\_value = 1000.00 (padrão: 1000000.00)"), "{report}");
    assert!(report.contains("R$ 1.000,00 (alterado; padrão: R$ 1.000.000,00)"));
    server.stop().await;
}
