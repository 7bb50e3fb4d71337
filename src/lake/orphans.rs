//! Rows of an import whose contract or tender the lake does not hold.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, Hasher};

use datafusion::arrow::array::{AsArray, RecordBatch, StringArray};
use foldhash::quality::RandomState;
use rayon::prelude::*;

use super::{Files, LakeError, schema};
use crate::model::{LakeFile, Table};

/// Contracts or tenders that are compared at once: their hashes take some 75 MiB, and as much again while they are put
/// together.
const AT_ONCE: usize = 7_000_000;
/// Sets that their hashes are kept in, so that several processors put them together.
const SHARDS: u64 = 16;
const STATUS: &str = "row_status";

/// Columns by which a row and what it belongs to are found: here and there.
type Columns = &'static [(&'static str, &'static str)];
/// Hashes of contracts or tenders.
type Keys = HashSet<u64, foldhash::fast::RandomState>;
/// The table that rows of a table belong to.
type Parent = (Table, Columns);

const fn parent(table: Table) -> Option<Parent> {
    match table {
        Table::Amendments | Table::ContractItems => {
            Some((Table::Contracts, &[("buyer_id", "buyer_id"), ("contract_number", "number")]))
        }
        Table::TenderItems | Table::Bids => Some((Table::Tenders, &[("tender_id", "tender_id")])),
        Table::Contracts
        | Table::Tenders
        | Table::Suppliers
        | Table::Sanctions
        | Table::Payments
        | Table::Establishments
        | Table::Companies
        | Table::TaxRegimes
        | Table::Partners
        | Table::Activities => None,
    }
}

/// Counts the current rows whose contract or tender is in none of the files of `lake`, by import and table. Of each
/// import, `written` has the id and the files; `lake` is every file of the version that they will be part of.
/// Blocks the thread.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn orphans(
    place: &Files,
    written: &[(String, Vec<LakeFile>)],
    lake: &[LakeFile],
) -> Result<BTreeMap<(String, Table), i64>, LakeError> {
    let hash = RandomState::default();
    let mut found = BTreeMap::new();
    for parents in [Table::Contracts, Table::Tenders] {
        let children: Vec<(&String, &LakeFile, Columns)> = written
            .iter()
            .flat_map(|(import, files)| files.iter().map(move |file| (import, file)))
            .filter_map(|(import, file)| {
                let (of, columns) = parent(file.table)?;
                (of == parents).then_some((import, file, columns))
            })
            .collect();
        let Some((_, _, columns)) = children.first() else { continue };
        let there: Vec<&'static str> = columns.iter().map(|(_, there)| *there).collect();
        let held: Vec<&LakeFile> = lake.iter().filter(|file| file.table == parents).collect();
        let rows: i64 = held.iter().map(|file| file.rows).sum();
        let passes = usize::try_from(rows).unwrap_or(0).div_ceil(AT_ONCE).max(1) as u64;
        for pass in 0..passes {
            let of_pass = |key: u64| (key / SHARDS) % passes == pass;
            let keys = held.par_iter().map(|file| -> Result<Vec<u64>, LakeError> {
                let mut keys = Vec::new();
                each_key(place, file, &hash, &there, false, &mut |key| keys.extend(of_pass(key).then_some(key)))?;
                Ok(keys)
            });
            let keys = keys.collect::<Result<Vec<_>, _>>()?;
            let count: usize = keys.iter().map(Vec::len).sum();
            let shards: Vec<u64> = (0..SHARDS).collect();
            let known = shards.par_iter().map(|shard| {
                let mut of_shard = Keys::with_capacity_and_hasher(count / shards.len(), <_>::default());
                of_shard.extend(keys.iter().flatten().filter(|key| **key % SHARDS == *shard));
                of_shard
            });
            let known: Vec<Keys> = known.collect();
            drop(keys);
            let is_known =
                |key: u64| known.get((key % SHARDS) as usize).is_some_and(|of_shard| of_shard.contains(&key));
            let counts = children.par_iter().map(|(_, file, columns)| -> Result<i64, LakeError> {
                let here: Vec<&str> = columns.iter().map(|(here, _)| *here).collect();
                let mut orphans = 0;
                each_key(place, file, &hash, &here, true, &mut |key| {
                    orphans += i64::from(of_pass(key) && !is_known(key));
                })?;
                Ok(orphans)
            });
            let counts = counts.collect::<Result<Vec<_>, _>>()?;
            for ((import, file, _), count) in children.iter().zip(counts) {
                *found.entry(((*import).clone(), file.table)).or_insert(0) += count;
            }
        }
    }
    Ok(found)
}

/// Gives a hash of the columns of each row of a file to `with`, of current rows only or of all.
fn each_key(
    place: &Files,
    file: &LakeFile,
    hash: &RandomState,
    columns: &[&str],
    current: bool,
    with: &mut dyn FnMut(u64),
) -> Result<(), LakeError> {
    let failed = |detail: String| LakeError::Schema { table: file.table.as_str(), detail };
    let wanted: Vec<&str> = columns.iter().chain(current.then_some(&STATUS)).copied().collect();
    for batch in place.read_near(file, Some(&wanted))? {
        let batch = batch?;
        let parts = columns.iter().map(|column| texts(&batch, column).ok_or_else(|| failed(format!("no {column}"))));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        let statuses = if current { texts(&batch, STATUS) } else { None };
        for row in 0..batch.num_rows() {
            if statuses.is_some_and(|statuses| statuses.value(row) != schema::CURRENT) {
                continue;
            }
            let mut hasher = hash.build_hasher();
            for part in &parts {
                hasher.write(part.value(row).as_bytes());
                // No text has this byte.
                hasher.write_u8(0xff);
            }
            with(hasher.finish());
        }
    }
    Ok(())
}

fn texts<'a>(batch: &'a RecordBatch, column: &str) -> Option<&'a StringArray> {
    batch.column_by_name(column)?.as_string_opt::<i32>()
}
