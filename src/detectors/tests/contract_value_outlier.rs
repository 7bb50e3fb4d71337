use super::{Contract, Data, Item, Judged, judge_all, value, verdicts};
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
    // Each in a run of its own: one text is of one kind.
    assert_eq!(verdicts(&told.run(ID).await)["fired"], 1);
    assert_eq!(verdicts(&ambiguous.run(ID).await)["category_unknown"], 2);
}

#[tokio::test]
async fn one_text_is_one_kind_of_object() {
    let of = |id: &str, category, object: &str| Contract {
        category,
        object: object.to_owned(),
        ..Contract::new(id).worth("900000.00")
    };
    let silent = |id, category| of(id, category, "Conforme edital");
    let with = |contracts: Vec<Contract>| peers(40, contracts);
    let item = |contract: &Contract, text| Item::of(contract, text);
    // The item of one says goods, that of the other services.
    let (x, y) = (silent("x", None), silent("y", None));
    let items = vec![item(&x, "Material hospitalar"), item(&y, "Serviço de frete")];
    let at_odds = Data { items, ..with(vec![x.clone(), y.clone()]) };
    // What one says holds for the other; a text that is not there is no text.
    let agreed = Data { items: vec![item(&x, "Material hospitalar")], ..with(vec![x, y]) };
    let (x, y) = (of("x", Some("goods"), ""), of("y", None, ""));
    let nameless = with(vec![x, y]);
    let contradicting = with(vec![silent("x", Some("goods")), silent("y", Some("services"))]);
    // The category of one contradicts what its text says; the other's is as its text is.
    let text = "Aquisição de material";
    let half = with(vec![of("x", Some("services"), text), of("y", Some("goods"), text)]);
    let of_item = silent("x", Some("services"));
    let against_item = Data { items: vec![item(&of_item, "Material hospitalar")], ..with(vec![of_item]) };
    let mut told = Vec::new();
    for data in [at_odds, agreed, nameless, contradicting, half, against_item] {
        let run = data.run(ID).await;
        told.push((run.findings.len(), verdicts(&run).get("category_unknown").copied().unwrap_or(0)));
    }
    assert_eq!(told, [(0, 2), (2, 0), (1, 1), (0, 2), (1, 1), (0, 1)]);
}
