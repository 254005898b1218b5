//! I/O. The simulator's journal: every request that arrived, and whether it was committed and answered.

use std::time::Duration;

use anyhow::{Context as _, Result};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::simulator::Simulator;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A new subaccount.
    Create,
    /// One subaccount.
    Get,
    /// A page of subaccounts.
    List,
    /// A change of one subaccount.
    Update,
    /// The end of one subaccount.
    Delete,
    /// `GET /api/v1/auth/me`.
    Me,
    /// The KYC status of one subaccount.
    KycStatus,
    /// Anything else, wrong paths included.
    Other,
}

/// One request, as far as tests look at it.
#[derive(Clone, Debug, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the simulator's own words for independent facts"
)]
pub struct JournalEntry {
    /// Ascending from 1.
    pub sequence: u64,
    /// When it arrived, in wall time.
    pub time: jiff::Timestamp,
    /// When it arrived, milliseconds since the simulator started.
    pub monotonic_ms: u64,
    /// When its answer left or its connection went.
    pub ended_ms: Option<u64>,
    /// Number of the TCP connection.
    pub connection: u64,
    /// `X-Auth-ID` as sent.
    pub parent: Option<String>,
    /// `gen1`, `gen2`, or none for paths of neither.
    pub generation: Option<String>,
    /// What it asked for.
    pub operation: Operation,
    /// HTTP method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query as sent.
    pub query: Option<String>,
    /// The subaccount's `auth_id`; for a committed create the new one.
    pub id: Option<String>,
    /// Name of the account; for a create as sent.
    pub name: Option<String>,
    /// The body as sent.
    pub body: Option<Value>,
    /// Status of the answer.
    pub status: Option<u16>,
    /// The state was changed.
    pub committed: bool,
    /// The answer left completely.
    pub answered: bool,
    /// Still being handled, held, or to be committed later.
    pub pending: bool,
    /// Held by a fault rule.
    pub held: bool,
    /// The fault rule that was applied.
    pub fault: Option<u64>,
}

/// A position in the journal.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct JournalMoment {
    /// Of the newest request that has arrived; 0 before the first.
    pub sequence: u64,
    /// Milliseconds since the simulator started.
    pub monotonic_ms: u64,
}

/// Which entries are asked for; empty: all.
#[derive(Clone, Debug, Default, Serialize)]
pub struct JournalQuery {
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<Operation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    committed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<bool>,
}

impl JournalEntry {
    /// Whether it asks for the first page of a list, in either generation's words.
    #[must_use]
    pub fn is_first_page(&self) -> bool {
        let query = self.query.as_deref().unwrap_or_default();
        query
            .split('&')
            .any(|pair| pair == "page=1" || pair == "offset=0")
    }
}

impl JournalQuery {
    /// Every entry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only entries after this sequence, as [`Simulator::journal_mark`] gives it.
    #[must_use]
    pub fn since(mut self, sequence: u64) -> Self {
        self.since = Some(sequence);
        self
    }

    /// Only this operation.
    #[must_use]
    pub fn operation(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Only requests about this account.
    #[must_use]
    pub fn id(mut self, auth_id: &str) -> Self {
        self.id = Some(auth_id.to_owned());
        self
    }

    /// Only requests about accounts of this name, stored or sent.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Only requests about accounts whose name begins so, stored or sent.
    #[must_use]
    pub fn name_prefix(mut self, prefix: &str) -> Self {
        self.name_prefix = Some(prefix.to_owned());
        self
    }

    /// Only requests with this `X-Auth-ID`.
    #[must_use]
    pub fn parent(mut self, auth_id: &str) -> Self {
        self.parent = Some(auth_id.to_owned());
        self
    }

    /// Only answers with this status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Only requests that changed the state, or that did not.
    #[must_use]
    pub fn committed(mut self, committed: bool) -> Self {
        self.committed = Some(committed);
        self
    }

    /// Only requests whose answer left completely, or did not.
    #[must_use]
    pub fn answered(mut self, answered: bool) -> Self {
        self.answered = Some(answered);
        self
    }

    /// Only requests that are held right now, or are not.
    #[must_use]
    pub fn held(mut self, held: bool) -> Self {
        self.held = Some(held);
        self
    }
}

impl Simulator {
    /// The entries of a query as they are now.
    pub async fn journal(&self, query: &JournalQuery) -> Result<Vec<JournalEntry>> {
        self.journal_wait(query, 0, Duration::from_secs(10)).await
    }

    /// The number of entries of a query.
    pub async fn journal_count(&self, query: &JournalQuery) -> Result<usize> {
        let body = serde_json::to_value(query).context("failed to write a journal query")?;
        let answer = self.control(Method::POST, "/journal/count", Some(&body)).await?;
        let count = answer["count"].as_u64().context("the simulator gave no count")?;
        Ok(usize::try_from(count)?)
    }

    /// Waits until at least `count` entries match.
    pub async fn await_journal(
        &self,
        query: &JournalQuery,
        count: usize,
        deadline: Duration,
    ) -> Result<Vec<JournalEntry>> {
        let waited = self.journal_wait(query, count, deadline).await;
        waited.with_context(|| format!("the journal does not show {count} entries of {query:?}"))
    }

    /// The position behind every request that has arrived.
    pub async fn journal_mark(&self) -> Result<u64> {
        Ok(self.journal_now().await?.sequence)
    }

    /// The same, and the time on the clock that dates the entries.
    pub async fn journal_now(&self) -> Result<JournalMoment> {
        let answer = self.control(Method::GET, "/journal/mark", None).await?;
        serde_json::from_value(answer).context("failed to read the journal's mark")
    }

    /// The simulator's waiting request takes the query as JSON; waiting for none is reading.
    async fn journal_wait(
        &self,
        query: &JournalQuery,
        count: usize,
        deadline: Duration,
    ) -> Result<Vec<JournalEntry>> {
        let mut body = serde_json::to_value(query).context("failed to write a journal query")?;
        body["count"] = json!(count);
        body["timeout_ms"] = json!(u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX));
        let mut answer = self.control(Method::POST, "/journal/wait", Some(&body)).await?;
        serde_json::from_value(answer["entries"].take()).context("failed to read the journal")
    }
}
