//! JSON Schemas of messages and enums, as the shim reads and writes them.
//!
//! A message that requests and answers share has two schemas: what is read is stricter in one way
//! (unknown names are refused, limits hold) and laxer in another (`null` is "not set", numbers may be
//! strings, an enum may be spelt in full). Names of the former end in `Input` where both are needed.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};

use super::comments::Comments;
use super::limits;
use super::node::Node;
use crate::gateway::names;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// From the caller.
    Request,
    /// To the caller.
    Response,
}

/// `google.api.field_behavior`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behavior {
    Required,
    OutputOnly,
    InputOnly,
}

/// The schemas that a document refers to, made as they are asked for.
#[derive(Debug)]
pub(super) struct Schemas<'a> {
    pool: &'a DescriptorPool,
    comments: &'a Comments,
    /// What each side reaches: full names, and the names without their packages.
    requests: BTreeMap<String, String>,
    responses: BTreeMap<String, String>,
    made: BTreeMap<String, Node>,
}

impl<'a> Schemas<'a> {
    /// Schemas for documents whose bodies are these messages.
    pub(super) fn new(
        pool: &'a DescriptorPool,
        comments: &'a Comments,
        requests: &[MessageDescriptor],
        responses: &[MessageDescriptor],
    ) -> Self {
        let (mut in_requests, mut in_responses) = (BTreeMap::new(), BTreeMap::new());
        requests.iter().for_each(|message| reach(message, &mut in_requests));
        responses.iter().for_each(|message| reach(message, &mut in_responses));
        Self { pool, comments, requests: in_requests, responses: in_responses, made: BTreeMap::new() }
    }

    /// Every schema that was referred to, by name.
    pub(super) fn into_components(self) -> Node {
        Node::Object(self.made.into_iter().collect())
    }

    /// A reference to the schema of a message, or the schema itself where JSON has a form of its own
    /// for it.
    pub(super) fn message(&mut self, message: &MessageDescriptor, side: Side) -> Node {
        if let Some(schema) = well_known(message) {
            return schema.into();
        }
        let name = self.name(message.full_name(), message.package_name(), side);
        if !self.made.contains_key(&name) {
            // The place is taken before the schema is made: messages may hold themselves.
            self.made.insert(name.clone(), Node::object());
            let schema = self.object(message, side, &[]);
            self.made.insert(name.clone(), schema);
        }
        reference(&name)
    }

    /// The schema of a message without some of its fields.
    pub(super) fn object(&mut self, message: &MessageDescriptor, side: Side, without: &[FieldDescriptor]) -> Node {
        let fields: Vec<_> = message.fields().filter(|field| !without.contains(field)).collect();
        let mut properties = Node::object();
        let mut required = Vec::new();
        for field in &fields {
            let always = match side {
                Side::Request => self.is_required(field),
                // Fields without presence are written with their default.
                Side::Response => !field.supports_presence(),
            };
            if always {
                required.push(field.name());
            }
            let schema = self.field(field, side);
            // What a request must have is no `null`.
            let schema = if side == Side::Request && !always { or_null(schema) } else { schema };
            properties.set(field.name(), schema);
        }
        let mut schema = Node::object().with("type", "object").maybe("description", self.comments.message(message));
        if !properties.is_empty() {
            schema.set("properties", properties);
        }
        if !required.is_empty() {
            schema.set("required", json!(required));
        }
        if side == Side::Request {
            schema.set("additionalProperties", false);
        }
        let choices: Vec<Node> = message
            .oneofs()
            .filter(|oneof| !oneof.is_synthetic() && oneof.fields().all(|field| fields.contains(&field)))
            .map(|oneof| {
                let names: Vec<_> = oneof.fields().map(|field| json!({"required": [field.name()]})).collect();
                let mut choices: Vec<Node> = names.iter().cloned().map(Node::from).collect();
                choices.push(json!({"not": {"anyOf": names}}).into());
                let said = self.comments.oneof(&oneof).unwrap_or_default();
                let description = format!("At most one of these is set. {said}").trim_end().to_owned();
                Node::object().with("description", description).with("oneOf", choices)
            })
            .collect();
        if !choices.is_empty() {
            schema.set("allOf", choices);
        }
        schema
    }

    /// The schema of a field, its comment with it.
    pub(super) fn field(&mut self, field: &FieldDescriptor, side: Side) -> Node {
        let schema = if let Some((key, value)) = map_of(field) {
            let object = Node::object().with("type", "object").with("additionalProperties", self.single(&value, side));
            object.maybe("propertyNames", key_names(&key.kind()))
        } else if field.is_list() {
            Node::object().with("type", "array").with("items", self.single(field, side))
        } else {
            self.single(field, side)
        };
        let schema = match (side, limits::of_field(field.full_name())) {
            (Side::Request, Some(limit)) => schema.overlay(&limit),
            _ => schema,
        };
        self.annotated(schema, field)
    }

    /// The schema of a field as a parameter: text is all there is, so that `null` and numbers in quotes
    /// have no place.
    pub(super) fn parameter(&mut self, field: &FieldDescriptor) -> Node {
        let single = plain(&field.kind()).map_or_else(|| self.single(field, Side::Request), Node::from);
        let schema = if field.is_list() { Node::object().with("type", "array").with("items", single) } else { single };
        overlaid(schema, limits::of_field(field.full_name()))
    }

    fn annotated(&self, schema: Node, field: &FieldDescriptor) -> Node {
        let behaviors = self.behaviors(field);
        let mark = |set: bool| set.then_some(true);
        schema
            .maybe("description", self.comments.field(field))
            .maybe("readOnly", mark(behaviors.contains(&Behavior::OutputOnly)))
            .maybe("writeOnly", mark(behaviors.contains(&Behavior::InputOnly)))
            .maybe(
                "deprecated",
                mark(
                    field.field_descriptor_proto().options.as_ref().is_some_and(prost_types::FieldOptions::deprecated),
                ),
            )
    }

    /// One value of the type of a field.
    fn single(&mut self, field: &FieldDescriptor, side: Side) -> Node {
        match field.kind() {
            Kind::Message(message) => self.message(&message, side),
            Kind::Enum(values) if values.full_name() == "google.protobuf.NullValue" => json!({"type": "null"}).into(),
            Kind::Enum(values) => {
                let schema = self.enumeration(&values, side);
                if side == Side::Request && limits::must_be_set(field.full_name()) {
                    let none = values.default_value();
                    let spellings = json!([names::short(&none), none.name(), none.number()]);
                    schema.with("not", json!({"enum": spellings}))
                } else {
                    schema
                }
            }
            kind => match side {
                Side::Request => read(&kind).into(),
                Side::Response => written(&kind).into(),
            },
        }
    }

    /// A reference to the schema of an enum.
    fn enumeration(&mut self, values: &EnumDescriptor, side: Side) -> Node {
        let name = self.name(values.full_name(), values.package_name(), side);
        if !self.made.contains_key(&name) {
            let schema = self.enum_schema(values, side);
            self.made.insert(name.clone(), schema);
        }
        reference(&name)
    }

    fn enum_schema(&self, values: &EnumDescriptor, side: Side) -> Node {
        let mut spellings: Vec<Value> = values.values().map(|value| names::short(&value).into()).collect();
        let mut lines = Vec::new();
        for value in values.values() {
            let said = self.comments.value(&value).unwrap_or_default();
            lines.push(format!("- `{}`: {said}", names::short(&value)).trim_end_matches([':', ' ']).to_owned());
        }
        let mut description = self.comments.enumeration(values).unwrap_or_default();
        if side == Side::Request {
            spellings.extend(values.values().map(|value| value.name().into()));
            spellings.extend(values.values().map(|value| value.number().into()));
            description.push_str(" Full names, in any case, and numbers are read too.");
        }
        description = format!("{}\n\n{}", description.trim_start(), lines.join("\n"));
        let types = if side == Side::Request { json!(["string", "integer"]) } else { json!("string") };
        Node::object().with("type", types).with("description", description).with("enum", json!(spellings))
    }

    /// The name of a schema: without its package, unless two packages have one of the same name.
    fn name(&self, full: &str, package: &str, side: Side) -> String {
        let short = local(full, package);
        let namesake = |(other, name): (&String, &String)| other != full && *name == short;
        let ambiguous = self.requests.iter().chain(&self.responses).any(namesake);
        let name = if ambiguous { full } else { &short };
        let both = self.requests.contains_key(full) && self.responses.contains_key(full);
        if both && side == Side::Request { format!("{name}Input") } else { name.to_owned() }
    }

    /// Whether a request must have a field.
    pub(super) fn is_required(&self, field: &FieldDescriptor) -> bool {
        self.behaviors(field).contains(&Behavior::Required)
    }

    fn behaviors(&self, field: &FieldDescriptor) -> Vec<Behavior> {
        let Some(annotation) = self.pool.get_extension_by_name("google.api.field_behavior") else { return Vec::new() };
        let options = field.options();
        let value = options.get_extension(&annotation);
        let numbers = value.as_list().unwrap_or_default().iter().filter_map(prost_reflect::Value::as_enum_number);
        numbers
            .filter_map(|number| match number {
                2 => Some(Behavior::Required),
                3 => Some(Behavior::OutputOnly),
                4 => Some(Behavior::InputOnly),
                _ => None,
            })
            .collect()
    }
}

/// Adds what a message holds, and itself.
fn reach(message: &MessageDescriptor, out: &mut BTreeMap<String, String>) {
    let full = message.full_name();
    if well_known(message).is_some() || out.contains_key(full) {
        return;
    }
    if !message.is_map_entry() {
        out.insert(full.to_owned(), local(full, message.package_name()));
    }
    for field in message.fields() {
        match field.kind() {
            Kind::Message(inner) => reach(&inner, out),
            Kind::Enum(values) => {
                out.insert(values.full_name().to_owned(), local(values.full_name(), values.package_name()));
            }
            _ => {}
        }
    }
}

fn local(full: &str, package: &str) -> String {
    full.strip_prefix(package).unwrap_or(full).trim_start_matches('.').to_owned()
}

/// A reference to a schema of the document.
pub(super) fn reference(name: &str) -> Node {
    Node::object().with("$ref", format!("#/components/schemas/{name}"))
}

fn overlaid(schema: Node, limit: Option<Value>) -> Node {
    match limit {
        Some(limit) => schema.overlay(&limit),
        None => schema,
    }
}

/// The fields of the entries of a map.
fn map_of(field: &FieldDescriptor) -> Option<(FieldDescriptor, FieldDescriptor)> {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => Some((entry.map_entry_key_field(), entry.map_entry_value_field())),
        _ => None,
    }
}

/// What the names of an object may be that stands for a map: all keys are strings in JSON.
fn key_names(kind: &Kind) -> Option<Value> {
    match kind {
        Kind::String => None,
        Kind::Bool => Some(json!({"enum": ["true", "false"]})),
        Kind::Uint32 | Kind::Fixed32 | Kind::Uint64 | Kind::Fixed64 => Some(json!({"pattern": "^[0-9]+$"})),
        _ => Some(json!({"pattern": "^-?[0-9]+$"})),
    }
}

/// The same schema, `null` allowed as well: it is read as "not set".
fn or_null(schema: Node) -> Node {
    match schema.get("type").cloned() {
        Some(Node::Leaf(types)) => {
            let mut types = match types {
                Value::Array(types) => types,
                one => vec![one],
            };
            types.push("null".into());
            let mut schema = schema.with("type", json!(types));
            if let Some(Node::Leaf(Value::Array(mut values))) = schema.get("enum").cloned() {
                values.push(Value::Null);
                schema.set("enum", json!(values));
            }
            schema
        }
        _ => {
            let Node::Object(entries) = schema else { return schema };
            // What describes the field stands beside the choice, the rest within it.
            let (said, rules): (Vec<_>, Vec<_>) = entries
                .into_iter()
                .partition(|(key, _)| matches!(key.as_str(), "description" | "readOnly" | "writeOnly" | "deprecated"));
            if rules.is_empty() {
                return Node::Object(said);
            }
            let choice = vec![Node::Object(rules), json!({"type": "null"}).into()];
            let mut schema = Node::object().with("anyOf", choice);
            for (key, value) in said {
                schema.set(&key, value);
            }
            schema
        }
    }
}

/// A scalar as it is written.
fn written(kind: &Kind) -> Value {
    match kind {
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"})
        }
        Kind::Uint64 | Kind::Fixed64 => json!({"type": "string", "format": "uint64", "pattern": "^[0-9]{1,20}$"}),
        Kind::String => json!({"type": "string"}),
        Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
        _ => plain(kind).unwrap_or_else(|| json!({})),
    }
}

/// A scalar as it is read from a body: numbers may be strings, as protobuf's JSON mapping has it.
fn read(kind: &Kind) -> Value {
    let pattern = match kind {
        Kind::Double | Kind::Float => r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$",
        Kind::Bool | Kind::String | Kind::Bytes | Kind::Message(_) | Kind::Enum(_) => return written(kind),
        Kind::Uint32 | Kind::Fixed32 | Kind::Uint64 | Kind::Fixed64 => "^[0-9]+$",
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "^-?[0-9]+$",
    };
    let mut schema = plain(kind).unwrap_or_else(|| json!({}));
    schema["type"] = json!([schema["type"], "string"]);
    schema["pattern"] = pattern.into();
    schema
}

/// A number or a truth value as such.
fn plain(kind: &Kind) -> Option<Value> {
    Some(match kind {
        Kind::Double => json!({"type": "number", "format": "double"}),
        Kind::Float => json!({"type": "number", "format": "float"}),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            json!({"type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX})
        }
        Kind::Uint32 | Kind::Fixed32 => {
            json!({"type": "integer", "format": "uint32", "minimum": 0, "maximum": u32::MAX})
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            json!({"type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX})
        }
        Kind::Uint64 | Kind::Fixed64 => {
            json!({"type": "integer", "format": "uint64", "minimum": 0, "maximum": u64::MAX})
        }
        Kind::Bool => json!({"type": "boolean"}),
        Kind::String | Kind::Bytes | Kind::Message(_) | Kind::Enum(_) => return None,
    })
}

/// Messages that have a form of their own in JSON.
fn well_known(message: &MessageDescriptor) -> Option<Value> {
    let name = message.full_name().strip_prefix("google.protobuf.")?;
    let wrapped = || message.get_field_by_name("value").map(|field| written(&field.kind()));
    Some(match name {
        "Timestamp" => json!({"type": "string", "format": "date-time"}),
        "Duration" => json!({
            "type": "string",
            "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$",
            "examples": ["90s", "1.5s"],
        }),
        "FieldMask" => json!({"type": "string"}),
        "Struct" => json!({"type": "object"}),
        "Value" => json!({}),
        "ListValue" => json!({"type": "array", "items": {}}),
        "Empty" => json!({"type": "object", "maxProperties": 0}),
        "Any" => json!({
            "type": "object",
            "description": "A message of the type that `@type` names, with its fields beside it.",
            "properties": {"@type": {"type": "string"}},
            "required": ["@type"],
        }),
        "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value" | "UInt32Value" | "BoolValue"
        | "StringValue" | "BytesValue" => wrapped()?,
        _ => return None,
    })
}
