use crate::api::pb;
use crate::model::{
    AppliedLimit, DetectorRef, DetectorSummary, Evidence, EvidenceRow, Finding, Outcome, PublishedColumn, ReasonCount,
    Review, ReviewChange, ReviewState, Severity, Strength,
};

const fn severity(severity: Severity) -> pb::Severity {
    match severity {
        Severity::Low => pb::Severity::Low,
        Severity::Medium => pb::Severity::Medium,
        Severity::High => pb::Severity::High,
        Severity::Critical => pb::Severity::Critical,
    }
}

/// The severity of a request; `None` if it is not set.
pub(crate) const fn severity_from_pb(severity: pb::Severity) -> Option<Severity> {
    match severity {
        pb::Severity::Unspecified => None,
        pb::Severity::Low => Some(Severity::Low),
        pb::Severity::Medium => Some(Severity::Medium),
        pb::Severity::High => Some(Severity::High),
        pb::Severity::Critical => Some(Severity::Critical),
    }
}

pub(super) const fn outcome(outcome: Outcome) -> pb::Outcome {
    match outcome {
        Outcome::Fired => pb::Outcome::Fired,
        Outcome::Clear => pb::Outcome::Clear,
        Outcome::NotEvaluable => pb::Outcome::NotEvaluable,
    }
}

pub(super) const fn strength(strength: Strength) -> pb::Strength {
    match strength {
        Strength::Legal => pb::Strength::Legal,
        Strength::Statistical => pb::Strength::Statistical,
        Strength::Contextual => pb::Strength::Contextual,
    }
}

pub(crate) fn detector_ref(detector: DetectorRef) -> pb::DetectorRef {
    pb::DetectorRef {
        id: detector.id,
        version: detector.version,
        reference: detector.reference,
        legal_basis: detector.legal_basis,
        strength: strength(detector.strength) as i32,
        user_made: detector.user_made,
    }
}

/// A row of published data.
pub(super) fn evidence_row(row: EvidenceRow) -> pb::EvidenceRow {
    pb::EvidenceRow {
        table: row.table,
        id: row.id,
        source: row.source,
        file: row.file,
        line: row.line,
        import_id: row.import_id,
        columns: row.columns.into_iter().collect(),
    }
}

/// A limit or a parameter, as the API shows it.
pub(crate) fn applied_limit(limit: AppliedLimit) -> pb::AppliedLimit {
    pb::AppliedLimit {
        name: limit.name,
        value: limit.value,
        unit: limit.unit,
        legal_basis: limit.legal_basis,
        label: limit.label_pt,
        label_en: limit.label_en,
        text: limit.text_pt,
        text_en: limit.text_en,
        default_value: limit.default_value,
    }
}

/// A change of a review, as the API shows it.
pub(crate) fn review_change(change: ReviewChange) -> pb::FindingReviewChange {
    pb::FindingReviewChange {
        review_time: Some(super::timestamp(change.at)),
        reviewer: change.actor,
        from_state: review_state(change.from) as i32,
        to_state: review_state(change.to) as i32,
        reason: change.reason,
    }
}

fn evidence(evidence: Evidence) -> pb::Evidence {
    pb::Evidence {
        rows: evidence.rows.into_iter().map(evidence_row).collect(),
        values: evidence
            .values
            .into_iter()
            .map(|value| pb::EvidenceValue {
                name: value.name,
                value: value.value,
                unit: value.unit,
                label: value.label_pt,
                label_en: value.label_en,
                text: value.text_pt,
                text_en: value.text_en,
            })
            .collect(),
        limits: evidence.limits.into_iter().map(applied_limit).collect(),
        total_rows: evidence.total_rows,
    }
}

const fn review_state(state: ReviewState) -> pb::ReviewState {
    match state {
        ReviewState::Open => pb::ReviewState::Open,
        ReviewState::Confirmed => pb::ReviewState::Confirmed,
        ReviewState::Dismissed => pb::ReviewState::Dismissed,
    }
}

/// The state of a request; `None` if it is not set.
pub(crate) const fn review_state_from_pb(state: pb::ReviewState) -> Option<ReviewState> {
    match state {
        pb::ReviewState::Unspecified => None,
        pb::ReviewState::Open => Some(ReviewState::Open),
        pb::ReviewState::Confirmed => Some(ReviewState::Confirmed),
        pb::ReviewState::Dismissed => Some(ReviewState::Dismissed),
    }
}

/// A review as the API shows it.
pub(crate) fn review(review: Review) -> pb::FindingReview {
    pb::FindingReview {
        finding_id: review.finding_id,
        state: review_state(review.state) as i32,
        reason: review.reason,
        reviewer: review.reviewer,
        review_time: Some(super::timestamp(review.reviewed_at)),
    }
}

/// The review of a finding that nobody has reviewed.
fn unreviewed(finding_id: &str) -> pb::FindingReview {
    let state = pb::ReviewState::Open as i32;
    pb::FindingReview { finding_id: finding_id.to_owned(), state, ..Default::default() }
}

/// A finding as the API shows it, with its review.
pub(crate) fn finding(finding: Finding, reviewed: Option<Review>) -> pb::Finding {
    pb::Finding {
        review: Some(reviewed.map_or_else(|| unreviewed(&finding.id), review)),
        id: finding.id,
        r#type: finding.detector.id.clone(),
        title: finding.title_pt,
        title_en: finding.title_en,
        description: finding.description_pt,
        description_en: finding.description_en,
        severity: severity(finding.severity) as i32,
        outcome: pb::Outcome::Fired as i32,
        evidence: Some(evidence(finding.evidence)),
        detector: Some(detector_ref(finding.detector)),
        amount_at_stake: finding.amount_at_stake.map(|amount| amount.to_string()).unwrap_or_default(),
        tags: finding.tags,
        false_positives: finding.false_positives_pt,
        false_positives_en: finding.false_positives_en,
        contract_ids: finding.contract_ids,
    }
}

/// What a detector did, as the API shows it.
pub(crate) fn detector_summary(summary: DetectorSummary) -> pb::DetectorSummary {
    pb::DetectorSummary {
        base_rate: summary.base_rate(),
        detector: Some(detector_ref(summary.detector)),
        fired: summary.fired,
        clear: summary.clear,
        not_evaluable: summary.not_evaluable,
        reasons: summary.reasons.into_iter().map(reason_count).collect(),
        warnings: summary.warnings_pt,
        title: summary.title_pt,
        title_en: summary.title_en,
        failed: summary.failed,
    }
}

fn reason_count(reason: ReasonCount) -> pb::ReasonCount {
    pb::ReasonCount {
        outcome: outcome(reason.outcome) as i32,
        reason: reason.reason,
        text: reason.text_pt,
        text_en: reason.text_en,
        count: reason.count,
        published: reason
            .published
            .into_iter()
            .map(|PublishedColumn { column, filled, rows }| pb::PublishedColumn { column, filled, rows })
            .collect(),
    }
}
