//! What is done with one finding: its review, and its explanation.

use super::caller::Caller;
use super::errors::ApiError;
use super::{Api, Role, convert, pb};
use crate::investigation::{self, Output};
use crate::model::{Finding, ReviewState, Violation, is_control, mask_text, printable};
use crate::store::NewReview;

/// Most characters of a reason.
const MAX_REASON_CHARS: usize = 1_000;

/// A finding that an investigation of the caller made, and the latest one that did; an administrator's are
/// everybody's.
pub(super) async fn find(api: &Api, caller: &Caller, id: &str) -> Result<(String, Finding), ApiError> {
    if id.is_empty() {
        return Err(ApiError::Invalid(vec![Violation::new("finding_id", "must not be empty", id)]));
    }
    let owner = (caller.principal.role < Role::Admin).then(|| caller.principal.id.clone());
    // No id has a character that a database cannot ask for.
    let found = if id.contains('\0') { None } else { api.store.finding(id, owner).await? };
    found.ok_or_else(|| ApiError::NotFound { resource: "finding", id: id.to_owned() })
}

/// Stores what a reviewer says.
pub(super) async fn review(
    api: &Api,
    caller: &Caller,
    request: pb::ReviewFindingRequest,
) -> Result<pb::FindingReview, ApiError> {
    let mut found = Vec::new();
    let known = convert::known::<pb::ReviewState>(request.state, "state", &mut found);
    let state = known.and_then(convert::review_state_from_pb);
    if known == Some(pb::ReviewState::Unspecified) {
        found.push(Violation::new("state", "must be set", request.state));
    }
    let reason = mask_text(request.reason.trim()).into_owned();
    let length = reason.chars().count();
    if length > MAX_REASON_CHARS {
        let rule = format!("must have at most {MAX_REASON_CHARS} characters, has {length}");
        found.push(Violation::new("reason", rule, &reason));
    }
    if let Some(c) = reason.chars().find(|c| is_control(*c) && !matches!(c, '\t' | '\n' | '\r')) {
        let rule = format!("must not contain the control character U+{:04X}", u32::from(c));
        found.push(Violation::new("reason", rule, printable(&reason)));
    }
    if state == Some(ReviewState::Dismissed) && reason.is_empty() {
        found.push(Violation::new("reason", "must say why a finding is dismissed", &reason));
    }
    let (Some(state), true) = (state, found.is_empty()) else { return Err(ApiError::Invalid(found)) };
    let (_, finding) = find(api, caller, &request.finding_id).await?;
    let (actor, remote) = (caller.principal.id.clone(), caller.remote.clone());
    let new = NewReview { finding_id: finding.id, state, reason, actor, remote };
    Ok(convert::review(api.store.review_finding(new).await?))
}

/// Computes a finding once more.
pub(super) async fn explain(api: &Api, caller: &Caller, finding_id: &str) -> Result<pb::FindingExplanation, ApiError> {
    let (investigation_id, finding) = find(api, caller, finding_id).await?;
    let job = api.jobs.get(&investigation_id).await?;
    let plan = job.and_then(|job| Output::of(&job).plan);
    let plan = plan.ok_or_else(|| ApiError::NotFound { resource: "finding", id: finding_id.to_owned() })?;
    let unknown = || ApiError::DetectorUnknown { id: finding.detector.id.clone() };
    // A parameter that the detector takes no more is one of a detector that there is no more.
    let detector = api.catalogue.of_plan(&plan, &finding.detector.id).ok_or_else(unknown)?.map_err(|_| unknown())?;
    let (of_engine, of_plan, of_detector, made) = (api.clone(), plan.clone(), detector.clone(), finding.clone());
    let again = api
        .on_engine(async move {
            let (lake, engine) = (&of_engine.lake, &of_engine.engine);
            investigation::recompute(lake, engine, of_engine.own_limits, &of_plan, &of_detector, &made).await
        })
        .await?;
    let difference = investigation::difference(&detector, &finding, again.as_ref());
    let reviewed = api.store.reviews(vec![finding.id.clone()]).await?.remove(&finding.id);
    let changes = api.store.review_changes(&finding.id).await?;
    let reproduced = difference.is_none();
    let (difference, difference_en) = difference.unwrap_or_default();
    Ok(pb::FindingExplanation {
        finding: Some(convert::finding(finding, reviewed)),
        investigation_id,
        lake_version: plan.lake_version,
        plan: Some(convert::plan(&plan)),
        detector: Some(convert::detector_ref(detector.reference())),
        query: detector.sql().to_owned(),
        tables: detector.header.tables.clone(),
        parameters: detector.header.parameters.iter().map(|one| convert::applied_limit(one.applied())).collect(),
        reproduced,
        recomputed: again.map(|again| convert::finding(again, None)),
        difference,
        difference_en,
        review_changes: changes.into_iter().map(convert::review_change).collect(),
    })
}
