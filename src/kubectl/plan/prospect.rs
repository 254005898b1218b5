//! What would become of one object: what is done for it, in a word, and why not where nothing is. PURE.

use super::deed::{Deed, FieldChange, Requests, SecretAction, SecretChange, set};
use super::stand_in::is_to_come;
use crate::kubectl::sight::objects::ObjectId;
use crate::subaccount::tell::Outcome;
use crate::subaccount::tell::rows::{Ready, row};
use crate::vobiz::AuthId;
use serde::Serialize;
use vobiz_protocol::plan::{Rest, Wait};

/// What is told of an object whose Record says something that it cannot.
const UNFITTING: &str = "what its Record says fits no object that is there: look again once its operator has";

/// What would be done, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Its account is deleted.
    Delete,
    /// Its account is deleted and another one made.
    Recreate,
    /// Its account is disabled and left.
    Disable,
    /// Its account is left as it is, and the object goes.
    Keep,
    /// The object goes, and nothing is done at Vobiz.
    Forget,
    /// An account is made.
    Create,
    /// It takes an account that is there already.
    Adopt,
    /// It takes what an earlier object of its name left.
    TakeOver,
    /// Its account is changed.
    Update,
    /// Its Secret alone is written.
    Secret,
    /// The object is stored, and nothing is done at Vobiz.
    Store,
    /// It is refused, and a person must act.
    Refuse,
    /// It waits for something else.
    Wait,
    /// What matters cannot be seen.
    CannotTell,
    /// Nothing.
    Nothing,
}

/// Why an object is part of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Because {
    /// A manifest says so.
    Manifest,
    /// It is in no manifest any more.
    Prune,
    /// Its Account changes.
    Account,
}

/// What would become of one object.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prospect {
    /// The object's kind.
    pub kind: &'static str,
    /// Its namespace; empty where it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What would be done.
    pub action: Action,
    /// Why it is part of the plan.
    pub because: Because,
    /// The account at Vobiz that it is about, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_id: Option<AuthId>,
    /// Kind and name of its Account.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// Field by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
    /// Of a deletion: whether its applications, endpoints and numbers go too; otherwise the parent gets them back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cascade: Option<bool>,
    /// Accounts that interrupted creates left, and that are deleted with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<AuthId>,
    /// What becomes of Secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretChange>,
    /// Why it is refused or waits, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, and what to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What it takes at Vobiz.
    pub requests: Requests,
    /// What was taken on trust because it could not be seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
}

impl Prospect {
    /// Of an object for which nothing is done, as far as is known.
    #[must_use]
    pub fn nothing(id: &ObjectId, because: Because) -> Self {
        Self {
            kind: id.kind.as_str(),
            namespace: id.key.namespace.clone(),
            name: id.key.name.clone(),
            action: Action::Nothing,
            because,
            auth_id: None,
            account: String::new(),
            changes: Vec::new(),
            cascade: None,
            leftovers: Vec::new(),
            secrets: Vec::new(),
            reason: None,
            message: String::new(),
            requests: Requests::default(),
            unseen: Vec::new(),
        }
    }

    /// Of one that the API server, or the schema, refuses.
    #[must_use]
    pub fn refused(id: &ObjectId, because: Because, message: String) -> Self {
        Self {
            action: Action::Refuse,
            reason: Some("Rejected".to_owned()),
            message,
            ..Self::nothing(id, because)
        }
    }

    /// Of one of which it cannot be told.
    #[must_use]
    pub fn cannot_tell(id: &ObjectId, because: Because, message: String) -> Self {
        Self {
            action: Action::CannotTell,
            message,
            ..Self::nothing(id, because)
        }
    }

    /// Namespace and name.
    #[must_use]
    pub fn place(&self) -> String {
        if self.namespace.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
    }

    /// Whether anything would be other than it is.
    #[must_use]
    pub fn is_change(&self) -> bool {
        !matches!(self.action, Action::Nothing | Action::CannotTell)
    }

    /// Takes in what the rehearsal of its pass came to. `is_going`: that of its deletion.
    pub fn take(&mut self, deeds: Vec<Deed>, requests: Requests, outcome: &Outcome, is_going: bool) {
        self.requests = requests;
        let is_blocked = matches!(outcome.rest, Rest::Blocked(_) | Rest::Waiting(_));
        if is_blocked {
            self.reason = match row(outcome.rest).ready {
                Ready::Waiting(reason) | Ready::Stalled(reason) => Some(reason.as_str().to_owned()),
                Ready::Settled | Ready::Unsaid => None,
            };
            self.message.clone_from(&outcome.message);
        }
        let mut action = match outcome.rest {
            Rest::Blocked(_) => Action::Refuse,
            Rest::Waiting(Wait::Paused) => Action::Nothing,
            Rest::Waiting(_) => Action::Wait,
            Rest::Settled if is_going => Action::Forget,
            Rest::Settled => Action::Nothing,
            Rest::Outdated => Action::CannotTell,
        };
        if outcome.rest == Rest::Outdated {
            UNFITTING.clone_into(&mut self.message);
        }
        if outcome.rest == Rest::Waiting(Wait::Paused) {
            self.reason = Some("Paused".to_owned());
        }
        for deed in deeds {
            action = self.add(deed, action);
        }
        self.action = action;
    }

    /// Adds a deed to what was done before it.
    fn add(&mut self, deed: Deed, before: Action) -> Action {
        match deed {
            Deed::Create { fields } => {
                self.changes = set(&fields);
                if before == Action::Delete {
                    Action::Recreate
                } else {
                    Action::Create
                }
            }
            Deed::Adopt { auth_id } => self.with(auth_id, Action::Adopt),
            Deed::TakeOver { auth_id } => self.with(auth_id, Action::TakeOver),
            Deed::Update { auth_id, changes } => {
                for change in changes {
                    self.change(change);
                }
                let action = match before {
                    Action::Adopt | Action::TakeOver | Action::Create | Action::Recreate => before,
                    _ => Action::Update,
                };
                self.with(auth_id, action)
            }
            Deed::Disable { auth_id } => self.with(auth_id, Action::Disable),
            Deed::Delete { auth_id, cascade } => {
                self.cascade = Some(cascade);
                self.with(auth_id, Action::Delete)
            }
            Deed::DeleteLeftover { auth_id } => {
                self.leftovers.push(auth_id);
                before
            }
            Deed::Keep { auth_id } => self.with(auth_id, Action::Keep),
            Deed::Secret(change) => {
                self.secrets.push(change);
                if before == Action::Nothing {
                    Action::Secret
                } else {
                    before
                }
            }
        }
    }

    fn with(&mut self, auth_id: AuthId, action: Action) -> Action {
        if !is_to_come(&auth_id) {
            self.auth_id = Some(auth_id);
        }
        action
    }

    /// A field that is sent twice in a row is told once.
    fn change(&mut self, change: FieldChange) {
        match self.changes.iter_mut().find(|known| known.field == change.field) {
            Some(known) => known.to = change.to,
            None => self.changes.push(change),
        }
    }

    /// Its Secret goes with it.
    pub fn remove_secret(&mut self, name: Option<String>) {
        self.secrets.extend(name.map(|name| SecretChange {
            name,
            action: SecretAction::Remove,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::wake::ObjectKey;
    use crate::kubectl::sight::objects::Kind;
    use crate::vobiz::Fields;
    use serde_json::json;
    use vobiz_protocol::plan::Block;

    fn prospect(deeds: Vec<Deed>, rest: Rest, is_going: bool) -> Prospect {
        let id = ObjectId {
            kind: Kind::Subaccount,
            key: ObjectKey {
                namespace: "team".to_owned(),
                name: "acme".to_owned(),
            },
        };
        let mut prospect = Prospect::nothing(&id, Because::Manifest);
        prospect.take(deeds, Requests::default(), &Outcome::new(rest, "why"), is_going);
        prospect
    }

    fn id() -> AuthId {
        AuthId::parse("SA_ONE").unwrap()
    }

    #[test]
    fn what_is_done_is_told_in_a_word() {
        let create = || Deed::Create {
            fields: Fields::default(),
        };
        let delete = || Deed::Delete {
            auth_id: id(),
            cascade: true,
        };
        let secret = || {
            Deed::Secret(SecretChange {
                name: "acme-vobiz".to_owned(),
                action: SecretAction::Create,
            })
        };
        let update = || Deed::Update {
            auth_id: id(),
            changes: Vec::new(),
        };
        let blocked = Rest::Blocked(Block::OrphanFound);
        let table = [
            (vec![], Rest::Settled, false, Action::Nothing),
            (vec![], Rest::Settled, true, Action::Forget),
            (vec![create(), secret()], Rest::Settled, false, Action::Create),
            (
                vec![delete(), create(), secret()],
                Rest::Settled,
                false,
                Action::Recreate,
            ),
            (
                vec![Deed::Adopt { auth_id: id() }, secret(), update()],
                Rest::Settled,
                false,
                Action::Adopt,
            ),
            (vec![update()], Rest::Settled, false, Action::Update),
            (vec![secret()], Rest::Settled, false, Action::Secret),
            (vec![delete()], Rest::Settled, true, Action::Delete),
            (
                vec![Deed::Keep { auth_id: id() }],
                Rest::Settled,
                true,
                Action::Keep,
            ),
            (vec![], blocked, false, Action::Refuse),
            (vec![], Rest::Waiting(Wait::Account), false, Action::Wait),
            (vec![], Rest::Waiting(Wait::Paused), false, Action::Nothing),
        ];
        for (deeds, rest, is_going, action) in table {
            let told = format!("{deeds:?} {rest:?}");
            assert_eq!(prospect(deeds, rest, is_going).action, action, "{told}");
        }
        let refused = prospect(vec![], blocked, false);
        assert_eq!(
            (refused.reason.as_deref(), refused.message.as_str()),
            (Some("OrphanFound"), "why")
        );
    }

    #[test]
    fn a_plan_can_be_read_by_a_program() {
        let told = prospect(
            vec![Deed::Delete {
                auth_id: id(),
                cascade: true,
            }],
            Rest::Settled,
            true,
        );
        assert_eq!(
            serde_json::to_value(told).unwrap(),
            json!({"kind": "Subaccount", "namespace": "team", "name": "acme", "action": "delete", "because": "manifest",
                "authId": "SA_ONE", "cascade": true,
                "requests": {"creates": 0, "updates": 0, "deletes": 0, "reads": 0}})
        );
    }
}
