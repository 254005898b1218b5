//! The shipped Subaccount manifests, provisioned three times: apart by namespace, name and what a deletion does.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::accounts::create_credentials_of;
use vobiz_harness::objects::{Kind, Objects};
use vobiz_harness::simulator::{Api, Parent};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

use crate::generation::environment;

/// Each environment, and whether the account of a deleted object is enabled, disabled or gone.
const ENVIRONMENTS: [(&str, Option<bool>); 3] =
    [("dev", None), ("staging", Some(false)), ("prod", Some(true))];
const SUBACCOUNTS: [(&str, &str); 2] = [("acme", "acme-vobiz"), ("globex", "globex-telephony")];

pub fn add_to(suite: &mut Suite) {
    // One trial for both generations: the namespaces are those that the manifests name.
    suite.test(
        "one set of manifests makes dev, staging and prod, each on its parent, with its names and its deletion policy",
        |bed| async move {
            three_environments(&bed, Api::Gen2).await?;
            three_environments(&bed, Api::Gen1).await
        },
    );
    suite.test(
        "each department of the shipped sample has a subaccount with what it may do, kept disabled when it closes",
        |bed| async move { departments(&bed).await },
    );
}

/// A further parent of this environment's simulator, its pair in the Secret that the Account of that namespace names.
async fn provide_parent(environment: &Environment, objects: &Objects) -> Result<Parent> {
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let parent = Parent::new(
        &format!("MA_{}", unique[..18].to_uppercase()),
        &format!("token-{unique}"),
    );
    let (id, token) = (&parent.auth_id, &parent.auth_token);
    environment.simulator.put_parent(id, token).await?;
    create_credentials_of(&parent, objects).await?;
    Ok(parent)
}

async fn three_environments(bed: &TestBed, api: Api) -> Result<()> {
    let mut options = environment("environments", api);
    options.account_ready = false;
    options
        .operator_flags
        .push("--watch-namespaces=vobiz-dev,vobiz-staging,vobiz-prod".to_owned());
    let environment = bed.environment(options).await?;
    let overlays = bed.repository().join("manifests/subaccounts/overlays");
    let mut all = Vec::new();
    for (name, left) in ENVIRONMENTS {
        let namespace = format!("vobiz-{name}");
        let client = bed.control_plane().client();
        let objects = Objects::new(client, &namespace, Duration::from_mins(1));
        bed.control_plane()
            .kubectl()
            .apply_kustomization(&overlays.join(name))
            .await?;
        let parent = provide_parent(&environment, &objects).await?;
        all.push((name, left, objects, parent));
    }
    for (name, _, objects, parent) in &all {
        environment.explain(
            objects
                .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
                .await,
        )?;
        for (subaccount, secret) in SUBACCOUNTS {
            let waited = objects
                .await_condition(Kind::Subaccount, subaccount, "Ready", "True")
                .await;
            let ready = environment.explain(waited)?;
            let account = find(&environment, &format!("{name}-{subaccount}")).await?;
            let is_its_own = |account: &Value| {
                account["auth_id"] == ready["status"]["authId"]
                    && account["parent_auth_id"] == parent.auth_id.as_str()
            };
            ensure!(
                account.as_ref().is_some_and(is_its_own),
                "{name}-{subaccount} is at Vobiz {account:#?}, in the cluster {ready:#}"
            );
            objects.get(Kind::Secret, secret).await?;
        }
    }
    ensure!(
        environment.simulator.accounts().await?.len() == 6,
        "there are more accounts than six"
    );

    for (_, _, objects, _) in &all {
        for (subaccount, _) in SUBACCOUNTS {
            objects.delete(Kind::Subaccount, subaccount).await?;
        }
    }
    for (name, left, objects, _) in &all {
        for (subaccount, _) in SUBACCOUNTS {
            environment.explain(objects.await_gone(Kind::Subaccount, subaccount).await)?;
            let account = find(&environment, &format!("{name}-{subaccount}")).await?;
            let enabled = account.map(|account| account["enabled"] == true);
            ensure!(
                enabled == *left,
                "{name}-{subaccount} is left {enabled:?} instead of {left:?}"
            );
        }
    }
    for (_, _, objects, _) in &all {
        objects.delete(Kind::Namespace, objects.namespace()).await?;
    }
    for (_, _, objects, _) in &all {
        environment.explain(objects.await_gone(Kind::Namespace, objects.namespace()).await)?;
    }
    Ok(())
}

async fn departments(bed: &TestBed) -> Result<()> {
    const NAMESPACE: &str = "vobiz-departments";
    let mut options = EnvironmentOptions::new("departments");
    options.account_ready = false;
    options
        .operator_flags
        .push(format!("--watch-namespaces={NAMESPACE}"));
    let environment = bed.environment(options).await?;
    let objects = Objects::new(bed.control_plane().client(), NAMESPACE, Duration::from_mins(1));
    let folder = bed.repository().join("manifests/subaccounts/departments");
    bed.control_plane().kubectl().apply_kustomization(&folder).await?;
    environment.create_credentials(&objects).await?;
    for (department, secret, calls, cdr) in [
        ("sales", "sales-vobiz", true, false),
        ("support", "helpdesk-telephony", true, true),
        ("operations", "operations-vobiz", false, true),
    ] {
        let ready = objects.await_condition(Kind::Subaccount, department, "Ready", "True");
        environment.explain(ready.await)?;
        let account = find(&environment, &format!("company-{department}")).await?;
        let account = account.with_context(|| format!("{department} has no account"))?;
        ensure!(
            account["permissions"] == json!({"calls": calls, "cdr": cdr}),
            "{department} may do something else: {account:#}"
        );
        objects.get(Kind::Secret, secret).await?;
    }
    objects.delete(Kind::Subaccount, "sales").await?;
    environment.explain(objects.await_gone(Kind::Subaccount, "sales").await)?;
    let closed = find(&environment, "company-sales").await?;
    ensure!(
        closed.as_ref().is_some_and(|account| account["enabled"] == false),
        "the closed department's account is {closed:?}"
    );
    objects.delete(Kind::Namespace, NAMESPACE).await?;
    environment.explain(objects.await_gone(Kind::Namespace, NAMESPACE).await)
}

async fn find(environment: &Environment, name: &str) -> Result<Option<Value>> {
    let accounts = environment.simulator.accounts().await?;
    Ok(accounts.into_iter().find(|account| account["name"] == name))
}
