//! `DatasetService`.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tonic::{Request, Response, Status, Streaming};

use super::caller::Caller;
use super::convert::{self, timestamp};
use super::errors::{ApiError, answer};
use super::jobs::{self, Events};
use super::page::more_than;
use super::pb::dataset_service_server::DatasetService;
use super::pb::upload_dataset_request::Part;
use super::{Api, Role, page, pb};
use crate::ingest::{self, Output, Source, UploadError};
use crate::model::{
    ImportRecord, Job, JobKind, JobState, NewJob, Priority, QualityReport, TableQuality, Violation, holds_cpf,
};
use crate::sources::{ImportFormat, UriError};
use crate::store::JobQuery;

const KIND: JobKind = JobKind::Import;
/// Imports or datasets of a page where the request does not say.
const PAGE: usize = 50;
/// Imports that may wait or run: each may hold an upload.
const MAX_ACTIVE: i64 = 50;
/// Longest name of an uploaded file, in characters.
const MAX_NAME: usize = 200;
/// Largest chunk of an upload.
const MAX_CHUNK: usize = 1 << 20;
/// How long an upload may be silent.
const SILENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub(super) struct Service {
    api: Api,
}

impl Service {
    pub(super) const fn new(api: Api) -> Self {
        Self { api }
    }

    async fn import(&self, caller: &Caller, request: pb::ImportDatasetRequest) -> Result<pb::Import, ApiError> {
        let mut found = Vec::new();
        let format = format(request.format, "format", &mut found);
        let request_id = convert::request_id(&request.request_id, &mut found);
        let uri = request.uri;
        match self.api.intake.rules.check(&uri) {
            Ok(_) => {}
            Err(UriError::Invalid(rule)) => found.insert(0, Violation::new("uri", rule, &uri)),
            Err(UriError::Denied(rule)) if found.is_empty() => {
                return Err(ApiError::Denied(Violation::new("uri", rule, &uri)));
            }
            // What is wrong otherwise is told first.
            Err(UriError::Denied(_)) => {}
        }
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let asked = ingest::Request { source: Source::Uri(uri), format, accept_loss: request.accept_loss };
        let (job, _) = self.start(caller, request_id, &asked).await?;
        self.shown(job, false).await
    }

    /// Stores an import; `false` if the same request has stored it before.
    async fn start(
        &self,
        caller: &Caller,
        request_id: Option<String>,
        asked: &ingest::Request,
    ) -> Result<(Job, bool), ApiError> {
        if self.api.store.active_jobs(KIND).await? >= MAX_ACTIVE {
            return Err(ApiError::TooMany { what: "imports", limit: MAX_ACTIVE });
        }
        let job = NewJob {
            kind: KIND,
            owner: caller.principal.id.clone(),
            request_id,
            payload: serde_json::to_value(asked)?,
            remote: caller.remote.clone(),
            priority: Priority::Normal,
            timeout: self.api.job_timeout,
        };
        Ok(self.api.jobs.start(job).await?)
    }

    async fn upload(
        &self,
        caller: &Caller,
        mut messages: Streaming<pb::UploadDatasetRequest>,
    ) -> Result<pb::Import, ApiError> {
        let first = self.next(&mut messages).await?;
        let Some(Part::Metadata(metadata)) = first else {
            let rule = "must come first, before any chunk";
            return Err(ApiError::Invalid(vec![Violation::new("metadata", rule, "")]));
        };
        let uploads = &self.api.intake.uploads;
        let mut found = Vec::new();
        let name = metadata.file_name;
        let fit = (1..=MAX_NAME).contains(&name.chars().count())
            && name.len() <= 255
            && !name.contains(['/', '\\'])
            && !name.contains(char::is_control)
            && !name.trim().is_empty()
            && !name.starts_with('.');
        if !fit {
            let rule = format!("must be the name of a file, 1 to {MAX_NAME} characters without / and \\");
            found.push(Violation::new("metadata.file_name", rule, &name));
        }
        if holds_cpf(&name) {
            let rule = "must not hold a CPF: it would be kept and shown";
            found.push(Violation::new("metadata.file_name", rule, &name));
        }
        let format = format(metadata.format, "metadata.format", &mut found);
        let sha256 = metadata.sha256.to_ascii_lowercase();
        if !sha256.is_empty() && (sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            found.push(Violation::new("metadata.sha256", "must be 64 digits of hex", &sha256));
        }
        let request_id = convert::request_id(&metadata.request_id, &mut found);
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        if uploads.limit() == 0 {
            return Err(ApiError::Denied(Violation::new("metadata", "must not be sent: uploads are off", &name)));
        }
        let mut upload = uploads.begin(&name).await?;
        loop {
            // The next message is read when this one is on disk: HTTP/2 holds the client back meanwhile.
            match self.next(&mut messages).await? {
                None => break,
                Some(Part::Chunk(chunk)) if chunk.len() <= MAX_CHUNK => upload.write(&chunk).await?,
                Some(Part::Chunk(chunk)) => {
                    let rule = format!("must have at most {MAX_CHUNK} bytes");
                    return Err(ApiError::Invalid(vec![Violation::new("chunk", rule, chunk.len())]));
                }
                Some(Part::Metadata(_)) => {
                    return Err(ApiError::Invalid(vec![Violation::new("metadata", "must come only once", &name)]));
                }
            }
        }
        let request = request_id.as_ref().map(|id| format!("{}|{id}", caller.principal.id));
        let (upload, new) = upload.finish(request.as_deref()).await?;
        let started = self.uploaded(caller, request_id, &upload, &sha256, format, metadata.accept_loss).await;
        // Nobody will come for the file of an upload that was refused, or whose import has ended.
        let wanted = matches!(&started, Ok((job, created)) if *created || !job.state.is_terminal());
        if new && !wanted {
            uploads.remove(&upload).await;
        }
        self.shown(started?.0, false).await
    }

    async fn uploaded(
        &self,
        caller: &Caller,
        request_id: Option<String>,
        upload: &ingest::Upload,
        sha256: &str,
        format: Option<ImportFormat>,
        accept_loss: bool,
    ) -> Result<(Job, bool), ApiError> {
        if !sha256.is_empty() && upload.sha256 != sha256 {
            let rule = format!("must be that of the bytes that came, {}", upload.sha256);
            return Err(ApiError::Invalid(vec![Violation::new("metadata.sha256", rule, sha256)]));
        }
        if upload.bytes == 0 {
            return Err(ApiError::Invalid(vec![Violation::new("chunk", "must not be empty in all", "")]));
        }
        let asked = ingest::Request { source: Source::Upload(upload.clone()), format, accept_loss };
        self.start(caller, request_id, &asked).await
    }

    /// The next message of an upload; `None` at its end.
    async fn next(&self, messages: &mut Streaming<pb::UploadDatasetRequest>) -> Result<Option<Part>, ApiError> {
        let message = tokio::select! {
            message = tokio::time::timeout(SILENCE, messages.message()) => message.map_err(|_| ApiError::Silent(SILENCE))?,
            () = self.api.stopping.cancelled() => return Err(ApiError::Stopping),
        };
        match message.map_err(ApiError::Stream)? {
            None => Ok(None),
            Some(pb::UploadDatasetRequest { part: Some(part) }) => Ok(Some(part)),
            Some(pb::UploadDatasetRequest { part: None }) => {
                Err(ApiError::Invalid(vec![Violation::new("part", "must be metadata or chunk", "")]))
            }
        }
    }

    async fn list(
        &self,
        caller: &Caller,
        request: pb::ListImportsRequest,
    ) -> Result<pb::ListImportsResponse, ApiError> {
        let mut found = Vec::new();
        let size = page::size(request.page_size, PAGE, &mut found);
        let state = convert::known(request.status, "status", &mut found).and_then(convert::state_from_pb);
        let principal = &caller.principal;
        // Administrators see everybody's.
        let owner = (principal.role < Role::Admin).then(|| principal.id.clone());
        let arguments = [principal.id.as_str(), state.map_or("", JobState::as_str)];
        let binding = page::Binding::new("ListImports", &arguments);
        let before = binding.position(&request.page_token, jobs::read_place, &mut found);
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let query = JobQuery { kind: KIND, owner, state, before, limit: more_than(size) };
        let mut listed = self.api.jobs.list(query).await?;
        let next_page_token = page::cut(&mut listed, size, |job| binding.token(&jobs::place(job)));
        let mut imports = Vec::with_capacity(listed.len());
        for job in listed {
            imports.push(self.shown(job, false).await?);
        }
        Ok(pb::ListImportsResponse { imports, next_page_token })
    }

    /// An import as the API shows it, with the reports of what it brought where they are asked for.
    async fn shown(&self, job: Job, reports: bool) -> Result<pb::Import, ApiError> {
        let asked: ingest::Request = serde_json::from_value(job.payload.clone())?;
        let output = Output::of(&job);
        let ids = output.editions.iter().filter(|_| reports).map(|edition| edition.id.clone()).collect::<Vec<_>>();
        let mut reports = if ids.is_empty() { BTreeMap::new() } else { self.api.store.import_reports(ids).await? };
        let (uri, file_name) = match asked.source {
            Source::Uri(uri) => (uri, String::new()),
            Source::Upload(upload) => (String::new(), upload.file_name),
        };
        let editions = output.editions.into_iter().map(|edition| pb::Edition {
            rows: edition.counts.get("rows").copied().unwrap_or(0),
            import_time: Some(timestamp(edition.imported_at)),
            quality: reports.remove(&edition.id).map(quality),
            edition_id: edition.id,
            dataset: edition.dataset,
            file_name: edition.file_name,
            content_hash: edition.content_hash,
        });
        Ok(pb::Import {
            editions: editions.collect(),
            import_id: job.id,
            status: convert::job_state(job.state) as i32,
            uri,
            file_name,
            format: match asked.format {
                None => pb::DatasetFormat::Unspecified,
                Some(ImportFormat::Portal) => pb::DatasetFormat::Portal,
                Some(ImportFormat::Ocds) => pb::DatasetFormat::Ocds,
                Some(ImportFormat::Pncp) => pb::DatasetFormat::Pncp,
                Some(ImportFormat::PortalApi) => pb::DatasetFormat::PortalApi,
            } as i32,
            accept_loss: asked.accept_loss,
            progress: job.fraction,
            current_phase: job.stage,
            counts: Some(convert::counts(job.counts)),
            last_sequence: job.last_sequence,
            error: job.error.map(convert::job_error),
            create_time: Some(timestamp(job.created_at)),
            start_time: job.started_at.map(timestamp),
            end_time: job.finished_at.map(timestamp),
            created_by: job.owner,
            request_id: job.request_id.unwrap_or_default(),
            attempt: job.attempt,
            lake_version: output.lake_version,
            unchanged: output.unchanged,
            ignored: output.ignored,
        })
    }

    async fn cancel(&self, caller: &Caller, id: &str) -> Result<pb::Import, ApiError> {
        let job = jobs::find(&self.api, caller, KIND, id).await?;
        let job = self.api.jobs.cancel(&job.id, &caller.principal.id, &caller.remote).await?;
        self.shown(job, true).await
    }

    async fn datasets(&self, request: pb::ListDatasetsRequest) -> Result<pb::ListDatasetsResponse, ApiError> {
        let mut found = Vec::new();
        let size = page::size(request.page_size, PAGE, &mut found);
        let binding = page::Binding::new("ListDatasets", &[]);
        let after = binding.position(&request.page_token, |text| Some(text.to_owned()), &mut found);
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let mut datasets = self.held().await?;
        datasets.retain(|dataset| after.as_ref().is_none_or(|after| dataset.dataset > *after));
        datasets.truncate(size + 1);
        let next_page_token = page::cut(&mut datasets, size, |dataset| binding.token(&dataset.dataset));
        Ok(pb::ListDatasetsResponse { datasets, next_page_token })
    }

    /// The datasets of the latest version, by name.
    async fn held(&self) -> Result<Vec<pb::Dataset>, ApiError> {
        let lake_version = self.api.store.lake_version().await?;
        let mut imports = self.api.store.imports().await?;
        imports.sort_by(|one, two| one.dataset.cmp(&two.dataset));
        let mut datasets: Vec<pb::Dataset> = Vec::new();
        for import in imports {
            let dataset = import.dataset.clone();
            match datasets.last_mut() {
                Some(last) if last.dataset == dataset => last.editions.push(edition(import)),
                _ => datasets.push(pb::Dataset { dataset, lake_version, editions: vec![edition(import)] }),
            }
        }
        Ok(datasets)
    }

    async fn dataset(&self, name: &str) -> Result<pb::Dataset, ApiError> {
        if name.is_empty() {
            return Err(ApiError::Invalid(vec![Violation::new("dataset", "must not be empty", name)]));
        }
        let found = self.held().await?.into_iter().find(|dataset| dataset.dataset == name);
        let mut dataset = found.ok_or_else(|| ApiError::NotFound { resource: "dataset", id: name.to_owned() })?;
        let ids = dataset.editions.iter().map(|edition| edition.edition_id.clone()).collect();
        let mut reports = self.api.store.import_reports(ids).await?;
        for edition in &mut dataset.editions {
            edition.quality = reports.remove(&edition.edition_id).map(quality);
        }
        Ok(dataset)
    }
}

/// What files are said to be.
fn format(number: i32, field: &str, found: &mut Vec<Violation>) -> Option<ImportFormat> {
    match convert::known(number, field, found)? {
        pb::DatasetFormat::Unspecified => None,
        pb::DatasetFormat::Portal => Some(ImportFormat::Portal),
        pb::DatasetFormat::Ocds => Some(ImportFormat::Ocds),
        pb::DatasetFormat::Pncp => Some(ImportFormat::Pncp),
        pb::DatasetFormat::PortalApi => Some(ImportFormat::PortalApi),
    }
}

fn edition(import: ImportRecord) -> pb::Edition {
    pb::Edition {
        edition_id: import.id,
        dataset: import.dataset,
        file_name: import.file_name,
        content_hash: import.content_hash,
        rows: import.counts.get("rows").copied().unwrap_or(0),
        import_time: Some(timestamp(import.imported_at)),
        quality: None,
    }
}

fn quality(report: QualityReport) -> pb::QualityReport {
    pb::QualityReport {
        rows: report.rows,
        duplicates: report.duplicates,
        quarantined: report.quarantined,
        quarantined_by_reason: report.quarantined_by_reason.into_iter().collect(),
        amounts_rounded: report.amounts_rounded,
        values_unreadable: report.values_unreadable,
        tables: report.tables.into_iter().map(table).collect(),
    }
}

fn table(table: TableQuality) -> pb::TableQuality {
    let coverage = table
        .coverage
        .iter()
        .map(|one| pb::ColumnCoverage { column: one.column.clone(), filled: one.filled, share: table.share(one) })
        .collect();
    pb::TableQuality {
        table: table.table.as_str().to_owned(),
        rows: table.rows,
        duplicates: table.duplicates,
        superseded: table.superseded,
        not_spending: table.not_spending,
        sentinels: table.sentinels.into_iter().collect(),
        invalid_ids: table.invalid_ids,
        implausible: table.implausible.into_iter().collect(),
        orphans: table.orphans,
        coverage,
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::TooLarge { limit } => {
                let rule = format!("must be at most {limit} bytes in all");
                Self::Invalid(vec![Violation::new("chunk", rule, "more")])
            }
            UploadError::Busy => Self::TooMany { what: "uploads", limit: 4 },
            UploadError::Io { .. } => Self::Upload(error),
        }
    }
}

#[async_trait]
impl DatasetService for Service {
    async fn import_dataset(&self, request: Request<pb::ImportDatasetRequest>) -> Result<Response<pb::Import>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.import(&caller, request.into_inner()).await)
    }

    async fn upload_dataset(
        &self,
        request: Request<Streaming<pb::UploadDatasetRequest>>,
    ) -> Result<Response<pb::Import>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.upload(&caller, request.into_inner()).await)
    }

    async fn get_import(&self, request: Request<pb::GetImportRequest>) -> Result<Response<pb::Import>, Status> {
        let caller = Caller::of(&request);
        let found = jobs::find(&self.api, &caller, KIND, &request.into_inner().import_id).await;
        let shown = match found {
            Ok(job) => self.shown(job, true).await,
            Err(error) => Err(error),
        };
        answer(&caller, shown)
    }

    async fn list_imports(
        &self,
        request: Request<pb::ListImportsRequest>,
    ) -> Result<Response<pb::ListImportsResponse>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.list(&caller, request.into_inner()).await)
    }

    async fn cancel_import(&self, request: Request<pb::CancelImportRequest>) -> Result<Response<pb::Import>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.cancel(&caller, &request.into_inner().import_id).await)
    }

    type WatchImportStream = Events;

    async fn watch_import(&self, request: Request<pb::WatchImportRequest>) -> Result<Response<Events>, Status> {
        let caller = Caller::of(&request);
        let pb::WatchImportRequest { import_id, after_sequence } = request.into_inner();
        answer(&caller, jobs::watch(&self.api, caller.clone(), KIND, &import_id, after_sequence).await)
    }

    async fn list_datasets(
        &self,
        request: Request<pb::ListDatasetsRequest>,
    ) -> Result<Response<pb::ListDatasetsResponse>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.datasets(request.into_inner()).await)
    }

    async fn get_dataset(&self, request: Request<pb::GetDatasetRequest>) -> Result<Response<pb::Dataset>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.dataset(&request.into_inner().dataset).await)
    }
}
