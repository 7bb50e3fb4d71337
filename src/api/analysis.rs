//! `AnalysisService`.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::convert::{self, timestamp};
use super::errors::{ApiError, answer};
use super::jobs::{self, Events};
use super::pb::analysis_service_server::AnalysisService;
use super::{Api, pb};
use crate::analysis::{self, AnalysisType, ContractRef, GroupTotal, Output, estimate};
use crate::model::{Job, JobKind, NewJob, Priority, Violation};

const KIND: JobKind = JobKind::Analysis;
/// Analyses that an estimate looks back on.
const RECENT: i64 = 20;

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
        request: pb::StartAnalysisRequest,
    ) -> Result<pb::StartAnalysisResponse, ApiError> {
        let mut found = Vec::new();
        let analysis_type = match convert::known(request.analysis_type, "analysis_type", &mut found) {
            Some(pb::AnalysisType::QuickScan) => Some(AnalysisType::QuickScan),
            Some(pb::AnalysisType::SpendingTrends) => Some(AnalysisType::SpendingTrends),
            Some(pb::AnalysisType::Unspecified) => {
                let rule = "must be set: ANALYSIS_TYPE_QUICK_SCAN or ANALYSIS_TYPE_SPENDING_TRENDS";
                found.push(Violation::new("analysis_type", rule, request.analysis_type));
                None
            }
            None => None,
        };
        // There is one source: only its name is checked.
        convert::known::<pb::DataSource>(request.data_source, "data_source", &mut found);
        let range = request.time_range.unwrap_or_default();
        let asked = analysis::Request {
            analysis_type: analysis_type.unwrap_or(AnalysisType::QuickScan),
            start_date: convert::date(&range.start_date, "time_range.start_date", &mut found),
            end_date: convert::date(&range.end_date, "time_range.end_date", &mut found),
            filters: convert::filters_from_pb(request.filters.unwrap_or_default(), "filters", &mut found),
        };
        let request_id = convert::request_id(&request.request_id, &mut found);
        found.append(&mut asked.violations());
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let job = NewJob {
            kind: KIND,
            owner: caller.principal.id.clone(),
            request_id,
            payload: serde_json::to_value(&asked)?,
            remote: caller.remote.clone(),
            priority: Priority::Normal,
            timeout: self.api.job_timeout,
        };
        let (job, _created) = self.api.jobs.start(job).await?;
        let done = match job.finished_at {
            Some(at) => at,
            None => self.estimated_completion(&job).await?,
        };
        Ok(pb::StartAnalysisResponse {
            analysis_id: job.id,
            status: "started".to_owned(),
            estimated_completion: Some(timestamp(done)),
        })
    }

    /// When a job that has not ended should be done: never in the past.
    async fn estimated_completion(&self, job: &Job) -> Result<DateTime<Utc>, ApiError> {
        let took = estimate(&self.api.store.recent_durations(KIND, RECENT).await?);
        let from = job.started_at.unwrap_or(job.created_at);
        let done = TimeDelta::from_std(took).ok().and_then(|took| from.checked_add_signed(took)).unwrap_or(from);
        Ok(done.max(self.api.store.now()))
    }

    async fn get(&self, caller: &Caller, id: &str) -> Result<pb::Analysis, ApiError> {
        let job = jobs::find(&self.api, caller, KIND, id).await?;
        let asked = request_of(&job)?;
        let estimated_completion = match job.finished_at {
            Some(_) => None,
            None => Some(timestamp(self.estimated_completion(&job).await?)),
        };
        let day = |date: Option<chrono::NaiveDate>| date.map(|date| date.to_string()).unwrap_or_default();
        let (start_date, end_date) = (day(asked.start_date), day(asked.end_date));
        let ranged = asked.start_date.is_some() || asked.end_date.is_some();
        Ok(pb::Analysis {
            analysis_id: job.id,
            status: convert::job_state(job.state) as i32,
            analysis_type: type_to_pb(asked.analysis_type) as i32,
            data_source: pb::DataSource::Contracts as i32,
            time_range: ranged.then_some(pb::TimeRange { start_date, end_date }),
            filters: Some(convert::filters_to_pb(&asked.filters)),
            progress: job.fraction,
            current_phase: job.stage,
            last_sequence: job.last_sequence,
            error: job.error.map(convert::job_error),
            create_time: Some(timestamp(job.created_at)),
            start_time: job.started_at.map(timestamp),
            end_time: job.finished_at.map(timestamp),
            estimated_completion,
        })
    }

    async fn results(&self, caller: &Caller, id: &str) -> Result<pb::AnalysisResults, ApiError> {
        let job = jobs::find(&self.api, caller, KIND, id).await?;
        let resource = jobs::resource(KIND);
        if !job.state.is_terminal() {
            return Err(ApiError::NotFinished { resource, id: job.id, state: job.state });
        }
        let asked = request_of(&job)?;
        let Some(output) = Output::of(&job) else {
            return Err(ApiError::WithoutResults { resource, id: job.id, state: job.state });
        };
        Ok(pb::AnalysisResults {
            analysis_id: job.id,
            analysis_type: type_to_pb(asked.analysis_type) as i32,
            lake_version: output.lake_version,
            contracts: output.contracts,
            total_initial_value: output.total_initial_value.to_string(),
            total_value: output.total_value.to_string(),
            contracts_without_supplier: output.contracts_without_supplier,
            by_modality: groups(output.by_modality),
            top_buyers: groups(output.top_buyers),
            top_suppliers: groups(output.top_suppliers),
            top_contracts: output.top_contracts.into_iter().map(contract_ref).collect(),
            by_month: groups(output.by_month),
        })
    }
}

fn request_of(job: &Job) -> Result<analysis::Request, serde_json::Error> {
    serde_json::from_value(job.payload.clone())
}

const fn type_to_pb(analysis_type: AnalysisType) -> pb::AnalysisType {
    match analysis_type {
        AnalysisType::QuickScan => pb::AnalysisType::QuickScan,
        AnalysisType::SpendingTrends => pb::AnalysisType::SpendingTrends,
    }
}

fn groups(groups: Vec<GroupTotal>) -> Vec<pb::GroupTotal> {
    groups
        .into_iter()
        .map(|group| pb::GroupTotal {
            id: group.id,
            name: group.name,
            contracts: group.contracts,
            total_value: group.total_value.to_string(),
            share: group.share,
        })
        .collect()
}

fn contract_ref(contract: ContractRef) -> pb::ContractRef {
    pb::ContractRef {
        contract_id: contract.contract_id,
        object: contract.object,
        value: contract.value.to_string(),
        buyer_name: contract.buyer_name,
        supplier_name: contract.supplier_name,
    }
}

#[async_trait]
impl AnalysisService for Service {
    async fn start_analysis(
        &self,
        request: Request<pb::StartAnalysisRequest>,
    ) -> Result<Response<pb::StartAnalysisResponse>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.start(&caller, request.into_inner()).await)
    }

    async fn get_analysis(&self, request: Request<pb::GetAnalysisRequest>) -> Result<Response<pb::Analysis>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.get(&caller, &request.into_inner().analysis_id).await)
    }

    type WatchAnalysisStream = Events;

    async fn watch_analysis(&self, request: Request<pb::WatchAnalysisRequest>) -> Result<Response<Events>, Status> {
        let caller = Caller::of(&request);
        let pb::WatchAnalysisRequest { analysis_id, after_sequence } = request.into_inner();
        answer(&caller, jobs::watch(&self.api, caller.clone(), KIND, &analysis_id, after_sequence).await)
    }

    async fn get_analysis_results(
        &self,
        request: Request<pb::GetAnalysisResultsRequest>,
    ) -> Result<Response<pb::AnalysisResults>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.results(&caller, &request.into_inner().analysis_id).await)
    }
}
