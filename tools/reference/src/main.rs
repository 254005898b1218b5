//! I/O. Writes the pages of the reference into a folder: `vobiz-reference FOLDER`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use vobiz_reference::pages;

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.context("name the folder that the pages are written into")?;
    std::fs::create_dir_all(&folder)?;
    for page in pages()? {
        let path = folder.join(page.file);
        std::fs::write(&path, page.text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}
