//! The report of an import says what its rows are worth, to the row.

use std::collections::BTreeMap;

use cidadao::model::{QualityReport, Table, TableQuality};

use super::{AMENDMENTS, CONTRACTS, House, ITEMS, amendment, contract, item};
use crate::binary::{cidadao, json, ok};

/// The reports that the lake holds, by dataset.
async fn reports(house: &House) -> BTreeMap<String, QualityReport> {
    let imports = house.store.imports().await.unwrap();
    let mut reports = house.store.import_reports(imports.iter().map(|one| one.id.clone()).collect()).await.unwrap();
    imports.into_iter().filter_map(|one| Some((one.dataset, reports.remove(&one.id)?))).collect()
}

fn counts(named: &[(&str, i64)]) -> BTreeMap<String, i64> {
    named.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn filled(table: &TableQuality, column: &str) -> i64 {
    table.coverage.iter().find(|one| one.column == column).unwrap_or_else(|| panic!("no {column}")).filled
}

/// Twelve published rows of contracts, of which ten count and each has the defects that its object says.
fn contracts() -> Vec<String> {
    let (good, bad) = ("33000167000101", "33000167000102");
    let mut rows = vec![
        contract("1", "bom", "Pregão", "10/01/2023", good, ["10,00", "1000,00"]),
        // The same again, and a later state of it.
        contract("1", "bom", "Pregão", "10/01/2023", good, ["10,00", "1000,00"]),
        contract("1", "depois", "Pregão", "10/01/2023", good, ["10,00", "2000,00"]),
        contract("2", "id errado", "Pregão", "10/01/2023", bad, ["10,00", "10,00"]),
        contract("3", "id errado de novo", "Pregão", "10/01/2023", "11111111111111", ["10,00", "10,00"]),
        contract("4", "sigiloso", "Sem Informação", "10/01/2023", "-11", ["10,00", "10,00"]),
        contract("5", "negativo", "Pregão", "10/01/2023", good, ["-0,01", "10,00"]),
        contract("6", "zero", "Pregão", "10/01/2023", good, ["0,00", "0,00"]),
        contract("7", "no limite", "Pregão", "01/01/1990", good, ["100000000000,00", "10,00"]),
        contract("8", "acima dele, e antes", "Pregão", "31/12/1989", good, ["100000000000,01", "10,00"]),
        contract("9", "no futuro, sem valor final", "Pregão", "10/01/2123", good, ["10,00", ""]),
        contract("10", "", "Pregão", "", good, ["10,00", "10,00"]),
        contract("11", "ruim", "Pregão", "31/02/2023", good, ["10,00", "10,00"]),
    ];
    // It ends the day before it starts.
    rows[8] = rows[8].replacen("\"\";\"33000167000101\"", "\"31/12/1989\";\"33000167000101\"", 1);
    rows
}

#[tokio::test]
async fn a_report_counts_what_is_left_out_missing_wrong_and_doubtful() {
    let house = House::new().await;
    let month = [
        house.put("202401_Compras.csv", CONTRACTS, &contracts()),
        house.put(
            "202401_ItemCompra.csv",
            ITEMS,
            &[item("1", "um"), item("11", "de um contrato em quarentena"), item("77", "órfão"), item("77", "órfão")],
        ),
        house.put("202401_TermoAditivo.csv", AMENDMENTS, &[amendment("2", "prorrogação"), amendment("500", "órfão")]),
    ];
    let summary = house.import(&month).await.unwrap();
    let stored = reports(&house).await;
    let shown: BTreeMap<_, _> =
        summary.files.iter().map(|file| (file.dataset.clone(), file.quality.clone().unwrap())).collect();
    assert_eq!(shown, stored, "what an import shows is what is stored");

    let report = &stored["portal:compras/202401"];
    assert_eq!((report.rows, report.duplicates, report.quarantined), (12, 1, 1));
    assert_eq!(report.quarantined_by_reason, counts(&[("invalid_date", 1)]));
    let [table] = report.tables.as_slice() else { panic!("{report:?}") };
    assert_eq!(
        (table.table, table.rows, table.duplicates, table.superseded, table.current()),
        (Table::Contracts, 12, 1, 1, 10)
    );
    assert_eq!(table.sentinels, counts(&[("modality_not_informed", 1), ("supplier_secret", 1)]));
    assert_eq!(table.invalid_ids, 2);
    let implausible = [
        ("ends_before_it_starts", 1),
        ("huge_value", 1),
        ("negative_value", 1),
        ("signed_before_1990", 1),
        ("signed_in_the_future", 1),
        ("zero_value", 1),
    ];
    assert_eq!(table.implausible, counts(&implausible));
    assert_eq!(table.orphans, None, "contracts belong to nothing");
    assert_eq!((filled(table, "contract_id"), filled(table, "number")), (10, 10));
    assert_eq!((filled(table, "object"), filled(table, "signature_date")), (9, 9));
    assert_eq!((filled(table, "current_value"), filled(table, "supplier_id")), (9, 9));
    assert_eq!((filled(table, "end_date"), filled(table, "ocid")), (1, 0));
    assert!(table.coverage.iter().all(|one| !one.column.ends_with("_folded") && one.column != "import_id"));

    let report = &stored["portal:itens/202401"];
    let [table] = report.tables.as_slice() else { panic!("{report:?}") };
    assert_eq!((table.rows, table.duplicates, table.orphans), (4, 1, Some(2)));
    let report = &stored["portal:termos-aditivos/202401"];
    assert_eq!((report.tables[0].rows, report.tables[0].orphans), (2, Some(1)));
    assert_eq!((report.orphans(), report.invalid_ids(), report.implausible()), (1, 0, 0));
}

#[tokio::test]
async fn orphans_are_those_of_the_lake_as_the_import_makes_it() {
    let house = House::new().await;
    let of = |number: &str| contract(number, "x", "Pregão", "10/01/2023", "33000167000101", ["1,00", "1,00"]);
    let orphans = async |dataset: &str| reports(&house).await[dataset].orphans();
    let items = |name, numbers: &[&str]| {
        house.put(name, ITEMS, &numbers.iter().map(|number| item(number, "x")).collect::<Vec<_>>())
    };
    // Before its contracts are there, after them, and after another edition took one of them away.
    house.import(&[items("202401_ItemCompra.csv", &["1", "2"])]).await.unwrap();
    assert_eq!(orphans("portal:itens/202401").await, 2);
    house.import(&[house.put("202312_Compras.csv", CONTRACTS, &[of("1"), of("2")])]).await.unwrap();
    house.import(&[items("202401_ItemCompra.csv", &["1", "2", "3"])]).await.unwrap();
    assert_eq!(orphans("portal:itens/202401").await, 1);
    let (again, more) =
        (house.put("202312_Compras.csv", CONTRACTS, &[of("2")]), items("202402_ItemCompra.csv", &["1", "2"]));
    house.import(&[more, again]).await.unwrap();
    assert_eq!(orphans("portal:itens/202402").await, 1, "the edition of the same call counts, not the one before");
    assert_eq!(house.store.lake_version().await.unwrap(), 4);
}

#[tokio::test]
async fn the_command_line_shows_reports_short_and_in_full() {
    let house = House::new().await;
    house.put("202401_Compras.csv", CONTRACTS, &contracts());
    house.put("202401_ItemCompra.csv", ITEMS, &[item("77", "órfão")]);
    let data = house.directory.path().join("data");
    let run = |args: &[&str]| cidadao(&data).args(args).output().unwrap();
    let short = ok(&cidadao(&data).arg("import").arg(house.input()).output().unwrap());
    let line = short.lines().find(|line| line.contains("portal:compras/202401")).unwrap_or_else(|| panic!("{short}"));
    let cells: Vec<_> = line.split_whitespace().filter_map(|cell| cell.parse::<i64>().ok()).collect();
    assert_eq!(cells, [12, 1, 1, 1, 2, 2, 6, 0], "{short}");

    let all = json(&run(&["lake", "quality", "--output", "json"]));
    let names: Vec<_> = all.as_array().unwrap().iter().map(|one| one["dataset"].as_str().unwrap()).collect();
    assert_eq!(names, ["portal:compras/202401", "portal:itens/202401"]);
    assert_eq!(all[0]["quality"]["tables"][0]["invalid_ids"], 2);
    let one = json(&run(&["lake", "quality", "portal:itens/202401", "--output", "json"]));
    assert_eq!((one.as_array().unwrap().len(), &one[0]["quality"]["tables"][0]["orphans"]), (1, &1.into()));
    let text = ok(&run(&["lake", "quality"]));
    for part in ["implausible: huge_value", "sentinel: supplier_secret", "without its contract or tender", "90.0"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    let unknown = run(&["lake", "quality", "portal:compras/209912"]);
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("209912"));
}
