use proptest::prelude::*;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, Value};

use super::{message, pool};
use crate::gateway::binding::{Binding, bindings};
use crate::gateway::problem::Refusal;
use crate::gateway::write::Writer;
use crate::gateway::{query, read};

fn json(message: &DynamicMessage) -> serde_json::Value {
    let pool = pool();
    let writer = Writer::new(&pool);
    let place = writer.place(&prost_reflect::ReflectMessage::descriptor(message), None).unwrap();
    let mut out = Vec::new();
    writer.write(place, &message.encode_to_vec(), &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn parse(name: &str, text: &str) -> Result<DynamicMessage, Refusal> {
    read::message(&message(name), text.as_bytes())
}

fn binding(rpc: &str) -> Binding {
    bindings(&pool()).unwrap().into_iter().find(|one| one.rpc.name() == rpc).unwrap()
}

fn fill(rpc: &str, query: &str) -> Result<serde_json::Value, Refusal> {
    let binding = binding(rpc);
    let mut message = DynamicMessage::new(binding.rpc.input());
    query::fill(&mut message, &binding, query)?;
    Ok(json(&message))
}

#[test]
fn what_is_not_set_has_its_place() {
    let empty = json(&DynamicMessage::new(message("GetInvestigationResultsResponse")));
    let expected = serde_json::json!({
        "investigation_id": "", "status": "unspecified", "findings": [], "summary": "", "summary_en": "",
        "next_page_token": "", "total_findings": "0",
    });
    assert_eq!(empty, expected);
    let filters = json(&DynamicMessage::new(message("ContractFilters")));
    assert!(filters.get("min_value").is_none() && filters["modalidades"] == serde_json::json!([]), "{filters}");
    let zero = json(&parse("ContractFilters", r#"{"min_value": 0}"#).unwrap());
    assert_eq!(zero["min_value"], 0.0);
}

#[test]
fn both_spellings_are_read_and_one_is_written() {
    let snake = r#"{"query": "x", "investigation_type": "anomaly_detection",
        "filters": {"min_value": 5e4, "modalidades": ["dispensa_licitacao", "MODALITY_PREGAO", 3]}, "options": {"timeout": "90s"}}"#;
    let camel = r#"{"query": "x", "investigationType": "INVESTIGATION_TYPE_ANOMALY_DETECTION",
        "filters": {"minValue": "50000", "modalidades": ["Modality_Dispensa_Licitacao", "Pregao", "3"]}, "options": {"timeout": "90.0s"}}"#;
    let (one, two) =
        (parse("StartInvestigationRequest", snake).unwrap(), parse("StartInvestigationRequest", camel).unwrap());
    assert_eq!(one, two);
    let out = json(&one);
    assert_eq!(out["investigation_type"], "anomaly_detection");
    assert_eq!(out["filters"]["modalidades"], serde_json::json!(["dispensa_licitacao", "pregao", "concorrencia"]));
    assert_eq!(out["options"]["timeout"], "90s");
}

#[test]
fn what_is_malformed_says_where() {
    let place = |name, text| match parse(name, text) {
        Err(Refusal::Json { field, line, column, what }) => (field, line, column, what),
        other => panic!("{text}: {other:?}"),
    };
    let (field, line, column, what) = place("StartInvestigationRequest", "{\"query\": \"x\",\n \"nope\": 1}");
    assert!(field.is_empty() && (line, column) == (2, 7) && what.contains("nope"), "{what} {line}:{column}");
    let (field, .., what) = place("StartInvestigationRequest", r#"{"filters": {"year": "x"}}"#);
    assert!(field == "filters.year" && what.contains("32-bit integer"), "{field} {what}");
    let (field, ..) = place("StartInvestigationRequest", r#"{"filters": {"categories": ["a", 1]}}"#);
    assert_eq!(field, "filters.categories[1]");
    for (name, text) in [
        ("StartInvestigationRequest", ""),
        ("StartInvestigationRequest", "[]"),
        ("StartInvestigationRequest", "{"),
        ("StartInvestigationRequest", "{} x"),
        ("StartInvestigationRequest", r#"{"query": 1}"#),
        ("StartInvestigationRequest", r#"{"query": "a", "query": "b"}"#),
        ("StartInvestigationRequest", r#"{"request_id": "a", "requestId": "b"}"#),
        ("ContractFilters", r#"{"year": 1.5}"#),
        ("ContractFilters", r#"{"year": 4294967296}"#),
        ("ContractFilters", r#"{"year": true}"#),
        ("ContractFilters", r#"{"min_value": "inf"}"#),
        ("ContractFilters", r#"{"min_value": 1e999}"#),
        ("ContractFilters", r#"{"categories": "x"}"#),
        ("ContractFilters", r#"{"categories": [null]}"#),
        ("InvestigationOptions", r#"{"detect_anomalies": "true"}"#),
        ("InvestigationOptions", r#"{"timeout": "1h"}"#),
        ("WatchInvestigationsRequest", r#"{"ended_after": "yesterday"}"#),
        ("BatchStartResult", r#"{"investigation": {}, "error": {}}"#),
    ] {
        place(name, text);
    }
    assert_eq!(
        parse("ContractFilters", r#"{"year": null, "categories": null}"#).unwrap(),
        parse("ContractFilters", "{}").unwrap()
    );
    match parse("StartInvestigationRequest", r#"{"filters": {"modalidades": ["leilao"]}}"#) {
        Err(Refusal::Invalid(violation)) => {
            assert_eq!((violation.field.as_str(), violation.value.as_str()), ("filters.modalidades[0]", "leilao"));
            assert!(violation.rule.contains("dispensa_licitacao"), "{}", violation.rule);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn parameters_fill_nested_and_repeated_fields() {
    let out = fill(
        "SearchContracts",
        "filters.min_value=10.5&filters.modalidades=PREGAO&filters.modalidades=convite&query=a+b%20c&pageSize=7",
    )
    .unwrap();
    assert_eq!(out["filters"]["min_value"], 10.5);
    assert_eq!(out["filters"]["modalidades"], serde_json::json!(["pregao", "convite"]));
    assert_eq!((out["query"].as_str(), out["page_size"].as_i64()), (Some("a b c"), Some(7)));
    let out =
        fill("WatchInvestigations", "ended_after=2024-01-31T12:00:00Z&status=RUNNING&status=JOB_STATE_FAILED").unwrap();
    assert_eq!(
        (out["ended_after"].as_str(), &out["status"]),
        (Some("2024-01-31T12:00:00Z"), &serde_json::json!(["running", "failed"]))
    );
    for (rpc, query) in [
        ("SearchContracts", "nope=1"),
        ("SearchContracts", "filters=1"),
        ("SearchContracts", "filters.nope=1"),
        ("SearchContracts", "query.x=1"),
        ("SearchContracts", "page_size=1&page_size=2"),
        ("SearchContracts", "page_size="),
        ("SearchContracts", "page_size=%ff"),
        ("SearchContracts", "filters.year=1e3"),
        ("GetInvestigation", "investigation_id=x"),
        ("StartInvestigation", "query=x"),
        ("WatchInvestigations", "ended_after=x"),
    ] {
        match fill(rpc, query) {
            Err(Refusal::Parameter { .. } | Refusal::Word { .. } | Refusal::Encoding { .. }) => {}
            other => panic!("{rpc} {query}: {other:?}"),
        }
    }
    assert!(matches!(fill("ListInvestigations", "status=lost"), Err(Refusal::Invalid(one)) if one.field == "status"));
}

/// A value of a kind, and the messages within it down to a depth.
fn value(kind: Kind, depth: u32) -> BoxedStrategy<Value> {
    match kind {
        // What has at most 15 digits is read exactly.
        Kind::Double => (-999_999_999_999_999_i64..=999_999_999_999_999, 0..5)
            .prop_map(|(digits, places)| Value::F64(format!("{digits}e-{places}").parse().unwrap()))
            .boxed(),
        Kind::Float => (-999_999_i32..=999_999).prop_map(|whole| Value::F32(whole as f32)).boxed(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => any::<i32>().prop_map(Value::I32).boxed(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => any::<i64>().prop_map(Value::I64).boxed(),
        Kind::Uint32 | Kind::Fixed32 => any::<u32>().prop_map(Value::U32).boxed(),
        Kind::Uint64 | Kind::Fixed64 => any::<u64>().prop_map(Value::U64).boxed(),
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::String => "\\PC{0,12}|[\"\\\\\n\u{0}]{0,4}".prop_map(Value::String).boxed(),
        Kind::Bytes => prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| Value::Bytes(bytes.into())).boxed(),
        Kind::Enum(of) => {
            let numbers: Vec<_> = of.values().map(|value| value.number()).chain([77]).collect();
            prop::sample::select(numbers).prop_map(Value::EnumNumber).boxed()
        }
        Kind::Message(of) => filled(of, depth).prop_map(Value::Message).boxed(),
    }
}

fn filled(of: MessageDescriptor, depth: u32) -> BoxedStrategy<DynamicMessage> {
    let time = |nanos: std::ops::Range<i32>, of: MessageDescriptor| {
        (0_i64..4_000_000_000, prop_oneof![Just(0), nanos]).prop_map(move |(seconds, nanos)| {
            let mut out = DynamicMessage::new(of.clone());
            out.set_field_by_name("seconds", Value::I64(seconds));
            out.set_field_by_name("nanos", Value::I32(nanos));
            out
        })
    };
    match of.full_name() {
        "google.protobuf.Timestamp" | "google.protobuf.Duration" => return time(1..1_000_000_000, of).boxed(),
        name if depth == 0 || name == "google.protobuf.Any" => return Just(DynamicMessage::new(of)).boxed(),
        _ => {}
    }
    let mut fields = Just(DynamicMessage::new(of.clone())).boxed();
    for field in of.fields() {
        // Of a oneof, the last one that is set stays.
        let of_field: BoxedStrategy<Value> = if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
            let values = value(entry.map_entry_value_field().kind(), depth - 1);
            prop::collection::hash_map("\\PC{0,6}", values, 0..4)
                .prop_map(|pairs| {
                    Value::Map(pairs.into_iter().map(|(key, value)| (MapKey::String(key), value)).collect())
                })
                .boxed()
        } else if field.is_list() {
            // Nothing within an `Any` can be made up.
            let most =
                if field.kind().as_message().is_some_and(|of| of.full_name() == "google.protobuf.Any") { 1 } else { 4 };
            prop::collection::vec(value(field.kind(), depth - 1), 0..most).prop_map(Value::List).boxed()
        } else {
            value(field.kind(), depth - 1)
        };
        fields = (fields, prop::option::of(of_field))
            .prop_map(move |(mut message, value)| {
                if let Some(value) = value {
                    message.set_field(&field, value);
                }
                message
            })
            .boxed();
    }
    fields
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_message_of_the_api_reads_back_from_its_json(
        written in prop::sample::select(
            pool().all_messages().filter(|one| one.package_name() == "cidadao.v1" && !one.is_map_entry()).collect::<Vec<_>>()
        ).prop_flat_map(|of| filled(of, 3))
    ) {
        let of = prost_reflect::ReflectMessage::descriptor(&written);
        let text = serde_json::to_vec(&json(&written)).unwrap();
        let back = read::message(&of, &text).unwrap_or_else(|refusal| panic!("{refusal:?} in {}", String::from_utf8_lossy(&text)));
        // Through the wire once, so that defaults compare as what they are: not set.
        let wire = |message: &DynamicMessage| DynamicMessage::decode(of.clone(), message.encode_to_vec().as_slice()).unwrap();
        prop_assert_eq!(wire(&back), wire(&written));
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in "[\\[\\]{}\":,a-z0-9_. \n-]{0,60}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        drop(parse("StartInvestigationRequest", &text));
        drop(read::message(&message("StartInvestigationRequest"), &bytes));
        drop(fill("SearchContracts", &text));
        let pool = pool();
        let writer = Writer::new(&pool);
        let place = writer.place(&message("GetInvestigationResultsResponse"), None).unwrap();
        drop(writer.write(place, &bytes, &mut Vec::new()));
    }
}
