//! Starts what the process consists of and stops it in order: clients, caches, one controller per kind. I/O.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt as _, Shared, join_all};
use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::controller::{Action, Config as ControllerConfig, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Client, Resource, ResourceExt as _};
use tokio::task::JoinSet;

use crate::account;
use crate::account::marker::Installation;
use crate::account::registry::Registry;
use crate::cli::Config;
use crate::controller::backoff::{Backoff, delay};
use crate::controller::cluster;
use crate::controller::event::{Recorder, instance};
use crate::controller::heartbeat::Beat;
use crate::controller::instrument::{Metrics, Pass, ReconcileResult};
use crate::controller::newest::Newest;
use crate::controller::readiness::Readiness;
use crate::controller::wake::{Caches, Guarded, Scope, queues};
use crate::controller::watch::{Watch, triggers};
use crate::crd::{Account, Subaccount};
use crate::http::{self, Endpoints};
use crate::subaccount;
use crate::subaccount::context::{Context, Times};
use crate::subaccount::installation::{InstallationError, installation};
use crate::subaccount::memory::Memory;
use crate::subaccount::reconcile::Ended;
use crate::subaccount::records::Records;
use crate::subaccount::watches::Watches;
use crate::vobiz::{Transport, TransportConfig};

/// How often each controller loop shows that it turns.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The longest pause between two attempts to reach the API server at the start.
const LONGEST_START_PAUSE: Duration = Duration::from_secs(5);

type Shutdown = Shared<BoxFuture<'static, ()>>;

/// Runs until `shutdown` completes: then the passes under way are finished, and no new ones are begun.
pub async fn run(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let shutdown: Shutdown = shutdown.boxed().shared();
    let endpoints = Endpoints {
        readiness: Readiness::default(),
        heartbeats: crate::controller::heartbeat::Heartbeats::default(),
        metrics: Metrics::new(config.object_metrics, crate::VERSION, crate::COMMIT),
    };
    let synced = endpoints.readiness.register("caches");
    let transport = Transport::new(TransportConfig {
        base_url: config.api_base_url.clone(),
        allow_insecure: config.allow_insecure_api,
        ca_file: config.api_ca_file.clone(),
        request_timeout: config.request_timeout,
        user_agent: format!("vobiz-operator/{}", crate::VERSION),
    })?;
    let cluster = cluster::connect(&endpoints.metrics).await?;
    let listener = http::bind(config.http_address).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(http::serve(listener, endpoints.clone(), std::future::pending()).map(drop));

    let controllers = start(
        &config,
        cluster,
        transport,
        &endpoints,
        &mut tasks,
        shutdown.clone(),
    );
    tokio::select! {
        // While the caches fill there is no pass to finish.
        () = shutdown => {}
        controllers = controllers => {
            let controllers = controllers?;
            synced.set_ready();
            tracing::info!("caches are complete; reconciling");
            controllers.await;
        }
    }
    tracing::info!("every pass has ended");
    Ok(())
}

/// Fills the caches, then returns the controllers: no pass may take an empty cache for an empty cluster.
async fn start(
    config: &Config,
    cluster: Client,
    transport: Transport,
    endpoints: &Endpoints,
    tasks: &mut JoinSet<()>,
    shutdown: Shutdown,
) -> anyhow::Result<BoxFuture<'static, ()>> {
    let scopes = match config.watch_namespaces.as_slice() {
        [] => vec![Scope::Cluster],
        namespaces => namespaces.iter().cloned().map(Scope::Namespace).collect(),
    };
    let (wake_account, account_wakes) = queues::<Guarded<Account>>(&scopes);
    let (wake_object, object_wakes) = queues::<Guarded<Subaccount>>(&scopes);
    let (wake_record, record_wakes) = queues::<Secret>(&[Scope::Cluster]);
    let metrics = endpoints.metrics.clone();
    let records = Arc::new(Records::default());
    let watches = Watches {
        cluster: cluster.clone(),
        operator_namespace: config.operator_namespace.clone(),
        metrics: metrics.clone(),
        wake_account: wake_account.clone(),
        wake_object: wake_object.clone(),
        wake_record: wake_record.clone(),
        records: Arc::clone(&records),
    };
    let registry = Arc::new(Registry::new(transport, metrics.clone(), wake_account));
    let objects: Vec<_> = scopes.iter().map(|scope| watches.subaccounts(scope)).collect();
    let subaccounts = caches(&scopes, &objects);
    let accounts: Vec<_> = scopes
        .iter()
        .map(|scope| watches.accounts(scope, Arc::clone(&registry), subaccounts.clone()))
        .collect();
    let record_watch = watches.records();

    let started = now();
    let recorder = Recorder::new(cluster.clone(), &instance());
    let context = Arc::new(Context {
        installation: identity(&cluster, &config.operator_namespace).await?,
        cluster: cluster.clone(),
        operator_namespace: config.operator_namespace.clone(),
        times: Times {
            settle: config.settle,
            retention: config.retention,
            secret_check_interval: config.secret_check_interval,
        },
        registry: Arc::clone(&registry),
        subaccounts,
        accounts: caches(&scopes, &accounts),
        records,
        memory: Memory::default(),
        newest: Newest::default(),
        wake_object,
        wake_record,
        walk_waiters: Mutex::default(),
        backoff: Mutex::new(Backoff::new(config.max_backoff)),
        started,
        recorder: recorder.clone(),
        metrics: metrics.clone(),
    });
    let account_context = Arc::new(account::reconcile::Context {
        cluster,
        registry,
        dependents: Arc::clone(&context) as Arc<dyn account::reconcile::Dependents>,
        recorder,
        metrics,
        backoff: Mutex::new(Backoff::new(config.max_backoff)),
        started,
        newest: Newest::default(),
    });
    if config.watch_secrets {
        for scope in &scopes {
            tasks.spawn(watches.user_secrets(scope, Arc::clone(&context)));
        }
    }

    let settings = ControllerConfig::default().concurrency(config.max_concurrent_reconciles);
    let mut running: Vec<BoxFuture<'static, ()>> = Vec::new();
    for (watch, wakes) in accounts.into_iter().zip(account_wakes) {
        let beat = endpoints.heartbeats.register("account");
        let controller = controller(watch, wakes, beat, settings.clone(), &shutdown, tasks).await?;
        let passes = controller.run(
            account_pass,
            |_, never, _| match *never {},
            Arc::clone(&account_context),
        );
        running.push(passes.for_each(|_| ready(())).boxed());
    }
    for (watch, wakes) in objects.into_iter().zip(object_wakes) {
        let beat = endpoints.heartbeats.register("subaccount");
        let controller = controller(watch, wakes, beat, settings.clone(), &shutdown, tasks).await?;
        let passes = controller.run(
            subaccount_pass,
            |_, never, _| match *never {},
            Arc::clone(&context),
        );
        running.push(passes.for_each(|_| ready(())).boxed());
    }
    for (watch, wakes) in std::iter::once(record_watch).zip(record_wakes) {
        let beat = endpoints.heartbeats.register("record");
        let controller = controller(watch, wakes, beat, settings.clone(), &shutdown, tasks).await?;
        let passes = controller.run(record_pass, |_, never, _| match *never {}, Arc::clone(&context));
        running.push(passes.for_each(|_| ready(())).boxed());
    }
    Ok(join_all(running).map(drop).boxed())
}

/// The installation's id. An API server that cannot be reached yet is waited for, as every watch does.
#[expect(clippy::disallowed_methods, reason = "jitter of the pauses")]
async fn identity(cluster: &Client, namespace: &str) -> Result<Installation, InstallationError> {
    let mut failures = 0;
    loop {
        match installation(cluster, namespace).await {
            Err(InstallationError::Cluster(error)) if error.is_outcome_unknown() => {
                failures += 1;
                tracing::warn!(%error, "the API server does not answer; trying again");
                tokio::time::sleep(delay(failures, rand::random(), LONGEST_START_PAUSE)).await;
            }
            result => return result,
        }
    }
}

/// The controller of one watch, once its cache is complete.
async fn controller<K>(
    watch: Watch<K>,
    wakes: impl Stream<Item = ObjectRef<K>> + Send + 'static,
    beat: Beat,
    settings: ControllerConfig,
    shutdown: &Shutdown,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<Controller<K>>
where
    K: Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + Debug + Send + Sync + 'static,
{
    tasks.spawn(watch.task);
    let cache: Store<K> = watch.store;
    cache.wait_until_ready().await?;
    Ok(Controller::for_stream(triggers(watch.triggers), cache)
        .with_config(settings)
        .reconcile_on(wakes)
        .reconcile_on(heartbeat(beat))
        .graceful_shutdown_on(shutdown.clone()))
}

/// Beats whenever the controller's loop comes round to look for work; never brings any.
fn heartbeat<K: Resource<DynamicType = ()> + 'static>(
    beat: Beat,
) -> impl Stream<Item = ObjectRef<K>> + Send + 'static
where
    ObjectRef<K>: Send,
{
    let ticks = futures::stream::unfold((), |()| async { Some((tokio::time::sleep(HEARTBEAT).await, ())) });
    ticks.filter_map(move |()| {
        beat.now();
        ready(None)
    })
}

#[expect(clippy::disallowed_methods, reason = "the pause is spread by random bits")]
async fn account_pass(
    account: Arc<Guarded<Account>>,
    context: Arc<account::reconcile::Context>,
) -> Result<Action, Infallible> {
    let pass = context.metrics.reconcile("account");
    let Ok(object) = &account.0 else {
        let (namespace, name) = (account.namespace(), account.name_any());
        tracing::error!(
            namespace,
            name,
            "a stored Account cannot be read: apply it again as its schema asks"
        );
        pass.finish(ReconcileResult::Success);
        return Ok(Action::await_change());
    };
    match account::reconcile::reconcile(Arc::new(object.clone()), &context).await {
        Ok(next) => {
            pass.finish(next.map_or(ReconcileResult::Success, |_| ReconcileResult::RequeueAfter));
            Ok(next.map_or_else(Action::await_change, Action::requeue))
        }
        Err(error) => {
            pass.finish(ReconcileResult::Error);
            tracing::warn!(namespace = account.namespace(), name = account.name_any(), %error, "a pass over an account failed");
            let key = crate::controller::wake::ObjectKey::of(object);
            let mut backoff = context.backoff.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(Action::requeue(backoff.failed(
                key,
                context.started.elapsed(),
                rand::random(),
            )))
        }
    }
}

async fn subaccount_pass(
    object: Arc<Guarded<Subaccount>>,
    context: Arc<Context>,
) -> Result<Action, Infallible> {
    let pass = context.metrics.reconcile("subaccount");
    let ended = match &object.0 {
        Ok(object) => subaccount::reconcile::object(&context, Arc::new(object.clone())).await,
        Err(_) => Ended {
            next: Some(subaccount::unsupported::tell(&context, &object).await),
            failed: false,
        },
    };
    Ok(finish(pass, ended))
}

async fn record_pass(secret: Arc<Secret>, context: Arc<Context>) -> Result<Action, Infallible> {
    let pass = context.metrics.reconcile("record");
    let nothing = Ended {
        next: None,
        failed: false,
    };
    let ended = subaccount::reconcile::record(&context, &secret).await;
    Ok(finish(pass, ended.unwrap_or(nothing)))
}

fn finish(pass: Pass, ended: Ended) -> Action {
    pass.finish(match ended {
        Ended { failed: true, .. } => ReconcileResult::Error,
        Ended { next: Some(_), .. } => ReconcileResult::RequeueAfter,
        Ended { next: None, .. } => ReconcileResult::Success,
    });
    ended.next.map_or_else(Action::await_change, Action::requeue)
}

fn caches<K: Resource<DynamicType = ()> + Clone + 'static>(
    scopes: &[Scope],
    watches: &[Watch<K>],
) -> Caches<K> {
    let stores = watches.iter().map(|watch| watch.store.clone());
    Caches::new(scopes.iter().cloned().zip(stores).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the moment that monotonic times count from"
)]
fn now() -> Instant {
    Instant::now()
}
