//! Somebody who insists on other values: in the user's Secret, and at Vobiz.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};

use crate::edit::{NAME, create, resyncing, updates};
use crate::generation::environment;
use crate::secret::{may_watch_secrets, writes_to};

/// Seconds between two looks at a Secret, and so the first pause.
const INTERVAL: &str = "--secret-check-interval-seconds=10";
const PATIENCE: Duration = Duration::from_mins(2);
const MANAGER: &str = "house-rules";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "somebody who insists on another label, annotation, token or owner, or on no Secret, is told of and not fought over",
        insisted,
    );
    suite.test(
        "whoever gives in to somebody who insists, by the spec, is told so at once and not after the pause",
        given_in_to,
    );
    suite.test(
        "somebody who insists on another value at Vobiz gets it put back once in an interval, and no more (generation 2)",
        insisted_at_vobiz,
    );
}

/// One Subaccount for each part of its Secret that somebody insists on.
fn parts() -> [(&'static str, Value); 4] {
    [
        ("labels", json!({"metadata": {"labels": {"team": "theirs"}}})),
        (
            "annotations",
            json!({"metadata": {"annotations": {"vobiz.ai/auth-id": "SA_THEIRS"}}}),
        ),
        ("data", json!({"data": {"auth_token": "dGhlaXJz"}})),
        ("owner", json!({"metadata": {"ownerReferences": null}})),
    ]
}

/// Whether the Secret says what a patch makes of it.
fn says(secret: &Value, patch: &Value) -> bool {
    match patch {
        Value::Object(fields) => fields.iter().all(|(key, value)| says(&secret[key], value)),
        value => secret == value,
    }
}

/// Changes the Secret of this Subaccount whenever it is not as wanted; comes to an end only by an error.
async fn insist(environment: &Environment, name: &str, patch: Option<&Value>) -> Result<()> {
    let secret = format!("{name}-vobiz");
    loop {
        let reached =
            |found: Option<&Value>| found.is_some_and(|found| patch.is_none_or(|patch| !says(found, patch)));
        environment
            .objects
            .with_deadline(PATIENCE)
            .await_state(Kind::Secret, &secret, "put back", reached)
            .await?;
        match patch {
            Some(patch) => {
                let objects = &environment.objects;
                objects
                    .merge_as(MANAGER, Kind::Secret, &secret, patch)
                    .await
                    .map(drop)?;
            }
            None => environment.objects.delete(Kind::Secret, &secret).await?,
        }
    }
}

/// The word about it, while somebody insists; then that one gives in.
async fn told(environment: &Environment, name: &str, patch: Option<&Value>) -> Result<Value> {
    let insisting = insist(environment, name, patch);
    let objects = environment.objects.with_deadline(PATIENCE);
    let telling = objects.await_reason(Kind::Subaccount, name, "CredentialsPublished", "SecretContested");
    tokio::select! {
        ended = insisting => Err(ended.err().unwrap_or_else(|| anyhow::anyhow!("it stopped"))),
        told = telling => environment.explain(told),
    }
}

async fn insisted(bed: Arc<TestBed>) -> Result<()> {
    let options = EnvironmentOptions {
        operator_flags: vec!["--watch-secrets=true".to_owned(), INTERVAL.to_owned()],
        start_operator: false,
        ..environment("contest-secret", Api::Gen2)
    };
    let mut environment = bed.environment(options).await?;
    let rights = may_watch_secrets(&environment);
    environment.control_plane().kubectl().apply(&rights).await?;
    environment.start_operator().await?;
    let environment = &environment;
    let mut cases: Vec<(&str, Option<Value>)> = parts().map(|(name, patch)| (name, Some(patch))).to_vec();
    cases.push(("deleted", None));
    let mark = environment.audit()?.mark().await?;
    let trials = cases.into_iter().map(async |(name, patch)| {
        let spec = json!({"secretRef": {"labels": {"team": "voice"}}});
        create(environment, name, spec).await?;
        let object = told(environment, name, patch.as_ref()).await?;
        let published = condition_of(&object, "CredentialsPublished")
            .cloned()
            .unwrap_or_default();
        let message = published["message"].as_str().unwrap_or_default();
        let part = match name {
            "owner" => "ownerReferences",
            "deleted" => "its existence",
            name => name,
        };
        // Nobody owns what was taken away.
        let is_named = ["owner", "deleted"].contains(&name) || message.contains(MANAGER);
        ensure!(message.contains(part) && is_named, "{name}: {message}");
        let ready = condition_of(&object, "Ready").cloned().unwrap_or_default();
        let is_usable = !["data", "deleted"].contains(&name);
        ensure!(
            ready["status"] == if is_usable { "True" } else { "False" },
            "{name}: {ready}"
        );
        let secret = format!("{name}-vobiz");
        let writes = writes_to(environment, mark, &secret).await?.len();
        ensure!(
            writes <= 5,
            "{name}: {writes} writes to the Secret before it was told"
        );

        let over = environment
            .await_reason(Kind::Subaccount, name, "CredentialsPublished", "SecretWritten")
            .await?;
        ensure!(
            condition_of(&over, "Ready").is_some_and(|ready| ready["status"] == "True"),
            "{name}: {}",
            over["status"]
        );
        let found = environment.objects.get(Kind::Secret, &secret).await?;
        ensure!(
            patch.as_ref().is_none_or(|patch| !says(&found, patch)),
            "{name}: it was not put back"
        );
        anyhow::Ok(())
    });
    try_join_all(trials).await.map(drop)
}

/// The labels that the other one wants are named, or another Secret: the pause that was begun with the last repair is over.
async fn given_in_to(bed: Arc<TestBed>) -> Result<()> {
    let options = EnvironmentOptions {
        operator_flags: vec!["--secret-check-interval-seconds=15".to_owned()],
        ..environment("contest-given-in", Api::Gen2)
    };
    let environment = bed.environment(options).await?;
    let cases = [
        (
            "labels",
            json!({"metadata": {"labels": {"team": "theirs"}}}),
            json!({"labels": {"team": "theirs"}}),
        ),
        (
            "data",
            json!({"data": {"auth_token": "dGhlaXJz"}}),
            json!({"name": "another"}),
        ),
    ];
    let trials = cases.map(async |(name, patch, remedy)| {
        let spec = json!({"secretRef": {"labels": {"team": "voice"}}});
        create(&environment, name, spec).await?;
        told(&environment, name, Some(&patch)).await?;
        let edit = json!({"spec": {"secretRef": remedy}});
        environment.objects.merge(Kind::Subaccount, name, &edit).await?;
        let over = environment
            .objects
            .with_deadline(Duration::from_secs(8))
            .await_reason(Kind::Subaccount, name, "CredentialsPublished", "SecretWritten")
            .await;
        let over = environment.explain(over)?;
        ensure!(
            condition_of(&over, "Ready").is_some_and(|ready| ready["status"] == "True"),
            "{name}: {}",
            over["status"]
        );
        anyhow::Ok(())
    });
    try_join_all(trials).await.map(drop)
}

async fn insisted_at_vobiz(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(resyncing("contest-vobiz", Api::Gen2)).await?;
    let id = create(&environment, NAME, json!({"phone": "+911140001234"})).await?;
    let before = environment.simulator.journal_mark().await?;
    let insisting = async {
        for sent in 1.. {
            let theirs = json!({"phone": "+910000000000"});
            environment.simulator.change_account(&id, &theirs).await?;
            let repairs = JournalQuery::new().since(before).operation(Operation::Update);
            let waited = environment
                .simulator
                .await_journal(&repairs, sent, PATIENCE)
                .await;
            environment.explain(waited)?;
        }
        anyhow::Ok(())
    };
    let lists = JournalQuery::new().since(before).operation(Operation::List);
    let waiting = environment.simulator.await_journal(&lists, 5, PATIENCE);
    tokio::select! {
        ended = insisting => ended?,
        waited = waiting => drop(environment.explain(waited)?),
    }
    let repairs = updates(&environment, before, &id).await?.len();
    let lists = environment.simulator.journal_count(&lists).await?;
    ensure!(repairs <= lists, "{repairs} updates for {lists} lists");
    Ok(())
}
