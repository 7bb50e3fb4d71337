//! `InvestigationService`.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::convert::{self, timestamp};
use super::errors::{self, ApiError, answer};
use super::jobs::{self, Events};
use super::page::more_than;
use super::pb::batch_start_result::Result as BatchResult;
use super::pb::investigation_service_server::InvestigationService;
use super::{Api, Role, VERSION, dashboard, findings, page, pb};
use crate::detectors::Catalogue;
use crate::investigation::{
    self, InvestigationType, Language, Options, Output, Rendered, ReportFormat, ReportInput, plan_of, render_report,
    request_violations,
};
use crate::model::{Finding, Job, JobKind, JobState, NewJob, Severity, Violation};
use crate::store::{FindingQuery, JobQuery};

const KIND: JobKind = JobKind::Investigation;
/// Findings of a page where the request does not say.
const FINDINGS_PAGE: usize = 100;
/// Investigations of a page where the request does not say.
const LIST_PAGE: usize = 50;
/// Findings that a report reads at a time.
const REPORT_BATCH: i64 = 1_000;
/// Findings whose reviews are read at a time.
const REVIEWS_BATCH: usize = 1_000;
/// Most detectors that a request may name.
const MAX_TYPES: usize = 100;
/// Most requests of a batch, and how many of them are stored at the same time.
const MAX_BATCH: usize = 100;
const BATCH_AT_ONCE: usize = 8;
/// Least and most that a job may take.
const TIMEOUT_SECONDS: std::ops::RangeInclusive<u64> = 1..=7 * 24 * 3_600;

#[derive(Debug, Clone)]
pub(super) struct Service {
    api: Api,
}

impl Service {
    pub(super) const fn new(api: Api) -> Self {
        Self { api }
    }

    async fn start(
        &self,
        caller: &Caller,
        request: pb::StartInvestigationRequest,
    ) -> Result<pb::Investigation, ApiError> {
        let mut found = Vec::new();
        let investigation_type =
            match convert::known(request.investigation_type, "investigation_type", &mut found).unwrap_or_default() {
                pb::InvestigationType::Unspecified | pb::InvestigationType::AnomalyDetection => {
                    InvestigationType::AnomalyDetection
                }
                pb::InvestigationType::SpendingAnalysis => InvestigationType::SpendingAnalysis,
            };
        let filters = convert::filters_from_pb(request.filters.unwrap_or_default(), "filters", &mut found);
        let request_id = convert::request_id(&request.request_id, &mut found);
        let options = options_from_pb(request.options.unwrap_or_default(), &mut found);
        let asked = investigation::Request::new(&request.query, investigation_type, filters, options);
        let mut violations = request_violations(&asked, &self.api.catalogue);
        violations.append(&mut found);
        if !violations.is_empty() {
            return Err(ApiError::Invalid(violations));
        }
        let job = NewJob {
            kind: KIND,
            owner: caller.principal.id.clone(),
            request_id,
            payload: serde_json::to_value(&asked)?,
            remote: caller.remote.clone(),
            priority: asked.options.priority,
            timeout: asked.options.timeout_seconds.map(Duration::from_secs).or(self.api.job_timeout),
        };
        let (job, _created) = self.api.jobs.start(job).await?;
        investigation(job, &self.api.catalogue)
    }

    /// Each request for itself, a few at a time; the answers are in the order of the requests.
    async fn batch(
        &self,
        caller: &Caller,
        request: pb::BatchStartInvestigationsRequest,
    ) -> Result<pb::BatchStartInvestigationsResponse, ApiError> {
        let asked = request.requests.len();
        if asked == 0 || asked > MAX_BATCH {
            let rule = format!("must have 1 to {MAX_BATCH} entries");
            return Err(ApiError::Invalid(vec![Violation::new("requests", rule, asked)]));
        }
        let starts = request.requests.into_iter().map(|request| async move {
            let result = match self.start(caller, request).await {
                Ok(started) => BatchResult::Investigation(Box::new(started)),
                Err(error) => BatchResult::Error(errors::message(caller, &error)),
            };
            pb::BatchStartResult { result: Some(result) }
        });
        let results = futures::stream::iter(starts).buffered(BATCH_AT_ONCE).collect().await;
        Ok(pb::BatchStartInvestigationsResponse { results })
    }

    async fn list(
        &self,
        caller: &Caller,
        request: pb::ListInvestigationsRequest,
    ) -> Result<pb::ListInvestigationsResponse, ApiError> {
        let mut found = Vec::new();
        let size = page::size(request.page_size, LIST_PAGE, &mut found);
        let state = convert::known(request.status, "status", &mut found).and_then(convert::state_from_pb);
        let principal = &caller.principal;
        // Administrators see everybody's.
        let owner = (principal.role < Role::Admin).then(|| principal.id.clone());
        let arguments = [principal.id.as_str(), state.map_or("", JobState::as_str)];
        let binding = page::Binding::new("ListInvestigations", &arguments);
        let before = binding.position(&request.page_token, jobs::read_place, &mut found);
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let query = JobQuery { kind: KIND, owner, state, before, limit: more_than(size) };
        let mut listed = self.api.jobs.list(query).await?;
        let next_page_token = page::cut(&mut listed, size, |job| binding.token(&jobs::place(job)));
        let investigations =
            listed.into_iter().map(|job| investigation(job, &self.api.catalogue)).collect::<Result<_, _>>()?;
        Ok(pb::ListInvestigationsResponse { investigations, next_page_token })
    }

    async fn cancel(
        &self,
        caller: &Caller,
        request: pb::CancelInvestigationRequest,
    ) -> Result<pb::Investigation, ApiError> {
        let job = jobs::find(&self.api, caller, KIND, &request.investigation_id).await?;
        let job = self.api.jobs.cancel(&job.id, &caller.principal.id, &caller.remote).await?;
        investigation(job, &self.api.catalogue)
    }

    async fn results(
        &self,
        caller: &Caller,
        request: pb::GetInvestigationResultsRequest,
    ) -> Result<pb::GetInvestigationResultsResponse, ApiError> {
        let job = jobs::find(&self.api, caller, KIND, &request.investigation_id).await?;
        let detectors = self.api.store.detector_summaries(&job.id).await?;
        let mut found = Vec::new();
        let size = page::size(request.page_size, FINDINGS_PAGE, &mut found);
        let severity = convert::known::<pb::Severity>(request.min_severity, "min_severity", &mut found);
        let min_severity = severity.and_then(convert::severity_from_pb);
        let mut types = request.types;
        // A run of an older version may know detectors that the catalogue has no more.
        let ran: Vec<&str> = detectors.iter().map(|summary| summary.detector.id.as_str()).collect();
        check_types(&types, &self.api.catalogue.ids(), &ran, &mut found);
        types.sort_unstable();
        types.dedup();
        let mut reviews = Vec::new();
        for (at, number) in request.review_states.iter().enumerate() {
            let field = format!("review_states[{at}]");
            match convert::known(*number, &field, &mut found).map(convert::review_state_from_pb) {
                Some(Some(state)) if !reviews.contains(&state) => reviews.push(state),
                Some(None) => found.push(Violation::new(field, "must be set", number)),
                Some(Some(_)) | None => {}
            }
        }
        reviews.sort_by_key(|state| state.as_str());
        let rank = min_severity.map_or("", Severity::as_str);
        let states = reviews.iter().map(|state| state.as_str());
        let arguments: Vec<&str> = [job.id.as_str(), rank]
            .into_iter()
            .chain(types.iter().map(String::as_str))
            .chain(["/"])
            .chain(states)
            .collect();
        let binding = page::Binding::new("GetInvestigationResults", &arguments);
        let after = binding.position(&request.page_token, |text| text.parse::<i64>().ok(), &mut found);
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        if !job.state.is_terminal() {
            return Err(not_finished(&job));
        }
        results_kept(&job)?;
        let query =
            FindingQuery { job_id: job.id.clone(), min_severity, types, reviews, after, limit: more_than(size) };
        let by_severity = self.by_severity(&job.id).await?;
        let total_findings = match query.is_filtered() {
            true => self.api.store.count_findings(query.clone()).await?,
            false => by_severity.values().sum(),
        };
        let mut findings = self.api.store.findings(query).await?;
        let next_page_token = page::cut(&mut findings, size, |(ordinal, _)| binding.token(&ordinal.to_string()));
        let ids = findings.iter().map(|(_, finding)| finding.id.clone()).collect();
        let mut reviewed = self.api.store.reviews(ids).await?;
        let mut with_review = |finding: Finding| {
            let review = reviewed.remove(&finding.id);
            convert::finding(finding, review)
        };
        let output = Output::of(&job);
        Ok(pb::GetInvestigationResultsResponse {
            investigation_id: job.id,
            status: convert::job_state(job.state) as i32,
            findings: findings.into_iter().map(|(_, finding)| with_review(finding)).collect(),
            summary: output.summary_pt,
            summary_en: output.summary_en,
            metadata: Some(pb::ResultsMetadata {
                lake_version: output.plan.as_ref().map_or(0, |plan| plan.lake_version),
                plan: output.plan.as_ref().map(convert::plan),
                detectors: detectors.into_iter().map(convert::detector_summary).collect(),
                contracts: output.contracts,
                score: output.score.score,
                fired_weight: output.score.fired_weight,
                evaluable_weight: output.score.evaluable_weight,
                version: VERSION.to_owned(),
                duration_ms: output.duration_ms,
                by_severity,
                cached_from: output.cached_from.unwrap_or_default(),
            }),
            next_page_token,
            total_findings,
        })
    }

    /// Findings of each severity, of the whole run.
    async fn by_severity(&self, job_id: &str) -> Result<HashMap<String, i64>, ApiError> {
        let counted = self.api.store.findings_by_severity(job_id).await?;
        let none = Severity::DESCENDING.into_iter().map(|severity| (severity, 0));
        Ok(none.chain(counted).map(|(severity, count)| (severity.as_str().to_owned(), count)).collect())
    }

    async fn report(
        &self,
        caller: &Caller,
        request: pb::GetInvestigationReportRequest,
    ) -> Result<pb::InvestigationReport, ApiError> {
        let job = jobs::find(&self.api, caller, KIND, &request.investigation_id).await?;
        let mut found = Vec::new();
        let format = ReportFormat::parse(&request.format);
        if format.is_none() {
            found.push(Violation::new("format", "must be md, html, json or csv", &request.format));
        }
        let language = Language::parse(&request.language);
        if language.is_none() {
            found.push(Violation::new("language", "must be pt or en", &request.language));
        }
        let (Some(format), Some(language)) = (format, language) else { return Err(ApiError::Invalid(found)) };
        if !job.state.is_terminal() {
            return Err(not_finished(&job));
        }
        let asked = request_of(&job)?;
        if job.state != JobState::Completed {
            return Err(ApiError::WithoutResults { resource: jobs::resource(KIND), id: job.id, state: job.state });
        }
        results_kept(&job)?;
        if !asked.options.generate_report {
            return Err(ApiError::ReportNotRequested { id: job.id });
        }
        let detectors = self.api.store.detector_summaries(&job.id).await?;
        let findings = self.all_findings(&job.id).await?;
        let mut reviews = HashMap::new();
        for some in findings.chunks(REVIEWS_BATCH) {
            let ids = some.iter().map(|finding| finding.id.clone()).collect();
            reviews.extend(self.api.store.reviews(ids).await?);
        }
        let investigation_id = job.id.clone();
        // A long report takes a while to write: not on a thread that serves other calls.
        let rendering = tokio::task::spawn_blocking(move || {
            let output = Output::of(&job);
            let input = ReportInput {
                job: &job,
                request: &asked,
                output: &output,
                findings: &findings,
                reviews: &reviews,
                detectors: &detectors,
            };
            render_report(&input, format, language)
        });
        let Rendered { content, content_type } =
            rendering.await.map_err(ApiError::Panicked)?.map_err(ApiError::Render)?;
        Ok(pb::InvestigationReport {
            investigation_id,
            format: format.as_str().to_owned(),
            content_type: content_type.to_owned(),
            report_content: content,
            language: language.as_str().to_owned(),
        })
    }

    async fn all_findings(&self, job_id: &str) -> Result<Vec<Finding>, ApiError> {
        let mut findings = Vec::new();
        let mut after = None;
        loop {
            let query =
                FindingQuery { job_id: job_id.to_owned(), after, limit: REPORT_BATCH, ..FindingQuery::default() };
            let batch = self.api.store.findings(query).await?;
            let Some((last, _)) = batch.last() else { return Ok(findings) };
            after = Some(*last);
            findings.extend(batch.into_iter().map(|(_, finding)| finding));
        }
    }
}

fn not_finished(job: &Job) -> ApiError {
    ApiError::NotFinished { resource: jobs::resource(KIND), id: job.id.clone(), state: job.state }
}

fn results_kept(job: &Job) -> Result<(), ApiError> {
    if job.results_deleted {
        return Err(ApiError::ResultsDeleted { resource: jobs::resource(KIND), id: job.id.clone() });
    }
    Ok(())
}

fn request_of(job: &Job) -> Result<investigation::Request, serde_json::Error> {
    serde_json::from_value(job.payload.clone())
}

fn check_types(types: &[String], known: &[&str], ran: &[&str], found: &mut Vec<Violation>) {
    if types.len() > MAX_TYPES {
        found.push(Violation::new("types", format!("must have at most {MAX_TYPES} entries"), types.len()));
    }
    for (at, id) in types.iter().enumerate().take(MAX_TYPES) {
        if !known.contains(&id.as_str()) && !ran.contains(&id.as_str()) {
            found.push(Violation::new(format!("types[{at}]"), format!("must be one of {}", known.join(", ")), id));
        }
    }
}

fn options_from_pb(options: pb::InvestigationOptions, found: &mut Vec<Violation>) -> Options {
    let default = Options::default();
    let priority = convert::known(options.priority, "options.priority", found).unwrap_or_default();
    let timeout = convert::duration(options.timeout, "options.timeout", TIMEOUT_SECONDS, found);
    Options {
        include_subcategories: options.include_subcategories.unwrap_or(default.include_subcategories),
        detect_anomalies: options.detect_anomalies.unwrap_or(default.detect_anomalies),
        generate_summary: options.generate_summary.unwrap_or(default.generate_summary),
        include_historical_data: options.include_historical_data.unwrap_or(default.include_historical_data),
        detect_patterns: options.detect_patterns.unwrap_or(default.detect_patterns),
        generate_report: options.generate_report.unwrap_or(default.generate_report),
        detectors: options.detectors,
        parameters: options.parameters.into_iter().map(convert::parameter_from_pb).collect(),
        priority: convert::priority_from_pb(priority),
        timeout_seconds: timeout.map(|timeout| timeout.as_secs()),
        allow_cached: options.allow_cached.unwrap_or(default.allow_cached),
    }
}

fn options_to_pb(options: Options) -> pb::InvestigationOptions {
    pb::InvestigationOptions {
        include_subcategories: Some(options.include_subcategories),
        detect_anomalies: Some(options.detect_anomalies),
        generate_summary: Some(options.generate_summary),
        include_historical_data: Some(options.include_historical_data),
        detect_patterns: Some(options.detect_patterns),
        generate_report: Some(options.generate_report),
        detectors: options.detectors,
        parameters: options.parameters.into_iter().map(convert::parameter_to_pb).collect(),
        priority: convert::priority(options.priority) as i32,
        timeout: options
            .timeout_seconds
            .map(|seconds| prost_types::Duration { seconds: seconds.cast_signed(), nanos: 0 }),
        allow_cached: Some(options.allow_cached),
    }
}

/// A job as the API shows it.
pub(super) fn investigation(job: Job, catalogue: &Catalogue) -> Result<pb::Investigation, ApiError> {
    let asked = request_of(&job)?;
    // Until a worker has pinned it, the plan is what the same rules make of the request.
    let output = Output::of(&job);
    let plan = output.plan.unwrap_or_else(|| plan_of(&asked, catalogue));
    let investigation_type = match asked.investigation_type {
        InvestigationType::AnomalyDetection => pb::InvestigationType::AnomalyDetection,
        InvestigationType::SpendingAnalysis => pb::InvestigationType::SpendingAnalysis,
    };
    Ok(pb::Investigation {
        investigation_id: job.id,
        status: convert::job_state(job.state) as i32,
        query: asked.query,
        investigation_type: investigation_type as i32,
        filters: Some(convert::filters_to_pb(&asked.filters)),
        options: Some(options_to_pb(asked.options)),
        plan: Some(convert::plan(&plan)),
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
        deadline: job.deadline_at.map(timestamp),
        cached_from: output.cached_from.unwrap_or_default(),
    })
}

#[async_trait]
impl InvestigationService for Service {
    async fn start_investigation(
        &self,
        request: Request<pb::StartInvestigationRequest>,
    ) -> Result<Response<pb::Investigation>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.start(&caller, request.into_inner()).await)
    }

    async fn get_investigation(
        &self,
        request: Request<pb::GetInvestigationRequest>,
    ) -> Result<Response<pb::Investigation>, Status> {
        let caller = Caller::of(&request);
        let job = jobs::find(&self.api, &caller, KIND, &request.into_inner().investigation_id).await;
        answer(&caller, job.and_then(|job| investigation(job, &self.api.catalogue)))
    }

    async fn list_investigations(
        &self,
        request: Request<pb::ListInvestigationsRequest>,
    ) -> Result<Response<pb::ListInvestigationsResponse>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.list(&caller, request.into_inner()).await)
    }

    async fn cancel_investigation(
        &self,
        request: Request<pb::CancelInvestigationRequest>,
    ) -> Result<Response<pb::Investigation>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.cancel(&caller, request.into_inner()).await)
    }

    async fn batch_start_investigations(
        &self,
        request: Request<pb::BatchStartInvestigationsRequest>,
    ) -> Result<Response<pb::BatchStartInvestigationsResponse>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.batch(&caller, request.into_inner()).await)
    }

    type WatchInvestigationsStream = dashboard::Items;

    async fn watch_investigations(
        &self,
        request: Request<pb::WatchInvestigationsRequest>,
    ) -> Result<Response<dashboard::Items>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, dashboard::watch(&self.api, caller.clone(), &request.into_inner()))
    }

    type WatchInvestigationStream = Events;

    async fn watch_investigation(
        &self,
        request: Request<pb::WatchInvestigationRequest>,
    ) -> Result<Response<Events>, Status> {
        let caller = Caller::of(&request);
        let pb::WatchInvestigationRequest { investigation_id, after_sequence } = request.into_inner();
        answer(&caller, jobs::watch(&self.api, caller.clone(), KIND, &investigation_id, after_sequence).await)
    }

    async fn get_investigation_results(
        &self,
        request: Request<pb::GetInvestigationResultsRequest>,
    ) -> Result<Response<pb::GetInvestigationResultsResponse>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.results(&caller, request.into_inner()).await)
    }

    async fn review_finding(
        &self,
        request: Request<pb::ReviewFindingRequest>,
    ) -> Result<Response<pb::FindingReview>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, findings::review(&self.api, &caller, request.into_inner()).await)
    }

    async fn explain_finding(
        &self,
        request: Request<pb::ExplainFindingRequest>,
    ) -> Result<Response<pb::FindingExplanation>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, findings::explain(&self.api, &caller, &request.into_inner().finding_id).await)
    }

    async fn get_investigation_report(
        &self,
        request: Request<pb::GetInvestigationReportRequest>,
    ) -> Result<Response<pb::InvestigationReport>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.report(&caller, request.into_inner()).await)
    }
}
