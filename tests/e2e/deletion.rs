//! Deletion as its policy says: what goes, what stays, what it costs, and that what is kept is kept for good.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, TestBed};

use crate::at_rest::{await_event, lose_one_create};
use crate::generation::{environment, in_each};

const DEADLINE: Duration = Duration::from_mins(1);

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "a deleted Subaccount costs one DELETE, one GET, two object writes and the Record's end",
        counts,
    );
    in_each(
        suite,
        "policy Disable leaves the account disabled and its pair in the Record, and repeats it after a restart",
        disable,
    );
    in_each(
        suite,
        "a retained account survives restarts and the janitor untouched",
        retain,
    );
    in_each(
        suite,
        "a retained account stays while what a lost answer left beside it is deleted",
        retain_with_leftover,
    );
    in_each(
        suite,
        "each field of the deletion settings comes from the spec, else from the Account, else is Delete without cascade",
        defaults,
    );
    in_each(
        suite,
        "an object of the same name as a kept or orphaned one is stalled and nothing is created for it",
        orphan,
    );
}

async fn counts(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let environment = bed.environment(environment("deletion-counts", api)).await?;
    // It keeps the Account in use, so that the Account's own marks are not counted.
    environment.create_ready("stays", json!({})).await?;
    let goes = environment.create_ready("goes", json!({})).await?;
    // It comes after the status that says Ready.
    await_event(&environment, "goes", "SubaccountCreated").await?;
    let mark = environment.audit()?.mark().await?;
    let sequence = environment.simulator.journal_mark().await?;

    environment.objects.delete(Kind::Subaccount, "goes").await?;
    environment.await_gone(Kind::Subaccount, "goes").await?;
    environment.await_record_gone(&goes.uid).await?;
    environment.await_gone(Kind::Secret, "goes-vobiz").await?;

    ensure!(
        environment.simulator.find_account(&goes.auth_id).await?.is_none(),
        "the account is still there"
    );
    let journal = environment
        .simulator
        .journal(&JournalQuery::new().since(sequence))
        .await?;
    let operations: Vec<Operation> = journal.iter().map(|entry| entry.operation).collect();
    ensure!(
        operations == [Operation::Delete, Operation::Get],
        "it took {operations:?}"
    );

    let told = environment
        .events("Subaccount", "goes", "SubaccountDeleted")
        .await?;
    ensure!(told.len() == 1, "no event tells of the deletion");

    let writes = environment
        .audit()?
        .writes(&environment.operator_requests(mark))
        .await?;
    let (events, writes): (Vec<_>, Vec<_>) = writes
        .into_iter()
        // The Account counts what came and went, some time later.
        .filter(|line| line.object_ref.resource != "accounts")
        .partition(|line| line.object_ref.resource == "events");
    let writes: Vec<String> = writes
        .iter()
        .map(|line| format!("{} {}", line.verb, line.object_ref.resource))
        .collect();
    ensure!(
        writes == ["update secrets", "patch subaccounts", "delete secrets"],
        "it wrote {writes:?}"
    );
    ensure!(events.len() == 1, "{} events were written", events.len());
    Ok(())
}

async fn disable(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(environment("deletion-disable", api)).await?;
    let kept = environment
        .create_ready("acme", json!({"deletion": {"policy": "Disable"}}))
        .await?;
    environment.objects.delete(Kind::Subaccount, "acme").await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;
    let account = environment.simulator.account(&kept.auth_id).await?;
    ensure!(
        account["enabled"] == false,
        "the account is not disabled: {account:#}"
    );
    ensure_kept(&environment, &kept.uid, &kept.auth_id).await?;
    ensure!(
        environment
            .events("Subaccount", "acme", "SubaccountDisabled")
            .await?
            .len()
            == 1,
        "no event tells that it was disabled"
    );

    environment.operator()?.kill_hard().await?;
    environment
        .simulator
        .change_account(&kept.auth_id, &json!({"enabled": true}))
        .await?;
    let sequence = environment.simulator.journal_mark().await?;
    environment.restart_operator()?;
    let updates = JournalQuery::new()
        .since(sequence)
        .operation(Operation::Update)
        .id(&kept.auth_id)
        .committed(true);
    environment.explain(environment.simulator.await_journal(&updates, 1, DEADLINE).await)?;
    ensure!(
        environment.simulator.account(&kept.auth_id).await?["enabled"] == false,
        "the account is not disabled again"
    );
    ensure_kept(&environment, &kept.uid, &kept.auth_id).await
}

async fn retain(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = environment("deletion-retain", api);
    options.account = json!({"resyncIntervalSeconds": 10});
    options.operator_flags.push("--retention-seconds=6".to_owned());
    let mut environment = bed.environment(options).await?;
    let kept = environment
        .create_ready("acme", json!({"deletion": {"policy": "Retain"}}))
        .await?;
    let before = environment.simulator.account(&kept.auth_id).await?;
    environment.objects.delete(Kind::Subaccount, "acme").await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;
    environment.await_gone(Kind::Secret, "acme-vobiz").await?;
    // It is told last of all: whoever is killed before tells nothing.
    await_event(&environment, "acme", "SubaccountRetained").await?;

    let sequence = environment.simulator.journal_mark().await?;
    environment.restart_operator()?;
    // Two lists: the janitor has seen the Record and the account, and had a whole interval to do harm.
    let lists = JournalQuery::new()
        .since(sequence)
        .operation(Operation::List)
        .answered(true);
    environment.explain(environment.simulator.await_journal(&lists, 3, DEADLINE).await)?;

    let after = environment.simulator.account(&kept.auth_id).await?;
    ensure!(
        before == after,
        "the kept account was changed:\n{before:#}\n{after:#}"
    );
    for operation in [Operation::Delete, Operation::Update, Operation::Create] {
        let sent = environment
            .simulator
            .journal_count(&JournalQuery::new().since(sequence).operation(operation))
            .await?;
        ensure!(sent == 0, "{sent} requests of {operation:?} were sent");
    }
    ensure!(
        environment
            .events("Subaccount", "acme", "SubaccountRetained")
            .await?
            .len()
            == 1,
        "no event tells that it was retained"
    );
    ensure_kept(&environment, &kept.uid, &kept.auth_id).await
}

async fn retain_with_leftover(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = environment("deletion-leftover", api);
    options.operator_flags.push("--retention-seconds=6".to_owned());
    let environment = bed.environment(options).await?;
    lose_one_create(&environment).await?;
    let kept = environment
        .create_ready("acme", json!({"deletion": {"policy": "Retain"}}))
        .await?;
    environment.objects.delete(Kind::Subaccount, "acme").await?;
    environment.await_gone(Kind::Subaccount, "acme").await?;

    let ids: Vec<Value> = accounts(&environment).await?;
    ensure!(
        ids == [json!(kept.auth_id)],
        "{ids:?} are left instead of {}",
        kept.auth_id
    );
    let created = JournalQuery::new().operation(Operation::Create).committed(true);
    ensure!(
        environment.simulator.journal_count(&created).await? == 2,
        "no answer was lost"
    );
    ensure_kept(&environment, &kept.uid, &kept.auth_id).await
}

async fn defaults(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut options = environment("deletion-defaults", api);
    options.account = json!({"defaults": {"deletion": {"policy": "Retain", "cascade": true}}});
    let environment = bed.environment(options).await?;
    let settings = [
        ("default", json!({})),
        ("cascade", json!({"deletion": {"policy": "Delete"}})),
        (
            "return",
            json!({"deletion": {"policy": "Delete", "cascade": false}}),
        ),
        ("disable", json!({"deletion": {"policy": "Disable"}})),
    ];
    let mut made = Vec::new();
    for (name, spec) in settings {
        let ready = environment.create_ready(name, spec).await?;
        environment
            .simulator
            .attach(&ready.auth_id, "application", name)
            .await?;
        made.push((name, ready));
    }
    for (name, _) in &made {
        environment.objects.delete(Kind::Subaccount, name).await?;
    }
    for (name, _) in &made {
        environment.await_gone(Kind::Subaccount, name).await?;
    }
    let mut states = Vec::new();
    for (name, ready) in &made {
        let account = environment.simulator.find_account(&ready.auth_id).await?;
        states.push((*name, account.map(|account| account["enabled"] == true)));
    }
    ensure!(
        states
            == [
                ("default", Some(true)),
                ("cascade", None),
                ("return", None),
                ("disable", Some(false))
            ],
        "the accounts are now {states:?}"
    );
    let mut resources: Vec<(Value, bool)> = environment
        .simulator
        .resources()
        .await?
        .iter()
        .map(|resource| (resource["name"].clone(), resource["account"].is_null()))
        .collect();
    resources.sort_by_key(|(name, _)| name.to_string());
    ensure!(
        resources
            == [
                (json!("default"), false),
                (json!("disable"), false),
                (json!("return"), true)
            ],
        "the resources (name, parent's own) are now {resources:?}"
    );

    let plain = json!({"spec": {"defaults": {"deletion": null}}});
    environment
        .objects
        .merge(Kind::Account, vobiz_harness::test_bed::ACCOUNT, &plain)
        .await?;
    let ready = environment.create_ready("plain", json!({})).await?;
    environment
        .simulator
        .attach(&ready.auth_id, "number", "plain")
        .await?;
    environment.objects.delete(Kind::Subaccount, "plain").await?;
    environment.await_gone(Kind::Subaccount, "plain").await?;
    ensure!(
        environment
            .simulator
            .find_account(&ready.auth_id)
            .await?
            .is_none(),
        "without any setting the account is kept"
    );
    let returned = environment.simulator.resources().await?;
    ensure!(
        returned
            .iter()
            .any(|resource| resource["name"] == "plain" && resource["account"].is_null()),
        "without any setting the number is not handed back: {returned:?}"
    );
    Ok(())
}

async fn orphan(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut environment = bed.environment(environment("deletion-orphan", api)).await?;
    let kept = environment
        .create_ready("kept", json!({"deletion": {"policy": "Retain"}}))
        .await?;
    let stripped = environment.create_ready("stripped", json!({})).await?;
    environment.objects.delete(Kind::Subaccount, "kept").await?;
    environment.await_gone(Kind::Subaccount, "kept").await?;

    // A person strips the finalizer while the operator is away.
    environment.operator()?.kill_hard().await?;
    environment.objects.delete(Kind::Subaccount, "stripped").await?;
    environment
        .objects
        .merge(
            Kind::Subaccount,
            "stripped",
            &json!({"metadata": {"finalizers": null}}),
        )
        .await?;
    environment.await_gone(Kind::Subaccount, "stripped").await?;
    environment.restart_operator()?;

    let sequence = environment.simulator.journal_mark().await?;
    for name in ["kept", "stripped"] {
        environment.create_subaccount(name, json!({})).await?;
        let stalled = environment
            .await_reason(Kind::Subaccount, name, "Stalled", "OrphanFound")
            .await?;
        let ready = condition_of(&stalled, "Ready");
        ensure!(
            ready.is_some_and(|ready| ready["status"] == "False"),
            "{name} is not refused: {stalled:#}"
        );
    }
    let creates = JournalQuery::new().since(sequence).operation(Operation::Create);
    ensure!(
        environment.simulator.journal_count(&creates).await? == 0,
        "an account was created"
    );

    // The refused objects go without a trace, and what was kept stays.
    for name in ["kept", "stripped"] {
        environment.objects.delete(Kind::Subaccount, name).await?;
        environment.await_gone(Kind::Subaccount, name).await?;
    }
    ensure_kept(&environment, &kept.uid, &kept.auth_id).await?;
    ensure!(
        environment.record_value(&stripped.uid, "phase").await?.as_deref() == Some("Bound"),
        "the Record of the stripped object is not kept"
    );
    environment.simulator.account(&stripped.auth_id).await?;
    ensure!(
        environment
            .events("Subaccount", "stripped", "SubaccountOrphaned")
            .await?
            .len()
            == 1,
        "the account without an object is not reported once"
    );
    Ok(())
}

async fn accounts(environment: &Environment) -> Result<Vec<Value>> {
    let accounts = environment.simulator.accounts().await?;
    Ok(accounts
        .iter()
        .map(|account| account["auth_id"].clone())
        .collect())
}

/// The Record is kept with the whole pair, and the account exists.
async fn ensure_kept(environment: &Environment, uid: &str, auth_id: &str) -> Result<()> {
    let phase = environment.record_value(uid, "phase").await?;
    ensure!(
        phase.as_deref() == Some("Kept"),
        "the Record is {phase:?} instead of Kept"
    );
    let account = environment.simulator.account(auth_id).await?;
    let token = environment.record_value(uid, "auth_token").await?;
    ensure!(
        token.as_deref() == account["auth_token"].as_str() && token.is_some(),
        "the Record does not hold the account's token"
    );
    let id = environment.record_value(uid, "auth_id").await?;
    ensure!(id.as_deref() == Some(auth_id), "the Record names {id:?}");
    Ok(())
}
