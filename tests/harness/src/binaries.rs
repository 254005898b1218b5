//! I/O. Finds the programs of a control plane: `KUBEBUILDER_ASSETS`, else the cached build, else builds them once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::cache;

/// The Kubernetes version that `tests/controlplane/go.mod` requires; also stamped into the binaries.
const VERSION: &str = "v1.37.2";
const LINKER_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2 \
    -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37";
/// The oldest Go that builds these modules.
const GO_MINIMUM: (u32, u32) = (1, 26);
/// Each program: the name it is kept under, and its package.
const PROGRAMS: [(&str, &str); 4] = [
    ("etcd", "go.etcd.io/etcd/server/v3"),
    ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    (
        "kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
    ),
    ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
];
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
        let sources = Path::new(concat!(env!("REPOSITORY"), "/tests/controlplane"));
        let cached = cache::root()?.join("controlplane").join(key(sources)?);
        if !complete(&cached) {
            build_once(sources, &cached)?;
        }
        Ok(Self::in_folder(&cached))
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

fn complete(folder: &Path) -> bool {
    PROGRAMS.iter().all(|(name, _)| folder.join(name).is_file())
}

/// A key that changes with anything that changes the binaries (FNV-1a: stable between Rust releases, unlike the
/// standard library's hasher).
fn key(sources: &Path) -> Result<String> {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for file in ["go.mod", "go.sum"] {
        let path = sources.join(file);
        add(&fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?);
    }
    add(LINKER_FLAGS.as_bytes());
    Ok(format!(
        "{VERSION}-{}-{}-{hash:016x}",
        std::env::consts::OS,
        std::env::consts::ARCH
    ))
}

/// The version has dots, so that `Path::with_extension` would cut it.
fn beside(destination: &Path, suffix: &str) -> PathBuf {
    let mut name = destination.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// Builds into a folder beside `destination` and renames it, so that a build cut short leaves nothing that looks whole.
fn build_once(sources: &Path, destination: &Path) -> Result<()> {
    let parent = destination.parent().context("the cache folder has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("failed to create {}", parent.display()))?;
    let lock_path = beside(destination, "lock");
    let lock =
        File::create(&lock_path).with_context(|| format!("failed to create {}", lock_path.display()))?;
    if lock.try_lock().is_err() {
        eprintln!("waiting for another process that builds the control plane ...");
        lock.lock().context("failed to lock the control plane's cache")?;
    }
    if complete(destination) {
        return Ok(());
    }
    check_go()?;
    let unfinished = beside(destination, "unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).context("failed to remove an unfinished build")?;
    }
    fs::create_dir_all(&unfinished).context("failed to create a folder for the build")?;
    let started = Instant::now();
    eprintln!(
        "building the control plane from Go modules (once; 5 to 10 minutes on two cores with a cold Go cache)"
    );
    for (index, (name, package)) in PROGRAMS.iter().enumerate() {
        build(
            sources,
            package,
            &unfinished.join(name),
            &format!("{name} ({} of {})", index + 1, PROGRAMS.len()),
        )?;
    }
    fs::rename(&unfinished, destination).context("failed to put the finished build in place")?;
    eprintln!(
        "built the control plane in {} s: {}",
        started.elapsed().as_secs(),
        destination.display()
    );
    Ok(())
}

fn build(sources: &Path, package: &str, output: &Path, label: &str) -> Result<()> {
    let started = Instant::now();
    eprintln!("  building {label}");
    let mut go = Command::new("go")
        .arg("build")
        .arg("-C")
        .arg(sources)
        .args([
            "-mod=readonly",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags",
            LINKER_FLAGS,
            "-o",
        ])
        .arg(output)
        .arg(package)
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .stdin(Stdio::null())
        .spawn()
        .context("failed to run go")?;
    let mut reported = 0;
    let status = loop {
        if let Some(status) = go.try_wait().context("failed to wait for go")? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(100));
        let elapsed = started.elapsed().as_secs();
        if elapsed >= reported + 15 {
            reported = elapsed;
            eprintln!("  building {label}: {elapsed} s");
        }
    };
    ensure!(
        status.success(),
        "failed to build {package}: go build ended with {status}; {BOTH_WAYS}"
    );
    Ok(())
}

fn check_go() -> Result<()> {
    let answer = Command::new("go")
        .args(["env", "GOVERSION"])
        .env("GOTOOLCHAIN", "local")
        .output();
    let Ok(answer) = answer else {
        bail!("failed to find Go, which is needed to build the control plane of the tests; {BOTH_WAYS}");
    };
    let version = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    match parse_go_version(&version) {
        Some(found) if found >= GO_MINIMUM => Ok(()),
        _ => bail!("Go is too old to build the control plane of the tests (found '{version}'); {BOTH_WAYS}"),
    }
}

/// `go1.26.8`, `go1.27rc1` and `go1.26.8 X:some` all name a major and a minor version.
fn parse_go_version(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix("go")?.splitn(3, '.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?;
    let digits = minor
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(minor.len());
    Some((major, minor[..digits].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::TemporaryDirectory;

    #[test]
    fn go_versions_of_every_form_are_compared_as_numbers() {
        assert_eq!(parse_go_version("go1.26.8"), Some((1, 26)));
        assert_eq!(parse_go_version("go1.27rc1"), Some((1, 27)));
        assert_eq!(parse_go_version("go1.9"), Some((1, 9)));
        assert!(parse_go_version("go1.9").unwrap() < GO_MINIMUM);
        assert_eq!(parse_go_version("devel"), None);
    }

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

    #[test]
    fn the_cache_key_follows_the_module_files() {
        let folder = TemporaryDirectory::new("key").unwrap();
        fs::write(folder.path().join("go.mod"), "module a").unwrap();
        fs::write(folder.path().join("go.sum"), "one").unwrap();
        let first = key(folder.path()).unwrap();
        assert_eq!(first, key(folder.path()).unwrap());
        fs::write(folder.path().join("go.sum"), "two").unwrap();
        assert_ne!(first, key(folder.path()).unwrap());
    }
}
