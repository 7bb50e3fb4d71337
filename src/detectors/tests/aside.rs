//! What no detector judges, and where it is counted.

use super::{CNPJ, Contract, Data, Tender, verdicts};
use crate::detectors::{Catalogue, Run};
use crate::model::{Filters, Money, Plan};

fn small(id: &str) -> Contract {
    Contract {
        modality: "dispensa_licitacao",
        legal_basis: Some("Lei 14.133/2021, Art. 75, II".to_owned()),
        ..Contract::new(id).worth("59000.00")
    }
}

fn of_tender(situation: Option<&str>, source: &'static str) -> Data {
    let contract = |id: &str| Contract { tender: Some(format!("tender of {id}")), source, ..small(id) };
    let tender =
        |id: &str| Tender { situation: situation.map(str::to_owned), ..Tender::new(&format!("tender of {id}")) };
    Data { contracts: vec![contract("a"), contract("b")], tenders: vec![tender("a"), tender("b")], ..Data::default() }
}

#[tokio::test]
async fn what_was_called_off_accuses_nobody() {
    for (situation, fires) in [
        (None, true),
        (Some("Publicado"), true),
        (Some("Suspensa"), true),
        (Some("Parcialmente fracassada"), true),
        (Some("cancelled"), false),
        (Some("Licitação revogada"), false),
        (Some("Anulada"), false),
        (Some("Deserta"), false),
        (Some("Fracassada"), false),
        (Some("unsuccessful"), false),
    ] {
        for source in ["portal:compras", "pncp:contratos", "ocds:test"] {
            let run = of_tender(situation, source).run("just_below_threshold").await;
            assert_eq!(run.findings.len(), usize::from(fires), "{situation:?} {source}");
            assert_eq!(verdicts(&run).get("cancelled"), (!fires).then_some(&2), "{situation:?} {source}");
        }
    }
}

#[tokio::test]
async fn every_detector_of_contracts_counts_what_it_did_not_judge() {
    let called_off = Contract { situation: Some("Cancelado"), ..small("a") };
    let dollars = Contract { currency: Some("USD"), ..Contract::new("b") };
    let unknown = |id| Contract { currency: None, source: "ocds:test", ..Contract::new(id) };
    // The Brazilian sources write none.
    let portal = Contract { currency: None, ..Contract::new("d") };
    let superseded = Contract { status: "superseded", ..dollars.clone() };
    let contracts = vec![called_off, dollars, unknown("c"), unknown("e"), portal, superseded];
    let data = Data { contracts, ..Data::default() };
    let run = Run::prepare(data.session(2), &Plan::default()).await.unwrap();
    assert_eq!(run.contracts_in_scope(), 5);
    for detector in Catalogue::builtin().unwrap().iter() {
        let header = &detector.header;
        let answer = run.detector(detector).await.unwrap();
        let count = |reason: &str| verdicts(&answer).get(reason).copied().unwrap_or(0);
        let of_contracts = header.tables.iter().any(|table| table == "contracts" || table == "small_purchases");
        let expected = match (of_contracts, header.modalities.is_empty()) {
            (false, _) => (0, 0, 0),
            (true, true) => (1, 1, 2),
            // Of direct awards alone.
            (true, false) => (1, 0, 0),
        };
        let found = (count("cancelled"), count("contract_in_other_currency"), count("currency_not_informed"));
        assert_eq!(found, expected, "{}", detector.id());
        assert!(answer.findings.is_empty(), "{}", detector.id());
    }
}

#[tokio::test]
async fn only_what_the_plan_is_about_is_counted() {
    let data = |contracts| Data { contracts, ..Data::default() };
    let dollars = |id: &str| Contract { currency: Some("USD"), ..Contract::new(id) };
    let medicines = Contract { object: "Aquisição de medicamentos".to_owned(), ..dollars("b") };
    let data = data(vec![dollars("a"), medicines, Contract { situation: Some("Cancelado"), ..Contract::new("c") }]);
    let counted = async |plan: Plan| {
        let run = data.run_with("value_risk", &plan, 2).await;
        let count = |reason: &str| verdicts(&run).get(reason).copied().unwrap_or(0);
        (count("contract_in_other_currency"), count("cancelled"))
    };
    assert_eq!(counted(Plan::default()).await, (2, 1));
    assert_eq!(counted(Plan { terms: vec!["medicamentos".to_owned()], ..Plan::default() }).await, (1, 0));
    // What is not in reais passes no bound of value.
    let filters = Filters { min_value: Some(Money::from_cents(1)), ..Filters::default() };
    assert_eq!(counted(Plan { filters, ..Plan::default() }).await, (0, 1));
    let filters = Filters { supplier_id: Some(CNPJ.to_owned()), ..Filters::default() };
    assert_eq!(counted(Plan { filters, ..Plan::default() }).await, (2, 1));
}

#[tokio::test]
async fn what_was_rescinded_fell_to_what_was_done() {
    let of = |situation, current| Contract { situation, current: Some(current), ..Contract::new("a") };
    let cases = [
        (of(Some("Rescindido"), 40_000), "rescinded"),
        (of(Some("Rescindido"), 160_000), "fired"),
        (of(Some("Fechado"), 40_000), "fired"),
    ];
    for (contract, expected) in cases {
        let run = Data { contracts: vec![contract], ..Data::default() }.run("value_jump").await;
        assert_eq!(super::verdict(&run), expected);
    }
}
