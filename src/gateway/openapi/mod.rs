//! OpenAPI 3.1 of the REST shim, made from the compiled contract with its comments.
//!
//! Nothing here names an RPC to describe it: what the shim binds is in the document, with the schemas of its
//! messages as the shim reads and writes them.

mod comments;
mod examples;
mod fixed;
mod limits;
mod node;
mod operations;
mod page;
mod problems;
mod schema;

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, MessageDescriptor};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use self::comments::Comments;
use self::node::Node;
use self::operations::Operations;
use self::schema::Schemas;
use super::binding::{Binding, BindingError, RequestBody};
use crate::api::Credentials;

pub use page::{PageError, router};

/// What the descriptors do not say.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Version of the product.
    pub version: &'static str,
    /// Whether a call without credentials is refused from the start; else it may be once there are any.
    pub credentials_required: bool,
}

/// An OpenAPI document. Equal descriptors give equal documents, byte for byte.
#[derive(Debug, Clone, PartialEq)]
pub struct Document(Node);

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

const DESCRIPTION: &str = "\
Investigates public contracts: finds red flags, shows the evidence for each, streams its progress. A finding is an \
indication to be checked, never a statement of guilt.

Every operation is an RPC of the gRPC API as well, under the same name and with the same fields.

**JSON.** Fields are written in `snake_case` and read in `snake_case` or `lowerCamelCase`; fields that do not exist are \
refused. Enum values are short and in lower case, `unspecified` where nothing is set; their full names and numbers are read too. \
Integers of 64 bits are strings, amounts of money decimal strings, so that nothing is rounded. Fields with a default (text, numbers, \
lists, maps) are always written; others are left out where they are not set. In a request, `null` is as good as leaving a field out.

**Errors** are problems (RFC 9457) of the type `application/problem+json`.

**Streams** come as Server-Sent Events or, with `Accept: application/x-ndjson`, as lines of JSON.";

/// The document of every binding.
///
/// # Errors
/// If the annotations of the pool cannot be used, as [`super::binding::bindings`] says.
pub fn document(pool: &DescriptorPool, settings: Settings) -> Result<Document, BindingError> {
    let bindings = super::binding::bindings(pool)?;
    let comments = Comments::of(pool);
    let (requests, responses) = bodies(&bindings);
    let schemas = Schemas::new(pool, &comments, &requests, &responses);
    let mut operations = Operations { comments: &comments, schemas };
    let mut paths = Node::object();
    let mut times = BTreeMap::new();
    for binding in &bindings {
        let rpc = &binding.rpc;
        let time = times.entry(rpc.full_name().to_owned()).and_modify(|time| *time += 1).or_insert(1_u32);
        let id = if *time == 1 { rpc.name().to_owned() } else { format!("{}_{time}", rpc.name()) };
        let mut operation = operations.operation(binding, &id);
        match Credentials::of(&format!("/{}/{}", rpc.parent_service().full_name(), rpc.name())) {
            Credentials::Never => operation.set("security", json!([])),
            Credentials::WhereAsked => {}
            Credentials::Always => operation.set("security", json!(credentials())),
        }
        let path = operations::path(&binding.template);
        let methods = paths.get(&path).cloned().unwrap_or_else(Node::object);
        paths.set(&path, methods.with(&binding.method.as_str().to_ascii_lowercase(), operation));
    }
    for (path, methods) in fixed::paths() {
        paths.set(path, methods);
    }
    let mut components = operations.schemas.into_components();
    for (name, schema) in fixed::schemas() {
        components.set(name, schema);
    }
    components.set("Problem", problems::schema());
    let anybody = if settings.credentials_required { None } else { Some(json!({})) };
    let security: Vec<_> = credentials().into_iter().chain(anybody).collect();
    let info = Node::object()
        .with("title", "Cidadão.AI")
        .with("version", settings.version)
        .with("summary", "Red flags in public contracts, with their evidence.")
        .with("description", DESCRIPTION)
        .with("license", json!({"name": "Apache-2.0", "identifier": "Apache-2.0"}));
    let components = Node::object()
        .with("schemas", components)
        .with("responses", problems::responses())
        .with("parameters", parameters())
        .with("headers", headers())
        .with("securitySchemes", security_schemes());
    Ok(Document(
        Node::object()
            .with("openapi", "3.1.1")
            .with("info", info)
            .with("servers", json!([{"url": "/", "description": "The server that gave this document."}]))
            .with("security", json!(security))
            .with("tags", tags(pool, &comments, &bindings))
            .with("paths", paths)
            .with("components", components),
    ))
}

/// The messages that come and go as bodies.
fn bodies(bindings: &[Binding]) -> (Vec<MessageDescriptor>, Vec<MessageDescriptor>) {
    let mut requests = Vec::new();
    for binding in bindings {
        match &binding.body {
            RequestBody::Whole => requests.push(binding.rpc.input()),
            RequestBody::Field(field) => requests.extend(field.kind().as_message().cloned()),
            RequestBody::None => {}
        }
    }
    (requests, bindings.iter().map(|binding| binding.rpc.output()).collect())
}

fn tags(pool: &DescriptorPool, comments: &Comments, bindings: &[Binding]) -> Vec<Node> {
    let bound = |name: &str| bindings.iter().any(|binding| binding.rpc.parent_service().full_name() == name);
    let mut tags: Vec<Node> = pool
        .services()
        .filter(|service| bound(service.full_name()))
        .map(|service| {
            let tag = Node::object().with("name", operations::tag(service.name()));
            tag.maybe("description", comments.service(&service))
        })
        .collect();
    tags.push(Node::object().with("name", fixed::TAG).with("description", fixed::TAG_DESCRIPTION));
    tags
}

fn parameters() -> Node {
    let header = |name: &str, description: &str, schema: Value| {
        Node::object().with("name", name).with("in", "header").with("description", description).with("schema", schema)
    };
    let id = "Id of the request, for the log and for errors; one is made up if it is missing or not fit to be logged.";
    let last = "Sequence of the last event that was seen: the stream goes on after it. It wins over `after_sequence`.";
    Node::object()
        .with("X-Request-Id", header("X-Request-Id", id, json!({"type": "string"})))
        .with("If-None-Match", header("If-None-Match", "`ETag` of what the caller has.", json!({"type": "string"})))
        .with("Last-Event-ID", header("Last-Event-ID", last, json!({"type": "string", "pattern": "^[0-9]{1,18}$"})))
}

fn headers() -> Node {
    let header = |description: &str, schema: Value| json!({"description": description, "schema": schema});
    Node::object()
        .with("X-Request-Id", header("Id of the request: that of the caller, or a new one.", json!({"type": "string"})))
        .with("ETag", header("Changes whenever the answer does.", json!({"type": "string"})))
        .with("Cache-Control", header("How long it may be kept.", json!({"type": "string"})))
        .with("Retry-After", header("Seconds to wait.", json!({"type": "integer", "minimum": 0})))
        .with("WWW-Authenticate", header("What credentials are asked for.", json!({"type": "string"})))
}

/// Any of these will do.
fn credentials() -> [Value; 2] {
    [json!({"bearer": []}), json!({"api_key": []})]
}

fn security_schemes() -> Node {
    Node::object()
        .with(
            "bearer",
            json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "An access token."}),
        )
        .with(
            "api_key",
            json!({"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A key for programs."}),
        )
}

#[cfg(test)]
mod tests;
