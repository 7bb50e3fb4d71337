//! `cidadao report`: a client of a running server.

use std::process::ExitCode;

use anyhow::Context as _;

use super::investigate::{said, server_url};
use super::{Output, output};
use crate::api::client::Client;
use crate::config::Config;
use crate::secret::Secret;

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of the investigation
    investigation_id: String,
    /// Format: md, html, json or csv
    #[arg(long, default_value = "md", value_parser = ["md", "html", "json", "csv"])]
    format: String,
    /// Language: pt or en
    #[arg(long, default_value = "pt", value_parser = ["pt", "en"])]
    language: String,
    /// Address of the server [default: that of --grpc-addr]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// API key, where the server asks for credentials
    #[arg(long, env = "CIDADAO_API_KEY", value_name = "KEY", hide_env_values = true)]
    api_key: Option<Secret>,
}

pub(super) async fn run(config: &Config, args: &Args, format: Output) -> anyhow::Result<ExitCode> {
    let url = server_url(args.server.as_deref(), config);
    let mut client =
        Client::connect(&url, args.api_key.as_ref()).await.with_context(|| format!("no server answers at {url}"))?;
    // `--output json` asks for JSON whatever the format of the report.
    let wanted = if format == Output::Json { "json" } else { args.format.as_str() };
    let report = client.report(&args.investigation_id, wanted, &args.language).await.map_err(|status| said(&status))?;
    output::line(report.report_content.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
