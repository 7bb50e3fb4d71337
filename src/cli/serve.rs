//! `cidadao serve`: the service.

use std::process::ExitCode;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::output;
use crate::app::{App, Listeners};
use crate::auth::AuthMode;
use crate::config::Config;
use crate::telemetry::Telemetry;

/// Binds the listeners of a configuration.
pub(super) async fn bind(config: &Config) -> anyhow::Result<Listeners> {
    let bind = async |name: &str, addr| {
        TcpListener::bind(addr).await.with_context(|| {
            format!("{name} address {addr} cannot be used (another server? choose one with --{name}-addr)")
        })
    };
    Ok(Listeners {
        grpc: bind("grpc", config.grpc_addr).await?,
        http: bind("http", config.http_addr).await?,
        metrics: bind("metrics", config.metrics_addr).await?,
    })
}

/// A token that is cancelled at SIGTERM or SIGINT; a second signal ends the process at once.
pub(super) fn shutdown_on_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        token.cancel();
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        std::process::exit(130);
    });
    Ok(shutdown)
}

/// Whether credentials are asked for, and why.
async fn credentials(config: &Config, app: &App) -> anyhow::Result<&'static str> {
    let exist = app.parts().store.has_credentials().await?;
    Ok(match (config.auth, exist) {
        (AuthMode::Off, _) => {
            "credentials: not asked for, whoever reaches a listener may do everything but manage accounts (auth is off)"
        }
        (AuthMode::Auto, false) => {
            "credentials: not asked for until there is a key or a user (auth is auto, every listener is on loopback)"
        }
        (AuthMode::Auto, true) => "credentials: required (auth is auto, and there are keys or users)",
        (AuthMode::Required, true) => "credentials: required (auth is required, or a listener is not on loopback)",
        (AuthMode::Required, false) => {
            "credentials: required, and there are none: make a key with `cidadao keys create --name NAME --role admin`"
        }
    })
}

pub(super) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let telemetry = Telemetry::init(&config.telemetry())?;
    let shutdown = shutdown_on_signal()?;
    let listeners = bind(config).await?;
    let app = App::build(config).await?;
    output::say(format!(
        "gRPC on {}, REST on http://{} (its description on /docs), metrics on http://{}/metrics",
        listeners.grpc.local_addr()?,
        listeners.http.local_addr()?,
        listeners.metrics.local_addr()?
    ));
    output::say(credentials(config, &app).await?);
    app.serve(listeners, shutdown).await?;
    telemetry.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
