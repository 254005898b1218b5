//! Packages come from the public registries through each tool's own defaults: the tree sets no other host.

use crate::source;

const SELF: &str = "tests/architecture/registries.rs";
const CRATES: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Settings that send a package manager elsewhere.
const SETTINGS: &[&str] = &[
    "replace-with",
    "[source.",
    "[registries",
    "[registry]",
    "CARGO_REGISTRIES_",
    "CARGO_SOURCE_",
    "GOPROXY=",
    "GONOSUMDB",
    "GOINSECURE",
    "GOFLAGS=-insecure",
];

fn breaches(path: &str, text: &str) -> Vec<String> {
    let mut found: Vec<String> = SETTINGS
        .iter()
        .filter(|setting| text.contains(**setting))
        .map(|setting| format!("{path} sets {setting}"))
        .collect();
    if path.ends_with("Cargo.lock") {
        let elsewhere = text
            .lines()
            .filter_map(|line| line.strip_prefix("source = "))
            .filter(|source| source.trim_matches('"') != CRATES);
        found.extend(elsewhere.map(|source| format!("{path} takes a crate from {source}")));
    }
    found
}

#[test]
fn the_tree_names_no_registry_of_its_own() {
    let files = source::files("", "");
    assert!(files.iter().any(|(path, _)| path == "Cargo.lock"));
    let found: Vec<String> = files
        .iter()
        .filter(|(path, _)| path != SELF)
        .flat_map(|(path, text)| breaches(path, text))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_registry_of_ones_own_is_caught() {
    for (path, text) in [
        (".cargo/config.toml", "[source.crates-io]\n"),
        (".ci/run", "GOPROXY=https://go.example go build"),
        (
            "Cargo.lock",
            "source = \"registry+https://crates.example/index\"\n",
        ),
        ("Cargo.lock", "source = \"git+https://git.example/a\"\n"),
    ] {
        assert_eq!(breaches(path, text).len(), 1, "{path}: {text}");
    }
    assert_eq!(
        breaches("Cargo.lock", &format!("source = \"{CRATES}\"\n")),
        Vec::<String>::new()
    );
}
