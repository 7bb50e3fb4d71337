use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::input::{self, Bounds, Format, Gathered, ImportFormat, Input, Stop};
use super::parse::{Known, ParsedFile, Scan, parse, scan};
use super::{ImportError, ImportSummary, PiiKey, Progress, portal, receita};
use crate::lake::{self, Lake, Written};
use crate::model::{AuditEntry, ImportRecord, LakeFile, QualityReport};
use crate::store::{DatasetFile, ImportCommit, Merge, NewImport, Store, StoreError};

/// An edition of fewer rows than this may lose half of them, one of a tenth of it all of them.
const FEW_ROWS: i64 = 100;

/// Most files that are worked on at once: each takes some 100 MiB.
const MOST_AT_ONCE: usize = 4;

/// Who takes files in, and within which bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Importer {
    /// Who asks for it, for the audit log.
    pub actor: String,
    /// From where, for the audit log.
    pub remote: String,
    /// The job that does it and the token of its lease, without which nothing is committed.
    pub job: Option<(String, i64)>,
    /// What is not beneath this directory, whatever links lead there, is left aside.
    pub within: Option<PathBuf>,
    /// Ends the import once it is cancelled, unless it is at its commit.
    pub stop: CancellationToken,
}

impl Importer {
    /// Somebody at the command line of this machine.
    pub fn command_line() -> Self {
        Self {
            actor: "cli".to_owned(),
            remote: "cli".to_owned(),
            job: None,
            within: None,
            stop: CancellationToken::new(),
        }
    }
}

/// Stops the reading of an import that nobody waits for any more.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.now();
    }
}

/// How an import goes about what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Take in an edition that lost more than half of the rows of the one before.
    pub accept_loss: bool,
    /// What the files are, whatever they look like; by default that is found out.
    pub format: Option<ImportFormat>,
}

/// Times that rows without a contract are counted again because somebody else made a version meanwhile.
const RECOUNTS: usize = 5;
/// Progress that is kept while nobody looks.
const PENDING_PROGRESS: usize = 64;

/// Takes published files into the lake: plain, in directories, in ZIP archives.
///
/// All or nothing: either every file of the call is part of the next version, or none is and the
/// version stays. A file whose content its dataset holds already changes nothing; one with another
/// content replaces the rows of its dataset, unless it lost more than half of them: a download that
/// was cut off must not empty a month. Calls progress from the task that awaits.
///
/// # Errors
/// [`ImportError`].
pub async fn import(
    paths: &[PathBuf],
    lake: &Lake,
    store: &Store,
    key: &PiiKey,
    options: ImportOptions,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<ImportSummary, ImportError> {
    import_by(&Importer::command_line(), paths, lake, store, key, options, progress).await
}

/// The same for somebody. Dropped before its end, it takes nothing in, and soon stops reading.
///
/// # Errors
/// [`ImportError`].
pub async fn import_by(
    importer: &Importer,
    paths: &[PathBuf],
    lake: &Lake,
    store: &Store,
    key: &PiiKey,
    options: ImportOptions,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<ImportSummary, ImportError> {
    let call = Call { importer, lake, store, key, options };
    let read = tokio::select! {
        read = read_all(call, paths, progress) => read?,
        () = importer.stop.cancelled() => return Err(ImportError::Interrupted("it was told to stop".to_owned())),
    };
    commit(call, read).await
}

/// Who imports, into what and how.
#[derive(Clone, Copy)]
struct Call<'a> {
    importer: &'a Importer,
    lake: &'a Lake,
    store: &'a Store,
    key: &'a PiiKey,
    options: ImportOptions,
}

/// What an import is to commit.
struct ReadAll {
    summary: ImportSummary,
    imports: Vec<NewImport>,
    reports: BTreeMap<String, QualityReport>,
    written: Written,
}

/// Reads all files and writes their rows. Dropped before its end it leaves nothing.
async fn read_all(
    call: Call<'_>,
    paths: &[PathBuf],
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<ReadAll, ImportError> {
    let Call { importer, lake, store, key, options } = call;
    let paths = paths.to_vec();
    let bounds = Bounds { within: importer.within.clone(), stop: Stop::default() };
    let _stop = StopOnDrop(bounds.stop.clone());
    let gathered = blocking(progress, move |_| input::gather_within(&paths, options.format, bounds)).await?;
    let Gathered { inputs, ignored, .. } = gathered;
    // Sooner than after the work of hours.
    lake.files().reachable().await?;
    if let Err(error) = lake.remove_orphans().await {
        // They cost space and nothing else.
        tracing::warn!(%error, "leftovers of earlier imports stay");
    }
    let overall = Overall::new(&inputs, progress);
    let progress = &|step| overall.step(step);
    let mut summary = ImportSummary { ignored, ..ImportSummary::default() };
    let mut known = Known::default();
    let mut written = Written::of(lake);
    let compared = Repeated::new(&inputs, store.imports().await?);
    let mut ids = ids_in_order(&inputs);
    // The largest ones first, so that none of them is worked on alone in the end.
    let mut waiting: Vec<(usize, Arc<Input>)> = inputs.into_iter().map(Arc::new).enumerate().collect();
    waiting.sort_by_key(|(_, input)| std::cmp::Reverse(input.bytes));
    let mut waiting = waiting.into_iter();
    let mut running = FuturesUnordered::new();
    // By their place among the inputs, so that nothing depends on which one was done first.
    let mut done: BTreeMap<usize, ParsedFile> = BTreeMap::new();
    let mut unchanged: BTreeMap<usize, String> = BTreeMap::new();
    let mut failure: Option<ImportError> = None;
    loop {
        while running.len() < at_once() && failure.is_none() {
            let Some((place, input)) = waiting.next() else { break };
            let scan = match first_pass(&input, &compared, &mut known, store, progress).await {
                Ok(Some(scan)) => scan,
                Ok(None) => {
                    unchanged.insert(place, input.name.clone());
                    overall.done(&input);
                    continue;
                }
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            };
            let (files, key, now) = (lake.files().clone(), key.clone(), store.now());
            let id = ids.remove(&place).unwrap_or_else(new_id);
            running.push(async move {
                let taken_in = Arc::clone(&input);
                let at = files.clone();
                let work = move |report: &dyn Fn(Progress)| {
                    let parsed = parse(&taken_in, id, scan, at.root(), &key, now, report)?;
                    // Removed again if nobody waits for it any more.
                    let mut own = Written::at(at);
                    own.add(parsed.lake_files.iter().cloned());
                    Ok((parsed, own))
                };
                let parsed = blocking(progress, work).await;
                let published = match &parsed {
                    Ok((parsed, _)) => files.publish(&parsed.lake_files).await,
                    Err(_) => Ok(()),
                };
                (place, input, parsed, published)
            });
        }
        let Some((place, input, parsed, published)) = running.next().await else { break };
        // Also what was written after another file failed is to be removed.
        match parsed {
            Ok((parsed, own)) => {
                written.take_over(own);
                failure = failure.or(published.err().map(ImportError::from));
                let checked = match options.accept_loss || failure.is_some() {
                    true => Ok(()),
                    false => check_loss(store, &input, parsed.summary.rows).await,
                };
                failure = failure.or(checked.err());
                done.insert(place, parsed);
            }
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if let Some(error) = failure {
        written.give_up().await;
        return Err(error);
    }
    summary.unchanged.extend(unchanged.into_values());
    let mut imports: Vec<NewImport> = Vec::new();
    let mut reports: BTreeMap<String, QualityReport> = BTreeMap::new();
    for parsed in done.into_values() {
        summary.add(&parsed);
        reports.insert(parsed.record.id.clone(), report(&parsed));
        imports.push(new_import(importer, parsed));
    }
    Ok(ReadAll { summary, imports, reports, written })
}

fn new_id() -> String {
    Uuid::now_v7().to_string()
}

/// The ids of the imports of files, by their place: in the order of the datasets, so that of a contract which two months
/// publish the later month's row counts, whichever file is larger.
fn ids_in_order(inputs: &[Input]) -> HashMap<usize, String> {
    let mut places: Vec<usize> = (0..inputs.len()).collect();
    places.sort_by_key(|place| inputs.get(*place).map(|input| input.dataset.as_str()));
    places.into_iter().map(|place| (place, new_id())).collect()
}

/// Makes a version of what was read.
async fn commit(call: Call<'_>, read: ReadAll) -> Result<ImportSummary, ImportError> {
    let Call { importer, lake, store, .. } = call;
    let ReadAll { mut summary, mut imports, mut reports, mut written } = read;
    if imports.is_empty() {
        summary.lake_version = store.lake_version().await?;
        return Ok(summary);
    }
    let mut recounts = 0;
    loop {
        let (version, current) = store.current_files().await?;
        let replaced: HashSet<&str> = imports.iter().map(|import| import.record.dataset.as_str()).collect();
        let merges = lake::without(lake, &current, &replaced, &mut written).await?;
        count_orphans(lake, current, &merges, &imports, &mut reports).await?;
        written.check().await?;
        // From here on nobody can tell whether the manifest knows the files.
        written.commit();
        let batch = ImportCommit {
            imports: imports.clone(),
            reports: reports.clone(),
            merges: merges.clone(),
            after: (recounts < RECOUNTS).then_some(version),
            job: importer.job.clone(),
        };
        match store.commit_imports(batch).await {
            Ok(version) => {
                summary.lake_version = version;
                for import in &imports {
                    let of_dataset = summary.files.iter_mut().find(|file| file.dataset == import.record.dataset);
                    if let Some(file) = of_dataset {
                        file.quality = reports.remove(&import.record.id);
                    }
                }
                return Ok(summary);
            }
            // It was undone, as no file of these is in any version.
            Err(StoreError::LakeMoved { .. }) => {
                written.refused();
                written.discard(|file| merges.iter().any(|merge| merge.file.as_ref() == Some(file)));
                recounts += 1;
            }
            // Somebody else brought the same content meanwhile: the manifest knows none of these files.
            Err(StoreError::AlreadyImported { dataset, .. }) => {
                let (out, rest) = imports.into_iter().partition(|import| import.record.dataset == dataset);
                imports = rest;
                let is_out = |file: &LakeFile| out.iter().any(|import| import.files.contains(file));
                written.discard(|file| is_out(file) || merges.iter().any(|merge| merge.file.as_ref() == Some(file)));
                summary.leave_out(&dataset);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The first pass over a file; `None` if the lake or an earlier file of the call holds the same.
async fn first_pass(
    input: &Arc<Input>,
    compared: &Repeated,
    known: &mut Known,
    store: &Store,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Option<Scan>, ImportError> {
    let (scanned, is_compared) = (Arc::clone(input), compared.is(&input.dataset));
    let scan = blocking(progress, move |report| scan(&scanned, is_compared, report)).await?;
    if let Some(hash) = scan.content_hash() {
        if known.holds(input, hash)? || store.import_by_hash(&input.dataset, hash).await?.is_some() {
            return Ok(None);
        }
        known.note(input, hash);
    }
    Ok(Some(scan))
}

/// Files that are worked on at once: reading, making rows and encoding keep about two processors busy.
fn at_once() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_AT_ONCE)
}

/// Datasets of which there is something that a file is to be compared with.
struct Repeated(HashSet<String>);

impl Repeated {
    fn new(inputs: &[Input], current: Vec<ImportRecord>) -> Self {
        let mut seen: HashSet<String> = current.into_iter().map(|import| import.dataset).collect();
        let mut repeated = seen.clone();
        repeated.extend(
            inputs.iter().filter(|input| !seen.insert(input.dataset.clone())).map(|input| input.dataset.clone()),
        );
        Self(repeated)
    }

    fn is(&self, dataset: &str) -> bool {
        self.0.contains(dataset)
    }
}

/// How far all files of an import are together.
struct Overall<'a> {
    bytes_total: u64,
    done: Mutex<(HashMap<String, u64>, u64)>,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl<'a> Overall<'a> {
    fn new(inputs: &[Input], progress: &'a (dyn Fn(Progress) + Send + Sync)) -> Self {
        let bytes_total = inputs.iter().map(|input| input.bytes).sum();
        Self { bytes_total, done: Mutex::default(), progress }
    }

    /// Nothing is left to do on a file.
    fn done(&self, input: &Input) {
        let (file, bytes) = (input.name.clone(), input.bytes);
        self.step(Progress { file, bytes_done: bytes, bytes_total: bytes, rows: 0 });
    }

    fn step(&self, step: Progress) {
        let bytes_done = {
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            let (files, sum) = &mut *done;
            let before = files.insert(step.file.clone(), step.bytes_done).unwrap_or(0);
            *sum = sum.saturating_sub(before) + step.bytes_done;
            *sum
        };
        (self.progress)(Progress { bytes_done, bytes_total: self.bytes_total, ..step });
    }
}

/// Refuses an edition that lost most of its dataset, or a list older than the one that it would replace.
async fn check_loss(store: &Store, input: &Input, rows: i64) -> Result<(), ImportError> {
    let current = store.imports().await?;
    let of_dataset = || current.iter().filter(|import| import.dataset == input.dataset);
    if let Some(day) = list_day(input.format, &input.name) {
        let newer = |name: &str| list_day(input.format, name).is_some_and(|known| known > day);
        if let Some(import) = of_dataset().find(|import| newer(&import.file_name)) {
            let (file, dataset) = (input.name.clone(), input.dataset.clone());
            return Err(ImportError::OlderList { file, dataset, before: import.file_name.clone() });
        }
    }
    let before = of_dataset().map(|import| import.counts.get("rows").copied().unwrap_or(0)).sum::<i64>();
    if (rows == 0 && before >= FEW_ROWS / 10) || (before >= FEW_ROWS && rows < before / 2) {
        let (file, dataset) = (input.name.clone(), input.dataset.clone());
        return Err(ImportError::LostRows { file, dataset, before, rows });
    }
    Ok(())
}

/// The day of a list that is published as a whole, in digits that sort.
fn list_day(format: Format, name: &str) -> Option<String> {
    match format {
        Format::Portal(kind) if kind.is_snapshot() => portal::snapshot_day(name).map(ToOwned::to_owned),
        Format::Receita(_) => receita::edition_day(name).map(|day| day.format("%Y%m%d").to_string()),
        Format::Portal(_) | Format::Ocds | Format::Answers(_) => None,
    }
}

/// What the rows of a file are worth, without those that belong to no contract.
fn report(parsed: &ParsedFile) -> QualityReport {
    let summary = &parsed.summary;
    QualityReport {
        rows: summary.rows,
        duplicates: summary.duplicates,
        quarantined: summary.quarantined,
        quarantined_by_reason: summary.quarantined_by_reason.clone(),
        amounts_rounded: summary.amounts_rounded,
        values_unreadable: summary.values_unreadable,
        tables: parsed.qualities.clone(),
    }
}

/// Counts the rows that belong to no contract or tender of the lake as these imports will make it of what it holds.
async fn count_orphans(
    lake: &Lake,
    current: Vec<DatasetFile>,
    merges: &[Merge],
    imports: &[NewImport],
    reports: &mut BTreeMap<String, QualityReport>,
) -> Result<(), ImportError> {
    let replaced: HashSet<&str> = imports.iter().map(|import| import.record.dataset.as_str()).collect();
    let apart: HashSet<&String> = merges.iter().flat_map(|merge| &merge.gone).collect();
    let kept = current.into_iter().filter(|held| {
        !apart.contains(&held.file.path) && (held.file.merged || !replaced.contains(held.dataset.as_str()))
    });
    let kept = kept.map(|held| held.file).chain(merges.iter().filter_map(|merge| merge.file.clone()));
    let around: Vec<LakeFile> = kept.chain(imports.iter().flat_map(|import| import.files.iter().cloned())).collect();
    let written: Vec<_> = imports.iter().map(|import| (import.record.id.clone(), import.files.clone())).collect();
    let place = lake.files().clone();
    let counted = tokio::task::spawn_blocking(move || lake::orphans(&place, &written, &around)).await;
    let counted = counted.map_err(|error| ImportError::Interrupted(error.to_string()))??;
    for ((import, table), orphans) in counted {
        let tables = reports.get_mut(&import).into_iter().flat_map(|report| &mut report.tables);
        for of_table in tables.filter(|of_table| of_table.table == table) {
            of_table.orphans = Some(orphans);
        }
    }
    Ok(())
}

fn new_import(importer: &Importer, parsed: ParsedFile) -> NewImport {
    let ParsedFile { record, lake_files, quarantine, .. } = parsed;
    let audit = AuditEntry {
        actor: importer.actor.clone(),
        action: "import.committed".to_owned(),
        resource: record.id.clone(),
        remote: importer.remote.clone(),
        result: "ok".to_owned(),
        details: serde_json::json!({
            "dataset": record.dataset,
            "file": record.file_name,
            "content_hash": record.content_hash,
            "counts": record.counts,
        }),
    };
    NewImport { record, replaces_dataset: true, files: lake_files, quarantine, audit }
}

/// Runs work that blocks; `progress` is called by the task that waits for it.
async fn blocking<T: Send + 'static>(
    progress: &(dyn Fn(Progress) + Send + Sync),
    work: impl FnOnce(&dyn Fn(Progress)) -> Result<T, ImportError> + Send + 'static,
) -> Result<T, ImportError> {
    let (sender, mut receiver) = mpsc::channel(PENDING_PROGRESS);
    let task = tokio::task::spawn_blocking(move || {
        work(&|step| {
            // A full channel means that nobody can see the difference.
            let _ = sender.try_send(step);
        })
    });
    while let Some(step) = receiver.recv().await {
        progress(step);
    }
    task.await.map_err(|error| ImportError::Interrupted(error.to_string()))?
}
