use std::time::Duration;

use cidadao::model::JobState;
use serde_json::Value;

use super::{Answer, get, start};
use crate::server::{Script, TestServer};

/// A stream that is read as it comes.
struct Reader {
    response: reqwest::Response,
    text: String,
}

impl Reader {
    async fn open(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self { response, text: String::new() }
    }

    /// What comes before the next `end`; `None` at the end of the stream.
    async fn part(&mut self, end: &str) -> Option<String> {
        loop {
            if let Some((part, rest)) = self.text.split_once(end) {
                let (part, rest) = (part.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(part);
            }
            let chunk =
                tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await.expect("a silent stream");
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }

    async fn event(&mut self) -> Option<Event> {
        Some(Event::of(&self.part("\n\n").await?))
    }
}

#[derive(Debug, Default, PartialEq)]
struct Event {
    id: Option<i64>,
    name: String,
    data: Option<Value>,
    comment: String,
    retry: Option<u64>,
}

impl Event {
    fn of(text: &str) -> Self {
        let mut event = Self::default();
        for line in text.lines() {
            let (field, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?}"));
            match field {
                "id" => event.id = Some(value.parse().unwrap()),
                "event" => value.clone_into(&mut event.name),
                "data" => event.data = Some(serde_json::from_str(value).unwrap()),
                "retry" => event.retry = Some(value.parse().unwrap()),
                "" => value.clone_into(&mut event.comment),
                other => panic!("{other:?} in {text:?}"),
            }
        }
        event
    }
}

fn events(server: &TestServer, id: &str) -> reqwest::RequestBuilder {
    reqwest::Client::new().get(server.url(&format!("/api/v1/investigations/{id}/events")))
}

#[tokio::test]
async fn events_come_as_they_happen_and_end_with_the_job() {
    let server = TestServer::scripted(Script { heartbeat: Duration::from_millis(300), ..Script::gated() }).await;
    let id = start(&server).await;
    let mut reader = Reader::open(events(&server, &id).header("accept-encoding", "gzip")).await;
    let header = |name: &str| reader.response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(header("cache-control").as_deref(), Some("no-cache"));
    assert_eq!(header("x-accel-buffering").as_deref(), Some("no"));
    assert_eq!(header("content-encoding"), None);
    // "retry" comes once, in front of the first event.
    assert_eq!(reader.event().await.unwrap().retry, Some(2_000));
    let mut seen = Vec::new();
    let mut comments = 0;
    while comments < 2 {
        let event = reader.event().await.unwrap();
        match event.data {
            None => comments += usize::from(event.comment.starts_with("heartbeat")),
            Some(_) => seen.push(event),
        }
    }
    // The job waits at its gate: what there is has been read, live.
    assert!(!seen.is_empty() && seen.iter().all(|event| event.name == "state_changed"), "{seen:?}");
    server.open_gate();
    while let Some(event) = reader.event().await {
        if event.data.is_some() {
            seen.push(event);
        }
    }
    let ids: Vec<_> = seen.iter().map(|event| event.id.unwrap()).collect();
    assert_eq!(ids, (1..=i64::try_from(seen.len()).unwrap()).collect::<Vec<_>>());
    let last = seen.last().unwrap();
    assert_eq!((last.name.as_str(), &last.data.as_ref().unwrap()["state"]), ("finished", &Value::from("completed")));
    assert!(seen.iter().any(|event| event.name == "progress"));
    for event in &seen {
        let data = event.data.as_ref().unwrap();
        assert_eq!(data["sequence"], event.id.unwrap().to_string());
        assert_eq!(data["kind"], event.name.as_str());
    }

    // Whoever comes back misses nothing, whatever the query says; at the end there is nothing more to come back for.
    for cut in 0..seen.len() {
        let mut request = events(&server, &id).query(&[("after_sequence", "0")]);
        if cut > 0 {
            request = request.header("last-event-id", cut.to_string());
        }
        let mut reader = Reader::open(request).await;
        assert_eq!(reader.event().await.unwrap().retry, Some(2_000));
        for expected in &seen[cut..] {
            assert_eq!(reader.event().await.as_ref(), Some(expected), "after {cut}");
        }
        assert_eq!(reader.event().await, None);
    }
    let done = Answer::of(events(&server, &id).header("last-event-id", seen.len().to_string())).await;
    assert_eq!((done.status.as_u16(), done.text.as_str()), (204, ""));
    server.stop().await;
}

#[tokio::test]
async fn lines_hold_the_same_messages() {
    let server = TestServer::scripted(Script::gated()).await;
    let id = start(&server).await;
    server.open_gate();
    server.wait_for(&id, JobState::Completed).await;
    let answer = Answer::of(events(&server, &id).header("accept", "application/x-ndjson")).await;
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut reader = Reader::open(events(&server, &id)).await;
    reader.event().await.unwrap();
    for line in &lines {
        assert_eq!(reader.event().await.unwrap().data.as_ref(), Some(&line["result"]));
    }
    assert_eq!(reader.event().await, None);
    assert_eq!(lines.last().unwrap()["result"]["kind"], "finished");
    server.stop().await;
}

#[tokio::test]
async fn a_stream_that_cannot_begin_is_a_problem() {
    let server = TestServer::idle().await;
    let id = start(&server).await;
    let path = format!("/api/v1/investigations/{id}/events");
    let problem = get(&server, &format!("{path}?after_sequence=99")).await.problem(400, "OUT_OF_RANGE");
    assert_eq!(problem["reason"], "SEQUENCE_AHEAD");
    get(&server, &format!("{path}?after_sequence=-1")).await.problem(422, "INVALID_ARGUMENT");
    get(&server, "/api/v1/investigations/nope/events").await.problem(404, "NOT_FOUND");
    let request = events(&server, &id).header("last-event-id", "x");
    assert_eq!(Answer::of(request).await.problem(400, "INVALID_ARGUMENT")["metadata"]["header"], "Last-Event-ID");
    server.stop().await;
}

#[tokio::test]
async fn a_call_takes_no_longer_than_it_is_given() {
    let server = TestServer::idle().await;
    let id = start(&server).await;
    let list =
        |given: &str| reqwest::Client::new().get(server.url("/api/v1/investigations")).header("grpc-timeout", given);
    Answer::of(list("1M")).await.ok();
    Answer::of(list("0n")).await.problem(504, "DEADLINE_EXCEEDED");
    let problem = Answer::of(list("1 minute")).await.problem(400, "INVALID_ARGUMENT");
    assert!(problem["detail"].as_str().unwrap().contains("1 minute"), "{problem}");
    // A stream that would go on for ever.
    let mut sse = Reader::open(events(&server, &id).header("grpc-timeout", "500m")).await;
    let mut last = Event::default();
    while let Some(event) = sse.event().await {
        last = event;
    }
    assert_eq!((last.name.as_str(), last.data.unwrap()["status"].as_u64()), ("error", Some(504)));
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_ends_its_streams_with_an_error() {
    let server = TestServer::idle().await;
    let id = start(&server).await;
    let mut sse = Reader::open(events(&server, &id)).await;
    let mut lines = Reader::open(events(&server, &id).header("accept", "application/x-ndjson")).await;
    sse.event().await.unwrap();
    let stopping = tokio::spawn(server.stop());
    let mut last = Event::default();
    while let Some(event) = sse.event().await {
        last = event;
    }
    assert_eq!(last.name, "error");
    let problem = last.data.unwrap();
    assert_eq!((problem["status"].as_u64(), problem["reason"].as_str()), (Some(503), Some("STOPPING")));
    let mut line = String::new();
    while let Some(next) = lines.part("\n").await {
        line = next;
    }
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["error"]["code"], "UNAVAILABLE");
    stopping.await.unwrap();
}

#[tokio::test]
async fn members_of_a_oneof_name_their_events() {
    let server = TestServer::idle().await;
    let id = start(&server).await;
    let request = reqwest::Client::new().get(server.url("/api/v1/investigations:watch"));
    let mut reader = Reader::open(request).await;
    assert_eq!(reader.event().await.unwrap().retry, Some(2_000));
    let first = reader.event().await.unwrap();
    assert_eq!((first.name.as_str(), first.id), ("investigation", None));
    assert_eq!(first.data.unwrap()["investigation"]["investigation_id"], id.as_str());
    assert_eq!(reader.event().await.unwrap().name, "caught_up");
    drop(reader);
    let mut health = Reader::open(reqwest::Client::new().get(server.url("/api/v1/health/events"))).await;
    health.event().await.unwrap();
    assert_eq!(health.event().await.unwrap().name, "message");
    drop(health);
    server.stop().await;
}
