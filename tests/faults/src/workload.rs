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
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 12] = [
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
        }
    }

    /// The policy of its object.
    #[must_use]
    pub fn policy(self) -> Policy {
        match self {
            Self::Delete(policy) => policy,
            _ => Policy::Delete,
        }
    }

    /// Which update of a Record writes the pair of the account that was just made.
    #[must_use]
    pub fn bind(self) -> Option<u32> {
        match self {
            Self::Create | Self::DeleteDuringCreate => Some(1),
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
            Self::Create | Self::Edit | Self::Recreate | Self::SecretDeleted | Self::CredentialsRotated
        )
    }

    /// Whether others are there beside the object.
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
