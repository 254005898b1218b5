//! I/O. What a test may do to the simulated API: look at and change accounts, break requests, rotate parents.

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};

use crate::simulator::Simulator;
use crate::simulator_journal::Operation;

/// Which requests a fault hits, and what happens to them. The actions are those of the simulator's README, such as
/// `{"type": "hold_after"}` or `{"type": "status", "status": 503}`.
#[derive(Clone, Debug)]
pub struct Fault {
    matching: Value,
    action: Value,
    times: Option<u64>,
}

impl Fault {
    /// This action for every request.
    #[must_use]
    pub fn new(action: Value) -> Self {
        Self {
            matching: json!({}),
            action,
            times: None,
        }
    }

    /// Any answer with this status in the documented envelope.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::new(json!({"type": "status", "status": status}))
    }

    /// The change is committed and its answer held until it is released or the client goes.
    #[must_use]
    pub fn hold_after_commit() -> Self {
        Self::new(json!({"type": "hold_after"}))
    }

    /// Only for this operation.
    #[must_use]
    pub fn operation(mut self, operation: Operation) -> Self {
        self.matching["operation"] = json!(operation);
        self
    }

    /// Only for accounts of this name, stored or sent.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.matching["name"] = json!(name);
        self
    }

    /// Only for accounts whose name begins so, stored or sent.
    #[must_use]
    pub fn name_prefix(mut self, prefix: &str) -> Self {
        self.matching["name_prefix"] = json!(prefix);
        self
    }

    /// Only for this account.
    #[must_use]
    pub fn id(mut self, auth_id: &str) -> Self {
        self.matching["id"] = json!(auth_id);
        self
    }

    /// Only for requests that name this parent account.
    #[must_use]
    pub fn parent(mut self, auth_id: &str) -> Self {
        self.matching["parent"] = json!(auth_id);
        self
    }

    /// From the n-th matching request on, counted from 1.
    #[must_use]
    pub fn from(mut self, first: u64) -> Self {
        self.matching["from"] = json!(first);
        self
    }

    /// So many times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }
}

impl Simulator {
    /// Every account that exists, oldest first, every field, tokens in clear.
    pub async fn accounts(&self) -> Result<Vec<Value>> {
        self.list("/accounts", "accounts").await
    }

    /// Every account that was deleted: `{"account", ...}`.
    pub async fn deleted_accounts(&self) -> Result<Vec<Value>> {
        self.list("/accounts", "deleted").await
    }

    /// One account, if it exists.
    pub async fn find_account(&self, auth_id: &str) -> Result<Option<Value>> {
        let mut accounts = self.accounts().await?.into_iter();
        Ok(accounts.find(|account| account["auth_id"] == auth_id))
    }

    /// One account, which must exist.
    pub async fn account(&self, auth_id: &str) -> Result<Value> {
        let found = self.find_account(auth_id).await?;
        found.with_context(|| format!("the simulator does not know {auth_id}"))
    }

    /// Overwrites fields of an account as somebody at the console does: drift.
    pub async fn change_account(&self, auth_id: &str, fields: &Value) -> Result<Value> {
        self.control(Method::PATCH, &format!("/accounts/{auth_id}"), Some(fields))
            .await
    }

    /// Removes an account behind the API's back.
    pub async fn remove_account(&self, auth_id: &str) -> Result<()> {
        self.control(Method::DELETE, &format!("/accounts/{auth_id}"), None)
            .await
            .map(drop)
    }

    /// Makes an account by hand, from `{"parent", "name"?, "count"?, any field}`.
    pub async fn create_account(&self, fields: &Value) -> Result<Value> {
        self.control(Method::POST, "/accounts", Some(fields)).await
    }

    /// Sets any of `calls_blocked, overall_status, pan, gst, cin, aadhaar`.
    pub async fn set_kyc(&self, auth_id: &str, fields: &Value) -> Result<()> {
        self.control(Method::PUT, &format!("/accounts/{auth_id}/kyc"), Some(fields))
            .await
            .map(drop)
    }

    /// Refuses deletions of an account with 409 for so many seconds; 0 ends it.
    pub async fn set_cool_off(&self, auth_id: &str, seconds: i64) -> Result<()> {
        let body = json!({"seconds": seconds});
        self.control(Method::PUT, &format!("/accounts/{auth_id}/cool-off"), Some(&body))
            .await
            .map(drop)
    }

    /// Gives an account an `application`, `endpoint` or `number`.
    pub async fn attach(&self, auth_id: &str, kind: &str, name: &str) -> Result<()> {
        let body = json!({"kind": kind, "name": name});
        self.control(
            Method::POST,
            &format!("/accounts/{auth_id}/resources"),
            Some(&body),
        )
        .await
        .map(drop)
    }

    /// Every attached thing; without an `account` it is the parent's own.
    pub async fn resources(&self) -> Result<Vec<Value>> {
        self.list("/resources", "resources").await
    }

    /// Adds a parent account, or gives it another token.
    pub async fn put_parent(&self, auth_id: &str, token: &str) -> Result<()> {
        let body = json!({"auth_id": auth_id, "token": token});
        self.control(Method::POST, "/parents", Some(&body))
            .await
            .map(drop)
    }

    /// Changes `token`, `name` or `enabled` of a parent account.
    pub async fn change_parent(&self, auth_id: &str, fields: &Value) -> Result<()> {
        self.control(Method::PATCH, &format!("/parents/{auth_id}"), Some(fields))
            .await
            .map(drop)
    }

    /// Changes switches; null sets one back to its default.
    pub async fn change_settings(&self, settings: &Value) -> Result<()> {
        self.control(Method::PATCH, "/settings", Some(settings))
            .await
            .map(drop)
    }

    /// Adds a fault and returns its number. Of several the first with hits left wins.
    pub async fn add_fault(&self, fault: &Fault) -> Result<u64> {
        let mut rule = json!({"match": fault.matching, "action": fault.action});
        if let Some(times) = fault.times {
            rule["times"] = json!(times);
        }
        let answer = self.control(Method::POST, "/faults", Some(&rule)).await?;
        answer["id"]
            .as_u64()
            .context("the simulator gave the fault no number")
    }

    /// Removes one fault.
    pub async fn remove_fault(&self, number: u64) -> Result<()> {
        self.control(Method::DELETE, &format!("/faults/{number}"), None)
            .await
            .map(drop)
    }

    /// Removes all faults. What they hold stays held.
    pub async fn clear_faults(&self) -> Result<()> {
        self.control(Method::DELETE, "/faults", None).await.map(drop)
    }

    /// Releases everything that is held.
    pub async fn release_holds(&self) -> Result<()> {
        self.control(Method::POST, "/holds/release", Some(&json!({})))
            .await
            .map(drop)
    }

    /// Every secret that was ever issued or configured: what no log may contain.
    pub async fn secrets(&self) -> Result<Vec<String>> {
        let secrets = self.list("/secrets", "secrets").await?;
        Ok(secrets
            .iter()
            .filter_map(|secret| secret.as_str().map(str::to_owned))
            .collect())
    }

    async fn list(&self, path: &str, field: &str) -> Result<Vec<Value>> {
        let answer = self.control(Method::GET, path, None).await?;
        answer[field]
            .as_array()
            .cloned()
            .with_context(|| format!("the simulator's {path} has no {field}"))
    }
}
