//! What deployment tools read from a Subaccount in each of its states, and what holds for its conditions in all of them.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::kstatus::{Status, status};
use vobiz_harness::objects::{Kind, condition_of, is_observed};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

use crate::generation::{environment, in_each};

const NAME: &str = "acme";

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "tools wait for a Subaccount that nobody has seen, or that waits to be created",
        first_create,
    );
    in_each(
        suite,
        "tools wait for a create whose outcome is not known",
        unknown_outcome,
    );
    in_each(suite, "tools wait for an edit until it is applied", edited);
    in_each(suite, "an outage of Vobiz leaves what is applied Ready", outage);
    in_each(suite, "tools fail on what needs a person", terminal);
    in_each(suite, "tools see a deletion under way", deleting);
}

/// Waits for a state; every state on the way must keep the rules for conditions.
async fn reach(environment: &Environment, what: &str, reached: impl Fn(&Value) -> bool) -> Result<Value> {
    let mut broken = None;
    let object = environment
        .await_object(Kind::Subaccount, NAME, what, |object| {
            if let Err(error) = ensure_rules(object) {
                broken.get_or_insert(error);
            }
            broken.is_some() || reached(object)
        })
        .await?;
    match broken {
        Some(error) => Err(error),
        None => Ok(object),
    }
}

fn has(object: &Value, condition: &str, status: &str, reason: &str) -> bool {
    is_observed(object)
        && condition_of(object, condition)
            .is_some_and(|found| found["status"] == status && found["reason"] == reason)
}

fn ensure_rules(object: &Value) -> Result<()> {
    let state = &object["status"];
    if state["observedGeneration"] == -1 {
        return Ok(());
    }
    let ready =
        condition_of(object, "Ready").with_context(|| format!("a status without Ready: {state:#}"))?;
    let conditions = state["conditions"].as_array().context("no conditions")?;
    ensure!(
        conditions
            .iter()
            .all(|condition| condition["observedGeneration"].is_i64()),
        "a condition without observedGeneration: {state:#}"
    );
    // Some clients read no time with a fraction.
    let whole_seconds = |condition: &Value| {
        let time = condition["lastTransitionTime"].as_str().unwrap_or_default();
        time.len() == "2026-01-01T00:00:00Z".len() && time.ends_with('Z')
    };
    ensure!(
        conditions.iter().all(whole_seconds),
        "a time that is not a whole second: {state:#}"
    );
    let (reconciling, stalled) = (
        condition_of(object, "Reconciling"),
        condition_of(object, "Stalled"),
    );
    ensure!(
        [reconciling, stalled]
            .into_iter()
            .flatten()
            .all(|condition| condition["status"] == "True"),
        "Reconciling or Stalled without being True: {state:#}"
    );
    let explained = match (reconciling, stalled) {
        (None, None) => ready["status"] == "True",
        (Some(why), None) => ready["status"] != "True" && ready["reason"] == why["reason"],
        (None, Some(why)) => ready["status"] == "False" && ready["reason"] == why["reason"],
        (Some(_), Some(_)) => false,
    };
    ensure!(
        explained,
        "Ready, Reconciling and Stalled contradict each other: {state:#}"
    );
    Ok(())
}

/// The verdicts of kstatus and of `kubectl wait`.
async fn ensure_verdict(
    environment: &Environment,
    object: &Value,
    wanted: Status,
    returns: bool,
) -> Result<()> {
    ensure!(
        status(object) == wanted,
        "kstatus says {:?}, not {wanted:?}, of {:#}",
        status(object),
        object["status"]
    );
    let namespace = format!("--namespace={}", environment.objects.namespace());
    let resource = format!("subaccount/{NAME}");
    let arguments = [
        "wait",
        "--for=condition=Ready",
        "--timeout=1s",
        &namespace,
        &resource,
    ];
    let output = environment
        .control_plane()
        .kubectl()
        .output(&arguments, "")
        .await?;
    ensure!(
        output.success == returns,
        "kubectl wait ends with {}: {}",
        output.success,
        output.stderr
    );
    Ok(())
}

async fn ready(environment: &Environment) -> Result<Value> {
    let object = reach(environment, "Ready", |object| {
        has(object, "Ready", "True", "Available")
    })
    .await?;
    ensure!(
        status(&object) == Status::Current,
        "kstatus says {:?} of a Ready object",
        status(&object)
    );
    Ok(object)
}

async fn first_create(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let options = EnvironmentOptions {
        account_ready: false,
        start_operator: false,
        ..environment("kstatus-first", api)
    };
    let mut environment = bed.environment(options).await?;
    let created = environment.create_subaccount(NAME, json!({})).await?;
    ensure!(
        created["status"]["observedGeneration"] == -1,
        "{}",
        created["status"]
    );
    ensure_verdict(&environment, &created, Status::InProgress, false).await?;

    environment.start_operator().await?;
    let waiting = reach(&environment, "waiting", |object| {
        has(object, "Reconciling", "True", "DependencyNotReady")
    })
    .await?;
    ensure_verdict(&environment, &waiting, Status::InProgress, false).await?;
    ensure!(
        has(&waiting, "Ready", "Unknown", "DependencyNotReady"),
        "{:#}",
        waiting["status"]
    );
    let message = condition_of(&waiting, "Ready")
        .map(|ready| ready["message"].to_string())
        .unwrap_or_default();
    ensure!(message.contains(ACCOUNT), "the Account is not named: {message}");

    let fault = environment
        .simulator
        .add_fault(&Fault::hold_after_commit().operation(Operation::Create).times(1))
        .await?;
    environment.create_account(json!({})).await?;
    let unanswered = JournalQuery::new().operation(Operation::Create).held(true);
    let deadline = std::time::Duration::from_secs(30);
    environment.explain(
        environment
            .simulator
            .await_journal(&unanswered, 1, deadline)
            .await,
    )?;
    let object = environment.objects.get(Kind::Subaccount, NAME).await?;
    ensure_rules(&object)?;
    ensure!(
        status(&object) == Status::InProgress,
        "kstatus says {:?} of a create under way",
        status(&object)
    );
    environment.simulator.remove_fault(fault).await?;
    environment.simulator.release_holds().await?;
    let object = ready(&environment).await?;
    ensure_verdict(&environment, &object, Status::Current, true).await
}

async fn unknown_outcome(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("kstatus-unknown", api)).await?;
    // After the first loss another attempt begins at once; after the second the first two must settle.
    let lost = Fault::new(json!({"type": "lose_before"}))
        .operation(Operation::Create)
        .times(2);
    environment.simulator.add_fault(&lost).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    let object = reach(&environment, "waiting", |object| {
        has(object, "Reconciling", "True", "Progressing")
    })
    .await?;
    ensure!(
        has(&object, "Ready", "Unknown", "Progressing"),
        "Ready is not Unknown: {:#}",
        object["status"]
    );
    ensure_verdict(&environment, &object, Status::InProgress, false).await?;
    ready(&environment).await.map(drop)
}

async fn edited(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("kstatus-edited", api)).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    ready(&environment).await?;
    environment.operator()?.pause().await?;
    let failing = environment
        .simulator
        .add_fault(&Fault::status(503).operation(Operation::Update))
        .await?;
    let unseen = environment
        .objects
        .merge(Kind::Subaccount, NAME, &json!({"spec": {"name": "Acme 2"}}))
        .await?;
    ensure!(!is_observed(&unseen), "a stopped operator saw the edit");
    ensure!(
        status(&unseen) == Status::InProgress,
        "kstatus says {:?} of an edit not seen",
        status(&unseen)
    );

    environment.operator()?.resume().await?;
    let retried = reach(&environment, "retried", |object| {
        has(object, "Ready", "False", "ProgressingWithRetry")
    })
    .await?;
    ensure!(
        has(&retried, "Synced", "False", "VobizUnavailable"),
        "Synced: {:#}",
        retried["status"]
    );
    ensure_verdict(&environment, &retried, Status::InProgress, false).await?;
    environment.simulator.remove_fault(failing).await?;
    let object = ready(&environment).await?;
    ensure!(
        has(&object, "Synced", "True", "ReconcileSuccess"),
        "Synced: {:#}",
        object["status"]
    );
    ensure_verdict(&environment, &object, Status::Current, true).await
}

async fn outage(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let options = EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10}),
        ..environment("kstatus-outage", api)
    };
    let environment = bed.environment(options).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    let before = ready(&environment).await?;
    environment.simulator.add_fault(&Fault::status(503)).await?;
    environment
        .await_condition(Kind::Account, ACCOUNT, "Ready", "False")
        .await?;
    let object = environment.objects.get(Kind::Subaccount, NAME).await?;
    ensure_rules(&object)?;
    ensure_verdict(&environment, &object, Status::Current, true).await?;
    ensure!(
        object["status"]["conditions"] == before["status"]["conditions"],
        "the outage was written on the Subaccount: {:#}",
        object["status"]
    );
    Ok(())
}

async fn terminal(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("kstatus-terminal", api)).await?;
    let foreign = json!({"stringData": {"auth_id": "mine"}});
    environment
        .objects
        .create(Kind::Secret, "acme-vobiz", foreign)
        .await?;
    environment.create_subaccount(NAME, json!({})).await?;
    let object = reach(&environment, "stalled", |object| {
        has(object, "Stalled", "True", "SecretConflict")
    })
    .await?;
    ensure_verdict(&environment, &object, Status::Failed, false).await?;
    let (namespace, resource) = (
        format!("--namespace={}", environment.objects.namespace()),
        format!("subaccount/{NAME}"),
    );
    let stalled = [
        "wait",
        "--for=condition=Stalled",
        "--timeout=1s",
        &namespace,
        &resource,
    ];
    environment.control_plane().kubectl().run(&stalled).await?;
    environment
        .objects
        .merge(
            Kind::Subaccount,
            NAME,
            &json!({"spec": {"secretRef": {"name": "free"}}}),
        )
        .await?;
    let object = ready(&environment).await?;
    ensure_verdict(&environment, &object, Status::Current, true).await
}

async fn deleting(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("kstatus-deleting", api)).await?;
    environment.create_subaccount(NAME, json!({})).await?;
    ready(&environment).await?;
    let failing = environment
        .simulator
        .add_fault(&Fault::status(503).operation(Operation::Delete))
        .await?;
    environment.objects.delete(Kind::Subaccount, NAME).await?;
    let object = reach(&environment, "deleting", |object| {
        has(object, "Ready", "False", "Deleting")
    })
    .await?;
    ensure_verdict(&environment, &object, Status::Terminating, false).await?;
    environment.simulator.remove_fault(failing).await?;
    environment.await_gone(Kind::Subaccount, NAME).await
}
