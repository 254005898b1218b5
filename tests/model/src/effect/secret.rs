//! The steps about the user's Secret. PURE.

use crate::rules::Rules;
use crate::state::{Pass, State};
use crate::weakness::Weakness;
use crate::world::{Account, UserSecret, Written};
use vobiz_protocol::facts::{Evidence, UserSecret as SecretFact};

pub(crate) fn read_secret(rules: &Rules, state: &State, pass: &mut Pass) {
    let pair = pass.record.and_then(|record| record.ledger.auth_token);
    pass.secret = state.cluster.secret;
    (pass.evidence, pass.marker) = (None, None);
    let Some(secret) = state.cluster.secret else {
        (pass.facts.secret, pass.facts.evidence) = (SecretFact::Absent, Evidence::Nothing);
        return;
    };
    pass.facts.secret = match pair {
        _ if secret.owner != pass.uid => SecretFact::Foreign,
        Some(id) if id == secret.id => SecretFact::Good,
        _ => SecretFact::Different,
    };
    let claims =
        pass.facts.secret != SecretFact::Foreign && pair.is_none() && !rules.drops(Weakness::NoEvidence);
    pass.evidence = claims.then_some(secret.id);
    pass.facts.evidence = if claims {
        Evidence::Claimed
    } else {
        Evidence::Nothing
    };
}

pub(crate) fn prove(state: &State, process: usize, pass: &mut Pass) {
    let Some(id) = pass.evidence else { return };
    let another = pass
        .object
        .and_then(|object| object.identity)
        .is_some_and(|known| known != id);
    let cached = state.processes[process].cache.records;
    let held = cached
        .iter()
        .flatten()
        .any(|record| record.uid != pass.uid && record.ledger.auth_id == Some(id));
    let found = state.vobiz.alive(id).filter(|_| !another && !held);
    pass.marker = found.copied().map(marker_of);
    pass.facts.evidence = match found {
        Some(_) => Evidence::Proven,
        None => Evidence::Nothing,
    };
}

pub(crate) fn marker_of(account: Account) -> (u8, u32) {
    (account.series, u32::from(account.epoch))
}

pub(crate) fn publish(state: &mut State, pass: &mut Pass) -> Written {
    let Some(id) = pass.record.and_then(|record| record.ledger.auth_token) else {
        return Written::Refused;
    };
    if state.cluster.secret != pass.secret {
        return Written::Refused;
    }
    let secret = UserSecret { owner: pass.uid, id };
    state.cluster.secret = Some(secret);
    state.cluster.collect();
    pass.secret = Some(secret);
    pass.facts.secret = SecretFact::Good;
    Written::Done
}
