//! I/O. Finds the programs of a control plane: `KUBEBUILDER_ASSETS`, else the cached build, else builds them once.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::go_module::GoModule;

/// The version is that of Kubernetes in `tests/controlplane/go.mod`, and stamped into the programs.
const MODULE: GoModule = GoModule {
    name: "the control plane",
    folder: "controlplane",
    version: "v1.37.2",
    linker_flags: "-X k8s.io/component-base/version.gitVersion=v1.37.2 \
        -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37",
    programs: &[
        ("etcd", "go.etcd.io/etcd/server/v3"),
        ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
        (
            "kube-controller-manager",
            "k8s.io/kubernetes/cmd/kube-controller-manager",
        ),
        ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    ],
    takes: "5 to 10 minutes",
    remedy: BOTH_WAYS,
};
const BOTH_WAYS: &str = "either set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl \
    (and kube-controller-manager), or install Go 1.26 or newer (https://go.dev/dl/) so that they can be built once";

/// Where the programs of a control plane are.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The store.
    pub etcd: PathBuf,
    /// The API server.
    pub kube_apiserver: PathBuf,
    /// Garbage collection and namespace deletion; `KUBEBUILDER_ASSETS` of envtest has none.
    pub kube_controller_manager: Option<PathBuf>,
    /// The client.
    pub kubectl: PathBuf,
}

impl Binaries {
    /// Finds the programs, building them when nothing else is there. Progress goes to stderr.
    pub fn locate() -> Result<Self> {
        if let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()) {
            return Self::from_assets(Path::new(&assets));
        }
        Ok(Self::in_folder(&MODULE.locate()?))
    }

    fn from_assets(assets: &Path) -> Result<Self> {
        for required in ["etcd", "kube-apiserver", "kubectl"] {
            ensure!(
                assets.join(required).is_file(),
                "KUBEBUILDER_ASSETS is set, but {} has no {required}; {BOTH_WAYS}",
                assets.display()
            );
        }
        let found = Self::in_folder(assets);
        if found.kube_controller_manager.is_none() {
            eprintln!(
                "note: {} has no kube-controller-manager: namespaces will not finish deleting, owned objects will \
                 not be collected and ClusterRoles not aggregated; tests of these will fail",
                assets.display()
            );
        }
        Ok(found)
    }

    fn in_folder(folder: &Path) -> Self {
        let controller_manager = folder.join("kube-controller-manager");
        Self {
            etcd: folder.join("etcd"),
            kube_apiserver: folder.join("kube-apiserver"),
            kube_controller_manager: controller_manager.is_file().then_some(controller_manager),
            kubectl: folder.join("kubectl"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::directory::TemporaryDirectory;

    #[test]
    fn assets_without_an_api_server_are_refused_with_both_remedies() {
        let folder = TemporaryDirectory::new("assets").unwrap();
        fs::write(folder.path().join("etcd"), "").unwrap();
        let message = Binaries::from_assets(folder.path()).unwrap_err().to_string();
        assert!(message.contains("no kube-apiserver"), "{message}");
        assert!(
            message.contains("KUBEBUILDER_ASSETS") && message.contains("Go 1.26"),
            "{message}"
        );
    }

    #[test]
    fn assets_may_lack_the_controller_manager() {
        let folder = TemporaryDirectory::new("assets").unwrap();
        for name in ["etcd", "kube-apiserver", "kubectl"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert!(
            Binaries::from_assets(folder.path())
                .unwrap()
                .kube_controller_manager
                .is_none()
        );
    }
}
