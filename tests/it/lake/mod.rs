//! The lake from published files to queries, over a real store.

pub(crate) mod answers;
pub(crate) mod api;
mod bucket;
mod faults;
mod fetch;
mod kill;
mod ocds;
mod portal;
mod quality;
mod real_month;
mod receita;
mod tables;
mod versions;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use chrono::NaiveDate;
use cidadao::lake::contracts::{self, PageKey};
use cidadao::lake::{Lake, session};
use cidadao::model::{Filters, Modality, Money, Table};
use cidadao::sources::sample::{self, SampleError, SampleOptions};
use cidadao::sources::{ImportError, ImportOptions, ImportSummary, PiiKey, import};
use cidadao::store::{Store, StoreOptions};
use datafusion::prelude::SessionContext;
use tempfile::TempDir;

const CONTRACTS: &str = "\"Número do Contrato\";\"Objeto\";\"Fundamento Legal\";\"Modalidade Compra\";\"Situação Contrato\";\"Código Órgão Superior\";\"Nome Órgão Superior\";\"Código Órgão\";\"Nome Órgão\";\"Código UG\";\"Nome UG\";\"Data Assinatura Contrato\";\"Data Publicação DOU\";\"Data Início Vigência\";\"Data Fim Vigência\";\"Código Contratado\";\"Nome Contratado\";\"Valor Inicial Compra\";\"Valor Final Compra\";\"Número Licitação\";\"Código UG Licitação\";\"Nome UG Licitação\";\"Código Modalidade Compra Licitação\";\"Modalidade Compra Licitação\"";
const ITEMS: &str = "\"Código Órgão\";\"Nome Órgão\";\"Código UG\";\"Nome UG\";\"Número Contrato\";\"Código Item Compra\";\"Descrição Item Compra\";\"Descrição Complementar Item Compra\";\"Quantidade Item\";\"Valor Item\"";
const AMENDMENTS: &str = "\"Número Contrato\";\"Código Órgão Superior\";\"Nome Órgão Superior\";\"Código Órgão\";\"Nome Órgão\";\"Código UG\";\"Nome UG\";\"Número Termo Aditivo\";\"Data Publicação\";\"Objeto\"";

/// A lake of its own, and a directory for the files to import.
struct House {
    directory: TempDir,
    store: Store,
    lake: Lake,
}

impl House {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a lake of its own");
        let url = format!("sqlite:{}", directory.path().join("cidadao.db").display());
        let store = Store::connect(&StoreOptions::new(url)).await.expect("a lake of its own");
        // A name that the engine would read as a pattern.
        let lake = Lake::new(directory.path().join("lake [a] é?"), store.clone());
        fs::create_dir(directory.path().join("in")).expect("a lake of its own");
        Self { directory, store, lake }
    }

    fn input(&self) -> PathBuf {
        self.directory.path().join("in")
    }

    fn put(&self, name: &str, header: &str, rows: &[String]) -> PathBuf {
        let text = format!("{header}\r\n{}", rows.iter().map(|row| format!("{row}\r\n")).collect::<String>());
        let path = self.input().join(name);
        fs::write(
            &path,
            text.chars().map(|c| u8::try_from(u32::from(c)).expect("a lake of its own")).collect::<Vec<u8>>(),
        )
        .expect("a lake of its own");
        path
    }

    async fn import(&self, paths: &[PathBuf]) -> Result<ImportSummary, ImportError> {
        import(paths, &self.lake, &self.store, &PiiKey::from_bytes([1; 32]), ImportOptions::default(), &|_| {}).await
    }

    async fn session(&self) -> SessionContext {
        let session = session(256 << 20, 2).expect("a lake of its own");
        self.lake.snapshot(None).await.expect("a lake of its own").register(&session).await.expect("a lake of its own");
        session
    }

    fn parquet(&self) -> BTreeSet<PathBuf> {
        let tables = Table::ALL.iter().filter_map(|table| fs::read_dir(self.lake.root().join(table.as_str())).ok());
        tables.flatten().map(|entry| entry.expect("a lake of its own").path()).collect()
    }
}

/// A row of `Compras`: number, object, modality, day of signature, supplier, initial and final value.
fn contract(number: &str, object: &str, modality: &str, signed: &str, supplier: &str, values: [&str; 2]) -> String {
    let fields = [
        number,
        object,
        "",
        modality,
        "Não se aplica",
        "1",
        "Órgão",
        "2",
        "Órgão",
        "200",
        "UG",
        signed,
        signed,
        signed,
        "",
        supplier,
        "EMPRESA SINTÉTICA",
        values[0],
        values[1],
        "-3",
        "",
        "",
        "",
        "",
    ];
    quoted(&fields)
}

fn quoted(fields: &[&str]) -> String {
    fields.iter().map(|field| format!("\"{field}\"")).collect::<Vec<_>>().join(";")
}

fn item(number: &str, description: &str) -> String {
    quoted(&["2", "Órgão", "200", "UG", number, "c1", description, "x", "2", "5,00"])
}

fn amendment(number: &str, object: &str) -> String {
    quoted(&[number, "1", "Órgão", "2", "Órgão", "200", "UG", "1", "01/02/2024", object])
}

fn usual() -> Vec<String> {
    let cnpj = "33000167000101";
    vec![
        contract("1", "Objeto: Aquisição de café", "Pregão", "10/01/2023", cnpj, ["10,0000", "1000,0000"]),
        contract(
            "2",
            "Objeto: Obra de ponte",
            "Dispensa de Licitação",
            "31/12/2023",
            "52998224725",
            ["5,00", "500,00"],
        ),
        contract("3", "Objeto: Cafeteira", "Convite", "01/01/2024", "-11", ["7,00", "500,00"]),
        contract("4", "Objeto: Serviço", "Sem Informação", "", "EX1", ["9,99", ""]),
    ]
}

fn filters(change: impl FnOnce(&mut Filters)) -> Filters {
    let mut filters = Filters::default();
    change(&mut filters);
    filters
}

async fn numbers(session: &SessionContext, filters: &Filters, terms: &[&str], include_items: bool) -> Vec<String> {
    let terms: Vec<String> = terms.iter().map(|term| (*term).to_owned()).collect();
    let page = contracts::search(session, filters, &terms, include_items, None, 100).await.expect("a lake of its own");
    assert_eq!((page.total, page.next), (page.contracts.len() as i64, None));
    page.contracts.into_iter().map(|contract| contract.number).collect()
}

#[tokio::test]
async fn filters_narrow_by_value_day_words_modality_supplier_and_buyer() {
    let house = House::new().await;
    house.put("202401_Compras.csv", CONTRACTS, &usual());
    house.put("202401_ItemCompra.csv", ITEMS, &[item("2", "Café em grãos"), item("3", "Ponte rolante azul")]);
    house.import(&[house.input()]).await.unwrap();
    let session = house.session().await;
    let cents = |cents| Some(Money::from_cents(cents));
    let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d);
    let cases: Vec<(Filters, &[&str])> = vec![
        (Filters::default(), &["1", "2", "3", "4"]),
        (filters(|f| f.min_value = cents(50_000)), &["1", "2", "3"]),
        (filters(|f| f.min_value = cents(50_001)), &["1"]),
        // The initial value stands in for a current one that is not published.
        (filters(|f| f.max_value = cents(999)), &["4"]),
        (filters(|f| f.max_value = cents(998)), &[]),
        (filters(|f| f.year = Some(2023)), &["1", "2"]),
        (filters(|f| f.year = Some(i32::MAX)), &[]),
        (filters(|f| f.start_date = day(2023, 12, 31)), &["2", "3"]),
        (filters(|f| f.end_date = day(2023, 12, 31)), &["1", "2"]),
        (filters(|f| f.categories = vec!["CAFÉ".into()]), &["1"]),
        (filters(|f| f.categories = vec!["ponte obra".into(), "cafe".into()]), &["1", "2"]),
        (filters(|f| f.categories = vec!["obra cafe".into()]), &[]),
        (filters(|f| f.categories = vec!["?!".into()]), &[]),
        (filters(|f| f.modalities = vec![Modality::Convite, Modality::NotInformed]), &["3", "4"]),
        (filters(|f| f.supplier_id = Some("33.000.167/0001-01".into())), &["1"]),
        (filters(|f| f.supplier_id = Some("529.982.247-25".into())), &["2"]),
        (filters(|f| f.supplier_id = Some("***.982.247-**".into())), &["2"]),
        (filters(|f| f.supplier_id = Some("-11".into())), &[]),
        (filters(|f| f.supplier_id = Some("' OR 1=1 --".into())), &[]),
        (filters(|f| f.buyer_id = Some("200".into())), &["1", "2", "3", "4"]),
        (filters(|f| f.buyer_id = Some("20".into())), &[]),
    ];
    for (filters, expected) in cases {
        assert_eq!(numbers(&session, &filters, &[], false).await, expected, "{filters:?}");
    }
    let none = Filters::default();
    assert_eq!(numbers(&session, &none, &["Aquisição", "café"], false).await, ["1"]);
    assert!(numbers(&session, &none, &["cafe", "obra"], true).await.is_empty());
    assert_eq!(numbers(&session, &none, &["cafe"], true).await, ["1", "2"]);
    assert_eq!(numbers(&session, &filters(|f| f.categories = vec!["ponte".into()]), &[], true).await, ["2", "3"]);
    let dear = filters(|f| (f.categories, f.min_value) = (vec!["cafe".into()], cents(60_000)));
    assert_eq!(numbers(&session, &dear, &[], true).await, ["1"]);
    let both = filters(|f| f.categories = vec!["ponte".into()]);
    assert_eq!(numbers(&session, &both, &["azul"], true).await, ["3"]);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let house = House::new().await;
    let cnpj = "33000167000101";
    let mut rows = usual();
    rows.extend((10..20).map(|n| {
        let value = format!("{},00", 100 * (n % 3));
        contract(&n.to_string(), "x", "Convite", "01/01/2024", cnpj, ["1,00", if n % 4 == 0 { "" } else { &value }])
    }));
    house.put("202401_Compras.csv", CONTRACTS, &rows);
    house.import(&[house.input()]).await.unwrap();
    let session = house.session().await;
    let none = Filters::default();
    let whole = contracts::search(&session, &none, &[], false, None, 100).await.unwrap();
    assert_eq!((whole.total, whole.contracts.len()), (14, 14));
    let key = |contract: &contracts::ContractRow| {
        (contract.current_value.is_none(), contract.current_value.map(|v| -v.cents()), contract.contract_id.clone())
    };
    assert!(whole.contracts.is_sorted_by_key(key));
    for size in 1..6 {
        let (mut seen, mut after): (Vec<_>, Option<PageKey>) = (Vec::new(), None);
        loop {
            let page = contracts::search(&session, &none, &[], false, after.as_ref(), size).await.unwrap();
            assert_eq!(page.total, 14);
            seen.extend(page.contracts);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, whole.contracts, "pages of {size}");
    }
}

#[tokio::test]
async fn a_contract_is_read_with_items_and_amendments() {
    let house = House::new().await;
    let again = contract("1", "Outro", "Pregão", "10/01/2023", "00000000000191", ["1,00", "1,00"]);
    let mut rows = usual();
    rows.push(again);
    house.put("202401_Compras.csv", CONTRACTS, &rows);
    house.put(
        "202401_ItemCompra.csv",
        ITEMS,
        &[item("2", "Areia"), item("2", "Cal"), item("2", "Cal"), item("3", "x")],
    );
    house.put("202401_TermoAditivo.csv", AMENDMENTS, &[amendment("2", "Objetivo: Acréscimo a CPF 529.982.247-25")]);
    house.import(&[house.input()]).await.unwrap();
    let session = house.session().await;
    let found = contracts::search(&session, &Filters::default(), &["obra".into()], false, None, 5).await.unwrap();
    let id = &found.contracts[0].contract_id;
    let detail = contracts::get(&session, id).await.unwrap().unwrap();
    assert_eq!(detail.contract, found.contracts[0]);
    assert!(!detail.ambiguous);
    assert_eq!(detail.items.iter().map(|item| item.description.as_str()).collect::<Vec<_>>(), ["Areia", "Cal"]);
    assert_eq!((detail.items[0].quantity, detail.items[0].unit_price), (Some(20_000), Some(Money::from_cents(500))));
    assert_eq!(detail.amendments[0].object, "Objetivo: Acréscimo a CPF ***.982.247-**");
    assert_eq!(detail.amendments[0].publication_date, NaiveDate::from_ymd_opt(2024, 2, 1));
    let supplier = detail.contract.supplier.unwrap();
    assert_eq!((supplier.id.as_str(), supplier.id_kind.as_str()), ("***.982.247-**", "cpf"));
    let source = &detail.contract.source;
    assert_eq!((source.table.as_str(), source.source.as_str(), source.line), ("contracts", "portal:compras", 3));
    let coffee = contracts::search(&session, &Filters::default(), &["cafe".into()], false, None, 5).await.unwrap();
    assert!(contracts::get(&session, &coffee.contracts[0].contract_id).await.unwrap().unwrap().ambiguous);
    assert_eq!(contracts::get(&session, "portal-none").await.unwrap(), None);
}

#[tokio::test]
async fn the_same_content_changes_nothing_and_another_one_replaces_its_dataset() {
    let house = House::new().await;
    let path = house.put("202401_Compras.csv", CONTRACTS, &usual());
    let seen = Mutex::new(Vec::new());
    let key = PiiKey::from_bytes([1; 32]);
    let paths = std::slice::from_ref(&path);
    let first = import(paths, &house.lake, &house.store, &key, ImportOptions::default(), &|step| {
        seen.lock().unwrap().push(step);
    })
    .await
    .unwrap();
    let seen = seen.into_inner().unwrap();
    assert!(seen.is_sorted_by_key(|step| step.bytes_done));
    let last = seen.last().unwrap();
    assert_eq!((last.bytes_done, last.rows), (last.bytes_total, 4));
    assert_eq!((first.contracts, first.without_supplier, first.lake_version), (4, 1, 1));
    let before = house.parquet();
    let again = house.import(&[house.input()]).await.unwrap();
    assert_eq!((again.contracts, again.lake_version), (0, 1));
    assert_eq!(again.unchanged, ["202401_Compras.csv"]);
    assert_eq!(house.parquet(), before);
    house.put("202401_Compras.csv", CONTRACTS, &usual()[..1]);
    let replaced = house.import(&[path]).await.unwrap();
    assert_eq!((replaced.contracts, replaced.lake_version), (1, 2));
    let rows = async |version| house.lake.snapshot(version).await.unwrap().rows(Table::Contracts);
    assert_eq!((rows(Some(0)).await, rows(Some(1)).await, rows(Some(2)).await, rows(None).await), (0, 4, 1, 1));
    let error = house.lake.snapshot(Some(3)).await.unwrap_err().to_string();
    assert_eq!(error, "version 3 of the lake does not exist or is kept no longer; the latest is 2");
    let audit = house.store.audit_entries(10).await.unwrap();
    assert_eq!(audit.iter().filter(|entry| entry.action == "import.committed").count(), 2);
}

#[tokio::test]
async fn all_files_of_a_call_or_none() {
    let house = House::new().await;
    house.put("202401_Compras.csv", CONTRACTS, &usual());
    let bad = house.put("202401_TermoAditivo.csv", "\"Objeto\"", &[]);
    let error = house.import(&[house.input()]).await.unwrap_err();
    assert!(matches!(&error, ImportError::MissingColumn { column: "numero contrato", .. }), "{error}");
    assert_eq!((house.store.lake_version().await.unwrap(), house.parquet().len()), (0, 0));
    assert_eq!(house.session().await.table("contracts_all").await.unwrap().count().await.unwrap(), 0);
    fs::remove_file(bad).unwrap();
    house.put("202401_ItemCompra.csv", ITEMS, &[item("2", "Areia"), "\"1\"".to_owned()]);
    let summary = house.import(&[house.input()]).await.unwrap();
    // Both files became visible at once, in one version.
    assert_eq!((summary.contracts, summary.items, summary.quarantined, summary.lake_version), (4, 1, 1, 1));
    let items = house.store.imports().await.unwrap().into_iter().find(|import| import.dataset == "portal:itens/202401");
    let quarantine = house.store.quarantine(&items.unwrap().id, 10).await.unwrap();
    assert_eq!((quarantine.len(), quarantine[0].line, quarantine[0].reason.as_str()), (1, 3, "wrong_field_count"));
}

#[tokio::test]
async fn what_a_killed_import_leaves_is_harmless_and_goes_away() {
    let house = House::new().await;
    let path = house.put("202401_Compras.csv", CONTRACTS, &usual());
    house.import(std::slice::from_ref(&path)).await.unwrap();
    // Replaced files belong to an old version, which stays readable.
    house.put("202401_Compras.csv", CONTRACTS, &usual()[..2]);
    house.import(&[path]).await.unwrap();
    let known = house.parquet();
    assert_eq!(known.len(), 2);
    let table = house.lake.root().join("contracts");
    let hours_ago = SystemTime::now() - Duration::from_secs(2 * 3600);
    let age = |path: &Path| fs::File::options().write(true).open(path).unwrap().set_modified(hours_ago).unwrap();
    known.iter().for_each(|path| age(path));
    // Killed between the Parquet file and the manifest: one long ago, one just now.
    for (name, old) in
        [("dead.parquet", true), ("dead.parquet.tmp", true), ("running.parquet", false), ("notes.txt", true)]
    {
        fs::copy(known.first().unwrap(), table.join(name)).unwrap();
        if old {
            age(&table.join(name));
        }
    }
    assert_eq!(house.session().await.table("contracts_all").await.unwrap().count().await.unwrap(), 2);
    let summary = house.import(&[house.put("202402_Compras.csv", CONTRACTS, &[])]).await.unwrap();
    assert_eq!((summary.contracts, summary.lake_version), (0, 3));
    let mut expected = known;
    expected.extend([table.join("running.parquet"), table.join("notes.txt")]);
    assert_eq!(house.parquet(), expected);
}

#[tokio::test]
async fn a_contract_published_in_two_months_counts_once() {
    let house = House::new().await;
    house.put("202401_Compras.csv", CONTRACTS, &usual());
    house.put("202401_ItemCompra.csv", ITEMS, &[item("2", "Areia"), item("2", "Cal")]);
    house.import(&[house.input()]).await.unwrap();
    let moved = contract(
        "2",
        "Objeto: Obra de ponte",
        "Dispensa de Licitação",
        "31/12/2023",
        "52998224725",
        ["5,00", "600,00"],
    );
    let february = [
        house.put("202402_Compras.csv", CONTRACTS, &[moved]),
        house.put("202402_ItemCompra.csv", ITEMS, &[item("2", "Areia"), item("2", "Brita")]),
    ];
    house.import(&february).await.unwrap();
    // The second session reads what the first one found out.
    for _ in 0..2 {
        let session = house.session().await;
        let page = contracts::search(&session, &Filters::default(), &[], false, None, 100).await.unwrap();
        let seen: Vec<_> =
            page.contracts.iter().map(|c| (c.number.as_str(), c.current_value.map(Money::cents))).collect();
        assert_eq!(seen, [("1", Some(100_000)), ("2", Some(60_000)), ("3", Some(50_000)), ("4", None)]);
        let detail = contracts::get(&session, &page.contracts[1].contract_id).await.unwrap().unwrap();
        assert!(!detail.ambiguous);
        let mut items: Vec<_> = detail.items.iter().map(|item| item.description.as_str()).collect();
        items.sort_unstable();
        assert_eq!(items, ["Areia", "Brita", "Cal"]);
        let sql = "SELECT row_status, count(*) FROM contracts_all GROUP BY 1 ORDER BY 1";
        let counts = session.sql(sql).await.unwrap().collect().await.unwrap();
        let shown = datafusion::arrow::util::pretty::pretty_format_batches(&counts).unwrap().to_string();
        assert!(shown.contains("| current    | 4") && shown.contains("| superseded | 1"), "{shown}");
    }
}

#[tokio::test]
async fn tables_have_the_canonical_schema_and_are_pruned() {
    use cidadao::lake::schema;
    use datafusion::arrow::datatypes::DataType;
    let house = House::new().await;
    let canonical = async || {
        let session = house.session().await;
        for table in Table::ALL {
            let frame = session.table(format!("{}_all", table.as_str())).await.unwrap();
            let types = |fields: &datafusion::arrow::datatypes::Fields| -> Vec<(String, DataType)> {
                fields.iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
            };
            assert_eq!(types(frame.schema().fields()), types(schema::of(table).fields()));
            for batch in frame.collect().await.unwrap() {
                assert_eq!(types(batch.schema().fields()), types(schema::of(table).fields()));
            }
        }
        session
    };
    // Without files, with one file, with rows that are in two.
    canonical().await;
    for month in ["202401", "202402"] {
        house.put(&format!("{month}_Compras.csv"), CONTRACTS, &usual());
        house.put(&format!("{month}_ItemCompra.csv"), ITEMS, &[item("2", "Areia")]);
        house.import(&[house.input()]).await.unwrap();
        let session = canonical().await;
        let cast = session.sql("SELECT CAST(source_line AS VARCHAR) || lower(object) AS x FROM contracts_all");
        assert_eq!(cast.await.unwrap().schema().field(0).data_type(), &DataType::Utf8);
        if month == "202401" {
            let sql = "EXPLAIN SELECT number FROM contracts_all WHERE signature_date > DATE '2030-01-01'";
            let plan = session.sql(sql).await.unwrap().collect().await.unwrap();
            let plan = datafusion::arrow::util::pretty::pretty_format_batches(&plan).unwrap().to_string();
            assert!(plan.contains("pruning_predicate") && plan.contains("signature_date_max"), "{plan}");
        }
    }
}

#[tokio::test]
async fn an_edition_that_lost_most_of_its_rows_is_refused() {
    let house = House::new().await;
    let rows = |n: usize| -> Vec<String> {
        let cnpj = "33000167000101";
        (0..n).map(|n| contract(&n.to_string(), "Café", "Pregão", "10/01/2024", cnpj, ["10,00", "10,00"])).collect()
    };
    let put = |n| house.put("202401_Compras.csv", CONTRACTS, &rows(n));
    house.import(&[put(200)]).await.unwrap();
    for lost in [99, 1, 0] {
        let error = house.import(&[put(lost)]).await.unwrap_err();
        assert!(matches!(error, ImportError::LostRows { before: 200, rows, .. } if rows == lost as i64), "{error}");
        assert!(error.to_string().contains("--accept-loss"));
        assert_eq!(house.store.lake_version().await, Ok(1));
    }
    assert_eq!(house.parquet().len(), 1, "nothing was left behind");
    assert_eq!(house.import(&[put(100)]).await.unwrap().lake_version, 2);
    let (key, options) = (PiiKey::from_bytes([1; 32]), ImportOptions { accept_loss: true, ..ImportOptions::default() });
    let accepted = import(&[put(0)], &house.lake, &house.store, &key, options, &|_| {}).await.unwrap();
    assert_eq!((accepted.lake_version, accepted.contracts), (3, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_file_at_once_makes_one_version() {
    let house = Arc::new(House::new().await);
    let path = house.put("202401_Compras.csv", CONTRACTS, &usual());
    let imports = (0..4).map(|_| {
        let (house, path) = (Arc::clone(&house), path.clone());
        tokio::spawn(async move { house.import(&[path]).await.unwrap() })
    });
    let done: Vec<ImportSummary> =
        futures::future::join_all(imports).await.into_iter().map(|one| one.expect("no panic")).collect();
    assert_eq!(house.store.lake_version().await, Ok(1));
    let took = |summary: &&ImportSummary| summary.contracts > 0;
    assert_eq!(done.iter().filter(took).count(), 1);
    for summary in &done {
        assert_eq!(
            (summary.contracts > 0, summary.files.len()),
            (summary.unchanged.is_empty(), 1 - summary.unchanged.len())
        );
    }
    assert_eq!(house.parquet().len(), 1);
}

#[tokio::test]
async fn a_bad_archive_that_lies_about_holds_up_nothing() {
    let house = House::new().await;
    house.put("202401_Compras.csv", CONTRACTS, &usual());
    let photo = house.input().join("photo.zip");
    fs::write(&photo, "no archive").unwrap();
    let summary = house.import(&[house.input()]).await.unwrap();
    assert!(summary.contracts > 0 && summary.ignored.iter().any(|name| name.contains("photo.zip")));
    // Named, or by the name of an official download, it is what was asked for.
    assert!(matches!(house.import(&[photo]).await, Err(ImportError::ZipDamaged { .. })));
    fs::write(house.input().join("202402_Compras.zip"), "no archive").unwrap();
    assert!(matches!(house.import(&[house.input()]).await, Err(ImportError::ZipDamaged { .. })));
}

#[test]
fn a_sample_takes_the_place_of_samples_only() {
    let directory = tempfile::tempdir().unwrap();
    let published = directory.path().join("202401_Compras.csv");
    fs::write(&published, CONTRACTS).unwrap();
    let options = SampleOptions { rows: 5, seed: 1, out: directory.path().to_owned() };
    let refused = sample::generate(&options, &|_| {}).unwrap_err();
    assert!(matches!(refused, SampleError::NotASample { path } if path == published));
    fs::remove_file(&published).unwrap();
    for rows in [5, 6] {
        sample::generate(&SampleOptions { rows, ..options.clone() }, &|_| {}).unwrap();
    }
}
