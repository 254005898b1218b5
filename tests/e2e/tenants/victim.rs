//! A tenant that others are after: what it has, and that nothing of it is read, changed, shown or had by anybody else.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, Objects, condition_of};
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::test_bed::CREDENTIALS;

use crate::at_rest::{auth_id_of, record_name, secret_values, uid_of};
use crate::cluster_accounts::{Stage, visible};

/// Name of its Subaccount.
pub const VICTIM: &str = "prize";

/// A Subaccount in the first namespace of the stage, with its account.
pub struct Victim {
    pub id: String,
    pub token: String,
    pub uid: String,
    account: Value,
    object: Value,
    stored: [Value; 2],
    mark: u64,
}

impl Victim {
    pub async fn new(stage: &Stage) -> Result<Self> {
        stage.create(&stage.one, VICTIM, json!({})).await?;
        let object = stage.ready(&stage.one, VICTIM).await?;
        let (id, uid) = (auth_id_of(&object)?, uid_of(&object)?);
        let pair = secret_values(&stage.one, &format!("{VICTIM}-vobiz")).await?;
        let simulator = &stage.environment.simulator;
        Ok(Self {
            token: pair.get("auth_token").context("no token")?.clone(),
            account: account(stage, &id).await?,
            stored: stored(stage, &uid).await?,
            mark: simulator.journal_mark().await?,
            id,
            uid,
            object,
        })
    }

    /// So many requests of this kind were sent since the victim came to rest.
    pub async fn requests(&self, stage: &Stage, operation: Operation) -> Result<usize> {
        let query = JournalQuery::new().since(self.mark).operation(operation);
        stage.environment.simulator.journal_count(&query).await
    }

    /// Its account, object, Secret and Record are as they were, and nobody asked Vobiz to change the account.
    pub async fn ensure_untouched(&self, stage: &Stage) -> Result<()> {
        let simulator = &stage.environment.simulator;
        let account = account(stage, &self.id).await?;
        ensure!(
            account == self.account,
            "its account was touched: {} became {account}",
            self.account
        );
        for operation in [Operation::Update, Operation::Delete] {
            let query = JournalQuery::new()
                .since(self.mark)
                .id(&self.id)
                .operation(operation);
            let asked = simulator.journal_count(&query).await?;
            ensure!(asked == 0, "{asked} times {operation:?} was asked for it");
        }
        ensure!(
            stored(stage, &self.uid).await? == self.stored,
            "its Secret or its Record was written to"
        );
        let object = stage.one.get(Kind::Subaccount, VICTIM).await?;
        ensure!(
            object["metadata"]["uid"] == self.object["metadata"]["uid"]
                && object["metadata"]["generation"] == self.object["metadata"]["generation"]
                && object["status"]["authId"] == self.id.as_str()
                && condition_of(&object, "Ready").is_some_and(|ready| ready["status"] == "True"),
            "its object is no more what it was: {}",
            object["status"]
        );
        Ok(())
    }

    /// Nobody asked Vobiz what it is like.
    pub async fn ensure_unread(&self, stage: &Stage) -> Result<()> {
        let query = JournalQuery::new().since(self.mark).id(&self.id);
        let asked = stage.environment.simulator.journal(&query).await?;
        let asked: Vec<_> = asked.iter().map(|entry| (&entry.method, &entry.path)).collect();
        ensure!(asked.is_empty(), "it was asked for: {asked:?}");
        Ok(())
    }

    /// Nothing that the other tenant can read names anything of this one or of the operator.
    pub async fn ensure_unseen(&self, stage: &Stage, other: &Objects) -> Result<()> {
        let visible = visible(other).await?;
        let environment = &stage.environment;
        for hidden in [
            stage.one.namespace(),
            environment.operator_objects.namespace(),
            &environment.parent.auth_token,
            CREDENTIALS,
        ] {
            ensure!(
                !visible.contains(hidden),
                "{hidden} shows in {}",
                other.namespace()
            );
        }
        Ok(())
    }
}

/// Its account at Vobiz, but for when somebody last used its pair.
async fn account(stage: &Stage, id: &str) -> Result<Value> {
    let mut account = stage.environment.simulator.account(id).await?;
    account["last_used"].take();
    account["auth_token"].take();
    Ok(account)
}

/// Its Secret and its Record.
async fn stored(stage: &Stage, uid: &str) -> Result<[Value; 2]> {
    let operators = &stage.environment.operator_objects;
    Ok([
        stage.one.get(Kind::Secret, &format!("{VICTIM}-vobiz")).await?,
        operators.get(Kind::Secret, &record_name(uid)).await?,
    ])
}
