//! Files to take in, and what must hold of whatever became of them.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cidadao::model::{LakeFile, Table, TaxIdKind, check_tax_id, mask_text};
use cidadao::sources::{ImportError, ImportFormat, ParsedFiles, PiiKey, fuzzing};

/// The same in every process, so that a finding can be reproduced.
const KEY: PiiKey = PiiKey::from_bytes([7; 32]);

/// A directory of this process; `TMPDIR` should be in memory.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = std::env::temp_dir().join(format!("cidadao-fuzz-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("the directory of temporary files can be written");
        directory
    })
}

/// What became of files.
pub(crate) struct Taken {
    pub(crate) parsed: ParsedFiles,
    /// Rows by table.
    pub(crate) tables: BTreeMap<String, i64>,
}

/// Takes files in and checks what holds of any of them.
pub(crate) fn take_in(files: &[(&str, &[u8])], format: Option<ImportFormat>) -> Result<Taken, ImportError> {
    let directory = directory();
    let lake = directory.join("lake");
    let mut paths = Vec::new();
    for (name, bytes) in files {
        let path = directory.join(name);
        fs::write(&path, bytes).expect("a file can be written");
        paths.push(path);
    }
    let parsed = fuzzing::files_to_parquet(&paths, format, &lake, &KEY);
    let taken = parsed.map(|parsed| {
        let tables = check(&lake, &parsed);
        Taken { parsed, tables }
    });
    for path in paths {
        fs::remove_file(path).expect("a file can be removed");
    }
    // What failed may leave some of its files.
    if lake.exists() {
        fs::remove_dir_all(&lake).expect("the lake can be removed");
    }
    taken
}

fn check(lake: &Path, parsed: &ParsedFiles) -> BTreeMap<String, i64> {
    let mut tables = BTreeMap::new();
    for file in &parsed.files {
        let rows = rows(lake, file);
        assert_eq!(rows, file.rows, "{} holds as many rows as the manifest says", file.path);
        *tables.entry(file.table.as_str().to_owned()).or_default() += rows;
    }
    for row in &parsed.quarantine {
        assert!(row.line > 0, "{row:?} has a line");
        clean("quarantine", "value", &row.value);
        clean("quarantine", "column", &row.column);
    }
    for file in &parsed.summary.files {
        assert_eq!(file.quarantined, file.quarantined_by_reason.values().sum::<i64>());
        assert!(file.duplicates + file.superseded <= file.rows, "{file:?}");
        assert!(file.without_supplier >= 0 && file.amounts_rounded >= 0 && file.values_unreadable >= 0);
    }
    tables
}

/// Rows of a file, whose texts and ids are checked.
fn rows(lake: &Path, file: &LakeFile) -> i64 {
    let own = own_id(file.table);
    let (mut ids, mut status) = (Vec::new(), Vec::new());
    let read = fuzzing::texts(lake, std::slice::from_ref(file), &mut |table, column, text| {
        clean(table, column, text);
        if Some(column) == own {
            ids.push(text.to_owned());
        } else if column == "row_status" {
            status.push(text.to_owned());
        }
    });
    // A row that repeats another one has its id.
    let mut seen = HashSet::new();
    for (id, _) in ids.iter().zip(&status).filter(|(_, status)| *status == "current") {
        assert!(seen.insert(id), "{}: two rows have the id {id:?}", file.path);
    }
    read.expect("a file that was written can be read")
}

/// The column that tells rows apart; a supplier has a row for each process.
const fn own_id(table: Table) -> Option<&'static str> {
    match table {
        Table::Contracts => Some("contract_id"),
        Table::Amendments => Some("amendment_id"),
        Table::ContractItems | Table::TenderItems => Some("item_id"),
        Table::Tenders => Some("tender_id"),
        Table::Bids => Some("bid_id"),
        Table::Sanctions => Some("sanction_id"),
        Table::Payments => Some("payment_id"),
        Table::Establishments => Some("establishment_id"),
        Table::Companies => Some("company_id"),
        Table::TaxRegimes => Some("regime_id"),
        Table::Partners => Some("partner_id"),
        Table::Activities => Some("activity_id"),
        Table::Suppliers => None,
    }
}

/// Nobody's CPF stands in a text, and nothing that a database cannot hold.
fn clean(table: &str, column: &str, text: &str) {
    assert!(!text.contains('\0'), "{table}.{column} holds a NUL: {text:?}");
    if is_code(column) {
        return;
    }
    let (kind, normal, _) = check_tax_id(text);
    match kind {
        TaxIdKind::Cpf => assert!(normal.contains('*'), "{table}.{column} is a CPF"),
        // It may begin with eleven digits.
        TaxIdKind::Cnpj => {}
        TaxIdKind::Foreign | TaxIdKind::Secret | TaxIdKind::Other => {
            assert_eq!(mask_text(text), text, "{table}.{column} holds a CPF");
        }
    }
}

/// Whether a column holds codes that a source gives to what is no person, or a hash.
fn is_code(column: &str) -> bool {
    let person = ["supplier_id", "winner_id", "bidder_id", "person_id"].contains(&column);
    let ending = ["_id", "_key", "number"].iter().any(|ending| column.ends_with(ending));
    !person && (ending || ["id", "ocid", "source", "source_file", "tender_modality"].contains(&column))
}

/// Whether a text begins as a zip or gzip archive does.
pub(crate) fn is_archive(text: &[u8]) -> bool {
    [&b"\x1f\x8b"[..], b"PK\x03\x04", b"PK\x05\x06"].iter().any(|magic| text.starts_with(magic))
}
