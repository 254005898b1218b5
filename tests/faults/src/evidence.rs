//! PURE. What a plan is judged by: the simulator's journal, the API server's audit log, and what is there in the end.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde_json::Value;
use vobiz_harness::audit::AuditLine;
use vobiz_harness::objects::{condition_of, is_observed};
use vobiz_harness::simulator_journal::{JournalEntry, Operation};

use crate::pulse::Span;
use crate::refusal::Refusal;
use crate::workload::{Claim, Policy};

/// The beginning of every marker.
const MARKER: &str = "[vobiz-operator ";
const SUBACCOUNTS: &str = "subaccounts";
const SECRETS: &str = "secrets";

/// The values of a Secret.
pub type Values = BTreeMap<String, String>;

/// A request to the API, as far as the judge looks at it.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it arrived.
    pub at: Timestamp,
    /// What it asked for.
    pub operation: Operation,
    /// The account; for a committed create the new one.
    pub id: Option<String>,
    /// The marker that was sent.
    pub marker: Option<Marker>,
    /// It changed something.
    pub committed: bool,
    /// How it was answered.
    pub status: Option<u16>,
}

/// Which attempt made an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marker {
    /// Of which Record.
    pub series: String,
    /// Which attempt.
    pub epoch: u32,
}

/// What somebody asked of the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The operator took its finalizer off a Subaccount.
    FinalizerRemoved,
    /// Somebody else asked for the deletion of the Subaccount.
    DeletionAsked,
    /// The operator created or replaced a Record.
    RecordWritten,
    /// The operator changed something that a user may wait for.
    Changed,
    /// Something else.
    Other,
}

/// One request to the API server that was granted.
#[derive(Clone, Debug)]
pub struct Deed {
    /// When it arrived.
    pub at: Timestamp,
    /// What it was.
    pub act: Act,
    /// Whether the operator asked.
    pub by_operator: bool,
}

/// Everything that is known when a plan has come to rest.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What deletion means for its object.
    pub policy: Policy,
    /// How its object is to come to its account.
    pub claim: Claim,
    /// The account that was there before everything else.
    pub by_hand: Option<String>,
    /// When nothing was to be written to Vobiz for it.
    pub untouched: Option<Span>,
    /// Whether an object is to be there in the end.
    pub lives: bool,
    /// Requests to the API, oldest first.
    pub calls: Vec<Call>,
    /// Granted requests to the API server, oldest first.
    pub deeds: Vec<Deed>,
    /// When something was broken, oldest first.
    pub faults: Vec<Timestamp>,
    /// When the machine was starved.
    pub starved: Vec<Span>,
    /// The highest attempt that each series was ever seen to have fenced.
    pub fences: HashMap<String, u32>,
    /// What was refused for good, until it was allowed again.
    pub refusal: Option<Refusal>,
    /// What is there in the end.
    pub scene: Remains,
    /// The same of every other object of the namespace.
    pub companions: Vec<Evidence>,
}

/// What is there.
#[derive(Clone, Debug, Default)]
pub struct Remains {
    /// The namespace exists.
    pub namespace: bool,
    /// The object.
    pub object: Option<Value>,
    /// The user's Secret.
    pub secret: Option<Values>,
    /// The Records of the objects that there were, oldest first.
    pub records: Vec<Option<Values>>,
    /// The accounts under the parent, those of the other objects left out.
    pub accounts: Vec<Value>,
    /// Whether the credentials Secret is held as in use; none: it is gone.
    pub credentials_in_use: Option<bool>,
    /// What is there of the other objects of the namespace.
    pub companions: Vec<Remains>,
}

/// What is there, in words that are the same for every run that ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndState {
    /// The namespace exists.
    pub namespace: bool,
    /// The object's Ready condition, once its newest spec was seen.
    pub object: Option<String>,
    /// Whether the user's Secret holds the pair of a live account.
    pub secret: Option<Pair>,
    /// The Records; one that is done with is as good as none.
    pub records: Vec<String>,
    /// The accounts.
    pub accounts: Vec<String>,
    /// Whether the credentials Secret is held as in use; none: it is gone.
    pub credentials_in_use: Option<bool>,
    /// The other objects of the namespace.
    pub companions: Vec<EndState>,
}

/// What a Secret or a Record says of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// The pair of an account that lives.
    Right,
    /// Parts of two accounts.
    Mixed,
    /// Of no account that lives, or no pair.
    Lost,
}

impl Call {
    /// An entry of the journal.
    #[must_use]
    pub fn of(entry: &JournalEntry) -> Self {
        let sent = |field: &str| entry.body.as_ref().and_then(|body| body[field].as_str());
        let marker = match entry.operation {
            Operation::Create => sent("description")
                .and_then(Marker::find)
                .or_else(|| sent("name").and_then(Marker::find)),
            _ => None,
        };
        Self {
            at: entry.time,
            operation: entry.operation,
            id: entry.id.clone(),
            marker,
            committed: entry.committed,
            status: entry.status,
        }
    }
}

impl Marker {
    /// The marker at the end of a text.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(MARKER)?;
        let (_installation, rest) = rest.strip_suffix(']')?.split_once(' ')?;
        let (series, epoch) = rest.split_once('.')?;
        Some(Self {
            series: series.to_owned(),
            epoch: epoch.parse().ok()?,
        })
    }
}

impl Deed {
    /// A line of the audit log; none if it was refused or asked for no change.
    #[must_use]
    pub fn of(line: &AuditLine, operator: &str) -> Option<Self> {
        let granted = (200..300).contains(&line.response_status.code);
        (granted && line.is_write()).then_some(())?;
        let by_operator = line.user.username == operator;
        let object = &line.object_ref;
        let (resource, subresource) = (object.resource.as_str(), object.subresource.as_str());
        let is_record = resource == SECRETS && object.name.starts_with("subaccount-");
        let deletes = line.verb.starts_with("delete");
        let act = match (resource, subresource) {
            (SUBACCOUNTS, "") if deletes && !by_operator => Act::DeletionAsked,
            _ if !by_operator => Act::Other,
            (SUBACCOUNTS, "") if removes_a_finalizer(&line.request_object) => Act::FinalizerRemoved,
            // Nobody waits for the end of a tombstone, for an event or for the counts of an Account.
            _ if is_record && deletes => Act::Other,
            (SECRETS, _) if is_record => Act::RecordWritten,
            ("events", _) | ("accounts", "status") => Act::Other,
            _ => Act::Changed,
        };
        Some(Self {
            at: line.request_received_timestamp.parse().ok()?,
            act,
            by_operator,
        })
    }
}

impl Evidence {
    /// Every call, deed and fault in the order of their times.
    #[must_use]
    pub fn timeline(&self) -> String {
        let calls = self.calls.iter().map(|call| (call.at, format!("{call:?}")));
        let deeds = self.deeds.iter().map(|deed| (deed.at, format!("{deed:?}")));
        let faults = self.faults.iter().map(|fault| (*fault, "fault".to_owned()));
        let refusal = self.refusal.iter().flat_map(|refusal| {
            let Refusal { write, by, .. } = refusal;
            let edit = refusal.edit;
            [
                (refusal.since, format!("'{write}' is refused by {by:?}")),
                (edit.asked, "another object is edited".to_owned()),
                (edit.until, "that edit is at Vobiz, or given up".to_owned()),
                (
                    refusal.until,
                    format!("'{write}' is allowed, {} times refused", refusal.times),
                ),
            ]
        });
        let mut lines: Vec<(Timestamp, String)> = calls.chain(deeds).chain(faults).chain(refusal).collect();
        lines.sort();
        let lines = lines.into_iter().map(|(at, line)| format!("{at} {line}"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn removes_a_finalizer(patch: &Value) -> bool {
    let steps = patch.as_array().into_iter().flatten();
    let mut removals = steps.filter(|step| {
        step["op"] == "remove"
            && step["path"]
                .as_str()
                .is_some_and(|path| path.starts_with("/metadata/finalizers"))
    });
    removals.next().is_some()
}

impl Remains {
    /// In comparable words.
    #[must_use]
    pub fn end_state(&self) -> EndState {
        let mut accounts: Vec<String> = self.accounts.iter().map(account_in_words).collect();
        accounts.sort();
        let record = |record: &Option<Values>| self.record_in_words(record.as_ref());
        // Which of two objects at the same moment had the account is a matter of luck.
        let mut records: Vec<String> = self.records.iter().map(record).collect();
        records.sort();
        EndState {
            namespace: self.namespace,
            object: self.object.as_ref().map(object_in_words),
            secret: self.secret.as_ref().map(|secret| self.pair(secret)),
            records,
            accounts,
            credentials_in_use: self.credentials_in_use,
            companions: self.companions.iter().map(Self::end_state).collect(),
        }
    }

    /// What these values say of an account.
    #[must_use]
    pub fn pair(&self, values: &Values) -> Pair {
        let (id, token) = (values.get("auth_id"), values.get("auth_token"));
        let (Some(id), Some(token)) = (id, token) else {
            return Pair::Lost;
        };
        let by_id = self.accounts.iter().find(|account| account["auth_id"] == **id);
        let by_token = self
            .accounts
            .iter()
            .find(|account| account["auth_token"] == **token);
        match (by_id, by_token) {
            (Some(one), Some(other)) if one["auth_id"] == other["auth_id"] => Pair::Right,
            (Some(_), _) | (_, Some(_)) => Pair::Mixed,
            (None, None) => Pair::Lost,
        }
    }

    fn record_in_words(&self, record: Option<&Values>) -> String {
        let phase = record.and_then(|record| record.get("phase")).map(String::as_str);
        match (phase, record) {
            (None | Some("Closed"), _) | (_, None) => "done".to_owned(),
            (Some(phase), Some(record)) => {
                let pair = match phase {
                    "Open" => String::new(),
                    _ => format!(" {:?}", self.pair(record)),
                };
                let disable = record.get("disable").map_or("", |_| " disable");
                format!("{phase}{pair}{disable}")
            }
        }
    }
}

fn object_in_words(object: &Value) -> String {
    let ready = condition_of(object, "Ready");
    let word = |field: &str| ready.and_then(|ready| ready[field].as_str()).unwrap_or("none");
    let seen = if is_observed(object) { "seen" } else { "not seen" };
    let deleting = if object["metadata"]["deletionTimestamp"].is_null() {
        ""
    } else {
        " deleting"
    };
    format!("Ready={} {} {seen}{deleting}", word("status"), word("reason"))
}

fn account_in_words(account: &Value) -> String {
    let description = account["description"].as_str().unwrap_or_default();
    let description = description.split(MARKER).next().unwrap_or_default().trim_end();
    let name = account["name"].as_str().unwrap_or_default();
    let name = if Marker::find(name).is_some() {
        "(staged)"
    } else {
        name
    };
    format!("{name} enabled={} '{description}'", account["enabled"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_marker_is_read_from_the_end_of_a_description() {
        let marker = Marker::find("theirs [vobiz-operator 0123abcd 00ff.12]").unwrap();
        assert_eq!((marker.series.as_str(), marker.epoch), ("00ff", 12));
        assert_eq!(Marker::find("[vobiz-operator 0123abcd 00ff.12] and more"), None);
    }

    #[test]
    fn only_the_removal_of_a_finalizer_counts_as_one() {
        let add =
            json!([{"op": "test", "path": "/metadata/uid"}, {"op": "add", "path": "/metadata/finalizers/-"}]);
        assert!(!removes_a_finalizer(&add));
        assert!(removes_a_finalizer(
            &json!([{"op": "remove", "path": "/metadata/finalizers/0"}])
        ));
    }

    #[test]
    fn an_id_of_one_account_with_the_token_of_another_is_mixed() {
        let account = |id: &str, token: &str| json!({"auth_id": id, "auth_token": token});
        let remains = Remains {
            accounts: vec![account("SA_1", "one"), account("SA_2", "two")],
            ..Remains::default()
        };
        let pair = |id: &str, token: &str| {
            let values = [("auth_id", id), ("auth_token", token)];
            remains.pair(
                &values
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
            )
        };
        assert_eq!(pair("SA_1", "one"), Pair::Right);
        assert_eq!(pair("SA_1", "two"), Pair::Mixed);
        assert_eq!(pair("SA_3", "three"), Pair::Lost);
        assert_eq!(remains.pair(&Values::new()), Pair::Lost);
    }
}
