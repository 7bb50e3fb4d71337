//! What keeps the pages of other sites from using an API that asks for no credentials, through the browser of
//! somebody who can reach it: names that were made to lead here, and writes from elsewhere.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Uri, header};

use super::problem::Refusal;

/// Whether a request may come from a page of another site that has no business here.
///
/// A request is fine if it names the server by an IP address or as `localhost` — to name it otherwise, a page must
/// have been served by that name itself — and if it changes nothing or comes from a page of the server, of one of
/// `origins` or of none.
///
/// # Errors
/// [`Refusal::Site`].
pub(super) fn check(method: &Method, uri: &Uri, headers: &HeaderMap, origins: &[String]) -> Result<(), Refusal> {
    let host = match uri.authority() {
        // HTTP/2 has no header for it.
        Some(authority) => Some(authority.as_str().to_owned()),
        None => headers.get(header::HOST).map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned()),
    };
    if let Some(host) = &host
        && !is_local(host)
    {
        return Err(Refusal::Site { name: "Host", value: shortened(host) });
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = String::from_utf8_lossy(origin.as_bytes());
    let same = |host: &String| origin.strip_prefix("http://").is_some_and(|named| named.eq_ignore_ascii_case(host));
    let fine = method.is_safe() || host.as_ref().is_some_and(same) || origins.iter().any(|known| *known == origin);
    if fine { Ok(()) } else { Err(Refusal::Site { name: "Origin", value: shortened(&origin) }) }
}

/// Whether a host, with or without a port, is an IP address or this machine's own name.
fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost") || address.parse::<IpAddr>().is_ok()
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: Method, uri: &str, pairs: &[(&'static str, &str)]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        match check(&method, &uri.parse().unwrap(), &headers, &["https://painel.example".to_owned()]) {
            Ok(()) => None,
            Err(Refusal::Site { name, .. }) => Some(name),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_of_others_do_not_lead_here() {
        for host in
            ["127.0.0.1:8080", "localhost", "LOCALHOST.:8080", "a.localhost:1", "[::1]:8080", "10.0.0.1", "[::1]"]
        {
            assert_eq!(refused(Method::GET, "/", &[("host", host)]), None, "{host}");
        }
        for host in ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "a b", ""]
        {
            assert_eq!(refused(Method::GET, "/", &[("host", host)]), Some("Host"), "{host}");
        }
        assert_eq!(refused(Method::GET, "http://evil.example/", &[]), Some("Host"));
        assert_eq!(refused(Method::GET, "http://localhost:8080/", &[("host", "evil.example")]), None);
        assert_eq!(refused(Method::GET, "/", &[]), None, "HTTP/1.0 names nothing, and browsers do not speak it");
    }

    #[test]
    fn pages_of_others_change_nothing() {
        let from = |method, origin| refused(method, "/", &[("host", "localhost:8080"), ("origin", origin)]);
        for origin in ["http://localhost:8080", "http://LOCALHOST:8080", "https://painel.example"] {
            assert_eq!(from(Method::POST, origin), None, "{origin}");
        }
        for origin in ["http://evil.example", "null", "http://localhost:3000", "https://localhost:8080", ""] {
            assert_eq!(from(Method::POST, origin), Some("Origin"), "{origin}");
            assert_eq!(from(Method::GET, origin), None, "reading is for CORS to allow");
        }
    }
}
