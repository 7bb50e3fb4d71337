//! The same request over gRPC and over REST, for every RPC that the descriptors declare.

use std::collections::BTreeSet;

use cidadao::api::pb;
use cidadao::api::pb::dataset_service_client::DatasetServiceClient;
use cidadao::api::pb::upload_dataset_request::Part;
use cidadao::auth::{Accounts, Actor, KeyRequest, PasswordCost, Passwords, UserRequest};
use cidadao::gateway::binding::{Binding, RequestBody, bindings, pool};
use cidadao::model::{JobState, Role};
use cidadao::secret::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prost::bytes::{Buf as _, BufMut as _};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};
use tokio_stream::StreamExt as _;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic_types::StatusExt as _;

use super::{Answer, post_request};
use crate::api::reason;
use crate::server::TestServer;

/// A request of an RPC, and what differs between two answers to it.
struct Row {
    rpc: &'static str,
    request: Value,
    /// Fields that tell of the moment, at any depth.
    moment: &'static [&'static str],
    /// Messages of a stream that does not end by itself.
    take: Option<usize>,
    /// Whether it is refused.
    refused: bool,
}

const fn row(rpc: &'static str, request: Value) -> Row {
    Row { rpc, request, moment: &[], take: None, refused: false }
}

/// Ids of what the server holds.
struct Held {
    investigation: String,
    analysis: String,
    import: String,
    contract: String,
    /// Findings of the investigation: one to review over either door, and one to explain.
    findings: [String; 2],
    /// A key to revoke.
    spare_key: String,
    /// What every call presents.
    key: Secret,
}

const PASSWORD: &str = "correct horse battery";
const REQUEST_ID: &str = "0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f";

fn investigation() -> Value {
    json!({
        "query": "contratos acima de 10 mil reais", "investigation_type": "INVESTIGATION_TYPE_ANOMALY_DETECTION",
        "filters": {"min_value": 10_000.5}, "options": {"timeout": "600s", "allow_cached": false}, "request_id": REQUEST_ID,
    })
}

fn analysis() -> Value {
    json!({"analysis_type": "ANALYSIS_TYPE_QUICK_SCAN", "data_source": "DATA_SOURCE_CONTRACTS", "request_id": REQUEST_ID})
}

fn rows(held: &Held) -> Vec<Row> {
    let by = |key: &str, id: &str| json!({key: id});
    let (one, two) = (by("investigation_id", &held.investigation), by("analysis_id", &held.analysis));
    vec![
        Row { moment: &["estimated_completion"], ..row("AnalysisService.StartAnalysis", analysis()) },
        row("AnalysisService.GetAnalysis", two.clone()),
        row("AnalysisService.WatchAnalysis", json!({"analysis_id": held.analysis, "after_sequence": "1"})),
        row("AnalysisService.GetAnalysisResults", two),
        Row {
            moment: &["access_token", "expires_in"],
            ..row("AuthService.Login", json!({"email": "ana@example.org", "password": PASSWORD}))
        },
        Row { refused: true, ..row("AuthService.Login", json!({"username": "ana", "password": "not the right one"})) },
        row("AuthService.WhoAmI", json!({})),
        Row {
            moment: &["key_id", "prefix", "create_time", "expire_time", "key"],
            ..row("AuthService.CreateApiKey", json!({"name": "k", "role": "ROLE_VIEWER", "expires_in": "3600s"}))
        },
        Row { moment: &["last_use_time"], ..row("AuthService.ListApiKeys", json!({"page_size": 2})) },
        row("AuthService.RevokeApiKey", by("key_id", &held.spare_key)),
        Row {
            refused: true,
            ..row("AuthService.CreateUser", json!({"username": "ana", "password": PASSWORD, "role": "ROLE_VIEWER"}))
        },
        row("AuthService.ListUsers", json!({})),
        row("AuthService.DisableUser", by("username", "bia")),
        row(
            "ContractService.SearchContracts",
            json!({"filters": {"min_value": 1000.25, "modalidades": ["MODALITY_PREGAO", "MODALITY_DISPENSA_LICITACAO"]}, "page_size": 5}),
        ),
        row("ContractService.GetContract", by("contract_id", &held.contract)),
        // By default nothing may be imported.
        Row { refused: true, ..row("DatasetService.ImportDataset", json!({"uri": "file:///etc/passwd"})) },
        row("DatasetService.GetImport", by("import_id", &held.import)),
        row("DatasetService.ListImports", json!({"page_size": 3})),
        row("DatasetService.CancelImport", by("import_id", &held.import)),
        row("DatasetService.WatchImport", by("import_id", &held.import)),
        row("DatasetService.ListDatasets", json!({"page_size": 2})),
        row("DatasetService.GetDataset", by("dataset", "portal:compras/202401")),
        Row { refused: true, ..row("DatasetService.GetDataset", by("dataset", "none")) },
        row("DetectorService.ListDetectors", json!({"page_size": 3})),
        row("DetectorService.GetDetector", by("detector_id", "just_below_threshold")),
        Row { refused: true, ..row("DetectorService.GetDetector", by("detector_id", "none")) },
        Row { moment: &["check_time", "duration_ms", "detail"], ..row("HealthService.GetHealth", json!({})) },
        Row {
            moment: &["check_time", "duration_ms", "detail"],
            take: Some(1),
            ..row("HealthService.WatchHealth", json!({}))
        },
        row("InvestigationService.StartInvestigation", investigation()),
        row("InvestigationService.BatchStartInvestigations", json!({"requests": [investigation(), {"query": ""}]})),
        row("InvestigationService.GetInvestigation", one.clone()),
        Row { refused: true, ..row("InvestigationService.GetInvestigation", by("investigation_id", REQUEST_ID)) },
        Row {
            refused: true,
            ..row("InvestigationService.StartInvestigation", json!({"query": "x", "filters": {"year": 7}}))
        },
        Row {
            refused: true,
            ..row(
                "InvestigationService.WatchInvestigation",
                json!({"investigation_id": held.investigation, "after_sequence": "999"}),
            )
        },
        row("InvestigationService.ListInvestigations", json!({"page_size": 2, "status": "JOB_STATE_COMPLETED"})),
        row("InvestigationService.CancelInvestigation", one.clone()),
        row("InvestigationService.WatchInvestigation", one.clone()),
        Row {
            moment: &["event_time"],
            take: Some(2),
            ..row(
                "InvestigationService.WatchInvestigations",
                json!({"status": ["JOB_STATE_COMPLETED"], "ended_after": (chrono::Utc::now() - chrono::TimeDelta::hours(1)).to_rfc3339()}),
            )
        },
        row(
            "InvestigationService.GetInvestigationResults",
            json!({"investigation_id": held.investigation, "page_size": 3, "min_severity": "SEVERITY_LOW"}),
        ),
        Row {
            moment: &["review_time"],
            ..row(
                "InvestigationService.ReviewFinding",
                json!({"finding_id": held.findings[0], "state": "REVIEW_STATE_DISMISSED", "reason": "folha 12"}),
            )
        },
        Row {
            refused: true,
            ..row(
                "InvestigationService.ReviewFinding",
                json!({"finding_id": held.findings[0], "state": "REVIEW_STATE_DISMISSED"}),
            )
        },
        row("InvestigationService.ExplainFinding", by("finding_id", &held.findings[1])),
        Row { refused: true, ..row("InvestigationService.ExplainFinding", by("finding_id", "none")) },
        row(
            "InvestigationService.GetInvestigationReport",
            json!({"investigation_id": held.investigation, "format": "json", "language": "en"}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_doors_give_the_same_answer_to_every_rpc() {
    let server = TestServer::with_sample(300).await;
    let (key, spare_key) = accounts(&server).await;
    let id = |answer: Value, key: &str| answer[key].as_str().unwrap().to_owned();
    let with_key = |request: reqwest::RequestBuilder| Answer::of(request.header("x-api-key", key.expose()));
    let post = |path, body: Value| with_key(post_request(&server, path, body.to_string()));
    let started = post("/api/v1/investigations/start", investigation()).await.ok();
    let analysed = post("/api/v1/analysis/start", analysis()).await.ok();
    let contracts = with_key(reqwest::Client::new().get(server.url("/api/v1/contracts?page_size=1"))).await.ok();
    let investigation = id(started, "investigation_id");
    server.wait_for(&investigation, JobState::Completed).await;
    let path = format!("/api/v1/investigations/{investigation}/results?page_size=2");
    let results = with_key(reqwest::Client::new().get(server.url(&path))).await.ok();
    let finding = |at: usize| id(results["findings"][at].clone(), "id");
    let held = Held {
        findings: [finding(0), finding(1)],
        investigation,
        import: uploaded(&server, &key).await,
        analysis: id(analysed, "analysis_id"),
        contract: id(contracts["contracts"][0].clone(), "contract_id"),
        spare_key,
        key,
    };
    server.wait_for(&held.analysis, JobState::Completed).await;

    let pool = pool().unwrap();
    let bindings = bindings(&pool).unwrap();
    let rows = rows(&held);
    let mut tried = BTreeSet::new();
    for row in &rows {
        let rpc = pool
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>())
            .find(|rpc| rpc.full_name() == format!("cidadao.v1.{}", row.rpc))
            .unwrap_or_else(|| panic!("{} is in the table and not in the API", row.rpc));
        let request = DynamicMessage::deserialize(rpc.input(), row.request.clone()).unwrap();
        let expected = over_grpc(&server, &rpc, &request, row, &held.key).await;
        let refused = expected.iter().any(|answer| answer.get("refused").is_some());
        assert_eq!(refused, row.refused, "{}: {expected:?}", row.rpc);
        assert!(!expected.is_empty(), "{} gives nothing to compare", row.rpc);
        for binding in bindings.iter().filter(|binding| binding.rpc == rpc) {
            let parsed = over_rest(&server, binding, row, &held.key).await;
            assert_eq!(parsed.len(), expected.len(), "{}", binding.describe());
            for (rest, grpc) in parsed.iter().zip(&expected) {
                assert!(rest == grpc, "{}\nREST {rest}\ngRPC {grpc}", binding.describe());
            }
            tried.insert(row.rpc);
        }
        assert!(tried.contains(row.rpc), "{} has no binding", row.rpc);
    }
    for rpc in pool
        .services()
        .filter(|service| service.package_name() == "cidadao.v1")
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        // What a client streams to has no form over REST.
        .filter(|rpc| !rpc.is_client_streaming())
    {
        let name = rpc.full_name().trim_start_matches("cidadao.v1.").to_owned();
        assert!(tried.contains(name.as_str()), "{name} has no row in this table");
    }
    server.stop().await;
}

/// An import of an upload that has ended: nothing is known in it.
async fn uploaded(server: &TestServer, key: &Secret) -> String {
    let metadata = pb::UploadMetadata { file_name: "a.csv".to_owned(), ..Default::default() };
    let parts = [Part::Metadata(metadata), Part::Chunk(b"a;b\n".to_vec())];
    let parts = parts.map(|part| pb::UploadDatasetRequest { part: Some(part) });
    let mut request = tonic::Request::new(tokio_stream::iter(parts));
    request.metadata_mut().insert("x-api-key", key.expose().parse().unwrap());
    let import = DatasetServiceClient::new(server.channel()).upload_dataset(request).await.unwrap().into_inner();
    server.wait_for(&import.import_id, JobState::Failed).await;
    import.import_id
}

/// An administrator's key, and another one; beside them the users `ana` and `bia`.
async fn accounts(server: &TestServer) -> (Secret, String) {
    let actor = Actor { id: "test", remote: "here" };
    let accounts = Accounts::new(server.store().clone(), Passwords::new(PasswordCost { memory_kib: 256, passes: 1 }));
    for username in ["ana", "bia"] {
        let (email, password) = (Some(format!("{username}@example.org")), PASSWORD.to_owned().into());
        let request = UserRequest { username: username.to_owned(), email, role: Role::Analyst, password };
        accounts.create_user(actor, request).await.unwrap();
    }
    let key = async |role| {
        let request = KeyRequest { name: "parity".to_owned(), role, username: None, expires_in: None };
        accounts.create_key(actor, request).await.unwrap()
    };
    let (_, secret) = key(Role::Admin).await;
    let (spare, _) = key(Role::Viewer).await;
    (secret, spare.id)
}

async fn over_grpc(
    server: &TestServer,
    rpc: &MethodDescriptor,
    request: &DynamicMessage,
    row: &Row,
    key: &Secret,
) -> Vec<Value> {
    let mut client = tonic::client::Grpc::new(server.channel());
    client.ready().await.unwrap();
    let path = format!("/{}/{}", rpc.parent_service().full_name(), rpc.name()).parse().unwrap();
    let codec = Bytes(rpc.output());
    let mut call = tonic::Request::new(request.clone());
    call.metadata_mut().insert("x-api-key", key.expose().parse().unwrap());
    let answers: Result<Vec<_>, Status> = if rpc.is_server_streaming() {
        match client.server_streaming(call, path, codec).await {
            Ok(stream) => stream.into_inner().take(row.take.unwrap_or(usize::MAX)).collect().await,
            Err(status) => Err(status),
        }
    } else {
        client.unary(call, path, codec).await.map(|answer| vec![answer.into_inner()])
    };
    match answers {
        Ok(answers) => answers.into_iter().map(|answer| canonical(answer, row)).collect(),
        Err(status) => {
            let details = status.get_error_details();
            let fields = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
            let fields: Vec<_> = fields.iter().map(|one| one.field.as_str()).collect();
            vec![refused(&format!("{:?}", status.code()), status.message(), &reason(&status), &fields)]
        }
    }
}

/// A refusal by what both doors say of it; the names of codes differ in their underscores.
fn refused(code: &str, message: &str, reason: &str, fields: &[&str]) -> Value {
    let code = code.replace('_', "").to_lowercase();
    let message = message.trim_start_matches("validation_error: ");
    json!({"refused": {"code": code, "message": message, "reason": reason, "fields": fields}})
}

async fn over_rest(server: &TestServer, binding: &Binding, row: &Row, key: &Secret) -> Vec<Value> {
    let mut left = row.request.as_object().unwrap().clone();
    let mut path = binding.template.as_str().to_owned();
    for variable in binding.template.variables() {
        let [name] = variable.path.as_slice() else { panic!("{} has a nested variable", binding.describe()) };
        let text = left.remove(name).unwrap();
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let text = text.as_str().unwrap();
        path = path.replace(&format!("{{{name}}}"), &encoded(text));
        let segments: Vec<_> = text.split('/').map(encoded).collect();
        path = path.replace(&format!("{{{name}=**}}"), &segments.join("/"));
    }
    let mut query = Vec::new();
    let body = match &binding.body {
        RequestBody::Whole => Some(Value::Object(left)),
        RequestBody::Field(field) => {
            let body = left.remove(field.name());
            parameters("", &Value::Object(left), &mut query);
            body
        }
        RequestBody::None => {
            parameters("", &Value::Object(left), &mut query);
            None
        }
    };
    let mut request = reqwest::Client::new().request(binding.method.clone(), server.url(&path)).query(&query);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    request = request.header("x-api-key", key.expose()).header("accept", "application/x-ndjson");
    if row.refused {
        let answer = Answer::of(request).await;
        let problem = answer.json();
        let text = |key: &str| problem[key].as_str().unwrap_or_else(|| panic!("no {key} in {answer:?}")).to_owned();
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let fields: Vec<_> = errors.iter().map(|one| one["field"].as_str().unwrap()).collect();
        return vec![refused(&text("code"), &text("detail"), &text("reason"), &fields)];
    }
    let output = binding.rpc.output();
    if !binding.rpc.is_server_streaming() {
        return vec![comparable(&output, Answer::of(request).await.ok(), row)];
    }
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{}", binding.describe());
    let mut text = String::new();
    let mut out = Vec::new();
    while out.len() < row.take.unwrap_or(usize::MAX) {
        let Some(chunk) = response.chunk().await.unwrap() else { break };
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some((line, rest)) = text.split_once('\n') {
            let line: Value = serde_json::from_str(line).unwrap();
            text = rest.to_owned();
            out.push(line["result"].clone());
        }
    }
    out.truncate(row.take.unwrap_or(usize::MAX));
    out.into_iter().map(|answer| comparable(&output, answer, row)).collect()
}

fn parameters(prefix: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                parameters(&name, value, out);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| parameters(prefix, item, out)),
        Value::String(text) => out.push((prefix.to_owned(), text.clone())),
        other => out.push((prefix.to_owned(), other.to_string())),
    }
}

/// The message of a REST answer, read by another reader than the product's: the full names of enums are put back, and
/// prost-reflect does the rest.
fn comparable(of: &MessageDescriptor, answer: Value, row: &Row) -> Value {
    let full = with_full_names(of, answer);
    let message = DynamicMessage::deserialize(of.clone(), full).unwrap();
    // Over the wire once: what has its default is not set.
    let bytes = prost::Message::encode_to_vec(&message);
    canonical(DynamicMessage::decode(of.clone(), bytes.as_slice()).unwrap(), row)
}

/// prost-reflect's JSON of a message: the bytes within an `Any` may hold the same map in any order.
fn canonical(message: DynamicMessage, row: &Row) -> Value {
    rounded(serde_json::to_value(without(message, row.moment)).unwrap())
}

/// The same with numbers to 14 digits: serde_json, which reads the answers here, may be off in the seventeenth.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => format!("{:.13e}", number.as_f64().unwrap()).into(),
        Value::Array(items) => items.into_iter().map(rounded).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, rounded(value))).collect(),
        other => other,
    }
}

fn with_full_names(of: &MessageDescriptor, answer: Value) -> Value {
    let Value::Object(fields) = answer else { return answer };
    if of.full_name().starts_with("google.protobuf.") {
        return Value::Object(fields);
    }
    let named = |(name, value): (String, Value)| {
        let field = of.get_field_by_name(&name).unwrap_or_else(|| panic!("{name} is no field of {}", of.full_name()));
        (name, with_full_name(&field, value))
    };
    Value::Object(fields.into_iter().map(named).collect::<Map<_, _>>())
}

fn with_full_name(field: &FieldDescriptor, value: Value) -> Value {
    match (field.kind(), value) {
        (_, Value::Array(items)) => items.into_iter().map(|item| with_full_name(field, item)).collect(),
        (Kind::Enum(of), Value::String(short)) => {
            let ending = format!("_{}", short.to_uppercase());
            let names: Vec<_> =
                of.values().map(|value| value.name().to_owned()).filter(|name| name.ends_with(&ending)).collect();
            // The shortest: DATA_UNSPECIFIED before DATA_OTHER_UNSPECIFIED.
            names.into_iter().min_by_key(String::len).unwrap_or_else(|| panic!("{short} of {}", of.full_name())).into()
        }
        (Kind::Message(of), value) if !field.is_map() => with_full_names(&of, value),
        (_, value) => value,
    }
}

/// The message without the fields that tell of the moment.
fn without(mut message: DynamicMessage, moment: &[&str]) -> DynamicMessage {
    for name in moment {
        if prost_reflect::ReflectMessage::descriptor(&message).get_field_by_name(name).is_some() {
            message.clear_field_by_name(name);
        }
    }
    for (_, value) in message.fields_mut() {
        match value {
            prost_reflect::Value::Message(inner) => *inner = without(inner.clone(), moment),
            prost_reflect::Value::List(items) => {
                for item in items {
                    if let prost_reflect::Value::Message(inner) = item {
                        *inner = without(inner.clone(), moment);
                    }
                }
            }
            _ => {}
        }
    }
    message
}

/// Messages of a type that is known only now.
struct Bytes(MessageDescriptor);

impl Codec for Bytes {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(self.0.clone())
    }

    fn decoder(&mut self) -> Self {
        Self(self.0.clone())
    }
}

impl Encoder for Bytes {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, item: DynamicMessage, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&prost::Message::encode_to_vec(&item));
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        DynamicMessage::decode(self.0.clone(), bytes).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
