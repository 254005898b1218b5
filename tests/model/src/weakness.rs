//! One rule of the protocol dropped at a time: each of these must be caught, or the model proves nothing. PURE.

/// A rule that is not followed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Weakness {
    /// The object is not read again after its Record exists.
    NoConfirmation,
    /// A takeover posts under the epoch that it found.
    TakeoverKeepsEpoch,
    /// An account is deleted before its Record is closed.
    DeleteBeforeClose,
    /// After a bind that failed the account is deleted without a look.
    CompensateUnread,
    /// Every account of the series is taken for a leftover.
    DeleteAnyEpoch,
    /// Requests under way are not waited for.
    NoSettle,
    /// The tombstone goes at once.
    NoRetention,
    /// 'There is no Record' is believed of a cache.
    CachedAbsence,
    /// 'The object is gone' is believed of a cache.
    CachedGone,
    /// A look at the object that fails closes the Record.
    RefutedCloses,
    /// The finalizer is removed by name alone.
    FinalizerWithoutUid,
    /// The janitor decides the policy anew.
    PolicyDecidedTwice,
    /// A status that names an account does not stop a create.
    IdentityIgnored,
    /// A lost Record is rebuilt as bound at once.
    RebuildWithoutLook,
    /// A lost Record is opened under the epoch of the account that it had.
    RebuildUnderOwnEpoch,
    /// On delete the status is acted on without a Record.
    NoTombstone,
    /// On delete the status is believed of a cache.
    CachedIdentity,
    /// A Record that is gone is taken for a fence.
    LostIsFenced,
    /// The user's Secret is no evidence.
    NoEvidence,
    /// An epoch is remembered although its Record changed.
    UnspentOutlivesRecord,
    /// An epoch is remembered after an unknown outcome.
    UnspentAfterUnknown,
    /// A takeover does not wait for what an earlier one fenced.
    ImpatientTakeover,
    /// A create does not look for what an earlier object left.
    PredecessorIgnored,
    /// A Record is written without regard to what it says by now.
    SwapWithoutVersion,
    /// On delete the Record is not looked for again after the object was read.
    NoSecondLook,
    /// An account is made anew while the old one lives.
    ReopenBeforeGone,
    /// The account that a status names is taken for the object's own, whoever's Record holds it.
    StatusTrusted,
    /// What an earlier object left is not looked at where the status names an account.
    NamedPredecessorIgnored,
    /// An account with a fenced marker is a leftover although a status names it.
    NamedLeftover,
    /// A pair that could not be written is forgotten when its pass ends.
    HeldForgotten,
    /// An earlier namespace of the same name is taken for this one.
    NamespaceByName,
    /// An object takes over what another one left than the account that its status names.
    ReclaimOfAnother,
    /// An account is made anew for an old status beside what the name has since.
    AnewBesideAnother,
    /// What the user's Secret said beside a Record is believed after that Record turned out to be gone.
    SecretOfLostRecord,
    /// Whose the account is that a status names is believed of a cache while the object goes.
    CachedClaim,
    /// What was seen of a fence is remembered of the object, not of the Record.
    FenceOfObject,
    /// A 404 for the account alone is taken for a proof that it is gone.
    ItemAlone,
    /// A deletion that was accepted is taken for carried out.
    AcceptedAlone,
    /// A walk that was begun before a deletion was accepted is believed of it.
    EarlierWalk,
    /// A takeover names the generation of its own attempt alone.
    EarlierGenerationForgotten,
    /// A list of any generation counts as a proof for all attempts.
    AnyWalk,
    /// An unspent epoch is posted under a newer generation than its Record names.
    UnspentElsewhere,
    /// An account is looked for under the parent that the Account has now.
    AnyParent,
    /// An object that names an account which is there already has one made.
    AdoptionPosted,
    /// Who else holds an account is looked at before the intent to have it, and not after it.
    LookBeforeIntent,
    /// Who else holds it is believed of a cache.
    AdoptedByCache,
    /// Whose attempt made it is not looked at.
    MarkerIgnored,
    /// The object is not read again before it has it.
    AdoptedUnconfirmed,
    /// A pair is believed without asking Vobiz.
    PairUntried,
    /// That an account is to be kept, and not only looked at, is believed of a cache.
    ObservedByCache,
    /// An account that was there before is deleted by the Account's default.
    AdoptedByDefault,
    /// Whether the Account allows the namespace is not asked.
    BarIgnored,
    /// Of two intents to have one account each is to give way to the other.
    NobodyFirst,
    /// What an object had that went past our finalizer is kept, as if the finalizer had been taken off.
    OvertakenKept,
}

impl Weakness {
    /// Every one of them.
    pub const ALL: [Self; 54] = [
        Self::NoConfirmation,
        Self::TakeoverKeepsEpoch,
        Self::DeleteBeforeClose,
        Self::CompensateUnread,
        Self::DeleteAnyEpoch,
        Self::NoSettle,
        Self::NoRetention,
        Self::CachedAbsence,
        Self::CachedGone,
        Self::RefutedCloses,
        Self::FinalizerWithoutUid,
        Self::PolicyDecidedTwice,
        Self::IdentityIgnored,
        Self::RebuildWithoutLook,
        Self::RebuildUnderOwnEpoch,
        Self::NoTombstone,
        Self::CachedIdentity,
        Self::LostIsFenced,
        Self::NoEvidence,
        Self::UnspentOutlivesRecord,
        Self::UnspentAfterUnknown,
        Self::ImpatientTakeover,
        Self::PredecessorIgnored,
        Self::SwapWithoutVersion,
        Self::NoSecondLook,
        Self::ReopenBeforeGone,
        Self::StatusTrusted,
        Self::NamedPredecessorIgnored,
        Self::NamedLeftover,
        Self::HeldForgotten,
        Self::NamespaceByName,
        Self::ReclaimOfAnother,
        Self::AnewBesideAnother,
        Self::SecretOfLostRecord,
        Self::CachedClaim,
        Self::FenceOfObject,
        Self::ItemAlone,
        Self::AcceptedAlone,
        Self::EarlierWalk,
        Self::EarlierGenerationForgotten,
        Self::AnyWalk,
        Self::UnspentElsewhere,
        Self::AnyParent,
        Self::AdoptionPosted,
        Self::LookBeforeIntent,
        Self::AdoptedByCache,
        Self::MarkerIgnored,
        Self::AdoptedUnconfirmed,
        Self::PairUntried,
        Self::ObservedByCache,
        Self::AdoptedByDefault,
        Self::BarIgnored,
        Self::NobodyFirst,
        Self::OvertakenKept,
    ];
}
