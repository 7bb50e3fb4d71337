//! `cidadao demo`: everything at once, with synthetic data in a place of its own.

use std::process::ExitCode;

use anyhow::Context as _;

use super::keys::{ACTOR, BATCH};
use super::{Output, import, investigate, output, serve};
use crate::api::client::Client;
use crate::api::pb;
use crate::app::App;
use crate::auth::KeyRequest;
use crate::config::Config;
use crate::model::Role;
use crate::secret::Secret;
use crate::sources::ImportOptions;
use crate::sources::sample::{SampleOptions, generate};
use crate::telemetry::Telemetry;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Stop after the table of findings
    #[arg(long)]
    exit: bool,
    /// Synthetic contracts
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    rows: u64,
    /// Seed of the sample
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The question
    #[arg(long, default_value = "contratos acima de 10 mil reais")]
    query: String,
}

pub(super) async fn run(mut config: Config, args: &Args, format: Output) -> anyhow::Result<ExitCode> {
    // Synthetic contracts must never stand beside real ones: a lake and a database of their own.
    config.data_dir = config.data_dir.join("demo");
    config.database_url = format!("sqlite:{}", config.data_dir.join("cidadao.db").display());
    let telemetry = Telemetry::init(&config.telemetry())?;
    let shutdown = serve::shutdown_on_signal()?;
    let listeners = serve::bind(&config).await?;
    let grpc = listeners.grpc.local_addr()?;
    let http = listeners.http.local_addr()?;
    let metrics = listeners.metrics.local_addr()?;

    let month = config.data_dir.join("sample");
    output::say(format!("1/3 writing {} SYNTHETIC contracts to {}", args.rows, month.display()));
    generate(&SampleOptions { rows: args.rows, seed: args.seed, out: month.clone() }, &|_| {})?;
    output::say("2/3 importing them");
    let app = App::build(&config).await?;
    // A smaller sample than the last one is no cut download.
    let options = ImportOptions { accept_loss: true, ..ImportOptions::default() };
    import::into(&config, &app.parts().lake, &app.parts().store, &[month], options, shutdown.clone()).await?;

    // Where nothing asks for credentials, none are made: one key would make every call need one.
    let key = if app.parts().auth.required().await? { Some(new_key(&app).await?) } else { None };

    output::say(format!("3/3 investigating: {}", args.query));
    let server = {
        let shutdown = shutdown.clone();
        tokio::spawn(async move { app.serve(listeners, shutdown).await })
    };
    let mut client =
        Client::connect(&format!("http://{grpc}"), key.as_ref()).await.context("the demo server does not answer")?;
    let started = client
        .start(pb::StartInvestigationRequest { query: args.query.clone(), ..Default::default() })
        .await
        .map_err(|status| investigate::said(&status))?;
    let id = started.investigation_id;
    let code = investigate::follow(&mut client, &id, format, None).await?;
    if args.exit {
        shutdown.cancel();
    } else {
        let (header, option) = key.as_ref().map_or_else(Default::default, |key| {
            let key = key.expose();
            (format!(" -H 'x-api-key: {key}'"), format!(" --api-key {key}"))
        });
        output::say(format!(
            "\nserving on {grpc} (REST: http://{http}, its description on /docs; metrics: http://{metrics}/metrics); stop with Ctrl-C. Try:\n\
  grpcurl -plaintext {grpc} list\n\
  grpcurl -plaintext{header} -d '{{\"query\": \"contratos emergenciais acima de 1 milhão\"}}' {grpc} cidadao.v1.InvestigationService/StartInvestigation\n\
  grpcurl -plaintext{header} -d '{{\"investigation_id\": \"{id}\", \"after_sequence\": 3}}' {grpc} cidadao.v1.InvestigationService/WatchInvestigation\n\
  curl -s{header} http://{http}/api/v1/investigations/{id}/results\n\
  curl -N{header} http://{http}/api/v1/investigations/{id}/events\n\
  cidadao report {id} --format html --grpc-addr {grpc}{option} > report.html"
        ));
    }
    server.await??;
    telemetry.shutdown().await;
    Ok(code)
}

/// Name of the key of the demo.
const KEY: &str = "demo";

/// A key for this run. Those of earlier runs, which nobody can show again, are revoked.
async fn new_key(app: &App) -> anyhow::Result<Secret> {
    let accounts = app.parts().auth.accounts();
    let mut after = None;
    loop {
        let keys = accounts.store().api_keys(after, BATCH).await?;
        let Some(last) = keys.last() else { break };
        after = Some(last.id.clone());
        for key in keys.iter().filter(|key| key.name == KEY && key.revoked_at.is_none()) {
            accounts.revoke_key(ACTOR, &key.id).await?;
        }
    }
    let request = KeyRequest { name: KEY.to_owned(), role: Role::Admin, username: None, expires_in: None };
    Ok(accounts.create_key(ACTOR, request).await?.1)
}
