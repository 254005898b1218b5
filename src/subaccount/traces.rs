//! What passes leave behind in this process, and when it goes: with the object or the Record that it is about. I/O (shared
//! state).

use super::store::memory::Memory;
use super::store::record::secret_name;
use super::store::records::Records;
use crate::controller::backoff::Backoff;
use crate::controller::newest::Newest;
use crate::controller::wake::ObjectKey;
use crate::crd::Subaccount;
use crate::vobiz::ParentAuthId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Who waits for a parent's list, or for a walk over it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ListWaiter {
    /// The pass over this object.
    Object(ObjectKey),
    /// The janitor's pass over this Record.
    Record(String),
}

/// Who waits for a list or a walk, by parent.
pub type ListWaiters = Mutex<HashMap<ParentAuthId, HashSet<ListWaiter>>>;

/// Everything that is kept by object or by Record. The watches clear it when one is gone, and so does a pass that ends
/// after that: whichever comes last.
#[derive(Clone)]
pub struct Traces {
    /// What is remembered between passes.
    pub memory: Arc<Memory>,
    /// Objects as our own writes returned them.
    pub newest: Arc<Newest<Subaccount>>,
    /// Pauses of objects that failed.
    pub backoff: Arc<Mutex<Backoff<String>>>,
    /// Who waits for a list or a walk.
    pub list_waiters: Arc<ListWaiters>,
    /// The cached Records.
    pub records: Arc<Records>,
}

impl Traces {
    /// Nothing yet; the pauses of what fails grow up to `max_backoff`.
    #[must_use]
    pub fn new(max_backoff: Duration, records: Arc<Records>) -> Self {
        Self {
            memory: Arc::default(),
            newest: Arc::default(),
            backoff: Arc::new(Mutex::new(Backoff::new(max_backoff))),
            list_waiters: Arc::default(),
            records,
        }
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
            self.forget_uid(uid);
        }
    }

    fn forget_uid(&self, uid: &str) {
        self.memory.forget(uid);
        let mut backoff = self.backoff.lock().unwrap_or_else(PoisonError::into_inner);
        backoff.succeeded(&uid.to_owned());
    }

    fn forget_waiter(&self, waiter: &ListWaiter) {
        let mut waiters = self.list_waiters.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.retain(|_, of_parent| {
            of_parent.remove(waiter);
            !of_parent.is_empty()
        });
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
            traces.backoff.lock().unwrap().len(),
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
        let failed = |backoff: &mut Backoff<String>| backoff.failed(uid.to_owned(), Duration::ZERO, 0.0);
        failed(&mut traces.backoff.lock().unwrap());
        let parent = ParentAuthId::parse("MA_PARENT").unwrap();
        let mut waiters = traces.list_waiters.lock().unwrap();
        waiters.entry(parent).or_default().extend([
            ListWaiter::Object(key.clone()),
            ListWaiter::Record(secret_name(uid)),
        ]);
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
