//! Objects that the API server removed although our finalizer was on them. PURE.
//!
//! It looks for finalizers once, when a deletion begins, and removes the object when the webhooks that are asked about the deletion have
//! answered: a finalizer that was added meanwhile holds nothing. Such an object went because its user deleted it, and what it had goes as its
//! policy says; one whose finalizer was taken off by hand is another matter.

use crate::controller::uid::Uid;
use crate::crd::{FINALIZER, Subaccount};
use crate::subaccount::wish;
use kube::ResourceExt;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use vobiz_protocol::facts::Directive;

/// Longer than a deletion takes to be answered, which the API server cuts off after a minute. What goes so long after our finalizer came was
/// removed by another hand.
const LONGEST_DELETION: Duration = Duration::from_mins(5);

/// After so long nobody has come for it: it is an orphan like any other.
const KEPT_FOR: Duration = Duration::from_hours(1);

/// Objects that went past our finalizer, and those that still may.
#[derive(Debug, Default)]
pub struct Overtaken {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Those that got our finalizer of late, the earliest first.
    held: VecDeque<(Instant, Uid)>,
    /// Those whose Records are still to be closed, as they were, and when they went.
    gone: HashMap<Uid, (Instant, Arc<Subaccount>)>,
}

impl Overtaken {
    /// Our finalizer is about to be added to the object of this uid.
    pub fn hold(&self, uid: &str, now: Instant) {
        let mut state = self.lock();
        while state
            .held
            .front()
            .is_some_and(|(at, _)| is_over(*at, LONGEST_DELETION, now))
        {
            state.held.pop_front();
        }
        state.held.push_back((now, Uid::of(uid)));
    }

    /// The watch has told that this object is gone, and how it was last. True: it went past our finalizer. Where a person asked for hands
    /// off, or to let it go without proof, nothing is done about it.
    pub fn went(&self, object: &Subaccount, now: Instant) -> bool {
        let has_finalizer = object.finalizers().iter().any(|finalizer| finalizer == FINALIZER);
        let was_let_go = object.metadata.deletion_timestamp.is_some();
        let is_managed = wish::directive(object) == Directive::Manage && !wish::goes_unproved(object);
        if !has_finalizer || was_let_go || !is_managed {
            return false;
        }
        let uid = Uid::of(object.metadata.uid.as_deref().unwrap_or_default());
        let mut state = self.lock();
        state.gone.retain(|_, (at, _)| !is_over(*at, KEPT_FOR, now));
        let is_late = |(at, held): &(Instant, Uid)| *held == uid && !is_over(*at, LONGEST_DELETION, now);
        let is_overtaken = state.held.iter().any(is_late);
        if is_overtaken {
            state.gone.insert(uid, (now, Arc::new(object.clone())));
        }
        is_overtaken
    }

    /// The object of this uid as it was, if it went so of late.
    #[must_use]
    pub fn of(&self, uid: &str, now: Instant) -> Option<Arc<Subaccount>> {
        let state = self.lock();
        let (at, object) = state.gone.get(&Uid::of(uid))?;
        (!is_over(*at, KEPT_FOR, now)).then(|| Arc::clone(object))
    }

    /// All that went so of late.
    #[must_use]
    pub fn all(&self, now: Instant) -> Vec<Arc<Subaccount>> {
        let state = self.lock();
        let recent = state.gone.values().filter(|(at, _)| !is_over(*at, KEPT_FOR, now));
        recent.map(|(_, object)| Arc::clone(object)).collect()
    }

    /// It was told what became of it, or nothing is left of it.
    pub fn forget(&self, uid: &str) {
        self.lock().gone.remove(&Uid::of(uid));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_over(since: Instant, time: Duration, now: Instant) -> bool {
    now.saturating_duration_since(since) > time
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use serde_json::{Value, json};

    fn object(uid: &str, metadata: Value) -> Subaccount {
        let mut object = json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
            "metadata": {"name": "acme", "namespace": "team", "uid": uid, "finalizers": [FINALIZER]},
            "spec": {"accountRef": {"name": "vobiz"}},
        });
        let Value::Object(metadata) = metadata else {
            unreachable!("metadata is an object")
        };
        object["metadata"].as_object_mut().unwrap().extend(metadata);
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn only_what_nobody_let_go_has_gone_past_our_finalizer() {
        let (overtaken, now) = (Overtaken::default(), now());
        overtaken.hold("u-1", now);
        let went = |metadata| overtaken.went(&object("u-1", metadata), now);
        assert!(!went(json!({"finalizers": ["theirs"]})), "taken off by hand");
        assert!(
            !went(json!({"finalizers": null})),
            "or a list showed that it is gone"
        );
        assert!(
            !went(json!({"deletionTimestamp": "2026-01-01T00:00:00Z"})),
            "as every object that we let go is last seen"
        );
        for wish in ["vobiz.ai/paused", "vobiz.ai/force-delete"] {
            assert!(!went(json!({"annotations": {wish: "true"}})), "{wish}");
        }
        assert!(overtaken.of("u-1", now).is_none());
        assert!(went(json!({"finalizers": ["theirs", FINALIZER]})));
        assert!(overtaken.of("u-1", now).is_some());
        overtaken.forget("u-1");
        assert!(overtaken.of("u-1", now).is_none());
    }

    #[test]
    fn a_deletion_that_no_api_server_would_have_gone_on_with_so_long_was_none() {
        let (overtaken, start) = (Overtaken::default(), now());
        overtaken.hold("u-1", start);
        let went = |uid, at| overtaken.went(&object(uid, json!({})), at);
        assert!(went("u-1", start + LONGEST_DELETION));
        assert!(!went("u-1", start + LONGEST_DELETION + Duration::from_secs(1)));
        assert!(!went("u-2", start), "another process may have added it long ago");
    }

    #[test]
    fn nobody_is_kept_for_ever() {
        let (overtaken, start) = (Overtaken::default(), now());
        for minute in 0..90 {
            let (uid, at) = (format!("u-{minute}"), start + Duration::from_mins(1) * minute);
            overtaken.hold(&uid, at);
            assert!(overtaken.went(&object(&uid, json!({})), at));
        }
        let end = start + Duration::from_mins(1) * 89;
        let is_kept = |minute: u32, at| overtaken.of(&format!("u-{minute}"), at).is_some();
        assert!(!is_kept(28, end) && is_kept(29, end), "an hour");
        assert!(
            !is_kept(29, end + Duration::from_mins(1)),
            "also if nobody came since"
        );
        assert_eq!(overtaken.all(end).len(), 61);
        let state = overtaken.lock();
        assert_eq!((state.held.len(), state.gone.len()), (6, 61));
    }
}
