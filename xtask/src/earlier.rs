//! I/O. The operator of an earlier commit, to hold this tree's against. Built for release, once, in a clone of its own.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{cargo, root, status};

/// The revision that `--against` names, if it is there.
pub fn wanted(arguments: &[OsString]) -> Result<Option<&OsStr>> {
    let joined = |argument: &OsStr| {
        argument
            .to_str()
            .is_some_and(|text| text.starts_with("--against="))
    };
    ensure!(
        !arguments.iter().any(|argument| joined(argument)),
        "write --against REVISION, in two words"
    );
    let place = arguments.iter().position(|argument| argument == "--against");
    let revision = place.map(|place| {
        let next = arguments.get(place + 1).map(OsString::as_os_str);
        next.context("--against needs a revision, for example a commit")
    });
    revision.transpose()
}

/// The operator of an earlier commit.
pub struct Earlier {
    /// The whole name of the commit.
    pub commit: String,
    /// The program.
    pub binary: PathBuf,
}

/// It, built with this profile of Cargo, `dev` or `release`, and this selection of packages: the features of what both depend on
/// are those of the whole selection. `cache`: the project's own folder for what is built; what is there is built again for no other compiler.
pub fn operator(revision: &OsStr, profile: &str, selection: &[&str], cache: &Path) -> Result<Earlier> {
    let commit = commit(revision)?;
    let earlier = cache.join("earlier");
    let folder = earlier.join(&commit).join(profile);
    let binary = folder.join("vobiz-operator");
    if binary.is_file() {
        return Ok(Earlier { commit, binary });
    }
    let clone = folder.join("clone");
    discard(&clone)?;
    std::fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let mut git = Command::new("git");
    git.args(["clone", "--quiet", "--shared", "--no-checkout"]);
    succeed(git.arg(root()).arg(&clone))?;
    let mut git = Command::new("git");
    succeed(
        git.arg("-C")
            .arg(&clone)
            .args(["checkout", "--quiet", "--detach", &commit]),
    )?;
    let target = earlier.join("target");
    let mut build = cargo()?;
    build
        .args(["build", "--bins", "--locked", "--profile", profile])
        .args(selection);
    succeed(build.current_dir(&clone).env("CARGO_TARGET_DIR", &target))?;
    // Whole or not at all: who stops a copy must not find half of it the next time.
    let copy = folder.join("vobiz-operator.part");
    let directory = if profile == "dev" { "debug" } else { profile };
    std::fs::copy(target.join(directory).join("vobiz-operator"), &copy)
        .context("failed to keep the earlier operator")?;
    std::fs::rename(&copy, &binary).context("failed to keep the earlier operator")?;
    discard(&clone)?;
    Ok(Earlier { commit, binary })
}

fn commit(revision: &OsStr) -> Result<String> {
    let mut name = revision.to_owned();
    name.push("^{commit}");
    let mut git = Command::new("git");
    git.arg("-C")
        .arg(root())
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(&name);
    let answer = git.output().context("failed to run git")?;
    ensure!(
        answer.status.success(),
        "there is no commit {} here; a shallow clone may lack it (`git fetch --unshallow`)",
        revision.to_string_lossy()
    );
    let text = String::from_utf8(answer.stdout).context("git tells no commit")?;
    Ok(text.trim().to_owned())
}

fn discard(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    let program = command.get_program().to_string_lossy().into_owned();
    ensure!(status.success(), "{program} failed: {status}");
    Ok(())
}
