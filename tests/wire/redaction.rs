//! No token reaches a log, whatever the level, nor an error or `Debug` output.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex};

use vobiz_operator::vobiz::{AuthId, Created, Fields, Generation};

use crate::server::{Act, PARENT_TOKEN, Server, answer};

const TOKEN: &str = "c3ViYWNjb3VudC10b2tlbi10aGF0LWlzLWhpZGRlbg";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_token_is_logged_at_trace_level_or_printed_with_a_result() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let pair = format!(r#"{{"auth_id": "SA_1", "auth_token": "{TOKEN}"}}"#);
    let echoed_code =
        format!(r#"{{"error": {{"code": "{TOKEN}", "details": {{"errors": [{{"field": "{TOKEN}"}}]}}}}}}"#);
    let echoed = format!(
        r#"{{"error": {{"message": "{TOKEN}", "details": {{"errors": [
        {{"field": "name", "value": "{PARENT_TOKEN}"}}]}}}}}}"#
    );
    let misplaced = format!(r#"{{"auth_id": "{TOKEN}", "auth_token": "SA_1"}}"#);
    let server = Server::scripted(vec![
        Act::Send(answer(200, "", &pair)),
        Act::Send(answer(200, "", &pair)),
        Act::Send(answer(422, "", &echoed)),
        Act::Send(answer(400, "", &echoed_code)),
        Act::Send(answer(200, "", &misplaced)),
        Act::SendAndClose(answer(200, "", &pair)[..60].to_vec()),
    ])
    .await;
    let client = server.client();
    let fields = Fields {
        name: Some("acme".into()),
        ..Fields::default()
    };
    let created = client.create(Generation::Gen1, &fields).await;
    assert!(matches!(created, Created::Committed { .. }));
    let mut printed = format!("{client:?} {:?} {created:?}", client.credentials());
    for _ in 0..5 {
        let result = client
            .get(Generation::Gen1, &AuthId::parse("SA_1").unwrap())
            .await;
        write!(printed, "{result:?}").unwrap();
        if let Err(error) = result {
            printed += &error.to_string();
        }
    }
    assert_eq!(server.seen().len(), 6);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("reqwest") && logged.contains("hyper"),
        "the libraries did log"
    );
    for secret in [TOKEN, PARENT_TOKEN] {
        assert!(!printed.contains(secret) && !logged.contains(secret));
    }
}
