//! Answers other than 2xx: the error that each is, the pause that it asks for, and that nothing of its text is kept.

use std::time::Duration;

use vobiz_operator::vobiz::{AuthId, Created, Deletion, Error, Fields, Generation, UnknownOutcome};

use crate::server::{Act, Server, answer};

/// What an answer may echo: it must be in no error, whatever prints it.
const NEEDLE: &str = "echoed-secret-4c1d";

/// Every envelope that was seen, each with the needle wherever it has room for a text.
const ENVELOPES: &[(&str, &str)] = &[
    (
        "documented",
        r#"{"status": "error", "error": {"code": "VALIDATION_ERROR", "message": "NEEDLE is bad", "details": {"errors": [
            {"field": "phone", "message": "NEEDLE is no number", "code": "invalid", "value": "NEEDLE"},
            {"field": "NEEDLE echoed", "value": {"nested": "NEEDLE"}}], "NEEDLE": "NEEDLE"}},
            "timestamp": "NEEDLE", "requestId": "NEEDLE"}"#,
    ),
    (
        "status as a number",
        r#"{"status": 422, "error": {"code": "NEEDLE was sent", "message": "NEEDLE"}}"#,
    ),
    ("a text", r#"{"error": "the value NEEDLE is not accepted"}"#),
    (
        "code and message",
        r#"{"error": "invalid_value", "message": "NEEDLE"}"#,
    ),
    ("api_id", r#"{"api_id": "NEEDLE", "error": "no NEEDLE here"}"#),
    ("detail as a text", r#"{"detail": "NEEDLE is unknown"}"#),
    (
        "detail as a list",
        r#"{"detail": [{"loc": ["body", "email"], "msg": "NEEDLE", "input": "NEEDLE", "ctx": {"error": "NEEDLE"}}]}"#,
    ),
    ("html", "<html><title>NEEDLE</title></html>"),
    ("plain text", "NEEDLE"),
    ("truncated", r#"{"error": {"message": "NEEDLE"#),
    (
        "cool-off",
        r#"{"error": "did_cool_off_in_effect", "cool_off_until": "NEEDLE"}"#,
    ),
];

const STATUSES: [u16; 17] = [
    300, 302, 308, 400, 401, 402, 403, 404, 405, 409, 418, 422, 429, 500, 502, 503, 504,
];

fn fields() -> Fields {
    Fields {
        name: Some("acme".into()),
        ..Fields::default()
    }
}

fn id() -> AuthId {
    AuthId::parse("SA_1").unwrap()
}

fn ensure_silent(what: &str, printed: &str) {
    assert!(!printed.contains(NEEDLE), "{what}: {printed}");
}

#[tokio::test]
async fn no_text_that_a_refusal_echoes_is_in_any_error() {
    for (name, envelope) in ENVELOPES {
        let acts: Vec<Act> = STATUSES
            .iter()
            .map(|status| {
                let headers = format!("location: https://{NEEDLE}.example/\r\nretry-after: {NEEDLE}\r\nx-request-id: {NEEDLE}\r\n");
                Act::Send(answer(*status, &headers, envelope.replace("NEEDLE", NEEDLE)))
            })
            .collect();
        for (act, status) in acts.into_iter().zip(STATUSES) {
            let server = Server::always(act).await;
            let client = server.client();
            for generation in [Generation::Gen1, Generation::Gen2] {
                let what = format!("{name} with {status} in {generation}");
                let created = client.create(generation, &fields()).await;
                ensure_silent(&what, &format!("{created:?}"));
                match &created {
                    Created::NotCommitted(error) => ensure_silent(&what, &error.to_string()),
                    Created::Unknown(outcome) => ensure_silent(&what, &outcome.to_string()),
                    Created::Committed { .. } => panic!("{what} made an account"),
                }
                let updated = client.update(generation, &id(), &fields()).await.unwrap_err();
                ensure_silent(&what, &format!("{updated} {updated:?}"));
                let listed = client.list(generation, 0).await.unwrap_err();
                ensure_silent(&what, &format!("{listed} {listed:?}"));
                let deleted = client.delete(generation, &id(), true).await;
                assert_eq!(deleted == Ok(Deletion::AlreadyGone), status == 404, "{what}");
                ensure_silent(&what, &format!("{deleted:?}"));
                let found = client.get(generation, &id()).await;
                assert_eq!(found == Ok(None), status == 404, "{what}");
                ensure_silent(&what, &format!("{found:?}"));
            }
        }
    }
}

#[tokio::test]
async fn no_text_of_an_unusable_2xx_is_in_any_error() {
    for body in [
        format!("<html>{NEEDLE}</html>"),
        NEEDLE.to_owned(),
        format!(r#"{{"{NEEDLE}": "{NEEDLE}", "auth_id": "{NEEDLE}"}}"#),
        format!(r#"{{"auth_id": "SA_1", "auth_token": "{NEEDLE} {NEEDLE}"}}"#),
        format!(r#"{{"auth_id": "SA_1", "auth_id": "{NEEDLE}"}}"#),
        format!(r#"["{NEEDLE}"]"#),
        format!(r#"{{"auth_id": "{NEEDLE}"#),
    ] {
        let server = Server::always(Act::Send(answer(200, "", &body))).await;
        let client = server.client();
        for generation in [Generation::Gen1, Generation::Gen2] {
            let created = client.create(generation, &fields()).await;
            let Created::Unknown(UnknownOutcome::UnusableAnswer(unusable)) = &created else {
                panic!("{body}: {created:?}")
            };
            ensure_silent(&body, &format!("{unusable} {created:?}"));
            let listed = client.list(generation, 0).await;
            ensure_silent(&body, &format!("{listed:?}"));
        }
    }
}

#[tokio::test]
async fn a_400_and_a_422_name_the_fields_in_each_envelope_that_has_them() {
    for (name, field) in [("documented", "phone"), ("detail as a list", "email")] {
        let envelope = ENVELOPES.iter().find(|(known, _)| *known == name).unwrap().1;
        for status in [400, 422] {
            let server = Server::always(Act::Send(answer(status, "", envelope))).await;
            let created = server.client().create(Generation::Gen2, &fields()).await;
            let Created::NotCommitted(error) = created else {
                panic!("{created:?}")
            };
            let message = error.to_string();
            assert!(
                message.contains(&status.to_string()) && message.contains(field),
                "{message}"
            );
        }
    }
}

#[tokio::test]
async fn each_form_of_a_429_asks_for_a_pause_between_a_second_and_a_quarter_of_an_hour() {
    let details = |value: &str| format!(r#"{{"error": {{"details": {{"retryAfter": {value}}}}}}}"#);
    let seconds = |value: &str| format!("retry-after: {value}\r\n");
    let reset = |value: &str| format!("x-ratelimit-reset: {value}\r\n");
    for (headers, body, expected) in [
        (seconds("30"), String::new(), 30),
        (seconds("0"), String::new(), 1),
        (seconds("-5"), String::new(), 1),
        (seconds("1e30"), String::new(), 900),
        (seconds("99999999999999999999999999"), String::new(), 900),
        (seconds("soon"), String::new(), 1),
        (seconds("NaN"), String::new(), 1),
        (seconds("inf"), String::new(), 1),
        (seconds("später"), String::new(), 1),
        (seconds("Wed, 01 Jul 2020 09:31:00 GMT"), String::new(), 1),
        (seconds("Wed, 01 Jul 2120 09:31:00 GMT"), String::new(), 900),
        (seconds("Mon, 99 Foo 9999 99:99:99 GMT"), String::new(), 1),
        (reset("1"), String::new(), 1),
        (reset("-1e300"), String::new(), 1),
        (reset("99999999999"), String::new(), 900),
        (reset("tomorrow"), String::new(), 1),
        (String::new(), details("45"), 45),
        (String::new(), details("\"45\""), 45),
        (String::new(), details("0"), 1),
        (String::new(), details("-45"), 1),
        (String::new(), details("1e300"), 900),
        (String::new(), details("1e400"), 1),
        (String::new(), details("\"NaN\""), 1),
        (String::new(), details("[45]"), 1),
        (String::new(), "<html>".to_owned(), 1),
    ] {
        let server = Server::always(Act::Send(answer(429, &headers, &body))).await;
        for generation in [Generation::Gen1, Generation::Gen2] {
            let expected = Error::RateLimited {
                retry_after: Duration::from_secs(expected),
            };
            let listed = server.client().list(generation, 0).await;
            assert_eq!(listed, Err(expected.clone()), "{headers:?} {body}");
            let created = server.client().create(generation, &fields()).await;
            // A gateway that counts after it has passed a create on answers 429 too.
            let unknown = Created::Unknown(UnknownOutcome::Unanswered(expected));
            assert_eq!(created, unknown, "{headers:?} {body}");
        }
    }
}

#[tokio::test]
async fn when_the_server_says_that_it_answered_is_known_whatever_the_answer_is() {
    let date = "date: Thu, 01 Jan 1970 00:01:00 GMT\r\n";
    let server = Server::scripted(vec![
        Act::Send(answer(401, date, "")),
        Act::Send(answer(200, "", "{}")),
        Act::Send(answer(200, "date: whenever\r\n", "{}")),
    ])
    .await;
    let client = server.client();
    assert_eq!(client.date(), None, "nobody has answered");
    assert_eq!(client.me().await, Err(Error::Unauthorized));
    assert_eq!(client.date(), Some(60));
    for _ in 0..2 {
        assert!(client.me().await.is_ok());
        assert_eq!(client.date(), None, "it does not say");
    }
}
