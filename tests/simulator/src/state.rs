//! I/O (shared memory). What connections and the control API share.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;
use tokio::sync::oneshot;

use crate::fault::Rules;
use crate::journal::{InFlight, Journal};
use crate::settings::Settings;
use crate::world::World;

/// One held request, as the control API lists it.
#[derive(Clone, Debug, Serialize)]
pub struct Hold {
    /// Number of its journal entry.
    pub sequence: u64,
    /// The rule that holds it.
    pub fault: u64,
}

/// The shared state of one simulator.
pub struct State {
    /// Parents and accounts.
    pub world: Mutex<World>,
    /// Switches.
    pub settings: Mutex<Settings>,
    /// Fault rules.
    pub rules: Mutex<Rules>,
    /// Requests.
    pub journal: Arc<Journal>,
    /// Connections so far.
    pub connections: AtomicU64,
    holds: Mutex<BTreeMap<u64, (Hold, oneshot::Sender<()>)>>,
    buckets: Mutex<HashMap<String, (f64, Instant)>>,
}

/// Locks, also after a panic elsewhere: the state is changed in single steps only.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// An empty state.
    #[must_use]
    pub fn new(world: World, settings: Settings) -> Self {
        Self {
            world: Mutex::new(world),
            settings: Mutex::new(settings),
            rules: Mutex::default(),
            journal: Arc::new(Journal::default()),
            connections: AtomicU64::new(0),
            holds: Mutex::default(),
            buckets: Mutex::default(),
        }
    }

    /// Waits until the request is released. Dropping the future gives the hold up.
    pub async fn hold(&self, flight: &InFlight, fault: u64) {
        struct Listed<'a>(&'a State, &'a InFlight);
        impl Drop for Listed<'_> {
            fn drop(&mut self) {
                lock(&self.0.holds).remove(&self.1.sequence());
                self.1.note(|entry| entry.held = false);
            }
        }
        let (release, released) = oneshot::channel();
        let hold = Hold {
            sequence: flight.sequence(),
            fault,
        };
        lock(&self.holds).insert(flight.sequence(), (hold, release));
        let _listed = Listed(self, flight);
        flight.note(|entry| entry.held = true);
        // An error means that the sender was dropped by a release.
        let _ = released.await;
    }

    /// Everything that is held now.
    #[must_use]
    pub fn held(&self) -> Vec<Hold> {
        lock(&self.holds).values().map(|(hold, _)| hold.clone()).collect()
    }

    /// Releases what `which` picks and says how many.
    pub fn release(&self, which: impl Fn(&Hold) -> bool) -> usize {
        let mut holds = lock(&self.holds);
        let before = holds.len();
        holds.retain(|_, (hold, _)| !which(hold));
        before - holds.len()
    }

    /// Takes one request out of the parent's bucket of `per_second`; false when it is empty.
    pub fn admit(&self, parent: &str, per_second: u32) -> bool {
        let most = f64::from(per_second);
        let now = Instant::now();
        let mut buckets = lock(&self.buckets);
        let (tokens, last) = buckets.entry(parent.to_owned()).or_insert((most, now));
        *tokens = (*tokens + now.duration_since(*last).as_secs_f64() * most).min(most);
        *last = now;
        let admitted = *tokens >= 1.0;
        if admitted {
            *tokens -= 1.0;
        }
        admitted
    }
}
