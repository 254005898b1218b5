//! The field's own tools that judge what the project hands out, each pinned by a Go module in `tests/judges`.

use crate::go_module::GoModule;

/// All of them: they are built before the tests start, so that no test builds one silently.
pub const ALL: &[GoModule] = &[ARGOCD, FLUX, HELM, IMAGES, KUBECONFORM, PROMTOOL];

/// The interpreter in which Argo CD runs its scripts.
pub const ARGOCD: GoModule = GoModule {
    name: "Argo CD's Lua",
    folder: "judges/argocd",
    version: "v1.1.1",
    linker_flags: "",
    programs: &[("argocd", ".")],
    takes: "5 seconds",
    remedy: REMEDY,
};

/// What Flux does with manifests, by Flux's own library, and its own types.
pub const FLUX: GoModule = GoModule {
    name: "Flux's library",
    folder: "judges/flux",
    version: "v0.78.0",
    linker_flags: "",
    programs: &[("flux", ".")],
    takes: "1 minute beside the control plane",
    remedy: REMEDY,
};

/// go-containerregistry, which most tools for images stand on.
pub const IMAGES: GoModule = GoModule {
    name: "the judge of images",
    folder: "judges/oci",
    version: "v0.22.1",
    linker_flags: "",
    programs: &[("oci", ".")],
    takes: "10 seconds",
    remedy: REMEDY,
};

/// Helm, which installs the chart.
pub const HELM: GoModule = GoModule {
    name: "Helm",
    folder: "judges/helm",
    version: "v4.3.2",
    linker_flags: "-X helm.sh/helm/v4/internal/version.version=v4.3.2",
    programs: &[("helm", "helm.sh/helm/v4/cmd/helm")],
    takes: "1 to 2 minutes beside the control plane",
    remedy: REMEDY,
};

/// Prometheus' tool, which judges rules, and its query engine.
pub const PROMTOOL: GoModule = GoModule {
    name: "promtool",
    folder: "judges/promtool",
    version: "v0.316.0",
    linker_flags: "",
    programs: &[
        ("promtool", "github.com/prometheus/prometheus/cmd/promtool"),
        ("ranges", "vobiz.ai/operator/tests/judges/promtool"),
    ],
    takes: "2 to 4 minutes",
    remedy: "install Go 1.26.7 or newer (https://go.dev/dl/)",
};

/// Holds manifests against schemas without a cluster.
pub const KUBECONFORM: GoModule = GoModule {
    name: "kubeconform",
    folder: "judges/kubeconform",
    version: "v0.8.0",
    linker_flags: "",
    programs: &[("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform")],
    takes: "5 seconds",
    remedy: REMEDY,
};

/// What a person can do who cannot have one of them built.
const REMEDY: &str = "install Go 1.26 or newer (https://go.dev/dl/)";
