//! What passes leave behind in this process, and when it goes: with the object or the Record that it is about. I/O (shared
//! state).

use super::store::memory::Memory;
use super::store::overtaken::Overtaken;
use super::store::record::secret_name;
use super::store::records::Records;
use crate::controller::newest::Newest;
use crate::controller::pauses::Pauses;
use crate::controller::wake::ObjectKey;
use crate::crd::Subaccount;
use crate::vobiz::ParentAuthId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Who waits for a parent's list, or for a walk over it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ListWaiter {
    /// The pass over this object.
    Object(ObjectKey),
    /// The janitor's pass over this Record.
    Record(String),
}

/// By parent.
type ListWaiters = HashMap<ParentAuthId, HashSet<ListWaiter>>;

/// Everything that is kept by object or by Record. The watches clear it when one is gone, and so does a pass that ends
/// after that: whichever comes last.
pub struct Traces {
    /// What is remembered between passes.
    pub memory: Memory,
    /// Objects as our own writes returned them.
    pub newest: Newest<Subaccount>,
    /// Pauses of objects that failed.
    pub pauses: Pauses<String>,
    /// Objects that went past our finalizer.
    pub overtaken: Overtaken,
    /// Who waits for a list or a walk.
    list_waiters: Mutex<ListWaiters>,
    records: Arc<Records>,
}

impl Traces {
    /// Nothing yet; the pauses of what fails grow up to `max_backoff`.
    #[must_use]
    pub fn new(max_backoff: Duration, records: Arc<Records>) -> Self {
        Self {
            memory: Memory::default(),
            newest: Newest::default(),
            pauses: Pauses::new(max_backoff),
            overtaken: Overtaken::default(),
            list_waiters: Mutex::default(),
            records,
        }
    }

    /// Notes who waits for a list of the parent, or for a walk over it.
    pub fn await_list(&self, parent: &ParentAuthId, waiter: ListWaiter) {
        self.waiters().entry(parent.clone()).or_default().insert(waiter);
    }

    /// Those who waited for a list of the parent; each is told once.
    pub fn take_list_waiters(&self, parent: &ParentAuthId) -> HashSet<ListWaiter> {
        self.waiters().remove(parent).unwrap_or_default()
    }

    /// The object is gone. What its Record's end still needs goes with the Record.
    pub fn forget_object(&self, key: &ObjectKey, uid: &str) {
        self.newest.forget(uid);
        self.forget_waiter(&ListWaiter::Object(key.clone()));
        if self.records.get(uid).is_none() {
            self.forget_uid(uid);
        }
    }

    /// The Record in this Secret is gone, which served the object of this uid.
    pub fn forget_record(&self, secret: &str, uid: Option<&str>) {
        self.memory.forget(secret);
        self.forget_waiter(&ListWaiter::Record(secret.to_owned()));
        // One that this process never read has the name that it was given.
        let uid = uid.or_else(|| secret.strip_prefix(&secret_name("")));
        if let Some(uid) = uid {
            self.overtaken.forget(uid);
            self.forget_uid(uid);
        }
    }

    fn forget_uid(&self, uid: &str) {
        self.memory.forget(uid);
        self.pauses.succeeded(&uid.to_owned());
    }

    fn forget_waiter(&self, waiter: &ListWaiter) {
        self.waiters().retain(|_, of_parent| {
            of_parent.remove(waiter);
            !of_parent.is_empty()
        });
    }

    fn waiters(&self) -> MutexGuard<'_, ListWaiters> {
        self.list_waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many entries there are, of each kind.
    fn sizes(traces: &Traces) -> [usize; 4] {
        let waiters = traces.list_waiters.lock().unwrap();
        [
            traces.memory.len(),
            traces.newest.len(),
            traces.pauses.len(),
            waiters.values().map(HashSet::len).sum::<usize>() + waiters.len(),
        ]
    }

    fn pass(traces: &Traces, key: &ObjectKey, uid: &str) {
        traces
            .memory
            .with(uid, |remembered| remembered.secret_suspect = true);
        let object: Subaccount = serde_json::from_value(serde_json::json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
            "metadata": {"namespace": key.namespace, "name": key.name, "uid": uid},
            "spec": {"accountRef": {"name": "vobiz"}},
        }))
        .unwrap();
        traces.newest.note(Arc::new(object));
        traces.pauses.failed(uid.to_owned());
        let parent = ParentAuthId::parse("MA_PARENT").unwrap();
        traces.await_list(&parent, ListWaiter::Object(key.clone()));
        traces.await_list(&parent, ListWaiter::Record(secret_name(uid)));
    }

    #[test]
    fn when_a_thousand_objects_have_come_and_gone_nothing_of_them_is_left() {
        let traces = Traces::new(Duration::from_secs(1), Arc::default());
        let key = |number: u32| ObjectKey {
            namespace: "dev".to_owned(),
            name: format!("acme-{number}"),
        };
        pass(&traces, &key(0), "stays");
        let before = sizes(&traces);
        for number in 1..=1000 {
            let uid = format!("u-{number}");
            pass(&traces, &key(number), &uid);
            let secret = secret_name(&uid);
            traces
                .memory
                .with(&secret, |remembered| remembered.swept_through = 1);
            traces.forget_object(&key(number), &uid);
            traces.forget_record(&secret, None);
            // A pass that was under way then, and ended later.
            pass(&traces, &key(number), &uid);
            traces.forget_object(&key(number), &uid);
            traces.forget_record(&secret, Some(&uid));
        }
        assert_eq!(sizes(&traces), before);
    }
}
