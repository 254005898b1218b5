//! I/O. Makes a book of `docs` with mdBook, and looks whether its links lead somewhere.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, ensure};

/// The one that the book is made with.
const VERSION: &str = "0.5.4";

/// What is needed to make it.
pub struct Places<'a> {
    /// The repository.
    pub root: &'a Path,
    /// Where tools are kept.
    pub cache: &'a Path,
    /// Where things are built.
    pub target: &'a Path,
}

/// Makes the book and says where it is.
pub fn run(places: &Places<'_>, cargo: Command) -> Result<ExitCode> {
    let program = program(places, cargo)?;
    // Files that pages link to are copied beside it, so that `../manifests` leads there from `docs`.
    let folder = places.target.join("book");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("failed to remove the former book")?;
    }
    let book = folder.join("docs");
    let status = Command::new(program)
        .arg("build")
        .arg(places.root.join("docs"))
        .arg("--dest-dir")
        .arg(&book)
        .status()
        .context("failed to run mdbook")?;
    ensure!(status.success(), "mdbook could not make the book");
    let mut broken = Vec::new();
    for page in pages(&book)? {
        let text = fs::read_to_string(&page)?;
        for link in links(&text) {
            if !leads_somewhere(places.root, &folder, &page, &link)? {
                let page = page.strip_prefix(&folder)?.display();
                broken.push(format!("{page} links to {link}"));
            }
        }
    }
    broken.sort();
    broken.dedup();
    ensure!(
        broken.is_empty(),
        "these links lead nowhere:\n{}",
        broken.join("\n")
    );
    println!("{}", book.join("index.html").display());
    Ok(ExitCode::SUCCESS)
}

/// Where mdBook is, after it was built if it is not there.
fn program(places: &Places<'_>, mut cargo: Command) -> Result<PathBuf> {
    let kept = places.cache.join("tools/bin/mdbook");
    for program in [kept.as_path(), Path::new("mdbook")] {
        let version = Command::new(program).arg("--version").output();
        let is_it = |output: &std::process::Output| {
            String::from_utf8_lossy(&output.stdout).trim() == format!("mdbook v{VERSION}")
        };
        if version.as_ref().is_ok_and(is_it) {
            return Ok(program.to_owned());
        }
    }
    println!("building mdBook {VERSION}, once");
    let building = places.target.join("mdbook");
    let status = cargo
        .args(["install", "mdbook", "--version", VERSION, "--locked"])
        .args(["--no-default-features", "--features", "search", "--root"])
        .arg(places.cache.join("tools"))
        .env("CARGO_TARGET_DIR", &building)
        // Runs for a second: to optimise it would take longer than it ever runs.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256")
        .status()
        .context("failed to run cargo install")?;
    ensure!(status.success(), "mdBook {VERSION} could not be built");
    fs::remove_dir_all(&building).ok();
    Ok(kept)
}

/// Every page below a folder.
fn pages(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// What a page links to in this book, without headings and questions.
fn links(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for attribute in ["href=\"", "src=\""] {
        for rest in page.split(attribute).skip(1) {
            let link = rest.split('"').next().unwrap_or_default();
            let link = link.split(['#', '?']).next().unwrap_or_default();
            let is_elsewhere = link.contains(':') || link.starts_with('/');
            if !link.is_empty() && !is_elsewhere {
                found.push(link.to_owned());
            }
        }
    }
    found
}

/// Whether it does. What it leads to outside of the book is copied there.
fn leads_somewhere(root: &Path, folder: &Path, page: &Path, link: &str) -> Result<bool> {
    let mut target = PathBuf::new();
    for part in page.parent().unwrap_or(page).join(link).components() {
        match part {
            Component::ParentDir => drop(target.pop()),
            Component::CurDir => {}
            part => target.push(part),
        }
    }
    if target.exists() {
        return Ok(true);
    }
    let Ok(inside) = target.strip_prefix(folder) else {
        return Ok(false);
    };
    let original = root.join(inside);
    if original.is_file() {
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(&original, &target)?;
        return Ok(true);
    }
    // A folder is looked at in the repository.
    Ok(original.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_without_those_that_leave_the_book() {
        let page = r##"<a href="runbook.html#a">x</a> <a href="#top">x</a> <a href="https://vobiz.ai">x</a> <img src="scale/a.svg">"##;
        assert_eq!(links(page), ["runbook.html", "scale/a.svg"]);
    }
}
