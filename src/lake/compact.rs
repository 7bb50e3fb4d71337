//! Small files of a source and table become one, with the same rows, and are taken apart again where a dataset is replaced.

use std::collections::{BTreeMap, HashSet};

use datafusion::arrow::array::RecordBatch;
use datafusion::logical_expr::{col, lit};
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
    /// The source, as `portal`.
    pub source: String,
    /// Its datasets that have rows in them.
    pub datasets: usize,
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

/// Merges the files of each source and table that are smaller than `small` bytes, those of neighbouring datasets together until
/// a file is about that large, and makes a version of it: all of it or nothing. Rows stay what they are, and stand in the order
/// of who buys; which of several rows with one id counts is found out when they are read, as before. Earlier versions keep their
/// files. An import that replaces a dataset takes its rows out of the merged file ([`without`]).
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
        let source = held.dataset.split(':').next().unwrap_or_default().to_owned();
        groups.entry((source, held.file.table)).or_default().push(held);
    }
    let mut written = Written::of(lake);
    let (mut merges, mut merged) = (Vec::new(), Vec::new());
    for ((source, table), mut group) in groups {
        group.sort_by(|one, two| {
            (&one.dataset, &one.import_id, &one.file.path).cmp(&(&two.dataset, &two.import_id, &two.file.path))
        });
        for group in together(group, small).into_iter().filter(|group| group.len() > 1) {
            let files: Vec<LakeFile> = group.iter().map(|held| held.file.clone()).collect();
            let file = in_order(lake.files(), table, &files, &[], SORT_MEMORY).await?;
            written.add([file.clone()]);
            lake.files().publish(std::slice::from_ref(&file)).await?;
            let rows = files.iter().map(|file| file.rows).sum();
            if file.rows != rows {
                return Err(defect(table, format!("{} rows of {rows} were merged", file.rows)));
            }
            let imports: BTreeMap<String, String> = group.iter().flat_map(imports_of).collect();
            merged.push(Merged {
                source: source.clone(),
                datasets: imports.values().collect::<HashSet<_>>().len(),
                table,
                files: files.len(),
                rows,
                bytes_before: files.iter().map(|file| file.bytes).sum(),
                bytes_after: file.bytes,
            });
            merges.push(Merge {
                gone: files.into_iter().map(|file| file.path).collect(),
                imports: imports.into_keys().collect(),
                file: Some(file),
            });
        }
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

/// The imports of which a file has rows, with their datasets.
fn imports_of(held: &DatasetFile) -> Vec<(String, String)> {
    match held.merged.is_empty() {
        true => vec![(held.import_id.clone(), held.dataset.clone())],
        false => held.merged.clone(),
    }
}

/// Neighbours that are about `size` bytes large together.
fn together(files: Vec<DatasetFile>, size: i64) -> Vec<Vec<DatasetFile>> {
    let mut groups: Vec<Vec<DatasetFile>> = Vec::new();
    let mut bytes = size;
    for held in files {
        if bytes >= size {
            groups.push(Vec::new());
            bytes = 0;
        }
        bytes += held.file.bytes;
        groups.last_mut().into_iter().for_each(|group| group.push(held.clone()));
    }
    groups
}

/// What takes the place of merged files that hold rows of `datasets`, which are to be replaced: the rows of the others.
///
/// # Errors
/// If a file cannot be read or written.
pub(crate) async fn without(
    lake: &Lake,
    files: &[DatasetFile],
    datasets: &HashSet<&str>,
    written: &mut Written,
) -> Result<Vec<Merge>, LakeError> {
    let mut merges = Vec::new();
    for held in files {
        let (gone, imports): (Vec<_>, Vec<_>) =
            held.merged.iter().cloned().partition(|(_, dataset)| datasets.contains(dataset.as_str()));
        if gone.is_empty() {
            continue;
        }
        let mut merge = Merge {
            gone: vec![held.file.path.clone()],
            imports: imports.into_iter().map(|(import, _)| import).collect(),
            file: None,
        };
        if !merge.imports.is_empty() {
            let gone: Vec<String> = gone.into_iter().map(|(import, _)| import).collect();
            let (table, files) = (held.file.table, std::slice::from_ref(&held.file));
            let file = in_order(lake.files(), table, files, &gone, SORT_MEMORY).await?;
            written.add([file.clone()]);
            lake.files().publish(std::slice::from_ref(&file)).await?;
            merge.file = Some(file);
        }
        merges.push(merge);
    }
    Ok(merges)
}

/// Writes the rows of the files into a new one, in the order that tables are sorted by; as published if that fails, as it
/// does where `memory` or the disk have no room.
async fn in_order(
    place: &Files,
    table: Table,
    files: &[LakeFile],
    but: &[String],
    memory: usize,
) -> Result<LakeFile, LakeError> {
    match merge(place, table, files, but, Some(memory)).await {
        Ok(file) => Ok(file),
        // Their order only saves reading. What cannot be read says so again.
        Err(error) => {
            tracing::warn!(%error, table = table.as_str(), "not sorted, so merged as published");
            merge(place, table, files, but, None).await
        }
    }
}

/// Writes the rows of the files, but those of some imports, into a new one: as published, or sorted in so much memory, those with the same key as published.
async fn merge(
    place: &Files,
    table: Table,
    files: &[LakeFile],
    but: &[String],
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
    if !but.is_empty() {
        rows = rows.filter(col("import_id").in_list(but.iter().map(lit).collect(), true))?;
    }
    if sorted.is_some() {
        let order = [schema::sorted_by(table), "import_id", "source_file", "source_line", table.id_column()];
        rows = rows.sort(order.map(|column| col(column).sort(true, false)).to_vec())?;
    }
    let mut rows = rows.execute_stream().await?;
    let (sender, mut batches) = channel::<Option<Result<RecordBatch, LakeError>>>(BATCHES);
    let root = place.root().to_owned();
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
            writer.append(&of_table(&batch?, table)?)?;
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

/// A batch with the schema of its table.
fn of_table(batch: &RecordBatch, table: Table) -> Result<RecordBatch, LakeError> {
    RecordBatch::try_new(schema::of(table), batch.columns().to_vec()).map_err(|error| defect(table, error.to_string()))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;

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
            let merged = in_order(&place, Table::Suppliers, &files, &[], memory).await.unwrap();
            assert_eq!(merged.rows, 10_000);
            let mut ids = Vec::new();
            for batch in place.read(&merged, None).unwrap() {
                let batch = batch.unwrap();
                let own = batch.column_by_name("supplier_id").unwrap().as_string::<i32>();
                ids.extend(own.iter().map(|id| id.unwrap().to_owned()));
            }
            assert_eq!(ids.is_sorted(), sorted, "{memory}");
            ids.sort_unstable();
            assert!(ids.iter().zip(0..).all(|(id, n)| *id == format!("{n:05}")), "each once");
        }
    }
}
