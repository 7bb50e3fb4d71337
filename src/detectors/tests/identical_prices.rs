use super::tenders::{Bid, Tender, TenderItem, tender};
use super::{BRANCH, CNPJ, Data, OTHER_CNPJ, judge_all, severities_of, value, verdicts_of};
use crate::model::Severity;

const ID: &str = "identical_prices";

fn data(bids: Vec<Bid>) -> Data {
    tender(Tender::new("t"), bids)
}

fn bid(bidder: &str, cents: i128) -> Bid {
    Bid { id: format!("t-bid-{bidder}-{cents}"), ..Bid::of("t", bidder, cents) }
}

#[tokio::test]
async fn equal_amounts_of_different_bidders() {
    let in_dollars = |bid: Bid| Bid { currency: Some("USD".to_owned()), ..bid };
    let of_lot = |lot: &str, bid: Bid| Bid { lot: Some(lot.to_owned()), ..bid };
    let cases = vec![
        data(vec![bid("a", 100), bid("b", 100)]),
        data(vec![bid("a", 100), bid("b", 101)]),
        data(vec![bid("a", 100), Bid { id: "again".to_owned(), ..bid("a", 100) }, bid("b", 101)]),
        data(vec![bid("a", 100), in_dollars(bid("b", 100))]),
        data(vec![bid("a", 100), bid("b", 100).status("withdrawn"), bid("c", 120)]),
        data(vec![bid("a", 100), bid("b", 100).status("disqualified")]),
        data(vec![bid("a", 0), bid("b", 0), bid("c", 5), bid("d", 6)]),
        data(vec![bid("a", 100), bid("", 100), bid("b", 120)]),
    ];
    let judged = judge_all(ID, cases).await;
    assert_eq!(verdicts_of(&judged), ["fired", "clear", "clear", "clear", "clear", "fired", "clear", "clear"]);
    let finding = &judged[0].findings[0];
    assert_eq!((value(finding, "price"), value(finding, "same")), ("1.00".to_owned(), "2".to_owned()));
    assert_eq!(value(finding, "names"), "EMPRESA A; EMPRESA B");
    assert_eq!(finding.evidence.total_rows, 3);
    // Of different lots the prices are not compared.
    let lots = data(vec![of_lot("1", bid("a", 100)), of_lot("2", bid("b", 100)), of_lot("2", bid("c", 110))]);
    let judged = judge_all(ID, vec![lots]).await;
    assert_eq!(judged[0].verdicts, [("clear".to_owned(), 1), ("single_bidder".to_owned(), 1)].into());
}

#[tokio::test]
async fn establishments_of_one_company_are_one_bidder() {
    let of = async |other: &str| {
        let (answers, _) = data(vec![bid(CNPJ, 100), bid(other, 100), bid("c", 120)]).answers(ID).await;
        answers.into_values().next().unwrap()
    };
    assert_eq!(of(BRANCH).await, "clear");
    assert_eq!(of(OTHER_CNPJ).await, "fired");
}

#[tokio::test]
async fn ceilings_and_auctions_are_low() {
    let same = || vec![bid("a", 9_000_000), bid("b", 9_000_000)];
    let judged = judge_all(
        ID,
        vec![
            data(same()),
            tender(Tender { estimate: Some(9_000_000), ..Tender::new("t") }, same()),
            tender(Tender { modality: "pregao", ..Tender::new("t") }, same()),
        ],
    )
    .await;
    assert_eq!(severities_of(&judged), [Some(Severity::Medium), Some(Severity::Low), Some(Severity::Low)]);
}

#[tokio::test]
async fn what_cannot_be_judged() {
    let same = || data(vec![bid("a", 100), bid("b", 100)]);
    let mut lots = same();
    for lot in ["1", "2"] {
        lots.tender_items.push(TenderItem { lot: Some(lot.to_owned()), ..TenderItem::of("t", lot.len()) });
    }
    let mut silent = same();
    silent.bids.iter_mut().for_each(|bid| bid.amount = None);
    let mut dropped = same();
    dropped.tenders[0].situation = Some("Deserta".to_owned());
    let cases = vec![dropped, silent, data(vec![bid("a", 100)]), data(vec![bid("a", 100), bid("", 100)]), lots];
    assert_eq!(
        verdicts_of(&judge_all(ID, cases).await),
        ["cancelled", "no_amount", "single_bidder", "single_bidder", "lots_not_stated"]
    );
    let direct = tender(Tender { method: Some("direct"), ..Tender::new("t") }, vec![bid("a", 1), bid("b", 1)]);
    assert_eq!(direct.run(ID).await.summary.fired, 0);
}
