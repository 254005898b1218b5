//! What people, backup tools and the API server's own rules do: to the object, its Record, its Secret and its account. PURE.

use crate::action::{Action, slots};
use crate::rules::{FIRST, Rules, Start};
use crate::state::{Denied, Parent, State};
use crate::world::{Ledger, Object, Record};
use vobiz_protocol::ledger::Phase;

const KINDS: [Denied; 4] = [Denied::Object, Denied::Status, Denied::Records, Denied::Secret];

/// What may happen by their hands.
pub(crate) fn possible(state: &State, actions: &mut Vec<Action>) {
    let (left, cluster) = (&state.left, &state.cluster);
    let live = cluster.object.filter(|object| !object.deleting);
    if live.is_some() && left.edits > 0 {
        actions.push(Action::Edit);
    }
    if live.is_some() && left.deletes > 0 {
        actions.push(Action::Delete);
    }
    late_deletions(state, actions);
    if cluster.other.0.is_some_and(|object| !object.deleting) && left.deletes > 0 {
        actions.push(Action::DeleteOther);
    }
    actions.extend((cluster.object.is_some() && left.observes > 0).then_some(Action::Observe));
    actions.extend((left.grants > 0).then_some(Action::Grant));
    let forgeable = cluster.secret.is_some_and(|secret| !secret.forged);
    actions.extend((forgeable && left.forgeries > 0).then_some(Action::Forge));
    if cluster.object.is_none() {
        actions.push(Action::Create);
        for anew in [false, true].into_iter().filter(|_| left.restores > 0) {
            let kinds = [false, true]
                .into_iter()
                .filter(|status| !status || state.backup.is_some());
            actions.extend(kinds.map(|status| Action::Restore { status, anew }));
        }
    }
    if left.orphans > 0 && cluster.secret.is_some_and(|secret| secret.owner.is_some()) {
        actions.push(Action::Orphan);
    }
    if state.denied.is_some() {
        actions.push(Action::Allow);
    } else if left.denials > 0 {
        actions.extend(KINDS.map(Action::Deny));
    }
    match state.account {
        Some(_) => {
            actions.extend((left.moves > 0).then_some(Action::Move));
            actions.extend((left.accounts > 0).then_some(Action::DropAccount));
        }
        None => actions.extend([0, 1].map(Action::MakeAccount)),
    }
    if state.barred {
        actions.push(Action::Admit);
    } else if left.bars > 0 {
        actions.push(Action::Bar);
    }
    troubles(state, actions);
    // Without Record and finalizer nothing is left that could know of the account.
    let recorded = |object: &Object| {
        let published = cluster
            .secret
            .is_some_and(|secret| secret.owner.is_none_or(|owner| owner == object.uid));
        let known = cluster
            .record_of(object.uid)
            .and_then(|(_, record)| record.ledger.auth_id);
        known.is_some() || !(published || object.identity.is_some())
    };
    if cluster
        .object
        .is_some_and(|object| object.finalizer && recorded(&object))
        && left.strips > 0
    {
        actions.push(Action::Strip);
    }
    // Without a Record the Secret or the status must go on naming the account: nothing else does.
    let named = cluster.secret.is_some_and(|secret| {
        let mut records = cluster.records.iter().flatten();
        records.any(|record| {
            record.ledger.auth_id == Some(secret.id) && secret.owner.is_none_or(|owner| owner == record.uid)
        }) || cluster
            .object
            .is_some_and(|object| object.identity == Some(secret.id))
    });
    if named && left.lost_secrets > 0 {
        actions.push(Action::LoseSecret);
    }
    for slot in slots() {
        let Some(record) = cluster.records[usize::from(slot)] else {
            continue;
        };
        if left.lost_records > 0 && is_protected(state, &record) {
            actions.push(Action::LoseRecord(slot));
        }
        let bound = record.ledger.phase == Phase::Bound;
        let named = cluster
            .object
            .is_some_and(|object| object.identity == record.ledger.auth_id);
        if left.rollbacks > 0 && bound && named && is_protected(state, &record) {
            actions.push(Action::RollBack(slot));
        }
        if let Some(id) = record
            .ledger
            .auth_id
            .filter(|_| record.ledger.phase == Phase::Bound)
            && left.outside > 0
        {
            actions.push(Action::DeleteOutside(id));
        }
    }
}

/// A deletion that looks for finalizers when it begins, and is carried out later.
fn late_deletions(state: &State, actions: &mut Vec<Action>) {
    let Some(object) = state.cluster.object.filter(|object| !object.deleting) else {
        return;
    };
    if !object.finalizer && state.left.overtakes > 0 {
        actions.push(Action::BeginDeletion);
    }
    if state.overtaking == Some(object.uid) {
        actions.push(Action::CarryOut);
    }
}

/// The API server removes the object, whatever is on it. Who has added our finalizer knows what that means.
fn carry_out(state: &mut State, gone: Object) {
    state.cluster.object = None;
    state.cluster.collect();
    state.overtaking = None;
    if !gone.finalizer {
        return;
    }
    let mut is_seen = false;
    for process in &mut state.processes {
        let memory = &mut process.memory[usize::from(gone.uid)];
        if memory.held {
            memory.overtaken = Some(Object { version: 0, ..gone });
            is_seen = true;
        }
    }
    state.unseen |= !is_seen;
}

/// What goes wrong at Vobiz for long, and is well again.
fn troubles(state: &State, actions: &mut Vec<Action>) {
    if state.lost_route {
        actions.push(Action::FindRoute);
    } else if state.left.lost_routes > 0 {
        actions.push(Action::LoseRoute);
    }
    if state.deaf {
        actions.push(Action::HeedDeletions);
    } else if state.left.deafness > 0 {
        actions.push(Action::IgnoreDeletions);
    }
}

/// What protects a Record that a person deletes: the status or the user's Secret still names the account, and no other
/// attempt of its series is under way or left.
fn is_protected(state: &State, record: &Record) -> bool {
    let series = record.ledger.series;
    let others = state
        .vobiz
        .living()
        .any(|(id, account)| account.series == series && record.ledger.auth_id != Some(id));
    let coming = state
        .vobiz
        .flights
        .iter()
        .flatten()
        .any(|flight| flight.series == series);
    let paused = state
        .processes
        .iter()
        .filter_map(|process| process.pass.as_ref())
        .any(|pass| {
            // Once it has posted it posts no more.
            let may_post = pass.made.is_none();
            let open = |held: Record| held.ledger.series == series && held.ledger.phase == Phase::Open;
            may_post && pass.record.is_some_and(open)
        });
    let object = state.cluster.object.filter(|object| {
        let names = object.identity.is_some() && object.identity == record.ledger.auth_id;
        // While it goes, what somebody's Record shows may just have let it go.
        object.uid == record.uid || (names && !object.deleting)
    });
    let secret = state
        .cluster
        .secret
        .filter(|secret| secret.owner == Some(record.uid));
    let is_its_own = |name: Option<u8>| {
        name.is_some() && (name == record.ledger.auth_id || record.ledger.auth_id.is_none())
    };
    let named = is_its_own(object.and_then(|object| object.identity));
    let published = is_its_own(secret.map(|secret| secret.id));
    matches!(record.ledger.phase, Phase::Open | Phase::Bound)
        && (named || published)
        && object.is_some_and(|object| object.finalizer)
        && !(others || coming || paused)
}

/// Does it. False: it cannot happen.
pub(crate) fn act(rules: &Rules, state: &mut State, action: Action) -> bool {
    let (left, cluster) = (&mut state.left, &mut state.cluster);
    match (action, &mut cluster.object) {
        (Action::Edit, Some(object)) => {
            left.edits -= 1;
            object.policy = if object.policy == rules.policies[0] {
                rules.policies[1]
            } else {
                rules.policies[0]
            };
            object.ready = false;
            object.version += 1;
        }
        (Action::Delete, Some(object)) => {
            left.deletes -= 1;
            object.deleting = true;
            object.ready = false;
            object.version += 1;
            cluster.collect();
        }
        (Action::BeginDeletion, Some(object)) => {
            left.overtakes -= 1;
            state.overtaking = Some(object.uid);
        }
        (Action::CarryOut, Some(object)) => {
            let gone = *object;
            carry_out(state, gone);
        }
        (Action::DeleteOther, _) => {
            left.deletes -= 1;
            cluster.turn();
            if let Some(object) = &mut cluster.object {
                object.deleting = true;
                object.ready = false;
                object.version += 1;
            }
            cluster.collect();
            cluster.turn();
        }
        (Action::Observe, Some(object)) => {
            left.observes -= 1;
            object.observes = !object.observes;
            object.ready = false;
            object.version += 1;
        }
        (Action::Forge, _) => {
            left.forgeries -= 1;
            if let Some(secret) = &mut cluster.secret {
                secret.forged = true;
            }
        }
        (Action::Create, None) => return create(rules, state).is_some(),
        (Action::Restore { status, anew }, None) => {
            left.restores -= 1;
            return restore(rules, state, status, anew).is_some();
        }
        (Action::Orphan, _) => {
            left.orphans -= 1;
            if let Some(secret) = &mut cluster.secret {
                secret.owner = None;
            }
        }
        (Action::RollBack(slot), _) => {
            left.rollbacks -= 1;
            if let Some(record) = &mut cluster.records[usize::from(slot)] {
                record.version += 1;
                record.ledger = Ledger {
                    phase: Phase::Open,
                    auth_id: None,
                    auth_token: None,
                    ..record.ledger
                };
            }
        }
        (Action::Strip, Some(object)) => {
            left.strips -= 1;
            object.finalizer = false;
            object.version += 1;
            cluster.collect();
        }
        (Action::LoseSecret, _) => {
            left.lost_secrets -= 1;
            cluster.secret = None;
        }
        (Action::LoseRecord(slot), _) => {
            left.lost_records -= 1;
            cluster.records[usize::from(slot)] = None;
        }
        (Action::DeleteOutside(id), _) => {
            left.outside -= 1;
            return state.vobiz.delete(id);
        }
        _ => return decree(rules, state, action),
    }
    true
}

/// What whoever keeps the Account says, or what servers do from now on.
fn decree(rules: &Rules, state: &mut State, action: Action) -> bool {
    let left = &mut state.left;
    match action {
        Action::Grant => {
            left.grants -= 1;
            state.granted = !state.granted;
        }
        Action::Bar => {
            left.bars -= 1;
            state.barred = true;
        }
        Action::Admit => state.barred = false,
        Action::Deny(kind) => {
            left.denials -= 1;
            state.denied = Some(kind);
        }
        Action::Allow => state.denied = None,
        Action::Move => {
            left.moves -= 1;
            if let Some(account) = &mut state.account {
                account.generation = 3 - account.generation;
            }
        }
        Action::DropAccount => {
            left.accounts -= 1;
            state.account = None;
        }
        Action::MakeAccount(id) => {
            let generation = rules.generation;
            state.account = Some(Parent { id, generation });
        }
        Action::LoseRoute => {
            left.lost_routes -= 1;
            state.lost_route = true;
        }
        Action::FindRoute => state.lost_route = false,
        Action::IgnoreDeletions => {
            left.deafness -= 1;
            state.deaf = true;
        }
        Action::HeedDeletions => state.deaf = false,
        _ => return false,
    }
    true
}

/// The next object of the name; the last Record or pass of an earlier one tells how many there were.
fn create(rules: &Rules, state: &mut State) -> Option<()> {
    let uid = state.next_uid;
    if uid >= rules.objects {
        return None;
    }
    state.next_uid += 1;
    state.cluster.object = Some(Object {
        adopts: matches!(rules.start, Start::There { .. }).then_some(FIRST),
        observes: rules.observes,
        ..Object::new(uid, rules.policies[0], rules.reclaim)
    });
    Some(())
}

/// What a backup tool brings back: with its old status or without, in its namespace or in one that was made again.
fn restore(rules: &Rules, state: &mut State, status: bool, anew: bool) -> Option<()> {
    let named = state.backup;
    create(rules, state)?;
    state.restored = true;
    let object = state.cluster.object.as_mut()?;
    object.namespace = u8::from(anew);
    if status {
        (object.identity, object.ready) = (named, true);
    }
    Some(())
}
