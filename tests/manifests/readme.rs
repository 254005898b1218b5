//! What the documents show works: manifests are understood, and links lead somewhere.

use std::fs;
use std::path::Path;

use serde_json::Value;
use vobiz_harness::markdown::blocks;
use vobiz_operator::crd::{Account, ClusterAccount, Subaccount};

use crate::render::{self, understood};

const DOCUMENTS: [&str; 14] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "charts/vobiz-operator/README.md",
    "docs/clients.md",
    "docs/monitoring.md",
    "docs/reliability.md",
    "docs/runbook.md",
    "docs/scale.md",
    "docs/security.md",
    "docs/walk.md",
    "manifests/gitops/README.md",
    "manifests/subaccounts/README.md",
];

/// A file of the repository.
pub fn text(document: &str) -> String {
    fs::read_to_string(render::root().join(document)).unwrap()
}

#[test]
fn manifests_in_the_readme_are_understood_field_by_field() {
    let mut seen = Vec::new();
    for block in blocks(&text("README.md"), "yaml") {
        for object in render::documents(&block) {
            match object["kind"].as_str().unwrap() {
                "Subaccount" => drop(understood::<Subaccount>(&object)),
                "Account" => drop(understood::<Account>(&object)),
                "ClusterAccount" => drop(understood::<ClusterAccount>(&object)),
                "Kustomization" => {}
                other => panic!("the README shows a {other}"),
            }
            seen.push(object["kind"].clone());
        }
    }
    assert_eq!(
        seen,
        [
            "Subaccount",
            "Kustomization",
            "Kustomization",
            "Account",
            "Subaccount",
            "ClusterAccount",
            "Subaccount",
            "Subaccount"
        ]
        .map(Value::from)
    );
}

/// What a heading is linked to by.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = heading
        .chars()
        .filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'));
    Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
}

/// What the headings of a document are linked to by.
pub fn anchors(document: &str) -> Vec<String> {
    text(document).lines().filter_map(anchor).collect()
}

#[test]
fn links_to_files_lead_somewhere() {
    let mut seen = 0;
    for document in DOCUMENTS {
        let folder = render::root()
            .join(document)
            .parent()
            .map(Path::to_owned)
            .unwrap();
        for link in text(document)
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next().map(str::to_owned))
        {
            if !link.contains("://") {
                let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
                assert!(folder.join(file).exists(), "{document} links to {link}");
                if !heading.is_empty() {
                    let linked = fs::read_to_string(folder.join(file)).unwrap();
                    let anchors: Vec<String> = linked.lines().filter_map(anchor).collect();
                    assert!(
                        anchors.iter().any(|anchor| anchor == heading),
                        "{document} links to {link}"
                    );
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 3);
}

#[test]
fn folders_that_commands_apply_are_there() {
    let mut seen = 0;
    for document in DOCUMENTS {
        for block in blocks(&text(document), "sh") {
            for word in block.split_whitespace() {
                let path = word.trim_start_matches("vobiz-operator/");
                if path.starts_with("manifests/") || path.starts_with("crds") {
                    assert!(render::root().join(path).exists(), "{document} names {word}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 1);
}
