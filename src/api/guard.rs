//! The tower layer that asks every call for its credentials: gRPC, gRPC-Web and what the gateway calls
//! in process alike. What it finds out stands in the extensions of the request as a [`Principal`].

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::HeaderMap;
use http::header::AUTHORIZATION;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::Principal;
use super::access::{self, Need};
use super::caller::Caller;
use super::errors::{self, ApiError};
use crate::auth::{Auth, AuthError, Denial, Presented};

/// Header of an API key.
const API_KEY: &str = "x-api-key";
/// Most characters of credentials.
const MAX_CREDENTIALS: usize = 4_096;

/// Wraps a service into [`Guard`].
#[derive(Debug, Clone)]
pub struct GuardLayer {
    auth: Auth,
}

impl GuardLayer {
    /// A layer that asks this for who calls.
    pub const fn new(auth: Auth) -> Self {
        Self { auth }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner, auth: self.auth.clone() }
    }
}

/// A service that only those may call who may.
#[derive(Debug, Clone)]
pub struct Guard<S> {
    inner: S,
    auth: Auth,
}

impl<S> Service<http::Request<Body>> for Guard<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        // The service that was polled ready is the one to be called.
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        let auth = self.auth.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match admit(&auth, &parts).await {
                Ok(principal) => {
                    parts.extensions.insert(principal);
                    ready.call(http::Request::from_parts(parts, body)).await
                }
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}

/// Who calls, if it may.
async fn admit(auth: &Auth, parts: &http::request::Parts) -> Result<Principal, Status> {
    let (need, method) = access::need(parts.uri.path());
    if need == Need::Nothing {
        return Ok(Principal::anonymous());
    }
    let (actor, error) = match auth.authenticate(presented(&parts.headers)).await {
        Ok(principal) => match access::check(need, &principal) {
            Ok(()) => return Ok(principal),
            Err(error) => (principal.id, error),
        },
        Err(error) => (Principal::anonymous().id, ApiError::Auth(error)),
    };
    let caller = Caller::of_extensions(&parts.extensions);
    let status = errors::status(&caller, &error);
    let refused = matches!(
        &error,
        ApiError::RoleMissing { .. } | ApiError::Auth(AuthError::Missing | AuthError::Refused | AuthError::Expired)
    );
    if refused {
        auth.denied(Denial {
            actor,
            // Nothing that a caller made up.
            method: method.map_or_else(|| "unknown".to_owned(), |(service, method)| format!("{service}/{method}")),
            remote: caller.remote,
            reason: errors::reason(&error),
            request_id: caller.request_id.as_str().to_owned(),
        });
    }
    Err(status)
}

/// The credentials in the headers: `authorization: Bearer …` before `x-api-key: …`.
fn presented(headers: &HeaderMap) -> Presented<'_> {
    let (name, bearer) = if headers.contains_key(AUTHORIZATION) {
        (AUTHORIZATION.as_str(), true)
    } else if headers.contains_key(API_KEY) {
        (API_KEY, false)
    } else {
        return Presented::Nothing;
    };
    let mut values = headers.get_all(name).iter();
    // Of two, which one counts is anybody's guess.
    let (Some(value), None) = (values.next(), values.next()) else { return Presented::Malformed };
    let Ok(text) = value.to_str() else { return Presented::Malformed };
    let text = if bearer {
        match text.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
            _ => return Presented::Malformed,
        }
    } else {
        text.trim()
    };
    if text.is_empty() || text.len() > MAX_CREDENTIALS { Presented::Malformed } else { Presented::Text(text) }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn credentials_come_in_one_header() {
        let of = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, HeaderValue::from_str(value).unwrap());
            }
            match presented(&headers) {
                Presented::Text(text) => text.to_owned(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!(of(&[]), "Nothing");
        assert_eq!(of(&[("authorization", "Bearer abc")]), "abc");
        assert_eq!(of(&[("authorization", "bearer  cid_x")]), "cid_x");
        assert_eq!(of(&[("x-api-key", " cid_x ")]), "cid_x");
        assert_eq!(of(&[("x-api-key", "cid_x"), ("authorization", "BEARER y")]), "y");
        let long = format!("Bearer {}", "a".repeat(MAX_CREDENTIALS + 1));
        for malformed in [
            &[("authorization", "Basic YTpi")][..],
            &[("authorization", "abc")],
            &[("authorization", "Bearer ")],
            &[("authorization", "")],
            &[("authorization", &long)],
            &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
            &[("authorization", "Basic YTpi"), ("x-api-key", "cid_x")],
            &[("x-api-key", "a"), ("x-api-key", "b")],
            &[("x-api-key", "")],
        ] {
            assert_eq!(of(malformed), "Malformed", "{malformed:?}");
        }
    }
}
