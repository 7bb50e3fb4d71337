//! Fuzz targets of every parser of what comes from outside, in one binary: `CIDADAO_FUZZ_TARGET` says which of them
//! runs. `fuzz/run.sh` builds and runs them. A target asserts what must hold of any input, not only that nothing panics.
#![no_main]

mod answers;
mod archive;
mod cardinal;
mod detector;
mod files;
mod json;
mod ocds;
mod portal;
mod receita;
mod request;
mod uri;
mod values;

use std::sync::OnceLock;

type Target = fn(&[u8]);

/// The targets by name.
const TARGETS: [(&str, Target); 11] = [
    ("answers", answers::run),
    ("archive", archive::run),
    ("cardinal", cardinal::run),
    ("detector", detector::run),
    ("json", json::run),
    ("ocds", ocds::run),
    ("portal", portal::run),
    ("receita", receita::run),
    ("request", request::run),
    ("uri", uri::run),
    ("values", values::run),
];

fn chosen() -> Target {
    let name = std::env::var("CIDADAO_FUZZ_TARGET").unwrap_or_default();
    match TARGETS.iter().find(|(known, _)| *known == name) {
        Some((_, target)) => *target,
        None => {
            let names = TARGETS.map(|(name, _)| name).join(", ");
            eprintln!("CIDADAO_FUZZ_TARGET must be one of {names}, not {name:?}");
            std::process::exit(2);
        }
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static TARGET: OnceLock<Target> = OnceLock::new();
    TARGET.get_or_init(chosen)(data);
});
