//! The worker's side of an analysis: one pass over the contracts of the period.

use std::time::Instant;

use super::{AnalysisType, ContractRef, GroupTotal, Output, Request};
use crate::jobs::{Finish, JobContext, JobFailure, JobHandler, on_engine};
use crate::lake::{self, Engine, Lake, Totals};
use crate::model::{Counts, JobKind, Money};
use crate::telemetry::Metrics;
use async_trait::async_trait;

/// Groups that each list of the largest holds.
const TOP: usize = 20;

/// Runs analyses.
#[derive(Debug)]
pub struct Handler {
    /// What is read.
    pub lake: Lake,
    /// Where the query engine runs.
    pub engine: Engine,
    /// What is counted.
    pub metrics: Metrics,
}

#[async_trait]
impl JobHandler for Handler {
    fn kind(&self) -> JobKind {
        JobKind::Analysis
    }

    async fn run(&self, ctx: &mut JobContext) -> Result<Finish, JobFailure> {
        let begun = Instant::now();
        let request: Request = serde_json::from_value(ctx.job.payload.clone())
            .map_err(|error| JobFailure::permanent("INVALID_PAYLOAD", "the stored request cannot be read", error))?;
        let snapshot = self
            .lake
            .snapshot(None)
            .await
            .map_err(|error| JobFailure::transient("LAKE_UNAVAILABLE", "the lake cannot be read", error))?;
        let version = snapshot.version();
        if version == 0 {
            return Err(JobFailure::failed(
                "NO_CONTRACT_DATA",
                "no contract data provided: the lake is empty, import something first",
            ));
        }
        let (engine, filters) = (self.engine.clone(), request.effective_filters());
        let work = async move {
            let session = engine.session()?;
            snapshot.register(&session).await?;
            Ok(lake::totals(&session, &filters, TOP).await?)
        };
        let totals = on_engine(&self.engine.handle, ctx, work, lake::is_away).await?;
        self.metrics.agent("analysis", "run", begun.elapsed());
        let output = output(&request, version, totals);
        let (contracts, value) = (output.contracts, output.total_value);
        Ok(Finish {
            output: serde_json::to_value(&output)
                .map_err(|error| JobFailure::permanent("INTERNAL", "the output cannot be stored", error))?,
            counts: Counts { contracts, ..Counts::default() },
            stage: "analysis".to_owned(),
            message_pt: format!("{contracts} contratos, valor atual de {}", value.pt()),
            message_en: format!("{contracts} contracts, current value of {}", value.en()),
        })
    }
}

fn output(request: &Request, lake_version: i64, totals: Totals) -> Output {
    let whole = totals.total_value;
    let groups = |groups: Vec<lake::GroupTotal>| -> Vec<GroupTotal> {
        groups
            .into_iter()
            .map(|group| GroupTotal {
                share: share(group.total_value, whole),
                id: group.id,
                name: group.name,
                contracts: group.contracts,
                total_value: group.total_value,
            })
            .collect()
    };
    let trends = request.analysis_type == AnalysisType::SpendingTrends;
    Output {
        lake_version,
        done: true,
        contracts: totals.contracts,
        total_initial_value: totals.total_initial_value,
        total_value: whole,
        contracts_without_supplier: totals.contracts_without_supplier,
        by_modality: groups(totals.by_modality),
        top_buyers: groups(totals.top_buyers),
        top_suppliers: groups(totals.top_suppliers),
        by_month: if trends { groups(totals.by_month) } else { Vec::new() },
        top_contracts: totals
            .top_contracts
            .into_iter()
            .map(|contract| ContractRef {
                contract_id: contract.contract_id,
                object: contract.object,
                value: contract.value,
                buyer_name: contract.buyer_name,
                supplier_name: contract.supplier_name,
            })
            .collect(),
    }
}

/// Share of a part, 0 where the whole is nothing.
fn share(part: Money, whole: Money) -> f64 {
    if whole.cents() == 0 { 0.0 } else { part.cents() as f64 / whole.cents() as f64 }
}
