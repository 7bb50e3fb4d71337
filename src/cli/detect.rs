//! `cidadao detect`: detectors straight over files. No server, nothing kept.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;

use super::{Output, output};
use crate::config::Config;
use crate::detectors::{Catalogue, Run};
use crate::investigation::{Language, Request, plan_of, score, severity_name};
use crate::lake::{self, LakeSnapshot};
use crate::model::{DetectorSummary, Finding, Money};
use crate::sources::{self, PiiKey};

/// Arguments of `detect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files, directories or official zips of the Portal da Transparência
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only these detectors
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    only: Vec<String>,
    /// A question that narrows the contracts, as "dispensas de 2024"
    #[arg(long, default_value = "contratos")]
    query: String,
}

pub(super) async fn run(config: &Config, args: &Args, format: Output) -> anyhow::Result<ExitCode> {
    let catalogue = Catalogue::builtin()?;
    let mut request = Request::of_query(&args.query);
    request.options.detectors.clone_from(&args.only);
    if let Some(wrong) = request.violations(&catalogue.ids()).first() {
        bail!("{}: {}, got {:?}", wrong.field, wrong.rule, wrong.value);
    }
    let plan = plan_of(&request, &catalogue);
    let dir = tempfile::tempdir()?;
    let (files, to) = (args.files.clone(), dir.path().to_owned());
    // Nothing is kept, so the key of the hashes may be forgotten as well.
    let key = PiiKey::random();
    let imported = tokio::task::spawn_blocking(move || sources::files_to_parquet(&files, &to, &key, &|_| {})).await??;
    let snapshot = LakeSnapshot::from_files(dir.path().to_owned(), imported.files);
    let session = lake::session(config.engine_memory, config.engine_threads)?;
    snapshot.register(&session).await?;
    let run = Run::prepare(session, &plan).await?;
    let contracts = run.contracts_in_scope();
    let mut findings = Vec::new();
    let mut summaries = Vec::new();
    for detector in catalogue.iter().filter(|detector| plan.detectors.iter().any(|id| id == detector.id())) {
        let mut found = run.detector(detector).await?;
        findings.append(&mut found.findings);
        summaries.push(found.summary);
    }
    match format {
        Output::Json => output::json(&json!({
            "contracts": contracts,
            "score": score(&summaries),
            "plan": plan,
            "detectors": summaries.iter().map(summary_json).collect::<Vec<_>>(),
            "findings": findings.iter().map(finding_json).collect::<Vec<_>>(),
            "imported": imported.summary,
        }))?,
        Output::Table => print(contracts, &findings, &summaries)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn summary_json(summary: &DetectorSummary) -> serde_json::Value {
    json!({
        "detector": summary.detector,
        "fired": summary.fired,
        "clear": summary.clear,
        "not_evaluable": summary.not_evaluable,
        "reasons": summary.reasons,
        "warnings": summary.warnings_pt,
    })
}

fn finding_json(finding: &Finding) -> serde_json::Value {
    json!({
        "id": finding.id,
        "type": finding.detector.id,
        "title": finding.title_pt,
        "description": finding.description_pt,
        "description_en": finding.description_en,
        "severity": finding.severity,
        "outcome": "fired",
        "amount_at_stake": finding.amount_at_stake,
        "contract_ids": finding.contract_ids,
        "tags": finding.tags,
        "evidence": finding.evidence,
        "detector": finding.detector,
    })
}

fn print(contracts: i64, findings: &[Finding], summaries: &[DetectorSummary]) -> anyhow::Result<()> {
    let mut table = output::table(["gravidade", "tipo", "indício", "valor em questão"]);
    for finding in findings {
        table.add_row([
            severity_name(finding.severity, Language::Portuguese),
            &finding.detector.id,
            &finding.description_pt,
            &finding.amount_at_stake.map(Money::pt).unwrap_or_default(),
        ]);
    }
    output::line(table.to_string())?;
    let mut table = output::table(["detector", "indícios", "sem indício", "não avaliável"]);
    for summary in summaries {
        table.add_row([
            summary.detector.id.as_str(),
            &summary.fired.to_string(),
            &summary.clear.to_string(),
            &summary.not_evaluable.to_string(),
        ]);
    }
    output::line(table.to_string())?;
    output::say(format!("{contracts} contracts"));
    Ok(())
}
