//! One rustls provider, one kube, no chrono in the operator as its image builds it, YAML by one writer: as Cargo resolves them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// Crates that must be there in one version.
const ONCE: &[&str] = &[
    "ring",
    "rustls",
    "kube",
    "kube-client",
    "kube-core",
    "kube-runtime",
    "k8s-openapi",
];
/// Other TLS stacks and providers: none, anywhere in the workspace.
const NOWHERE: &[&str] = &[
    "aws-lc-rs",
    "aws-lc-sys",
    "aws-lc-fips-sys",
    "openssl",
    "openssl-sys",
    "native-tls",
];
/// Crates that the operator of the image must not be built with; test tools may, and `kubectl vobiz` has those of its own.
const NOT_IN_OPERATOR: &[&str] = &[
    "chrono",
    "cel",
    "clap_complete",
    "clap_mangen",
    "indicatif",
    "jsonschema",
    "kube-cel",
    "mlua",
    "rcgen",
    "serde_yaml",
    "yaml_serde",
];

/// What the operator of the image is built with: it may be told to send traces, and is nobody's command line.
const IMAGE_FEATURES: &[&str] = &["--no-default-features", "--features", "otlp"];

/// Name to versions of every package that is there for anything in the workspace.
type Versions = BTreeMap<String, BTreeSet<String>>;

/// As `cargo metadata` tells it.
fn resolved(metadata: &Value) -> Versions {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let reached: BTreeSet<String> = nodes.iter().map(|node| text(&node["id"])).collect();
    let mut versions = Versions::new();
    for package in metadata["packages"].as_array().unwrap() {
        if reached.contains(&text(&package["id"])) {
            let of_name = versions.entry(text(&package["name"])).or_default();
            of_name.insert(text(&package["version"]));
        }
    }
    versions
}

fn breaches(versions: &Versions) -> Vec<String> {
    let mut found = Vec::new();
    for once in ONCE {
        match versions.get(*once).map(BTreeSet::len) {
            Some(1) => {}
            Some(_) => found.push(format!("{once} is there in the versions {:?}", versions[*once])),
            None => found.push(format!("{once} is not there: is the rule out of date?")),
        }
    }
    let there = NOWHERE.iter().filter(|name| versions.contains_key(**name));
    found.extend(there.map(|name| format!("{name} is there")));
    found
}

/// The crates in a list by `cargo tree` that the operator must not be built with.
fn strangers(tree: &str) -> Vec<&str> {
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    NOT_IN_OPERATOR
        .iter()
        .copied()
        .filter(|name| names.contains(name))
        .collect()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(crate::source::root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn one_tls_provider_and_one_kube() {
    let version = cargo(&["-vV"]);
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("cargo names its host");
    let metadata = cargo(&[
        "metadata",
        "--offline",
        "--locked",
        "--format-version",
        "1",
        "--filter-platform",
        host,
    ]);
    let found = breaches(&resolved(&serde_json::from_str(&metadata).unwrap()));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_operator_of_the_image_is_built_without_what_kubectl_vobiz_and_tests_are_built_with() {
    let built = |features: &[&str]| {
        let tree = [
            "tree",
            "--offline",
            "--locked",
            "--package",
            "vobiz-operator",
            "--edges",
            "normal",
            "--prefix",
            "none",
        ];
        cargo(&[&tree, features].concat())
    };
    let image = built(IMAGE_FEATURES);
    assert!(image.contains("kube-client "), "{image}");
    assert_eq!(strangers(&image), Vec::<&str>::new());
    assert!(
        strangers(&built(&[])).contains(&"chrono"),
        "the list shows no crate that is there"
    );
    let dockerfile = std::fs::read_to_string(crate::source::root().join("Dockerfile")).unwrap();
    assert!(
        dockerfile.contains(&IMAGE_FEATURES.join(" ")),
        "the image is built in another way"
    );
}

/// Members of the workspace that do not reach a build in a container, where a line of `.dockerignore` lets a file or a folder in.
fn kept_out(members: &[&str], dockerignore: &str) -> Vec<String> {
    let lets_in = |member: &str| {
        let mut let_in = dockerignore.lines().filter_map(|line| line.strip_prefix('!'));
        let_in.any(|path| Path::new(member).starts_with(path))
    };
    let kept_out = members.iter().filter(|member| !lets_in(member));
    kept_out.map(|member| (*member).to_owned()).collect()
}

#[test]
fn every_member_of_the_workspace_reaches_a_build_in_a_container() {
    let file = |name: &str| std::fs::read_to_string(crate::source::root().join(name)).unwrap();
    let manifest = file("Cargo.toml");
    let members = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = ["))
        .expect("the workspace has members");
    let members: Vec<&str> = members.split('"').skip(1).step_by(2).collect();
    assert!(members.contains(&"xtask"), "{members:?}");
    assert_eq!(kept_out(&members, &file(".dockerignore")), Vec::<String>::new());
    assert_eq!(
        kept_out(&["xtask", "tests/bench"], "*\n!xtask\n!tests/ben\n"),
        ["tests/bench"]
    );
}

#[test]
fn a_second_provider_and_a_second_kube_are_caught() {
    let resolve = |planted: &[(&str, &str)]| {
        let all = ONCE
            .iter()
            .map(|name| (*name, "1.0.0"))
            .chain(planted.iter().copied());
        let packages: Vec<Value> = all
            .map(|(name, version)| json!({ "id": format!("{name}@{version}"), "name": name, "version": version }))
            .collect();
        breaches(&resolved(
            &json!({ "packages": packages, "resolve": { "nodes": packages } }),
        ))
    };
    assert_eq!(resolve(&[("chrono", "0.4.0")]), Vec::<String>::new());
    for planted in [("aws-lc-rs", "1.0.0"), ("kube", "4.0.0"), ("ring", "0.16.0")] {
        assert_eq!(resolve(&[planted]).len(), 1, "{planted:?}");
    }
}
