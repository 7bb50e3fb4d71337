//! Releases as they are published, whole and damaged, through an import into Parquet.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use chrono::Utc;
use datafusion::arrow::util::pretty::pretty_format_batches;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::super::input::gather;
use super::super::parse::{parse, scan};
use super::super::{ImportSummary, ParsedFiles, PiiKey, Progress, files_to_parquet};
use super::stream;
use crate::lake::{LakeSnapshot, session};

const KEY: PiiKey = PiiKey::from_bytes([7; 32]);

struct Taken {
    directory: TempDir,
    parsed: ParsedFiles,
}

impl Taken {
    /// Takes a directory of files in.
    fn all(files: &[(&str, &[u8])]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let input = directory.path().join("in");
        std::fs::create_dir(&input).unwrap();
        files.iter().for_each(|(name, bytes)| std::fs::write(input.join(name), bytes).unwrap());
        Self::of(directory, input)
    }

    fn of(directory: TempDir, input: PathBuf) -> Self {
        let parsed = files_to_parquet(&[input], &directory.path().join("lake"), &KEY, &|_| {}).unwrap();
        Self { directory, parsed }
    }

    fn one(name: &str, bytes: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let input = directory.path().join(name);
        std::fs::write(&input, bytes).unwrap();
        Self::of(directory, input)
    }

    /// The rows of a query, each as its values with blanks between them.
    fn rows(&self, sql: &str) -> Vec<String> {
        let snapshot = LakeSnapshot::from_files(self.directory.path().join("lake"), self.parsed.files.clone());
        let batches = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let session = session(64 << 20, 1).unwrap();
            snapshot.register(&session).await.unwrap();
            session.sql(sql).await.unwrap().collect().await.unwrap()
        });
        let shown = pretty_format_batches(&batches).unwrap().to_string();
        let row = |line: &str| {
            let cells = line.trim_matches('|').split('|').map(str::trim);
            cells.collect::<Vec<_>>().join(" ").trim_end().to_owned()
        };
        shown.lines().skip(3).filter(|line| line.starts_with('|')).map(row).collect()
    }

    fn reasons(&self) -> Vec<(i64, String)> {
        self.parsed.quarantine.iter().map(|row| (row.line, row.reason.clone())).collect()
    }
}

fn release() -> Value {
    json!({
        "ocid": "ocds-abc123-7", "id": "r1", "date": "2024-03-01T10:00:00Z", "tag": ["tender", "award", "contract"],
        "buyer": {"id": "p0", "name": "Prefeitura"},
        "parties": [
            {"id": "p0", "name": "Prefeitura", "roles": ["buyer"], "identifier": {"scheme": "BR-CNPJ", "id": "00.000.000/0001-91"},
             "address": {"region": "SP", "locality": "Campinas"}},
            {"id": "p1", "name": "Um Ltda", "roles": ["tenderer", "supplier"], "identifier": {"scheme": "BR-CNPJ", "id": "33000167000101"},
             "contactPoint": {"telephone": "19 3333", "email": "a@b"}},
            {"id": "p2", "name": "Deux SA", "roles": ["tenderer"], "identifier": {"scheme": "FR-RCS", "id": "552100554"}},
        ],
        "tender": {
            "id": "T-7", "title": "Aquisição de café", "status": "complete", "procurementMethod": "open",
            "procurementMethodDetails": "Pregão", "mainProcurementCategory": "goods", "awardCriteria": "priceOnly",
            "value": {"amount": 1000.5, "currency": "BRL"}, "numberOfTenderers": 2,
            "tenderPeriod": {"startDate": "2024-01-02T08:00:00-03:00", "endDate": "2024-01-20T18:00:00-03:00"},
            "tenderers": [{"id": "p1"}, {"id": "p2"}],
            "items": [
                {"id": 1, "description": "Café", "quantity": 10.5, "relatedLot": "L1", "unit": {"name": "kg", "value": {"amount": 30.25}},
                 "classification": {"scheme": "CATMAT", "id": "123"}},
                {"id": 2, "description": "Açúcar", "relatedLot": "L2"},
            ],
        },
        "bids": {"details": [
            {"id": "b1", "date": "2024-01-19T10:00:00Z", "status": "valid", "tenderers": [{"id": "p1"}], "value": {"amount": 900, "currency": "BRL"}, "relatedLots": ["L1"]},
            {"id": "b2", "status": "valid", "tenderers": [{"id": "p2"}], "value": {"amount": 950.333, "currency": "BRL"}, "relatedLots": ["L1"]},
        ]},
        "awards": [{"id": "a1", "status": "active", "date": "2024-02-01T00:00:00Z", "value": {"amount": 900, "currency": "BRL"},
                    "suppliers": [{"id": "p1"}], "relatedLots": ["L1"], "items": [{"id": 1, "description": "Café", "quantity": 10}]}],
        "contracts": [{
            "id": "c1", "awardID": "a1", "dateSigned": "2024-02-10T23:30:00-03:00", "status": "active",
            "period": {"startDate": "2024-02-11", "endDate": "2024-12-31"}, "value": {"amount": 900, "currency": "BRL"},
            "implementation": {"transactions": [{"id": "t1", "date": "2024-03-01", "value": {"amount": 450}, "payee": {"id": "p1"}}]},
        }],
    })
}

fn lines(values: &[Value]) -> Vec<u8> {
    values.iter().map(|value| format!("{value}\n")).collect::<String>().into_bytes()
}

#[test]
fn an_award_named_twice_counts_once() {
    let mut twice = release();
    let award = twice["awards"][0].clone();
    twice["awards"].as_array_mut().unwrap().push(award);
    let mut corrected = twice.clone();
    corrected["ocid"] = json!("ocds-abc123-8");
    corrected["awards"][1]["value"]["amount"] = json!(800);
    let taken = Taken::one("a.jsonl", &lines(&[twice, corrected]));
    assert_eq!(taken.rows("SELECT value FROM tenders_all ORDER BY ocid"), ["900.00", "800.00"]);
}

#[test]
fn a_release_becomes_rows_of_every_table() {
    let taken = Taken::one("compras.jsonl", &lines(&[release(), json!({"ocid": "ocds-abc123-8", "tender": {}})]));
    let summary = &taken.parsed.summary;
    assert_eq!(
        (summary.tenders, summary.tender_items, summary.bids, summary.contracts, summary.items, summary.payments),
        (2, 2, 2, 1, 1, 1)
    );
    assert_eq!(
        (summary.suppliers, summary.quarantined, summary.amounts_rounded, summary.values_unreadable),
        (2, 0, 1, 0)
    );
    assert_eq!(summary.files[0].dataset, "ocds:ocds-abc123/compras");
    assert_eq!(
        taken.rows("SELECT tender_id, ocid, number, object, modality, method, criterion, category, situation, buyer_id, buyer_name, state, municipality FROM tenders_all ORDER BY 1 LIMIT 1"),
        ["ocds-abc123-7 ocds-abc123-7 T-7 Aquisição de café pregao open priceOnly goods complete 00000000000191 Prefeitura SP Campinas"]
    );
    assert_eq!(
        taken.rows("SELECT period_start, period_end, period_end_clock, result_date, currency, estimated_value, value, tenderers, source, source_file, source_line FROM tenders_all ORDER BY tender_id LIMIT 1"),
        ["2024-01-02T11:00:00Z 2024-01-20T21:00:00Z zoned 2024-02-01 BRL 1000.50 900.00 2 ocds:ocds-abc123 compras.jsonl 1"]
    );
    assert_eq!(
        taken.rows("SELECT number, lot, description_folded, classification_id, unit, quantity, unit_price, winner_id FROM tender_items_all ORDER BY 1"),
        ["1 L1 cafe 123 kg 10.5000 30.25 33000167000101", "2 L2 acucar"]
    );
    assert_eq!(
        taken.rows("SELECT bid_id, lot, bidder_kind, bidder_id, bidder_check, bid_time, bid_clock, amount, status, won FROM bids_all ORDER BY 1"),
        [
            "ocds-abc123-7-bid-b1 L1 cnpj 33000167000101 valid 2024-01-19T10:00:00Z zoned 900.00 valid true",
            "ocds-abc123-7-bid-b2 L1 foreign FR-RCS-552100554 not_applicable   950.33 valid false"
        ]
    );
    assert_eq!(
        taken.rows("SELECT contract_id, number, object, signature_date, start_date, end_date, supplier_id, initial_value, current_value, ocid, tender_id, currency, category FROM contracts_all"),
        ["ocds-abc123-7-contract-c1 ocds-abc123-7/c1 Aquisição de café 2024-02-10 2024-02-11 2024-12-31 33000167000101 900.00 900.00 ocds-abc123-7 ocds-abc123-7 BRL goods"]
    );
    assert_eq!(
        taken.rows("SELECT i.description, i.quantity FROM contract_items_all i JOIN contracts_all c ON c.buyer_id = i.buyer_id AND c.number = i.contract_number"),
        ["Café 10.0000"]
    );
    assert_eq!(
        taken.rows("SELECT contract_id, date, value, supplier_key FROM payments_all"),
        ["ocds-abc123-7-contract-c1 2024-03-01 450.00 33000167000101"]
    );
    assert_eq!(
        taken.rows("SELECT supplier_id, name, phone, email FROM suppliers_all ORDER BY 1"),
        ["33000167000101 Um Ltda 19 3333 a@b", "foreign:FR-RCS-552100554 Deux SA"]
    );
}

#[test]
fn money_that_went_to_the_buyer_is_no_payment() {
    let (buyer, supplier, third) = (json!({"id": "gov"}), json!({"id": "p1"}), json!({"id": "bank", "name": "Banco"}));
    let pair = |payer: &Value, payee: &Value| json!({"payer": payer, "payee": payee});
    let mut one = release();
    one["buyer"] = buyer.clone();
    one["parties"].as_array_mut().unwrap().push(json!({"id": "gov", "name": "Prefeitura", "roles": ["buyer"]}));
    let transactions = [
        pair(&buyer, &supplier),
        pair(&buyer, &third),
        json!({}),
        pair(&supplier, &buyer),
        json!({"receiverOrganization": buyer}),
        json!({"providerOrganization": supplier}),
        pair(&buyer, &buyer),
        pair(&supplier, &third),
        // Who pays itself is no supplier that pays: the source confuses the two.
        pair(&supplier, &supplier),
    ];
    let numbered = transactions.into_iter().enumerate().map(|(place, mut transaction)| {
        transaction["id"] = json!(place.to_string());
        transaction
    });
    one["contracts"][0]["implementation"]["transactions"] = numbered.collect();
    let taken = Taken::one("a.jsonl", &lines(&[one.clone()]));
    let kinds = "SELECT kind FROM payments_all ORDER BY number";
    let expected = ["payment", "payment", "payment", "refund", "refund", "refund", "other", "other", "payment"];
    assert_eq!(taken.rows(kinds), expected);
    // A public body that buys from itself is on both sides.
    one["awards"][0]["suppliers"] = json!([{"id": "gov"}]);
    let taken = Taken::one("a.jsonl", &lines(&[one]));
    assert!(taken.rows(kinds).iter().take(5).all(|kind| kind == "payment"), "{:?}", taken.rows(kinds));
}

#[test]
fn processes_are_compiled_over_lines_files_and_packages() {
    let tender = json!({"ocid": "ocds-abc123-1", "id": "1", "date": "2024-01-01T00:00:00Z", "tag": ["tender"], "tender": {"id": "T", "title": "Obra", "value": {"amount": 5, "currency": "BRL"}}});
    let contract = |id: &str, date: &str, amount: f64, amendments: Value| json!({"ocid": "ocds-abc123-1", "id": id, "date": date, "tag": ["contract"], "contracts": [{"id": "c", "value": {"amount": amount, "currency": "BRL"}, "amendments": amendments}]});
    let first = contract("2", "2024-02-01T00:00:00Z", 100.0, json!([]));
    let second = contract(
        "3",
        "2024-03-01T00:00:00Z",
        130.0,
        json!([{"id": "x", "date": "2024-02-28", "description": "Acréscimo"}]),
    );
    let alone = json!({"ocid": "ocds-abc123-2", "tender": {"title": "Outra"}});
    let check = |taken: &Taken, line: i64| {
        assert_eq!(taken.parsed.summary.files.len(), 1);
        assert_eq!(
            taken.rows("SELECT object, estimated_value FROM tenders_all ORDER BY tender_id"),
            ["Obra 5.00", "Outra"]
        );
        assert_eq!(
            taken.rows("SELECT initial_value, current_value, object FROM contracts_all"),
            ["100.00 130.00 Obra"]
        );
        assert_eq!(
            taken.rows("SELECT number, object, signature_date, publication_date FROM amendments_all"),
            ["x Acréscimo 2024-02-28"]
        );
        assert_eq!(taken.rows("SELECT source_line FROM contracts_all"), [line.to_string()]);
    };
    let all = [second.clone(), alone.clone(), tender.clone(), first.clone(), second.clone()];
    let taken = Taken::one("a.jsonl", &lines(&all));
    assert_eq!(taken.parsed.summary.release_duplicates, 1);
    check(&taken, 1);
    check(&Taken::one("a.json", json!({"uri": "x", "releases": all}).to_string().as_bytes()), 1);
    check(&Taken::one("a.json", serde_json::to_string_pretty(&json!(all)).unwrap().as_bytes()), 1);
    check(&Taken::one("a.json", json!({"records": [{"ocid": "ocds-abc123-2", "releases": [alone]}, {"ocid": "ocds-abc123-1", "releases": [second, tender, first]}]}).to_string().as_bytes()), 2);
    let files: Vec<(String, Vec<u8>)> =
        all.iter().enumerate().map(|(n, one)| (format!("{n}.json"), one.to_string().into_bytes())).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    check(&Taken::all(&files), 1);
}

/// Takes a file in with a first pass or without one.
fn taken_in(name: &str, bytes: &[u8], compared: bool) -> Taken {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let input = gather(&[path], None).unwrap().inputs.remove(0);
    let told = Mutex::new(0);
    let progress = |step: Progress| {
        let before = std::mem::replace(&mut *told.lock().unwrap(), step.bytes_done);
        assert!(before <= step.bytes_done && step.bytes_done <= step.bytes_total);
    };
    let scanned = scan(&input, compared, &progress).unwrap();
    assert_eq!(scanned.content_hash().is_some(), compared);
    let parsed =
        parse(&input, "id".to_owned(), scanned, &directory.path().join("lake"), &KEY, Utc::now(), &progress).unwrap();
    let mut summary = ImportSummary::default();
    summary.add(&parsed);
    Taken { directory, parsed: ParsedFiles { summary, files: parsed.lake_files, quarantine: parsed.quarantine } }
}

#[test]
fn a_first_pass_changes_nothing_but_the_time() {
    let of = |number: usize| {
        let mut one = release();
        one["ocid"] = json!(format!("ocds-abc123-{number}"));
        one["tag"] = json!(["compiled"]);
        one
    };
    let raw = |number: usize| {
        let mut one = of(number);
        one["tag"] = json!(["tender", "award"]);
        one
    };
    let many = |numbers: &[usize]| lines(&numbers.iter().map(|number| of(*number)).collect::<Vec<_>>());
    let mut damaged = many(&[1, 2, 3]);
    damaged.splice(40..40, *b"\n");
    let mut later = of(1);
    later["date"] = json!("2024-05-01T10:00:00Z");
    later["tender"]["title"] = json!("Aquisição de chá");
    later["contracts"] = json!(null);
    // Another one says the `ocid` as well, of which a bid is listed twice.
    let mut mentioned =
        [of(1), json!({"ocid": "ocds-abc123-2", "tag": ["compiled"], "planning": {"ocid": "ocds-abc123-1"}})];
    let bid = mentioned[0]["bids"]["details"][0].clone();
    mentioned[0]["bids"]["details"].as_array_mut().unwrap().push(bid);
    let far: Vec<Value> = (0..1_500).map(of).chain([later.clone()]).collect();
    assert!(lines(&far).len() > stream::SIZES.block);
    for (name, bytes) in [
        ("once.jsonl", many(&[1, 2, 3, 4])),
        ("again.jsonl", many(&[1, 2, 1, 3, 2])),
        ("damaged.jsonl", damaged),
        ("later.jsonl", lines(&[of(1), of(2), later.clone()])),
        ("far.jsonl", lines(&far)),
        ("mentioned.jsonl", lines(&mentioned)),
        ("raw.jsonl", lines(&[of(1), raw(2), of(3), raw(2)])),
        ("package.json", json!({"releases": [of(1), of(2), later]}).to_string().into_bytes()),
        ("record.json", json!([{"ocid": "ocds-abc123-9", "releases": [of(9), of(9)]}, of(8)]).to_string().into_bytes()),
    ] {
        let [with, without] = [true, false].map(|compared| taken_in(name, &bytes, compared));
        let said = |taken: &Taken| {
            let quarantined = taken.parsed.quarantine.iter();
            let quarantined: Vec<_> =
                quarantined.map(|row| (row.line, row.reason.clone(), row.value.clone())).collect();
            let files = taken.parsed.summary.files.iter();
            let files: Vec<_> = files
                .map(|file| (file.content_hash.clone(), file.rows, file.tables.clone(), file.duplicates))
                .collect();
            (quarantined, files)
        };
        assert_eq!(said(&with), said(&without), "{name}");
        for file in &with.parsed.files {
            let sql = format!("SELECT * EXCLUDE (import_id) FROM {}_all ORDER BY 1", file.table.as_str());
            let rows = with.rows(&sql);
            assert!(rows == without.rows(&sql) && rows.len() as i64 == file.rows, "{name}, {:?}", file.table);
        }
        let lake = without.directory.path().join("lake");
        let tables = std::fs::read_dir(lake).unwrap().map(|table| table.unwrap().path()).filter(|path| path.is_dir());
        let files = tables.flat_map(|table| std::fs::read_dir(table).unwrap()).count();
        assert_eq!(files, without.parsed.files.len(), "{name}: nothing else is left");
    }
}

#[test]
fn archives_are_read_as_what_they_hold() {
    let text = lines(&[release(), json!({"ocid": "ocds-abc123-8", "tender": {"title": "x"}})]);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&text).unwrap();
    let packed = packed.finish().unwrap();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("2024/dados.jsonl", SimpleFileOptions::default()).unwrap();
    zip.write_all(&text).unwrap();
    zip.start_file("leia-me.txt", SimpleFileOptions::default()).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    for (name, bytes) in [("dados.jsonl.gz", &packed), ("dados.zip", &zip), ("dados", &text)] {
        let taken = Taken::one(name, bytes);
        assert_eq!((taken.parsed.summary.tenders, taken.parsed.summary.bids), (2, 2), "{name}");
        assert_eq!(taken.parsed.summary.files[0].dataset, "ocds:ocds-abc123/dados");
    }
    // Cut off: nothing is taken in.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.jsonl.gz");
    std::fs::write(&path, &packed[..packed.len() - 20]).unwrap();
    let error = files_to_parquet(&[path], &directory.path().join("lake"), &KEY, &|_| {}).unwrap_err();
    assert!(error.to_string().contains("damaged or truncated"), "{error}");
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_taken_in() {
    let text = [
        r#"{"ocid":"ocds-abc123-1","tender":{"title":"a"}}"#,
        r#"{"ocid":"ocds-abc123-2","tender":{"title":"b"}"#,
        r#"{"id":"no ocid 529.982.247-25","tender":{}}"#,
        r#""a text""#,
        r#"{"ocid":"ocds-abc123-3","releases":[{"url":"http://x","date":"2024-01-01"}]}"#,
        r#"{"ocid":"ocds-abc123-4","tender":{"title":"c","value":{"amount":"x"},"items":"none","tenderers":[7]},"awards":[[],3,{}],"contracts":{"id":9,"value":[]},"bids":[],"parties":{"id":1},"buyer":"?"}"#,
    ];
    let taken = Taken::one("a.jsonl", text.join("\n").as_bytes());
    assert_eq!(
        taken.reasons(),
        [(2, "invalid_json"), (3, "required_blank"), (4, "not_an_object"), (5, "linked_releases")]
            .map(|(line, reason)| (line, reason.to_owned()))
    );
    assert!(taken.parsed.quarantine.iter().all(|row| !row.value.contains("529.982.247-25")));
    assert_eq!(taken.rows("SELECT object FROM tenders_all ORDER BY 1"), ["a", "c"]);
    assert_eq!(taken.rows("SELECT number, buyer_id FROM contracts_all"), ["ocds-abc123-4/9 unknown:ocds-abc123-4"]);
    assert_eq!(taken.parsed.summary.values_unreadable, 1);
}

#[test]
fn a_process_is_one_however_its_ocid_is_written() {
    let text = [
        r#"{"ocid":7,"date":"2024-01-01","tender":{"title":"a"}}"#,
        r#"{"ocid":7,"date":"2024-01-02","tender":{"title":"b"}}"#,
        r#"{"ocid":"ocds-abc123-1","date":"2024-01-01","tender":{"title":"c"}}"#,
        r#"{"\u006fcid":"ocds-abc123-1","date":"2024-01-02","tender":{"title":"d"}}"#,
        r#"{"ocid":"x\u0000y","date":"2024-01-02","tender":{"title":"f\u0000"}}"#,
        r#"{"ocid":"x\u0000y","date":"2024-01-01","tender":{"title":"e"}}"#,
    ];
    let taken = Taken::one("a.jsonl", text.join("\n").as_bytes());
    // PostgreSQL could hold no finding that shows a NUL.
    assert_eq!(
        taken.rows("SELECT ocid, object FROM tenders_all ORDER BY 1"),
        ["7 b", "ocds-abc123-1 d", "x\u{fffd}y f\u{fffd}"]
    );
}

#[test]
fn nobody_s_cpf_is_stored() {
    let text = json!({"ocid": "ocds-abc123-1", "tender": {"title": "para FULANO 52998224725", "tenderers": [{"id": "52998224725", "name": "Fulano"}]},
        "bids": {"details": [{"id": "52998224725", "tenderers": [{"id": "x", "identifier": {"scheme": "BR-CPF", "id": "529.982.247-25"}}]}]},
        "parties": [{"id": "52998224725", "roles": ["supplier"], "address": {"streetAddress": "Rua 1"}}]});
    let taken = Taken::one("a.json", text.to_string().as_bytes());
    for table in ["tenders", "bids", "suppliers"] {
        let rows = taken.rows(&format!("SELECT * FROM {table}_all")).join("\n");
        assert!(!rows.is_empty() && !rows.contains("52998224725") && !rows.contains("529.982.247-25"), "{rows}");
        assert!(!rows.contains("Rua 1"));
    }
    assert_eq!(taken.rows("SELECT bidder_kind, bidder_id FROM bids_all"), ["cpf ***.982.247-**"]);
}

/// Replaces the value that is the `at`-th one of a document.
fn replace(value: &mut Value, at: &mut usize, by: &Value) -> bool {
    if *at == 0 {
        value.clone_from(by);
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(array) => array.iter_mut().any(|element| replace(element, at, by)),
        Value::Object(object) => object.iter_mut().any(|(_, member)| replace(member, at, by)),
        _ => false,
    }
}

fn published() -> Vec<String> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/ocds");
    let mut found = vec![release().to_string()];
    for directory in ["paraguay/sample/releases", "moldova/sample/records", "colombia/sample/records"] {
        let files = std::fs::read_dir(data.join(directory)).into_iter().flatten().take(5);
        found.extend(
            files
                .filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok())
                .filter(|text| text.len() < 200_000),
        );
    }
    found
}

#[test]
fn no_release_makes_it_panic_however_it_is_changed() {
    let published = published();
    let values = prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(-7),
        json!(1e300),
        json!("x"),
        json!(""),
        json!([]),
        json!({}),
        json!([[1]]),
        json!([{}]),
        json!({"id": {"id": 1}}),
        json!("9".repeat(400)),
    ]);
    let edits = prop::collection::vec((any::<prop::sample::Index>(), values), 1..6);
    let cut = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(150));
    let choice = 0..published.len();
    runner
        .run(&(choice, edits, cut), |(choice, edits, cut)| {
            let mut value: Value = serde_json::from_str(&published[choice]).unwrap();
            for (at, by) in &edits {
                replace(&mut value, &mut at.index(400), by);
            }
            let mut text = format!("{value}\n{value}\n{}\n", published[0]).into_bytes();
            for (at, byte) in cut {
                let at = at.index(text.len());
                text[at] = byte;
            }
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a.json");
            std::fs::write(&path, text).unwrap();
            // What it answers does not matter here.
            let _ = files_to_parquet(&[path], &directory.path().join("lake"), &KEY, &|_| {});
            Ok(())
        })
        .unwrap();
}
