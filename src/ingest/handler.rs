//! The worker's side of an import.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Intake, Output, Request, Source};
use crate::jobs::{Finish, JobContext, JobFailure, JobHandler};
use crate::lake::Lake;
use crate::model::{Counts, EventKind, Job, JobKind, JobState, NewEvent, thousands};
use crate::sources::{
    Allowed, ApiOptions, FetchError, FetchOptions, Fetched, ImportError, ImportOptions, ImportSummary, Importer,
    PiiKey, Progress, fetch, fetch_lists, fetch_web, import_by,
};
use crate::store::{JobQuery, StepCommit, Store, StoreError};

/// How often watchers are told how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Share of the work that reading is; the rest is counting and the commit.
const READING: f64 = 0.95;
/// Names of files that are kept of those that are not taken in.
const MAX_NAMES: usize = 100;

/// Runs imports.
#[derive(Debug)]
pub struct Handler {
    /// What they go into.
    pub lake: Lake,
    /// Its manifest.
    pub store: Store,
    /// What may be taken in.
    pub intake: Intake,
    /// How lists of APIs are read.
    pub apis: ApiOptions,
    /// Where downloads and the key of the CPF hash are.
    pub data_dir: PathBuf,
}

/// How far an import is, as it was told last.
type Seen = Arc<Mutex<Option<Progress>>>;

#[async_trait]
impl JobHandler for Handler {
    fn kind(&self) -> JobKind {
        JobKind::Import
    }

    async fn run(&self, ctx: &mut JobContext) -> Result<Finish, JobFailure> {
        let request: Request = serde_json::from_value(ctx.job.payload.clone())
            .map_err(|error| JobFailure::permanent("INVALID_PAYLOAD", "the stored request cannot be read", error))?;
        let done = self.bring(ctx, &request).await;
        if let Source::Upload(upload) = &request.source {
            // Kept only for another attempt.
            let again = match &done {
                Err(JobFailure::Stopped | JobFailure::Store(_)) => true,
                Err(JobFailure::Failed { retryable, .. }) => *retryable,
                Ok(_) => false,
            };
            if !again {
                self.intake.uploads.remove(upload).await;
            }
        }
        self.sweep().await;
        done
    }
}

impl Handler {
    async fn bring(&self, ctx: &mut JobContext, request: &Request) -> Result<Finish, JobFailure> {
        // An attempt that was cut off after its commit has nothing left to do but to say so.
        if let Some((lake_version, records)) = self.store.imports_of_job(&ctx.job.id).await? {
            let editions = records.into_iter().map(Into::into).collect();
            return finish(Output { lake_version, editions, ..Output::default() });
        }
        let seen = Seen::default();
        let (paths, within, fetched) = match &request.source {
            Source::Upload(upload) => {
                let path = self.intake.uploads.path(upload);
                if !path.is_file() {
                    return Err(JobFailure::failed("UPLOAD_GONE", "the uploaded file is kept no longer"));
                }
                (vec![path], Some(self.intake.uploads.directory(upload)), None)
            }
            Source::Uri(uri) => self.locate(ctx, uri, &seen).await?,
        };
        let empty = fetched.as_ref().map(|fetched| fetched.empty.clone()).unwrap_or_default();
        if paths.is_empty() {
            let lake_version = self.store.lake_version().await?;
            return finish(Output { lake_version, ignored: empty, ..Output::default() });
        }
        let options = ImportOptions { accept_loss: request.accept_loss, format: request.format };
        let importer = Importer {
            actor: ctx.job.owner.clone(),
            remote: "worker".to_owned(),
            job: Some((ctx.job.id.clone(), ctx.job.lease_token)),
            within: within.clone().map(|root| root.canonicalize().unwrap_or(root)),
            // Whoever stops the job drops the import.
            stop: CancellationToken::new(),
        };
        let key = PiiKey::load_or_create(&self.data_dir.join("pii.key")).map_err(|error| {
            JobFailure::permanent("KEY_UNREADABLE", "the key of the CPF hash cannot be read", error)
        })?;
        let (lake, store) = (self.lake.clone(), self.store.clone());
        let teller = Arc::clone(&seen);
        let work = async move {
            let tell = |step| *teller.lock().unwrap_or_else(PoisonError::into_inner) = Some(step);
            import_by(&importer, &paths, &lake, &store, &key, options, &tell).await
        };
        let summary = self.watched(ctx, "read", &seen, work).await?;
        // Directories of the server are nobody's business.
        let hidden = fetched.as_ref().and_then(|fetched| fetched.paths.first()?.parent().map(ToOwned::to_owned));
        let hidden = hidden.or(within);
        let summary = summary.map_err(|error| failure(error, hidden.as_deref()))?;
        let records = self.store.imports_of_job(&ctx.job.id).await?;
        drop(fetched);
        let mut output = output(summary, records.map(|(_, records)| records).unwrap_or_default(), hidden.as_deref());
        output.ignored.extend(empty);
        output.ignored.truncate(MAX_NAMES);
        finish(output)
    }

    /// Finds what a URI names, downloads it if need be.
    async fn locate(
        &self,
        ctx: &mut JobContext,
        uri: &str,
        seen: &Seen,
    ) -> Result<(Vec<PathBuf>, Option<PathBuf>, Option<Fetched>), JobFailure> {
        // The configuration or what lies there may have changed since it was asked for.
        let allowed = self.intake.rules.check(uri);
        let allowed = allowed.map_err(|error| JobFailure::failed("IMPORT_NOT_ALLOWED", error.to_string()))?;
        let (rules, directory, now) = (self.intake.rules.clone(), self.data_dir.clone(), self.store.now());
        let teller = Arc::clone(seen);
        let tell = move |step| *teller.lock().unwrap_or_else(PoisonError::into_inner) = Some(step);
        let options = FetchOptions::of(&rules.portal_url);
        let fetched = match allowed {
            Allowed::File { path, root } => return Ok((vec![path], Some(root), None)),
            Allowed::Portal(address) => {
                let work = async move { fetch(&[address], &directory, &options, now, &tell).await };
                self.watched(ctx, "fetch", seen, work).await?
            }
            Allowed::List(list) => {
                let datasets = self.store.imports().await?.into_iter().map(|import| import.dataset).collect::<Vec<_>>();
                let apis = self.apis.clone();
                let work = async move { fetch_lists(&[list], &directory, &apis, &datasets, now, &tell).await };
                self.watched(ctx, "fetch", seen, work).await?
            }
            Allowed::Web(url) => {
                let work = async move { fetch_web(&rules, &url, &directory, &options, &tell).await };
                self.watched(ctx, "fetch", seen, work).await?
            }
        };
        let fetched = fetched.map_err(|error| match error {
            error @ FetchError::Io { .. } => {
                JobFailure::transient("DISK_UNAVAILABLE", "the download cannot be written", error)
            }
            error => JobFailure::failed("DOWNLOAD_FAILED", error.to_string()),
        })?;
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok((fetched.paths.clone(), None, Some(fetched)))
    }

    /// Runs work in a task of its own and tells the watchers how far it is; it ends when the job is to stop.
    async fn watched<T: Send + 'static>(
        &self,
        ctx: &mut JobContext,
        stage: &str,
        seen: &Seen,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JobFailure> {
        let mut running = JoinSet::new();
        running.spawn(work);
        let mut every = tokio::time::interval(TELL_EVERY);
        let mut told = None;
        loop {
            let stop = ctx.cancelled().clone();
            tokio::select! {
                ended = running.join_next() => return match ended {
                    Some(Ok(value)) => Ok(value),
                    Some(Err(error)) => Err(JobFailure::permanent("INTERNAL", "the import ended early", error)),
                    None => Err(JobFailure::failed("INTERNAL", "the import ended early")),
                },
                () = stop.cancelled() => return Err(JobFailure::Stopped),
                _ = every.tick() => {
                    let now = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    if now.is_some() && now != told {
                        if let Some(step) = &now {
                            ctx.commit(progress(&ctx.job, stage, step)).await?;
                        }
                        told = now;
                    }
                }
            }
        }
    }

    /// Removes uploads that no job waits for.
    async fn sweep(&self) {
        let mut awaited = Vec::new();
        for state in [JobState::Pending, JobState::Running] {
            let query =
                JobQuery { kind: JobKind::Import, owner: None, state: Some(state), before: None, limit: 10_000 };
            // Without the list nothing is known to be left over.
            let Ok(jobs) = self.store.jobs(query).await else { return };
            awaited.extend(jobs.into_iter().filter_map(|job| upload_of(&job)));
        }
        self.intake.uploads.remove_leftovers(&awaited).await;
    }
}

/// The id of the upload that a job is to take in.
fn upload_of(job: &Job) -> Option<String> {
    match serde_json::from_value::<Request>(job.payload.clone()).ok()?.source {
        Source::Upload(upload) => Some(upload.id),
        Source::Uri(_) => None,
    }
}

/// The step that says how far the reading is.
fn progress(job: &Job, stage: &str, step: &Progress) -> StepCommit {
    let share = if step.bytes_total == 0 { 0.0 } else { step.bytes_done as f64 / step.bytes_total as f64 };
    // Downloading is the first tenth of it; it never falls.
    let fraction = match stage {
        "fetch" => 0.1 * share,
        _ => 0.1 + (READING - 0.1) * share,
    };
    let fraction = fraction.clamp(job.fraction, READING);
    let counts = Counts { rows: step.rows, ..job.counts };
    let (file, bytes) = (&step.file, step.bytes_done);
    let (message_pt, message_en) = if stage == "fetch" {
        (
            format!("{file}: {} bytes baixados", thousands(&bytes.to_string(), '.')),
            format!("{file}: {bytes} bytes downloaded"),
        )
    } else {
        (
            format!("{file}: {} linhas lidas", thousands(&step.rows.to_string(), '.')),
            format!("{file}: {} rows read", step.rows),
        )
    };
    StepCommit {
        steps_done: job.steps_done,
        stage: stage.to_owned(),
        fraction,
        counts,
        output: job.output.clone(),
        events: vec![NewEvent {
            kind: EventKind::Progress,
            state: JobState::Running,
            stage: stage.to_owned(),
            fraction,
            counts,
            message_pt,
            message_en,
        }],
        ..StepCommit::default()
    }
}

fn output(
    summary: ImportSummary,
    records: Vec<crate::model::ImportRecord>,
    hidden: Option<&std::path::Path>,
) -> Output {
    let shown = |name: String| without(&name, hidden);
    Output {
        lake_version: summary.lake_version,
        editions: records.into_iter().map(Into::into).collect(),
        unchanged: summary.unchanged.into_iter().take(MAX_NAMES).map(shown).collect(),
        ignored: summary.ignored.into_iter().take(MAX_NAMES).map(shown).collect(),
    }
}

/// A text without the directory that it may begin or be filled with.
fn without(text: &str, hidden: Option<&std::path::Path>) -> String {
    match hidden {
        Some(hidden) => text.replace(&format!("{}/", hidden.display()), ""),
        None => text.to_owned(),
    }
}

fn finish(output: Output) -> Result<Finish, JobFailure> {
    let (version, editions) = (output.lake_version, output.editions.len());
    let rows = output.editions.iter().map(|edition| edition.counts.get("rows").copied().unwrap_or(0)).sum::<i64>();
    let (message_pt, message_en) = if editions == 0 {
        (
            format!("nada de novo: a versão {version} já tem estes arquivos"),
            format!("nothing new: version {version} has these files already"),
        )
    } else {
        (
            format!("{editions} arquivos com {} linhas, versão {version}", thousands(&rows.to_string(), '.')),
            format!("{editions} files with {rows} rows, version {version}"),
        )
    };
    Ok(Finish {
        output: serde_json::to_value(&output)
            .map_err(|error| JobFailure::permanent("INTERNAL", "the output cannot be stored", error))?,
        counts: Counts { rows, ..Counts::default() },
        stage: "done".to_owned(),
        message_pt,
        message_en,
    })
}

/// What becomes of an import that failed; messages do not show the directory of uploads and downloads.
fn failure(error: ImportError, hidden: Option<&std::path::Path>) -> JobFailure {
    let reason = match &error {
        // Another worker has the job, or it was ended.
        ImportError::Store(StoreError::LeaseLost { .. }) => return JobFailure::Stopped,
        ImportError::Store(store) if store.is_transient() => {
            return JobFailure::transient("DATABASE_UNAVAILABLE", "the database is not available", error);
        }
        ImportError::Store(store) => return JobFailure::Store(store.clone()),
        ImportError::Lake(_) => return JobFailure::transient("LAKE_UNAVAILABLE", "the lake cannot be written", error),
        ImportError::Interrupted(_) => {
            return JobFailure::transient("INTERRUPTED", "the import was interrupted", error);
        }
        ImportError::Io { .. } => "FILE_UNREADABLE",
        ImportError::NotAFile { .. }
        | ImportError::NothingKnown { .. }
        | ImportError::UnknownLayout { .. }
        | ImportError::PersonalName { .. }
        | ImportError::NoData { .. } => "UNKNOWN_LAYOUT",
        ImportError::Document { .. }
        | ImportError::DamagedHeader { .. }
        | ImportError::NoHeader { .. }
        | ImportError::MissingColumn { .. }
        | ImportError::RepeatedColumn { .. } => "MALFORMED_FILE",
        ImportError::ZipDamaged { .. } | ImportError::ZipEncrypted { .. } | ImportError::ZipTooLarge { .. } => {
            "DAMAGED_ARCHIVE"
        }
        ImportError::DatasetTwice { .. } => "DATASET_TWICE",
        ImportError::LostRows { .. } => "LOST_ROWS",
        ImportError::OlderList { .. } => "OLDER_LIST",
        ImportError::FileChanged { .. } => "FILE_CHANGED",
    };
    JobFailure::failed(reason, without(&error.to_string(), hidden))
}
