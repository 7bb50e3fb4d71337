//! `cidadao evaluate`: what detectors find, measured against labelled data.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::detect::prepare;
use super::{Output, output};
use crate::config::Config;
use crate::detectors::Catalogue;
use crate::detectors::collusion::Model;
use crate::detectors::collusion::evaluation::{Figure, SetResult, evaluate, scored};
use crate::detectors::collusion::labelled::{self, LabelledSet};
use crate::detectors::planted::Labels;
use crate::investigation::{Request, plan_of};

/// Arguments of `evaluate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

/// What is measured.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// The score of the cartel screens on labelled bids: AUC per set, beside a low coefficient of variation
    Collusion(Collusion),
    /// Every detector on a sample with planted red flags (`cidadao sample`): precision, recall and base rate
    Sample(Sample),
}

/// Arguments of `evaluate sample`.
#[derive(Debug, clap::Args)]
struct Sample {
    /// Directory that `cidadao sample` wrote, with its labels.csv
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Arguments of `evaluate collusion`.
#[derive(Debug, clap::Args)]
struct Collusion {
    /// CSV files in the layout of García Rodríguez et al. (2022), or directories of them
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// With `--output json`: the score of every tender as well
    #[arg(long)]
    tenders: bool,
}

pub(super) async fn run(config: &Config, args: &Args, format: Output) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::Collusion(args) => collusion(args, format),
        What::Sample(args) => sample(config, args, format).await,
    }
}

async fn sample(config: &Config, args: &Sample, format: Output) -> anyhow::Result<ExitCode> {
    let labels = Labels::read(&args.directory.join("labels.csv"))?;
    let catalogue = Catalogue::builtin()?;
    let mut request = Request::of_query("contratos");
    // By name, so that those that run on request only are measured as well.
    request.options.detectors = catalogue.ids().into_iter().map(str::to_owned).collect();
    let plan = plan_of(&request, &catalogue);
    let prepared = prepare(config, std::slice::from_ref(&args.directory), &plan).await?;
    let mut all = Vec::new();
    for detector in catalogue.iter() {
        all.push(labels.figures(&prepared.run.detector(detector).await?));
    }
    if format == Output::Json {
        output::json(&json!({ "contracts": prepared.run.contracts_in_scope(), "detectors": all }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = output::table(["detector", "planted", "found", "near misses", "precision", "recall", "base rate"]);
    let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.4}"));
    for one in &all {
        table.add_row([
            one.detector.clone(),
            one.planted.to_string(),
            one.found.to_string(),
            format!("{} of {} fired", one.near_misses_found, one.near_misses),
            share(one.precision),
            share(one.recall),
            format!("{:.4}", one.base_rate),
        ]);
    }
    output::line(table.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn collusion(args: &Collusion, format: Output) -> anyhow::Result<ExitCode> {
    let model = Model::builtin()?;
    let mut sets = Vec::new();
    for file in labelled::files(&args.paths)? {
        sets.append(&mut labelled::read(&file)?);
    }
    let results: Vec<SetResult> = sets.iter().map(|set| evaluate(model, set)).collect();
    match format {
        Output::Json => {
            let one = |(result, set): (&SetResult, &LabelledSet)| -> anyhow::Result<Value> {
                let mut value = serde_json::to_value(result)?;
                if args.tenders {
                    value["scores"] = serde_json::to_value(scored(model, set))?;
                }
                Ok(value)
            };
            let sets = results.iter().zip(&sets).map(one).collect::<anyhow::Result<Vec<_>>>()?;
            output::json(&json!({ "model": model.version, "sets": sets }))?;
        }
        Output::Table => print(&results)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn print(results: &[SetResult]) -> anyhow::Result<()> {
    let mut table =
        output::table(["set", "tenders", "collusive", "low CV", "score", "95 %", "score - low CV", "95 %", "held out"]);
    let area = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let range = |figure: Option<Figure>, signed: bool| match figure {
        Some(one) if signed => format!("{:+.3} to {:+.3}", one.low, one.high),
        Some(one) => format!("{:.3} to {:.3}", one.low, one.high),
        None => "-".to_owned(),
    };
    for one in results {
        table.add_row([
            one.set.clone(),
            one.tenders.to_string(),
            one.collusive.to_string(),
            area(one.baseline),
            area(one.model.map(|figure| figure.value)),
            range(one.model, false),
            one.difference.map_or_else(|| "-".to_owned(), |figure| format!("{:+.4}", figure.value)),
            range(one.difference, true),
            if one.held_out { "yes" } else { "new" }.to_owned(),
        ]);
    }
    output::line(table.to_string())?;
    for one in results.iter().filter(|one| one.too_few_bids > 0 || one.skipped_rows > 0) {
        output::say(format!(
            "{}: {} tenders with fewer than three bids and {} rows without a bid left out",
            one.set, one.too_few_bids, one.skipped_rows
        ));
    }
    output::say("held out: yes = by the model of the other sets; new = the model has never seen the set");
    Ok(())
}
