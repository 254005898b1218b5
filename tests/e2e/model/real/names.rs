//! Real uids, ids, series and tokens, and the model's small numbers for them. PURE.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use vobiz_model::world::{Ledger, Object, Policy, Record, UserSecret};
use vobiz_operator::account::marker::Series;
use vobiz_operator::controller::guarded_patch;
use vobiz_operator::controller::versioned::Versioned;
use vobiz_operator::crd::{DeletionPolicy, FINALIZER, Subaccount};
use vobiz_operator::subaccount::store::record;
use vobiz_operator::subaccount::store::record::{RECORD_TYPE, Subject};
use vobiz_operator::vobiz::{AuthToken, Credentials, Generation, ParentAuthId};

use super::{Real, UNKNOWN};

impl Real<'_> {
    pub(super) async fn object(&self) -> Result<Option<Subaccount>> {
        Ok(self.subaccounts.get_opt(&self.name).await?)
    }

    pub(super) fn secret_name(&self) -> String {
        format!("{}-vobiz", self.name)
    }

    pub(super) fn seen_object(&self, uid: u8, version: u8) -> Result<&Subaccount> {
        self.seen_objects
            .get(&(uid, version))
            .context("a pass holds an object that was never stored")
    }

    pub(super) fn seen_record(&self, slot: u8, read: &Record) -> Result<&Versioned<Secret>> {
        self.seen_records
            .get(&(slot, *read))
            .context("a pass holds a Record that was never stored")
    }

    pub(super) fn pair(&self, id: u8) -> Result<Credentials> {
        self.accounts
            .get(usize::from(id))
            .cloned()
            .context("the model knows an account that was never made")
    }

    pub(super) fn record_secret(&self, slot: u8, uid: u8, ledger: &Ledger) -> Result<Secret> {
        let id = |id: Option<u8>| id.map(|id| self.pair(id)).transpose();
        let record = record::Record {
            subject: Subject {
                namespace: self.environment.objects.namespace().to_owned(),
                namespace_uid: self.namespace_uid.clone(),
                name: self.name.clone(),
                uid: self.uids[usize::from(uid)].clone(),
            },
            parent: ParentAuthId::parse(&self.parent.auth_id)?,
            last_fenced_at: ledger.is_fenced().then(jiff::Timestamp::now),
            ledger: record::Ledger {
                series: self.series[usize::from(ledger.series)],
                // What is replayed stays under one.
                generation: Generation::Gen2,
                epoch: ledger.epoch,
                fenced_through: ledger.fenced_through,
                phase: ledger.phase,
                auth_id: id(ledger.auth_id)?.map(|pair| pair.auth_id),
                auth_token: id(ledger.auth_token)?.map(|pair| pair.auth_token),
                disable: ledger.disable,
                cascade: ledger.cascade,
                adopts: id(ledger.adopts)?.map(|pair| pair.auth_id),
                adopted: ledger.adopted,
            },
        };
        let mut secret = Secret {
            type_: Some(RECORD_TYPE.to_owned()),
            data: Some(record::encode(&record)),
            ..Secret::default()
        };
        secret.metadata.name = Some(record::secret_name(&self.uids[usize::from(slot)]));
        Ok(secret)
    }

    pub(super) fn object_of(&self, object: &Subaccount) -> Object {
        let status = object.status.as_ref();
        let observed =
            status.is_some_and(|status| Some(status.observed_generation) == object.metadata.generation);
        let ready = status.is_some_and(|status| {
            let mut conditions = status.conditions.iter();
            conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
        });
        Object {
            uid: self.uid_number(object.metadata.uid.as_deref()),
            version: 0,
            deleting: object.metadata.deletion_timestamp.is_some(),
            finalizer: guarded_patch::is_on(object, FINALIZER),
            identity: status
                .and_then(|status| status.auth_id.as_deref())
                .map(|id| self.id_number(Some(id))),
            ready: observed && ready,
            reclaim: object
                .annotations()
                .get("vobiz.ai/reclaim")
                .is_some_and(|value| value == "true"),
            policy: match object.spec.deletion.policy {
                Some(DeletionPolicy::Disable) => Policy::Disable,
                Some(DeletionPolicy::Retain) => Policy::Retain,
                _ => Policy::Delete,
            },
            namespace: 0,
            adopts: None,
            observes: false,
        }
    }

    pub(super) fn record_of(&self, secret: &Secret) -> Result<Record> {
        let record = record::decode(secret.data.as_ref().unwrap_or(&BTreeMap::new()))?;
        let ledger = record.ledger;
        let token = |token: &AuthToken| {
            let place = self.accounts.iter().position(|pair| pair.auth_token == *token);
            number(place)
        };
        Ok(Record {
            uid: self.uid_number(Some(&record.subject.uid)),
            version: 0,
            namespace: 0,
            parent: 0,
            ledger: Ledger {
                series: self.series_number(ledger.series),
                generation: if ledger.generation == Generation::Gen2 {
                    2
                } else {
                    1
                },
                epoch: ledger.epoch,
                fenced_through: ledger.fenced_through,
                phase: ledger.phase,
                auth_id: ledger
                    .auth_id
                    .as_ref()
                    .map(|id| self.id_number(Some(id.as_str()))),
                auth_token: ledger.auth_token.as_ref().map(token),
                disable: ledger.disable,
                cascade: ledger.cascade,
                adopts: ledger.adopts.as_ref().map(|id| self.id_number(Some(id.as_str()))),
                adopted: ledger.adopted,
            },
        })
    }

    pub(super) fn secret_of(&self, secret: &Secret) -> UserSecret {
        let data = secret.data.as_ref();
        let value = |key| data.and_then(|data| std::str::from_utf8(&data.get(key)?.0).ok());
        let mut owners = secret
            .owner_references()
            .iter()
            .filter(|owner| owner.controller == Some(true));
        let whole = self.accounts.iter().position(|pair| {
            Some(pair.auth_id.as_str()) == value("auth_id")
                && Some(pair.auth_token.expose()) == value("auth_token")
        });
        UserSecret {
            owner: owners.next().map(|owner| self.uid_number(Some(&owner.uid))),
            id: number(whole),
            // Neither is replayed.
            allows: false,
            forged: false,
        }
    }

    pub(super) fn uid_number(&self, uid: Option<&str>) -> u8 {
        number(self.uids.iter().position(|known| Some(known.as_str()) == uid))
    }

    pub(super) fn id_number(&self, id: Option<&str>) -> u8 {
        number(
            self.accounts
                .iter()
                .position(|known| Some(known.auth_id.as_str()) == id),
        )
    }

    pub(super) fn series_number(&self, series: Series) -> u8 {
        number(self.series.iter().position(|known| *known == series))
    }
}

pub(super) fn number(place: Option<usize>) -> u8 {
    place
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(UNKNOWN)
}
