//! Findings, with the published rows that they rest on.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::DataFusionError;
use datafusion::datasource::MemTable;
use datafusion::functions::expr_fn::left;
use datafusion::logical_expr::{Expr, JoinType, col, lit};
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use sha2::{Digest, Sha256};

use super::functions::show_tax_id;
use super::limits::LegalLimits;
use super::render::{Language, Value};
use super::{Detector, DetectorError};
use crate::model::{
    AppliedLimit, Evidence, EvidenceRow, EvidenceValue, Finding, Severity, Table, mask_text, official_page,
};
use crate::secret::hex;

/// Rows that a finding shows; its total tells the rest.
const ROWS: usize = 100;
/// Characters of a published object that are shown.
const OBJECT: i64 = 300;

const CONTRACT_COLUMNS: [&str; 16] = [
    "number",
    "object",
    "buyer_id",
    "buyer_name",
    "supplier_kind",
    "supplier_id",
    "supplier_name",
    "signature_date",
    "start_date",
    "end_date",
    "initial_value",
    "current_value",
    "currency",
    "modality_name",
    "legal_basis",
    "tender_number",
];
const AMENDMENT_COLUMNS: [&str; 5] = ["number", "publication_date", "object", "value", "signature_date"];
const CONTRACT_ITEM_COLUMNS: [&str; 5] = ["contract_number", "code", "description", "quantity", "unit_price"];
const TENDER_COLUMNS: [&str; 18] = [
    "ocid",
    "number",
    "process_number",
    "object",
    "buyer_id",
    "buyer_name",
    "modality_name",
    "method",
    "situation",
    "publication_date",
    "open_date",
    "result_date",
    "period_start",
    "period_end",
    "period_end_clock",
    "currency",
    "estimated_value",
    "value",
];
const TENDER_ITEM_COLUMNS: [&str; 12] = [
    "tender_id",
    "number",
    "lot",
    "description",
    "classification_id",
    "unit",
    "quantity",
    "unit_price",
    "total_value",
    "winner_id",
    "winner_name",
    "status",
];
const BID_COLUMNS: [&str; 12] = [
    "tender_id",
    "lot",
    "item_number",
    "bidder_kind",
    "bidder_id",
    "bidder_name",
    "bid_time",
    "bid_clock",
    "currency",
    "amount",
    "status",
    "won",
];
const SUPPLIER_COLUMNS: [&str; 10] = [
    "supplier_kind",
    "name",
    "opening_date",
    "registration_status",
    "registration_status_date",
    "activity",
    "size",
    "capital",
    "state",
    "municipality",
];
const SANCTION_COLUMNS: [&str; 16] = [
    "list",
    "code",
    "person_kind",
    "person_id",
    "person_name",
    "category",
    "legal_basis",
    "scope",
    "body",
    "process_number",
    "start_date",
    "end_date",
    "publication_date",
    "final_judgment_date",
    "fine",
    "note",
];
const PAYMENT_COLUMNS: [&str; 8] =
    ["kind", "contract_id", "number", "tender_number", "date", "currency", "value", "note"];
// Contacts stand in a finding only where they are what is found: many are those of a person's home.
const ESTABLISHMENT_COLUMNS: [&str; 11] = [
    "root",
    "head_office",
    "registration_status",
    "registration_status_date",
    "registration_status_reason",
    "opening_date",
    "activity",
    "other_activities",
    "state",
    "municipality",
    "reference_date",
];
const COMPANY_COLUMNS: [&str; 6] = ["root", "name", "legal_nature", "capital", "size", "reference_date"];
const TAX_REGIME_COLUMNS: [&str; 8] =
    ["root", "simples", "simples_from", "simples_until", "mei", "mei_from", "mei_until", "reference_date"];
const PARTNER_COLUMNS: [&str; 7] =
    ["root", "partner_kind", "partner_document", "partner_name", "qualification", "entry_date", "reference_date"];
const ACTIVITY_COLUMNS: [&str; 1] = ["description"];
/// Tables whose rows say whether the plan is about them.
const SCOPED: [Table; 2] = [Table::Contracts, Table::Tenders];
const PROVENANCE: [&str; 4] = ["source", "source_file", "source_line", "import_id"];

/// A row of a detector's query that fired.
#[derive(Debug, Clone)]
pub(super) struct Fired {
    pub(super) subject: String,
    pub(super) severity: Severity,
    /// Ids of the rows that it rests on, by table; tables without any are left out.
    pub(super) ids: BTreeMap<Table, Vec<String>>,
    pub(super) amount: Value,
    pub(super) limits: Vec<String>,
    /// In the order of the header.
    pub(super) values: Vec<Value>,
}

/// Makes findings of what fired: one query per table for all their rows.
pub(super) async fn findings(
    context: &SessionContext,
    limits: &LegalLimits,
    detector: &Detector,
    mut fired: Vec<Fired>,
) -> Result<Vec<Finding>, DetectorError> {
    if fired.is_empty() {
        return Ok(Vec::new());
    }
    fired.sort_by(|a, b| (b.severity, &a.subject, &a.ids).cmp(&(a.severity, &b.subject, &b.ids)));
    let mut published = BTreeMap::new();
    for table in Table::ALL {
        let ids = fired.iter().filter_map(|one| one.ids.get(&table)).flat_map(|ids| ids.iter().take(ROWS));
        published.insert(table, rows(context, table, ids).await?);
    }
    let (mut found, mut ids) = (Vec::with_capacity(fired.len()), HashSet::with_capacity(fired.len()));
    for one in fired {
        let subject = one.subject.clone();
        let finding = finding(limits, detector, one, &published)?;
        // They are kept by their ids: one of two would be lost.
        if !ids.insert(finding.id.clone()) {
            let message = format!("subject {:?} fired twice, on the same rows", mask_text(&subject));
            return Err(DetectorError::Answer { detector: detector.header.id.clone(), message });
        }
        found.push(finding);
    }
    Ok(found)
}

fn finding(
    limits: &LegalLimits,
    detector: &Detector,
    mut fired: Fired,
    published: &BTreeMap<Table, Rows>,
) -> Result<Finding, DetectorError> {
    let header = &detector.header;
    let broken = |message: String| DetectorError::Answer { detector: header.id.clone(), message };
    let shown = fired.ids.iter().flat_map(|(table, ids)| ids.iter().map(move |id| (table, id)));
    let mut evidence_rows = Vec::new();
    for (table, id) in shown.take(ROWS) {
        let row = published.get(table).and_then(|rows| rows.get(id));
        let missing = || broken(format!("no current row of {} has the id {id:?}", table.as_str()));
        evidence_rows.push(row.ok_or_else(missing)?.map_err(broken)?);
    }
    if header.user_made {
        check_scope(&fired, published).map_err(broken)?;
    }
    let mut applied: Vec<AppliedLimit> = Vec::with_capacity(fired.limits.len() + header.parameters.len());
    for id in &fired.limits {
        applied.push(limits.by_id(id).ok_or_else(|| broken(format!("limit {id:?} is not known")))?.applied());
    }
    applied.extend(header.parameters.iter().map(super::header::Parameter::applied));
    let columns = || header.evidence.iter().zip(&fired.values);
    let values = columns().filter_map(|(column, value)| {
        Some(EvidenceValue {
            name: column.name.clone(),
            value: value.exact()?,
            unit: column.unit.clone(),
            label_pt: column.label.pt.clone(),
            label_en: column.label.en.clone(),
            text_pt: detector.text_pt.show(column, value, Language::Pt),
            text_en: detector.text_en.show(column, value, Language::En),
        })
    });
    let value_of = |name: &str| match columns().find(|(column, _)| column.name == name) {
        Some((_, value)) => value.clone(),
        None => fired.amount.clone(),
    };
    let total: usize = fired.ids.values().map(Vec::len).sum();
    let description_pt = detector.text_pt.render(header, &value_of, Language::Pt);
    let description_en = detector.text_en.render(header, &value_of, Language::En);
    let values = values.collect();
    let id = id(detector, &fired);
    Ok(Finding {
        id,
        detector: detector.reference(),
        severity: fired.severity,
        title_pt: header.title.pt.clone(),
        title_en: header.title.en.clone(),
        description_pt,
        description_en,
        evidence: Evidence {
            rows: evidence_rows,
            values,
            limits: applied,
            total_rows: i32::try_from(total).unwrap_or(i32::MAX),
        },
        amount_at_stake: fired.amount.money(),
        tags: header.tags.clone(),
        false_positives_pt: header.false_positives.pt.clone(),
        false_positives_en: header.false_positives.en.clone(),
        contract_ids: fired.ids.remove(&Table::Contracts).unwrap_or_default(),
    })
}

/// The rows that tell themselves whether the plan is about them have the last word, if all of them were read.
fn check_scope(fired: &Fired, published: &BTreeMap<Table, Rows>) -> Result<(), String> {
    let mut told = 0;
    for (table, ids) in SCOPED.iter().filter_map(|table| fired.ids.get_key_value(table)) {
        if ids.len() > ROWS {
            return Ok(());
        }
        for id in ids {
            if published.get(table).is_some_and(|rows| rows.in_scope(id)) {
                return Ok(());
            }
            told += 1;
        }
    }
    if told == 0 {
        return Ok(());
    }
    let subject = mask_text(&fired.subject);
    Err(format!("in_scope of subject {subject:?} is true, and false of all the contracts and tenders that it names"))
}

/// First half of the SHA-256 of everything that makes the finding what it is, each part with its length.
fn id(detector: &Detector, fired: &Fired) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    part(&detector.header.id);
    part(&detector.header.version);
    part(&fired.subject);
    part(fired.severity.as_str());
    part(&fired.amount.exact().unwrap_or_default());
    if detector.header.user_made {
        // A detector of the catalogue may come to have the same id.
        part("user_made");
    }
    for (column, value) in detector.header.evidence.iter().zip(&fired.values) {
        part(&column.name);
        part(&value.exact().unwrap_or_default());
    }
    // The same rows, held against other numbers, are another finding.
    for parameter in detector.header.overridden() {
        part(&parameter.name);
        part(&parameter.value);
    }
    for (table, ids) in &fired.ids {
        // The ids of a contract and of its amendments stand alone, as they did in the first findings.
        if !matches!(table, Table::Contracts | Table::Amendments) {
            part(table.as_str());
        }
        ids.iter().for_each(|id| part(id));
    }
    fired.limits.iter().for_each(|id| part(id));
    hex(&hash.finalize()[..16])
}

/// Published rows of a table as the engine gave them: a row of evidence takes several times the memory, and is made as its finding is.
struct Rows {
    table: Table,
    batches: Vec<RecordBatch>,
    /// Batch and row, by id.
    places: HashMap<String, (usize, usize)>,
}

impl Rows {
    fn get(&self, id: &str) -> Option<Result<EvidenceRow, String>> {
        let (batch, row) = *self.places.get(id)?;
        Some(evidence_row(self.batches.get(batch)?, row, self.table))
    }

    fn in_scope(&self, id: &str) -> bool {
        let row = self.places.get(id).and_then(|(batch, row)| Some((self.batches.get(*batch)?, *row)));
        row.is_some_and(|(batch, row)| Value::of(batch, "in_scope", row) == Ok(Value::Truth(true)))
    }

    fn add(&mut self, batch: RecordBatch) -> Result<(), String> {
        let at = self.batches.len();
        self.batches.push(batch.clone());
        for row in 0..batch.num_rows() {
            let id = id_of(&batch, row, self.table)?;
            // Ids are unique among current rows; should they not be, the same one wins every time.
            if let Some(known) = self.get(&id) {
                let (known, found) = (known?, evidence_row(&batch, row, self.table)?);
                if (&known.file, known.line) <= (&found.file, found.line) {
                    continue;
                }
            }
            self.places.insert(id, (at, row));
        }
        Ok(())
    }
}

async fn rows(
    context: &SessionContext,
    table: Table,
    ids: impl Iterator<Item = &String>,
) -> Result<Rows, DetectorError> {
    let mut ids: Vec<&str> = ids.map(String::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Rows { table, batches: Vec::new(), places: HashMap::new() });
    }
    let failed = || DetectorError::query(format!("rows of {}", table.as_str()));
    read(context, table, ids).await.map_err(failed())
}

/// The columns of a table that a finding shows.
const fn columns_of(table: Table) -> &'static [&'static str] {
    match table {
        Table::Contracts => &CONTRACT_COLUMNS,
        Table::Amendments => &AMENDMENT_COLUMNS,
        Table::ContractItems => &CONTRACT_ITEM_COLUMNS,
        Table::Tenders => &TENDER_COLUMNS,
        Table::TenderItems => &TENDER_ITEM_COLUMNS,
        Table::Bids => &BID_COLUMNS,
        Table::Suppliers => &SUPPLIER_COLUMNS,
        Table::Sanctions => &SANCTION_COLUMNS,
        Table::Payments => &PAYMENT_COLUMNS,
        Table::Establishments => &ESTABLISHMENT_COLUMNS,
        Table::Companies => &COMPANY_COLUMNS,
        Table::TaxRegimes => &TAX_REGIME_COLUMNS,
        Table::Partners => &PARTNER_COLUMNS,
        Table::Activities => &ACTIVITY_COLUMNS,
    }
}

async fn read(context: &SessionContext, table: Table, ids: Vec<&str>) -> datafusion::common::Result<Rows> {
    let id = table.id_column();
    let schema = Arc::new(Schema::new(vec![Field::new("wanted_id", DataType::Utf8, false)]));
    let wanted: ArrayRef = Arc::new(StringArray::from(ids));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![wanted])?;
    let wanted = context.read_table(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))?;
    let object =
        |name: &&str| if *name == "object" { left(col("object"), lit(OBJECT)).alias("object") } else { col(*name) };
    let in_scope = SCOPED.contains(&table).then(|| col("in_scope"));
    let selected = columns_of(table).iter().chain(&PROVENANCE).map(object).chain([col(id)]).chain(in_scope);
    let found = wanted.join(context.table(table.as_str()).await?, JoinType::Inner, &["wanted_id"], &[id], None)?;
    let mut stream = found.select(selected.collect::<Vec<Expr>>())?.execute_stream().await?;
    let mut rows = Rows { table, batches: Vec::new(), places: HashMap::new() };
    while let Some(batch) = stream.next().await {
        rows.add(batch?).map_err(DataFusionError::Execution)?;
    }
    Ok(rows)
}

fn id_of(batch: &RecordBatch, row: usize, table: Table) -> Result<String, String> {
    match Value::of(batch, table.id_column(), row)? {
        Value::Text(id) => Ok(id),
        _ => Err("an id is no text".to_owned()),
    }
}

fn evidence_row(batch: &RecordBatch, row: usize, table: Table) -> Result<EvidenceRow, String> {
    let text = |name: &str| Ok::<_, String>(Value::of(batch, name, row)?.exact());
    let mut shown = BTreeMap::new();
    for name in columns_of(table) {
        if let Some(value) = text(name)? {
            shown.insert((*name).to_owned(), value);
        }
    }
    for (kind, id) in [("supplier_kind", "supplier_id"), ("bidder_kind", "bidder_id"), ("person_kind", "person_id")] {
        let kind = shown.remove(kind);
        if let Some(supplier) = shown.get_mut(id) {
            *supplier = show_tax_id(kind.as_deref(), supplier);
        }
    }
    let Value::Int(line) = Value::of(batch, "source_line", row)? else {
        return Err("source_line is no number".to_owned());
    };
    let id = id_of(batch, row, table)?;
    let (source, file) = (text("source")?.unwrap_or_default(), text("source_file")?.unwrap_or_default());
    shown.extend(official_page(&id, &source, &file).map(|link| ("link".to_owned(), link)));
    Ok(EvidenceRow {
        table: table.as_str().to_owned(),
        id,
        source,
        file,
        line,
        import_id: text("import_id")?.unwrap_or_default(),
        columns: shown,
    })
}
