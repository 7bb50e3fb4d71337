use chrono::Days;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::register::{Establishment, cnpj};
use super::{Contract, Data, day, value};
use crate::model::{Finding, Severity};

const ID: &str = "new_company";
const SIGNED: &str = "2024-05-10";

fn contract(company: u32) -> Contract {
    let of = Contract { supplier: cnpj(company, 1), signed: Some(day(SIGNED)), ..Contract::new("c") };
    of.worth("50000.00")
}

/// A head office that was opened so many days before the signature.
fn opened(company: u32, days: u64) -> Establishment {
    Establishment { opened: Some(day(SIGNED) - Days::new(days)), ..Establishment::of(company) }
}

/// The verdict on each contract, with what the register says, and what was found.
async fn judge(cases: Vec<(Contract, Vec<Establishment>)>) -> Vec<(String, Option<Finding>)> {
    let mut data = Data { establishments: vec![Establishment::of(999)], ..Data::default() };
    for (at, (contract, establishments)) in cases.into_iter().enumerate() {
        data.contracts.push(Contract { id: format!("c{at:03}"), ..contract });
        data.establishments.extend(establishments);
    }
    let (answers, findings) = data.answers(ID).await;
    let of = |id: &String| findings.iter().find(|finding| finding.contract_ids == [id.clone()]).cloned();
    answers.iter().map(|(id, verdict)| (verdict.clone(), of(id))).collect()
}

async fn verdicts(cases: Vec<(Contract, Vec<Establishment>)>) -> Vec<String> {
    judge(cases).await.into_iter().map(|(verdict, _)| verdict).collect()
}

#[tokio::test]
async fn severity_follows_the_age_at_the_signature() {
    let ages = [0, 30, 31, 180, 181, 365, 366];
    let cases = (1..).zip(ages).map(|(company, days)| (contract(company), vec![opened(company, days)])).collect();
    let judged = judge(cases).await;
    let severities: Vec<_> = judged.iter().map(|(_, found)| found.as_ref().map(|finding| finding.severity)).collect();
    let [high, medium, low] = [Severity::High, Severity::Medium, Severity::Low].map(Some);
    assert_eq!(severities, [high, high, medium, medium, low, low, None]);
    assert_eq!(judged[6].0, "clear");
}

#[tokio::test]
async fn small_contracts_do_not_count() {
    let worth = |company: u32, initial: Option<i128>, current: Option<i128>| {
        (Contract { initial, current, ..contract(company) }, vec![opened(company, 1)])
    };
    let cases = vec![
        worth(1, Some(5_000_000), Some(1)),
        worth(2, Some(4_999_999), Some(9_000_000)),
        worth(3, None, Some(5_000_000)),
        worth(4, None, None),
        // Of an old company the value does not matter.
        (Contract { initial: None, current: None, ..contract(5) }, vec![opened(5, 400)]),
    ];
    assert_eq!(verdicts(cases).await, ["fired", "small_contract", "fired", "no_value", "clear"]);
}

#[tokio::test]
async fn of_a_branch_the_head_office_counts_or_what_is_older() {
    let branch = |company: u32| Contract { supplier: cnpj(company, 2), ..contract(company) };
    let of = |company: u32, establishment: u32, days: u64| Establishment {
        opened: Some(day(SIGNED) - Days::new(days)),
        ..Establishment::branch(company, establishment)
    };
    let cases = vec![
        // A young branch of an old company.
        (branch(1), vec![opened(1, 4000), of(1, 2, 5)]),
        (branch(2), vec![opened(2, 20), of(2, 2, 5)]),
        // The branch itself need not be known.
        (branch(3), vec![opened(3, 20)]),
        // The seat moved to a younger establishment.
        (contract(4), vec![opened(4, 20), of(4, 2, 900)]),
        (branch(5), vec![of(5, 2, 5)]),
        (branch(6), vec![Establishment { opened: None, ..Establishment::of(6) }, of(6, 2, 5)]),
    ];
    let expected = ["clear", "fired", "fired", "clear", "head_office_unknown", "head_office_unknown"];
    assert_eq!(verdicts(cases).await, expected);
}

#[tokio::test]
async fn what_cannot_be_judged() {
    let of = |supplier: &str| (Contract { supplier: supplier.to_owned(), ..contract(1) }, Vec::new());
    let later = Establishment { opened: Some(day(SIGNED) + Days::new(1)), ..Establishment::of(7) };
    let cases = vec![
        of(""),
        of("52998224725"),
        of("EX2548312"),
        of("10000001000199"),
        (Contract { signed: None, ..contract(1) }, Vec::new()),
        (contract(998), Vec::new()),
        (contract(7), vec![later]),
        (Contract { supplier_name: "UNIVERSIDADE FEDERAL DE JATAI".to_owned(), ..contract(8) }, vec![opened(8, 20)]),
    ];
    let expected = [
        "supplier_secret",
        "supplier_is_person",
        "no_tax_id",
        "tax_id_invalid",
        "no_signature_date",
        "company_unknown",
        "opened_later",
        "public_body",
    ];
    assert_eq!(verdicts(cases).await, expected);
    let alone = Data { contracts: vec![contract(1)], ..Data::default() };
    assert_eq!(alone.answers(ID).await.0["c"], "register_not_taken_in");
}

#[tokio::test]
async fn a_finding_shows_days_and_value() {
    let judged = judge(vec![(contract(1), vec![opened(1, 12)])]).await;
    let finding = judged[0].1.as_ref().unwrap();
    for (name, expected) in [
        ("opening_date", "2024-04-28"),
        ("signature_date", SIGNED),
        ("days", "12"),
        ("worth", "50000.00"),
        ("activity", "4751201"),
        ("oldest", cnpj(1, 1).as_str()),
    ] {
        assert_eq!(value(finding, name), expected, "{name}");
    }
    assert!(finding.description_pt.contains("12 dias antes"), "{}", finding.description_pt);
    let rows: Vec<_> = finding.evidence.rows.iter().map(|row| row.table.as_str()).collect();
    assert_eq!(rows, ["contracts", "establishments"]);
}

#[tokio::test]
async fn random_cases_agree_with_a_slow_reference() {
    let mut rng = StdRng::seed_from_u64(20);
    let mut cases = Vec::new();
    let mut expected = Vec::new();
    for company in 0..700 {
        let mut own = contract(company);
        own.supplier = cnpj(company, rng.random_range(1..3));
        own.initial = rng.random_bool(0.9).then(|| rng.random_range(0..10_000_000));
        own.current = own.initial;
        let establishments: Vec<_> = (0..rng.random_range(0..4))
            .map(|at| Establishment {
                head: Some(at == 0 && company % 9 != 0),
                opened: rng
                    .random_bool(0.95)
                    .then(|| day(SIGNED) + Days::new(30) - Days::new(rng.random_range(0..500))),
                ..Establishment::branch(company, at + 1)
            })
            .collect();
        let oldest = establishments.iter().filter_map(|one| one.opened).min();
        let headed = establishments.iter().any(|one| one.head == Some(true) && one.opened.is_some());
        expected.push(match oldest {
            _ if establishments.is_empty() => ("company_unknown", None),
            Some(oldest) if headed => match ((day(SIGNED) - oldest).num_days(), own.initial) {
                (..0, _) => ("opened_later", None),
                (366.., _) => ("clear", None),
                (_, None) => ("no_value", None),
                (_, Some(..5_000_000)) => ("small_contract", None),
                (..=30, _) => ("fired", Some(Severity::High)),
                (..=180, _) => ("fired", Some(Severity::Medium)),
                _ => ("fired", Some(Severity::Low)),
            },
            _ => ("head_office_unknown", None),
        });
        cases.push((own, establishments));
    }
    let judged = judge(cases).await;
    let found: Vec<_> =
        judged.iter().map(|(verdict, found)| (verdict.as_str(), found.as_ref().map(|one| one.severity))).collect();
    assert_eq!(found, expected);
    for verdict in ["fired", "clear", "opened_later", "small_contract", "head_office_unknown", "no_value"] {
        assert!(expected.iter().filter(|(one, _)| *one == verdict).count() > 3, "{verdict}");
    }
}
