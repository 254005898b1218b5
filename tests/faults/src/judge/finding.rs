//! PURE. What the judge can find.

use jiff::SignedDuration;
use vobiz_harness::simulator_journal::Operation;

use crate::evidence::Marker;

/// A promise that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Accounts that no object and no Record holds.
    Strays(usize),
    /// An object or a kept account without its pair.
    LostPair(String),
    /// A Secret with parts of two accounts, or of somebody else's.
    MixedPair(String),
    /// A bound account was deleted.
    WrongDelete(String),
    /// The finalizer went although something was left, or nobody could know that nothing was.
    EarlyFinalizer(String),
    /// An attempt was sent twice, the first time with effect.
    PostedTwice(Marker),
    /// An account was asked for, for an object that names one which is there already.
    Posted,
    /// An object has an account that is another one's.
    TookAnothers(String),
    /// Two Records hold one account.
    HeldTwice(String),
    /// This was written to Vobiz for an object that only looks, or whose namespace is not allowed.
    Touched(Operation),
    /// More creates than attempts that were written down before.
    TooManyCreates {
        /// Creates.
        creates: usize,
        /// Record writes.
        attempts: usize,
    },
    /// The end is not that of the clean run.
    OtherEnd(String),
    /// It took longer than [`CONVERGENCE`](super::CONVERGENCE).
    Slow(SignedDuration),
    /// More than [`CALLS_PER_MINUTE`](super::CALLS_PER_MINUTE).
    TooManyCalls(usize),
    /// Nobody was told in time that a write is refused, or was told in words that are not to be shown.
    Untold(String),
    /// While a write was refused, requests were sent to the API again and again.
    Repeated {
        /// Of this kind.
        operation: Operation,
        /// So many.
        sent: usize,
        /// In the run without faults so many.
        clean: usize,
    },
    /// While a write was refused, another object's edit took so long.
    Harmed(SignedDuration),
}
