use super::{CNPJ, Contract, Data, Judged, OTHER_CNPJ, day, judge_all, value, verdicts};
use crate::model::{Filters, Plan, Severity};

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

/// A file of each month from one to another, with nothing in it that counts.
fn files(from: &str, to: &str) -> Vec<Contract> {
    let months = (0..).map(|more| day(from) + chrono::Months::new(more)).take_while(|month| *month <= day(to));
    let empty = |month: chrono::NaiveDate| Contract {
        status: "superseded",
        buyer: "elsewhere".to_owned(),
        file: month.format("%Y%m_Compras.csv").to_string(),
        ..Contract::new(&format!("file-{month}"))
    };
    months.map(empty).collect()
}

fn secret(id: &str, worth: &str) -> Contract {
    Contract { supplier: String::new(), ..big(id, worth, "2024-03-02") }
}

/// Judges cases with every monthly file of these years.
async fn judge(mut cases: Vec<Vec<Contract>>) -> Vec<Judged> {
    cases[0].extend(files("2021-01-01", "2026-12-01"));
    judge_all(ID, cases.into_iter().map(|contracts| Data { contracts, ..Data::default() }).collect()).await
}

fn counts<const N: usize>(counts: [(&str, i64); N]) -> std::collections::BTreeMap<String, i64> {
    counts.into_iter().map(|(verdict, count)| (verdict.to_owned(), count)).collect()
}

#[tokio::test]
async fn thresholds_to_the_cent() {
    // The crowd has 1,400,000: 600,000 are 30 %, 1,400,000 are 50 %.
    let of = |worth: &str| [crowd(14, "100000.00", "2024-03-01"), vec![big("x", worth, "2024-03-02")]].concat();
    let judged = judge(vec![of("599999.99"), of("600000.00"), of("1399999.99"), of("1400000.00")]).await;
    let severities: Vec<_> = judged.iter().map(|one| one.findings.first().map(|finding| finding.severity)).collect();
    assert_eq!(severities, [None, Some(Severity::Medium), Some(Severity::Medium), Some(Severity::High)]);
}

#[tokio::test]
async fn small_buyers_and_short_windows() {
    let of = |count: usize, each: &str, worth: &str| {
        [crowd(count, each, "2024-03-01"), vec![big("x", worth, "2024-03-02")]].concat()
    };
    let year = |signed: &str| [crowd(14, "100000.00", "2024-12-01"), vec![big("x", "900000.00", signed)]].concat();
    let judged = judge(vec![
        of(8, "100000.00", "900000.00"),
        of(9, "10000.00", "910000.00"),
        of(9, "10000.00", "909999.99"),
        year("2024-01-01"),
        year("2023-12-31"),
    ])
    .await;
    assert_eq!(judged[0].verdicts, counts([("buyer_below_minimum", 9)]));
    assert_eq!(judged[1].verdicts, counts([("clear", 9), ("fired", 1)]));
    assert_eq!(judged[2].verdicts, counts([("buyer_below_minimum", 10)]));
    assert_eq!(judged[3].verdicts, counts([("clear", 14), ("fired", 1)]));
    assert_eq!(judged[4].verdicts, counts([("clear", 15)]));
}

#[tokio::test]
async fn earlier_windows_need_a_year_before_them() {
    // Ten contracts in the twelve months before let the window that ends with the pair's own month count.
    let of = |earlier: Vec<Contract>| {
        let now = [crowd(14, "100000.00", "2024-03-01"), vec![big("x", "900000.00", "2024-03-02")]].concat();
        [earlier, now, crowd(14, "1000000.00", "2026-06-01")].concat()
    };
    let earlier = |count: usize, signed: &str| crowd(count, "10000.00", signed);
    let judged = judge(vec![
        of(earlier(10, "2022-04-01")),
        of(earlier(10, "2023-03-31")),
        of(earlier(10, "2022-03-31")),
        of(earlier(9, "2022-04-01")),
        of(Vec::new()),
    ])
    .await;
    let finding = &judged[0].findings[0];
    assert_eq!(
        (value(finding, "window_start").as_str(), value(finding, "window_end").as_str()),
        ("2023-04-01", "2024-03-31")
    );
    assert_eq!(finding.contract_ids, ["x"]);
    let fired: Vec<_> = judged.iter().map(|one| one.findings.len()).collect();
    assert_eq!(fired, [1, 1, 0, 0, 0]);
}

#[tokio::test]
async fn a_year_takes_the_files_of_its_twelve_months() {
    let of = |files: Vec<Contract>, more: Vec<Contract>| {
        let now = [crowd(14, "100000.00", "2024-03-01"), vec![big("x", "900000.00", "2024-03-02")]].concat();
        Data { contracts: [files, now, more].concat(), ..Data::default() }
    };
    let year = || files("2023-04-01", "2024-03-01");
    let without = |month: usize| {
        let mut files = year();
        files.remove(month);
        files
    };
    let unnamed = || year().into_iter().map(|one| Contract { file: "compras.csv".to_owned(), ..one }).collect();
    // Signed in a month whose file is missing: the last year at hand is judged, and that is the one before.
    let later = vec![big("later", "90000000.00", "2024-05-02")];
    for (data, fired) in [
        (of(year(), Vec::new()), true),
        (of(year(), later), true),
        (of(without(0), Vec::new()), false),
        (of(without(5), Vec::new()), false),
        (of(without(11), Vec::new()), false),
        (of(unnamed(), Vec::new()), false),
        // Only the default file, of January 2024: what a lone month looks like.
        (of(Vec::new(), Vec::new()), false),
    ] {
        let run = data.run(ID).await;
        if fired {
            assert_eq!(verdicts(&run), counts([("clear", 14), ("fired", 1)]));
            assert_eq!(value(&run.findings[0], "window_end"), "2024-03-31");
        } else {
            assert_eq!(verdicts(&run), counts([("window_not_covered", 15)]));
        }
    }
    // The contracts of the years that a plan leaves out are not there either.
    let of_2024 = Plan { peer_years: Some((2024, 2024)), ..Plan::default() };
    let run = of(year(), Vec::new()).run_with(ID, &of_2024, 2).await;
    assert_eq!(verdicts(&run), counts([("window_not_covered", 15)]));
    let both = Plan { peer_years: Some((2023, 2024)), ..Plan::default() };
    let run = of(year(), Vec::new()).run_with(ID, &both, 2).await;
    assert_eq!(verdicts(&run), counts([("clear", 14), ("fired", 1)]));
}

#[tokio::test]
async fn secret_suppliers_and_values_that_do_not_count() {
    let with = |more: Vec<Contract>| {
        [crowd(14, "100000.00", "2024-03-01"), vec![big("x", "900000.00", "2024-03-02")], more].concat()
    };
    let odd = vec![
        Contract { initial: None, supplier: OTHER_CNPJ.to_owned(), ..big("none", "1.00", "2024-03-01") },
        Contract { signed: None, supplier: OTHER_CNPJ.to_owned(), ..big("undated", "9000000.00", "2024-03-01") },
        Contract { supplier: OTHER_CNPJ.to_owned(), ..big("negative", "-9000000.00", "2024-03-01") },
        Contract { status: "superseded", ..big("old", "9000000.00", "2024-03-01") },
    ];
    let judged = judge(vec![
        // 900,000 of 2,300,000 known: 30 % of 3,000,000.
        with(vec![secret("s", "700000.00")]),
        with(vec![secret("s", "700000.01")]),
        // They are no supplier, and do not make a buyer large.
        (0..20).map(|at| secret(&format!("s{at}"), "900000.00")).collect(),
        with(odd),
    ])
    .await;
    assert_eq!(judged[0].verdicts, counts([("clear", 14), ("fired", 1)]));
    assert_eq!(judged[1].verdicts, counts([("clear", 14), ("secret_suppliers_decisive", 1)]));
    assert_eq!(judged[2].verdicts, counts([]));
    assert_eq!(judged[3].verdicts, counts([("clear", 14), ("fired", 1), ("no_value", 1)]));
}

#[tokio::test]
async fn a_finding_names_both_sides() {
    let named = Contract {
        supplier: CNPJ.to_owned(),
        supplier_name: "EMPRESA GRANDE LTDA".to_owned(),
        ..big("x", "900000.00", "2024-03-02")
    };
    let contracts = [crowd(14, "100000.00", "2024-03-01"), vec![named, big("y", "100000.00", "2024-01-02")]].concat();
    let judged = judge(vec![contracts]).await;
    let finding = &judged[0].findings[0];
    assert_eq!(finding.contract_ids, ["y", "x"]);
    let expected = "EMPRESA GRANDE LTDA (00000000000191) responde por 41,7 % do valor dos contratos que UNIDADE DE TESTE \
                    assinou de 01/04/2023 a 31/03/2024, publicados nos arquivos mensais recebidos, que cobrem todo o \
                    período: R$ 1.000.000,00 de R$ 2.400.000,00, em 2 de 16 contratos";
    assert!(finding.description_pt.starts_with(expected), "{}", finding.description_pt);
    assert_eq!(finding.tags, ["unusual_vendor_concentration"]);
    assert_eq!(finding.amount_at_stake, None);
    assert_eq!(value(finding, "secret_value"), "0.00");
}

#[tokio::test]
async fn a_pair_is_in_scope_with_any_of_its_contracts() {
    let more = vec![big("x", "900000.00", "2024-03-02"), big("y", "1.00", "2023-06-01")];
    let files = files("2023-04-01", "2024-03-01");
    let data = Data { contracts: [crowd(14, "100000.00", "2024-03-01"), more, files].concat(), ..Data::default() };
    let plan = |year| Plan { filters: Filters { year: Some(year), ..Filters::default() }, ..Plan::default() };
    assert_eq!(verdicts(&data.run_with(ID, &plan(2023), 2).await), counts([("fired", 1)]));
    assert_eq!(verdicts(&data.run_with(ID, &plan(2022), 2).await), counts([]));
}

#[tokio::test]
async fn a_public_body_is_no_supplier_to_compete_with() {
    let of = |name: &str, supplier: &str| {
        let large = Contract {
            supplier_name: name.to_owned(),
            supplier: supplier.to_owned(),
            ..big("x", "1400000.00", "2024-03-02")
        };
        [crowd(14, "100000.00", "2024-03-01"), vec![large]].concat()
    };
    let cases = vec![of("IMPRENSA NACIONAL", CNPJ), of("UNIDADE", "115406"), of("IMPRENSA LTDA", CNPJ)];
    let judged = judge(cases).await;
    let told: Vec<_> =
        judged.iter().map(|one| (one.findings.len(), one.verdicts.get("public_body").copied())).collect();
    assert_eq!(told, [(0, Some(1)), (0, Some(1)), (1, None)]);
}
