//! I/O. `cargo xtask image`: the operator's container image as an OCI archive, made without a container engine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{become_program, binaries, build, cargo, operator, root, status, target};

/// As the Dockerfile has them.
const FEATURES: &str = "--no-default-features --features otlp";

/// What was asked for: `[--output FILE] [--bill FILE] [--dev]`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    /// Handed on as they are.
    paths: Vec<OsString>,
    dev: bool,
}

/// Builds the operator as it is shipped, or with `--dev` as the tests have it, and puts it into an image.
pub fn command(arguments: &[OsString]) -> Result<ExitCode> {
    let request = request(arguments)?;
    let (binary, maker) = if request.dev {
        build()?;
        (operator()?, binaries()?.join("vobiz-image"))
    } else {
        (release()?, maker()?)
    };
    let mut image = Command::new(maker);
    image.arg("--binary").arg(binary).args(&request.paths);
    if request.dev {
        image.args(["--features=", "--fast"]);
    } else {
        image.arg(format!("--features={FEATURES}"));
    }
    become_program(&mut image)
}

fn request(arguments: &[OsString]) -> Result<Request> {
    let mut request = Request::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--dev") => request.dev = true,
            Some(name @ ("--output" | "--bill")) => {
                let path = arguments.next().with_context(|| format!("{name} needs a file"))?;
                request.paths.extend([argument.clone(), path.clone()]);
            }
            _ => bail!(
                "image takes --output FILE, --bill FILE and --dev, not {}",
                argument.to_string_lossy()
            ),
        }
    }
    Ok(request)
}

/// The operator, built for release in a folder of its own: it is built with other flags than what is measured, so that no path of
/// this machine is in it and two builds of one commit are the same.
fn release() -> Result<PathBuf> {
    let target = target()?.join("image");
    let mut build = cargo()?;
    build
        .args([
            "build",
            "--release",
            "--locked",
            "--package=vobiz-operator",
            "--bin=vobiz-operator",
        ])
        .args(FEATURES.split(' '))
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo")
        .env("CARGO_ENCODED_RUSTFLAGS", remapped().join("\u{1f}"));
    if std::env::var_os("VOBIZ_COMMIT").is_none()
        && let Some(commit) = commit()
    {
        build.env("VOBIZ_COMMIT", commit);
    }
    let status = status(&mut build)?;
    ensure!(status.success(), "failed to build the operator");
    Ok(target.join("release").join("vobiz-operator"))
}

/// What makes the image, alone: whoever wants an image needs nothing else of the workspace.
fn maker() -> Result<PathBuf> {
    let target = target()?.join("image");
    let mut build = cargo()?;
    build
        .args(["build", "--locked", "--package=vobiz-image"])
        .env("CARGO_TARGET_DIR", &target);
    let status = status(&mut build)?;
    ensure!(status.success(), "failed to build what makes the image");
    Ok(target.join("debug").join("vobiz-image"))
}

/// Flags for the compiler that keep paths of this machine out of the program.
fn remapped() -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let mut flags = vec![format!("--remap-path-prefix={}=/source", root().display())];
    flags.extend(home.map(|home| format!("--remap-path-prefix={}=/cargo", home.display())));
    flags
}

fn commit() -> Option<String> {
    let answer = Command::new("git")
        .arg("-C")
        .arg(root())
        .args(["rev-parse", "HEAD"])
        .output()
        .ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    answer.status.success().then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Result<Request> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        request(&arguments)
    }

    #[test]
    fn files_are_handed_on_and_anything_else_is_refused() {
        let found = asked(&["--output", "a.tar", "--dev", "--bill", "b.json"]).unwrap();
        assert_eq!(found.paths, ["--output", "a.tar", "--bill", "b.json"]);
        assert!(found.dev);
        for wrong in [&["--output"][..], &["a.tar"], &["--output=a.tar"]] {
            assert!(asked(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_image_is_built_with_the_features_of_the_dockerfile() {
        let dockerfile = std::fs::read_to_string(root().join("Dockerfile")).unwrap();
        assert!(dockerfile.contains(FEATURES));
    }
}
