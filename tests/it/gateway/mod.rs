//! The REST shim over real connections.

mod answers;
mod browsers;
mod pages;
mod parity;
mod probes;
mod refusals;
mod streams;

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::server::TestServer;

/// An answer that has been read.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }

    /// The JSON of an answer that is good.
    #[track_caller]
    fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        self.json()
    }

    /// The problem of an answer that has this status and code.
    #[track_caller]
    fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let json = self.json();
        assert_eq!((json["status"].as_u64(), json["code"].as_str()), (Some(u64::from(status)), Some(code)), "{json}");
        assert!(!json["title"].as_str().unwrap().is_empty() && !json["detail"].as_str().unwrap().is_empty(), "{json}");
        assert_eq!(json["request_id"], self.header("x-request-id"));
        json
    }
}

async fn get(server: &TestServer, path: &str) -> Answer {
    Answer::of(reqwest::Client::new().get(server.url(path))).await
}

fn post_request(server: &TestServer, path: &str, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
    reqwest::Client::new().post(server.url(path)).header("content-type", "application/json").body(body)
}

async fn post(server: &TestServer, path: &str, body: &Value) -> Answer {
    Answer::of(post_request(server, path, body.to_string())).await
}

/// Starts an investigation and gives its id.
async fn start(server: &TestServer) -> String {
    let body = serde_json::json!({"query": "contratos de tecnologia", "investigation_type": "anomaly_detection"});
    let started = post(server, "/api/v1/investigations/start", &body).await.ok();
    started["investigation_id"].as_str().unwrap().to_owned()
}
