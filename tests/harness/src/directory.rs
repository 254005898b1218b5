//! I/O. A temporary directory that goes when its owner goes, also when the owner is killed.

use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, Result};

/// Removes `$0` once the lifeline on its standard input is cut. It tries again for a while, because servers that are being
/// killed by their own watchdogs at the same moment may still write into it.
const SWEEPER: &str = r#"
read -r _
tries=0
while [ -e "$0" ] && [ "$tries" -lt 100 ]; do
  rm -rf -- "$0" && sleep 0.1
  tries=$((tries + 1))
done
"#;

/// A directory below the system's temporary directory, readable by this user alone.
#[derive(Debug)]
pub struct TemporaryDirectory {
    path: PathBuf,
    sweeper: Child,
    lifeline: Option<ChildStdin>,
}

impl TemporaryDirectory {
    /// Creates `vobiz-<purpose>-<random>`.
    pub fn new(purpose: &str) -> Result<Self> {
        let name = format!("vobiz-{purpose}-{}", uuid::Uuid::new_v4().simple());
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("failed to create {}", path.display()))?;
        let mut sweeper = Command::new("sh")
            .arg("-c")
            .arg(SWEEPER)
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("failed to start the sweeper of a temporary directory")?;
        let lifeline = sweeper.stdin.take();
        Ok(Self {
            path,
            sweeper,
            lifeline,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // The sweeper bounds its own tries, so this ends.
        let _ = self.sweeper.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_directory_is_gone_with_all_that_is_in_it() {
        let directory = TemporaryDirectory::new("test").unwrap();
        let path = directory.path().to_owned();
        std::fs::create_dir(path.join("inner")).unwrap();
        std::fs::write(path.join("inner/file"), "content").unwrap();
        drop(directory);
        assert!(!path.exists());
    }
}
