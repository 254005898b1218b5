//! What is sent, and what is left alone. PURE.

use super::*;
use crate::account::marker::{Installation, Series};
use crate::vobiz::AuthId;
use kube::CustomResourceExt;
use serde_json::{Value, json};

fn spec(more: &Value) -> SubaccountSpec {
    let mut spec = json!({"accountRef": {"name": "main"}, "name": "Acme"});
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    serde_json::from_value(spec).unwrap()
}

fn acme() -> ObjectKey {
    ObjectKey {
        namespace: "team".to_owned(),
        name: "acme".to_owned(),
    }
}

fn desired(more: &Value) -> Desired {
    Desired::from_spec(&spec(more), &acme(), "", Generation::Gen2).unwrap()
}

fn marker() -> Marker {
    Marker {
        installation: Installation(1),
        series: Series(2),
        epoch: 3,
    }
}

/// An account that says of everything something else than the tests below ask for.
fn stored() -> Subaccount {
    let fields = Fields {
        description: Some(marker().append_to(Some("old text"))),
        email: Some("old@example.com".to_owned()),
        phone: Some("+911".to_owned()),
        rate_limit: Some(1),
        permissions: Some(Permissions {
            calls: Some(true),
            cdr: Some(true),
        }),
        kyc_mode: Some("personal_use".to_owned()),
        business_type: Some("llp".to_owned()),
        ..desired(&json!({})).fields
    };
    Subaccount::new(AuthId::parse("SA_ONE").unwrap(), fields)
}

#[test]
fn each_field_that_the_user_set_is_sent_when_it_differs_and_alone() {
    let table = [
        (json!({"name": "Other"}), "name"),
        (json!({"enabled": false}), "enabled"),
        (json!({"description": "new text"}), "description"),
        (json!({"email": "new@example.com"}), "email"),
        (json!({"phone": "+912"}), "phone"),
        (json!({"rateLimit": 2}), "rate_limit"),
        (
            json!({"permissions": {"calls": true, "cdr": false}}),
            "permissions",
        ),
        (json!({"kycMode": "customer_use"}), "kyc_mode"),
        (json!({"businessType": "trust"}), "business_type"),
    ];
    for (more, field) in table {
        let changes = desired(&more).changes(&stored(), None);
        assert_eq!(changes.names(), [field], "{more}");
        assert!(
            desired(&more).matches(&stored().updated(&changes)),
            "{more} is done after one update"
        );
    }
}

#[test]
fn a_field_that_the_user_did_not_set_is_never_touched() {
    assert!(desired(&json!({})).matches(&stored()));
}

#[test]
fn space_around_a_text_and_the_case_of_an_email_are_no_difference() {
    let more =
        json!({"name": " Acme ", "email": "OLD@example.com", "description": " old text ", "phone": " +911"});
    assert!(desired(&more).matches(&stored()));
}

#[test]
fn a_description_that_changes_keeps_the_marker_at_its_end() {
    let changes = desired(&json!({"description": "new text"})).changes(&stored(), Some(&marker()));
    let sent = changes.description.unwrap();
    assert_eq!(Marker::at_end_of(&sent), Some(marker()));
    assert_eq!(without_marker(&sent), "new text");
}

#[test]
fn a_new_email_is_stored_before_customer_use_is_asked_for() {
    let asked = desired(&json!({"email": "new@example.com", "kycMode": "customer_use"}));
    let first = asked.changes(&stored(), None);
    assert_eq!(first.names(), ["email"]);
    let second = asked.changes(&stored().updated(&first), None);
    assert_eq!(second.names(), ["kyc_mode"]);
}

#[test]
fn the_name_is_made_from_prefix_and_object_where_the_spec_gives_none() {
    let spec = SubaccountSpec {
        name: None,
        ..spec(&json!({}))
    };
    let of = |prefix: &str| Desired::from_spec(&spec, &acme(), prefix, Generation::Gen2);
    assert_eq!(
        of("dev-").unwrap().creation(&marker()).name.as_deref(),
        Some("dev-acme")
    );
    assert_eq!(
        of("dev-{namespace}-")
            .unwrap()
            .creation(&marker())
            .name
            .as_deref(),
        Some("dev-team-acme")
    );
    assert_eq!(of(&"x".repeat(97)), Err(InvalidSpec::NameLength));
    assert!(of(&"x".repeat(96)).is_ok());
}

#[test]
fn the_create_request_always_carries_the_marker() {
    let plain = desired(&json!({})).creation(&marker());
    assert_eq!(plain.description, Some(marker().to_string()));
    let described = desired(&json!({"description": "text"})).creation(&marker());
    assert_eq!(
        described.description.as_deref().and_then(Marker::at_end_of),
        Some(marker())
    );
    let gen1 = Desired::from_spec(&spec(&json!({})), &acme(), "", Generation::Gen1).unwrap();
    let staged = gen1.creation(&marker());
    assert_eq!(
        (staged.name, staged.description),
        (Some(marker().to_string()), None)
    );
}

#[test]
fn generation_1_is_renamed_from_its_staged_name_and_told_both_of_its_fields() {
    let gen1 = Desired::from_spec(&spec(&json!({"enabled": false})), &acme(), "", Generation::Gen1).unwrap();
    let staged = stored().updated(&Fields {
        name: Some(marker().to_string()),
        ..Fields::default()
    });
    let changes = gen1.changes(&staged, Some(&marker()));
    assert_eq!(
        (changes.name.as_deref(), changes.enabled),
        (Some("Acme"), Some(false))
    );
    let disabled = Desired::disabled(Generation::Gen1).changes(&stored(), None);
    assert_eq!(
        (disabled.name.as_deref(), disabled.enabled),
        (Some("Acme"), Some(false))
    );
}

#[test]
fn each_field_is_called_in_messages_as_the_spec_calls_it() {
    let definition = serde_json::to_value(crate::crd::Subaccount::crd()).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    for field in stored().fields.rows() {
        let in_spec = &schema["properties"]["spec"]["properties"][field.in_spec];
        assert!(in_spec.is_object(), "{}", field.in_spec);
    }
}

#[test]
fn a_field_that_generation_1_does_not_have_is_refused_by_its_name_in_the_spec() {
    let asked = spec(&json!({"rateLimit": 2, "kycMode": "personal_use"}));
    let refused = Desired::from_spec(&asked, &acme(), "", Generation::Gen1).unwrap_err();
    assert!(refused.to_string().contains("rateLimit, kycMode"), "{refused}");
}
