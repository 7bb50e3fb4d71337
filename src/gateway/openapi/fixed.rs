//! Routes beside the RPCs: what machines probe, and the document itself.

use serde_json::{Value, json};

use super::node::Node;
use super::operations::{parameter_reference, read_headers};
use super::problems;

/// Tag of these routes.
pub(super) const TAG: &str = "Operation";

/// What the tag stands for.
pub(super) const TAG_DESCRIPTION: &str = "What machines ask of a running server, and this document.";

/// Paths with their operations.
pub(super) fn paths() -> Vec<(&'static str, Node)> {
    let health = "Health in short, as monitors ask for it.";
    let live = "Whether the process answers at all.";
    let ready = "Whether the server takes work: its parts are there and it is not stopping.";
    let status = |words: &[&str]| json!({"type": "object", "properties": {"status": {"type": "string", "enum": words}}, "required": ["status"]});
    let both = |schema: &Value, bad: &'static str| vec![("200", health, schema.clone()), ("503", bad, schema.clone())];
    let summary = json!({"$ref": "#/components/schemas/HealthSummary"});
    let readiness = status(&["ready", "draining", "not_ready"]);
    vec![
        ("/metrics/health", get("GetHealthSummary", health, checked(both(&summary, "Something is missing.")))),
        ("/health/live", get("GetLiveness", live, checked(vec![("200", live, status(&["alive"]))]))),
        ("/health/ready", get("GetReadiness", ready, checked(both(&readiness, "The server takes no work now.")))),
        ("/openapi.json", tagged("GetOpenApi", "This document.", "application/json", json!({"type": "object"}))),
        (
            "/docs",
            tagged("GetDocs", "This document as a page to read and to try.", "text/html", json!({"type": "string"})),
        ),
    ]
}

/// Schemas that only these routes use.
pub(super) fn schemas() -> Vec<(&'static str, Node)> {
    let check = |description: &str| json!({"type": "boolean", "description": description});
    let checks = Node::object()
        .with("type", "object")
        .with("description", "Whether each part works.")
        .with(
            "properties",
            Node::object()
                .with("database", check("The database."))
                .with("redis", check("The cache: Redis, or memory where no Redis is used."))
                .with("agents", check("The workers of this process.")),
        )
        .with("required", json!(["database", "redis", "agents"]));
    let summary = Node::object()
        .with("type", "object")
        .with("description", "Health in short.")
        .with(
            "properties",
            Node::object()
                .with("status", json!({"type": "string", "enum": ["healthy", "unhealthy"]}))
                .with("checks", checks)
                .with(
                    "timestamp",
                    json!({"type": "number", "description": "When it was probed, in seconds since 1970."}),
                ),
        )
        .with("required", json!(["status", "checks", "timestamp"]));
    vec![("HealthSummary", summary)]
}

fn get(id: &str, summary: &str, responses: Node) -> Node {
    let operation = Node::object()
        .with("operationId", id)
        .with("summary", super::comments::first_sentence(summary))
        .with("description", summary)
        .with("tags", json!([TAG]))
        .with("security", json!([]))
        .with("parameters", vec![parameter_reference("X-Request-Id")])
        .with("responses", responses);
    Node::object().with("get", operation)
}

fn checked(answers: Vec<(&str, &str, Value)>) -> Node {
    let mut responses = Node::object();
    for (status, description, schema) in answers {
        let content = Node::object().with("application/json", Node::object().with("schema", schema));
        responses.set(status, problems::bare(description).with("content", content));
    }
    with_default(responses)
}

fn tagged(id: &str, summary: &str, media: &str, schema: Value) -> Node {
    let content = Node::object().with(media, Node::object().with("schema", schema));
    let answer = |description: &str| Node::object().with("description", description).with("headers", read_headers());
    let responses = Node::object()
        .with("200", answer(summary).with("content", content))
        .with("304", answer("What the caller has is what there is."));
    let mut path = get(id, summary, with_default(responses));
    if let Some(mut operation) = path.get("get").cloned() {
        operation.set("parameters", vec![parameter_reference("If-None-Match"), parameter_reference("X-Request-Id")]);
        path.set("get", operation);
    }
    path
}

fn with_default(mut responses: Node) -> Node {
    if let Some(problem) = problems::ALL.last() {
        responses.set(problem.key, problems::reference(problem));
    }
    responses
}
