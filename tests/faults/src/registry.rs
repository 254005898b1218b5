//! I/O (the clock). What the proxy knows of every plan that runs: whose request this is, how often it has come, and what
//! is to be done about it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::mode::{Mode, Moment};
use crate::plan::Occurrence;
use crate::write::{About, Classified, Write};

mod refusals;

pub use refusals::RefusedSoFar;
use refusals::Refusing;

/// One plan's place in the proxy.
#[derive(Debug, Default)]
struct Case {
    counting: bool,
    counts: HashMap<Write, u32>,
    seen: Vec<Occurrence>,
    target: Option<(Occurrence, Mode)>,
    /// The next look of this process at the object is to be broken so.
    at_look: Option<(usize, Mode)>,
    fault: Option<Timestamp>,
    under_way: usize,
    /// What is refused again and again.
    refusing: Option<Refusing>,
    /// When an operator stopped waiting for an answer.
    given_up: Vec<Timestamp>,
    /// The first POST of an account, or its answer, is held until the user has done something.
    pause: Option<Pause>,
    /// Whoever waits until the parent's pair is refused.
    turned_away: Option<oneshot::Sender<()>>,
}

/// A held POST: the user hears of it, acts, and lets it go on.
#[derive(Debug)]
pub struct Pause {
    moment: Moment,
    arrived: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

impl Pause {
    /// Waits for the user, if this is the moment for it; not longer than a late request may take, however slow a busy machine makes
    /// the user.
    pub async fn hold(pause: &mut Option<Self>, moment: Moment, longest: Duration) {
        if let Some(pause) = pause.take_if(|pause| pause.moment == moment)
            && pause.arrived.send(()).is_ok()
        {
            // A user who has gone holds nothing.
            let _ = tokio::time::timeout(longest, pause.go_on).await;
        }
    }
}

/// The user's side of a held POST.
#[derive(Debug)]
pub struct Interlude {
    /// The POST, or its answer, has arrived.
    pub arrived: oneshot::Receiver<()>,
    /// It may go on.
    pub go_on: oneshot::Sender<()>,
}

/// What is to be done about a request.
#[derive(Debug, Default)]
pub struct Orders {
    /// Hold it for its user.
    pub pause: Option<Pause>,
    /// Break it so.
    pub fault: Option<Mode>,
}

/// All plans that run against one operator.
#[derive(Debug)]
pub struct Registry {
    operator_namespace: String,
    cases: Mutex<Cases>,
    halts: watch::Sender<u64>,
    second_leaders: AtomicU64,
}

#[derive(Debug, Default)]
struct Cases {
    by_name: HashMap<String, Case>,
    by_uid: HashMap<String, String>,
    by_parent: HashMap<String, String>,
    halted: HashSet<String>,
}

impl Registry {
    /// For an operator whose Records are in this namespace.
    #[must_use]
    pub fn new(operator_namespace: &str) -> Arc<Self> {
        Arc::new(Self {
            operator_namespace: operator_namespace.to_owned(),
            cases: Mutex::default(),
            halts: watch::Sender::new(0),
            second_leaders: AtomicU64::new(0),
        })
    }

    /// Where the Records are.
    #[must_use]
    pub fn operator_namespace(&self) -> &str {
        &self.operator_namespace
    }

    /// A plan with this namespace. Its requests are counted from [`Self::begin`] on.
    pub fn add(&self, namespace: &str) {
        let mut cases = self.cases.lock();
        cases.by_name.insert(namespace.to_owned(), Case::default());
    }

    /// A parent account of a plan, which nobody else has.
    pub fn add_parent(&self, namespace: &str, parent: &str) {
        let mut cases = self.cases.lock();
        cases.by_parent.insert(parent.to_owned(), namespace.to_owned());
    }

    /// From here on writes are counted, and the target is broken once.
    pub fn begin(&self, namespace: &str, target: Option<(Occurrence, Mode)>) {
        self.change(namespace, |case| {
            case.counting = true;
            case.target = target;
        });
    }

    /// Holds the first POST of an account, or its answer.
    #[must_use]
    pub fn interlude(&self, namespace: &str, moment: Moment) -> Interlude {
        let ((heard, arrived), (go_on, released)) = (oneshot::channel(), oneshot::channel());
        self.change(namespace, |case| {
            case.pause = Some(Pause {
                moment,
                arrived: heard,
                go_on: released,
            });
        });
        Interlude { arrived, go_on }
    }

    /// Ends when the API refuses the parent's pair.
    #[must_use]
    pub fn until_turned_away(&self, namespace: &str) -> oneshot::Receiver<()> {
        let (told, turned_away) = oneshot::channel();
        self.change(namespace, |case| case.turned_away = Some(told));
        turned_away
    }

    /// The API refused the parent's pair.
    pub fn turn_away(&self, namespace: &str) {
        self.change(namespace, |case| {
            // Nobody may wait for it.
            let _ = case.turned_away.take().map(|told| told.send(()));
        });
    }

    /// The writes since [`Self::begin`], in the order of their arrival.
    #[must_use]
    pub fn seen(&self, namespace: &str) -> Vec<Occurrence> {
        let cases = self.cases.lock();
        let case = cases.by_name.get(namespace);
        case.map(|case| case.seen.clone()).unwrap_or_default()
    }

    /// When the fault was over, once it is.
    #[must_use]
    pub fn fault(&self, namespace: &str) -> Option<Timestamp> {
        let cases = self.cases.lock();
        let case = cases.by_name.get(namespace)?;
        case.fault.filter(|_| case.under_way == 0)
    }

    /// Whether the fault has begun.
    #[must_use]
    pub fn has_begun(&self, namespace: &str) -> bool {
        let cases = self.cases.lock();
        let case = cases.by_name.get(namespace);
        case.is_some_and(|case| case.fault.is_some())
    }

    /// The process's next look at the object is the target now.
    pub fn await_look(&self, namespace: &str, process: usize, mode: Mode) {
        self.change(namespace, |case| case.at_look = Some((process, mode)));
    }

    /// What is to be done about a look of a process at the object.
    #[must_use]
    pub fn looks(&self, namespace: &str, process: usize) -> Option<Mode> {
        let mut cases = self.cases.lock();
        let case = cases.by_name.get_mut(namespace)?;
        let awaited = case.at_look.take_if(|(awaited, _)| *awaited == process);
        awaited.map(|(_, mode)| mode)
    }

    /// Something that a fault held back is still to come.
    pub fn fault_begins(&self, namespace: &str) {
        self.change(namespace, |case| {
            case.under_way += 1;
            case.fault = Some(Timestamp::now());
        });
    }

    /// The fault is over.
    pub fn fault_ends(&self, namespace: &str) {
        self.change(namespace, |case| {
            case.under_way -= 1;
            case.fault = Some(Timestamp::now());
        });
    }

    /// A request of this plan waits for its answer until [`Awaited::answered`].
    #[must_use]
    pub fn awaits(self: &Arc<Self>, namespace: &str) -> Awaited {
        Awaited {
            registry: Arc::clone(self),
            namespace: Some(namespace.to_owned()),
        }
    }

    /// When operators gave up waiting for an answer: a fault, whether a plan or a busy machine made it.
    #[must_use]
    pub fn given_up(&self, namespace: &str) -> Vec<Timestamp> {
        let cases = self.cases.lock();
        let case = cases.by_name.get(namespace);
        case.map(|case| case.given_up.clone()).unwrap_or_default()
    }

    /// Lets no further request of this plan through until [`Self::resume_all`].
    pub fn halt(&self, namespace: &str) {
        self.cases.lock().halted.insert(namespace.to_owned());
    }

    /// Ends every halt: those who asked are dead.
    pub fn resume_all(&self) {
        self.cases.lock().halted.clear();
        self.halts.send_modify(|round| *round += 1);
    }

    /// Waits while requests of this plan are halted, and says whether they were.
    pub async fn await_resumed(&self, namespace: &str) -> bool {
        let mut halts = self.halts.subscribe();
        let mut halted = false;
        while self.cases.lock().halted.contains(namespace) {
            halted = true;
            if halts.changed().await.is_err() {
                break;
            }
        }
        halted
    }

    /// Whose request this is.
    #[must_use]
    pub fn whose(&self, classified: &Classified) -> Option<String> {
        let mut cases = self.cases.lock();
        if let Some((uid, namespace)) = &classified.record {
            cases.by_uid.insert(uid.clone(), namespace.clone());
        }
        let name = match &classified.about {
            About::Namespace(namespace) => Some(namespace),
            About::Record(uid) => cases.by_uid.get(uid),
            About::Parent(parent) => cases.by_parent.get(parent),
        };
        name.filter(|name| cases.by_name.contains_key(*name)).cloned()
    }

    /// How many writes came from another process than the first: it had taken over.
    #[must_use]
    pub fn writes_by_second_leaders(&self) -> u64 {
        self.second_leaders.load(Ordering::Relaxed)
    }

    /// Counts a write of a plan by a process and says what is to be done about it.
    #[must_use]
    pub fn count(&self, namespace: &str, write: &Write, process: usize) -> Orders {
        if process > 0 {
            self.second_leaders.fetch_add(1, Ordering::Relaxed);
        }
        let mut cases = self.cases.lock();
        let Some(case) = cases.by_name.get_mut(namespace).filter(|case| case.counting) else {
            return Orders::default();
        };
        let count = case.counts.entry(write.clone()).or_default();
        *count += 1;
        let occurrence = Occurrence {
            write: write.clone(),
            ordinal: *count,
        };
        case.seen.push(occurrence.clone());
        let mut orders = Orders::default();
        if write.is_create_at_vobiz() {
            orders.pause = case.pause.take();
        }
        if case.target.as_ref().is_some_and(|(at, _)| *at == occurrence)
            && let Some((_, mode)) = case.target.take()
        {
            orders.fault = Some(mode);
            case.begin_refusing(write, mode);
        } else {
            orders.fault = case.refuses(write);
        }
        orders
    }

    fn change(&self, namespace: &str, change: impl FnOnce(&mut Case)) {
        if let Some(case) = self.cases.lock().by_name.get_mut(namespace) {
            change(case);
        }
    }
}

/// A request whose answer an operator waits for. Dropped before it is answered: the operator has closed the connection.
pub struct Awaited {
    registry: Arc<Registry>,
    namespace: Option<String>,
}

impl Awaited {
    /// The answer is there.
    pub fn answered(mut self) {
        self.namespace = None;
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if let Some(namespace) = &self.namespace {
            self.registry
                .change(namespace, |case| case.given_up.push(Timestamp::now()));
        }
    }
}
