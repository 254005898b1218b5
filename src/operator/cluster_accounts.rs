//! Whether `ClusterAccounts` can be looked at here: their kind is installed, and this process may list what it takes. I/O.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, Client, Resource};
use serde::de::IgnoredAny;

use super::tasks::Tasks;
use crate::cli::Config;
use crate::controller::backoff::delay;
use crate::controller::cluster::ask;
use crate::controller::namespaces::Namespaces;
use crate::controller::readiness::Readiness;
use crate::controller::wake::Scope;
use crate::controller::watch::Watch;
use crate::crd::ClusterAccount;
use crate::dice::random;

/// The longest pause between two attempts to ask an API server that does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// After so many failures a kind is not installed: one whose definition was applied a moment ago is served soon.
const UNSERVED: u32 = 3;

/// What a person looks for.
const FLAG: &str = "--cluster-accounts";

/// Where `ClusterAccounts` are watched; none where they are not.
pub(super) async fn scope(config: &Config, cluster: &Client, readiness: &Readiness) -> Option<Scope> {
    let is_watched = config.cluster_accounts && may_be_watched(cluster, readiness).await;
    is_watched.then_some(Scope::Unnamespaced)
}

/// Starts the watch of namespaces and waits until it has shown them all: what is not known would hold Subaccounts up.
pub(super) async fn namespaces(
    watch: Watch<PartialObjectMeta<Namespace>>,
    tasks: &mut Tasks,
) -> anyhow::Result<Namespaces> {
    tasks.spawn("the watch of namespaces", watch.task);
    watch.cache.complete().await?;
    Ok(Namespaces::watched(watch.cache))
}

/// Asks for one of each. An installation for some namespaces alone has no right to them, which is no failure; that they are not looked at
/// is told.
async fn may_be_watched(cluster: &Client, readiness: &Readiness) -> bool {
    let kinds = [
        may_be_listed::<ClusterAccount>(cluster).await,
        may_be_listed::<Namespace>(cluster).await,
    ];
    let missing: Vec<String> = kinds.into_iter().filter_map(Result::err).collect();
    if missing.is_empty() {
        return true;
    }
    let remark = format!(
        "no ClusterAccount is looked at: {}; that is asked for once, when the operator starts",
        missing.join("; ")
    );
    tracing::warn!("{FLAG}: {remark}");
    readiness.remark(FLAG, Some(remark));
    false
}

/// Why not, if not. An API server that does not answer is waited for.
async fn may_be_listed<K: Resource<DynamicType = ()> + Clone>(cluster: &Client) -> Result<(), String> {
    let objects: Api<K> = Api::all(cluster.clone());
    let mut failures = 0;
    loop {
        let listed = ask(&objects, |request| request.list(&ListParams::default().limit(1))).await;
        let kind = K::plural(&());
        match listed {
            Ok(IgnoredAny) => return Ok(()),
            Err(error) if error.is_unserved() && failures >= UNSERVED => {
                return Err(format!("{kind} are not installed"));
            }
            Err(error) if error.is_denied() => {
                return Err(format!("{kind} may not be listed in the whole cluster"));
            }
            Err(error) => {
                failures += 1;
                tracing::warn!(%kind, %error, "failed to ask for one; trying again");
                tokio::time::sleep(delay(failures, random(), LONGEST_PAUSE)).await;
            }
        }
    }
}
