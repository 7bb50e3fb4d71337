//! The map of the house.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`model`] | plain domain types |
//! | [`lake`] | canonical tables as Parquet |

pub mod lake;
pub mod model;
