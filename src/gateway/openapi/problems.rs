//! Errors of the document: RFC 9457 problems, one shared answer for each status.

use serde_json::json;

use super::node::Node;
use super::operations::header_reference;

/// Which operations give an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// All.
    Always,
    /// Those that name something, in their path or body.
    WithName,
    /// Those that read a body.
    WithBody,
    /// Those whose success depends on the state of something.
    WithState,
}

/// An error that operations share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Problem {
    /// Status, or `default`.
    pub(super) key: &'static str,
    name: &'static str,
    description: &'static str,
    /// Which operations give it.
    pub(super) kind: Kind,
    retry: bool,
}

const fn problem(key: &'static str, name: &'static str, kind: Kind, description: &'static str) -> Problem {
    Problem { key, name, description, kind, retry: false }
}

const fn retried(key: &'static str, name: &'static str, description: &'static str) -> Problem {
    Problem { key, name, description, kind: Kind::Always, retry: true }
}

/// Every error, by status.
pub(super) const ALL: &[Problem] = &[
    problem(
        "400",
        "BadRequest",
        Kind::Always,
        "Malformed: JSON that cannot be read, with its position, an unknown field or parameter, or a value of another type \
         or out of range.",
    ),
    problem("401", "Unauthenticated", Kind::Always, "Credentials are missing, wrong or expired."),
    problem("403", "Forbidden", Kind::Always, "The credentials do not allow this."),
    problem("404", "NotFound", Kind::WithName, "There is nothing of this name, or it is not the caller's."),
    problem(
        "409",
        "Conflict",
        Kind::WithState,
        "The state does not allow it: not finished yet, ended without results, or an id of a request used for another one.",
    ),
    problem("413", "TooLarge", Kind::WithBody, "The body is larger than the server takes."),
    problem("415", "UnsupportedMediaType", Kind::WithBody, "The body is not `application/json`."),
    problem(
        "422",
        "Invalid",
        Kind::Always,
        "Well-formed, but against a rule: `detail` starts with `validation_error:`, `errors` names each field, rule and value.",
    ),
    retried("429", "TooMany", "Too many requests: `Retry-After` says when to try again."),
    problem(
        "500",
        "Internal",
        Kind::Always,
        "A defect of the server; its log has the cause under the id of the request.",
    ),
    retried(
        "503",
        "Unavailable",
        "Something the server needs is away, or it stops: `Retry-After` says when to try again.",
    ),
    problem("504", "Timeout", Kind::Always, "It took longer than the caller or the server allows."),
    problem("default", "Error", Kind::Always, "Any other error."),
];

/// A reference to the answer.
pub(super) fn reference(problem: &Problem) -> Node {
    Node::object().with("$ref", format!("#/components/responses/{}", problem.name))
}

/// An answer without a body.
pub(super) fn bare(description: &str) -> Node {
    let headers = Node::object().with("X-Request-Id", header_reference("X-Request-Id"));
    Node::object().with("description", description).with("headers", headers)
}

/// The answers that [`reference`] names.
pub(super) fn responses() -> Node {
    let mut out = Node::object();
    for problem in ALL {
        let mut headers = Node::object().with("X-Request-Id", header_reference("X-Request-Id"));
        if problem.retry {
            headers.set("Retry-After", header_reference("Retry-After"));
        }
        if problem.key == "401" {
            headers.set("WWW-Authenticate", header_reference("WWW-Authenticate"));
        }
        let content = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
        let response =
            Node::object().with("description", problem.description).with("headers", headers).with("content", content);
        out.set(problem.name, response);
    }
    out
}

/// The schema of a problem.
pub(super) fn schema() -> Node {
    let text = |description: &str| json!({"type": "string", "description": description});
    let violation = Node::object()
        .with("type", "object")
        .with(
            "properties",
            Node::object()
                .with("field", text("Path of the field, for example `filters.year`."))
                .with("rule", text("The rule that it breaks."))
                .with("value", text("The value, as far as it may be shown.")),
        )
        .with("required", json!(["field", "rule", "value"]));
    let properties = Node::object()
        .with("type", json!({"type": "string", "format": "uri-reference", "description": "Kind of the problem, `urn:cidadao:problem:` and its reason; a name, no address. `about:blank` where the status says it all."}))
        .with("title", text("The status in words."))
        .with("status", json!({"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status."}))
        .with("detail", text("What happened, in words that a caller may read."))
        .with("errors", Node::object().with("type", "array").with("description", "Fields that break a rule.").with("items", violation))
        .with("code", text("The code of gRPC, for example `NOT_FOUND`."))
        .with("reason", text("Stable reason in UPPER_SNAKE_CASE, for example `INVESTIGATION_NOT_FOUND`."))
        .with("domain", text("Who defines the reason."))
        .with("metadata", json!({"type": "object", "additionalProperties": {"type": "string"}, "description": "Everything variable of the detail, by name."}))
        .with("request_id", text("Id of the request: what to quote when asking for help."));
    Node::object()
        .with("type", "object")
        .with("description", "An error (RFC 9457).")
        .with("properties", properties)
        .with("required", json!(["type", "title", "status", "detail", "code", "request_id"]))
        .with(
            "examples",
            json!([{
                "type": "urn:cidadao:problem:INVALID_FIELD",
                "title": "Unprocessable Entity",
                "status": 422,
                "detail": "validation_error: filters.year: must be from 1990 to 2100",
                "errors": [{"field": "filters.year", "rule": "must be from 1990 to 2100", "value": "1815"}],
                "code": "INVALID_ARGUMENT",
                "reason": "INVALID_FIELD",
                "domain": "cidadao.ai",
                "metadata": {"field": "filters.year", "rule": "must be from 1990 to 2100", "violations": "1"},
                "request_id": "0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f",
            }]),
        )
}
