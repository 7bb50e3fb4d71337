//! The document and a page to read and try it, as they are served.
//!
//! The page is one file that asks no other host for anything; its policy lets a browser run nothing but its own
//! script, and send nothing to anybody but this server.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::Document;
use crate::gateway::rest;

const PAGE: &str = include_str!("docs/page.html");
const STYLE: &str = include_str!("docs/style.css");
const SCRIPT: &str = include_str!("docs/script.js");

/// Why they cannot be served: defects of the build.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The document cannot be written.
    #[error("OpenAPI document: {0}")]
    Json(#[from] serde_json::Error),
    /// A header cannot be written.
    #[error("header: {0}")]
    Header(#[from] axum::http::header::InvalidHeaderValue),
}

/// Serves `/openapi.json` and `/docs`, both made once.
///
/// # Errors
/// [`PageError`], a defect of the build.
pub fn router(document: &Document) -> Result<Router, PageError> {
    let json = Fixed::new("application/json", serde_json::to_string(document)?, None)?;
    let page = PAGE.replace("{style}", STYLE).replace("{script}", SCRIPT);
    let page = Fixed::new("text/html; charset=utf-8", page, Some(policy()))?;
    Ok(Router::new()
        .route("/", get(|| async { Redirect::to("/docs") }))
        .route("/openapi.json", json.route())
        .route("/docs", page.route()))
}

/// The content security policy of the page: its own script and style, by their hashes.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

/// Something that is the same until the next release.
#[derive(Debug, Clone)]
struct Fixed {
    headers: HeaderMap,
    etag: Arc<str>,
    body: Arc<str>,
}

impl Fixed {
    fn new(content_type: &'static str, body: String, policy: Option<String>) -> Result<Self, PageError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let etag = rest::etag(body.as_bytes());
        headers.insert(header::ETAG, HeaderValue::try_from(etag.as_str())?);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if let Some(policy) = policy {
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy)?);
        }
        Ok(Self { headers, etag: etag.into(), body: body.into() })
    }

    fn route(self) -> axum::routing::MethodRouter {
        get(move |asked: HeaderMap| std::future::ready(self.answer(&asked)))
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        if rest::known(asked, &self.etag) {
            return (StatusCode::NOT_MODIFIED, self.headers.clone()).into_response();
        }
        (self.headers.clone(), self.body.to_string()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;
    use crate::gateway::openapi::{Settings, document};

    fn served() -> Router {
        let pool = crate::gateway::binding::pool().unwrap();
        let settings = Settings { version: "1.2.3", credentials_required: true };
        router(&document(&pool, settings).unwrap()).unwrap()
    }

    async fn ask(path: &str, if_none_match: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::get(path).header(header::IF_NONE_MATCH, if_none_match).body(Body::empty()).unwrap();
        let response = served().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn what_the_caller_has_is_not_sent_again() {
        for path in ["/openapi.json", "/docs"] {
            let (status, headers, body) = ask(path, "\"other\"").await;
            assert_eq!(status, StatusCode::OK);
            assert!(body.len() > 1_000);
            let tag = headers[header::ETAG].to_str().unwrap().to_owned();
            for known in [tag.clone(), format!("\"x\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
                let (status, headers, body) = ask(path, &known).await;
                assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{path} {known}");
                assert_eq!(headers[header::ETAG], tag.as_str());
            }
        }
    }

    #[tokio::test]
    async fn the_page_asks_no_other_host_and_runs_nothing_else() {
        let (_, headers, page) = ask("/docs", "").await;
        for foreign in ["http://", "https://", "//cdn", "@import", "url(", "innerHTML", "eval(", " onclick="] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"));
        assert!(!policy.contains("unsafe") && !policy.contains('*'));
        // What the browser hashes is what stands between the tags.
        let between = |open: &str, close: &str| {
            let start = page.find(open).unwrap() + open.len();
            page[start..start + page[start..].find(close).unwrap()].to_owned()
        };
        for text in [between("<script>", "</script>"), between("<style>", "</style>")] {
            let hash = STANDARD.encode(Sha256::digest(text.as_bytes()));
            assert!(policy.contains(&format!("'sha256-{hash}'")), "{hash}");
        }
    }
}
