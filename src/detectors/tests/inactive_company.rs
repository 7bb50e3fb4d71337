use chrono::{Days, NaiveDate};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::register::{Establishment, cnpj};
use super::{Contract, Data, day, value};
use crate::model::Severity;

const ID: &str = "inactive_company";

fn signed(company: u32, on: &str) -> Contract {
    Contract { supplier: cnpj(company, 1), signed: Some(day(on)), ..Contract::new(&format!("c{company:03}")) }
}

/// The verdict on each contract, with what the register says of its supplier.
async fn verdicts(cases: Vec<(Contract, Option<Establishment>)>) -> Vec<String> {
    let mut data = Data { establishments: vec![Establishment::of(999)], ..Data::default() };
    for (at, (contract, establishment)) in cases.into_iter().enumerate() {
        data.contracts.push(Contract { id: format!("c{at:03}"), ..contract });
        data.establishments.extend(establishment);
    }
    data.answers(ID).await.0.into_values().collect()
}

fn since(company: u32, status: &'static str, on: &str) -> Option<Establishment> {
    Some(Establishment { status, status_date: Some(day(on)), ..Establishment::of(company) })
}

#[tokio::test]
async fn inactive_since_before_the_signature() {
    let on = "2024-05-10";
    let cases = vec![
        (signed(1, on), since(1, "closed", "2024-05-09")),
        (signed(2, on), since(2, "closed", "2024-05-10")),
        (signed(3, on), since(3, "closed", "2024-05-11")),
        (signed(4, on), since(4, "unfit", "2019-01-01")),
        (signed(5, on), since(5, "suspended", "2019-01-01")),
        (signed(6, on), since(6, "void", "2019-01-01")),
        (signed(7, on), since(7, "active", "2019-01-01")),
        // Active again, or opened, since: what it was before is not known.
        (signed(8, on), since(8, "active", "2024-05-11")),
        (signed(9, on), since(9, "active", "2024-05-10")),
    ];
    let expected = [
        "fired",
        "became_inactive_later",
        "became_inactive_later",
        "fired",
        "fired",
        "fired",
        "clear",
        "active_since_later",
        "clear",
    ];
    assert_eq!(verdicts(cases).await, expected);
}

#[tokio::test]
async fn what_the_register_cannot_tell() {
    let on = "2024-05-10";
    let of = |supplier: &str| (Contract { supplier: supplier.to_owned(), ..signed(1, on) }, None);
    let dated = |company: u32, reference: Option<&str>| {
        let closed =
            Establishment { status: "closed", status_date: Some(day("2024-01-01")), ..Establishment::of(company) };
        (signed(company, on), Some(Establishment { reference: reference.map(day), ..closed }))
    };
    let undated = Establishment { status: "closed", status_date: None, ..Establishment::of(12) };
    let branch = Contract { supplier: cnpj(13, 2), ..signed(13, on) };
    let cases = vec![
        of(""),
        of("52998224725"),
        of("***.982.247-**"),
        of("EX2548312"),
        of("10000001000199"),
        (Contract { signed: None, ..signed(1, on) }, None),
        (signed(998, on), None),
        dated(9, None),
        dated(10, Some("2024-05-09")),
        dated(11, Some("2024-05-10")),
        (signed(12, on), Some(undated)),
        // Of a branch its own status counts, not that of its head office.
        (branch, since(13, "closed", "2020-01-01")),
    ];
    let expected = [
        "supplier_secret",
        "supplier_is_person",
        "supplier_is_person",
        "no_tax_id",
        "tax_id_invalid",
        "no_signature_date",
        "company_unknown",
        "register_undated",
        "register_too_old",
        "fired",
        "status_undated",
        "company_unknown",
    ];
    assert_eq!(verdicts(cases).await, expected);
    let alone = Data { contracts: vec![signed(1, on)], ..Data::default() };
    assert_eq!(alone.answers(ID).await.0["c001"], "register_not_taken_in");
}

#[tokio::test]
async fn the_latest_import_of_an_establishment_counts() {
    let first = Establishment { import: "import-1", ..since(1, "closed", "2020-01-01").unwrap() };
    let second = Establishment { import: "import-2", ..since(1, "active", "2020-01-01").unwrap() };
    for establishments in [vec![first.clone(), second.clone()], vec![second, first]] {
        let data = Data { contracts: vec![signed(1, "2024-05-10")], establishments, ..Data::default() };
        assert_eq!(data.answers(ID).await.0["c001"], "clear");
    }
}

#[tokio::test]
async fn a_finding_shows_status_and_days() {
    let contract = signed(1, "2024-05-10").worth("1234567.89");
    let data = Data {
        contracts: vec![contract],
        establishments: since(1, "unfit", "2024-05-01").into_iter().collect(),
        ..Data::default()
    };
    let finding = data.answers(ID).await.1.remove(0);
    assert_eq!((finding.severity, finding.amount_at_stake.unwrap().to_string()), (Severity::High, "1234567.89".into()));
    for (name, expected) in [
        ("status", "unfit"),
        ("status_date", "2024-05-01"),
        ("days", "9"),
        ("reference_date", "2026-01-10"),
        ("supplier_id", cnpj(1, 1).as_str()),
    ] {
        assert_eq!(value(&finding, name), expected, "{name}");
    }
    let rows: Vec<_> = finding.evidence.rows.iter().map(|row| row.table.as_str()).collect();
    assert_eq!(rows, ["contracts", "establishments"]);
    assert!(finding.description_pt.contains("inapta") && finding.description_pt.contains("indício"));
}

/// The definition, one contract at a time.
fn reference(contract: &Contract, of: Option<&Establishment>) -> &'static str {
    let Some(signed) = contract.signed else { return "no_signature_date" };
    let Some(of) = of else { return "company_unknown" };
    let Some(known_on) = of.reference else { return "register_undated" };
    if known_on < signed {
        return "register_too_old";
    }
    let Some(since) = of.status_date else { return "status_undated" };
    match (of.status == "active", since.cmp(&signed)) {
        (true, std::cmp::Ordering::Greater) => "active_since_later",
        (true, _) => "clear",
        (false, std::cmp::Ordering::Less) => "fired",
        (false, _) => "became_inactive_later",
    }
}

#[tokio::test]
async fn random_cases_agree_with_a_slow_reference() {
    let mut rng = StdRng::seed_from_u64(21);
    let some = |rng: &mut StdRng, likely: f64| -> Option<NaiveDate> {
        let on = day("2024-01-01") + Days::new(rng.random_range(0..12));
        rng.random_bool(likely).then_some(on)
    };
    let mut data = Data::default();
    let mut expected = Vec::new();
    for at in 0..600 {
        let contract = Contract { signed: some(&mut rng, 0.95), id: format!("c{at:03}"), ..signed(at, "2024-01-01") };
        let known = rng.random_bool(0.9).then(|| Establishment {
            status: ["active", "closed", "unfit", "suspended", "void"].choose(&mut rng).unwrap(),
            status_date: some(&mut rng, 0.9),
            reference: some(&mut rng, 0.9).map(|day| day + Days::new(7)),
            ..Establishment::of(at)
        });
        expected.push(reference(&contract, known.as_ref()).to_owned());
        data.contracts.push(contract);
        data.establishments.extend(known);
    }
    let found: Vec<String> = data.answers(ID).await.0.into_values().collect();
    assert_eq!(found, expected);
    for verdict in ["fired", "clear", "became_inactive_later", "active_since_later", "register_too_old"] {
        assert!(expected.iter().filter(|one| *one == verdict).count() > 5, "{verdict}");
    }
}
