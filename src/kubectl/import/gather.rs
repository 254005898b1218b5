//! Finds what is at Vobiz and kept by nobody, and words a manifest for each. I/O.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::naming::{Names, Pattern};
use super::wording;
use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::account::parent::roster::marker_of;
use crate::controller::wake::ObjectKey;
use crate::crd::{AccountKind, GROUP, VERSION};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::ImportFlags;
use crate::kubectl::output::word;
use crate::kubectl::progress::Progress;
use crate::kubectl::session::Session;
use crate::kubectl::sight::Seen;
use crate::kubectl::sight::objects::{self, Kind, ObjectId};
use crate::kubectl::sight::sights::Sights;
use crate::subaccount::store::memory::Mark;
use crate::vobiz::{AuthId, Page, Subaccount};

/// The most ids that an Account may list.
const MOST_GRANTS: usize = 1000;

/// What is to be written.
pub struct Import {
    /// A manifest for each account, with why it is looked at alone, if so.
    pub subaccounts: Vec<(Value, Option<&'static str>)>,
    /// The Account with the right to have them, where it does not give that yet.
    pub account: Option<Value>,
}

/// What is at Vobiz and kept by nobody.
pub async fn import(session: &Session, flags: &ImportFlags) -> Result<Import, Failure> {
    let key = chosen_account(session, flags).await?;
    let pattern = pattern(flags)?;
    let mut sights = Sights::new(session);
    let mut names = Names::default();
    let kept = kept(session, &mut sights, &mut names).await?;
    let installation = sights.installation().await?;
    let account = sights.account(&key).await?;
    let stored = account.stored().cloned();
    let what = format!("{} {key}", key.kind().as_str());
    let stored = stored
        .ok_or_else(|| Failure::new(&what, "there is none", "create it first, with its credentials"))?;
    let spec = stored_spec(session, &key).await?;
    let parent = match &mut account.parent {
        Seen::Shown(parent) => parent,
        Seen::Hidden(why) => {
            return Err(Failure::new(
                what,
                why.clone(),
                "ask whoever may read the credentials to import",
            ));
        }
    };
    let generation = parent.generation;
    let progress = Progress::of("subaccounts at Vobiz", None);
    let each = |page: &Page| progress.add(page.subaccounts.len(), page.total);
    let mut accounts: Vec<Subaccount> = parent.all_by_page(each).await?.values().cloned().collect();
    drop(progress);
    accounts.sort_by(|one, other| (one.name(), &one.auth_id).cmp(&(other.name(), &other.auth_id)));
    for wanted in &flags.auth_ids {
        if !accounts.iter().any(|account| account.auth_id.as_str() == wanted) {
            return Err(Failure::new(
                wanted.as_str(),
                "the parent account has no such subaccount",
                "list all: --all",
            ));
        }
    }
    let mut import = Import {
        subaccounts: Vec::new(),
        account: None,
    };
    let mut ids = Vec::new();
    for account in accounts {
        let id = account.auth_id.as_str();
        if !flags.all && !flags.auth_ids.iter().any(|wanted| wanted == id) {
            continue;
        }
        let mark = match installation.shown().copied().flatten() {
            Some(ours) => Mark::of(marker_of(&account, generation), ours),
            None => Mark::None,
        };
        if kept.contains(&account.auth_id) {
            word(&format!("{id} is kept already: left out"));
            continue;
        }
        if mark == Mark::Anothers {
            word(&format!(
                "{id} is kept by another installation of the operator: left out"
            ));
            continue;
        }
        let (namespace, name) = match &pattern {
            None => (session.namespace.as_str(), account.name()),
            Some(pattern) => {
                let Some(parts) = pattern.split(account.name()) else {
                    word(&format!(
                        "{id} has a name of another form than --namespace-from: left out"
                    ));
                    continue;
                };
                parts
            }
        };
        let object = ObjectKey {
            namespace: namespace.to_owned(),
            name: names.give(namespace, name, id),
        };
        let prefix = stored
            .spec
            .name_prefix
            .replace(crate::crd::NAMESPACE_PLACEHOLDER, namespace);
        let wording = wording::of(&account, &object, &prefix, generation, flags.observe);
        import
            .subaccounts
            .push((manifest(&key, &object, wording.spec), wording.observed_because));
        ids.push((account.auth_id, object.namespace));
    }
    import.account = grant(&key, &stored, &spec, &ids);
    Ok(import)
}

/// The Account that is named, else the only one of the namespace.
async fn chosen_account(session: &Session, flags: &ImportFlags) -> Result<AccountKey, Failure> {
    let namespace = &session.namespace;
    if let Some(name) = &flags.cluster_account {
        return Ok(AccountKey::named(namespace, AccountKind::ClusterAccount, name));
    }
    if let Some(name) = &flags.account {
        return Ok(AccountKey::within(namespace, name));
    }
    let found = objects::accounts(&session.cluster, namespace, None).await?;
    match found
        .iter()
        .filter_map(ObjectId::account)
        .collect::<Vec<_>>()
        .as_slice()
    {
        [one] => Ok(one.clone()),
        several => Err(Failure::new(
            format!("namespace {namespace}"),
            format!("it has {} Accounts", several.len()),
            "name one with --account or --cluster-account",
        )),
    }
}

/// The spec of the Account as it is stored.
async fn stored_spec(session: &Session, key: &AccountKey) -> Result<Value, Failure> {
    let id = ObjectId {
        kind: match key.kind() {
            AccountKind::Account => Kind::Account,
            AccountKind::ClusterAccount => Kind::ClusterAccount,
        },
        key: ObjectKey {
            namespace: key.namespace().to_owned(),
            name: key.name().to_owned(),
        },
    };
    let stored = objects::get(&session.cluster, &id).await?;
    let spec = stored
        .shown()
        .and_then(Option::as_ref)
        .map(|stored| stored["spec"].clone());
    Ok(spec.unwrap_or_default())
}

fn pattern(flags: &ImportFlags) -> Result<Option<Pattern>, Failure> {
    let Some(text) = &flags.namespace_from else {
        return Ok(None);
    };
    let wrong = || {
        Failure::new(
            "--namespace-from",
            "it does not hold {namespace} and {name} once each, with something between them",
            "write it as {namespace}-{name}, for example",
        )
    };
    Pattern::parse(text).map(Some).ok_or_else(wrong)
}

/// Accounts that a Record or an object names; and the names that objects have.
async fn kept(
    session: &Session,
    sights: &mut Sights<'_>,
    names: &mut Names,
) -> Result<HashSet<AuthId>, Failure> {
    let mut kept = HashSet::new();
    let progress = Progress::of("Subaccounts of the cluster", None);
    let mut note = |page: Vec<Value>| {
        progress.add(page.len(), None);
        for object in page {
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
            names.take(
                text("/metadata/namespace").unwrap_or_default(),
                text("/metadata/name").unwrap_or_default(),
            );
            let ids = ["/status/authId", "/spec/authId"].into_iter().filter_map(text);
            kept.extend(ids.filter_map(|id| AuthId::parse(id).ok()));
        }
    };
    let everywhere = objects::subaccounts(&session.cluster, None, &mut note).await?;
    if everywhere.shown().is_none() {
        objects::list(&session.cluster, Some(&session.namespace), None, &mut note).await?;
    }
    drop(progress);
    if let Seen::Hidden(why) = everywhere {
        word(&format!(
            "{why}, so what those of other namespaces keep is not left out"
        ));
    }
    match sights.records.all().await? {
        Seen::Shown(all) => kept.extend(all.held()),
        Seen::Hidden(why) => word(why),
    }
    Ok(kept)
}

fn manifest(account: &AccountKey, object: &ObjectKey, mut spec: serde_json::Map<String, Value>) -> Value {
    let mut reference = json!({"name": account.name()});
    if account.kind() == AccountKind::ClusterAccount {
        reference["kind"] = json!(account.kind().as_str());
    }
    spec.insert("accountRef".to_owned(), reference);
    json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "Subaccount",
        "metadata": {"name": object.name, "namespace": object.namespace},
        "spec": spec,
    })
}

/// The Account, with the right to have these; none if it gives that already.
fn grant(key: &AccountKey, stored: &AccountObject, spec: &Value, ids: &[(AuthId, String)]) -> Option<Value> {
    let more = ids
        .iter()
        .filter(|(id, namespace)| !stored.adoptable.allow(namespace, id.as_str()));
    let more: Vec<&(AuthId, String)> = more.collect();
    if more.is_empty() {
        return None;
    }
    let mut spec = spec.clone();
    let adoptable = &mut spec["adoptable"];
    if key.kind() == AccountKind::ClusterAccount {
        let listed = adoptable.as_array().cloned().unwrap_or_default();
        let added = more
            .iter()
            .map(|(id, namespace)| json!({"authId": id, "namespace": namespace}));
        *adoptable = listed.into_iter().chain(added).collect();
    } else {
        let listed = adoptable["authIds"].as_array().cloned().unwrap_or_default();
        let added = more.iter().map(|(id, _)| json!(id));
        *adoptable = json!({"authIds": listed.into_iter().chain(added).collect::<Vec<_>>()});
    }
    let count = more.len();
    if count > MOST_GRANTS {
        word(&format!(
            "an Account lists at most {MOST_GRANTS} ids, and these are {count}: apply them in parts"
        ));
    }
    let mut metadata = json!({"name": key.name()});
    if !key.namespace().is_empty() {
        metadata["namespace"] = json!(key.namespace());
    }
    Some(json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": key.kind().as_str(),
        "metadata": metadata,
        "spec": spec,
    }))
}
