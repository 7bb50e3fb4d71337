use super::{Amendment, Contract, Data, day, judge_all, severities_of, value, verdicts_of};
use crate::model::Severity;

const ID: &str = "amendment_count";

/// A contract of 2024-03-01 with amendments by object and day of publication.
fn amended(amendments: &[(&str, &str)]) -> Data {
    let current = Some(if amendments.is_empty() { 100_000 } else { 110_000 });
    let contract = Contract { current, ..Contract::new("a") };
    let of = |(at, (object, on)): (u32, &(&str, &str))| Amendment {
        published: (!on.is_empty()).then(|| day(on)),
        ..Amendment::of(&contract, at, object)
    };
    let amendments = (1..).zip(amendments).map(of).collect();
    Data { contracts: vec![contract], amendments, ..Data::default() }
}

const ADDITION: &str = "Acréscimo de itens";
const REDUCTION: &str = "Supressão de itens";
const TERM: &str = "Prorrogação do prazo de vigência";

#[tokio::test]
async fn three_of_value_or_an_early_one() {
    let late = "2025-01-01";
    let judged = judge_all(
        ID,
        vec![
            amended(&[]),
            amended(&[(ADDITION, late), (REDUCTION, late)]),
            amended(&[(ADDITION, late), (REDUCTION, late), (ADDITION, late)]),
            amended(&[(ADDITION, late), (TERM, late), (TERM, late), ("Reajuste de preço", late)]),
            // 90 and 91 days after the signature.
            amended(&[(ADDITION, "2024-05-30")]),
            amended(&[(ADDITION, "2024-05-31")]),
            amended(&[(TERM, "2024-03-02"), (ADDITION, late)]),
            amended(&[(ADDITION, "2024-03-01")]),
            // Before the signature: a slip.
            amended(&[(ADDITION, "2024-02-29")]),
        ],
    )
    .await;
    assert_eq!(verdicts_of(&judged), ["clear", "clear", "fired", "clear", "fired", "clear", "clear", "fired", "clear"]);
    assert_eq!(severities_of(&judged[2..5]), [Some(Severity::Medium), None, Some(Severity::Low)]);
    assert_eq!(value(&judged[4].findings[0], "first_days"), "90");
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    let late = "2025-01-01";
    let mut changed = amended(&[]);
    changed.contracts[0].current = Some(100_001);
    let unchanged = |amendments: &[(&str, &str)]| {
        let mut data = amended(amendments);
        data.contracts[0].current = data.contracts[0].initial;
        data
    };
    let mut twins = amended(&[(ADDITION, "2024-03-02")]);
    twins.contracts.push(Contract { id: "b".to_owned(), ..twins.contracts[0].clone() });
    let judged = judge_all(
        ID,
        vec![
            changed,
            amended(&[(ADDITION, "")]),
            amended(&[("Alteração da marca", "2024-04-01")]),
            amended(&[("Alteração da marca", late)]),
            amended(&[("Informação protegida por sigilo", late), (ADDITION, late), (ADDITION, late)]),
            twins,
            unchanged(&[(ADDITION, "2024-03-02")]),
            unchanged(&[(ADDITION, late), (ADDITION, late), (ADDITION, late)]),
            // One may undo the other.
            unchanged(&[(ADDITION, "2024-03-02"), (REDUCTION, late)]),
            unchanged(&[(ADDITION, late)]),
        ],
    )
    .await;
    assert_eq!(
        verdicts_of(&judged[..5]),
        ["no_amendment_published", "no_date", "amendment_type_unknown", "clear", "amendment_type_unknown"]
    );
    assert_eq!(judged[5].verdicts, [("ambiguous_amendments".to_owned(), 2)].into());
    assert_eq!(verdicts_of(&judged[6..]), ["value_unchanged", "value_unchanged", "fired", "clear"]);
}
