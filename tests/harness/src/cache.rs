//! I/O. Where what is built once is kept: `$XDG_CACHE_HOME/vobiz-operator`, or `~/.cache/vobiz-operator`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// The root of everything that the project's tools keep between runs.
pub fn root() -> Result<PathBuf> {
    let home = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let home = home.context("failed to find a cache folder: neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(home.join("vobiz-operator"))
}
