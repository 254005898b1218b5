//! Which requests Kubernetes refuses now, by who found out: for `/readyz` and the metrics. I/O (shared state).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::refusal::{Refusal, Verb};
use super::wake::ObjectKey;
use crate::metrics::Metrics;

/// Most refusals that are told one by one.
const SHOWN: usize = 20;

/// Who is refused something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requester {
    /// A part of the process, such as its leader election.
    Part(&'static str),
    /// Events about objects in this namespace: that another one's are taken says nothing about these.
    Events(String),
    /// The work for an object of this kind.
    Object(&'static str, ObjectKey),
}

impl fmt::Display for Requester {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(part) => formatter.write_str(part),
            Self::Events(_) => formatter.write_str("events"),
            Self::Object(kind, object) => write!(formatter, "{kind} {object}"),
        }
    }
}

/// All that is refused now; a cheap handle to one shared list.
#[derive(Clone, Debug)]
pub struct Refusals {
    metrics: Metrics,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    refused: BTreeMap<Requester, Vec<Refusal>>,
    /// How many sources are refused such a write.
    counts: BTreeMap<(String, Verb), usize>,
}

impl Refusals {
    /// Nothing is refused yet.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            state: Arc::default(),
        }
    }

    /// Takes over what is refused to this source now, instead of what was before; nothing clears it.
    pub fn set(&self, source: Requester, refusals: &[Refusal]) {
        let state = &mut *self.lock();
        let before = if refusals.is_empty() {
            state.refused.remove(&source)
        } else {
            state.refused.insert(source, refusals.to_vec())
        };
        let before = before.as_deref().map(writes).unwrap_or_default();
        let now = writes(refusals);
        for write in now.difference(&before) {
            *state.counts.entry(write.clone()).or_default() += 1;
        }
        for write in before.difference(&now) {
            if let Some(count) = state.counts.get_mut(write) {
                *count -= 1;
            }
        }
        for write in now.symmetric_difference(&before) {
            let count = state.counts.get(write).copied().unwrap_or_default();
            self.metrics.set_writes_refused(&write.0, write.1.as_str(), count);
        }
        state.counts.retain(|_, count| *count > 0);
    }

    /// Nothing is refused to this source any more, or it is gone.
    pub fn clear(&self, source: Requester) {
        self.set(source, &[]);
    }

    /// One line for each refusal, those of the process first, and how many are not shown.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let state = self.lock();
        let each = state
            .refused
            .iter()
            .flat_map(|(source, refusals)| refusals.iter().map(move |refusal| (source, refusal)));
        let mut lines: Vec<String> = each
            .clone()
            .take(SHOWN)
            .map(|(source, refusal)| format!("{source}: {refusal}"))
            .collect();
        let more = each.count().saturating_sub(SHOWN);
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kinds of writes among these; one that is refused twice to the same source counts once.
fn writes(refusals: &[Refusal]) -> BTreeSet<(String, Verb)> {
    let requests = refusals.iter().map(|refusal| &refusal.request);
    requests
        .filter(|request| request.verb.is_write())
        .map(|request| (request.resource.clone(), request.verb))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::denier::Denier;
    use super::super::refusal::ClusterRequest;
    use super::*;

    fn refusal(verb: Verb, name: &str) -> Refusal {
        Refusal {
            request: ClusterRequest::new(verb, "/api/v1/namespaces/dev/secrets", name),
            by: Denier::ValidatingPolicy("rule".to_owned()),
        }
    }

    fn object(name: &str) -> Requester {
        Requester::Object(
            "Subaccount",
            ObjectKey {
                namespace: "dev".to_owned(),
                name: name.to_owned(),
            },
        )
    }

    fn count(metrics: &Metrics, verb: &str) -> Option<String> {
        let sample = format!("vobiz_operator_writes_refused{{resource=\"secrets\",verb=\"{verb}\"}} ");
        let text = metrics.encode().unwrap();
        text.lines()
            .find_map(|line| line.strip_prefix(&sample).map(str::to_owned))
    }

    #[test]
    fn the_metric_counts_who_is_refused_a_write_and_goes_with_the_last_of_them() {
        let metrics = Metrics::new(true, "1", "c");
        let refusals = Refusals::new(metrics.clone());
        refusals.set(
            object("a"),
            &[refusal(Verb::Create, "a"), refusal(Verb::Create, "b")],
        );
        refusals.set(object("b"), &[refusal(Verb::Create, "b")]);
        assert_eq!(count(&metrics, "create").as_deref(), Some("2"));
        refusals.set(
            object("a"),
            &[refusal(Verb::Update, "a"), refusal(Verb::Get, "a")],
        );
        assert_eq!(count(&metrics, "create").as_deref(), Some("1"));
        assert_eq!(count(&metrics, "update").as_deref(), Some("1"));
        assert_eq!(count(&metrics, "get"), None, "a read is no write");
        refusals.clear(object("a"));
        refusals.clear(object("b"));
        refusals.clear(object("never told"));
        assert_eq!(
            (count(&metrics, "create"), count(&metrics, "update")),
            (None, None)
        );
        assert!(refusals.lines().is_empty());
    }

    #[test]
    fn each_refusal_is_a_line_that_says_who_refuses_what_to_whom_up_to_a_length() {
        let refusals = Refusals::new(Metrics::new(true, "1", "c"));
        refusals.set(object("a"), &[refusal(Verb::Get, "a")]);
        refusals.set(Requester::Events("dev".to_owned()), &[refusal(Verb::Create, "e")]);
        assert_eq!(
            refusals.lines(),
            [
                "events: create of secrets dev/e is refused by ValidatingAdmissionPolicy rule: let the policy admit it",
                "Subaccount dev/a: get of secrets dev/a is refused by ValidatingAdmissionPolicy rule: let the policy admit it",
            ]
        );
        for number in 0..30 {
            refusals.set(object(&number.to_string()), &[refusal(Verb::Create, "x")]);
        }
        let lines = refusals.lines();
        assert_eq!(
            (lines.len(), lines.last().map(String::as_str)),
            (21, Some("and 12 more"))
        );
    }
}
