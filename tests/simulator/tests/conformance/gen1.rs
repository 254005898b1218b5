//! I/O. Generation 1 over the wire.

use serde_json::{Value, json};

use crate::bed::{Bed, gen1, gen2};

#[tokio::test]
async fn tokens_are_in_clear_in_every_read_also_for_accounts_made_in_generation_2() {
    let bed = Bed::new().await;
    let (id, token) = bed.named("acme").await;
    assert_eq!(
        bed.call("GET", &gen1(&id), Value::Null).await.1["auth_token"],
        json!(token)
    );
    let (_, list) = bed.call("GET", &gen1(""), Value::Null).await;
    assert_eq!(list["objects"][0]["auth_token"], json!(token));
}

#[tokio::test]
async fn an_update_is_a_post_and_absent_fields_stay() {
    let bed = Bed::new().await;
    let (id, _) = bed
        .create(json!({"name": "acme", "enabled": false, "description": "kept"}))
        .await;
    assert_eq!(bed.call("PUT", &gen1(&id), json!({"name": "new"})).await.0, 405);
    let (status, body) = bed.call("POST", &gen1(&id), json!({"name": "new"})).await;
    assert_eq!((status, body["message"].as_str()), (202, Some("changed")));
    let (_, read) = bed.call("GET", &gen2(&id), Value::Null).await;
    assert_eq!(
        (&read["name"], &read["enabled"], &read["description"]),
        (&json!("new"), &json!(false), &json!("kept"))
    );
}

#[tokio::test]
async fn a_page_has_at_most_20_items() {
    let bed = Bed::new().await;
    bed.control(
        "POST",
        "/accounts",
        json!({"parent": crate::bed::PARENT, "count": 45}),
    )
    .await;
    let (_, page) = bed
        .call("GET", &(gen1("") + "?limit=100&offset=40"), Value::Null)
        .await;
    assert_eq!(
        (&page["meta"]["limit"], &page["meta"]["total_count"]),
        (&json!(20), &json!(45))
    );
    assert_eq!(page["objects"].as_array().unwrap().len(), 5);
    let (_, page) = bed.call("GET", &(gen1("") + "?limit=100"), Value::Null).await;
    assert_eq!(page["objects"].as_array().unwrap().len(), 20);
    assert_eq!(page["objects"][0]["name"], json!("stray-44"), "newest first");
}

#[tokio::test]
async fn a_server_that_ignores_the_page_shows_the_first_one_for_ever() {
    let bed = Bed::new().await;
    bed.control(
        "POST",
        "/accounts",
        json!({"parent": crate::bed::PARENT, "count": 45}),
    )
    .await;
    bed.set(json!({"list_ignores_page": true})).await;
    for path in [gen1("") + "?limit=20&offset=", gen2("") + "?size=20&page="] {
        let first = bed.call("GET", &format!("{path}0"), Value::Null).await.1;
        let third = bed.call("GET", &format!("{path}3"), Value::Null).await.1;
        for list in ["objects", "sub_accounts"] {
            assert_eq!(first[list], third[list]);
        }
    }
}

#[tokio::test]
async fn cascade_is_read_where_the_mode_says_and_without_it_things_return_to_the_parent() {
    let bed = Bed::new().await;
    let asked = json!({"cascade": true});
    for (mode, query, body, cascades) in [
        ("either", "?cascade=true", Value::Null, true),
        ("either", "", asked.clone(), true),
        ("either", "", Value::Null, false),
        ("query", "?cascade=true", Value::Null, true),
        ("query", "", asked.clone(), false),
        ("body", "", asked.clone(), true),
        ("body", "?cascade=true", Value::Null, false),
    ] {
        bed.set(json!({"gen1_cascade": mode})).await;
        let (id, _) = bed.named("acme").await;
        let before = bed.control("GET", "/resources", Value::Null).await.1;
        let before = before["resources"].as_array().unwrap().len();
        for kind in ["application", "endpoint", "number"] {
            let thing = json!({"kind": kind, "name": "a"});
            bed.control("POST", &format!("/accounts/{id}/resources"), thing)
                .await;
        }
        assert_eq!(bed.call("DELETE", &(gen1(&id) + query), body).await.0, 204);
        let (_, things) = bed.control("GET", "/resources", Value::Null).await;
        let things = things["resources"].as_array().unwrap().clone();
        let left = if cascades { 0 } else { 3 };
        assert_eq!(things.len(), before + left, "{mode} {query}");
        assert!(things.iter().all(|thing| thing["account"].is_null()));
    }
}

#[tokio::test]
async fn an_empty_item_id_is_the_collection_which_cannot_be_deleted() {
    let bed = Bed::new().await;
    bed.named("acme").await;
    for path in [gen1(""), gen2("")] {
        assert_eq!(bed.call("DELETE", &path, Value::Null).await.0, 405);
        let entry = bed
            .wait(json!({"operation": "other", "status": 405, "answered": true}))
            .await;
        assert_eq!(
            (&entry["method"], &entry["path"]),
            (&json!("DELETE"), &json!(path))
        );
        bed.control("DELETE", "/journal", Value::Null).await;
    }
    assert_eq!(bed.live().await.len(), 1);
}
