//! What an error envelope says that may be kept: a code, names of fields, times. Never a message or a value,
//! which may echo a secret. Every envelope of the API documentation and those seen in the wild. PURE.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::error::ErrorCode;

/// How many names of fields are kept.
const MAX_FIELDS: usize = 10;
/// The longest name of a field that is kept, in bytes.
const MAX_FIELD_BYTES: usize = 48;
/// Larger than any real envelope; what is larger is not looked at.
const MAX_BYTES: usize = 64 * 1024;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Envelope {
    pub code: Option<ErrorCode>,
    pub fields: Vec<String>,
    pub until: Option<Timestamp>,
    pub retry_after: Option<f64>,
}

impl Envelope {
    /// A body that is no envelope says nothing.
    pub fn read(body: &[u8], now: Timestamp) -> Self {
        if body.len() > MAX_BYTES {
            return Self::default();
        }
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        let Ok(root) = serde_json::from_slice::<Value>(body) else {
            return Self::default();
        };
        let error = &root["error"];
        let details = [&error["details"], &root["details"], error, &root];
        Self {
            code: [&error["code"], error, &root["code"]]
                .into_iter()
                .find_map(|code| ErrorCode::parse(code.as_str()?)),
            fields: fields(&details, &root["detail"]),
            until: details.into_iter().find_map(|place| until(place, now)),
            retry_after: details.into_iter().find_map(|place| number(&place["retryAfter"])),
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    number.is_finite().then_some(number)
}

fn until(place: &Value, now: Timestamp) -> Option<Timestamp> {
    let stated = match &place["cool_off_until"] {
        Value::String(text) => text.parse().ok().or_else(|| {
            // Without an offset, as some servers print UTC.
            text.parse::<DateTime>()
                .ok()?
                .to_zoned(TimeZone::UTC)
                .ok()
                .map(|zoned| zoned.timestamp())
        }),
        Value::Number(seconds) => seconds
            .as_i64()
            .and_then(|seconds| Timestamp::from_second(seconds).ok()),
        _ => None,
    };
    stated.or_else(|| {
        let remaining = place["cool_off_remaining_seconds"].as_i64()?;
        now.checked_add(SignedDuration::from_secs(remaining)).ok()
    })
}

/// `details.errors[].field` as documented, and `detail[].loc` as `FastAPI` writes it.
fn fields(places: &[&Value], detail: &Value) -> Vec<String> {
    let documented = places
        .iter()
        .filter_map(|place| place["errors"].as_array())
        .flatten();
    let located = detail.as_array().into_iter().flatten();
    let mut fields: Vec<String> = Vec::new();
    let names = documented
        .map(|error| &error["field"])
        .chain(located.filter_map(|error| error["loc"].as_array()?.last()))
        .filter_map(Value::as_str)
        .filter(|name| is_field_name(name));
    for name in names {
        if fields.len() == MAX_FIELDS {
            break;
        }
        if !fields.iter().any(|known| known == name) {
            fields.push(name.to_owned());
        }
    }
    fields
}

fn is_field_name(text: &str) -> bool {
    text.len() <= MAX_FIELD_BYTES
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
}
