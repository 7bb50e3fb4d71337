//! Rows of the canonical tables that are being collected, and where they come from.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use sha2::{Digest, Sha256};

use super::super::pii::{PiiKey, hex};
use super::super::seen::Hash128;
use super::values::Tally;
use super::{OcdsMap, hash};
use crate::lake::{LakeError, RowBuilder, RowWriter, schema};
use crate::model::{Table, fold};

/// Characters of a published id that stand in an id of the lake as they are.
const MAX_ID: usize = 80;
/// Ids of a release that room is kept for.
const MANY_IDS: usize = 1_000;
/// Suppliers that are known without asking others, at most.
const LATELY: usize = 1 << 16;
/// Texts whose folded form is kept, and their length, at most.
const FOLDS: usize = 1 << 10;
const MAX_FOLDED: usize = 1_000;

/// Hashes of the suppliers that are written: each is mentioned again and again, and its first row stays.
#[derive(Debug, Default)]
pub(super) struct KnownSuppliers(RwLock<Hashes>);

/// Hashes of ids.
type Hashes = HashSet<u64, foldhash::fast::RandomState>;

impl KnownSuppliers {
    fn holds(&self, hash: u64) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&hash)
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

/// Suppliers that one thread was told of lately, by their hashes: all threads asking for the same ones at the same time
/// takes them longer than most of what they do.
#[derive(Debug)]
struct Lately(Vec<u64>);

impl Default for Lately {
    fn default() -> Self {
        Self(vec![0; LATELY])
    }
}

impl Lately {
    fn slot(&mut self, hash: u64) -> Option<&mut u64> {
        self.0.get_mut(hash as usize % LATELY)
    }
}

/// Folded texts, some of the latest ones: most releases say the same in several places.
#[derive(Debug)]
pub(super) struct Folds {
    state: foldhash::fast::RandomState,
    slots: Vec<(String, Arc<str>)>,
}

impl Default for Folds {
    fn default() -> Self {
        Self { state: <_>::default(), slots: vec![(String::new(), Arc::from("")); FOLDS] }
    }
}

impl Folds {
    /// [`fold`] of a text.
    pub(super) fn of(&mut self, text: &str) -> Arc<str> {
        let place = self.state.hash_one(text) as usize % FOLDS;
        let Some((known, folded)) = self.slots.get_mut(place).filter(|_| text.len() <= MAX_FOLDED) else {
            return fold(text).into();
        };
        if known != text {
            text.clone_into(known);
            *folded = fold(text).into();
        }
        Arc::clone(folded)
    }
}

/// What a thread keeps from one block to the next.
#[derive(Debug, Default)]
struct Kept {
    /// With room for as many rows as they held last.
    builders: Vec<RowBuilder>,
    ids: Ids,
    folds: Folds,
    lately: Lately,
}

/// What nobody uses at the moment.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Vec<Kept>>);

impl Spare {
    fn take(&self) -> Option<Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, kept: Kept) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
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
    pub(super) folds: Folds,
    lately: Lately,
    spare: &'k Spare,
    known: &'k KnownSuppliers,
    pub(super) tally: Tally,
}

impl<'k> Rows<'k> {
    pub(super) fn new(known: &'k KnownSuppliers, spare: &'k Spare) -> Result<Self, LakeError> {
        let Kept { builders, ids, folds, lately } = match spare.take() {
            Some(kept) => kept,
            None => Kept {
                builders: Table::ALL.into_iter().map(RowBuilder::new).collect::<Result<_, _>>()?,
                ..<_>::default()
            },
        };
        Ok(Self { builders, ids, folds, lately, spare, known, tally: Tally::default() })
    }

    /// Whether a row of a supplier has been written already.
    pub(super) fn has_supplier(&mut self, id: &str) -> bool {
        let hash = hash(id);
        let Some(slot) = self.lately.slot(hash) else { return self.known.holds(hash) };
        let holds = *slot == hash || self.known.holds(hash);
        if holds {
            *slot = hash;
        }
        holds
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
        let Self { builders, ids, folds, lately, .. } = self;
        self.spare.put(Kept { builders, ids, folds, lately });
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
