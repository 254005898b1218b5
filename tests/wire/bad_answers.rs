//! Sockets that misbehave: what each kind means for a create and for a read, and that nothing is sent twice.

use std::time::Duration;

use tokio::net::TcpListener;
use vobiz_operator::vobiz::{
    AuthId, Created, Deletion, Error, Fields, Generation, Interrupted, UnknownOutcome, Unreachable, Unusable,
};

use crate::server::{Act, Server, answer, client};

const PAIR: &str = r#"{"auth_id": "SA_1", "auth_token": "t"}"#;
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

fn fields() -> Fields {
    Fields {
        name: Some("acme".into()),
        ..Fields::default()
    }
}

fn id() -> AuthId {
    AuthId::parse("SA_1").unwrap()
}

fn unanswered(error: Error) -> Created {
    Created::Unknown(UnknownOutcome::Unanswered(error))
}

fn unusable(unusable: Unusable) -> Created {
    Created::Unknown(UnknownOutcome::UnusableAnswer(unusable))
}

#[tokio::test]
async fn a_refused_port_and_an_unknown_host_are_certainly_not_committed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for (url, kind) in [
        (url.as_str(), Unreachable::Refused),
        ("http://no-such-host.invalid", Unreachable::Dns),
    ] {
        let client = client(url, Duration::from_secs(10));
        let error = Error::Unreachable(kind);
        assert!(error.nothing_was_sent());
        assert_eq!(
            client.create(Generation::Gen1, &fields()).await,
            Created::NotCommitted(error.clone())
        );
        assert_eq!(client.get(Generation::Gen2, &id()).await, Err(error));
    }
}

#[tokio::test]
async fn a_request_that_was_sent_and_not_answered_whole_is_unknown_and_sent_once() {
    let broken = Error::Interrupted(Interrupted::Broken);
    let timed_out = Error::Interrupted(Interrupted::TimedOut);
    let half = format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{PAIR}").into_bytes();
    let half_chunk = format!("{CHUNKED}10\r\n{{\"auth_id\"").into_bytes();
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-filler: 1\r\n".repeat(10_000)).into_bytes();
    let slow = answer(200, "", "")
        .strip_suffix(b"content-length: 0\r\n\r\n")
        .map(|head| [head, b"content-length: 100000\r\n\r\n"].concat())
        .unwrap();
    let pause = Duration::from_millis(20);
    for (what, act, error) in [
        ("reset after the request", Act::Reset, broken.clone()),
        (
            "end after the request",
            Act::SendAndClose(Vec::new()),
            broken.clone(),
        ),
        (
            "half a head",
            Act::SendAndClose(b"HTTP/1.1 20".to_vec()),
            broken.clone(),
        ),
        (
            "no HTTP",
            Act::SendAndClose(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()),
            broken.clone(),
        ),
        ("half a body", Act::SendAndClose(half), broken.clone()),
        ("half a chunk", Act::SendAndClose(half_chunk), broken.clone()),
        ("10,000 headers", Act::SendAndClose(many), broken.clone()),
        ("silence", Act::Silence, timed_out.clone()),
        ("a slow body", Act::Trickle(slow, pause), timed_out.clone()),
        (
            "a slow head",
            Act::Trickle(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), pause),
            timed_out.clone(),
        ),
    ] {
        for generation in [Generation::Gen1, Generation::Gen2] {
            let server = Server::always(act.clone()).await;
            let client = server.impatient_client();
            let create_fields = fields();
            let create = client.create(generation, &create_fields);
            let created = tokio::time::timeout(Duration::from_secs(5), create)
                .await
                .expect(what);
            assert_eq!(created, unanswered(error.clone()), "{what}");
            assert_eq!(server.one().method, "POST", "{what}");
            assert!(!error.nothing_was_sent());
        }
        let server = Server::always(act).await;
        assert_eq!(
            server.impatient_client().list(Generation::Gen2, 0).await,
            Err(error),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_2xx_that_says_nothing_usable_is_unknown_to_a_create_and_an_error_to_a_read() {
    let deep = format!("{{\"a\": {}", "[".repeat(10_000));
    for (body, kind) in [
        (&b""[..], Unusable::Empty),
        (b"<html><body>Welcome</body></html>", Unusable::Html),
        (b"OK", Unusable::NotJson),
        (
            b"{\"auth_id\": \"SA_1\", \"auth_token\": \"\xff\xfe\"}",
            Unusable::NotJson,
        ),
        (b"{\"auth_id\": \"SA_1\", \"auth_tok", Unusable::Truncated),
        (deep.as_bytes(), Unusable::Truncated),
        (
            b"{\"auth_id\": \"SA_1\", \"auth_id\": \"SA_2\"}",
            Unusable::WrongShape,
        ),
        (b"[]", Unusable::WrongShape),
    ] {
        let server = Server::always(Act::Send(answer(200, "", body))).await;
        let client = server.client();
        assert_eq!(client.create(Generation::Gen1, &fields()).await, unusable(kind));
        assert_eq!(client.create(Generation::Gen2, &fields()).await, unusable(kind));
        let error = Err(Error::Unusable(kind));
        assert_eq!(client.get(Generation::Gen1, &id()).await, error);
        assert_eq!(client.get(Generation::Gen2, &id()).await, error);
        assert_eq!(
            client.list(Generation::Gen2, 0).await.map(drop),
            Err(Error::Unusable(kind))
        );
        assert_eq!(client.me().await, Err(Error::Unusable(kind)));
        assert_eq!(server.seen().len(), 6, "nothing is asked twice");
    }
}

#[tokio::test]
async fn what_can_be_tolerated_is() {
    let odd = "\u{feff}{\"auth_id\": \"SA_1\", \"auth_token\": \"t\", \"name\": 5, \"unknown\": 1, \
               \"unknown\": [1e400], \"rate_limit\": 1e400, \"enabled\": null}";
    let server = Server::always(Act::Send(answer(200, "content-type: text/plain\r\n", odd))).await;
    let found = server
        .client()
        .get(Generation::Gen2, &id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.name(), found.fields.rate_limit, found.is_enabled()),
        ("", None, true)
    );
    let created = server.client().create(Generation::Gen1, &fields()).await;
    assert!(
        matches!(created, Created::Committed { .. }),
        "a pair that was read is never thrown away"
    );
}

#[tokio::test]
async fn reading_stops_at_the_cap_whether_the_size_is_announced_or_not() {
    let announced = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{".to_vec();
    let just_over = answer(200, "", format!("{PAIR}{}", " ".repeat(1 << 20)));
    let acts = [
        Act::Flood(CHUNKED.as_bytes().to_vec()),
        Act::SendAndClose(announced),
        Act::SendAndClose(just_over),
    ];
    for act in acts {
        let server = Server::always(act).await;
        let client = server.client();
        assert_eq!(
            client.create(Generation::Gen1, &fields()).await,
            unusable(Unusable::TooLarge)
        );
        assert_eq!(
            client.get(Generation::Gen2, &id()).await,
            Err(Error::Unusable(Unusable::TooLarge))
        );
    }
    let flood = Server::always(Act::Flood(CHUNKED.as_bytes().to_vec())).await;
    let page = flood.client().list(Generation::Gen2, 0).await;
    assert_eq!(page, Err(Error::Unusable(Unusable::TooLarge)));

    // A page may be larger than an item.
    let list = format!("{{\"sub_accounts\": [], \"total\": 0}}{}", " ".repeat(2 << 20));
    let server = Server::always(Act::Send(answer(200, "", list))).await;
    assert!(server.client().list(Generation::Gen2, 0).await.unwrap().last);
}

#[tokio::test]
async fn a_refusal_counts_even_when_its_body_does_not_end() {
    let flood = "HTTP/1.1 402 X\r\ntransfer-encoding: chunked\r\n\r\n";
    let server = Server::always(Act::Flood(flood.as_bytes().to_vec())).await;
    let created = server.client().create(Generation::Gen2, &fields()).await;
    assert_eq!(created, Created::NotCommitted(Error::InsufficientBalance));
}

#[tokio::test]
async fn a_status_decides_what_became_of_a_create() {
    for (status, certain) in [
        (400, true),
        (401, true),
        (402, true),
        (403, true),
        (404, true),
        (422, true),
        (429, false),
        (405, false),
        (408, false),
        (409, false),
        (500, false),
        (502, false),
        (503, false),
        (504, false),
    ] {
        let server = Server::always(Act::Send(answer(status, "", PAIR))).await;
        match server.client().create(Generation::Gen2, &fields()).await {
            Created::NotCommitted(error) => {
                assert!(
                    certain && error.to_string().contains(&status.to_string()),
                    "{status}"
                );
            }
            Created::Unknown(UnknownOutcome::Unanswered(error)) => {
                assert!(
                    !certain && error.to_string().contains(&status.to_string()),
                    "{status}"
                );
            }
            other => panic!("{status}: {other:?}"),
        }
        assert_eq!(server.seen().len(), 1, "{status} is not repeated");
    }
}

#[tokio::test]
async fn a_redirect_is_never_followed_and_nothing_reaches_its_target() {
    let target = Server::always(Act::Send(answer(200, "", PAIR))).await;
    for status in [301, 302, 303, 307, 308] {
        for location in [
            target.url(),
            "http://169.254.169.254/latest".to_owned(),
            "//other.example/".to_owned(),
        ] {
            let header = format!("location: {location}\r\n");
            let server = Server::always(Act::Send(answer(status, &header, ""))).await;
            let client = server.client();
            let redirected = Error::Redirected { status };
            let created = client.create(Generation::Gen2, &fields()).await;
            assert_eq!(created, unanswered(redirected.clone()));
            assert_eq!(client.get(Generation::Gen1, &id()).await, Err(redirected.clone()));
            assert_eq!(
                client.delete(Generation::Gen2, &id(), true).await,
                Err(redirected.clone())
            );
            assert!(
                !redirected.to_string().contains("http"),
                "the target is not named"
            );
            assert_eq!(server.seen().len(), 3);
        }
    }
    assert!(target.seen().is_empty());
}

#[tokio::test]
async fn the_wait_after_429_is_taken_from_headers_before_the_envelope() {
    let envelope = r#"{"error": {"code": "RATE_LIMIT_EXCEEDED", "details": {"retryAfter": 30}}}"#;
    for (headers, seconds) in [
        ("retry-after: 20\r\n", 20),
        ("retry-after: 1e30\r\n", 900),
        ("retry-after: -1\r\n", 1),
        ("retry-after: later\r\n", 30),
        ("", 30),
        ("x-ratelimit-reset: 99999999999\r\n", 30),
    ] {
        let server = Server::always(Act::Send(answer(429, headers, envelope))).await;
        let error = server.client().list(Generation::Gen1, 0).await.unwrap_err();
        assert_eq!(
            error,
            Error::RateLimited {
                retry_after: Duration::from_secs(seconds)
            },
            "{headers:?}"
        );
    }
    let server = Server::always(Act::Send(answer(429, "x-ratelimit-reset: 99999999999\r\n", ""))).await;
    let error = server.client().list(Generation::Gen1, 0).await.unwrap_err();
    assert_eq!(
        error,
        Error::RateLimited {
            retry_after: Duration::from_mins(15)
        }
    );
}

#[tokio::test]
async fn reads_share_a_connection_and_every_write_has_one_of_its_own() {
    let server = Server::always(Act::Send(answer(200, "", PAIR))).await;
    let client = server.client();
    for _ in 0..3 {
        client.get(Generation::Gen1, &id()).await.unwrap().unwrap();
    }
    let reads: Vec<usize> = server.seen().drain(..).map(|seen| seen.connection).collect();
    assert_eq!(reads, [0, 0, 0]);
    client.create(Generation::Gen1, &fields()).await;
    client.create(Generation::Gen2, &fields()).await;
    client.update(Generation::Gen2, &id(), &fields()).await.unwrap();
    assert_eq!(
        client.delete(Generation::Gen2, &id(), false).await,
        Ok(Deletion::Accepted)
    );
    let writes: Vec<usize> = server.seen().drain(..).map(|seen| seen.connection).collect();
    assert_eq!(writes, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_connection_that_is_reset_at_once_is_not_taken_for_one_never_made() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_zero_linger().unwrap();
        }
    });
    let client = client(&url, Duration::from_secs(10));
    for _ in 0..50 {
        let created = client.create(Generation::Gen1, &fields()).await;
        assert_eq!(created, unanswered(Error::Interrupted(Interrupted::Broken)));
    }
    server.abort();
}
