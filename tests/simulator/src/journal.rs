//! I/O (the clock). The journal: one entry per request, refused and unanswered ones included.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use crate::path::Operation;
use crate::settings::Generation;

/// What is known of one request. Secrets are removed before they get here.
#[derive(Clone, Debug, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each of which a test asks for"
)]
pub struct Entry {
    /// From 1, never reused before a reset.
    pub sequence: u64,
    /// When its head was read, RFC 3339.
    pub time: Timestamp,
    /// The same on the monotonic clock, milliseconds since the simulator started.
    pub monotonic_ms: u64,
    /// When the answer left or the connection went, milliseconds since the simulator started.
    pub ended_ms: Option<u64>,
    /// Number of the TCP connection, from 1.
    pub connection: u64,
    /// `X-Auth-ID` as sent.
    pub parent: Option<String>,
    /// None for paths of no generation.
    pub generation: Option<Generation>,
    /// What was asked for.
    pub operation: Operation,
    /// HTTP method.
    pub method: String,
    /// Path as sent, without the query.
    pub path: String,
    /// Query as sent.
    pub query: Option<String>,
    /// `User-Agent` as sent.
    pub user_agent: Option<String>,
    /// The subaccount's `auth_id`; for a committed create the new one.
    pub id: Option<String>,
    /// Name of the account concerned: as stored, for a create as sent.
    pub name: Option<String>,
    /// The body with `password` removed; null when absent or not JSON.
    pub body: Option<Value>,
    /// Status of the answer, also of one that never left; none when there was none.
    pub status: Option<u16>,
    /// The state was changed.
    pub committed: bool,
    /// The answer left completely.
    pub answered: bool,
    /// Still being handled, held, or to be committed later.
    pub pending: bool,
    /// Held by a fault rule right now.
    pub held: bool,
    /// The fault rule that was applied.
    pub fault: Option<u64>,
}

/// Which entries a reader wants; absent means any.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Only entries with a larger sequence.
    pub since: u64,
    /// Operation.
    pub operation: Option<Operation>,
    /// Generation.
    pub generation: Option<Generation>,
    /// Parent's `auth_id`.
    pub parent: Option<String>,
    /// Subaccount's `auth_id`.
    pub id: Option<String>,
    /// Name, stored or sent.
    pub name: Option<String>,
    /// Start of the name, stored or sent.
    pub name_prefix: Option<String>,
    /// Status.
    pub status: Option<u16>,
    /// Committed or not.
    pub committed: Option<bool>,
    /// Answered or not.
    pub answered: Option<bool>,
    /// Pending or not.
    pub pending: Option<bool>,
    /// Held or not.
    pub held: Option<bool>,
    /// For waiting: how many such entries; default 1.
    pub count: Option<usize>,
    /// For waiting: give up after this long; default 30000.
    pub timeout_ms: Option<u64>,
}

impl Filter {
    /// Whether `entry` is one of those asked for.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, value: Option<&T>) -> bool {
            wanted.is_none() || wanted == value
        }
        let sent = entry
            .body
            .as_ref()
            .and_then(|body| body.get("name"))
            .and_then(Value::as_str);
        let named =
            |test: &dyn Fn(&str) -> bool| entry.name.as_deref().is_some_and(test) || sent.is_some_and(test);
        entry.sequence > self.since
            && is(self.operation.as_ref(), Some(&entry.operation))
            && is(self.generation.as_ref(), entry.generation.as_ref())
            && is(self.parent.as_ref(), entry.parent.as_ref())
            && is(self.id.as_ref(), entry.id.as_ref())
            && is(self.status.as_ref(), entry.status.as_ref())
            && is(self.committed.as_ref(), Some(&entry.committed))
            && is(self.answered.as_ref(), Some(&entry.answered))
            && is(self.pending.as_ref(), Some(&entry.pending))
            && is(self.held.as_ref(), Some(&entry.held))
            && self
                .name
                .as_ref()
                .is_none_or(|wanted| named(&|name| name == wanted))
            && self
                .name_prefix
                .as_ref()
                .is_none_or(|wanted| named(&|name| name.starts_with(wanted.as_str())))
    }
}

struct Entries {
    list: Vec<Entry>,
    next: u64,
}

/// The journal of one simulator.
pub struct Journal {
    started: Instant,
    entries: Mutex<Entries>,
    changed: watch::Sender<()>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            entries: Mutex::new(Entries {
                list: Vec::new(),
                next: 1,
            }),
            changed: watch::Sender::new(()),
        }
    }
}

impl Journal {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Opens an entry; it ends when the last clone of the returned handle is dropped.
    #[must_use]
    pub fn begin(self: &Arc<Self>, entry: impl FnOnce(u64, u64) -> Entry) -> Arc<InFlight> {
        let now = self.elapsed_ms();
        let sequence = {
            let mut entries = self.lock();
            let sequence = entries.next;
            entries.next += 1;
            entries.list.push(entry(sequence, now));
            sequence
        };
        self.changed.send_replace(());
        Arc::new(InFlight {
            journal: Arc::clone(self),
            sequence,
        })
    }

    /// Changes one entry, if it is still there.
    pub fn change(&self, sequence: u64, change: impl FnOnce(&mut Entry)) {
        let mut entries = self.lock();
        // Sequences ascend, so a long journal is searched and not walked.
        if let Ok(index) = entries
            .list
            .binary_search_by_key(&sequence, |entry| entry.sequence)
        {
            change(&mut entries.list[index]);
        }
        drop(entries);
        self.changed.send_replace(());
    }

    /// The entries that `filter` asks for.
    #[must_use]
    pub fn read(&self, filter: &Filter) -> Vec<Entry> {
        let entries = self.lock();
        let from = entries
            .list
            .partition_point(|entry| entry.sequence <= filter.since);
        entries.list[from..]
            .iter()
            .filter(|entry| filter.matches(entry))
            .cloned()
            .collect()
    }

    /// How many entries `filter` asks for.
    #[must_use]
    pub fn count(&self, filter: &Filter) -> usize {
        let entries = self.lock();
        let from = entries
            .list
            .partition_point(|entry| entry.sequence <= filter.since);
        entries.list[from..]
            .iter()
            .filter(|entry| filter.matches(entry))
            .count()
    }

    /// The sequence of the newest request that has arrived (0 before the first), and how late it is now.
    #[must_use]
    pub fn mark(&self) -> (u64, u64) {
        (self.lock().next - 1, self.elapsed_ms())
    }

    /// Forgets all entries; sequences go on.
    pub fn reset(&self) {
        self.lock().list.clear();
        self.changed.send_replace(());
    }

    /// Waits until `filter.count` entries match, however long that takes.
    pub async fn wait(&self, filter: &Filter) -> Vec<Entry> {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if self.count(filter) >= filter.count.unwrap_or(1) {
                return self.read(filter);
            }
            if changed.changed().await.is_err() {
                return Vec::new();
            }
        }
    }
}

/// A request in flight. Dropping the last handle ends its entry.
pub struct InFlight {
    journal: Arc<Journal>,
    sequence: u64,
}

impl InFlight {
    /// Number of the entry.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Changes the entry.
    pub fn note(&self, change: impl FnOnce(&mut Entry)) {
        self.journal.change(self.sequence, change);
    }

    /// The answer left completely.
    pub fn answered(&self) {
        let now = self.journal.elapsed_ms();
        self.note(|entry| {
            entry.answered = true;
            entry.pending = false;
            entry.ended_ms = Some(now);
        });
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let now = self.journal.elapsed_ms();
        self.journal.change(self.sequence, |entry| {
            entry.pending = false;
            entry.held = false;
            entry.ended_ms.get_or_insert(now);
        });
    }
}
