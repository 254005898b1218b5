//! Somebody who keeps changing a Secret that is put back: in what it differs, who it is, and how often it is put back. PURE.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use super::field_managers::{FieldManager, keys_in};

/// Repairs in a row after which it is told, and put back ever more rarely.
const LIMIT: u32 = 3;

/// A part of a Secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// The Secret as a whole: it was deleted.
    Whole,
    /// Its data.
    Data,
    /// Its labels.
    Labels,
    /// Its annotations.
    Annotations,
    /// Its owner.
    OwnerReferences,
}

impl Display for Part {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Whole => "its existence",
            Self::Data => "data",
            Self::Labels => "labels",
            Self::Annotations => "annotations",
            Self::OwnerReferences => "ownerReferences",
        })
    }
}

/// What to do about a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ruling {
    /// Put it back.
    Repair,
    /// Leave it for now.
    Hold,
}

/// How often one Secret was put back in a row, and what is known of who changes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contest {
    /// Name of the Secret.
    pub secret: String,
    /// What was changed in it.
    pub parts: BTreeSet<Part>,
    /// The field manager that changed it, once it is known.
    pub by: Option<String>,
    repairs: u32,
    /// When it is looked at again.
    until: Option<Instant>,
    held: bool,
}

impl Contest {
    /// A change was found that is none of the spec's.
    pub fn found(&mut self, secret: &str, parts: BTreeSet<Part>, now: Instant) -> Ruling {
        if self.secret != secret {
            *self = Self {
                secret: secret.to_owned(),
                ..Self::default()
            };
        }
        self.parts.extend(parts);
        self.held = self.repairs >= LIMIT && self.until.is_some_and(|until| now < until);
        if self.held { Ruling::Hold } else { Ruling::Repair }
    }

    /// Whether it is to be asked who it is.
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        self.is_told() && self.by.is_none()
    }

    /// The field manager that changed it. The first who is named stays so: the text is to be stable.
    pub fn name(&mut self, by: Option<String>) {
        self.by = self.by.take().or(by);
    }

    /// It was put back. `step` is the first pause; later ones grow up to `longest`.
    pub fn repaired(&mut self, now: Instant, step: Duration, longest: Duration) {
        self.repairs = self.repairs.saturating_add(1);
        let doublings = self.repairs.saturating_sub(LIMIT).min(31);
        self.until = Some(now + step.saturating_mul(1 << doublings).min(longest.max(step)));
    }

    /// It was found as it should be: the other one gave in, if that lasts, or if nobody but that one can have put it back.
    pub fn good(&mut self, now: Instant) {
        if self.held || self.until.is_none_or(|until| now >= until) {
            *self = Self::default();
        }
    }

    /// When to look again, whatever else is due.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Whether it is told by now.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.repairs > LIMIT || self.held
    }

    /// Whether nobody can rely on the data being in the Secret.
    #[must_use]
    pub fn is_of_data(&self) -> bool {
        self.is_told() && (self.parts.contains(&Part::Whole) || self.parts.contains(&Part::Data))
    }
}

/// In which parts the Secret differs from how it should be.
#[must_use]
pub fn difference(stored: &Secret, wanted: &Secret) -> BTreeSet<Part> {
    let parts = [
        (Part::Data, stored.data != wanted.data),
        (Part::Labels, stored.labels() != wanted.labels()),
        (Part::Annotations, stored.annotations() != wanted.annotations()),
        (
            Part::OwnerReferences,
            stored.owner_references() != wanted.owner_references(),
        ),
    ];
    let differing = parts.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(part, _)| part).collect()
}

/// Who, other than `own`, wrote a value that differs; where nobody did, because one was taken away: whoever wrote last.
#[must_use]
pub fn changed_by(stored: &Secret, wanted: &Secret, managers: &[FieldManager], own: &str) -> Option<String> {
    let none = BTreeMap::new();
    let (data, wanted_data) = (stored.data.as_ref(), wanted.data.as_ref());
    let differing = [
        differing(stored.labels(), wanted.labels()),
        differing(stored.annotations(), wanted.annotations()),
        differing(data.unwrap_or(&none), wanted_data.unwrap_or(&none)),
    ];
    let wrote = |manager: &&&FieldManager| {
        let metadata = &manager.fields["f:metadata"];
        let written = [
            &metadata["f:labels"],
            &metadata["f:annotations"],
            &manager.fields["f:data"],
        ];
        differing
            .iter()
            .zip(written)
            .any(|(differing, written)| keys_in(written).any(|key| differing.contains(&key)))
    };
    let others: Vec<_> = managers
        .iter()
        .filter(|manager| manager.name != own && !manager.name.is_empty())
        .collect();
    let last = || others.iter().max_by(|one, other| one.time.cmp(&other.time));
    let found = others.iter().find(wrote).or_else(last);
    found.map(|manager| manager.name.clone())
}

/// Keys that are there and should not be, or with another value.
fn differing<T: PartialEq>(stored: &BTreeMap<String, T>, wanted: &BTreeMap<String, T>) -> Vec<String> {
    let all = stored.iter();
    all.filter(|(key, value)| wanted.get(*key) != Some(value))
        .map(|(key, _)| key.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use serde_json::{Value, json};

    const OWN: &str = "the-operator";
    const STEP: Duration = Duration::from_mins(1);
    const LONGEST: Duration = Duration::from_mins(15);

    fn labels() -> BTreeSet<Part> {
        BTreeSet::from([Part::Labels])
    }

    /// Three repairs, one right after the other.
    fn contested(now: Instant) -> Contest {
        let mut contest = Contest::default();
        for _ in 0..3 {
            assert_eq!(contest.found("acme", labels(), now), Ruling::Repair);
            contest.repaired(now, STEP, LONGEST);
            contest.good(now);
            assert!(!contest.is_told());
        }
        contest
    }

    #[test]
    fn after_the_third_repair_in_a_row_it_is_told_and_the_pauses_grow() {
        let mut now = now();
        let mut contest = contested(now);
        for pause in [1, 2, 4, 8, 15, 15] {
            assert_eq!(contest.found("acme", labels(), now), Ruling::Hold);
            assert!(contest.is_told() && !contest.is_of_data());
            let pause = Duration::from_mins(pause);
            assert_eq!(contest.until(), Some(now + pause));
            now += pause;
            assert_eq!(contest.found("acme", labels(), now), Ruling::Repair);
            contest.repaired(now, STEP, LONGEST);
            contest.good(now);
            assert!(contest.is_told(), "it was just put back: that says nothing");
        }
    }

    #[test]
    fn it_ends_when_the_other_gives_in() {
        let now = now();
        let mut contest = contested(now);
        contest.found("acme", labels(), now);
        let mut put_back_by_the_other = contest.clone();
        put_back_by_the_other.good(now);
        assert!(!put_back_by_the_other.is_told() && put_back_by_the_other.until().is_none());

        let later = now + STEP;
        assert_eq!(contest.found("acme", labels(), later), Ruling::Repair);
        contest.repaired(later, STEP, LONGEST);
        contest.good(later + STEP);
        assert!(contest.is_told(), "the pause is two steps by now");
        contest.good(later + STEP * 2);
        assert!(!contest.is_told());
    }

    #[test]
    fn changes_that_come_one_by_one_are_none_of_it() {
        let (mut now, mut contest) = (now(), Contest::default());
        for _ in 0..10 {
            assert_eq!(contest.found("acme", labels(), now), Ruling::Repair);
            contest.repaired(now, STEP, LONGEST);
            now += STEP;
            contest.good(now);
        }
        assert!(!contest.is_told());
        assert_eq!(contest.found("another", labels(), now), Ruling::Repair);
    }

    #[test]
    fn who_it_is_is_asked_once_it_is_told_and_the_first_name_stays() {
        let now = now();
        let mut contest = contested(now);
        assert!(!contest.is_nameless(), "nobody is asked yet");
        contest.found("acme", BTreeSet::from([Part::Data]), now);
        assert!(contest.is_of_data() && contest.is_nameless());
        contest.name(Some("reflector".to_owned()));
        contest.name(Some("another".to_owned()));
        assert_eq!(contest.by.as_deref(), Some("reflector"));
        assert!(!contest.is_nameless());
    }

    fn secret(labels: &Value) -> Secret {
        serde_json::from_value(json!({"metadata": {"labels": labels}, "data": {"key": "U0E="}})).unwrap()
    }

    #[test]
    fn it_names_the_parts_and_whoever_wrote_what_differs_else_whoever_wrote_last() {
        let manager = |name: &str, time: &str, label: &str| FieldManager {
            name: name.to_owned(),
            time: time.to_owned(),
            fields: json!({"f:metadata": {"f:labels": {format!("f:{label}"): {}}}}),
        };
        let managers = [
            manager("policy", "2026-01-01T00:00:00Z", "team"),
            manager("person", "2026-01-02T00:00:00Z", "other"),
            manager(OWN, "2026-01-03T00:00:00Z", "tier"),
        ];
        let wanted = secret(&json!({"team": "voice"}));
        let table = [
            (json!({"team": "theirs"}), "policy"),
            (json!({}), "person"),
            (json!({"team": "voice", "other": "1"}), "person"),
        ];
        for (found, by) in table {
            let stored = secret(&found);
            assert_eq!(
                changed_by(&stored, &wanted, &managers, OWN).as_deref(),
                Some(by),
                "{found}"
            );
            assert_eq!(difference(&stored, &wanted), labels());
        }
        assert_eq!(changed_by(&secret(&json!({})), &wanted, &[], OWN), None);
        assert!(difference(&Secret::default(), &wanted).contains(&Part::Data));
    }
}
