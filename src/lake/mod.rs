//! Canonical tables as Parquet: their schemas, the files of a version, sessions of the query
//! engine, and what the contract service reads.

mod bucket;
mod compact;
pub mod contracts;
mod engine;
mod error;
mod files;
pub mod filters;
mod memory;
mod objects;
mod orphans;
mod quality;
mod republished;
pub mod schema;
mod session;
mod snapshot;
mod status;
mod totals;
mod vacuum;
mod verify;
mod versions;
mod writer;
mod written;

pub use bucket::{BucketUrl, BucketUrlError};
pub(crate) use compact::without;
pub use compact::{Compaction, Merged, compact};
pub use engine::Engine;
pub use error::{LakeError, is_away};
pub(crate) use files::Files;
pub(crate) use orphans::orphans;
pub use session::{session, session_spilling_to};
pub use snapshot::{LakeSnapshot, table_of_files};
pub use status::rewrite_status;
pub use totals::{ContractTotal, GroupTotal, Totals, totals};
pub use vacuum::{LEAST_KEPT, Vacuumed, roll_back, vacuum};
pub use verify::{Defect, Verification, verify};
pub use versions::Lake;
pub use writer::{RowBuilder, RowWriter, TableWriter};
pub(crate) use written::Written;
