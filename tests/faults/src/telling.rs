//! PURE. Whether somebody is told that a write is refused for good: on the object, on its Account, or by the process.

use serde_json::Value;

use crate::denier::{Denier, NEEDLE, POLICY, QUOTA};
use crate::write::Write;

/// The metric of writes that are refused.
const METRIC: &str = "vobiz_operator_writes_refused";
const WRITE_REFUSED: &str = "WriteRefused";

/// Where a refusal can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A condition of the object.
    Object,
    /// A condition of its Account.
    Account,
    /// `/readyz` or a metric.
    Process,
}

/// What the operator's process says of itself.
#[derive(Clone, Debug, Default)]
pub struct Voice {
    /// The body of `/readyz`.
    pub readyz: String,
    /// The text of `/metrics`.
    pub metrics: String,
}

/// What can be seen from outside while a write is refused.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The object, if there is one.
    pub object: Option<&'a Value>,
    /// Its Account, if there is one.
    pub account: Option<&'a Value>,
    /// The process.
    pub voice: &'a Voice,
}

/// How a look ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Nothing speaks of the refusal.
    Silent,
    /// It is told, and by whom the write is refused.
    Told,
    /// The policy's own words are shown.
    Babbled,
}

/// Whether the refusal of this write is told where a person looks for it.
#[must_use]
pub fn telling(write: &Write, denier: Denier, view: View<'_>) -> Telling {
    let texts = || {
        let shown = [view.object, view.account].into_iter().flatten();
        shown.flat_map(conditions).map(Value::to_string)
    };
    if view.voice.readyz.contains(NEEDLE) || texts().any(|text| text.contains(NEEDLE)) {
        return Telling::Babbled;
    }
    let tells = |place: &Place| match place {
        Place::Object => view.object.is_some_and(|object| is_told_on(object, denier)),
        Place::Account => view.account.is_some_and(|account| is_told_on(account, denier)),
        Place::Process => {
            names(&view.voice.readyz, denier) && view.voice.readyz.contains(resource(write))
                || is_counted(&view.voice.metrics, write)
        }
    };
    let is_told = places(write, view.object.is_some()).iter().any(tells);
    if is_told { Telling::Told } else { Telling::Silent }
}

/// Where a person would look: at the object first, and never where the refused write itself would have told it.
fn places(write: &Write, has_object: bool) -> &'static [Place] {
    let what = write.action.split(' ').nth(1).unwrap_or_default();
    match (what, has_object) {
        ("events", _) | ("accounts/status", false) => &[Place::Process],
        ("accounts/status", true) => &[Place::Object, Place::Process],
        ("accounts" | "secrets/credentials", true) => &[Place::Object, Place::Account],
        ("subaccounts/status", _) | (_, false) => &[Place::Account, Place::Process],
        (_, true) => &[Place::Object],
    }
}

/// The conditions of an object.
fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    object["status"]["conditions"].as_array().into_iter().flatten()
}

fn is_told_on(object: &Value, denier: Denier) -> bool {
    conditions(object).any(|condition| {
        let message = condition["message"].as_str().unwrap_or_default();
        let is_named = names(message, denier);
        is_named || condition["reason"] == WRITE_REFUSED && denier != Denier::Policy
    })
}

/// Whether a text names this refusal. A policy is one among many: only its name says which.
fn names(text: &str, denier: Denier) -> bool {
    let text = text.to_lowercase();
    let holds = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match denier {
        Denier::Policy => holds(&[POLICY]),
        Denier::Rights => holds(&["forbidden", "refuse", " right"]),
        Denier::Quota => holds(&["quota"]) && holds(&[QUOTA]),
        Denier::Terminating => holds(&["terminat", "being deleted"]),
    }
}

/// The resource as a right names it, without its subresource.
fn resource(write: &Write) -> &str {
    let what = write.action.split(' ').nth(1).unwrap_or_default();
    match what.split('/').next().unwrap_or_default() {
        "record" => "secrets",
        resource => resource,
    }
}

/// Whether the metric counts a refusal of this verb on this resource.
fn is_counted(metrics: &str, write: &Write) -> bool {
    let verb = write.action.split(' ').next().unwrap_or_default();
    let (verb, of) = (format!("verb=\"{verb}\""), resource(write));
    let (whole, part) = (format!("resource=\"{of}\""), format!("resource=\"{of}/"));
    let lines = metrics.lines().filter(|line| line.starts_with(METRIC));
    let mut counted = lines.filter(|line| {
        let value = line
            .rsplit(' ')
            .next()
            .and_then(|value| value.parse::<f64>().ok());
        let is_same = line.contains(&verb) && (line.contains(&whole) || line.contains(&part));
        is_same && value.is_some_and(|value| value > 0.0)
    });
    counted.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::Server;
    use serde_json::json;

    const NOBODY: &Voice = &Voice {
        readyz: String::new(),
        metrics: String::new(),
    };

    fn write(action: &str) -> Write {
        Write::new(Server::Kubernetes, action)
    }

    fn saying(reason: &str, message: &str) -> Value {
        json!({"status": {"conditions": [{"type": "Reconciling", "reason": reason, "message": message}]}})
    }

    fn on_object(action: &str, denier: Denier, object: &Value) -> Telling {
        let view = View {
            object: Some(object),
            account: None,
            voice: NOBODY,
        };
        telling(&write(action), denier, view)
    }

    #[test]
    fn a_condition_tells_a_refusal_and_of_a_policy_only_by_its_name() {
        let nameless = saying("WriteRefused", "the Secret cannot be written");
        assert_eq!(
            on_object("create secrets", Denier::Rights, &nameless),
            Telling::Told
        );
        assert_eq!(
            on_object("create secrets", Denier::Policy, &nameless),
            Telling::Silent
        );
        let named = saying("WriteRefused", "ValidatingAdmissionPolicy no-writes refuses it");
        assert_eq!(on_object("create secrets", Denier::Policy, &named), Telling::Told);
        let other = saying("Progressing", "waiting");
        for denier in Denier::ALL {
            assert_eq!(on_object("create secrets", denier, &other), Telling::Silent);
        }
    }

    #[test]
    fn a_policys_own_words_may_be_shown_nowhere() {
        let shown = saying("WriteRefused", &format!("no-writes: auth_token {NEEDLE}"));
        assert_eq!(
            on_object("create secrets", Denier::Policy, &shown),
            Telling::Babbled
        );
        let voice = Voice {
            readyz: format!("refused: {NEEDLE}"),
            ..Voice::default()
        };
        let view = View {
            object: None,
            account: None,
            voice: &voice,
        };
        assert_eq!(
            telling(&write("create record"), Denier::Policy, view),
            Telling::Babbled
        );
    }

    #[test]
    fn a_refused_status_is_told_on_the_account_and_a_refused_event_by_the_process_alone() {
        let told = saying("WriteRefused", "forbidden: exceeded quota: house");
        let account = |action: &str| {
            let view = View {
                object: Some(&told),
                account: Some(&told),
                voice: NOBODY,
            };
            telling(&write(action), Denier::Quota, view)
        };
        assert_eq!(account("patch subaccounts/status"), Telling::Told);
        assert_eq!(account("create events SubaccountCreated"), Telling::Silent);
        assert_eq!(
            on_object("patch subaccounts/status", Denier::Quota, &told),
            Telling::Silent
        );
    }

    #[test]
    fn a_metric_tells_of_its_own_resource_and_verb_while_it_is_above_zero() {
        let told = |metrics: &str, action: &str| {
            let voice = Voice {
                metrics: metrics.to_owned(),
                ..Voice::default()
            };
            let view = View {
                object: None,
                account: None,
                voice: &voice,
            };
            telling(&write(action), Denier::Policy, view) == Telling::Told
        };
        let secrets = "vobiz_operator_writes_refused{resource=\"secrets\",verb=\"delete\"} 2";
        assert!(told(secrets, "delete record"));
        assert!(!told(secrets, "update record"));
        assert!(!told(&secrets.replace(" 2", " 0"), "delete record"));
        let status = "vobiz_operator_writes_refused{resource=\"subaccounts/status\",verb=\"patch\"} 1";
        assert!(told(status, "patch subaccounts/status"));
        assert!(!told(status, "patch accounts"));
    }

    #[test]
    fn what_is_refused_while_no_object_is_left_is_told_on_the_account() {
        let account = saying("WriteRefused", "exceeded quota: house");
        let view = View {
            object: None,
            account: Some(&account),
            voice: NOBODY,
        };
        assert_eq!(
            telling(&write("delete record"), Denier::Quota, view),
            Telling::Told
        );
        let living = json!({});
        let view = View {
            object: Some(&living),
            ..view
        };
        assert_eq!(
            telling(&write("update record"), Denier::Quota, view),
            Telling::Silent
        );
    }
}
