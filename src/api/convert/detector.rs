use super::finding::{outcome, strength};
use crate::api::pb;
use crate::detectors::{EvidenceColumn, Header, Parameter, Reason, Scope};

/// A detector as the API shows it.
pub(crate) fn detector(header: &Header) -> pb::Detector {
    pb::Detector {
        detector_id: header.id.clone(),
        version: header.version.clone(),
        title: header.title.pt.clone(),
        title_en: header.title.en.clone(),
        explanation: header.explanation.pt.clone(),
        explanation_en: header.explanation.en.clone(),
        reference: header.reference.clone(),
        legal_basis: header.legal_basis.clone(),
        strength: strength(header.strength) as i32,
        scope: match header.scope {
            Scope::Single => pb::DetectorScope::Single,
            Scope::Pattern => pb::DetectorScope::Pattern,
        } as i32,
        on_request: header.on_request,
        tags: header.tags.clone(),
        groups: header.groups.clone(),
        tables: header.tables.clone(),
        parameters: header.parameters.iter().map(parameter).collect(),
        severity_rule: header.severity.pt.clone(),
        severity_rule_en: header.severity.en.clone(),
        reasons: header.reasons.iter().map(|(name, one)| reason(name, one)).collect(),
        evidence: header.evidence.iter().map(evidence).collect(),
        false_positives: header.false_positives.pt.clone(),
        false_positives_en: header.false_positives.en.clone(),
        user_made: header.user_made,
    }
}

fn parameter(parameter: &Parameter) -> pb::DetectorParameter {
    pb::DetectorParameter {
        name: parameter.name.clone(),
        default_value: parameter.value.clone(),
        unit: parameter.unit.clone(),
        min_value: parameter.min.clone().unwrap_or_default(),
        max_value: parameter.max.clone().unwrap_or_default(),
        legal_basis: parameter.legal_basis.clone(),
        label: parameter.label.pt.clone(),
        label_en: parameter.label.en.clone(),
    }
}

fn reason(name: &str, reason: &Reason) -> pb::DetectorReason {
    pb::DetectorReason {
        name: name.to_owned(),
        outcome: outcome(reason.outcome) as i32,
        text: reason.pt.clone(),
        text_en: reason.en.clone(),
    }
}

fn evidence(column: &EvidenceColumn) -> pb::DetectorEvidence {
    pb::DetectorEvidence {
        name: column.name.clone(),
        unit: column.unit.clone(),
        label: column.label.pt.clone(),
        label_en: column.label.en.clone(),
    }
}
