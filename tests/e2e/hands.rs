//! What people and their backup tools do to objects by hand.

use anyhow::Result;
use serde_json::{Value, json};
use vobiz_harness::test_bed::Environment;

/// Runs kubectl in the environment's namespace.
pub async fn kubectl(environment: &Environment, arguments: &[&str]) -> Result<String> {
    let namespace = environment.objects.namespace();
    let mut all = arguments.to_vec();
    all.extend(["--namespace", namespace]);
    environment.control_plane().kubectl().run(&all).await
}

/// Gives a Subaccount this status, as a restore does.
pub async fn set_status(environment: &Environment, name: &str, status: &Value) -> Result<()> {
    let patch = json!({"status": status}).to_string();
    let arguments = [
        "patch",
        "subaccounts.vobiz.ai",
        name,
        "--subresource=status",
        "--type=merge",
        "--patch",
        &patch,
    ];
    kubectl(environment, &arguments).await.map(drop)
}
