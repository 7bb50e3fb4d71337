use super::{Contract, Data, Item, value, verdict, verdicts};
use crate::model::Severity;

const ID: &str = "contract_value_outlier";

/// Contracts worth 1,000 to 10,000 in even steps of the logarithm.
fn peers(count: usize) -> Vec<Contract> {
    (0..count)
        .map(|at| {
            let cents = (1e5 * 10f64.powf(at as f64 / (count - 1) as f64)).round() as i128;
            Contract { initial: Some(cents), ..Contract::new(&format!("peer{at:03}")) }
        })
        .collect()
}

async fn with(extra: Contract, count: usize) -> super::DetectorRun {
    let mut contracts = peers(count);
    contracts.push(extra);
    Data { contracts, ..Data::default() }.run(ID).await
}

#[tokio::test]
async fn far_values_fire() {
    // Quartiles near 3.25 and 3.75: fences near 4.5 and 5.25.
    let run = with(Contract::new("x").worth("20000.00"), 40).await;
    assert_eq!(verdicts(&run), [("clear".to_owned(), 41)].into());
    let run = with(Contract::new("x").worth("60000.00"), 40).await;
    assert_eq!(run.findings[0].severity, Severity::Medium);
    let run = with(Contract::new("x").worth("900000.00"), 40).await;
    let finding = &run.findings[0];
    assert_eq!((finding.severity, finding.contract_ids.as_slice()), (Severity::High, &["x".to_owned()][..]));
    assert_eq!((value(finding, "peers"), value(finding, "rank")), ("41".to_owned(), "1".to_owned()));
    assert_eq!(finding.tags, ["price_spike_detected"]);
    assert_eq!(finding.amount_at_stake, None);
    assert!(finding.description_pt.contains("bens, pregao"), "{}", finding.description_pt);
}

#[tokio::test]
async fn small_groups_are_not_judged() {
    assert_eq!(
        verdicts(&with(Contract::new("x").worth("900000.00"), 28).await),
        [("peer_group_too_small".to_owned(), 29)].into()
    );
    assert_eq!(verdicts(&with(Contract::new("x").worth("900000.00"), 29).await)["fired"], 1);
}

#[tokio::test]
async fn peers_share_type_modality_and_sphere() {
    let far = Contract::new("x").worth("900000.00");
    for other in [
        Contract { modality: "concorrencia", ..far.clone() },
        Contract { sphere: None, ..far.clone() },
        Contract { object: "Prestação de serviços".to_owned(), ..far.clone() },
    ] {
        assert_eq!(verdicts(&with(other, 40).await)["peer_group_too_small"], 1);
    }
    let superseded = Contract { status: "superseded", ..far };
    assert_eq!(verdicts(&with(superseded, 40).await), [("clear".to_owned(), 40)].into());
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    let alone = |contract: Contract| async move {
        verdict(&Data { contracts: vec![contract], ..Data::default() }.run(ID).await)
    };
    assert_eq!(alone(Contract { initial: None, ..Contract::new("x") }).await, "no_value");
    assert_eq!(alone(Contract::new("x").worth("0.00")).await, "no_value");
    assert_eq!(alone(Contract::new("x").worth("-5.00")).await, "no_value");
    assert_eq!(alone(Contract { modality: "not_informed", ..Contract::new("x") }).await, "modality_not_informed");
    assert_eq!(
        alone(Contract { object: "Conforme edital".to_owned(), ..Contract::new("x") }).await,
        "category_unknown"
    );
    let same = (0..30).map(|at| Contract::new(&format!("same{at}"))).collect();
    let run = Data { contracts: same, ..Data::default() }.run(ID).await;
    assert_eq!(verdict(&run), "peer_group_without_spread");
}

#[tokio::test]
async fn the_main_item_speaks_where_the_object_is_silent() {
    let silent = Contract { object: "Conforme edital".to_owned(), ..Contract::new("x").worth("900000.00") };
    let mut contracts = peers(40);
    contracts.push(silent.clone());
    let cheap = Item { price: Some(1), ..Item::of(&silent, "Serviço de frete") };
    let items = vec![cheap, Item::of(&silent, "Material hospitalar")];
    let data = Data { contracts, items, ..Data::default() };
    assert_eq!(verdicts(&data.run(ID).await)["fired"], 1);
    // The same number at the same unit: whose the items are is not known.
    let mut ambiguous = data.clone();
    ambiguous.contracts.push(Contract { id: "y".to_owned(), ..silent });
    assert_eq!(verdicts(&ambiguous.run(ID).await)["category_unknown"], 2);
}
