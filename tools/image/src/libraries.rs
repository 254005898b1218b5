//! I/O. The shared libraries that a program needs, with all that those need, as they are on this machine.
//!
//! They keep their folders: the loader, which comes along, looks there without being told.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::executable::{self, Executable};

/// A library, or the loader of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// Its file.
    pub bytes: Vec<u8>,
    /// The distribution's package that it is of, where that can be told.
    pub package: Option<Package>,
}

/// A package of Debian or a distribution made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The distribution: `debian`, `ubuntu`.
    pub distribution: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Where libraries come from.
pub trait Source {
    /// The file at an absolute path, if there is one.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// The package of a file.
    fn package(&self, path: &str) -> Option<Package>;
}

/// This machine.
pub struct Machine;

impl Source for Machine {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(path).ok()
    }

    fn package(&self, path: &str) -> Option<Package> {
        // Where /lib is a link, the package knows the file by either name.
        let usr = format!("/usr{path}");
        let paths = [path, usr.as_str(), path.strip_prefix("/usr").unwrap_or(path)];
        let owner = paths
            .iter()
            .find_map(|path| ask("dpkg-query", &["--search", path]))?;
        let name = owner.lines().next()?.split(':').next()?.to_owned();
        let version = ask("dpkg-query", &["--show", "--showformat=${Version}\n", &name])?;
        let version = version.lines().next()?.to_owned();
        let release = std::fs::read_to_string("/etc/os-release").ok()?;
        let distribution = release.lines().find_map(|line| line.strip_prefix("ID="))?;
        let distribution = distribution.trim_matches('"').to_owned();
        Some(Package {
            distribution,
            name,
            version,
        })
    }
}

fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let answer = Command::new(program).args(arguments).output().ok()?;
    let text = answer.status.success().then_some(answer.stdout)?;
    String::from_utf8(text).ok()
}

/// All that `program` needs, each by the path where the loader finds it.
pub fn of(program: &Executable, source: &impl Source) -> Result<BTreeMap<String, Library>> {
    let mut found = BTreeMap::new();
    let Some(loader) = &program.loader else {
        return Ok(found);
    };
    let library = |path: &str, bytes: Vec<u8>| {
        let package = source.package(path);
        (path.to_owned(), Library { bytes, package })
    };
    let bytes = source
        .read(loader)
        .with_context(|| format!("the loader {loader} is not there"))?;
    found.extend([library(loader, bytes)]);
    let folders = folders(loader);
    let mut wanted: VecDeque<String> = program.needed.iter().cloned().collect();
    while let Some(name) = wanted.pop_front() {
        let is_there = found
            .keys()
            .any(|path| Path::new(path).file_name().is_some_and(|file| *file == *name));
        if is_there {
            continue;
        }
        let paths = folders.iter().map(|folder| format!("{folder}/{name}"));
        let path = paths.clone().find(|path| source.read(path).is_some());
        let path = path.with_context(|| {
            format!(
                "the library {name} is in none of {}, where the image's loader looks",
                folders.join(", ")
            )
        })?;
        let bytes = source.read(&path).context("a library went")?;
        let needs = executable::parse(&bytes).with_context(|| format!("{path} cannot be read"))?;
        ensure!(
            needs.architecture == program.architecture,
            "{path} is for other processors than the program"
        );
        wanted.extend(needs.needed);
        found.extend([library(&path, bytes)]);
    }
    Ok(found)
}

/// Where the loader looks by itself, in its order.
fn folders(loader: &str) -> Vec<String> {
    let triplet = if loader.contains("aarch64") {
        "aarch64-linux-gnu"
    } else {
        "x86_64-linux-gnu"
    };
    [
        format!("/lib/{triplet}"),
        format!("/usr/lib/{triplet}"),
        "/lib64".to_owned(),
        "/usr/lib64".to_owned(),
        "/lib".to_owned(),
        "/usr/lib".to_owned(),
    ]
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Source for Nothing {
        fn read(&self, path: &str) -> Option<Vec<u8>> {
            path.contains("ld-linux").then(|| std::fs::read(path).unwrap())
        }

        fn package(&self, _: &str) -> Option<Package> {
            None
        }
    }

    fn this_test() -> Executable {
        executable::parse(&std::fs::read(std::env::current_exe().unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn a_program_comes_with_its_loader_and_every_library() {
        let program = this_test();
        let found = of(&program, &Machine).unwrap();
        assert!(found.contains_key(&program.loader.unwrap()));
        for name in program.needed {
            assert!(
                found.keys().any(|path| path.ends_with(&format!("/{name}"))),
                "{name}: {:?}",
                found.keys()
            );
        }
    }

    #[test]
    fn a_library_that_is_nowhere_is_named() {
        let error = of(&this_test(), &Nothing).unwrap_err().to_string();
        assert!(
            error.starts_with("the library lib") && error.contains("/usr/lib64"),
            "{error}"
        );
    }

    #[test]
    fn a_static_program_needs_nothing() {
        let program = Executable {
            loader: None,
            ..this_test()
        };
        assert!(of(&program, &Nothing).unwrap().is_empty());
    }
}
