//! Renders and reads manifests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vobiz_harness::binaries::Binaries;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("REPOSITORY"))
}

/// The documents of a YAML text, empty ones left out.
pub fn documents(yaml: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(yaml)
        .map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{error}: {yaml}")))
        .filter(|document| !document.is_null())
        .collect()
}

/// What `kubectl apply -k` would send for a folder of the repository.
pub fn kustomize(folder: &str) -> Vec<Value> {
    kustomize_at(&root().join(folder))
}

/// What `kubectl apply -k` would send for a folder anywhere.
pub fn kustomize_at(folder: &Path) -> Vec<Value> {
    let kubectl = Binaries::locate().unwrap().kubectl;
    let output = Command::new(kubectl)
        .arg("kustomize")
        .arg(folder)
        .output()
        .unwrap();
    let folder = folder.display();
    assert!(
        output.status.success(),
        "{folder}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "",
        "{folder} is rendered without a warning"
    );
    documents(&String::from_utf8(output.stdout).unwrap())
}

/// Every YAML file below a folder of the repository, sorted.
pub fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The objects of a kind.
pub fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The only object of a kind.
pub fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found = of_kind(objects, kind);
    assert_eq!(found.len(), 1, "{kind}");
    found[0]
}

/// The object as the type understands it; fails if the type drops a field or changes a value.
pub fn understood<T: DeserializeOwned + serde::Serialize>(object: &Value) -> T {
    let typed: T =
        serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object:#}"));
    let lost = missing("", object, &serde_json::to_value(&typed).unwrap());
    assert!(lost.is_empty(), "not understood: {lost:?} in {object:#}");
    typed
}

/// Where `kept` lacks what `original` says.
fn missing(at: &str, original: &Value, kept: &Value) -> Vec<String> {
    match (original, kept) {
        (Value::Object(original), Value::Object(kept)) => original
            .iter()
            .flat_map(|(key, value)| {
                missing(
                    &format!("{at}.{key}"),
                    value,
                    kept.get(key).unwrap_or(&Value::Null),
                )
            })
            .collect(),
        (Value::Array(original), Value::Array(kept)) if original.len() == kept.len() => original
            .iter()
            .zip(kept)
            .enumerate()
            .flat_map(|(index, (original, kept))| missing(&format!("{at}[{index}]"), original, kept))
            .collect(),
        _ if original == kept => Vec::new(),
        _ => vec![at.to_owned()],
    }
}

#[test]
fn every_manifest_is_yaml_and_means_the_same_to_two_readers() {
    let files: Vec<PathBuf> = ["crds", "manifests"].into_iter().flat_map(yaml_files).collect();
    assert!(files.len() > 20, "the manifests were not found");
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let mut other: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        other.retain(|document| !document.is_null());
        assert_eq!(documents(&text), other, "{}", path.display());
        for document in documents(&text) {
            // Told to kustomize, and to kube-state-metrics, never to an API server.
            let told_others = [
                "kustomize/name-reference.yaml",
                "monitoring/kube-state-metrics.yaml",
            ];
            if told_others.iter().any(|known| path.ends_with(known)) {
                continue;
            }
            assert!(
                document["kind"].is_string() && document["apiVersion"].is_string(),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn a_field_that_a_type_does_not_know_is_noticed() {
    let original = serde_json::json!({ "a": { "b": [1, { "c": "x" }] } });
    assert!(missing("", &original, &original).is_empty());
    assert_eq!(
        missing("", &original, &serde_json::json!({ "a": { "b": [1, {}] } })),
        [".a.b[1].c"]
    );
    assert_eq!(
        missing("", &original, &serde_json::json!({ "a": { "b": [1] } })),
        [".a.b"]
    );
}
