//! What a Subaccount says when Kubernetes refuses a write of its pass: which write, by whom, within one pass. Nothing is repeated at
//! Vobiz, nobody else is held up, no pair is lost, and all of it ends by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, TestBed};
use vobiz_harness::webhook::{Answer, Webhook};

use crate::at_rest::{
    await_event, await_leftovers_deleted, ensure_consistent, events, record_name, secret_values, uid_of,
};
use crate::edit::resyncing;
use crate::generation::in_each;
use crate::rule::{
    InForce, Rule, await_in_force, await_nothing_refused, await_told, await_tried, ensure_counted,
};

const NAME: &str = "acme";
const SECRET: &str = "acme-vobiz";
/// A healthy object beside it.
const HEALTHY: &str = "healthy";
const GROUP: &str = "vobiz.ai";
/// As long as a refusal may stay untold, on a busy machine.
const TOLD: Duration = Duration::from_secs(20);

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "an object that cannot be let go says who refuses it, its account is deleted once, and it goes when it may",
        not_released,
    );
    suite.test(
        "an object that may not have the finalizer says who refuses it, and nothing is created before it has",
        no_finalizer,
    );
    suite.test(
        "an object whose Record may not be created says who refuses it, and nothing is created before there is one",
        no_record,
    );
    in_each(
        suite,
        "a dozen pairs that may not be stored hold no worker, no edit and no other's Secret, are told, and none of them is lost",
        pairs_held,
    );
    suite.test(
        "an operator that holds a pair in memory obeys SIGTERM, and the account of a pair that is lost with it is deleted",
        ended_with_a_pair,
    );
    suite.test(
        "force-delete lets an object go whose pair is in memory only, drops the pair with a word, and holds no other create up",
        forced_with_a_pair,
    );
    suite.test(
        "what was refused to a Record that somebody deletes is told no longer",
        record_deleted,
    );
    suite.test(
        "an object whose status is refused works, tells it by an event, /readyz and a metric, and asks Vobiz nothing twice",
        status_refused,
    );
    suite.test(
        "a webhook that denies with 422 is told by its name and not taken for a test that failed",
        webhook,
    );
    suite.test(
        "a Secret that may not be written, or removed, holds no update of the account",
        secret_holds_nothing,
    );
}

fn on_objects<'a>(operation: &'a str, probe: &'a [&'a str]) -> Rule<'a> {
    Rule {
        group: GROUP,
        resource: "subaccounts",
        operation,
        probe,
        input: "",
    }
}

fn on_secrets<'a>(operation: &'a str, probe: &'a [&'a str]) -> Rule<'a> {
    Rule {
        group: "",
        resource: "secrets",
        operation,
        probe,
        input: "",
    }
}

const ANNOTATE_OBJECT: &[&str] = &[
    "annotate",
    "subaccounts.vobiz.ai",
    NAME,
    "probe=probe",
    "--overwrite",
];
const CREATE_SECRET: &[&str] = &["create", "secret", "generic", "probe-create"];
const ANNOTATE_SECRET: &[&str] = &["annotate", "secret", "probe", "probe=probe", "--overwrite"];
const DELETE_SECRET: &[&str] = &["delete", "secret", "probe"];

async fn in_namespace<'a>(environment: &Environment, rule: Rule<'a>) -> Result<InForce<'a>> {
    let kubectl = environment.control_plane().kubectl();
    rule.enforce(kubectl, environment.objects.namespace()).await
}

async fn in_operators<'a>(environment: &Environment, rule: Rule<'a>) -> Result<InForce<'a>> {
    let kubectl = environment.control_plane().kubectl();
    rule.enforce(kubectl, environment.operator_objects.namespace())
        .await
}

/// Waits until the object says that this is refused by this rule, and is not called ready.
async fn await_refused(environment: &Environment, name: &str, rule: &InForce<'_>) -> Result<Value> {
    let begun = Instant::now();
    let texts = ["ValidatingAdmissionPolicy", &rule.name, "let the policy admit it"];
    let shown = environment
        .await_message(Kind::Subaccount, name, "Ready", &texts)
        .await?;
    ensure!(begun.elapsed() < TOLD, "told after {:?}", begun.elapsed());
    for (kind, status) in [("Ready", ["False", "Unknown"]), ("Reconciling", ["True", "True"])] {
        let condition = condition_of(&shown, kind).with_context(|| format!("no {kind}"))?;
        let is_so = status.iter().any(|status| condition["status"] == **status);
        ensure!(
            is_so && condition["reason"] == "WriteRefused",
            "{kind}: {:#}",
            shown["status"]["conditions"]
        );
    }
    ensure!(condition_of(&shown, "Stalled").is_none(), "it is stalled");
    ensure!(
        shown["status"]["observedGeneration"] == shown["metadata"]["generation"],
        "it was not observed"
    );
    Ok(shown)
}

async fn count(environment: &Environment, operation: Operation) -> Result<usize> {
    let query = JournalQuery::new().operation(operation);
    environment.simulator.journal_count(&query).await
}

/// An edit of the healthy object arrives while all this goes on.
async fn ensure_edit_arrives(environment: &Environment, text: &str) -> Result<()> {
    let mark = environment.simulator.journal_mark().await?;
    let edit = json!({"spec": {"name": text}});
    environment
        .objects
        .merge(Kind::Subaccount, HEALTHY, &edit)
        .await?;
    let updates = JournalQuery::new().since(mark).operation(Operation::Update);
    let arrived = environment
        .simulator
        .await_journal(&updates, 1, Duration::from_secs(10))
        .await;
    environment.explain(arrived).map(drop)
}

async fn not_released(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(resyncing("refused-release", api)).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    let rule = in_namespace(&environment, on_objects("UPDATE", ANNOTATE_OBJECT)).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    let shown = await_refused(&environment, NAME, &rule).await?;
    ensure!(
        !shown["status"].to_string().contains("Available"),
        "{}",
        shown["status"]
    );
    await_event(&environment, NAME, "DeleteFailed").await?;
    let told = events(&environment, NAME, "DeleteFailed").await?.len();
    ensure!(told == 1, "{told} events");
    await_tried(&environment, "subaccounts", "patch", 3).await?;
    ensure!(
        environment.simulator.find_account(&acme.auth_id).await?.is_none(),
        "the account is still there"
    );
    let (deletes, gets) = (
        count(&environment, Operation::Delete).await?,
        count(&environment, Operation::Get).await?,
    );
    ensure!((deletes, gets) == (1, 1), "{deletes} DELETE and {gets} GET");
    ensure_counted(environment.operator()?, "subaccounts", "patch").await?;
    rule.lift().await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    await_nothing_refused(environment.operator()?).await
}

async fn no_finalizer(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("refused-finalizer", Api::Gen2)).await?;
    // Paused, so that there is something to probe the rule with.
    let paused = json!({
        "metadata": {"annotations": {"vobiz.ai/paused": "true"}}, "spec": {"accountRef": {"name": "vobiz"}},
    });
    environment
        .objects
        .create(Kind::Subaccount, "probe", paused)
        .await?;
    let probe = [
        "annotate",
        "subaccounts.vobiz.ai",
        "probe",
        "probe=probe",
        "--overwrite",
    ];
    let rule = in_namespace(&environment, on_objects("UPDATE", &probe)).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    await_refused(&environment, NAME, &rule).await?;
    await_event(&environment, NAME, "CreateFailed").await?;
    await_tried(&environment, "subaccounts", "patch", 2).await?;
    ensure!(
        count(&environment, Operation::Create).await? == 0,
        "a create was sent"
    );
    rule.lift().await?;
    environment.await_ready(NAME).await?;
    await_nothing_refused(environment.operator()?).await?;
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

async fn no_record(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("refused-record", Api::Gen2)).await?;
    environment.create_ready(HEALTHY, json!({})).await?;
    let rule = in_operators(&environment, on_secrets("CREATE", CREATE_SECRET)).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    await_refused(&environment, NAME, &rule).await?;
    await_event(&environment, NAME, "CreateFailed").await?;
    ensure_edit_arrives(&environment, "edited meanwhile").await?;
    await_tried(&environment, "secrets", "create", 2).await?;
    ensure!(
        count(&environment, Operation::Create).await? == 1,
        "a create was sent"
    );
    rule.lift().await?;
    environment.await_ready(NAME).await?;
    await_nothing_refused(environment.operator()?).await
}

async fn probe_secret(environment: &Environment) -> Result<()> {
    let manifest = json!({"stringData": {"probe": "probe"}});
    for objects in [&environment.objects, &environment.operator_objects] {
        objects.create(Kind::Secret, "probe", manifest.clone()).await?;
    }
    Ok(())
}

async fn pairs_held(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = resyncing("refused-bind", api);
    options.account["rateLimit"] = json!({"requestsPerSecond": 100, "burst": 100});
    let environment = bed.environment(options).await?;
    environment.create_ready(HEALTHY, json!({})).await?;
    probe_secret(&environment).await?;
    let rule = in_operators(&environment, on_secrets("UPDATE", ANNOTATE_SECRET)).await?;
    let names: Vec<String> = (0..12).map(|number| format!("held-{number}")).collect();
    for name in &names {
        environment.create_subaccount(name, json!({})).await?;
    }
    for name in &names {
        environment
            .await_reason(Kind::Subaccount, name, "Reconciling", "WriteRefused")
            .await?;
    }
    // Every worker is free for others.
    let before = count(&environment, Operation::Create).await?;
    ensure_edit_arrives(&environment, "edited meanwhile").await?;
    environment.objects.delete(Kind::Secret, "healthy-vobiz").await?;
    let restored = |secret: Option<&Value>| secret.is_some();
    environment
        .objects
        .await_state(Kind::Secret, "healthy-vobiz", "restored", restored)
        .await?;
    let operator = environment.operator()?;
    await_told(operator, 200, &["update of secrets", &rule.name]).await?;
    await_tried(&environment, "secrets", "update", 12).await?;
    let after = count(&environment, Operation::Create).await?;
    ensure!(
        after == before,
        "{} creates more while pairs are held",
        after - before
    );
    ensure!(
        count(&environment, Operation::Delete).await? == 0,
        "an account was deleted"
    );

    // One of them goes meanwhile: its pair is stored first, then its account is deleted.
    environment.objects.delete(Kind::Subaccount, &names[0]).await?;
    rule.lift().await?;
    environment.await_gone(Kind::Subaccount, &names[0]).await?;
    for name in &names[1..] {
        environment.await_ready(name).await?;
    }
    await_nothing_refused(environment.operator()?).await?;
    let made = count(&environment, Operation::Create).await?;
    let living = environment.simulator.accounts().await?.len();
    ensure!(living == 12, "{living} accounts live");
    ensure!(made <= 13, "{made} creates for 13 objects");
    for name in names[1..].iter().map(String::as_str) {
        let object = environment.objects.get(Kind::Subaccount, name).await?;
        let pair = secret_values(&environment.objects, &format!("{name}-vobiz")).await?;
        ensure!(
            object["status"]["authId"] == *pair["auth_id"],
            "{name} has another pair"
        );
    }
    Ok(())
}

async fn ended_with_a_pair(bed: Arc<TestBed>) -> Result<()> {
    let mut environment = bed.environment(resyncing("refused-ended", Api::Gen2)).await?;
    probe_secret(&environment).await?;
    let rule = in_operators(&environment, on_secrets("UPDATE", ANNOTATE_SECRET)).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Reconciling", "WriteRefused")
        .await?;
    environment
        .await_message(
            Kind::Subaccount,
            NAME,
            "Ready",
            &["in the operator's memory only"],
        )
        .await?;
    let code = environment.operator()?.terminate(Duration::from_secs(30)).await?;
    ensure!(code == 0, "it ended with {code}");
    rule.lift().await?;
    environment.start_operator().await?;
    environment.await_ready(NAME).await?;
    await_leftovers_deleted(&environment, 1).await?;
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

async fn forced_with_a_pair(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("refused-forced", Api::Gen2)).await?;
    probe_secret(&environment).await?;
    let rule = in_operators(&environment, on_secrets("UPDATE", ANNOTATE_SECRET)).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    environment
        .await_message(
            Kind::Subaccount,
            NAME,
            "Ready",
            &["in the operator's memory only"],
        )
        .await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    let force = json!({"metadata": {"annotations": {"vobiz.ai/force-delete": "true"}}});
    environment.objects.merge(Kind::Subaccount, NAME, &force).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    let told = await_event(&environment, NAME, "SubaccountOrphaned").await?;
    let (note, made) = (
        told["note"].as_str().unwrap_or_default(),
        environment.simulator.accounts().await?,
    );
    ensure!(
        made.iter()
            .all(|account| account["auth_id"].as_str().is_some_and(|id| note.contains(id)))
            && note.contains("dropped"),
        "{note}"
    );
    rule.lift().await?;
    environment.create_ready(HEALTHY, json!({})).await?;
    // What nobody can use is cleaned up once the Record may be written.
    await_leftovers_deleted(&environment, 1).await.map(drop)
}

/// The object is gone, and its Record is written no more: then the administrator deletes it by hand.
async fn record_deleted(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("refused-gone", Api::Gen2)).await?;
    probe_secret(&environment).await?;
    let rule = in_operators(&environment, on_secrets("UPDATE", ANNOTATE_SECRET)).await?;
    let object = environment.create_subaccount(NAME, json!({})).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Reconciling", "WriteRefused")
        .await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    let stripped = json!({"metadata": {"finalizers": null}});
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &stripped)
        .await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    let record = record_name(&uid_of(&object)?);
    await_told(environment.operator()?, 200, &["Record", &record, &rule.name]).await?;
    environment.operator_objects.delete(Kind::Secret, &record).await?;
    await_nothing_refused(environment.operator()?).await?;
    rule.lift().await
}

async fn status_refused(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("refused-status", Api::Gen2)).await?;
    let paused = json!({
        "metadata": {"annotations": {"vobiz.ai/paused": "true"}}, "spec": {"accountRef": {"name": "vobiz"}},
    });
    environment
        .objects
        .create(Kind::Subaccount, "probe", paused)
        .await?;
    let patch = json!({"status": {"secretName": "probe"}}).to_string();
    let probe = [
        "patch",
        "subaccounts.vobiz.ai",
        "probe",
        "--subresource=status",
        "--type=merge",
        "--patch",
        &patch,
    ];
    let rule = Rule {
        group: GROUP,
        resource: "subaccounts/status",
        operation: "UPDATE",
        probe: &probe,
        input: "",
    };
    let rule = in_namespace(&environment, rule).await?;
    let asked = json!({
        "metadata": {"annotations": {"vobiz.ai/reconcile-requested-at": "now"}},
        "spec": {"accountRef": {"name": "vobiz"}},
    });
    environment.objects.create(Kind::Subaccount, NAME, asked).await?;
    let published = |secret: Option<&Value>| secret.is_some();
    environment
        .objects
        .await_state(Kind::Secret, SECRET, "published", published)
        .await?;
    let event = await_event(&environment, NAME, "CreateFailed").await?;
    ensure!(
        event["note"].to_string().contains(&rule.name),
        "{}",
        event["note"]
    );
    let operator = environment.operator()?;
    await_told(
        operator,
        200,
        &["Subaccount", NAME, "patch of subaccounts/status", &rule.name],
    )
    .await?;
    ensure!(
        operator
            .metrics()
            .await?
            .contains("vobiz_operator_writes_refused{resource=\"subaccounts/status\",verb=\"patch\"}"),
        "the metrics do not count it"
    );
    let gets = count(&environment, Operation::Get).await?;
    await_tried(&environment, "subaccounts/status", "patch", 3).await?;
    ensure!(
        count(&environment, Operation::Create).await? == 1,
        "a second create"
    );
    let more = count(&environment, Operation::Get).await? - gets;
    ensure!(more == 0 && gets <= 1, "{gets} looks, and {more} at the retries");
    rule.lift().await?;
    let ready = environment.await_ready(NAME).await?;
    ensure!(
        ready["status"]["lastHandledReconcileAt"] == "now",
        "{}",
        ready["status"]
    );
    await_nothing_refused(environment.operator()?).await?;
    let told = events(&environment, NAME, "CreateFailed").await?.len();
    ensure!(told == 1, "{told} events");
    Ok(())
}

/// Puts a webhook in force that denies this operation on this resource in the environment's namespace, with 422 and no reason.
async fn deny(
    environment: &Environment,
    webhook: &Webhook,
    group: &str,
    resource: &str,
    operation: &str,
) -> Result<String> {
    let namespace = environment.objects.namespace();
    let name = format!("{resource}.{namespace}.example.com");
    let authority = k8s_openapi::ByteString(webhook.authority().as_bytes().to_vec());
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [{
            "name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
            "clientConfig": {"url": webhook.url("denied"), "caBundle": authority},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "rules": [{
                "apiGroups": [group], "apiVersions": ["*"], "resources": [resource], "operations": [operation],
            }],
        }],
    });
    environment
        .control_plane()
        .kubectl()
        .apply(&configuration.to_string())
        .await?;
    Ok(name)
}

async fn webhook(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("refused-webhook", Api::Gen2)).await?;
    let denied = json!({"code": 422, "message": "words that nobody repeats"});
    let webhook = Webhook::start([("denied".to_owned(), Answer::Denied(denied))].into())?;
    let kubectl = environment.control_plane().kubectl();
    for (number, (group, resource, operation)) in
        [(GROUP, "subaccounts", "UPDATE"), ("", "secrets", "CREATE")]
            .into_iter()
            .enumerate()
    {
        let object = format!("denied-{number}");
        let paused = json!({
            "metadata": {"annotations": {"vobiz.ai/paused": "true"}}, "spec": {"accountRef": {"name": "vobiz"}},
        });
        environment
            .objects
            .create(Kind::Subaccount, &object, paused)
            .await?;
        let name = deny(&environment, &webhook, group, resource, operation).await?;
        let probe: &[&str] = if resource == "secrets" {
            &["create", "secret", "generic", "probe"]
        } else {
            &["annotate", "subaccounts.vobiz.ai", &object, "probe=probe"]
        };
        let probe = [probe, &["--namespace", environment.objects.namespace()]].concat();
        await_in_force(kubectl, &probe, "", TOLD).await?;
        let mark = environment.audit()?.mark().await?;
        let created = format!("{object}-{resource}");
        environment.create_subaccount(&created, json!({})).await?;
        environment
            .await_reason(Kind::Subaccount, &created, "Ready", "WriteRefused")
            .await?;
        let shown = environment
            .await_message(Kind::Subaccount, &created, "Ready", &["admission webhook", &name])
            .await?;
        ensure!(
            !shown.to_string().contains("nobody repeats"),
            "its words are shown"
        );
        let (resource, verb) = if resource == "secrets" {
            ("secrets", "create")
        } else {
            ("subaccounts", "patch")
        };
        await_tried(&environment, resource, verb, 2).await?;
        let query = environment.operator_requests(mark).resource(resource).verb(verb);
        let tried = environment.audit()?.lines(&query).await?.len();
        ensure!(tried < 12, "it was tried {tried} times: the pause does not grow");
        kubectl
            .run(&[
                "delete",
                "validatingwebhookconfiguration",
                environment.objects.namespace(),
            ])
            .await?;
        environment.await_ready(&created).await?;
    }
    await_nothing_refused(environment.operator()?).await
}

async fn secret_holds_nothing(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("refused-update", Api::Gen2)).await?;
    let acme = environment.create_ready(NAME, json!({})).await?;
    probe_secret(&environment).await?;
    let disabled = |enabled: bool| {
        let (environment, id) = (&environment, acme.auth_id.as_str());
        async move {
            let waited = tokio::time::timeout(TOLD, async {
                while environment.simulator.account(id).await?["enabled"] != enabled {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                anyhow::Ok(())
            });
            waited
                .await
                .with_context(|| format!("the account is not enabled={enabled}"))?
        }
    };
    // Other keys: the Secret must be written again, and may not.
    let written = in_namespace(&environment, on_secrets("UPDATE", ANNOTATE_SECRET)).await?;
    let edit = json!({"spec": {"enabled": false, "secretRef": {"keys": {"authId": "ID"}}}});
    environment.objects.merge(Kind::Subaccount, NAME, &edit).await?;
    await_refused(&environment, NAME, &written).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "CredentialsPublished", "SecretForbidden")
        .await?;
    disabled(false).await?;
    written.lift().await?;
    environment.await_ready(NAME).await?;

    // Another name: the Secret before must be removed, and may not.
    let removed = in_namespace(&environment, on_secrets("DELETE", DELETE_SECRET)).await?;
    let edit = json!({"spec": {"enabled": true, "secretRef": {"name": "elsewhere"}}});
    environment.objects.merge(Kind::Subaccount, NAME, &edit).await?;
    await_refused(&environment, NAME, &removed).await?;
    disabled(true).await?;
    let pair = secret_values(&environment.objects, "elsewhere").await?;
    ensure!(pair["ID"] == acme.auth_id, "the new Secret holds another pair");
    removed.lift().await?;
    environment.await_gone(Kind::Secret, SECRET).await?;
    environment.await_ready(NAME).await?;
    await_nothing_refused(environment.operator()?).await
}
