//! Series per Account: kept as one entry per Account and written out at each scrape, so that a changed value leaves no stale
//! series and a deleted Account leaves none at all. PURE.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::count::gauge_value;

/// The series of every Account; a cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// By `namespace/name`.
    accounts: Arc<Mutex<BTreeMap<String, Account>>>,
}

/// What is told of one Account.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Status and reason of the condition Ready.
    pub ready: Option<(&'static str, &'static str)>,
    /// Requests to the external API.
    pub requests: u64,
    /// How many of them are allowed per second.
    pub rate_limit: Option<u32>,
    /// When the external API last answered well, in Unix seconds.
    pub last_success: Option<f64>,
    /// When the list of the parent account was last compared, in Unix seconds.
    pub swept: Option<f64>,
    /// The longest time between two such comparisons, in seconds.
    pub sweep_interval: Option<f64>,
    /// Orphans that the last comparison found.
    pub orphans: Option<usize>,
    /// Leftovers that it found.
    pub leftovers: Option<usize>,
}

/// Name, help and value of a gauge.
type Series<T> = (&'static str, &'static str, fn(&Account) -> Option<T>);

const COUNTS: [Series<i64>; 3] = [
    (
        "vobiz_api_rate_limit_requests_per_second",
        "Requests to the Vobiz API that are allowed for an Account, together with the other Accounts of its parent account",
        |account| account.rate_limit.map(i64::from),
    ),
    (
        "vobiz_orphan_subaccounts",
        "Marked subaccounts at Vobiz that belong to no object",
        |account| account.orphans.map(gauge_value),
    ),
    (
        "vobiz_leftovers_pending",
        "Subaccounts at Vobiz, left by interrupted creates, that are still to be deleted",
        |account| account.leftovers.map(gauge_value),
    ),
];

const TIMES: [Series<f64>; 3] = [
    (
        "vobiz_api_last_success_timestamp_seconds",
        "When the Vobiz API last answered well for an Account",
        |account| account.last_success,
    ),
    (
        "vobiz_sweep_timestamp_seconds",
        "When the list of the parent account was last read and compared for an Account",
        |account| account.swept,
    ),
    (
        "vobiz_sweep_interval_seconds",
        "The longest time between two such comparisons while all is well",
        |account| account.sweep_interval,
    ),
];

impl Accounts {
    /// The Account is there: it has series from here on.
    pub fn admit(&self, account: &str) {
        self.lock().entry(account.to_owned()).or_default();
    }

    /// Changes what is told of an Account. Of one that is gone nothing is kept, however late an answer comes.
    pub fn change(&self, account: &str, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.lock().get_mut(account) {
            change(account);
        }
    }

    /// Removes every series of an Account: it is gone.
    pub fn forget(&self, account: &str) {
        self.lock().remove(account);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Accounts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let accounts = self.lock();
        if accounts.is_empty() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(
            "vobiz_account_status_condition",
            "Status and reason of the condition Ready of an Account: 1 for the present ones",
            None,
            MetricType::Gauge,
        )?;
        for (account, told) in accounts.iter() {
            let Some((status, reason)) = told.ready else {
                continue;
            };
            let labels = [
                ("account", &**account),
                ("condition", "Ready"),
                ("status", status),
                ("reason", reason),
            ];
            ConstGauge::new(1_i64).encode(family.encode_family(&labels)?)?;
        }
        let mut family = encoder.encode_descriptor(
            "vobiz_account_api_requests",
            "Requests to the Vobiz API per Account",
            None,
            MetricType::Counter,
        )?;
        for (account, told) in accounts.iter() {
            let labels = [("account", account)];
            ConstCounter::new(told.requests).encode(family.encode_family(&labels)?)?;
        }
        gauges(&mut encoder, &accounts, &COUNTS)?;
        gauges(&mut encoder, &accounts, &TIMES)
    }
}

fn gauges<T: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    accounts: &BTreeMap<String, Account>,
    all: &[Series<T>],
) -> Result<(), fmt::Error> {
    for (name, help, value) in all {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (account, told) in accounts {
            let Some(value) = value(told) else { continue };
            let labels = [("account", account)];
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    fn samples(accounts: &Accounts) -> Vec<String> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(accounts.clone()));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples.map(str::to_owned).collect()
    }

    #[test]
    fn a_reason_has_one_series_whatever_it_was_before_and_the_series_go_with_the_account() {
        let accounts = Accounts::default();
        accounts.admit("dev/vobiz");
        accounts.change("dev/vobiz", |told| told.ready = Some(("False", "RateLimited")));
        accounts.change("dev/vobiz", |told| {
            told.ready = Some(("True", "Available"));
            told.requests += 2;
            told.orphans = Some(1);
        });
        assert_eq!(
            samples(&accounts),
            [
                r#"vobiz_account_status_condition{account="dev/vobiz",condition="Ready",status="True",reason="Available"} 1"#,
                r#"vobiz_account_api_requests_total{account="dev/vobiz"} 2"#,
                r#"vobiz_orphan_subaccounts{account="dev/vobiz"} 1"#,
            ]
        );
        accounts.forget("dev/vobiz");
        accounts.change("dev/vobiz", |told| told.requests += 1);
        assert!(samples(&accounts).is_empty());
    }
}
