//! HTTP: the REST shim over the services of `api`, and the metrics listener.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`binding`], [`template`] | the routes that the annotations of the RPCs declare |
//! | `routes` | from a path to its route |
//! | `body`, `read`, `query`, `scalar` | from body, path and query to a message |
//! | `call` | the call within the process |
//! | `wire`, `write`, `stream`, `problem` | from messages to JSON, to events, from errors to problems |
//! | `rest` | one request, from one end to the other |
//! | [`openapi`] | the description of the routes, and a page to read and try them |
//! | `server` | the listener, its limits, CORS and compression |
//! | `site` | pages of other sites, kept out while no credentials are asked for |
//! | `health` | probes |
//! | `metrics` | the metrics listener |

pub mod binding;
mod body;
mod call;
mod count;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod metrics;
pub mod names;
pub mod openapi;
mod problem;
mod query;
mod read;
mod rest;
mod routes;
mod scalar;
mod server;
mod site;
mod stream;
pub mod template;
mod wire;
mod write;

use prost_reflect::DescriptorPool;

use self::binding::BindingError;
use crate::api::VERSION;

pub use metrics::{MetricsSource, serve_metrics};
pub use rest::{Gateway, GatewayParts};
pub use server::serve;

/// Pages beside the API: its description, for programs and for people.
fn pages(pool: &DescriptorPool, credentials_required: bool) -> Result<axum::Router, BindingError> {
    let settings = openapi::Settings { version: VERSION, credentials_required };
    Ok(openapi::router(&openapi::document(pool, settings)?)?)
}

#[cfg(test)]
mod tests;
