//! Red flags: one SQL file each, and what runs them.
//!
//! A detector answers for each subject (a contract, a group of contracts, a supplier): fired, clear
//! or not evaluable, with a reason. Every contract of the lake serves as a peer; only subjects that
//! the plan is about are counted and reported. The form of the files is in `docs/detectors.md`.

mod aside;
mod catalogue;
pub mod collusion;
mod error;
mod evidence;
pub mod functions;
mod growth;
mod header;
mod held;
mod kept;
pub mod limits;
mod once;
mod own;
mod parameters;
pub mod planted;
mod render;
mod run;
pub mod scope;
mod statement;

#[cfg(test)]
mod tests;

pub use catalogue::{Catalogue, Detector};
pub use error::DetectorError;
pub use header::{Bilingual, EvidenceColumn, FalsePositives, Header, Parameter, Reason, Scope};
pub use own::QueryLimits;
pub use run::{DetectorRun, Run};
