//! What the manifests let the operator and people do, asked of the API server.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::json;
use vobiz_harness::objects::Kind;
use vobiz_harness::operator::{OperatorOptions, OperatorProcess};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, EnvironmentOptions, TestBed, fast_flags};

use crate::rule::await_told;

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "the operator may get and watch users' Secrets by name, and list only its own",
        secrets_by_name,
    );
    suite.test(
        "with rights in one namespace alone the operator creates, repairs and deletes there, and may do nothing elsewhere",
        one_namespace_alone,
    );
    suite.test(
        "a namespace that is named before it is granted is told by /readyz, and needs no restart once it is",
        named_before_it_is_granted,
    );
    suite.test(
        "a tenant may write Subaccounts and no Accounts, a parent's administrator the other way round",
        tenants_and_administrators,
    );
}

async fn may(environment: &Environment, verb: &str, resource: &str, namespace: &str) -> Result<bool> {
    let user = environment.installation.user();
    may_as(environment, &user, verb, resource, namespace).await
}

async fn may_as(
    environment: &Environment,
    user: &str,
    verb: &str,
    resource: &str,
    namespace: &str,
) -> Result<bool> {
    let user = format!("--as={user}");
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

async fn one_namespace_alone(bed: Arc<TestBed>) -> Result<()> {
    let options = EnvironmentOptions {
        namespaced: true,
        ..EnvironmentOptions::new("namespaced")
    };
    let mut environment = bed.environment(options).await?;
    for (verb, resource) in [
        ("list", "subaccounts.vobiz.ai"),
        ("patch", "accounts.vobiz.ai"),
        ("get", "secrets"),
        ("get", "namespaces"),
        ("create", "events.events.k8s.io"),
    ] {
        ensure!(may(&environment, verb, resource, environment.objects.namespace()).await?);
        ensure!(
            !may(&environment, verb, resource, "default").await?,
            "it may {verb} {resource} elsewhere"
        );
    }

    environment
        .create_subaccount("acme", json!({"secretRef": {"name": "pair"}}))
        .await?;
    environment.await_ready("acme").await?;
    environment.objects.delete(Kind::Secret, "pair").await?;
    environment.restart_operator()?;
    let restored = environment
        .objects
        .await_object(Kind::Secret, "pair", "there again", |_| true);
    restored.await?;
    environment.objects.delete(Kind::Subaccount, "acme").await?;
    environment.objects.await_gone(Kind::Subaccount, "acme").await?;
    ensure!(environment.simulator.accounts().await?.is_empty());
    environment.objects.delete(Kind::Account, ACCOUNT).await?;
    environment.objects.await_gone(Kind::Account, ACCOUNT).await
}

async fn tenants_and_administrators(bed: Arc<TestBed>) -> Result<()> {
    let options = EnvironmentOptions {
        start_operator: false,
        account_ready: false,
        ..EnvironmentOptions::new("roles")
    };
    let environment = bed.environment(options).await?;
    let namespace = environment.objects.namespace();
    for (role, written, read) in [
        ("vobiz-tenant", "subaccounts.vobiz.ai", "accounts.vobiz.ai"),
        ("vobiz-parent-admin", "accounts.vobiz.ai", "subaccounts.vobiz.ai"),
    ] {
        let (role_flag, user) = (format!("--clusterrole={role}"), format!("{role}-user"));
        let user_flag = format!("--user={user}");
        let arguments = [
            "create",
            "rolebinding",
            role,
            &role_flag,
            &user_flag,
            "-n",
            namespace,
        ];
        environment.control_plane().kubectl().run(&arguments).await?;
        for (verb, resource, expected) in [
            ("create", written, true),
            ("delete", written, true),
            ("create", read, false),
            ("patch", read, false),
            ("get", read, true),
            ("get", "secrets", false),
        ] {
            let allowed = may_as(&environment, &user, verb, resource, namespace).await?;
            ensure!(
                allowed == expected,
                "{role}: {verb} {resource}: allowed is {allowed}"
            );
        }
    }
    Ok(())
}

async fn named_before_it_is_granted(bed: Arc<TestBed>) -> Result<()> {
    let bed = bed.apart().await?;
    let options = EnvironmentOptions {
        namespaced: true,
        start_operator: false,
        ..EnvironmentOptions::new("ungranted")
    };
    let environment = bed.environment(options).await?;
    let granted = environment.objects.namespace();
    let other = format!("{granted}-other");
    environment
        .objects
        .create(Kind::Namespace, &other, json!({}))
        .await?;
    let mut flags = fast_flags();
    flags.extend([
        format!("--api-base-url={}", environment.simulator.url()),
        "--allow-insecure-api".to_owned(),
        format!("--watch-namespaces={granted},{other}"),
    ]);
    let options = OperatorOptions {
        flags,
        ..OperatorOptions::default()
    };
    let (control_plane, installation) = (bed.control_plane(), &environment.installation);
    let operator =
        OperatorProcess::start(control_plane, installation, bed.operator_binary(), &options).await?;
    await_told(
        &operator,
        503,
        &["the watch of Accounts in ", &other, "cannot list"],
    )
    .await?;
    let watched = bed.repository().join("manifests/watched-namespace");
    installation.grant_in(control_plane, &watched, &other).await?;
    operator.await_ready().await
}
