//! `cargo xtask up` and `demo --keep` as whoever starts them from a script or a service sees them: a signal to the process
//! that was started ends all that it started.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use vobiz_harness::products;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::TestBed;
use vobiz_harness::watchdog::Supervised;

/// A control plane takes some seconds to come up, more beside other trials.
const UP: Duration = Duration::from_mins(3);
/// And to go in order.
const DOWN: Duration = Duration::from_mins(1);

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "SIGTERM to `cargo xtask up` ends the demo, the control plane and the operator",
        |bed| ends_with(bed, "up", "TERM"),
    );
    suite.test(
        "SIGINT to `cargo xtask demo --keep` ends it while the control plane is coming up",
        |bed| ends_with(bed, "demo", "INT"),
    );
}

async fn ends_with(bed: Arc<TestBed>, command: &str, signal: &str) -> Result<()> {
    let folder = bed.control_plane().directory().join(format!("xtask-{command}"));
    std::fs::create_dir(&folder)?;
    let xtask = products::xtask()?;
    let target = xtask
        .parent()
        .and_then(Path::parent)
        .context("xtask is nowhere")?;
    let up = format!("--dir={}", folder.display());
    let arguments = match command {
        "up" => ["up".to_owned(), up],
        command => [command.to_owned(), "--keep".to_owned()],
    };
    let environment = [
        // What it would build is what runs here.
        ("CARGO", "true".to_owned()),
        ("CARGO_TARGET_DIR", target.display().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let started = Supervised::start("xtask", &xtask, &arguments, &environment, &folder.join("log"))?;
    let pid = started.pid().await?;
    let children = tokio::time::timeout(UP, async {
        loop {
            started.ensure_running()?;
            let children = descendants(pid);
            let reached = if command == "up" {
                folder.join("env").is_file()
            } else {
                children.iter().any(|(_, name)| name == "etcd")
            };
            if reached {
                return anyhow::Ok(children);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .with_context(|| format!("nothing came up:\n{}", started.log_tail(20)))??;
    let names: BTreeSet<&str> = children.iter().map(|(_, name)| name.as_str()).collect();
    if command == "up" {
        for expected in ["etcd", "kube-apiserver", "vobiz-operator", "vobiz-simulator"] {
            // The kernel keeps 15 characters of a name.
            let kept = &expected[..expected.len().min(15)];
            ensure!(names.contains(kept), "{expected} is not among {names:?}");
        }
    }
    started.signal(signal).await?;
    started.await_exit(DOWN).await?;
    let left = tokio::time::timeout(DOWN, async {
        loop {
            let left: Vec<_> = children.iter().filter(|child| runs(child)).collect();
            if left.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    if left.await.is_err() {
        let left: Vec<_> = children.iter().filter(|child| runs(child)).collect();
        for (left, _) in &left {
            let _ = std::process::Command::new("kill").arg(left.to_string()).status();
        }
        anyhow::bail!("SIG{signal} to xtask left {left:?}");
    }
    Ok(())
}

/// Process id and name.
type Process = (u32, String);

/// Whether that very process still runs.
fn runs(process: &Process) -> bool {
    parent_and_name(process.0).is_some_and(|(_, name)| name == process.1)
}

/// Every process that this one started, and those that they did.
fn descendants(of: u32) -> Vec<Process> {
    let all: Vec<(u32, u32, String)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| parent_and_name(pid).map(|(parent, name)| (pid, parent, name)))
        .collect();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![of];
    while let Some(parent) = parents.pop() {
        for (pid, _, name) in all.iter().filter(|(_, of, _)| *of == parent) {
            parents.push(*pid);
            found.push((*pid, name.clone()));
        }
    }
    found
}

/// Of a process that runs; one that has ended and was not waited for does not.
fn parent_and_name(pid: u32) -> Option<(u32, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, named) = stat.split_once('(')?;
    let (name, rest) = named.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    (state != "Z").then_some(())?;
    Some((fields.next()?.parse().ok()?, name.to_owned()))
}
