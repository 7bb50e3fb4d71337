//! Rows of the canonical tables that are being collected, and where they come from.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError, RwLock};

use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use sha2::{Digest, Sha256};

use super::super::pii::{PiiKey, hex};
use super::super::seen::Hash128;
use super::values::Tally;
use super::{OcdsMap, hash};
use crate::lake::{LakeError, RowBuilder, RowWriter, schema};
use crate::model::Table;

/// Characters of a published id that stand in an id of the lake as they are.
const MAX_ID: usize = 80;
/// Ids of a release that room is kept for.
const MANY_IDS: usize = 1_000;

/// Hashes of the suppliers that are written: each is mentioned again and again, and its first row stays.
#[derive(Debug, Default)]
pub(super) struct KnownSuppliers(RwLock<Hashes>);

/// Hashes of ids.
type Hashes = HashSet<u64, foldhash::fast::RandomState>;

impl KnownSuppliers {
    fn holds(&self, id: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&hash(id))
    }

    /// The rows of suppliers that were not known, which they are from now on.
    pub(super) fn new_rows(&self, batch: &RecordBatch) -> Result<RecordBatch, LakeError> {
        let unexpected = |detail: String| LakeError::Schema { table: Table::Suppliers.as_str(), detail };
        let ids = batch.column_by_name(Table::Suppliers.id_column()).and_then(|ids| ids.as_string_opt::<i32>());
        let ids = ids.ok_or_else(|| unexpected("ids are no texts".to_owned()))?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let new: BooleanArray = ids.iter().map(|id| Some(known.insert(hash(id.unwrap_or_default())))).collect();
        filter_record_batch(batch, &new).map_err(|error| unexpected(error.to_string()))
    }
}

/// Builders of rows that nobody uses at the moment: they have room for as many rows as they held last.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Vec<(Vec<RowBuilder>, Ids)>>);

impl Spare {
    fn take(&self) -> Option<(Vec<RowBuilder>, Ids)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, builders: Vec<RowBuilder>, ids: Ids) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((builders, ids));
    }
}

/// Where the rows of a release come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// Names the source of processes whose `ocid` has no prefix.
    pub(super) stem: &'a str,
    pub(super) file: &'a str,
    pub(super) line: i64,
    pub(super) import_id: &'a str,
    pub(super) key: &'a PiiKey,
}

/// Rows of every table, and what could not be taken over to the letter.
#[derive(Debug)]
pub(super) struct Rows<'k> {
    builders: Vec<RowBuilder>,
    pub(super) ids: Ids,
    spare: &'k Spare,
    known: &'k KnownSuppliers,
    pub(super) tally: Tally,
}

impl<'k> Rows<'k> {
    pub(super) fn new(known: &'k KnownSuppliers, spare: &'k Spare) -> Result<Self, LakeError> {
        let (builders, ids) = match spare.take() {
            Some(taken) => taken,
            None => (Table::ALL.into_iter().map(RowBuilder::new).collect::<Result<_, _>>()?, Ids::default()),
        };
        Ok(Self { builders, ids, spare, known, tally: Tally::default() })
    }

    /// Whether a row of a supplier has been written already.
    pub(super) fn has_supplier(&self, id: &str) -> bool {
        self.known.holds(id)
    }

    /// Adds a row: its id and `current`, what `fill` gives, and its provenance.
    pub(super) fn add(
        &mut self,
        table: Table,
        id: &str,
        source: &str,
        origin: Origin<'_>,
        fill: impl FnOnce(&mut RowWriter<'_>),
    ) -> Result<(), LakeError> {
        let place = Table::ALL.iter().position(|own| *own == table).unwrap_or(usize::MAX);
        let Some(builder) = self.builders.get_mut(place) else { return Ok(()) };
        builder.row(|out| {
            out.text(id).text(schema::CURRENT);
            fill(out);
            out.text(source).text(origin.file).integer(origin.line).text(origin.import_id);
        })
    }

    /// What was collected, by table; tables without rows are left out.
    pub(super) fn finish(mut self) -> Result<(Vec<(Table, RecordBatch)>, Tally), LakeError> {
        let mut batches = Vec::new();
        for (table, builder) in Table::ALL.into_iter().zip(&mut self.builders) {
            if builder.rows() > 0 {
                batches.push((table, builder.finish()?));
            }
        }
        self.spare.put(self.builders, self.ids);
        Ok((batches, self.tally))
    }
}

/// Makes ids of the lake, unlike each other within a release even where the published ones are not.
#[derive(Debug, Default)]
pub(super) struct Ids {
    hash: Hash128,
    times: OcdsMap<u128, u32>,
}

impl Ids {
    /// A new release begins.
    pub(super) fn begin(&mut self) {
        self.times.clear();
        self.times.shrink_to(MANY_IDS);
    }

    /// An id that begins with `parent` and ends with the published one.
    pub(super) fn next(&mut self, parent: &str, what: &str, published: &str) -> String {
        let part = id_part(published);
        let mut id = String::with_capacity(parent.len() + what.len() + part.len() + 2);
        for piece in [parent, "-", what, "-", &part] {
            id.push_str(piece);
        }
        let times = self.times.entry(self.hash.of(&id, &[])).or_default();
        *times += 1;
        if *times == 1 { id } else { format!("{id}~{times}") }
    }
}

/// A published id as part of an id that stands in URLs: as it is where it may, else with its hash.
pub(super) fn id_part(published: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !published.is_empty() && published.len() <= MAX_ID && published.chars().all(plain) {
        return Cow::Borrowed(published);
    }
    let shown: String = published.chars().take(40).map(|c| if plain(c) { c } else { '-' }).collect();
    Cow::Owned(format!("{shown}~{}", hex(&Sha256::digest(published)[..6])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unlike_each_other() {
        let mut ids = Ids::default();
        assert_eq!(ids.next("ocds-a", "bid", "1"), "ocds-a-bid-1");
        assert_eq!(ids.next("ocds-a", "bid", "1"), "ocds-a-bid-1~2");
        assert_eq!(id_part("b/1"), format!("b-1~{}", hex(&Sha256::digest("b/1")[..6])));
        assert_ne!(id_part("b/1"), id_part("b?1"));
        assert_ne!(id_part(""), id_part(" "));
        assert!(id_part(&"é".repeat(500)).len() < 60);
    }
}
