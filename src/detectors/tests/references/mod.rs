//! Slow and obvious detectors, by family, and random data for them: see `differential`.

mod bidders;
mod collusion;
pub(super) mod contracts;
pub(super) mod peers;
pub(super) mod periods;
pub(super) mod prices;
mod random;
mod tenders;

pub(super) use random::random_contracts;
