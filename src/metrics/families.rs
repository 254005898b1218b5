//! Every family of metrics: its name, its labels and its bounds. PURE.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use super::accounts::Accounts;
use super::labels::{
    ApiLabels, BuildLabels, ControllerLabels, FieldLabels, KindLabels, LeaseLabels, OperationLabels,
    ReconcileLabels, RestLabels, WatchLabels, WriteLabels,
};
use super::objects::Objects;
use super::process::ProcessCollector;

/// Seconds; the bounds of controller-runtime's histogram, thinned out.
const RECONCILE_SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0,
];
/// Seconds.
const REQUEST_SECONDS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];
/// Seconds.
const WAIT_SECONDS: [f64; 9] = [0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;
pub(super) type TimeGauge = Gauge<f64, AtomicU64>;

/// The families that the operator sets; those of the build and the process set themselves.
pub(super) struct Families {
    pub(super) reconciles: Family<ReconcileLabels, Counter>,
    pub(super) reconcile_errors: Family<ControllerLabels, Counter>,
    pub(super) reconcile_seconds: Histograms<ControllerLabels>,
    pub(super) active_workers: Family<ControllerLabels, Gauge>,
    pub(super) rest_requests: Family<RestLabels, Counter>,
    pub(super) watch_answered: Family<WatchLabels, TimeGauge>,
    pub(super) passed_over: Family<KindLabels, Counter>,
    pub(super) leader: Family<LeaseLabels, Gauge>,
    pub(super) writes_refused: Family<WriteLabels, Gauge>,
    pub(super) api_requests: Family<ApiLabels, Counter>,
    pub(super) api_seconds: Histograms<OperationLabels>,
    pub(super) rate_limit_wait: Histogram,
    pub(super) api_waiting: Gauge,
    pub(super) drift: Family<FieldLabels, Counter>,
    pub(super) secrets_repaired: Counter,
    pub(super) accounts: Accounts,
    pub(super) objects: Option<Objects>,
}

impl Families {
    /// All metrics at zero, and the registry that writes them out.
    #[expect(clippy::too_many_lines, reason = "one entry for each metric")]
    pub(super) fn registered(object_metrics: bool, build: &BuildLabels) -> (Registry, Self) {
        let mut registry = Registry::default();
        let to = &mut registry;
        add_build(to, build);
        let families = Self {
            reconciles: add(
                to,
                "controller_runtime_reconcile",
                "Passes per controller and result",
                Family::default(),
            ),
            reconcile_errors: add(
                to,
                "controller_runtime_reconcile_errors",
                "Passes per controller that failed",
                Family::default(),
            ),
            reconcile_seconds: add(
                to,
                "controller_runtime_reconcile_time_seconds",
                "Duration of a pass per controller",
                Family::new_with_constructor(reconcile_histogram),
            ),
            active_workers: add(
                to,
                "controller_runtime_active_workers",
                "Passes under way per controller",
                Family::default(),
            ),
            rest_requests: add(
                to,
                "rest_client_requests",
                "Requests to the Kubernetes API server by status and method",
                Family::default(),
            ),
            watch_answered: add(
                to,
                "vobiz_operator_watch_answered_timestamp_seconds",
                "When the Kubernetes API server was last heard on a watch that the operator lives on; at rest it says each minute that it is there",
                Family::default(),
            ),
            passed_over: add(
                to,
                "vobiz_operator_objects_passed_over",
                "Objects in lists and watches, per kind, that do not say who they are",
                Family::default(),
            ),
            leader: add(
                to,
                "leader_election_master_status",
                "Whether this process is the leader (1) or stands by (0), per Lease",
                Family::default(),
            ),
            writes_refused: add(
                to,
                "vobiz_operator_writes_refused",
                "For how many objects and parts of the operator Kubernetes refuses such a write now",
                Family::default(),
            ),
            api_requests: add(
                to,
                "vobiz_api_requests",
                "Requests to the Vobiz API by operation and status",
                Family::default(),
            ),
            api_seconds: add(
                to,
                "vobiz_api_request_duration_seconds",
                "Duration of a request to the Vobiz API by operation",
                Family::new_with_constructor(request_histogram),
            ),
            rate_limit_wait: add(
                to,
                "vobiz_api_rate_limit_wait_seconds",
                "Time that work waited for a rate limit of the Vobiz API",
                Histogram::new(WAIT_SECONDS),
            ),
            api_waiting: add(
                to,
                "vobiz_api_requests_waiting",
                "Passes that wait for a rate limit of the Vobiz API",
                Gauge::default(),
            ),
            drift: add(
                to,
                "vobiz_subaccount_drift",
                "Fields that were changed outside and put back",
                Family::default(),
            ),
            secrets_repaired: add(
                to,
                "vobiz_subaccount_secrets_repaired",
                "Published Secrets that were changed or deleted outside and put back",
                Counter::default(),
            ),
            accounts: Accounts::default(),
            objects: object_metrics.then(Objects::default),
        };
        registry.register_collector(Box::new(families.accounts.clone()));
        if let Some(objects) = &families.objects {
            registry.register_collector(Box::new(objects.clone()));
        }
        registry.register_collector(Box::new(ProcessCollector));
        (registry, families)
    }
}

fn add_build(registry: &mut Registry, labels: &BuildLabels) {
    let build: Family<BuildLabels, Gauge> = add(
        registry,
        "vobiz_operator_build_info",
        "Version and commit of this build",
        Family::default(),
    );
    build.get_or_create(labels).set(1);
}

/// Registers the metric under a name without the suffix that the text format appends to counters.
fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

fn reconcile_histogram() -> Histogram {
    Histogram::new(RECONCILE_SECONDS)
}

fn request_histogram() -> Histogram {
    Histogram::new(REQUEST_SECONDS)
}
