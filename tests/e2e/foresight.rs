//! What `kubectl vobiz plan` says before a change is what the operator does after it: held against the journal of the API, for
//! generated changes and for each way in which a deletion goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of, is_observed};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalEntry, JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{auth_id_of, text};
use crate::edit::{fields, resync_twice, whole_spec};
use crate::generation::{environment, in_each};
use crate::vobiz_command::{plan, prospect, writes};

/// Kinds of changes, and generated changes for each generation of the API.
const KINDS: usize = 16;
const CASES: usize = 7 * KINDS;

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a plan of generated changes says which requests the operator then sends",
        generated,
    );
    in_each(
        suite,
        "a plan of a prune says what the operator then does to each account, whatever the policy",
        deletions,
    );
}

/// A generator of numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        // Knuth's constants of a linear congruential generator.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound as u64).unwrap_or(0)
    }
}

/// One generated change.
struct Case {
    name: String,
    before: Option<Value>,
    after: Value,
    /// What somebody changes at Vobiz in between.
    drift: Value,
    /// What somebody does in between.
    event: &'static str,
}

fn manifest(environment: &Environment, name: &str, spec: &Value, metadata: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
        "metadata": {"name": name, "namespace": environment.objects.namespace()},
        "spec": {"accountRef": {"name": ACCOUNT}},
    });
    for (part, more) in [("spec", spec), ("metadata", metadata)] {
        for (key, value) in more.as_object().into_iter().flatten() {
            object[part][key] = value.clone();
        }
    }
    object
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// Some fields of a spec, of one of two values each.
fn some_fields(numbers: &mut Numbers, api: Api, name: &str) -> Value {
    let mut spec = json!({});
    for (field, _, first, second) in fields(api) {
        match numbers.below(3) {
            0 => spec[field] = first,
            1 => spec[field] = second,
            _ => {}
        }
    }
    if !spec["kycMode"].is_null() && spec["email"].is_null() {
        spec["email"] = json!("a@acme.example");
    }
    if let Some(chosen) = spec["name"].as_str() {
        spec["name"] = json!(format!("{chosen} of {name}"));
    }
    spec
}

fn case(numbers: &mut Numbers, environment: &Environment, api: Api, number: usize) -> Case {
    let name = format!("case-{number:03}");
    let before = some_fields(numbers, api, &name);
    let edited = some_fields(numbers, api, &name);
    let (mut metadata, mut drift, mut event) = (json!({}), json!({}), "");
    let mut is_new = false;
    let after = match number % KINDS {
        0 => {
            is_new = true;
            edited
        }
        1 => before.clone(),
        2 | 3 => edited,
        4 => {
            drift = json!({"enabled": false, "name": "somebody else's"});
            before.clone()
        }
        5 => {
            drift = json!({"name": "somebody else's"});
            edited
        }
        6 => {
            let mut renamed = before.clone();
            renamed["secretRef"] = json!({"name": format!("{name}-renamed"), "labels": {"team": "voice"}});
            renamed
        }
        7 => {
            metadata = json!({"annotations": {"vobiz.ai/paused": "true"}});
            edited
        }
        8 => {
            is_new = true;
            event = "foreign Secret";
            edited
        }
        9 => {
            let mut refused = edited;
            refused["name"] = json!("");
            refused
        }
        10 => {
            event = ["account is gone", "Secret is gone", "account is gone, made anew"][(number / KINDS) % 3];
            let mut same = before.clone();
            if event == "account is gone, made anew" {
                same["credentialRecovery"] = json!("Recreate");
            }
            same
        }
        11 => {
            (is_new, event) = (true, "account is there already");
            edited
        }
        12 => {
            is_new = true;
            let mut naming = edited;
            naming["authId"] = json!("SA_NOWHERE");
            naming
        }
        13 => {
            event = "kept by policy";
            edited
        }
        14 => {
            event = "kept by policy";
            metadata = json!({"annotations": {"vobiz.ai/reclaim": "true"}});
            edited
        }
        _ => {
            (is_new, event) = (true, "account is there already");
            let mut observing = edited;
            observing["managementPolicy"] = json!("ObserveOnly");
            observing
        }
    };
    // Of too many that are missing at once the operator believes nothing.
    if event.starts_with("account is gone") && number > 3 * KINDS {
        event = "Secret is gone";
    }
    let mut before = before;
    if event == "kept by policy" {
        before["deletion"] = json!({"policy": "Retain"});
    }
    Case {
        before: (!is_new).then(|| manifest(environment, &name, &before, &json!({}))),
        after: manifest(environment, &name, &after, &metadata),
        drift,
        event,
        name,
    }
}

fn options(name: &str, api: Api) -> EnvironmentOptions {
    EnvironmentOptions {
        account: json!({
            "resyncIntervalSeconds": 10, "rateLimit": {"requestsPerSecond": 1000, "burst": 1000},
            "adoptable": {"authIds": ["*"]},
        }),
        deadline: Duration::from_mins(3),
        ..environment(name, api)
    }
}

async fn apply(environment: &Environment, objects: &Value) -> Result<()> {
    // Some are refused, as they are meant to be.
    let kubectl = environment.control_plane().kubectl();
    let arguments = ["apply", "-f", "-"];
    kubectl.output(&arguments, &objects.to_string()).await.map(drop)
}

async fn happen(environment: &Environment, case: &mut Case) -> Result<()> {
    if case.event == "account is there already" {
        let fields = json!({"name": case.name, "parent": environment.parent.auth_id});
        let made = environment.simulator.create_account(&fields).await?;
        case.after["spec"]["authId"] = made["auth_id"].clone();
    }
    if case.event == "foreign Secret" {
        let foreign = json!({"stringData": {"theirs": "1"}});
        let name = format!("{}-vobiz", case.name);
        environment.objects.create(Kind::Secret, &name, foreign).await?;
        return Ok(());
    }
    if case.before.is_none() || case.event == "kept by policy" {
        return Ok(());
    }
    let object = environment.objects.get(Kind::Subaccount, &case.name).await?;
    let id = auth_id_of(&object)?;
    if case.drift.as_object().is_some_and(|drift| !drift.is_empty()) {
        environment.simulator.change_account(&id, &case.drift).await?;
    }
    if case.event.starts_with("account is gone") {
        environment.simulator.remove_account(&id).await?;
    }
    if case.event == "Secret is gone" {
        let name = text(&object["status"]["secretName"])?.to_owned();
        environment.objects.delete(Kind::Secret, &name).await?;
    }
    Ok(())
}

/// Whether the operator has said its last word on it for now.
fn is_settled(object: &Value) -> bool {
    let is = |kind: &str| condition_of(object, kind).is_some_and(|found| found["status"] == "True");
    is_observed(object) && (is("Ready") || is("Stalled"))
}

async fn await_all(environment: &Environment, names: impl IntoIterator<Item = &String>) -> Result<()> {
    for name in names {
        environment
            .await_object(Kind::Subaccount, name, "settled", is_settled)
            .await?;
    }
    Ok(())
}

/// Accounts by id, with the object that each is of.
async fn owners(environment: &Environment, owners: &mut BTreeMap<String, String>) -> Result<()> {
    for object in environment.objects.list(Kind::Subaccount).await? {
        if let Some(id) = object["status"]["authId"].as_str() {
            owners.insert(id.to_owned(), text(&object["metadata"]["name"])?.to_owned());
        }
    }
    Ok(())
}

/// Requests that change something, by object and operation, with the fields that updates sent.
type Sent = BTreeMap<String, (BTreeMap<&'static str, u64>, BTreeSet<String>)>;

fn sent(journal: &[JournalEntry], owners: &BTreeMap<String, String>) -> Result<Sent> {
    let mut sent = Sent::new();
    for entry in journal {
        let operation = match entry.operation {
            Operation::Create => "creates",
            Operation::Update => "updates",
            Operation::Delete => "deletes",
            _ => continue,
        };
        let id = entry.id.as_deref().unwrap_or_default();
        let owner = owners
            .get(id)
            .with_context(|| format!("{id} is nobody's: {entry:?}"))?;
        let (counts, names) = sent.entry(owner.clone()).or_default();
        *counts.entry(operation).or_default() += 1;
        if operation == "updates" {
            let body = entry.body.as_ref().and_then(Value::as_object);
            names.extend(body.into_iter().flatten().map(|(name, _)| name.clone()));
        }
    }
    Ok(sent)
}

/// What a plan says of these requests.
fn foretold(prospect: &Value, api: Api) -> (BTreeMap<&'static str, u64>, BTreeSet<String>) {
    let requests = &prospect["requests"];
    let counts = ["creates", "updates", "deletes"].map(|name| (name, requests[name].as_u64().unwrap_or(0)));
    let counts: BTreeMap<_, _> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    let mut names = BTreeSet::new();
    if counts.contains_key("updates") && prospect["action"] == "update" {
        for change in prospect["changes"].as_array().into_iter().flatten() {
            let known = fields(api)
                .into_iter()
                .find(|(field, ..)| change["field"] == *field);
            names.extend(known.map(|(_, name, ..)| name.to_owned()));
        }
    }
    (counts, names)
}

async fn generated(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(options("foresight", api)).await?;
    let mut numbers = Numbers(1);
    let mut cases: Vec<Case> = (0..CASES)
        .map(|number| case(&mut numbers, &environment, api, number))
        .collect();
    let before: Vec<Value> = cases.iter().filter_map(|case| case.before.clone()).collect();
    apply(&environment, &list(&before)).await?;
    let known = cases
        .iter()
        .filter(|case| case.before.is_some())
        .map(|case| &case.name);
    await_all(&environment, known).await?;
    let mut ids = BTreeMap::new();
    owners(&environment, &mut ids).await?;
    for case in cases.iter().filter(|case| case.event == "kept by policy") {
        environment.objects.delete(Kind::Subaccount, &case.name).await?;
        environment.await_gone(Kind::Subaccount, &case.name).await?;
        environment
            .await_gone(Kind::Secret, &format!("{}-vobiz", case.name))
            .await?;
    }
    environment.operator()?.kill_hard().await?;
    for case in &mut cases {
        happen(&environment, case).await?;
    }
    let after: Vec<Value> = cases.iter().map(|case| case.after.clone()).collect();
    let after = list(&after);
    let told = plan(&environment, &after, &[]).await?;
    let again = plan(&environment, &after, &[]).await?;
    ensure!(told == again, "a plan changes what it looks at");

    let mark = environment.simulator.journal_mark().await?;
    apply(&environment, &after).await?;
    environment.start_operator().await?;
    let goes_on = |case: &&Case| {
        prospect(&told, &case.name)
            .is_ok_and(|told| told["reason"] != "Rejected" && told["reason"] != "Paused")
    };
    await_all(&environment, cases.iter().filter(goes_on).map(|case| &case.name)).await?;
    let expected: u64 = ["creates", "updates", "deletes"]
        .iter()
        .filter_map(|name| told["summary"]["requests"][name].as_u64())
        .sum();
    // Drift is found by lists, of which two further ones find what should not be there.
    resync_twice(&environment).await?;
    let journal = writes(&environment, mark).await?;
    owners(&environment, &mut ids).await?;
    let sent = sent(&journal, &ids)?;
    let mut differences = Vec::new();
    for case in &cases {
        let told = prospect(&told, &case.name)?;
        let (counts, names) = foretold(told, api);
        let (real, real_names) = sent.get(&case.name).cloned().unwrap_or_default();
        // The update of generation 1 names both of its fields, whichever differs.
        let same_names = api == Api::Gen1 || names.is_empty() || names == real_names;
        if counts != real || !same_names {
            differences.push(format!(
                "{}: foretold {counts:?} {names:?}, sent {real:?} {real_names:?}: {told}",
                case.name
            ));
        }
        differences.extend(reason_differs(&environment, case, told).await?);
    }
    println!(
        "{} cases compared, {} requests foretold, {} sent, {} differences",
        cases.len(),
        expected,
        journal.len(),
        differences.len()
    );
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    let actions = told["summary"]["actions"].as_object().context("a plan counts")?;
    println!("foretold: {}", told["summary"]["actions"]);
    ensure!(
        expected >= 50 && actions.len() >= 7,
        "the cases hardly change anything: {expected}, {actions:?}"
    );
    Ok(())
}

/// Whether what stops an object is what the plan said.
async fn reason_differs(environment: &Environment, case: &Case, told: &Value) -> Result<Option<String>> {
    let object = environment.objects.find(Kind::Subaccount, &case.name).await?;
    let stalled = object
        .as_ref()
        .and_then(|object| condition_of(object, "Stalled"))
        .and_then(|stalled| stalled["reason"].as_str());
    let foretold = told["reason"]
        .as_str()
        .filter(|reason| !matches!(*reason, "Rejected" | "Paused"));
    Ok((stalled != foretold).then(|| format!("{}: foretold {foretold:?}, and it is {stalled:?}", case.name)))
}

/// A way in which a deletion goes.
struct Way {
    name: &'static str,
    spec: Value,
    /// The account is adopted.
    is_adopted: bool,
    /// What somebody does before.
    event: &'static str,
    /// What the plan must say.
    action: &'static str,
    /// Whether the account is there afterwards, and enabled.
    left: Option<bool>,
}

fn ways() -> Vec<Way> {
    let way = |name, spec, action, left| Way {
        name,
        spec,
        is_adopted: false,
        event: "",
        action,
        left,
    };
    let policy = |policy: &str| json!({"deletion": {"policy": policy}});
    let observing = json!({"managementPolicy": "ObserveOnly", "deletion": {"policy": "Delete"}});
    vec![
        way("default", json!({}), "disable", Some(false)),
        way("delete", policy("Delete"), "delete", None),
        way(
            "cascade",
            json!({"deletion": {"policy": "Delete", "cascade": true}}),
            "delete",
            None,
        ),
        way("disable", policy("Disable"), "disable", Some(false)),
        way("retain", policy("Retain"), "keep", Some(true)),
        way(
            "disabled",
            json!({"enabled": false, "deletion": {"policy": "Disable"}}),
            "keep",
            Some(false),
        ),
        Way {
            event: "account is gone",
            ..way("gone", policy("Delete"), "forget", None)
        },
        Way {
            event: "paused",
            ..way("paused", policy("Delete"), "nothing", Some(true))
        },
        Way {
            event: "finalizer is gone",
            ..way("stripped", policy("Delete"), "forget", Some(true))
        },
        Way {
            is_adopted: true,
            ..way("adopted", json!({}), "keep", Some(true))
        },
        Way {
            is_adopted: true,
            ..way("adopted-delete", policy("Delete"), "delete", None)
        },
        Way {
            is_adopted: true,
            ..way("observed", observing, "keep", Some(true))
        },
    ]
}

async fn deletions(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = options("foresight-prune", api);
    options.account["defaults"] = json!({"deletion": {"policy": "Disable"}});
    let mut environment = bed.environment(options).await?;
    let labels = json!({"labels": {"app": "matrix"}});
    let mut ids = BTreeMap::new();
    for way in ways() {
        let mut spec = way.spec.clone();
        if way.is_adopted {
            let fields = json!({"name": way.name, "parent": environment.parent.auth_id});
            let made = environment.simulator.create_account(&fields).await?;
            let (id, token) = (text(&made["auth_id"])?, text(&made["auth_token"])?);
            spec["authId"] = json!(id);
            let pair = json!({"metadata": {"annotations": {"vobiz.ai/allow-adoption": "true"}},
                "stringData": {"auth_id": id, "auth_token": token}});
            let name = format!("{}-vobiz", way.name);
            environment.objects.create(Kind::Secret, &name, pair).await?;
        }
        apply(&environment, &manifest(&environment, way.name, &spec, &labels)).await?;
    }
    let kept = manifest(&environment, "kept", &whole_spec(api), &labels);
    apply(&environment, &kept).await?;
    for way in ways() {
        let object = environment.await_ready(way.name).await?;
        ids.insert(way.name, auth_id_of(&object)?);
    }
    environment.await_ready("kept").await?;
    environment.operator()?.kill_hard().await?;
    for way in ways() {
        let change = match way.event {
            "account is gone" => {
                environment.simulator.remove_account(&ids[way.name]).await?;
                continue;
            }
            "paused" => json!({"metadata": {"annotations": {"vobiz.ai/paused": "true"}}}),
            "finalizer is gone" => json!({"metadata": {"finalizers": null}}),
            _ => continue,
        };
        environment
            .objects
            .merge(Kind::Subaccount, way.name, &change)
            .await?;
    }
    let told = plan(&environment, &kept, &["--prune", "-l", "app=matrix"]).await?;
    ensure!(prospect(&told, "kept")?["action"] == "nothing", "{told:#}");

    let mark = environment.simulator.journal_mark().await?;
    for way in ways() {
        environment.objects.delete(Kind::Subaccount, way.name).await?;
    }
    environment.start_operator().await?;
    for way in ways().iter().filter(|way| way.event != "paused") {
        environment.await_gone(Kind::Subaccount, way.name).await?;
    }
    resync_twice(&environment).await?;
    let journal = environment
        .simulator
        .journal(&JournalQuery::new().since(mark))
        .await?;
    let owners: BTreeMap<String, String> = ids
        .iter()
        .map(|(name, id)| (id.clone(), (*name).to_owned()))
        .collect();
    let sent = sent(&journal, &owners)?;
    let mut differences = Vec::new();
    for way in ways() {
        let told = prospect(&told, way.name)?;
        let (counts, _) = foretold(told, api);
        let (real, _) = sent.get(way.name).cloned().unwrap_or_default();
        let account = environment.simulator.find_account(&ids[way.name]).await?;
        let left = account.map(|account| account["enabled"] == true);
        if told["action"] != way.action || counts != real || left != way.left {
            differences.push(format!(
                "{}: foretold {told}, sent {real:?}, left {left:?}",
                way.name
            ));
        }
    }
    println!(
        "{} ways of deletion compared, {} differences",
        ways().len(),
        differences.len()
    );
    if !differences.is_empty() {
        bail!("{}", differences.join("\n"));
    }
    Ok(())
}
