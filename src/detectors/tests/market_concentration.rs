use super::{Contract, Data, Item, day, judge_all, value};
use crate::model::Severity;

const ID: &str = "market_concentration";

fn cnpj(at: usize) -> String {
    let base = format!("{at:08}0001");
    let digits = crate::model::cnpj_check_digits(&base).unwrap().map(char::from);
    format!("{base}{}{}", digits[0], digits[1])
}

/// A market of 2023 with contracts of one line by supplier number and value in reais, whose files cover
/// so many months of that year.
fn market(sold: &[(usize, i128)], months: u32) -> Data {
    let mut data = Data::default();
    for (at, (supplier, reais)) in sold.iter().enumerate() {
        let month = day("2023-01-01") + chrono::Months::new(at as u32 % months);
        let contract = Contract {
            supplier: if *supplier == 0 { String::new() } else { cnpj(*supplier) },
            supplier_name: format!("EMPRESA {supplier}"),
            signed: Some(month),
            file: month.format("%Y%m_Compras.csv").to_string(),
            initial: Some(reais * 100),
            ..Contract::new(&format!("c{at:03}"))
        };
        data.items.push(Item::of(&contract, "PAPEL"));
        data.contracts.push(contract);
    }
    data
}

/// Thirty contracts of five suppliers or more; the first supplier has `parts` of the value of each other contract.
fn thirty(suppliers: usize, parts: i128) -> Vec<(usize, i128)> {
    (0..30).map(|at| (at % suppliers + 1, if at == 0 { 1_000 * parts } else { 1_000 })).collect()
}

// The files that cover the months are those of all cases together.
async fn verdict(data: Data) -> (Option<Severity>, String) {
    let judged = judge_all(ID, vec![data]).await.remove(0);
    (judged.findings.first().map(|finding| finding.severity), judged.verdict().to_owned())
}

#[tokio::test]
async fn the_index_reaches_its_marks() {
    // Five equal suppliers: 2,000; six: 1,667.
    assert_eq!(verdict(market(&thirty(5, 1), 12)).await, (Some(Severity::Low), "fired".to_owned()));
    assert_eq!(verdict(market(&thirty(6, 1), 12)).await, (None, "clear".to_owned()));
    assert_eq!(verdict(market(&thirty(5, 20), 12)).await, (Some(Severity::Medium), "fired".to_owned()));
    let finding = judge_all(ID, vec![market(&thirty(5, 20), 12)]).await.remove(0).findings.remove(0);
    assert_eq!(finding.contract_ids.len(), 6, "the contracts of the largest");
    // 25 of 49 for the first, 6 of 49 for each other: (625 + 4 x 36) / 2401.
    assert_eq!(value(&finding, "hhi"), "3202.832153");
    assert!(value(&finding, "top_suppliers").starts_with("EMPRESA 1: 25000.00; EMPRESA 2: 6000.00"));
}

#[tokio::test]
async fn secret_suppliers_only_lower_it() {
    let mut sold = thirty(5, 1);
    sold.push((0, 30_000));
    // Half of the value is secret: 5 shares of 10 %.
    assert_eq!(verdict(market(&sold, 12)).await.1, "clear");
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    assert_eq!(verdict(market(&thirty(5, 1), 11)).await.1, "year_not_covered");
    assert_eq!(verdict(market(&thirty(5, 1)[..29], 12)).await.1, "too_few_contracts");
    assert_eq!(verdict(market(&thirty(4, 1), 12)).await.1, "too_few_suppliers");
    let mut nameless = market(&thirty(5, 1), 12);
    nameless.items.clear();
    assert!(judge_all(ID, vec![nameless]).await[0].verdicts.is_empty(), "no line, no market");
}
