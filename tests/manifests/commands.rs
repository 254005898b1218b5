//! Every command that we show or run names our kinds so that another product's of the same name are not meant.

use std::fs;
use std::path::{Path, PathBuf};

use crate::render;

/// Where commands are shown to people, or run by what is shown to them.
const PLACES: [&str; 15] = [
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "Dockerfile",
    "docs",
    "manifests",
    "charts",
    "crds",
    "findings",
    "src",
    "protocol",
    "xtask",
    "tests/harness",
    "tests/e2e",
    "tests/faults",
];
/// Other products have the same plurals and kinds: kubectl takes whichever the API server names first.
const BARE: [&str; 4] = ["subaccount", "subaccounts", "account", "accounts"];
/// Short names may be another product's too, which does no harm where a person looks at what is shown.
const SHORT: [&str; 2] = ["vsa", "va"];
const READ_ONLY: [&str; 3] = ["get", "describe", "explain"];
const VERBS: [&str; 13] = [
    "get",
    "describe",
    "explain",
    "wait",
    "delete",
    "annotate",
    "label",
    "patch",
    "edit",
    "replace",
    "scale",
    "auth",
    "api-resources",
];

fn files_below(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        let name = path.file_name().unwrap().to_string_lossy();
        let known = ["md", "yaml", "rs", "sh", "toml"].map(|known| format!(".{known}"));
        if known.iter().any(|known| name.ends_with(known)) || name == "Dockerfile" {
            found.push(path.to_owned());
        }
        return;
    }
    for entry in fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
        files_below(&entry.unwrap().path(), found);
    }
}

/// Every command in a text: after `kubectl` to the end of its line, or of the quotation that it stands in.
fn shown(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let mut commands = Vec::new();
    for line in joined.lines() {
        for rest in line.split("kubectl ").skip(1) {
            let end = rest
                .find(['`', ';', '|', '&', '>', ')', '"'])
                .unwrap_or(rest.len());
            let words = rest[..end].split_whitespace().map(str::to_owned);
            commands.push(words.collect());
        }
    }
    commands
}

/// Every command that Rust code runs: a list of text literals that has a verb of kubectl.
fn run_by_code(text: &str) -> Vec<Vec<String>> {
    let lists = text
        .split('[')
        .skip(1)
        .map(|rest| rest.split(']').next().unwrap_or_default());
    lists
        .map(|list| {
            let literals = list.split('"').skip(1).step_by(2);
            literals.map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|words| words.iter().any(|word| VERBS.contains(&word.as_str())))
        .collect()
}

/// What names a kind that is not ours alone.
fn ambiguous(words: &[String]) -> Option<&str> {
    let verb = words.iter().find(|word| VERBS.contains(&word.as_str()))?;
    let short_is_safe = READ_ONLY.contains(&verb.as_str());
    words.iter().map(String::as_str).find(|word| {
        word.split(',').any(|resource| {
            // `kind/name`, and `kind.field` of `explain`.
            let kind = resource.split('/').next().unwrap_or_default();
            let kind = if kind.contains(".vobiz.ai") {
                kind
            } else {
                kind.split('.').next().unwrap_or_default()
            };
            BARE.contains(&kind) && !is_file(resource) || SHORT.contains(&kind) && !short_is_safe
        })
    })
}

fn is_file(word: &str) -> bool {
    [".json", ".yaml", ".yml"]
        .iter()
        .any(|ending| word.ends_with(ending))
}

#[test]
fn every_command_names_our_kinds_and_nobody_elses() {
    let mut files = Vec::new();
    for place in PLACES {
        files_below(&render::root().join(place), &mut files);
    }
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let mut commands = shown(&text);
        if path.extension().is_some_and(|extension| extension == "rs") {
            commands.extend(run_by_code(&text));
        }
        seen += commands.len();
        for words in commands {
            if let Some(word) = ambiguous(&words) {
                wrong.push(format!(
                    "{}: '{word}' in kubectl {}",
                    path.display(),
                    words.join(" ")
                ));
            }
        }
    }
    assert!(seen > 60, "the commands were not found: {seen}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_kind_that_another_product_may_have_is_noticed() {
    let is_ambiguous = |text: &str| shown(text).iter().any(|words| ambiguous(words).is_some());
    for text in [
        "kubectl get subaccounts",
        "`kubectl delete subaccounts --all --all-namespaces`",
        "kubectl annotate account acme \\\n  vobiz.ai/confirm-mass-deletion=1",
        "run `kubectl get pods,accounts`",
        "kubectl wait --for=condition=Ready vsa/acme",
        "kubectl delete va/vobiz",
        "kubectl get subaccount/acme",
        "kubectl explain subaccount.spec",
    ] {
        assert!(is_ambiguous(text), "{text}");
    }
    for text in [
        "kubectl get vsa",
        "kubectl explain vsa.spec",
        "kubectl delete subaccounts.vobiz.ai --all",
        "kubectl get accounts.vobiz.ai,subaccounts.vobiz.ai",
        "kubectl wait --for=condition=Ready subaccounts.vobiz.ai/acme",
        "kubectl create --filename accounts.json",
        "kubectl create --filename subaccounts.json",
    ] {
        assert!(!is_ambiguous(text), "{text}");
    }
    let code = r#"self.kubectl(&["delete", "subaccount", "acme", "-n", NAMESPACE])"#;
    assert!(run_by_code(code).iter().any(|words| ambiguous(words).is_some()));
}
