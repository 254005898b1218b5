//! What one pass knows: the whole input of `plan`, as small values that can be copied, compared and enumerated. PURE.
//!
//! A fact starts as 'not looked at' and is filled in by the effect of the step that looks. Secrets, clients and
//! clocks stay outside: what they say enters as a fact.

/// What is known about the Subaccount object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Object {
    /// It lives.
    Live,
    /// It is being deleted.
    Deleting,
    /// Only its Record is left, or the Record is looked after without the object (the janitor's pass).
    Unseen,
}

/// What its annotations ask of the operator.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Directive {
    /// Nothing out of the ordinary.
    Manage,
    /// Hands off, also while it is being deleted.
    Pause,
    /// Let the object go without any proof; means something only while it is being deleted.
    ForceDelete,
}

/// What an earlier object of the same name left behind in a Record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Predecessor {
    /// Nothing, as far as is known.
    Nothing,
    /// A Record without a pair: its attempt may still be under way.
    Open,
    /// A Record with an account and its pair.
    Orphaned,
    /// A Record with an account whose token is lost.
    Tokenless,
    /// A Record with another account than the one that the object's status names.
    Another,
}

/// What the referenced Account allows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Account {
    /// It exists, and this process has not looked at it yet or is still marking it as in use.
    Preparing,
    /// It does not exist, is not usable, its parent is in trouble, or it is not the one recorded.
    Unavailable,
    /// It does not serve the namespace of an object that lives. A deletion goes on as if it did.
    NotAllowed,
    /// It serves updates and deletes, no creates: it is being deleted.
    Closing,
    /// It serves everything.
    Ready,
}

/// What is known about the Record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Record {
    /// Not read; the cache shows none that may be trusted.
    Unread,
    /// A quorum read says there is none.
    Absent,
    /// There is one.
    Present {
        /// Its phase and what goes with it.
        phase: Phase,
        /// Some epoch is void: its account, should it ever appear, is ours to delete.
        fenced: bool,
        /// Read by quorum in this pass, not from the cache.
        quorum: bool,
    },
}

/// The phase of a Record, with what decides about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// No pair yet.
    Open {
        /// This process opened or took over the epoch and knows that nothing was posted under it.
        unspent: bool,
    },
    /// An account is present.
    Bound {
        /// So is its token. It can be missing of an account that was there before its object.
        token: bool,
    },
    /// The account is to be deleted.
    Closed {
        /// An account is known; otherwise only fenced epochs are left.
        account: bool,
    },
    /// Object gone or going, account and pair stay.
    Kept {
        /// The account must be shown to be disabled.
        disable: bool,
    },
}

/// What the quorum re-read of the object said.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Confirmation {
    /// Not asked.
    Unasked,
    /// The object is still what this pass took it for.
    Confirmed,
    /// It is not: the pass ends and writes nothing.
    Refuted,
}

/// What is known about the user's Secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UserSecret {
    /// Not read, and it need not be in this pass.
    NotDue,
    /// Not read.
    Unread,
    /// There is none.
    Absent,
    /// It is ours and says what it should.
    Good,
    /// It is ours and says something else, or nothing that can be compared.
    Different,
    /// Somebody else's.
    Foreign,
    /// It is to be written, and Kubernetes refuses to store it.
    Refused,
    /// Somebody keeps changing it, and it does not hold the pair, or will not for long: it is left for a while.
    Contested,
}

/// What the pair in the user's Secret proves, where it is not the pair in the Record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Evidence {
    /// Not looked at.
    Unread,
    /// The Secret is ours, or has lost its owner, and holds a pair; Vobiz was not asked about it yet.
    Claimed,
    /// The pair works, the parent knows the account, no other Record holds it.
    Proven,
    /// No pair, or one that proves nothing.
    Nothing,
}

/// Whose the account is that the object's status or its spec names, while no Record of this object holds it. A status is no identity by
/// itself: it may have come from a restore.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Claim {
    /// Not looked at.
    Unread,
    /// Nobody else's, as far as Records, other objects' statuses and its marker show.
    Own,
    /// The same, but for intents to have it which give way to this object's: they are taken back once that is seen.
    Contested,
    /// Another Record holds it or is about to, another object's status names it, an attempt of another Record made it, or another
    /// installation marked it.
    Foreign,
    /// Vobiz knows no such account, and the object names one that is to be there already.
    Missing,
}

impl Claim {
    /// Somebody else's, to whoever is not about to have it by an intent of its own.
    #[must_use]
    pub fn is_anothers(self) -> bool {
        matches!(self, Self::Foreign | Self::Contested)
    }
}

/// Whether the object names an account that is there already, instead of having one made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Adoption {
    /// Its spec names none.
    Unasked,
    /// Its spec names one, and nobody who keeps the parent's pair says that it may have it.
    Asked,
    /// Its spec names one, and its Account says that it may have it.
    Granted,
}

impl Adoption {
    /// The spec names an account that is there already.
    #[must_use]
    pub fn is_asked(self) -> bool {
        self != Self::Unasked
    }
}

/// What is known about the bound account at Vobiz.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Remote {
    /// Never seen by this process, and no list was read yet.
    Unknown,
    /// The list does not show it: a hint, no proof.
    Unlisted,
    /// It is as it should be.
    Matches,
    /// It differs in what the user set.
    Differs,
    /// It keeps answering another value than the one that was sent.
    Stubborn,
    /// Its deletion was accepted, and the proof is still to come.
    Deleted,
    /// After its deletion it was still there.
    StillThere,
    /// Vobiz answered 404 for it alone, and a way to single accounts can be lost: no proof before a list that was begun since does
    /// not show it either.
    Missing,
    /// Proved gone: after a deletion that was accepted a 404, or a walk that was begun since and does not show it; or a 404 and a list
    /// that does not show it.
    Gone,
}

/// A pair that a POST of this pass answered and that is in no Record yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Made {
    /// None.
    Nothing,
    /// To be bound.
    Pair,
    /// Its epoch was fenced meanwhile, proved by the Record: to be deleted.
    Fenced,
}

/// How far the fenced epochs of the Record are from being proved absent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fence {
    /// A request that was sent before the fence may still commit.
    Settling,
    /// Settled; no complete walk begun since then is known.
    Unwalked,
    /// A list shows accounts with fenced markers.
    Leftovers,
    /// Settled, walked and clean.
    Clean,
}

/// What the deletion policy comes to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Policy {
    /// The Account that would give the default cannot be read, or is not the one recorded.
    Undecided,
    /// Decided.
    Decided,
}

/// Everything that `plan` looks at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts; each pair of values can occur"
)]
pub struct Facts {
    /// The object itself.
    pub object: Object,
    /// Our finalizer is on it.
    pub finalizer: bool,
    /// Its status names an account.
    pub identity: bool,
    /// Its status says that this generation of the spec is applied.
    pub applied: bool,
    /// Whose the account is that its status names.
    pub claim: Claim,
    /// Whether it names an account that is there already.
    pub adoption: Adoption,
    /// Its account is only looked at: nothing is written to Vobiz for it.
    pub observes: bool,
    /// What its annotations ask for.
    pub directive: Directive,
    /// A person asked for a look at everything, and it was not taken yet.
    pub requested: bool,
    /// It may take over what an earlier object of its name left.
    pub reclaim: bool,
    /// An account whose pair is lost, or that was deleted outside, is made anew.
    pub recreate: bool,
    /// The spec can be applied to the API generation in use.
    pub valid: bool,
    /// Vobiz answered the last creates with something that is no pair: no more until a person looks, or time passes.
    pub unusable: bool,
    /// Pairs are in memory only, for Kubernetes refuses to store their Records: nothing more is created.
    pub pairs_held: bool,
    /// The referenced Account.
    pub account: Account,
    /// The gate's permit for a POST is held.
    pub permit: bool,
    /// The Record.
    pub record: Record,
    /// What a gone object of the same name left.
    pub predecessor: Predecessor,
    /// The quorum re-read of the object.
    pub confirmation: Confirmation,
    /// The API server was seen to remove the object although our finalizer was on it: the deletion had begun before.
    pub overtaken: bool,
    /// The Record was looked up again after the object was confirmed.
    pub looked_again: bool,
    /// More than the guard time has passed since the Record was read or written.
    pub guard_expired: bool,
    /// The user's Secret.
    pub secret: UserSecret,
    /// What that Secret proves.
    pub evidence: Evidence,
    /// The API shows the parent its accounts' tokens, and was not asked for this one yet.
    pub token_shown: bool,
    /// A Secret of an earlier `secretRef` may still be there.
    pub former_secret: bool,
    /// Kubernetes refused a write that holds nothing else up.
    pub write_refused: bool,
    /// The bound account at Vobiz.
    pub remote: Remote,
    /// Many deletions of the parent wait for their proof: one walk of its list is to serve them all.
    pub shared: bool,
    /// A pair that is in no Record yet.
    pub made: Made,
    /// The fenced epochs.
    pub fence: Fence,
    /// The deletion policy.
    pub policy: Policy,
    /// Retention is over, so that a clean walk allows the Record to go.
    pub retention_over: bool,
    /// No Account of the recorded parent is left in the cluster.
    pub parent_abandoned: bool,
}

impl Facts {
    /// What a pass knows before it has looked at anything: nothing that would let it act.
    #[must_use]
    pub fn unknown(object: Object) -> Self {
        Self {
            object,
            finalizer: false,
            identity: false,
            claim: Claim::Unread,
            applied: false,
            adoption: Adoption::Unasked,
            observes: false,
            directive: Directive::Manage,
            requested: false,
            reclaim: false,
            recreate: false,
            valid: true,
            unusable: false,
            pairs_held: false,
            account: Account::Unavailable,
            permit: false,
            record: Record::Unread,
            predecessor: Predecessor::Nothing,
            confirmation: Confirmation::Unasked,
            overtaken: false,
            looked_again: false,
            guard_expired: false,
            secret: UserSecret::Unread,
            evidence: Evidence::Unread,
            token_shown: false,
            former_secret: false,
            write_refused: false,
            remote: Remote::Unknown,
            shared: false,
            made: Made::Nothing,
            fence: Fence::Settling,
            policy: Policy::Undecided,
            retention_over: false,
            parent_abandoned: false,
        }
    }

    /// Takes over that a quorum read showed no Record. What was found out while one was believed says nothing any more: the
    /// user's Secret was compared with its pair, and may now be all that names the account.
    pub fn take_no_record(&mut self) {
        if self.record != Record::Absent {
            self.remote = Remote::Unknown;
            self.secret = UserSecret::Unread;
            self.evidence = Evidence::Unread;
        }
        self.record = Record::Absent;
    }

    /// Takes over what a read or a write of the Record showed. If it names another account than the one that this pass knew
    /// before, what was found out about that one says nothing about this one.
    pub fn take_record(&mut self, record: Record, same_account: bool) {
        self.record = record;
        if !same_account {
            self.remote = Remote::Unknown;
            self.secret = UserSecret::Unread;
            self.evidence = Evidence::Unread;
        }
    }
}
