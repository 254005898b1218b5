//! PURE. What a user does while the fault happens.

/// A generation of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// `Account/.../Subaccount/`.
    Gen1,
    /// `accounts/.../sub-accounts/`.
    Gen2,
}

impl Generation {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Gen1, Self::Gen2];

    /// The name in a plan.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gen1 => "gen1",
            Self::Gen2 => "gen2",
        }
    }

    /// The word in an Account's `spec.apiGeneration`.
    #[must_use]
    pub fn choice(self) -> &'static str {
        match self {
            Self::Gen1 => "Gen1",
            Self::Gen2 => "Gen2",
        }
    }
}

/// `deletion.policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// The account goes.
    Delete,
    /// It is disabled and stays.
    Disable,
    /// It stays as it is.
    Retain,
}

impl Policy {
    /// The word in a Subaccount.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Delete => "Delete",
            Self::Disable => "Disable",
            Self::Retain => "Retain",
        }
    }
}

/// How an object is to come to its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is made for it.
    Made,
    /// It names one that is there already, and is to have that.
    Adopted,
    /// It names one that is somebody else's, and is never to have it.
    Refused,
}

/// What happens to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Workload {
    /// It is created.
    Create,
    /// Its spec is edited.
    Edit,
    /// It is deleted under a policy.
    Delete(Policy),
    /// It is deleted while its account is being created.
    DeleteDuringCreate,
    /// It is deleted, and one of the same name follows at once.
    Recreate,
    /// The user's Secret is deleted.
    SecretDeleted,
    /// The whole namespace is deleted.
    NamespaceDeleted,
    /// The parent gets another token while the spec is edited.
    CredentialsRotated,
    /// It is deleted with its Account, beside others: one of them shares the Account's Secret.
    DeletedWithItsAccount,
    /// The whole namespace is deleted, others and their Accounts with it.
    SharedNamespaceDeleted,
    /// It adopts an account that was made by hand, by a Secret with the working pair.
    Adopt,
    /// It adopts one by its Account's word; where the API shows no token, the pair follows once it is asked for.
    AdoptGranted,
    /// While its account is being made, another object names that very account.
    AdoptBesideCreate,
    /// Two objects adopt one account at the same moment; then both are deleted.
    AdoptTwice,
    /// It looks at an account only, then it is to keep it.
    ObserveToFull,
    /// Its `ClusterAccount` no longer allows the namespace; it is edited, another object is deleted, and the namespace is allowed again.
    NamespaceDisallowed,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Create,
        Self::Edit,
        Self::Delete(Policy::Delete),
        Self::Delete(Policy::Disable),
        Self::Delete(Policy::Retain),
        Self::DeleteDuringCreate,
        Self::Recreate,
        Self::SecretDeleted,
        Self::NamespaceDeleted,
        Self::CredentialsRotated,
        Self::DeletedWithItsAccount,
        Self::SharedNamespaceDeleted,
        Self::Adopt,
        Self::AdoptGranted,
        Self::AdoptBesideCreate,
        Self::AdoptTwice,
        Self::ObserveToFull,
        Self::NamespaceDisallowed,
    ];

    /// The name in a plan.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Edit => "edit",
            Self::Delete(Policy::Delete) => "delete",
            Self::Delete(Policy::Disable) => "delete-disable",
            Self::Delete(Policy::Retain) => "delete-retain",
            Self::DeleteDuringCreate => "delete-during-create",
            Self::Recreate => "recreate",
            Self::SecretDeleted => "secret-deleted",
            Self::NamespaceDeleted => "namespace-deleted",
            Self::CredentialsRotated => "credentials-rotated",
            Self::DeletedWithItsAccount => "deleted-with-its-account",
            Self::SharedNamespaceDeleted => "shared-namespace-deleted",
            Self::Adopt => "adopt",
            Self::AdoptGranted => "adopt-granted",
            Self::AdoptBesideCreate => "adopt-beside-create",
            Self::AdoptTwice => "adopt-twice",
            Self::ObserveToFull => "observe-to-full",
            Self::NamespaceDisallowed => "namespace-disallowed",
        }
    }

    /// The generations of the API on which it happens: one where nothing that it is about differs.
    #[must_use]
    pub fn generations(self) -> &'static [Generation] {
        match self {
            // A grant is enough where the API shows the token.
            Self::AdoptTwice => &[Generation::Gen1],
            Self::ObserveToFull | Self::NamespaceDisallowed => &[Generation::Gen2],
            _ => &Generation::ALL,
        }
    }

    /// Whether it is broken in one way of each sort only, and not at its events nor where its Account is marked: the rest is seen where
    /// an account is made.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.adopts() || matches!(self, Self::AdoptBesideCreate | Self::NamespaceDisallowed)
    }

    /// Whether its object names an account that was made by hand.
    #[must_use]
    pub fn adopts(self) -> bool {
        matches!(
            self,
            Self::Adopt | Self::AdoptGranted | Self::AdoptTwice | Self::ObserveToFull
        )
    }

    /// How its object is to come to its account.
    #[must_use]
    pub fn claim(self) -> Claim {
        if self.adopts() {
            Claim::Adopted
        } else {
            Claim::Made
        }
    }

    /// The policy of its object. One that adopts says none, and what was there before stays.
    #[must_use]
    pub fn policy(self) -> Policy {
        match self {
            Self::Delete(policy) => policy,
            _ if self.adopts() => Policy::Retain,
            _ => Policy::Delete,
        }
    }

    /// Which update of a Record writes the pair of the account that was just made.
    #[must_use]
    pub fn bind(self) -> Option<u32> {
        match self {
            Self::Create | Self::DeleteDuringCreate | Self::AdoptBesideCreate => Some(1),
            // The first one closes the Record of the object before.
            Self::Recreate => Some(2),
            _ => None,
        }
    }

    /// Whether an object is there in the end.
    #[must_use]
    pub fn leaves_an_object(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Edit
                | Self::Recreate
                | Self::SecretDeleted
                | Self::CredentialsRotated
                | Self::Adopt
                | Self::AdoptGranted
                | Self::AdoptBesideCreate
                | Self::ObserveToFull
                | Self::NamespaceDisallowed
        )
    }

    /// Whether its object is there, and Ready, before it begins.
    #[must_use]
    pub fn begins_with_an_object(self) -> bool {
        let makes_one = matches!(
            self,
            Self::Create | Self::DeleteDuringCreate | Self::AdoptBesideCreate
        );
        !makes_one && !self.adopts()
    }

    /// Whether others with Accounts of their own are there beside the object.
    #[must_use]
    pub fn is_in_company(self) -> bool {
        matches!(self, Self::DeletedWithItsAccount | Self::SharedNamespaceDeleted)
    }

    /// Whether the namespace is there in the end.
    #[must_use]
    pub fn leaves_the_namespace(self) -> bool {
        !matches!(self, Self::NamespaceDeleted | Self::SharedNamespaceDeleted)
    }

    /// Whether the credentials Secret is in use in the end.
    #[must_use]
    pub fn leaves_the_credentials_in_use(self) -> bool {
        self.leaves_an_object() || self == Self::DeletedWithItsAccount
    }

    /// How many accounts are there in the end.
    #[must_use]
    pub fn accounts_left(self) -> usize {
        usize::from(self.leaves_an_object() || self.policy() != Policy::Delete)
    }
}
