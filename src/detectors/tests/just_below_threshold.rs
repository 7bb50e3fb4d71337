use super::{BRANCH, CNPJ, Contract, Data, OTHER_CNPJ, day, judge_all, judge_each, value, verdicts_of};
use crate::model::Severity;

const ID: &str = "just_below_threshold";
const GOODS: &str = "Lei 14.133/2021, Art. 75, II";

/// A dispensa of goods; the ceiling of 2024 is 59,906.02, nine tenths of it 53,915.418.
fn small(id: &str, signed: &str, worth: &str, supplier: &str) -> Contract {
    Contract {
        modality: "dispensa_licitacao",
        legal_basis: Some(GOODS.to_owned()),
        signed: (!signed.is_empty()).then(|| day(signed)),
        supplier: supplier.to_owned(),
        ..Contract::new(id).worth(worth)
    }
}

fn of(contracts: Vec<Contract>) -> Data {
    Data { contracts, ..Data::default() }
}

#[tokio::test]
async fn two_of_one_supplier_in_a_year_or_half_a_year_apart() {
    let one = small("a", "2024-01-10", "53915.42", CNPJ);
    let judged = judge_all(
        ID,
        vec![
            of(vec![one.clone(), small("b", "2024-06-01", "59906.01", CNPJ)]),
            of(vec![one.clone(), small("b", "2024-06-01", "59906.02", CNPJ)]),
            of(vec![one.clone(), small("b", "2024-06-01", "53915.41", CNPJ)]),
            of(vec![one.clone(), small("b", "2024-06-01", "59906.01", OTHER_CNPJ)]),
            // The last day of its year; from one year to the next 179 days and 180: by then the ceiling is 62,725.59.
            of(vec![one.clone(), small("b", "2024-12-31", "59000.00", CNPJ)]),
            of(vec![small("a", "2024-08-01", "59000.00", CNPJ), small("b", "2025-01-27", "60000.00", CNPJ)]),
            of(vec![small("a", "2024-08-01", "59000.00", CNPJ), small("b", "2025-01-28", "60000.00", CNPJ)]),
            // Once a year.
            of(vec![one.clone(), small("b", "2025-01-09", "60000.00", CNPJ)]),
            // The head office and a branch are one supplier.
            of(vec![one.clone(), small("b", "2024-06-01", "59906.01", BRANCH)]),
            of(vec![
                one.clone(),
                Contract { situation: Some("Anulado"), ..small("b", "2024-06-01", "59906.01", CNPJ) },
            ]),
            of(vec![
                one.clone(),
                Contract {
                    legal_basis: Some("Lei 14.133/2021, Art. 75, I".to_owned()),
                    ..small("b", "2024-06-01", "119000.00", CNPJ)
                },
            ]),
            of(vec![
                Contract { supplier: String::new(), ..one.clone() },
                Contract { id: "b".to_owned(), supplier: String::new(), ..one.clone() },
            ]),
        ],
    )
    .await;
    let fired: Vec<_> = judged.iter().map(|one| one.verdicts.contains_key("fired")).collect();
    assert_eq!(fired, [true, false, false, false, true, true, false, false, true, false, false, false]);
    let finding = &judged[0].findings[0];
    assert_eq!((finding.severity, finding.contract_ids.len()), (Severity::Medium, 2));
    assert_eq!((value(finding, "near"), value(finding, "paired_suppliers")), ("2".into(), "1".into()));
}

#[tokio::test]
async fn the_old_law_reaches_its_ceiling_itself() {
    let old = |id: &str, worth: &str| Contract {
        legal_basis: Some("Art. 24, II, da Lei 8.666/93".to_owned()),
        ..small(id, "2023-03-01", worth, CNPJ)
    };
    let judged = judge_all(
        ID,
        vec![
            of(vec![old("a", "15840.00"), old("b", "17600.00")]),
            of(vec![old("a", "15839.99"), old("b", "17600.00")]),
            of(vec![old("a", "15840.00"), old("b", "17600.01")]),
        ],
    )
    .await;
    assert_eq!(verdicts_of(&judged), ["fired", "clear", "clear"]);
}

#[tokio::test]
async fn a_crowd_below_the_ceiling() {
    // Each of another supplier: 5 of 5 have a chance of 1 in 243, 4 of 5 one of 11 in 243.
    let cnpj = |at: usize| {
        let base = format!("{at:08}0001");
        let digits = crate::model::cnpj_check_digits(&base).unwrap().map(char::from);
        format!("{base}{}{}", digits[0], digits[1])
    };
    let crowd = |near: usize, wide: usize| {
        let worth = |at: usize| if at < near { "55000.00" } else { "45000.00" };
        of((0..wide).map(|at| small(&format!("c{at}"), "2024-02-01", worth(at), &cnpj(at + 1))).collect())
    };
    let mut both = crowd(5, 5);
    both.contracts[1].supplier = both.contracts[0].supplier.clone();
    let judged = judge_all(ID, vec![crowd(5, 5), crowd(4, 5), crowd(4, 4), crowd(8, 11), crowd(7, 11), both]).await;
    assert_eq!(verdicts_of(&judged), ["fired", "clear", "clear", "fired", "clear", "fired"]);
    assert_eq!((judged[0].findings[0].severity, judged[5].findings[0].severity), (Severity::Medium, Severity::High));
    assert_eq!(value(&judged[3].findings[0], "near"), "8");
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    let basis = |text: &str| Some(text.to_owned());
    let judged = judge_each(
        ID,
        vec![
            Contract { legal_basis: None, ..small("a", "2024-02-01", "59000.00", CNPJ) },
            small("a", "", "59000.00", CNPJ),
            small("a", "2027-01-01", "59000.00", CNPJ),
            Contract {
                legal_basis: basis("Art. 24, II, da Lei 8.666/93"),
                ..small("a", "2023-12-31", "17000.00", CNPJ)
            },
        ],
    )
    .await;
    assert_eq!(
        verdicts_of(&judged),
        ["legal_basis_not_published", "no_signature_date", "no_ceiling_at_date", "no_ceiling_at_date"]
    );
    let far = Contract { legal_basis: None, ..small("a", "2024-02-01", "20000.00", CNPJ) };
    let other =
        Contract { legal_basis: basis("Lei 14.133/2021, Art. 75, IX"), ..small("a", "2024-02-01", "59000.00", CNPJ) };
    for one in judge_each(ID, vec![far, other]).await {
        assert!(one.verdicts.is_empty());
    }
}
