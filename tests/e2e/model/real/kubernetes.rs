//! What a pass asks Kubernetes, by the product's own guarded patches and compare-and-swaps. I/O.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, Preconditions};
use serde_json::json;
use vobiz_model::world::{Ledger, Record, UserSecret, Written};
use vobiz_operator::controller::cluster::ClusterError;
use vobiz_operator::controller::guarded_patch;
use vobiz_operator::controller::versioned::{create_versioned, get_versioned, replace};
use vobiz_operator::crd::{FINALIZER, Subaccount};
use vobiz_operator::subaccount::secret;

use super::Real;

impl Real<'_> {
    pub async fn add_finalizer(&self, uid: u8, version: u8) -> Result<Written> {
        let added = guarded_patch::add(&self.subaccounts, self.seen_object(uid, version)?, FINALIZER).await;
        written(added)
    }

    pub async fn remove_finalizer(&self, uid: u8, version: u8) -> Result<Written> {
        let removed =
            guarded_patch::remove(&self.subaccounts, self.seen_object(uid, version)?, FINALIZER).await;
        written(removed)
    }

    pub async fn patch_status(
        &self,
        uid: u8,
        version: u8,
        tests_version: bool,
        identity: Option<u8>,
        ready: bool,
    ) -> Result<Written> {
        let seen = self.seen_object(uid, version)?;
        let tested = tests_version.then(|| seen.resource_version()).flatten();
        self.write_status(Some(seen), tested, identity, ready).await
    }

    pub(super) async fn write_status(
        &self,
        seen: Option<&Subaccount>,
        tested: Option<String>,
        identity: Option<u8>,
        ready: bool,
    ) -> Result<Written> {
        let seen = seen.context("a status needs its object")?;
        let auth_id = identity.map(|id| self.pair(id)).transpose()?;
        let condition = json!({
            "type": "Ready",
            "status": if ready { "True" } else { "False" },
            "reason": if ready { "Available" } else { "Progressing" },
            "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        let mut status = json!({"observedGeneration": seen.metadata.generation, "conditions": [condition]});
        if let Some(pair) = auth_id {
            status["authId"] = json!(pair.auth_id.as_str());
        }
        let mut operations = vec![json!({"op": "add", "path": "/status", "value": status})];
        if let Some(version) = tested {
            operations.insert(
                0,
                json!({"op": "test", "path": "/metadata/resourceVersion", "value": version}),
            );
        }
        written(guarded_patch::patch_status(&self.subaccounts, seen, operations).await)
    }

    pub async fn create_record(&self, slot: u8, ledger: &Ledger) -> Result<Written> {
        let secret = self.record_secret(slot, slot, ledger)?;
        written(create_versioned(&self.records, &secret).await)
    }

    pub async fn replace_record(&self, slot: u8, read: &Record, uid: u8, ledger: &Ledger) -> Result<Written> {
        let data = self.record_secret(slot, uid, ledger)?.data;
        let changed = self
            .seen_record(slot, read)?
            .clone()
            .map(|secret| Secret { data, ..secret });
        written(replace(&self.records, changed).await)
    }

    pub async fn drop_record(&self, slot: u8, read: &Record) -> Result<Written> {
        let seen = self.seen_record(slot, read)?;
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                uid: seen.object().metadata.uid.clone(),
                resource_version: Some(seen.version().to_owned()),
            }),
            ..DeleteParams::default()
        };
        let deleted = self.records.delete(&seen.object().name_any(), &parameters).await;
        written(deleted.map_err(ClusterError::from))
    }

    pub async fn read_secret(&mut self, process: usize) -> Result<Written> {
        self.secrets_read[process] = get_versioned(&self.secrets, &self.secret_name()).await?;
        Ok(Written::Done)
    }

    /// A process that is killed forgets what it has read.
    pub fn forget(&mut self, process: usize) {
        self.secrets_read[process] = None;
    }

    pub async fn publish(&mut self, process: usize, read: bool, secret: UserSecret) -> Result<Written> {
        let pair = self.pair(secret.id)?;
        let mut owners = self
            .seen_objects
            .iter()
            .filter(|((uid, _), _)| Some(*uid) == secret.owner);
        let (_, owner) = owners.next().context("the owner was never seen")?;
        let held = self.secrets_read[process].take();
        ensure!(
            read == held.is_some(),
            "the process has read another Secret than the model says"
        );
        let answer = match held {
            Some(held) => {
                let changed = held.map(|mut existing| {
                    secret::apply(&mut existing, owner, &pair, &[]);
                    existing
                });
                replace(&self.secrets, changed).await
            }
            None => create_versioned(&self.secrets, &secret::build(owner, &pair)).await,
        };
        if let Ok(stored) = &answer {
            self.secrets_read[process] = Some(stored.clone());
        }
        written(answer)
    }
}

/// A refusal is an answer; anything else that goes wrong is the test's trouble.
fn written<T>(answer: Result<T, ClusterError>) -> Result<Written> {
    match answer {
        Ok(_) => Ok(Written::Done),
        Err(error)
            if error.is_conflict()
                || error.is_already_exists()
                || error.is_not_found()
                || error.is_failed_test() =>
        {
            Ok(Written::Refused)
        }
        Err(error) => Err(error.into()),
    }
}
