use std::collections::BTreeSet;

use prost_reflect::FieldDescriptor;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    MessageOptions, OneofDescriptorProto,
};
use serde_json::Value;

use super::schema::Side;
use super::*;
use crate::gateway::binding;

fn settings() -> Settings {
    Settings { version: crate::api::VERSION, credentials_required: false }
}

fn api() -> Value {
    serde_json::to_value(document(&binding::pool().unwrap(), settings()).unwrap()).unwrap()
}

fn operations(api: &Value) -> Vec<(String, String, &Value)> {
    let paths = api["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            let item = item.as_object().unwrap().iter();
            item.map(move |(verb, operation)| (verb.to_ascii_uppercase(), path.clone(), operation))
        })
        .collect()
}

#[test]
fn every_binding_is_in_the_document_and_nothing_else() {
    let pool = binding::pool().unwrap();
    let bindings = binding::bindings(&pool).unwrap();
    let mut expected: BTreeSet<(String, String)> =
        bindings.iter().map(|one| (one.method.to_string(), operations::path(&one.template))).collect();
    assert_eq!(expected.len(), bindings.len());
    expected.extend(fixed::paths().iter().map(|(path, _)| ("GET".to_owned(), (*path).to_owned())));
    let api = api();
    let found: BTreeSet<_> = operations(&api).into_iter().map(|(verb, path, _)| (verb, path)).collect();
    assert_eq!(found, expected);
    let ids: BTreeSet<_> = operations(&api).iter().map(|(_, _, one)| one["operationId"].to_string()).collect();
    assert_eq!(ids.len(), found.len(), "operation ids are unique");
    assert_eq!(api["paths"]["/api/v1/investigations"]["post"]["operationId"], "StartInvestigation_2");
}

#[test]
fn parameters_are_those_of_path_and_query() {
    let pool = binding::pool().unwrap();
    let api = api();
    for one in binding::bindings(&pool).unwrap() {
        let path = operations::path(&one.template);
        let operation = &api["paths"][&path][one.method.as_str().to_ascii_lowercase()];
        let of = |place: &str| -> BTreeSet<String> {
            let parameters = operation["parameters"].as_array().unwrap().iter();
            let placed = parameters.filter(|parameter| parameter["in"] == place);
            placed.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
        };
        let in_path: BTreeSet<_> = one.template.variables().iter().map(|variable| variable.path.join(".")).collect();
        assert_eq!(of("path"), in_path, "{path}");
        for name in &in_path {
            assert!(path.contains(&format!("{{{name}}}")), "{path}");
        }
        let in_query: BTreeSet<_> = binding::query_parameters(&one)
            .iter()
            .map(|fields| fields.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join("."))
            .collect();
        assert_eq!(of("query"), in_query, "{path}");
    }
    let contracts = &api["paths"]["/api/v1/contracts"]["get"]["parameters"];
    let named = |name: &str| contracts.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
    let modalities = named("filters.modalidades");
    assert_eq!((&modalities["explode"], &modalities["schema"]["type"]), (&json!(true), &json!("array")));
    assert_eq!(named("filters.year")["schema"]["minimum"], 1990);
    assert_eq!(named("filters.year")["schema"]["type"], "integer");
    assert_eq!(named("page_size")["schema"]["minimum"], 0);
}

#[test]
fn every_operation_tells_its_answers_and_errors() {
    let api = api();
    for (verb, path, operation) in operations(&api) {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("default") && responses.contains_key("200"), "{verb} {path}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{verb} {path}");
        let declares = |status: &str| responses.contains_key(status);
        if !path.starts_with("/api/") {
            continue;
        }
        for status in ["400", "401", "403", "422", "429", "500", "503", "504"] {
            assert!(declares(status), "{verb} {path} {status}");
        }
        let body = operation.get("requestBody").is_some();
        assert_eq!(declares("404"), path.contains('{') || body, "{verb} {path}");
        assert_eq!((declares("413"), declares("415")), (body, body), "{verb} {path}");
        let stream = responses["200"]["content"].get("text/event-stream").is_some();
        assert_eq!(responses["200"]["content"].get("application/x-ndjson").is_some(), stream, "{verb} {path}");
        assert_eq!(declares("204"), stream, "{verb} {path}");
        assert_eq!(declares("304"), verb == "GET" && !stream, "{verb} {path}");
    }
    for (name, response) in api["components"]["responses"].as_object().unwrap() {
        let schema = &response["content"]["application/problem+json"]["schema"];
        assert_eq!(schema["$ref"], "#/components/schemas/Problem", "{name}");
    }
}

#[test]
fn every_body_has_an_example() {
    let api = api();
    for (verb, path, operation) in operations(&api) {
        if let Some(body) = operation.get("requestBody") {
            let example = body["content"]["application/json"].get("example");
            assert!(example.is_some(), "{verb} {path}: add one to examples.rs");
        }
        for parameter in operation["parameters"].as_array().unwrap().iter().filter(|one| one["in"] == "path") {
            assert!(parameter.get("example").is_some(), "{verb} {path} {}: add one to examples.rs", parameter["name"]);
        }
    }
}

#[test]
fn the_shim_reads_every_example() {
    let pool = binding::pool().unwrap();
    let api = api();
    for one in binding::bindings(&pool).unwrap().iter().filter(|one| one.body == RequestBody::Whole) {
        let operation = &api["paths"][&operations::path(&one.template)][one.method.as_str().to_ascii_lowercase()];
        let example = &operation["requestBody"]["content"]["application/json"]["example"];
        let read = crate::gateway::read::message(&one.rpc.input(), example.to_string().as_bytes());
        assert!(read.is_ok(), "{}: {read:?}", one.describe());
    }
}

/// Adds every reference in a value.
fn references(value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => {
            out.extend(entries.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
            entries.values().for_each(|value| references(value, out));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, out)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_referred_to() {
    let api = api();
    let mut found = BTreeSet::new();
    references(&api, &mut found);
    for reference in &found {
        assert!(api.pointer(&reference[1..]).is_some(), "{reference}");
    }
    for part in ["schemas", "responses", "parameters", "headers"] {
        for name in api["components"][part].as_object().unwrap().keys() {
            assert!(found.contains(&format!("#/components/{part}/{name}")), "{part} {name}");
        }
    }
}

#[test]
fn the_same_contract_gives_the_same_bytes() {
    let text = || serde_json::to_string(&document(&binding::pool().unwrap(), settings()).unwrap()).unwrap();
    assert_eq!(text(), text());
}

#[test]
fn credentials_are_a_choice_where_they_are_not_required() {
    let pool = binding::pool().unwrap();
    let security = |credentials_required| {
        let document = document(&pool, Settings { version: "1", credentials_required }).unwrap();
        serde_json::to_value(document).unwrap()["security"].clone()
    };
    assert_eq!(security(true), json!([{"bearer": []}, {"api_key": []}]));
    assert_eq!(security(false), json!([{"bearer": []}, {"api_key": []}, {}]));
    let api = api();
    let of = |path: &str, verb: &str| api["paths"][path][verb].get("security").cloned();
    assert_eq!(of("/api/v1/auth/login", "post"), Some(json!([])));
    assert_eq!(of("/health/live", "get"), Some(json!([])));
    assert_eq!(of("/api/v1/contracts", "get"), None);
    assert_eq!(
        of("/api/v1/auth/users", "post"),
        Some(json!([{"bearer": []}, {"api_key": []}])),
        "also where auth is off"
    );
}

#[test]
fn the_copy_in_docs_is_the_document() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let document = document(&binding::pool().unwrap(), settings()).unwrap();
    let text = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
    let copy = std::fs::read_to_string(&path).unwrap_or_default();
    // Not assert_eq: it would print both.
    assert!(copy == text, "{} is not what the contract gives; `make openapi` writes it", path.display());
}

fn field(name: &str, number: i32, kind: Type) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

fn of_type(name: &str, number: i32, kind: Type, type_name: &str) -> FieldDescriptorProto {
    FieldDescriptorProto { type_name: Some(type_name.to_owned()), ..field(name, number, kind) }
}

fn list(field: FieldDescriptorProto) -> FieldDescriptorProto {
    FieldDescriptorProto { label: Some(Label::Repeated.into()), ..field }
}

fn entry(name: &str, key: Type, value: Type) -> DescriptorProto {
    DescriptorProto {
        name: Some(name.to_owned()),
        field: vec![field("key", 1, key), field("value", 2, value)],
        options: Some(MessageOptions { map_entry: Some(true), ..Default::default() }),
        ..Default::default()
    }
}

/// A message with a field of each kind.
fn kinds() -> DescriptorPool {
    let colour = |name: &str, number| EnumValueDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        ..Default::default()
    };
    let message = |name: &str, number, of: &str| of_type(name, number, Type::Message, of);
    let mut optional = field("optional", 20, Type::Int32);
    (optional.proto3_optional, optional.oneof_index) = (Some(true), Some(1));
    let chosen = |field: FieldDescriptorProto| FieldDescriptorProto { oneof_index: Some(0), ..field };
    let all = DescriptorProto {
        name: Some("All".to_owned()),
        field: vec![
            field("double", 1, Type::Double),
            field("int32", 2, Type::Int32),
            field("uint32", 3, Type::Uint32),
            field("int64", 4, Type::Int64),
            field("uint64", 5, Type::Fixed64),
            field("bool", 6, Type::Bool),
            field("text", 7, Type::String),
            field("bytes", 8, Type::Bytes),
            of_type("colour", 9, Type::Enum, ".t.Colour"),
            list(field("numbers", 10, Type::Sint64)),
            list(message("by_name", 11, ".t.All.ByName")),
            list(message("by_number", 12, ".t.All.ByNumber")),
            message("time", 13, ".google.protobuf.Timestamp"),
            message("span", 14, ".google.protobuf.Duration"),
            message("anything", 15, ".google.protobuf.Any"),
            message("structure", 16, ".google.protobuf.Struct"),
            message("wrapped", 17, ".google.protobuf.Int64Value"),
            message("inner", 18, ".t.All"),
            list(message("inners", 19, ".t.All")),
            optional,
            chosen(field("one", 21, Type::String)),
            chosen(field("other", 22, Type::Int32)),
        ],
        nested_type: vec![entry("ByName", Type::String, Type::Int64), entry("ByNumber", Type::Int32, Type::Bool)],
        oneof_decl: ["choice", "_optional"]
            .map(|name| OneofDescriptorProto { name: Some(name.to_owned()), ..Default::default() })
            .to_vec(),
        ..Default::default()
    };
    let file = FileDescriptorProto {
        name: Some("t.proto".to_owned()),
        package: Some("t".to_owned()),
        syntax: Some("proto3".to_owned()),
        dependency: ["timestamp", "duration", "any", "struct", "wrappers"]
            .map(|name| format!("google/protobuf/{name}.proto"))
            .to_vec(),
        message_type: vec![all],
        enum_type: vec![EnumDescriptorProto {
            name: Some("Colour".to_owned()),
            value: vec![colour("COLOUR_UNSPECIFIED", 0), colour("COLOUR_DARK_RED", 1)],
            ..Default::default()
        }],
        ..Default::default()
    };
    let mut pool = DescriptorPool::global();
    pool.add_file_descriptor_proto(file).unwrap();
    pool
}

/// The schemas of `All`, that of a request in `AllInput`.
fn schemas() -> Value {
    let pool = kinds();
    let comments = Comments::of(&pool);
    let all = [pool.get_message_by_name("t.All").unwrap()];
    let mut schemas = Schemas::new(&pool, &comments, &all, &all);
    assert_eq!(schemas.message(&all[0], Side::Response), json!({"$ref": "#/components/schemas/All"}).into());
    assert_eq!(schemas.message(&all[0], Side::Request), json!({"$ref": "#/components/schemas/AllInput"}).into());
    serde_json::to_value(schemas.into_components()).unwrap()
}

#[test]
fn each_kind_of_field_is_described_as_it_is_written() {
    let schemas = schemas();
    let all = &schemas["All"];
    let int64 = json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"});
    let expected = [
        ("double", json!({"type": "number", "format": "double"})),
        ("int32", json!({"type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX})),
        ("uint32", json!({"type": "integer", "format": "uint32", "minimum": 0, "maximum": u32::MAX})),
        ("int64", int64.clone()),
        ("uint64", json!({"type": "string", "format": "uint64", "pattern": "^[0-9]{1,20}$"})),
        ("bool", json!({"type": "boolean"})),
        ("text", json!({"type": "string"})),
        ("bytes", json!({"type": "string", "contentEncoding": "base64"})),
        ("colour", json!({"$ref": "#/components/schemas/Colour"})),
        ("numbers", json!({"type": "array", "items": int64})),
        ("by_name", json!({"type": "object", "additionalProperties": int64})),
        (
            "by_number",
            json!({"type": "object", "additionalProperties": {"type": "boolean"}, "propertyNames": {"pattern": "^-?[0-9]+$"}}),
        ),
        ("time", json!({"type": "string", "format": "date-time"})),
        ("structure", json!({"type": "object"})),
        ("wrapped", int64.clone()),
        ("inner", json!({"$ref": "#/components/schemas/All"})),
        ("inners", json!({"type": "array", "items": {"$ref": "#/components/schemas/All"}})),
    ];
    for (name, schema) in expected {
        assert_eq!(all["properties"][name], schema, "{name}");
    }
    let span = regex::Regex::new(all["properties"]["span"]["pattern"].as_str().unwrap()).unwrap();
    assert!(["1s", "-0.000000001s", "604800s"].iter().all(|text| span.is_match(text)));
    assert!(!["1", "1.s", "1m", "s"].iter().any(|text| span.is_match(text)));
    assert_eq!(all["properties"]["anything"]["required"], json!(["@type"]));
    assert_eq!(schemas["Colour"]["enum"], json!(["unspecified", "dark_red"]));
    // What has a default is always there; what may be unset is not.
    let required: Vec<_> = all["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(
        required,
        [
            "double",
            "int32",
            "uint32",
            "int64",
            "uint64",
            "bool",
            "text",
            "bytes",
            "colour",
            "numbers",
            "by_name",
            "by_number",
            "inners"
        ]
    );
    assert_eq!(all.get("additionalProperties"), None, "a later version may add fields");
    let choice = &all["allOf"][0]["oneOf"];
    assert_eq!((&choice[0], &choice[1]), (&json!({"required": ["one"]}), &json!({"required": ["other"]})));
    assert_eq!(all["allOf"].as_array().unwrap().len(), 1, "an optional field is no choice");
}

#[test]
fn each_kind_of_field_is_described_as_it_is_read() {
    let schemas = schemas();
    let all = &schemas["AllInput"];
    assert_eq!(all["additionalProperties"], false);
    assert_eq!(all.get("required"), None);
    let types = [
        ("double", json!(["number", "string", "null"])),
        ("int32", json!(["integer", "string", "null"])),
        ("int64", json!(["integer", "string", "null"])),
        ("bool", json!(["boolean", "null"])),
        ("text", json!(["string", "null"])),
        ("numbers", json!(["array", "null"])),
        ("by_name", json!(["object", "null"])),
        ("time", json!(["string", "null"])),
    ];
    for (name, expected) in types {
        assert_eq!(all["properties"][name]["type"], expected, "{name}");
    }
    assert_eq!(all["properties"]["numbers"]["items"]["type"], json!(["integer", "string"]), "no null within a list");
    let colour = json!([{"$ref": "#/components/schemas/ColourInput"}, {"type": "null"}]);
    assert_eq!(all["properties"]["colour"]["anyOf"], colour);
    let spellings = json!(["unspecified", "dark_red", "COLOUR_UNSPECIFIED", "COLOUR_DARK_RED", 0, 1]);
    assert_eq!(schemas["ColourInput"]["enum"], spellings);
    assert_eq!(all["properties"]["inner"]["anyOf"][0], json!({"$ref": "#/components/schemas/AllInput"}));
}

#[test]
fn behaviours_and_limits_are_in_the_schemas() {
    let api = api();
    let schemas = &api["components"]["schemas"];
    let request = &schemas["StartInvestigationRequest"];
    assert_eq!(request["required"], json!(["query"]));
    let query = &request["properties"]["query"];
    assert_eq!((&query["type"], &query["maxLength"]), (&json!("string"), &json!(2_000)));
    let pattern = regex::Regex::new(query["pattern"].as_str().unwrap()).unwrap();
    assert!(pattern.is_match("contratos\tde\r\nobras") && pattern.is_match("ação"));
    for control in ["a\u{1b}[2Jb", "a\u{9b}b", "a\u{202e}b", "a\0"] {
        assert!(!pattern.is_match(control), "{control:?}");
    }
    assert_eq!(schemas["Investigation"]["properties"]["status"]["readOnly"], true);
    assert_eq!(schemas["ContractFiltersInput"]["properties"]["year"]["minimum"], 1990);
    let filters = &schemas["ContractFilters"]["properties"];
    assert_eq!(filters["year"].get("minimum"), Some(&json!(i32::MIN)), "answers have no limits");
    let refused = &schemas["ContractFiltersInput"]["properties"]["modalidades"]["items"]["not"]["enum"];
    assert_eq!(*refused, json!(["unspecified", "MODALITY_UNSPECIFIED", 0]));
    assert!(schemas["Finding"]["properties"]["severity"]["description"].as_str().unwrap().starts_with("Severity"));
    assert_eq!(schemas["ResultsMetadata"]["properties"]["by_severity"]["additionalProperties"]["format"], "int64");
}

#[test]
fn templates_become_paths() {
    let path = |text: &str| operations::path(&crate::gateway::template::Template::parse(text).unwrap());
    assert_eq!(path("/v1/things/{id}:cancel"), "/v1/things/{id}:cancel");
    assert_eq!(path("/v1/{name=shelves/*}/books"), "/v1/{name}/books");
    assert_eq!(path("/v1/{a.b=**}"), "/v1/{a.b}");
    assert_eq!(path("/v1/*/x:do"), "/v1/{segment_1}/x:do");
}
