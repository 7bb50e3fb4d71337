//! Finds the files to import: plain, in directories, in ZIP archives.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use super::archive::{self, Archive, Guarded, MAX_ENTRY_BYTES, TooLarge, is_archive_name, is_official_archive};
use super::portal::{self, Kind};
use super::records::{MAX_RECORD_BYTES, Records};
use super::{ImportError, answers, ocds, receita};
use crate::model::mask_text;

/// Depth of directories.
const MAX_DEPTH: usize = 16;

/// Where the bytes of a file are.
#[derive(Debug, Clone)]
enum Container {
    Plain(PathBuf),
    Gzip(PathBuf),
    /// An entry of an archive.
    Zip(PathBuf, Archive, usize),
}

/// Tells readers to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What files may be read, and for how long.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bounds {
    /// What is not beneath this directory, whatever links lead there, is left aside.
    pub(crate) within: Option<PathBuf>,
    /// Reading fails once this is set.
    pub(crate) stop: Stop,
}

impl Bounds {
    fn allow(&self, path: &Path) -> bool {
        self.within.as_ref().is_none_or(|root| fs::canonicalize(path).is_ok_and(|full| full.starts_with(root)))
    }
}

/// Reads until it is told to stop.
struct Stoppable<'a> {
    inner: &'a mut dyn Read,
    stop: &'a Stop,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.0.load(Ordering::Relaxed) {
            return Err(io::Error::other("told to stop"));
        }
        self.inner.read(buffer)
    }
}

/// One file, wherever it is.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Its name, without directories.
    pub(crate) name: String,
    /// Size, unpacked; of a gzip file packed, for it does not say more.
    bytes: u64,
    container: Container,
    stop: Stop,
}

/// How the files of a dataset are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A table of the Portal da Transparência.
    Portal(Kind),
    /// A file of the register of companies.
    Receita(receita::Kind),
    /// Open Contracting Data Standard.
    Ocds,
    /// Answers of an API.
    Answers(answers::Kind),
}

/// A format that files are said to have, whatever they look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportFormat {
    /// Bulk files of the Portal da Transparência.
    Portal,
    /// Open Contracting Data Standard, as JSON or JSON Lines.
    Ocds,
    /// Pages of PNCP.
    Pncp,
    /// Answers of the REST API of the Portal da Transparência.
    PortalApi,
}

/// What is to be imported as one dataset.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// Name of the file, or of what holds the files.
    pub(crate) name: String,
    pub(crate) format: Format,
    pub(crate) dataset: String,
    /// Size, unpacked as far as that is known.
    pub(crate) bytes: u64,
    /// The files, at least one; several only of [`Format::Ocds`] and [`Format::Answers`].
    pub(crate) sources: Vec<Source>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) inputs: Vec<Input>,
    /// Files of no known layout.
    pub(crate) ignored: Vec<String>,
    /// Files of OCDS that the path at hand holds, with the prefix of their publisher.
    ocds: Vec<(String, Source)>,
    /// Answers of APIs that it holds.
    answers: Vec<(answers::Kind, Source)>,
    /// Why the last file that was left aside holds no data, where that is known.
    no_data: Option<&'static str>,
    format: Option<ImportFormat>,
    bounds: Bounds,
}

impl Gathered {
    /// Notes what is left aside.
    fn ignore(&mut self, what: &str) {
        self.ignored.push(mask_text(what).into_owned());
    }

    /// Notes a file, if it is of a known layout.
    fn add(&mut self, source: Source, found: Option<Found>) -> bool {
        match found {
            Some(Found::Portal(kind)) => {
                let name = source.name.clone();
                let dataset = portal::dataset(kind, &name);
                let format = Format::Portal(kind);
                self.inputs.push(Input { name, format, dataset, bytes: source.bytes, sources: vec![source] });
            }
            Some(Found::Receita(kind)) => {
                let name = source.name.clone();
                let dataset = receita::dataset(kind, name.strip_suffix(".gz").unwrap_or(&name));
                let format = Format::Receita(kind);
                self.inputs.push(Input { name, format, dataset, bytes: source.bytes, sources: vec![source] });
            }
            Some(Found::Ocds(prefix)) => self.ocds.push((prefix, source)),
            Some(Found::Answers(kind)) => self.answers.push((kind, source)),
            Some(Found::NoData(_)) | None => return false,
        }
        true
    }

    /// Notes a file, or that it is left aside and why.
    fn add_or_ignore(&mut self, source: Source, found: Option<Found>, shown: String) {
        let what = match &found {
            Some(Found::NoData(what)) => Some(*what),
            _ => None,
        };
        if !self.add(source, found) {
            self.no_data = what;
            self.ignore(&what.map_or_else(|| shown.clone(), |what| format!("{shown}: {what}")));
        }
    }

    /// Makes a dataset of the OCDS files of a path, for each publisher, and of the answers of each API: a
    /// process may have its releases in several files of a directory, a list has several pages, so that
    /// these are taken in together.
    fn close(&mut self, path: &Path) -> Result<(), ImportError> {
        let mut by_prefix: BTreeMap<String, Vec<Source>> = BTreeMap::new();
        for (prefix, source) in std::mem::take(&mut self.ocds) {
            by_prefix.entry(prefix).or_default().push(source);
        }
        let full = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = named(&full.file_name().map_or_else(|| "files".into(), |name| name.to_string_lossy()))?;
        let mut stem = name.as_str();
        if full.is_file() {
            for extension in [".gz", ".zip", ".json", ".jsonl", ".ndjson"] {
                let cut = stem.len().saturating_sub(extension.len());
                if stem.get(cut..).is_some_and(|own| own.eq_ignore_ascii_case(extension)) && cut > 0 {
                    stem = &stem[..cut];
                }
            }
        }
        let mut by_kind: BTreeMap<answers::Kind, Vec<Source>> = BTreeMap::new();
        for (kind, source) in std::mem::take(&mut self.answers) {
            by_kind.entry(kind).or_default().push(source);
        }
        for (kind, sources) in by_kind {
            self.inputs.push(Input {
                name: name.clone(),
                format: Format::Answers(kind),
                dataset: format!("{}/{stem}", kind.source()),
                bytes: sources.iter().map(|source| source.bytes).sum(),
                sources,
            });
        }
        for (prefix, sources) in by_prefix {
            let publisher = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
            self.inputs.push(Input {
                name: name.clone(),
                format: Format::Ocds,
                dataset: format!("ocds:{publisher}{stem}"),
                bytes: sources.iter().map(|source| source.bytes).sum(),
                sources,
            });
        }
        Ok(())
    }
}

/// What a file is.
enum Found {
    Portal(Kind),
    Receita(receita::Kind),
    /// With the prefix of its publisher, which may be empty.
    Ocds(String),
    Answers(answers::Kind),
    /// Of a known API, but without data; why.
    NoData(&'static str),
}

impl Source {
    /// Opens the file and gives its bytes to `with`.
    ///
    /// # Errors
    /// If it cannot be opened; and what `with` fails with, [`Source::failed`] for reading.
    pub(crate) fn read<T>(&self, with: impl FnOnce(&mut dyn Read) -> Result<T, ImportError>) -> Result<T, ImportError> {
        match &self.container {
            Container::Plain(path) => with(&mut Stoppable { inner: &mut open(path)?, stop: &self.stop }),
            Container::Gzip(path) => {
                let mut bytes = MultiGzDecoder::new(io::BufReader::new(open(path)?));
                let mut bytes = Guarded { inner: &mut bytes, packed: self.bytes, unpacked: 0, longest: u64::MAX };
                with(&mut Stoppable { inner: &mut bytes, stop: &self.stop })
            }
            Container::Zip(path, archive, index) => {
                let mut archive = archive.clone();
                let mut entry = archive.by_index(*index).map_err(|error| archive::error(path, &self.name, error))?;
                let packed = entry.compressed_size();
                let mut bytes = Guarded { inner: &mut entry, packed, unpacked: 0, longest: MAX_ENTRY_BYTES };
                with(&mut Stoppable { inner: &mut bytes, stop: &self.stop })
            }
        }
    }

    /// The error of a file whose bytes cannot be read.
    pub(crate) fn failed(&self, error: io::Error) -> ImportError {
        match &self.container {
            Container::Plain(path) => ImportError::Io { path: path.clone(), cause: error },
            Container::Gzip(path) | Container::Zip(path, ..) => {
                let file = path.display().to_string();
                match error.get_ref().and_then(|inner| inner.downcast_ref::<TooLarge>()) {
                    Some(limit) => ImportError::ZipTooLarge { file, detail: limit.to_string() },
                    None => ImportError::ZipDamaged { file, detail: format!("entry {:?}: {error}", self.name) },
                }
            }
        }
    }
}

/// Finds the files of `paths`; a path that is named must be of a known layout, in a directory or an
/// archive others are left aside. With a `format`, files of any other are unknown.
///
/// # Errors
/// If a path cannot be read, or nothing known is there.
pub(crate) fn gather(paths: &[PathBuf], format: Option<ImportFormat>) -> Result<Gathered, ImportError> {
    gather_within(paths, format, Bounds::default())
}

/// The same within bounds.
///
/// # Errors
/// Those of [`gather`].
pub(crate) fn gather_within(
    paths: &[PathBuf],
    format: Option<ImportFormat>,
    bounds: Bounds,
) -> Result<Gathered, ImportError> {
    let mut gathered = Gathered { format, bounds, ..Gathered::default() };
    let mut seen = BTreeSet::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|cause| ImportError::Io { path: path.clone(), cause })?;
        if metadata.is_dir() {
            directory(path, 0, &mut seen, &mut gathered)?;
        } else if metadata.is_file() {
            let before = gathered.inputs.len();
            file(path, metadata.len(), &mut gathered)?;
            if gathered.inputs.len() == before && gathered.ocds.is_empty() && gathered.answers.is_empty() {
                let file = path.display().to_string();
                if let Some(what) = gathered.no_data {
                    return Err(ImportError::NoData { file, what });
                }
                return Err(ImportError::UnknownLayout { file });
            }
        } else {
            return Err(ImportError::NotAFile { path: path.clone() });
        }
        gathered.close(path)?;
    }
    if gathered.inputs.is_empty() {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(ImportError::NothingKnown { paths: paths.join(", ") });
    }
    Ok(gathered)
}

fn directory(
    path: &Path,
    depth: usize,
    seen: &mut BTreeSet<PathBuf>,
    gathered: &mut Gathered,
) -> Result<(), ImportError> {
    let failed = |cause| ImportError::Io { path: path.to_owned(), cause };
    if depth > MAX_DEPTH || !seen.insert(fs::canonicalize(path).map_err(failed)?) {
        gathered.ignore(&path.display().to_string());
        return Ok(());
    }
    let mut entries = fs::read_dir(path)
        .map_err(failed)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(failed)?;
    entries.sort();
    for entry in entries {
        match fs::metadata(&entry) {
            Ok(_) if !gathered.bounds.allow(&entry) => gathered.ignore(&entry.display().to_string()),
            Ok(metadata) if metadata.is_dir() => directory(&entry, depth + 1, seen, gathered)?,
            Ok(metadata) if metadata.is_file() => {
                if is_archive_name(&entry) || has_extension(&entry, "gz") || has_known_extension(&entry) {
                    match file(&entry, metadata.len(), gathered) {
                        // What merely lies about must not hold up what was asked for.
                        Err(ImportError::ZipDamaged { file, detail }) if !is_official_archive(&entry) => {
                            gathered.ignore(&format!("{file}: damaged: {detail}"));
                        }
                        result => result?,
                    }
                } else {
                    gathered.ignore(&entry.display().to_string());
                }
            }
            // Sockets, pipes, links to nowhere.
            _ => gathered.ignore(&entry.display().to_string()),
        }
    }
    Ok(())
}

fn file(path: &Path, bytes: u64, gathered: &mut Gathered) -> Result<(), ImportError> {
    let name = named(&path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default())?;
    let mut handle = open(path)?;
    let failed = |cause| ImportError::Io { path: path.to_owned(), cause };
    let mut magic = Vec::new();
    (&mut handle).take(4).read_to_end(&mut magic).map_err(failed)?;
    if is_archive_name(path) || matches!(magic.as_slice(), b"PK\x03\x04" | b"PK\x05\x06") {
        return entries(path, gathered);
    }
    let packed = magic.starts_with(b"\x1f\x8b");
    handle.seek(SeekFrom::Start(0)).map_err(failed)?;

    let path_of = path.to_owned();
    let container = if packed { Container::Gzip(path_of) } else { Container::Plain(path_of) };
    let source = Source { name, bytes, container, stop: gathered.bounds.stop.clone() };
    let format = gathered.format;
    let found = source.read(|reader| classify(&source.name, reader, format).map_err(|error| source.failed(error)))?;
    gathered.add_or_ignore(source, found, path.display().to_string());
    Ok(())
}

fn entries(path: &Path, gathered: &mut Gathered) -> Result<(), ImportError> {
    let mut archive = archive::open(path)?;
    let file = path.display().to_string();
    // As in a directory, so that the same files give the same rows.
    let mut order: Vec<usize> = (0..archive.len()).collect();
    order.sort_by_cached_key(|index| archive.name_for_index(*index).and_then(Result::ok).map(Cow::into_owned));
    for index in order {
        let entry = archive.by_index_raw(index).map_err(|error| archive::error(path, &format!("#{index}"), error))?;
        let name = entry.name().map_or_else(|_| String::from_utf8_lossy(entry.name_raw()).into_owned(), Into::into);
        let name = named(&name.rsplit(['/', '\\']).next().unwrap_or_default().replace('\0', "_"))?;
        let (bytes, packed, encrypted) = (entry.size(), entry.compressed_size(), entry.encrypted());
        if !entry.is_file() {
            continue;
        }
        drop(entry);
        if !has_known_extension(Path::new(&name)) {
            gathered.ignore(&format!("{file}: {name}"));
            continue;
        }
        if encrypted {
            return Err(ImportError::ZipEncrypted { file, entry: name });
        }
        archive::check_size(bytes, packed, MAX_ENTRY_BYTES)
            .map_err(|limit| ImportError::ZipTooLarge { file: file.clone(), detail: limit.to_string() })?;
        let container = Container::Zip(path.to_owned(), archive.clone(), index);
        let mut entry = archive.by_index(index).map_err(|error| archive::error(path, &name, error))?;
        let found = classify(&name, &mut entry, gathered.format).map_err(|error| ImportError::ZipDamaged {
            file: file.clone(),
            detail: format!("entry {name:?}: {error}"),
        })?;
        let source = Source { name: name.clone(), bytes, container, stop: gathered.bounds.stop.clone() };
        gathered.add_or_ignore(source, found, format!("{file}: {name}"));
    }
    Ok(())
}

/// The name of a file, which is kept, told and makes the name of a dataset: one with a CPF must not be, and masked
/// two of them could be alike.
fn named(name: &str) -> Result<String, ImportError> {
    match mask_text(name) {
        Cow::Borrowed(name) => Ok(name.to_owned()),
        Cow::Owned(file) => Err(ImportError::PersonalName { file }),
    }
}

/// The kind that the name or else the beginning says.
fn classify(name: &str, bytes: &mut dyn Read, format: Option<ImportFormat>) -> io::Result<Option<Found>> {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let may_be = |own: ImportFormat| format.is_none_or(|said| said == own);
    if let Some(kind) = Kind::of_name(name).filter(|_| may_be(ImportFormat::Portal)) {
        return Ok(Some(Found::Portal(kind)));
    }
    let mut head = Vec::new();
    bytes.take(MAX_RECORD_BYTES.max(ocds::HEAD_BYTES) as u64).read_to_end(&mut head)?;
    // Nobody can say that a file is of the register: without a header only its rows can.
    let named = receita::Kind::of_name(name);
    if named.is_some()
        && format.is_none()
        && let Some(kind) = receita::Kind::detect(named, &head)?
    {
        return Ok(Some(Found::Receita(kind)));
    }
    match answers::detect(&head) {
        Some(answers::Detected::Records(kind)) => {
            let own = if kind.is_pncp() { ImportFormat::Pncp } else { ImportFormat::PortalApi };
            if may_be(own) {
                return Ok(Some(Found::Answers(kind)));
            }
        }
        Some(answers::Detected::NoData(what)) if format != Some(ImportFormat::Ocds) => {
            return Ok(Some(Found::NoData(what)));
        }
        _ => {}
    }
    if may_be(ImportFormat::Ocds) {
        let prefix = ocds::detect(&head);
        let blank = head.iter().all(u8::is_ascii_whitespace);
        if let Some(prefix) = prefix.or_else(|| (format.is_some() && !blank).then(String::new)) {
            return Ok(Some(Found::Ocds(prefix)));
        }
    }
    let records = Records::open(head.as_slice().take(MAX_RECORD_BYTES as u64))?;
    let kind = records.and_then(|records| Kind::of_header(records.header()));
    let found = kind.filter(|_| may_be(ImportFormat::Portal)).map(Found::Portal);
    if found.is_some() || named.is_some() || format.is_some() {
        return Ok(found);
    }
    Ok(receita::Kind::detect(None, &head)?.map(Found::Receita))
}

/// Whether a file that nobody named may be of a known layout.
fn has_known_extension(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(receita::is_official)
        || ["csv", "json", "jsonl", "ndjson"].iter().any(|known| has_extension(path, known))
}

pub(super) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|own| own.eq_ignore_ascii_case(extension))
}

pub(super) fn open(path: &Path) -> Result<File, ImportError> {
    File::open(path).map_err(|cause| ImportError::Io { path: path.to_owned(), cause })
}
