//! Where files may come from that somebody names over the API: configured directories and hosts, nothing by default.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use super::super::Progress;
use super::download::Downloader;
use super::{Address, AddressError, ApiAddress, FetchError, FetchOptions, Fetched, own_directory};
use crate::model::holds_cpf;

/// Redirects that are followed, each to an allowed host.
const MAX_REDIRECTS: usize = 5;
/// Longest URI.
const MAX_LENGTH: usize = 2_000;

/// What may be taken in by URI.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportRules {
    /// Directories of this machine, with all that is beneath them.
    pub roots: Vec<PathBuf>,
    /// Hosts, as `host` or `host:port`, in lower case.
    pub hosts: Vec<String>,
    /// Where files of the Portal are: allowed if its host is.
    pub portal_url: String,
    /// Where PNCP answers: its lists are allowed if its host is.
    pub pncp_url: String,
    /// Where the API of the Portal answers: its lists are allowed if its host is.
    pub portal_api_url: String,
}

/// A URI that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// A data set of the Portal.
    Portal(Address),
    /// A list of an API.
    List(ApiAddress),
    /// A file on an allowed host.
    Web(Url),
    /// A file or directory, without links in its path, and the allowed directory that it lies in.
    File {
        /// What is to be read.
        path: PathBuf,
        /// What nothing is read outside of.
        root: PathBuf,
    },
}

/// Why a URI is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// It is none, or of no known scheme, or names nothing.
    #[error("uri {0}")]
    Invalid(String),
    /// The configuration does not allow it.
    #[error("uri {0}")]
    Denied(String),
}

impl ImportRules {
    /// What a URI means, if it may be read.
    ///
    /// # Errors
    /// [`UriError`] with the rule; whether a file exists outside of the allowed directories is not told.
    pub fn check(&self, uri: &str) -> Result<Allowed, UriError> {
        let invalid = |rule: &str| UriError::Invalid(rule.to_owned());
        if uri.is_empty() || uri.len() > MAX_LENGTH || uri.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(invalid("must be 1 to 2000 bytes without blanks"));
        }
        let plain = percent_decode_str(uri).decode_utf8_lossy();
        if [uri, plain.as_ref()].into_iter().any(holds_cpf) {
            return Err(invalid("must not hold a CPF: it would be kept and shown"));
        }
        let period = |error: AddressError| UriError::Invalid(format!("must name a data set and its period: {error}"));
        if let Some(address) = Address::parse(uri).map_err(period)? {
            self.check_base(&self.portal_url, "the Portal")?;
            return Ok(Allowed::Portal(address));
        }
        if let Some(list) = ApiAddress::parse(uri).map_err(period)? {
            match list.is_of_pncp() {
                true => self.check_base(&self.pncp_url, "PNCP")?,
                false => self.check_base(&self.portal_api_url, "the API of the Portal")?,
            }
            return Ok(Allowed::List(list));
        }
        let schemes = "must begin with portal:, pncp:, portal-api:, https:// or file:///";
        let url = Url::parse(uri).map_err(|_| invalid(schemes))?;
        match url.scheme() {
            "file" => self.file(&url),
            "https" | "http" => {
                if !url.username().is_empty() || url.password().is_some() {
                    return Err(invalid("must not hold a user or a password"));
                }
                self.check_web(&url).map_err(UriError::Denied)?;
                file_name(&url).ok_or_else(|| invalid("must end in the name of a file"))?;
                Ok(Allowed::Web(url))
            }
            _ => Err(invalid(schemes)),
        }
    }

    /// Whether a service that is asked for by name may be.
    fn check_base(&self, base: &str, whose: &str) -> Result<(), UriError> {
        let allowed = Url::parse(base).is_ok_and(|url| self.is_allowed_host(&url));
        let denied = || UriError::Denied(format!("must be on a host of import_hosts; that of {whose} is not"));
        if allowed { Ok(()) } else { Err(denied()) }
    }

    fn is_allowed_host(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
        let host = host.to_ascii_lowercase();
        let usual = port == 443;
        self.hosts.iter().any(|one| *one == format!("{host}:{port}") || (usual && *one == host))
    }

    /// The rule that an address of the web breaks.
    fn check_web(&self, url: &Url) -> Result<(), String> {
        let loopback = literal(url).is_some_and(|ip| ip.is_loopback());
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err("must be https://, or http:// to a numeric loopback address of import_hosts".to_owned());
        }
        if !self.is_allowed_host(url) {
            return Err("must be on a host of import_hosts".to_owned());
        }
        Ok(())
    }

    fn file(&self, url: &Url) -> Result<Allowed, UriError> {
        if url.query().is_some() || url.fragment().is_some() {
            return Err(UriError::Invalid(
                "must name a file or directory, without ? and # (as %3F and %23 in a name)".to_owned(),
            ));
        }
        let path = url.to_file_path().map_err(|()| UriError::Invalid("must be a path of this machine".to_owned()))?;
        let denied = || UriError::Denied("must lie in a directory of import_roots".to_owned());
        // The parser has taken the `..` out. Roots first: outside of them it is not even looked.
        let within = |path: &Path| {
            self.roots.iter().filter_map(|root| root.canonicalize().ok()).find(|root| path.starts_with(root))
        };
        let named = self.roots.iter().any(|root| path.starts_with(root)) || within(&path).is_some();
        if !named {
            return Err(denied());
        }
        let full =
            path.canonicalize().map_err(|_| UriError::Invalid("must name a file or directory there is".to_owned()))?;
        let root = within(&full).ok_or_else(denied)?;
        if !full.is_file() && !full.is_dir() {
            return Err(UriError::Invalid("must name a file or directory".to_owned()));
        }
        Ok(Allowed::File { path: full, root })
    }
}

/// The address that a URL has in place of a name.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// The name of a file on the web once it lies here.
fn file_name(url: &Url) -> Option<String> {
    let last = url.path_segments()?.next_back()?;
    let name = percent_encoding::percent_decode_str(last).decode_utf8().ok()?;
    let fit =
        name.len() <= 200 && !name.starts_with('.') && !name.contains(['/', '\\']) && !name.contains(char::is_control);
    (fit && !name.is_empty()).then(|| name.into_owned())
}

/// Downloads a file of an allowed host into a directory of its own under `directory`.
///
/// # Errors
/// [`FetchError`], also where it would go to another host or to an address that is not public; nothing is kept then.
pub async fn fetch_web(
    rules: &ImportRules,
    url: &Url,
    directory: &Path,
    options: &FetchOptions,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Fetched, FetchError> {
    let client = |detail: &str| FetchError::Client { url: url.to_string(), detail: detail.to_owned() };
    rules.check_web(url).map_err(|rule| client(&rule))?;
    let name = file_name(url).ok_or_else(|| client("must end in the name of a file"))?;
    let own = own_directory(directory)?;
    let path = own.path().join(name);
    let known = rules.clone();
    let redirects = Policy::custom(move |attempt| {
        if attempt.previous().len() > MAX_REDIRECTS {
            return attempt.error("too many redirects");
        }
        match known.check_web(attempt.url()) {
            Ok(()) => attempt.follow(),
            Err(rule) => attempt.error(format!("redirected to a place that {rule}")),
        }
    });
    let downloader = Downloader::guarded(options, redirects, Arc::new(PublicOnly))?;
    downloader.download(url.as_str(), &path, progress).await?;
    Ok(Fetched { paths: vec![path], empty: Vec::new(), _directory: own })
}

/// Finds hosts by name, and none that is of a network behind this machine. A number in an address is no name: it is
/// reached if it is allowed as such.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> = found.into_iter().filter(|addr| is_public(addr.ip())).collect();
            if public.is_empty() {
                return Err(io::Error::other(format!("{} has no public address", name.as_str())).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is of the public internet (IANA's registries of special-purpose addresses, RFC 6890).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match a {
        0 | 10 | 127 | 224..=255 => true,
        100 => (64..128).contains(&b),
        169 => b == 254,
        172 => (16..32).contains(&b),
        192 => b == 168 || (b == 0 && (c == 0 || c == 2)) || (b == 88 && c == 99),
        198 => b == 18 || b == 19 || (b == 51 && c == 100),
        203 => b == 0 && c == 113,
        _ => false,
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(inner) = ip.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [a, b, ..] = ip.segments();
    // 2000::/3 is what is given out; of it, tunnels (Teredo, 6to4) end in addresses of version 4, and 2001:db8::/32 and
    // 3fff::/20 are for documentation.
    (0x2000..0x4000).contains(&a)
        && a != 0x2002
        && !(a == 0x2001 && (b < 0x200 || b == 0xdb8))
        && !(a == 0x3fff && b < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(roots: &[&Path], hosts: &[&str]) -> ImportRules {
        ImportRules {
            roots: roots.iter().map(|root| (*root).to_owned()).collect(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            portal_url: super::super::PORTAL.to_owned(),
            pncp_url: super::super::PNCP.to_owned(),
            portal_api_url: super::super::PORTAL_API.to_owned(),
        }
    }

    fn denied(result: Result<Allowed, UriError>) -> bool {
        matches!(result, Err(UriError::Denied(_)))
    }

    fn invalid(result: Result<Allowed, UriError>) -> bool {
        matches!(result, Err(UriError::Invalid(_)))
    }

    #[test]
    fn by_default_nothing_is_allowed() {
        let none = rules(&[], &[]);
        for uri in [
            "portal:compras/202401",
            "pncp:contratos/2025-03-12",
            "portal-api:contratos/26246/2025-03-01..2025-03-31",
            "https://example.org/a.csv",
            "file:///etc/passwd",
            "http://127.0.0.1/a.csv",
        ] {
            assert!(denied(none.check(uri)), "{uri}");
        }
        for uri in [
            "",
            "x",
            "/etc/passwd",
            "ftp://example.org/a.csv",
            "portal:despesas/202401",
            "pncp:contratos/2025-03",
            "data:text/csv,a",
            "a b",
        ] {
            assert!(invalid(none.check(uri)), "{uri}");
        }
    }

    #[test]
    fn hosts_are_told_to_the_port() {
        let some =
            rules(&[], &["example.org", "portaldatransparencia.gov.br", "mirror.example:8443", "127.0.0.1:9000"]);
        assert!(matches!(some.check("portal:compras/202401"), Ok(Allowed::Portal(_))));
        assert!(denied(some.check("pncp:contratos/..2025-03-12")));
        let pncp = rules(&[], &["pncp.gov.br"]);
        assert!(matches!(pncp.check("pncp:contratos/..2025-03-12"), Ok(Allowed::List(_))));
        let portal_api = "portal-api:contratos/26246/2025-03-01..2025-03-31";
        assert!(denied(pncp.check(portal_api)));
        let api = rules(&[], &["api.portaldatransparencia.gov.br"]);
        assert!(matches!(api.check(portal_api), Ok(Allowed::List(_))));
        for uri in [
            "https://example.org/x/a.csv",
            "https://EXAMPLE.org:443/a.csv?x=1",
            "https://mirror.example:8443/a.zip",
            "http://127.0.0.1:9000/a.csv",
        ] {
            assert!(matches!(some.check(uri), Ok(Allowed::Web(_))), "{uri}");
        }
        for uri in [
            "http://example.org/a.csv",
            "https://example.org:8443/a.csv",
            "https://mirror.example/a.csv",
            "https://sub.example.org/a.csv",
            "https://example.org.evil.net/a.csv",
            "http://127.0.0.1/a.csv",
            "http://0x7f000001:9001/a.csv",
            "https://169.254.169.254/latest/meta-data",
        ] {
            assert!(denied(some.check(uri)), "{uri}");
        }
        for uri in [
            "https://u:p@example.org/a.csv",
            "https://example.org/",
            "https://example.org/..",
            "https://example.org/%2e%2e%2fa",
        ] {
            assert!(invalid(some.check(uri)), "{uri}");
        }
    }

    #[test]
    fn nothing_leads_out_of_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let (root, other) = (base.join("in"), base.join("inside"));
        for directory in [&root, &other] {
            std::fs::create_dir(directory).unwrap();
            std::fs::write(directory.join("a.csv"), "x").unwrap();
        }
        std::os::unix::fs::symlink(other.join("a.csv"), root.join("link.csv")).unwrap();
        std::os::unix::fs::symlink(root.join("a.csv"), root.join("same.csv")).unwrap();
        let some = rules(&[&root], &[]);
        let uri = |path: &str| format!("file://{}/{path}", base.display());
        let path = root.join("a.csv");
        for inside in ["in/a.csv", "in/../in/a.csv", "inside/../in/a.csv", "in/same.csv", "in/%61.csv"] {
            assert_eq!(
                some.check(&uri(inside)),
                Ok(Allowed::File { path: path.clone(), root: root.clone() }),
                "{inside}"
            );
        }
        assert!(matches!(some.check(&uri("in")), Ok(Allowed::File { .. })));
        for outside in ["inside/a.csv", "in/../inside/a.csv", "in/%2e%2e/inside/a.csv", "in/link.csv", "gone/b.csv", ""]
        {
            assert!(denied(some.check(&uri(outside))), "{outside}");
        }
        assert!(invalid(some.check(&uri("in/gone.csv"))));
        assert!(invalid(some.check("file://elsewhere/in/a.csv")) || denied(some.check("file://elsewhere/in/a.csv")));
    }

    #[test]
    fn addresses_behind_this_machine_are_not_public() {
        for ip in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "203.0.113.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "::7f00:1",
            "3fff::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "189.9.1.1", "2804::1", "2001:4860::8888", "::ffff:8.8.8.8"]
        {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }
}
