//! The shipped Subaccount manifests, provisioned three times: apart by namespace, name and what a deletion does.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use vobiz_harness::objects::{Kind, Objects};
use vobiz_harness::simulator::Api;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, TestBed};

use crate::generation::environment;

/// Each environment, and whether the account of a deleted object is enabled, disabled or gone.
const ENVIRONMENTS: [(&str, Option<bool>); 3] =
    [("dev", None), ("staging", Some(false)), ("prod", Some(true))];
const SUBACCOUNTS: [(&str, &str); 2] = [("acme", "acme-vobiz"), ("globex", "globex-telephony")];

pub fn add_to(suite: &mut Suite) {
    // One trial for both generations: the namespaces are those that the manifests name.
    suite.test(
        "one set of manifests makes dev, staging and prod, each with its names and its deletion policy",
        |bed| async move {
            three_environments(&bed, Api::Gen2).await?;
            three_environments(&bed, Api::Gen1).await
        },
    );
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
        environment.create_credentials(&objects).await?;
        all.push((name, left, objects));
    }
    for (name, _, objects) in &all {
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
            ensure!(
                account
                    .as_ref()
                    .is_some_and(|account| account["auth_id"] == ready["status"]["authId"]),
                "{name}-{subaccount} is at Vobiz {account:#?}, in the cluster {ready:#}"
            );
            objects.get(Kind::Secret, secret).await?;
        }
    }
    ensure!(
        environment.simulator.accounts().await?.len() == 6,
        "there are more accounts than six"
    );

    for (_, _, objects) in &all {
        for (subaccount, _) in SUBACCOUNTS {
            objects.delete(Kind::Subaccount, subaccount).await?;
        }
    }
    for (name, left, objects) in &all {
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
    for (_, _, objects) in &all {
        objects.delete(Kind::Namespace, objects.namespace()).await?;
    }
    for (_, _, objects) in &all {
        environment.explain(objects.await_gone(Kind::Namespace, objects.namespace()).await)?;
    }
    Ok(())
}

async fn find(environment: &Environment, name: &str) -> Result<Option<Value>> {
    let accounts = environment.simulator.accounts().await?;
    Ok(accounts.into_iter().find(|account| account["name"] == name))
}
