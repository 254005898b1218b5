//! I/O. The plans that ever found something: files with the plan's name and one line on what it was.

use std::path::Path;

use anyhow::{Context as _, Result};

/// The names of the plans in `tests/faults/found`. Every campaign runs them.
pub fn names() -> Result<Vec<String>> {
    let folder = Path::new(concat!(env!("REPOSITORY"), "/tests/faults/found"));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).context("failed to list the found plans")? {
        let path = entry.context("failed to list the found plans")?.path();
        let text = std::fs::read_to_string(&path);
        let text = text.with_context(|| format!("failed to read {}", path.display()))?;
        let plans = text.lines().filter_map(|line| line.strip_prefix("plan: "));
        names.extend(plans.map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
