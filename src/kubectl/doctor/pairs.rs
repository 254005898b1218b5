//! Looks at Subaccounts, their Records and their Secrets, page by page. I/O.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};

use super::check::{Check, Part};
use super::records;
use super::secrets::{self, Held, Holder, Said, Tally};
use crate::controller::lenient::Guarded;
use crate::crd::{MANAGED_BY, MANAGED_BY_LABEL, Subaccount};
use crate::kubectl::failure::Failure;
use crate::kubectl::orphans::judge::{self, Twice};
use crate::kubectl::orphans::objects::Objects;
use crate::kubectl::session::Session;
use crate::kubectl::sight::records::{All, Records};
use crate::kubectl::sight::{Seen, objects, pages};
use crate::vobiz::{Client, Credentials, Error};

/// Between two questions about pairs: ten a second, as an Account asks for by default.
const PAUSE: Duration = Duration::from_millis(100);

/// Where is looked, and with what.
pub struct Scope<'a> {
    /// Whom it is run against.
    pub session: &'a Session,
    /// The namespace; none: all.
    pub namespace: Option<&'a str>,
    /// Whom Vobiz is asked by.
    pub client: Option<&'a Client>,
    /// It is asked about every pair.
    pub asks_all: bool,
}

/// Every check of Records and Secrets.
pub async fn all(scope: &Scope<'_>) -> Result<Vec<Check>, Failure> {
    let (mut earlier, mut later) = (Records::new(scope.session), Records::new(scope.session));
    let before = earlier.all().await?;
    let (objects, holders) = match subaccounts(scope).await? {
        Seen::Shown(seen) => seen,
        Seen::Hidden(why) => return Ok(vec![Check::unseen(Part::Secret, scope.place(), &why)]),
    };
    let since = later.all().await?;
    let mut checks = match (before, since) {
        (Seen::Shown(before), Seen::Shown(since)) => {
            let (left, unjudged) = judge::records_left(Twice { before, since }, &objects, &scope.records());
            records::judge(&scope.place(), &left, unjudged)
        }
        (Seen::Hidden(why), _) | (_, Seen::Hidden(why)) => {
            vec![Check::unseen(
                Part::Record,
                format!("Records of {}", scope.place()),
                why,
            )]
        }
    };
    checks.extend(pairs(scope, holders, since.shown()).await?);
    Ok(checks)
}

impl Scope<'_> {
    fn place(&self) -> String {
        match self.namespace {
            Some(namespace) => format!("the namespace {namespace}"),
            None => "all namespaces".to_owned(),
        }
    }

    fn records(&self) -> judge::Scope {
        match self.namespace {
            Some(namespace) => judge::Scope::Of([].into(), Some(namespace.to_owned())),
            None => judge::Scope::Everything,
        }
    }

    fn secrets(&self) -> Api<Secret> {
        let cluster = self.session.cluster.clone();
        match self.namespace {
            Some(namespace) => Api::namespaced(cluster, namespace),
            None => Api::all(cluster),
        }
    }
}

/// By namespace and name of the Secret.
type Holders = HashMap<(String, String), Holder>;

async fn subaccounts(scope: &Scope<'_>) -> Result<Seen<(Objects, Holders)>, Failure> {
    let (mut objects, mut holders) = (Objects::of(scope.namespace), Holders::new());
    let note = |page: Vec<Guarded<Subaccount>>| {
        for object in page {
            objects.note(&object);
            if let Ok(object) = &object.0 {
                let holder = Holder::of(object);
                holders.insert((holder.namespace.clone(), holder.secret.clone()), holder);
            }
        }
    };
    Ok(
        match objects::subaccounts(&scope.session.cluster, scope.namespace, note).await? {
            Seen::Shown(()) => Seen::Shown((objects, holders)),
            Seen::Hidden(why) => Seen::Hidden(why),
        },
    )
}

/// What is wrong with the Secrets of these Subaccounts.
async fn pairs(
    scope: &Scope<'_>,
    mut holders: Holders,
    records: Option<&All>,
) -> Result<Vec<Check>, Failure> {
    let parameters = ListParams::default().labels(&format!("{MANAGED_BY_LABEL}={MANAGED_BY}"));
    let mut found: Vec<(Holder, Held)> = Vec::new();
    let read = pages::each(&scope.secrets(), parameters, |page: Vec<Secret>| {
        for secret in page {
            let place = (secret.namespace().unwrap_or_default(), secret.name_any());
            let Some(holder) = holders.remove(&place) else {
                continue;
            };
            let record = records.and_then(|records| records.readable().get(&holder.uid));
            let held = Held::of(&holder, &secret, record.as_ref().map(|stored| &stored.record));
            found.push((holder, held));
        }
    })
    .await;
    let what = format!("Secrets of {}", scope.place());
    if let Seen::Hidden(why) = Seen::of(&what, read)? {
        return Ok(vec![Check::unseen(Part::Secret, what, &why)]);
    }
    let (mut checks, mut tally) = (Vec::new(), Tally::default());
    for (holder, held) in &found {
        let said = match (held.doubtful(holder, scope.asks_all), scope.client) {
            (Some(pair), Some(client)) => ask(client, pair).await,
            _ => Said::Nothing,
        };
        tally.note(held, &said);
        checks.extend(secrets::judge(holder, held, &said));
    }
    checks.extend(holders.values().filter_map(secrets::missing));
    checks.sort_by(|one, other| one.object.cmp(&other.object));
    let is_faultless = checks.is_empty();
    checks.extend(tally.told(&scope.place(), is_faultless));
    Ok(checks)
}

/// Whose the pair is.
async fn ask(client: &Client, pair: &Credentials) -> Said {
    tokio::time::sleep(PAUSE).await;
    match client.me_as(pair).await {
        Ok(id) => Said::Of(id),
        Err(Error::Unauthorized | Error::Forbidden { .. }) => Said::Refused,
        Err(error) => Said::Failed(error.to_string()),
    }
}
