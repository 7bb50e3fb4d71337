use super::{Contract, Data, day, value, verdict, verdicts};
use crate::model::{DetectorSummary, Money, Severity};

const ID: &str = "high_value_direct_award";

fn direct(id: &str) -> Contract {
    Contract { modality: "dispensa_licitacao", ..Contract::new(id) }.worth("1000000.00")
}

async fn severity(contract: Contract) -> Option<Severity> {
    let run = Data { contracts: vec![contract], ..Data::default() }.run(ID).await;
    run.findings.first().map(|finding| finding.severity)
}

#[tokio::test]
async fn a_million_to_the_cent() {
    assert_eq!(severity(direct("a")).await, Some(Severity::Medium));
    assert_eq!(severity(direct("a").worth("999999.99")).await, None);
    assert_eq!(severity(Contract { modality: "inexigibilidade", ..direct("a") }).await, Some(Severity::Medium));
    for modality in ["pregao", "concorrencia", "not_informed"] {
        let run = Data { contracts: vec![Contract { modality, ..direct("a") }], ..Data::default() }.run(ID).await;
        let DetectorSummary { fired, clear, not_evaluable, .. } = run.summary;
        assert_eq!((fired, clear, not_evaluable), (0, 0, 0));
    }
}

#[tokio::test]
async fn the_current_value_counts_and_else_the_initial_one() {
    let run = Data { contracts: vec![Contract { current: Some(99_999_999), ..direct("a") }], ..Data::default() }
        .run(ID)
        .await;
    assert_eq!(verdict(&run), "clear");
    let run = Data { contracts: vec![Contract { current: None, ..direct("a") }], ..Data::default() }.run(ID).await;
    assert_eq!(verdict(&run), "fired");
    assert_eq!(run.findings[0].amount_at_stake, Some(Money::from_cents(100_000_000)));
    let none = Contract { current: None, initial: None, ..direct("a") };
    let run = Data { contracts: vec![none], ..Data::default() }.run(ID).await;
    assert_eq!(verdict(&run), "no_value");
}

#[tokio::test]
async fn emergencies_and_short_terms() {
    let urgent = |end: Option<&str>| Contract {
        object: "Contratação emergencial de abrigo".to_owned(),
        start: Some(day("2024-03-10")),
        end: end.map(day),
        ..direct("a")
    };
    assert_eq!(severity(urgent(None)).await, Some(Severity::High));
    assert_eq!(severity(urgent(Some("2024-05-09"))).await, Some(Severity::Critical));
    assert_eq!(severity(urgent(Some("2024-05-10"))).await, Some(Severity::High));
    assert_eq!(severity(urgent(Some("2024-03-09"))).await, Some(Severity::High));
    let from_signature = Contract { start: None, end: Some(day("2024-04-30")), ..urgent(None) };
    assert_eq!(severity(from_signature.clone()).await, Some(Severity::Critical));
    assert_eq!(severity(Contract { end: Some(day("2024-05-01")), ..from_signature }).await, Some(Severity::High));
    let calm = Contract { end: Some(day("2024-03-11")), start: Some(day("2024-03-10")), ..direct("a") };
    assert_eq!(severity(calm).await, Some(Severity::Medium));
    let by_basis = Contract { legal_basis: Some("Lei 14.133/2021, Art. 75, VIII".to_owned()), ..direct("a") };
    assert_eq!(severity(by_basis).await, Some(Severity::High));
}

#[tokio::test]
async fn a_finding_shows_what_it_rests_on() {
    let contract = Contract {
        end: Some(day("2025-03-01")),
        object: format!("Aquisição {}", "ç".repeat(400)),
        supplier: "52998224725".to_owned(),
        supplier_name: "FULANO 52998224725".to_owned(),
        ..direct("a").worth("1234567.89")
    };
    let run = Data { contracts: vec![contract], ..Data::default() }.run(ID).await;
    let finding = &run.findings[0];
    assert!(
        finding
            .description_pt
            .contains("dispensa de licitação) no valor de R$ 1.234.567,89, a partir do mínimo de R$ 1.000.000,00")
    );
    assert!(finding.description_pt.contains("Vigência: 365 dias"));
    assert!(finding.description_en.contains("R$ 1,234,567.89, at or above this flag's minimum of R$ 1,000,000.00"));
    assert_eq!(value(finding, "emergency"), "no");
    assert_eq!(finding.evidence.limits[0].value, "1000000.00");
    let row = &finding.evidence.rows[0];
    assert_eq!((row.table.as_str(), row.id.as_str(), row.line), ("contracts", "a", 2));
    assert_eq!(
        (row.file.as_str(), row.source.as_str(), row.import_id.as_str()),
        ("202401_Compras.csv", "portal:compras", "import-1")
    );
    assert_eq!(row.columns["supplier_id"], "***.982.247-**");
    assert_eq!(row.columns["supplier_name"], "FULANO ***.982.247-**");
    assert_eq!(row.columns["object"].chars().count(), 300);
    assert_eq!(row.columns["initial_value"], "1234567.89");
    assert!(!row.columns.contains_key("legal_basis"));
    assert!(!serde_json::to_string(finding).unwrap().contains("52998224725"));
    assert_eq!(verdicts(&run)["fired"], 1);
}
