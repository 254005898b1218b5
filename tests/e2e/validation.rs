//! Refusals as kubectl's user reads them, and an object that was stored before anyone refused it.

use std::future::Future;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::kubectl::Kubectl;
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::products;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{CREDENTIALS, EnvironmentOptions, TestBed};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
const SUBACCOUNTS: &str = "subaccounts.vobiz.ai";
const ACCOUNTS: &str = "accounts.vobiz.ai";

pub fn add_to(suite: &mut Suite) {
    suite.test("kubectl apply shows why a Subaccount is refused", refused);
    suite.test(
        "a stored object that cannot be read, or has a value that no enumeration has, says so and harms no other",
        undecodable,
    );
}

async fn refused(bed: Arc<TestBed>) -> Result<()> {
    let options = EnvironmentOptions {
        start_operator: false,
        account_ready: false,
        ..EnvironmentOptions::new("validation")
    };
    let environment = bed.environment(options).await?;
    let apply = async |spec: Value| {
        let manifest = json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "spec": spec,
            "metadata": {"name": "acme", "namespace": environment.objects.namespace()},
        });
        environment
            .control_plane()
            .kubectl()
            .output(&["apply", "-f", "-"], &manifest.to_string())
            .await
    };
    let accepted = apply(json!({"accountRef": {"name": "vobiz"}})).await?;
    ensure!(accepted.success, "refused: {}", accepted.stderr);
    let refusals = [
        (
            json!({"accountRef": {"name": "other"}}),
            "set spec.deletion.policy to Retain first",
        ),
        (
            json!({"accountRef": {"name": "vobiz"}, "kycMode": "customer_use"}),
            "kycMode customer_use needs an email: set spec.email",
        ),
        (
            json!({"accountRef": {"name": "vobiz"}, "description": "a [vobiz-operator b"}),
            "must not contain '[vobiz-operator '",
        ),
        (
            json!({"accountRef": {"name": "vobiz", "namespace": "other"}}),
            "unknown field \"spec.accountRef.namespace\"",
        ),
        (
            json!({"accountRef": {"name": "vobiz"}, "tenant": "SA_1"}),
            "unknown field \"spec.tenant\"",
        ),
    ];
    for (spec, wanted) in refusals {
        let output = apply(spec).await?;
        ensure!(!output.success, "accepted: {}", output.stdout);
        ensure!(
            output.stderr.contains(wanted),
            "not {wanted:?}: {}",
            output.stderr
        );
    }
    let stored = environment.objects.get(Kind::Subaccount, "acme").await?;
    ensure!(
        stored["metadata"]["generation"] == 1,
        "a refused manifest changed the object"
    );
    Ok(())
}

/// On a control plane of its own: for a moment the definitions let everything through.
async fn undecodable(bed: Arc<TestBed>) -> Result<()> {
    let own = TestBed::start(
        products::repository(),
        bed.operator_binary(),
        &products::simulator()?,
    )
    .await?;
    let options = EnvironmentOptions {
        start_operator: false,
        ..EnvironmentOptions::new("undecodable")
    };
    let mut environment = own.environment(options).await?;
    let kubectl = own.control_plane().kubectl();
    let fields = [
        Loose::RateLimit,
        Loose::KycMode,
        Loose::Policy,
        Loose::ApiGeneration,
    ];
    let strict = loosen(kubectl, &fields).await?;
    // What another version of the operator may have let through: another type, and values that no enumeration has here.
    let bad = [
        ("mistyped", json!({"rateLimit": "many"}), json!({"rateLimit": 5})),
        ("mode", json!({"kycMode": "robot_use"}), json!({"kycMode": null})),
        (
            "policy",
            json!({"deletion": {"policy": "Archive"}}),
            json!({"deletion": {"policy": "Delete"}}),
        ),
    ];
    for (name, spec, _) in &bad {
        stored_at_last(|| environment.create_subaccount(name, spec.clone())).await?;
    }
    let account = json!({"spec": {"credentialsSecretRef": {"name": CREDENTIALS}, "apiGeneration": "Gen3"}});
    stored_at_last(|| {
        environment
            .objects
            .create(Kind::Account, "unknown", account.clone())
    })
    .await?;
    tighten(kubectl, &strict).await?;

    environment.start_operator().await?;
    environment.create_subaccount("good", json!({})).await?;
    environment.await_ready("good").await?;
    environment
        .create_subaccount("under", json!({"accountRef": {"name": "unknown"}}))
        .await?;
    let stalled = [
        (Kind::Subaccount, "mistyped"),
        (Kind::Subaccount, "mode"),
        (Kind::Subaccount, "policy"),
        (Kind::Account, "unknown"),
    ];
    for (kind, name) in stalled {
        let object = environment
            .await_reason(kind, name, "Stalled", "Unsupported")
            .await?;
        ensure!(
            condition_of(&object, "Ready").is_some_and(|ready| ready["status"] == "False"),
            "{}",
            object["status"]
        );
    }
    environment
        .await_message(
            Kind::Subaccount,
            "under",
            "Ready",
            &["the Account unknown", "Unsupported"],
        )
        .await?;

    // Corrected, they are like any other.
    for (name, _, corrected) in &bad {
        let corrected = json!({"spec": corrected});
        environment
            .objects
            .merge(Kind::Subaccount, name, &corrected)
            .await?;
        environment.await_ready(name).await?;
    }
    let corrected = json!({"spec": {"apiGeneration": "Gen2"}});
    environment
        .objects
        .merge(Kind::Account, "unknown", &corrected)
        .await?;
    environment
        .await_condition(Kind::Account, "unknown", "Ready", "True")
        .await?;
    environment.await_ready("under").await?;
    let accounts = environment.simulator.accounts().await?.len();
    ensure!(accounts == bad.len() + 2, "{accounts} accounts exist");
    Ok(())
}

/// A field that lets through what no definition of ours admits.
#[derive(Clone, Copy)]
pub enum Loose {
    RateLimit,
    KycMode,
    Policy,
    AccountReference,
    ApiGeneration,
}

impl Loose {
    /// Which definition, where in it, and what stands there then.
    fn exchange(self) -> (&'static str, &'static str, Value) {
        let (text, anything) = (
            json!({"type": "string"}),
            json!({"x-kubernetes-preserve-unknown-fields": true}),
        );
        match self {
            Self::RateLimit => (SUBACCOUNTS, "rateLimit", anything),
            Self::KycMode => (SUBACCOUNTS, "kycMode", text),
            Self::Policy => (SUBACCOUNTS, "deletion/properties/policy", text),
            // A field by which objects are selected must have a type.
            Self::AccountReference => (
                SUBACCOUNTS,
                "accountRef",
                json!({"type": "object", "properties": {"name": {"type": "string"}, "uid": {"type": "string"}}}),
            ),
            Self::ApiGeneration => (ACCOUNTS, "apiGeneration", text),
        }
    }
}

/// What was there before: definition, path and value.
pub type Strict = Vec<(&'static str, String, Value)>;

/// Loosens these fields.
pub async fn loosen(kubectl: &Kubectl, fields: &[Loose]) -> Result<Strict> {
    let mut strict = Vec::new();
    for field in fields {
        let (definition, field, loose) = field.exchange();
        let path = format!("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/{field}");
        let stored = kubectl
            .get_json(&["customresourcedefinition", definition])
            .await?;
        let field = stored
            .pointer(&path)
            .context("the definition has no such field")?;
        strict.push((definition, path.clone(), field.clone()));
        replace(kubectl, definition, &path, &loose).await?;
    }
    Ok(strict)
}

/// Puts back what was there before.
pub async fn tighten(kubectl: &Kubectl, strict: &Strict) -> Result<()> {
    for (definition, path, field) in strict {
        replace(kubectl, definition, path, field).await?;
    }
    Ok(())
}

/// Exchanges a part of a definition.
async fn replace(kubectl: &Kubectl, definition: &str, path: &str, value: &Value) -> Result<()> {
    let operations = json!([{"op": "replace", "path": path, "value": value}]).to_string();
    let target = ["patch", "customresourcedefinition", definition];
    kubectl
        .run(&[target.as_slice(), &["--type=json", "-p", &operations]].concat())
        .await
        .map(drop)
}

/// Tries until the API server serves the definition that it has stored.
pub async fn stored_at_last<Creating>(create: impl Fn() -> Creating) -> Result<()>
where
    Creating: Future<Output = Result<Value>>,
{
    let stored = tokio::time::timeout(PATIENCE, async {
        while create().await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    stored.await.context("the loose definition is not served")
}
