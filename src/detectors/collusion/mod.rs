//! Cartel screens: what the bids of a tender, and of a group of tenders, say about competition.
//!
//! Pure functions over slices. [`screens`] has the statistics of one tender, [`model`] one calibrated
//! score of them, [`groups`] the tests over several tenders, [`sql`] makes functions of SQL of these, [`labelled`] and [`evaluation`] measure the score
//! on proven cartels. What comes out is an indication to check, never a statement of guilt; `docs/collusion.md`
//! has the method, the figures and the limits.

mod error;
pub mod evaluation;
pub mod groups;
pub mod labelled;
pub mod model;
pub mod screens;
pub mod sql;

#[cfg(test)]
mod tests;

pub use error::CollusionError;
pub use model::{Model, Score};
pub use screens::Screens;
