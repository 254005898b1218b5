//! Refusals as kubectl's user reads them, and an object that was stored before anyone refused it.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::products;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{EnvironmentOptions, TestBed};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
const DEFINITION: &str = "subaccounts.vobiz.ai";

pub fn add_to(suite: &mut Suite) {
    suite.test("kubectl apply shows why a Subaccount is refused", refused);
    suite.test(
        "an undecodable stored object says so and harms no other",
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
            "accountRef cannot be changed: delete this Subaccount",
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
            json!({"accountRef": {"name": "vobiz"}, "authId": "SA_1"}),
            "unknown field \"spec.authId\"",
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

/// On a control plane of its own: for a moment the definition lets everything through.
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
    let strict = kubectl
        .get_json(&["customresourcedefinition", DEFINITION])
        .await?;
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/rateLimit";
    let loose =
        json!([{"op": "replace", "path": path, "value": {"x-kubernetes-preserve-unknown-fields": true}}]);
    let loosen = [
        "patch",
        "customresourcedefinition",
        DEFINITION,
        "--type=json",
        "-p",
        &loose.to_string(),
    ];
    kubectl.run(&loosen).await?;
    // The API server takes a moment to serve what it has stored.
    let bad = json!({"rateLimit": "many"});
    let stored = tokio::time::timeout(PATIENCE, async {
        while environment.create_subaccount("bad", bad.clone()).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    stored.await.context("the loose definition is not served")?;
    let back = strict.pointer(path).context("the definition has no rateLimit")?;
    let back = json!([{"op": "replace", "path": path, "value": back}]);
    kubectl
        .run(&[
            "patch",
            "customresourcedefinition",
            DEFINITION,
            "--type=json",
            "-p",
            &back.to_string(),
        ])
        .await?;

    environment.start_operator().await?;
    environment.create_subaccount("good", json!({})).await?;
    environment.await_ready("good").await?;
    let object = environment
        .await_reason(Kind::Subaccount, "bad", "Stalled", "Unsupported")
        .await?;
    ensure!(
        condition_of(&object, "Ready").is_some_and(|ready| ready["status"] == "False"),
        "{}",
        object["status"]
    );

    // Corrected, it is like any other.
    environment
        .objects
        .merge(Kind::Subaccount, "bad", &json!({"spec": {"rateLimit": 5}}))
        .await?;
    environment.await_ready("bad").await?;
    let accounts = environment.simulator.accounts().await?.len();
    ensure!(accounts == 2, "{accounts} accounts exist");
    Ok(())
}
