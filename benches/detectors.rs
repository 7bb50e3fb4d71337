//! Every detector over a lake of many contracts: time of each, of all, and peak memory; beside them the same SQL in DuckDB on the
//! same Parquet files, for the detectors whose functions DuckDB has or can be told in a macro. One run, one after the other.
//!
//! `LAKE` is a data directory that something was imported into, `MEMORY_MIB` the memory of the engine (2048, as by default),
//! `DUCKDB_PYTHON` a Python that has `duckdb`, `CIDADAO_BIN` the binary that prints the queries.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use cidadao::detectors::{Catalogue, Run};
use cidadao::investigation::{Request, plan_of};
use cidadao::lake::Lake;
use cidadao::store::{Store, StoreOptions};
use serde::Deserialize;

type Failure = Box<dyn std::error::Error>;

/// What DuckDB did with one detector.
#[derive(Deserialize)]
struct Beside {
    id: String,
    seconds: Option<f64>,
    #[serde(default)]
    counts: BTreeMap<String, i64>,
    error: Option<String>,
}

/// Largest memory of this process so far, in MiB.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
}

fn main() -> Result<(), Failure> {
    // `cargo test --benches` runs this too: there is nothing to test here.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let data = PathBuf::from(std::env::var("LAKE").map_err(|_| "LAKE is not set: run benches/detectors.sh")?);
    tokio::runtime::Runtime::new()?.block_on(measure(data))
}

async fn measure(data: PathBuf) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let store = Store::connect(&StoreOptions::new(format!("sqlite:{}", data.join("cidadao.db").display()))).await?;
    let lake = Lake::new(data.join("lake"), store);
    let memory: usize = std::env::var("MEMORY_MIB").ok().and_then(|mib| mib.parse().ok()).unwrap_or(2048);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let session = cidadao::lake::session(memory << 20, threads)?;
    lake.snapshot(None).await?.register(&session).await?;
    let catalogue = Catalogue::builtin()?;
    let plan = plan_of(&Request::of_query("contratos"), &catalogue);
    let all = Instant::now();
    let run = Run::prepare(session, &plan).await?;
    writeln!(out, "{} contracts, {} tenders", run.contracts_in_scope(), run.tenders_in_scope())?;
    let mut ours = Vec::new();
    for id in catalogue.ids() {
        let Some(detector) = catalogue.get(id) else { continue };
        let begin = Instant::now();
        let summary = run.detector(detector).await?.summary;
        let seconds = begin.elapsed().as_secs_f64();
        ours.push((id, seconds, summary));
    }
    let total = all.elapsed().as_secs_f64();
    let peak = peak_mib().map_or_else(|| "unknown".to_owned(), |mib| format!("{mib} MiB"));
    let beside = beside(&data)?;
    let (mut shared, mut theirs) = (0.0, 0.0);
    for (id, seconds, summary) in &ours {
        let counts = [summary.fired, summary.clear, summary.not_evaluable];
        let note = match beside.get(*id) {
            None => String::new(),
            Some(Beside { seconds: Some(duck), counts: duck_counts, .. }) => {
                let of = |name: &str| duck_counts.get(name).copied().unwrap_or(0);
                let equal = counts == [of("fired"), of("clear"), of("not_evaluable")];
                shared += seconds;
                theirs += duck;
                let counts = if equal { "equal counts" } else { "other counts: a macro is simpler than its function" };
                format!("DuckDB {duck:6.2} s   ratio {:5.2}   {counts}", seconds / duck)
            }
            Some(Beside { error, .. }) => format!("not in DuckDB: {}", error.as_deref().unwrap_or_default()),
        };
        writeln!(out, "{id:<26} {seconds:7.2} s   {:>8}/{:>8}/{:>8}   {note}", counts[0], counts[1], counts[2])?;
    }
    writeln!(out, "all detectors {total:.1} s, peak memory {peak}")?;
    if theirs > 0.0 {
        writeln!(out, "those that DuckDB ran too: {shared:.1} s, DuckDB {theirs:.1} s, ratio {:.2}", shared / theirs)?;
    }
    Ok(())
}

/// What DuckDB did, by detector; nothing if there is no DuckDB.
fn beside(data: &std::path::Path) -> Result<BTreeMap<String, Beside>, Failure> {
    let Some(python) = std::env::var_os("DUCKDB_PYTHON") else { return Ok(BTreeMap::new()) };
    let binary = std::env::var_os("CIDADAO_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_cidadao").into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/detectors.py");
    let output = Command::new(python).arg(script).arg(binary).arg(data.join("lake")).output()?;
    if !output.status.success() {
        return Err(format!("DuckDB: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| Ok(serde_json::from_slice::<Beside>(line).map(|one| (one.id.clone(), one))?)).collect()
}
