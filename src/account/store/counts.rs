//! How many Subaccounts keep an account under which Account, and when a change of that is told. PURE.

use crate::account::key::AccountKey;
use crate::controller::uid::Uid;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the first change waits for others of its kind.
const FIRST: Duration = Duration::from_secs(2);

/// How long a change waits at most, while they keep coming. After as long without any the next one is a first.
const LONGEST: Duration = Duration::from_mins(1);

/// Counted as Subaccounts come and go: every change costs the same, however many there are.
#[derive(Debug, Default)]
pub(in crate::account) struct Counts {
    /// The Account of each Subaccount that keeps an account, by uid.
    kept: HashMap<Uid, Arc<AccountKey>>,
    by_account: HashMap<Arc<AccountKey>, AccountCount>,
}

#[derive(Debug, Default)]
struct AccountCount {
    managed: i64,
    pace: Pace,
}

impl Counts {
    /// Under which Account the Subaccount of this uid keeps an account now, if it does. Returns the Accounts that have
    /// something new to tell, and the pause after which they should.
    pub(in crate::account) fn note(
        &mut self,
        uid: &str,
        account: Option<AccountKey>,
        now: Instant,
    ) -> Vec<(AccountKey, Duration)> {
        let uid = Uid::of(uid);
        if self.kept.get(&uid).map(|before| &**before) == account.as_ref() {
            return Vec::new();
        }
        let before = self.kept.remove(&uid).map(|before| (before, -1));
        let after = account.map(|account| {
            let known = self.by_account.get_key_value(&account);
            let account = known.map_or_else(|| Arc::new(account.clone()), |(known, _)| Arc::clone(known));
            self.kept.insert(uid, Arc::clone(&account));
            (account, 1)
        });
        let mut due = Vec::new();
        for (account, difference) in before.into_iter().chain(after) {
            let count = self.by_account.entry(Arc::clone(&account)).or_default();
            count.managed += difference;
            due.extend(count.pace.changed(now).map(|pause| ((*account).clone(), pause)));
        }
        due
    }

    /// How many there are under this Account.
    pub(in crate::account) fn managed(&self, account: &AccountKey) -> i64 {
        self.by_account.get(account).map_or(0, |count| count.managed)
    }

    /// How many there are, if it is time to tell that they have become more or fewer.
    pub(in crate::account) fn due(&self, account: &AccountKey, now: Instant) -> Option<i64> {
        let count = self.by_account.get(account)?;
        count.pace.is_due(now).then_some(count.managed)
    }

    /// So many were told. Returns the pause before the next telling, if it is wrong by now.
    pub(in crate::account) fn told(
        &mut self,
        account: &AccountKey,
        managed: i64,
        now: Instant,
    ) -> Option<Duration> {
        let count = self.by_account.get_mut(account)?;
        count.pace.told(now);
        (count.managed != managed)
            .then(|| count.pace.changed(now))
            .flatten()
    }

    /// There is no such Account that could tell anything.
    pub(in crate::account) fn forget(&mut self, account: &AccountKey) {
        match self.by_account.get_mut(account) {
            Some(count) if count.managed > 0 => count.pace = Pace::default(),
            _ => drop(self.by_account.remove(account)),
        }
    }
}

/// Soon at first, then twice as long each time while it goes on.
#[derive(Debug, Default)]
struct Pace {
    pause: Duration,
    due: Option<Instant>,
    told: Option<Instant>,
}

impl Pace {
    /// Returns the pause until the change is told, unless one runs already.
    fn changed(&mut self, now: Instant) -> Option<Duration> {
        if self.due.is_some() {
            return None;
        }
        let is_quiet = self
            .told
            .is_none_or(|told| now.saturating_duration_since(told) > LONGEST);
        self.pause = if is_quiet {
            FIRST
        } else {
            (self.pause * 2).min(LONGEST)
        };
        self.due = Some(now + self.pause);
        Some(self.pause)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    fn told(&mut self, now: Instant) {
        if self.due.take().is_some() {
            self.told = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    fn key(name: &str) -> AccountKey {
        AccountKey::within("team", name)
    }

    fn pauses(due: Vec<(AccountKey, Duration)>) -> Vec<(String, u64)> {
        let of = |(account, pause): (AccountKey, Duration)| (account.name().to_owned(), pause.as_secs());
        due.into_iter().map(of).collect()
    }

    #[test]
    fn each_subaccount_counts_once_under_the_account_that_it_is_kept_under() {
        let (mut counts, now) = (Counts::default(), now());
        let (main, other) = (key("main"), key("other"));
        assert!(counts.note("1", None, now).is_empty(), "it has no account yet");
        assert_eq!(
            pauses(counts.note("1", Some(main.clone()), now)),
            [("main".to_owned(), 2)]
        );
        assert!(counts.note("1", Some(main.clone()), now).is_empty());
        assert!(
            counts.note("2", Some(main.clone()), now).is_empty(),
            "told with the first"
        );
        assert_eq!((counts.managed(&main), counts.managed(&other)), (2, 0));
        assert_eq!(
            pauses(counts.note("2", Some(other.clone()), now)),
            [("other".to_owned(), 2)]
        );
        assert_eq!((counts.managed(&main), counts.managed(&other)), (1, 1));
        counts.note("1", None, now);
        assert_eq!(counts.managed(&main), 0);
    }

    #[test]
    fn a_change_is_told_once_its_pause_is_over_and_what_changed_meanwhile_after_another() {
        let (mut counts, begun) = (Counts::default(), now());
        let main = key("main");
        counts.note("1", Some(main.clone()), begun);
        assert_eq!(counts.due(&main, begun), None);
        let told = begun + FIRST;
        assert_eq!(counts.due(&main, told), Some(1));
        counts.note("2", Some(main.clone()), told);
        assert_eq!(counts.told(&main, 1, told), Some(FIRST * 2), "it was two by then");
        assert_eq!(counts.due(&main, told + FIRST), None);
        assert_eq!(counts.due(&main, told + FIRST * 2), Some(2));
        assert_eq!(counts.told(&main, 2, told + FIRST * 2), None);
        assert_eq!(
            counts.due(&main, told + LONGEST * 2),
            None,
            "at rest nothing is told"
        );
    }

    #[test]
    fn while_it_goes_on_the_pauses_grow_to_a_minute_and_a_minute_without_a_change_ends_that() {
        let (mut counts, begun) = (Counts::default(), now());
        let main = key("main");
        let (mut now, mut pauses) = (begun, Vec::new());
        for number in 0..8_u32 {
            let due = counts.note(&number.to_string(), Some(main.clone()), now);
            let pause = due[0].1;
            pauses.push(pause.as_secs());
            now += pause;
            assert_eq!(counts.told(&main, i64::from(number) + 1, now), None);
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
        // A list that is read and shows nothing new is no change.
        counts.told(&main, 8, now + LONGEST);
        let due = counts.note("0", None, now + LONGEST + Duration::from_millis(1));
        assert_eq!(due[0].1, FIRST);
    }

    #[test]
    fn nothing_is_kept_of_an_account_that_is_gone_and_has_no_subaccounts() {
        let (mut counts, now) = (Counts::default(), now());
        let main = key("main");
        counts.note("1", Some(main.clone()), now);
        counts.forget(&main);
        assert_eq!(
            (counts.managed(&main), counts.due(&main, now + LONGEST)),
            (1, None)
        );
        counts.note("1", None, now);
        counts.forget(&main);
        assert!(counts.kept.is_empty() && counts.by_account.is_empty());
    }
}
