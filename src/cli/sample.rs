//! `cidadao sample`: a synthetic month in the official layout.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Output, output};
use crate::sources::sample::{SampleOptions, generate, generate_ocds};

/// Arguments of `sample`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Layout: the bulk files of the Portal, or tenders with bids as OCDS JSON Lines
    #[arg(long, value_enum, default_value_t = Layout::Portal)]
    format: Layout,
    /// Contracts, or processes of OCDS, to write
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    rows: u64,
    /// Seed: the same rows and seed give the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Directory to write to; made if missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// A layout of the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Layout {
    /// Bulk files of the Portal da Transparência.
    Portal,
    /// Compiled releases of OCDS, one a line.
    Ocds,
}

pub(super) fn run(args: &Args, format: Output) -> anyhow::Result<ExitCode> {
    let bar = output::bar(args.rows, "{bar:30} {percent:>3}% {pos} contracts")?;
    let options = SampleOptions { rows: args.rows, seed: args.seed, out: args.out.clone() };
    let progress = |rows| bar.set_position(rows);
    let summary = match args.format {
        Layout::Portal => generate(&options, &progress)?,
        Layout::Ocds => generate_ocds(&options, &progress)?,
    };
    bar.finish_and_clear();
    match format {
        Output::Json => output::json(&summary)?,
        Output::Table => {
            let mut table = output::table(["", ""]);
            let value = serde_json::to_value(&summary)?;
            for (name, count) in value.as_object().into_iter().flatten().filter(|(_, count)| count.is_number()) {
                table.add_row([name.as_str(), &count.to_string()]);
            }
            output::line(table.to_string())?;
            let mut table = output::table(["detector", "must answer", "subjects", "rows"]);
            for (detector, answers) in &summary.labels {
                for (answer, count) in answers {
                    table.add_row([detector, answer, &count.subjects.to_string(), &count.rows.to_string()]);
                }
            }
            output::line(table.to_string())?;
            output::say(format!("synthetic data, not real contracts, in {}", args.out.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}
