//! I/O. A user with an account that is at Vobiz already: made by hand, handed over in a Secret or granted by the Account, and had, shared
//! or only looked at by objects that name it.

use anyhow::{Context as _, Result};
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use vobiz_harness::objects::{Kind, condition_of, is_observed};

use crate::actor::{ACCOUNT, Actor, LOOK, OBJECT, PATIENCE, RIVAL, is_ready, secret_of};
use crate::company::Companion;
use crate::workload::{Claim, Generation, Workload};

/// The one that names what is being made for the object.
const ENVIOUS: &str = "envious";

/// An account that somebody has made at the console.
#[derive(Clone)]
pub struct ByHand {
    /// Its id.
    pub auth_id: String,
    auth_token: String,
}

impl Actor<'_> {
    /// The id of the account that was there before everything else.
    #[must_use]
    pub fn id_by_hand(&self) -> Option<String> {
        self.by_hand
            .lock()
            .as_ref()
            .map(|account| account.auth_id.clone())
    }

    /// Makes an account as somebody at the console does, and gives a right to it.
    pub(crate) async fn make_by_hand(&self) -> Result<()> {
        let fields = json!({"name": "by-hand", "parent": self.parent});
        let made = self.stage.simulator.create_account(&fields).await?;
        let text = |field: &str| made[field].as_str().map(str::to_owned);
        let account = ByHand {
            auth_id: text("auth_id").context("an account has no id")?,
            auth_token: text("auth_token").context("an account has no token")?,
        };
        *self.by_hand.lock() = Some(account.clone());
        match self.scene.workload {
            Workload::AdoptGranted | Workload::AdoptTwice => self.grant(&[&account.auth_id]).await,
            _ => self.hand_over(&account).await,
        }
    }

    /// Lets the Account's Subaccounts adopt these.
    pub(crate) async fn grant(&self, ids: &[&str]) -> Result<()> {
        // What is deleted by default is deleted where nothing else is said, and never for what was there before.
        let patch = json!({"spec": {
            "adoptable": {"authIds": ids}, "defaults": {"deletion": {"policy": "Delete"}},
        }});
        self.objects.merge(Kind::Account, ACCOUNT, &patch).await?;
        self.await_ready(Kind::Account, ACCOUNT).await
    }

    /// Puts the working pair where the object's own is to be.
    async fn hand_over(&self, account: &ByHand) -> Result<()> {
        let secret = json!({
            "metadata": {"annotations": {"vobiz.ai/allow-adoption": "true"}},
            "stringData": {"auth_id": account.auth_id, "auth_token": account.auth_token},
        });
        self.objects
            .create(Kind::Secret, &secret_of(OBJECT), secret)
            .await?;
        Ok(())
    }

    fn account_by_hand(&self) -> Result<ByHand> {
        let account = self.by_hand.lock().clone();
        account.context("no account was made by hand")
    }

    /// An object that names the account.
    pub(crate) async fn adopt(&self, name: &str) -> Result<()> {
        self.adopt_with(name, json!({})).await
    }

    async fn adopt_with(&self, name: &str, mut spec: Value) -> Result<()> {
        spec["authId"] = json!(self.account_by_hand()?.auth_id);
        let uid = self.subaccount_with(name, ACCOUNT, spec).await?;
        self.uids.lock().push(uid);
        Ok(())
    }

    /// Without a token the account is kept, and its pair asked for.
    pub(crate) async fn adopt_as_granted(&self) -> Result<()> {
        self.adopt(OBJECT).await?;
        if self.scene.generation == Generation::Gen1 {
            return Ok(());
        }
        let asks =
            |found: Option<&Value>| found.is_some_and(|object| is_stalled(object, &["CredentialsLost"]));
        self.await_state(Kind::Subaccount, OBJECT, "asking for the pair", asks)
            .await?;
        self.hand_over(&self.account_by_hand()?).await
    }

    /// Only looks, then keeps.
    pub(crate) async fn observe_to_full(&self) -> Result<()> {
        let since = Timestamp::now();
        self.adopt_with(OBJECT, json!({"managementPolicy": "ObserveOnly"}))
            .await?;
        let observed = |found: Option<&Value>| {
            let ready = found
                .filter(|object| is_observed(object))
                .and_then(|object| condition_of(object, "Ready"));
            ready.is_some_and(|ready| ready["reason"] == "Observed")
        };
        self.await_state(Kind::Subaccount, OBJECT, "Observed", observed)
            .await?;
        *self.untouched.lock() = Some((since, Timestamp::now()));
        let full = json!({"spec": {"managementPolicy": "Full"}});
        self.objects.merge(Kind::Subaccount, OBJECT, &full).await?;
        Ok(())
    }

    /// One of two has it, and the other is told and given up. Then the one that has it goes.
    pub(crate) async fn adopt_twice(&self) -> Result<()> {
        // Whoever has it calls it the same.
        let adopt = |name| self.adopt_with(name, json!({"name": "shared"}));
        let (one, other) = tokio::join!(adopt(OBJECT), adopt(RIVAL));
        one.and(other)?;
        // Both may be told that there is another: then one of them has it at a later look.
        let (winner, loser) = self
            .stage
            .pulse
            .within(PATIENCE, self.winner_and_loser())
            .await
            .context("of two that name one account none has it, or none is told")?;
        self.objects.delete(Kind::Subaccount, loser).await?;
        self.await_gone(loser).await?;
        self.objects.delete(Kind::Subaccount, winner).await?;
        self.await_gone(winner).await
    }

    async fn winner_and_loser(&self) -> (&'static str, &'static str) {
        let shows = |name: &str, is: fn(&Value) -> bool| {
            let found = self.stage.cluster.find(Kind::Subaccount, &self.namespace, name);
            found.is_some_and(|object| is(&object))
        };
        loop {
            for (one, other) in [(OBJECT, RIVAL), (RIVAL, OBJECT)] {
                if shows(one, is_ready) && shows(other, |object| is_stalled(object, &["AuthIdConflict"])) {
                    return (one, other);
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Names the account that is being made for the object, and lets that go on at once. Until the user gives it up, nobody has the
    /// account but the object.
    pub(crate) async fn covet(&self, go_on: oneshot::Sender<()>) -> Result<()> {
        let made = self.stage.pulse.within(PATIENCE, self.first_account()).await;
        let auth_id = made.context("no account was made")??;
        let (account, spec) = (self.account_place().2, json!({"authId": auth_id}));
        let uid = self.subaccount_with(ENVIOUS, account, spec).await?;
        // Whoever asked for the account may be gone by now.
        let _ = go_on.send(());
        self.companions.lock().push(Companion {
            name: ENVIOUS,
            parent: self.parent.clone(),
            uid,
            auth_id: None,
            claim: Claim::Refused,
            stays: false,
        });
        let told = |found: Option<&Value>| {
            // What an interrupted create has left is deleted.
            let reasons = ["AuthIdConflict", "ExternalResourceMissing"];
            found.is_some_and(|object| is_stalled(object, &reasons))
        };
        self.await_state(Kind::Subaccount, ENVIOUS, "refused", told)
            .await?;
        self.objects.delete(Kind::Subaccount, ENVIOUS).await?;
        self.await_gone(ENVIOUS).await
    }

    /// The id of the first account under the parent.
    async fn first_account(&self) -> Result<String> {
        let path = format!("/accounts?parent={}", self.parent);
        loop {
            let accounts = self.stage.simulator.control(Method::GET, &path, None).await?;
            if let Some(auth_id) = accounts["accounts"][0]["auth_id"].as_str() {
                return Ok(auth_id.to_owned());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Whether a person must act on the newest spec, for one of these reasons.
pub(crate) fn is_stalled(object: &Value, reasons: &[&str]) -> bool {
    let stalled = condition_of(object, "Stalled");
    let reason = stalled.and_then(|stalled| stalled["reason"].as_str());
    is_observed(object) && reason.is_some_and(|reason| reasons.contains(&reason))
}
