//! I/O. `cargo xtask fuzz`: runs the fuzz targets of tests/fuzz with the nightly toolchain, and counts.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

const TOOLCHAIN: &str = "nightly";
const VERSION: &str = "0.13.1";
const DEFAULT_SECONDS: u32 = 60;
/// What libFuzzer prints at its end.
const EXECUTIONS: &str = "stat::number_of_executed_units:";
/// An input that takes longer, or more memory, counts as a crash.
const LIMITS: &[&str] = &["-timeout=5", "-rss_limit_mb=1024", "-max_len=65536"];

/// Where things are: the repository, the build folder for everything fuzzed, and the cache for tools and found inputs.
pub struct Places<'a> {
    pub root: &'a Path,
    pub target: &'a Path,
    pub cache: &'a Path,
}

/// What was asked for: `[TARGET] [--seconds N]`.
struct Request {
    targets: Vec<String>,
    seconds: u32,
}

/// Fuzzes one target or all of them, each for so many seconds.
pub fn run(places: &Places<'_>, arguments: &[OsString]) -> Result<ExitCode> {
    let Request { targets, seconds } = request(arguments, &all_targets(places.root)?)?;
    ensure_nightly()?;
    let tool = cargo_fuzz(places)?;
    let built = fuzzer(places, &tool, "build").status();
    ensure!(
        built.context("failed to run cargo-fuzz")?.success(),
        "failed to build the fuzz targets"
    );
    let mut counts = Vec::new();
    let mut crashed = false;
    for name in targets {
        let (executions, passed) = fuzz(places, &tool, &name, seconds)?;
        crashed |= !passed;
        counts.push((name, executions, passed));
    }
    for (name, executions, passed) in counts {
        let outcome = if passed { "" } else { "  FAILED" };
        println!("{name:<16} {executions:>12} executions{outcome}");
    }
    if crashed {
        eprintln!("error: what failed is now in tests/fuzz/corpus: mend it, and keep the input there");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn all_targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("tests/fuzz/targets");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

fn request(arguments: &[OsString], known: &[String]) -> Result<Request> {
    let mut request = Request {
        targets: Vec::new(),
        seconds: DEFAULT_SECONDS,
    };
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            let seconds = arguments.next().and_then(|seconds| seconds.parse().ok());
            request.seconds = seconds
                .filter(|seconds| *seconds > 0)
                .context("--seconds needs a number from 1")?;
        } else if known.iter().any(|name| *name == argument) {
            request.targets.push(argument.into_owned());
        } else {
            bail!(
                "there is no fuzz target {argument}; there are: {}",
                known.join(", ")
            );
        }
    }
    if request.targets.is_empty() {
        request.targets = known.to_vec();
    }
    Ok(request)
}

fn ensure_nightly() -> Result<()> {
    let found = Command::new("rustup")
        .args(["run", TOOLCHAIN, "rustc", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match found {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => bail!(
            "fuzzing needs Rust's nightly toolchain, which is not installed. Install it with:\n  \
             rustup toolchain install {TOOLCHAIN} --profile minimal"
        ),
        Err(_) => bail!(
            "fuzzing needs Rust's nightly toolchain and rustup to find it; rustup cannot be run. \
             Install it from https://rustup.rs, then:\n  rustup toolchain install {TOOLCHAIN} --profile minimal"
        ),
    }
}

/// Where cargo-fuzz is; built into the cache when it is not there.
fn cargo_fuzz(places: &Places<'_>) -> Result<PathBuf> {
    let tools = places.cache.join("tools");
    let program = tools.join("bin/cargo-fuzz");
    if program.is_file() {
        return Ok(program);
    }
    let installed = Command::new("cargo")
        .args([
            "install",
            "cargo-fuzz",
            "--version",
            VERSION,
            "--locked",
            "--quiet",
            "--root",
        ])
        .arg(&tools)
        .env_remove("CARGO_TARGET_DIR")
        .status()
        .context("failed to run cargo")?;
    ensure!(
        installed.success(),
        "failed to install cargo-fuzz {VERSION}; with a network: cargo install cargo-fuzz --version {VERSION} --root {}",
        tools.display()
    );
    Ok(program)
}

/// cargo-fuzz with everything that decides how the targets are built: the same for each, so that they are built once.
fn fuzzer(places: &Places<'_>, tool: &Path, action: &str) -> Command {
    let mut command = Command::new(tool);
    command
        .args(["fuzz", action, "--fuzz-dir", "tests/fuzz", "--features", "fuzzer"])
        // The operator has no unsafe code: a sanitizer would only make fewer executions.
        .args(["--sanitizer", "none", "--target-dir"])
        .arg(places.target.join("fuzz"))
        .current_dir(places.root)
        .env("RUSTUP_TOOLCHAIN", TOOLCHAIN)
        // Built once and run for minutes: what a release's optimisation takes is worth more executions.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "64")
        .env_remove("CARGO_TARGET_DIR");
    // Those of the toolchain that runs this command.
    for name in ["CARGO", "RUSTC", "RUSTDOC"] {
        command.env_remove(name);
    }
    command
}

/// Runs one target: how many executions, and whether all promises held. New inputs stay in the cache; one that breaks
/// a promise goes into the committed corpus.
fn fuzz(places: &Places<'_>, tool: &Path, name: &str, seconds: u32) -> Result<(u64, bool)> {
    let found = places.cache.join("fuzz").join(name);
    std::fs::create_dir_all(&found).with_context(|| format!("failed to make {}", found.display()))?;
    let committed = places.root.join("tests/fuzz/corpus").join(name);
    let mut command = fuzzer(places, tool, "run");
    command
        .arg(name)
        .args([&found, &committed])
        .arg("--")
        .args(LIMITS)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", committed.display()))
        .arg(format!(
            "-dict={}",
            places.root.join("tests/fuzz/dictionary").display()
        ))
        .arg("-print_final_stats=1")
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("failed to run cargo-fuzz")?;
    let mut executions = 0;
    for line in BufReader::new(child.stderr.take().context("no output to read")?).split(b'\n') {
        let line = line.context("failed to read what the fuzzer says")?;
        let line = String::from_utf8_lossy(&line);
        // Thousands of these: every input that reaches something new, every word that helped.
        if !["NEW  ", "REDUCE ", "# Uses:"]
            .iter()
            .any(|news| line.contains(news))
        {
            eprintln!("{line}");
        }
        if let Some(count) = line.strip_prefix(EXECUTIONS) {
            executions = count.trim().parse().unwrap_or_default();
        }
    }
    let status = child.wait().context("failed to wait for the fuzzer")?;
    Ok((executions, status.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(arguments: &[&str]) -> Result<Request> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        request(&arguments, &["marker".to_owned(), "record".to_owned()])
    }

    #[test]
    fn without_a_target_all_are_fuzzed_and_an_unknown_one_is_refused_with_their_names() {
        let all = ask(&[]).unwrap();
        assert_eq!((all.targets.len(), all.seconds), (2, DEFAULT_SECONDS));
        let one = ask(&["record", "--seconds", "5"]).unwrap();
        assert_eq!((one.targets, one.seconds), (vec!["record".to_owned()], 5));
        let refused = ask(&["recrod"]).err().unwrap().to_string();
        assert!(refused.contains("marker, record"), "{refused}");
        for wrong in [
            &["--seconds"] as &[&str],
            &["--seconds", "0"],
            &["--seconds", "soon"],
        ] {
            assert!(ask(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_target_of_the_repository_can_be_asked_for() {
        let root = Path::new(env!("REPOSITORY"));
        let targets = all_targets(root).unwrap();
        assert!(targets.contains(&"create_gen2".to_owned()), "{targets:?}");
    }
}
