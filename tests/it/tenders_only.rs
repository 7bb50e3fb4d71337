//! A lake that holds tenders and no contract, from the files to the findings, through the real server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cidadao::api::client::Client;
use cidadao::api::pb;

use crate::binary::{Server, cidadao, ok, shared};

/// What an investigation of everything said: its events, its findings and the counts of each detector.
struct Told {
    stages: Vec<(i64, String, i64)>,
    findings: Vec<pb::Finding>,
    status: pb::JobState,
    detectors: Vec<pb::DetectorSummary>,
}

fn investigate(data: &Path, sources: &[&Path]) -> Told {
    for source in sources {
        ok(&cidadao(data).arg("import").arg(source).output().unwrap());
    }
    let server = Server::of(cidadao(data));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(&server.url(), None).await.unwrap();
        let request = pb::StartInvestigationRequest { query: "licitações".to_owned(), ..Default::default() };
        let started = client.start(request).await.unwrap();
        let mut stages = Vec::new();
        client
            .follow(&started.investigation_id, |event| {
                let found = event.counts.as_ref().map_or(0, |counts| counts.findings);
                stages.push((event.sequence, event.stage.clone(), found));
            })
            .await
            .unwrap();
        let (findings, results) = client.results(&started.investigation_id).await.unwrap();
        let (status, about) = (results.status(), results.metadata.unwrap());
        Told { stages, findings, status, detectors: about.detectors }
    })
}

/// What holds of every lake without contracts.
fn check(told: &Told) {
    assert_eq!(told.status, pb::JobState::Completed);
    let sequences: Vec<i64> = told.stages.iter().map(|(sequence, ..)| *sequence).collect();
    assert_eq!(sequences, (1..=sequences.len() as i64).collect::<Vec<_>>(), "no event lost or doubled");
    let detectors = told.stages.iter().filter(|(_, stage, _)| stage.starts_with("detector:")).count();
    assert_eq!(detectors, told.detectors.len(), "every detector has its event");
    for summary in &told.detectors {
        let id = summary.detector.as_ref().unwrap().id.as_str();
        assert!(!summary.failed, "{id} failed");
        let judged = summary.fired + summary.clear + summary.not_evaluable;
        let of_tenders = OF_TENDERS.contains(&id);
        assert!(of_tenders || judged == 0, "{id} judged {judged} subjects without a contract");
        let found = told.findings.iter().filter(|finding| finding.r#type == id).count() as i64;
        assert_eq!(found, summary.fired, "{id}: every finding is there, and none twice");
    }
    // Findings are counted in the event of their detector, as they are made.
    let last = told.stages.last().unwrap();
    assert_eq!((last.1.as_str(), last.2), ("report", told.findings.len() as i64));
    let found_before_the_end = told.stages.iter().filter(|(_, stage, found)| stage != "report" && *found > 0).count();
    assert!(told.findings.is_empty() || found_before_the_end > 0);
    for finding in &told.findings {
        assert!(finding.contract_ids.is_empty(), "{}", finding.id);
        let evidence = finding.evidence.as_ref().unwrap();
        let rows = evidence.rows.iter().filter(|row| row.table == "tenders");
        assert!(rows.clone().count() > 0, "{} shows no tender", finding.id);
        assert!(evidence.rows.iter().all(|row| !row.file.is_empty() && row.line > 0), "{}", finding.id);
        assert!(finding.description.contains("indício") && finding.description_en.contains("indication"));
    }
}

const OF_TENDERS: [&str; 12] = [
    "short_submission",
    "decision_period",
    "single_bid",
    "few_bidders_for_market",
    "near_estimate",
    "late_bid_won",
    "disqualification_pattern",
    "identical_prices",
    "price_gap",
    "bid_dispersion_screen",
    "rotation_and_cobidding",
    LINKED,
];
/// It judges tenders by the register of companies, which none of these lakes has.
const LINKED: &str = "linked_bidders";

#[test]
fn tenders_of_a_sample_without_its_contracts() {
    let data = tempfile::tempdir().unwrap();
    let (sample, tenders) = (data.path().join("sample"), data.path().join("tenders"));
    ok(&cidadao(data.path()).args(["sample", "--rows", "2000", "--seed", "3", "--out"]).arg(&sample).output().unwrap());
    std::fs::create_dir(&tenders).unwrap();
    for file in std::fs::read_dir(&sample).unwrap().map(Result::unwrap) {
        if file.file_name().to_string_lossy().contains("Licitação") {
            std::fs::rename(file.path(), tenders.join(file.file_name())).unwrap();
        }
    }
    let told = investigate(&data.path().join("lake"), &[&tenders]);
    check(&told);
    let mut planted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut labels = csv::Reader::from_path(sample.join("labels.csv")).unwrap();
    for label in labels.deserialize::<BTreeMap<String, String>>().map(Result::unwrap) {
        let detector = label["detector"].as_str();
        if label["expected"] == "fired" && OF_TENDERS.contains(&detector) && detector != LINKED {
            planted.entry(label["detector"].clone()).or_default().insert(label["group"].clone());
        }
    }
    assert_eq!(planted.len(), 4, "{planted:?}");
    for id in OF_TENDERS {
        let found = told.findings.iter().filter(|finding| finding.r#type == id).count();
        assert_eq!(found, planted.get(id).map_or(0, BTreeSet::len), "{id}");
    }
}

#[test]
fn tenders_of_a_university_without_contracts() {
    let Some(files) = shared("ufv-licitacoes") else { return };
    let data = tempfile::tempdir().unwrap();
    let told = investigate(data.path(), &[&files]);
    check(&told);
    let fired = |id: &str| told.findings.iter().filter(|finding| finding.r#type == id).count();
    // As docs/detectors.md counts them.
    assert_eq!((fired("single_bid"), fired("few_bidders_for_market"), fired("decision_period")), (4, 31, 40));
}

#[test]
fn releases_of_a_country_that_publishes_no_bids() {
    let Some(files) = shared("ocds/moldova") else { return };
    let data = tempfile::tempdir().unwrap();
    let told = investigate(data.path(), &[&files]);
    assert_eq!(told.status, pb::JobState::Completed);
    assert!(told.detectors.iter().all(|summary| !summary.failed));
    let of_tenders = told
        .detectors
        .iter()
        .filter(|summary| summary.detector.as_ref().is_some_and(|detector| OF_TENDERS.contains(&detector.id.as_str())));
    let unjudged: i64 = of_tenders.map(|summary| summary.not_evaluable).sum();
    assert!(unjudged > 0, "what is not published is said so");
}
