//! Takes one file in: one thread reads and splits it, one makes rows of its records, one encodes them.
//!
//! A later row can replace an earlier one that is written already; where that happened, the file is
//! written again in the end with what became of each row. What tells rows apart is kept in bounded memory ([`Seen`]).

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use chrono::NaiveDate;

use super::ImportError;
use super::fault::{Quarantine, Reason};
use super::input::Input;
use super::pii::PiiKey;
use super::portal::{
    Agreements, Amendments, ColumnMap, Commitments, Contracts, Effects, Impediments, Items, Kind, Layout, Notes,
    Participants, Provenance, Published, Sanctions, TenderItems, Tenders,
};
use super::reader::{Entry, Hashed, Header, Incoming, reading};
use super::receita;
use super::seen::{Hash128, Seen, halves, whole};
use crate::lake::{LakeError, RowBuilder, TableWriter, rewrite_status, schema};
use crate::model::{LakeFile, Table, TableQuality};
use datafusion::arrow::array::RecordBatch;

/// Rows of a batch that is encoded at once: few enough to be in the cache still.
const BATCH_ROWS: usize = 2_048;
/// Bytes of a file after which it is said again how far it is.
const REPORT_BYTES: u64 = 1 << 20;
/// Bytes of a record, about.
const RECORD_BYTES: u64 = 1 << 10;
/// Records that are read before what is known of them is looked up.
const TOGETHER: usize = 64;
/// Batches that wait to be encoded.
const AHEAD: usize = 2;

/// What became of a file.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// SHA-256 of its bytes, in lower-case hex.
    pub(crate) content_hash: String,
    /// Rows that were taken in, duplicates and superseded rows with them.
    pub(crate) rows: i64,
    pub(crate) duplicates: i64,
    pub(crate) superseded: i64,
    pub(crate) without_supplier: i64,
    pub(crate) quarantine: Quarantine,
    /// The Parquet file; `None` if there are no rows, or no table that holds them.
    pub(crate) file: Option<LakeFile>,
    /// What its rows are worth.
    pub(crate) quality: Option<TableQuality>,
}

/// Takes a file in, `hashed` or not: its rows go to `<root>/<table>/<import_id>.parquet`.
///
/// `report` is told bytes and rows so far.
///
/// # Errors
/// If the file cannot be read, lacks a column or is no longer as it was; or the lake cannot be written.
pub(crate) fn take_in(
    input: &Input,
    kind: Kind,
    hashed: Option<&Hashed>,
    target: Target<'_>,
    report: &mut dyn FnMut(u64, i64),
) -> Result<Taken, ImportError> {
    let take = match kind {
        Kind::Contracts => take_as::<Contracts>,
        Kind::Items => take_as::<Items>,
        Kind::Amendments => take_as::<Amendments>,
        Kind::Notes => take_as::<Notes>,
        Kind::Tenders => take_as::<Tenders>,
        Kind::TenderItems => take_as::<TenderItems>,
        Kind::Participants => take_as::<Participants>,
        Kind::Commitments => take_as::<Commitments>,
        Kind::Ceis | Kind::Cnep => take_as::<Sanctions>,
        Kind::Cepim => take_as::<Impediments>,
        Kind::Agreements => take_as::<Agreements>,
        Kind::Effects => take_as::<Effects>,
    };
    take(input, hashed, target, report)
}

/// Takes a file of the register of companies in, as [`take_in`] does one of the Portal.
///
/// # Errors
/// Those of [`take_in`].
pub(crate) fn take_in_register(
    input: &Input,
    kind: receita::Kind,
    hashed: Option<&Hashed>,
    target: Target<'_>,
    report: &mut dyn FnMut(u64, i64),
) -> Result<Taken, ImportError> {
    let take = match kind {
        receita::Kind::Companies => take_as::<receita::Companies>,
        receita::Kind::Establishments => take_as::<receita::Establishments>,
        receita::Kind::Partners => take_as::<receita::Partners>,
        receita::Kind::Regimes => take_as::<receita::Regimes>,
        receita::Kind::Activities => take_as::<receita::Activities>,
    };
    take(input, hashed, target, report)
}

/// Where rows go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// Directory of the lake.
    pub(crate) root: &'a Path,
    pub(crate) import_id: &'a str,
    pub(crate) key: &'a PiiKey,
    /// The day of the import.
    pub(crate) today: NaiveDate,
}

fn take_as<L: Layout>(
    input: &Input,
    hashed: Option<&Hashed>,
    target: Target<'_>,
    report: &mut dyn FnMut(u64, i64),
) -> Result<Taken, ImportError> {
    let ((mut taken, superseded, writer), read) = reading(input, hashed.is_none(), |header, incoming| {
        let columns = ColumnMap::locate::<L>(&header.fields).map_err(|(column, times)| {
            let file = input.name.clone();
            match times {
                0 => ImportError::MissingColumn { file, column },
                times => ImportError::RepeatedColumn { file, column, times },
            }
        })?;
        thread::scope(|scope| {
            let (sender, batches) = sync_channel(AHEAD);
            let encoder = thread::Builder::new().name("import-encoder".to_owned());
            let encoder = encoder.spawn_scoped(scope, move || encode(&batches, L::TABLE, target));
            let encoder = encoder.map_err(|error| ImportError::Interrupted(error.to_string()))?;
            let out = Out { builder: RowBuilder::new(L::TABLE)?, sender };
            let mut rows = Rows::<L>::new(input, header, columns, target, out)?;
            let done = rows.take(incoming, report);
            let (taken, superseded) = rows.end();
            let encoded = encoder.join().map_err(|_| ImportError::Interrupted("the encoder panicked".to_owned()))?;
            // Without an encoder no row can be given away: its error is the cause.
            let writer = encoded?;
            done.map(|()| (taken, superseded, writer))
        })
    })?;
    if hashed.is_some_and(|hashed| hashed.part != read.part) {
        return Err(ImportError::FileChanged { file: input.name.clone() });
    }
    // Only now it is known that there are no more rows: a file that cannot be read to its end is none.
    if let Some(writer) = writer {
        let (file, quality) = writer.finish_counted()?;
        (taken.file, taken.quality) = (Some(file), quality);
    }
    taken.content_hash = hashed.map_or(read.content_hash, |hashed| hashed.content_hash.clone());
    if let (Some(file), false) = (&taken.file, superseded.is_empty()) {
        let Target { root, import_id, today, .. } = target;
        let (file, quality) = rewrite_status(root, file, import_id, superseded, schema::SUPERSEDED, today)?;
        (taken.file, taken.quality) = (Some(file), quality);
    }
    Ok(taken)
}

/// Writes the batches into a file that is to be completed, if there were no more of them because there are no more rows; `None`
/// if there are none.
fn encode(
    batches: &Receiver<RecordBatch>,
    table: Table,
    target: Target<'_>,
) -> Result<Option<TableWriter>, ImportError> {
    let Ok(first) = batches.recv() else { return Ok(None) };
    let mut writer = TableWriter::create(target.root, table, target.import_id)?.counting(target.today)?;
    writer.append(&first)?;
    for batch in batches {
        writer.append(&batch)?;
    }
    Ok(Some(writer))
}

/// Rows on their way to the encoder.
struct Out {
    builder: RowBuilder,
    sender: SyncSender<RecordBatch>,
}

impl Out {
    fn send(&mut self) -> Result<(), ImportError> {
        let gone = |_| ImportError::Interrupted("the encoder has stopped".to_owned());
        self.sender.send(self.builder.finish()?).map_err(gone)
    }
}

/// Makes rows of records.
struct Rows<'a, L> {
    input: &'a Input,
    header: Header,
    columns: ColumnMap,
    target: Target<'a>,
    out: Out,
    /// What is known of each id.
    ids: Seen<{ OfId::NUMBERS }>,
    /// Hashes of records whose id an earlier one has that is not the same.
    contents: Seen<0>,
    /// Of identities whose id an earlier one has: place of the last row, and how many rows before it have its id.
    latest: Seen<2>,
    hash: Hash128,
    superseded: Vec<u64>,
    taken: Taken,
    layout: std::marker::PhantomData<L>,
}

impl<'a, L: Layout> Rows<'a, L> {
    fn new(
        input: &'a Input,
        header: Header,
        columns: ColumnMap,
        target: Target<'a>,
        out: Out,
    ) -> Result<Self, ImportError> {
        std::fs::create_dir_all(target.root).map_err(LakeError::io(target.root))?;
        let expected = usize::try_from(input.bytes / RECORD_BYTES).unwrap_or(usize::MAX);
        Ok(Self {
            input,
            header,
            columns,
            target,
            out,
            ids: Seen::new(target.root, expected),
            contents: Seen::new(target.root, 0),
            latest: Seen::new(target.root, 0),
            hash: Hash128::default(),
            superseded: Vec::new(),
            taken: Taken::default(),
            layout: std::marker::PhantomData,
        })
    }

    /// Takes everything in.
    fn take(&mut self, incoming: Incoming, report: &mut dyn FnMut(u64, i64)) -> Result<(), ImportError> {
        let (mut read, mut told) = (0, 0);
        incoming.each(|entries, bytes| {
            for entries in entries.chunks(TOGETHER) {
                self.entries(entries)?;
            }
            // Who hears it is woken for it.
            read = bytes;
            if read - told >= REPORT_BYTES {
                told = read;
                report(read, self.taken.rows);
            }
            Ok(())
        })?;
        report(read, self.taken.rows);
        if self.out.builder.rows() > 0 { self.out.send() } else { Ok(()) }
    }

    /// What was taken in, and which rows a later one replaces.
    fn end(self) -> (Taken, Vec<u64>) {
        (self.taken, self.superseded)
    }

    fn entries(&mut self, entries: &[Entry]) -> Result<(), ImportError> {
        // Taken apart, so that rows can be read while the rest changes.
        let columns = std::mem::take(&mut self.columns);
        let mut rows: Vec<Row<'_, L>> = Vec::with_capacity(entries.len());
        for entry in entries {
            rows.extend(self.read(entry, &columns));
        }
        // One after the other, for what is known of each is far from the others in memory: the processor asks for
        // several at once.
        for row in &mut rows {
            let first =
                OfId { place: row.place, rows: 1, content: row.content as u64, identity: row.identity.unwrap_or(0) };
            let first = first.numbers();
            row.is_known = self.ids.update(row.key, |before| before.unwrap_or(first))?.is_some();
        }
        let done = rows.into_iter().try_for_each(|row| self.row(row));
        self.columns = columns;
        done
    }

    /// Reads an entry; what cannot be taken in is set aside.
    fn read<'e>(&mut self, entry: &'e Entry, columns: &'e ColumnMap) -> Option<Row<'e, L>> {
        let (line, fields, content) = match entry {
            Entry::Unreadable(line, reason, shown) => {
                let shown = if L::NAMES_PERSONS { "" } else { shown };
                self.taken.quarantine.add(&self.input.name, *line, "", *reason, shown);
                return None;
            }
            Entry::Record(line, fields, content) => (*line, fields, *content),
        };
        if fields.len() != self.header.fields.len() {
            let shown: Vec<&str> = fields.iter().take(if L::NAMES_PERSONS { 1 } else { usize::MAX }).collect();
            self.taken.quarantine.add(&self.input.name, line, "", Reason::WrongFieldCount, &shown.join(";"));
            return None;
        }
        let row = match L::read(Published { fields, columns, dialect: self.header.dialect }) {
            Ok(row) => row,
            Err(fault) => {
                let place = columns.place(fault.column);
                let (column, value) = (self.header.fields.get(place), fields.get(place));
                self.taken.quarantine.add(&self.input.name, line, column, fault.reason, value);
                return None;
            }
        };
        let place = self.taken.rows as u64;
        self.taken.rows += 1;
        if L::without_supplier(&row) {
            self.taken.without_supplier += 1;
        }
        let (id, identity) = L::id(&row);
        let key = self.hash.of(&id, &[]);
        Some(Row { line, place, content, id, key, identity, is_known: false, row })
    }

    fn row(&mut self, mut row: Row<'_, L>) -> Result<(), ImportError> {
        let (occurrence, is_duplicate) = if row.is_known { self.again(&row)? } else { (0, false) };
        if occurrence > 0 {
            row.id.push_str(&format!("-{}", occurrence + 1));
        }
        let status = if is_duplicate { schema::DUPLICATE } else { schema::CURRENT };
        let Target { import_id, key, .. } = self.target;
        let from = Provenance { file: &self.input.name, line: row.line, import_id, id: &row.id, status };
        let out = &mut self.out;
        L::write(&row.row, from, key, &mut out.builder)?;
        if out.builder.rows() >= BATCH_ROWS { out.send() } else { Ok(()) }
    }

    /// Of a row whose id another one has: how many rows of its id there are before it, and whether it repeats one of
    /// them. Equal records have the same id.
    fn again(&mut self, row: &Row<'_, L>) -> Result<(u64, bool), ImportError> {
        let known = self.ids.get(row.key)?.unwrap_or_default();
        let mut of_id = OfId::of(known);
        let is_repeated = of_id.content == row.content as u64 || self.contents.update(row.content, |_| [])?.is_some();
        let is_duplicate = is_repeated && L::repeats(&row.row);
        if is_duplicate {
            self.taken.duplicates += 1;
        }
        let is_first = row.identity == Some(of_id.identity);
        let earlier = match row.identity {
            Some(_) if is_first => Some((of_id.place, 0)),
            Some(identity) => self.latest.get(identity)?.map(|[place, occurrence]| (place, occurrence)),
            None => None,
        };
        let occurrence = earlier.map_or(of_id.rows, |(_, occurrence)| occurrence);
        match earlier {
            Some(_) if is_duplicate => {}
            // A row that replaces another one is as many-th of its id as that.
            Some((replaced, _)) => {
                self.superseded.push(replaced);
                self.taken.superseded += 1;
                if is_first {
                    of_id.place = row.place;
                }
            }
            None => of_id.rows += 1,
        }
        if let (Some(identity), false, false) = (row.identity, is_first, is_duplicate) {
            self.latest.update(identity, |_| [row.place, occurrence])?;
        }
        let numbers = of_id.numbers();
        if numbers != known {
            self.ids.update(row.key, |_| numbers)?;
        }
        Ok((occurrence, is_duplicate))
    }
}

/// A row that is read.
struct Row<'a, L: Layout> {
    line: i64,
    /// How many rows were taken in before it.
    place: u64,
    /// A hash that only equal records share.
    content: u128,
    id: String,
    /// A hash of the id.
    key: u128,
    identity: Option<u128>,
    /// Whether an earlier row has its id.
    is_known: bool,
    row: L::Row<'a>,
}

/// What is known of an id.
struct OfId {
    /// Place of the last row that has the identity of its first one.
    place: u64,
    /// Rows that have it; where rows replace each other, identities that have it.
    rows: u64,
    /// Half the hash of its first row, which is compared with those of the same id only.
    content: u64,
    /// Identity of its first row; 0 if rows of the table have none.
    identity: u128,
}

impl OfId {
    const NUMBERS: usize = 5;

    const fn numbers(&self) -> [u64; Self::NUMBERS] {
        let [identity, identity_high] = halves(self.identity);
        [self.place, self.rows, self.content, identity, identity_high]
    }

    const fn of([place, rows, content, identity, identity_high]: [u64; Self::NUMBERS]) -> Self {
        Self { place, rows, content, identity: whole([identity, identity_high]) }
    }
}
