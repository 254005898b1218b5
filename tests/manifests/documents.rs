//! What documents there are, and what they show: the files of `docs`, those in the root, and those beside manifests.

use std::path::Path;

use vobiz_harness::markdown::blocks;

use crate::render;

/// Documents that are in no folder of documents.
const OTHERS: [&str; 7] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "charts/vobiz-operator/README.md",
    "manifests/gitops/README.md",
    "manifests/subaccounts/README.md",
];

/// Every document, by its path in the repository, sorted.
pub fn documents() -> Vec<String> {
    let mut found: Vec<String> = OTHERS.map(str::to_owned).to_vec();
    collect(&render::root().join("docs"), &mut found);
    found.sort();
    assert!(found.len() > 20, "the documents were not found: {found:?}");
    found
}

fn collect(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let inside = path.strip_prefix(render::root()).unwrap();
            found.push(inside.to_string_lossy().into_owned());
        }
    }
}

/// A file of the repository.
pub fn text(document: &str) -> String {
    std::fs::read_to_string(render::root().join(document)).unwrap()
}

/// Every block of this language in every document, with the document.
pub fn all_blocks(language: &str) -> Vec<(String, String)> {
    let of = |document: String| {
        let blocks = blocks(&text(&document), language).into_iter();
        blocks.map(move |block| (document.clone(), block))
    };
    documents().into_iter().flat_map(of).collect()
}
