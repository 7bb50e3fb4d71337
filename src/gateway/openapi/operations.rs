//! Operations of the document: one for each binding of an RPC.

use http::Method;
use prost_reflect::FieldDescriptor;
use serde_json::json;

use super::comments::{Comments, first_sentence};
use super::node::Node;
use super::problems::{self, Kind};
use super::schema::{self, Schemas, Side};
use super::{examples, limits};
use crate::gateway::binding::{Binding, RequestBody, query_parameters};
use crate::gateway::template::{Segment, Template};

/// Makes operations.
#[derive(Debug)]
pub(super) struct Operations<'a> {
    pub(super) comments: &'a Comments,
    pub(super) schemas: Schemas<'a>,
}

impl Operations<'_> {
    /// The operation of a binding; `id` tells it from the others of its RPC.
    pub(super) fn operation(&mut self, binding: &Binding, id: &str) -> Node {
        let rpc = &binding.rpc;
        let said = self.comments.method(rpc).unwrap_or_default();
        let mut operation = Node::object()
            .with("operationId", id)
            .with("summary", first_sentence(&said))
            .with("description", said.as_str())
            .with("tags", json!([tag(rpc.parent_service().name())]));
        if rpc.method_descriptor_proto().options.as_ref().is_some_and(prost_types::MethodOptions::deprecated) {
            operation.set("deprecated", true);
        }
        let mut parameters = self.path_parameters(binding);
        for path in query_parameters(binding) {
            parameters.push(self.query_parameter(&path));
        }
        let resumable = rpc.is_server_streaming() && rpc.input().get_field_by_name("after_sequence").is_some();
        if resumable {
            parameters.push(parameter_reference("Last-Event-ID"));
        }
        if tagged(binding) {
            parameters.push(parameter_reference("If-None-Match"));
        }
        parameters.push(parameter_reference("X-Request-Id"));
        operation.set("parameters", parameters);
        if let Some(body) = self.body(binding) {
            operation.set("requestBody", body);
        }
        let responses = self.responses(binding, resumable);
        operation.with("responses", responses)
    }

    fn path_parameters(&mut self, binding: &Binding) -> Vec<Node> {
        let template = &binding.template;
        let mut out = Vec::new();
        for (variable, fields) in template.variables().iter().zip(&binding.variables) {
            let Some(field) = fields.last() else { continue };
            let name = variable.path.join(".");
            let mut schema = self.schemas.parameter(field).overlay(&limits::of_path(&name));
            let segments = &template.segments()[variable.start..variable.end];
            if segments != [Segment::One] {
                schema.set("pattern", pattern(segments));
            }
            out.push(
                Node::object()
                    .with("name", name.as_str())
                    .with("in", "path")
                    .with("required", true)
                    .maybe("description", self.comments.field(field))
                    .with("schema", schema)
                    .maybe("example", examples::parameter(field.name())),
            );
        }
        for at in nameless(template) {
            out.push(
                Node::object()
                    .with("name", nameless_name(at))
                    .with("in", "path")
                    .with("required", true)
                    .with("schema", json!({"type": "string", "minLength": 1})),
            );
        }
        out
    }

    fn query_parameter(&mut self, path: &[FieldDescriptor]) -> Node {
        let names: Vec<_> = path.iter().map(FieldDescriptor::name).collect();
        let Some(field) = path.last() else { return Node::object() };
        let parameter = Node::object()
            .with("name", names.join("."))
            .with("in", "query")
            .maybe("description", self.comments.field(field));
        let parameter = if field.is_list() { parameter.with("style", "form").with("explode", true) } else { parameter };
        parameter.with("schema", self.schemas.parameter(field)).maybe("example", examples::parameter(field.name()))
    }

    fn body(&mut self, binding: &Binding) -> Option<Node> {
        let input = binding.rpc.input();
        let (schema, needed) = match &binding.body {
            RequestBody::None => return None,
            RequestBody::Whole => {
                let bound: Vec<_> =
                    binding.variables.iter().filter(|path| path.len() == 1).map(|path| path[0].clone()).collect();
                let schema = if bound.is_empty() {
                    self.schemas.message(&input, Side::Request)
                } else {
                    self.schemas.object(&input, Side::Request, &bound)
                };
                (schema, input.fields().any(|field| !bound.contains(&field) && self.schemas.is_required(&field)))
            }
            RequestBody::Field(field) => (self.schemas.field(field, Side::Request), self.schemas.is_required(field)),
        };
        let message = match &binding.body {
            RequestBody::Field(field) => field.kind().as_message().cloned(),
            RequestBody::None | RequestBody::Whole => Some(input),
        };
        let json = Node::object()
            .with("schema", schema)
            .maybe("example", message.and_then(|message| examples::body(&message)));
        Some(Node::object().with("required", needed).with("content", Node::object().with("application/json", json)))
    }

    fn responses(&mut self, binding: &Binding, resumable: bool) -> Node {
        let output = binding.rpc.output();
        let schema = match &binding.response_body {
            Some(field) => self.schemas.field(field, Side::Response),
            None => self.schemas.message(&output, Side::Response),
        };
        let said = self.comments.message(&output).unwrap_or_default();
        let mut responses = Node::object();
        if binding.rpc.is_server_streaming() {
            responses.set("200", stream(&schema, resumable));
        } else {
            let headers = if tagged(binding) {
                read_headers()
            } else {
                Node::object().with("X-Request-Id", header_reference("X-Request-Id"))
            };
            let content = Node::object().with("application/json", Node::object().with("schema", schema));
            let description = if said.is_empty() { "The answer.".to_owned() } else { said };
            let response =
                Node::object().with("description", description).with("headers", headers).with("content", content);
            responses.set("200", response);
        }
        if binding.rpc.is_server_streaming() {
            let description = "There is nothing to come: as events, a stream that ends without one. A browser does not \
                               connect again.";
            responses.set("204", problems::bare(description));
        }
        if tagged(binding) {
            let mut unchanged = problems::bare("What the caller has is what there is.");
            unchanged.set("headers", read_headers());
            responses.set("304", unchanged);
        }
        let body = binding.body != RequestBody::None;
        let names_something = !binding.variables.is_empty();
        for problem in problems::ALL {
            let possible = match problem.kind {
                Kind::Always => true,
                Kind::WithName => names_something || body,
                Kind::WithBody => body,
                Kind::WithState => names_something || body || binding.method != Method::GET,
            };
            if possible {
                responses.set(problem.key, problems::reference(problem));
            }
        }
        responses
    }
}

/// The tag of a service: `InvestigationService` → `Investigation`.
pub(super) fn tag(service: &str) -> &str {
    service.strip_suffix("Service").unwrap_or(service)
}

/// Whether the answers of a binding have an entity tag: every read but those that go on.
fn tagged(binding: &Binding) -> bool {
    binding.method == Method::GET && !binding.rpc.is_server_streaming()
}

/// The answer of a stream. A stream is text as a whole, whatever its items are: the schema says what each one
/// is without saying that the body is one.
fn stream(schema: &Node, resumable: bool) -> Node {
    let id = if resumable { ", its `id` the sequence" } else { "" };
    let events = format!(
        "Server-Sent Events: the `data` of each is one message, its `event` says of which kind{id}. Comments keep the \
         connection alive; `retry` says how long to wait before connecting again. An error after the first event comes \
         as the event `error`, whose data is a `Problem`."
    );
    let lines = "`{\"result\": …}` with one message in each line. An error after the first line comes as a last line \
                 `{\"error\": …}` with a `Problem`. Empty lines keep the connection alive.";
    let of = |description: &str, item: Node| {
        let schema = Node::object()
            .with("type", "string")
            .with("description", description)
            .with("contentMediaType", "application/json")
            .with("contentSchema", item);
        Node::object().with("schema", schema)
    };
    let line = Node::object()
        .with("type", "object")
        .with("properties", Node::object().with("result", schema.clone()).with("error", schema::reference("Problem")));
    let content = Node::object()
        .with("text/event-stream", of(&events, schema.clone()))
        .with("application/x-ndjson", of(lines, line));
    Node::object()
        .with("description", "Messages as they come.")
        .with("headers", Node::object().with("X-Request-Id", header_reference("X-Request-Id")))
        .with("content", content)
}

/// Headers of what can be asked for again.
pub(super) fn read_headers() -> Node {
    Node::object()
        .with("X-Request-Id", header_reference("X-Request-Id"))
        .with("ETag", header_reference("ETag"))
        .with("Cache-Control", header_reference("Cache-Control"))
}

/// A header that answers share.
pub(super) fn header_reference(name: &str) -> Node {
    Node::object().with("$ref", format!("#/components/headers/{name}"))
}

/// A header of requests that operations share.
pub(super) fn parameter_reference(name: &str) -> Node {
    Node::object().with("$ref", format!("#/components/parameters/{name}"))
}

/// A template as OpenAPI writes paths: each variable is one name in braces, whatever it spans.
pub(super) fn path(template: &Template) -> String {
    let mut out = String::new();
    let mut at = 0;
    while let Some(segment) = template.segments().get(at) {
        out.push('/');
        if let Some(variable) = template.variables().iter().find(|variable| variable.start == at) {
            out.push_str(&format!("{{{}}}", variable.path.join(".")));
            at = variable.end.max(at + 1);
            continue;
        }
        match segment {
            Segment::Literal(text) => out.push_str(text),
            Segment::One | Segment::Rest => out.push_str(&format!("{{{}}}", nameless_name(at))),
        }
        at += 1;
    }
    if let Some(verb) = template.verb() {
        out.push(':');
        out.push_str(verb);
    }
    out
}

/// The wildcards of a template that no variable takes.
fn nameless(template: &Template) -> Vec<usize> {
    let taken = |at: usize| template.variables().iter().any(|variable| (variable.start..variable.end).contains(&at));
    let wild = |at: &usize| !matches!(template.segments()[*at], Segment::Literal(_)) && !taken(*at);
    (0..template.segments().len()).filter(wild).collect()
}

fn nameless_name(at: usize) -> String {
    format!("segment_{at}")
}

/// What the text of a variable that spans these segments looks like.
fn pattern(segments: &[Segment]) -> String {
    let parts: Vec<String> = segments
        .iter()
        .map(|segment| match segment {
            Segment::Literal(text) => regex::escape(text),
            Segment::One => "[^/]+".to_owned(),
            Segment::Rest => ".*".to_owned(),
        })
        .collect();
    format!("^{}$", parts.join("/"))
}
