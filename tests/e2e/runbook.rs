//! Every row of `docs/runbook.md` that says what to do, and every message that does: brought about with the pauses that the
//! operator is shipped with, the remedy carried out as it is written, and its end seen within five seconds.

mod account;
mod cluster;
pub mod document;
mod refused;
mod subaccount;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use vobiz_harness::markdown::blocks;
use vobiz_harness::objects::{Kind, Objects};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

/// What a person may expect on a machine that is not overloaded.
const PROMISED: Duration = Duration::from_secs(5);
/// The trials share two cores with each other and with a control plane each of whose answers may take a second then.
const SLOW_MACHINE: u32 = 3;

/// One remedy, and the trial that carries it out.
pub struct Entry {
    /// `heading / first cell` of its row; none: a message says it, and no row.
    pub row: Option<&'static str>,
    /// What is done.
    pub way: &'static str,
    /// What the messages say that are shown in this state, without what is filled in.
    pub says: &'static [&'static str],
    /// Brings the state about and ends it.
    pub run: Run,
}

pub type Run = fn(Arc<TestBed>, &'static [&'static str]) -> BoxFuture<'static, Result<()>>;

macro_rules! entry {
    ($row:expr, $way:expr, $says:expr, $run:path) => {
        $crate::runbook::Entry {
            row: $row,
            way: $way,
            says: $says,
            run: |bed, says| Box::pin($run(bed, says)),
        }
    };
}
use entry;

/// What is carried out by a trial of another subject: a part of the message or the row, the file, and the trial's name.
struct Elsewhere {
    what: &'static str,
    file: &'static str,
    trial: &'static str,
}

const fn elsewhere(what: &'static str, file: &'static str, trial: &'static str) -> Elsewhere {
    Elsewhere { what, file, trial }
}

const UNREADABLE: &str =
    "a stored object that cannot be read, or has a value that no enumeration has, says so and harms no other";
const LABELS: &str =
    "a namespace is allowed and no longer allowed as its labels say, and deletions work all the same";
const ROWS_ELSEWHERE: &[Elsewhere] = &[
    elsewhere(
        "A Subaccount is Stalled / NamespaceNotAllowed",
        "tests/e2e/cluster_accounts.rs",
        LABELS,
    ),
    elsewhere(
        "A Subaccount is Stalled / Unsupported",
        "tests/e2e/validation.rs",
        UNREADABLE,
    ),
    elsewhere(
        "An Account is in trouble / Unsupported",
        "tests/e2e/validation.rs",
        UNREADABLE,
    ),
    elsewhere(
        "Leftovers and orphans / OrphanedAccount",
        "tests/e2e/vobiz_orphans.rs",
        LISTED,
    ),
    elsewhere(
        "Leftovers and orphans / OrphanedRecord",
        "tests/e2e/vobiz_orphans.rs",
        LISTED,
    ),
    elsewhere(
        "Leftovers and orphans / DamagedRecord",
        "tests/e2e/vobiz_orphans.rs",
        LISTED,
    ),
    elsewhere(
        "Leftovers and orphans / PendingRecord",
        "tests/e2e/vobiz_orphans.rs",
        LISTED,
    ),
    elsewhere(
        "Leftovers and orphans / Leftover",
        "tests/e2e/vobiz_orphans.rs",
        LISTED,
    ),
    elsewhere(
        "Leftovers and orphans / KeptRecord",
        "tests/e2e/vobiz_orphans.rs",
        LISTED,
    ),
    elsewhere(
        "Leftovers and orphans / UnownedAccount",
        "tests/e2e/vobiz_orphans.rs",
        LISTED,
    ),
    elsewhere(
        "Kubernetes refuses a write / --api-ca-file: ...",
        "tests/e2e/network.rs",
        TORN,
    ),
    elsewhere(
        "Kubernetes refuses a write / HTTPS_PROXY: ..., or another of the variables that name a proxy",
        "tests/e2e/network.rs",
        UNUSABLE_PROXY,
    ),
    elsewhere(
        "Traces do not arrive / traces are asked for, and none are sent",
        "tests/e2e/traces.rs",
        UNSENT,
    ),
    elsewhere(
        "Traces do not arrive / the collector takes no traces",
        "tests/e2e/traces.rs",
        UNSENT,
    ),
];
const UNSENT: &str = "a collector is sent a span of each pass and each request, and one that takes nothing is told once and holds nothing up";
const LISTED: &str = "kubectl vobiz orphans lists each sort of what no object keeps, and none once it is done what the runbook says";
const TORN: &str =
    "a CA file that changes is trusted as it is now, and a torn one leaves those trusted who were";
const UNUSABLE_PROXY: &str =
    "a proxy that cannot be used ends no process, and what its URL holds is told nobody";
const REFUSED: &str = "an_api_server_takes_every_manifest_and_refuses_what_cannot_work";
const MENDED: &str =
    "somebody who lacks a right, or the parent's pair, does what they are told, and learns what they asked";
const CONFIGURED: &str = "a_configuration_that_cannot_work_ends_with_3_and_says_what_to_do";
const REFUSED_ADOPTION: &str = "an account is refused without a right, while another object keeps it, and where there is none, and nothing is created";
const MESSAGES_ELSEWHERE: &[Elsewhere] = &[
    elsewhere("the collector takes no traces", "tests/e2e/traces.rs", UNSENT),
    elsewhere(
        "have it added to its spec.allowedNamespaces",
        "tests/e2e/cluster_accounts.rs",
        LABELS,
    ),
    elsewhere(
        "ask whoever runs it, or use an Account",
        "tests/e2e/cluster_accounts.rs",
        "an operator that does not look at ClusterAccounts says so and goes on with Accounts",
    ),
    elsewhere(
        "set spec.managementPolicy to Full to have it changed",
        "tests/e2e/adoption.rs",
        "an account that is only looked at is never written to, and is kept as soon as the manifest asks for that",
    ),
    elsewhere(
        "create one that names a subaccount which is there, or none",
        "tests/e2e/adoption.rs",
        REFUSED_ADOPTION,
    ),
    elsewhere(
        "which another Subaccount keeps, or is about to",
        "tests/e2e/adoption.rs",
        REFUSED_ADOPTION,
    ),
    elsewhere(
        "vobiz.ai/allow-adoption: \"true\", which is looked at again within a minute",
        "tests/e2e/adoption.rs",
        "an account is adopted by a grant, with its token where the API shows it, and else once its pair is put into the Secret",
    ),
    elsewhere("authId cannot be changed", "tests/manifests/refusals.rs", REFUSED),
    elsewhere(
        "must have at most 37 characters beside {namespace}",
        "tests/manifests/refusals.rs",
        REFUSED,
    ),
    elsewhere("no other braces", "tests/manifests/refusals.rs", REFUSED),
    elsewhere("In and NotIn need values", "tests/manifests/refusals.rs", REFUSED),
    elsewhere(
        "make it leave this Secret alone",
        "tests/e2e/contest.rs",
        "somebody who insists on another label, annotation, token or owner, or on no Secret, is told of and not fought over",
    ),
    elsewhere(
        "set spec.apiGeneration to Auto or {served}",
        "tests/e2e/generation_moves.rs",
        "an Account of a retired generation 1 names the way, and {way} works",
    ),
    elsewhere(
        "let this object go without it: delete it with the annotation",
        "tests/e2e/variants.rs",
        "an account that another main account has taken is told with the way out, and its neighbours do not notice",
    ),
    elsewhere(
        "those it named before are still trusted; correct the file",
        "tests/e2e/network.rs",
        TORN,
    ),
    elsewhere(
        "and none is used; correct it or unset it",
        "tests/e2e/network.rs",
        UNUSABLE_PROXY,
    ),
    elsewhere(
        "apply it again as its schema asks",
        "tests/e2e/validation.rs",
        UNREADABLE,
    ),
    elsewhere(
        "let the webhook admit it",
        "tests/e2e/subaccount_refused.rs",
        "a webhook that denies with 422 is told by its name and not taken for a test that failed",
    ),
    elsewhere(
        "correct or delete the Secret {name} of the operator",
        "tests/e2e/bad_objects.rs",
        "a Record that a person damaged is told by its key and never guessed",
    ),
    elsewhere(
        "put its pair into the Secret that spec.secretRef names, or have the annotation",
        "tests/e2e/restores.rs",
        "objects that are restored into a namespace made anew, or a new cluster, get their accounts back by a proof or a word",
    ),
    elsewhere(
        "remove it, or leave it to the next Subaccount of this name",
        "tests/e2e/ownership.rs",
        "a Secret that --cascade=orphan leaves with the pair of a deleted account is told of, and makes room for the next object",
    ),
    elsewhere(
        "restore it from a backup, or delete the ConfigMap",
        "tests/e2e/process_refused.rs",
        "an operator whose installation was edited ends and says so",
    ),
    elsewhere(
        "must not contain control characters",
        "tests/manifests/refusals.rs",
        REFUSED,
    ),
    elsewhere(
        "must not contain '[vobiz-operator '",
        "tests/manifests/refusals.rs",
        REFUSED,
    ),
    elsewhere(
        "must not use keys of vobiz.ai/",
        "tests/manifests/refusals.rs",
        REFUSED,
    ),
    elsewhere(
        "metadata.name must be at most 63 characters",
        "tests/manifests/refusals.rs",
        REFUSED,
    ),
    elsewhere("set spec.email", "tests/manifests/refusals.rs", REFUSED),
    elsewhere("give each its own key", "tests/manifests/refusals.rs", REFUSED),
    elsewhere(
        "accountRef cannot be changed",
        "tests/manifests/refusals.rs",
        REFUSED,
    ),
    elsewhere(
        "use https, or --allow-insecure-api",
        "tests/command/main.rs",
        CONFIGURED,
    ),
    elsewhere("failed to read --", "tests/command/main.rs", CONFIGURED),
    elsewhere(
        "set KUBECONFIG to a kubeconfig",
        "tests/command/main.rs",
        "without_a_cluster_it_ends_with_3_and_says_how_to_name_one",
    ),
    elsewhere(
        "ask for that right, or use another --context",
        "tests/e2e/vobiz_views.rs",
        MENDED,
    ),
    elsewhere(
        "correct the pair in the credentials Secret, or give --auth-id",
        "tests/e2e/vobiz_views.rs",
        MENDED,
    ),
    elsewhere(
        "its object was never applied: give --auth-id",
        "tests/e2e/vobiz_views.rs",
        MENDED,
    ),
    elsewhere(
        "correct --kubeconfig or --context, or the file",
        "tests/command/vobiz.rs",
        "what_cannot_be_told_ends_with_3_and_one_line_that_says_why_and_shows_no_token",
    ),
    elsewhere(
        "correct the file or unset the variable",
        "tests/command/main.rs",
        "a_broken_kubeconfig_ends_with_3_and_nothing_of_it_is_repeated",
    ),
];
/// Said by a process that ends at once, to whom no object and no trial belongs; and where Vobiz retires a generation for good
/// in the middle of a create: its remedy is an act in Vobiz's console.
const UNTRIED: [&str; 5] = [
    "an Account lists at most {MOST_GRANTS} ids",
    "waits until the list of the API generation under which it was being made",
    "failed to use the proxy-url of the kubeconfig",
    "choose another address or a free port",
    "check certificates and credentials of the kubeconfig",
];

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "every row of the runbook, every command in it and every message that names a remedy has a trial that carries it out",
        |_| async { ensure_complete() },
    );
    for entry in entries() {
        let row = entry.row.unwrap_or("a message");
        let name = format!("the runbook's remedy works: {row}: {}", entry.way);
        suite.test(&name, move |bed| (entry.run)(bed, entry.says));
    }
}

fn entries() -> Vec<Entry> {
    let mut entries = subaccount::entries();
    entries.extend(account::entries());
    entries.extend(refused::entries());
    entries.extend(cluster::entries());
    entries
}

fn ensure_complete() -> Result<()> {
    document::self_test()?;
    let runbook = document::runbook()?;
    let mut wrong = Vec::new();

    let rows: BTreeSet<String> = document::rows(&runbook).into_iter().map(|row| row.key).collect();
    ensure!(rows.len() > 20, "the rows were not found: {rows:#?}");
    let entries = entries();
    let tried: BTreeSet<String> = entries
        .iter()
        .filter_map(|entry| entry.row)
        .chain(ROWS_ELSEWHERE.iter().map(|found| found.what))
        .map(str::to_owned)
        .collect();
    wrong.extend(
        rows.difference(&tried)
            .map(|row| format!("no trial carries out what the row says: {row}")),
    );
    wrong.extend(
        tried
            .difference(&rows)
            .map(|row| format!("the runbook has no such row: {row}")),
    );

    for (place, text) in document::remedies_in_source()? {
        let said = |part: &&str| text.contains(*part);
        let by_entry = entries
            .iter()
            .flat_map(|entry| entry.says.iter().copied())
            .any(|part| said(&part));
        let by_other = MESSAGES_ELSEWHERE
            .iter()
            .map(|found| found.what)
            .any(|part| said(&part));
        if !by_entry && !by_other && !UNTRIED.iter().any(said) {
            wrong.push(format!(
                "no trial carries out what a message says: {text:?} in {place}"
            ));
        }
    }

    let mut trials = String::new();
    for folder in ["tests/e2e", "tests/e2e/runbook"] {
        for found in std::fs::read_dir(vobiz_harness::products::repository().join(folder))? {
            let path = found?.path();
            if path.is_file() {
                trials += &std::fs::read_to_string(path)?;
            }
        }
    }
    for command in document::inline_commands(&runbook) {
        if !trials.contains(&format!("\"{command}\"")) {
            wrong.push(format!("no trial types what the runbook says: {command}"));
        }
    }
    let typed: Vec<&str> = trials
        .split("block(\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    for block in blocks(&runbook, "sh") {
        if !typed
            .iter()
            .any(|words| !words.is_empty() && block.contains(words))
        {
            wrong.push(format!("no trial types what the runbook shows:\n{block}"));
        }
    }

    for Elsewhere { what, file, trial } in ROWS_ELSEWHERE.iter().chain(MESSAGES_ELSEWHERE) {
        if !document::file(file)?.contains(trial) {
            wrong.push(format!("{file} has no trial '{trial}' for {what:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// An environment whose operator has the pauses that it is shipped with; what outlasts any trial is short as elsewhere: to
/// settle, to keep tombstones, to give a request up.
fn shipped(name: &str) -> EnvironmentOptions {
    let mut options = EnvironmentOptions::new(&format!("runbook-{name}"));
    options.operator_flags = vec![
        "--max-backoff-seconds=300".to_owned(),
        "--secret-check-interval-seconds=900".to_owned(),
    ];
    options
}

/// As [`shipped`], with the shortest interval between two lists: what only a list can find out is found soon.
fn looking(name: &str) -> EnvironmentOptions {
    EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10}),
        ..shipped(name)
    }
}

/// The user's objects, for a state that a remedy has to bring.
fn soon(environment: &Environment) -> Objects {
    environment.objects.with_deadline(PROMISED * SLOW_MACHINE)
}

async fn becomes_ready(environment: &Environment, name: &str) -> Result<Value> {
    let waited = soon(environment)
        .await_condition(Kind::Subaccount, name, "Ready", "True")
        .await;
    environment.explain(waited)
}

async fn account_becomes_ready(environment: &Environment) -> Result<()> {
    let waited = soon(environment)
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await;
    environment.explain(waited).map(drop)
}

async fn goes(environment: &Environment, kind: Kind, name: &str) -> Result<()> {
    let waited = soon(environment).await_gone(kind, name).await;
    environment.explain(waited)
}

/// Waits until the object is in this state and its message says what the table expects.
async fn told(
    environment: &Environment,
    (kind, name): (Kind, &str),
    reason: &str,
    says: &[&str],
) -> Result<Value> {
    environment.await_reason(kind, name, "Ready", reason).await?;
    environment.await_message(kind, name, "Ready", says).await
}

/// Types a command in the environment's namespace.
async fn types(environment: &Environment, command: &str) -> Result<String> {
    let folder = vobiz_harness::directory::TemporaryDirectory::new("runbook")?;
    let kubectl = environment.control_plane().kubectl();
    let namespace = environment.objects.namespace();
    let output = kubectl.shell(folder.path(), namespace, command).await?;
    ensure!(output.success, "{command}\nfailed: {}", output.stderr.trim());
    Ok(output.stdout)
}

/// Types a command that the runbook has just so.
async fn types_as_written(
    environment: &Environment,
    command: &str,
    replaced: &[(&str, &str)],
) -> Result<String> {
    types(environment, &document::as_written(command, replaced)?).await
}

/// Gives one annotation a value.
async fn annotate(
    environment: &Environment,
    (kind, name): (Kind, &str),
    key: &str,
    value: &str,
) -> Result<()> {
    let patch = json!({"metadata": {"annotations": {key: value}}});
    environment.objects.merge(kind, name, &patch).await.map(drop)
}
