//! `cidadao import`: published files into the lake.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use chrono::Utc;
use serde_json::Value;

use super::{Output, output, quality};
use crate::config::Config;
use crate::lake::Lake;
use crate::sources::{
    self, Address, FetchOptions, Fetched, ImportFormat, ImportOptions, ImportSummary, PiiKey, Progress,
};
use crate::store::{Store, StoreOptions};

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files, directories or official zips of the Portal da Transparência; OCDS as JSON or JSON Lines, .gz or .zip;
    /// or an address of the Portal: portal:compras/202401, portal:licitacoes/202401, portal:ceis, portal:cnep,
    /// portal:cepim, portal:acordos-leniencia (these also with a day, portal:ceis/20260706)
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// Take in a new edition that has less than half of the rows of the one in the lake
    #[arg(long)]
    accept_loss: bool,
    /// What the files are; found out from their content by default
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// A published format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Bulk files of the Portal da Transparência.
    Portal,
    /// Open Contracting Data Standard.
    Ocds,
}

pub(super) async fn run(config: &Config, args: &Args, format: Output) -> anyhow::Result<ExitCode> {
    let store = Store::connect(&StoreOptions::new(&config.database_url)).await?;
    let lake = Lake::new(config.lake_dir(), store.clone());
    let said = args.format.map(|format| match format {
        Format::Portal => ImportFormat::Portal,
        Format::Ocds => ImportFormat::Ocds,
    });
    let options = ImportOptions { accept_loss: args.accept_loss, format: said };
    let (addresses, mut paths) = split(&args.sources)?;
    let fetched = if addresses.is_empty() { None } else { Some(download(config, &addresses).await?) };
    paths.extend(fetched.iter().flat_map(|fetched| fetched.paths.iter().cloned()));
    let summary = into(config, &lake, &store, &paths, options).await?;
    match format {
        Output::Json => output::json(&summary)?,
        Output::Table => print(&summary)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Addresses and paths; what lies here by the name of an address is a path.
fn split(sources: &[PathBuf]) -> anyhow::Result<(Vec<Address>, Vec<PathBuf>)> {
    let (mut addresses, mut paths) = (Vec::new(), Vec::new());
    for source in sources {
        match source.to_str().filter(|_| !source.exists()).map(Address::parse).transpose()?.flatten() {
            Some(address) => addresses.push(address),
            None => paths.push(source.clone()),
        }
    }
    Ok((addresses, paths))
}

/// Downloads with a progress bar.
async fn download(config: &Config, addresses: &[Address]) -> anyhow::Result<Fetched> {
    let bar = Mutex::new(output::bar(0, "{bar:30} {bytes} {bytes_per_sec} {msg}")?);
    let progress = |progress: Progress| {
        if let Ok(bar) = bar.lock() {
            bar.set_length(progress.bytes_total);
            bar.set_position(progress.bytes_done);
            bar.set_message(progress.file);
        }
    };
    let options = FetchOptions::of(&config.portal_url);
    let fetched = sources::fetch(addresses, &config.data_dir, &options, Utc::now(), &progress).await;
    if let Ok(bar) = bar.lock() {
        bar.finish_and_clear();
    }
    Ok(fetched?)
}

/// Imports with a progress bar.
pub(super) async fn into(
    config: &Config,
    lake: &Lake,
    store: &Store,
    paths: &[PathBuf],
    options: ImportOptions,
) -> anyhow::Result<ImportSummary> {
    let key = PiiKey::load_or_create(&config.data_dir.join("pii.key"))?;
    let bar = Mutex::new(output::bar(0, "{bar:30} {percent:>3}% {bytes_per_sec} {msg}")?);
    let progress = |progress: Progress| {
        if let Ok(bar) = bar.lock() {
            bar.set_length(progress.bytes_total);
            bar.set_position(progress.bytes_done);
            bar.set_message(format!("{} ({} rows)", progress.file, progress.rows));
        }
    };
    let summary = sources::import(paths, lake, store, &key, options, &progress).await;
    if let Ok(bar) = bar.lock() {
        bar.finish_and_clear();
    }
    Ok(summary?)
}

fn print(summary: &ImportSummary) -> anyhow::Result<()> {
    let value = serde_json::to_value(summary)?;
    let mut table = output::table(["", ""]);
    for (name, count) in value.as_object().into_iter().flatten() {
        match count {
            Value::Number(number) => table.add_row([name.as_str(), &number.to_string()]),
            Value::Array(names) if names.iter().all(Value::is_string) && !names.is_empty() => {
                let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
                table.add_row([name.as_str(), &names.join(", ")])
            }
            _ => &mut table,
        };
    }
    output::line(table.to_string())?;
    let measured: Vec<_> =
        summary.files.iter().filter_map(|file| Some((file.dataset.as_str(), file.quality.as_ref()?))).collect();
    if measured.is_empty() {
        return Ok(());
    }
    output::line(quality::overview(measured))?;
    output::line("`cidadao lake quality` has more of it")
}
