//! PURE. Whether a refusal was told, cost no more than a run without one, and hurt nobody else.

use jiff::SignedDuration;
use vobiz_harness::simulator_journal::Operation;

use super::Finding;
use crate::evidence::Evidence;
use crate::pulse::unstarved;
use crate::refusal::{Refusal, counts, raise};

/// How soon somebody must be told, on a machine that is not starved.
pub const TOLD: SignedDuration = SignedDuration::from_secs(5);
/// How soon an edit of a healthy object must be at Vobiz.
pub const EDITED: SignedDuration = SignedDuration::from_secs(1);

/// What did not hold while a write was refused.
pub(super) fn refusals(evidence: &Evidence) -> Vec<Finding> {
    let Some(refusal) = &evidence.refusal else {
        return Vec::new();
    };
    let untold = untold(evidence, refusal).into_iter();
    untold
        .chain(repeated(evidence, refusal))
        .chain(harmed(evidence, refusal))
        .collect()
}

fn untold(evidence: &Evidence, refusal: &Refusal) -> Option<Finding> {
    let said = &refusal.said;
    if refusal.is_babbled {
        return Some(Finding::Untold(format!(
            "the policy's own words are shown; {said}"
        )));
    }
    if refusal.is_expected {
        return None;
    }
    let Some(told) = refusal.told else {
        let (write, times) = (&refusal.write, refusal.times);
        return Some(Finding::Untold(format!(
            "'{write}' was refused {times} times, {said}"
        )));
    };
    let after = unstarved(&evidence.starved, refusal.since, told);
    (after > TOLD).then(|| Finding::Untold(format!("only after {after:#}; {said}")))
}

/// Lists come with the time that passes, and a request whose answer came too late may be sent again. What was sent before the
/// first refusal is not its doing: two runs without any refusal need not be alike.
fn repeated(evidence: &Evidence, refusal: &Refusal) -> Vec<Finding> {
    let mut expected = refusal.clean.clone();
    raise(&mut expected, &counts(&evidence.calls, Some(refusal.since)));
    let once = |operation| expected.get(&operation).copied().unwrap_or_default();
    let sent = counts(&evidence.calls, Some(refusal.until)).into_iter();
    sent.filter(|(operation, _)| *operation != Operation::List)
        .filter(|(operation, sent)| *sent > once(*operation) + refusal.given_up)
        .map(|(operation, sent)| Finding::Repeated {
            operation,
            sent,
            clean: once(operation),
        })
        .collect()
}

fn harmed(evidence: &Evidence, refusal: &Refusal) -> Option<Finding> {
    let took = unstarved(&evidence.starved, refusal.edit.asked, refusal.edit.until);
    (took > EDITED).then_some(Finding::Harmed(took))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, call, created};
    use super::*;
    use crate::denier::Denier;
    use crate::judge::judge;
    use crate::refusal::Edit;
    use crate::write::{Server, Write};

    /// The good run with an update of its Record refused from the second 2 on, told in the second 4.
    fn refused() -> Evidence {
        let good = created();
        let refusal = Refusal {
            write: Write::new(Server::Kubernetes, "update record"),
            by: Denier::Policy,
            since: at(2),
            until: at(14),
            times: 5,
            is_expected: false,
            told: Some(at(4)),
            is_babbled: false,
            said: String::new(),
            edit: Edit {
                asked: at(3),
                until: at(4),
            },
            clean: counts(&good.calls, None),
            given_up: 0,
        };
        Evidence {
            refusal: Some(refusal),
            ..good
        }
    }

    fn found(spoil: impl FnOnce(&mut Evidence, &mut Refusal)) -> Vec<Finding> {
        let clean = refused().scene.end_state();
        assert_eq!(judge(&refused(), &clean).findings, [], "the good run is not good");
        let mut spoilt = refused();
        let mut refusal = spoilt.refusal.take().unwrap();
        spoil(&mut spoilt, &mut refusal);
        spoilt.refusal = Some(refusal);
        judge(&spoilt, &clean).findings
    }

    #[test]
    fn a_refusal_that_nobody_is_told_in_time_is_untold_unless_whoever_asked_knows_why() {
        let is_untold = |findings: &[Finding]| matches!(findings, [Finding::Untold(_)]);
        assert!(is_untold(&found(|_, refusal| refusal.told = None)));
        assert!(is_untold(&found(|_, refusal| refusal.told = Some(at(8)))));
        assert!(is_untold(&found(|_, refusal| refusal.is_babbled = true)));
        let starved = found(|run, refusal| {
            refusal.told = Some(at(8));
            run.starved = vec![(at(5), at(7))];
        });
        assert_eq!(starved, [], "4 s in which the machine was not starved");
        let expected = found(|_, refusal| {
            refusal.told = None;
            refusal.is_expected = true;
        });
        assert_eq!(expected, []);
    }

    #[test]
    fn a_request_that_comes_again_with_each_refusal_is_repeated_and_a_list_is_not() {
        let again = |operation| {
            found(move |run, _| {
                run.calls
                    .extend([9, 11].map(|second| call(second, operation, "SA_2", 200)));
            })
        };
        let expected = Finding::Repeated {
            operation: Operation::Get,
            sent: 2,
            clean: 0,
        };
        assert_eq!(again(Operation::Get), [expected]);
        assert_eq!(again(Operation::List), []);
        // What comes once it is allowed was not sent in vain.
        let later = found(|run, _| run.calls.push(call(15, Operation::Get, "SA_2", 200)));
        assert_eq!(later, []);
        let lost = found(|run, refusal| {
            run.calls.push(call(9, Operation::Get, "SA_2", 200));
            refusal.given_up = 1;
        });
        assert_eq!(lost, [], "its first answer came too late");
        let early = |seconds: &[i64]| {
            let calls = seconds
                .iter()
                .map(|second| call(*second, Operation::Get, "SA_2", 200));
            found(|run, _| run.calls.extend(calls))
        };
        assert_eq!(early(&[1, 1]), [], "sent before anything was refused");
        let both = early(&[1, 1, 9]);
        assert!(
            matches!(
                both[..],
                [Finding::Repeated {
                    sent: 3,
                    clean: 2,
                    ..
                }]
            ),
            "{both:?}"
        );
    }

    #[test]
    fn an_edit_of_a_healthy_object_that_takes_longer_than_a_second_is_harm() {
        let slow = found(|_, refusal| refusal.edit.until = at(6));
        assert_eq!(slow, [Finding::Harmed(SignedDuration::from_secs(3))]);
        let starved = found(|run, refusal| {
            refusal.edit.until = at(6);
            run.starved = vec![(at(3), at(5))];
        });
        assert_eq!(starved, []);
    }
}
