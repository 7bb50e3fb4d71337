//! The cases of `clients/conformance.json`, which the tests of every client read.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cidadao_client::{Client, Error, Watch, v1};
use futures_util::StreamExt as _;
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde::Deserialize;
use serde_json::Value;

use crate::script::{Play, Script, Scripted, name_of, text_of};
use crate::server::Product;
use crate::{connect, kind_of, quick, refused};

#[derive(Debug, Deserialize)]
struct Cases {
    watches: Vec<WatchCase>,
    calls: Vec<CallCase>,
    refusals: Vec<RefusalCase>,
}

#[derive(Debug, Deserialize)]
struct WatchCase {
    name: String,
    #[serde(default)]
    after_sequence: i64,
    #[serde(default)]
    heartbeats: bool,
    reconnects: Option<u32>,
    job: Option<Value>,
    streams: Vec<Play>,
    delivered: Vec<String>,
    error: Option<WatchError>,
}

#[derive(Debug, Deserialize)]
struct WatchError {
    kind: String,
    expected: Option<i64>,
    received: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct CallCase {
    name: String,
    attempts: Option<u32>,
    answers: Vec<String>,
    retry_seconds: Option<f64>,
    timeout_seconds: Option<f64>,
    #[serde(default)]
    takes_seconds: f64,
    requests: usize,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RefusalCase {
    name: String,
    method: String,
    request: Value,
    error: String,
    reason: String,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

fn cases() -> Cases {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Reads messages from the JSON that the file has them in.
struct Json(DescriptorPool);

impl Json {
    fn new() -> Self {
        let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
        let files = ["cidadao/v1/investigation_service.proto", "cidadao/v1/analysis_service.proto"]
            .into_iter()
            .chain(["cidadao/v1/contract_service.proto"])
            .map(|file| format!("{proto}/{file}"));
        Self(DescriptorPool::from_file_descriptor_set(protox::compile(files, [proto]).unwrap()).unwrap())
    }

    fn read<M: Message + Default>(&self, name: &str, json: &Value) -> M {
        let descriptor = self.0.get_message_by_name(&format!("cidadao.v1.{name}")).unwrap();
        DynamicMessage::deserialize(descriptor, json).unwrap().transcode_to().unwrap()
    }
}

#[tokio::test]
async fn watches() {
    let json = Json::new();
    for case in cases().watches {
        let name = &case.name;
        let job = case.job.as_ref().map(|job| json.read("Investigation", job)).unwrap_or_default();
        let asked_after: Vec<i64> = case.streams.iter().map(|stream| stream.after).collect();
        let server = Scripted::start(Script { streams: case.streams, job, ..Script::default() }).await;
        let mut policy = quick();
        policy.reconnects = case.reconnects.unwrap_or(policy.reconnects);
        let client = Client::builder(server.address()).retry_policy(policy).build().unwrap();
        let watch = Watch { after_sequence: case.after_sequence, heartbeats: case.heartbeats };
        let mut events = client.watch_investigation("1", watch);
        let (mut delivered, mut failed) = (Vec::new(), None);
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => delivered.push(text_of(&event)),
                Err(error) => assert!(failed.replace(error).is_none(), "{name}: after an error nothing comes"),
            }
        }
        match (case.error, failed) {
            (None, None) => {}
            (Some(wanted), Some(Error::Sequence { expected, received })) => {
                assert_eq!(wanted.kind, "SEQUENCE", "{name}");
                assert_eq!((wanted.expected, wanted.received), (Some(expected), Some(received)), "{name}");
            }
            (Some(wanted), Some(error)) => {
                assert_eq!(refused::<()>(Err(error), kind_of(&wanted.kind)).reason, "SCRIPTED", "{name}");
            }
            (wanted, failed) => panic!("{name}: got {failed:?}, not {wanted:?}"),
        }
        assert_eq!(delivered, case.delivered, "{name}");
        assert_eq!(server.asked().after, asked_after, "{name}");
    }
}

#[tokio::test]
async fn calls() {
    for case in cases().calls {
        let name = &case.name;
        let retry = case.retry_seconds.map(Duration::from_secs_f64);
        let server = Scripted::start(Script { answers: case.answers, retry, ..Script::default() }).await;
        let mut policy = quick();
        policy.attempts = case.attempts.unwrap_or(policy.attempts);
        let mut client = Client::builder(server.address()).retry_policy(policy).build().unwrap();
        if let Some(seconds) = case.timeout_seconds {
            client = client.with_timeout(Duration::from_secs_f64(seconds));
        }
        let begun = Instant::now();
        let request = v1::StartInvestigationRequest { query: "contratos".into(), ..Default::default() };
        let outcome = client.start_investigation(request).await;
        let took = begun.elapsed();
        match case.error {
            None => assert_eq!(outcome.unwrap().investigation_id, "1", "{name}"),
            Some(error) => {
                let typed = refused(outcome, kind_of(&error));
                if error != "DEADLINE_EXCEEDED" {
                    assert_eq!((typed.reason.as_str(), typed.retry_delay), ("SCRIPTED", retry), "{name}");
                }
            }
        }
        assert!(took >= Duration::from_secs_f64(case.takes_seconds) && took.as_secs() < 10, "{name}: took {took:?}");
        let asked = server.asked();
        assert_eq!(asked.starts.len(), case.requests, "{name}");
        for start in &asked.starts {
            assert_eq!(start.request_id.len(), 36, "{name}");
            assert_eq!(start.request_id, asked.starts[0].request_id, "{name}: every attempt is the same request");
        }
    }
}

#[tokio::test]
async fn refusals() {
    let server = Product::shared();
    let (json, client) = (Json::new(), connect(&server.address()));
    for case in cases().refusals {
        let (name, request) = (&case.name, &case.request);
        let id = |field: &str| request[field].as_str().unwrap().to_owned();
        let kind = kind_of(&case.error);
        let typed = match case.method.as_str() {
            "StartInvestigation" => {
                refused(client.start_investigation(json.read("StartInvestigationRequest", request)).await, kind)
            }
            "StartAnalysis" => refused(client.start_analysis(json.read("StartAnalysisRequest", request)).await, kind),
            "ListInvestigations" => {
                refused(client.list_investigations(json.read("ListInvestigationsRequest", request)).await, kind)
            }
            "GetInvestigation" => refused(client.get_investigation(id("investigation_id")).await, kind),
            "WatchInvestigation" => {
                let mut events = client.watch_investigation(id("investigation_id"), Watch::default());
                refused(events.next().await.unwrap(), kind)
            }
            "GetAnalysis" => refused(client.get_analysis(id("analysis_id")).await, kind),
            "GetContract" => refused(client.get_contract(id("contract_id")).await, kind),
            other => panic!("{name}: no such method: {other}"),
        };
        assert_eq!(name_of(typed.code), case.error, "{name}");
        assert_eq!((&*typed.reason, &*typed.domain), (&*case.reason, "cidadao.ai"), "{name}");
        let fields: Vec<&str> = typed.field_violations.iter().map(|violation| &*violation.field).collect();
        assert_eq!(fields, case.fields, "{name}");
        for violation in &typed.field_violations {
            assert!(!violation.description.is_empty() && typed.to_string().contains(&violation.field), "{name}");
        }
        for (key, value) in &case.metadata {
            assert_eq!(typed.metadata.get(key), Some(value), "{name}");
        }
    }
}
