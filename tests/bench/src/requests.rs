//! PURE. What a program asked the API server for, sorted by what it is about.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use vobiz_harness::audit::AuditLine;
use vobiz_harness::test_bed::CREDENTIALS;

use crate::percentile::share;

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A Subaccount, without its status.
    Object,
    /// The status of a Subaccount.
    Status,
    /// A Record.
    Record,
    /// A user's Secret.
    Secret,
    /// An event.
    Event,
    /// Anything that is not there once per Subaccount: Accounts, credentials, namespaces, Leases.
    Other,
}

/// What is written once per object; events are counted apart.
const OF_OBJECTS: [About; 4] = [About::Object, About::Status, About::Record, About::Secret];

/// The requests of one program in some period.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requests {
    writes: BTreeMap<About, usize>,
    reads: BTreeMap<About, usize>,
    /// Lists and watches: they do not grow with what is done.
    pub streams: usize,
    /// Writes that were answered with an error.
    pub refused: usize,
    /// Names of Subaccounts and of users' Secrets that were written.
    pub touched: BTreeSet<String>,
}

impl Requests {
    /// Sorts audit lines of one operator, whose Records are in `records_namespace`.
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a AuditLine>, records_namespace: &str) -> Self {
        let mut requests = Self::default();
        for line in lines {
            let about = about(line, records_namespace);
            if line.is_write() {
                *requests.writes.entry(about).or_default() += 1;
                requests.refused += usize::from(line.response_status.code >= 400);
                if matches!(about, About::Object | About::Status | About::Secret) {
                    requests.touched.insert(line.object_ref.name.clone());
                }
            } else if line.verb == "get" {
                *requests.reads.entry(about).or_default() += 1;
            } else {
                requests.streams += 1;
            }
        }
        requests
    }

    /// Writes of this sort.
    pub fn writes(&self, about: About) -> usize {
        self.writes.get(&about).copied().unwrap_or_default()
    }

    /// Writes to what is there once per object, without events.
    pub fn object_writes(&self) -> usize {
        OF_OBJECTS.iter().map(|about| self.writes(*about)).sum()
    }

    /// Every write.
    pub fn all_writes(&self) -> usize {
        self.writes.values().sum()
    }

    /// Reads of this sort, without lists and watches.
    pub fn reads(&self, about: About) -> usize {
        self.reads.get(&about).copied().unwrap_or_default()
    }

    /// Every read of a single thing.
    pub fn all_reads(&self) -> usize {
        self.reads.values().sum()
    }

    /// Every read of a single thing, per object.
    pub fn reads_per(&self, objects: usize) -> f64 {
        share(self.all_reads(), objects)
    }
}

/// Seconds from the first write to what is there once per object to the end of the last one, events with them.
pub fn span<'a>(lines: impl IntoIterator<Item = &'a AuditLine>, records_namespace: &str) -> Option<f64> {
    let mut bounds: Option<(Timestamp, Timestamp)> = None;
    let of_objects = |line: &&AuditLine| line.is_write() && about(line, records_namespace) != About::Other;
    for line in lines.into_iter().filter(of_objects) {
        let begun: Timestamp = line.request_received_timestamp.parse().ok()?;
        let ended: Timestamp = line.stage_timestamp.parse().ok()?;
        let (first, last) = bounds.unwrap_or((begun, ended));
        bounds = Some((first.min(begun), last.max(ended)));
    }
    let (first, last) = bounds?;
    Some(last.duration_since(first).as_secs_f64())
}

fn about(line: &AuditLine, records_namespace: &str) -> About {
    let object = &line.object_ref;
    match (object.resource.as_str(), object.subresource.as_str()) {
        ("subaccounts", "") => About::Object,
        ("subaccounts", "status") => About::Status,
        ("secrets", _) if object.namespace == records_namespace => About::Record,
        ("secrets", _) if object.name != CREDENTIALS => About::Secret,
        ("events", _) => About::Event,
        _ => About::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(verb: &str, resource: &str, namespace: &str, name: &str, code: u16) -> AuditLine {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        serde_json::from_value(json!({
            "requestURI": "/", "verb": verb, "user": {},
            "objectRef": {"resource": resource, "subresource": subresource, "namespace": namespace, "name": name},
            "responseStatus": {"code": code},
        }))
        .unwrap()
    }

    #[test]
    fn a_create_is_five_writes_and_an_event() {
        let lines = [
            line("patch", "subaccounts", "team", "acme", 200),
            line("get", "secrets", "records", "subaccount-1", 404),
            line("create", "secrets", "records", "", 201),
            line("get", "secrets", "team", "acme-vobiz", 404),
            line("get", "subaccounts", "team", "acme", 200),
            line("update", "secrets", "records", "subaccount-1", 200),
            line("create", "secrets", "team", "acme-vobiz", 201),
            line("patch", "subaccounts/status", "team", "acme", 200),
            line("create", "events", "team", "acme.1", 201),
        ];
        let found = Requests::of(&lines, "records");
        assert_eq!((found.object_writes(), found.writes(About::Event)), (5, 1));
        assert_eq!((found.writes(About::Record), found.all_writes()), (2, 6));
        assert_eq!((found.all_reads(), found.reads(About::Secret)), (3, 1));
        assert_eq!(found.touched, ["acme", "acme-vobiz"].map(str::to_owned).into());
    }

    #[test]
    fn the_span_is_from_the_first_write_to_the_end_of_the_last() {
        let at = |mut line: AuditLine, begun: &str, ended: &str| {
            line.request_received_timestamp = format!("2026-01-01T00:00:{begun}Z");
            line.stage_timestamp = format!("2026-01-01T00:00:{ended}Z");
            line
        };
        let write = || line("patch", "subaccounts", "team", "acme", 200);
        let lines = [
            at(line("get", "secrets", "team", "acme-vobiz", 404), "00.0", "00.1"),
            at(write(), "02.5", "04.0"),
            at(write(), "02.0", "02.1"),
            at(
                line("patch", "accounts/status", "team", "vobiz", 200),
                "09.0",
                "09.1",
            ),
        ];
        assert_eq!(span(&lines, "records"), Some(2.0));
        assert_eq!(span(&lines[..1], "records"), None);
    }

    #[test]
    fn what_is_there_once_is_not_counted_as_an_objects() {
        let lines = [
            line("patch", "accounts/status", "team", "vobiz", 200),
            line("patch", "secrets", "team", CREDENTIALS, 200),
            line("watch", "subaccounts", "team", "", 200),
            line("patch", "subaccounts/status", "team", "acme", 409),
        ];
        let found = Requests::of(&lines, "records");
        assert_eq!((found.object_writes(), found.writes(About::Other)), (1, 2));
        assert_eq!((found.streams, found.refused, found.all_reads()), (1, 1, 0));
    }
}
