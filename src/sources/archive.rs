//! ZIP archives, which may lie: about sizes and numbers, or with two entries of one name.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use zip::ZipArchive;
use zip::result::ZipError;

use super::input::{has_extension, open as open_file};
use super::portal::Kind;
use super::{ImportError, receita};
use crate::model::mask_text;

/// Largest file inside an archive, unpacked: twice the largest part of the register of companies, and far more than any other
/// file there is.
pub(super) const MAX_ENTRY_BYTES: u64 = 16 << 30;
/// How many times its packed size an entry may have; published files have about 10.
const MAX_RATIO: u64 = 200;
/// Below this size the ratio does not matter.
const RATIO_FREE_BYTES: u64 = 16 << 20;
/// Entries of an archive that are looked at.
const MAX_ENTRIES: usize = 10_000;
/// First bytes of an entry of the directory of an archive, and how many it has before its name.
const ENTRY: (&[u8], usize) = (b"PK\x01\x02", 46);

/// An entry that unpacks to more than is allowed.
#[derive(Debug)]
pub(super) struct TooLarge(String);

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TooLarge {}

/// Stops a bomb by what really comes out of it; the directory of an archive may lie.
pub(super) struct Guarded<'a, R> {
    pub(super) inner: &'a mut R,
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    pub(super) longest: u64,
}

impl<R: Read> Read for Guarded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.unpacked += read as u64;
        check_size(self.unpacked, self.packed, self.longest).map_err(io::Error::other)?;
        Ok(read)
    }
}

/// Whether an entry may be so large.
///
/// # Errors
/// If it may not.
pub(super) fn check_size(unpacked: u64, packed: u64, longest: u64) -> Result<(), TooLarge> {
    if unpacked > longest {
        return Err(TooLarge(format!("an entry unpacks to more than {longest} bytes")));
    }
    if unpacked > RATIO_FREE_BYTES && unpacked / MAX_RATIO > packed {
        return Err(TooLarge(format!("an entry of {packed} bytes unpacks to more than {MAX_RATIO} times as many")));
    }
    Ok(())
}

/// Whether a file is named like an archive.
pub(super) fn is_archive_name(path: &Path) -> bool {
    has_extension(path, "zip")
}

/// Whether an archive has the name of an official download: `202401_Compras.zip`.
pub(super) fn is_official_archive(path: &Path) -> bool {
    let name = path.with_extension("csv");
    let of_portal = |name: &str| Kind::of_name(name).is_some();
    name.file_name().and_then(|name| name.to_str()).is_some_and(|name| of_portal(name) || receita::is_official(name))
}

/// A file that several read, each at a place of its own.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    file: Arc<File>,
    at: u64,
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// An archive whose directory is read; copies share it.
pub(super) type Archive = ZipArchive<Shared>;

/// Opens an archive.
///
/// # Errors
/// If it is none, is damaged, has more entries than are looked at, or others than can be seen: of two with one name only one
/// could be read.
pub(super) fn open(path: &Path) -> Result<Archive, ImportError> {
    let shared = Shared { file: Arc::new(open_file(path)?), at: 0 };
    let archive = ZipArchive::new(shared.clone()).map_err(|cause| error(path, "", cause))?;
    let file = path.display().to_string();
    if archive.len() > MAX_ENTRIES {
        let detail = format!("{} entries, more than {MAX_ENTRIES}", archive.len());
        return Err(ImportError::ZipTooLarge { file, detail });
    }
    let failed = |cause| ImportError::Io { path: path.to_owned(), cause };
    let entries = names(&mut BufReader::new(shared), archive.central_directory_start()).map_err(failed)?;
    let mut seen = HashSet::new();
    if let Some(name) = entries.iter().find(|name| !seen.insert(*name)) {
        let detail = format!("two entries are named {:?}", mask_text(&String::from_utf8_lossy(name)));
        return Err(ImportError::ZipDamaged { file, detail });
    }
    if entries.len() != archive.len() {
        let detail = format!("its directory has {} entries, its end says {}", entries.len(), archive.len());
        return Err(ImportError::ZipDamaged { file, detail });
    }
    Ok(archive)
}

/// The names of the entries of a directory that begins at `start`.
fn names(bytes: &mut (impl Read + Seek), start: u64) -> io::Result<Vec<Vec<u8>>> {
    let (signature, length) = ENTRY;
    bytes.seek(SeekFrom::Start(start))?;
    let mut names = Vec::new();
    loop {
        let mut entry = Vec::with_capacity(length);
        bytes.take(length as u64).read_to_end(&mut entry)?;
        // Behind the last one is something else. More than are looked at are too many already.
        if entry.len() < length || !entry.starts_with(signature) || names.len() > MAX_ENTRIES {
            return Ok(names);
        }
        let number = |at: usize| u64::from(entry[at]) | (u64::from(entry[at + 1]) << 8);
        let (name, rest) = (number(28), number(30) + number(32));
        let mut own = Vec::new();
        bytes.take(name).read_to_end(&mut own)?;
        names.push(own);
        io::copy(&mut bytes.take(rest), &mut io::sink())?;
    }
}

/// The error of an archive or of an entry of it.
pub(super) fn error(path: &Path, entry: &str, cause: ZipError) -> ImportError {
    let file = path.display().to_string();
    match cause {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            ImportError::ZipEncrypted { file, entry: entry.to_owned() }
        }
        other => ImportError::ZipDamaged { file, detail: other.to_string() },
    }
}
