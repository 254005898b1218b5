//! What a manifest can say of an account that is at Vobiz, so that applying it changes nothing there. PURE.

use crate::account::marker::without_marker;
use crate::controller::wake::ObjectKey;
use crate::crd::{BusinessType, MARKER_START, SubaccountSpec};
use crate::subaccount::desired::Desired;
use crate::vobiz::{Generation, Permissions, Subaccount};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Characters that the schema allows, of each text.
const LONGEST_NAME: usize = 100;
const LONGEST_DESCRIPTION: usize = 500;
const LONGEST_EMAIL: usize = 320;
const LONGEST_PHONE: usize = 64;
/// What Vobiz grants where nothing else is asked for.
const DEFAULT_RATE_LIMIT: i64 = 1000;

/// The spec of an account, and whether it says all that is kept.
#[derive(Debug, PartialEq)]
pub struct Wording {
    /// `spec`, but for the reference to the Account.
    pub spec: Map<String, Value>,
    /// Why no manifest can say what the account is, so that it can be looked at alone.
    pub observed_because: Option<&'static str>,
}

/// What a manifest of this key says of the account. `observes`: it is to be looked at alone.
#[must_use]
pub fn of(
    account: &Subaccount,
    key: &ObjectKey,
    prefix: &str,
    generation: Generation,
    observes: bool,
) -> Wording {
    let fields = &account.fields;
    let mut spec = Map::new();
    spec.insert("authId".to_owned(), json!(account.auth_id));
    let mut say = |field: &str, value: Option<Value>| {
        spec.extend(value.map(|value| (field.to_owned(), value)));
    };
    let name = account.name().trim();
    let is_default = format!("{prefix}{}", key.name) == name;
    say("name", sayable(name, LONGEST_NAME).filter(|_| !is_default));
    say("enabled", Some(json!(false)).filter(|_| !account.is_enabled()));
    if generation == Generation::Gen2 {
        let description = fields.description.as_deref().map_or("", without_marker);
        say("description", sayable(description, LONGEST_DESCRIPTION));
        let email = sayable(fields.email.as_deref().unwrap_or_default(), LONGEST_EMAIL);
        let is_customers = fields.kyc_mode.as_deref() == Some("customer_use") && email.is_some();
        say("email", email);
        say(
            "phone",
            sayable(fields.phone.as_deref().unwrap_or_default(), LONGEST_PHONE),
        );
        let rate_limit = fields
            .rate_limit
            .filter(|limit| *limit >= 1 && *limit != DEFAULT_RATE_LIMIT);
        say("rateLimit", rate_limit.map(|limit| json!(limit)));
        say("permissions", fields.permissions.and_then(permissions));
        say("kycMode", Some(json!("customer_use")).filter(|_| is_customers));
        say(
            "businessType",
            fields.business_type.as_ref().and_then(known::<BusinessType>),
        );
    }
    say("deletion", Some(json!({"policy": "Retain"})));
    let observed_because = if observes {
        Some("--observe asks for it")
    } else if is_kept_as_it_is(&spec, account, key, prefix, generation) {
        None
    } else {
        Some("its name is none that a manifest may hold")
    };
    if observed_because.is_some() {
        spec.insert("managementPolicy".to_owned(), json!("ObserveOnly"));
    }
    Wording {
        spec,
        observed_because,
    }
}

/// Whether the operator would send nothing for the account.
fn is_kept_as_it_is(
    spec: &Map<String, Value>,
    account: &Subaccount,
    key: &ObjectKey,
    prefix: &str,
    generation: Generation,
) -> bool {
    let mut whole = spec.clone();
    whole.insert("accountRef".to_owned(), json!({"name": "any"}));
    let Ok(spec) = serde_json::from_value::<SubaccountSpec>(Value::Object(whole)) else {
        return false;
    };
    Desired::from_spec(&spec, key, prefix, generation).is_ok_and(|desired| desired.matches(account))
}

/// A text that the schema admits.
fn sayable(text: &str, longest: usize) -> Option<Value> {
    let text = text.trim();
    let fits = !text.is_empty()
        && text.chars().count() <= longest
        && !text.chars().any(char::is_control)
        && !text.contains(MARKER_START);
    fits.then(|| json!(text))
}

fn permissions(shown: Permissions) -> Option<Value> {
    Some(json!({"calls": shown.calls?, "cdr": shown.cdr?}))
}

/// A word that the schema knows.
fn known<T: DeserializeOwned>(word: &String) -> Option<Value> {
    let word = json!(word);
    T::deserialize(&word).ok().map(|_| word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vobiz::{AuthId, Fields};
    use proptest::prelude::*;

    fn account(fields: Fields) -> Subaccount {
        Subaccount::new(AuthId::parse("SA_ONE").unwrap(), fields)
    }

    fn key() -> ObjectKey {
        ObjectKey {
            namespace: "team".to_owned(),
            name: "acme".to_owned(),
        }
    }

    #[test]
    fn only_what_differs_from_what_vobiz_gives_is_said() {
        let plain = account(Fields {
            name: Some("acme".to_owned()),
            rate_limit: Some(1000),
            kyc_mode: Some("personal_use".to_owned()),
            ..Fields::default()
        });
        let said = of(&plain, &key(), "", Generation::Gen2, false);
        assert_eq!(
            (Value::Object(said.spec), said.observed_because),
            (
                json!({"authId": "SA_ONE", "deletion": {"policy": "Retain"}}),
                None
            )
        );
        let other = account(Fields {
            name: Some(" Acme Ltd ".to_owned()),
            enabled: Some(false),
            rate_limit: Some(5),
            permissions: Some(Permissions {
                calls: Some(true),
                cdr: Some(false),
            }),
            business_type: Some("llp".to_owned()),
            ..Fields::default()
        });
        let said = of(&other, &key(), "", Generation::Gen2, false);
        assert_eq!(
            Value::Object(said.spec),
            json!({"authId": "SA_ONE", "name": "Acme Ltd", "enabled": false, "rateLimit": 5, "businessType": "llp",
                "permissions": {"calls": true, "cdr": false}, "deletion": {"policy": "Retain"}})
        );
    }

    #[test]
    fn an_account_that_no_manifest_can_say_is_looked_at_alone() {
        for odd in ["", "   ", "two\nlines", &"x".repeat(101), "[vobiz-operator x"] {
            let said = of(
                &account(Fields {
                    name: Some(odd.to_owned()),
                    ..Fields::default()
                }),
                &key(),
                "",
                Generation::Gen2,
                false,
            );
            assert_eq!(
                said.spec.get("managementPolicy"),
                Some(&json!("ObserveOnly")),
                "{odd:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_is_kept_is_kept_as_it_is(
            name in "\\PC{0,120}", description in proptest::option::of("\\PC{0,40}"), email in proptest::option::of("\\PC{0,20}"),
            kyc in proptest::option::of("(personal|customer)_use"), enabled: bool, rate in proptest::option::of(-1_i64..2000),
        ) {
            let fields = Fields { name: Some(name), description, email, kyc_mode: kyc, enabled: Some(enabled), rate_limit: rate, ..Fields::default() };
            for generation in [Generation::Gen1, Generation::Gen2] {
                let account = account(fields.clone());
                let said = of(&account, &key(), "", generation, false);
                if said.observed_because.is_none() {
                    let mut spec = said.spec.clone();
                    spec.insert("accountRef".to_owned(), json!({"name": "main"}));
                    let spec: SubaccountSpec = serde_json::from_value(Value::Object(spec)).unwrap();
                    let desired = Desired::from_spec(&spec, &key(), "", generation).unwrap();
                    prop_assert!(desired.matches(&account));
                }
            }
        }
    }
}
