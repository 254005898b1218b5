//! Pairs that are tried: which Account asks, what came of it, and whose turn it is. I/O (clock).
//!
//! Anybody may put anybody's parent id into a Secret. Until `GET /auth/me` has proved a pair, nothing that it is answered
//! counts for that parent: it has a gate of its own, at its own Account's limit. For each parent id that is named one pair is
//! tried at a time, and namespaces take turns. A pair that was proved before and is in doubt waits for no stranger's.

use crate::account::generation::Choice;
use crate::account::key::AccountKey;
use crate::account::parent::gate::Gate;
use crate::account::parent::queue::{Class, Queue, Turn, Who};
use crate::account::store::members::Terms;
use crate::account::tell::trouble::AccountTrouble;
use crate::clock::now;
use crate::vobiz::{Generation, ParentAuthId, ParentCredentials};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What an Account wants to know: whether its pair works, and under which generation the list answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::account) struct Question {
    pub(in crate::account) credentials: ParentCredentials,
    pub(in crate::account) choice: Choice,
}

/// What is known of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::account) enum Verdict {
    /// It is being tried, or waits for its turn, since then.
    Awaited(Instant),
    /// It came to nothing. Told once: who asks again has it tried again.
    Failed(AccountTrouble),
    /// The pair works and the list answers.
    Good(Generation),
}

/// Those who wait for each other.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::account) struct Line {
    parent: ParentAuthId,
    proved: bool,
}

/// Whose turn it is.
#[derive(Clone, Debug)]
pub(in crate::account) struct NextTrial {
    pub(in crate::account) account: AccountKey,
    pub(in crate::account) question: Question,
    pub(in crate::account) terms: Terms,
    /// The gate of its own, unless the pair was proved before.
    pub(in crate::account) gate: Option<Arc<Gate>>,
    number: u64,
}

/// Every pair that is or was tried, by Account.
#[derive(Debug, Default)]
pub(in crate::account) struct Trials {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    trials: HashMap<AccountKey, Trial>,
    /// The lines that somebody serves.
    lines: HashMap<Line, Queue>,
    asked: u64,
}

#[derive(Debug)]
struct Trial {
    question: Question,
    terms: Terms,
    gate: Arc<Gate>,
    proved: bool,
    number: u64,
    found: Standing,
}

#[derive(Clone, Debug)]
enum Standing {
    Awaited(Instant),
    Failed(AccountTrouble),
    /// `used`: a pass has told it to its end.
    Good {
        generation: Generation,
        used: bool,
    },
    /// It was told, and may have changed since.
    Nothing,
}

impl Trials {
    /// What is known. What is not, or is in doubt, is asked: then somebody must serve the line, if one is returned.
    pub(in crate::account) fn ask(
        &self,
        account: &AccountKey,
        question: Question,
        terms: Terms,
        is_in_doubt: impl FnOnce() -> bool,
    ) -> (Verdict, Option<Line>) {
        let mut state = self.lock();
        let known = state.trials.get_mut(account);
        let known = known.filter(|trial| trial.question.credentials == question.credentials);
        if let Some(trial) = known {
            trial.set_terms(terms);
            let same = trial.question.choice == question.choice;
            match trial.found.clone() {
                Standing::Awaited(since) if same => return (Verdict::Awaited(since), None),
                Standing::Failed(trouble) if same => {
                    trial.found = Standing::Nothing;
                    return (Verdict::Failed(trouble), None);
                }
                Standing::Good { generation, used }
                    if question.choice.accepts(generation) && (!used || !is_in_doubt()) =>
                {
                    return (Verdict::Good(generation), None);
                }
                _ => {}
            }
        }
        let since = now();
        let line = state.enter(account, question, terms, since);
        (Verdict::Awaited(since), line)
    }

    /// The next in line; none ends the serving.
    pub(in crate::account) fn next(&self, line: &Line) -> Option<NextTrial> {
        let mut state = self.lock();
        loop {
            let Some((turn, _)) = state.lines.get_mut(line)?.take(|_| true) else {
                state.lines.remove(line);
                return None;
            };
            if let Who::Account(account) = &*turn.who
                && let Some(trial) = state.trials.get(account)
            {
                return Some(NextTrial {
                    account: account.clone(),
                    question: trial.question.clone(),
                    terms: trial.terms,
                    gate: (!trial.proved).then(|| Arc::clone(&trial.gate)),
                    number: trial.number,
                });
            }
        }
    }

    /// Whether Vobiz knows the pair.
    pub(in crate::account) fn note_proof(&self, next: &NextTrial, proved: bool) {
        if let Some(trial) = self.lock().current(next) {
            trial.proved = proved;
        }
    }

    /// What came of it. False if the Account is known for no proved pair now.
    pub(in crate::account) fn finish(
        &self,
        next: &NextTrial,
        found: Result<Generation, AccountTrouble>,
    ) -> bool {
        let mut state = self.lock();
        if let Some(trial) = state.current(next) {
            trial.found = match found {
                Ok(generation) => Standing::Good {
                    generation,
                    used: false,
                },
                Err(trouble) => Standing::Failed(trouble),
            };
        }
        state.trials.get(&next.account).is_some_and(|trial| trial.proved)
    }

    /// A pass has come to its end with what was found.
    pub(in crate::account) fn settle(&self, account: &AccountKey) {
        if let Some(Trial {
            found: Standing::Good { used, .. },
            ..
        }) = self.lock().trials.get_mut(account)
        {
            *used = true;
        }
    }

    /// The Account asks for other terms.
    pub(in crate::account) fn set_terms(&self, account: &AccountKey, terms: Terms) {
        if let Some(trial) = self.lock().trials.get_mut(account) {
            trial.set_terms(terms);
        }
    }

    /// The Account is gone.
    pub(in crate::account) fn forget(&self, account: &AccountKey) {
        let mut state = self.lock();
        state.trials.remove(account);
        state.leave(account);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(
        &mut self,
        account: &AccountKey,
        question: Question,
        terms: Terms,
        since: Instant,
    ) -> Option<Line> {
        self.leave(account);
        self.asked += 1;
        let known = self.trials.remove(account);
        let same = known.filter(|trial| trial.question.credentials == question.credentials);
        let (gate, proved) = match same {
            Some(trial) => (trial.gate, trial.proved),
            None => (Arc::new(Gate::new(terms.limit)), false),
        };
        let line = Line {
            parent: question.credentials.auth_id.clone(),
            proved,
        };
        let trial = Trial {
            question,
            terms,
            gate,
            proved,
            number: self.asked,
            found: Standing::Awaited(since),
        };
        self.trials.insert(account.clone(), trial);
        let turn = Turn {
            class: Class::Bulk,
            who: Arc::new(Who::Account(account.clone())),
            wake: Arc::new(|| {}),
        };
        let is_served = self.lines.contains_key(&line);
        self.lines.entry(line.clone()).or_default().join(&turn, since);
        (!is_served).then_some(line)
    }

    fn leave(&mut self, account: &AccountKey) {
        let who = Who::Account(account.clone());
        for queue in self.lines.values_mut() {
            queue.leave(&who);
        }
    }

    /// The trial, unless the Account has asked something else since.
    fn current(&mut self, next: &NextTrial) -> Option<&mut Trial> {
        let trial = self.trials.get_mut(&next.account);
        trial.filter(|trial| trial.number == next.number)
    }
}

impl Trial {
    fn set_terms(&mut self, terms: Terms) {
        if self.terms != terms {
            self.terms = terms;
            self.gate.set_limit(terms.limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::parent::bucket::Limit;
    use std::num::NonZeroU32;
    use std::time::Duration;

    fn account(namespace: &str, name: &str) -> AccountKey {
        AccountKey::within(namespace, name)
    }

    fn question(parent: &str, token: &str) -> Question {
        let value = |key: &str| {
            Some(if key == "id" {
                parent.as_bytes()
            } else {
                token.as_bytes()
            })
        };
        Question {
            credentials: ParentCredentials::parse("id", "token", value).unwrap(),
            choice: Choice::Open,
        }
    }

    fn terms(requests_per_second: u32) -> Terms {
        Terms {
            limit: Limit {
                requests_per_second: NonZeroU32::new(requests_per_second).unwrap(),
                burst: NonZeroU32::MIN,
            },
            interval: Duration::from_mins(5),
        }
    }

    fn refused() -> AccountTrouble {
        AccountTrouble::PairRefused
    }

    #[test]
    fn one_pair_of_a_parent_is_tried_at_a_time_and_namespaces_take_turns() {
        let trials = Trials::default();
        let mut line = None;
        for number in 0..3 {
            let asked = question("MA_SHARED", &format!("wrong-token-{number}"));
            let (answer, new) = trials.ask(&account("many", &number.to_string()), asked, terms(1), || false);
            assert!(matches!(answer, Verdict::Awaited(_)));
            assert_eq!(new.is_some(), number == 0, "one serves the line");
            line = line.or(new);
        }
        let line = line.unwrap();
        let first = trials.next(&line).unwrap();
        trials.ask(
            &account("few", "0"),
            question("MA_SHARED", "right-token"),
            terms(1),
            || false,
        );
        let (_, other) = trials.ask(
            &account("few", "1"),
            question("MA_OTHER", "right-token"),
            terms(1),
            || false,
        );
        assert_eq!(
            trials.next(&other.unwrap()).unwrap().account,
            account("few", "1"),
            "another parent's waits for none"
        );
        trials.finish(&first, Err(refused()));
        let order: Vec<_> =
            std::iter::from_fn(|| trials.next(&line).map(|next| next.account.to_string())).collect();
        assert_eq!(order, ["few/0", "many/1", "many/2"]);
        let (_, again) = trials.ask(
            &account("few", "2"),
            question("MA_SHARED", "right-token"),
            terms(1),
            || false,
        );
        assert!(again.is_some(), "nobody serves it any more");
    }

    #[test]
    fn a_failure_is_told_once_and_a_success_until_it_is_in_doubt() {
        let trials = Trials::default();
        let own = account("team", "vobiz");
        let ask = |doubt: bool| trials.ask(&own, question("MA_PARENT", "right-token"), terms(1), || doubt);
        let (_, line) = ask(false);
        let line = line.unwrap();
        let next = trials.next(&line).unwrap();
        assert!(next.gate.is_some(), "a gate of its own");
        assert!(!trials.finish(&next, Err(refused())));
        assert_eq!(ask(false), (Verdict::Failed(refused()), None));
        assert!(
            matches!(ask(false), (Verdict::Awaited(_), None)),
            "the line is still served"
        );
        let next = trials.next(&line).unwrap();
        trials.note_proof(&next, true);
        assert!(trials.finish(&next, Ok(Generation::Gen1)));
        assert_eq!(
            ask(true),
            (Verdict::Good(Generation::Gen1), None),
            "not told to its end yet"
        );
        trials.settle(&own);
        assert_eq!(ask(false), (Verdict::Good(Generation::Gen1), None));
        let recorded = Question {
            choice: Choice::Found(Generation::Gen1),
            ..question("MA_PARENT", "right-token")
        };
        assert_eq!(
            trials.ask(&own, recorded, terms(1), || false).0,
            Verdict::Good(Generation::Gen1)
        );
        assert!(matches!(ask(true), (Verdict::Awaited(_), Some(_))));
    }

    #[test]
    fn a_proved_pair_in_doubt_waits_for_no_stranger_and_a_new_pair_is_a_stranger_again() {
        let trials = Trials::default();
        let own = account("team", "vobiz");
        let (_, line) = trials.ask(&own, question("MA_PARENT", "right-token"), terms(1), || false);
        let next = trials.next(line.as_ref().unwrap()).unwrap();
        trials.note_proof(&next, true);
        trials.finish(&next, Ok(Generation::Gen2));
        trials.settle(&own);
        trials.ask(
            &account("stranger", "vobiz"),
            question("MA_PARENT", "wrong-token"),
            terms(1),
            || false,
        );
        let (_, proved) = trials.ask(&own, question("MA_PARENT", "right-token"), terms(1), || true);
        let next = trials.next(&proved.unwrap()).unwrap();
        assert_eq!((next.account.clone(), next.gate.is_none()), (own.clone(), true));
        trials.ask(&own, question("MA_PARENT", "other-token"), terms(1), || false);
        assert!(
            !trials.finish(&next, Ok(Generation::Gen2)),
            "an answer to what is asked no more"
        );
        let first = trials.next(line.as_ref().unwrap()).unwrap();
        assert_eq!(first.account, account("stranger", "vobiz"));
        let second = trials.next(line.as_ref().unwrap()).unwrap();
        assert!(second.account == own && second.gate.is_some());
        trials.forget(&own);
        assert!(!trials.finish(&second, Ok(Generation::Gen2)));
    }
}
