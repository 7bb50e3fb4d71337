//! The map of the house.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`model`] | plain domain types |
//! | [`detectors`] | red flags as SQL, and their engine |
//! | [`lake`] | canonical tables as Parquet |

pub mod detectors;
pub mod lake;
pub mod model;
