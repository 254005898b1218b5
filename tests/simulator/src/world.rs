//! PURE. The one state behind both generations: parents, their subaccounts, what hangs on them.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::{Account, Kyc, TEXTS};
use crate::mint::Minted;
use crate::settings::{ItemPath, ListOrder, Settings};

/// A parent account.
#[derive(Clone, Debug, Serialize)]
pub struct Parent {
    /// `MA_...`.
    pub auth_id: String,
    /// Its current token.
    pub token: String,
    /// Numeric id.
    pub id: u64,
    /// Shown by `auth/me`.
    pub name: String,
    /// False: every call is answered 403 `ACCOUNT_INACTIVE`.
    pub enabled: bool,
    #[serde(skip)]
    accounts: BTreeMap<u64, Account>,
}

/// What kinds of things can be attached to a subaccount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A voice application.
    Application,
    /// A SIP endpoint.
    Endpoint,
    /// A phone number.
    Number,
}

/// An application, endpoint or number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// Its name or number.
    pub name: String,
    /// The parent that pays for it.
    pub parent: String,
    /// The subaccount it is attached to; none: the parent itself.
    pub account: Option<String>,
}

/// An account that is gone.
#[derive(Clone, Debug, Serialize)]
pub struct Deleted {
    /// When it went.
    #[serde(rename = "deleted_at")]
    pub at: Timestamp,
    /// Whether cascade was asked for.
    pub cascade: bool,
    /// What it was.
    #[serde(flatten)]
    pub account: Account,
}

/// Everything the simulator knows.
#[derive(Debug, Default)]
pub struct World {
    /// By `auth_id`.
    pub parents: BTreeMap<String, Parent>,
    /// In order of deletion.
    pub deleted: Vec<Deleted>,
    /// Attached things of all parents.
    pub resources: Vec<Resource>,
    /// Every secret that was ever issued, for tests that look for leaks.
    pub issued: Vec<String>,
    owners: HashMap<String, (String, u64)>,
    sequence: u64,
}

/// Who a pair belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A parent, by `auth_id`.
    Parent(String),
    /// A subaccount, by `auth_id`.
    Account(String),
}

/// One page: the items' printable form is the caller's.
#[derive(Debug)]
pub struct Page<'a> {
    /// Items of this page.
    pub items: Vec<&'a Account>,
    /// Items on all pages.
    pub total: usize,
}

impl World {
    /// Adds a parent, or replaces the token of one that exists.
    pub fn put_parent(&mut self, auth_id: &str, token: &str) {
        self.issued.push(token.to_owned());
        let id = 500_001 + self.parents.len() as u64;
        self.parents
            .entry(auth_id.to_owned())
            .and_modify(|parent| token.clone_into(&mut parent.token))
            .or_insert_with(|| Parent {
                auth_id: auth_id.to_owned(),
                token: token.to_owned(),
                id,
                name: format!("Parent {auth_id}"),
                enabled: true,
                accounts: BTreeMap::new(),
            });
    }

    /// Finds whom a pair belongs to, disabled or not.
    #[must_use]
    pub fn authenticate(&self, auth_id: &str, token: &str) -> Option<Caller> {
        if let Some(parent) = self.parents.get(auth_id) {
            return (parent.token == token).then(|| Caller::Parent(auth_id.to_owned()));
        }
        self.account(auth_id)
            .filter(|account| account.auth_token == token)
            .map(|_| Caller::Account(auth_id.to_owned()))
    }

    /// A new account of `parent` with every default; none when there is no such parent.
    pub fn create(&mut self, parent: &str, minted: &Minted) -> Option<&mut Account> {
        let parent = self.parents.get_mut(parent)?;
        self.sequence += 1;
        self.issued.push(minted.auth_token.clone());
        self.owners
            .insert(minted.auth_id.clone(), (parent.auth_id.clone(), self.sequence));
        let account = Account {
            auth_id: minted.auth_id.clone(),
            auth_token: minted.auth_token.clone(),
            id: minted
                .id
                .clone()
                .unwrap_or_else(|| (900_000 + self.sequence).to_string()),
            parent_auth_id: parent.auth_id.clone(),
            parent_id: parent.id,
            api_id: minted.api_id.clone(),
            name: String::new(),
            email: None,
            texts: TEXTS.map(|name| (name.to_owned(), None)).into(),
            permissions: None,
            rate_limit: 1000,
            enabled: true,
            kyc_mode: "personal_use".to_owned(),
            business_type: None,
            kyc: Kyc::not_started(false),
            created_at: minted.now,
            updated_at: minted.now,
            last_used: None,
            cool_off_until: None,
            by_hand: false,
        };
        Some(parent.accounts.entry(self.sequence).or_insert(account))
    }

    /// One live account.
    #[must_use]
    pub fn account(&self, id: &str) -> Option<&Account> {
        let (parent, sequence) = self.owners.get(id)?;
        self.parents.get(parent)?.accounts.get(sequence)
    }

    /// One live account, to change.
    pub fn account_mut(&mut self, id: &str) -> Option<&mut Account> {
        let (parent, sequence) = self.owners.get(id)?;
        self.parents.get_mut(parent)?.accounts.get_mut(sequence)
    }

    /// The `auth_id` of the account, live or deleted, that this segment of an item's path names.
    #[must_use]
    pub fn named_by(&self, segment: &str, item_path: ItemPath) -> Option<String> {
        match item_path {
            ItemPath::AuthId => Some(segment.to_owned()),
            ItemPath::Id => {
                let deleted = self.deleted.iter().map(|gone| &gone.account);
                self.accounts(None)
                    .chain(deleted)
                    .find(|account| account.id == segment)
                    .map(|account| account.auth_id.clone())
            }
        }
    }

    /// The name of an account, live or deleted.
    #[must_use]
    pub fn name_of(&self, id: &str) -> Option<&str> {
        self.account(id).map(|account| account.name.as_str()).or_else(|| {
            self.deleted
                .iter()
                .rev()
                .find(|gone| gone.account.auth_id == id)
                .map(|gone| gone.account.name.as_str())
        })
    }

    /// Deletes for good: with `cascade` its things go too, without they are the parent's again.
    pub fn delete(&mut self, id: &str, cascade: bool, now: Timestamp) -> bool {
        let Some((parent, sequence)) = self.owners.remove(id) else {
            return false;
        };
        let Some(account) = self
            .parents
            .get_mut(&parent)
            .and_then(|parent| parent.accounts.remove(&sequence))
        else {
            return false;
        };
        if cascade {
            self.resources
                .retain(|resource| resource.account.as_deref() != Some(id));
        } else {
            for resource in &mut self.resources {
                resource.account.take_if(|owner| owner == id);
            }
        }
        self.deleted.push(Deleted {
            at: now,
            cascade,
            account,
        });
        true
    }

    /// All live accounts of a parent (of all parents when none is named), oldest first.
    pub fn accounts<'a>(&'a self, parent: Option<&'a str>) -> impl Iterator<Item = &'a Account> {
        self.parents
            .values()
            .filter(move |candidate| parent.is_none_or(|wanted| wanted == candidate.auth_id))
            .flat_map(|parent| parent.accounts.values())
    }

    /// `count` accounts from `offset` in list order. Pages are cut anew at each request, so they shift.
    #[must_use]
    pub fn page(
        &self,
        parent: &str,
        offset: usize,
        count: usize,
        active_only: bool,
        settings: &Settings,
        now: Timestamp,
    ) -> Page<'_> {
        let Some(parent) = self.parents.get(parent) else {
            return Page {
                items: Vec::new(),
                total: 0,
            };
        };
        let lag = SignedDuration::from_millis(i64::try_from(settings.list_lag_ms).unwrap_or(i64::MAX));
        let all = settings.list_lag_ms == 0 && !active_only;
        let listed = |account: &&Account| {
            all || ((!active_only || account.enabled) && now.duration_since(account.created_at) >= lag)
        };
        let total = if all {
            parent.accounts.len()
        } else {
            parent.accounts.values().filter(listed).count()
        };
        let items = match settings.list_order {
            ListOrder::NewestFirst => parent
                .accounts
                .values()
                .rev()
                .filter(listed)
                .skip(offset)
                .take(count)
                .collect(),
            ListOrder::OldestFirst => parent
                .accounts
                .values()
                .filter(listed)
                .skip(offset)
                .take(count)
                .collect(),
        };
        Page { items, total }
    }
}
