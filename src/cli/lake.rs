//! `cidadao lake`: what was taken in, version by version, and whether its files are sound.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use super::{Output, output, quality};
use crate::config::Config;
use crate::lake::{self, Lake, verify};
use crate::model::{ImportRecord, LakeVersion};
use crate::store::{Expiry, Store, StoreOptions};

/// Datasets of a version that are named in a table for people.
const SHOWN: usize = 5;

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
    /// Merge the small files of each source and table; a new version with the same rows
    Compact {
        /// Size in MiB below which a file is small
        #[arg(long, value_name = "MIB", default_value_t = 128, value_parser = clap::value_parser!(i64).range(1..=1 << 20))]
        small_mib: i64,
    },
    /// Make a new version that holds what an earlier one holds; nothing is deleted
    #[command(disable_version_flag = true)]
    Rollback {
        /// Version to go back to; 0 is the empty lake
        #[arg(value_parser = clap::value_parser!(i64).range(0..))]
        version: i64,
    },
    /// Let go of old versions and delete the files that only they have; what a running job reads is kept
    Vacuum {
        /// Keep versions that were the latest within so many days; those of the last hour are always kept
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        keep_days: u32,
        /// Keep so many of the latest versions
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(i64).range(1..))]
        keep_versions: i64,
        /// Only tell what would go
        #[arg(long)]
        dry_run: bool,
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
    let lake = config.lake(store.clone())?;
    match command {
        Command::Status { versions } => status(&lake, &store, *versions, format).await,
        Command::Quality { datasets } => quality::show(&store, datasets, format).await,
        Command::Compact { small_mib } => compact(&lake, small_mib << 20, format).await,
        Command::Rollback { version } => rollback(&lake, *version, format).await,
        Command::Vacuum { keep_days, keep_versions, dry_run } => {
            let keep = Duration::from_secs(24 * 3_600) * *keep_days;
            vacuum(&lake, Expiry { keep, keep_versions: *keep_versions }, *dry_run, format).await
        }
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
    let mut table = output::table(["version", "made", "by", "datasets"]);
    for one in &status.versions {
        let made = one.created_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let mut by = one.of_version.map_or_else(|| one.operation.clone(), |of| format!("{} to {of}", one.operation));
        if one.expired {
            by.push_str(", kept no longer");
        }
        let mut datasets = one.datasets.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        if let Some(more) = one.datasets.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            datasets.push_str(&format!(" and {more} more"));
        }
        table.add_row([&one.version.to_string(), &made, &by, &datasets]);
    }
    output::line(table.to_string())?;
    Ok(ExitCode::SUCCESS)
}

async fn compact(lake: &Lake, small: i64, format: Output) -> anyhow::Result<ExitCode> {
    let done = lake::compact(lake, small).await?;
    if format == Output::Json {
        output::json(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    if done.merged.is_empty() {
        output::line(format!("version {}: there is nothing to merge", done.version))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format!("version {}", done.version))?;
    let mut table = output::table(["source", "table", "datasets", "files", "rows", "bytes before", "bytes after"]);
    for one in &done.merged {
        let counts = [one.datasets as i64, one.files as i64, one.rows, one.bytes_before, one.bytes_after];
        let counts = counts.map(|count| count.to_string());
        table.add_row([one.source.clone(), one.table.as_str().to_owned()].into_iter().chain(counts));
    }
    output::line(table.to_string())?;
    Ok(ExitCode::SUCCESS)
}

async fn rollback(lake: &Lake, to: i64, format: Output) -> anyhow::Result<ExitCode> {
    let version = lake::roll_back(lake, to).await?;
    match format {
        Output::Json => output::json(&serde_json::json!({ "version": version, "of_version": to }))?,
        Output::Table => output::line(format!("version {version} holds what version {to} holds"))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn vacuum(lake: &Lake, expiry: Expiry, dry: bool, format: Output) -> anyhow::Result<ExitCode> {
    let done = lake::vacuum(lake, expiry, dry).await?;
    match format {
        Output::Json => output::json(&done)?,
        Output::Table => {
            let (versions, files, bytes) = (done.versions.len(), done.files, done.bytes);
            let leftovers = done.leftovers;
            let would = if dry { "would go" } else { "are gone" };
            let oldest = done.oldest_version;
            output::line(format!(
                "{versions} versions and {files} files ({bytes} bytes), and {leftovers} leftovers of imports {would}; {oldest} is the oldest version that is kept"
            ))?;
        }
    }
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
