//! I/O. Others misuse what they share with a neighbour, or only the operator: does the neighbour wait longer than without them?

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, is_observed};
use vobiz_harness::simulator::Parent;
use vobiz_harness::simulator_control::Fault;
use vobiz_harness::simulator_journal::JournalQuery;
use vobiz_harness::test_bed::ACCOUNT;

use crate::percentile::{percentile, share};
use crate::row::{Bound, Row};
use crate::scale::Scale;
use crate::site::Site;
use crate::waiting::{progress, until};

/// What the neighbour does, in turn.
const ACTS: [&str; 4] = ["a create", "an edit", "a deletion", "an Account edit"];
/// At most this many times what it takes without the attack.
const BOUND: f64 = 2.0;
/// What is too short to be told from the noise of a machine counts as this long.
const NOISE_SECONDS: f64 = 0.1;
const CONNECTIONS: usize = 16;

/// What others do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attack {
    /// 300 Accounts with a wrong token for another parent account, at a request a second.
    WrongTokens,
    /// An Account with the neighbour's own parent id and a wrong token, at a request a second.
    StolenId,
    /// Another parent account of 4,000 subaccounts, shared by 12 Accounts at a request a second.
    LongList,
    /// Another parent account of 12 Accounts and 60 Subaccounts where every answer is 429.
    Storm,
}

impl Attack {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::WrongTokens, Self::StolenId, Self::LongList, Self::Storm];

    /// The scenario's name.
    pub fn scenario(self) -> &'static str {
        match self {
            Self::WrongTokens => "neighbour of 300 Accounts with a wrong token",
            Self::StolenId => "neighbour of one with its parent id and a wrong token",
            Self::LongList => "neighbour of 12 Accounts that share a list of 4,000 at a request a second",
            Self::Storm => "neighbour of 12 Accounts that are answered 429",
        }
    }

    fn accounts(self) -> usize {
        match self {
            Self::WrongTokens => 300,
            Self::StolenId => 1,
            Self::LongList | Self::Storm => 12,
        }
    }
}

/// One row.
pub async fn run(site: &Site, scale: &Scale, attack: Attack) -> Result<Row> {
    let rounds = scale.attack_rounds;
    progress(&format!("  {rounds} rounds without it"));
    let alone = measure(site, "alone", rounds).await?;
    let parent = begin(site, attack).await?;
    progress(&format!("  {rounds} rounds beside it"));
    let beside = measure(site, "beside", rounds).await?;
    let query = JournalQuery::new().parent(&parent.auth_id);
    let asked = site.stage.simulator.journal_count(&query).await?;
    end(site, attack).await?;

    let mut row = Row::new(attack.scenario(), scale.counts_only);
    for (act, (alone, beside)) in ACTS.iter().zip(alone.iter().zip(&beside)) {
        let p99 = |seconds: &[f64]| percentile(seconds, 99.0).unwrap_or(f64::INFINITY);
        let (quiet, busy) = (p99(alone), p99(beside));
        row.timing(
            &format!("p99 of {act}, beside it over without it"),
            busy.max(NOISE_SECONDS) / quiet.max(NOISE_SECONDS),
            "",
            Bound::AtMost(BOUND),
        )
        .tell(&format!("p99 of {act} without it"), quiet, "s")
        .tell(&format!("p99 of {act} beside it"), busy, "s");
    }
    row.tell("requests in the attacked parent's name", share(asked, 1), "");
    Ok(row)
}

/// Seconds that each act took in each round.
async fn measure(site: &Site, prefix: &str, rounds: usize) -> Result<[Vec<f64>; 4]> {
    let mut found: [Vec<f64>; 4] = Default::default();
    for round in 0..rounds {
        let name = format!("{prefix}-{round}");
        let took = site.explain(round_of(site, &name, round).await)?;
        for (act, seconds) in found.iter_mut().zip(took) {
            act.push(seconds);
        }
    }
    Ok(found)
}

async fn round_of(site: &Site, name: &str, round: usize) -> Result<[f64; 4]> {
    let objects = &site.objects;
    let begun = Instant::now();
    let spec = json!({"spec": {"accountRef": {"name": ACCOUNT}}});
    objects.create(Kind::Subaccount, name, spec).await?;
    objects
        .await_condition(Kind::Subaccount, name, "Ready", "True")
        .await?;
    let created = begun.elapsed();
    let begun = Instant::now();
    let edit = json!({"spec": {"description": "edited"}});
    objects.merge(Kind::Subaccount, name, &edit).await?;
    objects
        .await_condition(Kind::Subaccount, name, "Ready", "True")
        .await?;
    let edited = begun.elapsed();
    let begun = Instant::now();
    objects.delete(Kind::Subaccount, name).await?;
    objects.await_gone(Kind::Subaccount, name).await?;
    let deleted = begun.elapsed();
    let begun = Instant::now();
    let edit = json!({"spec": {"resyncIntervalSeconds": 600 + round % 2}});
    objects.merge(Kind::Account, ACCOUNT, &edit).await?;
    objects
        .await_object(Kind::Account, ACCOUNT, "seen by the operator", is_observed)
        .await?;
    let account_edited = begun.elapsed();
    Ok([created, edited, deleted, account_edited].map(|took: Duration| took.as_secs_f64()))
}

/// Begins the attack, and waits until Vobiz hears of it.
async fn begin(site: &Site, attack: Attack) -> Result<Parent> {
    let simulator = &site.stage.simulator;
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let parent = match attack {
        Attack::StolenId => site.parent.clone(),
        _ => Parent::new(
            &format!("MA_{}", unique[..12].to_uppercase()),
            &format!("token-{unique}"),
        ),
    };
    if attack != Attack::StolenId {
        simulator.put_parent(&parent.auth_id, &parent.auth_token).await?;
    }
    match attack {
        Attack::LongList => {
            let fields = json!({"parent": parent.auth_id, "name": "of somebody else", "count": 4000});
            simulator.create_account(&fields).await?;
        }
        Attack::Storm => {
            let action = json!({"type": "status", "status": 429, "retry_after": "1"});
            simulator
                .add_fault(&Fault::new(action).parent(&parent.auth_id))
                .await?;
        }
        Attack::WrongTokens | Attack::StolenId => {}
    }
    let token = match attack {
        Attack::WrongTokens | Attack::StolenId => "token-of-nobody-at-all",
        Attack::LongList | Attack::Storm => &parent.auth_token,
    };
    let pair = json!({"stringData": {"auth_id": parent.auth_id, "auth_token": token}});
    site.objects.create(Kind::Secret, "attack", pair).await?;
    let asked = JournalQuery::new()
        .parent(&parent.auth_id)
        .since(simulator.journal_mark().await?);
    let spec = json!({"spec": {
        "credentialsSecretRef": {"name": "attack"},
        "rateLimit": {"requestsPerSecond": 1, "burst": 1},
    }});
    create_all(site, Kind::Account, "attack", attack.accounts(), spec).await?;
    if attack == Attack::Storm {
        let spec = json!({"spec": {"accountRef": {"name": "attack-0"}}});
        create_all(site, Kind::Subaccount, "attack", 60, spec).await?;
    }
    let heard = async || simulator.journal_count(&asked).await;
    until("requests of the attack", 1, || site.check(), heard).await?;
    Ok(parent)
}

async fn create_all(site: &Site, kind: Kind, prefix: &str, count: usize, manifest: Value) -> Result<()> {
    stream::iter(0..count)
        .map(|number| {
            let (name, manifest) = (format!("{prefix}-{number}"), manifest.clone());
            async move { site.objects.create(kind, &name, manifest).await.map(drop) }
        })
        .buffer_unordered(CONNECTIONS)
        .try_collect()
        .await
}

/// Ends it: what it made goes. What the storm, the last of them, has begun takes minutes to prove, and goes with the stage.
async fn end(site: &Site, attack: Attack) -> Result<()> {
    let objects = &site.objects;
    site.stage.simulator.clear_faults().await?;
    if attack == Attack::Storm {
        return Ok(());
    }
    for number in 0..attack.accounts() {
        objects.delete(Kind::Account, &format!("attack-{number}")).await?;
    }
    for number in 0..attack.accounts() {
        objects
            .await_gone(Kind::Account, &format!("attack-{number}"))
            .await?;
    }
    objects.delete(Kind::Secret, "attack").await?;
    objects.await_gone(Kind::Secret, "attack").await
}
