//! The Record: write-ahead log of one Subaccount, home of its pair, and tombstone. PURE.
//!
//! One Secret per Subaccount uid in the operator's namespace. It has no owner and outlives its object. Every change of
//! phase is a transition of its ledger, written by compare-and-swap.

use crate::account::marker::{Installation, Marker, Series};
use crate::controller::versioned::Versioned;
use crate::vobiz::{AuthId, AuthToken, Credentials, Generation, ParentAuthId};
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use std::collections::BTreeMap;
use std::time::Instant;

pub use vobiz_protocol::ledger::{Decision, Phase};

/// Attempts, fences and phase of one account, with its pair.
pub type Ledger = vobiz_protocol::ledger::Ledger<Series, AuthId, AuthToken, Generation>;

/// `type` of the Secret that holds a Record; the reflector selects by it.
pub const RECORD_TYPE: &str = "vobiz.ai/record";

/// Which object a Record serves.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Subject {
    /// Namespace of the object.
    pub namespace: String,
    /// uid of that namespace.
    pub namespace_uid: String,
    /// Name of the object.
    pub name: String,
    /// uid of the object.
    pub uid: String,
}

/// The content of a Record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Whom it serves.
    pub subject: Subject,
    /// Under which parent the account lives; never changes.
    pub parent: ParentAuthId,
    /// What decides about the account.
    pub ledger: Ledger,
    /// When a fence last moved, in wall time; serves retention only.
    pub last_fenced_at: Option<Timestamp>,
}

/// A Record that can be replaced by comparing and swapping.
#[derive(Clone, Debug)]
pub struct ReadRecord {
    /// What it says.
    pub record: Record,
    /// The Secret that holds it, in the version that was read.
    pub secret: Versioned<Secret>,
    /// Before it was read or written.
    pub at: Instant,
    /// This process knows that nothing was posted under its epoch.
    pub unspent: bool,
}

/// A Record that a person or a fault has damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read the record: `{key}` is missing or malformed")]
pub struct Damaged {
    /// The key of the Secret that cannot be used.
    pub key: &'static str,
}

impl Record {
    /// The intent to create: written before the first POST.
    #[must_use]
    pub fn open(subject: Subject, parent: ParentAuthId, generation: Generation, series: Series) -> Self {
        Self {
            subject,
            parent,
            ledger: Ledger::open(series, generation),
            last_fenced_at: None,
        }
    }

    /// The Record after a transition of its ledger; a fence that moved is dated `now`.
    #[must_use]
    pub fn with(self, transition: impl FnOnce(Ledger) -> Ledger, now: Timestamp) -> Self {
        let before = (self.ledger.series, self.ledger.fenced_through);
        let ledger = transition(self.ledger);
        let moved = ledger.is_fenced() && (ledger.series, ledger.fenced_through) != before;
        Self {
            ledger,
            last_fenced_at: if moved { Some(now) } else { self.last_fenced_at },
            ..self
        }
    }

    /// The marker of the current epoch.
    #[must_use]
    pub fn marker(&self, installation: Installation) -> Marker {
        Marker {
            installation,
            series: self.ledger.series,
            epoch: self.ledger.epoch,
        }
    }

    /// Whether it is an intent to adopt that is taken back for the object with this uid, should both name one account: of two that are
    /// written at the same time, each seen by the other, one must stay.
    #[must_use]
    pub fn gives_way_to(&self, uid: &str) -> bool {
        self.ledger.is_intent_to_adopt() && self.subject.uid.as_str() > uid
    }

    /// The marker that the account carries; none of one that was there before, which no attempt made.
    #[must_use]
    pub fn mark(&self, installation: Installation) -> Option<Marker> {
        (self.ledger.epoch > 0).then(|| self.marker(installation))
    }

    /// Whether an account with this marker is void and ours to delete.
    #[must_use]
    pub fn fences(&self, marker: &Marker) -> bool {
        self.ledger.fences(marker.series, marker.epoch)
    }

    /// The account, once one is bound or known.
    #[must_use]
    pub fn auth_id(&self) -> Option<&AuthId> {
        self.ledger.auth_id.as_ref()
    }

    /// The account that it holds, or is about to.
    #[must_use]
    pub fn held_id(&self) -> Option<&AuthId> {
        self.auth_id().or(self.ledger.adopts.as_ref())
    }

    /// The pair, if the Record holds one.
    #[must_use]
    pub fn pair(&self) -> Option<Credentials> {
        Some(Credentials {
            auth_id: self.ledger.auth_id.clone()?,
            auth_token: self.ledger.auth_token.clone()?,
        })
    }
}

/// Name of the Secret that holds the Record of an object.
#[must_use]
pub fn secret_name(uid: &str) -> String {
    format!("subaccount-{uid}")
}

/// The Record as the data of a Secret.
#[must_use]
pub fn encode(record: &Record) -> BTreeMap<String, ByteString> {
    // Taken apart without `..`: a field that is not stored is a compile error.
    let Record {
        subject:
            Subject {
                namespace,
                namespace_uid,
                name,
                uid,
            },
        parent,
        ledger:
            Ledger {
                series,
                generation,
                epoch,
                fenced_through,
                phase,
                auth_id,
                auth_token,
                disable,
                cascade,
                adopts,
                adopted,
            },
        last_fenced_at,
    } = record;
    let phase = match phase {
        Phase::Open => "Open",
        Phase::Bound => "Bound",
        Phase::Closed => "Closed",
        Phase::Kept => "Kept",
    };
    [
        ("namespace", Some(namespace.clone())),
        ("namespaceUid", Some(namespace_uid.clone())),
        ("name", Some(name.clone())),
        ("uid", Some(uid.clone())),
        ("parentAuthId", Some(parent.to_string())),
        ("apiGeneration", Some(generation.to_string())),
        ("series", Some(series.to_string())),
        ("epoch", Some(epoch.to_string())),
        ("fencedThrough", Some(fenced_through.to_string())),
        ("lastFencedAt", last_fenced_at.map(|at| at.to_string())),
        ("phase", Some(phase.to_owned())),
        ("auth_id", auth_id.as_ref().map(ToString::to_string)),
        (
            "auth_token",
            auth_token.as_ref().map(|token| token.expose().to_owned()),
        ),
        ("disable", disable.then(|| "true".to_owned())),
        ("cascade", cascade.then(|| "true".to_owned())),
        ("adopts", adopts.as_ref().map(ToString::to_string)),
        ("adopted", adopted.then(|| "true".to_owned())),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), ByteString(value?.into_bytes()))))
    .collect()
}

/// Reads a Record back. Anything missing or malformed is an error that names the key: a Record is never guessed.
pub fn decode(data: &BTreeMap<String, ByteString>) -> Result<Record, Damaged> {
    let optional = |key| match data.get(key) {
        Some(ByteString(bytes)) => std::str::from_utf8(bytes).map(Some).map_err(|_| Damaged { key }),
        None => Ok(None),
    };
    let text = |key| {
        optional(key)?
            .filter(|value| !value.is_empty())
            .ok_or(Damaged { key })
    };
    let owned = |key| text(key).map(str::to_owned);
    let number = |key| text(key)?.parse::<u32>().map_err(|_| Damaged { key });
    let flag = |key| match optional(key)? {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Damaged { key }),
    };
    let record = Record {
        subject: Subject {
            namespace: owned("namespace")?,
            namespace_uid: owned("namespaceUid")?,
            name: owned("name")?,
            uid: owned("uid")?,
        },
        parent: ParentAuthId::parse(text("parentAuthId")?).map_err(|_| Damaged { key: "parentAuthId" })?,
        ledger: Ledger {
            generation: text("apiGeneration")?
                .parse()
                .map_err(|_| Damaged { key: "apiGeneration" })?,
            series: Series::parse(text("series")?).ok_or(Damaged { key: "series" })?,
            epoch: number("epoch")?,
            fenced_through: number("fencedThrough")?,
            phase: match text("phase")? {
                "Open" => Phase::Open,
                "Bound" => Phase::Bound,
                "Closed" => Phase::Closed,
                "Kept" => Phase::Kept,
                _ => return Err(Damaged { key: "phase" }),
            },
            auth_id: optional("auth_id")?
                .map(|id| AuthId::parse(id).map_err(|_| Damaged { key: "auth_id" }))
                .transpose()?,
            auth_token: optional("auth_token")?
                .map(|token| AuthToken::parse(token).map_err(|_| Damaged { key: "auth_token" }))
                .transpose()?,
            disable: flag("disable")?,
            cascade: flag("cascade")?,
            adopts: optional("adopts")?
                .map(|id| AuthId::parse(id).map_err(|_| Damaged { key: "adopts" }))
                .transpose()?,
            adopted: flag("adopted")?,
        },
        last_fenced_at: optional("lastFencedAt")?
            .map(|at| at.parse().map_err(|_| Damaged { key: "lastFencedAt" }))
            .transpose()?,
    };
    consistent(record)
}

fn consistent(record: Record) -> Result<Record, Damaged> {
    let ledger = &record.ledger;
    let key = match ledger.phase {
        // Nothing is posted for an account that was there before.
        _ if ledger.epoch == 0 && !ledger.adopted => "epoch",
        _ if ledger.fenced_through > ledger.epoch => "fencedThrough",
        _ if ledger.is_fenced() && record.last_fenced_at.is_none() => "lastFencedAt",
        Phase::Bound if ledger.auth_token.is_none() && !ledger.adopted => "auth_token",
        Phase::Bound | Phase::Kept if ledger.auth_id.is_none() => "auth_id",
        Phase::Open if ledger.auth_id.is_some() => "phase",
        Phase::Bound | Phase::Closed | Phase::Kept if ledger.adopts.is_some() => "adopts",
        _ => return Ok(record),
    };
    Err(Damaged { key })
}

#[cfg(test)]
mod tests;
