//! I/O. What `kubectl vobiz status` takes to list a namespace.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use vobiz_harness::products;

use crate::process::usage;
use crate::site::Site;
use crate::waiting::progress;

/// How often its memory is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// From its start to its end.
    pub took: Duration,
    /// The most memory that it had, in bytes.
    pub peak: u64,
}

/// Runs it as a person does who may see everything. So many Subaccounts, all of them well, must be listed.
pub async fn status(site: &Site, objects: usize) -> Result<View> {
    progress(&format!("  kubectl vobiz status lists {objects}"));
    let kubeconfig = site.stage.control_plane.admin_kubeconfig();
    let begun = Instant::now();
    let child = tokio::process::Command::new(products::kubectl_vobiz()?)
        .arg("status")
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .arg(format!("--namespace={}", site.objects.namespace()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("failed to run kubectl-vobiz")?;
    let pid = child.id().context("kubectl-vobiz has no pid")?;
    let ended = async { (child.wait_with_output().await, begun.elapsed()) };
    let ((output, took), peak) = tokio::join!(ended, peak(pid));
    let output = output.context("failed to wait for kubectl-vobiz")?;
    let lines = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let (lines, said) = (lines.count(), String::from_utf8_lossy(&output.stderr));
    ensure!(
        output.status.success() && lines == objects + 1,
        "kubectl vobiz status listed {lines} lines and ended with {}: {said}",
        output.status
    );
    Ok(View { took, peak })
}

/// The most memory that a process has until it ends.
async fn peak(pid: u32) -> u64 {
    let mut peak = 0;
    while let Ok(used) = usage(pid) {
        peak = used.peak;
        tokio::time::sleep(LOOK).await;
    }
    peak
}
