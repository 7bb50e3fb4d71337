//! OCDS as it was published, against a count that shares no code with the product, and the rules of
//! an import: idempotent, atomic, one version.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use cidadao::detectors::{Catalogue, Run};
use cidadao::model::{Plan, Table};
use cidadao::sources::ImportError;
use datafusion::arrow::array::AsArray;

use super::House;

const FIGURES: &str = "SELECT 'tenders' AS name, CAST(count(*) AS VARCHAR) AS figure FROM tenders_all
    UNION ALL SELECT 'tender_value', CAST(CAST(coalesce(sum(estimated_value), 0) * 100 AS DECIMAL(38, 0)) AS VARCHAR) FROM tenders_all
    UNION ALL SELECT 'awarded', CAST(CAST(coalesce(sum(value), 0) * 100 AS DECIMAL(38, 0)) AS VARCHAR) FROM tenders_all
    UNION ALL SELECT 'periods', CAST(count(period_end) AS VARCHAR) FROM tenders_all
    UNION ALL SELECT 'tender_items', CAST(count(*) AS VARCHAR) FROM tender_items_all
    UNION ALL SELECT 'tender_quantity', CAST(CAST(coalesce(sum(quantity), 0) * 10000 AS DECIMAL(38, 0)) AS VARCHAR) FROM tender_items_all
    UNION ALL SELECT 'tender_prices', CAST(CAST(coalesce(sum(unit_price), 0) * 100 AS DECIMAL(38, 0)) AS VARCHAR) FROM tender_items_all
    UNION ALL SELECT 'bids', CAST(count(*) AS VARCHAR) FROM bids_all
    UNION ALL SELECT 'contracts', CAST(count(*) AS VARCHAR) FROM contracts_all
    UNION ALL SELECT 'contract_value', CAST(CAST(coalesce(sum(current_value), 0) * 100 AS DECIMAL(38, 0)) AS VARCHAR) FROM contracts_all
    UNION ALL SELECT 'signed', CAST(count(signature_date) AS VARCHAR) FROM contracts_all
    UNION ALL SELECT 'unknown_suppliers', CAST(count(*) - count(supplier_key) AS VARCHAR) FROM contracts_all
    UNION ALL SELECT 'amended', CAST(count(*) AS VARCHAR) FROM amendments_all
    UNION ALL SELECT 'contract_items', CAST(count(*) AS VARCHAR) FROM contract_items_all
    UNION ALL SELECT 'contract_quantity', CAST(CAST(coalesce(sum(quantity), 0) * 10000 AS DECIMAL(38, 0)) AS VARCHAR) FROM contract_items_all
    UNION ALL SELECT 'contract_prices', CAST(CAST(coalesce(sum(unit_price), 0) * 100 AS DECIMAL(38, 0)) AS VARCHAR) FROM contract_items_all";

#[tokio::test]
async fn published_releases_agree_with_an_independent_count() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = here.join("../shared/data/ocds");
    if !data.is_dir() {
        println!(
            "skipped: {} is not there; it holds published files that are not part of the repository",
            data.display()
        );
        return;
    }
    let counted = Command::new("python3").arg(here.join("tests/it/lake/ocds_count.py")).arg(&data).output().unwrap();
    assert!(counted.status.success(), "{}", String::from_utf8_lossy(&counted.stderr));
    let counted: BTreeMap<String, i128> = serde_json::from_slice(&counted.stdout).unwrap();

    let house = House::new().await;
    let summary = house.import(std::slice::from_ref(&data)).await.unwrap();
    // Three of Paraguay's files are empty; two of its records only link to releases.
    assert_eq!((summary.ignored.len(), summary.quarantined, summary.lake_version), (3, 2, 1));
    assert_eq!(summary.files.len(), 3, "one dataset a publisher");
    assert_eq!((summary.amounts_rounded, summary.values_unreadable), (0, 0));
    let session = house.session().await;
    let mut found = BTreeMap::new();
    for batch in session.sql(FIGURES).await.unwrap().collect().await.unwrap() {
        let (names, figures) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        for (name, figure) in names.iter().zip(figures) {
            found.insert(name.unwrap().to_owned(), figure.unwrap().parse::<i128>().unwrap());
        }
    }
    assert_eq!(found, counted);
    for (name, count) in [
        ("tenders", summary.tenders),
        ("tender_items", summary.tender_items),
        ("bids", summary.bids),
        ("contracts", summary.contracts),
        ("contract_items", summary.items),
    ] {
        assert!(count > 0, "{name}");
        assert_eq!(counted[name], i128::from(count), "{name}");
    }
    for table in Table::ALL {
        let id = table.id_column();
        let sql = format!("SELECT {id} FROM {}_all GROUP BY {id} HAVING count(*) > 1", table.as_str());
        assert_eq!(session.sql(&sql).await.unwrap().count().await.unwrap(), 0, "{sql}");
    }

    let again = house.import(&[data]).await.unwrap();
    assert_eq!((again.unchanged.len(), again.lake_version, again.files.len(), again.tenders), (3, 1, 0, 0));
}

#[tokio::test]
async fn a_later_edition_replaces_the_earlier_one_and_versions_stay_readable() {
    let house = House::new().await;
    let put = |text: &str| {
        let path = house.input().join("processos.jsonl");
        std::fs::write(&path, text).unwrap();
        path
    };
    let line = |n: u32, title: &str| format!("{{\"ocid\":\"ocds-abc123-{n}\",\"tender\":{{\"title\":\"{title}\"}}}}\n");
    house.import(&[put(&format!("{}{}", line(1, "a"), line(2, "b")))]).await.unwrap();
    let path = put(&format!("{}{}{}", line(1, "c"), line(2, "b"), line(3, "d")));
    let second = house.import(std::slice::from_ref(&path)).await.unwrap();
    assert_eq!((second.tenders, second.lake_version), (3, 2));
    let rows = async |version| house.lake.snapshot(Some(version)).await.unwrap().rows(Table::Tenders);
    assert_eq!((rows(1).await, rows(2).await), (2, 3));
    let counts = &house.store.imports().await.unwrap()[0].counts;
    assert_eq!((counts["rows"], counts["tenders"], counts["quarantined"]), (3, 3, 0));

    // A file that is cut off takes nothing in, and nothing is left behind.
    let before = house.parquet();
    let bad = house.input().join("x.json.gz");
    std::fs::write(&bad, b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03junk").unwrap();
    let error = house.import(&[path, bad]).await.unwrap_err();
    assert!(matches!(error, ImportError::ZipDamaged { .. }), "{error}");
    assert_eq!(house.parquet(), before);
}

#[tokio::test]
async fn contracts_in_other_currencies_are_not_judged_by_limits_in_reais() {
    let house = House::new().await;
    let line = |n: u32, currency: &str| {
        format!(
            "{{\"ocid\":\"ocds-abc123-{n}\",\"contracts\":[{{\"id\":1,\"value\":{{\"amount\":9e9,\"currency\":\"{currency}\"}}}}]}}\n"
        )
    };
    let path = house.input().join("contratos.jsonl");
    std::fs::write(&path, [line(1, "PYG"), line(2, "brl"), line(3, "COP"), line(4, "")].concat()).unwrap();
    assert_eq!(house.import(&[path]).await.unwrap().contracts, 4);
    let run = Run::prepare(house.session().await, &Plan::default()).await.unwrap();
    assert_eq!(run.contracts_in_scope(), 4);
    let catalogue = Catalogue::builtin().unwrap();
    let judged = run.detector(catalogue.get("value_risk").unwrap()).await.unwrap().summary;
    assert_eq!((judged.fired, judged.clear, judged.not_evaluable), (1, 0, 3));
    let reasons: Vec<_> = judged.reasons.iter().map(|reason| (reason.reason.as_str(), reason.count)).collect();
    assert_eq!(reasons, [("contract_in_other_currency", 2), ("currency_not_informed", 1)]);
}
