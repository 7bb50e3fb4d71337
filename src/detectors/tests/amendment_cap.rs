use super::{Amendment, Contract, Data, cents, day, value, verdict};
use crate::detectors::DetectorRun;
use crate::model::{Money, Severity};

const ID: &str = "amendment_cap";
const ADDITION: &str = "Acréscimo de serviços";

fn raised(current: &str) -> Contract {
    Contract { current: Some(cents(current)), ..Contract::new("a").worth("1000000.00") }
}

async fn judge(contract: Contract, amendments: &[&str]) -> DetectorRun {
    let amendments = (1..).zip(amendments).map(|(number, object)| Amendment::of(&contract, number, object)).collect();
    Data { contracts: vec![contract], amendments, ..Data::default() }.run(ID).await
}

async fn answer(contract: Contract, amendments: &[&str]) -> String {
    verdict(&judge(contract, amendments).await)
}

#[tokio::test]
async fn the_cap_to_the_cent() {
    assert_eq!(answer(raised("1199999.99"), &[ADDITION]).await, "clear");
    assert_eq!(answer(raised("1200000.00"), &[ADDITION]).await, "near_cap");
    assert_eq!(answer(raised("1250000.00"), &[ADDITION]).await, "near_cap");
    assert_eq!(answer(raised("1250000.01"), &[ADDITION]).await, "within_rounding");
    assert_eq!(answer(raised("1250100.00"), &[ADDITION]).await, "within_rounding");
    assert_eq!(answer(raised("1250100.01"), &[ADDITION]).await, "fired");
    assert_eq!(answer(raised("900000.00"), &[ADDITION]).await, "clear");
    // A quarter of an odd number of cents is not a number of cents.
    let odd = |current: &str| Contract { current: Some(cents(current)), ..Contract::new("a").worth("1000000.01") };
    assert_eq!(answer(odd("1250000.01"), &[]).await, "near_cap");
    assert_eq!(answer(odd("1250000.02"), &[]).await, "within_rounding");
}

#[tokio::test]
async fn values_and_regimes_that_cannot_be_judged() {
    assert_eq!(answer(Contract { initial: None, ..raised("5000000.00") }, &[ADDITION]).await, "no_initial_value");
    assert_eq!(answer(Contract { current: None, ..raised("5000000.00") }, &[ADDITION]).await, "no_initial_value");
    assert_eq!(answer(Contract { initial: Some(0), ..raised("5000000.00") }, &[ADDITION]).await, "no_initial_value");
    assert_eq!(answer(Contract { initial: Some(-1), ..raised("5000000.00") }, &[ADDITION]).await, "no_initial_value");
    let state = Contract { legal_basis: Some("Lei 13.303/2016, art. 28".to_owned()), ..raised("5000000.00") };
    assert_eq!(answer(state, &[ADDITION]).await, "regime_not_covered");
}

#[tokio::test]
async fn only_additions_fire() {
    let over = || raised("1400000.00");
    for (amendments, expected) in [
        (&[][..], "no_amendment_published"),
        (&[ADDITION], "fired"),
        (&[ADDITION, "Acrescer e suprimir itens"], "fired"),
        (&[ADDITION, "Supressão de postos"], "fired"),
        (&["Supressão de postos"], "amendment_type_unknown"),
        (&[ADDITION, "Informação protegida por sigilo nos termos da legislação vigente"], "amendment_undisclosed"),
        (&[ADDITION, "Repactuação dos preços"], "price_adjustment_mixed"),
        (&[ADDITION, "Prorrogação da vigência e reajuste"], "price_adjustment_mixed"),
        (&["Acréscimo de serviços e prorrogação do prazo"], "renewal_mixed"),
        (&[ADDITION, "Prorrogação do prazo de vigência"], "renewal_mixed"),
        (&[ADDITION, "Alteração do preâmbulo"], "amendment_type_unknown"),
        (&[ADDITION, ""], "amendment_type_unknown"),
    ] {
        assert_eq!(answer(over(), amendments).await, expected, "{amendments:?}");
    }
}

#[tokio::test]
async fn additions_and_reductions_may_hide_each_other() {
    assert_eq!(answer(raised("1100000.00"), &[ADDITION, "Supressão"]).await, "reductions_may_hide_additions");
    assert_eq!(answer(raised("1240000.00"), &["Acréscimo e supressão"]).await, "reductions_may_hide_additions");
    assert_eq!(answer(raised("1100000.00"), &["Supressão"]).await, "clear");
}

#[tokio::test]
async fn reforms_may_reach_half() {
    let reform = |current: &str| Contract { object: "Reforma do prédio da reitoria".to_owned(), ..raised(current) };
    assert_eq!(answer(reform("1250000.00"), &[ADDITION]).await, "near_cap");
    assert_eq!(answer(reform("1250001.01"), &[ADDITION]).await, "reform_cap_may_apply");
    assert_eq!(answer(reform("1500001.00"), &[ADDITION]).await, "reform_cap_may_apply");
    assert_eq!(answer(reform("1500001.00"), &["Informação protegida por sigilo"]).await, "amendment_undisclosed");
    let run = judge(reform("1500001.01"), &[ADDITION]).await;
    let finding = &run.findings[0];
    assert_eq!(finding.amount_at_stake, Some(Money::from_cents(101)));
    assert_eq!(value(finding, "cap"), "0.50");
    assert_eq!(finding.evidence.limits[0].name, "amendment_cap_reform");
}

#[tokio::test]
async fn links_must_be_to_one_contract() {
    let contract = raised("1400000.00");
    let twin = Contract { id: "b".to_owned(), ..Contract::new("b") };
    let twin = Contract { number: contract.number.clone(), ..twin };
    let amendments = vec![Amendment::of(&contract, 1, ADDITION)];
    let data = Data { contracts: vec![contract.clone(), twin.clone()], amendments, ..Data::default() };
    let verdicts = super::verdicts(&data.run(ID).await);
    assert_eq!(verdicts["ambiguous_amendments"], 1);
    let mut apart = data.clone();
    apart.contracts[1].buyer = "999".to_owned();
    assert_eq!(super::verdicts(&apart.run(ID).await)["fired"], 1);
    let mut replaced = data.clone();
    replaced.contracts[1].status = "superseded";
    assert_eq!(super::verdicts(&replaced.run(ID).await)["fired"], 1);
    let mut duplicate = data;
    duplicate.contracts.pop();
    duplicate.amendments[0].status = "duplicate";
    assert_eq!(verdict(&duplicate.run(ID).await), "no_amendment_published");
}

#[tokio::test]
async fn severity_amount_and_limits() {
    let severity = |initial: &'static str, current: &'static str| async move {
        let contract = Contract { current: Some(cents(current)), ..Contract::new("a").worth(initial) };
        judge(contract, &[ADDITION]).await.findings[0].severity
    };
    assert_eq!(severity("1000000.00", "1400000.00").await, Severity::High);
    assert_eq!(severity("3000000.00", "4500000.00").await, Severity::High);
    assert_eq!(severity("3000000.00", "4500000.01").await, Severity::Critical);
    assert_eq!(severity("1000000.00", "2000000.00").await, Severity::High);
    assert_eq!(severity("1000000.00", "2000000.01").await, Severity::Critical);

    let names = |signed: Option<&str>, basis: Option<&str>| {
        let contract = Contract {
            signed: signed.map(day),
            legal_basis: basis.map(str::to_owned),
            ..Contract { current: Some(cents("1000.05")), ..Contract::new("a").worth("7.03") }
        };
        async move {
            let run = judge(contract, &[ADDITION]).await;
            let limits = run.findings[0].evidence.limits.iter();
            let acts = limits.filter(|limit| limit.name == "amendment_cap").map(|limit| limit.legal_basis.clone());
            (run.findings[0].amount_at_stake.unwrap().to_string(), acts.collect::<Vec<_>>())
        }
    };
    let (old, new) = ("Lei 8.666/1993, art. 65 §1".to_owned(), "Lei 14.133/2021, art. 125".to_owned());
    // 993.02 less 1.7575, cut off below the cent.
    assert_eq!(names(Some("2021-03-31"), None).await, ("991.26".to_owned(), vec![old.clone()]));
    assert_eq!(names(Some("2021-04-01"), None).await.1, [new.clone(), old.clone()]);
    assert_eq!(names(Some("2023-12-30"), None).await.1, [new.clone(), old.clone()]);
    assert_eq!(names(Some("2023-12-31"), None).await.1, [new.clone()]);
    assert_eq!(names(None, None).await.1, [new.clone(), old.clone()]);
    assert_eq!(names(Some("2024-02-01"), Some("Art. 24, II, Lei 8.666/93")).await.1, [old]);
    assert_eq!(names(Some("2022-02-01"), Some("Art. 75, II, Lei 14.133/2021")).await.1, [new]);
}

#[tokio::test]
async fn a_finding_shows_contract_and_amendments() {
    let mut data = Data { contracts: vec![raised("1400000.00")], ..Data::default() };
    for number in [2, 1, 3] {
        data.amendments.push(Amendment::of(&data.contracts[0], number, ADDITION));
    }
    let run = data.run(ID).await;
    let finding = &run.findings[0];
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
}

#[tokio::test]
async fn at_most_a_hundred_rows_are_shown() {
    let mut data = Data { contracts: vec![raised("1400000.00")], ..Data::default() };
    for number in 1..=150 {
        data.amendments.push(Amendment::of(&data.contracts[0], number, ADDITION));
    }
    let run = data.run(ID).await;
    assert_eq!(run.findings[0].evidence.rows.len(), 100);
    assert_eq!(run.findings[0].evidence.total_rows, 151);
}
