//! I/O. What other documents and clients of the API have otherwise, each a mode.

use serde_json::{Value, json};

use crate::bed::{Bed, OTHER, OTHER_TOKEN, PARENT, gen1, gen2};

#[tokio::test]
async fn an_items_path_takes_the_id_that_the_mode_says_and_the_journal_knows_the_account() {
    let bed = Bed::new().await;
    bed.set(json!({"ids": "opaque"})).await;
    let (auth_id, _) = bed.named("acme").await;
    let id = bed.live().await[0]["id"].as_str().unwrap().to_owned();
    for (mode, right, wrong) in [("auth_id", &auth_id, &id), ("id", &id, &auth_id)] {
        bed.set(json!({"item_path": mode})).await;
        for path in [gen1, gen2] {
            let (status, body) = bed.call("GET", &path(right), Value::Null).await;
            assert_eq!((status, &body["auth_id"]), (200, &json!(auth_id)));
            assert_eq!(bed.call("GET", &path(wrong), Value::Null).await.0, 404);
        }
        let entry = bed
            .wait(json!({"operation": "get", "id": auth_id, "status": 200}))
            .await;
        assert_eq!(entry["name"], json!("acme"));
    }
    assert_eq!(bed.call("PUT", &gen2(&id), json!({"name": "new"})).await.0, 200);
    assert_eq!(bed.call("DELETE", &gen2(&id), Value::Null).await.0, 200);
    assert_eq!(bed.call("GET", &gen2(&id), Value::Null).await.0, 404);
}

#[tokio::test]
async fn another_main_accounts_subaccount_may_be_403() {
    let bed = Bed::new().await;
    let (id, _) = bed.named("acme").await;
    let theirs = format!("/api/v1/accounts/{OTHER}/sub-accounts/{id}");
    for status in [404, 403] {
        bed.set(json!({"foreign_status": status})).await;
        for method in ["GET", "DELETE"] {
            assert_eq!(bed.call_as(method, &theirs, OTHER, OTHER_TOKEN).await.0, status);
        }
        let unknown = format!("/api/v1/accounts/{OTHER}/sub-accounts/SA_UNKNOWN");
        assert_eq!(bed.call_as("GET", &unknown, OTHER, OTHER_TOKEN).await.0, 404);
    }
}

#[tokio::test]
async fn a_path_may_be_served_with_a_slash_or_without() {
    let bed = Bed::new().await;
    bed.set(json!({"wrong_slash_status": 200})).await;
    for generation in ["Account/{}/Subaccount", "accounts/{}/sub-accounts"] {
        let collection = format!("/api/v1/{}", generation.replace("{}", PARENT));
        assert_eq!(
            bed.call("POST", &collection, json!({"name": "acme"})).await.0,
            201
        );
        assert_eq!(bed.call("GET", &collection, Value::Null).await.0, 200);
        let created = bed.wait(json!({"operation": "create", "committed": true})).await;
        let id = created["id"].as_str().unwrap();
        for end in ["", "/"] {
            let item = format!("{collection}/{id}{end}");
            assert_eq!(bed.call("GET", &item, Value::Null).await.0, 200);
        }
        bed.control("DELETE", "/journal", Value::Null).await;
    }
}

#[tokio::test]
async fn one_of_two_permissions_may_not_be_shown() {
    let bed = Bed::new().await;
    bed.set(json!({"hidden_permission": "cdr"})).await;
    let permissions = json!({"calls": true, "cdr": false});
    let (status, created) = bed
        .call(
            "POST",
            &gen2(""),
            json!({"name": "acme", "permissions": permissions}),
        )
        .await;
    assert_eq!(
        (status, &created["sub_account"]["permissions"]),
        (201, &json!({"calls": true}))
    );
    let (_, list) = bed.call("GET", &gen2(""), Value::Null).await;
    assert_eq!(list["sub_accounts"][0]["permissions"], json!({"calls": true}));
    assert_eq!(bed.live().await[0]["permissions"], permissions);
}
