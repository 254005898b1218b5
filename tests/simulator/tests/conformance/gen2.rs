//! I/O. Generation 2, credentials and paths over the wire.

use serde_json::{Value, json};
use vobiz_simulator::{Api, Settings};

use crate::bed::{Bed, OTHER, OTHER_TOKEN, PARENT, TOKEN, gen1, gen2};

#[tokio::test]
async fn the_token_is_shown_once() {
    let bed = Bed::new().await;
    let (status, created) = bed.call("POST", &gen2(""), json!({"name": "acme"})).await;
    assert_eq!(status, 201);
    let token = created["auth_credentials"]["auth_token"].as_str().unwrap();
    assert_eq!(created["sub_account"]["auth_token"], json!(token));
    let id = created["auth_credentials"]["auth_id"].as_str().unwrap();
    for (method, path) in [("GET", gen2(id)), ("PUT", gen2(id)), ("GET", gen2(""))] {
        let body = if method == "PUT" { json!({}) } else { Value::Null };
        let (status, answer) = bed.call(method, &path, body).await;
        assert_eq!(status, 200);
        assert!(!answer.to_string().contains(token));
        assert!(answer.to_string().contains("<redacted>"));
    }
}

#[tokio::test]
async fn names_are_not_unique() {
    let bed = Bed::new().await;
    assert_ne!(bed.named("acme").await.0, bed.named("acme").await.0);
    assert_eq!(bed.live().await.len(), 2);
}

#[tokio::test]
async fn wrong_case_or_generation_is_refused_with_good_credentials() {
    let bed = Bed::with(Settings {
        api: Api::Gen2,
        ..Settings::default()
    })
    .await;
    let wrong = [
        gen1(""),
        format!("/api/v1/Accounts/{PARENT}/sub-accounts/"),
        format!("/api/v1/accounts/{PARENT}/Sub-Accounts/"),
    ];
    for status in [401, 404] {
        bed.set(json!({"wrong_path_status": status})).await;
        for path in &wrong {
            assert_eq!(bed.call("GET", path, Value::Null).await.0, status, "{path}");
        }
        assert_eq!(bed.call("GET", &gen2(""), Value::Null).await.0, 200);
    }
    bed.set(json!({"api": "gen1"})).await;
    assert_eq!(bed.call("GET", &gen2(""), Value::Null).await.0, 404);
    assert_eq!(bed.call("GET", &gen1(""), Value::Null).await.0, 200);
}

#[tokio::test]
async fn trailing_slashes_are_as_documented() {
    let bed = Bed::new().await;
    let (id, _) = bed.named("acme").await;
    let wrong = [
        gen2("").trim_end_matches('/').to_owned(),
        gen2(&id) + "/",
        gen1("").trim_end_matches('/').to_owned(),
        gen1(&id).trim_end_matches('/').to_owned(),
    ];
    for path in &wrong {
        assert_eq!(bed.call("GET", path, Value::Null).await.0, 404, "{path}");
    }
    bed.set(json!({"wrong_slash_status": 307})).await;
    let response = bed.request("GET", &wrong[1]).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 307);
    assert_eq!(response.headers()["location"].to_str().unwrap(), gen2(&id));
}

#[tokio::test]
async fn wrong_pairs_are_401_and_parents_are_apart() {
    let bed = Bed::new().await;
    let (id, token) = bed.named("acme").await;
    assert_eq!(bed.call_as("GET", &gen2(""), PARENT, "wrong").await.0, 401);
    assert_eq!(bed.call_as("GET", &gen2(""), "MA_NOBODY", TOKEN).await.0, 401);
    assert_eq!(
        bed.call_as("GET", "/api/v1/auth/me", PARENT, OTHER_TOKEN).await.0,
        401
    );
    assert_eq!(bed.call_as("GET", "/api/v1/auth/me", &id, "wrong").await.0, 401);
    let anonymous = bed.http.get(format!("{}{}", bed.simulator.url(), gen2("")));
    assert_eq!(crate::bed::answer(anonymous).await.0, 401);
    let foreign = format!("/api/v1/accounts/{OTHER}/sub-accounts/{id}");
    assert_eq!(bed.call_as("GET", &foreign, OTHER, OTHER_TOKEN).await.0, 404);
    assert_eq!(bed.call_as("DELETE", &foreign, OTHER, OTHER_TOKEN).await.0, 404);
    assert_eq!(bed.call_as("GET", &gen2(&id), OTHER, OTHER_TOKEN).await.0, 404);
    assert_eq!(bed.call_as("GET", &gen2(""), &id, &token).await.0, 403);
    let kyc = format!("/api/v1/sub-accounts/{id}/kyc/status");
    assert_eq!(bed.call_as("GET", &kyc, &id, &token).await.0, 403);
    assert_eq!(bed.call_as("GET", &kyc, OTHER, OTHER_TOKEN).await.0, 404);
    assert_eq!(bed.live().await.len(), 1);
}

#[tokio::test]
async fn a_disabled_account_cannot_call_and_a_deleted_one_is_unknown() {
    let bed = Bed::new().await;
    let (id, token) = bed.named("acme").await;
    bed.call("PUT", &gen2(&id), json!({"enabled": false})).await;
    let (status, body) = bed.call_as("GET", "/api/v1/auth/me", &id, &token).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (403, &json!("ACCOUNT_INACTIVE"))
    );
    assert_eq!(bed.call("DELETE", &gen2(&id), Value::Null).await.0, 200);
    assert_eq!(bed.call("DELETE", &gen2(&id), Value::Null).await.0, 404);
    assert_eq!(bed.call("GET", &gen2(&id), Value::Null).await.0, 404);
    assert_eq!(bed.call_as("GET", "/api/v1/auth/me", &id, &token).await.0, 401);
    let (_, accounts) = bed.control("GET", "/accounts", Value::Null).await;
    assert_eq!(accounts["deleted"][0]["auth_id"], json!(id));
}

#[tokio::test]
async fn fields_are_validated_and_the_value_is_echoed() {
    let bed = Bed::new().await;
    let cases = [
        ("name", json!({})),
        ("name", json!({"name": "  "})),
        ("name", json!({"name": 5})),
        ("enabled", json!({"name": "a", "enabled": "yes"})),
        ("email", json!({"name": "a", "email": "nobody"})),
        ("rate_limit", json!({"name": "a", "rate_limit": 0})),
        ("rate_limit", json!({"name": "a", "rate_limit": 1.5})),
        (
            "permissions",
            json!({"name": "a", "permissions": {"calls": true}}),
        ),
        ("kyc_mode", json!({"name": "a", "kyc_mode": "other"})),
        ("business_type", json!({"name": "a", "business_type": "club"})),
        ("password", json!({"name": "a", "password": "short"})),
    ];
    for (field, body) in cases {
        let (status, answer) = bed.call("POST", &gen2(""), body.clone()).await;
        let error = &answer["error"]["details"]["errors"][0];
        assert_eq!((status, &error["field"]), (422, &json!(field)), "{answer}");
        assert_eq!(error["value"], body.get(field).cloned().unwrap_or_default());
    }
    let (status, answer) = bed
        .call(
            "POST",
            &gen2(""),
            json!({"name": "a", "kyc_mode": "customer_use"}),
        )
        .await;
    assert_eq!(
        (status, &answer["error"]["details"]["errors"][0]["field"]),
        (400, &json!("email"))
    );
    let broken = bed.request("POST", &gen2("")).body("{");
    assert_eq!(crate::bed::answer(broken).await.0, 400);
    assert!(bed.live().await.is_empty());
}

#[tokio::test]
async fn customer_use_needs_a_stored_email_and_blocks_calls_at_once() {
    let bed = Bed::new().await;
    let (id, _) = bed.named("acme").await;
    let both = json!({"email": "a@b.example", "kyc_mode": "customer_use"});
    assert_eq!(bed.call("PUT", &gen2(&id), both.clone()).await.0, 400);
    bed.call("PUT", &gen2(&id), json!({"email": "a@b.example"})).await;
    let (status, read) = bed
        .call("PUT", &gen2(&id), json!({"kyc_mode": "customer_use"}))
        .await;
    assert_eq!((status, &read["kyc_calls_blocked"]), (200, &json!(true)));
    bed.control(
        "PUT",
        &format!("/accounts/{id}/kyc"),
        json!({"calls_blocked": false}),
    )
    .await;
    assert_eq!(
        bed.call("GET", &gen2(&id), Value::Null).await.1["kyc_calls_blocked"],
        json!(false)
    );
}

#[tokio::test]
async fn a_put_changes_only_what_it_names() {
    let bed = Bed::new().await;
    let (id, _) = bed
        .create(json!({"name": "acme", "phone": "1", "permissions": {"calls": false, "cdr": true}}))
        .await;
    let (_, before) = bed.call("GET", &gen2(&id), Value::Null).await;
    let (_, mut after) = bed.call("PUT", &gen2(&id), json!({"description": "new"})).await;
    assert_eq!(after["description"], json!("new"));
    for field in ["description", "modified", "updated_at"] {
        after[field] = before[field].clone();
    }
    assert_eq!(after, before);
}

#[tokio::test]
async fn pages_shift_while_items_come() {
    let bed = Bed::new().await;
    bed.control("POST", "/accounts", json!({"parent": PARENT, "count": 230}))
        .await;
    let (_, first) = bed.call("GET", &(gen2("") + "?size=500"), Value::Null).await;
    assert_eq!((&first["size"], &first["total"]), (&json!(100), &json!(230)));
    bed.named("new").await;
    let (_, second) = bed
        .call("GET", &(gen2("") + "?size=100&page=2"), Value::Null)
        .await;
    assert_eq!(
        second["sub_accounts"][0], first["sub_accounts"][99],
        "the last of page 1 is seen again"
    );
    let (_, beyond) = bed.call("GET", &(gen2("") + "?page=99"), Value::Null).await;
    assert_eq!(
        (beyond["sub_accounts"].as_array().unwrap().len(), &beyond["size"]),
        (0, &json!(25))
    );
}

#[tokio::test]
async fn lists_include_disabled_accounts_unless_active_only_is_asked_for() {
    let bed = Bed::new().await;
    bed.create(json!({"name": "off", "enabled": false})).await;
    bed.named("on").await;
    let total =
        async |query: &str| bed.call("GET", &(gen2("") + query), Value::Null).await.1["total"].clone();
    assert_eq!(
        [
            total("").await,
            total("?active_only=false").await,
            total("?active_only=true").await
        ],
        [2, 2, 1]
    );
    bed.set(json!({"active_only_default": true})).await;
    assert_eq!(total("").await, 1);
}

#[tokio::test]
async fn cascade_is_a_body_and_a_cool_off_refuses_the_delete() {
    let bed = Bed::new().await;
    for (query, body, left) in [
        ("", json!({"cascade": true}), 0),
        ("?cascade=true", Value::Null, 1),
    ] {
        let (id, _) = bed.named("acme").await;
        bed.control(
            "POST",
            &format!("/accounts/{id}/resources"),
            json!({"kind": "number", "name": "1"}),
        )
        .await;
        bed.control(
            "PUT",
            &format!("/accounts/{id}/cool-off"),
            json!({"seconds": 600}),
        )
        .await;
        assert_eq!(bed.call("DELETE", &gen2(&id), body.clone()).await.0, 409);
        assert_eq!(bed.live().await.len(), 1);
        bed.control("PUT", &format!("/accounts/{id}/cool-off"), json!({"seconds": 0}))
            .await;
        assert_eq!(bed.call("DELETE", &(gen2(&id) + query), body).await.0, 200);
        let (_, things) = bed
            .control("GET", &format!("/resources?parent={PARENT}"), Value::Null)
            .await;
        assert_eq!(things["resources"].as_array().unwrap().len(), left);
    }
    bed.set(json!({"gen2_delete_status": 204})).await;
    let (id, _) = bed.named("acme").await;
    assert_eq!(
        bed.call("DELETE", &gen2(&id), Value::Null).await,
        (204, Value::Null)
    );
}
