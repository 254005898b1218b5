//! PURE. Readers of what the operator itself has written, and of the ids that paths are built from.

#![allow(
    clippy::missing_panics_doc,
    reason = "to panic where a promise is broken is what every target is for"
)]

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use vobiz_operator::account::marker::{
    Installation, MARKER_MAX_LENGTH, MARKER_START, Marker, Series, without_marker,
};
use vobiz_operator::subaccount::store::record::{Record, decode, encode};
use vobiz_operator::vobiz::{AuthId, ParentAuthId};

/// Whatever is taken for an id is one plain segment of a path.
pub fn auth_id(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let accepted = [
        AuthId::parse(&text).map(String::from).ok(),
        ParentAuthId::parse(&text).map(String::from).ok(),
    ];
    for accepted in accepted.into_iter().flatten() {
        assert_eq!(accepted, text);
        assert!((1..=128).contains(&accepted.len()) && !accepted.starts_with(['_', '-']));
        assert!(
            accepted
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        );
    }
    if let Ok(id) = AuthId::parse(&text) {
        let label = id.as_label();
        assert!(label.len() <= 63 && label.ends_with(|last: char| last.is_ascii_alphanumeric()));
    }
    // The way by which ids come out of an object's status.
    assert_eq!(
        serde_json::from_value::<AuthId>(text.as_ref().into()).ok(),
        AuthId::parse(&text).ok()
    );
}

/// A field of an account: it has a marker only if it ends with exactly what a marker prints.
pub fn marker(bytes: &[u8]) {
    let field = String::from_utf8_lossy(bytes);
    let found = Marker::at_end_of(&field);
    let text = without_marker(&field);
    assert!(field.starts_with(text), "the user's text changed");
    if let Some(marker) = found {
        let printed = marker.to_string();
        assert!(field.ends_with(&printed) && printed.len() <= MARKER_MAX_LENGTH && marker.epoch > 0);
        assert!(text.len() + printed.len() <= field.len());
    } else {
        assert_eq!(text, field);
    }
    let own = Marker {
        installation: Installation(7),
        series: Series(u128::MAX),
        epoch: u32::MAX,
    };
    let written = own.append_to(Some(&field));
    assert_eq!(
        Marker::at_end_of(&written),
        Some(own),
        "whatever the user wrote, the marker is found"
    );
    if !field.contains(MARKER_START) {
        assert_eq!(without_marker(&written), field.trim_end());
    }
}

/// Lines `key=value` as the data of a Record: what can be read says the same when it is written and read again.
pub fn record(bytes: &[u8]) {
    let pairs = bytes.split(|byte| *byte == b'\n').filter_map(|line| {
        let at = line.iter().position(|byte| *byte == b'=')?;
        let key = String::from_utf8(line[..at].to_vec()).ok()?;
        Some((key, ByteString(line[at + 1..].to_vec())))
    });
    let data: BTreeMap<String, ByteString> = pairs.collect();
    match decode(&data) {
        Ok(record) => {
            let marker = record.marker(Installation(7));
            assert_eq!(Marker::at_end_of(&marker.to_string()), Some(marker));
            assert!(
                !record.fences(&marker) || record.ledger.fenced_through == marker.epoch,
                "an open epoch is fenced"
            );
            assert_eq!(
                format!("{record:?}"),
                with_another_token(&record),
                "the token is shown"
            );
            assert_eq!(decode(&encode(&record)), Ok(record));
        }
        Err(damaged) => assert!(damaged.to_string().len() < 80),
    }
}

/// What is printed of a Record with another token, if it has one.
fn with_another_token(record: &Record) -> String {
    let mut data = encode(record);
    if let Some(token) = data.get_mut("auth_token") {
        *token = ByteString(b"another-token".to_vec());
    }
    decode(&data).map_or_else(|damaged| damaged.to_string(), |record| format!("{record:?}"))
}
