//! Looks at one Subaccount from all sides. I/O.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use kube::core::ObjectList;
use kube::{Api, ResourceExt as _};

use super::facts::{Page, Said, Told};
use crate::account::key::AccountKey;
use crate::controller::cluster::ask;
use crate::controller::lenient::Guarded;
use crate::controller::versioned::{Versioned, get_versioned};
use crate::controller::wake::ObjectKey;
use crate::crd::condition::{ConditionType, find};
use crate::crd::{DeletionPolicy, Subaccount};
use crate::kubectl::answer::Answer;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Format, StatusFlags};
use crate::kubectl::output;
use crate::kubectl::plan::prospect::Because;
use crate::kubectl::plan::rehearsal::{Case, rehearse};
use crate::kubectl::session::Session;
use crate::kubectl::sight::Seen;
use crate::kubectl::sight::account::Account;
use crate::kubectl::sight::sights::Sights;
use crate::subaccount::secret::{is_ours, name_of};
use crate::subaccount::store::record::Phase;
use crate::subaccount::tell::rows::UNREADABLE;
use crate::vobiz::AuthId;

/// Events that are shown.
const EVENTS: usize = 5;

/// Prints all that is known of it.
pub async fn show(session: &Session, name: &str, flags: &StatusFlags) -> Result<Answer, Failure> {
    let what = format!("Subaccount {}/{name}", session.namespace);
    let api: Api<Guarded<Subaccount>> = Api::namespaced(session.cluster.clone(), &session.namespace);
    let read = get_versioned(&api, name).await;
    let read = read
        .map_err(|error| Failure::of_cluster(&what, &error))?
        .map(Versioned::into_object);
    let Some(Guarded(object)) = read else {
        return Err(Failure::new(
            what,
            "there is none",
            "list them: kubectl vobiz status",
        ));
    };
    let object = object.map_err(|_| Failure::new(what, "it cannot be read", UNREADABLE))?;
    let page = Box::pin(page(session, &object)).await?;
    output::data(&match flags.output {
        Format::Table => page.text(output::is_terminal()),
        format => output::written(&page, format)?,
    })?;
    Ok(if page.is_stalled() {
        Answer::Finding
    } else {
        Answer::Nothing
    })
}

async fn page(session: &Session, object: &Subaccount) -> Result<Page, Failure> {
    let key = ObjectKey::of(object);
    let mut sights = Sights::new(session);
    let account_key = AccountKey::referred(&key.namespace, &object.spec.account_ref);
    let mut page = Page {
        subaccount: key.to_string(),
        conditions: conditions(object),
        ..Page::default()
    };
    let account = sights.account(&account_key).await?;
    page.account = format!("{}: {}", object.spec.account_ref, account_words(account));
    page.account_trouble = account.trouble().map(|reason| reason.as_str().to_owned());
    page.parent = account.parent_id().map(|id| id.to_string());
    page.deletion = deletion(object, account);
    page.vobiz = at_vobiz(object, account).await?;
    page.record = record(&mut sights, object).await?;
    page.secret = secret(&sights, object).await?;
    page.events = events(session, object).await?;
    let case = Case {
        stored: Some(object.clone()),
        object: object.clone(),
        is_going: object.metadata.deletion_timestamp.is_some(),
        because: Because::Manifest,
        compares_secret: true,
    };
    let next = rehearse(&mut sights, case).await?;
    page.unseen.clone_from(&next.unseen);
    page.next = Some(next);
    Ok(page)
}

fn conditions(object: &Subaccount) -> Vec<Said> {
    let status = object.status.clone().unwrap_or_default();
    let said = status.conditions.into_iter().map(|condition| Said {
        kind: condition.type_,
        status: condition.status,
        reason: condition.reason,
        message: condition.message,
        since: condition.last_transition_time.0.to_string(),
    });
    said.collect()
}

fn account_words(account: &Account) -> String {
    match (&account.object, account.stored()) {
        (Seen::Hidden(why), _) => why.clone(),
        (_, None) => "there is none".to_owned(),
        (_, Some(stored)) => {
            let conditions = stored
                .status
                .as_ref()
                .map_or(&[][..], |status| &status.conditions);
            match find(conditions, ConditionType::Ready) {
                Some(ready) => format!("Ready {} {}", ready.status, ready.reason),
                None => "no operator has looked at it".to_owned(),
            }
        }
    }
}

fn deletion(object: &Subaccount, account: &Account) -> String {
    let told = object.status.as_ref().and_then(|status| status.deletion_policy);
    let defaults = account
        .stored()
        .map(|account| account.spec.defaults.deletion)
        .unwrap_or_default();
    let (policy, cascade) = object.spec.deletion.in_force(defaults);
    match told.unwrap_or(policy) {
        DeletionPolicy::Delete if cascade => {
            "Delete, with its applications, endpoints and numbers".to_owned()
        }
        DeletionPolicy::Delete => {
            "Delete; its applications, endpoints and numbers go back to the parent".to_owned()
        }
        DeletionPolicy::Disable => "Disable: it stays at Vobiz, disabled".to_owned(),
        DeletionPolicy::Retain => "Retain: it stays at Vobiz as it is".to_owned(),
    }
}

async fn at_vobiz(object: &Subaccount, account: &mut Account) -> Result<String, Failure> {
    let named = object
        .status
        .as_ref()
        .and_then(|status| status.auth_id.as_deref());
    let Some(id) = named
        .or(object.spec.auth_id.as_deref())
        .and_then(|id| AuthId::parse(id).ok())
    else {
        return Ok("no account yet".to_owned());
    };
    Ok(match &mut account.parent {
        Seen::Hidden(why) => format!("{id}; not seen: {why}"),
        Seen::Shown(parent) => match parent.account(&id).await? {
            None => format!("{id} is not there"),
            Some(shown) => {
                let enabled = if shown.is_enabled() { "enabled" } else { "disabled" };
                format!("{id}, {:?}, {enabled}", shown.name())
            }
        },
    })
}

async fn record(sights: &mut Sights<'_>, object: &Subaccount) -> Result<String, Failure> {
    Ok(
        match sights.records.serving(&object.uid().unwrap_or_default()).await? {
            Seen::Hidden(why) => format!("not seen: {why}"),
            Seen::Shown(None) => "none".to_owned(),
            Seen::Shown(Some(found)) => match found.record {
                Err(damaged) => format!("{}: {damaged}", found.secret),
                Ok(record) => {
                    let phase = match record.ledger.phase {
                        Phase::Open => "Open: an account is being made",
                        Phase::Bound => "Bound: it holds an account",
                        Phase::Closed => "Closed: its account is to go",
                        Phase::Kept => "Kept: its account stays",
                    };
                    let fenced = record
                        .last_fenced_at
                        .map(|at| format!("; an attempt was given up at {at}"));
                    format!("{phase}{} ({})", fenced.unwrap_or_default(), found.secret)
                }
            },
        },
    )
}

async fn secret(sights: &Sights<'_>, object: &Subaccount) -> Result<String, Failure> {
    let name = name_of(object);
    let namespace = object.namespace().unwrap_or_default();
    Ok(match sights.user_secret(&namespace, &name).await? {
        Seen::Hidden(why) => format!("{name}; not seen: {why}"),
        Seen::Shown(None) => format!("{name}: there is none"),
        Seen::Shown(Some(read)) => {
            let secret: &Secret = read.object();
            let keys = secret.data.iter().flatten().map(|(key, _)| key.as_str());
            let keys: Vec<&str> = keys.collect();
            let whose = if is_ours(secret, object) {
                ""
            } else {
                "; it is not this object's"
            };
            format!("{name}: keys {}{whose}", keys.join(", "))
        }
    })
}

async fn events(session: &Session, object: &Subaccount) -> Result<Vec<Told>, Failure> {
    let namespace = object.namespace().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(session.cluster.clone(), &namespace);
    let selected = format!("regarding.kind=Subaccount,regarding.name={}", object.name_any());
    let parameters = ListParams::default().fields(&selected);
    let listed = ask(&api, |request| request.list(&parameters)).await;
    let listed: ObjectList<Event> = match Seen::of("events", listed)? {
        Seen::Shown(listed) => listed,
        Seen::Hidden(_) => return Ok(Vec::new()),
    };
    let mut told: Vec<Told> = listed.items.into_iter().map(told).collect();
    told.sort();
    told.reverse();
    told.truncate(EVENTS);
    Ok(told)
}

fn told(event: Event) -> Told {
    let series = event.series.map(|series| series.last_observed_time.0);
    let at = series.or(event.event_time.map(|time| time.0));
    Told {
        at: at
            .map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
            .unwrap_or_default(),
        kind: event.type_.unwrap_or_default(),
        reason: event.reason.unwrap_or_default(),
        note: event.note.unwrap_or_default(),
    }
}
