//! `cidadao lake`: what was taken in, version by version, and whether its files are sound.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde::Serialize;

use super::{Output, output, quality};
use crate::config::Config;
use crate::lake::{Lake, verify};
use crate::model::{ImportRecord, LakeVersion};
use crate::store::{Store, StoreOptions};

/// What to do with the lake.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Tables, datasets and versions
    Status {
        /// Versions to show, newest first
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..))]
        versions: i64,
    },
    /// What the rows of the datasets are worth: what was left out, and what is missing, wrong or doubtful
    Quality {
        /// Datasets, as `lake status` names them [default: all]
        #[arg(value_name = "DATASET")]
        datasets: Vec<String>,
    },
    /// Read every file of a version in full and compare it with the manifest; exit status 1 if one is not sound
    #[command(disable_version_flag = true)]
    Verify {
        /// Version to check [default: the latest]
        #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
        version: Option<i64>,
    },
}

/// Files of one table.
#[derive(Debug, Default, Serialize)]
struct TableStatus {
    files: i64,
    rows: i64,
    bytes: i64,
}

/// A dataset that the latest version holds.
#[derive(Debug, Serialize)]
struct DatasetStatus {
    dataset: String,
    file: String,
    imported_at: String,
    counts: BTreeMap<String, i64>,
}

#[derive(Debug, Serialize)]
struct Status {
    version: i64,
    tables: BTreeMap<&'static str, TableStatus>,
    datasets: Vec<DatasetStatus>,
    versions: Vec<LakeVersion>,
}

pub(super) async fn run(config: &Config, command: &Command, format: Output) -> anyhow::Result<ExitCode> {
    let store = Store::connect(&StoreOptions::new(&config.database_url)).await?;
    let lake = Lake::new(config.lake_dir(), store.clone());
    match command {
        Command::Status { versions } => status(&lake, &store, *versions, format).await,
        Command::Quality { datasets } => quality::show(&store, datasets, format).await,
        Command::Verify { version } => check(&lake, *version, format).await,
    }
}

async fn status(lake: &Lake, store: &Store, versions: i64, format: Output) -> anyhow::Result<ExitCode> {
    let snapshot = lake.snapshot(None).await?;
    let mut tables: BTreeMap<&'static str, TableStatus> = BTreeMap::new();
    for file in snapshot.files() {
        let table = tables.entry(file.table.as_str()).or_default();
        table.files += 1;
        table.rows += file.rows;
        table.bytes += file.bytes;
    }
    let dataset = |import: ImportRecord| DatasetStatus {
        dataset: import.dataset,
        file: import.file_name,
        imported_at: import.imported_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        counts: import.counts,
    };
    let datasets = store.imports().await?.into_iter().map(dataset).collect();
    let versions = store.lake_versions(versions).await?;
    let status = Status { version: snapshot.version(), tables, datasets, versions };
    if format == Output::Json {
        output::json(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format!("version {}", status.version))?;
    let mut table = output::table(["table", "files", "rows", "bytes"]);
    for (name, one) in &status.tables {
        table.add_row([*name, &one.files.to_string(), &one.rows.to_string(), &one.bytes.to_string()]);
    }
    output::line(table.to_string())?;
    let mut table = output::table(["dataset", "file", "imported", "rows", "quarantined"]);
    for one in &status.datasets {
        let count = |name: &str| one.counts.get(name).copied().unwrap_or(0).to_string();
        table.add_row([&one.dataset, &one.file, &one.imported_at, &count("rows"), &count("quarantined")]);
    }
    output::line(table.to_string())?;
    let mut table = output::table(["version", "made", "datasets"]);
    for one in &status.versions {
        let made = one.created_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        table.add_row([&one.version.to_string(), &made, &one.datasets.join(", ")]);
    }
    output::line(table.to_string())?;
    Ok(ExitCode::SUCCESS)
}

async fn check(lake: &Lake, version: Option<i64>, format: Output) -> anyhow::Result<ExitCode> {
    let snapshot = lake.snapshot(version).await?;
    let bar = output::bar(snapshot.files().len() as u64, "{bar:30} {percent:>3}% {pos} files")?;
    let shown = bar.clone();
    let found = tokio::task::spawn_blocking(move || verify(&snapshot, &|done| shown.set_position(done as u64))).await?;
    bar.finish_and_clear();
    match format {
        Output::Json => output::json(&found)?,
        Output::Table => {
            output::line(format!(
                "version {}: {} files with {} rows are sound",
                found.version, found.files, found.rows
            ))?;
            for defect in &found.defects {
                output::line(format!("{}: {}", defect.path, defect.problem))?;
            }
        }
    }
    Ok(if found.defects.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
