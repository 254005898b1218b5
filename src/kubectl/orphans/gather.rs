//! Reads all that tells what no object keeps: Records, lists of Vobiz, objects, and Records once more. I/O.

use std::collections::HashSet;

use super::judge::{self, Facts, Listed, Scope, Twice};
use super::objects::Objects;
use super::orphan::Report;
use crate::account::key::AccountKey;
use crate::account::object::AccountObject;
use crate::controller::lenient::Guarded;
use crate::crd::{AccountKind, Subaccount};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::OrphansFlags;
use crate::kubectl::session::Session;
use crate::kubectl::sight::account::Account;
use crate::kubectl::sight::objects::subaccounts;
use crate::kubectl::sight::records::Records;
use crate::kubectl::sight::sights::Sights;
use crate::kubectl::sight::{Seen, accounts};
use crate::vobiz::ParentAuthId;

/// What no object keeps.
pub async fn report(session: &Session, flags: &OrphansFlags) -> Result<Report, Failure> {
    let mut unseen = Vec::new();
    let (mut earlier, mut later) = (Records::new(session), Records::new(session));
    let before = earlier.all().await?;
    let chosen = chosen(session, flags, &mut unseen).await?;
    let scope = if flags.all_namespaces {
        Scope::Everything
    } else {
        let is_named = flags.account.is_some() || flags.cluster_account.is_some();
        let namespace = (!is_named).then(|| session.namespace.clone());
        Scope::Of(chosen.iter().filter_map(Account::parent_id).collect(), namespace)
    };
    let parents = lists(chosen, &mut unseen).await;
    if let (Seen::Hidden(why), true) = (before, parents.is_empty()) {
        unseen.push(why.clone());
        return Err(Failure::new(
            "orphans",
            format!(
                "neither the Records nor any list of Vobiz can be seen ({})",
                unseen.join("; ")
            ),
            "ask for one of these rights, or name an Account whose credentials you may read",
        ));
    }
    let objects = objects(session, &mut unseen).await?;
    let installation = Sights::new(session).installation().await?;
    let records = match (before, later.all().await?) {
        (Seen::Shown(before), Seen::Shown(since)) => Seen::Shown(Twice { before, since }),
        (Seen::Hidden(why), _) | (_, Seen::Hidden(why)) => Seen::Hidden(why.clone()),
    };
    let mut report = judge::judge(&Facts {
        installation: &installation,
        records,
        objects: &objects,
        parents: &parents,
        scope: &scope,
    });
    unseen.append(&mut report.unseen);
    report.unseen = unseen;
    Ok(report)
}

/// The Accounts that are meant.
async fn chosen(
    session: &Session,
    flags: &OrphansFlags,
    unseen: &mut Vec<String>,
) -> Result<Vec<Account>, Failure> {
    let namespace = &session.namespace;
    let named = match (&flags.account, &flags.cluster_account) {
        (Some(name), _) => Some(AccountKey::within(namespace, name)),
        (_, Some(name)) => Some(AccountKey::named(namespace, AccountKind::ClusterAccount, name)),
        (None, None) => None,
    };
    if let Some(key) = named {
        let account = Account::look(session, &key, None).await?;
        return match &account.object {
            Seen::Shown(Some(_)) => Ok(vec![account]),
            Seen::Shown(None) => Err(Failure::new(
                format!("{} {key}", key.kind().as_str()),
                "there is none",
                "name another one",
            )),
            Seen::Hidden(why) => {
                unseen.push(why.clone());
                Ok(Vec::new())
            }
        };
    }
    let mut listed =
        vec![accounts::accounts(session, (!flags.all_namespaces).then_some(namespace.as_str())).await?];
    if flags.all_namespaces {
        listed.push(accounts::cluster_accounts(session).await?);
    }
    let mut chosen = Vec::new();
    for listed in listed {
        match listed {
            Seen::Hidden(why) => unseen.push(why),
            Seen::Shown(listed) => {
                for stored in listed {
                    chosen.extend(look(session, stored, unseen).await);
                }
            }
        }
    }
    Ok(chosen)
}

async fn look(
    session: &Session,
    stored: Guarded<AccountObject>,
    unseen: &mut Vec<String>,
) -> Option<Account> {
    let key = AccountKey::of(&stored);
    let Ok(stored) = stored.0 else {
        unseen.push(format!("{} {key}: it cannot be read", key.kind().as_str()));
        return None;
    };
    match Account::of(session, &key, stored).await {
        Ok(account) => Some(account),
        // Of one Account among many: the others go on.
        Err(failure) => {
            unseen.push(failure.to_string());
            None
        }
    }
}

/// The list of each parent account, read once whoever shares it.
async fn lists(chosen: Vec<Account>, unseen: &mut Vec<String>) -> Vec<Listed> {
    let mut listed: Vec<Listed> = Vec::new();
    let mut seen: HashSet<ParentAuthId> = HashSet::new();
    for account in chosen {
        let name = format!("{} {}", account.key.kind().as_str(), account.key);
        let parent = match account.parent {
            Seen::Shown(parent) => parent,
            Seen::Hidden(why) => {
                unseen.push(format!("{name}: {why}"));
                continue;
            }
        };
        if seen.contains(parent.id()) {
            continue;
        }
        let (id, generation) = (parent.id().clone(), parent.generation);
        match parent.into_all().await {
            Ok(accounts) => {
                seen.insert(id.clone());
                listed.push(Listed {
                    id,
                    account: name,
                    generation,
                    accounts,
                });
            }
            // Another Account of the same parent may have a pair that works.
            Err(failure) => unseen.push(format!("{name}: {failure}")),
        }
    }
    listed
}

/// The Subaccounts of the cluster, or of the namespace alone where the caller may not see the others.
async fn objects(session: &Session, unseen: &mut Vec<String>) -> Result<Objects, Failure> {
    let (objects, everywhere) = listed(session, None).await?;
    let Seen::Hidden(why) = everywhere else {
        return Ok(objects);
    };
    let (objects, own) = listed(session, Some(&session.namespace)).await?;
    unseen.push(why);
    if let Seen::Hidden(why) = own {
        unseen.push(why);
        return Ok(Objects::of(Some("")));
    }
    Ok(objects)
}

async fn listed(session: &Session, namespace: Option<&str>) -> Result<(Objects, Seen<()>), Failure> {
    let mut objects = Objects::of(namespace);
    let note = |page: Vec<Guarded<Subaccount>>| page.iter().for_each(|object| objects.note(object));
    let read = subaccounts(&session.cluster, namespace, note).await?;
    Ok((objects, read))
}
