//! The map of the house.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`model`] | plain domain types |
//! | [`lake`] | canonical tables as Parquet |
//! | [`investigation`] | question → plan → detectors → findings → report |

pub mod investigation;
pub mod lake;
pub mod model;
