use super::{Contract, Data, Item, Judged, judge_all, value};
use crate::model::Severity;

const ID: &str = "contract_value_outlier";

/// Contracts worth 1,000 to 10,000 in even steps of the logarithm, and others.
fn peers(count: usize, more: Vec<Contract>) -> Data {
    let worth = |at: usize| (1e5 * 10f64.powf(at as f64 / (count - 1) as f64)).round() as i128;
    let peer = |at: usize| Contract { initial: Some(worth(at)), ..Contract::new(&format!("peer{at:03}")) };
    Data { contracts: (0..count).map(peer).chain(more).collect(), ..Data::default() }
}

fn alone(contract: Contract) -> Data {
    Data { contracts: vec![contract], ..Data::default() }
}

async fn judge(cases: Vec<Data>) -> Vec<Judged> {
    judge_all(ID, cases).await
}

fn far() -> Contract {
    Contract::new("x").worth("900000.00")
}

#[tokio::test]
async fn far_values_fire() {
    // Quartiles near 3.25 and 3.75: fences near 4.5 and 5.25.
    let with = |worth: &str| peers(40, vec![Contract::new("x").worth(worth)]);
    let judged = judge(vec![with("20000.00"), with("60000.00"), with("900000.00")]).await;
    assert_eq!(judged[0].verdicts, [("clear".to_owned(), 41)].into());
    assert_eq!(judged[1].findings[0].severity, Severity::Medium);
    let finding = &judged[2].findings[0];
    assert_eq!((finding.severity, finding.contract_ids.as_slice()), (Severity::High, &["x".to_owned()][..]));
    assert_eq!((value(finding, "peers"), value(finding, "rank")), ("41".to_owned(), "1".to_owned()));
    assert_eq!(finding.tags, ["price_spike_detected"]);
    assert_eq!(finding.amount_at_stake, None);
    assert!(finding.description_pt.contains("bens, pregao"), "{}", finding.description_pt);
}

#[tokio::test]
async fn peers_share_type_modality_and_sphere_and_are_thirty() {
    let judged = judge(vec![
        peers(28, vec![far()]),
        peers(29, vec![far()]),
        peers(40, vec![Contract { modality: "concorrencia", ..far() }]),
        peers(40, vec![Contract { sphere: None, ..far() }]),
        peers(40, vec![Contract { object: "Prestação de serviços".to_owned(), ..far() }]),
        peers(40, vec![Contract { status: "superseded", ..far() }]),
    ])
    .await;
    assert_eq!(judged[0].verdicts, [("peer_group_too_small".to_owned(), 29)].into());
    assert_eq!(judged[1].verdicts, [("clear".to_owned(), 29), ("fired".to_owned(), 1)].into());
    for other in &judged[2..5] {
        assert_eq!(other.verdicts, [("clear".to_owned(), 40), ("peer_group_too_small".to_owned(), 1)].into());
    }
    assert_eq!(judged[5].verdicts, [("clear".to_owned(), 40)].into());
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    let same = (0..30).map(|at| Contract::new(&format!("same{at}"))).collect();
    let judged = judge(vec![
        alone(Contract { initial: None, ..Contract::new("x") }),
        alone(Contract::new("x").worth("0.00")),
        alone(Contract::new("x").worth("-5.00")),
        alone(Contract { modality: "not_informed", ..Contract::new("x") }),
        alone(Contract { object: "Conforme edital".to_owned(), ..Contract::new("x") }),
        Data { contracts: same, ..Data::default() },
    ])
    .await;
    let reasons: Vec<_> = judged.iter().flat_map(|one| one.verdicts.keys()).collect();
    assert_eq!(
        reasons,
        ["no_value", "no_value", "no_value", "modality_not_informed", "category_unknown", "peer_group_without_spread"]
    );
}

#[tokio::test]
async fn the_main_item_speaks_where_the_object_is_silent() {
    let silent = Contract { object: "Conforme edital".to_owned(), ..far() };
    let cheap = Item { price: Some(1), ..Item::of(&silent, "Serviço de frete") };
    let told = Data { items: vec![cheap, Item::of(&silent, "Material hospitalar")], ..peers(40, vec![silent.clone()]) };
    // The same number at the same unit: whose the items are is not known.
    let mut ambiguous = told.clone();
    ambiguous.contracts.push(Contract { id: "y".to_owned(), ..silent });
    let judged = judge(vec![told, ambiguous]).await;
    assert_eq!(judged[0].verdicts["fired"], 1);
    assert_eq!(judged[1].verdicts["category_unknown"], 2);
}
