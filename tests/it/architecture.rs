//! The directions of the house: who may name what.

use std::path::{Path, PathBuf};

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            out.push(path);
        }
    }
}

/// Every line of code of `src` as (module, file, line): comments are left out.
fn code() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let mut lines = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let module = relative.split(['/', '.']).next().unwrap().to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            lines.push((module.clone(), relative.clone(), line.to_owned()));
        }
    }
    assert!(lines.len() > 1_000, "the source was not found");
    lines
}

fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let part = |c: char| c.is_alphanumeric() || c == '_';
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[test]
fn only_the_allowed_modules_name_a_library() {
    let rules: [(&[&str], &[&str]); 6] = [
        (&["tonic", "axum", "tonic_health", "tonic_reflection", "tonic_types"], &["api", "gateway"]),
        (&["diesel", "diesel_async", "diesel_migrations"], &["store"]),
        (&["bb8_redis", "moka", "rmp_serde"], &["cache"]),
        (&["argon2", "jsonwebtoken"], &["auth"]),
        (&["datafusion", "parquet"], &["lake", "detectors", "sources"]),
        (&["prometheus_client", "opentelemetry", "tracing_opentelemetry"], &["telemetry"]),
    ];
    let mut wrong = Vec::new();
    for (module, file, line) in code() {
        for (libraries, allowed) in rules {
            for library in libraries {
                if names(&line, &format!("{library}::")) && !allowed.contains(&module.as_str()) {
                    wrong.push(format!("{file} names {library}: {}", line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_points_back() {
    let layers: [(&str, &[&str]); 12] = [
        (
            "cardinal",
            &[
                "model",
                "store",
                "cache",
                "jobs",
                "lake",
                "sources",
                "detectors",
                "investigation",
                "analysis",
                "api",
                "gateway",
                "cli",
                "app",
                "telemetry",
                "config",
            ],
        ),
        (
            "model",
            &[
                "auth",
                "store",
                "cache",
                "jobs",
                "lake",
                "sources",
                "detectors",
                "investigation",
                "analysis",
                "api",
                "gateway",
                "cli",
                "app",
                "telemetry",
                "config",
            ],
        ),
        (
            "store",
            &[
                "auth",
                "cache",
                "jobs",
                "lake",
                "sources",
                "detectors",
                "investigation",
                "analysis",
                "api",
                "gateway",
                "cli",
                "app",
            ],
        ),
        (
            "cache",
            &[
                "auth",
                "store",
                "jobs",
                "lake",
                "sources",
                "detectors",
                "investigation",
                "analysis",
                "api",
                "gateway",
                "cli",
                "app",
            ],
        ),
        (
            "auth",
            &[
                "jobs",
                "lake",
                "sources",
                "detectors",
                "investigation",
                "analysis",
                "api",
                "gateway",
                "cli",
                "app",
                "telemetry",
                "config",
            ],
        ),
        (
            "jobs",
            &["auth", "lake", "sources", "detectors", "investigation", "analysis", "api", "gateway", "cli", "app"],
        ),
        ("lake", &["auth", "jobs", "detectors", "investigation", "analysis", "api", "gateway", "cli", "app"]),
        ("sources", &["auth", "jobs", "detectors", "investigation", "analysis", "api", "gateway", "cli", "app"]),
        ("detectors", &["auth", "jobs", "sources", "investigation", "analysis", "api", "gateway", "cli", "app"]),
        ("investigation", &["auth", "analysis", "ingest", "api", "gateway", "cli", "app"]),
        ("ingest", &["auth", "detectors", "investigation", "analysis", "api", "gateway", "cli", "app"]),
        (
            "telemetry",
            &[
                "auth",
                "store",
                "jobs",
                "lake",
                "sources",
                "detectors",
                "investigation",
                "analysis",
                "api",
                "gateway",
                "cli",
                "app",
            ],
        ),
    ];
    let mut wrong = Vec::new();
    for (module, file, line) in code() {
        for (layer, forbidden) in layers {
            for target in forbidden.iter().filter(|_| module == layer) {
                if names(&line, &format!("crate::{target}")) {
                    wrong.push(format!("{file} points back to {target}: {}", line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
