//! What the operator would do for one object, one thing after the other, and how many requests that takes. PURE.

use crate::account::marker::without_marker;
use crate::vobiz::{AuthId, Fields};
use serde::Serialize;
use serde_json::Value;

/// One thing that the operator would do, outside of its own namespace.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Have an account made.
    Create {
        /// What the user set, as the account will show it.
        fields: Fields,
    },
    /// Take an account that is there already.
    Adopt {
        /// Which one.
        auth_id: AuthId,
    },
    /// Take what an earlier object of the name left.
    TakeOver {
        /// Which one.
        auth_id: AuthId,
    },
    /// Change fields of the account.
    Update {
        /// Which one.
        auth_id: AuthId,
        /// Field by field.
        changes: Vec<FieldChange>,
    },
    /// Disable the account, and leave it so.
    Disable {
        /// Which one.
        auth_id: AuthId,
    },
    /// Delete the account.
    Delete {
        /// Which one.
        auth_id: AuthId,
        /// Its applications, endpoints and numbers go too; otherwise the parent gets them back.
        cascade: bool,
    },
    /// Delete what an interrupted create left.
    DeleteLeftover {
        /// Which one.
        auth_id: AuthId,
    },
    /// Leave the account as it is, and let the object go.
    Keep {
        /// Which one.
        auth_id: AuthId,
    },
    /// Write or remove the user's Secret.
    Secret(SecretChange),
}

/// What becomes of a Secret of the user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretChange {
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub action: SecretAction,
}

/// What becomes of a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretAction {
    /// It is made.
    Create,
    /// It is written anew.
    Update,
    /// It goes.
    Remove,
}

/// One field of an account, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// As the spec calls it.
    pub field: &'static str,
    /// What the account shows; null where it shows nothing.
    pub from: Value,
    /// What it will show.
    pub to: Value,
}

/// Requests to Vobiz.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    /// Creates.
    pub creates: u32,
    /// Updates.
    pub updates: u32,
    /// Deletions.
    pub deletes: u32,
    /// Those that change nothing.
    pub reads: u32,
}

impl Requests {
    /// All of them.
    #[must_use]
    pub fn total(self) -> u32 {
        self.writes() + self.reads
    }

    /// Those that change something.
    #[must_use]
    pub fn writes(self) -> u32 {
        self.creates + self.updates + self.deletes
    }

    /// With these added.
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        Self {
            creates: self.creates + more.creates,
            updates: self.updates + more.updates,
            deletes: self.deletes + more.deletes,
            reads: self.reads + more.reads,
        }
    }

    /// Seconds that they take at least, at this rate, where so many may be sent at once.
    #[must_use]
    pub fn seconds_at(self, per_second: i32, burst: i32) -> u32 {
        let waiting = i64::from(self.total()) - i64::from(burst);
        let seconds = (waiting.max(0) + i64::from(per_second.max(1)) - 1) / i64::from(per_second.max(1));
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }
}

/// What of the fields that are sent differs from those that are shown.
#[must_use]
pub fn changes(shown: &Fields, sent: &Fields) -> Vec<FieldChange> {
    let (from, to) = (values(shown), values(sent));
    sent.rows()
        .map(|field| FieldChange {
            field: field.in_spec,
            from: from[field.name].clone(),
            to: to[field.name].clone(),
        })
        .filter(|change| change.from != change.to)
        .collect()
}

/// Each field that is set, as the user wrote it.
#[must_use]
pub fn set(fields: &Fields) -> Vec<FieldChange> {
    changes(&Fields::default(), fields)
}

/// The marker at the end of a description is ours.
fn values(fields: &Fields) -> Value {
    let mut fields = fields.clone();
    fields.description = fields
        .description
        .map(|text| without_marker(&text).to_owned())
        .filter(|text| !text.is_empty());
    serde_json::to_value(fields).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::marker::{Installation, Marker, Series};
    use serde_json::json;

    #[test]
    fn a_change_is_told_field_by_field_without_our_marker() {
        let marker = Marker {
            installation: Installation(1),
            series: Series(2),
            epoch: 1,
        };
        let shown = Fields {
            name: Some("Acme".to_owned()),
            description: Some(marker.append_to(Some("old"))),
            ..Fields::default()
        };
        let sent = Fields {
            name: Some("Acme".to_owned()),
            description: Some(marker.append_to(Some("new"))),
            rate_limit: Some(5),
            ..Fields::default()
        };
        let told: Vec<_> = changes(&shown, &sent)
            .into_iter()
            .map(|change| (change.field, change.from, change.to))
            .collect();
        assert_eq!(
            told,
            [
                ("description", json!("old"), json!("new")),
                ("rateLimit", Value::Null, json!(5))
            ]
        );
        assert!(
            set(&Fields {
                description: Some(marker.to_string()),
                ..Fields::default()
            })
            .is_empty()
        );
    }

    #[test]
    fn requests_take_as_long_as_the_rate_says_once_the_burst_is_used_up() {
        let requests = Requests {
            creates: 10,
            updates: 5,
            deletes: 5,
            reads: 21,
        };
        assert_eq!((requests.total(), requests.writes()), (41, 20));
        assert_eq!(requests.seconds_at(10, 20), 3);
        assert_eq!(requests.seconds_at(10, 41), 0);
    }
}
