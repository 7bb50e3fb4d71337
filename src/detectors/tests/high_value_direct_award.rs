use super::{Contract, Data, Judged, day, judge_all, value};
use crate::model::{Money, Severity};

const ID: &str = "high_value_direct_award";

fn direct(id: &str) -> Contract {
    Contract { modality: "dispensa_licitacao", ..Contract::new(id) }.worth("1000000.00")
}

async fn judge(contracts: Vec<Contract>) -> Vec<Judged> {
    judge_all(ID, contracts.into_iter().map(|one| Data { contracts: vec![one], ..Data::default() }).collect()).await
}

async fn severities(contracts: Vec<Contract>) -> Vec<Option<Severity>> {
    judge(contracts).await.iter().map(|one| one.findings.first().map(|finding| finding.severity)).collect()
}

#[tokio::test]
async fn a_million_to_the_cent() {
    let of = |modality: &'static str| Contract { modality, ..direct("a") };
    let judged = judge(vec![
        direct("a"),
        direct("a").worth("999999.99"),
        of("inexigibilidade"),
        of("pregao"),
        of("concorrencia"),
        of("not_informed"),
        Contract { current: Some(99_999_999), ..direct("a") },
        Contract { current: None, ..direct("a") },
        Contract { current: None, initial: None, ..direct("a") },
        // A current value of zero is none.
        Contract { current: Some(0), ..direct("a") },
        Contract { current: Some(0), initial: Some(0), ..direct("a") },
        Contract { situation: Some("Cancelado"), ..direct("a") },
        Contract { situation: Some("Rescindido"), ..direct("a") },
    ])
    .await;
    let verdicts: Vec<_> = judged.iter().map(|one| one.verdicts.keys().next().map(String::as_str)).collect();
    let (fired, clear) = (Some("fired"), Some("clear"));
    assert_eq!(
        verdicts,
        [fired, clear, fired, None, None, None, clear, fired, Some("no_value"), fired, Some("no_value"), None, fired]
    );
    assert_eq!(judged[0].findings[0].severity, Severity::Medium);
    assert_eq!(judged[7].findings[0].amount_at_stake, Some(Money::from_cents(100_000_000)));
}

#[tokio::test]
async fn emergencies_and_short_terms() {
    let urgent = |end: Option<&str>| Contract {
        object: "Contratação emergencial de abrigo".to_owned(),
        start: Some(day("2024-03-10")),
        end: end.map(day),
        ..direct("a")
    };
    let from_signature = |end: &str| Contract { start: None, ..urgent(Some(end)) };
    let found = severities(vec![
        urgent(None),
        urgent(Some("2024-05-09")),
        urgent(Some("2024-05-10")),
        urgent(Some("2024-03-09")),
        from_signature("2024-04-30"),
        from_signature("2024-05-01"),
        Contract { end: Some(day("2024-03-11")), start: Some(day("2024-03-10")), ..direct("a") },
        Contract { legal_basis: Some("Lei 14.133/2021, Art. 75, VIII".to_owned()), ..direct("a") },
        // An emergency is a ground of a dispensa.
        Contract { modality: "inexigibilidade", ..urgent(Some("2024-03-20")) },
    ])
    .await;
    let [medium, high, critical] = [Severity::Medium, Severity::High, Severity::Critical].map(Some);
    assert_eq!(found, [high, critical, high, high, critical, high, medium, high, medium]);
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
    let judged = judge(vec![contract]).await;
    let finding = &judged[0].findings[0];
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
}
