//! gRPC: the services of `proto/cidadao/v1`, conversions, errors, the server, and a thin client.

mod caller;
pub mod client;
mod convert;
mod layer;
mod page;
pub mod pb;

pub use caller::{Principal, RequestId, principal};
