//! I/O. An installation in one file, for those who have kubectl and nothing else.

use std::path::Path;

use anyhow::Result;

use super::{InstallFile, kustomize};

/// Each file, the folders that are in it, and what its first line says of it.
const FILES: [(&str, &[&str], &str); 3] = [
    (
        "manifests/crds.yaml",
        &["crds"],
        "The kinds Account, ClusterAccount and Subaccount.",
    ),
    (
        "manifests/install.yaml",
        &["crds", "manifests/base"],
        "The kinds, and the operator for the whole cluster. Its image is the one that you built (README).",
    ),
    (
        "manifests/install-namespaced.yaml",
        &["crds", "manifests/overlays/namespaced"],
        "The kinds, and the operator without cluster-wide rights. Its image is the one that you built, and you name the namespaces (README).",
    ),
];

/// All of them.
pub(super) fn all(kubectl: &Path, repository: &Path) -> Result<Vec<InstallFile>> {
    let files = FILES.iter().map(|(path, folders, says)| {
        let mut text = format!(
            "# {says}\n# Made from {} by `cargo xtask manifests`.\n",
            folders.join(" and ")
        );
        for (index, folder) in folders.iter().enumerate() {
            if index > 0 {
                text.push_str("---\n");
            }
            text.push_str(&kustomize(kubectl, &repository.join(folder))?);
        }
        let path = (*path).to_owned();
        Ok(InstallFile { path, text })
    });
    files.collect()
}
