//! The parts, wired and served. Everything with state is a field of [`App`]: several of them run in
//! one process, each on its own ports.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use tokio_util::sync::CancellationToken;

use crate::api::{self, Api, Prober, ServeError, Stack};
use crate::cache::Cache;
use crate::detectors::Catalogue;
use crate::gateway::{self, MetricsSource};
use crate::jobs::{JobHandler, Jobs};
use crate::lake::Lake;
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;

/// Sockets that the server listens on; they may be bound to port 0.
#[derive(Debug)]
pub struct Listeners {
    /// gRPC.
    pub grpc: TcpListener,
    /// Metrics.
    pub metrics: TcpListener,
}

impl Listeners {
    /// Both on loopback, on ports that the system chooses.
    ///
    /// # Errors
    /// If a socket cannot be bound.
    pub async fn loopback() -> std::io::Result<Self> {
        let bind = || TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0));
        Ok(Self { grpc: bind().await?, metrics: bind().await? })
    }
}
