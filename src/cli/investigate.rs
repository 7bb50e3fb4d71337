//! `cidadao investigate`: a client of a running server.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use super::{Output, output};
use crate::api::client::{self, Client};
use crate::api::pb;
use crate::config::Config;
use crate::model::{Money, ParameterOverride, Severity};
use crate::secret::Secret;

/// Arguments of `investigate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The question in Portuguese, as "contratos emergenciais acima de 1 milhão"
    query: String,
    /// Follow the progress to the end and print the findings
    #[arg(long)]
    watch: bool,
    /// Address of the server [default: that of --grpc-addr]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// API key, where the server asks for credentials
    #[arg(long, env = "CIDADAO_API_KEY", value_name = "KEY", hide_env_values = true)]
    api_key: Option<Secret>,
    /// Only these detectors
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Another value for a parameter, as value_jump.low_ratio=0.2; may be given again
    #[arg(long = "param", value_name = "DETECTOR.NAME=VALUE", value_parser = super::detect::parameter)]
    parameters: Vec<ParameterOverride>,
    /// Wait for the end, and exit with status 3 if there is a finding of at least this severity (low,
    /// medium, high, critical)
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    fail_on: Option<Severity>,
    /// UUID of the request: the same one gives the same investigation
    #[arg(long, value_name = "UUID")]
    request_id: Option<String>,
}

fn severity(name: &str) -> Result<Severity, String> {
    Severity::parse(name).ok_or_else(|| "must be low, medium, high or critical".to_owned())
}

/// URL of the server that a command talks to.
pub(super) fn server_url(server: Option<&str>, config: &Config) -> String {
    server.map_or_else(|| format!("http://{}", config.grpc_addr), ToOwned::to_owned)
}

pub(super) async fn run(config: &Config, args: Args, format: Output) -> anyhow::Result<ExitCode> {
    let url = server_url(args.server.as_deref(), config);
    let mut client = Client::connect(&url, args.api_key.as_ref())
        .await
        .with_context(|| format!("no server answers at {url}; start one with `cidadao serve`"))?;
    let parameters = args.parameters.into_iter().map(|one| {
        let ParameterOverride { detector, name, value, default: _ } = one;
        pb::ParameterOverride { detector, name, value }
    });
    let started = client
        .start(pb::StartInvestigationRequest {
            query: args.query,
            options: Some(pb::InvestigationOptions {
                detectors: args.only,
                parameters: parameters.collect(),
                ..Default::default()
            }),
            request_id: args.request_id.unwrap_or_default(),
            ..Default::default()
        })
        .await
        .map_err(|status| said(&status))?;
    let id = started.investigation_id;
    if !args.watch && args.fail_on.is_none() {
        match format {
            Output::Json => output::json(&json!({"investigation_id": id}))?,
            Output::Table => output::line(&id)?,
        }
        output::say(format!(
            "follow it: grpcurl -plaintext -d '{{\"investigation_id\":\"{id}\"}}' {} cidadao.v1.InvestigationService/WatchInvestigation",
            config.grpc_addr
        ));
        return Ok(ExitCode::SUCCESS);
    }
    follow(&mut client, &id, format, args.fail_on).await
}

/// Follows an investigation with a progress bar, then prints its findings.
pub(super) async fn follow(
    client: &mut Client,
    id: &str,
    format: Output,
    fail_on: Option<Severity>,
) -> anyhow::Result<ExitCode> {
    let bar = output::bar(1_000, "{bar:30} {percent:>3}% {msg}")?;
    let terminal = !bar.is_hidden();
    let watched = client
        .follow(id, |event| {
            bar.set_position((event.fraction * 1_000.0) as u64);
            bar.set_message(event.message.clone());
            if terminal {
                bar.println(format!("{:>4}  {:<32} {}", event.sequence, event.stage, event.message));
            } else {
                let percent = (event.fraction * 100.0) as u64;
                output::say(format!("{:>4}  {percent:>3}%  {:<32} {}", event.sequence, event.stage, event.message));
            }
        })
        .await;
    bar.finish_and_clear();
    watched.map_err(|status| said(&status))?;
    let investigation = client.get(id).await.map_err(|status| said(&status))?;
    let (findings, results) = client.results(id).await.map_err(|status| said(&status))?;
    match format {
        Output::Json => output::json(&json!({
            "investigation_id": id,
            "status": state_name(investigation.status()),
            "summary": results.summary,
            "findings": findings.iter().map(finding_json).collect::<Vec<_>>(),
        }))?,
        Output::Table => print_findings(&findings, &results)?,
    }
    if investigation.status() != pb::JobState::Completed {
        let error = investigation.error.clone().unwrap_or_default();
        let state = state_name(investigation.status());
        output::say(format!("the investigation ended as {state}: {} {}", error.reason, error.message));
        return Ok(ExitCode::FAILURE);
    }
    let worst = findings.iter().map(|finding| finding.severity).max().unwrap_or_default();
    let limit = fail_on.map_or(i32::MAX, Severity::rank);
    Ok(if worst >= limit { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

fn state_name(state: pb::JobState) -> String {
    state.as_str_name().trim_start_matches("JOB_STATE_").to_lowercase()
}

fn severity_of(finding: &pb::Finding) -> Option<Severity> {
    Severity::DESCENDING.into_iter().find(|severity| severity.rank() == finding.severity)
}

pub(super) fn finding_json(finding: &pb::Finding) -> serde_json::Value {
    let evidence = finding.evidence.clone().unwrap_or_default();
    json!({
        "id": finding.id,
        "type": finding.r#type,
        "title": finding.title,
        "description": finding.description,
        "severity": severity_of(finding).map(Severity::as_str),
        "amount_at_stake": finding.amount_at_stake,
        "contract_ids": finding.contract_ids,
        "evidence": {
            "rows": evidence.rows.iter().map(|row| json!({
                "table": row.table, "id": row.id, "file": row.file, "line": row.line, "columns": row.columns,
            })).collect::<Vec<_>>(),
            "values": evidence.values.iter().map(|value| json!({
                "name": value.name, "value": value.value, "unit": value.unit,
            })).collect::<Vec<_>>(),
            "limits": evidence.limits.iter().map(|limit| json!({
                "name": limit.name, "value": limit.value, "unit": limit.unit, "legal_basis": limit.legal_basis,
                "default_value": limit.default_value,
            })).collect::<Vec<_>>(),
        },
        "detector": finding.detector.as_ref().map(|detector| json!({
            "id": detector.id, "version": detector.version, "reference": detector.reference,
        })),
    })
}

/// Findings that the table shows; all of them are in the results and in the report.
const SHOWN: usize = 25;

fn print_findings(findings: &[pb::Finding], results: &pb::GetInvestigationResultsResponse) -> anyhow::Result<()> {
    let lines = findings.iter().take(SHOWN).map(|finding| {
        let evidence = finding.evidence.as_ref();
        let first = evidence.and_then(|evidence| evidence.rows.first());
        let column = |name: &str| first.and_then(|row| row.columns.get(name)).map(String::as_str);
        output::FindingLine {
            severity: severity_of(finding),
            kind: &finding.r#type,
            description: &finding.description,
            amount: finding.amount_at_stake.parse::<Money>().ok(),
            about: String::new(),
            more: 0,
        }
        .about(column, evidence.map_or(0, |evidence| evidence.total_rows))
    });
    let table = output::findings(lines);
    if !findings.is_empty() {
        output::line(table.to_string())?;
    }
    if findings.len() > SHOWN {
        let more = findings.len() - SHOWN;
        output::line(format!("… e mais {more}; todos: cidadao report {}", results.investigation_id))?;
    }
    let table = output::detectors(results.metadata.iter().flat_map(|metadata| &metadata.detectors).map(|summary| {
        let id = summary.detector.as_ref().map(|detector| detector.id.as_str()).unwrap_or_default();
        (id, [summary.fired, summary.clear, summary.not_evaluable])
    }));
    output::line(table.to_string())?;
    output::line(&results.summary)
}

/// A status in words: its code, its message and the fields it names.
pub(super) fn said(status: &client::Status) -> anyhow::Error {
    anyhow::anyhow!("{}", client::words(status))
}
