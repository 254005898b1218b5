//! PURE. Validates the fields of a create or an update; every fault is a `details.errors` entry.

#![expect(clippy::option_option, reason = "absent, null and set are three things")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::account::{Account, Kyc, Permissions, TEXTS};
use crate::settings::{Generation, Settings};

const BUSINESS_TYPES: [&str; 10] = [
    "individual",
    "proprietorship",
    "private_limited",
    "llp",
    "partnership",
    "public_limited",
    "trust",
    "society",
    "huf",
    "government",
];

/// One entry of `details.errors`. It echoes the value, secrets included, as the API does.
fn fault(field: &str, code: &str, message: &str, value: &Value) -> Value {
    json!({"field": field, "message": message, "code": code, "value": value})
}

/// Why a body was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// 422 with these `details.errors`.
    Invalid(Vec<Value>),
    /// 400: `customer_use` without an email.
    EmailNeeded,
}

/// The fields that a body sets. The outer option: absent, stays as it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields {
    name: Option<String>,
    enabled: Option<bool>,
    email: Option<Option<String>>,
    texts: BTreeMap<String, Option<String>>,
    rate_limit: Option<u64>,
    permissions: Option<Option<Permissions>>,
    kyc_mode: Option<String>,
    business_type: Option<Option<String>>,
}

impl Fields {
    /// Reads and validates `body`; `creating` makes `name` required and looks at `password`.
    pub fn read(
        generation: Generation,
        body: &Value,
        creating: bool,
        settings: &Settings,
    ) -> Result<Self, Refused> {
        let mut faults = Vec::new();
        let Some(object) = body.as_object() else {
            return Err(Refused::Invalid(vec![fault(
                "body",
                "INVALID_TYPE",
                "must be an object",
                body,
            )]));
        };
        let get = |field: &str| {
            let ignored = !creating && settings.ignored_fields.iter().any(|name| name == field);
            object.get(field).filter(|_| !ignored)
        };
        let mut fields = Self {
            name: name(get("name"), creating, settings, &mut faults),
            ..Self::default()
        };
        fields.enabled = match get("enabled") {
            None => None,
            Some(Value::Bool(enabled)) => Some(*enabled),
            Some(other) => {
                faults.push(fault("enabled", "INVALID_TYPE", "must be a boolean", other));
                None
            }
        };
        if generation == Generation::Gen2 {
            fields.email = text("email", get("email"), settings, &mut faults);
            if settings.lowercase_email
                && let Some(Some(email)) = &mut fields.email
            {
                *email = email.to_lowercase();
            }
            if let Some(Some(email)) = &fields.email
                && !email.contains('@')
            {
                faults.push(fault(
                    "email",
                    "INVALID_FORMAT",
                    "must be an email address",
                    &json!(email),
                ));
            }
            for name in TEXTS {
                let text = text(name, get(name), settings, &mut faults);
                fields.texts.extend(text.map(|text| (name.to_owned(), text)));
            }
            fields.rate_limit = rate_limit(get("rate_limit"), settings, &mut faults);
            fields.permissions = permissions(get("permissions"), settings, &mut faults);
            fields.kyc_mode = one_of(
                "kyc_mode",
                get("kyc_mode"),
                &["personal_use", "customer_use"],
                &mut faults,
            )
            .flatten();
            fields.business_type = one_of(
                "business_type",
                get("business_type"),
                &BUSINESS_TYPES,
                &mut faults,
            );
            if creating {
                password(get("password"), &mut faults);
            }
        }
        if faults.is_empty() {
            Ok(fields)
        } else {
            Err(Refused::Invalid(faults))
        }
    }

    /// The email that a new account would have.
    fn new_email(&self) -> Option<&str> {
        self.email.as_ref().and_then(Option::as_deref)
    }

    /// Refuses `customer_use` without an email: sent along on create, stored already on update.
    pub fn check_email(&self, stored: Option<&Account>) -> Result<(), Refused> {
        if self.kyc_mode.as_deref() != Some("customer_use") {
            return Ok(());
        }
        let email = match stored {
            Some(account) if account.kyc_mode == "customer_use" => return Ok(()),
            Some(account) => account.email.as_deref(),
            None => self.new_email(),
        };
        if email.is_none_or(str::is_empty) {
            Err(Refused::EmailNeeded)
        } else {
            Ok(())
        }
    }

    /// Writes the fields that are present.
    pub fn apply(self, account: &mut Account) {
        let Self {
            name,
            enabled,
            email,
            texts,
            rate_limit,
            permissions,
            kyc_mode,
            business_type,
        } = self;
        set(&mut account.name, name);
        set(&mut account.enabled, enabled);
        set(&mut account.email, email);
        account.texts.extend(texts);
        set(&mut account.rate_limit, rate_limit);
        set(&mut account.permissions, permissions);
        set(&mut account.business_type, business_type);
        if let Some(mode) = kyc_mode
            && mode != account.kyc_mode
        {
            // Turning customer_use on blocks calls at once, also on a live account.
            account.kyc = Kyc::not_started(mode == "customer_use");
            account.kyc_mode = mode;
        }
    }
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

fn name(
    value: Option<&Value>,
    creating: bool,
    settings: &Settings,
    faults: &mut Vec<Value>,
) -> Option<String> {
    match value {
        None if creating => faults.push(fault("name", "REQUIRED", "is required", &Value::Null)),
        None => {}
        Some(Value::String(name)) if name.trim().is_empty() => {
            faults.push(fault("name", "REQUIRED", "must not be empty", &json!(name)));
        }
        Some(Value::String(name)) if name.chars().count() > 255 => {
            faults.push(fault(
                "name",
                "TOO_LONG",
                "must have at most 255 characters",
                &json!(name),
            ));
        }
        Some(Value::String(name)) => {
            return Some(if settings.trim_text {
                name.trim().to_owned()
            } else {
                name.clone()
            });
        }
        Some(other) => faults.push(fault("name", "INVALID_TYPE", "must be a string", other)),
    }
    None
}

fn text(
    field: &str,
    value: Option<&Value>,
    settings: &Settings,
    faults: &mut Vec<Value>,
) -> Option<Option<String>> {
    match value? {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(if settings.trim_text {
            text.trim().to_owned()
        } else {
            text.clone()
        })),
        other => {
            faults.push(fault(field, "INVALID_TYPE", "must be a string", other));
            None
        }
    }
}

fn one_of(
    field: &str,
    value: Option<&Value>,
    allowed: &[&str],
    faults: &mut Vec<Value>,
) -> Option<Option<String>> {
    match value? {
        Value::Null => Some(None),
        Value::String(text) if allowed.contains(&text.as_str()) => Some(Some(text.clone())),
        other => {
            faults.push(fault(
                field,
                "INVALID_VALUE",
                &format!("must be one of {}", allowed.join(", ")),
                other,
            ));
            None
        }
    }
}

fn rate_limit(value: Option<&Value>, settings: &Settings, faults: &mut Vec<Value>) -> Option<u64> {
    match value? {
        Value::Null => None,
        number => {
            if let Some(limit) = number.as_u64().filter(|limit| *limit >= 1) {
                return Some(settings.rate_limit_max.map_or(limit, |most| limit.min(most)));
            }
            faults.push(fault(
                "rate_limit",
                "INVALID_VALUE",
                "must be an integer of at least 1",
                number,
            ));
            None
        }
    }
}

fn permissions(
    value: Option<&Value>,
    settings: &Settings,
    faults: &mut Vec<Value>,
) -> Option<Option<Permissions>> {
    match value? {
        Value::Null => Some(None),
        object => {
            if let Ok(permissions) = serde_json::from_value(object.clone()) {
                return Some(Some(permissions).filter(|own| settings.parent_permissions != Some(*own)));
            }
            faults.push(fault(
                "permissions",
                "INVALID_VALUE",
                "must be {calls: bool, cdr: bool}",
                object,
            ));
            None
        }
    }
}

fn password(value: Option<&Value>, faults: &mut Vec<Value>) {
    match value {
        None | Some(Value::Null) => {}
        Some(Value::String(password)) if password.chars().count() >= 8 => {}
        Some(other) => {
            faults.push(fault(
                "password",
                "TOO_SHORT",
                "must have at least 8 characters",
                other,
            ));
        }
    }
}
