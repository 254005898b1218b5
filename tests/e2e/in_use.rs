//! What several Accounts and odd Subaccounts hold: credentials Secrets stay as long as somebody needs them, and no longer.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::json;
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::products;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::Operation;
use vobiz_harness::subaccounts::finalizers;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::await_event;
use crate::generation::{environment, in_each};
use crate::hands::kubectl;
use crate::namespace::IN_USE;
use crate::validation::{Loose, loosen, stored_at_last};

const SECOND: &str = "second";

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a credentials Secret of two Accounts is held for the last Subaccount of both, though Vobiz fails as the namespace goes",
        shared_secret,
    );
    suite.test(
        "a Secret that a deleted Account shares is let go by the Account that is left",
        sharer_goes,
    );
    suite.test(
        "a Subaccount that cannot be read holds Account and credentials, obeys force-delete, and lets its namespace go in order",
        unreadable,
    );
    suite.test(
        "a Secret that holds no pair of a parent is not held, whoever names it in an Account",
        no_pair,
    );
    suite.test(
        "a deleting Account in trouble says which, and who holds it",
        deleting_in_trouble,
    );
}

async fn account_of_the_same_secret(environment: &Environment, name: &str) -> Result<()> {
    let spec = json!({"spec": {"credentialsSecretRef": {"name": CREDENTIALS}}});
    environment.objects.create(Kind::Account, name, spec).await?;
    environment
        .await_condition(Kind::Account, name, "Ready", "True")
        .await
        .map(drop)
}

async fn await_marked(environment: &Environment, kind: Kind, name: &str, marked: bool) -> Result<()> {
    let what = if marked { "marked" } else { "not marked" };
    let reached = |object: &serde_json::Value| finalizers(object).contains(&IN_USE) == marked;
    environment
        .await_object(kind, name, what, reached)
        .await
        .map(drop)
}

async fn ensure_marked(environment: &Environment, name: &str) -> Result<()> {
    let secret = environment.objects.get(Kind::Secret, name).await?;
    ensure!(
        finalizers(&secret).contains(&IN_USE),
        "the Secret {name} was let go"
    );
    Ok(())
}

async fn shared_secret(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("in-use-shared", api)).await?;
    account_of_the_same_secret(&environment, SECOND).await?;
    environment.create_ready("of-first", json!({})).await?;
    let kept = json!({"accountRef": {"name": SECOND}});
    environment.create_ready("of-second", kept).await?;
    environment.objects.delete(Kind::Subaccount, "of-first").await?;
    environment.await_gone(Kind::Subaccount, "of-first").await?;
    await_marked(&environment, Kind::Account, ACCOUNT, false).await?;
    ensure_marked(&environment, CREDENTIALS).await?;

    let hiccup = Fault::status(503).operation(Operation::Delete).times(3);
    environment.simulator.add_fault(&hiccup).await?;
    let namespace = environment.objects.namespace().to_owned();
    environment.objects.delete(Kind::Namespace, &namespace).await?;
    environment.await_gone(Kind::Namespace, &namespace).await?;
    let left = environment.simulator.accounts().await?;
    ensure!(left.is_empty(), "{} accounts are left", left.len());
    Ok(())
}

async fn sharer_goes(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(EnvironmentOptions::new("in-use-sharer")).await?;
    account_of_the_same_secret(&environment, SECOND).await?;
    environment.create_ready("of-first", json!({})).await?;
    let other = json!({"accountRef": {"name": SECOND}});
    environment.create_ready("of-second", other).await?;
    for (account, of_it) in [(ACCOUNT, "of-first"), (SECOND, "of-second")] {
        environment.objects.delete(Kind::Account, account).await?;
        environment
            .await_message(Kind::Account, account, "Ready", &[of_it])
            .await?;
    }
    environment.objects.delete(Kind::Secret, CREDENTIALS).await?;
    environment.objects.delete(Kind::Subaccount, "of-first").await?;
    environment.await_gone(Kind::Account, ACCOUNT).await?;
    ensure_marked(&environment, CREDENTIALS).await?;
    environment.objects.delete(Kind::Subaccount, "of-second").await?;
    for (kind, name) in [(Kind::Account, SECOND), (Kind::Secret, CREDENTIALS)] {
        environment.await_gone(kind, name).await?;
    }
    ensure!(
        environment.simulator.accounts().await?.is_empty(),
        "accounts are left"
    );
    Ok(())
}

/// On a control plane of its own: the definitions let everything through.
async fn unreadable(bed: Arc<TestBed>) -> Result<()> {
    let own = TestBed::start(
        products::repository(),
        bed.operator_binary(),
        &products::simulator()?,
    )
    .await?;
    let mut environment = own
        .environment(EnvironmentOptions::new("in-use-unreadable"))
        .await?;
    account_of_the_same_secret(&environment, SECOND).await?;
    for name in ["plain", "archived", "nameless", "forced"] {
        environment.create_ready(name, json!({})).await?;
    }
    let kubectl_tool = own.control_plane().kubectl();
    // As another version of the operator let it through.
    loosen(kubectl_tool, &[Loose::Policy, Loose::AccountReference]).await?;
    let policy = json!({"spec": {"deletion": {"policy": "Archive"}}});
    for name in ["archived", "forced"] {
        stored_at_last(|| environment.objects.merge(Kind::Subaccount, name, &policy)).await?;
    }
    let nameless = json!({"spec": {"accountRef": {"name": null, "uid": "of-some-account"}}});
    stored_at_last(|| environment.objects.merge(Kind::Subaccount, "nameless", &nameless)).await?;
    // A watch that was begun between two changes of a definition shows nothing for a while.
    environment.start_operator().await?;
    for name in ["archived", "forced", "nameless"] {
        environment
            .await_reason(Kind::Subaccount, name, "Stalled", "Unsupported")
            .await?;
    }
    environment
        .await_message(Kind::Account, ACCOUNT, "Ready", &["cannot be read", "nameless"])
        .await?;

    // The last one that can be read goes, and the Account has another pass.
    environment.objects.delete(Kind::Subaccount, "plain").await?;
    environment.await_gone(Kind::Subaccount, "plain").await?;
    let edit = json!({"spec": {"resyncIntervalSeconds": 30}});
    environment.objects.merge(Kind::Account, ACCOUNT, &edit).await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    ensure_marked(&environment, CREDENTIALS).await?;
    await_marked(&environment, Kind::Account, ACCOUNT, true).await?;
    // Nothing was ever made with this one.
    await_marked(&environment, Kind::Account, SECOND, false).await?;

    let namespaced = ["annotate", "subaccounts.vobiz.ai", "forced"];
    kubectl(
        &environment,
        &[&namespaced[..], &["vobiz.ai/paused=true"]].concat(),
    )
    .await?;
    environment.objects.delete(Kind::Subaccount, "forced").await?;
    environment
        .await_message(
            Kind::Subaccount,
            "forced",
            "Ready",
            &["vobiz.ai/force-delete", "Apply it again"],
        )
        .await?;
    environment
        .await_reason(Kind::Subaccount, "forced", "Synced", "Paused")
        .await?;
    kubectl(
        &environment,
        &[&namespaced[..], &["vobiz.ai/force-delete=true"]].concat(),
    )
    .await?;
    environment.await_gone(Kind::Subaccount, "forced").await?;
    await_event(&environment, "forced", "SubaccountOrphaned").await?;

    let namespace = environment.objects.namespace().to_owned();
    environment.objects.delete(Kind::Namespace, &namespace).await?;
    environment
        .await_message(Kind::Account, ACCOUNT, "Ready", &["archived", "nameless"])
        .await?;
    ensure_marked(&environment, CREDENTIALS).await?;
    environment.await_gone(Kind::Account, SECOND).await?;
    let correction = json!({"spec": {"deletion": {"policy": "Delete"}}});
    environment
        .objects
        .merge(Kind::Subaccount, "archived", &correction)
        .await?;
    environment.await_gone(Kind::Subaccount, "archived").await?;
    ensure_marked(&environment, CREDENTIALS).await?;
    let force = [
        "annotate",
        "subaccounts.vobiz.ai",
        "nameless",
        "vobiz.ai/force-delete=true",
    ];
    kubectl(&environment, &force).await?;
    environment.await_gone(Kind::Namespace, &namespace).await?;
    let left = environment.simulator.accounts().await?;
    ensure!(
        left.len() == 2,
        "{} accounts are left, two went by force",
        left.len()
    );
    Ok(())
}

async fn no_pair(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(EnvironmentOptions::new("in-use-no-pair")).await?;
    let others = [
        ("of-a-database", json!({"stringData": {"password": "swordfish"}})),
        (
            "refused",
            json!({"stringData": {"auth_id": "MA_NOBODY", "auth_token": "nothing"}}),
        ),
    ];
    for (name, manifest) in &others {
        environment
            .objects
            .create(Kind::Secret, name, manifest.clone())
            .await?;
    }
    environment.create_ready("acme", json!({})).await?;
    await_marked(&environment, Kind::Secret, CREDENTIALS, true).await?;
    for (name, _) in &others {
        let edit = json!({"spec": {"credentialsSecretRef": {"name": name}}});
        environment.objects.merge(Kind::Account, ACCOUNT, &edit).await?;
        environment
            .await_condition(Kind::Account, ACCOUNT, "Ready", "False")
            .await?;
        await_marked(&environment, Kind::Secret, CREDENTIALS, false).await?;
        environment.objects.delete(Kind::Secret, name).await?;
        environment.await_gone(Kind::Secret, name).await?;
    }
    let edit = json!({"spec": {"credentialsSecretRef": {"name": CREDENTIALS}}});
    environment.objects.merge(Kind::Account, ACCOUNT, &edit).await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    await_marked(&environment, Kind::Secret, CREDENTIALS, true).await
}

async fn deleting_in_trouble(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(EnvironmentOptions::new("in-use-trouble")).await?;
    environment.create_ready("acme", json!({})).await?;
    environment.objects.delete(Kind::Secret, CREDENTIALS).await?;
    environment.objects.delete(Kind::Account, ACCOUNT).await?;
    environment
        .await_message(Kind::Account, ACCOUNT, "Ready", &["held until", "acme"])
        .await?;
    // Somebody strips the mark: then they are gone indeed.
    let strip = json!({"metadata": {"finalizers": null}});
    environment
        .objects
        .merge(Kind::Secret, CREDENTIALS, &strip)
        .await?;
    environment.await_gone(Kind::Secret, CREDENTIALS).await?;
    let edit = json!({"spec": {"resyncIntervalSeconds": 30}});
    environment.objects.merge(Kind::Account, ACCOUNT, &edit).await?;
    let shown = environment
        .await_message(
            Kind::Account,
            ACCOUNT,
            "Ready",
            &[CREDENTIALS, "held until", "acme"],
        )
        .await?;
    ensure!(
        condition_of(&shown, "Ready").is_some_and(|ready| ready["reason"] == "CredentialsMissing"),
        "{:#}",
        shown["status"]
    );
    environment.objects.delete(Kind::Subaccount, "acme").await?;
    environment.create_credentials(&environment.objects).await?;
    // Whoever writes them back need not ask for a look.
    let edit = json!({"spec": {"resyncIntervalSeconds": 31}});
    environment.objects.merge(Kind::Account, ACCOUNT, &edit).await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;
    environment.await_gone(Kind::Account, ACCOUNT).await
}
