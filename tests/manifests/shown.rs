//! Every command that a document shows is typed by a test, or it is said here why none types it.

use crate::documents::{all_blocks, text};

/// What becomes of the blocks of a document that have these words; without words, of all of them.
struct Shown {
    document: &'static str,
    words: &'static str,
    how: How,
}

enum How {
    /// A trial, or a test, that takes it from the document: its file, and what it is called there.
    Typed(&'static str, &'static str),
    /// A trial, or a test, that does the same with names and words of its own.
    Alike(&'static str, &'static str),
    /// Why none.
    Untyped(&'static str),
}

use How::{Alike, Typed, Untyped};

const fn shown(document: &'static str, words: &'static str, how: How) -> Shown {
    Shown { document, words, how }
}

const NEWCOMER: How = Typed(
    "tests/e2e/runbook/cluster.rs",
    "README and runbook, followed word for word beside another product with kinds of the same names",
);
const RUNBOOK: How = Typed(
    "tests/e2e/runbook.rs",
    "every row of the runbook, every command in it and every message that names a remedy has a trial that carries it out",
);
const START: How = Typed(
    "tests/e2e/documents.rs",
    "docs/start, followed word for word, leads from a parent's pair to a Subaccount and back",
);
const HOW_TO: How = Typed(
    "tests/e2e/documents.rs",
    "docs/how-to, followed word for word, has accounts adopted, pairs used, plans told and what was kept taken back",
);
const HELM: How = Alike(
    "tests/e2e/helm.rs",
    "Helm installs, upgrades, rolls back and removes the operator, waits for what is true, and no Subaccount is touched",
);
const ONE_FILE: How = Typed(
    "tests/e2e/helm.rs",
    "the operator is installed from one file as the README says, and Helm takes it over",
);
const OF_THE_PROJECT: How =
    Untyped("runs every test, or for as long as they do: `.ci/run` and people type it");
const OUTPUT: How = Untyped("what a trial printed, to show how it looks");

const ALL: &[Shown] = &[
    shown("README.md", "$ kubectl", OUTPUT),
    shown("README.md", "cargo xtask", OF_THE_PROJECT),
    shown("README.md", "docker build", NEWCOMER),
    shown("README.md", "helm install", HELM),
    shown("README.md", "> install.yaml", ONE_FILE),
    shown(
        "README.md",
        "set env deployment",
        Untyped(
            "there is no kubelet that would start the Deployment anew; what the variable does, `rights.rs` tries",
        ),
    ),
    shown("charts/vobiz-operator/README.md", "--take-ownership", ONE_FILE),
    shown("charts/vobiz-operator/README.md", "helm install", HELM),
    shown("README.md", "kubectl apply -k vobiz-operator/crds", NEWCOMER),
    shown(
        "README.md",
        "manifests/watched-namespace",
        Alike(
            "tests/e2e/rights.rs",
            "a namespace that is named before it is granted is told by /readyz, and needs no restart once it is",
        ),
    ),
    shown("README.md", "create secret generic vobiz-credentials", NEWCOMER),
    shown("README.md", "kubectl apply --filename subaccounts.yaml", NEWCOMER),
    shown("README.md", "kubectl wait --for=condition=Ready", NEWCOMER),
    shown(
        "README.md",
        "create secret generic reseller",
        Alike(
            "tests/e2e/cluster_accounts.rs",
            "the reseller's ClusterAccount serves three customers, each in its namespace, by one command",
        ),
    ),
    shown("README.md", "create secret generic globex-vobiz", HOW_TO),
    shown(
        "README.md",
        "cargo install",
        Untyped("builds what is built already, into the folder of the user's programs"),
    ),
    shown("CONTRIBUTING.md", "", OF_THE_PROJECT),
    shown("docs/runbook.md", "", RUNBOOK),
    shown("docs/scale.md", "cargo xtask", OF_THE_PROJECT),
    shown(
        "docs/clients.md",
        "",
        Alike(
            "tests/manifests/definitions.rs",
            "kustomize_renders_every_definition",
        ),
    ),
    shown("docs/start/first-subaccount.md", "", START),
    shown("docs/how-to/adopt.md", "", HOW_TO),
    shown("docs/how-to/delete.md", "", HOW_TO),
    shown("docs/how-to/look-before-you-apply.md", "", HOW_TO),
    shown(
        "docs/how-to/share-a-parent.md",
        "",
        Typed(
            "tests/e2e/documents.rs",
            "docs/how-to/share-a-parent, followed word for word, gives a tenant subaccounts of a parent that it does not see",
        ),
    ),
    shown("docs/how-to/use-the-pair.md", "", HOW_TO),
    shown(
        "manifests/gitops/README.md",
        "gitops/flux",
        Untyped("there is no Flux here; what the folder holds is judged by Flux's own library"),
    ),
    shown(
        "manifests/gitops/README.md",
        "argocd-cm-patch.yaml",
        Untyped(
            "there is no Argo CD here; `argocd` runs the scripts that the patch brings, in the interpreter that Argo CD has",
        ),
    ),
    shown(
        "manifests/gitops/README.md",
        "argocd/applications.yaml",
        Untyped("there is no Argo CD here; `argocd/applications.rs` looks at what they name"),
    ),
    shown(
        "manifests/subaccounts/README.md",
        "overlays/dev",
        Alike(
            "tests/e2e/environments.rs",
            "one set of manifests makes dev, staging and prod by Flux and by kubectl, with the names and the deletion policy of each",
        ),
    ),
    shown(
        "manifests/subaccounts/README.md",
        "departments",
        Alike(
            "tests/e2e/environments.rs",
            "each department of the shipped sample has a subaccount with what it may do, kept disabled when it closes",
        ),
    ),
    shown(
        "manifests/subaccounts/README.md",
        "reseller",
        Alike(
            "tests/e2e/cluster_accounts.rs",
            "the reseller's ClusterAccount serves three customers, each in its namespace, by one command",
        ),
    ),
];

#[test]
fn every_command_that_is_shown_is_typed_or_it_is_said_why_not() {
    let mut used = vec![false; ALL.len()];
    let mut wrong = Vec::new();
    for language in ["sh", "console"] {
        for (document, block) in all_blocks(language) {
            let is_it = |shown: &Shown| shown.document == document && block.contains(shown.words);
            match ALL.iter().position(is_it) {
                Some(found) => used[found] = true,
                None => wrong.push(format!("nothing is said of what {document} shows:\n{block}")),
            }
        }
    }
    for (shown, is_used) in ALL.iter().zip(used) {
        if !is_used {
            wrong.push(format!("{} shows no '{}'", shown.document, shown.words));
        }
        match shown.how {
            Typed(file, name) | Alike(file, name) if !text(file).contains(name) => {
                wrong.push(format!(
                    "{file} has no '{name}', which is to try what stands in {}",
                    shown.document
                ));
            }
            Untyped("") => wrong.push(format!("{}: why?", shown.document)),
            Typed(..) | Alike(..) | Untyped(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
