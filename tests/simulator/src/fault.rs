//! PURE. Fault rules: which request they hit, and what happens to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::path::Operation;
use crate::settings::{Envelope, Generation};

/// Which requests a rule is for; absent means any.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// Operation.
    pub operation: Option<Operation>,
    /// Generation.
    pub generation: Option<Generation>,
    /// Parent's `auth_id`.
    pub parent: Option<String>,
    /// Subaccount's `auth_id`.
    pub id: Option<String>,
    /// Name, as stored or as sent.
    pub name: Option<String>,
    /// Start of the name, as stored or as sent.
    pub name_prefix: Option<String>,
    /// The first matching request that is hit, from 1.
    pub from: Option<u64>,
}

/// What happens to a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Action {
    /// The connection is dropped, nothing is committed.
    LoseBefore,
    /// Committed, then the connection is dropped.
    LoseAfter,
    /// Held before the commit. It is committed when released, also when the client has gone.
    HoldBefore,
    /// Committed, then the answer is held until it is released or the client goes.
    HoldAfter,
    /// The connection is dropped now, the commit comes later.
    CommitLate {
        /// Milliseconds until the commit.
        after_ms: u64,
    },
    /// Waits, then goes on as usual. The work goes on when the client has gone.
    Delay {
        /// Milliseconds.
        milliseconds: u64,
        /// Waits between commit and answer.
        #[serde(default)]
        after_commit: bool,
    },
    /// An error with any envelope.
    Status {
        /// HTTP status.
        status: u16,
        /// Default `documented`.
        envelope: Option<Envelope>,
        /// Default: the status's usual code.
        code: Option<String>,
        /// Default: the status's usual message.
        message: Option<String>,
        /// `error.details`.
        details: Option<Value>,
        /// `Retry-After`, literally.
        retry_after: Option<String>,
        /// `error.details.retryAfter`, any JSON.
        details_retry_after: Option<Value>,
        /// `X-RateLimit-Reset`, literally.
        rate_limit_reset: Option<String>,
        /// Commit first.
        #[serde(default)]
        after_commit: bool,
    },
    /// Committed; half of the body with the full content length, then the connection is dropped.
    Truncated,
    /// 200 with an HTML page.
    Html {
        /// Commit first.
        #[serde(default)]
        after_commit: bool,
    },
    /// 200 without a body.
    Empty {
        /// Commit first.
        #[serde(default)]
        after_commit: bool,
    },
    /// A body of many bytes of JSON white space.
    Huge {
        /// Bytes; ignored when endless.
        #[serde(default)]
        bytes: u64,
        /// Chunks for ever.
        #[serde(default)]
        endless: bool,
        /// Commit first.
        #[serde(default)]
        after_commit: bool,
    },
    /// Committed; one byte of the answer per interval.
    Slow {
        /// Milliseconds between bytes.
        interval_ms: u64,
    },
    /// A redirect.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// `Location`, literally.
        location: String,
        /// Commit first.
        #[serde(default)]
        after_commit: bool,
    },
    /// A literal answer. `{auth_id}`, `{auth_token}`, `{name}` and `{parent}` stand for the real ones.
    Body {
        /// HTTP status, default 200.
        status: Option<u16>,
        /// Default `application/json`.
        content_type: Option<String>,
        /// A string is sent as it is, anything else as JSON.
        #[serde(default)]
        body: Value,
        /// Bytes in the place of `body`, for what is not UTF-8.
        bytes: Option<Vec<u8>>,
        /// More headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// Commit first.
        #[serde(default)]
        after_commit: bool,
    },
    /// Committed; a JSON merge patch on the usual answer.
    Patch {
        /// RFC 7396.
        patch: Value,
        /// Another status.
        status: Option<u16>,
    },
    /// Committed; the usual answer with this many headers more.
    ManyHeaders {
        /// How many.
        count: usize,
    },
}

/// One rule with its counters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Given by the simulator.
    #[serde(default)]
    pub id: u64,
    /// Which requests.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// What happens to them.
    pub action: Action,
    /// How many requests it hits; absent: all.
    #[serde(default)]
    pub times: Option<u64>,
    /// Requests that matched so far.
    #[serde(default)]
    pub matched: u64,
    /// Requests that were hit so far.
    #[serde(default)]
    pub applied: u64,
    /// Hits left; absent: no limit.
    #[serde(default)]
    pub remaining: Option<u64>,
}

/// What a rule looks at.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// Operation.
    pub operation: Operation,
    /// Generation.
    pub generation: Option<Generation>,
    /// `X-Auth-ID`.
    pub parent: Option<&'a str>,
    /// Subaccount's `auth_id`.
    pub id: Option<&'a str>,
    /// Name as stored, then as sent.
    pub names: [Option<&'a str>; 2],
}

impl Match {
    fn hits(&self, subject: &Subject<'_>) -> bool {
        let named = |test: &dyn Fn(&str) -> bool| subject.names.iter().flatten().any(|name| test(name));
        self.operation.is_none_or(|wanted| wanted == subject.operation)
            && self
                .generation
                .is_none_or(|wanted| Some(wanted) == subject.generation)
            && self
                .parent
                .as_deref()
                .is_none_or(|wanted| Some(wanted) == subject.parent)
            && self.id.as_deref().is_none_or(|wanted| Some(wanted) == subject.id)
            && self
                .name
                .as_deref()
                .is_none_or(|wanted| named(&|name| name == wanted))
            && self
                .name_prefix
                .as_deref()
                .is_none_or(|wanted| named(&|name| name.starts_with(wanted)))
    }
}

/// All rules, in the order in which they were posted.
#[derive(Debug, Default)]
pub struct Rules {
    /// The rules.
    pub list: Vec<Rule>,
    next: u64,
}

impl Rules {
    /// Adds a rule and gives it its number.
    pub fn add(&mut self, rule: Rule) -> u64 {
        self.next += 1;
        let remaining = rule.times;
        self.list.push(Rule {
            id: self.next,
            matched: 0,
            applied: 0,
            remaining,
            ..rule
        });
        self.next
    }

    /// Removes one rule.
    pub fn remove(&mut self, id: u64) -> bool {
        let before = self.list.len();
        self.list.retain(|rule| rule.id != id);
        self.list.len() < before
    }

    /// The rule for `subject`: the first with hits left. Every matching rule up to it counts a match.
    pub fn pick(&mut self, subject: &Subject<'_>) -> Option<(u64, Action)> {
        for rule in &mut self.list {
            if !rule.matching.hits(subject) {
                continue;
            }
            rule.matched += 1;
            if rule.matched < rule.matching.from.unwrap_or(1) || rule.remaining == Some(0) {
                continue;
            }
            rule.applied += 1;
            rule.remaining = rule.remaining.map(|left| left - 1);
            return Some((rule.id, rule.action.clone()));
        }
        None
    }
}

/// A JSON merge patch (RFC 7396): null removes a key, objects are merged, all else replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(target) = target {
        for (key, value) in patch {
            if value.is_null() {
                target.remove(key);
            } else {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}
