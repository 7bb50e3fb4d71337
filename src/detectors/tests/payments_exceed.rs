use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::lists::Payment;
use super::{Contract, Data, day, value, verdict, verdicts};
use crate::model::Severity;

const ID: &str = "payments_exceed";

fn contract() -> Contract {
    Contract::new("a").worth("1000.00")
}

fn of(contract: Contract, payments: Vec<Payment>) -> Data {
    Data { contracts: vec![contract], payments, ..Data::default() }
}

fn paid(cents: i128) -> Payment {
    Payment::of("a", "2024-04-01", cents)
}

async fn judged(contract: Contract, payments: Vec<Payment>) -> String {
    verdict(&of(contract, payments).run(ID).await)
}

#[tokio::test]
async fn one_per_cent_above_the_value_to_the_cent() {
    assert_eq!(judged(contract(), vec![paid(101_000)]).await, "clear");
    assert_eq!(judged(contract(), vec![paid(101_001)]).await, "fired");
    assert_eq!(judged(contract(), vec![paid(60_000), paid(41_001)]).await, "fired");
    // What was paid back is no payment.
    assert_eq!(judged(contract(), vec![paid(120_000), paid(-20_000)]).await, "clear");
    // The larger of both values counts: a reduction makes no payment of before wrong.
    let reduced = Contract { current: Some(50_000), ..contract() };
    assert_eq!(judged(reduced, vec![paid(101_000)]).await, "clear");
    let raised = Contract { initial: None, current: Some(200_000), ..contract() };
    assert_eq!(judged(raised, vec![paid(202_001)]).await, "fired");
    let run = of(contract(), vec![paid(150_000)]).run(ID).await;
    let finding = &run.findings[0];
    assert_eq!((finding.severity, value(finding, "problem").as_str()), (Severity::High, "above"));
    assert_eq!(finding.amount_at_stake.unwrap().to_string(), "500.00");
    let rows: Vec<_> = finding.evidence.rows.iter().map(|row| (row.table.as_str(), row.id.as_str())).collect();
    assert_eq!(rows, [("contracts", "a"), ("payments", "payment 0")]);
    assert!(finding.description_pt.contains("somam R$ 1.500,00, contra R$ 1.000,00"));
}

#[tokio::test]
async fn a_payment_before_the_signature() {
    let on = |date: &str, cents| Payment::of("a", date, cents);
    assert_eq!(judged(contract(), vec![on("2024-03-01", 100)]).await, "clear");
    // One day alone may be a difference of zones; 2024 is a leap year.
    assert_eq!(judged(contract(), vec![on("2024-02-29", 100)]).await, "clear");
    let run = of(contract(), vec![on("2024-02-28", 100), on("2024-02-29", 400), on("2024-03-05", 200)]).run(ID).await;
    let finding = &run.findings[0];
    assert_eq!((finding.severity, value(finding, "problem").as_str()), (Severity::Medium, "early"));
    assert_eq!(finding.amount_at_stake.unwrap().to_string(), "1.00");
    assert_eq!(judged(Contract { signed: None, ..contract() }, vec![on("2024-02-28", 100)]).await, "clear");
    let run = of(contract(), vec![on("2024-02-28", 200_000)]).run(ID).await;
    assert_eq!((run.findings[0].severity, value(&run.findings[0], "problem").as_str()), (Severity::High, "both"));
}

#[tokio::test]
async fn what_went_to_the_buyer_is_no_payment() {
    let of_kind = |kind: &'static str, cents| Payment { kind, ..paid(cents) };
    for kind in ["refund", "other"] {
        assert_eq!(judged(contract(), vec![of_kind(kind, 150_000)]).await, "no_payment_published", "{kind}");
    }
    // Whatever its sign, it is taken off.
    for cents in [20_000, -20_000] {
        assert_eq!(judged(contract(), vec![paid(121_000), of_kind("refund", cents)]).await, "clear", "{cents}");
    }
    assert_eq!(judged(contract(), vec![paid(101_001), of_kind("other", -50_000)]).await, "fired");
    let run = of(contract(), vec![paid(130_000), of_kind("refund", 20_000)]).run(ID).await;
    let shown = ["payments", "paid", "returned"].map(|name| value(&run.findings[0], name));
    assert_eq!(shown, ["1", "1100.00", "200.00"]);
    assert_eq!(run.findings[0].amount_at_stake.unwrap().to_string(), "100.00");
    // Nobody knows how much of it went back.
    let silent = Payment { value: None, ..of_kind("refund", 0) };
    assert_eq!(judged(contract(), vec![paid(150_000), silent]).await, "payment_without_value");
    // What came before the signature is a payment, not what went back.
    let early = Payment { kind: "refund", ..Payment::of("a", "2024-02-01", 100) };
    assert_eq!(judged(contract(), vec![paid(100), early]).await, "clear");
}

#[tokio::test]
async fn a_payment_without_a_currency_is_in_that_of_the_contract() {
    let silent = || Payment { currency: None, ..paid(150_000) };
    let run = of(contract(), vec![silent()]).run(ID).await;
    assert_eq!(verdict(&run), "fired");
    let unknown = Contract { currency: None, ..contract() };
    assert_eq!(judged(unknown.clone(), vec![silent()]).await, "currency_not_published");
    assert_eq!(judged(unknown, vec![paid(150_000)]).await, "fired");
}

#[tokio::test]
async fn what_cannot_be_compared_is_told() {
    assert_eq!(judged(contract(), Vec::new()).await, "no_payment_published");
    // Money that was set aside, before the signature as the law wants it, is not paid.
    let commitment = Payment { kind: "commitment", ..Payment::of("a", "2024-01-01", 900_000) };
    assert_eq!(judged(contract(), vec![commitment]).await, "no_payment_published");
    let dollars = Payment { currency: Some("USD"), ..paid(900_000) };
    assert_eq!(judged(contract(), vec![paid(1), dollars]).await, "other_currency");
    assert_eq!(judged(contract(), vec![paid(9_999_999)]).await, "fired");
    assert_eq!(judged(contract(), vec![paid(10_000_000)]).await, "slip_possible");
    let unpriced = Contract { initial: None, current: None, ..contract() };
    assert_eq!(judged(unpriced, vec![paid(100)]).await, "no_value");
    assert_eq!(judged(contract().worth("0.00"), vec![paid(100)]).await, "no_value");
    let silent = Payment { value: None, ..paid(0) };
    assert_eq!(judged(contract(), vec![paid(100), silent.clone()]).await, "payment_without_value");
    assert_eq!(judged(contract(), vec![paid(200_000), silent]).await, "fired");
    let elsewhere = Payment { currency: None, ..Payment::of("b", "2024-04-01", 900_000) };
    assert_eq!(judged(contract(), vec![elsewhere]).await, "no_payment_published");
}

#[tokio::test]
async fn random_payments_agree_with_a_slow_reference() {
    let mut rng = StdRng::seed_from_u64(14);
    let mut data = Data::default();
    let mut expected = std::collections::BTreeMap::new();
    let mut fired = Vec::new();
    for at in 0..400 {
        let mut one = Contract::new(&format!("c{at:03}"));
        one.initial = *[Some(100_000), Some(123_456), Some(0), None].choose(&mut rng).unwrap();
        one.current = *[Some(100_000), Some(200_000), None].choose(&mut rng).unwrap();
        one.signed = rng.random_bool(0.9).then(|| day("2024-03-01"));
        one.currency = rng.random_bool(0.9).then_some("BRL");
        let payments: Vec<Payment> = (0..rng.random_range(0..4))
            .map(|_| Payment {
                kind: ["payment", "payment", "payment", "payment", "commitment", "refund", "other"]
                    .choose(&mut rng)
                    .unwrap(),
                date: rng.random_bool(0.9).then(|| day("2024-02-20") + chrono::Days::new(rng.random_range(0..60))),
                value: rng.random_bool(0.95).then(|| {
                    *[101_000, 101_001, 50_000, 202_000, 202_001, 9_000_000, 20_000_000, -500].choose(&mut rng).unwrap()
                }),
                currency: *[Some("BRL"), Some("BRL"), Some("BRL"), None, Some("USD")].choose(&mut rng).unwrap(),
                ..Payment::of(&one.id, "2024-03-01", 0)
            })
            .collect();
        let real: Vec<_> = payments.iter().filter(|payment| payment.kind == "payment").collect();
        let back: Vec<_> = payments.iter().filter(|payment| payment.kind == "refund").collect();
        let sum: i128 = real.iter().filter_map(|payment| payment.value).sum::<i128>()
            - back.iter().filter_map(|payment| payment.value).map(i128::abs).sum::<i128>();
        let priced = real.iter().any(|payment| payment.value.is_some());
        let both = || real.iter().chain(&back);
        let currency = |payment: &Payment| payment.currency.or(one.currency);
        let worth = one.initial.max(one.current).filter(|worth| *worth > 0);
        let early = real.iter().any(|payment| {
            payment.date.zip(one.signed).is_some_and(|(date, signed)| signed - date > TimeDelta::days(1))
        });
        let above = priced && worth.is_some_and(|worth| sum * 100 > worth * 101);
        let verdict = if real.is_empty() {
            "no_payment_published"
        } else if both().any(|payment| payment.currency == Some("USD")) {
            "other_currency"
        } else if both().any(|payment| currency(payment).is_none()) {
            "currency_not_published"
        } else if priced && worth.is_some_and(|worth| sum >= worth * 100) {
            "slip_possible"
        } else if above && back.iter().any(|payment| payment.value.is_none()) {
            "payment_without_value"
        } else if above || early {
            fired.push((one.id.clone(), if above { Severity::High } else { Severity::Medium }));
            "fired"
        } else if worth.is_none() {
            "no_value"
        } else if both().any(|payment| payment.value.is_none()) {
            "payment_without_value"
        } else {
            "clear"
        };
        *expected.entry(verdict.to_owned()).or_insert(0) += 1;
        data.contracts.push(one);
        data.payments.extend(payments);
    }
    let run = data.run(ID).await;
    assert_eq!(verdicts(&run), expected);
    let mut found: Vec<_> = run.findings.iter().map(|one| (one.contract_ids[0].clone(), one.severity)).collect();
    found.sort();
    assert_eq!(found, fired);
    assert_eq!(expected.len(), 8, "{expected:?}");
}
