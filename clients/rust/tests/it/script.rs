//! A server that does on purpose what the real one must never do. It plays streams to watchers and answers to
//! starts, one after another, and keeps what it was asked.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use cidadao_client::v1::{self, EventKind};
use futures_util::stream::{self, Stream, StreamExt as _};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::metadata::MetadataMap;
use tonic::server::{Grpc, NamedService, ServerStreamingService, UnaryService};
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tonic_types::{ErrorDetails, StatusExt as _};

/// A stream of the conformance file.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Play {
    pub(crate) after: i64,
    send: Vec<String>,
    end: String,
}

/// What it does.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) streams: Vec<Play>,
    /// Of starts; the last is given again and again.
    pub(crate) answers: Vec<String>,
    pub(crate) retry: Option<Duration>,
    pub(crate) job: v1::Investigation,
}

/// What it was asked.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) after: Vec<i64>,
    pub(crate) starts: Vec<v1::StartInvestigationRequest>,
    pub(crate) metadata: Vec<MetadataMap>,
}

/// The server; it ends with the runtime of the test.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    script: Arc<Script>,
    asked: Arc<Mutex<Asked>>,
    port: u16,
    scheme: &'static str,
}

/// The event that `3`, `heartbeat 3` or `finished 3` stands for.
fn event_of(text: &str) -> v1::ProgressEvent {
    let (kind, sequence) = match text.split_once(' ') {
        None => (EventKind::Progress, text),
        Some(("heartbeat", sequence)) => (EventKind::Heartbeat, sequence),
        Some(("finished", sequence)) => (EventKind::Finished, sequence),
        Some(_) => panic!("no such event: {text}"),
    };
    v1::ProgressEvent { sequence: sequence.parse().unwrap(), kind: kind.into(), ..Default::default() }
}

/// The words for an event; [`event_of`] backwards.
pub(crate) fn text_of(event: &v1::ProgressEvent) -> String {
    match event.kind() {
        EventKind::Heartbeat => format!("heartbeat {}", event.sequence),
        EventKind::Finished => format!("finished {}", event.sequence),
        EventKind::Unspecified | EventKind::StateChanged | EventKind::Progress => event.sequence.to_string(),
    }
}

impl Scripted {
    pub(crate) async fn start(script: Script) -> Self {
        Self::listen(script, None).await
    }

    /// With a certificate it speaks TLS.
    pub(crate) async fn listen(script: Script, identity: Option<Identity>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scripted = Self {
            script: Arc::new(script),
            asked: Arc::default(),
            port: listener.local_addr().unwrap().port(),
            scheme: if identity.is_some() { "https" } else { "http" },
        };
        let mut server = Server::builder();
        if let Some(identity) = identity {
            server = server.tls_config(ServerTlsConfig::new().identity(identity)).unwrap();
        }
        let serve = server.serve_with_incoming(Routes(scripted.clone()), TcpListenerStream::new(listener));
        tokio::spawn(async move { serve.await.unwrap() });
        scripted
    }

    pub(crate) fn address(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.port)
    }

    pub(crate) fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap()
    }

    fn refuse(&self, name: &str) -> Status {
        let code = (0..=16).map(Code::from_i32).find(|code| name_of(*code) == name).expect(name);
        let mut details = ErrorDetails::with_error_info("SCRIPTED", "cidadao.ai", []);
        if self.script.retry.is_some() {
            details.set_retry_info(self.script.retry);
        }
        Status::with_error_details(code, "as the script says", details)
    }

    async fn answer(
        self,
        request: Request<v1::StartInvestigationRequest>,
    ) -> Result<Response<v1::Investigation>, Status> {
        let (metadata, _, message) = request.into_parts();
        let request_id = message.request_id.clone();
        let answer = {
            let mut asked = self.asked();
            let number = asked.starts.len().min(self.script.answers.len() - 1);
            asked.metadata.push(metadata);
            asked.starts.push(message);
            &self.script.answers[number]
        };
        match answer.as_str() {
            "OK" => {
                Ok(Response::new(v1::Investigation { investigation_id: "1".into(), request_id, ..Default::default() }))
            }
            "HANG" => std::future::pending().await,
            name => Err(self.refuse(name)),
        }
    }

    fn play(&self, after: i64) -> Result<Response<Events>, Status> {
        let number = {
            let mut asked = self.asked();
            asked.after.push(after);
            asked.after.len()
        };
        let Some(play) = self.script.streams.get(number - 1) else {
            return Err(self.refuse("FAILED_PRECONDITION"));
        };
        let end = (play.end != "OK").then(|| Err(self.refuse(&play.end)));
        let events: Vec<_> = play.send.iter().map(|text| Ok(event_of(text))).chain(end).collect();
        Ok(Response::new(stream::iter(events).boxed()))
    }
}

/// `INVALID_ARGUMENT` for [`Code::InvalidArgument`].
pub(crate) fn name_of(code: Code) -> String {
    let mut name = String::new();
    for (place, letter) in format!("{code:?}").char_indices() {
        if letter.is_uppercase() && place > 0 {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

type Events = Pin<Box<dyn Stream<Item = Result<v1::ProgressEvent, Status>> + Send>>;

#[derive(Debug, Clone)]
struct Start(Scripted);

impl UnaryService<v1::StartInvestigationRequest> for Start {
    type Response = v1::Investigation;
    type Future = BoxFuture<Response<Self::Response>, Status>;

    fn call(&mut self, request: Request<v1::StartInvestigationRequest>) -> Self::Future {
        Box::pin(self.0.clone().answer(request))
    }
}

#[derive(Debug, Clone)]
struct Get(Scripted);

impl UnaryService<v1::GetInvestigationRequest> for Get {
    type Response = v1::Investigation;
    type Future = std::future::Ready<Result<Response<Self::Response>, Status>>;

    fn call(&mut self, _: Request<v1::GetInvestigationRequest>) -> Self::Future {
        std::future::ready(Ok(Response::new(self.0.script.job.clone())))
    }
}

#[derive(Debug, Clone)]
struct Watch(Scripted);

impl ServerStreamingService<v1::WatchInvestigationRequest> for Watch {
    type Response = v1::ProgressEvent;
    type ResponseStream = Events;
    type Future = std::future::Ready<Result<Response<Events>, Status>>;

    fn call(&mut self, request: Request<v1::WatchInvestigationRequest>) -> Self::Future {
        std::future::ready(self.0.play(request.into_inner().after_sequence))
    }
}

/// The calls that scripts are about.
#[derive(Debug, Clone)]
struct Routes(Scripted);

impl NamedService for Routes {
    const NAME: &'static str = "cidadao.v1.InvestigationService";
}

impl Service<http::Request<Body>> for Routes {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let scripted = self.0.clone();
        Box::pin(async move {
            let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            Ok(match method.as_str() {
                "StartInvestigation" => Grpc::new(ProstCodec::default()).unary(Start(scripted), request).await,
                "GetInvestigation" => Grpc::new(ProstCodec::default()).unary(Get(scripted), request).await,
                "WatchInvestigation" => {
                    Grpc::new(ProstCodec::default()).server_streaming(Watch(scripted), request).await
                }
                _ => Status::unimplemented(method).into_http(),
            })
        })
    }
}
