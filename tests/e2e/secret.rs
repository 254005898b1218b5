//! The user's Secret: restored when it is lost or edited, moved when the spec says so, and never another's.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{auth_id_of, await_event, ensure_consistent, secret_values};
use crate::generation::{environment, in_each};

const NAME: &str = "acme";
const SECRET: &str = "acme-vobiz";
const PATIENCE: Duration = Duration::from_mins(1);

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a deleted or edited Secret is restored without a request to Vobiz",
        restored,
    );
    in_each(
        suite,
        "a Secret with another name in the spec is written anew and the former one removed",
        renamed,
    );
    in_each(
        suite,
        "a Secret of somebody else is never written, and nothing is created for it",
        foreign,
    );
    in_each(
        suite,
        "of two Subaccounts that name one Secret the second is refused",
        shared,
    );
    suite.test(
        "labels and annotations that the spec names no longer come off the Secret, and a person's own stay",
        unlabelled,
    );
    suite.test(
        "with --watch-secrets and the right for it a deleted Secret is restored at once",
        watched,
    );
}

/// The right that `manifests/base` does not grant: metadata of Secrets, listed and watched, in one namespace.
pub fn may_watch_secrets(environment: &Environment) -> String {
    let namespace = environment.objects.namespace();
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "watch-secrets", "namespace": namespace},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]}],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "watch-secrets", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "watch-secrets"},
        "subjects": [{
            "kind": "ServiceAccount", "name": "vobiz-operator", "namespace": environment.installation.namespace,
        }],
    });
    json!({"apiVersion": "v1", "kind": "List", "items": [role, binding]}).to_string()
}

async fn watched(bed: Arc<TestBed>) -> Result<()> {
    let options = EnvironmentOptions {
        operator_flags: vec![
            "--watch-secrets=true".to_owned(),
            "--secret-check-interval-seconds=900".to_owned(),
        ],
        start_operator: false,
        ..environment("secret-watched", Api::Gen2)
    };
    let mut environment = bed.environment(options).await?;
    let rights = may_watch_secrets(&environment);
    environment.control_plane().kubectl().apply(&rights).await?;
    environment.start_operator().await?;
    ready(&environment).await?;
    let old = environment.objects.get(Kind::Secret, SECRET).await?["metadata"]["uid"].clone();
    environment.objects.delete(Kind::Secret, SECRET).await?;
    // Well within the interval of fifteen minutes.
    environment
        .await_object(Kind::Secret, SECRET, "restored", |secret| {
            secret["metadata"]["uid"] != old
        })
        .await?;
    Ok(())
}

fn options(name: &str, api: Api) -> EnvironmentOptions {
    EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10}),
        operator_flags: vec!["--secret-check-interval-seconds=2".to_owned()],
        ..environment(name, api)
    }
}

async fn ready(environment: &Environment) -> Result<Value> {
    environment.create_subaccount(NAME, json!({})).await?;
    environment.await_ready(NAME).await
}

async fn restored(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("secret-restored", api)).await?;
    ready(&environment).await?;
    let good = environment.objects.get(Kind::Secret, SECRET).await?;
    let before = environment.simulator.journal_mark().await?;

    let old = good["metadata"]["uid"].clone();
    environment.objects.delete(Kind::Secret, SECRET).await?;
    let again = environment
        .await_object(Kind::Secret, SECRET, "restored", |secret| {
            secret["metadata"]["uid"] != old
        })
        .await?;
    ensure!(
        again["data"] == good["data"],
        "the restored Secret holds another pair"
    );
    await_event(&environment, NAME, "SecretRestored").await?;

    let edited = json!({
        "data": {"auth_token": null, "more": "aHVzaA=="},
        "metadata": {"labels": {"vobiz.ai/subaccount": null}, "annotations": {"vobiz.ai/auth-id": "SA_OTHER", "theirs": "stays"}},
    });
    environment.objects.merge(Kind::Secret, SECRET, &edited).await?;
    let again = environment
        .await_object(Kind::Secret, SECRET, "repaired", |secret| {
            secret["data"] == good["data"]
        })
        .await?;
    ensure!(
        again["metadata"]["labels"] == good["metadata"]["labels"],
        "labels: {}",
        again["metadata"]["labels"]
    );
    let annotations = &again["metadata"]["annotations"];
    ensure!(
        annotations["vobiz.ai/auth-id"] == good["metadata"]["annotations"]["vobiz.ai/auth-id"],
        "{annotations}"
    );
    ensure!(
        annotations["theirs"] == "stays",
        "what others added is gone: {annotations}"
    );

    for operation in [
        Operation::Create,
        Operation::Update,
        Operation::Get,
        Operation::Delete,
    ] {
        let query = JournalQuery::new().since(before).operation(operation);
        let requests = environment.simulator.journal(&query).await?;
        ensure!(requests.is_empty(), "Vobiz was asked {requests:?}");
    }
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

async fn renamed(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("secret-renamed", api)).await?;
    ready(&environment).await?;
    let pair = secret_values(&environment.objects, SECRET).await?;
    let patch =
        json!({"spec": {"secretRef": {"name": "voice", "keys": {"authId": "id", "authToken": "token"}}}});
    environment.objects.merge(Kind::Subaccount, NAME, &patch).await?;
    environment.await_gone(Kind::Secret, SECRET).await?;
    let object = environment
        .await_object(Kind::Subaccount, NAME, "moved", |object| {
            object["status"]["secretName"] == "voice"
        })
        .await?;
    ensure!(
        condition_of(&object, "Ready").is_some_and(|ready| ready["status"] == "True"),
        "{}",
        object["status"]
    );
    let moved = secret_values(&environment.objects, "voice").await?;
    ensure!(moved.len() == 2, "it has {} keys", moved.len());
    ensure!(
        moved["id"] == pair["auth_id"] && moved["token"] == pair["auth_token"],
        "another pair was moved"
    );
    let creates = JournalQuery::new().operation(Operation::Create);
    ensure!(
        environment.simulator.journal_count(&creates).await? == 1,
        "another account was created"
    );
    Ok(())
}

/// Keys that a person put there stay, however: by `kubectl apply` of a Secret with the same label, too.
async fn unlabelled(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(options("secret-unlabelled", Api::Gen2)).await?;
    let spec = json!({"secretRef": {
        "labels": {"app.kubernetes.io/part-of": "voice", "tier": "gold", "shared": "both", "deployed": "by-two"},
        "annotations": {"reflector.example.com/reflects": "everywhere"},
    }});
    environment.create_subaccount(NAME, spec).await?;
    environment.await_ready(NAME).await?;
    let own = json!({"metadata": {"labels": {"theirs": "1"}, "annotations": {"note": "stays"}}});
    environment.objects.merge(Kind::Secret, SECRET, &own).await?;
    let deployed = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": environment.objects.namespace(), "labels": {"deployed": "by-two"}},
    });
    environment
        .control_plane()
        .kubectl()
        .run_with_input(
            &[
                "apply",
                "--server-side",
                "--field-manager=deployer",
                "--filename=-",
            ],
            &deployed.to_string(),
        )
        .await?;
    let applied = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": environment.objects.namespace(), "labels": {"shared": "both"}},
    });
    environment
        .control_plane()
        .kubectl()
        .apply(&applied.to_string())
        .await?;

    let less = json!({"spec": {"secretRef": {
        "labels": {"tier": null, "shared": null, "deployed": null}, "annotations": {"reflector.example.com/reflects": null},
    }}});
    environment.objects.merge(Kind::Subaccount, NAME, &less).await?;
    let secret = environment
        .await_object(Kind::Secret, SECRET, "rid of what is named no longer", |secret| {
            secret["metadata"]["labels"]["tier"].is_null()
        })
        .await?;
    let (labels, annotations) = (&secret["metadata"]["labels"], &secret["metadata"]["annotations"]);
    ensure!(
        annotations["reflector.example.com/reflects"].is_null() && annotations["note"] == "stays",
        "{annotations}"
    );
    for (key, value) in [
        ("app.kubernetes.io/part-of", "voice"),
        ("shared", "both"),
        ("deployed", "by-two"),
        ("theirs", "1"),
        ("vobiz.ai/subaccount", NAME),
    ] {
        ensure!(labels[key] == value, "{key}: {labels}");
    }
    // What a person takes off of what is ours comes back with the next look, and the look after it changes nothing.
    let patch = json!({"metadata": {"annotations": {"vobiz.ai/managed-keys": null}, "labels": {"app.kubernetes.io/part-of": null}}});
    environment.objects.merge(Kind::Secret, SECRET, &patch).await?;
    environment
        .await_object(Kind::Secret, SECRET, "whole again", |secret| {
            secret["metadata"]["labels"]["app.kubernetes.io/part-of"] == "voice"
        })
        .await?;
    // As an earlier version wrote it: the API server tells whose the label is.
    let patch = json!({"metadata": {"annotations": {"vobiz.ai/managed-keys": null}}});
    environment.objects.merge(Kind::Secret, SECRET, &patch).await?;
    let none = json!({"spec": {"secretRef": {"labels": null}}});
    environment.objects.merge(Kind::Subaccount, NAME, &none).await?;
    environment
        .await_object(Kind::Secret, SECRET, "without any of the spec", |secret| {
            let metadata = &secret["metadata"];
            metadata["labels"]["app.kubernetes.io/part-of"].is_null()
                && metadata["annotations"]["vobiz.ai/managed-keys"].is_null()
        })
        .await
        .map(drop)
}

/// The operator's writes to the Secret of this name.
pub async fn writes_to(
    environment: &Environment,
    mark: vobiz_harness::audit::Mark,
    name: &str,
) -> Result<Vec<String>> {
    let query = environment
        .operator_requests(mark)
        .namespace(environment.objects.namespace())
        .resource("secrets")
        .name(name);
    Ok(environment
        .audit()?
        .writes(&query)
        .await?
        .iter()
        .map(|line| line.summary())
        .collect())
}

async fn foreign(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("secret-foreign", api)).await?;
    let theirs = json!({"stringData": {"auth_id": "SA_THEIRS", "auth_token": "their-own"}});
    let theirs = environment.objects.create(Kind::Secret, SECRET, theirs).await?;
    let mark = environment.audit()?.mark().await?;
    environment.create_subaccount(NAME, json!({})).await?;
    let object = environment
        .await_reason(Kind::Subaccount, NAME, "Stalled", "SecretConflict")
        .await?;
    let published = condition_of(&object, "CredentialsPublished").context("no CredentialsPublished")?;
    ensure!(
        published["reason"] == "SecretConflict" && published["status"] == "False",
        "{published}"
    );
    await_event(&environment, NAME, "SecretConflict").await?;
    let now = environment.simulator.journal_mark().await?;
    let lists = JournalQuery::new().since(now).operation(Operation::List);
    environment.explain(environment.simulator.await_journal(&lists, 2, PATIENCE).await)?;
    let creates = JournalQuery::new().operation(Operation::Create);
    ensure!(
        environment.simulator.journal_count(&creates).await? == 0,
        "an account was created"
    );
    let writes = writes_to(&environment, mark, SECRET).await?;
    ensure!(writes.is_empty(), "their Secret was written: {writes:?}");
    let found = environment.objects.get(Kind::Secret, SECRET).await?;
    ensure!(
        found["metadata"]["resourceVersion"] == theirs["metadata"]["resourceVersion"],
        "their Secret changed"
    );

    // The same on the way: a Subaccount that has its pair is pointed at it.
    let spec = json!({"secretRef": {"name": "own"}});
    environment.create_subaccount("other", spec).await?;
    environment.await_ready("other").await?;
    let patch = json!({"spec": {"secretRef": {"name": SECRET}}});
    environment
        .objects
        .merge(Kind::Subaccount, "other", &patch)
        .await?;
    environment
        .await_reason(Kind::Subaccount, "other", "Stalled", "SecretConflict")
        .await?;
    ensure!(
        environment.objects.find(Kind::Secret, "own").await?.is_some(),
        "the only copy of the pair was removed"
    );
    let writes = writes_to(&environment, mark, SECRET).await?;
    ensure!(writes.is_empty(), "their Secret was written: {writes:?}");

    // When theirs goes, the name is free: the next look at the first object comes with its next edit.
    environment.objects.delete(Kind::Secret, SECRET).await?;
    environment
        .objects
        .merge(
            Kind::Subaccount,
            "other",
            &json!({"spec": {"secretRef": {"name": "own"}}}),
        )
        .await?;
    environment.await_ready("other").await?;
    environment
        .objects
        .merge(Kind::Subaccount, NAME, &json!({"spec": {"name": NAME}}))
        .await?;
    environment.await_ready(NAME).await.map(drop)
}

async fn shared(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(options("secret-shared", api)).await?;
    let first = ready(&environment).await?;
    let pair = secret_values(&environment.objects, SECRET).await?;
    environment
        .create_subaccount("second", json!({"secretRef": {"name": SECRET}}))
        .await?;
    environment
        .await_reason(Kind::Subaccount, "second", "Stalled", "SecretConflict")
        .await?;
    let creates = JournalQuery::new().operation(Operation::Create);
    ensure!(
        environment.simulator.journal_count(&creates).await? == 1,
        "an account was created for the second"
    );
    let now = environment.objects.get(Kind::Subaccount, NAME).await?;
    ensure!(
        auth_id_of(&now)? == auth_id_of(&first)?,
        "the first has another account"
    );
    ensure!(
        now["status"]["conditions"] == first["status"]["conditions"],
        "the first was affected: {}",
        now["status"]
    );
    ensure!(
        secret_values(&environment.objects, SECRET).await? == pair,
        "the Secret changed"
    );

    environment.objects.delete(Kind::Subaccount, "second").await?;
    environment.await_gone(Kind::Subaccount, "second").await?;
    ensure!(
        secret_values(&environment.objects, SECRET).await? == pair,
        "the second took the Secret with it"
    );
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}
