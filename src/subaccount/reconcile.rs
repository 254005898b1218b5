//! Drives one pass: observe, plan, act, and again; then status, events and the time of the next pass. I/O.

use super::context::{Context, WalkWaiter};
use super::effects;
use super::explain::explain;
use super::facts::{self, Directive, Object, UserSecret};
use super::news::{self, News, normal};
use super::outcome::{Next, Outcome, SECRET_PROBE, failure};
use super::pass::{Pass, now, wall_clock};
use super::plan::{Rest, Step, Wait, plan};
use super::record::{Phase, secret_name};
use super::status::{self, View};
use crate::controller::cluster::ClusterError;
use crate::controller::event::EventKind;
use crate::controller::guarded_patch;
use crate::controller::refusal::Refusal;
use crate::controller::refusals::Source;
use crate::crd::condition::ConditionType;
use crate::crd::{Subaccount, SubaccountStatus};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Resource, ResourceExt};
use serde_json::json;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Steps after which a pass gives way to others: more of them, and it goes in circles.
const STEPS_PER_PASS: usize = 40;

/// A safety net for passes that something else wakes.
const WOKEN_AT_LAST: Duration = Duration::from_mins(5);

/// Passes in a row that found something else than they had read, before it is told.
const OUTDATED_BEFORE_TOLD: u32 = 2;

/// How long a process that is to end goes on trying to store such pairs, and how often.
const LAST_ATTEMPTS: Duration = Duration::from_secs(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two attempts to store a pair that is in memory only.
const HELD_PAUSE: Duration = Duration::from_secs(10);

/// What a pass comes to for its controller.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// When to look again; none: when something changes.
    pub next: Option<Duration>,
    /// A request that it made failed.
    pub failed: bool,
}

impl Ended {
    fn new(outcome: &Outcome, next: Option<Duration>) -> Self {
        let failed = outcome.failed_request
            || matches!(outcome.rest, Rest::Waiting(Wait::Cluster | Wait::WriteRefused));
        Self { next, failed }
    }
}

/// One pass over a Subaccount as the cache shows it.
pub async fn object(context: &Context, cached: Arc<Subaccount>) -> Ended {
    let mut pass = Pass::of_object(context, cached);
    let observed = pass.object.clone();
    let outcome = run(&mut pass).await;
    let outcome = persistent(&pass, outcome);
    finish(&mut pass, observed.as_deref(), &outcome).await;
    tracing::debug!(object = %pass.key, uid = pass.uid, rest = ?outcome.rest, "pass over a subaccount ended");
    // The series of an object that is gone went with it.
    if !pass.released {
        context.metrics_of(&pass);
    }
    pass.leave_queue(&outcome);
    Ended::new(&outcome, next(&pass, &outcome))
}

/// The janitor's pass over a Record, whether its object lives or not. None: there was nothing to do.
pub async fn record(context: &Context, secret: &str) -> Option<Ended> {
    let stored = context.records.in_secret(secret)?;
    let record = &stored.record;
    let held = context.held_pairs.get(&record.subject.uid).is_some();
    let cached = context.cached(&record.subject.namespace, &record.subject.name);
    let lives = cached.is_some_and(|object| object.uid().as_deref() == Some(&record.subject.uid));
    let ended = matches!(record.ledger.phase, Phase::Closed | Phase::Kept);
    // A living object looks after its Record itself, but for the epochs that a takeover fenced.
    if lives && (held || ended || !record.ledger.is_fenced()) {
        context.refusals.clear(context.source_of_record(secret));
        return None;
    }
    let mut pass = Pass::of_record(context, secret.to_owned(), record);
    let outcome = run(&mut pass).await;
    note_refusals(&pass, &outcome, None);
    report_orphan(&pass, &outcome).await;
    publish(&pass, news::of_deeds(&pass.deeds)).await;
    await_walk(&pass, &outcome, WalkWaiter::Record(pass.record_name.clone()));
    pass.leave_queue(&outcome);
    if outcome.rest == Rest::Settled {
        context.succeeded(&pass.uid);
        return Some(Ended::new(&outcome, None));
    }
    Some(Ended::new(&outcome, next(&pass, &outcome)))
}

/// The last attempts to store pairs that are in memory only, before the process ends. One that cannot be stored is lost, and nothing
/// else: its attempt is fenced by the next process, and its account deleted.
pub async fn store_held_pairs(context: &Context) {
    let begun = now();
    loop {
        let held = context.held_pairs.all();
        if held.is_empty() {
            return;
        }
        let last = now().duration_since(begun) > LAST_ATTEMPTS;
        for (uid, held) in held {
            let mut pass = Pass::of_record(context, held.record_name, &held.record);
            let outcome = run(&mut pass).await;
            if last && context.held_pairs.get(&uid).is_some() {
                tracing::error!(object = %pass.key, uid, auth_id = %held.pair.auth_id, reason = outcome.message, "a pair is lost");
            }
        }
        if last {
            return;
        }
        tokio::time::sleep(LAST_PAUSE).await;
    }
}

/// What keeps changing under a pass time and again is told: no pass ends without a word for long.
fn persistent(pass: &Pass<'_>, outcome: Outcome) -> Outcome {
    let count = pass.context.memory.with(&pass.uid, |remembered| {
        remembered.outdated_in_a_row = match outcome.rest {
            Rest::Outdated => remembered.outdated_in_a_row.saturating_add(1),
            _ => 0,
        };
        remembered.outdated_in_a_row
    });
    if count < OUTDATED_BEFORE_TOLD {
        return outcome;
    }
    let message = match outcome.message.as_str() {
        "" => "what the operator reads changes before it can act: is another one at work on this object?",
        message => message,
    };
    Outcome {
        refusal: outcome.refusal,
        ..Outcome::waiting(Wait::Cluster, outcome.after, message)
    }
}

/// Tells the process which writes Kubernetes refuses for this object; `status`: that of its status.
fn note_refusals(pass: &Pass<'_>, outcome: &Outcome, status: Option<Refusal>) {
    let held_up = pass.refused.iter().filter_map(|(refusal, _)| refusal.clone());
    let refused: Vec<Refusal> = held_up
        .chain(outcome.refusal.as_deref().cloned())
        .chain(status)
        .collect();
    let source = match pass.facts.object {
        Object::Unseen => pass.context.source_of_record(&pass.record_name),
        Object::Live | Object::Deleting => Source::Object("Subaccount", pass.key.clone()),
    };
    pass.context.refusals.set(source.clone(), &refused);
    let is_stored = || {
        let stored = pass.context.cached(&pass.key.namespace, &pass.key.name);
        stored.is_some_and(|stored| stored.uid().as_deref() == Some(&pass.uid))
    };
    if pass.facts.object != Object::Unseen && !is_stored() {
        // It went meanwhile: no pass comes any more that could say otherwise.
        pass.context.refusals.clear(source);
    }
}

async fn run(pass: &mut Pass<'_>) -> Outcome {
    for _ in 0..STEPS_PER_PASS {
        pass.refresh();
        let step = plan(&pass.facts);
        tracing::trace!(object = %pass.key, uid = pass.uid, ?step, "next step");
        if let Step::Rest(rest) = step {
            return explain(pass, rest);
        }
        if let Err(outcome) = effects::run(step, pass).await {
            return outcome;
        }
    }
    tracing::error!(object = %pass.key, uid = pass.uid, "a pass goes in circles");
    Outcome::outdated()
}

/// Status and events of a pass over an object.
async fn finish(pass: &mut Pass<'_>, observed: Option<&Subaccount>, outcome: &Outcome) {
    if pass.released {
        note_refusals(pass, outcome, None);
        let mut news = vec![farewell(pass)];
        news.extend(left_secret(pass).await);
        publish(pass, news).await;
        return;
    }
    pass.deeds.inherited |= pass.record_name != secret_name(&pass.uid);
    let Some(object) = pass.object.clone() else { return };
    let (written, refused) = match write_status(pass, &object, outcome).await {
        Ok(written) => (written, None),
        Err(error) => {
            pass.status_failed = true;
            (None, error.refusal().map(|refusal| (refusal, error)))
        }
    };
    let mut news = news::of(
        observed.unwrap_or(&object),
        written.as_ref(),
        &pass.deeds,
        outcome,
    );
    let told = pass.context.memory.with(&pass.uid, |remembered| {
        std::mem::replace(&mut remembered.refusal_reported, refused.is_some())
    });
    if let Some((_, error)) = refused.as_ref().filter(|_| !told) {
        let message = failure("write the status", error);
        news.push(news::of_refused_status(&object, message));
    }
    publish(pass, news).await;
    note_refusals(pass, outcome, refused.map(|(refusal, _)| refusal));
    await_walk(pass, outcome, WalkWaiter::Object(pass.key.clone()));
    let (rest, reason) = (outcome.rest, outcome.message.as_str());
    match rest {
        Rest::Waiting(Wait::Cluster | Wait::WriteRefused | Wait::SecretForbidden) => {
            tracing::warn!(object = %pass.key, uid = pass.uid, reason, "a pass failed");
        }
        Rest::Waiting(_) | Rest::Blocked(_) if written.is_some() => {
            tracing::info!(object = %pass.key, uid = pass.uid, ?rest, reason, "not ready");
        }
        _ => {}
    }
}

async fn write_status(
    pass: &mut Pass<'_>,
    object: &Subaccount,
    outcome: &Outcome,
) -> Result<Option<SubaccountStatus>, ClusterError> {
    let (auth_id, account, secret_name) = (
        pass.auth_id(),
        pass.remote_account(),
        super::secret::name_of(object),
    );
    let record = pass.record.as_ref().map(|(record, _)| record);
    let parent = record.map(|record| record.parent.clone());
    let view = View {
        facts: &pass.facts,
        auth_id: auth_id.as_ref(),
        parent: parent.as_ref().filter(|_| auth_id.is_some()),
        generation: record
            .map(|record| record.generation)
            .filter(|_| auth_id.is_some()),
        secret_name: &secret_name,
        account: account.as_ref(),
        refused: &pass.told_of_refusals(),
    };
    let Some(status) = status::of(object, &view, outcome, wall_clock()) else {
        return Ok(None);
    };
    let mut operations = vec![json!({"op": "add", "path": "/status", "value": status})];
    if auth_id.is_none() {
        // A late write of a pass without a pair must not clear an id that another pass has written.
        let version = json!({"op": "test", "path": "/metadata/resourceVersion", "value": object.metadata.resource_version});
        operations.insert(0, version);
    }
    match guarded_patch::patch_status(&pass.objects(), object, operations).await {
        Ok(written) => {
            effects::remember(pass, written);
            Ok(Some(status))
        }
        Err(error) => {
            tracing::debug!(object = %pass.key, %error, "failed to write the status");
            Err(error)
        }
    }
}

/// With `--cascade=orphan` the Secret stays, and its pair no longer works once the account is deleted.
async fn left_secret(pass: &Pass<'_>) -> Option<News> {
    let deleted = pass
        .record
        .as_ref()
        .is_some_and(|(record, _)| record.ledger.phase == Phase::Closed && record.auth_id().is_some());
    let name = if deleted {
        effects::stays_behind(pass).await?
    } else {
        return None;
    };
    let note = format!(
        "the Secret {name} stays behind, for it has lost its owner: its pair no longer works; remove it, or leave it to the next \
         Subaccount of this name"
    );
    Some(News {
        kind: EventKind::Warning,
        reason: "SecretConflict",
        note,
    })
}

fn farewell(pass: &Pass<'_>) -> News {
    if pass.facts.directive == Directive::ForceDelete {
        return forced(pass);
    }
    match &pass.record {
        Some((record, _)) => match (record.ledger.phase, record.auth_id()) {
            (Phase::Kept, Some(id)) if record.ledger.disable => normal(
                "SubaccountDisabled",
                format!("{id} is disabled and kept, as the deletion policy says"),
            ),
            (Phase::Kept, Some(id)) => normal(
                "SubaccountRetained",
                format!("{id} is kept, as the deletion policy says"),
            ),
            (_, Some(id)) => normal("SubaccountDeleted", format!("{id} is deleted at Vobiz")),
            (_, None) => normal("SubaccountDeleted", "nothing is left at Vobiz".to_owned()),
        },
        None => match pass.known_id() {
            Some(id) => normal(
                "SubaccountRetained",
                format!("{id}, which the status named, is somebody else's and is left as it is"),
            ),
            None if pass.facts.identity => normal(
                "SubaccountRetained",
                "the status names what can be no subaccount; whatever there was is left as it is".to_owned(),
            ),
            None => normal("SubaccountDeleted", "nothing was created at Vobiz".to_owned()),
        },
    }
}

/// Nothing was proved: what is left at Vobiz is no longer anybody's.
fn forced(pass: &Pass<'_>) -> News {
    // The janitor need not say it again.
    pass.context
        .memory
        .with(&pass.uid, |remembered| remembered.orphan_reported = true);
    let note = match pass.known_id() {
        Some(id) => format!("let go without proof, as vobiz.ai/force-delete asks; {id} may be left at Vobiz"),
        None => "let go without proof, as vobiz.ai/force-delete asks; a subaccount may be left at Vobiz"
            .to_owned(),
    };
    News {
        kind: EventKind::Warning,
        reason: "SubaccountOrphaned",
        note,
    }
}

/// A bound account whose object is gone: a restore brings objects back with new uids, so it is reported and kept.
async fn report_orphan(pass: &Pass<'_>, outcome: &Outcome) {
    let bound = matches!(
        pass.facts.record,
        facts::Record::Present {
            phase: facts::Phase::Bound,
            ..
        }
    );
    let gone = pass.facts.confirmation == facts::Confirmation::Refuted;
    if !(bound && gone && outcome.rest == Rest::Settled) {
        return;
    }
    let reported = pass.context.memory.with(&pass.uid, |remembered| {
        std::mem::replace(&mut remembered.orphan_reported, true)
    });
    if reported {
        return;
    }
    let id = pass.auth_id().map(|id| id.to_string()).unwrap_or_default();
    tracing::warn!(object = %pass.key, uid = pass.uid, auth_id = id, "an object is gone without its finalizer; its account is kept");
    let note = format!("{id} is kept at Vobiz although its object is gone without the finalizer");
    publish(
        pass,
        vec![News {
            kind: EventKind::Warning,
            reason: "SubaccountOrphaned",
            note,
        }],
    )
    .await;
}

async fn publish(pass: &Pass<'_>, news: Vec<News>) {
    let regarding = match &pass.object {
        Some(object) => object.object_ref(&()),
        None => ObjectReference {
            api_version: Some(Subaccount::api_version(&()).into_owned()),
            kind: Some(Subaccount::kind(&()).into_owned()),
            namespace: Some(pass.key.namespace.clone()),
            name: Some(pass.key.name.clone()),
            uid: Some(pass.uid.clone()),
            ..ObjectReference::default()
        },
    };
    for News { kind, reason, note } in news {
        pass.context
            .recorder
            .publish(regarding.clone(), kind, reason, "Reconcile", &note)
            .await;
    }
}

/// A pass that needs a walk asks the Account for one and is woken by its result.
fn await_walk(pass: &Pass<'_>, outcome: &Outcome, waiter: WalkWaiter) {
    if outcome.rest != Rest::Waiting(Wait::CleanWalk) {
        return;
    }
    let Some(access) = pass.access() else { return };
    pass.context.await_walk(&access.parent.id, waiter);
    access.parent.request_walk(pass.walk_not_before());
    pass.context.registry.wake(&access.account);
}

fn next(pass: &Pass<'_>, outcome: &Outcome) -> Option<Duration> {
    if pass.status_failed {
        return Some(pass.context.backoff_next(&pass.uid));
    }
    let checks_secret = pass.facts.object == Object::Live && pass.facts.secret != UserSecret::Foreign;
    let settled = if checks_secret {
        pass.secret_due_in()
    } else {
        WOKEN_AT_LAST
    };
    match outcome.next(settled) {
        Next::After(pause) => {
            pass.context.succeeded(&pass.uid);
            let waits_for_secret = outcome.after.is_none() && pause == SECRET_PROBE;
            let interval = pass.context.times.secret_check_interval;
            Some(if waits_for_secret {
                pause.min(interval)
            } else {
                pause
            })
        }
        Next::Woken => Some(WOKEN_AT_LAST),
        Next::InTurn => None,
        Next::Backoff => {
            let pause = pass.context.backoff_next(&pass.uid);
            let holds = pass.context.held_pairs.get(&pass.uid).is_some();
            Some(if holds { pause.min(HELD_PAUSE) } else { pause })
        }
    }
}

impl Context {
    fn succeeded(&self, uid: &str) {
        self.backoff
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .succeeded(&uid.to_owned());
    }

    #[expect(clippy::disallowed_methods, reason = "the pause is spread by random bits")]
    fn backoff_next(&self, uid: &str) -> Duration {
        let mut backoff = self.backoff.lock().unwrap_or_else(PoisonError::into_inner);
        backoff.failed(uid.to_owned(), self.started.elapsed(), rand::random())
    }

    fn metrics_of(&self, pass: &Pass<'_>) {
        let Some(object) = &pass.object else { return };
        let status_of = |kind| {
            let conditions = &object.status.as_ref()?.conditions;
            let found = crate::crd::condition::find(conditions, kind)?;
            Some(match found.status.as_str() {
                "True" => crate::controller::instrument::ConditionStatus::True,
                "False" => crate::controller::instrument::ConditionStatus::False,
                _ => crate::controller::instrument::ConditionStatus::Unknown,
            })
        };
        let (namespace, name) = (pass.key.namespace.as_str(), pass.key.name.as_str());
        self.metrics.set_conditions(
            namespace,
            name,
            status_of(ConditionType::Ready),
            status_of(ConditionType::Synced),
        );
        if let Some(id) = object
            .status
            .as_ref()
            .and_then(|status| status.auth_id.as_deref())
        {
            let account = format!("{namespace}/{}", object.spec.account_ref.name);
            self.metrics.set_info(namespace, name, id, &account);
        }
        if let Some(at) = &object.metadata.deletion_timestamp {
            self.metrics
                .set_deletion_started(namespace, name, at.0.as_duration().as_secs_f64());
        }
    }
}
