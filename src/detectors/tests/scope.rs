use super::tenders::{Bid, Tender, TenderItem};
use super::{CNPJ, Contract, Data, Item, OTHER_CNPJ, day};
use crate::detectors::Run;
use crate::model::{Filters, Modality, Money, Plan};

fn data() -> Data {
    let a = Contract { object: "Aquisição de medicamentos".to_owned(), ..Contract::new("a").worth("10.00") };
    let b = Contract {
        object: "Contratação emergencial de serviços".to_owned(),
        modality: "dispensa_licitacao",
        signed: Some(day("2023-12-31")),
        buyer: "200".to_owned(),
        supplier: OTHER_CNPJ.to_owned(),
        current: Some(5_000),
        ..Contract::new("b").worth("20.00")
    };
    let c = Contract {
        object: "Conforme edital".to_owned(),
        signed: None,
        current: None,
        ..Contract::new("c").worth("30.00")
    };
    let d = Contract { initial: None, current: None, supplier: "***.982.247-**".to_owned(), ..Contract::new("d") };
    let old = Contract { status: "superseded", ..a.clone() };
    let items = vec![Item::of(&c, "Medicamentos e luvas de látex"), Item::of(&d, "Papel")];
    Data { contracts: vec![a, b, c, d, old], items, ..Data::default() }
}

async fn count(plan: Plan) -> i64 {
    let run = Run::prepare(data().session(2), &plan).await.unwrap();
    run.contracts_in_scope()
}

async fn filtered(filters: Filters) -> i64 {
    count(Plan { filters, ..Plan::default() }).await
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test]
async fn filters_narrow() {
    assert_eq!(count(Plan::default()).await, 4);
    let money = |cents| Some(Money::from_cents(cents));
    assert_eq!(filtered(Filters { min_value: money(1_000), ..Filters::default() }).await, 3);
    assert_eq!(filtered(Filters { min_value: money(1_001), ..Filters::default() }).await, 2);
    assert_eq!(filtered(Filters { max_value: money(5_000), ..Filters::default() }).await, 3);
    assert_eq!(filtered(Filters { max_value: money(4_999), ..Filters::default() }).await, 2);
    assert_eq!(filtered(Filters { year: Some(2023), ..Filters::default() }).await, 1);
    assert_eq!(filtered(Filters { start_date: Some(day("2024-03-01")), ..Filters::default() }).await, 2);
    assert_eq!(filtered(Filters { start_date: Some(day("2024-03-02")), ..Filters::default() }).await, 0);
    assert_eq!(filtered(Filters { end_date: Some(day("2023-12-31")), ..Filters::default() }).await, 1);
    let modalities = vec![Modality::DispensaLicitacao, Modality::Concorrencia];
    assert_eq!(filtered(Filters { modalities, ..Filters::default() }).await, 1);
    assert_eq!(filtered(Filters { supplier_id: Some("12.ABC.345/01DE-35".to_owned()), ..Filters::default() }).await, 1);
    // The lake keeps a CPF masked, so that a full one is looked for by its mask.
    assert_eq!(filtered(Filters { supplier_id: Some("529.982.247-25".to_owned()), ..Filters::default() }).await, 1);
    assert_eq!(filtered(Filters { supplier_id: Some("-11".to_owned()), ..Filters::default() }).await, 0);
    assert_eq!(filtered(Filters { buyer_id: Some("200".to_owned()), ..Filters::default() }).await, 1);
    assert_eq!(filtered(Filters { buyer_id: Some("' OR true --".to_owned()), ..Filters::default() }).await, 0);
}

#[tokio::test]
async fn words_are_whole_and_all_of_them() {
    let terms = |list: &[&str]| Plan { terms: words(list), ..Plan::default() };
    assert_eq!(count(terms(&["medicamentos"])).await, 1);
    assert_eq!(count(terms(&["medicamento"])).await, 0);
    assert_eq!(count(terms(&["aquisicao", "medicamentos"])).await, 1);
    assert_eq!(count(terms(&["aquisicao", "edital"])).await, 0);
    assert_eq!(filtered(Filters { categories: words(&["Medicamentos", "EDITAL"]), ..Filters::default() }).await, 2);
    assert_eq!(filtered(Filters { categories: words(&["aquisição medicamentos"]), ..Filters::default() }).await, 1);
    assert_eq!(filtered(Filters { categories: words(&["!!"]), ..Filters::default() }).await, 0);
    assert_eq!(count(Plan { emergency_only: true, ..Plan::default() }).await, 1);
}

#[tokio::test]
async fn items_count_when_asked_for() {
    let plan = |list: &[&str], include_items| Plan { terms: words(list), include_items, ..Plan::default() };
    assert_eq!(count(plan(&["medicamentos"], true)).await, 2);
    assert_eq!(count(plan(&["latex", "edital"], true)).await, 1);
    assert_eq!(count(plan(&["latex", "papel"], true)).await, 0);
    assert_eq!(count(plan(&["latex"], false)).await, 0);
    let filters = Filters { categories: words(&["papel", "luvas"]), ..Filters::default() };
    assert_eq!(count(Plan { filters, include_items: true, ..Plan::default() }).await, 2);
    assert_eq!(count(plan(&[], true)).await, 4);
}

fn tenders() -> Data {
    let a = Tender { object: "Aquisição de medicamentos".to_owned(), value: Some(100_000), ..Tender::new("a") };
    let b = Tender {
        modality: "dispensa_licitacao",
        legal_basis: Some("Lei 14.133/2021, Art. 75, VIII".to_owned()),
        published: Some(day("2023-12-31")),
        buyer: "200".to_owned(),
        value: None,
        estimate: Some(50_000),
        ..Tender::new("b")
    };
    let dollars = Tender { currency: Some("USD".to_owned()), value: Some(100_000), ..Tender::new("c") };
    let undated = Tender { start: None, end: None, result: None, value: None, estimate: None, ..Tender::new("d") };
    let item = TenderItem { description: "Luvas de látex".to_owned(), ..TenderItem::of("b", 1) };
    let won = TenderItem { winner: Some(OTHER_CNPJ.to_owned()), ..TenderItem::of("c", 1) };
    let bids = vec![Bid::of("a", CNPJ, 100), Bid { id: "again".to_owned(), ..Bid::of("a", CNPJ, 110) }];
    Data { tenders: vec![a, b, dollars, undated], tender_items: vec![item, won], bids, ..Data::default() }
}

async fn of_tenders(plan: Plan) -> (i64, i64) {
    let run = Run::prepare(tenders().session(2), &plan).await.unwrap();
    (run.contracts_in_scope(), run.tenders_in_scope())
}

#[tokio::test]
async fn tenders_are_narrowed_as_contracts_are() {
    assert_eq!(of_tenders(Plan::default()).await, (0, 4));
    let filtered = |filters: Filters| of_tenders(Plan { filters, ..Plan::default() });
    let money = |cents| Some(Money::from_cents(cents));
    // What is not in reais passes no bound of value; what has no value passes none either.
    assert_eq!(filtered(Filters { min_value: money(50_000), ..Filters::default() }).await.1, 2);
    assert_eq!(filtered(Filters { min_value: money(50_001), ..Filters::default() }).await.1, 1);
    assert_eq!(filtered(Filters { max_value: money(99_999), ..Filters::default() }).await.1, 1);
    assert_eq!(filtered(Filters { year: Some(2023), ..Filters::default() }).await.1, 1);
    assert_eq!(filtered(Filters { year: Some(2024), ..Filters::default() }).await.1, 2);
    assert_eq!(filtered(Filters { start_date: Some(day("2024-03-02")), ..Filters::default() }).await.1, 0);
    let modalities = vec![Modality::DispensaLicitacao];
    assert_eq!(filtered(Filters { modalities, ..Filters::default() }).await.1, 1);
    assert_eq!(filtered(Filters { buyer_id: Some("200".to_owned()), ..Filters::default() }).await.1, 1);
    // Whoever bid or won took part.
    assert_eq!(filtered(Filters { supplier_id: Some(CNPJ.to_owned()), ..Filters::default() }).await.1, 1);
    assert_eq!(filtered(Filters { supplier_id: Some(OTHER_CNPJ.to_owned()), ..Filters::default() }).await.1, 1);
    assert_eq!(filtered(Filters { supplier_id: Some("33000167000101".to_owned()), ..Filters::default() }).await.1, 0);
    assert_eq!(of_tenders(Plan { emergency_only: true, ..Plan::default() }).await.1, 1);
    assert_eq!(of_tenders(Plan { terms: words(&["medicamentos"]), ..Plan::default() }).await.1, 1);
    let items = |include_items| Plan { terms: words(&["latex"]), include_items, ..Plan::default() };
    assert_eq!(of_tenders(items(true)).await.1, 1);
    assert_eq!(of_tenders(items(false)).await.1, 0);
    // Of the years of the peers alone; the undated one is of none.
    assert_eq!(of_tenders(Plan { peer_years: Some((2024, 2024)), ..Plan::default() }).await.1, 2);
}
