//! I/O. The control API changes the state behind the API's back.

use serde_json::{Value, json};

use crate::bed::{Bed, OTHER, OTHER_TOKEN, PARENT, TOKEN, gen1, gen2};

#[tokio::test]
async fn an_account_drifts_strays_appear_and_accounts_vanish() {
    let bed = Bed::new().await;
    let (id, token) = bed.named("acme").await;
    let path = format!("/accounts/{id}");
    let (status, read) = bed
        .control("PATCH", &path, json!({"name": "drifted", "rate_limit": 7}))
        .await;
    assert_eq!((status, &read["auth_token"]), (200, &json!(token)));
    let (_, seen) = bed.call("GET", &gen2(&id), Value::Null).await;
    assert_eq!(
        (&seen["name"], &seen["rate_limit"]),
        (&json!("drifted"), &json!(7))
    );
    assert_eq!(bed.control("PATCH", &path, json!({"nmae": "typo"})).await.0, 400);
    let stray = json!({"parent": OTHER, "name": "stray", "description": "[mark]"});
    let (status, stray) = bed.control("POST", "/accounts", stray).await;
    assert_eq!((status, &stray["by_hand"]), (201, &json!(true)));
    let list = format!("/api/v1/accounts/{OTHER}/sub-accounts/");
    let (_, list) = bed.call_as("GET", &list, OTHER, OTHER_TOKEN).await;
    assert_eq!(list["sub_accounts"][0]["description"], json!("[mark]"));
    assert_eq!(bed.control("DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(bed.call("GET", &gen2(&id), Value::Null).await.0, 404);
    let (_, of_one) = bed
        .control("GET", &format!("/accounts?parent={PARENT}"), Value::Null)
        .await;
    assert_eq!(
        (
            of_one["accounts"].as_array().unwrap().len(),
            of_one["deleted"].as_array().unwrap().len()
        ),
        (0, 1)
    );
}

#[tokio::test]
async fn a_parent_is_rotated_disabled_and_added() {
    let bed = Bed::new().await;
    let path = format!("/parents/{PARENT}");
    bed.control("PATCH", &path, json!({"token": "rotated"})).await;
    assert_eq!(bed.call_as("GET", &gen2(""), PARENT, TOKEN).await.0, 401);
    assert_eq!(bed.call_as("GET", &gen2(""), PARENT, "rotated").await.0, 200);
    bed.control("PATCH", &path, json!({"enabled": false})).await;
    for path in [gen2(""), gen1(""), "/api/v1/auth/me".to_owned()] {
        assert_eq!(bed.call_as("GET", &path, PARENT, "rotated").await.0, 403);
    }
    bed.control("POST", "/parents", json!({"auth_id": "MA_NEW", "token": "new"}))
        .await;
    assert_eq!(
        bed.call_as("GET", "/api/v1/auth/me", "MA_NEW", "new").await.0,
        200
    );
    let (_, secrets) = bed.control("GET", "/secrets", Value::Null).await;
    for secret in [TOKEN, "rotated", "new"] {
        assert!(secrets["secrets"].as_array().unwrap().contains(&json!(secret)));
    }
}

#[tokio::test]
async fn lists_lag_and_page_sizes_can_be_ignored() {
    let bed = Bed::new().await;
    bed.set(json!({"list_lag_ms": 600_000})).await;
    let (id, _) = bed.named("acme").await;
    assert_eq!(bed.call("GET", &gen2(""), Value::Null).await.1["total"], json!(0));
    assert_eq!(bed.call("GET", &gen2(&id), Value::Null).await.0, 200);
    bed.set(json!({"list_lag_ms": 0, "list_page_size": 1, "list_order": "oldest_first"}))
        .await;
    bed.named("second").await;
    let (_, list) = bed.call("GET", &(gen2("") + "?size=50"), Value::Null).await;
    assert_eq!(
        (
            list["sub_accounts"].as_array().unwrap().len(),
            &list["sub_accounts"][0]["name"]
        ),
        (1, &json!("acme"))
    );
    assert_eq!(
        bed.control("PATCH", "/settings", json!({"unknown": 1})).await.0,
        400
    );
}

#[tokio::test]
async fn values_are_normalised_or_do_not_stick_when_told_so() {
    let bed = Bed::new().await;
    let settings = json!({"trim_text": true, "lowercase_email": true, "rate_limit_max": 50, "ignored_fields": ["phone"]});
    bed.set(settings).await;
    let (id, _) = bed
        .create(json!({"name": " a ", "email": "A@B.example", "rate_limit": 99, "phone": "1"}))
        .await;
    let (_, read) = bed.call("PUT", &gen2(&id), json!({"phone": "2"})).await;
    let got = ["name", "email", "rate_limit", "phone"].map(|field| read[field].clone());
    assert_eq!(got, [json!("a"), json!("a@b.example"), json!(50), json!("1")]);
}

#[tokio::test]
async fn permissions_that_are_the_parents_are_stored_as_none() {
    let bed = Bed::new().await;
    bed.set(json!({"parent_permissions": {"calls": true, "cdr": true}}))
        .await;
    let inherited = json!({"calls": true, "cdr": true});
    let (id, _) = bed.create(json!({"name": "a", "permissions": inherited})).await;
    let (_, read) = bed.call("GET", &gen2(&id), Value::Null).await;
    assert_eq!(read["permissions"], Value::Null);
    let own = json!({"calls": true, "cdr": false});
    let (_, read) = bed.call("PUT", &gen2(&id), json!({"permissions": own})).await;
    assert_eq!(read["permissions"], own);
    let (_, read) = bed
        .call("PUT", &gen2(&id), json!({"permissions": inherited}))
        .await;
    assert_eq!(read["permissions"], Value::Null);
}

#[tokio::test]
async fn more_requests_than_allowed_are_429_per_parent() {
    let bed = Bed::new().await;
    bed.set(json!({"requests_per_second": 2})).await;
    let mut refused = 0;
    for _ in 0..20 {
        let answer = bed.request("GET", &gen2("")).send().await.unwrap();
        if answer.status().as_u16() == 429 {
            assert_eq!(answer.headers()["retry-after"], "1");
            refused += 1;
        }
    }
    assert!(refused >= 10, "only {refused} were refused");
    assert_eq!(
        bed.call_as("GET", "/api/v1/auth/me", OTHER, OTHER_TOKEN).await.0,
        200
    );
}

#[tokio::test]
async fn ten_thousand_accounts_are_listed_page_by_page_in_seconds() {
    let bed = Bed::new().await;
    bed.control("POST", "/accounts", json!({"parent": PARENT, "count": 10_000}))
        .await;
    let mut names = std::collections::BTreeSet::new();
    let start = std::time::Instant::now();
    for page in 1..=100 {
        let (_, list) = bed
            .call("GET", &format!("{}?size=100&page={page}", gen2("")), Value::Null)
            .await;
        names.extend(
            list["sub_accounts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["name"].to_string()),
        );
    }
    assert_eq!(names.len(), 10_000);
    assert!(start.elapsed().as_secs() < 20, "took {:?}", start.elapsed());
}
