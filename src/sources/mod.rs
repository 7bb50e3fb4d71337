//! Published files, and how they become rows of the lake.

mod error;
mod fault;
mod fetch;
mod file;
mod import;
mod input;
mod metered;
mod ocds;
mod parse;
mod person;
mod pii;
mod portal;
mod reader;
mod records;
pub mod sample;
mod seen;
#[cfg(test)]
mod tests;

pub use error::ImportError;
pub use fault::MAX_KEPT;
pub use fetch::{Address, AddressError, FetchError, FetchOptions, Fetched, PORTAL, fetch, is_trusted_base};
pub use import::{ImportOptions, import};
pub use input::ImportFormat;
pub use parse::{FileSummary, ImportSummary, ParsedFiles, Progress, files_to_parquet};
pub use pii::PiiKey;
