//! Integration tests, one binary so that it links once.

// `cfg(test)` tells clippy that helpers beside tests may unwrap as tests do.
#[cfg(test)]
mod api;
mod architecture;
#[cfg(test)]
mod auth;
mod binary;
mod cache;
mod cardinal;
mod evaluate;
#[cfg(test)]
mod gateway;
mod imports;
mod jobs;
mod lake;
#[cfg(test)]
mod planted;
mod replicas;
#[cfg(test)]
mod server;
mod store;
mod support;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod tenders_only;
