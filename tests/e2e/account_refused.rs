//! What an Account says when Kubernetes refuses a write that its pass makes, what its Subaccounts may do meanwhile, and
//! that all of it ends by itself.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::subaccounts::finalizers;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{ensure_consistent, ensure_one_create};
use crate::generation::{environment, in_each};
use crate::rule::{InForce, Rule, await_nothing_refused, await_told, await_tried, ensure_counted};

const NAME: &str = "acme";
const IN_USE: &str = "vobiz.ai/in-use";
const GROUP: &str = "vobiz.ai";

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "an Account whose credentials Secret cannot be marked says who refuses it, and creates wait until it can",
        secret_not_marked,
    );
    suite.test(
        "an Account that cannot be marked says who refuses it, and creates wait until it can",
        account_not_marked,
    );
    suite.test(
        "an Account that cannot let its former Secret go works with the new pair: updates and deletions go on, creates wait",
        new_pair,
    );
    suite.test(
        "an Account whose status is refused is told by its Subaccounts, an event and /readyz",
        status_refused,
    );
    suite.test(
        "a deleted Account that cannot be let go says who refuses it, and goes once it can",
        not_released,
    );
    suite.test(
        "an Account whose mark cannot come off lets its Secret go once, and holds it no more",
        account_not_released,
    );
}

/// A rule against any change of a Secret.
async fn no_secret_changes(environment: &Environment) -> Result<InForce<'_>> {
    let rule = Rule {
        group: "",
        resource: "secrets",
        operation: "UPDATE",
        probe: &["annotate", "secret", CREDENTIALS, "probe=probe"],
        input: "",
    };
    rule.enforce(
        environment.control_plane().kubectl(),
        environment.objects.namespace(),
    )
    .await
}

/// Waits until the Account says that this write is refused by this rule, and that it goes on trying.
async fn await_refused(environment: &Environment, write: &str, rule: &InForce<'_>) -> Result<Value> {
    environment
        .await_reason(Kind::Account, ACCOUNT, "Ready", "WriteRefused")
        .await?;
    let texts = [
        write,
        "ValidatingAdmissionPolicy",
        &rule.name,
        "let the policy admit it",
    ];
    let shown = environment
        .await_message(Kind::Account, ACCOUNT, "Ready", &texts)
        .await?;
    for (kind, status) in [("Ready", "False"), ("Reconciling", "True")] {
        let found = condition_of(&shown, kind)
            .is_some_and(|found| found["status"] == status && found["reason"] == "WriteRefused");
        ensure!(found, "{kind}: {:#}", shown["status"]["conditions"]);
    }
    ensure!(condition_of(&shown, "Stalled").is_none(), "it is stalled");
    Ok(shown)
}

/// The Subaccount waits for its Account, names it and the reason, and nothing was created.
async fn await_waiting(environment: &Environment, name: &str) -> Result<()> {
    environment
        .await_reason(Kind::Subaccount, name, "Reconciling", "DependencyNotReady")
        .await?;
    environment
        .await_message(Kind::Subaccount, name, "Reconciling", &[ACCOUNT, "WriteRefused"])
        .await?;
    Ok(())
}

async fn ensure_no_create(environment: &Environment) -> Result<()> {
    let creates = JournalQuery::new().operation(Operation::Create);
    let creates = environment.simulator.journal_count(&creates).await?;
    ensure!(
        creates == 0,
        "{creates} creates were sent for an Account that is not held"
    );
    Ok(())
}

/// Told in one event, however often it was tried.
async fn ensure_one_event(environment: &Environment) -> Result<()> {
    let events = environment.events("Account", ACCOUNT, "WriteRefused").await?;
    ensure!(
        events.len() == 1 && events[0]["type"] == "Warning",
        "{} events: {events:#?}",
        events.len()
    );
    Ok(())
}

async fn ensure_marked(environment: &Environment, kind: Kind, name: &str, marked: bool) -> Result<()> {
    let object = environment.objects.get(kind, name).await?;
    ensure!(
        finalizers(&object).contains(&IN_USE) == marked,
        "{kind:?} {name} has the finalizers {:?}",
        finalizers(&object)
    );
    Ok(())
}

async fn secret_not_marked(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("refused-mark", api)).await?;
    let operator = environment.operator()?;
    let rule = no_secret_changes(&environment).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    let mark = format!(
        "patch of secrets {}/{CREDENTIALS}",
        environment.objects.namespace()
    );
    await_refused(&environment, &mark, &rule).await?;
    await_waiting(&environment, NAME).await?;
    await_told(operator, 200, &["Account", ACCOUNT, &mark, &rule.name]).await?;
    ensure_counted(operator, "secrets", "patch").await?;

    // Tried again and again, and nothing of it is repeated at Vobiz.
    let since = environment.simulator.journal_mark().await?;
    await_tried(&environment, "secrets", "patch", 3).await?;
    let asked = environment
        .simulator
        .journal(&JournalQuery::new().since(since))
        .await?;
    ensure!(asked.is_empty(), "Vobiz was asked: {asked:#?}");
    ensure_no_create(&environment).await?;
    ensure_one_event(&environment).await?;

    rule.lift().await?;
    environment.await_ready(NAME).await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    ensure_marked(&environment, Kind::Secret, CREDENTIALS, true).await?;
    await_nothing_refused(operator).await?;
    ensure_one_create(&environment).await?;
    ensure_consistent(&environment, &[NAME.to_owned()]).await
}

/// Nobody may change the Account, but for its status.
async fn no_account_changes(environment: &Environment) -> Result<InForce<'_>> {
    let rule = Rule {
        group: GROUP,
        resource: "accounts",
        operation: "UPDATE",
        probe: &["annotate", "accounts.vobiz.ai", ACCOUNT, "probe=probe"],
        input: "",
    };
    let namespace = environment.objects.namespace();
    rule.enforce(environment.control_plane().kubectl(), namespace)
        .await
}

async fn account_not_marked(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed
        .environment(EnvironmentOptions::new("refused-account"))
        .await?;
    let namespace = environment.objects.namespace();
    let rule = no_account_changes(&environment).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    let mark = format!("patch of accounts {namespace}/{ACCOUNT}");
    await_refused(&environment, &mark, &rule).await?;
    await_waiting(&environment, NAME).await?;
    await_told(environment.operator()?, 200, &[&mark, &rule.name]).await?;
    ensure_no_create(&environment).await?;
    ensure_one_event(&environment).await?;
    rule.lift().await?;
    environment.await_ready(NAME).await?;
    ensure_marked(&environment, Kind::Account, ACCOUNT, true).await?;
    await_nothing_refused(environment.operator()?).await
}

async fn new_pair(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(EnvironmentOptions::new("refused-pair")).await?;
    let made = environment.create_ready(NAME, json!({})).await?;
    let rule = no_secret_changes(&environment).await?;
    let parent = environment.parent.auth_id.clone();
    let token = "rotated-token-of-the-parent";
    environment.simulator.put_parent(&parent, token).await?;
    let pair = json!({"stringData": {"auth_id": parent, "auth_token": token}});
    environment.objects.create(Kind::Secret, "rotated", pair).await?;
    let since = environment.simulator.journal_mark().await?;
    let named = json!({"spec": {"credentialsSecretRef": {"name": "rotated"}}});
    environment.objects.merge(Kind::Account, ACCOUNT, &named).await?;
    let released = format!(
        "patch of secrets {}/{CREDENTIALS}",
        environment.objects.namespace()
    );
    let shown = await_refused(&environment, &released, &rule).await?;
    ensure!(
        shown["status"]["credentialsSecretName"] == CREDENTIALS,
        "nobody knows any more that it is marked: {}",
        shown["status"]
    );

    let edit = json!({"spec": {"enabled": false}});
    environment.objects.merge(Kind::Subaccount, NAME, &edit).await?;
    environment
        .await_reason(Kind::Subaccount, NAME, "Ready", "Disabled")
        .await?;
    let account = environment.simulator.account(&made.auth_id).await?;
    ensure!(
        account["enabled"] == false,
        "the edit did not arrive: {account:#}"
    );
    let refused = JournalQuery::new().since(since).status(401);
    let refused = environment.simulator.journal_count(&refused).await?;
    ensure!(refused == 0, "{refused} requests were sent with the former pair");
    environment.create_subaccount("second", json!({})).await?;
    await_waiting(&environment, "second").await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    let left = environment.simulator.accounts().await?;
    ensure!(left.is_empty(), "the deletion did not arrive: {left:#?}");

    rule.lift().await?;
    environment.await_ready("second").await?;
    ensure_marked(&environment, Kind::Secret, CREDENTIALS, false).await?;
    ensure_marked(&environment, Kind::Secret, "rotated", true).await?;
    await_nothing_refused(environment.operator()?).await
}

async fn status_refused(bed: Arc<TestBed>) -> Result<()> {
    let mut options = EnvironmentOptions::new("refused-status");
    options.account_ready = false;
    let environment = bed.environment(options).await?;
    let namespace = environment.objects.namespace();
    // Something whose status can be tried.
    let probe = json!({"spec": {"credentialsSecretRef": {"name": "none"}}});
    environment.objects.create(Kind::Account, "probe", probe).await?;
    environment
        .await_reason(Kind::Account, "probe", "Ready", "CredentialsMissing")
        .await?;
    let rule = Rule {
        group: GROUP,
        resource: "accounts/status",
        operation: "UPDATE",
        probe: &[
            "patch",
            "accounts.vobiz.ai",
            "probe",
            "--subresource=status",
            "--type=merge",
            "--patch={\"status\":{\"authId\":\"MA_PROBE\"}}",
        ],
        input: "",
    };
    let rule = rule
        .enforce(environment.control_plane().kubectl(), namespace)
        .await?;
    environment.create_subaccount(NAME, json!({})).await?;
    environment.create_account(json!({})).await?;
    await_waiting(&environment, NAME).await?;
    let write = format!("patch of accounts/status {namespace}/{ACCOUNT}");
    await_told(environment.operator()?, 200, &["Account", &write, &rule.name]).await?;
    ensure_counted(environment.operator()?, "accounts/status", "patch").await?;
    await_tried(&environment, "accounts/status", "patch", 3).await?;
    ensure_no_create(&environment).await?;
    ensure_one_event(&environment).await?;
    ensure_marked(&environment, Kind::Secret, CREDENTIALS, false).await?;
    rule.lift().await?;
    environment.await_ready(NAME).await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
        .await?;
    await_nothing_refused(environment.operator()?).await
}

async fn account_not_released(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed
        .environment(EnvironmentOptions::new("refused-account-release"))
        .await?;
    environment.create_ready(NAME, json!({})).await?;
    environment
        .await_object(Kind::Secret, CREDENTIALS, "held", |secret| {
            finalizers(secret).contains(&IN_USE)
        })
        .await?;
    let rule = no_account_changes(&environment).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    await_tried(&environment, "accounts", "patch", 1).await?;
    // Whoever cannot read an answer does not know whether the Account is let go, and so whether anybody would take the mark off again.
    let let_go = environment.objects.get(Kind::Secret, CREDENTIALS).await?;
    await_tried(&environment, "accounts", "patch", 4).await?;
    ensure_marked(&environment, Kind::Account, ACCOUNT, true).await?;
    ensure_marked(&environment, Kind::Secret, CREDENTIALS, false).await?;
    let now = environment.objects.get(Kind::Secret, CREDENTIALS).await?;
    let version = |secret: &Value| secret["metadata"]["resourceVersion"].clone();
    ensure!(version(&now) == version(&let_go), "the Secret was written again");
    rule.lift().await?;
    environment
        .await_object(Kind::Account, ACCOUNT, "let go", |account| {
            !finalizers(account).contains(&IN_USE)
        })
        .await?;
    await_nothing_refused(environment.operator()?).await
}

async fn not_released(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed
        .environment(EnvironmentOptions::new("refused-release"))
        .await?;
    environment.create_ready(NAME, json!({})).await?;
    let rule = no_secret_changes(&environment).await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    environment.await_gone(Kind::Subaccount, NAME).await?;
    environment.objects.delete(Kind::Account, ACCOUNT).await?;
    let release = format!(
        "patch of secrets {}/{CREDENTIALS}",
        environment.objects.namespace()
    );
    await_refused(&environment, &release, &rule).await?;
    environment
        .await_object(Kind::Account, ACCOUNT, "deleted", |account| {
            account["metadata"]["deletionTimestamp"].is_string()
        })
        .await?;
    await_told(environment.operator()?, 200, &[&release, &rule.name]).await?;
    ensure_one_event(&environment).await?;
    rule.lift().await?;
    environment.await_gone(Kind::Account, ACCOUNT).await?;
    ensure_marked(&environment, Kind::Secret, CREDENTIALS, false).await?;
    await_nothing_refused(environment.operator()?).await
}
