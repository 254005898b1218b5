//! I/O. What a run was made on, and with which programs.

use std::fs;

use anyhow::{Context as _, Result};
use serde::Serialize;
use vobiz_harness::products;

use crate::stage::Stage;

/// The facts of a machine and the versions of what ran.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    cores: usize,
    memory_bytes: u64,
    processor: String,
    kernel: String,
    operator: String,
    kubernetes: String,
    /// How the operator, the simulator and this program were compiled.
    profile: &'static str,
}

/// Looks around.
pub async fn look(stage: &Stage) -> Result<Machine> {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let found = text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        });
        found.unwrap_or_default()
    };
    let memory = field("/proc/meminfo", "MemTotal");
    let kibibytes: u64 = memory
        .split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or_default();
    let version = std::process::Command::new(products::operator()?)
        .arg("version")
        .output();
    let version = version.context("failed to ask the operator for its version")?;
    let kubernetes = stage.control_plane.client().apiserver_version().await;
    let kubernetes = kubernetes.context("failed to ask the API server for its version")?;
    Ok(Machine {
        cores: std::thread::available_parallelism()
            .context("failed to count the cores")?
            .get(),
        memory_bytes: kibibytes * 1024,
        processor: field("/proc/cpuinfo", "model name"),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
            .unwrap_or_default()
            .trim()
            .to_owned(),
        operator: String::from_utf8_lossy(&version.stdout).trim().to_owned(),
        kubernetes: kubernetes.git_version,
        profile: if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        },
    })
}
