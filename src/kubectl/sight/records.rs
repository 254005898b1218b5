//! The Records, as far as the caller may see them: whoever may reads every pair. I/O.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ListParams};
use kube::core::ObjectList;
use kube::runtime::watcher::Event;

use super::{Seen, pages};
use crate::account::marker::Series;
use crate::controller::cluster::ask;
use crate::controller::lenient::Guarded;
use crate::controller::versioned::{Versioned, get_versioned};
use crate::crd::RECLAIMED_BY_LABEL;
use crate::kubectl::failure::Failure;
use crate::kubectl::session::Session;
use crate::subaccount::store::record::{self, Damaged, RECORD_TYPE, Record, secret_name};
use crate::subaccount::store::records::{self, Change};
use crate::vobiz::AuthId;

/// A Record, with the name of its Secret.
#[derive(Clone, Debug)]
pub struct Found {
    /// What it says, or why that cannot be read.
    pub record: Result<Record, Damaged>,
    /// Name of its Secret.
    pub secret: String,
}

/// The Records of a cluster, read one by one or, once that is worth it, all of them.
pub struct Records {
    api: Api<Secret>,
    namespace: String,
    all: Option<Seen<All>>,
}

/// Every Record.
#[derive(Default)]
pub struct All {
    cache: records::Records,
    damaged: HashMap<String, Damaged>,
}

impl Records {
    /// Those in the operator's namespace. Nothing is read yet.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        Self {
            api: Api::namespaced(session.cluster.clone(), &session.operator_namespace),
            namespace: session.operator_namespace.clone(),
            all: None,
        }
    }

    /// The Record that serves the object with this uid.
    pub async fn serving(&mut self, uid: &str) -> Result<Seen<Option<Found>>, Failure> {
        let name = secret_name(uid);
        if let Some(all) = &self.all {
            return Ok(match all {
                Seen::Hidden(why) => Seen::Hidden(why.clone()),
                Seen::Shown(all) => Seen::Shown(all.serving(uid, &name)),
            });
        }
        let own = match Seen::of(&self.what(), get_versioned(&self.api, &name).await)? {
            Seen::Hidden(why) => return Ok(Seen::Hidden(why)),
            Seen::Shown(own) => own.map(Versioned::into_object),
        };
        let own = own.as_ref().map(found);
        let is_own = |found: &Found| match &found.record {
            Ok(record) => record.subject.uid == uid,
            Err(_) => true,
        };
        if let Some(own) = own.filter(is_own) {
            return Ok(Seen::Shown(Some(own)));
        }
        // One that it took over keeps the name of the object that it served first.
        let labelled = ListParams::default().labels(&format!("{RECLAIMED_BY_LABEL}={uid}"));
        let listed: ObjectList<Guarded<Secret>> = ask(&self.api, |request| request.list(&labelled))
            .await
            .map_err(|error| Failure::of_cluster(self.what(), &error))?;
        let taken_over = listed.items.into_iter().filter_map(|secret| secret.0.ok());
        Ok(Seen::Shown(taken_over.map(|secret| found(&secret)).find(is_own)))
    }

    /// Every Record: they are read once.
    pub async fn all(&mut self) -> Result<&Seen<All>, Failure> {
        if self.all.is_none() {
            let read = self.read().await?;
            self.all = Some(read);
        }
        Ok(self.all.get_or_insert_with(|| Seen::Hidden(String::new())))
    }

    async fn read(&self) -> Result<Seen<All>, Failure> {
        let mut all = All::default();
        let parameters = ListParams::default().fields(&format!("type={RECORD_TYPE}"));
        let listed = pages::each(&self.api, parameters, |page: Vec<Secret>| {
            for secret in page {
                all.add(secret);
            }
        })
        .await;
        Seen::of(&self.what(), listed.map(|()| all))
    }

    /// The Secret of a Record as it is now.
    pub async fn secret(&self, name: &str) -> Result<Option<Versioned<Secret>>, Failure> {
        let read = get_versioned(&self.api, name).await;
        read.map_err(|error| Failure::of_cluster(self.what(), &error))
    }

    fn what(&self) -> String {
        format!("Records in the namespace {}", self.namespace)
    }
}

impl All {
    /// Takes in the Secret of a Record.
    pub fn add(&mut self, secret: Secret) {
        for change in self.cache.apply(&Event::InitApply(secret)) {
            if let Change::Damaged(name, damaged) = change {
                self.damaged.insert(name, damaged);
            }
        }
    }

    /// Those that can be read.
    #[must_use]
    pub fn readable(&self) -> &records::Records {
        &self.cache
    }

    /// Those that cannot be read: the names of their Secrets, each with what is wrong.
    #[must_use]
    pub fn damaged(&self) -> &HashMap<String, Damaged> {
        &self.damaged
    }

    fn serving(&self, uid: &str, name: &str) -> Option<Found> {
        if let Some(damaged) = self.damaged.get(name) {
            return Some(Found {
                record: Err(damaged.clone()),
                secret: name.to_owned(),
            });
        }
        self.cache.get(uid).map(|stored| Found {
            record: Ok(stored.record.clone()),
            secret: stored.secret.clone(),
        })
    }

    /// What earlier objects of this name left.
    #[must_use]
    pub fn predecessors(&self, namespace: &str, name: &str, uid: &str) -> Vec<Arc<records::Stored>> {
        self.cache.predecessors(namespace, name, uid)
    }

    /// Whether the Record of another object holds the account, or is about to.
    #[must_use]
    pub fn held_by_another(&self, id: &AuthId, uid: &str) -> bool {
        self.cache.held_by_another(id, uid)
    }

    /// Whether any Record holds the account, or is about to.
    #[must_use]
    pub fn holds(&self, id: &AuthId) -> bool {
        self.cache.holds(id)
    }

    /// Every account that a Record holds, or is about to.
    #[must_use]
    pub fn held(&self) -> Vec<AuthId> {
        self.cache.held()
    }

    /// Whether another object's Record made what carries this series.
    #[must_use]
    pub fn made_by_another(&self, series: Series, uid: &str) -> bool {
        let maker = self.cache.of_series(series);
        maker.is_some_and(|stored| stored.record.subject.uid != uid)
    }
}

fn found(secret: &Secret) -> Found {
    let nothing = BTreeMap::new();
    Found {
        record: record::decode(secret.data.as_ref().unwrap_or(&nothing)),
        secret: secret.metadata.name.clone().unwrap_or_default(),
    }
}
