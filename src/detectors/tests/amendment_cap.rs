use super::{Amendment, Contract, Data, Judged, cents, day, judge_all, value};
use crate::model::{Money, Severity};

const ID: &str = "amendment_cap";
const ADDITION: &str = "Acréscimo de serviços";

fn raised(current: &str) -> Contract {
    Contract { current: Some(cents(current)), ..Contract::new("a").worth("1000000.00") }
}

fn with(contract: Contract, amendments: &[&str]) -> Data {
    let amendments = (1..).zip(amendments).map(|(number, object)| Amendment::of(&contract, number, object)).collect();
    Data { contracts: vec![contract], amendments, ..Data::default() }
}

async fn judge(cases: Vec<Data>) -> Vec<Judged> {
    judge_all(ID, cases).await
}

async fn one(contract: Contract) -> Judged {
    judge(vec![with(contract, &[ADDITION])]).await.remove(0)
}

/// Each case with the verdict that it must get.
async fn expect(cases: Vec<(Contract, &[&str], &str)>) {
    let data = cases.iter().map(|(contract, amendments, _)| with(contract.clone(), amendments)).collect();
    for (judged, (contract, amendments, expected)) in judge(data).await.iter().zip(&cases) {
        assert_eq!(judged.verdict(), *expected, "{amendments:?} {contract:?}");
    }
}

#[tokio::test]
async fn the_cap_to_the_cent() {
    // A quarter of an odd number of cents is not a number of cents.
    let small = |current: &str| Contract { current: Some(cents(current)), ..Contract::new("a").worth("1000.00") };
    let odd = |current: &str| Contract { current: Some(cents(current)), ..Contract::new("a").worth("1000000.01") };
    expect(vec![
        (raised("1199999.99"), &[ADDITION], "clear"),
        (raised("1200000.00"), &[ADDITION], "near_cap"),
        (raised("1250000.00"), &[ADDITION], "near_cap"),
        (raised("1250000.01"), &[ADDITION], "within_rounding"),
        // A ten-thousandth of the initial value may be rounding, or one real where that is more.
        (raised("1250100.00"), &[ADDITION], "within_rounding"),
        (raised("1250100.01"), &[ADDITION], "fired"),
        (small("1251.00"), &[ADDITION], "within_rounding"),
        (small("1251.01"), &[ADDITION], "fired"),
        (raised("900000.00"), &[ADDITION], "clear"),
        (odd("1250000.01"), &[], "near_cap"),
        (odd("1250000.02"), &[], "within_rounding"),
    ])
    .await;
}

#[tokio::test]
async fn an_apostille_is_a_change_of_prices() {
    let of = |amendments: &[&str]| {
        let mut data = with(raised("1400000.00"), amendments);
        data.amendments.push(Amendment::apostille(&data.contracts[0]));
        data
    };
    let judged = judge(vec![of(&[ADDITION]), of(&[]), with(raised("1400000.00"), &[ADDITION])]).await;
    let verdicts: Vec<_> = judged.iter().map(Judged::verdict).collect();
    assert_eq!(verdicts, ["price_adjustment_mixed", "no_amendment_published", "fired"]);
}

#[tokio::test]
async fn values_and_regimes_that_cannot_be_judged() {
    let of = |basis: &str| Contract { legal_basis: Some(basis.to_owned()), ..raised("5000000.00") };
    let state = of("Lei 13.303/2016, art. 28");
    expect(vec![
        (Contract { initial: None, ..raised("5000000.00") }, &[ADDITION], "no_initial_value"),
        (Contract { current: None, ..raised("5000000.00") }, &[ADDITION], "no_initial_value"),
        (Contract { initial: Some(0), ..raised("5000000.00") }, &[ADDITION], "no_initial_value"),
        (Contract { initial: Some(-1), ..raised("5000000.00") }, &[ADDITION], "no_initial_value"),
        (state, &[ADDITION], "regime_not_covered"),
        // Up to 50 % by the laws of emergencies.
        (of("Lei 13.979/2020, art. 4"), &[ADDITION], "regime_not_covered"),
        (of("Lei nº 14.981/2024, art. 2"), &[ADDITION], "regime_not_covered"),
        (of("Art. 75, VIII, Lei 14.133/2021 c/c MP 1.221/2024"), &[ADDITION], "regime_not_covered"),
    ])
    .await;
}

#[tokio::test]
async fn only_additions_fire() {
    let over = || raised("1400000.00");
    expect(vec![
        (over(), &[], "no_amendment_published"),
        (over(), &[ADDITION], "fired"),
        (over(), &[ADDITION, "Acrescer e suprimir itens"], "fired"),
        (over(), &[ADDITION, "Supressão de postos"], "fired"),
        (over(), &["Supressão de postos"], "amendment_type_unknown"),
        (
            over(),
            &[ADDITION, "Informação protegida por sigilo nos termos da legislação vigente"],
            "amendment_undisclosed",
        ),
        (over(), &[ADDITION, "Repactuação dos preços"], "price_adjustment_mixed"),
        (over(), &[ADDITION, "Prorrogação da vigência e reajuste"], "price_adjustment_mixed"),
        (over(), &["Acréscimo de serviços e prorrogação do prazo"], "renewal_mixed"),
        (over(), &[ADDITION, "Prorrogação do prazo de vigência"], "renewal_mixed"),
        (over(), &[ADDITION, "Alteração do preâmbulo"], "amendment_type_unknown"),
        (over(), &[ADDITION, ""], "amendment_type_unknown"),
        (raised("1100000.00"), &[ADDITION, "Supressão"], "reductions_may_hide_additions"),
        (raised("1240000.00"), &["Acréscimo e supressão"], "reductions_may_hide_additions"),
        (raised("1100000.00"), &["Supressão"], "clear"),
    ])
    .await;
}

#[tokio::test]
async fn reforms_may_reach_half() {
    let reform = |current: &str| Contract { object: "Reforma do prédio da reitoria".to_owned(), ..raised(current) };
    expect(vec![
        (reform("1250000.00"), &[ADDITION], "near_cap"),
        (reform("1250100.01"), &[ADDITION], "reform_cap_may_apply"),
        (reform("1500100.00"), &[ADDITION], "reform_cap_may_apply"),
        (reform("1500100.00"), &["Informação protegida por sigilo"], "amendment_undisclosed"),
        (reform("1500100.01"), &["Reajuste"], "price_adjustment_mixed"),
    ])
    .await;
    let finding = one(reform("1500100.01")).await.findings.remove(0);
    assert_eq!(finding.amount_at_stake, Some(Money::from_cents(10_001)));
    assert_eq!(value(&finding, "cap"), "0.50");
    assert_eq!(finding.evidence.limits[0].name, "amendment_cap_reform");
}

#[tokio::test]
async fn links_must_be_to_one_contract() {
    let contract = raised("1400000.00");
    let twin = Contract { number: contract.number.clone(), ..Contract::new("b") };
    let mut ambiguous = with(contract, &[ADDITION]);
    ambiguous.contracts.push(twin);
    let mut apart = ambiguous.clone();
    apart.contracts[1].buyer = "999".to_owned();
    let mut replaced = ambiguous.clone();
    replaced.contracts[1].status = "superseded";
    let mut duplicate = ambiguous.clone();
    duplicate.contracts.pop();
    duplicate.amendments[0].status = "duplicate";
    let judged = judge(vec![ambiguous, apart, replaced, duplicate]).await;
    assert_eq!(judged[0].verdicts, [("ambiguous_amendments".to_owned(), 1), ("clear".to_owned(), 1)].into());
    assert_eq!(judged[1].verdicts, [("clear".to_owned(), 1), ("fired".to_owned(), 1)].into());
    assert_eq!(judged[2].verdict(), "fired");
    assert_eq!(judged[3].verdict(), "no_amendment_published");
}

#[tokio::test]
async fn severity_grows_with_ratio_and_amount() {
    let cases = [
        ("1000000.00", "1400000.00", Severity::High),
        ("3000000.00", "4500000.00", Severity::High),
        ("3000000.00", "4500000.01", Severity::Critical),
        ("1000000.00", "2000000.00", Severity::High),
        ("1000000.00", "2000000.01", Severity::Critical),
    ];
    let contract =
        |initial: &str, current: &str| Contract { current: Some(cents(current)), ..Contract::new("a").worth(initial) };
    let data = cases.iter().map(|(initial, current, _)| with(contract(initial, current), &[ADDITION])).collect();
    for (judged, (initial, current, severity)) in judge(data).await.iter().zip(cases) {
        assert_eq!(judged.findings[0].severity, severity, "{initial} {current}");
    }
}

#[tokio::test]
async fn the_act_goes_by_basis_and_date() {
    let (old, new) = ("Lei 8.666/1993, art. 65 §1", "Lei 14.133/2021, art. 125");
    let cases: [(Option<&str>, Option<&str>, &[&str]); 7] = [
        (Some("2021-03-31"), None, &[old]),
        (Some("2021-04-01"), None, &[new, old]),
        (Some("2023-12-30"), None, &[new, old]),
        (Some("2023-12-31"), None, &[new]),
        (None, None, &[new, old]),
        (Some("2024-02-01"), Some("Art. 24, II, Lei 8.666/93"), &[old]),
        (Some("2022-02-01"), Some("Art. 75, II, Lei 14.133/2021"), &[new]),
    ];
    let data = cases.iter().map(|(signed, basis, _)| {
        let contract = Contract {
            signed: signed.map(day),
            legal_basis: basis.map(str::to_owned),
            ..Contract { current: Some(cents("1000.05")), ..Contract::new("a").worth("7.03") }
        };
        with(contract, &[ADDITION])
    });
    for (judged, (signed, basis, expected)) in judge(data.collect()).await.iter().zip(cases) {
        let finding = &judged.findings[0];
        let limits = finding.evidence.limits.iter().filter(|limit| limit.name == "amendment_cap");
        let acts: Vec<_> = limits.map(|limit| limit.legal_basis.as_str()).collect();
        assert_eq!(acts, expected, "{signed:?} {basis:?}");
        // 993.02 less 1.7575, cut off below the cent.
        assert_eq!(finding.amount_at_stake.unwrap().to_string(), "991.26");
    }
}

#[tokio::test]
async fn a_finding_shows_contract_and_amendments_up_to_a_hundred() {
    let mut data = with(raised("1400000.00"), &[]);
    for number in [2, 1, 3] {
        data.amendments.push(Amendment::of(&data.contracts[0], number, ADDITION));
    }
    let mut many = with(raised("1400000.00"), &[]);
    for number in 1..=150 {
        many.amendments.push(Amendment::of(&many.contracts[0], number, ADDITION));
    }
    let judged = judge(vec![data, many]).await;
    let finding = &judged[0].findings[0];
    let rows: Vec<_> = finding.evidence.rows.iter().map(|row| (row.table.as_str(), row.id.as_str())).collect();
    assert_eq!(rows, [("contracts", "a"), ("amendments", "a-1"), ("amendments", "a-2"), ("amendments", "a-3")]);
    assert_eq!(finding.evidence.total_rows, 4);
    assert_eq!(finding.evidence.rows[1].columns["object"], ADDITION);
    assert_eq!(value(finding, "increase"), "400000.00");
    assert_eq!(value(finding, "increase_ratio"), "0.4");
    assert!(
        finding
            .description_pt
            .contains("aumento de R$ 400.000,00 (40,0 %), acima do limite de 25,0 % em R$ 150.000,00")
    );
    assert!(
        finding
            .description_en
            .contains("an increase of R$ 400,000.00 (40.0%), above the limit of 25.0% by R$ 150,000.00")
    );
    assert_eq!(judged[1].findings[0].evidence.rows.len(), 100);
    assert_eq!(judged[1].findings[0].evidence.total_rows, 151);
}
