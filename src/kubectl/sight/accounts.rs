//! The Accounts and `ClusterAccounts` that are there. I/O: one request for each page.

use kube::api::{Api, ListParams};

use super::{Seen, pages};
use crate::account::object::AccountObject;
use crate::controller::lenient::Guarded;
use crate::crd::{Account, ClusterAccount};
use crate::kubectl::failure::Failure;
use crate::kubectl::session::Session;

/// The Accounts of a namespace, or of all.
pub async fn accounts(
    session: &Session,
    namespace: Option<&str>,
) -> Result<Seen<Vec<Guarded<AccountObject>>>, Failure> {
    let (api, what): (Api<Account>, _) = match namespace {
        Some(namespace) => (
            Api::namespaced(session.cluster.clone(), namespace),
            format!("Accounts of the namespace {namespace}"),
        ),
        None => (
            Api::all(session.cluster.clone()),
            "Accounts of all namespaces".to_owned(),
        ),
    };
    let mut found = Vec::new();
    let listed = pages::each(&api, ListParams::default(), |page: Vec<Guarded<Account>>| {
        found.extend(page.into_iter().map(AccountObject::guarded));
    })
    .await;
    Seen::of(&what, listed.map(|()| found))
}

/// The `ClusterAccounts`.
pub async fn cluster_accounts(session: &Session) -> Result<Seen<Vec<Guarded<AccountObject>>>, Failure> {
    let api: Api<ClusterAccount> = Api::all(session.cluster.clone());
    let mut found = Vec::new();
    let listed = pages::each(
        &api,
        ListParams::default(),
        |page: Vec<Guarded<ClusterAccount>>| {
            found.extend(page.into_iter().map(AccountObject::guarded));
        },
    )
    .await;
    Seen::of("ClusterAccounts", listed.map(|()| found))
}
