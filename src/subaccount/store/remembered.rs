//! What this process remembers about one object, or one Record, between passes; all of it may be lost without harm. PURE.

use super::record::ReadRecord;
use crate::account::marker::{Installation, Marker};
use crate::controller::contest::Contest;
use crate::vobiz::{self, AuthId, Credentials, Fields};
use jiff::Timestamp;
use std::time::{Duration, Instant};

/// Creates in a row that were answered with something that is no pair, before a person must look.
const UNUSABLE_LIMIT: u32 = 3;

/// Updates after which a value that the API does not keep is reported instead of sent again.
const UPDATE_LIMIT: u32 = 2;

/// An epoch whose POST was certainly not committed, so that it may be used again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unspent {
    /// The epoch.
    pub epoch: u32,
    /// resourceVersion of the Record that claimed it: a Record that changed since has another owner.
    pub version: String,
}

impl Unspent {
    /// The epoch of this Record.
    #[must_use]
    pub fn of(read: &ReadRecord) -> Self {
        Self {
            epoch: read.record.ledger.epoch,
            version: read.secret.version().to_owned(),
        }
    }
}

/// Who marked an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// This installation.
    Ours,
    /// Another one.
    Anothers,
    /// Nobody, or it was made under generation 1, which keeps no mark.
    None,
}

impl Mark {
    /// Of an account that carries this marker, as this installation sees it.
    #[must_use]
    pub fn of(marker: Option<Marker>, ours: Installation) -> Self {
        match marker {
            Some(marker) if marker.installation == ours => Self::Ours,
            Some(_) => Self::Anothers,
            None => Self::None,
        }
    }
}

/// Whose an account was found to be: nobody asks Vobiz twice in a quarter of an hour.
#[derive(Clone, PartialEq, Debug)]
pub struct Judged {
    /// The account that the status names.
    pub id: AuthId,
    /// Who marked it.
    pub mark: Mark,
    /// What it showed; none if it is gone.
    pub account: Option<vobiz::Subaccount>,
    /// When Vobiz was asked.
    pub at: Instant,
}

/// What Vobiz said about the pair in a Secret.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// It works, and the parent knows the account.
    Works(Box<vobiz::Subaccount>),
    /// It works, and the parent does not know the account.
    WorksElsewhere,
    /// It is refused, and the account lives.
    Refused(Box<vobiz::Subaccount>),
    /// It is refused, and nothing says that its id is one.
    Nothing,
    /// The account is gone.
    Dead,
}

impl Proof {
    /// Of a pair that works or is refused, and the account of its id, if the parent has it.
    #[must_use]
    pub fn of(works: bool, account: Option<vobiz::Subaccount>) -> Self {
        match (works, account) {
            (true, Some(account)) => Self::Works(Box::new(account)),
            (true, None) => Self::WorksElsewhere,
            (false, Some(account)) => Self::Refused(Box::new(account)),
            (false, None) => Self::Dead,
        }
    }
}

/// What Vobiz said about the pair that was found in this version of a Secret: under other keys there may be another one.
#[derive(Clone, PartialEq, Debug)]
pub struct Tried {
    /// resourceVersion of the Secret.
    pub version: String,
    /// The pair.
    pub pair: Credentials,
    /// What it said.
    pub proof: Proof,
    /// When it was asked.
    pub at: Instant,
}

/// An account for which Vobiz answered 404: a list that was begun later tells whether it is gone.
#[derive(Clone, PartialEq, Debug)]
struct Missing {
    id: AuthId,
    /// When Vobiz first did.
    since: Instant,
    /// A list has told it.
    is_gone: bool,
}

/// A fence as this process first saw it.
///
/// Its date is wall time, for it outlives the process that wrote it. How old it is is asked once, when this process first sees it; what
/// has passed since is counted on the monotonic clock. A wall clock that is set while the process runs thus neither shortens the time
/// for which the Record of a gone object is kept nor prolongs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sighting {
    dated: Timestamp,
    age: Duration,
    at: Instant,
}

impl Sighting {
    /// A fence of that date, seen now: `wall` on the clock of its date, `at` on the monotonic one. A date in the future
    /// was written, or is read, by a wrong clock: it counts from now.
    #[must_use]
    pub fn new(dated: Timestamp, wall: Timestamp, at: Instant) -> Self {
        Self {
            dated,
            age: Duration::try_from(wall.duration_since(dated)).unwrap_or_default(),
            at,
        }
    }

    /// Whether it is the fence of that date.
    #[must_use]
    pub fn is_of(&self, dated: Timestamp) -> bool {
        self.dated == dated
    }

    /// How much of `retention` is left.
    #[must_use]
    pub fn left(&self, retention: Duration, now: Instant) -> Option<Duration> {
        let age = self.age.saturating_add(now.saturating_duration_since(self.at));
        retention.checked_sub(age).filter(|left| !left.is_zero())
    }
}

/// What is remembered about one object.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Remembered {
    /// An epoch that may still be used.
    pub unspent: Option<Unspent>,
    /// When this process wrote or first read the fence through this epoch.
    pub fence: Option<(u32, Instant)>,
    /// Fenced epochs up to this one were proved absent by a clean walk after settle.
    pub swept_through: u32,
    /// When the user's Secret was last compared.
    pub secret_checked: Option<Instant>,
    /// The date of the Record's last fence, as this process first saw it.
    sighting: Option<Sighting>,
    /// When this process first saw that the Record's retention is over.
    pub retention_over_since: Option<Instant>,
    /// The user's Secret was changed, perhaps by somebody else: the next pass compares it.
    pub secret_suspect: bool,
    /// An account that was proved gone after it was deleted.
    pub proved_gone: Option<AuthId>,
    missing: Option<Missing>,
    /// An account that was shown to be disabled before it was left.
    pub shown_disabled: Option<AuthId>,
    /// Whose the account is that the status names.
    pub judged: Option<Box<Judged>>,
    /// The pair in the user's Secret.
    pub tried: Option<Box<Tried>>,
    /// The request for a look at everything that was carried out, though the status may not say so yet.
    pub request_handled: Option<String>,
    /// Passes in a row that found something else than they had read.
    pub outdated_in_a_row: u32,
    /// It was told by an event that the status cannot be written.
    pub refusal_reported: bool,
    /// The orphan was reported.
    pub orphan_reported: bool,
    /// Somebody keeps changing the user's Secret.
    pub contest: Contest,
    unusable: Option<(u32, Instant)>,
    fought: Option<(Fields, u32)>,
}

impl Remembered {
    /// Nothing but when the user's Secret was last compared.
    #[must_use]
    pub fn at_rest(secret_checked: Option<Instant>) -> Self {
        Self {
            secret_checked,
            ..Self::default()
        }
    }

    /// Notes when a fence is seen for the first time. Its retention begins anew, and with it what was seen of that.
    pub fn note_fence(&mut self, fenced_through: u32, now: Instant) {
        if self.fence.is_none_or(|(known, _)| known != fenced_through) {
            self.fence = Some((fenced_through, now));
            self.retention_over_since = None;
        }
    }

    /// The fence of this date, as it was first seen: `wall` and `now` count only if that is now.
    pub fn sight(&mut self, dated: Timestamp, wall: Timestamp, now: Instant) -> Sighting {
        match self.sighting {
            Some(sighting) if sighting.is_of(dated) => sighting,
            _ => *self.sighting.insert(Sighting::new(dated, wall, now)),
        }
    }

    /// Vobiz answered 404 for this account.
    pub fn note_missing(&mut self, id: &AuthId, now: Instant) {
        if self.missing_since(id).is_none() {
            self.missing = Some(Missing {
                id: id.clone(),
                since: now,
                is_gone: false,
            });
        }
    }

    /// It was shown to exist, or what is known of it was used up.
    pub fn forget_missing(&mut self) {
        self.missing = None;
    }

    /// A list has told that the account is gone: until one shows it again nobody need ask.
    pub fn note_gone(&mut self, id: &AuthId) {
        if let Some(missing) = self.missing.as_mut().filter(|missing| missing.id == *id) {
            missing.is_gone = true;
        }
    }

    /// Whether a list has told that the account is gone for which Vobiz answered 404.
    #[must_use]
    pub fn is_gone(&self, id: &AuthId) -> bool {
        let missing = self.missing.as_ref();
        missing.is_some_and(|missing| missing.is_gone && missing.id == *id)
    }

    /// Whether Vobiz answers 404 for any account.
    #[must_use]
    pub fn is_any_missing(&self) -> bool {
        self.missing.is_some()
    }

    /// Since when Vobiz answers 404 for this account, while no list has shown it.
    #[must_use]
    pub fn missing_since(&self, id: &AuthId) -> Option<Instant> {
        let missing = self.missing.as_ref()?;
        (missing.id == *id).then_some(missing.since)
    }

    /// Counts a create that was answered with something that is no pair.
    pub fn note_unusable(&mut self, now: Instant) {
        let count = self.unusable.map_or(0, |(count, _)| count);
        self.unusable = Some((count + 1, now));
    }

    /// The next create may be tried: a person has changed something, or one was answered well.
    pub fn forget_unusable(&mut self) {
        self.unusable = None;
    }

    /// Whether creates are held until a person looks, or until `pause` is over.
    #[must_use]
    pub fn is_unusable(&self, now: Instant, pause: Duration) -> bool {
        self.unusable
            .is_some_and(|(count, at)| count >= UNUSABLE_LIMIT && now.duration_since(at) < pause)
    }

    /// Counts an update; `left` is what still differs after it.
    pub fn note_update(&mut self, left: Fields) {
        self.fought = match self.fought.take() {
            _ if left.is_empty() => None,
            Some((before, count)) if before == left => Some((left, count + 1)),
            _ => Some((left, 1)),
        };
    }

    /// Whether these very changes were sent before and did not stick.
    #[must_use]
    pub fn is_stubborn(&self, changes: &Fields) -> bool {
        self.fought
            .as_ref()
            .is_some_and(|(fields, count)| fields == changes && *count >= UPDATE_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    const HOUR: Duration = Duration::from_hours(1);
    const RETENTION: Duration = Duration::from_mins(30);

    fn noon() -> Timestamp {
        "2026-07-01T12:00:00Z".parse().unwrap()
    }

    fn fields(name: &str) -> Fields {
        Fields {
            name: Some(name.to_owned()),
            ..Fields::default()
        }
    }

    #[test]
    fn three_unusable_answers_in_a_row_hold_creates_until_the_pause_is_over_or_a_person_acts() {
        let (now, pause) = (now(), Duration::from_mins(15));
        let mut remembered = Remembered::default();
        for held in [false, false, true] {
            remembered.note_unusable(now);
            assert_eq!(remembered.is_unusable(now, pause), held);
        }
        assert!(!remembered.is_unusable(now + pause, pause), "tried again");
        remembered.forget_unusable();
        assert!(!remembered.is_unusable(now, pause));
    }

    #[test]
    fn a_value_that_does_not_stick_is_sent_twice_and_then_reported() {
        let mut remembered = Remembered::default();
        for stubborn in [false, true] {
            remembered.note_update(fields("wanted"));
            assert_eq!(remembered.is_stubborn(&fields("wanted")), stubborn);
        }
        assert!(
            !remembered.is_stubborn(&fields("edited")),
            "another value is tried"
        );
        remembered.note_update(Fields::default());
        assert!(!remembered.is_stubborn(&fields("wanted")), "it stuck at last");
    }

    #[test]
    fn a_404_counts_from_the_first_one_for_an_account_until_that_is_shown() {
        let (first, later) = (now(), now() + Duration::from_secs(1));
        let (one, other) = (AuthId::parse("SA_1").unwrap(), AuthId::parse("SA_2").unwrap());
        let mut remembered = Remembered::default();
        remembered.note_missing(&one, first);
        remembered.note_missing(&one, later);
        assert_eq!(remembered.missing_since(&one), Some(first));
        assert_eq!(remembered.missing_since(&other), None);
        remembered.note_missing(&other, later);
        assert_eq!(remembered.missing_since(&other), Some(later));
        remembered.note_gone(&one);
        assert!(!remembered.is_gone(&one) && !remembered.is_gone(&other));
        remembered.note_gone(&other);
        assert!(remembered.is_gone(&other) && remembered.is_any_missing());
        remembered.forget_missing();
        assert_eq!(remembered.missing_since(&other), None);
        assert!(!remembered.is_gone(&other) && !remembered.is_any_missing());
    }

    #[test]
    fn settling_counts_from_the_first_sight_of_a_fence_and_anew_for_the_next() {
        let (first, later) = (now(), now() + Duration::from_secs(1));
        let mut remembered = Remembered::default();
        remembered.note_fence(1, first);
        remembered.note_fence(1, later);
        assert_eq!(remembered.fence, Some((1, first)));
        remembered.retention_over_since = Some(later);
        remembered.note_fence(1, later);
        assert_eq!(remembered.retention_over_since, Some(later));
        remembered.note_fence(2, later);
        assert_eq!(remembered.fence, Some((2, later)));
        assert_eq!(
            remembered.retention_over_since, None,
            "the last look at this fence is still to come"
        );
    }

    #[test]
    fn a_wall_clock_that_is_set_by_an_hour_makes_no_fence_older_or_younger() {
        let (dated, seen) = (Timestamp::UNIX_EPOCH, now());
        let (hour, retention) = (Duration::from_hours(1), Duration::from_mins(30));
        for set in [dated + hour, dated - hour] {
            let mut remembered = Remembered::default();
            remembered.sight(dated, dated, seen);
            let sighting = remembered.sight(dated, set, seen);
            assert_eq!(sighting.left(retention, seen), Some(retention), "{set}");
            assert_eq!(sighting.left(retention, seen + retention), None, "{set}");
            let next = remembered.sight(set, set, seen + retention);
            assert_eq!(next.left(retention, seen + retention), Some(retention), "{set}");
        }
    }

    #[test]
    fn a_fence_is_kept_for_its_whole_retention_after_its_date() {
        let seen = now();
        let sighting = Sighting::new(noon(), noon() + Duration::from_mins(10), seen);
        assert_eq!(sighting.left(RETENTION, seen), Some(Duration::from_mins(20)));
        let almost = seen + Duration::from_secs(20 * 60 - 1);
        assert_eq!(sighting.left(RETENTION, almost), Some(Duration::from_secs(1)));
        assert_eq!(sighting.left(RETENTION, seen + Duration::from_mins(20)), None);
        assert_eq!(sighting.left(RETENTION, seen + HOUR), None);
    }

    #[test]
    fn a_date_in_the_future_counts_from_when_it_was_seen() {
        let seen = now();
        for ahead in [HOUR, HOUR * 24 * 365 * 100] {
            let sighting = Sighting::new(noon() + ahead, noon(), seen);
            assert_eq!(sighting.left(RETENTION, seen), Some(RETENTION), "{ahead:?}");
            assert_eq!(sighting.left(RETENTION, seen + RETENTION), None, "{ahead:?}");
        }
    }

    #[test]
    fn a_date_in_the_farthest_past_is_over_and_overflows_nothing() {
        let sighting = Sighting::new(Timestamp::MIN, Timestamp::MAX, now());
        assert_eq!(sighting.left(RETENTION, now()), None);
        assert_eq!(
            sighting.left(Duration::MAX, now()).map(|left| left > RETENTION),
            Some(true)
        );
    }
}
