//! Reads and splits a published file in a thread of its own, while another one works on its records.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use super::ImportError;
use super::fault::Reason;
use super::fields::Fields;
use super::input::{Format, Input, Source};
use super::metered::{Meter, Part};
use super::records::{Dialect, Records, Step};
use super::seen::Hash128;

/// Records of a batch.
const BATCH_RECORDS: usize = 256;
/// Bytes of the records of a batch, about.
const BATCH_BYTES: usize = 1 << 20;
/// A record of more bytes does not keep its memory for the next one.
const LARGE_RECORD_BYTES: usize = 1 << 14;
/// Batches that are read ahead.
const AHEAD: usize = 4;
/// Bytes of a hash at a time.
const CHUNK_BYTES: usize = 1 << 18;

/// What stands in a file, one after the other.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A record, the line it begins on, and a hash that only equal records share.
    Record(i64, Fields, u128),
    /// Something that is not a record, the line it begins on and its beginning.
    Unreadable(i64, Reason, String),
}

/// The header of a file, and how it writes fields.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) fields: Fields,
    pub(crate) dialect: Dialect,
}

/// Some entries, and how many bytes of the file were read with them.
struct Batch {
    entries: Vec<Entry>,
    bytes: u64,
}

enum Message {
    Header(Header),
    Batch(Batch),
}

/// The records of a file that another thread reads.
pub(crate) struct Incoming {
    batches: Receiver<Message>,
    used: Sender<Vec<Entry>>,
}

impl Incoming {
    /// Gives batch after batch to `take`, with the bytes that were read so far.
    ///
    /// # Errors
    /// What `take` fails with.
    pub(crate) fn each(
        self,
        mut take: impl FnMut(&[Entry], u64) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        for message in &self.batches {
            if let Message::Batch(batch) = message {
                take(&batch.entries, batch.bytes)?;
                // A reader that has come to the end has no use for it.
                let _ = self.used.send(batch.entries);
            }
        }
        Ok(())
    }
}

/// Reads the file of `input` in a thread and lets `with` have its header and its records; also what was read of
/// it, hashed or not.
///
/// # Errors
/// If the file cannot be read or has no header; and what `with` fails with.
pub(crate) fn reading<T>(
    input: &Input,
    hashing: bool,
    with: impl FnOnce(Header, Incoming) -> Result<T, ImportError>,
) -> Result<(T, Hashed), ImportError> {
    let (sender, batches) = sync_channel(AHEAD);
    let (used, spare) = channel();
    thread::scope(|scope| {
        let reader = thread::Builder::new().name("import-reader".to_owned());
        let reader = reader.spawn_scoped(scope, move || read(input, hashing, &sender, &spare));
        let reader = reader.map_err(|error| ImportError::Interrupted(error.to_string()))?;
        let taken = match batches.recv() {
            Ok(Message::Header(header)) => Some(with(header, Incoming { batches, used })),
            Ok(Message::Batch(_)) | Err(_) => None,
        };
        let read = reader.join().map_err(|_| ImportError::Interrupted("the reader of a file panicked".to_owned()))?;
        match taken {
            // Why nobody wanted more tells more than that nobody did.
            Some(Err(error)) => Err(error),
            Some(Ok(taken)) => Ok((taken, read?)),
            None => Err(read.err().unwrap_or_else(|| ImportError::NoHeader { file: input.name.clone() })),
        }
    })
}

/// What was read of a file.
#[derive(Debug)]
pub(crate) struct Hashed {
    /// SHA-256 of its bytes, in lower-case hex, if it was asked for.
    pub(crate) content_hash: String,
    pub(crate) part: Part,
}

impl Hashed {
    fn of(meter: Meter) -> Self {
        let part = meter.end_part();
        Self { content_hash: meter.content_hash(), part }
    }
}

/// Hashes a file. `report` is told the bytes so far.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn hash(input: &Input, report: &mut dyn FnMut(u64)) -> Result<Hashed, ImportError> {
    let source = only_source(input)?;
    let meter = Meter::hashing();
    source.read(|reader| {
        let mut metered = meter.read(reader);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match metered.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(_) => report(meter.bytes()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(source.failed(error)),
            }
        }
    })?;
    Ok(Hashed::of(meter))
}

fn only_source(input: &Input) -> Result<&Source, ImportError> {
    input.sources.first().ok_or_else(|| ImportError::NoHeader { file: input.name.clone() })
}

/// Sends the header and the records of a file, until its end or until nobody wants them any more.
fn read(
    input: &Input,
    hashing: bool,
    sender: &SyncSender<Message>,
    spare: &Receiver<Vec<Entry>>,
) -> Result<Hashed, ImportError> {
    let meter = if hashing { Meter::hashing().once() } else { Meter::default() };
    let source = only_source(input)?;
    source.read(|reader| {
        let bytes = meter.read(reader);
        let records = match input.format {
            Format::Receita(kind) => Records::without_header(bytes, kind.columns()),
            Format::Portal(_) | Format::Ocds | Format::Answers(_) => Records::open(bytes),
        };
        let records = records.map_err(|error| source.failed(error))?;
        let mut records = records.ok_or_else(|| ImportError::NoHeader { file: input.name.clone() })?;
        if let Some(what) = records.damage() {
            return Err(ImportError::DamagedHeader { file: input.name.clone(), what });
        }
        let header = Header { fields: records.header().clone(), dialect: records.dialect() };
        let mut wanted = sender.send(Message::Header(header)).is_ok();
        let mut batch = Filling::default();
        let mut used = Vec::new();
        while wanted {
            if used.is_empty() {
                used = spare.try_recv().unwrap_or_default();
            }
            let Some(step) = records.step().map_err(|error| source.failed(error))? else { break };
            batch.add(step, &mut used);
            if batch.is_full() {
                wanted = sender.send(Message::Batch(batch.take(meter.bytes()))).is_ok();
            }
        }
        if wanted {
            // Nobody is left to tell if it fails.
            let _ = sender.send(Message::Batch(batch.take(meter.bytes())));
        }
        Ok(())
    })?;
    Ok(Hashed::of(meter))
}

/// A batch that is being filled.
#[derive(Default)]
struct Filling {
    entries: Vec<Entry>,
    bytes: usize,
    hash: Hash128,
}

impl Filling {
    /// Takes what stands next; its text goes where that of an entry of `used` was.
    fn add(&mut self, step: Step<'_>, used: &mut Vec<Entry>) {
        self.entries.push(match step {
            Step::Unreadable(line, reason, shown) => Entry::Unreadable(line, reason, shown),
            Step::Record(line, fields) => {
                let mut place = match used.pop() {
                    Some(Entry::Record(_, fields, _)) if fields.capacity() <= LARGE_RECORD_BYTES => fields,
                    _ => Fields::default(),
                };
                // The next record is decoded into what was there before.
                std::mem::swap(&mut place, fields);
                self.bytes += place.parts().0.len();
                let (text, ends) = place.parts();
                let content = self.hash.of(text, ends);
                Entry::Record(line, place, content)
            }
        });
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES
    }

    fn take(&mut self, bytes: u64) -> Batch {
        self.bytes = 0;
        Batch { entries: std::mem::replace(&mut self.entries, Vec::with_capacity(BATCH_RECORDS)), bytes }
    }
}
