//! Published files, and how they become rows of the lake.

mod answers;
mod archive;
mod error;
mod fault;
mod fetch;
mod fields;
mod file;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod import;
mod input;
mod metered;
mod ocds;
mod parse;
mod person;
mod pii;
mod portal;
mod reader;
mod receita;
mod records;
pub mod sample;
mod seen;
#[cfg(test)]
mod tests;

pub use error::ImportError;
pub use fault::MAX_KEPT;
pub use fetch::{
    Address, AddressError, Allowed, ApiAddress, ApiOptions, FetchError, FetchOptions, Fetched, ImportRules, PNCP,
    PORTAL, PORTAL_API, PortalNow, PortalQuery, UriError, fetch, fetch_lists, fetch_web, is_trusted_base,
};
pub use import::{ImportOptions, Importer, import, import_by};
pub use input::ImportFormat;
pub use parse::{FileSummary, ImportSummary, ParsedFiles, Progress, files_to_parquet};
pub use pii::PiiKey;
