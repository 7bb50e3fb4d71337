//! The Parquet files of an import, one a table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use datafusion::arrow::array::{Array, RecordBatch};
use rayon::prelude::*;

use super::rows::KnownSuppliers;
use crate::lake::{LakeError, TableWriter};
use crate::model::{LakeFile, Table, TableQuality};

/// Tables that are being written; one that gets no rows gets no file.
#[derive(Debug)]
pub(super) struct Tables<'k> {
    root: PathBuf,
    import_id: String,
    today: NaiveDate,
    writers: BTreeMap<Table, TableWriter>,
    suppliers: &'k KnownSuppliers,
    without_supplier: i64,
}

impl<'k> Tables<'k> {
    pub(super) fn new(root: &Path, import_id: &str, today: NaiveDate, suppliers: &'k KnownSuppliers) -> Self {
        Self {
            root: root.to_owned(),
            import_id: import_id.to_owned(),
            today,
            writers: BTreeMap::new(),
            suppliers,
            without_supplier: 0,
        }
    }

    /// Appends rows, in their order.
    pub(super) fn append(&mut self, batches: Vec<(Table, RecordBatch)>) -> Result<(), LakeError> {
        let mut by_table: BTreeMap<Table, Vec<RecordBatch>> = BTreeMap::new();
        for (table, batch) in batches {
            let batch = match table {
                Table::Suppliers => self.suppliers.new_rows(&batch)?,
                _ => batch,
            };
            if table == Table::Contracts {
                let keys = batch.column_by_name("supplier_key");
                self.without_supplier += keys.map_or(0, |keys| keys.null_count() as i64);
            }
            if batch.num_rows() > 0 {
                by_table.entry(table).or_default().push(batch);
            }
        }
        for table in by_table.keys() {
            if !self.writers.contains_key(table) {
                let writer = TableWriter::create(&self.root, *table, &self.import_id)?.counting(self.today)?;
                self.writers.insert(*table, writer);
            }
        }
        let work: Vec<_> =
            self.writers.iter_mut().filter_map(|(table, writer)| Some((writer, by_table.get(table)?))).collect();
        work.into_par_iter().try_for_each(|(writer, batches)| batches.iter().try_for_each(|batch| writer.append(batch)))
    }

    /// Contracts whose supplier is not published.
    pub(super) fn without_supplier(&self) -> i64 {
        self.without_supplier
    }

    /// Completes the files; also what their rows are worth.
    pub(super) fn finish(self) -> Result<(Vec<LakeFile>, Vec<TableQuality>), LakeError> {
        let writers: Vec<_> = self.writers.into_values().collect();
        let finished = writers.into_par_iter().map(TableWriter::finish_counted).collect::<Result<Vec<_>, _>>()?;
        let (files, qualities): (Vec<_>, Vec<_>) = finished.into_iter().unzip();
        Ok((files, qualities.into_iter().flatten().collect()))
    }
}
