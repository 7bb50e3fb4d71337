//! The map of the house.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`model`] | plain domain types |
//! | [`lake`] | canonical tables as Parquet |
//! | [`sources`] | published formats, and a synthetic sample in one of them |

pub mod lake;
pub mod model;
pub mod sources;
