use super::{CNPJ, Contract, Data, OTHER_CNPJ, day, value, verdicts};
use crate::detectors::DetectorRun;
use crate::model::Severity;

const ID: &str = "supplier_share_of_buyer";

fn supplier(at: usize) -> String {
    let base = format!("{:08}0001", at + 10);
    let digits = crate::model::cnpj_check_digits(&base).unwrap();
    format!("{base}{}{}", char::from(digits[0]), char::from(digits[1]))
}

/// One contract each of so many small suppliers.
fn crowd(count: usize, each: &str, signed: &str) -> Vec<Contract> {
    (0..count)
        .map(|at| Contract {
            supplier: supplier(at),
            signed: Some(day(signed)),
            ..Contract::new(&format!("crowd-{signed}-{at:02}")).worth(each)
        })
        .collect()
}

fn big(id: &str, worth: &str, signed: &str) -> Contract {
    Contract { signed: Some(day(signed)), ..Contract::new(id).worth(worth) }
}

async fn judge(mut contracts: Vec<Contract>, more: Vec<Contract>) -> DetectorRun {
    contracts.extend(more);
    Data { contracts, ..Data::default() }.run(ID).await
}

#[tokio::test]
async fn thresholds_to_the_cent() {
    // The crowd has 1,400,000: 600,000 are 30 %, 1,400,000 are 50 %.
    let of = |worth: &'static str| async move {
        let run = judge(crowd(14, "100000.00", "2024-03-01"), vec![big("x", worth, "2024-03-02")]).await;
        run.findings.first().map(|finding| finding.severity)
    };
    assert_eq!(of("599999.99").await, None);
    assert_eq!(of("600000.00").await, Some(Severity::Medium));
    assert_eq!(of("1399999.99").await, Some(Severity::Medium));
    assert_eq!(of("1400000.00").await, Some(Severity::High));
}

#[tokio::test]
async fn small_buyers_are_not_judged() {
    let nine = judge(crowd(8, "100000.00", "2024-03-01"), vec![big("x", "900000.00", "2024-03-02")]).await;
    assert_eq!(verdicts(&nine), [("buyer_below_minimum".to_owned(), 9)].into());
    let ten = judge(crowd(9, "10000.00", "2024-03-01"), vec![big("x", "910000.00", "2024-03-02")]).await;
    assert_eq!(verdicts(&ten)["fired"], 1);
    let poor = judge(crowd(9, "10000.00", "2024-03-01"), vec![big("x", "909999.99", "2024-03-02")]).await;
    assert_eq!(verdicts(&poor), [("buyer_below_minimum".to_owned(), 10)].into());
}

#[tokio::test]
async fn the_window_has_365_days() {
    let of = |signed: &'static str| async move {
        let run = judge(crowd(14, "100000.00", "2024-12-31"), vec![big("x", "900000.00", signed)]).await;
        verdicts(&run)
    };
    // 2024 has 366 days: 1 January is one day too far from 31 December.
    assert_eq!(of("2024-01-02").await.get("fired"), Some(&1));
    assert_eq!(of("2024-01-01").await, [("clear".to_owned(), 15)].into());
}

#[tokio::test]
async fn earlier_windows_need_a_year_before_them() {
    // Ten contracts in [d-729, d-365] let the window that ends at the pair's own signature count.
    let later = || crowd(14, "1000000.00", "2026-06-01");
    let earlier = |count: usize, signed: &str| crowd(count, "10000.00", signed);
    let middle = || {
        let mut contracts = crowd(14, "100000.00", "2024-03-01");
        contracts.push(big("x", "900000.00", "2024-03-02"));
        contracts
    };
    let run = judge([earlier(10, "2022-03-04"), middle()].concat(), later()).await;
    let finding = &run.findings[0];
    assert_eq!(
        (value(finding, "window_start").as_str(), value(finding, "window_end").as_str()),
        ("2023-03-04", "2024-03-02")
    );
    assert_eq!(finding.contract_ids, ["x"]);
    assert_eq!(verdicts(&judge([earlier(10, "2023-03-03"), middle()].concat(), later()).await)["fired"], 1);
    assert_eq!(verdicts(&judge([earlier(10, "2022-03-03"), middle()].concat(), later()).await).get("fired"), None);
    assert_eq!(verdicts(&judge([earlier(9, "2022-03-04"), middle()].concat(), later()).await).get("fired"), None);
    assert_eq!(verdicts(&judge(middle(), later()).await).get("fired"), None);
}

#[tokio::test]
async fn secret_suppliers_may_decide() {
    let secret = |worth: &str| Contract { supplier: String::new(), ..big("s", worth, "2024-03-02") };
    let with = |worth: &'static str| {
        judge(crowd(14, "100000.00", "2024-03-01"), vec![big("x", "900000.00", "2024-03-02"), secret(worth)])
    };
    // 900,000 of 2,300,000 known: 30 % of 3,000,000.
    assert_eq!(verdicts(&with("700000.00").await)["fired"], 1);
    let run = with("700000.01").await;
    assert_eq!(verdicts(&run), [("clear".to_owned(), 14), ("secret_suppliers_decisive".to_owned(), 1)].into());
    // They are no supplier, and do not make a buyer large.
    let only =
        judge(Vec::new(), (0..20).map(|at| Contract { id: format!("s{at}"), ..secret("900000.00") }).collect()).await;
    assert_eq!(verdicts(&only), [].into());
}

#[tokio::test]
async fn values_that_do_not_count() {
    let odd = vec![
        Contract { initial: None, supplier: OTHER_CNPJ.to_owned(), ..big("none", "1.00", "2024-03-01") },
        Contract { signed: None, supplier: OTHER_CNPJ.to_owned(), ..big("undated", "9000000.00", "2024-03-01") },
        Contract { supplier: OTHER_CNPJ.to_owned(), ..big("negative", "-9000000.00", "2024-03-01") },
        Contract { status: "superseded", ..big("old", "9000000.00", "2024-03-01") },
    ];
    let run = judge(crowd(14, "100000.00", "2024-03-01"), odd).await;
    assert_eq!(verdicts(&run), [("clear".to_owned(), 14), ("no_value".to_owned(), 1)].into());
}

#[tokio::test]
async fn a_finding_names_both_sides() {
    let named = Contract {
        supplier: CNPJ.to_owned(),
        supplier_name: "EMPRESA GRANDE LTDA".to_owned(),
        ..big("x", "900000.00", "2024-03-02")
    };
    let run = judge(crowd(14, "100000.00", "2024-03-01"), vec![named, big("y", "100000.00", "2024-01-02")]).await;
    let finding = &run.findings[0];
    assert_eq!(finding.contract_ids, ["y", "x"]);
    assert!(finding.description_pt.starts_with(
        "EMPRESA GRANDE LTDA (00000000000191) responde por 41,7 % do que UNIDADE DE TESTE contratou de 04/03/2023 a 02/03/2024: \
         R$ 1.000.000,00 de R$ 2.400.000,00, em 2 de 16 contratos"
    ), "{}", finding.description_pt);
    assert_eq!(finding.tags, ["unusual_vendor_concentration"]);
    assert_eq!(finding.amount_at_stake, None);
    assert_eq!(value(finding, "secret_value"), "0.00");
}

#[tokio::test]
async fn a_pair_is_in_scope_with_any_of_its_contracts() {
    use crate::model::{Filters, Plan};
    let mut contracts = crowd(14, "100000.00", "2024-03-01");
    contracts.push(big("x", "900000.00", "2024-03-02"));
    contracts.push(big("y", "1.00", "2023-06-01"));
    let data = Data { contracts, ..Data::default() };
    let plan = |year| Plan { filters: Filters { year: Some(year), ..Filters::default() }, ..Plan::default() };
    let run = data.run_with(ID, &plan(2023), 2).await;
    assert_eq!(verdicts(&run), [("fired".to_owned(), 1)].into());
    assert_eq!(verdicts(&data.run_with(ID, &plan(2022), 2).await), [].into());
}
