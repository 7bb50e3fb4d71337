//! The worker's side of an investigation: plan, detectors, report, each one committed step.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use chrono::Utc;
use tracing::Instrument as _;

use super::{DetectorInfo, Output, Request, plan, score, summary};
use crate::detectors::{Catalogue, DetectorRun, Run, Scope};
use crate::jobs::{Finish, JobContext, JobFailure, JobHandler, on_engine};
use crate::lake::{Engine, Lake};
use crate::model::{Counts, EventKind, JobKind, JobState, NewEvent, Plan};
use crate::store::StepCommit;
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
        let (run, plan) = self.prepare(ctx, &request, &mut output).await?;
        for (at, id) in plan.detectors.iter().enumerate() {
            // Step 0 is the plan: detector `at` is done once `at + 2` steps are.
            if ctx.job.steps_done as usize >= at + 2 {
                continue;
            }
            self.detect(ctx, &run, &plan, at, id).await?;
        }
        self.report(ctx, &request, output, begun).await
    }
}

impl Handler {
    /// Pins the version of the lake, makes the plan and commits both as the first step; a job that
    /// was taken over goes on with what was pinned.
    async fn prepare(
        &self,
        ctx: &mut JobContext,
        request: &Request,
        output: &mut Output,
    ) -> Result<(Arc<Run>, Plan), JobFailure> {
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
        let (engine, engine_plan) = (self.engine.clone(), plan.clone());
        let prepared = async move {
            let session = engine.session()?;
            snapshot.register(&session).await?;
            let run = Run::prepare(session, &engine_plan).await?;
            let contracts = run.contracts_in_scope();
            Ok((Arc::new(run), contracts))
        };
        let (run, contracts) = self.on_engine(ctx, "investigation", "plan", prepared).await?;
        if ctx.job.steps_done == 0 {
            output.plan = Some(plan.clone());
            output.contracts = contracts;
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
                    "plano: {contracts} contratos no escopo, {} detectores, dados na versão {}{}",
                    plan.detectors.len(),
                    plan.lake_version,
                    not_understood.0
                ),
                message_en: format!(
                    "plan: {contracts} contracts in scope, {} detectors, data at version {}{}",
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
                findings: Vec::new(),
                detectors: Vec::new(),
            })
            .await?;
        }
        Ok((run, plan))
    }

    /// Runs one detector and commits its findings, its counts and its event as one step.
    async fn detect(
        &self,
        ctx: &mut JobContext,
        run: &Arc<Run>,
        plan: &Plan,
        at: usize,
        id: &str,
    ) -> Result<(), JobFailure> {
        let Some(detector) = self.catalogue.get(id).cloned() else {
            let message = format!("the plan names a detector that this version does not have: {id}");
            return Err(JobFailure::failed("UNKNOWN_DETECTOR", message));
        };
        let running = Arc::clone(run);
        let work = async move { Ok(running.detector(&detector).await?) };
        let DetectorRun { summary, findings, .. } = self.on_engine(ctx, id, "detect", work).await?;
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
        output.score = score(&detectors);
        let (pt, en) = summary(output.contracts, &detectors, &by_severity);
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
        let ended = on_engine(&self.engine.handle, ctx, work.instrument(span)).await;
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
        })
        .collect();
    plan(request, &infos)
}

fn fraction(steps: usize, plan: &Plan) -> f64 {
    steps as f64 / (plan.detectors.len() + 2) as f64
}

fn to_json(output: &Output) -> Result<serde_json::Value, JobFailure> {
    serde_json::to_value(output)
        .map_err(|error| JobFailure::permanent("INTERNAL", "the output cannot be stored", error))
}
