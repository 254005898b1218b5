//! PURE. Whether the promises held in one plan.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use vobiz_harness::simulator_journal::Operation;

use crate::evidence::{Act, Call, EndState, Evidence, Marker, Pair, Values};
use crate::pulse::unstarved;
use crate::workload::{Claim, Policy};

mod adoption;
mod finding;
pub mod refusals;

pub use finding::Finding;

/// How long after the last fault everything must be as in the clean run, on a machine that is not starved.
pub const CONVERGENCE: SignedDuration = SignedDuration::from_secs(30);
/// Requests to the API within any minute, for one object and its Account.
pub const CALLS_PER_MINUTE: usize = 150;
/// Lists that prove that nothing is left.
const LISTS_OF_A_WALK: usize = 2;

/// What became of a plan.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Everything that did not hold.
    pub findings: Vec<Finding>,
    /// From the fault before the last change to that change.
    pub convergence: SignedDuration,
    /// The most requests to the API within a minute.
    pub calls_per_minute: usize,
}

/// Judges one plan; `clean` is the end of the run without faults.
#[must_use]
pub fn judge(evidence: &Evidence, clean: &EndState) -> Verdict {
    let mut findings = promises(evidence);
    findings.extend(refusals::refusals(evidence));
    for companion in &evidence.companions {
        findings.extend(promises(companion));
    }
    findings.extend(adoption::held_twice(evidence));
    let end = evidence.scene.end_state();
    if end != *clean {
        let object = evidence.scene.object.as_ref();
        let conditions = object.map(|object| object["status"]["conditions"].to_string());
        findings.push(Finding::OtherEnd(format!(
            "{end:?} instead of {clean:?}; it says {}",
            conditions.unwrap_or_default()
        )));
    }
    let convergence = convergence(evidence);
    if convergence > CONVERGENCE {
        findings.push(Finding::Slow(convergence));
    }
    let calls_per_minute = most_within_a_minute(&evidence.calls);
    if calls_per_minute > CALLS_PER_MINUTE {
        findings.push(Finding::TooManyCalls(calls_per_minute));
    }
    Verdict {
        findings,
        convergence,
        calls_per_minute,
    }
}

/// What must hold for every object, whatever happens.
fn promises(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(strays(evidence));
    findings.extend(pairs(evidence));
    findings.extend(wrong_deletes(evidence));
    findings.extend(early_finalizers(evidence));
    findings.extend(creates(evidence));
    findings.extend(adoption::adoption(evidence));
    findings
}

fn id_of(values: &Values) -> Option<&str> {
    values.get("auth_id").map(String::as_str)
}

fn phase_of(record: &Values) -> &str {
    record.get("phase").map(String::as_str).unwrap_or_default()
}

/// The accounts that a Record holds on purpose.
fn held(evidence: &Evidence) -> BTreeSet<&str> {
    let records = evidence.scene.records.iter().flatten();
    let holding = records.filter(|record| matches!(phase_of(record), "Bound" | "Kept"));
    holding.filter_map(id_of).collect()
}

fn strays(evidence: &Evidence) -> Option<Finding> {
    let held = held(evidence);
    let accounts = evidence.scene.accounts.iter();
    // What was there before its object was nobody's, and stays so where nobody has had it.
    let is_known = |id: &str| held.contains(id) || evidence.by_hand.as_deref() == Some(id);
    let unheld = accounts.filter(|account| account["auth_id"].as_str().is_none_or(|id| !is_known(id)));
    let count = unheld.count();
    // One held by an object that is gone under the policy Delete is as stray.
    let allowed = usize::from(evidence.lives || evidence.policy != Policy::Delete);
    let excess = held.len().saturating_sub(allowed);
    (count + excess > 0).then_some(Finding::Strays(count + excess))
}

fn pairs(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut look =
        |what: &str, values: Option<&Values>| match values.map(|values| evidence.scene.pair(values)) {
            Some(Pair::Right) => {}
            Some(Pair::Mixed) => findings.push(Finding::MixedPair(what.to_owned())),
            Some(Pair::Lost) | None => findings.push(Finding::LostPair(what.to_owned())),
        };
    let newest = evidence.scene.records.last().and_then(Option::as_ref);
    if evidence.lives {
        look("the user's Secret", evidence.scene.secret.as_ref());
        look("the Record", newest);
        let published = evidence.scene.secret.as_ref().and_then(id_of);
        let named = evidence.scene.object.as_ref();
        let named = named.and_then(|object| object["status"]["authId"].as_str());
        if published != named || published != newest.and_then(id_of) {
            findings.push(Finding::MixedPair(
                "status, Secret and Record name different accounts".to_owned(),
            ));
        }
    } else if evidence.policy != Policy::Delete && evidence.claim != Claim::Refused {
        // Of two that name one account either may have had it.
        let kept = evidence.scene.records.iter().flatten().next_back();
        look("the Record of the kept account", kept);
    }
    findings
}

/// When the object's deletion was first asked for.
fn deletion_asked(evidence: &Evidence) -> Option<Timestamp> {
    let mut asked = evidence
        .deeds
        .iter()
        .filter(|deed| deed.act == Act::DeletionAsked);
    asked.next().map(|deed| deed.at)
}

/// Which attempt made each account.
fn markers(evidence: &Evidence) -> BTreeMap<&str, &Marker> {
    let creates = evidence.calls.iter().filter(|call| call.committed);
    creates
        .filter_map(|call| Some((call.id.as_deref()?, call.marker.as_ref()?)))
        .collect()
}

fn wrong_deletes(evidence: &Evidence) -> Vec<Finding> {
    let (markers, held) = (markers(evidence), held(evidence));
    let is_fenced = |marker: &Marker| {
        let through = evidence.fences.get(&marker.series);
        through.is_some_and(|through| marker.epoch <= *through)
    };
    let mut findings = Vec::new();
    let deletes = evidence
        .calls
        .iter()
        .filter(|call| call.operation == Operation::Delete && call.committed);
    for call in deletes {
        let id = call.id.as_deref().unwrap_or_default();
        let fenced = markers.get(id).is_some_and(|marker| is_fenced(marker));
        let asked = evidence.policy == Policy::Delete
            && deletion_asked(evidence).is_some_and(|asked| asked <= call.at);
        if held.contains(id) || !(fenced || asked) {
            findings.push(Finding::WrongDelete(id.to_owned()));
        }
    }
    findings
}

fn early_finalizers(evidence: &Evidence) -> Vec<Finding> {
    let removals = evidence
        .deeds
        .iter()
        .filter(|deed| deed.act == Act::FinalizerRemoved);
    removals
        .filter_map(|removal| too_early(evidence, removal.at))
        .collect()
}

fn too_early(evidence: &Evidence, removed: Timestamp) -> Option<Finding> {
    let kept = held(evidence);
    let mut alive: BTreeSet<&str> = BTreeSet::new();
    let mut last_create = None;
    let mut last_delete: Option<&Call> = None;
    for call in evidence.calls.iter().filter(|call| call.at < removed) {
        let id = call.id.as_deref().unwrap_or_default();
        match call.operation {
            Operation::Create => {
                last_create = Some(call.at);
                if call.committed {
                    alive.insert(id);
                }
            }
            Operation::Delete if call.committed => {
                alive.remove(id);
                last_delete = Some(call);
            }
            _ => {}
        }
    }
    if evidence.policy != Policy::Delete {
        alive.retain(|id| !kept.contains(id));
    }
    if !alive.is_empty() {
        return Some(Finding::EarlyFinalizer(format!("{alive:?} existed")));
    }
    let is_late = |call: &&Call| call.operation == Operation::Create && call.at > removed && call.committed;
    if !evidence.lives && evidence.calls.iter().any(|call| is_late(&call)) {
        return Some(Finding::EarlyFinalizer(
            "an account was made afterwards".to_owned(),
        ));
    }
    let last_create = last_create.filter(|_| evidence.policy == Policy::Delete)?;
    let before = |call: &&Call| call.at < removed;
    let shown_gone = last_delete.is_some_and(|deleted| {
        evidence.calls.iter().filter(before).any(|call| {
            matches!(call.operation, Operation::Get | Operation::Delete)
                && call.id == deleted.id
                && call.status == Some(404)
        })
    });
    let lists = evidence.calls.iter().filter(before).filter(|call| {
        call.operation == Operation::List && call.at > last_create && call.status == Some(200)
    });
    let walked = lists.count() >= LISTS_OF_A_WALK;
    (!shown_gone && !walked).then(|| Finding::EarlyFinalizer("nobody had looked".to_owned()))
}

fn creates(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Vec::new();
    let creates = evidence
        .calls
        .iter()
        .filter(|call| call.operation == Operation::Create);
    let mut with_effect: BTreeSet<&Marker> = BTreeSet::new();
    let mut last = None;
    for call in creates {
        last = Some(call.at);
        let Some(marker) = &call.marker else {
            findings.push(Finding::WrongDelete(
                "an account was asked for without a marker".to_owned(),
            ));
            continue;
        };
        if with_effect.contains(marker) {
            findings.push(Finding::PostedTwice(marker.clone()));
        }
        if call.committed {
            with_effect.insert(marker);
        }
    }
    let writes = evidence
        .deeds
        .iter()
        .filter(|deed| deed.act == Act::RecordWritten && last.is_some_and(|last| deed.at <= last));
    let (creates, attempts) = (with_effect.len(), writes.count());
    if creates > attempts {
        findings.push(Finding::TooManyCreates { creates, attempts });
    }
    findings
}

fn convergence(evidence: &Evidence) -> SignedDuration {
    let calls = evidence
        .calls
        .iter()
        .filter(|call| call.committed)
        .map(|call| call.at);
    let deeds = evidence
        .deeds
        .iter()
        .filter(|deed| deed.by_operator && deed.act != Act::Other);
    let Some(last) = calls.chain(deeds.map(|deed| deed.at)).max() else {
        return SignedDuration::ZERO;
    };
    let faults = evidence.faults.iter().filter(|fault| **fault <= last).max();
    faults.map_or(SignedDuration::ZERO, |fault| {
        unstarved(&evidence.starved, *fault, last)
    })
}

fn most_within_a_minute(calls: &[Call]) -> usize {
    let mut times: Vec<Timestamp> = calls.iter().map(|call| call.at).collect();
    times.sort();
    let within = |(index, first): (usize, &Timestamp)| {
        times[index..].partition_point(|time| time.duration_since(*first) < SignedDuration::from_mins(1))
    };
    times.iter().enumerate().map(within).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
