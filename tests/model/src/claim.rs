//! Whose the account is that the status of an object names: a status may have come back with a backup. PURE.

use crate::rules::Rules;
use crate::state::{Pass, State};
use crate::weakness::Weakness;
use crate::world::Record;
use vobiz_protocol::facts::{Claim, Object as Kind};

/// Whose the account is that the status names, as far as it was judged; while it lives, a cached Record of another object that holds it
/// tells at once.
pub(crate) fn claim(rules: &Rules, state: &State, process: usize, pass: &Pass) -> Claim {
    if rules.drops(Weakness::StatusTrusted) {
        return Claim::Own;
    }
    let cached = state.processes[process].cache.records;
    // No finalizer goes on the word of a cache.
    let hinted = pass.facts.object == Kind::Live || rules.drops(Weakness::CachedClaim);
    if hinted && names_account_of_another(rules, pass, &cached) {
        Claim::Foreign
    } else {
        pass.facts.claim
    }
}

/// Whether one of these Records serves another object, holds the account that the status or the spec of this one names, and does not
/// give way.
pub(crate) fn names_account_of_another(rules: &Rules, pass: &Pass, records: &[Option<Record>]) -> bool {
    others_that_name(pass, records).any(|record| !gives_way(rules, pass, record))
}

/// Whether one of them is an intent to have that account which is taken back for this object's.
fn names_account_of_rival(rules: &Rules, pass: &Pass, records: &[Option<Record>]) -> bool {
    others_that_name(pass, records).any(|record| gives_way(rules, pass, record))
}

fn others_that_name<'a>(pass: &Pass, records: &'a [Option<Record>]) -> impl Iterator<Item = &'a Record> {
    let (uid, named) = (pass.uid, pass.object.and_then(|object| object.named()));
    let mut others = records.iter().flatten().filter(move |record| record.uid != uid);
    std::iter::from_fn(move || others.find(|record| named.is_some_and(|named| record.ledger.names(&named))))
}

fn gives_way(rules: &Rules, pass: &Pass, record: &Record) -> bool {
    record.ledger.is_intent_to_adopt() && (record.uid > pass.uid || rules.drops(Weakness::NobodyFirst))
}

/// Every Record, by quorum; and of an account that is to be there already, itself.
pub(crate) fn judge(rules: &Rules, state: &State, process: usize, pass: &mut Pass) {
    let records = if rules.drops(Weakness::AdoptedByCache) {
        state.processes[process].cache.records
    } else {
        state.cluster.records
    };
    let adopts = pass.object.and_then(|object| object.adopts);
    let account = adopts.and_then(|id| state.vobiz.alive(id));
    let named_by_other = adopts.is_some_and(|id| {
        let other = state.cluster.other.0;
        other.is_some_and(|other| other.identity == Some(id))
    });
    // An attempt of another Record made it, and will bind it, or delete it as a leftover.
    let made_by_other = account.is_some_and(|account| {
        let mut others = records.iter().flatten().filter(|record| record.uid != pass.uid);
        others.any(|record| record.ledger.series == account.series) && !rules.drops(Weakness::MarkerIgnored)
    });
    pass.facts.claim = if adopts.is_some() && account.is_none() {
        Claim::Missing
    } else if names_account_of_another(rules, pass, &records) || named_by_other || made_by_other {
        Claim::Foreign
    } else if names_account_of_rival(rules, pass, &records) {
        if adopts.is_some() && pass.facts.object == Kind::Live {
            Claim::Contested
        } else {
            Claim::Foreign
        }
    } else {
        Claim::Own
    };
}

/// The account that a Record without a pair is closed for: the one that the status names, unless it is somebody else's.
pub(crate) fn known(rules: &Rules, state: &State, process: usize, pass: &Pass) -> Option<u8> {
    let foreign = claim(rules, state, process, pass) == Claim::Foreign;
    pass.object
        .and_then(|object| object.identity)
        .filter(|_| !foreign)
}
