//! I/O. Answers equal the golden files in keys, types and everything that is not made up.

use serde_json::{Map, Value, json};

use crate::bed::{Bed, PARENT, TOKEN, gen1, gen2};

fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}.json", env!("REPOSITORY"));
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
}

/// Replaces what is made up by its form, keeps everything else.
fn form(key: &str, value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| (key.clone(), form(key, value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items
            .iter()
            .map(|item| form(key, item))
            .collect::<Vec<_>>()
            .into(),
        Value::String(text) if text == "<redacted>" => value.clone(),
        Value::String(text) => match key {
            "auth_token" | "access_token" | "refresh_token" => json!("secret"),
            "auth_id" | "sub_account_id" | "id" | "parent_account_id" => json!(id_form(text)),
            "api_id" => json!(text.len()),
            "requestId" => json!((&text[..4], text.len())),
            "resource_uri" => {
                let (before, id) = text.trim_end_matches('/').rsplit_once('/').unwrap();
                json!([before, id_form(id)])
            }
            "created" | "modified" | "created_at" | "updated_at" | "timestamp" | "cool_off_until" => {
                json!(text.replace(|letter: char| letter.is_ascii_digit(), "9"))
            }
            _ => value.clone(),
        },
        _ if key == "cool_off_remaining_seconds" => json!("seconds"),
        _ => value.clone(),
    }
}

fn id_form(text: &str) -> String {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match text.get(..3) {
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => "digits".to_owned(),
        Some(start @ ("SA_" | "MA_")) => start.to_owned(),
        _ if plain && text.len() == 20 => text[..2].to_owned(),
        _ => {
            assert!(plain, "{text} is no id of a known form");
            format!("{} letters and digits", text.len())
        }
    }
}

#[track_caller]
fn same(answer: &Value, name: &str) {
    assert_eq!(form("", answer), form("", &golden(name)), "differs from {name}");
}

#[tokio::test]
async fn generation_1_answers_as_its_golden_files() {
    let bed = Bed::new().await;
    same(
        &bed.call("GET", &gen1(""), Value::Null).await.1,
        "gen1-list-empty-answer",
    );
    bed.call("POST", &gen1(""), json!({"name": "initech", "enabled": true}))
        .await;
    let (_, created) = bed.call("POST", &gen1(""), golden("gen1-create-request")).await;
    same(&created, "gen1-create-answer");
    let item = gen1(created["auth_id"].as_str().unwrap());
    let (_, read) = bed.call("GET", &item, Value::Null).await;
    same(&read, "gen1-get-answer");
    assert_eq!(read["auth_token"], created["auth_token"]);
    let (_, other) = bed
        .call("POST", &gen1(""), json!({"name": "globex", "enabled": true}))
        .await;
    bed.call(
        "POST",
        &gen1(other["auth_id"].as_str().unwrap()),
        json!({"enabled": false}),
    )
    .await;
    let (_, list) = bed.call("GET", &(gen1("") + "?limit=2"), Value::Null).await;
    same(&list, "gen1-list-answer");
    same(
        &bed.call("GET", &(gen1("") + "?limit=2&offset=2"), Value::Null)
            .await
            .1,
        "gen1-list-last-answer",
    );
    same(
        &bed.call("POST", &item, golden("gen1-update-request")).await.1,
        "gen1-update-answer",
    );
    same(
        &bed.call("GET", &item, Value::Null).await.1,
        "gen1-get-updated-answer",
    );
    assert_eq!(bed.call("DELETE", &item, Value::Null).await, (204, Value::Null));
}

#[tokio::test]
async fn generation_2_answers_as_its_golden_files() {
    let bed = Bed::new().await;
    same(
        &bed.call("GET", &gen2(""), Value::Null).await.1,
        "gen2-list-empty-answer",
    );
    bed.named("initech").await;
    let (_, created) = bed.call("POST", &gen2(""), golden("gen2-create-request")).await;
    same(&created, "gen2-create-answer");
    let item = gen2(created["auth_credentials"]["auth_id"].as_str().unwrap());
    same(&bed.call("GET", &item, Value::Null).await.1, "gen2-get-answer");
    bed.create(json!({"name": "globex", "enabled": false})).await;
    same(
        &bed.call("GET", &(gen2("") + "?size=2"), Value::Null).await.1,
        "gen2-list-answer",
    );
    same(
        &bed.call("GET", &(gen2("") + "?size=2&page=2"), Value::Null)
            .await
            .1,
        "gen2-list-last-answer",
    );
    same(
        &bed.call("PUT", &item, golden("gen2-update-request")).await.1,
        "gen2-update-answer",
    );
    same(
        &bed.call("DELETE", &item, golden("gen2-delete-request")).await.1,
        "gen2-delete-answer",
    );
    let (_, minimal) = bed
        .call("POST", &gen2(""), golden("gen2-create-minimal-request"))
        .await;
    same(&minimal, "gen2-create-minimal-answer");
    let item = gen2(minimal["sub_account"]["auth_id"].as_str().unwrap());
    same(
        &bed.call("GET", &item, Value::Null).await.1,
        "gen2-get-minimal-answer",
    );
}

#[tokio::test]
async fn ids_of_other_forms_are_answered_as_their_golden_files() {
    let bed = Bed::new().await;
    bed.set(json!({"ids": "opaque"})).await;
    bed.named("initech").await;
    let (_, created) = bed.call("POST", &gen2(""), golden("gen2-create-request")).await;
    same(&created, "gen2-opaque-create-answer");
    let item = gen2(created["auth_credentials"]["auth_id"].as_str().unwrap());
    same(
        &bed.call("GET", &item, Value::Null).await.1,
        "gen2-opaque-get-answer",
    );
    bed.create(json!({"name": "globex", "enabled": false})).await;
    let list = bed.call("GET", &(gen2("") + "?size=2"), Value::Null).await.1;
    same(&list, "gen2-opaque-list-answer");

    let bed = Bed::new().await;
    bed.set(json!({"ids": "plain"})).await;
    bed.call("POST", &gen1(""), json!({"name": "initech"})).await;
    let (_, created) = bed.call("POST", &gen1(""), golden("gen1-create-request")).await;
    same(&created, "gen1-plain-create-answer");
    let item = gen1(created["auth_id"].as_str().unwrap());
    same(
        &bed.call("GET", &item, Value::Null).await.1,
        "gen1-plain-get-answer",
    );
    let (_, other) = bed.call("POST", &gen1(""), json!({"name": "globex"})).await;
    let other = gen1(other["auth_id"].as_str().unwrap());
    bed.call("POST", &other, json!({"enabled": false})).await;
    let list = bed.call("GET", &(gen1("") + "?limit=2"), Value::Null).await.1;
    same(&list, "gen1-plain-list-answer");
}

#[tokio::test]
async fn auth_me_and_kyc_status_answer_as_their_golden_files() {
    let bed = Bed::new().await;
    let (id, token) = bed.create(golden("gen2-create-request")).await;
    bed.control(
        "PATCH",
        &format!("/parents/{PARENT}"),
        json!({"name": "Golden Parent"}),
    )
    .await;
    same(
        &bed.call_as("GET", "/api/v1/auth/me", PARENT, TOKEN).await.1,
        "auth-me-parent-answer",
    );
    same(
        &bed.call_as("GET", "/api/v1/auth/me", &id, &token).await.1,
        "auth-me-subaccount-answer",
    );
    let kyc = json!({"overall_status": "pending", "pan": "verified", "gst": "pending"});
    assert_eq!(
        bed.control("PUT", &format!("/accounts/{id}/kyc"), kyc).await.0,
        200
    );
    let path = format!("/api/v1/sub-accounts/{id}/kyc/status");
    same(&bed.call("GET", &path, Value::Null).await.1, "kyc-status-answer");
}

#[tokio::test]
async fn every_error_envelope_is_as_its_golden_file() {
    let bed = Bed::new().await;
    let cases = [
        (
            "error-documented",
            json!({"status": 429, "envelope": "documented", "details_retry_after": 30}),
        ),
        (
            "error-status-number",
            json!({"status": 404, "envelope": "status_number"}),
        ),
        ("error-text", json!({"status": 404, "envelope": "text"})),
        (
            "error-code-message",
            json!({"status": 402, "envelope": "code_message"}),
        ),
        (
            "error-api-id",
            json!({"status": 404, "envelope": "api_id", "message": "not found"}),
        ),
        (
            "error-detail",
            json!({"status": 401, "envelope": "detail", "message": "Not authenticated"}),
        ),
    ];
    for (name, mut action) in cases {
        action["type"] = json!("status");
        let status = action["status"].clone();
        bed.fault(json!({"action": action, "times": 1})).await;
        let (got, body) = bed.call("GET", &gen2(""), Value::Null).await;
        assert_eq!(json!(got), status);
        same(&body, name);
    }
    let (status, body) = bed
        .call("POST", &gen2(""), json!({"name": "acme", "password": "hunter2"}))
        .await;
    assert_eq!(status, 422);
    same(&body, "error-validation");
    let (id, _) = bed.named("acme").await;
    bed.control("PUT", &format!("/accounts/{id}/cool-off"), json!({"seconds": 60}))
        .await;
    let (status, body) = bed.call("DELETE", &gen2(&id), Value::Null).await;
    assert_eq!(status, 409);
    same(&body, "error-cool-off");
    for (envelope, file) in [("html", "error-gateway.html"), ("empty", "error-empty.txt")] {
        let action = json!({"type": "status", "status": 502, "envelope": envelope, "message": "Bad Gateway"});
        bed.fault(json!({"action": action, "times": 1})).await;
        let response = bed.request("GET", &gen2("")).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 502);
        let path = format!("{}/tests/golden/{file}", env!("REPOSITORY"));
        assert_eq!(
            response.text().await.unwrap(),
            std::fs::read_to_string(path).unwrap()
        );
    }
}
