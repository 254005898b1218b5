//! Series per object: kept as one entry per object and written out at each scrape, so that a changed value leaves no
//! stale series and a deleted object leaves none at all. PURE.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// The series of every object; a cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// By namespace and name.
    objects: Arc<Mutex<BTreeMap<(String, String), Object>>>,
}

/// What is told of one object.
#[derive(Clone, Debug, Default)]
struct Object {
    uid: String,
    ready: Option<&'static str>,
    synced: Option<&'static str>,
    is_stalled: bool,
    info: Option<Info>,
    deletion_started: Option<f64>,
}

#[derive(Clone, Debug)]
struct Info {
    auth_id: String,
    account: String,
}

impl Objects {
    /// The object of this uid is there: it has series from here on.
    pub fn admit(&self, namespace: &str, name: &str, uid: &str) {
        let mut objects = self.lock();
        let series = objects.entry(key(namespace, name)).or_default();
        if series.uid != uid {
            *series = Object {
                uid: uid.to_owned(),
                ..Object::default()
            };
        }
    }

    /// Replaces the values of an object's conditions; none where the condition is absent. Stalled has a series only while it is true.
    pub fn set_conditions(
        &self,
        namespace: &str,
        name: &str,
        ready: Option<&'static str>,
        synced: Option<&'static str>,
        is_stalled: bool,
    ) {
        self.change(namespace, name, |series| {
            series.ready = ready;
            series.synced = synced;
            series.is_stalled = is_stalled;
        });
    }

    /// Replaces the external id and the account (`namespace/name`) of an object.
    pub fn set_info(&self, namespace: &str, name: &str, auth_id: &str, account: &str) {
        let info = Info {
            auth_id: auth_id.to_owned(),
            account: account.to_owned(),
        };
        self.change(namespace, name, |series| series.info = Some(info));
    }

    /// Sets since when an object is being deleted, in Unix seconds.
    pub fn set_deletion_started(&self, namespace: &str, name: &str, unix_seconds: f64) {
        self.change(namespace, name, |series| {
            series.deletion_started = Some(unix_seconds);
        });
    }

    /// Removes every series of the object of this uid; another one of its name may have come since.
    pub fn forget(&self, namespace: &str, name: &str, uid: &str) {
        let (mut objects, key) = (self.lock(), key(namespace, name));
        if objects.get(&key).is_some_and(|series| series.uid == uid) {
            objects.remove(&key);
        }
    }

    /// Of an object that is gone nothing is kept, however late a pass ends.
    fn change(&self, namespace: &str, name: &str, change: impl FnOnce(&mut Object)) {
        if let Some(series) = self.lock().get_mut(&key(namespace, name)) {
            change(series);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(namespace: &str, name: &str) -> (String, String) {
    (namespace.to_owned(), name.to_owned())
}

impl Collector for Objects {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let objects = self.lock();
        if objects.is_empty() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(
            "vobiz_subaccount_status_condition",
            "Status of the conditions Ready and Synced, and of Stalled where it is true: 1 for the present status",
            None,
            MetricType::Gauge,
        )?;
        for ((namespace, name), series) in objects.iter() {
            let stalled = series.is_stalled.then_some("True");
            for (condition, status) in [
                ("Ready", series.ready),
                ("Synced", series.synced),
                ("Stalled", stalled),
            ] {
                let Some(status) = status else {
                    continue;
                };
                let labels = [
                    ("namespace", &**namespace),
                    ("name", name),
                    ("condition", condition),
                    ("status", status),
                ];
                ConstGauge::new(1_i64).encode(family.encode_family(&labels)?)?;
            }
        }
        let mut family = encoder.encode_descriptor(
            "vobiz_subaccount_info",
            "Id at Vobiz and Account of a Subaccount",
            None,
            MetricType::Gauge,
        )?;
        for ((namespace, name), series) in objects.iter() {
            let Some(Info { auth_id, account }) = &series.info else {
                continue;
            };
            let labels = [
                ("namespace", namespace),
                ("name", name),
                ("auth_id", auth_id),
                ("account", account),
            ];
            ConstGauge::new(1_i64).encode(family.encode_family(&labels)?)?;
        }
        let mut family = encoder.encode_descriptor(
            "vobiz_subaccount_deletion_started_timestamp_seconds",
            "Since when a Subaccount is being deleted",
            None,
            MetricType::Gauge,
        )?;
        for ((namespace, name), series) in objects.iter() {
            let Some(started) = series.deletion_started else {
                continue;
            };
            let labels = [("namespace", namespace), ("name", name)];
            ConstGauge::new(started).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    fn samples(series: &Objects) -> Vec<String> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(series.clone()));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_condition_has_one_series_whatever_it_was_before() {
        let series = Objects::default();
        series.admit("dev", "acme", "u-1");
        series.set_conditions("dev", "acme", Some("Unknown"), None, true);
        assert!(samples(&series)[1].contains(r#"condition="Stalled",status="True""#));
        series.set_conditions("dev", "acme", Some("True"), Some("False"), false);
        assert_eq!(
            samples(&series),
            [
                r#"vobiz_subaccount_status_condition{namespace="dev",name="acme",condition="Ready",status="True"} 1"#,
                r#"vobiz_subaccount_status_condition{namespace="dev",name="acme",condition="Synced",status="False"} 1"#,
            ]
        );
    }

    #[test]
    fn the_series_of_an_object_go_with_it_and_others_stay() {
        let series = Objects::default();
        for name in ["acme", "beta"] {
            series.admit("dev", name, name);
            series.set_info("dev", name, "SA_1", "dev/vobiz");
            series.set_deletion_started("dev", name, 1_790_000_000.5);
        }
        series.forget("dev", "acme", "acme");
        series.forget("dev", "beta", "an earlier one of the name");
        series.set_info("dev", "acme", "SA_1", "dev/vobiz");
        assert_eq!(
            samples(&series),
            [
                r#"vobiz_subaccount_info{namespace="dev",name="beta",auth_id="SA_1",account="dev/vobiz"} 1"#,
                r#"vobiz_subaccount_deletion_started_timestamp_seconds{namespace="dev",name="beta"} 1790000000.5"#,
            ]
        );
    }
}
