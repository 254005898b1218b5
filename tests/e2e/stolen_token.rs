//! What docs/security.md says of a stolen token, tried as the operator's ServiceAccount; and that the policy shown there takes the worst away.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::kubectl::Kubectl;
use vobiz_harness::markdown::blocks;
use vobiz_harness::objects::Kind;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};

const PATIENCE: Duration = Duration::from_mins(1);
/// Whom docs/security.md means.
const OPERATOR: &str = "system:serviceaccount:vobiz-operator-system:vobiz-operator";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "a stolen token can do what docs/security.md says and no more, and the policy shown there takes the making of tokens away",
        stolen,
    );
}

/// kubectl in the hands of whoever has the token.
struct Thief<'a> {
    kubectl: &'a Kubectl,
    user: String,
}

impl Thief<'_> {
    /// Whether it is taken, and what kubectl prints.
    async fn tries(&self, arguments: &[&str], input: &Value) -> Result<(bool, String)> {
        let arguments = [arguments, &[&self.user]].concat();
        let output = self.kubectl.output(&arguments, &input.to_string()).await?;
        Ok((output.success, output.stdout + &output.stderr))
    }

    /// Whether a Secret of this type could be made.
    async fn may_make(&self, namespace: &str, kind: &str) -> Result<(bool, String)> {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": kind,
            "metadata": {"name": "made", "namespace": namespace, "annotations": {"kubernetes.io/service-account.name": "default"}},
        });
        self.tries(&["create", "--dry-run=server", "--filename=-"], &secret)
            .await
    }

    /// Whether it has this right; `pods/exec` is that to the subresource, which kubectl would take for a Pod of that name.
    async fn may(&self, verb: &str, resource: &str) -> Result<bool> {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let subresource = format!("--subresource={subresource}");
        let asked = ["auth", "can-i", verb, resource, &subresource, "--all-namespaces"];
        let (_, told) = self.tries(&asked, &Value::Null).await?;
        Ok(told.trim() == "yes")
    }
}

async fn stolen(bed: Arc<TestBed>) -> Result<()> {
    let options = EnvironmentOptions {
        start_operator: false,
        account_ready: false,
        ..EnvironmentOptions::new("stolen-token")
    };
    let environment = bed.environment(options).await?;
    let kubectl = environment.control_plane().kubectl();
    let thief = Thief {
        kubectl,
        user: format!("--as={}", environment.installation.user()),
    };
    reads_every_secret(&environment, &thief).await?;
    changes_objects(&environment, &thief).await?;

    for (verb, resource) in [("watch", "secrets"), ("patch", "subaccounts.vobiz.ai/status")] {
        ensure!(thief.may(verb, resource).await?, "it may not {verb} {resource}");
    }
    for (verb, resource) in [
        ("list", "secrets"),
        ("delete", "subaccounts.vobiz.ai"),
        ("create", "pods"),
        ("create", "pods/exec"),
        ("impersonate", "users"),
        ("create", "serviceaccounts/token"),
        ("get", "nodes"),
        ("get", "clusterroles.rbac.authorization.k8s.io"),
        ("create", "rolebindings.rbac.authorization.k8s.io"),
        (
            "get",
            "validatingwebhookconfigurations.admissionregistration.k8s.io",
        ),
        ("patch", "customresourcedefinitions.apiextensions.k8s.io"),
    ] {
        ensure!(!thief.may(verb, resource).await?, "it may {verb} {resource}");
    }
    makes_no_token_beside_the_policy(&environment, &thief).await
}

async fn reads_every_secret(environment: &Environment, thief: &Thief<'_>) -> Result<()> {
    let data = json!({"type": "Opaque", "stringData": {"word": "swordfish"}});
    environment
        .objects
        .create(Kind::Secret, "of-somebody", data)
        .await?;
    // The server ends the watch by itself; what is there already comes at once.
    let watch = "/api/v1/secrets?watch=true&timeoutSeconds=3";
    let (_, seen) = thief.tries(&["get", "--raw", watch], &Value::Null).await?;
    let is_shown = seen.lines().any(|line| {
        serde_json::from_str::<Value>(line).is_ok_and(|event| {
            event["object"]["metadata"]["name"] == "of-somebody" && event["object"]["data"].is_object()
        })
    });
    ensure!(is_shown, "a watch without a name does not show every Secret");
    Ok(())
}

async fn changes_objects(environment: &Environment, thief: &Thief<'_>) -> Result<()> {
    environment.create_subaccount("acme", json!({})).await?;
    let held = json!({"metadata": {"finalizers": ["vobiz.ai/subaccount"]}});
    environment.objects.merge(Kind::Subaccount, "acme", &held).await?;
    let namespace = environment.objects.namespace();
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "nobody", "uid": "11111111-2222-4333-8444-555555555555"}]);
    for (patch, expected) in [
        (json!({"metadata": {"finalizers": null}}), true),
        (json!({"spec": {"deletion": {"policy": "Delete"}}}), true),
        // The harness turns the admission plugin on that asks for the right to delete.
        (json!({"metadata": {"ownerReferences": owner}}), false),
    ] {
        let patch = patch.to_string();
        let arguments = [
            "patch",
            "subaccounts.vobiz.ai",
            "acme",
            "--namespace",
            namespace,
            "--dry-run=server",
            "--type=merge",
            "--patch",
            &patch,
        ];
        let (taken, told) = thief.tries(&arguments, &Value::Null).await?;
        ensure!(taken == expected, "{patch}: {told}");
    }
    Ok(())
}

async fn makes_no_token_beside_the_policy(environment: &Environment, thief: &Thief<'_>) -> Result<()> {
    let namespace = environment.objects.namespace();
    let sort = "kubernetes.io/service-account-token";
    let (taken, told) = thief.may_make(namespace, sort).await?;
    ensure!(taken, "{told}");

    let text = std::fs::read_to_string(vobiz_harness::products::repository().join("docs/security.md"))?;
    let shown = blocks(&text, "yaml");
    let policy = shown.first().context("docs/security.md shows no policy")?;
    ensure!(shown.len() == 1 && policy.contains(OPERATOR));
    let user = environment.installation.user();
    thief
        .kubectl
        .apply(
            &policy
                .replace(OPERATOR, &user)
                .replace("vobiz-operator-secrets", namespace),
        )
        .await?;
    // The API server takes a moment to hold to it.
    let refused = tokio::time::timeout(PATIENCE, async {
        loop {
            let (taken, told) = thief.may_make(namespace, sort).await?;
            if !taken {
                return anyhow::Ok(told);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let refused = refused.await.context("the policy is not held to")??;
    ensure!(refused.contains("Opaque and vobiz.ai/record alone"), "{refused}");
    for kind in ["Opaque", "vobiz.ai/record"] {
        let (taken, told) = thief.may_make(namespace, kind).await?;
        ensure!(taken, "{kind}: {told}");
    }
    Ok(())
}
