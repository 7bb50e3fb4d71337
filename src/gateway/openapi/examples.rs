//! Examples of requests. Each is read and checked as a request would be, in the tests.

use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Value, json};

use super::node::Node;

/// Id of an investigation or analysis in the examples.
const ID: &str = "0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f";

/// A body of this message, its fields in the order of their declaration.
pub(super) fn body(message: &MessageDescriptor) -> Option<Node> {
    Some(in_order(of(message.full_name())?, message))
}

fn in_order(value: Value, message: &MessageDescriptor) -> Node {
    let Value::Object(mut entries) = value else { return value.into() };
    let mut out = Node::object();
    for field in message.fields() {
        let Some(value) = entries.remove(field.name()) else { continue };
        let value = match (field.kind(), value) {
            (Kind::Message(inner), Value::Array(items)) if field.is_list() => {
                items.into_iter().map(|item| in_order(item, &inner)).collect::<Vec<_>>().into()
            }
            (Kind::Message(inner), value) if !field.is_map() => in_order(value, &inner),
            (_, value) => value.into(),
        };
        out.set(field.name(), value);
    }
    // What is no field stays to be seen by the tests.
    for (name, value) in entries {
        out.set(&name, value);
    }
    out
}

fn of(message: &str) -> Option<Value> {
    Some(match message {
        "cidadao.v1.StartInvestigationRequest" => investigation(),
        "cidadao.v1.BatchStartInvestigationsRequest" => json!({
            "requests": [investigation(), {"query": "inexigibilidade acima de R$ 500 mil em 2024"}],
        }),
        "cidadao.v1.CancelInvestigationRequest" => json!({}),
        "cidadao.v1.CancelImportRequest" => json!({}),
        "cidadao.v1.ImportDatasetRequest" => json!({"uri": "portal:compras/202401"}),
        "cidadao.v1.ReviewFindingRequest" => json!({
            "state": "dismissed",
            "reason": "A prorrogação está no processo, folha 12.",
        }),
        "cidadao.v1.StartAnalysisRequest" => json!({
            "analysis_type": "spending_trends",
            "data_source": "contracts",
            "time_range": {"start_date": "2024-01-01", "end_date": "2024-12-31"},
            "filters": {"min_value": 10000, "categories": ["tecnologia", "serviços"]},
        }),
        "cidadao.v1.LoginRequest" => json!({"username": "ana", "password": "correct horse battery"}),
        "cidadao.v1.CreateApiKeyRequest" => json!({"name": "redação", "role": "analyst", "expires_in": "7776000s"}),
        "cidadao.v1.CreateUserRequest" => json!({
            "username": "ana",
            "email": "ana@example.org",
            "role": "analyst",
            "password": "correct horse battery",
        }),
        "cidadao.v1.DisableUserRequest" => json!({}),
        _ => return None,
    })
}

fn investigation() -> Value {
    json!({
        "query": "contratos emergenciais acima de 1 milhão",
        "investigation_type": "anomaly_detection",
        "filters": {"min_value": 1000000, "year": 2024, "modalidades": ["dispensa_licitacao"]},
        "options": {"include_historical_data": true, "priority": "normal", "timeout": "3600s"},
    })
}

/// The value of a path or query parameter, by the name of its field.
pub(super) fn parameter(field: &str) -> Option<Value> {
    Some(match field {
        "investigation_id" | "analysis_id" | "import_id" | "key_id" => ID.into(),
        "username" => "ana".into(),
        "dataset" => "portal:compras/202401".into(),
        "finding_id" => "9f86d081884c7d659a2feaa0c55ad015".into(),
        "detector_id" => "amendment_cap".into(),
        "contract_id" => "portal-153080-000122024-9f86d081884c".into(),
        _ => return None,
    })
}
