//! Records that no object keeps, in a few lines. PURE.

use super::check::{Check, Part};
use crate::kubectl::orphans::judge::Left;
use crate::kubectl::orphans::orphan::What;
use crate::kubectl::runbook;

/// What was found among the Records of this place. `unjudged`: of how many nobody can say whether their objects are there.
#[must_use]
pub fn judge(place: &str, left: &[Left], unjudged: usize) -> Vec<Check> {
    let object = format!("Records of {place}");
    let count = |what: What| left.iter().filter(|left| left.what() == what).count();
    let mut checks = Vec::new();
    for what in [What::OrphanedRecord, What::DamagedRecord, What::PendingRecord] {
        let found = count(what);
        if found == 0 {
            continue;
        }
        let remedy = runbook::of_orphan(what.as_str()).unwrap_or_default();
        let message = format!("{found} {}, see kubectl vobiz orphans", what.as_str());
        checks.push(match what {
            What::DamagedRecord => Check::fault(Part::Record, object.clone(), message, remedy),
            _ => Check::warning(Part::Record, object.clone(), message, remedy),
        });
    }
    if unjudged > 0 {
        let why = format!("the Subaccounts of {unjudged} of them");
        checks.push(Check::unseen(Part::Record, object.clone(), &why));
    }
    if checks.is_empty() {
        let kept = count(What::KeptRecord);
        let message = format!("each has its object, but for {kept} that are kept by policy");
        checks.push(Check::ok(Part::Record, object, message));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::doctor::check::Verdict;

    #[test]
    fn a_damaged_record_is_a_fault_with_the_runbooks_words_and_none_left_is_well() {
        let damaged = || Left::Damaged("subaccount-u".to_owned(), "phase");
        let told = judge("team", &[damaged(), damaged()], 0);
        assert_eq!((told.len(), told[0].verdict), (1, Verdict::Fault));
        assert!(
            told[0].message.starts_with("2 DamagedRecord"),
            "{}",
            told[0].message
        );
        assert!(told[0].remedy.as_ref().is_some_and(|remedy| remedy.len() > 40));
        assert_eq!(judge("team", &[], 0)[0].verdict, Verdict::Ok);
        assert_eq!(judge("team", &[], 3)[0].verdict, Verdict::Warning);
    }
}
