//! `cidadao import`: published files into the lake.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use chrono::Utc;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Output, output, quality, serve};
use crate::cache::{Redis, RedisOptions};
use crate::config::Config;
use crate::lake::Lake;
use crate::sources::{
    self, Address, ApiAddress, ApiOptions, FetchOptions, Fetched, ImportFormat, ImportOptions, ImportSummary, Importer,
    PiiKey, Progress,
};
use crate::store::{Store, StoreOptions};

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files, directories or official zips of the Portal da Transparência; OCDS as JSON or JSON Lines, .gz or .zip;
    /// or an address of the Portal: portal:compras/202401, portal:licitacoes/202401, portal:ceis, portal:cnep,
    /// portal:cepim, portal:acordos-leniencia (these also with a day, portal:ceis/20260706); or a list of an API:
    /// pncp:contratos/2025-03-01..2025-03-12, pncp:contratacoes/..2025-03-12 (what is new since the last import),
    /// portal-api:contratos/26246/2025-01-01..2025-12-31, portal-api:licitacoes/26246/2025-03-01..2025-03-31
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// Take in a new edition that has less than half of the rows of the one in the lake
    #[arg(long)]
    accept_loss: bool,
    /// What the files are; found out from their content by default
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Of tenders of PNCP also their items and results: a request for each
    #[arg(long)]
    with_items: bool,
    /// Codes of the modalities whose tenders are asked of PNCP, with commas between them [default: all that it lists]
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    modalities: Vec<u32>,
    /// Days before the last one in the lake that are read again where the first day is left out
    #[arg(long, value_name = "DAYS", default_value_t = 3)]
    overlap_days: u32,
}

/// A published format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Bulk files of the Portal da Transparência.
    Portal,
    /// Open Contracting Data Standard.
    Ocds,
    /// Pages of PNCP.
    Pncp,
    /// Answers of the REST API of the Portal da Transparência.
    PortalApi,
}

pub(super) async fn run(config: &Config, args: &Args, format: Output) -> anyhow::Result<ExitCode> {
    let store = Store::connect(&StoreOptions::new(&config.database_url)).await?;
    let lake = config.lake(store.clone())?;
    let said = args.format.map(|format| match format {
        Format::Portal => ImportFormat::Portal,
        Format::Ocds => ImportFormat::Ocds,
        Format::Pncp => ImportFormat::Pncp,
        Format::PortalApi => ImportFormat::PortalApi,
    });
    let options = ImportOptions { accept_loss: args.accept_loss, format: said };
    let Asked { addresses, lists, mut paths } = split(&args.sources)?;
    let fetched = if addresses.is_empty() { None } else { Some(download(config, &addresses).await?) };
    paths.extend(fetched.iter().flat_map(|fetched| fetched.paths.iter().cloned()));
    let read = if lists.is_empty() { None } else { Some(read(config, args, &lists, &store).await?) };
    paths.extend(read.iter().flat_map(|read| read.paths.iter().cloned()));
    let mut summary = if paths.is_empty() {
        ImportSummary { lake_version: store.lake_version().await?, ..ImportSummary::default() }
    } else {
        let before = store.lake_version().await?;
        let stop = serve::shutdown_on_signal()?;
        match into(config, &lake, &store, &paths, options, stop.clone()).await {
            Err(_) if stop.is_cancelled() => {
                // What is being written goes with what writes it, which the runtime waits for.
                output::say(match store.lake_version().await? {
                    version if version == before => {
                        format!("interrupted: nothing was taken in, the lake is at version {version}")
                    }
                    version => {
                        format!("interrupted, but the lake is at version {version} now: see `cidadao lake status`")
                    }
                });
                return Ok(ExitCode::from(INTERRUPTED));
            }
            result => result?,
        }
    };
    summary.ignored.extend(read.iter().flat_map(|read| read.empty.iter().cloned()));
    match format {
        Output::Json => output::json(&summary)?,
        Output::Table => print(&summary)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Status of a command that a signal ended.
const INTERRUPTED: u8 = 130;

/// What is to be imported.
#[derive(Default)]
struct Asked {
    addresses: Vec<Address>,
    lists: Vec<ApiAddress>,
    paths: Vec<PathBuf>,
}

/// Addresses and paths; what lies here by the name of an address is a path.
fn split(sources: &[PathBuf]) -> anyhow::Result<Asked> {
    let mut asked = Asked::default();
    for source in sources {
        let text = source.to_str().filter(|_| !source.exists());
        if let Some(address) = text.map(Address::parse).transpose()?.flatten() {
            asked.addresses.push(address);
        } else if let Some(list) = text.map(ApiAddress::parse).transpose()?.flatten() {
            asked.lists.push(list);
        } else {
            asked.paths.push(source.clone());
        }
    }
    Ok(asked)
}

/// Reads lists of APIs, page by page.
async fn read(config: &Config, args: &Args, lists: &[ApiAddress], store: &Store) -> anyhow::Result<Fetched> {
    let redis = match &config.redis_url {
        Some(url) => Some(Redis::connect(RedisOptions::new(url.clone())).await),
        None => None,
    };
    let options = ApiOptions {
        items: args.with_items,
        modalities: args.modalities.clone(),
        overlap_days: args.overlap_days,
        ..config.apis(redis.as_ref())
    };
    let datasets: Vec<String> = store.imports().await?.into_iter().map(|import| import.dataset).collect();
    let bar = output::bar(0, "{spinner} {bytes} {msg}")?;
    let shown = bar.clone();
    let progress = move |progress: Progress| {
        shown.set_position(progress.bytes_done);
        shown.set_message(format!("{} ({} records)", progress.file, progress.rows));
    };
    let read = sources::fetch_lists(lists, &config.data_dir, &options, &datasets, Utc::now(), &progress).await;
    bar.finish_and_clear();
    Ok(read?)
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
    stop: CancellationToken,
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
    let importer = Importer { stop, ..Importer::command_line() };
    let summary = sources::import_by(&importer, paths, lake, store, &key, options, &progress).await;
    if let Ok(bar) = bar.lock() {
        bar.finish_and_clear();
    }
    Ok(summary?)
}

/// Names of files that a cell of the table holds.
const NAMES_SHOWN: usize = 5;

fn print(summary: &ImportSummary) -> anyhow::Result<()> {
    let value = serde_json::to_value(summary)?;
    let mut table = output::table(["", ""]);
    for (name, count) in value.as_object().into_iter().flatten() {
        match count {
            Value::Number(number) => table.add_row([name.as_str(), &number.to_string()]),
            Value::Array(names) if names.iter().all(Value::is_string) && !names.is_empty() => {
                let shown: Vec<_> = names.iter().filter_map(Value::as_str).take(NAMES_SHOWN).collect();
                let more = match names.len() - shown.len() {
                    0 => String::new(),
                    more => format!(" and {more} more (all of them: --output json)"),
                };
                table.add_row([name.as_str(), &format!("{}{more}", shown.join(", "))])
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
