use super::lists::{Payment, Sanction};
use super::references;
use super::{Amendment, CNPJ, Contract, Data, Item, day, verdicts};
use crate::detectors::run::prefer_hash_joins;
use crate::detectors::{Catalogue, Detector, DetectorError, Run};
use crate::model::{Filters, Plan, Severity, Table};
use datafusion::prelude::SessionContext;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// Data on which every detector fires.
fn lively() -> Data {
    let mut data = Data::default();
    for at in 0..60 {
        let mut contract = Contract::new(&format!("c{at:03}"));
        contract.initial = Some(100_000 * (at + 1));
        contract.current = Some(140_000 * (at + 1));
        contract.signed = Some(day("2024-01-01") + chrono::Days::new(at as u64 * 3));
        contract.end = Some(day("2024-12-31"));
        contract.buyer = format!("{}", 100 + at % 3);
        let month = day("2023-07-01") + chrono::Months::new(at as u32 % 12);
        contract.file = month.format("%Y%m_Compras.csv").to_string();
        if at % 4 == 0 {
            contract.modality = "dispensa_licitacao";
            contract.legal_basis = Some("Lei 14.133/2021, Art. 75, II".to_owned());
            contract.initial = Some(2_900_000 + at);
            contract.current = contract.initial;
        }
        if at % 7 == 0 {
            contract.supplier = "00000000000192".to_owned();
        }
        data.amendments.push(Amendment::of(&contract, 1, "Acréscimo de itens"));
        data.items.push(Item::of(&contract, ["PAPEL", "CANETA"][at as usize % 2]));
        data.contracts.push(contract);
    }
    for (id, worth) in [("far", "90000000.00"), ("farther", "900000000.00")] {
        data.contracts.push(Contract { buyer: "100".to_owned(), ..Contract::new(id).worth(worth) });
        data.contracts
            .push(Contract { modality: "inexigibilidade", ..Contract::new(&format!("{id}-direct")).worth(worth) });
    }
    data.sanctions.push(Sanction::of(CNPJ));
    data.payments.push(Payment::of("c001", "2024-02-01", 300_000));
    data
}

/// Detectors that [`lively`] gives nothing to fire on: their tests have series of their own.
const QUIET: [&str; 27] = [
    "direct_award_growth",
    "emergency_overrun",
    "late_publication",
    "just_below_threshold",
    "duplicates",
    "non_competitive_share",
    "market_concentration",
    "item_price_outlier",
    "year_end_spike",
    "benford",
    "heterogeneous_supplier",
    "short_submission",
    "decision_period",
    "single_bid",
    "few_bidders_for_market",
    "near_estimate",
    "late_bid_won",
    "disqualification_pattern",
    "identical_prices",
    "price_gap",
    "bid_dispersion_screen",
    "rotation_and_cobidding",
    "new_company",
    "inactive_company",
    "activity_mismatch",
    "capacity_mismatch",
    "linked_bidders",
];

#[tokio::test]
async fn partitions_do_not_change_the_answer() {
    let run = async |partitions| Run::prepare(lively().session(partitions), &Plan::default()).await.unwrap();
    let (alone, split) = (run(1).await, run(4).await);
    for detector in Catalogue::builtin().unwrap().iter() {
        let id = detector.id();
        let one = alone.detector(detector).await.unwrap();
        assert!(!one.findings.is_empty() || QUIET.contains(&id), "{id}");
        let order = |run: &super::DetectorRun| run.findings.iter().map(|finding| finding.severity).collect::<Vec<_>>();
        assert!(order(&one).is_sorted_by(|a, b| a >= b), "{id}");
        let four = split.detector(detector).await.unwrap();
        assert_eq!(
            serde_json::to_string(&one.findings).unwrap(),
            serde_json::to_string(&four.findings).unwrap(),
            "{id}"
        );
        assert_eq!(one.summary, four.summary, "{id}");
        let mut ids: Vec<_> = one.findings.iter().map(|finding| finding.id.as_str()).collect();
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), one.findings.len(), "{id}");
    }
}

/// What a query does that runs out of memory.
#[tokio::test]
async fn joins_by_sorting_give_the_same_answers() {
    let mut rng = StdRng::seed_from_u64(7);
    for data in [lively(), references::periods::random(&mut rng), references::prices::random(&mut rng)] {
        let run = async || Run::prepare(data.session(4), &Plan::default()).await.unwrap();
        let (hashed, sorted) = (run().await, run().await);
        prefer_hash_joins(sorted.context(), false);
        for detector in Catalogue::builtin().unwrap().iter() {
            let id = detector.id();
            assert_eq!(hashed.detector(detector).await.unwrap(), sorted.detector(detector).await.unwrap(), "{id}");
        }
    }
}

#[tokio::test]
async fn the_order_of_the_rows_does_not_change_the_answer() {
    let mut reversed = lively();
    reversed.items.reverse();
    for id in ["splitting_sum", "supplier_share_of_buyer", "contract_value_outlier"] {
        let mut one = lively().run(id).await.findings;
        let mut other = reversed.run(id).await.findings;
        for finding in one.iter_mut().chain(&mut other) {
            finding.evidence.rows.clear();
        }
        assert_eq!(one, other, "{id}");
    }
}

#[tokio::test]
async fn ids_depend_on_what_was_found() {
    let of = |worth: &'static str| async move {
        let contract = Contract { modality: "inexigibilidade", ..Contract::new("a").worth(worth) };
        Data { contracts: vec![contract], ..Data::default() }.run("high_value_direct_award").await.findings[0]
            .id
            .clone()
    };
    assert_eq!(of("2000000.00").await, of("2000000.00").await);
    assert_ne!(of("2000000.00").await, of("2000000.01").await);
}

#[tokio::test]
async fn peers_are_all_contracts_and_only_those_in_scope_are_reported() {
    let plan = Plan { filters: Filters { buyer_id: Some("100".to_owned()), ..Filters::default() }, ..Plan::default() };
    let all = lively().run("contract_value_outlier").await;
    let some = lively().run_with("contract_value_outlier", &plan, 2).await;
    assert!(some.summary.clear < all.summary.clear);
    for finding in &some.findings {
        assert!(all.findings.contains(finding));
        assert_eq!(finding.evidence.rows[0].columns["buyer_id"], "100");
    }
    let expected = all.findings.iter().filter(|finding| finding.evidence.rows[0].columns["buyer_id"] == "100").count();
    assert_eq!(some.findings.len(), expected);
    assert!(expected > 0);
}

#[tokio::test]
async fn frequent_flags_come_with_a_warning() {
    let direct = |at: usize, worth: &str| Contract {
        modality: "inexigibilidade",
        ..Contract::new(&format!("c{at:02}")).worth(worth)
    };
    let data = |fired: usize, total: usize| {
        let contracts = (0..total).map(|at| direct(at, if at < fired { "1000000.00" } else { "1.00" })).collect();
        Data { contracts, ..Data::default() }
    };
    for (fired, total, warns) in [(4, 20, false), (5, 20, true), (19, 19, false)] {
        let run = data(fired, total).run("high_value_direct_award").await;
        assert_eq!(run.summary.warnings_pt.len(), usize::from(warns), "{fired} of {total}");
        assert_eq!(run.summary.warnings_en.len(), usize::from(warns));
    }
    let run = data(5, 20).run("high_value_direct_award").await;
    assert!(run.summary.warnings_pt[0].contains("25,0 %"));
}

#[tokio::test]
async fn views_of_text_are_read_as_well() {
    // What Parquet gives: every text column as a view.
    let context = lively().session(2);
    for name in Table::ALL.map(|table| format!("{}_all", table.as_str())) {
        let frame = context.table(name.as_str()).await.unwrap();
        let columns = frame.schema().fields().iter().map(|field| {
            let column = datafusion::prelude::col(field.name());
            match field.data_type() {
                datafusion::arrow::datatypes::DataType::Utf8 => {
                    datafusion::logical_expr::cast(column, datafusion::arrow::datatypes::DataType::Utf8View)
                        .alias(field.name())
                }
                _ => column,
            }
        });
        let view = frame.clone().select(columns.collect::<Vec<_>>()).unwrap().into_view();
        context.deregister_table(name.as_str()).unwrap();
        context.register_table(name, view).unwrap();
    }
    let plan = Plan { include_items: true, terms: vec!["papel".to_owned()], ..Plan::default() };
    let run = Run::prepare(context, &plan).await.unwrap();
    let plain = Run::prepare(lively().session(2), &plan).await.unwrap();
    for detector in Catalogue::builtin().unwrap().iter() {
        let expected = plain.detector(detector).await.unwrap();
        assert_eq!(run.detector(detector).await.unwrap(), expected, "{}", detector.id());
    }
}

#[tokio::test]
async fn missing_tables_are_an_error() {
    let error = Run::prepare(SessionContext::new(), &Plan::default()).await.unwrap_err();
    assert!(matches!(error, DetectorError::Query { .. }), "{error}");
}

#[tokio::test]
async fn a_session_can_be_prepared_again() {
    let context = lively().session(2);
    let narrow =
        Plan { filters: Filters { buyer_id: Some("none".to_owned()), ..Filters::default() }, ..Plan::default() };
    assert_eq!(Run::prepare(context.clone(), &narrow).await.unwrap().contracts_in_scope(), 0);
    let run = Run::prepare(context, &Plan::default()).await.unwrap();
    assert_eq!(run.contracts_in_scope(), 64);
    let catalogue = Catalogue::builtin().unwrap();
    let direct = run.detector(catalogue.get("high_value_direct_award").unwrap()).await.unwrap();
    assert_eq!(verdicts(&direct)["fired"], 2);
    assert_eq!(direct.findings[0].severity, Severity::Medium);
    assert_eq!(catalogue.iter().map(Detector::id).count(), 38);
}
