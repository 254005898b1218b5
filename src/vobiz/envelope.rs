//! What an error envelope says that may be kept: a code, names of fields, times. Never a message or a value,
//! which may echo a secret. Every envelope of the API documentation and those seen in the wild. PURE.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::error::{ErrorCode, is_word};

/// How many names of fields are kept.
const MAX_FIELDS: usize = 10;
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
        .filter(|name| is_word(name));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Envelope {
        Envelope::read(body.as_bytes(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_code_is_found_in_every_envelope_and_a_sentence_is_never_kept() {
        let table = [
            (
                r#"{"status": "error", "error": {"code": "ACCOUNT_INACTIVE", "message": "m"}}"#,
                Some("ACCOUNT_INACTIVE"),
            ),
            (
                r#"{"status": 403, "error": {"code": "ACCOUNT_INACTIVE"}}"#,
                Some("ACCOUNT_INACTIVE"),
            ),
            (
                r#"{"error": "insufficient_balance", "message": "Balance too low"}"#,
                Some("insufficient_balance"),
            ),
            (r#"{"api_id": "x", "error": "not-found"}"#, Some("not-found")),
            (r#"{"error": "Sub-account not found"}"#, None),
            (r#"{"error": {"code": "two words"}}"#, None),
            (r#"{"error": {"code": 17}}"#, None),
            (r#"{"error": "dG9rZW4tZm9yLXRoZS1nb2xkZW4tZmlsZXMtMDAwMQ"}"#, None),
            (r#"{"error": {"code": "0d6be69b264717f2dd33652e212b1731"}}"#, None),
            (r#"{"detail": "Not authenticated"}"#, None),
            ("<html>", None),
            ("", None),
            ("[1]", None),
        ];
        for (body, code) in table {
            assert_eq!(read(body).code.as_ref().map(ErrorCode::as_str), code, "{body}");
        }
        let long = format!(r#"{{"error": "{}"}}"#, "x".repeat(49));
        assert_eq!(read(&long).code, None);
    }

    #[test]
    fn names_of_fields_are_kept_and_values_and_messages_are_not() {
        let body = r#"{"error": {"code": "VALIDATION_ERROR", "details": {"errors": [
            {"field": "password", "message": "hunter2 is too short", "value": "hunter2"},
            {"field": "permissions.calls"}, {"field": "password"}, {"field": "hunter2 "}, {"field": 5}]}}}"#;
        let envelope = read(body);
        assert_eq!(envelope.fields, ["password", "permissions.calls"]);
        assert!(!format!("{envelope:?}").contains("hunter2"));
        let located = r#"{"detail": [{"loc": ["body", "email"], "msg": "m"}, {"loc": ["body", 0]}]}"#;
        assert_eq!(read(located).fields, ["email"]);
        let many: Vec<String> = (0..50).map(|n| format!(r#"{{"field": "f{n}"}}"#)).collect();
        let many = format!(
            r#"{{"error": {{"details": {{"errors": [{}]}}}}}}"#,
            many.join(",")
        );
        assert_eq!(read(&many).fields.len(), 10);
    }

    #[test]
    fn the_end_of_a_cool_off_is_read_in_each_form() {
        let expected: Timestamp = "1970-01-02T00:00:00Z".parse().unwrap();
        for body in [
            r#"{"error": "did_cool_off_in_effect", "cool_off_until": "1970-01-02T00:00:00Z"}"#,
            r#"{"cool_off_until": "1970-01-02T05:30:00+05:30"}"#,
            r#"{"cool_off_until": "1970-01-02T00:00:00.000000"}"#,
            r#"{"cool_off_until": 86400}"#,
            r#"{"cool_off_until": "tomorrow", "cool_off_remaining_seconds": 86400}"#,
            r#"{"error": {"code": "c", "details": {"cool_off_until": "1970-01-02T00:00:00Z"}}}"#,
        ] {
            assert_eq!(read(body).until, Some(expected), "{body}");
        }
        for body in [
            r#"{"cool_off_until": 9e99}"#,
            r#"{"cool_off_remaining_seconds": 9223372036854775807}"#,
        ] {
            assert_eq!(read(body).until, None, "{body}");
        }
    }

    proptest! {
        #[test]
        fn whatever_an_envelope_says_only_short_plain_words_are_kept(body in "\\PC{0,60}", deep in 0_usize..300) {
            for body in [
                body.clone(),
                format!(r#"{{"error": {body:?}}}"#),
                format!(r#"{{"error": {{"code": {body:?}, "details": {{"errors": [{{"field": {body:?}}}]}}}}}}"#),
                format!("{}1{}", "[".repeat(deep), "]".repeat(deep)),
            ] {
                let envelope = read(&body);
                for word in envelope.fields.iter().map(String::as_str).chain(envelope.code.as_ref().map(ErrorCode::as_str)) {
                    prop_assert!((1..=48).contains(&word.len()));
                    prop_assert!(word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)));
                }
            }
        }
    }
}
