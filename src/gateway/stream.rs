//! Streams as Server-Sent Events, or as JSON lines.
//!
//! A message is asked for when the client has room for it: who reads slowly holds one message, not a queue. A client
//! that goes away drops the call.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use prost::bytes::Bytes;
use prost_reflect::{Kind, MessageDescriptor};
use tonic::Status;

use super::call::Messages;
use super::count::Count;
use super::names;
use super::problem::{Problem, Refusal};
use super::wire;
use super::write::{Place, Writer};
use crate::api::RequestId;

/// How long a client should wait before it reconnects, in milliseconds.
const RETRY: &str = "retry: 2000\n\n";
/// How long the start of an answer waits for its first message, so that a stream which fails or has ended already
/// gets a status of its own.
const PATIENCE: Duration = Duration::from_millis(500);

/// The form of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `text/event-stream`.
    Events,
    /// `application/x-ndjson`.
    Lines,
}

impl Form {
    /// The form that a client asks for; events unless it would rather have lines.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let (mut events, mut lines) = (0.0_f32, 0.0_f32);
        for one in accepted.flat_map(|value| value.split(',')) {
            let mut parts = one.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
            match name.as_str() {
                "text/event-stream" => events = events.max(weight),
                "application/x-ndjson" | "application/ndjson" | "application/jsonl" => lines = lines.max(weight),
                _ => {}
            }
        }
        if lines > events { Self::Lines } else { Self::Events }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream",
            Self::Lines => "application/x-ndjson",
        }
    }
}

/// What names the event of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    /// The value of the enum field `kind`.
    Kind(u32, Vec<(i32, String)>),
    /// The member of the only oneof.
    Member(Vec<u32>, Vec<String>),
    /// All are called `message`.
    Nothing,
}

/// How the messages of a type become events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    place: Place,
    sequence: Option<u32>,
    named: Named,
}

impl Shape {
    /// The shape of a type, whose messages are written at `place`.
    pub(super) fn new(of: &MessageDescriptor, place: Place) -> Self {
        let sequence = of
            .get_field_by_name("sequence")
            .filter(|field| matches!(field.kind(), Kind::Int64 | Kind::Uint64 | Kind::Int32 | Kind::Uint32))
            .map(|field| field.number());
        let kind = of.get_field_by_name("kind").and_then(|field| match field.kind() {
            Kind::Enum(one) if !field.is_list() => {
                let names = one.values().map(|value| (value.number(), names::short(&value))).collect();
                Some(Named::Kind(field.number(), names))
            }
            _ => None,
        });
        let mut oneofs = of.oneofs().filter(|oneof| !oneof.is_synthetic());
        let member = match (oneofs.next(), oneofs.next()) {
            (Some(only), None) => {
                let (numbers, names) = only.fields().map(|field| (field.number(), field.name().to_owned())).unzip();
                Some(Named::Member(numbers, names))
            }
            _ => None,
        };
        Self { place, sequence, named: kind.or(member).unwrap_or(Named::Nothing) }
    }

    /// The name of the event of a message.
    fn name(&self, message: &[u8]) -> &str {
        match &self.named {
            Named::Kind(field, names) => {
                let kind = wire::integer(*field, message);
                names.iter().find(|(number, _)| i64::from(*number) == kind).map_or("message", |(_, name)| name)
            }
            Named::Member(numbers, names) => wire::which(numbers, message)
                .and_then(|found| numbers.iter().position(|number| *number == found))
                .map_or("message", |at| &names[at]),
            Named::Nothing => "message",
        }
    }
}

/// Everything that a stream needs until its end.
pub(super) struct Stream {
    pub(super) messages: Messages,
    pub(super) shape: Arc<Shape>,
    pub(super) writer: Arc<Writer>,
    pub(super) form: Form,
    /// Silence after which a comment is sent.
    pub(super) heartbeat: Duration,
    pub(super) id: RequestId,
    pub(super) count: Count,
}

/// What has been seen of a stream before its answer begins.
enum First {
    Message(Bytes),
    Silence,
}

impl Stream {
    /// The answer to the request. A call that fails at once is a problem with its status; one that ends without a
    /// message is 204, which tells an `EventSource` to stop.
    pub(super) async fn respond(mut self) -> Response<Body> {
        let first = match tokio::time::timeout(PATIENCE, self.messages.next()).await {
            Ok(Ok(Some(message))) => First::Message(message),
            Ok(Ok(None)) if self.form == Form::Events => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                self.count.status(StatusCode::NO_CONTENT);
                return response;
            }
            Ok(Err(status)) => {
                let problem = Problem::of_status(&status, &self.id);
                return self.count.problem(&problem);
            }
            Ok(Ok(None)) | Err(_) => First::Silence,
        };
        self.count.status(StatusCode::OK);
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.form.media_type()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        let start = match self.form {
            Form::Events => RETRY.as_bytes().to_vec(),
            Form::Lines => Vec::new(),
        };
        let parts = futures::stream::unfold(Some((self, start, Some(first))), |state| async move {
            let (mut stream, mut out, first) = state?;
            let going_on = match first {
                Some(First::Message(message)) => stream.message(&message, &mut out),
                Some(First::Silence) if !out.is_empty() => true,
                Some(First::Silence) | None => stream.next(&mut out).await,
            };
            if out.is_empty() && !going_on {
                return None;
            }
            let part = Ok::<_, Infallible>(Bytes::from(out));
            Some((part, going_on.then_some((stream, Vec::new(), None))))
        });
        response.map(|_| Body::from_stream(parts))
    }

    /// Waits for what comes next and writes it; whether more may come.
    async fn next(&mut self, out: &mut Vec<u8>) -> bool {
        match tokio::time::timeout(self.heartbeat, self.messages.next()).await {
            Ok(Ok(Some(message))) => self.message(&message, out),
            Ok(Ok(None)) => false,
            Ok(Err(status)) => self.failed(&status, out),
            Err(_) => {
                out.extend_from_slice(match self.form {
                    Form::Events => b": heartbeat\n\n",
                    // An empty line is no message, and keeps the connection alive.
                    Form::Lines => b"\n",
                });
                true
            }
        }
    }

    fn message(&self, message: &[u8], out: &mut Vec<u8>) -> bool {
        let before = out.len();
        match self.form {
            Form::Events => {
                let name = self.shape.name(message);
                let sequence = self.shape.sequence.map(|field| wire::integer(field, message));
                if name == "heartbeat" {
                    let at = sequence.map(|sequence| format!(" after {sequence}")).unwrap_or_default();
                    out.extend_from_slice(format!(": heartbeat{at}\n\n").as_bytes());
                    return true;
                }
                if let Some(sequence) = sequence {
                    out.extend_from_slice(format!("id: {sequence}\n").as_bytes());
                }
                out.extend_from_slice(format!("event: {name}\ndata: ").as_bytes());
            }
            Form::Lines => out.extend_from_slice(b"{\"result\":"),
        }
        if let Err(error) = self.writer.write(self.shape.place, message, out) {
            tracing::error!(target: "cidadao::gateway", %error, request_id = self.id.as_str(), "a message of a stream cannot be written");
            out.truncate(before);
            let problem = Problem::of_refusal(Refusal::Defect, &self.id);
            self.error(&problem, out);
            return false;
        }
        out.extend_from_slice(match self.form {
            Form::Events => b"\n\n",
            Form::Lines => b"}\n",
        });
        true
    }

    fn failed(&self, status: &Status, out: &mut Vec<u8>) -> bool {
        let problem = Problem::of_status(status, &self.id);
        self.error(&problem, out);
        false
    }

    fn error(&self, problem: &Problem, out: &mut Vec<u8>) {
        self.count.error(problem.code());
        let (before, after): (&[u8], &[u8]) = match self.form {
            Form::Events => (b"event: error\ndata: ", b"\n\n"),
            Form::Lines => (b"{\"error\":", b"}\n"),
        };
        out.extend_from_slice(before);
        out.extend_from_slice(&problem.json());
        out.extend_from_slice(after);
    }
}
