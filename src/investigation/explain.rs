//! A finding once more, from the version of the lake that it was made on.

use crate::detectors::{Detector, DetectorError, QueryLimits, Run};
use crate::lake::{Engine, Lake, LakeError};
use crate::model::{Finding, Plan};

/// Why a finding cannot be computed again.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The detector.
    #[error(transparent)]
    Detector(DetectorError),
}

impl From<DetectorError> for ExplainError {
    fn from(error: DetectorError) -> Self {
        LakeError::of_object(&error).map_or(Self::Detector(error), Self::Lake)
    }
}

/// Runs the detector of a finding by the plan that it was made by: the finding with the same id or, if it does not
/// come out, the one about the same rows.
///
/// # Errors
/// [`ExplainError`] if the version of the lake or the query cannot be read.
pub async fn recompute(
    lake: &Lake,
    engine: &Engine,
    limits: QueryLimits,
    plan: &Plan,
    detector: &Detector,
    finding: &Finding,
) -> Result<Option<Finding>, ExplainError> {
    let session = engine.session()?;
    lake.snapshot(Some(plan.lake_version)).await?.register(&session).await?;
    let run = Run::prepare(session, plan).await?.limit_own(limits);
    let mut found = run.attempt(detector).await?.findings;
    let same = found.iter().position(|one| one.id == finding.id);
    let same = same.or_else(|| found.iter().position(|one| rows(one).eq(rows(finding))));
    Ok(same.map(|at| found.swap_remove(at)))
}

/// The published rows that a finding rests on, by table and id.
fn rows(finding: &Finding) -> impl Iterator<Item = (&str, &str)> {
    finding.evidence.rows.iter().map(|row| (row.table.as_str(), row.id.as_str()))
}

/// Why what came out is not the finding, in Portuguese and in English; `None` if it is.
pub fn difference(detector: &Detector, finding: &Finding, again: Option<&Finding>) -> Option<(String, String)> {
    if again.is_some_and(|again| again.id == finding.id) {
        return None;
    }
    let (made, now) = (&finding.detector.version, &detector.header.version);
    let versions = (made != now).then(|| {
        (
            format!(" A definição do detector mudou da versão {made} para a {now}."),
            format!(" The detector's definition went from version {made} to {now}."),
        )
    });
    let (versions_pt, versions_en) = versions.unwrap_or_default();
    let (pt, en) = match again {
        Some(_) => (
            "O detector aponta as mesmas linhas com outros valores.",
            "The detector fires on the same rows with other values.",
        ),
        None => ("O detector não aponta mais este caso.", "The detector does not fire on this case any more."),
    };
    Some((format!("{pt}{versions_pt}"), format!("{en}{versions_en}")))
}
