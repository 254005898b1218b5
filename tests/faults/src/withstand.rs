//! I/O. Looks on while a write is refused for good, then lets it be allowed again.

use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use vobiz_harness::objects::Kind;

use crate::actor::{Actor, OBJECT};
use crate::bystander::Bystander;
use crate::denier::Denier;
use crate::listener::Listener;
use crate::pulse::{LONGEST, unstarved};
use crate::refusal::{Counts, Refusal};
use crate::stage::Stage;
use crate::telling::{Telling, View, telling};
use crate::workload::Workload;
use crate::write::Write;

const LOOK: Duration = Duration::from_millis(100);
/// How long a write is refused: several retries come within it.
const HELD: SignedDuration = SignedDuration::from_secs(12);

/// Everybody who is asked while a write is refused.
pub struct Witnesses<'a> {
    listener: Listener,
    bystander: Bystander<'a>,
}

impl<'a> Witnesses<'a> {
    /// The witnesses of a run.
    pub async fn gather(stage: &'a Stage) -> Result<Self> {
        Ok(Self {
            listener: Listener::start(stage.warden.url().await?)?,
            bystander: Bystander::start(stage).await?,
        })
    }
}

/// What one plan's refusal is measured by.
#[derive(Clone, Copy)]
pub struct Measure<'a> {
    /// Whom to ask.
    pub witnesses: &'a Witnesses<'a>,
    /// What a run without faults asks for.
    pub clean: &'a Counts,
}

/// What was told so far.
#[derive(Default)]
struct Heard {
    told: Option<Timestamp>,
    is_babbled: bool,
    said: String,
}

/// Waits until the write is refused, and returns when it is allowed again.
pub async fn withstand(
    stage: &Stage,
    actor: &Actor<'_>,
    workload: Workload,
    (write, by): (Write, Denier),
    measure: Measure<'_>,
) -> Result<Refusal> {
    let registry = &stage.registry;
    let since = loop {
        if let Some(refused) = registry.refused(&actor.namespace) {
            break refused.since;
        }
        tokio::time::sleep(LOOK).await;
    };
    let listener = &measure.witnesses.listener;
    let heard = listen(stage, actor, (&write, by), listener, since);
    let (heard, edit) = tokio::join!(heard, measure.witnesses.bystander.edit());
    let refused = registry.refused(&actor.namespace);
    let given_up = registry.given_up(&actor.namespace).len();
    let until = Timestamp::now();
    registry.allow(&actor.namespace);
    let times = refused.map(|refused| refused.times).unwrap_or_default();
    // The first object's end lets the Account and its Secret go; moments later the second one needs them again. And an object that
    // is deleted needs no Secret any more.
    let is_soon_needless = match workload {
        Workload::Recreate => write.may_release_a_mark(),
        Workload::DeleteDuringCreate => write.is_of_users_secret(),
        // Nobody reads events of a namespace that is gone, and the process tells nothing of what is gone.
        Workload::NamespaceDeleted | Workload::SharedNamespaceDeleted => write.is_event(),
        // Whoever is held up leaves the account to the other.
        Workload::AdoptTwice => true,
        _ => false,
    };
    let is_needless = is_soon_needless && times == 1;
    let given_up = given_up
        + match workload {
            // While the parent's pair is exchanged, whether it works is asked as often as a request meets the one before. Whoever names
            // what is being made asks whose attempt that is, unless it is bound by then. And whoever gives way looks again at what the
            // other one has.
            Workload::CredentialsRotated | Workload::AdoptBesideCreate | Workload::AdoptTwice => 1,
            _ => 0,
        };
    Ok(Refusal {
        is_expected: is_needless || by == Denier::Terminating && !workload.leaves_the_namespace(),
        write,
        by,
        since,
        until,
        times,
        told: heard.told,
        is_babbled: heard.is_babbled,
        said: heard.said,
        edit: edit.context("failed to edit the healthy object")?,
        clean: measure.clean.clone(),
        given_up,
    })
}

/// Looks at everything that could tell of it, for as long as it is refused.
async fn listen(
    stage: &Stage,
    actor: &Actor<'_>,
    (write, by): (&Write, Denier),
    listener: &Listener,
    since: Timestamp,
) -> Heard {
    let mut heard = Heard::default();
    loop {
        let (kind, namespace, name) = actor.account_place();
        let account = stage.cluster.find(kind, namespace, name);
        let find = |name| stage.cluster.find(Kind::Subaccount, &actor.namespace, name);
        let object = find(OBJECT);
        let others = actor.concerned().into_iter().filter(|name| *name != OBJECT);
        let others: Vec<_> = others.filter_map(find).collect();
        let objects = [object.as_deref()].into_iter();
        let voice = listener.heard();
        let now = Timestamp::now();
        // Whichever of them it is refused to may tell.
        for object in objects.chain(others.iter().map(|other| Some(&**other))) {
            let view = View {
                object,
                account: account.as_deref(),
                voice: &voice,
            };
            match telling(write, by, view) {
                Telling::Silent => {}
                Telling::Told => heard.told = heard.told.or(Some(now)),
                Telling::Babbled => heard.is_babbled = true,
            }
        }
        let held = unstarved(&stage.pulse.starved(), since, now);
        if held > HELD || now.duration_since(since) > LONGEST {
            heard.said = format!(
                "the object says {}, its Account {}",
                said(object.as_deref()),
                said(account.as_deref())
            );
            return heard;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The reasons and messages of an object's conditions.
fn said(object: Option<&Value>) -> String {
    let Some(object) = object else {
        return "nothing: it is gone".to_owned();
    };
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let words = conditions.map(|condition| {
        let word = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
        format!(
            "{}={} {} '{}'",
            word("type"),
            word("status"),
            word("reason"),
            word("message")
        )
    });
    format!("[{}]", words.collect::<Vec<_>>().join(", "))
}
