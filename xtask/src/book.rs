//! I/O. Makes a book of `docs` with mdBook, and looks whether its diagrams are drawn and its links lead somewhere.

use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, ensure};

/// A program that the book is made with.
struct Tool {
    name: &'static str,
    version: &'static str,
    /// What of it is built.
    features: &'static [&'static str],
}

const MDBOOK: Tool = Tool {
    name: "mdbook",
    version: "0.5.4",
    features: &["--no-default-features", "--features", "search"],
};
/// Draws the diagrams, in the reader's browser: it carries the script for that with it.
const MERMAID: Tool = Tool {
    name: "mdbook-mermaid",
    version: "0.17.1",
    features: &[],
};

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
pub fn run(places: &Places<'_>, cargo: impl Fn() -> Result<Command>) -> Result<ExitCode> {
    let mdbook = program(places, &MDBOOK, cargo()?)?;
    let mermaid = program(places, &MERMAID, cargo()?)?;
    // Files that pages link to are copied beside it, so that `../manifests` leads there from `docs`.
    let folder = places.target.join("book");
    let source = places.target.join("book-source");
    for former in [&folder, &source] {
        if former.exists() {
            fs::remove_dir_all(former).context("failed to remove the former book")?;
        }
    }
    // The script of the diagrams comes between the pages, and into the settings of the book.
    copy(&places.root.join("docs"), &source)?;
    made(Command::new(&mermaid).arg("install").arg(&source))?;
    let book = folder.join("docs");
    let tools = mermaid.parent().map(Path::to_owned).into_iter();
    let search = std::env::var_os("PATH").unwrap_or_default();
    let search = std::env::join_paths(tools.chain(std::env::split_paths(&search)))?;
    made(
        Command::new(mdbook)
            .arg("build")
            .arg(&source)
            .arg("--dest-dir")
            .arg(&book)
            .env("PATH", search),
    )?;
    let mut broken = Vec::new();
    for page in pages(&book)? {
        let text = fs::read_to_string(&page)?;
        ensure!(
            !text.contains("language-mermaid"),
            "a diagram of {} is shown as its source",
            page.display()
        );
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

fn made(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("failed to run {program}"))?;
    ensure!(status.success(), "{program} could not make the book");
    Ok(())
}

/// Copies a folder with all below it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Where a tool is, after it was built if it is not there.
fn program(places: &Places<'_>, tool: &Tool, mut cargo: Command) -> Result<PathBuf> {
    let Tool { name, version, .. } = tool;
    let kept = places.cache.join("tools/bin").join(name);
    let told = Command::new(&kept).arg("--version").output();
    let is_it = |output: std::process::Output| {
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        told.split_whitespace()
            .any(|word| word.trim_start_matches('v') == *version)
    };
    if told.is_ok_and(is_it) {
        return Ok(kept);
    }
    println!("building {name} {version}, once");
    let building = places.target.join("book-tools");
    let status = cargo
        .args(["install", name, "--version", version, "--locked"])
        .args(tool.features)
        .arg("--root")
        .arg(places.cache.join("tools"))
        .env("CARGO_TARGET_DIR", &building)
        // Runs for a second: to optimise it would take longer than it ever runs.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256")
        .status()
        .context("failed to run cargo install")?;
    ensure!(status.success(), "{name} {version} could not be built");
    fs::remove_dir_all(&building).ok();
    Ok(kept)
}

/// A link within this book.
struct Link {
    /// Empty in the page itself.
    file: String,
    /// Empty at the top.
    heading: String,
}

impl fmt::Display for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{}", self.file, self.heading)
    }
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

/// What a page links to in this book, without questions.
fn links(page: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for attribute in ["href=\"", "src=\""] {
        for rest in page.split(attribute).skip(1) {
            let whole = rest.split('"').next().unwrap_or_default();
            let (link, heading) = whole.split_once('#').unwrap_or((whole, ""));
            let file = link.split('?').next().unwrap_or_default();
            let is_elsewhere = file.contains(':') || file.starts_with('/');
            if !whole.is_empty() && !is_elsewhere {
                found.push(Link {
                    file: file.to_owned(),
                    heading: heading.to_owned(),
                });
            }
        }
    }
    found
}

/// Whether it does. What it leads to outside of the book is copied there.
fn leads_somewhere(root: &Path, folder: &Path, page: &Path, link: &Link) -> Result<bool> {
    let mut target = PathBuf::new();
    for part in page.parent().unwrap_or(page).join(&link.file).components() {
        match part {
            Component::ParentDir => drop(target.pop()),
            Component::CurDir => {}
            part => target.push(part),
        }
    }
    if link.file.is_empty() {
        page.clone_into(&mut target);
    }
    if target.exists() {
        return has_heading(&target, &link.heading);
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

/// Whether a page of the book has this heading.
fn has_heading(page: &Path, heading: &str) -> Result<bool> {
    if heading.is_empty() || page.extension().is_none_or(|extension| extension != "html") {
        return Ok(true);
    }
    Ok(fs::read_to_string(page)?.contains(&format!("id=\"{heading}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_without_those_that_leave_the_book() {
        let page = r##"<a href="runbook.html#a">x</a> <a href="#top">x</a> <a href="https://vobiz.ai">x</a> <img src="scale/a.svg?1">"##;
        let found = links(page);
        let found: Vec<String> = found.iter().map(Link::to_string).collect();
        assert_eq!(found, ["runbook.html#a", "#top", "scale/a.svg#"]);
    }
}
