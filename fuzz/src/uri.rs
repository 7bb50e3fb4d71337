//! Where an import may come from.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use cidadao::sources::{Address, Allowed, ApiAddress, ImportRules};

/// A directory that may be read, with a link out of it, beside one that may not.
fn rules() -> &'static ImportRules {
    static RULES: OnceLock<ImportRules> = OnceLock::new();
    RULES.get_or_init(|| {
        let base = std::env::temp_dir().join("cidadao-fuzz-uri");
        for directory in ["in/sub", "inside"] {
            fs::create_dir_all(base.join(directory)).expect("the directory of temporary files can be written");
        }
        for file in ["in/a.csv", "in/sub/b.csv", "inside/c.csv"] {
            fs::write(base.join(file), "x").expect("a file can be written");
        }
        // It may be there from an earlier run.
        drop(std::os::unix::fs::symlink(base.join("inside"), base.join("in/out")));
        ImportRules {
            roots: vec![base.join("in").canonicalize().expect("it is there")],
            hosts: ["example.org", "mirror.example:8443", "127.0.0.1:9000", "portaldatransparencia.gov.br"]
                .map(str::to_owned)
                .to_vec(),
            portal_url: cidadao::sources::PORTAL.to_owned(),
            pncp_url: "https://mirror.example:8443".to_owned(),
            portal_api_url: "https://elsewhere.example".to_owned(),
        }
    })
}

pub(crate) fn run(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    if let Ok(Some(address)) = Address::parse(text) {
        assert_eq!(Address::parse(&address.to_string()), Ok(Some(address)));
    }
    if let Ok(Some(address)) = ApiAddress::parse(text) {
        assert_eq!(ApiAddress::parse(&address.to_string()), Ok(Some(address)));
    }
    let rules = rules();
    // `{}` stands for the directory, which is another one on every machine.
    let text = &text.replace("{}", &rules.roots[0].display().to_string());
    match rules.check(text) {
        Ok(Allowed::File { path, root }) => {
            assert_eq!(root, rules.roots[0]);
            let real: PathBuf = path.canonicalize().expect("what is allowed is there");
            assert!(real.starts_with(&root) && real == path, "{text:?} leads to {}", real.display());
        }
        Ok(Allowed::Web(url)) => {
            let host = url.host_str().unwrap_or_default();
            let port = url.port_or_known_default();
            let known = [
                ("example.org", 443),
                ("mirror.example", 8443),
                ("127.0.0.1", 9000),
                ("portaldatransparencia.gov.br", 443),
            ];
            assert!(known.iter().any(|(name, own)| *name == host && Some(*own) == port), "{text:?} leads to {url}");
            assert!(url.scheme() == "https" || (url.scheme() == "http" && host == "127.0.0.1"));
            assert!(url.username().is_empty() && url.password().is_none());
        }
        Ok(Allowed::Portal(address)) => {
            assert!(text.starts_with("portal:") && address.to_string().starts_with("portal:"));
        }
        // The host of PNCP is one of those that are allowed, that of the API of the Portal is not.
        Ok(Allowed::List(list)) => {
            assert!(text.starts_with("pncp:") && list.to_string().starts_with("pncp:"), "{text:?} is {list}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
