//! I/O. Other users of a plan's namespace: an Account that shares the credentials Secret, one with a parent of its own, and one
//! that names the parent with a wrong token. Nothing that happens to the plan's object may reach them.

use anyhow::{Context as _, Result};
use serde_json::Value;
use vobiz_harness::objects::Kind;

use crate::actor::{Actor, CREDENTIALS};
use crate::workload::Claim;

/// The Account that shares the credentials Secret of the plan's own.
const NEIGHBOUR: &str = "neighbour";
/// The Account with another parent.
const ELSEWHERE: &str = "elsewhere";
/// The Account with the plan's parent and a wrong token.
const STRANGER: &str = "stranger";

/// An object that is there beside the plan's own.
#[derive(Clone, Debug)]
pub struct Companion {
    /// Its name.
    pub name: &'static str,
    /// Its parent account.
    pub parent: String,
    /// Its uid.
    pub uid: String,
    /// Its account; none: it is never to have one.
    pub auth_id: Option<String>,
    /// How it is to come to that.
    pub claim: Claim,
    /// Whether it is there in the end, if its namespace is.
    pub stays: bool,
}

/// The Accounts of the company.
pub const ACCOUNTS: [&str; 3] = [NEIGHBOUR, ELSEWHERE, STRANGER];

impl Actor<'_> {
    /// Makes the company, and waits until everybody is served.
    pub(crate) async fn gather_company(&self) -> Result<Vec<Companion>> {
        let other = format!("{}ELSEWHERE", self.parent);
        self.stage.registry.add_parent(&self.namespace, &other);
        let token = self.put_parent(&other).await?;
        self.credentials(&of(ELSEWHERE), &other, &token).await?;
        let wrong = uuid::Uuid::new_v4().simple().to_string();
        self.credentials(&of(STRANGER), &self.parent, &wrong).await?;
        self.account(NEIGHBOUR, CREDENTIALS, 100).await?;
        self.account(ELSEWHERE, &of(ELSEWHERE), 100).await?;
        self.account(STRANGER, &of(STRANGER), 1).await?;
        let refused = |found: Option<&Value>| found.is_some_and(|found| says(found, "Unauthorized"));
        self.await_state(Kind::Account, STRANGER, "refused", refused)
            .await?;
        Ok(vec![
            self.companion("beside", NEIGHBOUR, &self.parent).await?,
            self.companion("afar", ELSEWHERE, &other).await?,
        ])
    }

    async fn companion(&self, name: &'static str, account: &str, parent: &str) -> Result<Companion> {
        let uid = self.subaccount(name, account).await?;
        self.await_ready(Kind::Subaccount, name).await?;
        let object = self.objects.get(Kind::Subaccount, name).await?;
        let auth_id = object["status"]["authId"].as_str();
        Ok(Companion {
            name,
            parent: parent.to_owned(),
            uid,
            auth_id: Some(auth_id.context("a Ready Subaccount names no account")?.to_owned()),
            claim: Claim::Made,
            stays: true,
        })
    }
}

/// The name of an Account's own credentials Secret.
fn of(account: &str) -> String {
    format!("{account}-credentials")
}

fn says(object: &Value, reason: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .into_iter()
        .any(|condition| condition["reason"] == reason)
}
