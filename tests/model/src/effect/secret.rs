//! The steps about the user's Secret. PURE.

use crate::rules::Rules;
use crate::state::{Pass, State};
use crate::weakness::Weakness;
use crate::world::{Account, UNMARKED, UserSecret, Written};
use vobiz_protocol::facts::{Evidence, UserSecret as SecretFact};

pub(crate) fn read_secret(rules: &Rules, state: &State, pass: &mut Pass) {
    let pair = pass.record.and_then(|record| record.ledger.auth_token);
    pass.secret = state.cluster.secret;
    (pass.evidence, pass.marker) = (None, None);
    let Some(secret) = state.cluster.secret else {
        (pass.facts.secret, pass.facts.evidence) = (SecretFact::Absent, Evidence::Nothing);
        return;
    };
    let ours = secret.owner == Some(pass.uid);
    let pair_is = |id: u8| id == secret.id && !secret.forged;
    let adopts = pass.object.and_then(|object| object.adopts).is_some();
    pass.facts.secret = match pair {
        Some(id) if pair_is(id) && ours => SecretFact::Good,
        // Without an owner it is taken back if it holds this very pair.
        Some(id) if pair_is(id) && secret.owner.is_none() => SecretFact::Different,
        // Or its own user says so.
        _ if secret.owner.is_none() && secret.allows => SecretFact::Different,
        _ if ours => SecretFact::Different,
        _ => SecretFact::Foreign,
    };
    let unowned = secret.owner.is_none();
    let claims = match (pair, expected(pass)) {
        _ if rules.drops(Weakness::NoEvidence) => false,
        (Some(recorded), _) => unowned && !pair_is(recorded),
        // Without the word of its user a pair gives no right to what was there before.
        (None, Some(expected)) if adopts => (ours || (unowned && secret.allows)) && expected == secret.id,
        (None, Some(expected)) => ours || (unowned && expected == secret.id),
        (None, None) => ours || unowned,
    };
    pass.evidence = claims.then_some(secret.id);
    if claims {
        // Without an owner, what the pair proves decides whether it may be written over.
        (pass.facts.secret, pass.facts.evidence) = (SecretFact::Different, Evidence::Claimed);
    } else {
        pass.facts.evidence = Evidence::Nothing;
    }
}

/// The account whose pair is looked for: the one that the status names, or that is taken over.
fn expected(pass: &Pass) -> Option<u8> {
    let left = pass.predecessor.and_then(|(_, record)| record.ledger.auth_id);
    let named = pass.object.and_then(|object| object.named());
    named.or(left.filter(|_| pass.facts.reclaim))
}

/// The pair works and the account is nobody else's: then it is evidence, where no Record of this object holds another one.
pub(crate) fn prove(rules: &Rules, state: &State, process: usize, pass: &mut Pass) {
    let (Some(id), Some(secret)) = (pass.evidence, pass.secret) else {
        return;
    };
    // A Record can be bound without a token.
    let recorded = pass
        .record
        .is_some_and(|record| record.ledger.auth_token.is_some());
    let another = !recorded && expected(pass).is_some_and(|expected| expected != id);
    let cached = state.processes[process].cache.records;
    let left = pass
        .predecessor
        .is_some_and(|(_, record)| record.ledger.auth_id == Some(id));
    // Whose an account is that its spec names is judged after this.
    let judged_later = !recorded && pass.object.is_some_and(|object| object.adopts.is_some());
    let held = !judged_later
        && cached
            .iter()
            .flatten()
            .any(|record| record.uid != pass.uid && record.ledger.auth_id == Some(id));
    let disproved = another || (held && !left);
    if state.lost_route {
        // Without a list that was begun since, a 404 proves nothing: it is asked again.
        return;
    }
    let found = state.vobiz.alive(id).copied();
    let works = !secret.forged || rules.drops(Weakness::PairUntried);
    let proven = found.filter(|_| !disproved && !recorded && works);
    pass.marker = proven.and_then(marker_of);
    pass.facts.evidence = match proven {
        Some(_) => Evidence::Proven,
        None => Evidence::Nothing,
    };
    pass.facts.secret = match (found, secret.owner) {
        _ if proven.is_some() => pass.facts.secret,
        (_, Some(_)) => SecretFact::Different,
        (None, None) if !disproved => SecretFact::Different,
        // A pair that does not work is nobody's.
        (Some(_), None) if secret.forged && !disproved => SecretFact::Different,
        // A working pair of somebody else's is never written over.
        _ => SecretFact::Foreign,
    };
}

pub(crate) fn marker_of(account: Account) -> Option<(u8, u32)> {
    (account.series != UNMARKED).then_some((account.series, u32::from(account.epoch)))
}

pub(crate) fn publish(state: &mut State, pass: &mut Pass) -> Written {
    let Some(id) = pass.record.and_then(|record| record.ledger.auth_token) else {
        return Written::Refused;
    };
    if state.cluster.secret != pass.secret {
        return Written::Refused;
    }
    let secret = UserSecret {
        owner: Some(pass.uid),
        id,
        allows: pass.secret.is_some_and(|secret| secret.allows),
        forged: false,
    };
    state.cluster.secret = Some(secret);
    state.cluster.collect();
    pass.secret = Some(secret);
    pass.facts.secret = SecretFact::Good;
    Written::Done
}
