//! I/O. The manifest by which krew installs `kubectl vobiz`: made whole for the archives of a release, and tried by krew's own validator.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{binaries, build, cache, root, run, status};

/// Operating systems and processors, as krew and Go name them.
const PLATFORMS: [(&str, &str); 4] = [
    ("linux", "amd64"),
    ("linux", "arm64"),
    ("darwin", "amd64"),
    ("darwin", "arm64"),
];

/// Programs that compute a SHA-256: of Linux, and of macOS.
const SUMS: [&[&str]; 2] = [&["sha256sum"], &["shasum", "-a", "256"]];

/// What krew runs as kubectl, which hands on all behind its own name.
const KUBECTL: &str = "#!/bin/sh\nshift\nexec \"$(dirname \"$0\")/kubectl-krew\" \"$@\"\n";

/// A program for one platform.
struct Archive {
    os: &'static str,
    arch: &'static str,
    name: String,
    sha256: String,
}

/// Prints the manifest, or checks it.
pub fn command(arguments: &[OsString]) -> Result<ExitCode> {
    let texts: Vec<&str> = arguments
        .iter()
        .filter_map(|argument| argument.to_str())
        .collect();
    match texts.as_slice() {
        ["--check"] => check(),
        ["--url", url, archives @ ..] if !archives.is_empty() => {
            let archives = archives.iter().map(|path| archive(Path::new(path)));
            print!("{}", manifest(url, &archives.collect::<Result<Vec<_>>>()?)?);
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("write krew --url URL ARCHIVE..., or krew --check"),
    }
}

/// An archive by its name, which says for which platform it is.
fn archive(path: &Path) -> Result<Archive> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let platform = PLATFORMS
        .into_iter()
        .find(|(os, arch)| name == archive_name(os, arch));
    let (os, arch) = platform.with_context(|| {
        let names = PLATFORMS.map(|(os, arch)| archive_name(os, arch));
        format!("{} is called none of {}", path.display(), names.join(", "))
    })?;
    Ok(Archive {
        os,
        arch,
        name: name.to_owned(),
        sha256: sha256(path)?,
    })
}

fn archive_name(os: &str, arch: &str) -> String {
    format!("kubectl-vobiz-{os}-{arch}.tar.gz")
}

fn sha256(path: &Path) -> Result<String> {
    for program in SUMS {
        let Ok(output) = Command::new(program[0]).args(&program[1..]).arg(path).output() else {
            continue;
        };
        ensure!(output.status.success(), "failed to read {}", path.display());
        let text = String::from_utf8_lossy(&output.stdout);
        // A name that has a backslash in it gets one before the sum.
        let sum = text.split_whitespace().next().unwrap_or_default();
        return Ok(sum.trim_start_matches('\\').to_owned());
    }
    bail!("neither sha256sum nor shasum can be run")
}

/// The manifest with these archives, which are below this URL.
fn manifest(url: &str, archives: &[Archive]) -> Result<String> {
    let path = root().join("contrib/krew/vobiz.yaml");
    let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut manifest: String = lines.flat_map(|line| [line, "\n"]).collect();
    manifest.push_str("  platforms:\n");
    for Archive {
        os,
        arch,
        name,
        sha256,
    } in archives
    {
        let url = url.trim_end_matches('/');
        write!(
            manifest,
            "  - selector:\n      matchLabels:\n        os: {os}\n        arch: {arch}\n    uri: {url}/{name}\n    sha256: {sha256}\n    \
             bin: kubectl-vobiz\n    files:\n    - from: kubectl-vobiz\n      to: .\n    - from: LICENSE\n      to: .\n"
        )?;
    }
    Ok(manifest)
}

/// Has krew install this tree's program for every platform by the manifest. It unpacks and links, and runs nothing.
fn check() -> Result<ExitCode> {
    build()?;
    let tools = tools()?;
    let folder = cache()?.join("krew").join("check");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let mut archives = Vec::new();
    let mut packed: Option<PathBuf> = None;
    for (os, arch) in PLATFORMS {
        let path = folder.join(archive_name(os, arch));
        match &packed {
            Some(first) => fs::hard_link(first, &path).context("failed to name the archive")?,
            None => pack(&path)?,
        }
        packed.get_or_insert(path.clone());
        archives.push(archive(&path)?);
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("failed to listen")?;
    let url = format!("http://{}", listener.local_addr()?);
    let path = folder.join("vobiz.yaml");
    fs::write(&path, manifest(&url, &archives)?).context("failed to write the manifest")?;
    let mut searched = OsString::from(&tools);
    searched.push(":");
    searched.push(std::env::var_os("PATH").unwrap_or_default());
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // Who gets no answer says so.
            let _ = serve(connection, &folder);
        }
    });
    let mut validator = Command::new(tools.join("validate-krew-manifest"));
    run(validator.arg("-manifest").arg(&path).env("PATH", searched))
}

/// This tree's program and its licence.
fn pack(archive: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.arg("-czf").arg(archive);
    tar.arg("-C").arg(binaries()?).arg("kubectl-vobiz");
    tar.arg("-C").arg(root()).arg("LICENSE");
    ensure!(
        status(&mut tar)?.success(),
        "failed to pack {}",
        archive.display()
    );
    Ok(())
}

/// A folder with krew, its validator, and what they take for kubectl. Go builds again what has changed.
fn tools() -> Result<PathBuf> {
    let tools = cache()?.join("krew").join("bin");
    fs::create_dir_all(&tools).with_context(|| format!("failed to make {}", tools.display()))?;
    for (package, name) in [
        ("krew", "kubectl-krew"),
        ("validate-krew-manifest", "validate-krew-manifest"),
    ] {
        let mut go = Command::new("go");
        go.args(["build", "-C"]).arg(root().join("tests/krew"));
        go.args(["-mod=readonly", "-trimpath", "-buildvcs=false", "-o"])
            .arg(tools.join(name));
        go.arg(format!("sigs.k8s.io/krew/cmd/{package}"));
        go.env("CGO_ENABLED", "0").env("GOTOOLCHAIN", "local");
        ensure!(status(&mut go)?.success(), "failed to build {package} with Go");
    }
    let kubectl = tools.join("kubectl");
    fs::write(&kubectl, KUBECTL).context("failed to write what krew takes for kubectl")?;
    executable(&kubectl)?;
    Ok(tools)
}

fn executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let rights = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, rights).with_context(|| format!("failed to make {} executable", path.display()))
}

/// Answers one request with a file of the folder.
fn serve(mut connection: TcpStream, folder: &Path) -> Result<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let request = lines.next().context("no request came")??;
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let name = request
        .split(' ')
        .nth(1)
        .unwrap_or_default()
        .trim_start_matches('/');
    let known = PLATFORMS.iter().any(|(os, arch)| name == archive_name(os, arch));
    ensure!(known, "{name} is no archive");
    let body = fs::read(folder.join(name))?;
    let length = body.len();
    write!(
        connection,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    connection.write_all(&body)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_of_this_version_and_names_every_archive_with_its_sum() {
        let archives = PLATFORMS.map(|(os, arch)| Archive {
            os,
            arch,
            name: archive_name(os, arch),
            sha256: format!("sum-of-{os}-{arch}"),
        });
        let manifest = manifest("https://example.com/v1/", &archives).unwrap();
        assert!(manifest.starts_with("apiVersion: krew"), "{manifest}");
        assert!(
            manifest.contains(concat!("\n  version: v", env!("CARGO_PKG_VERSION"), "\n")),
            "{manifest}"
        );
        for Archive { os, arch, .. } in &archives {
            let platform = format!(
                "        os: {os}\n        arch: {arch}\n    uri: https://example.com/v1/kubectl-vobiz-{os}-{arch}.tar.gz\n    \
                 sha256: sum-of-{os}-{arch}\n"
            );
            assert!(manifest.contains(&platform), "{manifest}");
        }
    }

    #[test]
    fn an_archive_is_named_by_its_platform_and_summed() {
        let folder = std::env::temp_dir().join(format!("vobiz-krew-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("kubectl-vobiz-darwin-arm64.tar.gz");
        fs::write(&path, "abc").unwrap();
        let found = archive(&path).unwrap();
        assert_eq!((found.os, found.arch), ("darwin", "arm64"));
        assert_eq!(
            found.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(archive(&folder.join("kubectl-vobiz-plan9-arm64.tar.gz")).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
