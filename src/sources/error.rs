use std::io;
use std::path::PathBuf;

use crate::lake::LakeError;
use crate::store::StoreError;

/// Why an import took nothing in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file or directory cannot be read.
    #[error("cannot read {path}: {cause}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Neither a file nor a directory.
    #[error("{path}: neither a file nor a directory")]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The paths hold no file of a known layout.
    #[error("nothing to import: no known file in {paths}")]
    NothingKnown {
        /// The paths, separated by commas.
        paths: String,
    },
    /// A file that was named is of no known layout.
    #[error(
        "{file}: not a file of a known layout (bulk files and API answers of the Portal da Transparência, OCDS, PNCP)"
    )]
    UnknownLayout {
        /// The file.
        file: String,
    },
    /// A file that was named is of a known API, but holds nothing to take in.
    #[error("{file}: {what}: there is nothing to import")]
    NoData {
        /// The file.
        file: String,
        /// What it is.
        what: &'static str,
    },
    /// A JSON document is damaged.
    #[error("{file}: {detail}")]
    Document {
        /// The file.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// A file has a header that no record can be told by.
    #[error("{file}: the header {what}")]
    DamagedHeader {
        /// File.
        file: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A file has no header.
    #[error("{file}: empty, not even a header")]
    NoHeader {
        /// The file.
        file: String,
    },
    /// A required column is not there.
    #[error("{file}: required column {column:?} is missing")]
    MissingColumn {
        /// The file.
        file: String,
        /// Its name, folded: without accents and in lower case.
        column: &'static str,
    },
    /// A required column is there more than once.
    #[error("{file}: required column {column:?} stands there {times} times")]
    RepeatedColumn {
        /// The file.
        file: String,
        /// Its name, folded.
        column: &'static str,
        /// How often.
        times: usize,
    },
    /// The name of a file holds a CPF.
    #[error("{file}: its name holds a CPF, which would be kept and shown: rename it")]
    PersonalName {
        /// The name, masked.
        file: String,
    },
    /// A ZIP archive or a gzip file is damaged or cut off.
    #[error("{file}: damaged or truncated archive: {detail}")]
    ZipDamaged {
        /// The archive.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// A ZIP entry is encrypted.
    #[error("{file}: entry {entry:?} is encrypted")]
    ZipEncrypted {
        /// The archive.
        file: String,
        /// The entry.
        entry: String,
    },
    /// A ZIP archive would unpack to more than is allowed.
    #[error("{file}: {detail}")]
    ZipTooLarge {
        /// The archive.
        file: String,
        /// The limit and what exceeds it.
        detail: String,
    },
    /// Two files of one call are of the same dataset but differ: it is not clear which one counts.
    #[error("{first} and {second} are both dataset {dataset} but differ: import one after the other")]
    DatasetTwice {
        /// The dataset.
        dataset: String,
        /// One file.
        first: String,
        /// The other one.
        second: String,
    },
    /// A new edition has less than half of the rows of the one that the lake holds.
    #[error(
        "{file}: {rows} rows, but dataset {dataset} holds {before}: a download that was cut off? --accept-loss takes it in all the same"
    )]
    LostRows {
        /// The file.
        file: String,
        /// The dataset.
        dataset: String,
        /// Rows of the edition that the lake holds.
        before: i64,
        /// Rows of this one.
        rows: i64,
    },
    /// A list that is published as a whole is older than the one that the lake holds.
    #[error(
        "{file}: older than {before}, which the lake holds of {dataset}: it would bring back what was lifted since; --accept-loss takes it in all the same"
    )]
    OlderList {
        /// The file.
        file: String,
        /// The dataset.
        dataset: String,
        /// The file of the edition that the lake holds.
        before: String,
    },
    /// A file changed while it was read.
    #[error("{file}: changed while it was read")]
    FileChanged {
        /// The file.
        file: String,
    },
    /// The lake cannot be written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The manifest cannot be read or written. Nothing was taken in, unless the database was cut off
    /// in the very moment of the commit.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work was stopped.
    #[error("import interrupted: {0}")]
    Interrupted(String),
}
