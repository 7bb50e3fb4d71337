use super::{Contract, Data, OTHER_CNPJ, day, judge_all, judge_each, value, verdicts_of};
use crate::model::{Money, Severity};

const ID: &str = "duplicates";
const OBJECT: &str = "Aquisição de material de expediente para a sede da unidade em Brasília";

fn bought(id: &str) -> Contract {
    Contract { object: OBJECT.to_owned(), ..Contract::new(id) }
}

fn of(contracts: Vec<Contract>) -> Data {
    Data { contracts, ..Data::default() }
}

#[tokio::test]
async fn the_same_thing_twice() {
    let signed = |on: &str, contract: Contract| Contract { signed: Some(day(on)), ..contract };
    let judged = judge_all(
        ID,
        vec![
            of(vec![bought("a"), bought("b")]),
            of(vec![bought("a"), signed("2024-03-31", bought("b"))]),
            of(vec![bought("a"), signed("2024-04-01", bought("b"))]),
            of(vec![bought("a"), Contract { supplier: OTHER_CNPJ.to_owned(), ..bought("b") }]),
            of(vec![bought("a"), bought("b").worth("1000.01")]),
            of(vec![bought("a"), Contract { buyer: "200".to_owned(), ..bought("b") }]),
            of(vec![
                bought("a"),
                Contract {
                    object: "Prestação de serviços de limpeza e conservação predial".to_owned(), ..bought("b")
                },
            ]),
            of(vec![bought("a"), bought("b"), bought("c")]),
        ],
    )
    .await;
    let counts: Vec<_> = judged
        .iter()
        .map(|one| (one.verdicts.get("fired").copied().unwrap_or(0), one.verdicts.get("clear").copied().unwrap_or(0)))
        .collect();
    assert_eq!(counts, [(1, 0), (1, 0), (0, 2), (0, 2), (0, 2), (0, 2), (0, 2), (1, 0)]);
    let finding = &judged[0].findings[0];
    assert_eq!((finding.severity, finding.amount_at_stake), (Severity::Medium, Some(Money::from_cents(100_000))));
    assert_eq!(judged[1].findings[0].severity, Severity::Low);
    let three = &judged[7].findings[0];
    assert_eq!((three.contract_ids.len(), three.amount_at_stake), (3, Some(Money::from_cents(200_000))));
    assert_eq!(value(three, "similarity"), "1");
}

#[tokio::test]
async fn other_parts_are_another_thing() {
    let long = "Execução da reforma das instalações elétricas e hidráulicas das escolas da rede da unidade na cidade";
    let of_part = |id: &str, part: &str| Contract { object: format!("{long} {part}"), ..bought(id) };
    let pair = |one: &str, other: &str| of(vec![of_part("a", one), of_part("b", other)]);
    let judged = judge_all(
        ID,
        vec![pair("lote 1", "lote 2"), pair("de março", "de abril"), pair("lote 1", "lote 1"), pair("norte", "sul")],
    )
    .await;
    let fired: Vec<_> = judged.iter().map(|one| one.findings.len()).collect();
    assert_eq!(fired, [0, 0, 1, 1]);
}

#[tokio::test]
async fn objects_are_alike_from_eighty_five_percent() {
    // n words have n - 2 shingles; a last word of its own leaves n - 3 of n - 1 shared.
    let words = |count: usize, last: &str| {
        let mut object: Vec<String> = (1..count).map(|at| format!("w{at}")).collect();
        object.push(last.to_owned());
        object.join(" ")
    };
    let pair = |count: usize| {
        of(vec![
            Contract { object: words(count, "x"), ..bought("a") },
            Contract { object: words(count, "y"), ..bought("b") },
        ])
    };
    // 12 of 14 is 0.857; 11 of 13 is 0.846.
    let judged = judge_all(ID, vec![pair(15), pair(14)]).await;
    assert!(judged[0].verdicts.contains_key("fired") && !judged[1].verdicts.contains_key("fired"));
    assert_eq!(judged[0].findings[0].severity, Severity::Low);
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    let said = |object: &str| Contract { object: object.to_owned(), ..bought("a") };
    let judged = judge_each(
        ID,
        vec![
            Contract { supplier: String::new(), ..bought("a") },
            bought("a").worth("0.00"),
            Contract { signed: None, ..bought("a") },
            said("Informação protegida por sigilo nos termos da legislação vigente"),
            said("um dois três quatro cinco"),
            said("um dois três quatro cinco seis"),
        ],
    )
    .await;
    assert_eq!(
        verdicts_of(&judged),
        ["supplier_secret", "no_value", "no_signature_date", "object_undisclosed", "object_too_short", "clear"]
    );
}
