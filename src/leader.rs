//! Leader election: of several replicas, the one that holds a Lease works, the others stand by. I/O: one request each,
//! and the clocks.
//!
//! It is an optimisation: with two active leaders every promise still holds. So nothing waits for a Lease but the
//! beginning of work, and a leader that cannot prove itself any more just ends.

mod claim;
mod leadership;
mod term;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{Api, Client};
use tokio::sync::oneshot;

use crate::LEASE;
use crate::clock::{now, wall_clock};
use crate::controller::cluster::{ClusterError, within};
use crate::controller::heartbeat::Beat;
use crate::controller::refusals::{Refusals, Requester};
use crate::controller::versioned::{Versioned, create_versioned, get_versioned, replace};
use crate::dice::unique;
use crate::metrics::Metrics;

use claim::{Claim, Observer, RETRY_PERIOD, held, holder, released};
pub use leadership::{Leadership, LostLeadership};
pub use term::Term;

/// By which name a refused Lease is kept.
const PART: Requester = Requester::Part("leader election");

/// How long one attempt may take: half the renew deadline, so that a connection that hangs leaves time for a second.
const ATTEMPT: Duration = Duration::from_secs(5);

/// No candidate will ever become the leader.
#[derive(Debug, thiserror::Error)]
#[error(
    "failed to elect a leader: {0}; grant get, create and update of leases in the operator's namespace, as \
     manifests/base/role.yaml does, or run without --leader-elect"
)]
pub struct ElectionError(ClusterError);

/// A candidate.
pub struct Election {
    api: Api<Lease>,
    identity: String,
    metrics: Metrics,
    refusals: Refusals,
    beat: Beat,
}

impl Election {
    /// A candidate under a name of its own: `instance` is the Pod's name, which its next container has too.
    #[must_use]
    pub fn new(
        cluster: Client,
        namespace: &str,
        instance: &str,
        metrics: Metrics,
        refusals: Refusals,
        beat: Beat,
    ) -> Self {
        metrics.set_leader(LEASE, false);
        Self {
            api: Api::namespaced(cluster, namespace),
            identity: format!("{instance}_{}", unique()),
            metrics,
            refusals,
            beat,
        }
    }

    /// Waits until this process is the leader; none if `shutdown` came first.
    pub async fn win(self, shutdown: impl Future<Output = ()>) -> Result<Option<Leadership>, ElectionError> {
        let mut shutdown = pin!(shutdown);
        let mut observer = Observer::default();
        let mut told = String::new();
        loop {
            self.beat.now();
            let attempt = self.attempt(&mut observer).await;
            let is_refused = self.tell(attempt.as_ref().err());
            let (pause, news) = match attempt {
                Ok(Attempt::Won(lease, sent)) => return Ok(Some(self.lead(*lease, sent))),
                Ok(Attempt::Held(by, pause)) => (pause, format!("'{by}' is the leader")),
                // A right is a matter of the installation: nobody is waited for who would give it.
                Err(error) if error.is_forbidden() => return Err(ElectionError(error)),
                Err(error) => (RETRY_PERIOD, error.to_string()),
            };
            if news != told {
                if is_refused {
                    tracing::warn!(reason = news, "the Lease is refused; trying again");
                } else {
                    tracing::info!(reason = news, "standing by");
                }
                told = news;
            }
            // An attempt is never given up half-way: it might have won.
            tokio::select! {
                () = &mut shutdown => return Ok(None),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Tells whether the Lease is refused, until an attempt at it is not: nobody leads meanwhile. A failure of another kind
    /// says nothing about that.
    fn tell(&self, failure: Option<&ClusterError>) -> bool {
        let refusal = failure.and_then(ClusterError::refusal);
        if refusal.is_some() || failure.is_none() {
            self.refusals.set(PART, refusal.as_slice());
        }
        refusal.is_some()
    }

    async fn attempt(&self, observer: &mut Observer) -> Result<Attempt, ClusterError> {
        let read = within(ATTEMPT, get_versioned(&self.api, LEASE)).await?;
        let spec = read.as_ref().and_then(|lease| lease.object().spec.as_ref());
        let by = spec.and_then(holder).unwrap_or("nobody").to_owned();
        // A Lease without a spec is nobody's.
        let nobodys = LeaseSpec::default();
        let claim = observer.judge(
            read.as_ref().map(|_| spec.unwrap_or(&nobodys)),
            &self.identity,
            now(),
        );
        let sent = now();
        let written = match (claim, read) {
            (Claim::Wait(pause), _) => return Ok(Attempt::Held(by, pause)),
            (Claim::Create | Claim::Take, None) => {
                within(ATTEMPT, create_versioned(&self.api, &self.fresh())).await
            }
            (Claim::Create | Claim::Take, Some(lease)) => within(ATTEMPT, self.renew(lease)).await,
        };
        match written {
            Ok(lease) => Ok(Attempt::Won(Box::new(lease), sent)),
            Err(error) if is_beaten(&error) => {
                Ok(Attempt::Held("another candidate".to_owned(), RETRY_PERIOD))
            }
            Err(error) => Err(error),
        }
    }

    /// The Lease of a namespace that had none.
    fn fresh(&self) -> Lease {
        let mut lease = Lease::default();
        lease.metadata.name = Some(LEASE.to_owned());
        lease.spec = Some(held(LeaseSpec::default(), &self.identity, wall_clock()));
        lease
    }

    async fn renew(&self, lease: Versioned<Lease>) -> Result<Versioned<Lease>, ClusterError> {
        let renewed = lease.map(|lease| Lease {
            spec: Some(held(lease.spec.unwrap_or_default(), &self.identity, wall_clock())),
            ..lease
        });
        replace(&self.api, renewed).await
    }

    fn lead(self, lease: Versioned<Lease>, sent: Instant) -> Leadership {
        tracing::info!(identity = self.identity, "leading");
        self.metrics.set_leader(LEASE, true);
        let (release, released) = oneshot::channel();
        let term = Term::begun(sent);
        // In a task of its own: passes that keep one thread busy delay no renewal.
        let keeper = tokio::spawn(self.keep(lease, term.clone(), released));
        Leadership {
            term,
            release,
            keeper,
        }
    }

    /// Renews until the leadership is lost, or is to be released.
    async fn keep(
        self,
        mut lease: Versioned<Lease>,
        term: Term,
        mut release: oneshot::Receiver<()>,
    ) -> Result<(), LostLeadership> {
        let mut failure = None;
        let lost = loop {
            tokio::select! {
                biased;
                asked = &mut release => {
                    // Else the process ends anyway, perhaps in the middle of a pass.
                    if asked.is_ok() {
                        self.release(lease).await;
                    }
                    return Ok(());
                }
                () = tokio::time::sleep(RETRY_PERIOD) => {}
            }
            self.beat.now();
            let Some(left) = term.left(now()) else {
                break late(failure);
            };
            let sent = now();
            let prolonged = within(left.min(ATTEMPT), self.prolong(lease.clone())).await;
            self.tell(prolonged.as_ref().err());
            match prolonged {
                Ok(Prolonged::Renewed(renewed)) => {
                    lease = *renewed;
                    failure = None;
                    if term.left(now()).is_none() || !term.renewed(sent) {
                        break late(failure);
                    }
                }
                Ok(Prolonged::Taken(by)) => break format!("'{by}' took it"),
                Err(error) => {
                    tracing::warn!(%error, "failed to renew the leadership; trying again");
                    failure = Some(error);
                }
            }
        };
        // Whoever acts in it stops here, and not only when this loss is heard of.
        term.end();
        self.metrics.set_leader(LEASE, false);
        Err(LostLeadership(lost))
    }

    /// Renews once. Where the Lease is not as it was last read, it is read again: a renewal whose answer was lost is no
    /// loss, and neither is a Lease that somebody deleted.
    async fn prolong(&self, lease: Versioned<Lease>) -> Result<Prolonged, ClusterError> {
        let written = match self.renew(lease).await {
            Err(error) if is_beaten(&error) => match get_versioned(&self.api, LEASE).await? {
                None => create_versioned(&self.api, &self.fresh()).await,
                Some(other) => {
                    let by = other.object().spec.as_ref().and_then(holder);
                    if by != Some(self.identity.as_str()) {
                        return Ok(Prolonged::Taken(by.unwrap_or("nobody").to_owned()));
                    }
                    self.renew(other).await
                }
            },
            written => written,
        };
        written.map(|lease| Prolonged::Renewed(Box::new(lease)))
    }

    async fn release(&self, lease: Versioned<Lease>) {
        self.metrics.set_leader(LEASE, false);
        let attempt = async {
            let released = |lease: Versioned<Lease>| {
                lease.map(|lease| Lease {
                    spec: lease.spec.map(|spec| released(spec, wall_clock())),
                    ..lease
                })
            };
            match replace(&self.api, released(lease)).await {
                // The answer to the last renewal was lost.
                Err(error) if error.is_conflict() => {
                    let own = get_versioned(&self.api, LEASE).await?.filter(|lease| {
                        let spec = lease.object().spec.as_ref();
                        spec.and_then(holder) == Some(self.identity.as_str())
                    });
                    match own {
                        Some(lease) => replace(&self.api, released(lease)).await.map(drop),
                        None => Ok(()),
                    }
                }
                answer => answer.map(drop),
            }
        };
        match within(ATTEMPT, attempt).await {
            Ok(()) => tracing::info!("released the leadership"),
            Err(error) => {
                tracing::warn!(%error, "failed to release the leadership: others wait until it is over");
            }
        }
    }
}

enum Attempt {
    /// With when the claim was sent.
    Won(Box<Versioned<Lease>>, Instant),
    /// By whom, and the pause before the next look.
    Held(String, Duration),
}

enum Prolonged {
    Renewed(Box<Versioned<Lease>>),
    Taken(String),
}

/// Does `pass` as long as the term lasts. After that nothing of it happens any more: it just stays, until the end of
/// the process, which is near, drops it.
pub async fn in_term<T>(term: Term, pass: impl Future<Output = T>) -> T {
    let mut pass = pin!(pass);
    poll_fn(|context| match term.left(now()) {
        Some(_) => pass.as_mut().poll(context),
        None => Poll::Pending,
    })
    .await
}

/// The term of a process that takes part in no election.
#[must_use]
pub fn endless_term() -> Term {
    Term::endless(now())
}

/// Somebody else wrote the Lease first, or deleted it.
fn is_beaten(error: &ClusterError) -> bool {
    error.is_conflict() || error.is_already_exists() || error.is_not_found()
}

fn late(failure: Option<ClusterError>) -> String {
    let why = failure.map_or_else(|| "the process stood still".to_owned(), |error| error.to_string());
    format!("it was not renewed in time ({why})")
}
