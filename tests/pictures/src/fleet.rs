//! Some minutes in the life of a fleet, recorded. I/O.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, interval, sleep_until};
use vobiz_harness::objects::Kind;
use vobiz_harness::operator::plain_http_client;
use vobiz_harness::products;
use vobiz_harness::recording::Recording;
use vobiz_harness::scrapes::Scrapes;
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::Operation;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};

/// What the recording says of itself.
pub const ABOUT: &str =
    "A fleet of 40 Subaccounts in some minutes of trouble. Recorded by `cargo xtask pictures --record`.";

/// Seconds between two scrapes.
const INTERVAL: u64 = 5;
const FLEET: usize = 40;

/// Runs the fleet, and returns what was scraped.
pub async fn record(repository: &Path) -> Result<Recording> {
    let bed = TestBed::start(repository, &products::operator()?, &products::simulator()?).await?;
    let options = EnvironmentOptions {
        api: Api::Gen2,
        account: json!({"resyncIntervalSeconds": 30, "rateLimit": {"requestsPerSecond": 5, "burst": 5}}),
        operator_flags: vec![
            "--leader-elect".to_owned(),
            // At rest they are looked at rarely, as in a cluster.
            "--secret-check-interval-seconds=60".to_owned(),
        ],
        ..EnvironmentOptions::new("fleet")
    };
    let environment = bed.environment(options).await?;
    let (end, ended) = oneshot::channel();
    let url = format!("{}/metrics", environment.operator()?.url().await?);
    // Those of a run are of no interest; the second is the beginning of the first.
    let names = [
        (
            environment.installation.namespace.clone(),
            "vobiz-operator-system",
        ),
        (environment.objects.namespace().to_owned(), "customers"),
    ];
    let scraper = tokio::spawn(scrape(url, names, ended));
    live(&environment).await?;
    let _ = end.send(());
    let recorded = scraper.await.context("the scraper broke off")??;
    Ok(recorded.recording())
}

/// As Prometheus does it, until told to end.
async fn scrape(
    url: String,
    names: [(String, &'static str); 2],
    mut ended: oneshot::Receiver<()>,
) -> Result<Scrapes> {
    let http = plain_http_client()?;
    let start = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut scrapes = Scrapes::every(INTERVAL, start);
    let mut ticks = interval(Duration::from_secs(INTERVAL));
    loop {
        tokio::select! {
            _ = &mut ended => return Ok(scrapes),
            _ = ticks.tick() => {}
        }
        let mut text = http.get(&url).send().await?.text().await?;
        for (name, instead) in &names {
            text = text.replace(name, instead);
        }
        scrapes.add(&[("vobiz-operator-7c5d8b9f4-x2x7q", &text)]);
    }
}

fn name(number: usize) -> String {
    format!("customer-{number:02}")
}

/// What happens, by the clock: it is the course of time that is shown.
async fn live(environment: &Environment) -> Result<()> {
    let begun = Instant::now();
    let at = |seconds| sleep_until(begun + Duration::from_secs(seconds));
    let (objects, simulator) = (&environment.objects, &environment.simulator);
    at(20).await;
    for number in 0..FLEET {
        environment.create_subaccount(&name(number), json!({})).await?;
    }
    at(70).await;
    for number in 0..12 {
        simulator
            .change_account(&account(environment, number).await?, &json!({"enabled": false}))
            .await?;
    }
    at(110).await;
    for number in 20..26 {
        objects
            .delete(Kind::Secret, &format!("{}-vobiz", name(number)))
            .await?;
    }
    let poor = json!({"spec": {"credentialsSecretRef": {"name": "missing"}}});
    objects.create(Kind::Account, "spare", poor).await?;
    at(130).await;
    let lost = Fault::new(json!({"type": "lose_after"})).operation(Operation::Create);
    simulator.add_fault(&lost.times(2)).await?;
    let kept = Fault::status(500).operation(Operation::Delete);
    let kept = simulator.add_fault(&kept).await?;
    for name in ["late-a", "late-b"] {
        environment.create_subaccount(name, json!({})).await?;
    }
    at(170).await;
    simulator.remove_fault(kept).await?;
    let outage = simulator.add_fault(&Fault::status(503)).await?;
    for number in 30..34 {
        let edit = json!({"spec": {"description": "Edited while Vobiz is away"}});
        objects.merge(Kind::Subaccount, &name(number), &edit).await?;
    }
    at(215).await;
    simulator.remove_fault(outage).await?;
    at(240).await;
    let theirs = json!({"stringData": {"key": "value"}});
    objects.create(Kind::Secret, "theirs", theirs).await?;
    let stalled = json!({"secretRef": {"name": "theirs"}});
    environment.create_subaccount("stalled", stalled).await?;
    simulator.create_account(&orphan(environment).await?).await?;
    at(260).await;
    let pause = json!({"type": "status", "status": 429, "retry_after": "8"});
    simulator.add_fault(&Fault::new(pause).times(3)).await?;
    for number in 0..10 {
        objects.delete(Kind::Subaccount, &name(number)).await?;
    }
    at(330).await;
    Ok(())
}

async fn account(environment: &Environment, number: usize) -> Result<String> {
    let object = environment.objects.get(Kind::Subaccount, &name(number)).await?;
    let id = object["status"]["authId"].as_str();
    Ok(id.context("it has no account yet")?.to_owned())
}

/// One with a marker of this installation that no Record knows.
async fn orphan(environment: &Environment) -> Result<Value> {
    let identity = environment
        .operator_objects
        .get(Kind::ConfigMap, "vobiz-operator-installation")
        .await?;
    let id = identity["data"]["id"].as_str().context("it has no id")?;
    let marker = format!("[vobiz-operator {id} 0123456789abcdef0123456789abcdef.1]");
    Ok(json!({"parent": environment.parent.auth_id, "description": marker}))
}
