//! An Account as the caller sees it, and the way to its parent account. I/O.

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{Api, ResourceExt as _};

use super::Seen;
use super::parent::Parent;
use crate::account::generation::{Choice, recorded};
use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::account::pair::credentials;
use crate::account::places::Places;
use crate::account::tell::trouble::AccountTrouble;
use crate::controller::versioned::{Versioned, get_versioned};
use crate::crd::condition::{ConditionStatus, ConditionType, Reason, find};
use crate::kubectl::failure::Failure;
use crate::kubectl::session::Session;
use crate::vobiz::{Client, Generation, ParentAuthId, ParentCredentials};
use vobiz_protocol::facts::Account as AccountFact;

/// An Account as the caller sees it.
pub struct Account {
    /// Which one.
    pub key: AccountKey,
    /// As it is stored, or will be; none if there is none.
    pub object: Seen<Option<AccountObject>>,
    /// The way to its parent account, or why there is none.
    pub parent: Seen<Parent>,
}

impl Account {
    /// Looks at it. `planned`: as manifests will make it.
    pub async fn look(
        session: &Session,
        key: &AccountKey,
        planned: Option<AccountObject>,
    ) -> Result<Self, Failure> {
        let what = format!("{} {key}", key.kind().as_str());
        let api = places(session).accounts(key);
        let stored = get_versioned(&api, key.name()).await;
        let stored = Seen::of(&what, stored.map(|stored| stored.map(Versioned::into_object)))?;
        let object = match (planned, stored) {
            (Some(mut planned), Seen::Shown(Some(stored))) => {
                // Manifests say nothing of these.
                planned.status.clone_from(&stored.status);
                planned.metadata.deletion_timestamp = stored.metadata.deletion_timestamp;
                Seen::Shown(Some(planned))
            }
            (Some(planned), _) => Seen::Shown(Some(planned)),
            (None, stored) => stored,
        };
        let parent = match object.shown() {
            Some(Some(account)) => connect(session, key, account).await?,
            _ => Seen::Hidden(format!("{what}: it is not there")),
        };
        Ok(Self {
            key: key.clone(),
            object,
            parent,
        })
    }

    /// One that was read already.
    pub async fn of(session: &Session, key: &AccountKey, stored: AccountObject) -> Result<Self, Failure> {
        let parent = connect(session, key, &stored).await?;
        Ok(Self {
            key: key.clone(),
            object: Seen::Shown(Some(stored)),
            parent,
        })
    }

    /// As it is stored, or will be.
    #[must_use]
    pub fn stored(&self) -> Option<&AccountObject> {
        self.object.shown()?.as_ref()
    }

    /// The id of its parent account, as Vobiz or its status tells.
    #[must_use]
    pub fn parent_id(&self) -> Option<ParentAuthId> {
        if let Some(parent) = self.parent.shown() {
            return Some(parent.id().clone());
        }
        ParentAuthId::parse(self.stored()?.status.as_ref()?.auth_id.as_deref()?).ok()
    }

    /// The generation of the API that it uses, as far as that is known.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        if let Some(parent) = self.parent.shown() {
            return Some(parent.generation);
        }
        let account = self.stored()?;
        let told = || account.status.as_ref()?.api_generation.map(recorded);
        Choice::of(account).first().or_else(told)
    }

    /// What it allows a Subaccount of the namespace, by the operator's word where there is one. `labels`: those of the namespace.
    #[must_use]
    pub fn fact(&self, namespace: &str, labels: Option<&Namespace>, is_bound: bool) -> AccountFact {
        let Some(account) = self.stored() else {
            return AccountFact::Unavailable;
        };
        let labels = labels.map(|namespace| namespace.labels().clone());
        if account.allows(namespace, || labels) == Some(false) {
            return AccountFact::NotAllowed;
        }
        if account.metadata.deletion_timestamp.is_some() {
            return AccountFact::Closing;
        }
        let told = account.status.as_ref().map(|status| status.conditions.as_slice());
        match told.and_then(|told| find(told, ConditionType::Ready)) {
            // No operator has looked at it: it is as good as its pair, which was just tried or is taken on trust.
            None => AccountFact::Ready,
            Some(ready) if ready.status == ConditionStatus::True.as_str() => AccountFact::Ready,
            // What these hold back is creates, and while a mass deletion is suspected deletions.
            Some(ready) => match Reason::parse(&ready.reason) {
                Some(Reason::InsufficientBalance | Reason::WriteRefused) => AccountFact::Closing,
                Some(Reason::MassDeletionSuspected) if is_bound => AccountFact::Closing,
                _ => AccountFact::Unavailable,
            },
        }
    }

    /// Why it is not ready, in the words of the operator.
    #[must_use]
    pub fn trouble(&self) -> Option<Reason> {
        let status = self.stored()?.status.as_ref()?;
        let ready = find(&status.conditions, ConditionType::Ready)?;
        Reason::parse(&ready.reason).filter(|_| ready.status != ConditionStatus::True.as_str())
    }
}

fn places(session: &Session) -> Places {
    Places {
        cluster: session.cluster.clone(),
        operator_namespace: session.operator_namespace.clone(),
    }
}

/// The way to the parent account, by the pair of the flags or of the credentials Secret.
async fn connect(
    session: &Session,
    key: &AccountKey,
    account: &AccountObject,
) -> Result<Seen<Parent>, Failure> {
    let Some(transport) = &session.transport else {
        return Ok(Seen::Hidden("Vobiz: it is not asked (--offline)".to_owned()));
    };
    let pair = match &session.pair {
        Some(pair) => pair.clone(),
        None => match read_pair(session, key, account).await? {
            Seen::Shown(pair) => pair,
            Seen::Hidden(why) => return Ok(Seen::Hidden(why)),
        },
    };
    let client = Client::new(transport, pair);
    let choice = Choice::of(account);
    let generation = match choice.first() {
        Some(generation) => generation,
        None => find_generation(&client, key, choice).await?,
    };
    Ok(Seen::Shown(Parent::new(client, generation)))
}

async fn read_pair(
    session: &Session,
    key: &AccountKey,
    account: &AccountObject,
) -> Result<Seen<ParentCredentials>, Failure> {
    Ok(match pair(session, key, account).await? {
        Seen::Shown(Ok(pair)) => Seen::Shown(pair),
        Seen::Shown(Err(trouble)) => Seen::Hidden(trouble.row().message),
        Seen::Hidden(why) => Seen::Hidden(why),
    })
}

/// The pair that its credentials Secret holds, or what is wrong with that.
pub async fn pair(
    session: &Session,
    key: &AccountKey,
    account: &AccountObject,
) -> Result<Seen<Result<ParentCredentials, AccountTrouble>>, Failure> {
    let secrets: Api<Secret> = places(session).secrets(key);
    let name = &account.spec.credentials_secret_ref.name;
    let what = format!("credentials Secret {name} of the {} {key}", key.kind().as_str());
    let read = get_versioned(&secrets, name).await;
    let pair =
        |secret: Option<Versioned<Secret>>| credentials(account, secret.as_ref().map(Versioned::object));
    Seen::of(&what, read.map(pair))
}

/// Whose list answers, where nothing was found out yet.
async fn find_generation(client: &Client, key: &AccountKey, choice: Choice) -> Result<Generation, Failure> {
    let object = || format!("{} {key}", key.kind().as_str());
    client
        .me()
        .await
        .map_err(|error| Failure::of_vobiz(object(), &error))?;
    let mut served = None;
    for generation in choice.asked() {
        match client.list(generation, 0).await {
            Ok(_) => {
                served = Some(generation);
                break;
            }
            Err(error) if error.says_wrong_path() => {}
            Err(error) => return Err(Failure::of_vobiz(object(), &error)),
        }
    }
    choice
        .decide(served, false)
        .map_err(|trouble| Failure::new(object(), trouble.row().message, "correct that first"))
}
