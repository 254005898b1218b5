//! The command line of `kubectl vobiz`, through the binary that is shipped: no cluster is asked.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use crate::{assert_ends, stderr, stdout, temporary_directory};

/// The commands, each with flags of its own that its help explains.
const COMMANDS: [(&str, &[&str]); 7] = [
    (
        "plan",
        &[
            "--filename",
            "--kustomize",
            "--prune",
            "--selector",
            "--output",
            "--auth-id",
            "--auth-token-file",
        ],
    ),
    (
        "status",
        &["--all-namespaces", "--no-headers", "--watch", "--output"],
    ),
    (
        "import",
        &[
            "--all",
            "--auth-id",
            "--account",
            "--cluster-account",
            "--namespace-from",
            "--observe",
            "--output",
        ],
    ),
    ("completion", &[]),
    (
        "orphans",
        &[
            "--account",
            "--cluster-account",
            "--all-namespaces",
            "--no-headers",
            "--output",
            "--auth-id",
            "--auth-token-file",
        ],
    ),
    (
        "doctor",
        &["--all-namespaces", "--check-secrets", "--no-headers", "--output"],
    ),
    ("version", &[]),
];
/// What kubectl has, and how Vobiz is reached.
const EVERYWHERE: [&str; 7] = [
    "--kubeconfig",
    "--context",
    "--namespace",
    "--operator-namespace",
    "--api-base-url",
    "--api-ca-file",
    "--offline",
];
/// A cluster that does not answer.
const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
    clusters: [{ name: here, cluster: { server: 'https://127.0.0.1:1' } }]\n\
    contexts: [{ name: here, context: { cluster: here, user: me, namespace: team } }]\n\
    users: [{ name: me, user: { token: s3cret-token } }]\n";

/// The binary with nothing of this process's environment that it could act upon.
fn vobiz(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kubectl-vobiz"))
        .args(arguments)
        .env_clear()
        .env("HOME", "/nonexistent")
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn help_explains_every_flag_of_every_command() {
    for (command, flags) in COMMANDS {
        let help = vobiz(&[command, "--help"], &[]);
        assert_eq!(help.status.code(), Some(0));
        let text = stdout(&help);
        assert!(text.contains(&format!("kubectl vobiz {command}")), "{text}");
        for flag in flags.iter().chain(&EVERYWHERE) {
            let lines = text.lines().skip_while(|line| !line.contains(flag));
            let explanation: String = lines.take(4).collect();
            assert!(
                explanation.split_whitespace().count() > 4,
                "{command} does not explain {flag}: {text}"
            );
        }
    }
}

#[test]
fn wrong_usage_ends_with_2_and_names_what_is_wrong() {
    for (arguments, named) in [
        (&["plan"][..], "--filename"),
        (&["plan", "-f", "x.yaml", "--prune"], "--selector"),
        (&["plan", "-f", "x.yaml", "-o", "xml"], "markdown"),
        (&["status", "acme", "-A"], "--all-namespaces"),
        (&["status", "acme", "--watch"], "--watch"),
        (&["status", "--auth-id", "MA_X"], "--auth-token-file"),
        (&["import"], "--all"),
        (&["import", "--all", "--auth-id", "SA_1"], "--auth-id"),
        (
            &["orphans", "--account", "a", "--cluster-account", "b"],
            "--cluster-account",
        ),
        (&["orphans", "--account", "a", "-A"], "--all-namespaces"),
        (&["orphans", "-A", "-n", "team"], "--namespace"),
        (&["orphans", "-o", "markdown"], "yaml"),
        (&["orphans", "--auth-id", "MA_X"], "--auth-token-file"),
        (&["doctor", "-A", "--namespace", "team"], "--namespace"),
        (&["doctor", "--auth-id", "MA_X"], "--auth-id"),
        (&["statuss"], "status"),
        (&["completion", "tcsh"], "bash"),
        (&[], "Usage"),
    ] {
        assert_ends(&vobiz(arguments, &[]), 2, named, arguments);
    }
}

#[test]
fn what_cannot_be_told_ends_with_3_and_one_line_that_says_why_and_shows_no_token() {
    let directory = temporary_directory("vobiz");
    let place = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let kubeconfig = place("config", KUBECONFIG);
    let broken = place("broken.yaml", "kind: Secret\nstringData: { token: s3cret-token\n");
    let token = place("token", "s3cret token\n");
    let here = format!("--kubeconfig={kubeconfig}");
    for (arguments, named) in [
        (&["status", "--kubeconfig=/nonexistent"][..], "--kubeconfig"),
        (&["status", &here, "--context=there"], "--context"),
        (&["status", &here], "kubectl reaches the cluster"),
        (&["orphans", &here], "kubectl reaches the cluster"),
        (&["doctor", &here], "kubectl reaches the cluster"),
        (&["plan", &here, "-f", "/nonexistent.yaml"], "/nonexistent.yaml"),
        (&["plan", &here, "-f", &broken], "broken.yaml"),
        (
            &["status", &here, "--api-base-url=http://api.vobiz.ai"],
            "--allow-insecure-api",
        ),
        (
            &["status", &here, "--auth-id=MA_X", "--auth-token-file", &token],
            "--auth-token-file",
        ),
    ] {
        let output = vobiz(arguments, &[]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {said}");
        assert!(said.contains(named), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        assert!(!said.contains("s3cret"), "{arguments:?}: {said}");
        assert!(stdout(&output).is_empty());
    }
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn version_names_version_and_commit() {
    let output = vobiz(&["version"], &[]);
    assert_eq!(output.status.code(), Some(0));
    let commit = option_env!("VOBIZ_COMMIT").unwrap_or("unknown");
    let expected = format!("kubectl-vobiz {} ({commit})\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(stdout(&output), expected);
}

#[test]
fn what_is_wrong_with_manifests_is_told_line_by_line_where_no_cluster_answers() {
    let directory = temporary_directory("vobiz-offline");
    let place = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let kubeconfig = format!("--kubeconfig={}", place("config", KUBECONFIG));
    let manifests = place(
        "all.yaml",
        "apiVersion: vobiz.ai/v1alpha1\nkind: Subaccount\nmetadata: { name: acme }\n\
         spec: { accountRef: { name: vobiz }, rateLimit: 0, nmae: Acme, kycMode: customer_use }\n---\n\
         apiVersion: vobiz.ai/v1alpha1\nkind: ClusterAccount\nmetadata: { name: shared }\nspec: { namePrefix: '{' }\n---\n\
         apiVersion: vobiz.ai/v1alpha1\nkind: Account\nmetadata: { name: vobiz }\nspec: { credentialsSecretRef: { name: parent } }\n",
    );
    for (cluster, namespace) in [
        (kubeconfig.as_str(), "team"),
        ("--kubeconfig=/nonexistent", "default"),
    ] {
        let output = vobiz(&["plan", cluster, "-f", &manifests], &[]);
        let said = stderr(&output);
        let mut lines: Vec<&str> = said.lines().collect();
        assert!(lines.pop().unwrap().starts_with("kubectl vobiz: "), "{said}");
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "ClusterAccount shared: spec.credentialsSecretRef: Required value; add it".to_owned(),
                format!(
                    "Subaccount {namespace}/acme: spec.rateLimit: Invalid value: 0: spec.rateLimit in body should be greater than or equal \
                     to 1; correct it"
                ),
                format!(
                    "Subaccount {namespace}/acme: spec: Invalid value: kycMode customer_use needs an email: set spec.email"
                ),
                format!(
                    "Subaccount {namespace}/acme: unknown field \"spec.nmae\"; correct its name, or take it out"
                ),
            ]
        );
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(3), ""));
    }
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn every_shell_has_a_script_that_completes_the_program() {
    for (shell, hook) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef kubectl-vobiz"),
        ("fish", "complete -c kubectl-vobiz"),
    ] {
        let output = vobiz(&["completion", shell], &[]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let script = stdout(&output);
        for word in [hook, "kubectl-vobiz", "plan", "import", "no-headers"] {
            assert!(script.contains(word), "{shell} has no {word}");
        }
    }
    let help = stdout(&vobiz(&["completion", "--help"], &[]));
    assert!(help.contains("kubectl_complete-vobiz"), "{help}");
}

#[test]
fn the_manual_in_the_repository_is_that_of_the_command_line() {
    let pages = |folder: &Path| -> BTreeMap<String, String> {
        let files = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
        files
            .map(|file| {
                let text = std::fs::read_to_string(file.path()).unwrap();
                (file.file_name().into_string().unwrap(), text)
            })
            .collect()
    };
    let directory = temporary_directory("vobiz-manual");
    let written = vobiz(&["manual", "--directory", directory.to_str().unwrap()], &[]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    let made = pages(&directory);
    for (command, flags) in COMMANDS {
        let page = &made[&format!("kubectl-vobiz-{command}.1")];
        for flag in flags {
            let name = flag.trim_start_matches('-').replace('-', "\\-");
            assert!(page.contains(&name), "{command} does not tell of {flag}: {page}");
        }
    }
    let stored = pages(&Path::new(env!("REPOSITORY")).join("docs/man"));
    assert!(made == stored, "docs/man is out of date: run `cargo xtask docs`");
    std::fs::remove_dir_all(&directory).unwrap();
}
