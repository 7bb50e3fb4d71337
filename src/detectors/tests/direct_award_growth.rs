use super::{Amendment, Contract, Data, day, judge_all, value, verdicts_of};
use crate::model::{Money, Severity};

const ID: &str = "direct_award_growth";
const GOODS: &str = "Lei 14.133/2021, Art. 75, II";

fn small(signed: &str, basis: &str, initial: &str, current: &str, amendments: &[&str]) -> Data {
    let contract = Contract {
        modality: "dispensa_licitacao",
        legal_basis: Some(basis.to_owned()),
        signed: (!signed.is_empty()).then(|| day(signed)),
        current: Some(super::cents(current)),
        ..Contract::new("a").worth(initial)
    };
    let amendments = (1..).zip(amendments).map(|(at, object)| Amendment::of(&contract, at, object)).collect();
    Data {
        contracts: vec![Contract { current: Some(super::cents(current)), ..contract }],
        amendments,
        ..Data::default()
    }
}

const ADDED: &[&str] = &["Acréscimo de itens"];

#[tokio::test]
async fn the_ceiling_of_the_day_of_signature_counts() {
    let judged = judge_all(
        ID,
        vec![
            // Decreto 11.317/2022 until 2023-12-31, 11.871/2023 from the next day.
            small("2023-12-31", GOODS, "50000.00", "57208.32", ADDED),
            small("2023-12-31", GOODS, "50000.00", "57208.33", ADDED),
            small("2024-01-01", GOODS, "50000.00", "57208.33", ADDED),
            small("2024-01-01", GOODS, "50000.00", "59906.02", ADDED),
            // The old law allows its ceiling itself.
            small("2023-12-30", "Art. 24, II, da Lei 8.666/93", "17000.00", "17600.00", ADDED),
            small("2023-12-30", "Art. 24, II, da Lei 8.666/93", "17000.00", "17600.01", ADDED),
            small("2024-01-01", "Lei 14.133/2021, Art. 75, I", "110000.00", "119812.01", ADDED),
            small("2024-01-01", "Lei 14.133/2021, Art. 75, I", "110000.00", "119812.02", ADDED),
        ],
    )
    .await;
    assert_eq!(verdicts_of(&judged), ["clear", "fired", "clear", "fired", "clear", "fired", "clear", "fired"]);
    let finding = &judged[1].findings[0];
    assert_eq!((finding.severity, finding.amount_at_stake), (Severity::High, Some(Money::from_cents(0))));
    assert_eq!(finding.evidence.limits[0].value, "57208.33");
    assert!(value(finding, "ceiling_act").contains("Decreto 11.317/2022"));
}

#[tokio::test]
async fn doubled_ceilings_and_other_grounds() {
    let mut doubled = small("2024-02-01", GOODS, "50000.00", "100000.00", ADDED);
    doubled.contracts[0].buyer_name = "CONSÓRCIO PÚBLICO".to_owned();
    let mut public = small("2024-02-01", GOODS, "50000.00", "100000.00", ADDED);
    public.contracts[0].supplier_name = "PREFEITURA DE SANTOS".to_owned();
    let judged = judge_all(
        ID,
        vec![
            doubled,
            public,
            small("2024-02-01", "Lei 14.133/2021, Art. 75, VIII", "50000.00", "100000.00", ADDED),
            small("2024-02-01", "", "50000.00", "100000.00", ADDED),
            small("2024-02-01", "", "50000.00", "50000.00", ADDED),
        ],
    )
    .await;
    assert_eq!(judged[0].verdict(), "clear");
    assert!(judged[1].verdicts.is_empty() && judged[2].verdicts.is_empty() && judged[4].verdicts.is_empty());
    assert_eq!(judged[3].verdict(), "legal_basis_not_published");
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    let grown = |amendments: &[&str]| small("2024-02-01", GOODS, "50000.00", "70000.00", amendments);
    let mut twins = grown(ADDED);
    twins.contracts.push(Contract { id: "b".to_owned(), ..twins.contracts[0].clone() });
    let judged = judge_all(
        ID,
        vec![
            grown(&[]),
            grown(&["Informação protegida por sigilo"]),
            grown(&["Acréscimo de itens", "Reajuste de preço"]),
            grown(&["Acréscimo de itens", "Prorrogação"]),
            grown(&["Alteração da marca"]),
            grown(&["Supressão de itens"]),
            small("", GOODS, "50000.00", "70000.00", ADDED),
            small("2027-01-01", GOODS, "50000.00", "70000.00", ADDED),
            small("2024-02-01", GOODS, "0.00", "70000.00", ADDED),
            small("2024-02-01", GOODS, "59906.02", "70000.00", ADDED),
            twins,
        ],
    )
    .await;
    assert_eq!(
        verdicts_of(&judged[..10]),
        [
            "no_amendment_published",
            "amendment_undisclosed",
            "price_adjustment_mixed",
            "renewal_mixed",
            "amendment_type_unknown",
            "amendment_type_unknown",
            "no_signature_date",
            "no_ceiling_at_date",
            "no_value",
            "above_from_the_start"
        ]
    );
    assert_eq!(judged[10].verdicts, [("ambiguous_amendments".to_owned(), 2)].into());
}
