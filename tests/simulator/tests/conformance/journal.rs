//! I/O. The journal knows every request and no secret.

use serde_json::{Value, json};

use crate::bed::{Bed, PARENT, TOKEN, gen1, gen2};

#[tokio::test]
async fn every_request_is_noted_also_refused_ones() {
    let bed = Bed::new().await;
    let (id, token) = bed.named("acme").await;
    bed.call("GET", &gen2(&id), Value::Null).await;
    bed.call("GET", &(gen1("") + "?limit=5"), Value::Null).await;
    bed.call("PUT", &gen2(&id), json!({"name": "renamed"})).await;
    bed.call_as("GET", "/api/v1/auth/me", &id, &token).await;
    bed.call(
        "GET",
        &format!("/api/v1/sub-accounts/{id}/kyc/status"),
        Value::Null,
    )
    .await;
    bed.call_as("DELETE", &gen2(&id), PARENT, "wrong").await;
    bed.call("DELETE", &gen2(&id), json!({"cascade": true})).await;
    bed.call("GET", "/elsewhere", Value::Null).await;
    let (_, journal) = bed.control("GET", "/journal", Value::Null).await;
    let entries = journal["entries"].as_array().unwrap();
    let seen: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                entry["operation"].as_str().unwrap(),
                entry["status"].as_u64().unwrap(),
                entry["committed"] == true,
            )
        })
        .collect();
    let expected = [
        ("create", 201, true),
        ("get", 200, false),
        ("list", 200, false),
        ("update", 200, true),
        ("me", 200, false),
        ("kyc_status", 200, false),
        ("delete", 401, false),
        ("delete", 200, true),
        ("other", 404, false),
    ];
    assert_eq!(seen, expected);
    assert!(
        entries
            .iter()
            .all(|entry| entry["answered"] == true && entry["pending"] == false)
    );
    assert!(
        entries
            .iter()
            .enumerate()
            .all(|(index, entry)| entry["sequence"] == json!(index + 1))
    );
    assert_eq!(
        (&entries[0]["id"], &entries[0]["name"]),
        (&json!(id), &json!("acme"))
    );
    assert_eq!(
        (&entries[2]["query"], &entries[2]["generation"]),
        (&json!("limit=5"), &json!("gen1"))
    );
    assert_eq!(
        (&entries[7]["name"], &entries[7]["body"]["cascade"]),
        (&json!("renamed"), &json!(true))
    );
    let (_, later) = bed
        .control("GET", "/journal?since=7&operation=delete", Value::Null)
        .await;
    assert_eq!(later["entries"].as_array().unwrap().len(), 1);
    let (_, count) = bed
        .control("GET", "/journal/count?committed=true", Value::Null)
        .await;
    assert_eq!(count, json!({"count": 3}));
    bed.control("DELETE", "/journal", Value::Null).await;
    assert_eq!(
        bed.control("GET", "/journal", Value::Null).await.1,
        json!({"entries": []})
    );
}

#[tokio::test]
async fn no_secret_is_in_the_journal() {
    let bed = Bed::new().await;
    let (_, token) = bed
        .create(json!({"name": "acme", "password": "correct-horse"}))
        .await;
    let text = bed.control("GET", "/journal", Value::Null).await.1.to_string();
    assert!(text.contains("[removed]"));
    for secret in ["correct-horse", TOKEN, &token] {
        assert!(!text.contains(secret));
    }
}

#[tokio::test]
async fn a_wait_ends_with_the_request_or_with_its_time() {
    let bed = Bed::new().await;
    let filter = json!({"operation": "create", "name_prefix": "ac", "count": 2});
    let work = async {
        bed.named("acme").await;
        bed.named("other").await;
        bed.named("ace").await;
    };
    let (answer, ()) = tokio::join!(bed.control("POST", "/journal/wait", filter), work);
    let names: Vec<_> = answer.1["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].clone())
        .collect();
    assert_eq!(names, ["acme", "ace"]);
    let (status, _) = bed
        .control("GET", "/journal/wait?operation=delete&timeout_ms=30", Value::Null)
        .await;
    assert_eq!(status, 408);
}

#[tokio::test]
async fn a_count_and_a_mark_need_no_entries() {
    let bed = Bed::new().await;
    let (_, before) = bed.control("GET", "/journal/mark", Value::Null).await;
    assert_eq!(before["sequence"], 0);
    for name in ["acme", "globex"] {
        bed.named(name).await;
    }
    let (_, mark) = bed.control("GET", "/journal/mark", Value::Null).await;
    assert_eq!(mark["sequence"], 2);
    assert!(mark["monotonic_ms"].as_u64() >= before["monotonic_ms"].as_u64());
    let count = async |filter: Value| bed.control("POST", "/journal/count", filter).await.1["count"].clone();
    assert_eq!(count(json!({"operation": "create", "committed": true})).await, 2);
    assert_eq!(count(json!({"since": 1, "name": "globex"})).await, 1);
    assert_eq!(count(json!({"since": mark["sequence"]})).await, 0);
}
