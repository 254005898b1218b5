//! The command line, through the binary that is shipped: what it explains, what it refuses, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod vobiz;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The flags of `run`.
const FLAGS: [&str; 19] = [
    "--api-base-url",
    "--allow-insecure-api",
    "--api-ca-file",
    "--cluster-accounts",
    "--operator-namespace",
    "--watch-namespaces",
    "--max-concurrent-reconciles",
    "--request-timeout-seconds",
    "--settle-seconds",
    "--retention-seconds",
    "--max-backoff-seconds",
    "--secret-check-interval-seconds",
    "--watch-secrets",
    "--object-metrics",
    "--leader-elect",
    "--http-address",
    "--log-format",
    "--log-level",
    "--help",
];

/// The binary with nothing of this process's environment that it could act upon.
fn operator(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vobiz-operator"))
        .args(arguments)
        .env_clear()
        .env("HOME", "/nonexistent")
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

/// It ended with this code, named this on standard error, and printed nothing else.
fn assert_ends(output: &Output, code: i32, named: &str, arguments: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.contains(named), "{arguments:?}: {said}");
    assert!(stdout(output).is_empty());
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Each flag of `run --help` with the text that explains it.
fn explained() -> BTreeMap<String, String> {
    let help = operator(&["run", "--help"], &[]);
    assert_eq!(help.status.code(), Some(0));
    let mut flags: BTreeMap<String, String> = BTreeMap::new();
    let mut current = None;
    for line in stdout(&help).lines().map(str::trim) {
        let flag = line.strip_prefix("-h, ").unwrap_or(line);
        if flag.starts_with("--") {
            let name = flag.split([' ', '[', '=']).next().unwrap();
            current = Some(name.to_owned());
            flags.insert(name.to_owned(), String::new());
        } else if let Some(text) = current.as_ref().and_then(|name| flags.get_mut(name)) {
            text.push_str(line);
            text.push(' ');
        }
    }
    flags
}

#[test]
fn help_explains_every_flag_and_no_other() {
    let explained = explained();
    let mut expected = FLAGS.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(explained.keys().cloned().collect::<Vec<_>>(), expected);
    for (flag, text) in &explained {
        assert!(
            text.split_whitespace().count() >= 2,
            "{flag} is not explained: {text}"
        );
        let variable = format!(
            "[env: VOBIZ_{}]",
            flag.trim_start_matches('-').replace('-', "_").to_uppercase()
        );
        assert!(
            flag == "--help" || text.contains(&variable),
            "{flag} does not name {variable}: {text}"
        );
        assert!(
            !flag.ends_with("-seconds") || text.to_lowercase().contains("seconds"),
            "{flag} has no unit: {text}"
        );
        assert!(
            flag == "--help" || text.contains("[default: "),
            "{flag} does not say its default: {text}"
        );
    }
}

#[test]
fn a_variable_is_as_good_as_its_flag() {
    let by_flag = operator(&["run", "--api-base-url=http://api.vobiz.ai"], &[]);
    let by_variable = operator(&["run"], &[("VOBIZ_API_BASE_URL", "http://api.vobiz.ai")]);
    assert_eq!(by_flag.status.code(), Some(3));
    assert_eq!(by_variable.status.code(), Some(3));
    assert_eq!(stderr(&by_flag), stderr(&by_variable));
}

#[test]
fn a_configuration_that_cannot_work_ends_with_3_and_says_what_to_do() {
    for (arguments, remedy) in [
        (
            &["run", "--api-base-url=http://api.vobiz.ai"][..],
            "--allow-insecure-api",
        ),
        (
            &["run", "--api-base-url=api.vobiz.ai"],
            "https://HOST[:PORT][/PATH]",
        ),
        (&["run", "--api-ca-file=/nonexistent/ca.pem"], "readable PEM file"),
        (&["run", "--watch-namespaces=dev,Prod"], "lower case"),
        (&["run", "--settle-seconds=5"], "--request-timeout-seconds"),
        (&["run", "--log-level=verbose"], "debug"),
    ] {
        assert_ends(&operator(arguments, &[]), 3, remedy, arguments);
    }
}

#[test]
fn wrong_usage_ends_with_2_and_names_the_flag() {
    for (arguments, named) in [
        (
            &["run", "--request-timeout-seconds=soon"][..],
            "--request-timeout-seconds",
        ),
        (
            &["run", "--max-concurrent-reconciles=0"],
            "--max-concurrent-reconciles",
        ),
        (&["run", "--http-address=8080"], "--http-address"),
        (&["run", "--leader-elect=perhaps"], "--leader-elect"),
        (&["run", "--log-format=xml"], "json"),
        (&["runn"], "runn"),
        (&[], "Usage"),
    ] {
        let output = operator(arguments, &[]);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains(named),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn without_a_cluster_it_ends_with_3_and_says_how_to_name_one() {
    let output = operator(&["run", "--log-format=text"], &[]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("set KUBECONFIG"), "{}", stderr(&output));
}

#[test]
fn a_broken_kubeconfig_ends_with_3_and_nothing_of_it_is_repeated() {
    let directory = temporary_directory("kubeconfig");
    let file = directory.join("config");
    std::fs::write(&file, "users:\n- name: me\n  user: {token: s3cret-token\n").unwrap();
    let output = operator(
        &["run", "--log-level=trace"],
        &[("KUBECONFIG", file.to_str().unwrap())],
    );
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("$KUBECONFIG"), "{}", stderr(&output));
    assert!(!stderr(&output).contains("s3cret-token"), "{}", stderr(&output));
}

#[test]
fn a_credential_plugin_that_fails_ends_with_3_and_nothing_that_it_printed_is_repeated() {
    let directory = temporary_directory("plugin");
    let file = directory.join("config");
    let plugin = "{ apiVersion: client.authentication.k8s.io/v1, command: /bin/sh, interactiveMode: Never, \
                  args: [-c, 'echo s3cret-token; echo s3cret-token >&2; exit 1'] }";
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         clusters: [{{ name: here, cluster: {{ server: 'https://127.0.0.1:1' }} }}]\n\
         contexts: [{{ name: here, context: {{ cluster: here, user: me }} }}]\n\
         users: [{{ name: me, user: {{ exec: {plugin} }} }}]\n"
    );
    std::fs::write(&file, kubeconfig).unwrap();
    let output = operator(
        &["run", "--log-level=trace"],
        &[("KUBECONFIG", file.to_str().unwrap())],
    );
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("credentials"), "{}", stderr(&output));
    assert!(!stderr(&output).contains("s3cret-token"), "{}", stderr(&output));
}

#[test]
fn logs_are_json_unless_text_is_asked_for() {
    let json = stderr(&operator(&["run"], &[]));
    assert!(!json.is_empty());
    for line in json.lines() {
        let fields: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        assert!(
            fields["level"].is_string() && fields["message"].is_string(),
            "{line}"
        );
    }
    let text = stderr(&operator(&["run", "--log-format=text"], &[]));
    assert!(!text.starts_with('{') && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn version_names_version_and_commit() {
    let output = operator(&["version"], &[]);
    assert_eq!(output.status.code(), Some(0));
    let commit = option_env!("VOBIZ_COMMIT").unwrap_or("unknown");
    assert_eq!(
        stdout(&output),
        format!("vobiz-operator {} ({commit})\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn crds_prints_and_writes_the_definitions_that_the_repository_ships() {
    let printed = operator(&["crds"], &[]);
    assert_eq!(printed.status.code(), Some(0));
    let directory = temporary_directory("crds");
    let written = operator(&["crds", "--directory", directory.to_str().unwrap()], &[]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    let files = yaml_files(&directory);
    std::fs::remove_dir_all(&directory).unwrap();
    let mut shipped = yaml_files(&Path::new(env!("REPOSITORY")).join("crds"));
    shipped.remove("kustomization.yaml");
    assert_eq!(
        files, shipped,
        "crds/ is not what the code says: run `cargo xtask crds`"
    );
    let mut documents: Vec<String> = stdout(&printed).split("---\n").map(str::to_owned).collect();
    documents.sort();
    let mut contents: Vec<String> = files.into_values().collect();
    contents.sort();
    assert_eq!(documents, contents);
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let output = operator(&["crds", "--directory", "/nonexistent/crds"], &[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stderr(&output).contains("/nonexistent/crds"),
        "{}",
        stderr(&output)
    );
}

fn yaml_files(directory: &Path) -> BTreeMap<String, String> {
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read_to_string(entry.path()).unwrap(),
            )
        })
        .collect()
}

fn temporary_directory(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("vobiz-operator-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}
