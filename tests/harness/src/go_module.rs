//! I/O. A Go module of this repository whose programs are built once and kept in the cache.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{cache, products};

/// A module, and what is built of it.
#[derive(Clone, Copy, Debug)]
pub struct GoModule {
    /// What its programs are together, as in "the control plane".
    pub name: &'static str,
    /// Its folder in `tests/`, which has its `go.mod` and `go.sum`, and the one in the cache.
    pub folder: &'static str,
    /// The version that its `go.mod` requires: a part of the name of the built programs' folder.
    pub version: &'static str,
    /// Flags for the linker, beside those that strip.
    pub linker_flags: &'static str,
    /// Each program: the name it is kept under, and its package.
    pub programs: &'static [(&'static str, &'static str)],
    /// How long a build takes that finds nothing in Go's cache, as in "5 to 10 minutes".
    pub takes: &'static str,
    /// What a person can do who cannot have it built.
    pub remedy: &'static str,
}

impl GoModule {
    /// The folder with the programs, built when they are not there yet. Progress goes to stderr.
    pub fn locate(&self) -> Result<PathBuf> {
        let sources = products::repository().join("tests").join(self.folder);
        let cached = cache::root()?.join(self.folder).join(self.key(&sources)?);
        if !self.is_complete(&cached) {
            self.build_once(&sources, &cached)?;
        }
        Ok(cached)
    }

    fn is_complete(&self, folder: &Path) -> bool {
        self.programs.iter().all(|(name, _)| folder.join(name).is_file())
    }

    /// A key that changes with anything that changes the programs (FNV-1a: stable between Rust releases, unlike the
    /// standard library's hasher).
    fn key(&self, sources: &Path) -> Result<String> {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut add = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for path in source_files(sources)? {
            add(&fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?);
        }
        add(self.linker_flags.as_bytes());
        Ok(format!(
            "{}-{}-{}-{hash:016x}",
            self.version,
            std::env::consts::OS,
            std::env::consts::ARCH
        ))
    }

    /// Builds into a folder beside `destination` and renames it, so that a build cut short leaves nothing that looks whole.
    fn build_once(&self, sources: &Path, destination: &Path) -> Result<()> {
        let Self { name, takes, .. } = self;
        let parent = destination.parent().context("the cache folder has no parent")?;
        fs::create_dir_all(parent).with_context(|| format!("failed to create {}", parent.display()))?;
        let lock_path = beside(destination, "lock");
        let lock =
            File::create(&lock_path).with_context(|| format!("failed to create {}", lock_path.display()))?;
        if lock.try_lock().is_err() {
            eprintln!("waiting for another process that builds {name} ...");
            lock.lock()
                .with_context(|| format!("failed to lock the cache of {name}"))?;
        }
        if self.is_complete(destination) {
            return Ok(());
        }
        self.check_go(sources)?;
        let unfinished = beside(destination, "unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).context("failed to remove an unfinished build")?;
        }
        fs::create_dir_all(&unfinished).context("failed to create a folder for the build")?;
        let started = Instant::now();
        eprintln!("building {name} from Go modules (once; {takes} on two cores with a cold Go cache)");
        for (index, (program, package)) in self.programs.iter().enumerate() {
            self.build(
                sources,
                package,
                &unfinished.join(program),
                &format!("{program} ({} of {})", index + 1, self.programs.len()),
            )?;
        }
        fs::rename(&unfinished, destination).context("failed to put the finished build in place")?;
        eprintln!(
            "built {name} in {} s: {}",
            started.elapsed().as_secs(),
            destination.display()
        );
        Ok(())
    }

    fn build(&self, sources: &Path, package: &str, output: &Path, label: &str) -> Result<()> {
        let started = Instant::now();
        eprintln!("  building {label}");
        let linker_flags = format!("-s -w {}", self.linker_flags);
        let mut go = Command::new("go")
            .arg("build")
            .arg("-C")
            .arg(sources)
            .args(["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags"])
            .arg(linker_flags.trim_end())
            .arg("-o")
            .arg(output)
            .arg(package)
            .env("CGO_ENABLED", "0")
            // A tenth of what the compiler computes is the collection of its garbage.
            .env("GOGC", std::env::var_os("GOGC").unwrap_or_else(|| "400".into()))
            .env("GOTOOLCHAIN", "local")
            .stdin(Stdio::null())
            .spawn()
            .context("failed to run go")?;
        let mut reported = 0;
        let status = loop {
            if let Some(status) = go.try_wait().context("failed to wait for go")? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(100));
            let elapsed = started.elapsed().as_secs();
            if elapsed >= reported + 15 {
                reported = elapsed;
                eprintln!("  building {label}: {elapsed} s");
            }
        };
        ensure!(
            status.success(),
            "failed to build {package}: go build ended with {status}; {}",
            self.remedy
        );
        Ok(())
    }

    /// Before anything is built: an older Go is told what to do, and not only that it is too old.
    fn check_go(&self, sources: &Path) -> Result<()> {
        let Self { name, remedy, .. } = self;
        let path = sources.join("go.mod");
        let module =
            fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        let needed = go_of(&module).with_context(|| format!("{} names no Go", path.display()))?;
        let answer = Command::new("go")
            .args(["env", "GOVERSION"])
            .env("GOTOOLCHAIN", "local")
            .output();
        let Ok(answer) = answer else {
            bail!("failed to find Go, of which {needed} or newer builds {name} of the tests; {remedy}");
        };
        let version = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        let found = version.strip_prefix("go").and_then(numbers);
        ensure!(
            found >= numbers(needed),
            "Go is too old to build {name} of the tests (found '{version}', needed {needed}); {remedy}"
        );
        Ok(())
    }
}

/// `go.mod`, `go.sum` and the module's own sources, in order of their names.
fn source_files(sources: &Path) -> Result<Vec<PathBuf>> {
    let listed = fs::read_dir(sources).with_context(|| format!("failed to list {}", sources.display()))?;
    let mut files = Vec::new();
    for entry in listed {
        let path = entry.context("failed to list the module's folder")?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name == "go.mod" || name == "go.sum" || name.ends_with(".go") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The version has dots, so that `Path::with_extension` would cut it.
fn beside(destination: &Path, suffix: &str) -> PathBuf {
    let mut name = destination.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// The oldest Go that builds a module, as its `go.mod` says it.
fn go_of(module: &str) -> Option<&str> {
    module
        .lines()
        .find_map(|line| line.strip_prefix("go "))
        .map(str::trim)
}

/// `1.26.8`, `1.27rc1` and `1.26.8 X:some` all begin with numbers; one that is not said is 0.
fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.splitn(3, '.');
    let major = leading(parts.next()?)?;
    let minor = leading(parts.next()?)?;
    Some((major, minor, parts.next().and_then(leading).unwrap_or_default()))
}

fn leading(text: &str) -> Option<u32> {
    let end = text.find(|character: char| !character.is_ascii_digit());
    text[..end.unwrap_or(text.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::TemporaryDirectory;

    const MODULE: GoModule = GoModule {
        name: "the example",
        folder: "example",
        version: "v1",
        linker_flags: "",
        programs: &[("example", "example.org/example")],
        takes: "a second",
        remedy: "do without",
    };

    #[test]
    fn go_versions_of_every_form_are_compared_as_numbers() {
        assert_eq!(numbers("1.26.8"), Some((1, 26, 8)));
        assert_eq!(numbers("1.26.8 X:some"), Some((1, 26, 8)));
        assert_eq!(numbers("1.27rc1"), Some((1, 27, 0)));
        assert!(numbers("1.9") < numbers("1.26.0") && numbers("1.26.0") < numbers("1.26.7"));
        assert_eq!(numbers("devel"), None);
        assert_eq!(go_of("module a\n\ngo 1.26.7\n"), Some("1.26.7"));
    }

    #[test]
    fn the_cache_key_follows_the_module_files_and_sources() {
        let folder = TemporaryDirectory::new("key").unwrap();
        fs::write(folder.path().join("go.mod"), "module a").unwrap();
        fs::write(folder.path().join("go.sum"), "one").unwrap();
        let first = MODULE.key(folder.path()).unwrap();
        assert_eq!(first, MODULE.key(folder.path()).unwrap());
        fs::write(folder.path().join("go.sum"), "two").unwrap();
        let second = MODULE.key(folder.path()).unwrap();
        assert_ne!(first, second);
        fs::write(folder.path().join("main.go"), "package main").unwrap();
        assert_ne!(second, MODULE.key(folder.path()).unwrap());
    }
}
