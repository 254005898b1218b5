//! Replays one way of the model and compares after every action. I/O.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use vobiz_harness::test_bed::Environment;
use vobiz_model::action::{self, Action};
use vobiz_model::request::Request;
use vobiz_model::rules::Rules;
use vobiz_model::state::State;
use vobiz_model::step::Fault;
use vobiz_model::trace::Trace;
use vobiz_model::world::{Cluster, FLIGHTS, Vobiz, Written};

use super::real::{PATIENCE, Real};
use super::view::View;

/// What a replay came across.
#[derive(Default)]
pub struct Counts {
    pub actions: usize,
    /// How often each request was carried out and refused, by name.
    pub requests: BTreeMap<String, [usize; 2]>,
    /// What happened to a step, and what happened besides, by name.
    pub faults: BTreeMap<String, usize>,
}

/// Replays a way from its start. A failure tells the whole way and the first disagreement.
pub async fn replay(environment: &Environment, name: &str, trace: &Trace) -> Result<Counts> {
    let rules = &trace.rules;
    let mut state = rules.initial();
    let mut real = Real::build(environment, name, &state).await?;
    let (mut story, mut counts) = (format!("from {:?}\n", rules.start), Counts::default());
    compare(&mut real, &state).await.context("at the start")?;
    for action in &trace.actions {
        let after = action::after(rules, &state, *action).context("the model cannot go this way")?;
        let request = request_of(rules, &state, *action);
        let _ = writeln!(
            story,
            "  {action:?} {}",
            request.map(|request| format!("{request:?}")).unwrap_or_default()
        );
        let told = take(&mut real, *action, request, &state, &after, &mut counts).await;
        let told = match told {
            Ok(()) => compare(&mut real, &after).await,
            Err(error) => Err(error),
        };
        told.with_context(|| format!("{name}, the way:\n{story}whole: {:?}", trace.actions))?;
        counts.actions += 1;
        let fault = match action {
            Action::Step(_, fault) => name_of(fault),
            other => name_of(other),
        };
        *counts.faults.entry(fault).or_default() += 1;
        state = after;
    }
    Ok(counts)
}

/// Whether the model refuses a request of this name on this way.
pub fn refuses(trace: &Trace, name: &str) -> bool {
    let mut state = trace.rules.initial();
    trace.actions.iter().any(|action| {
        let request = request_of(&trace.rules, &state, *action).filter(|request| name_of(request) == name);
        let (mut cluster, mut vobiz) = (state.cluster, state.vobiz);
        let said = request.map(|request| request.carry_out(&mut cluster, &mut vobiz));
        state = action::after(&trace.rules, &state, *action).unwrap_or(state);
        said == Some(Written::Refused)
    })
}

/// The name of a variant.
fn name_of(variant: &impl std::fmt::Debug) -> String {
    let text = format!("{variant:?}");
    let end = text.find([' ', '(']).unwrap_or(text.len());
    text[..end].to_owned()
}

fn request_of(rules: &Rules, state: &State, action: Action) -> Option<Request> {
    match action {
        Action::Step(_, Fault::Before) => None,
        Action::Step(process, _) => Request::of(rules, state, usize::from(process)),
        _ => None,
    }
}

/// Does in the real world what happens in the model between these two states.
async fn take(
    real: &mut Real<'_>,
    action: Action,
    request: Option<Request>,
    before: &State,
    after: &State,
    counts: &mut Counts,
) -> Result<()> {
    let object = || after.cluster.object.context("the model has no object");
    match action {
        Action::Step(process, fault) => {
            let Some(request) = request else {
                let same = stored(&before.cluster, &before.vobiz) == stored(&after.cluster, &after.vobiz);
                ensure!(same, "the model changes its world without a request");
                return Ok(());
            };
            let said = promised(request, fault, before, after)?;
            let place =
                (0..FLIGHTS).find(|place| after.vobiz.flights[*place] != before.vobiz.flights[*place]);
            let done = send(real, usize::from(process), request, fault, place).await?;
            ensure!(said == done, "the model says {said:?}, the real one {done:?}");
            let answers = counts.requests.entry(name_of(&request)).or_default();
            answers[usize::from(done == Written::Refused)] += 1;
            let unchanged = before.cluster.object == after.cluster.object;
            if let (Request::WriteStatus { .. }, Written::Done, true) = (request, done, unchanged) {
                real.allow_status_change(&object()?);
            }
        }
        // A pass begins with nothing read.
        Action::Crash(process) | Action::Begin(process, ..) => real.forget(usize::from(process)),
        Action::Settle(..) | Action::Walk(_) | Action::WalkForMarks(_) => {}
        Action::Commit(place) => real.commit(usize::from(place)).await?,
        Action::Vanish(place) => real.vanish(usize::from(place)),
        Action::Edit => real.edit(object()?.policy).await?,
        Action::Delete => real.delete().await?,
        Action::Create => real.create(&object()?).await?,
        Action::Strip => real.strip().await?,
        Action::LoseSecret => real.lose_secret().await?,
        Action::LoseRecord(slot) => real.lose_record(slot).await?,
        Action::DeleteOutside(id) => real.delete_outside(id).await?,
        Action::Restore { .. }
        | Action::BeginDeletion
        | Action::CarryOut
        | Action::DeleteOther
        | Action::Observe
        | Action::Grant
        | Action::Forge
        | Action::Bar
        | Action::Admit
        | Action::Orphan
        | Action::RollBack(_)
        | Action::Deny(_)
        | Action::Allow
        | Action::LoseRoute
        | Action::IgnoreDeletions
        | Action::HeedDeletions
        | Action::Move
        | Action::DropAccount
        | Action::MakeAccount(_)
        | Action::FindRoute => {
            bail!("{action:?} is not replayed")
        }
    }
    Ok(())
}

/// The answer of the model's world, which must have become what the step made of it.
fn promised(request: Request, fault: Fault, before: &State, after: &State) -> Result<Written> {
    let (mut cluster, mut vobiz) = (before.cluster, before.vobiz);
    if matches!(fault, Fault::Refused | Fault::NeverSent | Fault::Late) {
        return Ok(Written::Done);
    }
    let said = request.carry_out(&mut cluster, &mut vobiz);
    ensure!(
        stored(&cluster, &vobiz) == stored(&after.cluster, &after.vobiz),
        "the step does another thing to the model than its request:\n    {cluster:?}\n    {:?}",
        after.cluster
    );
    Ok(said)
}

/// What the servers store; whether a proof must have seen an account is known to the model alone.
fn stored(cluster: &Cluster, vobiz: &Vobiz) -> (Cluster, Vec<Option<vobiz_model::world::Account>>) {
    let accounts = vobiz.accounts.iter().map(|account| {
        account.map(|account| vobiz_model::world::Account {
            due: false,
            ..account
        })
    });
    (*cluster, accounts.collect())
}

async fn send(
    real: &mut Real<'_>,
    process: usize,
    request: Request,
    fault: Fault,
    place: Option<usize>,
) -> Result<Written> {
    match request {
        Request::AddFinalizer { uid, version } => real.add_finalizer(uid, version).await,
        Request::RemoveFinalizer { uid, version } => real.remove_finalizer(uid, version).await,
        Request::WriteStatus {
            seen,
            tests_version,
            identity,
            ready,
        } => {
            real.patch_status(seen.uid, seen.version, tests_version, identity, ready)
                .await
        }
        Request::CreateRecord { slot, ledger, .. } => real.create_record(slot, &ledger).await,
        Request::ReplaceRecord {
            slot,
            read,
            uid,
            ledger,
        } => real.replace_record(slot, &read, uid, &ledger).await,
        Request::DropRecord { slot, read } => real.drop_record(slot, &read).await,
        Request::ReadSecret => real.read_secret(process).await,
        Request::PublishSecret { read, secret } => real.publish(process, read.is_some(), secret).await,
        Request::Post { series, epoch } => real.create_account(series, epoch, fault, place).await,
        Request::ReadAccount { id } => real.read_account(id).await,
        Request::UpdateAccount { id, enabled } => real.update(id, enabled).await,
        Request::DeleteAccount { id } => real.delete_account(id).await,
    }
}

/// Waits for the garbage collector where the model has collected already; everything else must be so at once.
async fn compare(real: &mut Real<'_>, state: &State) -> Result<()> {
    let (model, begun) = (View::of(state), Instant::now());
    loop {
        let shown = real.view().await?;
        let Some(difference) = model.difference(&shown) else {
            return real.note_versions(state).await;
        };
        let uncollected = View {
            secret: None,
            ..shown
        };
        if model.difference(&uncollected).is_some() || begun.elapsed() > PATIENCE {
            bail!("{difference}");
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Two processes hold the same Record and both write it: a model that lets the second one through is found out.
pub async fn stale_swap_is_noticed(environment: &Environment, rules: &Rules) -> Result<()> {
    let start = rules.initial();
    let mut real = Real::build(environment, "stale", &start).await?;
    compare(&mut real, &start).await?;
    let (slot, held) = start
        .cluster
        .record_of(0)
        .context("a served object has a Record")?;
    let swap = |epoch| Request::ReplaceRecord {
        slot,
        read: held,
        uid: 0,
        ledger: vobiz_model::world::Ledger { epoch, ..held.ledger },
    };
    let first = send(&mut real, 0, swap(2), Fault::None, None).await?;
    let second = send(&mut real, 1, swap(3), Fault::None, None).await?;
    ensure!(
        first == Written::Done && second == Written::Refused,
        "{first:?}, then {second:?}"
    );
    let mut believed = start;
    swap(3).carry_out(&mut believed.cluster, &mut believed.vobiz);
    ensure!(
        compare(&mut real, &believed).await.is_err(),
        "the lost write of the first is not noticed"
    );
    Ok(())
}
