//! What is published.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::Product;

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The example of the README, built by `cargo test`.
fn example() -> PathBuf {
    // target/debug/deps/it-… → target/debug/examples/follow
    let tests = std::env::current_exe().unwrap();
    tests.ancestors().nth(2).unwrap().join("examples/follow")
}

#[test]
fn the_example_of_the_readme_runs() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("```rust,no_run\n").unwrap();
    let (code, _) = rest.split_once("```\n").unwrap();
    assert_eq!(code, read("examples/follow.rs"), "the README and examples/follow.rs are the same");

    let server = Product::shared();
    let done = Command::new(example()).arg(server.address()).output().unwrap();
    let printed = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(printed.contains("100%") && printed.contains("High") && printed.ends_with("\nquery\n"), "{printed}");
}

#[test]
fn the_package_holds_what_it_needs_and_no_more() {
    let listed = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let files = String::from_utf8(listed.stdout).unwrap();
    // Cargo adds the first of them, if there is a repository.
    let files: Vec<&str> = files.lines().filter(|file| *file != ".cargo_vcs_info.json").collect();
    let expected = [
        "Cargo.lock",
        "Cargo.toml",
        "Cargo.toml.orig",
        "LICENSE",
        "README.md",
        "examples/follow.rs",
        "src/calls.rs",
        "src/client.rs",
        "src/errors.rs",
        "src/gen/cidadao.v1.rs",
        "src/lib.rs",
        "src/options.rs",
        "src/watch.rs",
    ];
    assert_eq!(files, expected);
}
