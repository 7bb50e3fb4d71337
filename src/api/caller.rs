//! Who calls, from where, under which request id.

use http::Extensions;
use tonic::Request;
use tonic::transport::server::TcpConnectInfo;
use uuid::Uuid;

use super::Principal;

/// Id of one request: the caller's `x-request-id` if it is fit to be logged, else a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

/// Header of the request id, in and out.
pub const REQUEST_ID: &str = "x-request-id";

impl RequestId {
    /// The id in the headers, or a new one.
    pub fn of(headers: &http::HeaderMap) -> Self {
        let fit = |id: &&str| {
            (1..=128).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
        };
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(fit);
        Self(given.map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a handler knows about a call beside its message.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Who.
    pub(super) principal: Principal,
    /// From which address; empty for a call within the process.
    pub(super) remote: String,
    /// Id of the request.
    pub(super) request_id: RequestId,
}

impl Caller {
    pub(super) fn of<T>(request: &Request<T>) -> Self {
        Self::of_extensions(request.extensions())
    }

    /// What the layers around the services found out; whoever came past them is nobody.
    pub(super) fn of_extensions(extensions: &Extensions) -> Self {
        let remote = extensions.get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
        Self {
            principal: extensions.get::<Principal>().cloned().unwrap_or_else(Principal::anonymous),
            remote: remote.map(|addr| addr.to_string()).unwrap_or_default(),
            request_id: extensions
                .get::<RequestId>()
                .cloned()
                .unwrap_or_else(|| RequestId::of(&http::HeaderMap::new())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fit_request_ids_are_kept() {
        let of = |value: &[u8]| {
            let mut headers = http::HeaderMap::new();
            headers.insert(REQUEST_ID, http::HeaderValue::from_bytes(value).unwrap());
            RequestId::of(&headers).as_str().to_owned()
        };
        assert_eq!(of(b"trace-1_a.b:c"), "trace-1_a.b:c");
        for bad in [&b"two words"[..], b"", b"caf\xc3\xa9", &[b'a'; 129]] {
            assert!(Uuid::try_parse(&of(bad)).is_ok(), "{bad:?}");
        }
    }
}
