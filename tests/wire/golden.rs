//! The golden files: what is sent equals them, and what they answer is understood.

use serde_json::Value;
use vobiz_operator::vobiz::{
    Address, AuthId, AuthToken, Created, Credentials, Deletion, Error, Fields, Generation, Permissions,
    Subaccount,
};

use crate::server::{Act, PARENT, PARENT_TOKEN, Seen, Server, answer};

const TOKEN: &str = "dG9rZW4tZm9yLXRoZS1nb2xkZW4tZmlsZXMtMDAwMQ";

macro_rules! golden {
    ($name:literal) => {
        include_str!(concat!("../golden/", $name))
    };
}

fn id(text: &str) -> AuthId {
    AuthId::parse(text).unwrap()
}

fn acme() -> AuthId {
    id("SA_4RTN8WZC")
}

fn pair() -> Credentials {
    Credentials {
        auth_id: acme(),
        auth_token: AuthToken::parse(TOKEN).unwrap(),
    }
}

async fn answering(status: u16, body: &str) -> Server {
    Server::always(Act::Send(answer(
        status,
        "content-type: application/json\r\n",
        body,
    )))
    .await
}

/// Method, target and body of the only request; the headers that every request has.
fn sent(server: &Server) -> (String, String, Option<Value>) {
    let Seen {
        method,
        target,
        headers,
        body,
        ..
    } = server.one();
    assert_eq!(headers["x-auth-id"], PARENT);
    assert_eq!(headers["x-auth-token"], PARENT_TOKEN);
    assert_eq!(headers["accept"], "application/json");
    assert_eq!(headers["user-agent"], "vobiz-operator/0.0.0-test");
    assert!(!headers.contains_key("accept-encoding"));
    let body = (!body.is_empty()).then(|| serde_json::from_slice(&body).unwrap());
    assert_eq!(
        headers.get("content-type").map(String::as_str),
        body.as_ref().map(|_| "application/json")
    );
    (method, target, body)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn all_fields() -> Fields {
    Fields {
        enabled: Some(true),
        description: Some("Voice for Acme".into()),
        email: Some("voice@acme.example".into()),
        phone: Some("+911140001234".into()),
        rate_limit: Some(250),
        permissions: Some(Permissions {
            calls: Some(true),
            cdr: Some(false),
        }),
        kyc_mode: Some("customer_use".into()),
        business_type: Some("private_limited".into()),
        ..name_only()
    }
}

fn full() -> Subaccount {
    Subaccount {
        kyc_calls_blocked: Some(true),
        ..Subaccount::new(acme(), all_fields())
    }
}

fn minimal() -> Subaccount {
    let fields = Fields {
        enabled: Some(true),
        rate_limit: Some(1000),
        kyc_mode: Some("personal_use".into()),
        ..name_only()
    };
    Subaccount {
        kyc_calls_blocked: Some(false),
        ..Subaccount::new(acme(), fields)
    }
}

fn plain() -> Subaccount {
    Subaccount {
        auth_token: Some(pair().auth_token),
        ..Subaccount::new(acme(), name_only())
    }
}

fn name_only() -> Fields {
    Fields {
        name: Some("acme".into()),
        ..Fields::default()
    }
}

#[tokio::test]
async fn generation_1_creates_with_name_and_enabled_and_reads_the_pair() {
    let server = answering(201, golden!("gen1-create-answer.json")).await;
    let fields = Fields {
        enabled: Some(true),
        ..name_only()
    };
    let created = server.client().create(Generation::Gen1, &fields).await;
    assert_eq!(
        created,
        Created::Committed {
            credentials: pair(),
            subaccount: None
        }
    );
    let (method, target, body) = sent(&server);
    assert_eq!(
        (method.as_str(), target.as_str()),
        ("POST", "/api/v1/Account/MA_7QX2M4KD/Subaccount/")
    );
    assert_eq!(body, Some(json(golden!("gen1-create-request.json"))));
}

#[tokio::test]
async fn generation_2_creates_with_what_is_set_and_reads_the_pair_and_the_object() {
    // The console's password is the one field of the file that the operator never sets.
    let mut full_request = json(golden!("gen2-create-request.json"));
    full_request.as_object_mut().unwrap().remove("password");
    for (fields, request, answer, expected) in [
        (
            all_fields(),
            full_request,
            golden!("gen2-create-answer.json"),
            full(),
        ),
        (
            name_only(),
            json(golden!("gen2-create-minimal-request.json")),
            golden!("gen2-create-minimal-answer.json"),
            minimal(),
        ),
    ] {
        let server = answering(200, answer).await;
        let created = server.client().create(Generation::Gen2, &fields).await;
        let expected = Some(Box::new(expected));
        assert_eq!(
            created,
            Created::Committed {
                credentials: pair(),
                subaccount: expected
            }
        );
        let (method, target, body) = sent(&server);
        assert_eq!(
            (method.as_str(), target.as_str()),
            ("POST", "/api/v1/accounts/MA_7QX2M4KD/sub-accounts/")
        );
        assert_eq!(body, Some(request));
    }
}

#[tokio::test]
async fn an_item_is_read_in_both_generations() {
    for (generation, path, body, expected) in [
        (
            Generation::Gen1,
            "/api/v1/Account/MA_7QX2M4KD/Subaccount/SA_4RTN8WZC/",
            golden!("gen1-get-answer.json"),
            plain(),
        ),
        (
            Generation::Gen1,
            "/api/v1/Account/MA_7QX2M4KD/Subaccount/SA_4RTN8WZC/",
            golden!("gen1-get-updated-answer.json"),
            plain().updated(&Fields {
                name: Some("acme-renamed".into()),
                enabled: Some(false),
                ..Fields::default()
            }),
        ),
        (
            Generation::Gen2,
            "/api/v1/accounts/MA_7QX2M4KD/sub-accounts/SA_4RTN8WZC",
            golden!("gen2-get-answer.json"),
            full(),
        ),
        (
            Generation::Gen2,
            "/api/v1/accounts/MA_7QX2M4KD/sub-accounts/SA_4RTN8WZC",
            golden!("gen2-get-minimal-answer.json"),
            minimal(),
        ),
    ] {
        let server = answering(200, body).await;
        assert_eq!(server.client().get(generation, &acme()).await, Ok(Some(expected)));
        assert_eq!(sent(&server), ("GET".into(), path.into(), None));
    }
}

#[tokio::test]
async fn ids_of_other_forms_are_read_where_documents_show_them() {
    let opaque = id("q7Lm2Zx9Vb4Nc8Rt1Yw6Ks3Hd5Jf0PgA");
    let server = answering(200, golden!("gen2-opaque-create-answer.json")).await;
    let made = Subaccount {
        auth_id: opaque.clone(),
        other_id: Some(acme()),
        ..full()
    };
    let credentials = |auth_id| Credentials { auth_id, ..pair() };
    assert_eq!(
        server.client().create(Generation::Gen2, &all_fields()).await,
        Created::Committed {
            credentials: credentials(opaque.clone()),
            subaccount: Some(Box::new(made.clone())),
        }
    );
    // The path takes the one or the other; the answer is about the account of this auth_id.
    for in_path in [opaque.clone(), acme()] {
        let server = answering(200, golden!("gen2-opaque-get-answer.json")).await;
        let path = format!("/api/v1/accounts/MA_7QX2M4KD/sub-accounts/{in_path}");
        let address = Address {
            auth_id: opaque.clone(),
            in_path,
        };
        assert_eq!(
            server.client().get(Generation::Gen2, address).await,
            Ok(Some(made.clone()))
        );
        assert_eq!(sent(&server), ("GET".into(), path, None));
    }
    let server = answering(200, golden!("gen2-opaque-list-answer.json")).await;
    let page = server.client().list(Generation::Gen2, 0).await.unwrap();
    assert_eq!(page.subaccounts[1], made);

    let plain = id("SAYWNZ2GHXY0IDMZLMNJ");
    let server = answering(201, golden!("gen1-plain-create-answer.json")).await;
    assert_eq!(
        server.client().create(Generation::Gen1, &name_only()).await,
        Created::Committed {
            credentials: credentials(plain.clone()),
            subaccount: None,
        }
    );
    let server = answering(200, golden!("gen1-plain-list-answer.json")).await;
    let page = server.client().list(Generation::Gen1, 0).await.unwrap();
    assert_eq!((page.subaccounts[1].auth_id.clone(), page.invalid), (plain, 0));
}

#[tokio::test]
async fn an_update_sends_only_what_is_set() {
    let server = answering(202, golden!("gen1-update-answer.json")).await;
    let fields = Fields {
        name: Some("acme-renamed".into()),
        enabled: Some(false),
        ..Fields::default()
    };
    assert_eq!(
        server.client().update(Generation::Gen1, &acme(), &fields).await,
        Ok(None)
    );
    let path = "/api/v1/Account/MA_7QX2M4KD/Subaccount/SA_4RTN8WZC/";
    assert_eq!(
        sent(&server),
        (
            "POST".into(),
            path.into(),
            Some(json(golden!("gen1-update-request.json")))
        )
    );

    let server = answering(200, golden!("gen2-update-answer.json")).await;
    let fields = Fields {
        description: Some("Voice for Acme, second line".to_owned()),
        enabled: Some(false),
        ..Fields::default()
    };
    let expected = full().updated(&fields);
    assert_eq!(
        server.client().update(Generation::Gen2, &acme(), &fields).await,
        Ok(Some(expected))
    );
    let path = "/api/v1/accounts/MA_7QX2M4KD/sub-accounts/SA_4RTN8WZC";
    assert_eq!(
        sent(&server),
        (
            "PUT".into(),
            path.into(),
            Some(json(golden!("gen2-update-request.json")))
        )
    );
}

#[tokio::test]
async fn a_field_that_generation_1_does_not_have_is_refused_before_anything_is_sent() {
    let server = answering(200, "{}").await;
    let client = server.client();
    let error = Error::Unsupported {
        fields: vec!["description", "email"],
    };
    let fields = Fields {
        description: Some("d".into()),
        email: Some("e".into()),
        ..name_only()
    };
    assert_eq!(
        client.update(Generation::Gen1, &acme(), &fields).await,
        Err(error.clone())
    );
    assert_eq!(
        client.create(Generation::Gen1, &fields).await,
        Created::NotCommitted(error.clone())
    );
    assert!(error.nothing_was_sent() && server.seen().is_empty());
}

#[tokio::test]
async fn a_delete_tells_cascade_in_the_way_of_its_generation() {
    let gen1 = "/api/v1/Account/MA_7QX2M4KD/Subaccount/SA_4RTN8WZC/";
    let gen2 = "/api/v1/accounts/MA_7QX2M4KD/sub-accounts/SA_4RTN8WZC";
    let cascade = json(golden!("gen2-delete-request.json"));
    for (generation, is_cascade, target, body) in [
        (Generation::Gen1, false, gen1.to_owned(), None),
        (
            Generation::Gen1,
            true,
            format!("{gen1}?cascade=true"),
            Some(json(golden!("gen1-delete-request.json"))),
        ),
        (Generation::Gen2, false, gen2.to_owned(), None),
        (Generation::Gen2, true, gen2.to_owned(), Some(cascade)),
    ] {
        for (status, answer, expected) in [
            (204, "", Ok(Deletion::Accepted)),
            (200, golden!("gen2-delete-answer.json"), Ok(Deletion::Accepted)),
            (
                404,
                golden!("error-status-number.json"),
                Ok(Deletion::AlreadyGone),
            ),
            (
                502,
                golden!("error-gateway.html"),
                Err(Error::Server { status: 502 }),
            ),
        ] {
            let server = answering(status, answer).await;
            assert_eq!(
                server.client().delete(generation, &acme(), is_cascade).await,
                expected
            );
            assert_eq!(sent(&server), ("DELETE".into(), target.clone(), body.clone()));
        }
    }
}

#[tokio::test]
async fn a_list_is_read_page_by_page_in_the_largest_size() {
    let gen1 = "/api/v1/Account/MA_7QX2M4KD/Subaccount/?limit=20&offset=";
    let gen2 = "/api/v1/accounts/MA_7QX2M4KD/sub-accounts/?page=";
    for (generation, page, target, body, ids, total, last) in [
        (
            Generation::Gen1,
            0,
            format!("{gen1}0"),
            golden!("gen1-list-answer.json"),
            vec!["SA_9LKJ3BVQ", "SA_4RTN8WZC"],
            3,
            false,
        ),
        (
            Generation::Gen1,
            1,
            format!("{gen1}20"),
            golden!("gen1-list-last-answer.json"),
            vec!["SA_2HGF6DSA"],
            3,
            true,
        ),
        (
            Generation::Gen1,
            0,
            format!("{gen1}0"),
            golden!("gen1-list-empty-answer.json"),
            vec![],
            0,
            true,
        ),
        (
            Generation::Gen2,
            0,
            format!("{gen2}1&size=100&active_only=false"),
            golden!("gen2-list-answer.json"),
            vec!["SA_9LKJ3BVQ", "SA_4RTN8WZC"],
            3,
            false,
        ),
        (
            Generation::Gen2,
            1,
            format!("{gen2}2&size=100&active_only=false"),
            golden!("gen2-list-last-answer.json"),
            vec!["SA_2HGF6DSA"],
            3,
            true,
        ),
        (
            Generation::Gen2,
            0,
            format!("{gen2}1&size=100&active_only=false"),
            golden!("gen2-list-empty-answer.json"),
            vec![],
            0,
            true,
        ),
    ] {
        let server = answering(200, body).await;
        let answer = server.client().list(generation, page).await.unwrap();
        let listed: Vec<&str> = answer
            .subaccounts
            .iter()
            .map(|one| one.auth_id.as_str())
            .collect();
        assert_eq!(
            (listed, answer.invalid, answer.total, answer.last),
            (ids, 0, Some(total), last)
        );
        assert_eq!(sent(&server), ("GET".into(), target, None));
        match generation {
            Generation::Gen1 => assert!(answer.subaccounts.iter().all(|one| one.auth_token.is_some())),
            Generation::Gen2 => assert!(answer.subaccounts.iter().all(|one| one.auth_token.is_none())),
        }
    }
}

#[tokio::test]
async fn each_pair_learns_whose_it_is() {
    let server = answering(200, golden!("auth-me-parent-answer.json")).await;
    assert_eq!(server.client().me().await, Ok(()));
    assert_eq!(sent(&server), ("GET".into(), "/api/v1/auth/me".into(), None));

    let server = answering(200, golden!("auth-me-subaccount-answer.json")).await;
    assert_eq!(server.client().me_as(&pair()).await, Ok(acme()));
    let seen = server.one();
    assert_eq!(
        (seen.target.as_str(), seen.headers["x-auth-id"].as_str()),
        ("/api/v1/auth/me", "SA_4RTN8WZC")
    );
    assert_eq!(seen.headers["x-auth-token"], TOKEN);
}

#[tokio::test]
async fn every_error_envelope_is_understood_without_its_message() {
    for (status, body, message) in [
        (
            404,
            golden!("error-api-id.json"),
            "the API does not know this resource (404)",
        ),
        (
            402,
            golden!("error-code-message.json"),
            "the balance of the account is too low (402)",
        ),
        (
            403,
            golden!("error-code-message.json"),
            "the API does not allow this (403, insufficient_balance)",
        ),
        (
            409,
            golden!("error-cool-off.json"),
            "the state of the account stands in the way (409, did_cool_off_in_effect)",
        ),
        (
            401,
            golden!("error-detail.json"),
            "the API refused the credentials (401)",
        ),
        (
            429,
            golden!("error-documented.json"),
            "the API asks to wait 30 s (429)",
        ),
        (
            400,
            golden!("error-text.json"),
            "the API found the request invalid (400)",
        ),
        (
            400,
            golden!("error-empty.txt"),
            "the API found the request invalid (400)",
        ),
        (
            403,
            golden!("error-gateway.html"),
            "the API does not allow this (403)",
        ),
        (
            422,
            golden!("error-validation.json"),
            "the API found the request invalid (422, VALIDATION_ERROR): password",
        ),
    ] {
        let server = answering(status, body).await;
        let error = server
            .client()
            .update(Generation::Gen2, &acme(), &name_only())
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    let server = answering(409, golden!("error-cool-off.json")).await;
    let Err(Error::Conflict { until, .. }) = server.client().delete(Generation::Gen2, &acme(), false).await
    else {
        panic!("a cool-off must be a conflict")
    };
    assert_eq!(until, Some("2026-07-16T09:30:15Z".parse().unwrap()));
}

#[tokio::test]
async fn an_answer_about_another_account_is_not_believed() {
    let server = answering(200, golden!("gen2-get-answer.json")).await;
    let other = id("SA_OTHER");
    let error = server.client().get(Generation::Gen2, &other).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the API answered, but with an auth_id that differs from the expected one"
    );
    let error = server
        .client()
        .update(Generation::Gen2, &other, &name_only())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unusable(_)), "{error}");
    let error = server.client().me().await.unwrap_err();
    assert!(matches!(error, Error::Unusable(_)), "{error}");
}
