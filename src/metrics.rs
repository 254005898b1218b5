//! What is counted and measured: passes under the names that dashboards for controller-runtime expect, requests to both
//! servers, and what stands in objects. I/O: reads the monotonic clock to measure passes.

mod accounts;
mod count;
pub mod exposition;
mod families;
mod labels;
mod objects;
mod process;
mod queue_length;
mod watch_heard;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use count::gauge_value;
use families::Families;
pub use labels::ReconcileResult;
use labels::{
    ApiLabels, BuildLabels, ControllerLabels, FieldLabels, KindLabels, LeaseLabels, OperationLabels,
    ReconcileLabels, RestLabels, WatchLabels, WriteLabels, code_label,
};
pub use queue_length::QueueLength;
pub use watch_heard::WatchHeard;

use crate::clock::now;

/// All metrics of the process; a cheap handle.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    families: Arc<Families>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// All metrics at zero. With `object_metrics` false, the methods that set an object's series do nothing.
    #[must_use]
    pub fn new(object_metrics: bool, version: &'static str, commit: &'static str) -> Self {
        let (registry, families) = Families::registered(object_metrics, &BuildLabels { version, commit });
        Self {
            registry: Arc::new(registry),
            families: Arc::new(families),
        }
    }

    /// The metrics as OpenMetrics text, see [`exposition`] for what else they can be.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Begins a pass of `controller`: it counts as an active worker until the answer is dropped.
    #[must_use = "a pass that is dropped at once measures nothing"]
    pub fn pass(&self, controller: &'static str) -> Measurement {
        let workers = self
            .families
            .active_workers
            .get_or_create_owned(&ControllerLabels { controller });
        workers.inc();
        Measurement {
            metrics: self.clone(),
            controller,
            workers,
            begun: now(),
        }
    }

    /// Counts a request to the API server. `code` is its status; none when no answer came.
    pub fn rest_request(&self, method: &str, code: Option<u16>) {
        let labels = RestLabels {
            code: code_label(code),
            method: method.to_owned(),
        };
        self.families.rest_requests.get_or_create(&labels).inc();
    }

    /// A watch is about to be begun: it has a series from here on, so that one that never is answered is noticed.
    pub fn expect_watch(&self, resource: &str, namespace: Option<&str>, unix_seconds: f64) {
        let labels = WatchLabels::new(resource, namespace);
        self.families
            .watch_answered
            .get_or_create(&labels)
            .set(unix_seconds);
    }

    /// Where it is noted when the API server was last heard on a watch. One that was not expected is nobody's business.
    #[must_use]
    pub fn watch(&self, resource: &str, namespace: Option<&str>) -> Option<WatchHeard> {
        let labels = WatchLabels::new(resource, namespace);
        let answered = self.families.watch_answered.get(&labels)?;
        Some(WatchHeard(answered.clone()))
    }

    /// Counts an object of a list or watch that does not say who it is.
    pub fn passed_over(&self, kind: &'static str) {
        self.families
            .passed_over
            .get_or_create(&KindLabels { kind })
            .inc();
    }

    /// Says whether this process is the leader by the Lease of this name.
    pub fn set_leader(&self, name: &'static str, leads: bool) {
        let leader = self.families.leader.get_or_create(&LeaseLabels { name });
        leader.set(i64::from(leads));
    }

    /// Says to how many such a write is refused; the series goes when there is none left.
    pub fn set_writes_refused(&self, resource: &str, verb: &'static str, count: usize) {
        let labels = WriteLabels {
            resource: resource.to_owned(),
            verb,
        };
        if count == 0 {
            self.families.writes_refused.remove(&labels);
        } else {
            let refused = self.families.writes_refused.get_or_create(&labels);
            refused.set(gauge_value(count));
        }
    }

    /// Counts a request to the external API. `code` is its status; none when no answer came.
    pub fn api_request(&self, operation: &'static str, code: Option<u16>, duration: Duration) {
        self.families
            .api_requests
            .get_or_create(&ApiLabels {
                operation,
                code: code_label(code),
            })
            .inc();
        self.families
            .api_seconds
            .get_or_create(&OperationLabels { operation })
            .observe(duration.as_secs_f64());
    }

    /// Notes how long work for the external API had to wait for its rate limit.
    pub fn rate_limit_wait(&self, duration: Duration) {
        self.families.rate_limit_wait.observe(duration.as_secs_f64());
    }

    /// How many passes wait for one rate limit: whoever lets them wait says it.
    #[must_use]
    pub fn waiting(&self) -> QueueLength {
        QueueLength::new(self.families.api_waiting.clone())
    }

    /// Gives `account` (`namespace/name`) series from here on: it is there.
    pub fn admit_account(&self, account: &str) {
        self.families.accounts.admit(account);
    }

    /// Says which status and reason the condition Ready of `account` (`namespace/name`) has.
    pub fn set_account_ready(&self, account: &str, status: &'static str, reason: &'static str) {
        let ready = Some((status, reason));
        self.families.accounts.change(account, |told| told.ready = ready);
    }

    /// Counts a request to the external API for `account` (`namespace/name`), which may make so many a second.
    pub fn account_request(&self, account: &str, limit: u32) {
        self.families.accounts.change(account, |told| {
            told.requests += 1;
            told.rate_limit = Some(limit);
        });
    }

    /// Notes when the list of its parent was compared for `account` (`namespace/name`), in Unix seconds, and after what time it
    /// is to be compared again.
    pub fn swept(&self, account: &str, unix_seconds: f64, interval: Duration) {
        self.families.accounts.change(account, |told| {
            told.swept = Some(unix_seconds);
            told.sweep_interval = Some(interval.as_secs_f64());
        });
    }

    /// Notes when the external API last answered well for `account` (`namespace/name`), in Unix seconds.
    pub fn api_success(&self, account: &str, unix_seconds: f64) {
        let at = Some(unix_seconds);
        self.families
            .accounts
            .change(account, |told| told.last_success = at);
    }

    /// Counts a published Secret that was found changed outside and put back.
    pub fn secret_repaired(&self) {
        self.families.secrets_repaired.inc();
    }

    /// Shows that this field was never put back yet. A series that begins with its first count does not show that one: what a counter
    /// grew by takes two scrapes to see.
    pub fn expect_drift(&self, field: &'static str) {
        drop(self.families.drift.get_or_create(&FieldLabels { field }));
    }

    /// Counts a field that was found changed outside and put back.
    pub fn drift(&self, field: &'static str) {
        self.families.drift.get_or_create(&FieldLabels { field }).inc();
    }

    /// Says how many orphans the last sweep of `account` (`namespace/name`) found.
    pub fn set_orphans(&self, account: &str, count: usize) {
        self.families
            .accounts
            .change(account, |told| told.orphans = Some(count));
    }

    /// Says how many leftovers wait to be deleted under `account` (`namespace/name`).
    pub fn set_leftovers_pending(&self, account: &str, count: usize) {
        self.families
            .accounts
            .change(account, |told| told.leftovers = Some(count));
    }

    /// Removes every series of `account` (`namespace/name`): it is gone.
    pub fn forget_account(&self, account: &str) {
        self.families.accounts.forget(account);
    }

    /// Says which values the conditions Ready and Synced of an object have, none where the condition is absent, and whether it is
    /// stalled.
    pub fn set_conditions(
        &self,
        namespace: &str,
        name: &str,
        ready: Option<&'static str>,
        synced: Option<&'static str>,
        is_stalled: bool,
    ) {
        if let Some(objects) = &self.families.objects {
            objects.set_conditions(namespace, name, ready, synced, is_stalled);
        }
    }

    /// Says which external id and which account (`namespace/name`) an object has.
    pub fn set_info(&self, namespace: &str, name: &str, auth_id: &str, account: &str) {
        if let Some(objects) = &self.families.objects {
            objects.set_info(namespace, name, auth_id, account);
        }
    }

    /// Says since when an object is being deleted, in Unix seconds.
    pub fn set_deletion_started(&self, namespace: &str, name: &str, unix_seconds: f64) {
        if let Some(objects) = &self.families.objects {
            objects.set_deletion_started(namespace, name, unix_seconds);
        }
    }

    /// Gives the object of this uid series from here on: it is there.
    pub fn admit_object(&self, namespace: &str, name: &str, uid: &str) {
        if let Some(objects) = &self.families.objects {
            objects.admit(namespace, name, uid);
        }
    }

    /// Removes every series of the object of this uid: it is gone.
    pub fn forget_object(&self, namespace: &str, name: &str, uid: &str) {
        if let Some(objects) = &self.families.objects {
            objects.forget(namespace, name, uid);
        }
    }
}

/// A pass under way.
#[derive(Debug)]
pub struct Measurement {
    metrics: Metrics,
    controller: &'static str,
    workers: Gauge,
    begun: Instant,
}

impl Measurement {
    /// Counts the pass with its result and duration.
    pub fn finish(self, result: ReconcileResult) {
        let families = &self.metrics.families;
        let controller = ControllerLabels {
            controller: self.controller,
        };
        families
            .reconciles
            .get_or_create(&ReconcileLabels {
                controller: self.controller,
                result,
            })
            .inc();
        if result == ReconcileResult::Error {
            families.reconcile_errors.get_or_create(&controller).inc();
        }
        families
            .reconcile_seconds
            .get_or_create(&controller)
            .observe(now().duration_since(self.begun).as_secs_f64());
    }
}

impl Drop for Measurement {
    fn drop(&mut self) {
        self.workers.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> Metrics {
        Metrics::new(true, "1.2.3", "abc")
    }

    /// The value of the one sample that is written exactly so before its value.
    fn value(metrics: &Metrics, sample: &str) -> Option<String> {
        let text = metrics.encode().unwrap();
        text.lines()
            .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ').map(str::to_owned))
    }

    #[test]
    fn a_pass_is_counted_under_the_names_of_controller_runtime() {
        let metrics = metrics();
        metrics.pass("subaccount").finish(ReconcileResult::RequeueAfter);
        metrics.pass("subaccount").finish(ReconcileResult::Error);
        for (sample, expected) in [
            (
                r#"controller_runtime_reconcile_total{controller="subaccount",result="requeue_after"}"#,
                "1",
            ),
            (
                r#"controller_runtime_reconcile_total{controller="subaccount",result="error"}"#,
                "1",
            ),
            (
                r#"controller_runtime_reconcile_errors_total{controller="subaccount"}"#,
                "1",
            ),
            (
                r#"controller_runtime_reconcile_time_seconds_count{controller="subaccount"}"#,
                "2",
            ),
            (
                r#"controller_runtime_active_workers{controller="subaccount"}"#,
                "0",
            ),
        ] {
            assert_eq!(value(&metrics, sample).as_deref(), Some(expected), "{sample}");
        }
    }

    #[test]
    fn a_pass_is_an_active_worker_until_it_ends_however_it_ends() {
        let metrics = metrics();
        let sample = r#"controller_runtime_active_workers{controller="account"}"#;
        let pass = metrics.pass("account");
        assert_eq!(value(&metrics, sample).as_deref(), Some("1"));
        drop(pass);
        assert_eq!(value(&metrics, sample).as_deref(), Some("0"));
        assert_eq!(
            value(
                &metrics,
                r#"controller_runtime_reconcile_time_seconds_count{controller="account"}"#
            ),
            None
        );
    }

    #[test]
    fn api_requests_are_counted_by_operation_and_status() {
        let metrics = metrics();
        metrics.api_request("create", Some(201), Duration::from_millis(20));
        metrics.api_request("create", None, Duration::from_secs(30));
        metrics.rest_request("POST", Some(409));
        metrics.rate_limit_wait(Duration::from_secs(2));
        metrics.expect_drift("name");
        metrics.drift("enabled");
        for (sample, expected) in [
            (r#"vobiz_api_requests_total{operation="create",code="201"}"#, "1"),
            (
                r#"vobiz_api_requests_total{operation="create",code="<error>"}"#,
                "1",
            ),
            (
                r#"vobiz_api_request_duration_seconds_count{operation="create"}"#,
                "2",
            ),
            (r#"rest_client_requests_total{code="409",method="POST"}"#, "1"),
            ("vobiz_api_rate_limit_wait_seconds_sum", "2.0"),
            (r#"vobiz_subaccount_drift_total{field="name"}"#, "0"),
            (r#"vobiz_subaccount_drift_total{field="enabled"}"#, "1"),
            (r#"vobiz_operator_build_info{version="1.2.3",commit="abc"}"#, "1"),
        ] {
            assert_eq!(value(&metrics, sample).as_deref(), Some(expected), "{sample}");
        }
    }

    #[test]
    fn a_replica_says_whether_it_leads_and_one_without_an_election_says_nothing() {
        let metrics = metrics();
        let sample = r#"leader_election_master_status{name="lease"}"#;
        assert_eq!(value(&metrics, sample), None);
        for (leads, expected) in [(false, "0"), (true, "1"), (false, "0")] {
            metrics.set_leader("lease", leads);
            assert_eq!(value(&metrics, sample).as_deref(), Some(expected));
        }
    }

    #[test]
    fn series_of_an_account_go_with_it() {
        let metrics = metrics();
        metrics.admit_account("dev/vobiz");
        metrics.api_success("dev/vobiz", 1_790_000_000.0);
        metrics.set_orphans("dev/vobiz", 2);
        metrics.set_leftovers_pending("dev/vobiz", 3);
        assert_eq!(
            value(&metrics, r#"vobiz_orphan_subaccounts{account="dev/vobiz"}"#).as_deref(),
            Some("2")
        );
        assert_eq!(
            value(&metrics, r#"vobiz_leftovers_pending{account="dev/vobiz"}"#).as_deref(),
            Some("3")
        );
        metrics.forget_account("dev/vobiz");
        // Answers that came after it went.
        metrics.api_success("dev/vobiz", 1_790_000_001.0);
        metrics.set_orphans("dev/vobiz", 1);
        metrics.set_leftovers_pending("dev/vobiz", 1);
        assert!(!metrics.encode().unwrap().contains("dev/vobiz"));
    }

    #[test]
    fn without_object_metrics_no_object_is_named() {
        let metrics = Metrics::new(false, "1.2.3", "abc");
        metrics.set_conditions("dev", "acme", Some("True"), None, true);
        metrics.set_info("dev", "acme", "SA_1", "dev/vobiz");
        metrics.set_deletion_started("dev", "acme", 1.0);
        assert!(!metrics.encode().unwrap().contains("acme"));
    }

    #[test]
    fn the_text_ends_as_openmetrics_asks_and_doubles_no_suffix() {
        let text = metrics().encode().unwrap();
        assert!(text.ends_with("# EOF\n"));
        assert!(!text.contains("_total_total"));
    }
}
