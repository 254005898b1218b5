//! I/O. Where the repository and its own programs are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// The root of the repository that this crate was built from.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("REPOSITORY"))
}

/// The operator: `VOBIZ_OPERATOR_BINARY`, else beside the running program.
pub fn operator() -> Result<PathBuf> {
    find("vobiz-operator", "VOBIZ_OPERATOR_BINARY")
}

/// `kubectl vobiz`: `VOBIZ_KUBECTL_BINARY`, else beside the running program.
pub fn kubectl_vobiz() -> Result<PathBuf> {
    find("kubectl-vobiz", "VOBIZ_KUBECTL_BINARY")
}

/// The simulator: `VOBIZ_SIMULATOR_BINARY`, else beside the running program.
pub fn simulator() -> Result<PathBuf> {
    find("vobiz-simulator", "VOBIZ_SIMULATOR_BINARY")
}

/// What makes the operator's image: `VOBIZ_IMAGE_BINARY`, else beside the running program.
pub fn image_maker() -> Result<PathBuf> {
    find("vobiz-image", "VOBIZ_IMAGE_BINARY")
}

/// The project's commands: beside the running program.
pub fn xtask() -> Result<PathBuf> {
    find("xtask", "VOBIZ_XTASK_BINARY")
}

fn find(name: &str, variable: &str) -> Result<PathBuf> {
    if let Some(set) = std::env::var_os(variable).filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(set));
    }
    let running = std::env::current_exe().context("failed to find the running program")?;
    // A test program runs from a folder inside the one with the binaries.
    let folders = running.ancestors().skip(1).take(2);
    let Some(found) = folders
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
    else {
        bail!("failed to find {name}: run `cargo build --workspace --bins` or set {variable}");
    };
    Ok(found)
}
