//! Canonical tables as Parquet: their schemas, the files of a version, sessions of the query
//! engine, and what the contract service reads.

mod compact;
pub mod contracts;
mod engine;
mod error;
pub mod filters;
mod memory;
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

pub use compact::{Compaction, Merged, compact};
pub use engine::Engine;
pub use error::LakeError;
pub use orphans::orphans;
pub use session::{session, session_spilling_to};
pub use snapshot::{LakeSnapshot, table_of_files};
pub use status::rewrite_status;
pub use totals::{ContractTotal, GroupTotal, Totals, totals};
pub use vacuum::{LEAST_KEPT, Vacuumed, roll_back, vacuum};
pub use verify::{Defect, Verification, verify};
pub use versions::Lake;
pub use writer::{RowBuilder, RowWriter, TableWriter};
