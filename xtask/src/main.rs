//! I/O. The project's commands: `cargo xtask demo | up | test | faults | bench | fuzz | crds | docs | pictures | book | manifests | image |
//! krew | generators`.
//!
//! Only the standard library and anyhow, so that it is there within seconds. What needs more is built first, with
//! cargo's own progress, and then run. Every build names the whole workspace: features are unified over what is
//! selected, so that any other selection would compile the dependencies a second time.

mod book;
mod earlier;
mod fuzz;
mod generators;
mod guarded;
mod image;
mod krew;

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context as _, Result, bail, ensure};

use crate::guarded::Guarded;

const HELP: &str = "\
The project's commands.

Usage: cargo xtask <COMMAND>

Commands:
  demo [--keep]
          Starts a control plane, the simulator and the operator, and shows the life of a Subaccount: create, read
          the Secret, edit, drift repair, delete. --keep leaves everything running and says how to talk to it.
  up [--dir DIR] [--no-operator]
          Runs the same three until interrupted. DIR/env [default: .vobiz] then holds what a shell needs to use them.
          --no-operator leaves the operator out, so that you can run your own.
  test [PROGRAM | FILTER] [-- ARGUMENTS]
          Runs every test of the workspace, those of one PROGRAM (architecture, command, e2e, footprint, manifests, model,
          wire), or those whose name contains FILTER. ARGUMENTS go to the test programs: `test model -- --ignored` looks
          further.
  faults [--ci] [--seed N] [--plan K]... [--only TEXT] [--list] [--record]
          Breaks every write of the operator in every way (kills, resets, late commits, wrong answers, dead watches, two
          leaders) and judges what is left. --ci runs 720 of the plans, --plan replays one by number or name.
  bench [--objects N] [--growth N]... [--json FILE] [--plot DIR [--from FILE]] [--counts] [--only TEXT]...
        [--against REVISION [--turns N]]
          Measures the operator with N Subaccounts [default: 10000] against limits measured in the same run, prints a table
          and writes every figure into FILE. --counts is short, takes the build of the tests and judges no times.
          --plot draws what grew with the number of objects; with --from, what a FILE of an earlier run holds, at once.
          --against builds the operator of that commit too, runs both in turns and prints the ratios.
  fuzz [TARGET] [--seconds N]
          Feeds TARGET, or each fuzz target of tests/fuzz, made-up bytes for N seconds [default: 60] and counts. Needs
          Rust's nightly toolchain; what fails is added to tests/fuzz/corpus, which every test run repeats.
  crds    Writes the definitions of the custom resources, made from src/crd, into crds/.
  docs    Writes what is made from the code for people to read: the manual of kubectl vobiz into docs/man, and the
          pages of docs/reference (fields, conditions, events, metrics, flags, commands).
  pictures [--record]
          Draws the dashboard of manifests/components/monitoring as it shows what was recorded of a fleet, into docs/monitoring.
          --record records anew, which takes six minutes.
  book    Makes a book of docs with mdBook and mdbook-mermaid, which are built once, looks whether its links and headings
          are there, and says where it is.
  manifests
          Writes what is made from crds/ and manifests/ for an installation: manifests/*.yaml and parts of
          charts/vobiz-operator.
  image [--output FILE] [--bill FILE] [--dev]
          Makes the operator's container image, without a container engine, as an OCI archive [default: image.tar], and
          prints its digest. --bill writes the bill of materials (CycloneDX), which is in the image, into FILE too.
          --dev takes the build of the tests, which is there sooner and is no build to ship.
  krew --url URL ARCHIVE... | --check
          Prints the manifest by which krew installs kubectl vobiz from these archives, which are to be had below URL.
          --check lets krew's own validator install this tree's program for every platform; needs Go.
  generators [TOOL]...
          Runs the generators of clients and the judges without a cluster that are in tests/generators on crds/ and the
          samples, compiles what they make, and prints a table. Needs npm, Python, Maven, Go and a network; no test does.

What is built is kept in $XDG_CACHE_HOME/vobiz-operator, else ~/.cache/vobiz-operator; CARGO_TARGET_DIR, if set, is
used for Rust. The control plane is built once from Go modules (needs Go 1.26), unless KUBEBUILDER_ASSETS names a
folder with etcd, kube-apiserver and kubectl. USE_EXISTING_CLUSTER=true uses the cluster of KUBECONFIG instead. test
builds the tools that judge what is handed out with Go 1.26.7 or newer in any case.
";

/// Test programs that can be named.
const PROGRAMS: [&str; 7] = [
    "architecture",
    "command",
    "e2e",
    "footprint",
    "manifests",
    "model",
    "wire",
];

/// Those of them that start no control plane.
const WITHOUT_CONTROL_PLANE: [&str; 5] = ["architecture", "command", "footprint", "model", "wire"];

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let command = if arguments.is_empty() {
        OsString::new()
    } else {
        arguments.remove(0)
    };
    let result = match command.to_str() {
        Some("demo" | "up") => demonstrate(&command, &arguments),
        Some("test") => test(&arguments),
        Some("faults") => faults(&arguments),
        Some("bench") => bench(&arguments),
        Some("fuzz") => fuzz(&arguments),
        Some("crds") if arguments.is_empty() => crds(),
        Some("docs") if arguments.is_empty() => docs(),
        Some("pictures") => pictures(&arguments),
        Some("book") if arguments.is_empty() => book(),
        Some("image") => image::command(&arguments),
        Some("manifests") if arguments.is_empty() => manifests(),
        Some("krew") => krew::command(&arguments),
        Some("generators") => generators::command(&arguments),
        Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn demonstrate(command: &OsString, arguments: &[OsString]) -> Result<ExitCode> {
    // These four alone, before what measures and judges: with the whole workspace selected, they are what every other build makes too.
    let four = ["vobiz-demo", "vobiz-operator", "vobiz-simulator", "kubectl-vobiz"];
    let shown = four.into_iter().flat_map(|program| ["--bin", program]);
    let built = status(cargo()?.args(["build", "--workspace"]).args(shown))?;
    ensure!(built.success(), "failed to build what is shown");
    let program = binaries()?.join("vobiz-demo");
    let mut demo = Command::new(&program);
    demo.arg(command).args(arguments);
    become_program(
        demo.env("VOBIZ_OPERATOR_BINARY", operator()?)
            .env("VOBIZ_SIMULATOR_BINARY", simulator()?),
    )
}

fn test(arguments: &[OsString]) -> Result<ExitCode> {
    build()?;
    let first = arguments.first().and_then(|argument| argument.to_str());
    let program = first.filter(|name| PROGRAMS.contains(name));
    if program.is_none_or(|name| !WITHOUT_CONTROL_PLANE.contains(&name)) {
        // Otherwise the first test to need it would build it, silently.
        let prepared = run(Command::new(binaries()?.join("vobiz-demo")).args(["prepare", "--judges"]))?;
        if prepared != ExitCode::SUCCESS {
            return Ok(prepared);
        }
    }
    let mut cargo = cargo()?;
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    cargo.env("VOBIZ_SIMULATOR_BINARY", simulator()?);
    collect_rarely(&mut cargo);
    if arguments.is_empty() {
        return test_all(cargo);
    }
    if program.is_some() {
        cargo.arg("--test");
    }
    become_program(cargo.args(arguments))
}

/// Most trials on the control plane wait, and the model does nothing but compute: it takes the time that the others leave.
fn test_all(mut others: Command) -> Result<ExitCode> {
    let built = status(cargo()?.args(["test", "--workspace", "--no-run"]))?;
    ensure!(built.success(), "failed to build the tests");
    let log = target()?.join("model.log");
    let output = File::create(&log).with_context(|| format!("failed to create {}", log.display()))?;
    let mut model = cargo()?;
    model.args(["test", "--workspace", "--test", "model"]);
    let model = Guarded::start(&model, 19, Some(&output))?;
    others.args(["--exclude", "vobiz-model"]);
    let others = Guarded::start(&others, 0, None)?.wait()?;
    eprintln!("\nthe model, which ran beside them:");
    let model = model.wait()?;
    let said = fs::read_to_string(&log).with_context(|| format!("failed to read {}", log.display()))?;
    print!("{said}");
    Ok(ExitCode::from(if others == 0 { model } else { others }))
}

/// The Go programs beside which a command works trade memory for time: a fifth of what the control plane computes is the
/// collection of its garbage. Not where they are measured.
fn collect_rarely(command: &mut Command) {
    if std::env::var_os("GOGC").is_none() {
        command.env("GOGC", "400");
    }
}

fn fuzz(arguments: &[OsString]) -> Result<ExitCode> {
    let places = fuzz::Places {
        root: root(),
        target: &target()?,
        cache: &cache()?,
    };
    fuzz::run(&places, arguments)
}

fn faults(arguments: &[OsString]) -> Result<ExitCode> {
    build()?;
    let mut campaign = Command::new(binaries()?.join("vobiz-faults"));
    campaign.args(arguments);
    collect_rarely(&mut campaign);
    become_program(
        campaign
            .env("VOBIZ_OPERATOR_BINARY", operator()?)
            .env("VOBIZ_SIMULATOR_BINARY", simulator()?),
    )
}

fn bench(arguments: &[OsString]) -> Result<ExitCode> {
    // What is no measurement of times takes the build of the tests.
    let is_counted = arguments
        .iter()
        .filter_map(|argument| argument.to_str())
        .any(|argument| argument == "--counts" || argument == "--from" || argument.starts_with("--from="));
    let (profile, selection): (_, &[&str]) = if is_counted {
        ("dev", &["--workspace"])
    } else {
        // These three alone: nothing else is ever built with this profile.
        let three = &[
            "--package=vobiz-operator",
            "--package=vobiz-simulator",
            "--package=vobiz-bench",
        ];
        ("release", three)
    };
    let earlier = match earlier::wanted(arguments)? {
        Some(revision) => Some(earlier::operator(revision, profile, selection, &cache()?)?),
        None => None,
    };
    let build = ["build", "--bins", "--profile", profile];
    let status = status(cargo()?.args(build).args(selection))?;
    ensure!(status.success(), "failed to build what is measured");
    let binaries = if is_counted {
        binaries()?
    } else {
        target()?.join("release")
    };
    let mut bench = Command::new(binaries.join("vobiz-bench"));
    if let Some(earlier) = earlier {
        bench.env("VOBIZ_EARLIER_OPERATOR_BINARY", earlier.binary);
        bench.env("VOBIZ_EARLIER_OPERATOR_COMMIT", earlier.commit);
    }
    become_program(
        bench
            .args(arguments)
            .env("VOBIZ_OPERATOR_BINARY", binaries.join("vobiz-operator"))
            .env("VOBIZ_SIMULATOR_BINARY", binaries.join("vobiz-simulator")),
    )
}

fn crds() -> Result<ExitCode> {
    build()?;
    become_program(
        Command::new(operator()?)
            .args(["crds", "--directory"])
            .arg(root().join("crds")),
    )
}

fn docs() -> Result<ExitCode> {
    build()?;
    let reference =
        run(Command::new(binaries()?.join("vobiz-reference")).arg(root().join("docs/reference")))?;
    if reference != ExitCode::SUCCESS {
        return Ok(reference);
    }
    become_program(
        Command::new(binaries()?.join("kubectl-vobiz"))
            .args(["manual", "--directory"])
            .arg(root().join("docs/man")),
    )
}

fn pictures(arguments: &[OsString]) -> Result<ExitCode> {
    let command = match arguments {
        [] => "draw",
        [record] if record == "--record" => "record",
        _ => bail!("pictures takes --record or nothing"),
    };
    build()?;
    become_program(
        Command::new(binaries()?.join("vobiz-pictures"))
            .arg(command)
            .env("VOBIZ_OPERATOR_BINARY", operator()?)
            .env("VOBIZ_SIMULATOR_BINARY", simulator()?),
    )
}

fn book() -> Result<ExitCode> {
    let places = book::Places {
        root: root(),
        cache: &cache()?,
        target: &target()?,
    };
    book::run(&places, cargo)
}

fn manifests() -> Result<ExitCode> {
    build()?;
    become_program(Command::new(binaries()?.join("vobiz-demo")).arg("manifests"))
}

fn build() -> Result<()> {
    let status = status(cargo()?.args(["build", "--workspace", "--bins"]))?;
    ensure!(status.success(), "failed to build the workspace");
    Ok(())
}

/// Becomes the program: a signal that is meant for what runs here, as a service manager's SIGTERM is, then reaches it.
/// Comes back only if that fails.
fn become_program(command: &mut Command) -> Result<ExitCode> {
    let error = command.exec();
    let program = command.get_program().to_string_lossy().into_owned();
    Err(error).with_context(|| format!("failed to run {program}"))
}

fn run(command: &mut Command) -> Result<ExitCode> {
    Ok(ExitCode::from(status_code(status(command)?)))
}

/// A signal has no code; shells then say 128 and its number, one code is enough here.
fn status_code(status: ExitStatus) -> u8 {
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1)
}

fn status(command: &mut Command) -> Result<ExitStatus> {
    command
        .status()
        .with_context(|| format!("failed to run {}", command.get_program().to_string_lossy()))
}

fn cargo() -> Result<Command> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut cargo = Command::new(program);
    cargo.current_dir(root()).env("CARGO_TARGET_DIR", target()?);
    // These describe this tool's own build; some build scripts look at them and would run again.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            cargo.env_remove(name);
        }
    }
    Ok(cargo)
}

fn operator() -> Result<PathBuf> {
    Ok(binaries()?.join("vobiz-operator"))
}

fn simulator() -> Result<PathBuf> {
    Ok(binaries()?.join("vobiz-simulator"))
}

fn binaries() -> Result<PathBuf> {
    Ok(target()?.join("debug"))
}

fn target() -> Result<PathBuf> {
    if let Some(set) = std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
        return std::path::absolute(set).context("failed to resolve CARGO_TARGET_DIR");
    }
    Ok(cache()?.join("target"))
}

fn cache() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let Some(cache) = cache.or(home) else {
        bail!("failed to find a cache folder: neither XDG_CACHE_HOME nor HOME is set");
    };
    Ok(cache.join("vobiz-operator"))
}

fn root() -> &'static Path {
    Path::new(env!("REPOSITORY"))
}
