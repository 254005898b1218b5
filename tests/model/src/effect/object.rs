//! The steps that read and write the object. PURE.

use crate::promise::check_release;
use crate::rules::Rules;
use crate::state::{Pass, State};
use crate::weakness::Weakness;
use vobiz_protocol::facts::{Claim, Confirmation, Object as Kind};
use vobiz_protocol::judge::{self, Seen};

pub(crate) fn take_object(pass: &mut Pass, state: &State) {
    let found = state.cluster.object.filter(|object| object.uid == pass.uid);
    if let Some(object) = found {
        if pass.object.and_then(|object| object.named()) != object.named() {
            pass.facts.claim = Claim::Unread;
        }
        pass.facts.finalizer = object.finalizer;
        pass.facts.identity = object.identity.is_some();
        pass.facts.reclaim = object.reclaim;
        pass.facts.observes = object.observes;
        pass.object = Some(object);
    }
}

pub(crate) fn confirm(rules: &Rules, state: &mut State, process: usize, pass: &mut Pass) {
    let skips = match pass.facts.object {
        Kind::Live => rules.drops(Weakness::NoConfirmation) || rules.drops(Weakness::AdoptedUnconfirmed),
        Kind::Deleting => rules.drops(Weakness::CachedIdentity),
        Kind::Unseen => false,
    };
    if skips {
        pass.facts.confirmation = Confirmation::Confirmed;
        return;
    }
    let believed = pass.object.map(seen);
    let object = if rules.drops(Weakness::CachedGone) && pass.facts.object == Kind::Unseen {
        state.processes[process].cache.object
    } else {
        state.cluster.object
    };
    let found = object.filter(|object| object.uid == pass.uid);
    if pass.facts.object == Kind::Unseen {
        pass.facts.observes = found.is_some_and(|object| object.observes);
    }
    let found = found.map(seen);
    if pass.facts.object != Kind::Unseen {
        take_object(pass, state);
    }
    let nobody = Seen {
        deleting: false,
        finalizer: false,
        identity: None,
        reclaim: false,
        observes: false,
    };
    let mut found = found;
    if rules.drops(Weakness::IdentityIgnored) && pass.facts.object == Kind::Live {
        pass.facts.identity = false;
        if let Some(found) = &mut found {
            found.identity = believed.and_then(|believed| believed.identity);
        }
    }
    pass.facts.confirmation = judge::confirm(pass.facts.object, &believed.unwrap_or(nobody), found.as_ref());
    pass.facts.looked_again |= rules.drops(Weakness::NoSecondLook) && pass.facts.object == Kind::Deleting;
    if pass.facts.confirmation == Confirmation::Refuted {
        state.processes[process].memory[usize::from(pass.uid)].unspent = None;
    }
}

pub(crate) fn seen(object: crate::world::Object) -> Seen<u8> {
    Seen {
        deleting: object.deleting,
        finalizer: object.finalizer,
        identity: object.identity,
        reclaim: object.reclaim,
        observes: object.observes,
    }
}

pub(crate) fn release(rules: &Rules, state: &mut State, pass: &Pass) {
    let uid = if rules.drops(Weakness::FinalizerWithoutUid) {
        state.cluster.object.map_or(pass.uid, |object| object.uid)
    } else {
        pass.uid
    };
    let holds = state
        .cluster
        .object
        .is_some_and(|object| object.uid == uid && object.finalizer);
    if holds {
        check_release(state, pass, uid);
        state.cluster.patch(uid, None, |object| object.finalizer = false);
    }
}
