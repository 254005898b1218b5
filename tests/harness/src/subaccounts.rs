//! I/O. What tests ask of the Subaccounts of an environment: made and Ready, their Records, their events.

use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use crate::objects::{Kind, condition_of};
use crate::test_bed::Environment;

/// How often an event is looked for before it counts as not published.
const EVENT_LOOKS: u32 = 100;
const EVENT_INTERVAL: Duration = Duration::from_millis(100);

/// A Subaccount that has become Ready.
#[derive(Clone, Debug)]
pub struct ReadySubaccount {
    /// Its account at Vobiz.
    pub auth_id: String,
    /// `metadata.uid`, which names its Record.
    pub uid: String,
}

impl Environment {
    /// Creates a Subaccount with these fields of `spec` and waits until it is Ready.
    pub async fn create_ready(&self, name: &str, spec: Value) -> Result<ReadySubaccount> {
        self.create_subaccount(name, spec).await?;
        let ready = self.await_ready(name).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(ReadySubaccount {
            auth_id: text(&ready["status"]["authId"]).context("a Ready Subaccount has no authId")?,
            uid: text(&ready["metadata"]["uid"]).context("a Subaccount has no uid")?,
        })
    }

    /// One value of the Record of the object with this uid; none if there is no Record or no such key.
    pub async fn record_value(&self, uid: &str, key: &str) -> Result<Option<String>> {
        let found = self
            .operator_objects
            .find(Kind::Secret, &record_name(uid))
            .await?;
        found.map_or(Ok(None), |record| value_of(&record, key))
    }

    /// Waits until the Record of the object with this uid is in this phase.
    pub async fn await_record_phase(&self, uid: &str, phase: &str) -> Result<()> {
        let what = format!("a Record in phase {phase}");
        let in_phase =
            |record: &Value| value_of(record, "phase").is_ok_and(|found| found.as_deref() == Some(phase));
        let name = record_name(uid);
        let waited = self
            .operator_objects
            .await_object(Kind::Secret, &name, &what, in_phase)
            .await;
        self.explain(waited).map(drop)
    }

    /// Waits until the object with this uid has no Record.
    pub async fn await_record_gone(&self, uid: &str) -> Result<()> {
        let waited = self
            .operator_objects
            .await_gone(Kind::Secret, &record_name(uid))
            .await;
        self.explain(waited)
    }

    /// The events about one object with this reason, once there is one: an event follows the status that it tells of.
    /// None after a while is no error, but an empty answer.
    pub async fn events(&self, kind: &str, name: &str, reason: &str) -> Result<Vec<Value>> {
        for _ in 0..EVENT_LOOKS {
            let mut events = self.objects.list(Kind::Event).await?;
            events.retain(|event| {
                let regarding = &event["regarding"];
                regarding["kind"] == kind && regarding["name"] == name && event["reason"] == reason
            });
            if !events.is_empty() {
                return Ok(events);
            }
            tokio::time::sleep(EVENT_INTERVAL).await;
        }
        Ok(Vec::new())
    }

    /// Waits until a condition of the object says all of these texts in its message.
    pub async fn await_message(
        &self,
        kind: Kind,
        name: &str,
        condition: &str,
        texts: &[&str],
    ) -> Result<Value> {
        let what = format!("{condition} with a message that has {texts:?}");
        self.await_object(kind, name, &what, |object| {
            let message = condition_of(object, condition).and_then(|found| found["message"].as_str());
            message.is_some_and(|message| texts.iter().all(|text| message.contains(text)))
        })
        .await
    }
}

/// The finalizers of an object.
#[must_use]
pub fn finalizers(object: &Value) -> Vec<&str> {
    let finalizers = object["metadata"]["finalizers"].as_array();
    finalizers
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn record_name(uid: &str) -> String {
    format!("subaccount-{uid}")
}

fn value_of(record: &Value, key: &str) -> Result<Option<String>> {
    let secret: Secret = serde_json::from_value(record.clone()).context("failed to read a Record")?;
    let value = secret.data.and_then(|mut data| data.remove(key));
    value
        .map(|value| String::from_utf8(value.0).context("a Record's value is not UTF-8"))
        .transpose()
}
