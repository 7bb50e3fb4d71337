//! `cidadao detect`: detectors straight over files. No server, nothing kept.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;

use super::{Output, output};
use crate::config::Config;
use crate::detectors::{Catalogue, Detector, Run};
use crate::investigation::{Request, Score, in_scope, plan_of, request_violations};
use crate::lake::{self, LakeSnapshot};
use crate::model::{DetectorSummary, Finding, ParameterOverride, Plan};
use crate::sources::{self, PiiKey};

/// Arguments of `detect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files, directories or official zips of the Portal da Transparência
    #[arg(required_unless_present = "explain", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only these detectors
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    only: Vec<String>,
    /// A question that narrows the contracts, as "dispensas de 2024"
    #[arg(long, default_value = "contratos")]
    query: String,
    /// Print the query of each detector with its parameters filled in, the tables it reads and the plan of the
    /// engine, and run nothing; without files, over tables without rows
    #[arg(long)]
    explain: bool,
    /// Another value for a parameter, as value_jump.low_ratio=0.2; may be given again
    #[arg(long = "param", value_name = "DETECTOR.NAME=VALUE", value_parser = parameter)]
    parameters: Vec<ParameterOverride>,
}

/// A parameter as the command line has it.
pub(super) fn parameter(text: &str) -> Result<ParameterOverride, String> {
    let parts = text.split_once('=').and_then(|(key, value)| Some((key.split_once('.')?, value)));
    let ((detector, name), value) = parts.ok_or("must be DETECTOR.NAME=VALUE, as value_jump.low_ratio=0.2")?;
    let own = |text: &str| text.trim().to_owned();
    Ok(ParameterOverride { detector: own(detector), name: own(name), value: own(value), default: String::new() })
}

pub(super) async fn run(config: &Config, args: &Args, format: Output) -> anyhow::Result<ExitCode> {
    let catalogue = Catalogue::with_own(config.detectors_dir.as_deref(), config.own_limits).await?;
    let mut request = Request::of_query(&args.query);
    request.options.detectors.clone_from(&args.only);
    request.options.parameters.clone_from(&args.parameters);
    if let Some(wrong) = request_violations(&request, &catalogue).first() {
        bail!("{}: {}, got {:?}", wrong.field, wrong.rule, wrong.value);
    }
    let plan = plan_of(&request, &catalogue);
    let detectors =
        plan.detectors.iter().filter_map(|id| catalogue.of_plan(&plan, id)).collect::<Result<Vec<_>, _>>()?;
    if args.explain && args.files.is_empty() {
        return explain(&Run::over_nothing(config.own_limits).await?, &detectors, format).await;
    }
    let Prepared { run, imported, .. } = &prepare(config, &args.files, &plan).await?;
    if args.explain {
        return explain(run, &detectors, format).await;
    }
    let (contracts, tenders) = (run.contracts_in_scope(), run.tenders_in_scope());
    let mut findings = Vec::new();
    let mut summaries = Vec::new();
    for detector in &detectors {
        let mut found = run.detector(detector).await?;
        findings.append(&mut found.findings);
        summaries.push(found.summary);
    }
    let score = Score::of(&summaries);
    match format {
        Output::Json => output::json(&json!({
            "contracts": contracts,
            "tenders": tenders,
            "score": score.score,
            "fired_weight": score.fired_weight,
            "evaluable_weight": score.evaluable_weight,
            "plan": plan,
            "detectors": summaries.iter().map(summary_json).collect::<Vec<_>>(),
            "findings": findings.iter().map(finding_json).collect::<Vec<_>>(),
            "imported": imported.summary,
        }))?,
        Output::Table => print((contracts, tenders), &findings, &summaries)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Files as the tables that detectors read; they are gone with it.
pub(super) struct Prepared {
    pub(super) run: Run,
    imported: sources::ParsedFiles,
    _dir: tempfile::TempDir,
}

/// Takes files in, for one plan and for no longer.
pub(super) async fn prepare(config: &Config, files: &[PathBuf], plan: &Plan) -> anyhow::Result<Prepared> {
    let dir = tempfile::tempdir()?;
    let (files, to) = (files.to_vec(), dir.path().to_owned());
    // Nothing is kept, so the key of the hashes may be forgotten as well.
    let key = PiiKey::random();
    let imported = tokio::task::spawn_blocking(move || sources::files_to_parquet(&files, &to, &key, &|_| {})).await??;
    let snapshot = LakeSnapshot::from_files(dir.path().to_owned(), imported.files.clone());
    let session = lake::session(config.engine_memory, config.engine_threads)?;
    snapshot.register(&session).await?;
    let run = Run::prepare(session, plan).await?.limit_own(config.own_limits);
    Ok(Prepared { run, imported, _dir: dir })
}

async fn explain(run: &Run, detectors: &[Detector], format: Output) -> anyhow::Result<ExitCode> {
    let mut all = Vec::new();
    for detector in detectors {
        let header = &detector.header;
        let plan = run.plan(detector).await?;
        match format {
            Output::Json => all.push(json!({
                "detector": header.reference(),
                "tables": header.tables,
                "parameters": header.parameters,
                "query": detector.sql(),
                "plan": plan,
            })),
            Output::Table => output::line(format!(
                "-- {} {}: {}\n-- tables: {}\n{}\n\n-- plan\n{plan}\n",
                header.id,
                header.version,
                header.title.pt,
                header.tables.join(", "),
                detector.sql()
            ))?,
        }
    }
    if format == Output::Json {
        output::json(&all)?;
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
        "failed": summary.failed,
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

fn print(scope: (i64, i64), findings: &[Finding], summaries: &[DetectorSummary]) -> anyhow::Result<()> {
    let lines = findings.iter().map(|finding| {
        let first = finding.evidence.rows.first();
        output::FindingLine {
            severity: Some(finding.severity),
            kind: &finding.detector.id,
            description: &finding.description_pt,
            amount: finding.amount_at_stake,
            about: String::new(),
            more: 0,
        }
        .about(|name| first?.columns.get(name).map(String::as_str), finding.evidence.total_rows)
    });
    output::line(output::findings(lines).to_string())?;
    let failed: Vec<_> =
        summaries.iter().filter(|summary| summary.failed).flat_map(|one| one.warnings_pt.clone()).collect();
    let counts = |summary: &DetectorSummary| [summary.fired, summary.clear, summary.not_evaluable];
    let summaries = summaries.iter().map(|summary| (summary.detector.id.as_str(), counts(summary)));
    output::line(output::detectors(summaries).to_string())?;
    failed.iter().for_each(output::say);
    output::say(in_scope(scope.0, scope.1).1);
    Ok(())
}
