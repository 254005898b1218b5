//! The image: the operator in it, with what is in it and nothing else, as a cluster runs it.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;
use vobiz_harness::certificates::Authority;
use vobiz_harness::control_plane::ControlPlane;
use vobiz_harness::judges;
use vobiz_harness::operator::{OperatorOptions, OperatorProcess};
use vobiz_harness::products;
use vobiz_harness::relay::Relay;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed, fast_flags};
use vobiz_harness::tls_front::TlsFront;

/// A name that only the Pod's `/etc/hosts` knows.
const VOBIZ: &str = "api.vobiz.test";
/// Where a Pod finds who it is.
const SERVICE_ACCOUNT: &str = "var/run/secrets/kubernetes.io/serviceaccount";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "the operator of the image runs as nobody, from a root that nobody can write to, with what is in the image alone",
        image,
    );
}

/// Root of a container, and how the image wants to be run.
struct Unpacked {
    root: PathBuf,
    config: Value,
}

impl Unpacked {
    /// Makes the image of this operator and unpacks it below `folder`.
    async fn new(binary: &Path, folder: &Path) -> Result<Self> {
        let (archive, layout, root) = (
            folder.join("image.tar"),
            folder.join("layout"),
            folder.join("root"),
        );
        for made in [&layout, &root] {
            std::fs::create_dir_all(made)?;
        }
        let mut maker = Command::new(products::image_maker()?);
        maker.args(["--features=", "--fast", "--binary"]).arg(binary);
        let digest = succeed(maker.arg("--output").arg(&archive)).await?;
        succeed(
            Command::new("tar")
                .arg("-xf")
                .arg(&archive)
                .arg("-C")
                .arg(&layout),
        )
        .await?;
        let judge = judges::IMAGES.locate()?.join("oci");
        succeed(Command::new(judge).arg(&layout))
            .await
            .context("the image is not as it should be")?;
        let index = json_of(&layout.join("index.json"))?;
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap_or_default();
            layout.join("blobs").join(digest.replace(':', "/"))
        };
        ensure!(
            index["manifests"][0]["digest"] == digest.trim(),
            "it says another digest than it has: {digest}"
        );
        let manifest = json_of(&blob(&index["manifests"][0]))?;
        for layer in manifest["layers"].as_array().context("the image has no layers")? {
            let mut tar = Command::new("tar");
            tar.args(["--no-same-owner", "-xzf"]).arg(blob(layer));
            succeed(tar.arg("-C").arg(&root)).await?;
        }
        let config = json_of(&blob(&manifest["config"]))?["config"].take();
        Ok(Self { root, config })
    }

    fn texts(&self, field: &str) -> Vec<String> {
        let values = self.config[field].as_array().into_iter().flatten();
        values.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Puts a file there that the kubelet would mount.
    fn mount(&self, path: &str, content: &str) -> Result<()> {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().context("no folder")?)?;
        std::fs::write(&path, content).with_context(|| format!("failed to write {}", path.display()))
    }

    /// A program that runs the image's own as its user, in a root that is read-only.
    fn runner(&self, isolation: &str) -> Result<PathBuf> {
        std::fs::create_dir_all(self.root.join("proc"))?;
        let user = self.config["User"].as_str().context("the image names no user")?;
        let [entrypoint, command] = [self.texts("Entrypoint"), self.texts("Cmd")];
        ensure!(command == ["run"], "the image runs {command:?}");
        let script = format!(
            "#!/bin/sh\nexec {isolation} sh -c '\nset -e\nmount --bind \"$0\" \"$0\"\nmount --rbind /proc \"$0/proc\"\n\
             mount -o remount,bind,ro \"$0\"\nPATH=\"$PATH:/usr/sbin:/sbin\"\n\
             exec chroot --userspec={user} \"$0\" {} \"$@\"' '{}' \"$@\"\n",
            entrypoint.join(" "),
            self.root.display(),
        );
        let path = self.root.with_extension("sh");
        std::fs::write(&path, script)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }
}

fn json_of(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))
}

async fn succeed(command: &mut Command) -> Result<String> {
    let answer = command.kill_on_drop(true).output().await?;
    ensure!(
        answer.status.success(),
        "{} failed: {}",
        command.as_std().get_program().display(),
        String::from_utf8_lossy(&answer.stderr)
    );
    Ok(String::from_utf8(answer.stdout)?)
}

/// How this user may have mounts of its own, if at all.
async fn isolation() -> Option<&'static str> {
    for isolation in [
        "unshare --mount --",
        "unshare --map-root-user --map-auto --mount --",
    ] {
        let probe =
            format!("{isolation} sh -c 'mount --bind /tmp /tmp && chroot --userspec=65532:65532 / true'");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &probe])
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        if succeed(&mut shell).await.is_ok() {
            return Some(isolation);
        }
    }
    None
}

/// What the kubelet puts into a Pod: who it is, and names.
async fn become_pod(unpacked: &Unpacked, environment: &Environment) -> Result<()> {
    let installation = &environment.installation;
    let token = installation
        .token(&environment.control_plane().client(), 3600)
        .await?;
    let authority = environment.control_plane().directory().join("ca.crt");
    for (name, content) in [
        ("token", token),
        ("namespace", installation.namespace.clone()),
        ("ca.crt", std::fs::read_to_string(authority)?),
    ] {
        unpacked.mount(&format!("{SERVICE_ACCOUNT}/{name}"), &content)?;
    }
    unpacked.mount("etc/hosts", &format!("127.0.0.1 localhost\n127.0.0.1 {VOBIZ}\n"))?;
    unpacked.mount("etc/resolv.conf", "")
}

fn kubernetes(address: SocketAddr) -> [(String, String); 3] {
    [
        ("KUBECONFIG", String::new()),
        ("KUBERNETES_SERVICE_HOST", address.ip().to_string()),
        ("KUBERNETES_SERVICE_PORT", address.port().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

async fn image(bed: Arc<TestBed>) -> Result<()> {
    let Some(isolation) = isolation().await else {
        eprintln!("SKIPPED: this user may not mount and change root (unshare, chroot); the image is not run");
        return Ok(());
    };
    let environment = bed
        .environment(EnvironmentOptions {
            start_operator: false,
            ..EnvironmentOptions::new("image")
        })
        .await?;
    let control_plane: &ControlPlane = environment.control_plane();
    let folder = control_plane.directory().join("image");
    let unpacked = Unpacked::new(bed.operator_binary(), &folder).await?;
    for absent in ["bin/sh", "usr/bin", "usr/bin/dpkg"] {
        ensure!(!unpacked.root.join(absent).exists(), "the image has /{absent}");
    }
    become_pod(&unpacked, &environment).await?;

    let authority = Authority::new()?;
    let target = environment.simulator.url().trim_start_matches("http://");
    let vobiz = TlsFront::start(&authority.serving(VOBIZ)?, target).await?;
    unpacked.mount("ca/ca.pem", authority.certificate())?;
    // The API server of the Pod's own cluster, in a cluster of IPv6.
    let api_server = Relay::start_ipv6(control_plane.endpoint().address()).await?;
    let mut flags = fast_flags();
    flags.extend([
        format!("--api-base-url=https://{VOBIZ}:{}", vobiz.port()),
        "--api-ca-file=/ca/ca.pem".to_owned(),
        format!("--watch-namespaces={}", environment.objects.namespace()),
    ]);
    let image_variables = unpacked.texts("Env");
    let image_variables = image_variables
        .iter()
        .filter_map(|variable| variable.split_once('='));
    // The shell that leads into the image still needs its own PATH.
    let image_variables = image_variables.filter(|(name, _)| *name != "PATH");
    let image_variables = image_variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let options = OperatorOptions {
        flags,
        environment: kubernetes(api_server.address())
            .into_iter()
            .chain(image_variables)
            .collect(),
        ..OperatorOptions::default()
    };
    let runner = unpacked.runner(isolation)?;
    let operator =
        OperatorProcess::start(control_plane, &environment.installation, &runner, &options).await?;
    operator.await_ready().await?;
    environment.create_subaccount("shipped", json!({})).await?;
    environment.await_ready("shipped").await?;

    let process = PathBuf::from(format!("/proc/{}", operator.pid().await?));
    let user = unpacked.config["User"]
        .as_str()
        .and_then(|user| user.split(':').next());
    let status = std::fs::read_to_string(process.join("status"))?;
    let runs_as = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let runs_as = runs_as.and_then(|line| line.split_whitespace().next());
    ensure!(
        isolation.contains("map-root-user") || runs_as == user,
        "it runs as {runs_as:?}, not as {user:?}"
    );
    ensure!(
        status
            .lines()
            .any(|line| line.starts_with("CapEff:") && line.ends_with("0000000000000000")),
        "it has rights of root"
    );
    let mounts = std::fs::read_to_string(process.join("mountinfo"))?;
    let root = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/"));
    let options = root.and_then(|line| line.split(' ').nth(5)).unwrap_or_default();
    ensure!(
        options.split(',').any(|option| option == "ro"),
        "its root is {options}"
    );
    Ok(())
}
