//! The Record: write-ahead log of one Subaccount, home of its pair, and tombstone. PURE.
//!
//! One Secret per Subaccount uid in the operator's namespace. It has no owner and outlives its object. Every change
//! of phase is one of the transitions below, written by compare-and-swap.

use crate::account::marker::{Installation, Marker, Series};
use crate::vobiz::{AuthId, AuthToken, Credentials, Generation, ParentAuthId};
use jiff::Timestamp;
use k8s_openapi::ByteString;
use std::collections::BTreeMap;

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

/// How far the life of the account has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// No pair yet.
    Open,
    /// The pair is present.
    Bound,
    /// The account is to be deleted.
    Closed,
    /// The object is gone or going; account and pair stay by policy.
    Kept,
}

/// What the deletion policy of an object comes to, decided once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Decision {
    /// The account is deleted; with `cascade` its applications, endpoints and numbers too.
    Delete {
        /// Delete what belongs to the account instead of handing it back to the parent.
        cascade: bool,
    },
    /// The account is disabled and stays.
    Disable,
    /// The account stays as it is.
    Retain,
}

/// The content of a Record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Whom it serves.
    pub subject: Subject,
    /// Under which parent the account lives; never changes.
    pub parent: ParentAuthId,
    /// Under which generation of the API the account lives; never changes.
    pub generation: Generation,
    /// Random, one per Record, never reused.
    pub series: Series,
    /// Number of the current attempt, from 1.
    pub epoch: u32,
    /// Every epoch up to this one is void: its account, should it ever appear, is ours to delete.
    pub fenced_through: u32,
    /// When `fenced_through` last moved, in wall time; serves retention only.
    pub last_fenced_at: Option<Timestamp>,
    /// See [`Phase`].
    pub phase: Phase,
    /// The account, once one is bound or known.
    pub auth_id: Option<AuthId>,
    /// Its token; absent in a Record that was closed for an account whose token was lost.
    pub auth_token: Option<AuthToken>,
    /// In phase Kept: the account must be shown to be disabled.
    pub disable: bool,
    /// In phase Closed: what belongs to the account is deleted with it.
    pub cascade: bool,
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
            generation,
            series,
            epoch: 1,
            fenced_through: 0,
            last_fenced_at: None,
            phase: Phase::Open,
            auth_id: None,
            auth_token: None,
            disable: false,
            cascade: false,
        }
    }

    /// The intent of a Record that was lost: its account's own marker, where it has one, tells series and epoch.
    #[must_use]
    pub fn rebuilt(self, marker: Option<Marker>, now: Timestamp) -> Self {
        match marker {
            Some(marker) => Self {
                series: marker.series,
                epoch: marker.epoch,
                fenced_through: marker.epoch - 1,
                last_fenced_at: (marker.epoch > 1).then_some(now),
                ..self
            },
            None => self,
        }
    }

    /// Claims the next epoch and fences the ones before it.
    #[must_use]
    pub fn taken_over(self, now: Timestamp) -> Self {
        Self {
            epoch: self.epoch + 1,
            fenced_through: self.epoch,
            last_fenced_at: Some(now),
            ..self
        }
    }

    /// Stores the pair that the current epoch's POST was answered.
    #[must_use]
    pub fn bound(self, pair: Credentials) -> Self {
        Self {
            phase: Phase::Bound,
            auth_id: Some(pair.auth_id),
            auth_token: Some(pair.auth_token),
            ..self
        }
    }

    /// Stores a pair that was proved by other means; the open epoch is void, unless it is the account's own.
    #[must_use]
    pub fn restored(self, pair: Credentials, marker: Option<Marker>, now: Timestamp) -> Self {
        let own = marker.is_some_and(|marker| marker.series == self.series && marker.epoch == self.epoch);
        let open = if own { self } else { self.fenced(now) };
        open.bound(pair)
    }

    /// Decides what becomes of the account. `known` is the account that the object's status names, for a Record
    /// without a pair; an open epoch is void from here on.
    #[must_use]
    pub fn closed(self, decision: Decision, known: Option<AuthId>, now: Timestamp) -> Self {
        let record = if self.phase == Phase::Open {
            self.fenced(now)
        } else {
            self
        };
        let auth_id = record.auth_id.or(known);
        let (phase, disable, cascade) = match (decision, &auth_id) {
            (Decision::Delete { cascade }, _) => (Phase::Closed, false, cascade),
            (_, None) => (Phase::Closed, false, false),
            (Decision::Disable, Some(_)) => (Phase::Kept, true, false),
            (Decision::Retain, Some(_)) => (Phase::Kept, false, false),
        };
        Self {
            phase,
            auth_id,
            disable,
            cascade,
            ..record
        }
    }

    fn fenced(self, now: Timestamp) -> Self {
        Self {
            fenced_through: self.epoch,
            last_fenced_at: Some(now),
            ..self
        }
    }

    /// The marker of the current epoch.
    #[must_use]
    pub fn marker(&self, installation: Installation) -> Marker {
        Marker {
            installation,
            series: self.series,
            epoch: self.epoch,
        }
    }

    /// Whether an account with this marker is void and ours to delete.
    #[must_use]
    pub fn fences(&self, marker: &Marker) -> bool {
        marker.series == self.series && marker.epoch <= self.fenced_through
    }

    /// Whether any epoch is void.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.fenced_through > 0
    }

    /// The pair, if the Record holds one.
    #[must_use]
    pub fn pair(&self) -> Option<Credentials> {
        Some(Credentials {
            auth_id: self.auth_id.clone()?,
            auth_token: self.auth_token.clone()?,
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
        generation,
        series,
        epoch,
        fenced_through,
        last_fenced_at,
        phase,
        auth_id,
        auth_token,
        disable,
        cascade,
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
        generation: text("apiGeneration")?
            .parse()
            .map_err(|_| Damaged { key: "apiGeneration" })?,
        series: Series::parse(text("series")?).ok_or(Damaged { key: "series" })?,
        epoch: number("epoch")?,
        fenced_through: number("fencedThrough")?,
        last_fenced_at: optional("lastFencedAt")?
            .map(|at| at.parse().map_err(|_| Damaged { key: "lastFencedAt" }))
            .transpose()?,
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
    };
    consistent(record)
}

fn consistent(record: Record) -> Result<Record, Damaged> {
    let key = match record.phase {
        _ if record.epoch == 0 => "epoch",
        _ if record.fenced_through > record.epoch => "fencedThrough",
        _ if record.is_fenced() && record.last_fenced_at.is_none() => "lastFencedAt",
        Phase::Bound if record.auth_token.is_none() => "auth_token",
        Phase::Bound | Phase::Kept if record.auth_id.is_none() => "auth_id",
        Phase::Open if record.auth_id.is_some() => "phase",
        _ => return Ok(record),
    };
    Err(Damaged { key })
}
