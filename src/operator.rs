//! Starts what the process consists of and stops it in order: clients, caches, one controller per kind. I/O.

mod authorities;
mod cluster_accounts;
mod installation;
mod passes;
mod replica;
mod source;
mod tasks;
mod unsupported;

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, Shared, select};
use k8s_openapi::api::core::v1::Secret;
use kube::{Client, Resource};

use crate::account;
use crate::account::context::AccountContext;
use crate::account::credentials_watch::CredentialsWatch;
use crate::account::errands::Errands;
use crate::account::marker::Installation;
use crate::account::object::AccountObject;
use crate::account::places::Places;
use crate::account::store::registry::Registry;
use crate::account::store::slots::Slots;
use crate::account::store::tally::Tally;
use crate::account::waker::AccountWaker;
use crate::cli::Config;
use crate::controller::backoff::delay;
use crate::controller::cluster;
use crate::controller::event::{Recorder, instance};
use crate::controller::heartbeat::Heartbeats;
use crate::controller::namespaces::Namespaces;
use crate::controller::newest::Newest;
use crate::controller::pauses::Pauses;
use crate::controller::readiness::Readiness;
use crate::controller::refusals::{Refusals, Requester};
use crate::controller::wake::{Caches, Guarded, Scope, queues};
use crate::controller::watch::Watch;
use crate::crd::{REPORTING_CONTROLLER, Subaccount};
use crate::dice::random;
use crate::http::{self, Endpoints};
use crate::leader::{Election, endless_term};
use crate::metrics::Metrics;
use crate::subaccount::context::{Context, Times};
use crate::subaccount::store::held_pairs::HeldPairs;
use crate::subaccount::store::records::Records;
use crate::subaccount::traces::Traces;
use crate::subaccount::watches::Watches;
use crate::vobiz::{Field, Transport, TransportConfig};

use installation::{InstallationError, installation};
use replica::Replica;
use source::Source;
use tasks::{Ended, Shutdown, Tasks};

/// The longest pause between two attempts to reach the API server at the start.
const LONGEST_START_PAUSE: Duration = Duration::from_secs(5);

/// Runs until `shutdown` completes: then the passes under way are finished, no new ones are begun, and last of all the
/// leadership, if there is one, is released. Fails with [`crate::leader::LostLeadership`] as soon as that is lost, and,
/// ended in the same order, when a task ends that never should.
pub async fn run(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let mut tasks = Tasks::default();
    let broken: Shared<BoxFuture<'static, Ended>> = tasks.first_end().boxed().shared();
    let shutdown: Shutdown = select(shutdown.boxed(), broken.clone())
        .map(drop)
        .boxed()
        .shared();
    let done = serve(&config, &mut tasks, shutdown).await;
    match broken.now_or_never() {
        Some(ended) => Err(ended.into()),
        None => done,
    }
}

async fn serve(config: &Config, tasks: &mut Tasks, shutdown: Shutdown) -> anyhow::Result<()> {
    let metrics = Metrics::new(config.object_metrics, crate::VERSION, crate::COMMIT);
    Field::all().for_each(|field| metrics.expect_drift(field.name));
    let endpoints = Endpoints {
        readiness: Readiness::default(),
        heartbeats: Heartbeats::default(),
        refusals: Refusals::new(metrics.clone()),
        metrics,
    };
    let synced = endpoints.readiness.register("caches");
    let api: ::http::Uri = config.api_base_url.as_str().parse()?;
    if let Some(variable) = config.proxies.unusable() {
        let text = "it names no http or https proxy, and none is used; correct it or unset it";
        tracing::warn!(variable, "{text}");
        endpoints.readiness.remark(variable, Some(text.to_owned()));
    }
    let transport = Transport::new(TransportConfig {
        base_url: config.api_base_url.clone(),
        ca_file: config.api_ca_file.clone(),
        proxy: config.proxies.on_the_way_to(&api).cloned(),
        request_timeout: config.request_timeout,
        user_agent: crate::USER_AGENT.to_owned(),
    })?;
    let cluster = cluster::connect(&cluster::Choice::default(), &endpoints.metrics, &config.proxies).await?;
    let listener = http::bind(config.http_address)?;
    let server = http::serve(listener, endpoints.clone(), std::future::pending());
    tasks.spawn("the server of health and metrics", server.map(drop));
    if config.api_ca_file.is_some() {
        let follow = authorities::follow(transport.clone(), endpoints.readiness.clone());
        tasks.spawn("the look at --api-ca-file", follow);
    }

    let replica = tokio::select! {
        biased;
        // While the caches fill there is no pass to finish.
        () = shutdown.clone() => return Ok(()),
        replica = fill(config, cluster.clone(), transport, &endpoints, tasks) => replica?,
    };
    synced.set_ready();
    if config.leader_elect {
        let beat = endpoints.heartbeats.register("leader election");
        let namespace = &config.operator_namespace;
        let (metrics, refusals) = (endpoints.metrics.clone(), endpoints.refusals.clone());
        let election = Election::new(cluster, namespace, &instance(), metrics, refusals, beat);
        elected(replica, election, config, &endpoints.heartbeats, shutdown).await
    } else {
        tracing::info!("caches are complete; reconciling");
        replica
            .work(config, &endpoints.heartbeats, &endless_term(), &shutdown)
            .await;
        tracing::info!("every pass has ended");
        Ok(())
    }
}

/// Stands by until this replica is the leader, then works.
async fn elected(
    mut replica: Replica,
    election: Election,
    config: &Config,
    heartbeats: &Heartbeats,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    tracing::info!("caches are complete; waiting for the leadership");
    let won = tokio::select! {
        won = election.win(shutdown.clone()) => won?,
        () = replica.idle() => anyhow::bail!("the caches are no longer kept up to date"),
    };
    let Some(mut leadership) = won else {
        return Ok(());
    };
    if shutdown.peek().is_none() {
        let term = leadership.term();
        let work = replica.work(config, heartbeats, &term, &shutdown);
        leadership.during(work).await?;
        tracing::info!("every pass has ended");
    }
    leadership.release().await?;
    Ok(())
}

/// Fills the caches: no pass may take an empty cache for an empty cluster.
async fn fill(
    config: &Config,
    cluster: Client,
    transport: Transport,
    endpoints: &Endpoints,
    tasks: &mut Tasks,
) -> anyhow::Result<Replica> {
    let scopes = scopes(config);
    let mut account_scopes = scopes.clone();
    account_scopes.extend(cluster_accounts::scope(config, &cluster, &endpoints.readiness).await);
    let (wake_account, account_wakes) = queues::<Guarded<AccountObject>>(&account_scopes);
    let wake_account = AccountWaker::new(wake_account);
    let (wake_object, object_wakes) = queues::<Guarded<Subaccount>>(&scopes);
    let (wake_record, record_wakes) = queues::<Secret>(&[Scope::Cluster]);
    let metrics = endpoints.metrics.clone();
    let records = Arc::new(Records::default());
    let traces = Arc::new(Traces::new(config.max_backoff, Arc::clone(&records)));
    let credentials = Arc::new(CredentialsWatch::new(
        cluster.clone(),
        config.operator_namespace.clone(),
        scopes.clone(),
        wake_account.clone(),
    ));
    let registry = Arc::new(Registry::new(transport, metrics.clone(), wake_account.clone()));
    let (errands, errand_runner) = account::errands::errands();
    let tally = Arc::new(Tally::new(Arc::clone(&registry), errands.clone()));
    let watches = Watches {
        cluster: cluster.clone(),
        operator_namespace: config.operator_namespace.clone(),
        metrics: metrics.clone(),
        readiness: endpoints.readiness.clone(),
        refusals: endpoints.refusals.clone(),
        wake_account: wake_account.clone(),
        wake_object: wake_object.clone(),
        wake_record: wake_record.clone(),
        records: Arc::clone(&records),
        traces: Arc::clone(&traces),
        tally: Arc::clone(&tally),
        named_secrets: Arc::clone(&credentials.named),
    };
    let account_watches = account::watches::AccountWatches {
        cluster: cluster.clone(),
        metrics: metrics.clone(),
        readiness: endpoints.readiness.clone(),
        refusals: endpoints.refusals.clone(),
        registry: Arc::clone(&registry),
        tally: Arc::clone(&tally),
        newest: Arc::default(),
        credentials,
    };
    let objects: Vec<_> = scopes.iter().map(|scope| watches.subaccounts(scope)).collect();
    let subaccounts = caches(&scopes, &objects);
    let namespaces = match account_scopes.last() {
        Some(Scope::Unnamespaced) => {
            cluster_accounts::namespaces(watches.namespaces(subaccounts.clone()), tasks).await?
        }
        _ => Namespaces::default(),
    };
    let accounts: Vec<_> = account_scopes
        .iter()
        .map(|scope| account_watches.accounts(scope, watches.user_waker(subaccounts.clone())))
        .collect();

    let recorder = recorder(&cluster, endpoints);
    let context = Arc::new(Context {
        installation: identity(&cluster, &config.operator_namespace, &endpoints.refusals).await?,
        cluster: cluster.clone(),
        operator_namespace: config.operator_namespace.clone(),
        times: times(config),
        registry: Arc::clone(&registry),
        tally: Arc::clone(&tally),
        subaccounts: subaccounts.clone(),
        accounts: caches(&account_scopes, &accounts),
        namespaces,
        records,
        traces,
        held_pairs: HeldPairs::default(),
        wake_object,
        wake_record,
        working_since: OnceLock::new(),
        recorder: recorder.clone(),
        refusals: endpoints.refusals.clone(),
        metrics: metrics.clone(),
    });
    let slots = Slots::new(wake_account);
    let account_context = account_context(config, &context, errands, slots, account_watches.newest);
    if config.watch_secrets {
        for scope in &scopes {
            let watch = watches.user_secrets(scope, Arc::clone(&context));
            tasks.spawn("the watch of Secrets", watch);
        }
    }

    // All lists are read at the same time.
    let accounts = Source::started("account", accounts, account_wakes, tasks);
    let objects = Source::started("subaccount", objects, object_wakes, tasks);
    let records = vec![watches.records(subaccounts)];
    let records = Source::started("record", records, record_wakes, tasks);
    Ok(Replica {
        accounts: Source::filled(accounts).await?,
        subaccounts: Source::filled(objects).await?,
        records: Source::filled(records).await?,
        account_context,
        errands: errand_runner,
        context,
    })
}

fn recorder(cluster: &Client, endpoints: &Endpoints) -> Recorder {
    let refusals = endpoints.refusals.clone();
    Recorder::new(cluster.clone(), REPORTING_CONTROLLER, &instance(), refusals)
}

fn account_context(
    config: &Config,
    context: &Arc<Context>,
    errands: Errands,
    slots: Slots,
    newest: Arc<Newest<AccountObject>>,
) -> Arc<AccountContext> {
    Arc::new(AccountContext {
        places: Places {
            cluster: context.cluster.clone(),
            operator_namespace: context.operator_namespace.clone(),
        },
        registry: Arc::clone(&context.registry),
        dependents: Arc::clone(context) as Arc<dyn account::context::Dependents>,
        tally: Arc::clone(&context.tally),
        errands,
        slots,
        recorder: context.recorder.clone(),
        refusals: context.refusals.clone(),
        metrics: context.metrics.clone(),
        pauses: Pauses::new(config.max_backoff),
        newest,
    })
}

/// Where objects are watched: in each of the namespaces, or everywhere.
fn scopes(config: &Config) -> Vec<Scope> {
    match config.watch_namespaces.as_slice() {
        [] => vec![Scope::Cluster],
        namespaces => namespaces.iter().cloned().map(Scope::Namespace).collect(),
    }
}

/// The installation's id. An API server that cannot be reached yet is waited for, as every watch does, and so is one that
/// refuses the `ConfigMap`: whoever refuses it is told meanwhile.
async fn identity(
    cluster: &Client,
    namespace: &str,
    refusals: &Refusals,
) -> Result<Installation, InstallationError> {
    let part = Requester::Part("installation");
    let mut failures = 0;
    loop {
        match installation(cluster, namespace).await {
            Err(InstallationError::Cluster(error)) if error.is_outcome_unknown() => {
                tracing::warn!(%error, "the API server does not answer; trying again");
            }
            Err(InstallationError::Cluster(error)) if error.is_denied() => {
                tracing::warn!(%error, "the installation's ConfigMap is refused; trying again");
                refusals.set(part.clone(), error.refusal().as_slice());
            }
            result => {
                refusals.clear(part);
                return result;
            }
        }
        failures += 1;
        tokio::time::sleep(delay(failures, random(), LONGEST_START_PAUSE)).await;
    }
}

fn times(config: &Config) -> Times {
    Times {
        settle: config.settle,
        retention: config.retention,
        secret_check_interval: config.secret_check_interval,
    }
}

fn caches<K: Resource + 'static>(scopes: &[Scope], watches: &[Watch<K>]) -> Caches<K> {
    let caches = watches.iter().map(|watch| watch.cache.clone());
    Caches::new(scopes.iter().cloned().zip(caches).collect())
}
