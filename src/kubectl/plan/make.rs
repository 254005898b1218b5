//! Makes a plan: reads what is stored, tries what manifests make of it, and rehearses the pass of each object that it concerns. I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::account;
use super::effect::{self, Effect};
use super::manifests::Manifests;
use super::prospect::{Because, Prospect};
use super::rehearsal::{Case, rehearse};
use super::summary::Plan;
use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::controller::lenient::Guarded;
use crate::controller::wake::ObjectKey;
use crate::crd::Subaccount;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::PlanFlags;
use crate::kubectl::session::Session;
use crate::kubectl::sight::Seen;
use crate::kubectl::sight::objects::{self, Kind, ObjectId};
use crate::kubectl::sight::sights::Sights;
use crate::kubectl::validation::Definitions;
use crate::subaccount::tell::rows::UNREADABLE;

/// Up to so many objects are read one by one, and so are their accounts; more of them by the list.
const FEW: usize = 10;

/// A plan under way.
struct Making<'a> {
    session: &'a Session,
    definitions: &'a Definitions,
    sights: Sights<'a>,
    prospects: Vec<Prospect>,
    cases: Vec<(Case, Vec<String>)>,
    /// Accounts whose Subaccounts may come to look otherwise.
    moved: HashSet<AccountKey>,
}

/// What applying the manifests would do, and pruning what is in none of them.
pub async fn plan(
    session: &Session,
    flags: &PlanFlags,
    manifests: &Manifests,
    definitions: &Definitions,
) -> Result<Plan, Failure> {
    let mut making = Making {
        session,
        definitions,
        sights: Sights::new(session),
        prospects: Vec::new(),
        cases: Vec::new(),
        moved: HashSet::new(),
    };
    let stored = making.stored(manifests).await?;
    // Accounts first: what Subaccounts come to depends on them.
    let (accounts, subaccounts): (Vec<_>, Vec<_>) = manifests
        .objects
        .iter()
        .partition(|(id, _)| id.kind != Kind::Subaccount);
    for (id, manifest) in accounts.into_iter().chain(subaccounts) {
        let has_namespace = manifests.namespaces.contains(&id.key.namespace);
        making.add(id, manifest, stored.get(id), has_namespace).await?;
    }
    let known: HashSet<ObjectId> = manifests.objects.iter().map(|(id, _)| id.clone()).collect();
    making.add_moved(&known).await?;
    if flags.prune {
        making.prune(manifests, flags.selector.as_deref(), &known).await?;
    }
    Box::pin(making.rehearse()).await
}

impl Making<'_> {
    /// The objects of the manifests as they are stored. Of many in one namespace all are read, page by page.
    async fn stored(&self, manifests: &Manifests) -> Result<HashMap<ObjectId, Seen<Option<Value>>>, Failure> {
        let mut by_namespace: BTreeMap<&str, Vec<&ObjectId>> = BTreeMap::new();
        let mut stored = HashMap::new();
        for (id, _) in &manifests.objects {
            match id.kind {
                Kind::Subaccount => by_namespace.entry(&id.key.namespace).or_default().push(id),
                Kind::Account | Kind::ClusterAccount => {
                    stored.insert(id.clone(), objects::get(&self.session.cluster, id).await?);
                }
            }
        }
        for (namespace, ids) in by_namespace {
            if ids.len() <= FEW {
                for id in ids {
                    stored.insert(id.clone(), objects::get(&self.session.cluster, id).await?);
                }
                continue;
            }
            let mut wanted: HashMap<&str, &ObjectId> =
                ids.iter().map(|id| (id.key.name.as_str(), *id)).collect();
            objects::list(&self.session.cluster, Some(namespace), None, |page| {
                for object in page {
                    let name = object["metadata"]["name"].as_str().unwrap_or_default();
                    if let Some(id) = wanted.remove(name) {
                        stored.insert(id.clone(), Seen::Shown(Some(object)));
                    }
                }
            })
            .await?;
            stored.extend(wanted.into_values().map(|id| (id.clone(), Seen::Shown(None))));
        }
        Ok(stored)
    }

    /// Takes in a manifest.
    async fn add(
        &mut self,
        id: &ObjectId,
        manifest: &Value,
        stored: Option<&Seen<Option<Value>>>,
        has_namespace: bool,
    ) -> Result<(), Failure> {
        let stored = match stored {
            Some(Seen::Shown(stored)) => stored.as_ref(),
            Some(Seen::Hidden(why)) => {
                self.prospects
                    .push(Prospect::cannot_tell(id, Because::Manifest, why.clone()));
                return Ok(());
            }
            None => None,
        };
        let mut unseen = Vec::new();
        let (cluster, definitions) = (&self.session.cluster, self.definitions);
        let effect = effect::of(
            cluster,
            definitions,
            id,
            stored,
            manifest,
            has_namespace,
            &mut unseen,
        )
        .await?;
        let after = match effect {
            Effect::Changed(after) | Effect::Unchanged(after) => after,
            Effect::Refused(why) => {
                self.prospects.push(Prospect::refused(id, Because::Manifest, why));
                return Ok(());
            }
        };
        match id.account() {
            Some(key) => self.add_account(id, &key, stored, &after, unseen),
            None => self.add_subaccount(id, stored, &after, unseen),
        }
        Ok(())
    }

    fn add_account(
        &mut self,
        id: &ObjectId,
        key: &AccountKey,
        stored: Option<&Value>,
        after: &Value,
        unseen: Vec<String>,
    ) {
        match serde_json::from_value::<AccountObject>(after.clone()) {
            Ok(object) => {
                let before = stored.map(|stored| &stored["spec"]);
                if before.is_some_and(|before| account::concerns_subaccounts(before, &after["spec"])) {
                    self.moved.insert(key.clone());
                }
                self.prospects.push(Prospect {
                    unseen,
                    ..account::stored(id, before, &after["spec"])
                });
                self.sights.planned.insert(key.clone(), object);
            }
            Err(error) => {
                let why = format!("it does not read as a {}: {error}", id.kind.as_str());
                self.prospects.push(Prospect::refused(id, Because::Manifest, why));
            }
        }
    }

    fn add_subaccount(&mut self, id: &ObjectId, stored: Option<&Value>, after: &Value, unseen: Vec<String>) {
        let Some(object) = decoded(after) else {
            self.prospects
                .push(Prospect::refused(id, Because::Manifest, UNREADABLE.to_owned()));
            return;
        };
        let case = Case {
            stored: stored.and_then(decoded),
            object,
            is_going: false,
            because: Because::Manifest,
            compares_secret: false,
        };
        self.cases.push((case, unseen));
    }

    /// Objects in no manifest whose Account changes what they are called, or how they are reached.
    async fn add_moved(&mut self, known: &HashSet<ObjectId>) -> Result<(), Failure> {
        for key in self.moved.clone() {
            let namespace = Some(key.namespace()).filter(|namespace| !namespace.is_empty());
            let mut found = Vec::new();
            objects::list(&self.session.cluster, namespace, None, |page| {
                found.extend(page.iter().filter_map(decoded).filter(|object| {
                    let own = ObjectKey::of(object);
                    AccountKey::referred(&own.namespace, &object.spec.account_ref) == key
                }));
            })
            .await?;
            self.add_stored(found, Because::Account, known);
        }
        Ok(())
    }

    /// What carries the labels and is in no manifest.
    async fn prune(
        &mut self,
        manifests: &Manifests,
        selector: Option<&str>,
        known: &HashSet<ObjectId>,
    ) -> Result<(), Failure> {
        let mut namespaces: BTreeSet<&str> = manifests
            .objects
            .iter()
            .map(|(id, _)| id.key.namespace.as_str())
            .filter(|namespace| !namespace.is_empty())
            .collect();
        namespaces.insert(&self.session.namespace);
        for namespace in namespaces {
            let mut found = Vec::new();
            objects::list(&self.session.cluster, Some(namespace), selector, |page| {
                found.extend(page.iter().filter_map(decoded));
            })
            .await?;
            self.add_stored(found, Because::Prune, known);
            let accounts = objects::accounts(&self.session.cluster, namespace, selector).await?;
            let gone = accounts.into_iter().filter(|id| !known.contains(id));
            self.prospects.extend(gone.map(|id| account::pruned(&id)));
        }
        Ok(())
    }

    fn add_stored(&mut self, found: Vec<Subaccount>, because: Because, known: &HashSet<ObjectId>) {
        for object in found {
            let id = ObjectId {
                kind: Kind::Subaccount,
                key: ObjectKey::of(&object),
            };
            if !known.contains(&id) {
                let case = Case {
                    stored: Some(object.clone()),
                    object,
                    is_going: because == Because::Prune,
                    because,
                    compares_secret: false,
                };
                self.cases.push((case, Vec::new()));
            }
        }
    }

    async fn rehearse(mut self) -> Result<Plan, Failure> {
        let is_few = self.cases.len() <= FEW;
        if !is_few {
            self.read_lists().await?;
        }
        for (case, unseen) in std::mem::take(&mut self.cases) {
            let case = Case {
                compares_secret: is_few,
                ..case
            };
            let mut prospect = rehearse(&mut self.sights, case).await?;
            prospect.unseen.splice(0..0, unseen);
            self.prospects.push(prospect);
        }
        let mut rates = BTreeMap::new();
        for account in self.sights.accounts() {
            if let Some(object) = account.stored() {
                let name = format!("{} {}", account.key.kind().as_str(), account.key);
                rates.insert(name, object.spec.rate_limit);
            }
        }
        Ok(Plan::new(self.prospects, &rates))
    }

    /// One list for each parent, and one of the Records, instead of a request for each object.
    async fn read_lists(&mut self) -> Result<(), Failure> {
        self.sights.records.all().await?;
        let keys: BTreeSet<AccountKey> = self
            .cases
            .iter()
            .map(|(case, _)| {
                let key = ObjectKey::of(&case.object);
                AccountKey::referred(&key.namespace, &case.object.spec.account_ref)
            })
            .collect();
        for key in keys {
            if let Seen::Shown(parent) = &mut self.sights.account(&key).await?.parent {
                parent.all().await?;
            }
        }
        Ok(())
    }
}

/// The object, if it can be read.
fn decoded(value: &Value) -> Option<Subaccount> {
    let guarded: Guarded<Subaccount> = serde_json::from_value(value.clone()).ok()?;
    guarded.0.ok()
}
