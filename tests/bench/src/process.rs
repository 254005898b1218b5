//! I/O. What a process has used, as `/proc` tells it.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Processor time and memory of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Of all its threads that run, to the nanosecond. (`/proc/PID/stat` counts in hundredths of a second.)
    pub cpu: Duration,
    /// Memory in use, in bytes.
    pub resident: u64,
    /// The most that it ever was, in bytes.
    pub peak: u64,
}

/// What a process has used so far.
pub fn usage(pid: u32) -> Result<Usage> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    let status = status.with_context(|| format!("failed to look at process {pid}"))?;
    Ok(Usage {
        cpu: cpu(&pid.to_string())?,
        resident: kibibytes(&status, "VmRSS:").context("a process tells no VmRSS")? * 1024,
        peak: kibibytes(&status, "VmHWM:").context("a process tells no VmHWM")? * 1024,
    })
}

/// Processor time of this process.
pub fn own_cpu() -> Result<Duration> {
    cpu("self")
}

fn cpu(process: &str) -> Result<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let threads = threads.with_context(|| format!("failed to list the threads of process {process}"))?;
    let mut nanoseconds = 0;
    for thread in threads {
        let path = thread.context("failed to list threads")?.path().join("schedstat");
        // A thread may end between the listing and the look at it.
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let spent = text
            .split_whitespace()
            .next()
            .and_then(|word| word.parse::<u64>().ok());
        nanoseconds += spent.with_context(|| format!("failed to read {}", path.display()))?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn kibibytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_uses_processor_time() {
        let before = usage(std::process::id()).unwrap();
        assert!(before.resident > 100_000 && before.peak >= before.resident);
        let mut sum = 0_u64;
        while own_cpu().unwrap() < before.cpu + Duration::from_millis(5) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let after = usage(std::process::id()).unwrap();
        assert!(after.cpu > before.cpu);
    }
}
