//! The pages of the manual, made of the command line's definition. I/O: writes them.

use std::path::Path;

use super::failure::Failure;
use super::flags;

/// Writes every page into a folder.
pub fn write(folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            folder.display().to_string(),
            error.to_string(),
            "name a folder that can be written",
        )
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(flags::definition(), folder).map_err(failed)
}
