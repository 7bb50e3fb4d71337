use super::{Amendment, Contract, Data, Judged, judge_all, severities_of, value, verdicts_of};
use crate::model::{Money, Severity};

const ID: &str = "value_jump";

fn grown(initial: i128, current: i128, amendments: &[&str]) -> Data {
    let contract = Contract { initial: Some(initial), current: Some(current), ..Contract::new("a") };
    let amendments = (1..).zip(amendments).map(|(at, object)| Amendment::of(&contract, at, object)).collect();
    Data { contracts: vec![contract], amendments, ..Data::default() }
}

async fn judge(cases: Vec<Data>) -> Vec<Judged> {
    judge_all(ID, cases).await
}

#[tokio::test]
async fn a_tenth_and_a_half_to_the_cent_up_and_down() {
    let judged = judge(
        [110_000, 110_001, 150_000, 150_001, 90_000, 89_999, 50_000, 49_999].map(|now| grown(100_000, now, &[])).into(),
    )
    .await;
    assert_eq!(verdicts_of(&judged), ["clear", "fired", "fired", "fired", "clear", "fired", "fired", "fired"]);
    let [low, medium] = [Severity::Low, Severity::Medium].map(Some);
    assert_eq!(severities_of(&judged), [None, low, low, medium, None, low, low, medium]);
    let finding = &judged[7].findings[0];
    assert_eq!(finding.amount_at_stake, Some(Money::from_cents(50_001)));
    assert_eq!(value(finding, "change"), "-500.01");
}

#[tokio::test]
async fn what_explains_a_jump_is_not_flagged() {
    let mut noted = grown(100_000, 140_000, &[]);
    noted.amendments.push(Amendment::apostille(&noted.contracts[0]));
    let of_pncp = |amendments: &[&str]| {
        let mut data = grown(100_000, 1_200_000, amendments);
        data.contracts[0].source = "pncp:contratos";
        data
    };
    let judged = judge(vec![
        grown(100_000, 140_000, &["Acréscimo de itens"]),
        grown(100_000, 140_000, &["Acréscimo de itens", "Prorrogação do prazo de vigência"]),
        grown(100_000, 140_000, &["Reajuste de preço"]),
        grown(100_000, 140_000, &["Informação protegida por sigilo"]),
        grown(100_000, 140_000, &["Alteração da marca"]),
        grown(100_000, 100_000, &["Prorrogação do prazo de vigência"]),
        noted,
        of_pncp(&[]),
        of_pncp(&["Acréscimo de itens"]),
    ])
    .await;
    assert_eq!(
        verdicts_of(&judged),
        [
            "fired",
            "renewal_mixed",
            "price_adjustment_mixed",
            "amendment_undisclosed",
            "fired",
            "clear",
            "price_adjustment_mixed",
            "amendments_not_published",
            "fired"
        ]
    );
    assert_eq!(judged[0].findings[0].evidence.total_rows, 2);
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    let mut twins = grown(100_000, 140_000, &["Acréscimo de itens"]);
    twins.contracts.push(Contract { id: "b".to_owned(), ..twins.contracts[0].clone() });
    let judged = judge(vec![
        grown(0, 100, &[]),
        grown(100, 0, &[]),
        grown(100_000, 9_999_999, &[]),
        grown(100_000, 10_000_000, &[]),
        grown(10_000_000, 100_000, &[]),
        twins,
    ])
    .await;
    assert_eq!(verdicts_of(&judged[..5]), ["no_value", "no_value", "fired", "slip_possible", "slip_possible"]);
    assert_eq!(judged[5].verdicts, [("ambiguous_amendments".to_owned(), 2)].into());
}
