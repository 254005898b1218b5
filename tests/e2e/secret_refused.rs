//! Secrets that the pair cannot be written to: of another type, or kept out by an admission rule. The pair waits in the
//! Record, the reason is told, and nothing of it is repeated.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::ByteString;
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{
    await_event, await_kept_out, ensure_consistent, ensure_one_create, ensure_safe, secret_values, text,
    uid_of,
};
use crate::generation::{environment, in_each};
use crate::rule::await_in_force;

const NAME: &str = "acme";
const SECRET: &str = "acme-vobiz";
const PATIENCE: Duration = Duration::from_secs(30);

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a Secret of another type is never written, also when it says that it is ours, and the pair is safe",
        other_type,
    );
    in_each(
        suite,
        "a Secret that an admission rule keeps out is told without the rule's words and written once the rule goes",
        denied,
    );
    in_each(
        suite,
        "the Secret of an earlier object that is slow to go is waited for, and nobody is asked to remove it",
        earlier,
    );
}

async fn earlier(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("refused-earlier", api)).await?;
    environment.create_ready(NAME, json!({})).await?;
    let finalizers = |finalizers: Value| json!({"metadata": {"finalizers": finalizers}});
    let held = finalizers(json!(["example.com/held"]));
    environment.objects.merge(Kind::Secret, SECRET, &held).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    let since = environment.simulator.journal_mark().await?;
    environment.create_subaccount(NAME, json!({})).await?;
    environment
        .await_message(Kind::Subaccount, NAME, "Reconciling", &[SECRET, "earlier object"])
        .await?;
    let creates = JournalQuery::new().since(since).operation(Operation::Create);
    let creates = environment.simulator.journal_count(&creates).await?;
    ensure!(
        creates == 0,
        "{creates} creates were sent before there was room for the pair"
    );
    environment
        .objects
        .merge(Kind::Secret, SECRET, &finalizers(Value::Null))
        .await?;
    environment.await_ready(NAME).await?;
    ensure_one_pair(&environment).await
}

/// One account, and its pair in the Secret.
async fn ensure_one_pair(environment: &Environment) -> Result<()> {
    let accounts = environment.simulator.accounts().await?;
    ensure!(accounts.len() == 1, "there are {} accounts", accounts.len());
    let pair = secret_values(&environment.objects, SECRET).await?;
    ensure!(
        accounts[0]["auth_id"] == *pair["auth_id"] && accounts[0]["auth_token"] == *pair["auth_token"],
        "the Secret holds another pair"
    );
    Ok(())
}

/// Asks for a look at the object; the value must be another one each time.
async fn ask(environment: &Environment, value: &str) -> Result<()> {
    let ask = json!({"metadata": {"annotations": {"vobiz.ai/reconcile-requested-at": value}}});
    environment.objects.merge(Kind::Subaccount, NAME, &ask).await?;
    Ok(())
}

async fn other_type(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let options = EnvironmentOptions {
        // Nothing is restored while the Secret is exchanged.
        operator_flags: vec!["--secret-check-interval-seconds=900".to_owned()],
        ..environment("refused-type", api)
    };
    let environment = bed.environment(options).await?;
    let made = environment.create_ready(NAME, json!({})).await?;
    let good = environment.objects.get(Kind::Secret, SECRET).await?;
    let metadata = json!({
        "labels": good["metadata"]["labels"], "annotations": good["metadata"]["annotations"],
        "ownerReferences": good["metadata"]["ownerReferences"],
    });
    let basic =
        json!({"type": "kubernetes.io/basic-auth", "stringData": {"username": "theirs", "password": "own"}});
    let mut owned = basic.clone();
    owned["metadata"] = metadata.clone();
    // With other values under our keys: of our own type it would be put right.
    let of_no_known_type = json!({
        "type": "example.com/pair", "metadata": metadata,
        "stringData": {"auth_id": "SA_THEIRS", "auth_token": "own"},
    });
    for (round, theirs) in [basic, owned, of_no_known_type].into_iter().enumerate() {
        environment.objects.delete(Kind::Secret, SECRET).await?;
        let theirs = environment.objects.create(Kind::Secret, SECRET, theirs).await?;
        ask(&environment, &format!("refused {round}")).await?;
        let told = environment
            .await_reason(Kind::Subaccount, NAME, "Stalled", "SecretConflict")
            .await?;
        let published = condition_of(&told, "CredentialsPublished").context("no CredentialsPublished")?;
        ensure!(
            published["reason"] == "SecretConflict" && published["status"] == "False",
            "{published}"
        );
        environment
            .await_message(Kind::Subaccount, NAME, "Ready", &[SECRET, "remove it"])
            .await?;
        await_event(&environment, NAME, "SecretConflict").await?;
        let found = environment.objects.get(Kind::Secret, SECRET).await?;
        ensure!(
            found["metadata"]["resourceVersion"] == theirs["metadata"]["resourceVersion"],
            "the Secret of type {} was written",
            theirs["type"]
        );
        ensure_safe(&environment, &made.uid).await?;
        ensure_one_create(&environment).await?;

        environment.objects.delete(Kind::Secret, SECRET).await?;
        ask(&environment, &format!("free {round}")).await?;
        environment.await_ready(NAME).await?;
        let restored = environment.objects.get(Kind::Secret, SECRET).await?;
        ensure!(restored["type"] == "Opaque", "it is of type {}", restored["type"]);
        let values = secret_values(&environment.objects, SECRET).await?;
        ensure!(values["auth_id"] == made.auth_id, "another account's pair");
    }
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

/// An admission rule against the pair's Secret in one namespace. Its words repeat the Secret, as a careless rule's may: no more
/// than its beginning, for the API server's own audit log repeats them too.
fn rule(name: &str, namespace: &str, reason: &str) -> Value {
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"], "operations": ["CREATE", "UPDATE"],
            }]},
            "validations": [{
                "expression": "!has(object.metadata.labels) || !('vobiz.ai/subaccount' in object.metadata.labels)",
                "messageExpression": "'not with ' + object.data['auth_token'].substring(0, 16)",
                "reason": reason,
            }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}},
        },
    });
    json!({"apiVersion": "v1", "kind": "List", "items": [policy, binding]})
}

async fn denied(bed: Arc<TestBed>, api: Api) -> Result<()> {
    // Each reason that a rule may give has a status of its own.
    let reasons: &[&str] = match api {
        Api::Gen1 => &["Forbidden", "RequestEntityTooLarge"],
        _ => &["Invalid"],
    };
    for reason in reasons {
        denied_with(&bed, api, reason).await.context(reason)?;
    }
    Ok(())
}

async fn denied_with(bed: &TestBed, api: Api, reason: &str) -> Result<()> {
    let environment = bed.environment(environment("refused-rule", api)).await?;
    let kubectl = environment.control_plane().kubectl();
    let namespace = environment.objects.namespace();
    kubectl
        .apply(&rule(namespace, namespace, reason).to_string())
        .await?;
    let probe = json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": {"auth_token": "probe-probe-probe"},
        "metadata": {"name": "probe", "namespace": namespace, "labels": {"vobiz.ai/subaccount": "probe"}},
    });
    let words = await_in_force(kubectl, &["create", "-f", "-"], &probe.to_string(), PATIENCE).await?;
    ensure!(words.contains("not with "), "the rule says {words}");

    let uid = uid_of(&environment.create_subaccount(NAME, json!({})).await?)?;
    let shown = await_kept_out(
        &environment,
        NAME,
        &[SECRET, "the pair is safe", "ValidatingAdmissionPolicy", namespace],
    )
    .await?;
    let token = ensure_safe(&environment, &uid).await?;
    ensure_one_create(&environment).await?;
    // As the rule sees it.
    let encoded = json!(ByteString(token.clone().into_bytes()));
    let encoded = text(&encoded)?;
    let events = json!(environment.objects.list(Kind::Event).await?).to_string();
    let log = std::fs::read_to_string(environment.operator()?.log())?;
    for output in [shown["status"].to_string(), events, log] {
        ensure!(
            !output.contains(&encoded[..12]) && !output.contains(&token),
            "the rule's words are repeated"
        );
    }

    for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
        kubectl.run(&["delete", kind, namespace]).await?;
    }
    environment.await_ready(NAME).await?;
    ensure_safe(&environment, &uid).await?;
    ensure_one_create(&environment).await?;
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}
