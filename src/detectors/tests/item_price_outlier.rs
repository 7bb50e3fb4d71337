use super::{Contract, Data, Item, Judged, day, judge_all, value};
use crate::model::{Money, Severity};

const ID: &str = "item_price_outlier";
const DETAILS: &str = "gramatura 75 g/m2, pacote com 500 folhas, cor branca";

fn priced(id: &str, buyer: usize, signed: &str, cents: i128) -> (Contract, Item) {
    let contract = Contract {
        buyer: format!("{buyer:03}"),
        signed: (!signed.is_empty()).then(|| day(signed)),
        ..Contract::new(id)
    };
    let item = Item {
        details: DETAILS.to_owned(),
        quantity: Some(100_000),
        price: Some(cents),
        ..Item::of(&contract, "PAPEL A4")
    };
    (contract, item)
}

/// So many items of so many units at 9.50 to 10.50, and more.
fn peers(count: usize, buyers: usize, more: Vec<(Contract, Item)>) -> Data {
    let peer = |at: usize| priced(&format!("p{at:02}"), at % buyers, "2024-03-01", 950 + 10 * (at as i128 % 11));
    let (contracts, items) = (0..count).map(peer).chain(more).unzip();
    Data { contracts, items, ..Data::default() }
}

/// The cases, each with an article of its own.
async fn judge(mut cases: Vec<Data>) -> Vec<Judged> {
    for (case, data) in cases.iter_mut().enumerate() {
        data.items.iter_mut().for_each(|item| item.description = format!("{} TIPO {case}", item.description));
    }
    judge_all(ID, cases).await
}

fn far(cents: i128) -> Vec<(Contract, Item)> {
    vec![priced("x", 500, "2024-03-01", cents)]
}

fn changed(change: impl Fn(&mut Contract, &mut Item)) -> Data {
    let mut more = far(5_000);
    more.iter_mut().for_each(|(contract, item)| change(contract, item));
    peers(22, 11, more)
}

#[tokio::test]
async fn prices_far_above_the_median() {
    let judged =
        judge([1_499, 1_600, 2_100, 4_200, 100_001, 200_000].map(|cents| peers(22, 11, far(cents))).into()).await;
    let severities = super::severities_of(&judged);
    let [low, medium, high] = [Severity::Low, Severity::Medium, Severity::High].map(Some);
    assert_eq!(severities, [None, low, medium, high, None, None]);
    assert_eq!(judged[5].verdicts["unit_error_possible"], 1);
    let finding = &judged[3].findings[0];
    assert_eq!(finding.contract_ids, ["x"]);
    assert_eq!((value(finding, "peers"), value(finding, "buyers")), ("23".into(), "12".into()));
    // Ten units at 42.00 against a median of 10.00.
    assert_eq!(finding.amount_at_stake, Some(Money::from_cents(32_000)));
}

#[tokio::test]
async fn ten_items_of_five_units_within_a_year() {
    let on = |signed: &str| vec![priced("x", 500, signed, 5_000)];
    let judged = judge(vec![
        peers(8, 4, far(5_000)),
        peers(9, 4, far(5_000)),
        peers(9, 3, far(5_000)),
        peers(22, 11, on("2025-03-31")),
        peers(22, 11, on("2025-04-01")),
        peers(22, 11, on("2023-03-01")),
        peers(22, 11, on("2023-02-28")),
    ])
    .await;
    let fired: Vec<_> = judged.iter().map(|one| one.verdicts.contains_key("fired")).collect();
    assert_eq!(fired, [false, true, false, true, false, true, false]);
    assert_eq!(judged[0].verdicts, [("too_few_peers".to_owned(), 9)].into());
    assert_eq!(judged[4].verdicts["too_few_peers"], 1);
}

#[tokio::test]
async fn equal_prices_leave_the_ratio_to_decide() {
    let mut data = peers(22, 11, far(1_501));
    data.items.iter_mut().filter(|item| item.price != Some(1_501)).for_each(|item| item.price = Some(1_000));
    let mut below = data.clone();
    below.items.iter_mut().filter(|item| item.price == Some(1_501)).for_each(|item| item.price = Some(1_499));
    let judged = judge(vec![data, below]).await;
    assert_eq!(judged[0].verdicts["fired"], 1);
    assert_eq!(judged[1].verdicts, [("clear".to_owned(), 23)].into());
}

#[tokio::test]
async fn what_cannot_be_compared_says_why() {
    let judged = judge(vec![
        changed(|_, item| item.price = None),
        changed(|_, item| item.price = Some(0)),
        changed(|_, item| item.quantity = Some(0)),
        changed(|_, item| item.quantity = Some(10_000)),
        changed(|_, item| item.quantity = Some(20_000)),
        changed(|_, item| item.details = "conforme edital".to_owned()),
        changed(|_, item| item.description = "SERVIÇO DE IMPRESSÃO".to_owned()),
        changed(|contract, _| contract.signed = None),
        changed(|_, item| item.details.push_str(" especial")),
    ])
    .await;
    for (one, reason) in judged.iter().zip([
        "no_price",
        "no_price",
        "no_price",
        "single_unit",
        "fired",
        "description_too_general",
        "no_unit_of_service",
        "no_signature_date",
        "too_few_peers",
    ]) {
        assert_eq!(one.verdicts.get(reason), Some(&1), "{reason}: {:?}", one.verdicts);
    }
    let mut twins = peers(22, 11, far(5_000));
    twins.contracts.push(Contract { id: "y".to_owned(), ..twins.contracts[22].clone() });
    assert_eq!(judge(vec![twins]).await[0].verdicts["ambiguous_contract"], 1);
}
