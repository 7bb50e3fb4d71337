//! The map of the house.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`model`] | plain domain types |
//! | [`sources`] | published files, and how they are taken in |
//! | [`lake`] | canonical tables as Parquet |

pub mod lake;
pub mod model;
pub mod sources;
