//! What the server refuses beyond the type of a field, in the words of JSON Schema.
//!
//! Only rules that hold for every request and that a schema says exactly stand here: whoever sends
//! something that these forbid gets a 4xx, whoever is told by them what to send is not misled. Rules that
//! relate fields, or that count after folding or normalising, stay in the descriptions.

use serde_json::{Value, json};

/// Field (without the package), and what is laid over its schema.
type Limit = (&'static str, fn() -> Value);

/// Every limit.
const LIMITS: &[Limit] = &[
    ("StartInvestigationRequest.query", query),
    ("StartInvestigationRequest.request_id", request_id),
    ("StartAnalysisRequest.request_id", request_id),
    ("BatchStartInvestigationsRequest.requests", || json!({"minItems": 1, "maxItems": 100})),
    ("ContractFilters.min_value", amount),
    ("ContractFilters.max_value", amount),
    ("ContractFilters.category", || json!({"maxLength": 200})),
    ("ContractFilters.year", || json!({"minimum": 1990, "maximum": 2100})),
    ("ContractFilters.start_date", date),
    ("ContractFilters.end_date", date),
    ("TimeRange.start_date", date),
    ("TimeRange.end_date", date),
    ("InvestigationOptions.detectors", || json!({"maxItems": 100})),
    ("InvestigationOptions.parameters", || json!({"maxItems": 100})),
    ("ParameterOverride.value", || json!({"pattern": r"^[0-9]{1,16}(\.[0-9]{1,6})?$"})),
    ("ListInvestigationsRequest.page_size", not_negative),
    ("GetInvestigationResultsRequest.page_size", not_negative),
    ("SearchContractsRequest.page_size", not_negative),
    ("ListDetectorsRequest.page_size", not_negative),
    ("SearchContractsRequest.query", || json!({"maxLength": 200})),
    ("GetInvestigationResultsRequest.types", || json!({"maxItems": 100})),
    ("ReviewFindingRequest.reason", || json!({"maxLength": 1000})),
    ("ImportDatasetRequest.uri", || json!({"minLength": 1, "maxLength": 2000})),
    ("ImportDatasetRequest.request_id", request_id),
    ("ListImportsRequest.page_size", not_negative),
    ("ListDatasetsRequest.page_size", not_negative),
    ("WatchImportRequest.after_sequence", not_negative),
    ("ListApiKeysRequest.page_size", not_negative),
    ("ListUsersRequest.page_size", not_negative),
    ("LoginRequest.username", || json!({"maxLength": 254})),
    ("LoginRequest.email", || json!({"maxLength": 254})),
    ("LoginRequest.password", || json!({"minLength": 1})),
    ("CreateApiKeyRequest.name", || json!({"minLength": 1})),
    ("CreateUserRequest.username", || json!({"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$"})),
    ("CreateUserRequest.password", || json!({"minLength": 12, "maxLength": 128})),
    ("WatchInvestigationRequest.after_sequence", not_negative),
    ("WatchAnalysisRequest.after_sequence", not_negative),
    ("WatchInvestigationsRequest.status", || json!({"maxItems": 20})),
    ("GetInvestigationReportRequest.format", || json!({"enum": ["", "md", "markdown", "html", "json", "csv"]})),
    ("GetInvestigationReportRequest.language", || json!({"enum": ["", "pt", "pt-BR", "en"]})),
];

/// Enums that must be set; of lists, their items.
const SET: &[&str] = &[
    "ContractFilters.modalidades",
    "GetInvestigationResultsRequest.review_states",
    "ReviewFindingRequest.state",
    "StartAnalysisRequest.analysis_type",
    "WatchInvestigationsRequest.status",
];

/// Path parameters that are UUIDs: anything else is the id of nothing.
const UUIDS: &[&str] = &["investigation_id", "analysis_id", "import_id", "key_id"];

/// What is laid over the schema of a field of a request.
pub(super) fn of_field(full_name: &str) -> Option<Value> {
    let name = local(full_name);
    LIMITS.iter().find(|(field, _)| *field == name).map(|(_, limit)| limit())
}

/// Whether the enum of a field of a request, or each one of a list, must be set.
pub(super) fn must_be_set(full_name: &str) -> bool {
    SET.contains(&local(full_name))
}

/// What is laid over the schema of a path parameter.
pub(super) fn of_path(field: &str) -> Value {
    if UUIDS.contains(&field) { json!({"format": "uuid"}) } else { json!({"minLength": 1}) }
}

/// The name without the package: packages are in lower case.
fn local(full_name: &str) -> &str {
    let start = full_name.split('.').take_while(|part| part.starts_with(char::is_lowercase)).map(|part| part.len() + 1);
    full_name.get(start.sum()..).unwrap_or(full_name)
}

fn query() -> Value {
    // Something to read, and no control characters, those that turn the direction of a text among them.
    json!({
        "minLength": 1,
        "maxLength": 2000,
        "pattern": r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$",
    })
}

fn request_id() -> Value {
    json!({
        "anyOf": [{"format": "uuid"}, {"maxLength": 0}],
        "not": {"const": "00000000-0000-0000-0000-000000000000"},
    })
}

fn date() -> Value {
    json!({"anyOf": [{"format": "date"}, {"maxLength": 0}]})
}

fn amount() -> Value {
    json!({"minimum": 0, "exclusiveMaximum": 10_000_000_000_000_000_i64})
}

fn not_negative() -> Value {
    json!({"minimum": 0})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_of_a_field_of_the_contract() {
        let pool = crate::gateway::binding::pool().unwrap();
        let field = |name: &str| {
            let (message, field) = name.rsplit_once('.').unwrap();
            let message =
                pool.get_message_by_name(&format!("cidadao.v1.{message}")).unwrap_or_else(|| panic!("{name}"));
            message.get_field_by_name(field).unwrap_or_else(|| panic!("{name}"))
        };
        for (name, limit) in LIMITS {
            let field = field(name);
            assert_eq!(of_field(field.full_name()), Some(limit()));
            let limit = limit();
            for key in limit.as_object().unwrap().keys() {
                let fits = match key.as_str() {
                    "minItems" | "maxItems" => field.is_list(),
                    "minimum" | "maximum" | "exclusiveMaximum" => {
                        !field.is_list() && field.kind() != prost_reflect::Kind::String
                    }
                    _ => !field.is_list(),
                };
                assert!(fits, "{name} {key}");
            }
        }
        for name in SET {
            let field = field(name);
            assert!(field.kind().as_enum().is_some(), "{name}");
            assert!(must_be_set(field.full_name()));
        }
    }

    #[test]
    fn names_lose_their_package() {
        assert_eq!(local("cidadao.v1.Outer.Inner.field"), "Outer.Inner.field");
        assert_eq!(local("Message.field"), "Message.field");
        assert_eq!(local(""), "");
    }
}
