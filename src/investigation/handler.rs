//! The worker's side of an investigation: plan, detectors, report, each one committed step.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::Utc;
use tracing::Instrument as _;

use super::request::MAX_ENTRIES;
use super::{DetectorInfo, Output, Request, Score, in_scope, plan, summary};
use crate::cache::Cache;
use crate::detectors::{Catalogue, Detector, DetectorRun, QueryLimits, Run, Scope};
use crate::jobs::{Finish, JobContext, JobFailure, JobHandler, on_engine};
use crate::lake::{self, Engine, Lake};
use crate::model::{
    Counts, EventKind, JobKind, JobState, NewEvent, Outcome, Plan, PublishedColumn, QualityReport, Violation,
};
use crate::store::{StepCommit, StoreError};
use crate::telemetry::Metrics;

/// Groups of detectors that a spending analysis runs.
const SPENDING: [&str; 2] = ["value", "concentration"];

/// Runs investigations.
#[derive(Debug)]
pub struct Handler {
    /// What is read.
    pub lake: Lake,
    /// What is looked for.
    pub catalogue: Arc<Catalogue>,
    /// Where the query engine runs.
    pub engine: Engine,
    /// What is counted.
    pub metrics: Metrics,
    /// Where earlier results are found again.
    pub cache: Cache,
    /// For how long they are; `None` is never.
    pub results_ttl: Option<Duration>,
    /// How much a user's own detector may use.
    pub own_limits: QueryLimits,
}

#[async_trait]
impl JobHandler for Handler {
    fn kind(&self) -> JobKind {
        JobKind::Investigation
    }

    async fn run(&self, ctx: &mut JobContext) -> Result<Finish, JobFailure> {
        let begun = Instant::now();
        let request: Request = serde_json::from_value(ctx.job.payload.clone())
            .map_err(|error| JobFailure::permanent("INVALID_PAYLOAD", "the stored request cannot be read", error))?;
        let mut output = Output::of(&ctx.job);
        if ctx.job.steps_done == 0 && self.take_over(ctx, &request, &mut output).await? {
            return self.report(ctx, &request, output, begun).await;
        }
        if output.cached_from.is_some() {
            return self.report(ctx, &request, output, begun).await;
        }
        let (run, plan, reports) = self.prepare(ctx, &request, &mut output).await?;
        for (at, id) in plan.detectors.iter().enumerate() {
            // Step 0 is the plan: detector `at` is done once `at + 2` steps are.
            if ctx.job.steps_done as usize >= at + 2 {
                continue;
            }
            self.detect(ctx, &run, &plan, &reports, at, id).await?;
        }
        let key = self.results_key(&plan);
        let finish = self.report(ctx, &request, output, begun).await?;
        if self.results_ttl.is_some()
            && self.every_detector_ended(ctx).await
            && let Err(error) = self.cache.set(&key, &ctx.job.id, self.results_ttl).await
        {
            tracing::debug!(%error, "the results are not kept for the same question");
        }
        Ok(finish)
    }
}

impl Handler {
    /// Whether no detector failed: what passed a limit of time once may not do so again.
    async fn every_detector_ended(&self, ctx: &JobContext) -> bool {
        let summaries = ctx.jobs().store().detector_summaries(&ctx.job.id).await;
        summaries.is_ok_and(|summaries| summaries.iter().all(|summary| !summary.failed))
    }

    /// Where the results of a plan are kept: the same plan on the same version of the lake, by the
    /// same files of the detectors, has the same results.
    fn results_key(&self, plan: &Plan) -> String {
        let versions: Vec<_> =
            plan.detectors.iter().map(|id| self.catalogue.get(id).map(Detector::fingerprint)).collect();
        // What is told of the question, but decides nothing, is left out.
        let decisive = Plan { understood: Vec::new(), not_understood: Vec::new(), ..plan.clone() };
        let content = serde_json::json!([env!("CARGO_PKG_VERSION"), decisive, versions]).to_string();
        format!("results:{}", uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, content.as_bytes()))
    }

    /// Takes over the results of an earlier job of the same plan on the same data, as the one step
    /// before the report; false if there is none.
    async fn take_over(
        &self,
        ctx: &mut JobContext,
        request: &Request,
        output: &mut Output,
    ) -> Result<bool, JobFailure> {
        if !request.options.allow_cached || self.results_ttl.is_none() {
            return Ok(false);
        }
        let unavailable = |error| JobFailure::transient("STORE_UNAVAILABLE", "earlier results cannot be read", error);
        let store = ctx.jobs().store().clone();
        let mut plan = plan_of(request, &self.catalogue);
        plan.lake_version = store.lake_version().await.map_err(unavailable)?;
        let Some(source) = self.cache.get::<String>(&self.results_key(&plan)).await else { return Ok(false) };
        let Some(earlier) = store.job(&source).await.map_err(unavailable)? else { return Ok(false) };
        if earlier.state != JobState::Completed || earlier.results_deleted {
            return Ok(false);
        }
        *output = Output { plan: Some(plan.clone()), cached_from: Some(source.clone()), ..Output::of(&earlier) };
        let (scope_pt, scope_en) = in_scope(output.contracts, output.tenders);
        let event = NewEvent {
            kind: EventKind::Progress,
            state: JobState::Running,
            stage: "plan".to_owned(),
            fraction: fraction(plan.detectors.len() + 1, &plan),
            counts: earlier.counts,
            message_pt: format!(
                "plano: {scope_pt}, dados na versão {}; resultados da investigação {source}, que fez o mesmo",
                plan.lake_version
            ),
            message_en: format!(
                "plan: {scope_en}, data at version {}; results of the investigation {source}, which did the same",
                plan.lake_version
            ),
        };
        let step = StepCommit {
            steps_done: plan.detectors.len() as i32 + 1,
            stage: event.stage.clone(),
            fraction: event.fraction,
            counts: earlier.counts,
            output: to_json(output)?,
            events: vec![event],
            copy_from: Some(source),
            ..StepCommit::default()
        };
        match ctx.commit(step).await {
            Ok(()) => Ok(true),
            // Deleted in between: it is computed again.
            Err(JobFailure::Store(StoreError::NotFound { .. })) => {
                *output = Output::default();
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Pins the version of the lake, makes the plan and commits both as the first step; a job that
    /// was taken over goes on with what was pinned.
    async fn prepare(
        &self,
        ctx: &mut JobContext,
        request: &Request,
        output: &mut Output,
    ) -> Result<(Arc<Run>, Plan, Vec<QualityReport>), JobFailure> {
        let pinned = output.plan.clone();
        let unavailable = |error| JobFailure::transient("LAKE_UNAVAILABLE", "the lake cannot be read", error);
        let snapshot = self.lake.snapshot(pinned.as_ref().map(|plan| plan.lake_version)).await.map_err(unavailable)?;
        if snapshot.version() == 0 {
            return Err(JobFailure::failed(
                "NO_CONTRACT_DATA",
                "no contract data provided: the lake is empty, import something first",
            ));
        }
        let mut plan = match pinned {
            Some(plan) => plan,
            None => plan_of(request, &self.catalogue),
        };
        plan.lake_version = snapshot.version();
        let (engine, engine_plan, own_limits) = (self.engine.clone(), plan.clone(), self.own_limits);
        let prepared = async move {
            let session = engine.session()?;
            snapshot.register(&session).await?;
            let run = Run::prepare(session, &engine_plan).await?.limit_own(own_limits);
            let counted = (run.contracts_in_scope(), run.tenders_in_scope());
            Ok((Arc::new(run), counted))
        };
        let (run, (contracts, tenders)) = self.on_engine(ctx, "investigation", "plan", prepared).await?;
        if ctx.job.steps_done == 0 {
            output.plan = Some(plan.clone());
            output.contracts = contracts;
            output.tenders = tenders;
            let (scope_pt, scope_en) = in_scope(contracts, tenders);
            let counts = Counts { contracts, detectors_total: plan.detectors.len() as i32, ..Counts::default() };
            let not_understood = if plan.not_understood.is_empty() {
                (String::new(), String::new())
            } else {
                let words = plan.not_understood.join(", ");
                (format!("; sem efeito: {words}"), format!("; without effect: {words}"))
            };
            let event = NewEvent {
                kind: EventKind::Progress,
                state: JobState::Running,
                stage: "plan".to_owned(),
                fraction: fraction(1, &plan),
                counts,
                message_pt: format!(
                    "plano: {scope_pt}, {} detectores, dados na versão {}{}",
                    plan.detectors.len(),
                    plan.lake_version,
                    not_understood.0
                ),
                message_en: format!(
                    "plan: {scope_en}, {} detectors, data at version {}{}",
                    plan.detectors.len(),
                    plan.lake_version,
                    not_understood.1
                ),
            };
            ctx.commit(StepCommit {
                steps_done: 1,
                stage: event.stage.clone(),
                fraction: event.fraction,
                counts,
                output: to_json(output)?,
                events: vec![event],
                ..StepCommit::default()
            })
            .await?;
        }
        let reports = ctx.jobs().store().reports_at(plan.lake_version).await;
        let reports = reports.map_err(|error| unavailable(error.into()))?;
        Ok((run, plan, reports))
    }

    /// Runs one detector and commits its findings, its counts and its event as one step.
    async fn detect(
        &self,
        ctx: &mut JobContext,
        run: &Arc<Run>,
        plan: &Plan,
        reports: &[QualityReport],
        at: usize,
        id: &str,
    ) -> Result<(), JobFailure> {
        let detector = match self.catalogue.of_plan(plan, id) {
            Some(Ok(detector)) => detector,
            Some(Err(error)) => return Err(JobFailure::failed("INVALID_PARAMETER", error.to_string())),
            None => {
                let message = format!("the plan names a detector that this version does not have: {id}");
                return Err(JobFailure::failed("UNKNOWN_DETECTOR", message));
            }
        };
        let running = Arc::clone(run);
        let reasons = detector.header.reasons.clone();
        let work = async move { Ok(running.detector(&detector).await?) };
        let DetectorRun { mut summary, findings, .. } = self.on_engine(ctx, id, "detect", work).await?;
        for reason in summary.reasons.iter_mut().filter(|reason| reason.outcome == Outcome::NotEvaluable) {
            let columns = reasons.get(&reason.reason).into_iter().flat_map(|reason| &reason.columns);
            reason.published = columns.filter_map(|column| PublishedColumn::of(reports, column)).collect();
        }
        self.metrics.findings(id, findings.len() as u64);
        let before = ctx.job.counts;
        let counts = Counts {
            detectors_done: at as i32 + 1,
            findings: before.findings + findings.len() as i64,
            evaluated: before.evaluated + summary.fired + summary.clear,
            not_evaluable: before.not_evaluable + summary.not_evaluable,
            ..before
        };
        let event = NewEvent {
            kind: EventKind::Progress,
            state: JobState::Running,
            stage: format!("detector:{id}"),
            fraction: fraction(at + 2, plan),
            counts,
            message_pt: format!(
                "{}: {} indícios, {} sem indício, {} não avaliáveis",
                summary.title_pt, summary.fired, summary.clear, summary.not_evaluable
            ),
            message_en: format!(
                "{}: {} indications, {} clear, {} not evaluable",
                summary.title_en, summary.fired, summary.clear, summary.not_evaluable
            ),
        };
        ctx.commit(StepCommit {
            steps_done: at as i32 + 2,
            stage: event.stage.clone(),
            fraction: event.fraction,
            counts,
            output: ctx.job.output.clone(),
            events: vec![event],
            findings,
            detectors: vec![summary],
            copy_from: None,
        })
        .await
    }

    /// Writes the answer in short and ends the job.
    async fn report(
        &self,
        ctx: &JobContext,
        request: &Request,
        mut output: Output,
        begun: Instant,
    ) -> Result<Finish, JobFailure> {
        let unavailable = |error| JobFailure::transient("STORE_UNAVAILABLE", "the findings cannot be read", error);
        let detectors = ctx.jobs().store().detector_summaries(&ctx.job.id).await.map_err(unavailable)?;
        let by_severity = ctx.jobs().store().findings_by_severity(&ctx.job.id).await.map_err(unavailable)?;
        output.score = Score::of(&detectors);
        let (pt, en) = summary((output.contracts, output.tenders), &detectors, &by_severity);
        let started = ctx.job.started_at.unwrap_or(ctx.job.created_at);
        output.duration_ms = (Utc::now() - started).num_milliseconds();
        let (message_pt, message_en) = (pt.clone(), en.clone());
        if request.options.generate_summary {
            output.summary_pt = pt;
            output.summary_en = en;
        }
        self.metrics.agent("investigation", "run", begun.elapsed());
        Ok(Finish {
            output: to_json(&output)?,
            counts: ctx.job.counts,
            stage: "report".to_owned(),
            message_pt,
            message_en,
        })
    }

    /// Runs a future of the query engine on its own threads, and drops it when the job is to stop.
    async fn on_engine<T: Send + 'static>(
        &self,
        ctx: &JobContext,
        agent: &str,
        action: &str,
        work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
    ) -> Result<T, JobFailure> {
        let name = format!("agent.{agent}.{action}");
        let span = tracing::info_span!("agent", otel.name = name, agent.name = agent, agent.action = action);
        let begun = Instant::now();
        let ended = on_engine(&self.engine.handle, ctx, work.instrument(span), lake::is_away).await;
        self.metrics.agent(agent, action, begun.elapsed());
        ended
    }
}

/// The plan of a request over a catalogue.
pub fn plan_of(request: &Request, catalogue: &Catalogue) -> Plan {
    let infos: Vec<DetectorInfo<'_>> = catalogue
        .iter()
        .map(|detector| DetectorInfo {
            id: detector.id(),
            pattern: detector.header.scope == Scope::Pattern,
            spending: SPENDING.iter().any(|group| detector.header.groups.iter().any(|name| name == group)),
            on_request: detector.header.on_request,
        })
        .collect();
    let mut plan = plan(request, &infos);
    plan.parameters = catalogue.overridden(&request.options.parameters, &plan.detectors);
    plan
}

/// Everything wrong with a request, held against a catalogue.
pub fn request_violations(request: &Request, catalogue: &Catalogue) -> Vec<Violation> {
    let mut found = request.violations(&catalogue.ids());
    let asked = &request.options.parameters;
    if asked.len() > MAX_ENTRIES {
        let rule = format!("must have at most {MAX_ENTRIES} entries");
        found.push(Violation::new("options.parameters", rule, asked.len()));
    } else if !asked.is_empty() {
        let running = plan_of(request, catalogue).detectors;
        catalogue.parameter_violations(asked, &running, "options.parameters", &mut found);
    }
    found
}

fn fraction(steps: usize, plan: &Plan) -> f64 {
    steps as f64 / (plan.detectors.len() + 2) as f64
}

fn to_json(output: &Output) -> Result<serde_json::Value, JobFailure> {
    serde_json::to_value(output)
        .map_err(|error| JobFailure::permanent("INTERNAL", "the output cannot be stored", error))
}
