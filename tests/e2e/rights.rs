//! What `manifests/base` lets the operator do, asked of the API server.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::json;
use vobiz_harness::objects::Kind;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, EnvironmentOptions, TestBed};

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "the operator may get and watch users' Secrets by name, and list only its own",
        secrets_by_name,
    );
}

async fn may(environment: &Environment, verb: &str, resource: &str, namespace: &str) -> Result<bool> {
    let user = format!("--as={}", environment.installation.user());
    let arguments = ["auth", "can-i", verb, resource, "-n", namespace, &user];
    let output = environment
        .control_plane()
        .kubectl()
        .output(&arguments, "")
        .await?;
    Ok(output.stdout.trim() == "yes")
}

async fn secrets_by_name(bed: Arc<TestBed>) -> Result<()> {
    let options = EnvironmentOptions {
        start_operator: false,
        ..EnvironmentOptions::new("rights")
    };
    let environment = bed.environment(options).await?;
    let account = environment.objects.get(Kind::Account, ACCOUNT).await?;
    ensure!(
        account["spec"]["credentialsSecretRef"]
            == json!({
                "name": CREDENTIALS, "authIdKey": "auth_id", "authTokenKey": "auth_token"
            })
    );

    let (users, own) = (
        environment.objects.namespace(),
        environment.operator_objects.namespace(),
    );
    for (verb, namespace, expected) in [
        ("get", users, true),
        ("list", users, false),
        ("watch", users, true),
        ("list", own, true),
    ] {
        let allowed = may(&environment, verb, "secrets", namespace).await?;
        ensure!(
            allowed == expected,
            "{verb} secrets in {namespace}: allowed is {allowed}"
        );
    }
    ensure!(
        !may(&environment, "update", "subaccounts", users).await?,
        "it may replace what users wrote"
    );
    ensure!(
        !may(&environment, "list", "nodes", users).await?,
        "it may list nodes"
    );
    Ok(())
}
