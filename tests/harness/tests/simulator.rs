//! The simulator as a process: what the typed client says of it is what happened.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use vobiz_harness::directory::TemporaryDirectory;
use vobiz_harness::operator::plain_http_client;
use vobiz_harness::products;
use vobiz_harness::simulator::{Api, Parent, Simulator, SimulatorOptions};
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};

const PARENT: &str = "MA_HARNESS";
const TOKEN: &str = "parent-token";

async fn simulator(directory: &TemporaryDirectory) -> Result<Simulator> {
    let options = SimulatorOptions {
        api: Api::Gen2,
        parents: vec![Parent::new(PARENT, TOKEN)],
    };
    let binary: PathBuf = products::simulator()?;
    Simulator::start(&binary, &options, &directory.path().join("simulator.log")).await
}

async fn create(simulator: &Simulator, name: &str) -> Result<Value> {
    let url = format!("{}/api/v1/accounts/{PARENT}/sub-accounts/", simulator.url());
    let request = plain_http_client()?
        .post(url)
        .header("X-Auth-ID", PARENT)
        .header("X-Auth-Token", TOKEN);
    let answer = request.json(&json!({"name": name})).send().await?.text().await?;
    serde_json::from_str(&answer).context("failed to parse the answer")
}

#[tokio::test]
async fn what_arrives_is_in_the_journal_and_what_is_made_is_in_the_list() -> Result<()> {
    let directory = TemporaryDirectory::new("simulator")?;
    let simulator = simulator(&directory).await?;
    let mark = simulator.journal_mark().await?;
    let made = create(&simulator, "first").await?;
    let auth_id = made["auth_credentials"]["auth_id"]
        .as_str()
        .context("no auth_id")?;

    let created = JournalQuery::new()
        .since(mark)
        .operation(Operation::Create)
        .committed(true)
        .answered(true);
    let entries = simulator
        .await_journal(&created, 1, Duration::from_secs(10))
        .await?;
    assert_eq!((entries.len(), entries[0].id.as_deref()), (1, Some(auth_id)));
    assert_eq!(
        simulator
            .journal_count(&JournalQuery::new().since(entries[0].sequence))
            .await?,
        0
    );

    let account = simulator
        .change_account(auth_id, &json!({"name": "drifted"}))
        .await?;
    assert_eq!(account["name"], "drifted");
    let token = made["auth_credentials"]["auth_token"]
        .as_str()
        .context("no token")?;
    let secrets = simulator.secrets().await?;
    assert!(secrets.iter().any(|secret| secret == token) && secrets.iter().any(|secret| secret == TOKEN));

    simulator.remove_account(auth_id).await?;
    assert!(simulator.find_account(auth_id).await?.is_none());
    assert_eq!(simulator.deleted_accounts().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_held_answer_shows_as_committed_and_unanswered_until_its_client_goes() -> Result<()> {
    let directory = TemporaryDirectory::new("simulator")?;
    let simulator = simulator(&directory).await?;
    let fault = Fault::hold_after_commit()
        .operation(Operation::Create)
        .name("held")
        .times(1);
    simulator.add_fault(&fault).await?;

    let held = JournalQuery::new()
        .operation(Operation::Create)
        .committed(true)
        .held(true);
    tokio::select! {
        _ = create(&simulator, "held") => panic!("the answer was not held"),
        found = simulator.await_journal(&held, 1, Duration::from_secs(10)) => {
            assert!(!found?[0].answered);
        }
    }
    // The client has gone with the select: its commit stays, its answer never left.
    let lost = JournalQuery::new()
        .operation(Operation::Create)
        .committed(true)
        .answered(false)
        .held(false);
    simulator.await_journal(&lost, 1, Duration::from_secs(10)).await?;
    assert_eq!(simulator.accounts().await?.len(), 1);

    simulator.add_fault(&Fault::status(503).times(1)).await?;
    assert!(create(&simulator, "refused").await?["sub_account"].is_null());
    assert_eq!(
        simulator.journal_count(&JournalQuery::new().status(503)).await?,
        1
    );
    simulator.clear_faults().await?;
    create(&simulator, "second").await?;
    assert_eq!(simulator.accounts().await?.len(), 2);
    Ok(())
}
