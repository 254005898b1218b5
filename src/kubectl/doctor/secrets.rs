//! Whether the Secrets of Subaccounts hold pairs that work. PURE.
//!
//! A Secret that holds its Record's pair is taken to hold one that works: the operator was given it by Vobiz. Vobiz is asked about any
//! other, or about each where the caller wants that.

use super::check::{Check, Part};
use crate::crd::condition::{ConditionStatus, ConditionType, find};
use crate::crd::{RECONCILE_REQUESTED_ANNOTATION, SecretKeys, Subaccount};
use crate::subaccount::secret::{name_of, pair_in};
use crate::subaccount::store::record::Record;
use crate::vobiz::{AuthId, Credentials};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;

/// What must be known of a Subaccount to judge its Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The name of its Secret.
    pub secret: String,
    /// Under which keys its pair is there.
    pub keys: SecretKeys,
    /// Its account may be used: the pair of a disabled one is refused, as it should be.
    pub is_enabled: bool,
    /// The operator says that the Secret is written.
    pub is_published: bool,
}

impl Holder {
    /// Of a Subaccount.
    #[must_use]
    pub fn of(object: &Subaccount) -> Self {
        let conditions = object.status.as_ref().map(|status| status.conditions.as_slice());
        let published = find(
            conditions.unwrap_or_default(),
            ConditionType::CredentialsPublished,
        );
        Self {
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            secret: name_of(object),
            keys: object.spec.secret_ref.keys.clone(),
            is_enabled: object.spec.enabled,
            is_published: published
                .is_some_and(|published| published.status == ConditionStatus::True.as_str()),
        }
    }

    fn object(&self) -> String {
        format!("Secret {}/{}", self.namespace, self.secret)
    }

    fn put_back(&self) -> String {
        format!(
            "annotate the Subaccount {} with {RECONCILE_REQUESTED_ANNOTATION}: the operator puts the Record's pair back; see whether it runs",
            self.name
        )
    }
}

/// What a Secret holds, beside the Record of its Subaccount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The Record's pair.
    Recorded(Credentials),
    /// Another pair than the Record's.
    Another(Credentials),
    /// A pair that no Record that was seen could be held against.
    Unrecorded(Credentials),
    /// No pair.
    Nothing,
}

impl Held {
    /// Of the Secret of a Subaccount; `record`: none if it has none, or it was not seen.
    #[must_use]
    pub fn of(holder: &Holder, secret: &Secret, record: Option<&Record>) -> Self {
        let Some(pair) = pair_in(secret, &holder.keys) else {
            return Self::Nothing;
        };
        match record.and_then(Record::pair) {
            Some(recorded) if recorded == pair => Self::Recorded(pair),
            Some(_) => Self::Another(pair),
            None => Self::Unrecorded(pair),
        }
    }

    /// The pair that Vobiz is to be asked about. `asks_all`: not only where it is another one.
    #[must_use]
    pub fn doubtful(&self, holder: &Holder, asks_all: bool) -> Option<&Credentials> {
        let pair = match self {
            Self::Another(pair) => pair,
            Self::Recorded(pair) | Self::Unrecorded(pair) if asks_all => pair,
            Self::Recorded(_) | Self::Unrecorded(_) | Self::Nothing => return None,
        };
        holder.is_enabled.then_some(pair)
    }
}

/// What Vobiz said of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It was not asked.
    Nothing,
    /// It is the pair of this account.
    Of(AuthId),
    /// It is refused.
    Refused,
    /// Vobiz, or the way there, failed: why.
    Failed(String),
}

/// What is wrong with a Secret; none if nothing is, as far as was asked.
#[must_use]
pub fn judge(holder: &Holder, held: &Held, said: &Said) -> Option<Check> {
    let fault =
        |message: &str, remedy: String| Some(Check::fault(Part::Secret, holder.object(), message, remedy));
    let warning = |message: String, remedy: String| {
        Some(Check::warning(Part::Secret, holder.object(), message, remedy))
    };
    match (held, said) {
        (Held::Nothing, _) if holder.is_published => fault("it holds no pair", holder.put_back()),
        (Held::Nothing, _) => None,
        (Held::Recorded(pair) | Held::Another(pair) | Held::Unrecorded(pair), Said::Of(id))
            if *id != pair.auth_id =>
        {
            fault("its token is another account's than its id", holder.put_back())
        }
        (Held::Another(_), Said::Refused) => fault(
            "it holds another pair than its Record, and Vobiz refuses that",
            holder.put_back(),
        ),
        (Held::Another(_), Said::Of(_)) => warning(
            "it holds another pair than its Record, and that works too".to_owned(),
            "see who changed it: the operator puts the Record's pair back".to_owned(),
        ),
        (Held::Another(_), Said::Nothing) => warning(
            "it holds another pair than its Record, and Vobiz was not asked whether that works".to_owned(),
            holder.put_back(),
        ),
        (Held::Recorded(_) | Held::Unrecorded(_), Said::Refused) => fault(
            "Vobiz refuses its pair",
            "see at Vobiz whether the subaccount is disabled, gone, or was given another token".to_owned(),
        ),
        (_, Said::Failed(why)) => warning(
            format!("whether its pair works cannot be told: {why}"),
            "try again".to_owned(),
        ),
        (Held::Recorded(_) | Held::Unrecorded(_), Said::Of(_) | Said::Nothing) => None,
    }
}

/// A Secret that is not among those of the operator's.
#[must_use]
pub fn missing(holder: &Holder) -> Option<Check> {
    let check = Check::fault(
        Part::Secret,
        holder.object(),
        "it is not there, or lacks the operator's labels",
        holder.put_back(),
    );
    holder.is_published.then_some(check)
}

/// How many Secrets were looked at, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// With the pair of their Records.
    pub recorded: usize,
    /// With a pair that was held against nothing: no Record of theirs was seen, and Vobiz was not asked.
    pub unrecorded: usize,
    /// Whose pair Vobiz was asked about.
    pub asked: usize,
}

impl Tally {
    /// Counts one.
    pub fn note(&mut self, held: &Held, said: &Said) {
        match (held, said) {
            (Held::Recorded(_), _) => self.recorded += 1,
            (Held::Unrecorded(_), Said::Nothing) => self.unrecorded += 1,
            (Held::Unrecorded(_) | Held::Another(_) | Held::Nothing, _) => {}
        }
        self.asked += usize::from(*said != Said::Nothing);
    }

    /// What it comes to. `is_faultless`: nothing was wrong with any.
    #[must_use]
    pub fn told(self, place: &str, is_faultless: bool) -> Option<Check> {
        let Self {
            recorded,
            unrecorded,
            asked,
        } = self;
        let object = format!("Secrets of {place}");
        if unrecorded > 0 {
            return Some(Check::warning(
                Part::Secret,
                object,
                format!(
                    "the pairs of {unrecorded} of them were held against nothing: no Record of theirs was seen"
                ),
                "--check-secrets asks Vobiz about every pair that may be used",
            ));
        }
        let message =
            format!("{recorded} hold the pairs of their Records, and Vobiz was asked about {asked}");
        is_faultless.then(|| Check::ok(Part::Secret, object, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::marker::Series;
    use crate::kubectl::doctor::check::Verdict;
    use crate::subaccount::store::record::Subject;
    use crate::vobiz::{AuthToken, Generation, ParentAuthId};
    use serde_json::json;

    fn pair(id: &str, token: &str) -> Credentials {
        Credentials {
            auth_id: AuthId::parse(id).unwrap(),
            auth_token: AuthToken::parse(token).unwrap(),
        }
    }

    fn holder() -> Holder {
        let object = json!({"apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
            "metadata": {"name": "acme", "namespace": "team", "uid": "u"}, "spec": {"accountRef": {"name": "vobiz"}},
            "status": {"conditions": [{"type": "CredentialsPublished", "status": "True", "reason": "SecretWritten", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
        Holder::of(&serde_json::from_value(object).unwrap())
    }

    fn secret(id: &str, token: &str) -> Secret {
        let mut secret = Secret::default();
        let value = |text: &str| k8s_openapi::ByteString(text.as_bytes().to_vec());
        secret.data = Some(
            [
                ("auth_id".to_owned(), value(id)),
                ("auth_token".to_owned(), value(token)),
            ]
            .into(),
        );
        secret
    }

    fn record(pair: Credentials) -> Record {
        let subject = Subject {
            namespace: "team".into(),
            namespace_uid: "n".into(),
            name: "acme".into(),
            uid: "u".into(),
        };
        let parent = ParentAuthId::parse("MA_PARENT").unwrap();
        let mut record = Record::open(subject, parent, Generation::Gen2, Series(1));
        record.ledger = record.ledger.bound(pair.auth_id, pair.auth_token);
        record
    }

    #[test]
    fn a_secret_is_held_against_its_record_and_vobiz_asked_about_another_pair_alone() {
        let (holder, recorded) = (holder(), record(pair("SA_1", "right")));
        assert_eq!(
            (holder.secret.as_str(), holder.is_published),
            ("acme-vobiz", true)
        );
        let held = |secret: &Secret, record: Option<&Record>| Held::of(&holder, secret, record);
        let right = secret("SA_1", "right");
        assert!(matches!(held(&right, Some(&recorded)), Held::Recorded(_)));
        assert!(matches!(
            held(&secret("SA_1", "wrong"), Some(&recorded)),
            Held::Another(_)
        ));
        assert!(matches!(held(&right, None), Held::Unrecorded(_)));
        assert_eq!(
            held(&secret("MA_1", "right"), Some(&recorded)),
            Held::Nothing,
            "a main account's"
        );
        assert_eq!(held(&Secret::default(), Some(&recorded)), Held::Nothing);
        for (secret, record, asks_all, is_asked) in [
            (&right, Some(&recorded), false, false),
            (&right, Some(&recorded), true, true),
            (&right, None, false, false),
            (&right, None, true, true),
            (&secret("SA_1", "wrong"), Some(&recorded), false, true),
        ] {
            assert_eq!(
                held(secret, record).doubtful(&holder, asks_all).is_some(),
                is_asked
            );
        }
        let disabled = Holder {
            is_enabled: false,
            ..holder.clone()
        };
        assert_eq!(
            held(&right, None).doubtful(&disabled, true),
            None,
            "its pair is refused as it should be"
        );
    }

    #[test]
    fn a_pair_that_does_not_work_is_a_fault_and_its_token_is_not_shown() {
        let holder = holder();
        let (ours, other) = (
            Held::Recorded(pair("SA_1", "s3cret")),
            Held::Another(pair("SA_1", "s3cret")),
        );
        let of = |id: &str| Said::Of(AuthId::parse(id).unwrap());
        for (held, said, verdict) in [
            (&ours, Said::Nothing, None),
            (&ours, of("SA_1"), None),
            (&ours, Said::Refused, Some(Verdict::Fault)),
            (&ours, of("SA_2"), Some(Verdict::Fault)),
            (
                &ours,
                Said::Failed("the API failed (500)".to_owned()),
                Some(Verdict::Warning),
            ),
            (&other, Said::Refused, Some(Verdict::Fault)),
            (&other, of("SA_1"), Some(Verdict::Warning)),
            (&other, Said::Nothing, Some(Verdict::Warning)),
            (&Held::Nothing, Said::Nothing, Some(Verdict::Fault)),
        ] {
            let check = judge(&holder, held, &said);
            assert_eq!(
                check.as_ref().map(|check| check.verdict),
                verdict,
                "{held:?} {said:?}"
            );
            assert!(!format!("{check:?}").contains("s3cret"));
        }
        assert_eq!(missing(&holder).map(|check| check.verdict), Some(Verdict::Fault));
        let fresh = Holder {
            is_published: false,
            ..holder
        };
        assert_eq!(
            (missing(&fresh), judge(&fresh, &Held::Nothing, &Said::Nothing)),
            (None, None)
        );
    }

    #[test]
    fn secrets_that_were_held_against_nothing_are_told() {
        let mut tally = Tally::default();
        tally.note(&Held::Recorded(pair("SA_1", "a")), &Said::Nothing);
        let told = tally.told("team", true).unwrap();
        assert_eq!(told.verdict, Verdict::Ok);
        assert_eq!(tally.told("team", false), None);
        tally.note(&Held::Unrecorded(pair("SA_2", "a")), &Said::Refused);
        assert_eq!(
            tally.told("team", true).map(|check| check.verdict),
            Some(Verdict::Ok),
            "Vobiz was asked"
        );
        tally.note(&Held::Unrecorded(pair("SA_3", "a")), &Said::Nothing);
        assert_eq!(
            tally.told("team", true).map(|check| check.verdict),
            Some(Verdict::Warning)
        );
        assert_eq!(
            tally,
            Tally {
                recorded: 1,
                unrecorded: 1,
                asked: 1
            }
        );
    }
}
