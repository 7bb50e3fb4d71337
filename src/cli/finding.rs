//! `cidadao explain` and `cidadao review`: one finding, by a running server.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use super::investigate::{finding_json, said, server_url};
use super::{Output, output};
use crate::api::client::Client;
use crate::api::pb;
use crate::config::Config;
use crate::model::{ReviewState, printable};
use crate::secret::Secret;

/// The server that a command talks to.
#[derive(Debug, clap::Args)]
struct Server {
    /// Address of the server [default: that of --grpc-addr]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// API key, where the server asks for credentials
    #[arg(long, env = "CIDADAO_API_KEY", value_name = "KEY", hide_env_values = true)]
    api_key: Option<Secret>,
}

impl Server {
    async fn connect(&self, config: &Config) -> anyhow::Result<Client> {
        let url = server_url(self.server.as_deref(), config);
        Client::connect(&url, self.api_key.as_ref()).await.with_context(|| format!("no server answers at {url}"))
    }
}

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// Id of the finding
    finding_id: String,
    #[command(flatten)]
    server: Server,
}

/// Arguments of `review`.
#[derive(Debug, clap::Args)]
pub(super) struct Review {
    /// Id of the finding
    finding_id: String,
    /// What became of it: open, confirmed or dismissed
    #[arg(long, value_parser = state)]
    state: ReviewState,
    /// Why; required for dismissed
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    server: Server,
}

fn state(name: &str) -> Result<ReviewState, String> {
    ReviewState::parse(name).ok_or_else(|| "must be open, confirmed or dismissed".to_owned())
}

/// The name of a state.
fn state_name(state: pb::ReviewState) -> String {
    state.as_str_name().trim_start_matches("REVIEW_STATE_").to_lowercase()
}

/// Sets the review of a finding.
pub(super) async fn review(config: &Config, args: Review, format: Output) -> anyhow::Result<ExitCode> {
    let state = match args.state {
        ReviewState::Open => pb::ReviewState::Open,
        ReviewState::Confirmed => pb::ReviewState::Confirmed,
        ReviewState::Dismissed => pb::ReviewState::Dismissed,
    };
    let mut client = args.server.connect(config).await?;
    let request = pb::ReviewFindingRequest { finding_id: args.finding_id, state: state as i32, reason: args.reason };
    let review = client.review(request).await.map_err(|status| said(&status))?;
    let name = state_name(review.state());
    match format {
        Output::Json => output::json(&json!({
            "finding_id": review.finding_id, "state": name, "reason": review.reason, "reviewer": review.reviewer,
        }))?,
        Output::Table => output::line(format!("{}: {name} ({})", review.finding_id, review.reviewer))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows where a finding comes from; exit status 4 if it does not come out again.
pub(super) async fn explain(config: &Config, args: &Explain, format: Output) -> anyhow::Result<ExitCode> {
    let mut client = args.server.connect(config).await?;
    let told = client.explain(&args.finding_id).await.map_err(|status| said(&status))?;
    match format {
        Output::Json => output::json(&json!({
            "finding": told.finding.as_ref().map(finding_json),
            "investigation_id": told.investigation_id,
            "lake_version": told.lake_version,
            "detector": told.detector.as_ref().map(|detector| json!({
                "id": detector.id, "version": detector.version, "user_made": detector.user_made,
            })),
            "query": told.query,
            "tables": told.tables,
            "parameters": told.parameters.iter().map(|one| json!({
                "name": one.name, "value": one.value, "unit": one.unit, "default_value": one.default_value,
            })).collect::<Vec<_>>(),
            "reproduced": told.reproduced,
            "recomputed": told.recomputed.as_ref().map(finding_json),
            "difference": told.difference,
            "review_changes": told.review_changes.iter().map(|change| json!({
                "reviewer": change.reviewer,
                "from": state_name(change.from_state()),
                "to": state_name(change.to_state()),
                "reason": change.reason,
            })).collect::<Vec<_>>(),
        }))?,
        Output::Table => output::line(shown(&told))?,
    }
    Ok(if told.reproduced { ExitCode::SUCCESS } else { ExitCode::from(4) })
}

fn shown(told: &pb::FindingExplanation) -> String {
    let finding = told.finding.clone().unwrap_or_default();
    let detector = told.detector.clone().unwrap_or_default();
    let mut out = format!(
        "{}: {}\n{}\n\nfinding {}\ninvestigation {}, data at version {}\ndetector {} {}\n",
        finding.r#type,
        printable(&finding.title),
        printable(&finding.description),
        finding.id,
        told.investigation_id,
        told.lake_version,
        detector.id,
        detector.version,
    );
    let mut part = |name: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            out.push_str(&format!("\n{name}\n  {}\n", lines.join("\n  ")));
        }
    };
    let limits = told.parameters.iter();
    part("parameters", limits.map(|one| format!("{} = {} {}: {}", one.name, one.value, one.unit, one.text)).collect());
    let evidence = told.recomputed.clone().and_then(|again| again.evidence).unwrap_or_default();
    part("values", evidence.values.iter().map(|one| format!("{}: {}", one.name, one.value)).collect());
    let rows = evidence.rows.iter();
    part("rows", rows.map(|row| format!("{} {}: {}, line {}", row.table, row.id, row.file, row.line)).collect());
    part("tables", vec![told.tables.join(", ")]);
    let changes = told.review_changes.iter().map(|change| {
        let (from, to) = (state_name(change.from_state()), state_name(change.to_state()));
        format!("{from} -> {to} by {}: {}", change.reviewer, printable(&change.reason))
    });
    part("review", changes.collect());
    part("query", told.query.lines().map(str::to_owned).collect());
    let verdict = if told.reproduced {
        "computed again: the same finding comes out".to_owned()
    } else {
        format!("computed again: NOT the same finding. {}", told.difference)
    };
    out.push_str(&format!("\n{verdict}"));
    out
}
