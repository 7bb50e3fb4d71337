//! Small files of a dataset and table become one, with the same rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch, StringArray};
use datafusion::logical_expr::col;
use futures::StreamExt;
use serde::Serialize;
use tokio::sync::mpsc::channel;
use uuid::Uuid;

use super::{Files, Lake, LakeError, LakeSnapshot, TableWriter, Written, schema, session};
use crate::model::{AuditEntry, LakeFile, Table};
use crate::store::{DatasetFile, Merge, StoreError};

/// Memory of the query engine, beyond which it spills.
const MEMORY: usize = 512 << 20;
/// The same while it sorts whole rows, by one thread, of which each more would hold as much, and few at a time: so much of
/// a row is text that a batch of the usual size takes megabytes, and one of each run is held.
const SORT_MEMORY: usize = 256 << 20;
const SORTED_AT_ONCE: usize = 1_024;
const SORT_RESERVE: usize = 1 << 20;
/// Batches that wait to be written.
const BATCHES: usize = 2;
/// Times that it begins anew because somebody else made a version meanwhile.
const ATTEMPTS: usize = 3;

/// Files that became one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// The dataset.
    pub dataset: String,
    /// The table.
    pub table: Table,
    /// How many files.
    pub files: usize,
    /// Their rows, all of which the new file has.
    pub rows: i64,
    /// Their size in bytes.
    pub bytes_before: i64,
    /// The size of the new file.
    pub bytes_after: i64,
}

/// What a compaction did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compaction {
    /// The latest version after it: a new one, if anything was merged.
    pub version: i64,
    /// What was merged.
    pub merged: Vec<Merged>,
}

/// Merges the files of each dataset and table that are smaller than `small` bytes, where there are several, and makes a
/// version of it: all of it or nothing. Rows keep their ids and imports, and stand in the order of who
/// buys; of rows with one id in several of the files, the one of the latest import stays current, as it counts when they
/// are read. Earlier versions keep their files.
///
/// # Errors
/// [`LakeError`]; the lake is as it was then.
pub async fn compact(lake: &Lake, small: i64) -> Result<Compaction, LakeError> {
    let mut attempt = 1;
    loop {
        match once(lake, small).await {
            Err(LakeError::Manifest(StoreError::LakeMoved { .. })) if attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
    }
}

async fn once(lake: &Lake, small: i64) -> Result<Compaction, LakeError> {
    let (version, files) = lake.store().current_files().await?;
    let mut groups: BTreeMap<(String, Table), Vec<DatasetFile>> = BTreeMap::new();
    for held in files.into_iter().filter(|held| held.file.bytes < small) {
        groups.entry((held.dataset.clone(), held.file.table)).or_default().push(held);
    }
    let mut written = Written::of(lake);
    let (mut merges, mut merged) = (Vec::new(), Vec::new());
    for ((dataset, table), mut group) in groups.into_iter().filter(|(_, group)| group.len() > 1) {
        // Ids of imports sort by time.
        group.sort_by(|one, two| (&one.import_id, &one.file.path).cmp(&(&two.import_id, &two.file.path)));
        let files: Vec<LakeFile> = group.iter().map(|held| held.file.clone()).collect();
        let latest = latest(lake.files(), table, &files).await?;
        let file = in_order(lake.files(), table, &files, Arc::new(latest), SORT_MEMORY).await?;
        written.add([file.clone()]);
        lake.files().publish(std::slice::from_ref(&file)).await?;
        let rows = files.iter().map(|file| file.rows).sum();
        if file.rows != rows {
            return Err(defect(table, format!("{} rows of {rows} were merged", file.rows)));
        }
        let import_id = group.last().map(|held| held.import_id.clone()).unwrap_or_default();
        merged.push(Merged {
            dataset,
            table,
            files: files.len(),
            rows,
            bytes_before: files.iter().map(|file| file.bytes).sum(),
            bytes_after: file.bytes,
        });
        merges.push(Merge { gone: files.into_iter().map(|file| file.path).collect(), import_id, file });
    }
    if merges.is_empty() {
        return Ok(Compaction { version, merged });
    }
    let audit = AuditEntry {
        actor: "cli".to_owned(),
        action: "lake.compacted".to_owned(),
        resource: "lake".to_owned(),
        remote: "cli".to_owned(),
        result: "ok".to_owned(),
        details: serde_json::json!({ "after": version, "merged": &merged }),
    };
    written.commit();
    let committed = lake.store().commit_compaction(version, merges, audit).await;
    // Only a refusal says for sure that the manifest does not know the files.
    if matches!(committed, Err(StoreError::LakeMoved { .. })) {
        written.refused();
    }
    Ok(Compaction { version: committed?, merged })
}

fn defect(table: Table, detail: String) -> LakeError {
    LakeError::Schema { table: table.as_str(), detail }
}

/// The ids that are current in several of the files, and the latest import that has them.
async fn latest(place: &Files, table: Table, files: &[LakeFile]) -> Result<HashMap<String, String>, LakeError> {
    let session = session(MEMORY, 0)?;
    LakeSnapshot::new(place.clone(), 0, files.to_vec()).register_files(&session, table, "merged")?;
    let id = table.id_column();
    let sql = format!(
        "SELECT {id}, max(import_id) AS latest FROM merged WHERE row_status = '{}' GROUP BY {id} HAVING count(*) > 1",
        schema::CURRENT
    );
    let mut found = HashMap::new();
    for batch in session.sql(&sql).await?.collect().await? {
        let (ids, imports) = (texts(&batch, id, table)?, texts(&batch, "latest", table)?);
        for (id, import) in ids.iter().zip(imports.iter()) {
            found.insert(id.unwrap_or_default().to_owned(), import.unwrap_or_default().to_owned());
        }
    }
    Ok(found)
}

fn texts<'a>(batch: &'a RecordBatch, name: &str, table: Table) -> Result<&'a StringArray, LakeError> {
    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    column.ok_or_else(|| defect(table, format!("{name} is no text")))
}

/// Writes the rows of the files into a new one, in the order that tables are sorted by; as published if that fails, as it
/// does where `memory` or the disk have no room.
async fn in_order(
    place: &Files,
    table: Table,
    files: &[LakeFile],
    latest: Arc<HashMap<String, String>>,
    memory: usize,
) -> Result<LakeFile, LakeError> {
    match merge(place, table, files, &latest, Some(memory)).await {
        Ok(file) => Ok(file),
        // Their order only saves reading. What cannot be read says so again.
        Err(error) => {
            tracing::warn!(%error, table = table.as_str(), "not sorted, so merged as published");
            merge(place, table, files, &latest, None).await
        }
    }
}

/// Writes the rows of the files into a new one: as published, or sorted in so much memory, those with the same key as published.
async fn merge(
    place: &Files,
    table: Table,
    files: &[LakeFile],
    latest: &Arc<HashMap<String, String>>,
    sorted: Option<usize>,
) -> Result<LakeFile, LakeError> {
    let session = session(sorted.unwrap_or(MEMORY), 1)?;
    {
        let state = session.state_ref();
        let mut state = state.write();
        let config = state.config_mut();
        *config = config.clone().with_batch_size(SORTED_AT_ONCE).with_sort_spill_reservation_bytes(SORT_RESERVE);
    }
    // Null in columns that are newer than a file.
    LakeSnapshot::new(place.clone(), 0, files.to_vec()).register_files(&session, table, "merged")?;
    let mut rows = session.table("merged").await?;
    if sorted.is_some() {
        let order = [schema::sorted_by(table), "import_id", "source_file", "source_line", table.id_column()];
        rows = rows.sort(order.map(|column| col(column).sort(true, false)).to_vec())?;
    }
    let mut rows = rows.execute_stream().await?;
    let (sender, mut batches) = channel::<Option<Result<RecordBatch, LakeError>>>(BATCHES);
    let (root, latest) = (place.root().to_owned(), Arc::clone(latest));
    let writing = tokio::task::spawn_blocking(move || {
        let name = Uuid::now_v7().to_string();
        let mut writer = match sorted {
            Some(_) => TableWriter::create_sorted(&root, table, &name)?,
            None => TableWriter::create(&root, table, &name)?,
        };
        // Without an end, whoever reads was cut off.
        while let Some(batch) =
            batches.blocking_recv().ok_or_else(|| defect(table, "not read to the end".to_owned()))?
        {
            writer.append(&resolved(&batch?, table, &latest)?)?;
        }
        writer.finish()
    });
    while let Some(batch) = rows.next().await {
        // Why it wants no more is what it ends with.
        if sender.send(Some(batch.map_err(LakeError::from))).await.is_err() {
            break;
        }
    }
    let _ = sender.send(None).await;
    writing.await.map_err(|error| defect(table, error.to_string()))?
}

/// A batch in whose rows those that a later import replaces say so.
fn resolved(batch: &RecordBatch, table: Table, latest: &HashMap<String, String>) -> Result<RecordBatch, LakeError> {
    let of_table = schema::of(table);
    let mut columns = batch.columns().to_vec();
    if !latest.is_empty() {
        let ids = texts(batch, table.id_column(), table)?;
        let (statuses, imports) = (texts(batch, "row_status", table)?, texts(batch, "import_id", table)?);
        let resolved: StringArray = (0..batch.num_rows())
            .map(|row| {
                let replaced = statuses.value(row) == schema::CURRENT
                    && latest.get(ids.value(row)).is_some_and(|import| import != imports.value(row));
                Some(if replaced { schema::SUPERSEDED } else { statuses.value(row) })
            })
            .collect();
        if let Some(at) = of_table.fields().iter().position(|field| field.name() == "row_status") {
            columns[at] = Arc::new(resolved);
        }
    }
    RecordBatch::try_new(of_table, columns).map_err(|error| defect(table, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of suppliers with these ids.
    fn suppliers(root: &std::path::Path, name: &str, ids: &[usize]) -> LakeFile {
        let mut writer = TableWriter::create(root, Table::Suppliers, name).unwrap();
        for (line, id) in ids.iter().enumerate() {
            let id = format!("{id:05}");
            writer
                .row(|out| {
                    out.text(&id).text(schema::CURRENT).optional_text(None).text("cnpj").optional_text(None);
                    out.day(None).optional_text(None).day(None).optional_text(None).optional_text(None).decimal(None);
                    for _ in 0..5 {
                        out.optional_text(None);
                    }
                    out.text("test").text(name).integer(line as i64 + 1).text(name);
                })
                .unwrap();
        }
        writer.finish().unwrap()
    }

    #[tokio::test]
    async fn rows_that_there_is_no_room_to_sort_are_merged_as_they_were_published() {
        let directory = tempfile::tempdir().unwrap();
        let place = Files::Directory(directory.path().to_owned());
        let odd: Vec<usize> = (0..5_000).map(|n| n * 2 + 1).collect();
        let even: Vec<usize> = (0..5_000).map(|n| n * 2).collect();
        let files = [suppliers(directory.path(), "a", &odd), suppliers(directory.path(), "b", &even)];
        for (memory, sorted) in [(64 << 20, true), (1, false)] {
            let merged = in_order(&place, Table::Suppliers, &files, Arc::default(), memory).await.unwrap();
            assert_eq!(merged.rows, 10_000);
            let mut ids = Vec::new();
            for batch in place.read(&merged, None).unwrap() {
                let batch = batch.unwrap();
                ids.extend(
                    texts(&batch, "supplier_id", Table::Suppliers).unwrap().iter().map(|id| id.unwrap().to_owned()),
                );
            }
            assert_eq!(ids.is_sorted(), sorted, "{memory}");
            ids.sort_unstable();
            assert!(ids.iter().zip(0..).all(|(id, n)| *id == format!("{n:05}")), "each once");
        }
    }
}
