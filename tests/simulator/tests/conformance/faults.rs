//! I/O. Each fault does to state, wire and journal what it says.

use std::time::Duration;

use reqwest::header::CONTENT_LENGTH;
use serde_json::{Value, json};

use crate::bed::{Bed, PARENT, gen2};

async fn post(bed: &Bed, name: &str) -> reqwest::Result<reqwest::Response> {
    bed.request("POST", &gen2(""))
        .json(&json!({"name": name}))
        .send()
        .await
}

async fn on_create(bed: &Bed, action: Value) {
    bed.fault(json!({"match": {"operation": "create"}, "action": action, "times": 1}))
        .await;
}

#[tokio::test]
async fn an_answer_is_lost_before_or_after_the_commit() {
    let bed = Bed::new().await;
    for (kind, committed) in [("lose_before", false), ("lose_after", true)] {
        on_create(&bed, json!({"type": kind})).await;
        assert!(post(&bed, kind).await.is_err());
        let entry = bed.wait(json!({"name": kind, "pending": false})).await;
        assert_eq!(
            (&entry["committed"], &entry["answered"]),
            (&json!(committed), &json!(false))
        );
        let there = bed.live().await.iter().any(|account| account["name"] == kind);
        assert_eq!(there, committed);
    }
}

#[tokio::test]
async fn a_held_answer_leaves_when_it_is_released() {
    let bed = Bed::new().await;
    for (kind, committed) in [("hold_before", false), ("hold_after", true)] {
        on_create(&bed, json!({"type": kind})).await;
        let release = async {
            let entry = bed.wait(json!({"name": kind, "held": true})).await;
            assert_eq!(
                (&entry["committed"], &entry["answered"]),
                (&json!(committed), &json!(false))
            );
            let holds = bed.control("GET", "/holds", Value::Null).await.1;
            assert_eq!(holds["holds"][0]["sequence"], entry["sequence"]);
            bed.control("POST", "/holds/release", json!({"sequence": entry["sequence"]}))
                .await
                .1
        };
        let (answer, released) = tokio::join!(post(&bed, kind), release);
        assert_eq!(answer.unwrap().status().as_u16(), 201);
        assert_eq!(released, json!({"released": 1}));
        bed.wait(json!({"name": kind, "committed": true, "answered": true, "pending": false}))
            .await;
    }
}

#[tokio::test]
async fn a_client_that_goes_while_held_after_commit_leaves_an_unanswered_commit() {
    let bed = Bed::new().await;
    on_create(&bed, json!({"type": "hold_after"})).await;
    tokio::select! {
        _ = post(&bed, "acme") => panic!("answered"),
        _ = bed.wait(json!({"name": "acme", "held": true, "committed": true})) => {}
    }
    bed.wait(json!({"name": "acme", "committed": true, "answered": false, "pending": false, "held": false}))
        .await;
    assert_eq!(
        bed.control("GET", "/holds", Value::Null).await.1["holds"],
        json!([])
    );
}

#[tokio::test]
async fn a_request_held_before_commit_commits_on_release_though_the_client_has_gone() {
    let bed = Bed::new().await;
    on_create(&bed, json!({"type": "hold_before"})).await;
    tokio::select! {
        _ = post(&bed, "acme") => panic!("answered"),
        _ = bed.wait(json!({"name": "acme", "held": true})) => {}
    }
    assert!(bed.live().await.is_empty());
    bed.control("POST", "/holds/release", json!({})).await;
    bed.wait(json!({"name": "acme", "committed": true, "answered": false, "pending": false}))
        .await;
    assert_eq!(bed.live().await.len(), 1);
}

#[tokio::test]
async fn a_late_commit_comes_after_the_connection_is_gone() {
    let bed = Bed::new().await;
    on_create(&bed, json!({"type": "commit_late", "after_ms": 400})).await;
    assert!(post(&bed, "acme").await.is_err());
    let entry = bed.wait(json!({"name": "acme"})).await;
    assert_eq!(
        (&entry["committed"], &entry["pending"]),
        (&json!(false), &json!(true))
    );
    assert!(bed.live().await.is_empty());
    bed.wait(json!({"name": "acme", "committed": true, "pending": false, "answered": false}))
        .await;
    assert_eq!(bed.live().await.len(), 1);
}

#[tokio::test]
async fn a_status_comes_with_its_headers_before_or_after_the_commit() {
    let bed = Bed::new().await;
    for (after_commit, accounts) in [(false, 0), (true, 1)] {
        let action = json!({"type": "status", "status": 429, "after_commit": after_commit, "retry_after": "-1e30",
                            "details_retry_after": "soon", "rate_limit_reset": "garbage"});
        on_create(&bed, action).await;
        let answer = post(&bed, "acme").await.unwrap();
        assert_eq!(answer.status().as_u16(), 429);
        assert_eq!(answer.headers()["retry-after"], "-1e30");
        assert_eq!(answer.headers()["x-ratelimit-reset"], "garbage");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["details"]["retryAfter"], json!("soon"));
        assert_eq!(bed.live().await.len(), accounts);
    }
}

#[tokio::test]
async fn a_truncated_answer_promises_more_than_comes() {
    let bed = Bed::new().await;
    on_create(&bed, json!({"type": "truncated"})).await;
    let mut answer = post(&bed, "acme").await.unwrap();
    let promised: usize = answer.headers()[CONTENT_LENGTH]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let first = answer.chunk().await.unwrap().unwrap();
    assert_eq!(first.len(), promised / 2);
    assert!(answer.chunk().await.is_err());
    let entry = bed.wait(json!({"name": "acme", "pending": false})).await;
    assert_eq!(
        (&entry["committed"], &entry["answered"]),
        (&json!(true), &json!(false))
    );
}

#[tokio::test]
async fn html_and_empty_bodies_come_with_200() {
    let bed = Bed::new().await;
    for (accounts, after_commit) in [(0, false), (1, true)] {
        on_create(&bed, json!({"type": "html", "after_commit": after_commit})).await;
        let answer = post(&bed, "acme").await.unwrap();
        assert_eq!(
            (
                answer.status().as_u16(),
                answer.headers()["content-type"].to_str().unwrap()
            ),
            (200, "text/html")
        );
        assert!(answer.text().await.unwrap().starts_with("<html>"));
        assert_eq!(bed.live().await.len(), accounts);
    }
    on_create(&bed, json!({"type": "empty", "after_commit": true})).await;
    let answer = post(&bed, "acme").await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.bytes().await.unwrap().len()),
        (200, 0)
    );
    assert_eq!(bed.live().await.len(), 2);
}

#[tokio::test]
async fn huge_bodies_have_a_length_or_never_end() {
    let bed = Bed::new().await;
    on_create(&bed, json!({"type": "huge", "bytes": 3_000_001})).await;
    assert_eq!(
        post(&bed, "acme").await.unwrap().bytes().await.unwrap().len(),
        3_000_003
    );
    on_create(&bed, json!({"type": "huge", "endless": true})).await;
    let mut answer = post(&bed, "endless").await.unwrap();
    let mut seen = 0;
    while seen < 20_000_000 {
        seen += answer.chunk().await.unwrap().unwrap().len();
    }
    drop(answer);
    let entry = bed.wait(json!({"name": "endless", "pending": false})).await;
    assert_eq!(entry["answered"], json!(false));
}

#[tokio::test]
async fn a_slow_answer_comes_byte_by_byte_and_a_delayed_one_late() {
    let bed = Bed::new().await;
    on_create(&bed, json!({"type": "slow", "interval_ms": 200})).await;
    let mut answer = post(&bed, "slow").await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap().len(), 1);
    assert_eq!(answer.chunk().await.unwrap().unwrap().len(), 1);
    drop(answer);
    bed.wait(json!({"name": "slow", "committed": true, "answered": false, "pending": false}))
        .await;
    on_create(&bed, json!({"type": "delay", "milliseconds": 300})).await;
    let impatient = bed
        .request("POST", &gen2(""))
        .json(&json!({"name": "late"}))
        .timeout(Duration::from_millis(50));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    // The server works on, though nobody waits any more.
    bed.wait(json!({"name": "late", "committed": true, "answered": false}))
        .await;
}

#[tokio::test]
async fn redirects_literal_bodies_patches_and_many_headers() {
    let bed = Bed::new().await;
    on_create(
        &bed,
        json!({"type": "redirect", "status": 308, "location": "http://169.254.169.254/"}),
    )
    .await;
    let answer = post(&bed, "acme").await.unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["location"].to_str().unwrap()
        ),
        (308, "http://169.254.169.254/")
    );
    assert!(bed.live().await.is_empty());
    let body = json!({"auth_credentials": {"auth_id": "{auth_id}", "auth_token": "<redacted>"}});
    on_create(&bed, json!({"type": "body", "body": body, "after_commit": true})).await;
    let answer: Value = post(&bed, "acme").await.unwrap().json().await.unwrap();
    assert_eq!(
        answer["auth_credentials"]["auth_id"],
        bed.live().await[0]["auth_id"]
    );
    on_create(
        &bed,
        json!({"type": "body", "bytes": [0xef, 0xbb, 0xbf, 0xff], "content_type": "text/plain"}),
    )
    .await;
    assert_eq!(
        post(&bed, "acme").await.unwrap().bytes().await.unwrap().as_ref(),
        [0xef, 0xbb, 0xbf, 0xff]
    );
    let patch =
        json!({"auth_credentials": {"auth_token": null}, "sub_account": {"auth_token": "<redacted>"}});
    on_create(&bed, json!({"type": "patch", "patch": patch})).await;
    let answer: Value = post(&bed, "acme").await.unwrap().json().await.unwrap();
    assert!(answer["auth_credentials"].get("auth_token").is_none());
    assert_eq!(answer["sub_account"]["auth_token"], json!("<redacted>"));
    assert_eq!(answer["sub_account"]["name"], json!("acme"));
    on_create(&bed, json!({"type": "many_headers", "count": 50})).await;
    assert!(post(&bed, "acme").await.unwrap().headers().len() > 50);
}

#[tokio::test]
async fn a_rule_hits_the_requests_it_names_and_counts_them() {
    let bed = Bed::new().await;
    let matching = json!({"operation": "create", "generation": "gen2", "parent": PARENT, "name_prefix": "bad", "from": 2});
    let action = json!({"type": "status", "status": 503});
    let rule = bed
        .fault(json!({"match": matching, "action": action, "times": 1}))
        .await;
    let mut statuses = Vec::new();
    for name in ["good", "bad-1", "bad-2", "bad-3"] {
        statuses.push(post(&bed, name).await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [201, 201, 503, 201]);
    let (_, faults) = bed.control("GET", "/faults", Value::Null).await;
    let fault = &faults["faults"][0];
    assert_eq!(
        (&fault["matched"], &fault["applied"], &fault["remaining"]),
        (&json!(3), &json!(1), &json!(0))
    );
    let hit = bed.wait(json!({"status": 503})).await;
    assert_eq!((&hit["fault"], &hit["name"]), (&json!(rule), &json!("bad-2")));
    assert_eq!(
        bed.control("DELETE", &format!("/faults/{rule}"), Value::Null)
            .await
            .0,
        204
    );
    let (id, _) = bed.named("by-id").await;
    bed.fault(json!({"match": {"id": id, "name": "by-id"}, "action": action}))
        .await;
    assert_eq!(bed.call("GET", &gen2(&id), Value::Null).await.0, 503);
    assert_eq!(bed.call("DELETE", &gen2(&id), Value::Null).await.0, 503);
    assert_eq!(bed.call("GET", &gen2(""), Value::Null).await.0, 200);
    bed.control("DELETE", "/faults", Value::Null).await;
    assert_eq!(bed.call("GET", &gen2(&id), Value::Null).await.0, 200);
    assert_eq!(
        bed.control("POST", "/faults", json!({"action": {"type": "unheard_of"}}))
            .await
            .0,
        422
    );
}
