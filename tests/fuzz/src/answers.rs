//! PURE. Readers of what the API answers.

#![allow(
    clippy::missing_panics_doc,
    reason = "to panic where a promise is broken is what every target is for"
)]

use std::time::Duration;

use jiff::Timestamp;
use vobiz_operator::vobiz::decode::{self, FailedAnswer};
use vobiz_operator::vobiz::{
    AuthId, Created, Error, ErrorCode, Generation, ParentAuthId, Subaccount, UnknownOutcome, Unusable,
};

const GENERATIONS: [Generation; 2] = [Generation::Gen1, Generation::Gen2];
/// Times at which an answer may arrive: now, and where a sum of times could overflow.
const TIMES: [Timestamp; 3] = [Timestamp::UNIX_EPOCH, Timestamp::MIN, Timestamp::MAX];
/// One status of every kind that is no success.
const REFUSALS: [u16; 14] = [
    302, 400, 401, 402, 403, 404, 405, 409, 422, 429, 500, 503, 600, 999,
];
/// No page may hold more, whatever it says.
const MOST_ENTRIES: usize = 1000;

/// The answer to a create of generation 1.
pub fn create_gen1(body: &[u8]) {
    create(Generation::Gen1, body);
}

/// The answer to a create of generation 2.
pub fn create_gen2(body: &[u8]) {
    create(Generation::Gen2, body);
}

/// Only a complete and valid pair that stands in a 2xx is one; the account is never the parent.
fn create(generation: Generation, body: &[u8]) {
    let Ok(parent) = ParentAuthId::parse("MA_7QX2M4KD") else {
        unreachable!("the id is valid")
    };
    match decode::created(generation, &parent, 200, body, Timestamp::UNIX_EPOCH) {
        Created::Committed {
            credentials,
            subaccount,
        } => {
            let token = credentials.auth_token.expose();
            assert!(token.bytes().all(|byte| byte.is_ascii_graphic()) && !token.is_empty());
            assert!(!token.eq_ignore_ascii_case("<redacted>"));
            ensure_id(&credentials.auth_id);
            assert!(!credentials.auth_id.says_main_account() && credentials.auth_id.as_str() != token);
            assert!(
                stands_in(body, credentials.auth_id.as_str()),
                "an id from nowhere"
            );
            assert!(stands_in(body, token), "a token from nowhere");
            if let Some(subaccount) = subaccount {
                assert!(subaccount.auth_id == credentials.auth_id && subaccount.auth_token.is_none());
            }
        }
        Created::Unknown(UnknownOutcome::UnusableAnswer(unusable)) => ensure_plain(&unusable.to_string()),
        other => unreachable!("a 200 that was read whole is {other:?}"),
    }
    for status in REFUSALS {
        let created = decode::created(generation, &parent, status, body, Timestamp::UNIX_EPOCH);
        assert!(
            !matches!(created, Created::Committed { .. }),
            "{status} made an account"
        );
    }
}

/// One subaccount, as a read or an update shows it.
pub fn subaccount(body: &[u8]) {
    let Ok(id) = AuthId::parse("SA_4RTN8WZC") else {
        unreachable!("the id is valid")
    };
    for generation in GENERATIONS {
        match decode::subaccount(generation, &id, body) {
            Ok(found) => {
                assert_eq!(found.auth_id, id);
                ensure_subaccount(&found);
            }
            Err(unusable) => ensure_plain(&unusable.to_string()),
        }
    }
}

/// A page of the list, whichever was asked for.
pub fn list_page(body: &[u8]) {
    for generation in GENERATIONS {
        for number in [0, 3, u32::MAX] {
            match decode::page(generation, number, body) {
                Ok(page) => {
                    let entries = page.subaccounts.len() + page.invalid;
                    assert!(entries <= MOST_ENTRIES, "{entries} entries");
                    assert!(entries > 0 || page.last, "an empty page asks for another one");
                    page.subaccounts.iter().for_each(ensure_subaccount);
                }
                Err(unusable) => {
                    ensure_plain(&unusable.to_string());
                    assert_ne!(unusable, Unusable::NoAuthId, "one entry spoils the page");
                }
            }
        }
    }
}

/// The body of any refusal: of it only short plain words are kept, and times within bounds.
pub fn error_envelope(body: &[u8]) {
    for status in REFUSALS {
        for now in TIMES {
            let refusal = FailedAnswer {
                status,
                body,
                ..FailedAnswer::default()
            };
            let error = decode::refusal(refusal, now);
            ensure_plain(&error.to_string());
            match &error {
                Error::RateLimited { retry_after } => ensure_pause(*retry_after),
                Error::Invalid { code, fields, .. } => {
                    code.iter().map(ErrorCode::as_str).for_each(ensure_word);
                    assert!(fields.len() <= 10, "{} fields", fields.len());
                    for field in fields {
                        ensure_word(field);
                    }
                }
                Error::Forbidden { code } | Error::Conflict { code, .. } => {
                    code.iter().map(ErrorCode::as_str).for_each(ensure_word);
                }
                _ => {}
            }
        }
    }
}

/// Lines: the header `Retry-After`, the header `X-RateLimit-Reset`, and the rest as the body of a 429.
pub fn retry_after(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut header = || std::str::from_utf8(lines.next()?).ok();
    let (retry_after, rate_limit_reset) = (header(), header());
    let body = lines.next().unwrap_or_default();
    for now in TIMES {
        let refusal = FailedAnswer {
            status: 429,
            retry_after,
            rate_limit_reset,
            body,
        };
        match decode::refusal(refusal, now) {
            Error::RateLimited { retry_after } => ensure_pause(retry_after),
            other => unreachable!("a 429 is {other:?}"),
        }
    }
}

fn ensure_pause(pause: Duration) {
    let allowed = Duration::from_secs(1)..=Duration::from_mins(15);
    assert!(allowed.contains(&pause), "a pause of {pause:?}");
}

fn ensure_subaccount(subaccount: &Subaccount) {
    ensure_id(&subaccount.auth_id);
    if let Some(token) = &subaccount.auth_token {
        assert!(token.expose().bytes().all(|byte| byte.is_ascii_graphic()));
    }
}

/// Safe in a path and in a header.
fn ensure_id(id: &AuthId) {
    let id = id.as_str();
    assert!(id.len() <= 128 && id.starts_with(|first: char| first.is_ascii_alphanumeric()));
    assert!(
        id.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    );
}

/// A word that a program's author wrote.
fn ensure_word(word: &str) {
    assert!((1..=48).contains(&word.len()));
    assert!(
        word.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    );
}

/// A message fit for a condition: short, on one line.
fn ensure_plain(message: &str) {
    assert!(message.len() < 700, "{} bytes", message.len());
    assert!(message.bytes().all(|byte| matches!(byte, b' '..=b'~')));
}

/// The text stands in the body as it is, or in JSON's escapes.
fn stands_in(body: &[u8], text: &str) -> bool {
    body.contains(&b'\\') || body.windows(text.len()).any(|window| window == text.as_bytes())
}
