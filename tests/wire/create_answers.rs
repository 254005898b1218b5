//! What a 2xx to a create must hold to count: the whole table, in both generations, through the shipped client.

use vobiz_operator::vobiz::{Created, Fields, Generation, UnknownOutcome, Unusable};

use crate::server::{Act, Server, answer};

/// What is wrong with the pair; `auth_id` and `auth_token` as JSON, none where the key is absent.
type Row = (&'static str, Option<&'static str>, Option<&'static str>, Unusable);

const ID: Option<&str> = Some(r#""SA_4RTN8WZC""#);
const TOKEN: Option<&str> = Some(r#""dG9rZW4""#);

const ROWS: &[Row] = &[
    (
        "a redacted auth_token",
        ID,
        Some(r#""<redacted>""#),
        Unusable::RedactedAuthToken,
    ),
    (
        "an auth_token redacted in capitals",
        ID,
        Some(r#""<REDACTED>""#),
        Unusable::RedactedAuthToken,
    ),
    ("an empty auth_token", ID, Some(r#""""#), Unusable::NoAuthToken),
    (
        "an auth_token that is null",
        ID,
        Some("null"),
        Unusable::NoAuthToken,
    ),
    ("no auth_token", ID, None, Unusable::NoAuthToken),
    (
        "an auth_token that is a number",
        ID,
        Some("17"),
        Unusable::InvalidAuthToken,
    ),
    (
        "an auth_token that no header carries",
        ID,
        Some(r#""a\r\nb""#),
        Unusable::InvalidAuthToken,
    ),
    ("no auth_id", None, TOKEN, Unusable::NoAuthId),
    ("an auth_id that is null", Some("null"), TOKEN, Unusable::NoAuthId),
    (
        "the parent's own auth_id",
        Some(r#""MA_7QX2M4KD""#),
        TOKEN,
        Unusable::ParentAuthId,
    ),
    (
        "another parent's auth_id",
        Some(r#""MA_OTHER""#),
        TOKEN,
        Unusable::InvalidAuthId,
    ),
    (
        "another parent's auth_id without underscore",
        Some(r#""MAXXXXXXXXXXXXXXXXX8""#),
        TOKEN,
        Unusable::InvalidAuthId,
    ),
    (
        "a word for nothing as auth_id",
        Some(r#""undefined""#),
        TOKEN,
        Unusable::InvalidAuthId,
    ),
    ("the auth_token as auth_id", TOKEN, TOKEN, Unusable::InvalidAuthId),
    ("an empty auth_id", Some(r#""""#), TOKEN, Unusable::InvalidAuthId),
    (
        "an auth_id with a slash",
        Some(r#""SA_A/B""#),
        TOKEN,
        Unusable::InvalidAuthId,
    ),
    (
        "an auth_id that goes up",
        Some(r#""..""#),
        TOKEN,
        Unusable::InvalidAuthId,
    ),
    (
        "an auth_id with an escaped slash",
        Some(r#""SA_A%2fB""#),
        TOKEN,
        Unusable::InvalidAuthId,
    ),
    (
        "an auth_id with a question mark",
        Some(r#""SA_A?cascade=true""#),
        TOKEN,
        Unusable::InvalidAuthId,
    ),
    (
        "an auth_id with a control character",
        Some(r#""SA_A\u0000""#),
        TOKEN,
        Unusable::InvalidAuthId,
    ),
    (
        "an auth_id that is a number",
        Some("4711"),
        TOKEN,
        Unusable::InvalidAuthId,
    ),
    (
        "an auth_id that is an object",
        Some(r#"{"id": "SA_A"}"#),
        TOKEN,
        Unusable::InvalidAuthId,
    ),
];

fn body(generation: Generation, auth_id: Option<&str>, auth_token: Option<&str>) -> String {
    let key = |name: &str, value: Option<&str>| value.map(|value| format!("\"{name}\": {value}"));
    let pair: Vec<String> = [key("auth_id", auth_id), key("auth_token", auth_token)]
        .into_iter()
        .flatten()
        .collect();
    let pair = format!("{{{}}}", pair.join(", "));
    match generation {
        Generation::Gen1 => pair,
        Generation::Gen2 => format!(r#"{{"sub_account": {pair}, "auth_credentials": {pair}}}"#),
    }
}

async fn created(generation: Generation, status: u16, body: &str) -> Created {
    let server = Server::always(Act::Send(answer(status, "", body))).await;
    let fields = Fields {
        name: Some("acme".into()),
        ..Fields::default()
    };
    let created = server.client().create(generation, &fields).await;
    assert_eq!(server.one().method, "POST", "it is sent once and nothing follows");
    created
}

#[tokio::test]
async fn a_2xx_whose_pair_cannot_be_used_binds_nothing_and_is_unknown() {
    let long = format!("\"SA_{}\"", "A".repeat(126));
    let long = (
        "an auth_id of more than 128 bytes",
        Some(long.as_str()),
        TOKEN,
        Unusable::InvalidAuthId,
    );
    for (what, auth_id, auth_token, expected) in ROWS.iter().copied().chain([long]) {
        for generation in [Generation::Gen1, Generation::Gen2] {
            for status in [200, 201, 202] {
                let created = created(generation, status, &body(generation, auth_id, auth_token)).await;
                let expected = Created::Unknown(UnknownOutcome::UnusableAnswer(expected));
                assert_eq!(created, expected, "{what} in {generation}");
            }
        }
    }
}

#[tokio::test]
async fn auth_ids_or_auth_tokens_that_differ_within_an_answer_bind_nothing() {
    for (second, expected) in [
        (
            r#"{"auth_id": "SA_OTHER", "auth_token": "dG9rZW4"}"#,
            Unusable::DifferentAuthId,
        ),
        (
            r#"{"auth_id": "SA_4RTN8WZC", "auth_token": "other"}"#,
            Unusable::DifferentAuthTokens,
        ),
    ] {
        let first = r#"{"auth_id": "SA_4RTN8WZC", "auth_token": "dG9rZW4"}"#;
        for (object, credentials) in [(first, second), (second, first)] {
            let body = format!(r#"{{"sub_account": {object}, "auth_credentials": {credentials}}}"#);
            let created = created(Generation::Gen2, 201, &body).await;
            assert_eq!(
                created,
                Created::Unknown(UnknownOutcome::UnusableAnswer(expected))
            );
        }
    }
}

#[tokio::test]
async fn a_whole_pair_counts_whatever_else_the_answer_holds() {
    let pair = body(Generation::Gen1, ID, TOKEN);
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for (what, more) in [
        ("id as a number", "\"id\": 17".to_owned()),
        ("id as a string", "\"id\": \"17\"".to_owned()),
        (
            "a number out of range",
            "\"rate_limit\": 1e400, \"more\": -1e400".to_owned(),
        ),
        (
            "an unknown field twice",
            "\"new\": 1, \"new\": {\"a\": 1}".to_owned(),
        ),
        ("depth 10,000 in an unknown field", format!("\"new\": {deep}")),
        ("half a surrogate", "\"name\": \"\\ud800\"".to_owned()),
        (
            "types that nobody expects",
            "\"name\": [], \"enabled\": \"yes\", \"permissions\": 5".to_owned(),
        ),
        ("nothing else", "\"message\": null".to_owned()),
    ] {
        let object = format!("{}, {more}}}", pair.trim_end_matches('}'));
        let answers = [
            (Generation::Gen1, object.clone()),
            (
                Generation::Gen2,
                format!(r#"{{"sub_account": {object}, "auth_credentials": {pair}}}"#),
            ),
            (
                Generation::Gen2,
                format!("\u{feff} {{\"auth_credentials\": {pair}}} \r\n"),
            ),
        ];
        for (generation, body) in answers {
            match created(generation, 201, &body).await {
                Created::Committed { credentials, .. } => {
                    assert_eq!(
                        (credentials.auth_id.as_str(), credentials.auth_token.expose()),
                        ("SA_4RTN8WZC", "dG9rZW4"),
                        "{what}"
                    );
                }
                other => panic!("{what} in {generation}: {other:?}"),
            }
        }
    }
}
