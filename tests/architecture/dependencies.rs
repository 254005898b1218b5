//! One rustls provider, one kube, no chrono in the operator, YAML by one writer: as Cargo resolves them.

use std::collections::{BTreeMap, BTreeSet};
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
/// Crates that the operator itself must not be built with; test tools may.
const NOT_IN_OPERATOR: &[&str] = &["chrono", "serde_yaml", "yaml_serde", "mlua", "rcgen"];

struct Resolved {
    /// Package id to (name, version).
    packages: BTreeMap<String, (String, String)>,
    /// Package id to the ids of what it is built with.
    normal: BTreeMap<String, Vec<String>>,
}

impl Resolved {
    fn read(metadata: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let packages = metadata["packages"].as_array().unwrap().iter();
        let nodes = metadata["resolve"]["nodes"].as_array().unwrap().iter();
        let reached: BTreeSet<String> = nodes.clone().map(|node| text(&node["id"])).collect();
        let is_normal = |dependency: &&Value| {
            dependency["dep_kinds"]
                .as_array()
                .unwrap()
                .iter()
                .any(|kind| kind["kind"].is_null())
        };
        Self {
            packages: packages
                .map(|package| {
                    (
                        text(&package["id"]),
                        (text(&package["name"]), text(&package["version"])),
                    )
                })
                .filter(|(id, _)| reached.contains(id))
                .collect(),
            normal: nodes
                .map(|node| {
                    let dependencies = node["deps"].as_array().unwrap().iter().filter(is_normal);
                    (
                        text(&node["id"]),
                        dependencies.map(|dependency| text(&dependency["pkg"])).collect(),
                    )
                })
                .collect(),
        }
    }

    fn breaches(&self) -> Vec<String> {
        let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, version) in self.packages.values() {
            versions.entry(name).or_default().insert(version);
        }
        let mut found = Vec::new();
        for once in ONCE {
            match versions.get(once).map(BTreeSet::len) {
                Some(1) => {}
                Some(_) => found.push(format!("{once} is there in the versions {:?}", versions[once])),
                None => found.push(format!("{once} is not there: is the rule out of date?")),
            }
        }
        found.extend(
            NOWHERE
                .iter()
                .filter(|name| versions.contains_key(**name))
                .map(|name| format!("{name} is there")),
        );
        let operator = self.built_into("vobiz-operator");
        found.extend(
            NOT_IN_OPERATOR
                .iter()
                .filter(|name| operator.contains(**name))
                .map(|name| format!("the operator is built with {name}")),
        );
        found
    }

    /// Names of everything that is compiled into a package.
    fn built_into(&self, name: &str) -> BTreeSet<&str> {
        let root = self
            .packages
            .iter()
            .find(|(_, (package, _))| package == name)
            .map(|(id, _)| id.as_str());
        let mut names = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut waiting: Vec<&str> = root.into_iter().collect();
        while let Some(id) = waiting.pop() {
            if seen.insert(id) {
                names.insert(self.packages[id].0.as_str());
                waiting.extend(self.normal.get(id).into_iter().flatten().map(String::as_str));
            }
        }
        names
    }
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
fn one_tls_provider_one_kube_and_no_chrono() {
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
    let resolved = Resolved::read(&serde_json::from_str(&metadata).unwrap());
    assert!(
        resolved.built_into("vobiz-operator").contains("kube-client"),
        "the walk reaches nothing"
    );
    let found = resolved.breaches();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_second_provider_a_second_kube_and_chrono_in_the_operator_are_caught() {
    let resolve = |operator: &[(&str, &str, Value)]| {
        let mut packages = vec![json!({ "id": "op", "name": "vobiz-operator", "version": "0.1.0" })];
        let mut nodes = Vec::new();
        let mut dependencies = Vec::new();
        let required = ONCE.iter().map(|name| (*name, "1.0.0", Value::Null));
        for (name, version, kind) in required.chain(operator.iter().cloned()) {
            let id = format!("{name}@{version}");
            packages.push(json!({ "id": id, "name": name, "version": version }));
            nodes.push(json!({ "id": id, "deps": [] }));
            dependencies.push(json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] }));
        }
        nodes.push(json!({ "id": "op", "deps": dependencies }));
        Resolved::read(&json!({ "packages": packages, "resolve": { "nodes": nodes } })).breaches()
    };
    assert_eq!(resolve(&[]), Vec::<String>::new());
    assert_eq!(
        resolve(&[("chrono", "0.4.0", json!("dev"))]),
        Vec::<String>::new(),
        "tests may"
    );
    for planted in [
        ("aws-lc-rs", "1.0.0", json!("dev")),
        ("kube", "4.0.0", Value::Null),
        ("ring", "0.16.0", json!("build")),
        ("chrono", "0.4.0", Value::Null),
    ] {
        assert_eq!(resolve(std::slice::from_ref(&planted)).len(), 1, "{}", planted.0);
    }
}
