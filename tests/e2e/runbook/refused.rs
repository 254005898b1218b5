//! What Kubernetes refuses, and the end of it. By itself the operator tries again ever more rarely, so a look is asked for.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, TestBed};

use super::{Entry, account_becomes_ready, annotate, becomes_ready, entry, shipped, told};
use crate::at_rest::await_kept_out;
use crate::rule::{InForce, Rule, await_tried};

const NAME: &str = "acme";
const SECRET: &str = "acme-vobiz";
const LOOK: &str = "vobiz.ai/reconcile-requested-at";
/// After so many failures in a row the next attempt by itself is 16 to 32 s away.
const OLD: usize = 6;

pub fn entries() -> Vec<Entry> {
    const POLICY: &str =
        "Kubernetes refuses a write / ValidatingAdmissionPolicy, MutatingAdmissionPolicy, admission webhook";
    vec![
        entry!(
            Some(POLICY),
            "the policy admits it, and a look is asked for",
            &["let the policy admit it"],
            policy
        ),
        entry!(
            Some("Kubernetes refuses a write / admission webhook that cannot be called"),
            "its configuration is removed, and a look is asked for",
            &["let the webhook answer, or remove it"],
            silent_webhook
        ),
        entry!(
            Some("Kubernetes refuses a write / ResourceQuota"),
            "it is raised, and a look is asked for",
            &["raise the quota"],
            quota
        ),
        entry!(
            Some("Kubernetes refuses a write / the schema or a rule about ..."),
            "the immutable Secret is removed, and a look is asked for",
            &["make these fields acceptable"],
            immutable
        ),
        entry!(
            Some("An Account is in trouble / WriteRefused"),
            "the policy admits it, and a look is asked for",
            &["let the policy admit it"],
            account
        ),
    ]
}

async fn look(environment: &Environment) -> Result<()> {
    annotate(environment, (Kind::Subaccount, NAME), LOOK, "now").await
}

async fn enforce<'a>(
    environment: &Environment,
    operation: &'a str,
    probe: &'a [&'a str],
) -> Result<InForce<'a>> {
    let rule = Rule {
        group: "",
        resource: "secrets",
        operation,
        probe,
        input: "",
    };
    rule.enforce(
        environment.control_plane().kubectl(),
        environment.objects.namespace(),
    )
    .await
}

async fn policy(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("policy")).await?;
    let rule = enforce(&environment, "CREATE", &["create", "secret", "generic", "probe"]).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    await_kept_out(&environment, NAME, says).await?;
    await_tried(&environment, "secrets", "create", OLD).await?;
    rule.lift().await?;
    look(&environment).await?;
    becomes_ready(&environment, NAME).await.map(drop)
}

async fn silent_webhook(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("silent")).await?;
    let (kubectl, namespace) = (
        environment.control_plane().kubectl(),
        environment.objects.namespace(),
    );
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [{
            "name": "silent.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "failurePolicy": "Fail",
            // Nothing listens there.
            "clientConfig": {"url": "https://127.0.0.1:1/"}, "timeoutSeconds": 1,
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"], "operations": ["CREATE"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        }],
    });
    kubectl.apply(&configuration.to_string()).await?;
    await_probe(&environment, false).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    await_kept_out(&environment, NAME, says).await?;
    kubectl
        .run(&["delete", "validatingwebhookconfiguration", namespace])
        .await?;
    await_probe(&environment, true).await?;
    look(&environment).await?;
    becomes_ready(&environment, NAME).await.map(drop)
}

/// The API server takes a moment to hold to a webhook, and to forget it.
async fn await_probe(environment: &Environment, admitted: bool) -> Result<()> {
    let namespace = environment.objects.namespace();
    let probe = [
        "create",
        "secret",
        "generic",
        "probe",
        "--dry-run=server",
        "--namespace",
        namespace,
    ];
    let kubectl = environment.control_plane().kubectl();
    let waited = tokio::time::timeout(std::time::Duration::from_mins(1), async {
        while kubectl.output(&probe, "").await?.success != admitted {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    });
    waited
        .await
        .context("the API server does not take notice of the webhook")?
}

async fn quota(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("quota")).await?;
    set_quota(&environment, 1).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    await_kept_out(&environment, NAME, says).await?;
    set_quota(&environment, 10).await?;
    look(&environment).await?;
    becomes_ready(&environment, NAME).await.map(drop)
}

/// The credentials are there already. The controller that counts does not run here.
async fn set_quota(environment: &Environment, secrets: usize) -> Result<()> {
    let (kubectl, namespace) = (
        environment.control_plane().kubectl(),
        environment.objects.namespace(),
    );
    let hard = json!({"count/secrets": secrets.to_string()});
    let quota: Value = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few", "namespace": namespace},
        "spec": {"hard": hard},
    });
    kubectl.apply(&quota.to_string()).await?;
    let counted = json!({"status": {"hard": hard, "used": {"count/secrets": "1"}}}).to_string();
    let patch = [
        "patch",
        "resourcequota",
        "few",
        "--namespace",
        namespace,
        "--subresource=status",
    ];
    kubectl
        .run(&[patch.as_slice(), &["--type=merge", "-p", &counted]].concat())
        .await
        .map(drop)
}

async fn immutable(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("immutable")).await?;
    environment.create_ready(NAME, json!({})).await?;
    let by_hand = json!({"immutable": true, "stringData": {"auth_token": "by-hand"}});
    environment.objects.merge(Kind::Secret, SECRET, &by_hand).await?;
    look(&environment).await?;
    await_kept_out(&environment, NAME, says).await?;
    environment.objects.delete(Kind::Secret, SECRET).await?;
    annotate(&environment, (Kind::Subaccount, NAME), LOOK, "again").await?;
    becomes_ready(&environment, NAME).await.map(drop)
}

async fn account(bed: Arc<TestBed>, says: &'static [&'static str]) -> Result<()> {
    let environment = bed.environment(shipped("mark")).await?;
    let rule = enforce(
        &environment,
        "UPDATE",
        &["annotate", "secret", CREDENTIALS, "probe=probe"],
    )
    .await?;
    environment.create_subaccount(NAME, json!({})).await?;
    told(&environment, (Kind::Account, ACCOUNT), "WriteRefused", says).await?;
    await_tried(&environment, "secrets", "patch", OLD).await?;
    rule.lift().await?;
    annotate(&environment, (Kind::Account, ACCOUNT), LOOK, "now").await?;
    account_becomes_ready(&environment).await?;
    becomes_ready(&environment, NAME).await.map(drop)
}
