//! The user's Secret: what it should hold, and whose the one that is there is. PURE.

mod managed;

pub use managed::needs_managers;

use crate::controller::field_managers::FieldManager;
use crate::crd::{self, SecretKeys, Subaccount};
use crate::vobiz::{AuthId, AuthToken, Credentials};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use vobiz_protocol::facts::UserSecret;

/// Type of the user's Secret.
const TYPE: &str = "Opaque";

/// Name of the Secret that a Subaccount asks for.
#[must_use]
pub fn name_of(object: &Subaccount) -> String {
    match &object.spec.secret_ref.name {
        Some(name) => name.clone(),
        None => format!("{}-vobiz", object.name_any()),
    }
}

/// The Secret as it should be, for one that does not exist yet.
#[must_use]
pub fn build(object: &Subaccount, pair: &Credentials) -> Secret {
    let mut secret = Secret {
        type_: Some(TYPE.to_owned()),
        ..Secret::default()
    };
    secret.metadata.name = Some(name_of(object));
    secret.metadata.namespace = object.namespace();
    apply(&mut secret, object, pair, &[]);
    secret
}

/// Sets on an existing Secret of ours what it should have, and leaves alone what others added; `managers`: who wrote it, where that
/// was asked.
pub fn apply(secret: &mut Secret, object: &Subaccount, pair: &Credentials, managers: &[FieldManager]) {
    let reference = &object.spec.secret_ref;
    let SecretKeys { auth_id, auth_token } = &reference.keys;
    let is_handed_over = is_handed_over(secret, object);
    // What else is in it is the user's.
    let kept = secret.data.take().filter(|_| is_handed_over);
    let data = secret.data.insert(kept.unwrap_or_default());
    data.insert(
        auth_id.clone(),
        ByteString(pair.auth_id.as_str().as_bytes().to_vec()),
    );
    data.insert(
        auth_token.clone(),
        ByteString(pair.auth_token.expose().as_bytes().to_vec()),
    );
    let labels = secret.metadata.labels.get_or_insert_default();
    labels.extend(reference.labels.clone());
    labels.insert(crd::MANAGED_BY_LABEL.to_owned(), crd::MANAGED_BY.to_owned());
    labels.insert(crd::SUBACCOUNT_LABEL.to_owned(), object.name_any());
    managed::apply(secret, reference, managers);
    let annotations = secret.metadata.annotations.get_or_insert_default();
    annotations.extend(reference.annotations.clone());
    annotations.insert(crd::AUTH_ID_ANNOTATION.to_owned(), pair.auth_id.to_string());
    if is_handed_over {
        annotations.insert(crd::HANDED_OVER_ANNOTATION.to_owned(), "true".to_owned());
    }
    let owner = owner_reference(object);
    let owners = secret.metadata.owner_references.get_or_insert_default();
    match owners.iter_mut().find(|reference| reference.uid == owner.uid) {
        Some(existing) => *existing = owner,
        None => owners.push(owner),
    }
}

/// An existing Secret as it should be.
#[must_use]
pub fn wanted(secret: &Secret, object: &Subaccount, pair: &Credentials, managers: &[FieldManager]) -> Secret {
    let mut wanted = secret.clone();
    apply(&mut wanted, object, pair, managers);
    wanted
}

/// Whose the Secret is, and whether it says what it should. One that lost its owner is taken back if it holds this very pair.
#[must_use]
pub fn judge(
    secret: &Secret,
    object: &Subaccount,
    pair: Option<&Credentials>,
    managers: &[FieldManager],
) -> UserSecret {
    let may_be_written = may_be_written(secret, object);
    let Some(pair) = pair.filter(|pair| may_be_written || holds_just(secret, object, pair)) else {
        return if may_be_written {
            UserSecret::Different
        } else {
            UserSecret::Foreign
        };
    };
    if managed::same(secret, &wanted(secret, object, pair, managers)) {
        UserSecret::Good
    } else {
        UserSecret::Different
    }
}

/// Whether this very object (not an earlier one of its name) controls the Secret, and it can hold a pair. A type cannot be
/// changed, and another one says that the Secret is meant for something else.
#[must_use]
pub fn is_ours(secret: &Secret, object: &Subaccount) -> bool {
    let uid = object.uid();
    is_generic(secret)
        && secret
            .owner_references()
            .iter()
            .any(|owner| owner.controller == Some(true) && Some(&owner.uid) == uid.as_ref())
}

/// Whether an earlier object of this name controls the Secret: it goes by itself, with the object that it belonged to.
#[must_use]
pub fn is_of_earlier_object(secret: &Secret, object: &Subaccount) -> bool {
    let own = owner_reference(object);
    secret.owner_references().iter().any(|owner| {
        let same_name = (&owner.kind, &owner.name) == (&own.kind, &own.name);
        let same_group = owner.api_version.split('/').next() == Some(crd::GROUP);
        owner.controller == Some(true) && same_name && same_group && owner.uid != own.uid
    })
}

/// Whether nobody controls the Secret, and it can hold a pair: backup tools and `--cascade=orphan` take the owner off.
#[must_use]
pub fn is_unowned(secret: &Secret) -> bool {
    let controlled = secret
        .owner_references()
        .iter()
        .any(|owner| owner.controller == Some(true));
    is_generic(secret) && !controlled
}

/// Whether the Secret is the object's, or its user hands it over.
#[must_use]
pub fn may_be_written(secret: &Secret, object: &Subaccount) -> bool {
    is_ours(secret, object) || allows_adoption(secret, object)
}

/// Whether nobody but this object controls the Secret, and its user says that it may be taken over.
#[must_use]
pub fn allows_adoption(secret: &Secret, object: &Subaccount) -> bool {
    let allowed = secret.annotations().get(crd::ALLOW_ADOPTION_ANNOTATION);
    allowed.is_some_and(|value| value == "true") && (is_unowned(secret) || is_ours(secret, object))
}

/// Whether its user hands the Secret over, or once has: taking the word off again, once it has served, must cost no key.
fn is_handed_over(secret: &Secret, object: &Subaccount) -> bool {
    let was = secret.annotations().get(crd::HANDED_OVER_ANNOTATION);
    allows_adoption(secret, object) || (is_ours(secret, object) && was.is_some_and(|value| value == "true"))
}

/// Whether a Secret without an owner was written for an object of this name.
#[must_use]
pub fn was_written_for(secret: &Secret, object: &Subaccount) -> bool {
    let labels = secret.labels();
    let is = |label: &str, value: &str| labels.get(label).is_some_and(|found| found == value);
    is_unowned(secret)
        && is(crd::MANAGED_BY_LABEL, crd::MANAGED_BY)
        && is(crd::SUBACCOUNT_LABEL, &object.name_any())
}

/// Whether nobody controls the Secret, and it holds the pair and nothing that would be lost with it.
fn holds_just(secret: &Secret, object: &Subaccount, pair: &Credentials) -> bool {
    let keys = &object.spec.secret_ref.keys;
    is_unowned(secret)
        && secret.data.as_ref().is_some_and(|data| data.len() == 2)
        && pair_in(secret, keys).as_ref() == Some(pair)
}

fn is_generic(secret: &Secret) -> bool {
    secret.type_.as_deref().is_none_or(|type_| type_ == TYPE)
}

/// The pair that the Secret holds under the keys of the spec, if it can be one.
#[must_use]
pub fn pair_in(secret: &Secret, keys: &SecretKeys) -> Option<Credentials> {
    let text = |key: &str| std::str::from_utf8(&secret.data.as_ref()?.get(key)?.0).ok();
    Some(Credentials {
        // A main account's pair is no subaccount's, whoever put it there.
        auth_id: AuthId::parse(text(&keys.auth_id)?)
            .ok()
            .filter(|id| !id.says_main_account())?,
        auth_token: AuthToken::parse(text(&keys.auth_token)?).ok()?,
    })
}

/// `blockOwnerDeletion` stays unset: it needs a right on finalizers where `OwnerReferencesPermissionEnforcement` is on.
fn owner_reference(object: &Subaccount) -> OwnerReference {
    OwnerReference {
        api_version: Subaccount::api_version(&()).into_owned(),
        kind: Subaccount::kind(&()).into_owned(),
        name: object.name_any(),
        uid: object.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judge(secret: &Secret, object: &Subaccount, pair: Option<&Credentials>) -> UserSecret {
        super::judge(secret, object, pair, &[])
    }

    fn object() -> Subaccount {
        serde_json::from_value(json!({
            "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
            "metadata": {"name": "acme", "namespace": "team", "uid": "u-1"},
            "spec": {"accountRef": {"name": "main"}, "secretRef": {
                "keys": {"authId": "ID", "authToken": "TOKEN"}, "labels": {"team": "voice"}}},
        }))
        .unwrap()
    }

    fn pair(token: &str) -> Credentials {
        Credentials {
            auth_id: AuthId::parse("SA_ONE").unwrap(),
            auth_token: AuthToken::parse(token).unwrap(),
        }
    }

    #[test]
    fn the_secret_holds_the_pair_under_the_keys_of_the_spec_and_nothing_else() {
        let secret = build(&object(), &pair("token"));
        let keys: Vec<_> = secret.data.as_ref().unwrap().keys().collect();
        assert_eq!(keys, ["ID", "TOKEN"]);
        assert_eq!(secret.metadata.name.as_deref(), Some("acme-vobiz"));
        assert_eq!(
            pair_in(&secret, &object().spec.secret_ref.keys),
            Some(pair("token"))
        );
        assert_eq!(
            pair_in(&secret, &SecretKeys::default()),
            None,
            "other keys hold no pair"
        );
        let owner = &secret.metadata.owner_references.as_ref().unwrap()[0];
        assert_eq!((owner.controller, owner.block_owner_deletion), (Some(true), None));
        assert_eq!(judge(&secret, &object(), Some(&pair("token"))), UserSecret::Good);
    }

    #[test]
    fn every_change_of_what_is_ours_is_seen_and_put_back() {
        let changes: [fn(&mut Secret); 6] = [
            |secret| drop(secret.data.as_mut().unwrap().remove("TOKEN")),
            |secret| {
                drop(
                    secret
                        .data
                        .as_mut()
                        .unwrap()
                        .insert("ID".to_owned(), ByteString(b"SA_TWO".to_vec())),
                );
            },
            |secret| {
                drop(
                    secret
                        .data
                        .as_mut()
                        .unwrap()
                        .insert("MORE".to_owned(), ByteString(Vec::new())),
                );
            },
            |secret| drop(secret.metadata.labels.as_mut().unwrap().remove("team")),
            |secret| {
                drop(
                    secret
                        .metadata
                        .annotations
                        .as_mut()
                        .unwrap()
                        .remove(crd::AUTH_ID_ANNOTATION),
                );
            },
            |secret| secret.data = None,
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut secret = build(&object(), &pair("token"));
            change(&mut secret);
            assert_eq!(
                judge(&secret, &object(), Some(&pair("token"))),
                UserSecret::Different,
                "{number}"
            );
            apply(&mut secret, &object(), &pair("token"), &[]);
            assert_eq!(
                judge(&secret, &object(), Some(&pair("token"))),
                UserSecret::Good,
                "{number}"
            );
        }
        let secret = build(&object(), &pair("token"));
        assert_eq!(
            judge(&secret, &object(), Some(&pair("new"))),
            UserSecret::Different
        );
        assert_eq!(
            judge(&secret, &object(), None),
            UserSecret::Different,
            "nothing to compare it with"
        );
    }

    #[test]
    fn what_others_added_to_the_metadata_stays() {
        let mut secret = build(&object(), &pair("token"));
        secret
            .metadata
            .labels
            .as_mut()
            .unwrap()
            .insert("theirs".to_owned(), "1".to_owned());
        assert_eq!(judge(&secret, &object(), Some(&pair("token"))), UserSecret::Good);
        apply(&mut secret, &object(), &pair("new"), &[]);
        assert!(secret.metadata.labels.unwrap().contains_key("theirs"));
    }

    #[test]
    fn a_secret_of_anybody_else_is_foreign_even_of_an_earlier_object_of_the_name() {
        let of_owner = |change: fn(&mut OwnerReference)| {
            let mut secret = build(&object(), &pair("token"));
            change(&mut secret.metadata.owner_references.as_mut().unwrap()[0]);
            judge(&secret, &object(), Some(&pair("token")))
        };
        assert_eq!(
            of_owner(|owner| owner.uid = "u-0".to_owned()),
            UserSecret::Foreign
        );
        assert_eq!(judge(&Secret::default(), &object(), None), UserSecret::Foreign);
    }

    #[test]
    fn a_secret_that_lost_its_owner_is_taken_back_only_if_it_holds_the_very_pair_and_nothing_else() {
        let judged = |change: fn(&mut Secret)| {
            let mut secret = build(&object(), &pair("token"));
            secret.metadata.owner_references = None;
            change(&mut secret);
            judge(&secret, &object(), Some(&pair("token")))
        };
        assert_eq!(judged(|_| {}), UserSecret::Different, "the owner is put back");
        assert_eq!(
            judged(|secret| secret.metadata.labels = None),
            UserSecret::Different,
            "labels prove nothing, and their absence neither"
        );
        let others: [fn(&mut Secret); 3] = [
            |secret| {
                let data = secret.data.as_mut().unwrap();
                data.insert("TOKEN".to_owned(), ByteString(b"other".to_vec()));
            },
            |secret| {
                let data = secret.data.as_mut().unwrap();
                data.insert("MORE".to_owned(), ByteString(Vec::new()));
            },
            |secret| {
                let other = OwnerReference {
                    uid: "u-9".to_owned(),
                    kind: "ConfigMap".to_owned(),
                    controller: Some(true),
                    ..OwnerReference::default()
                };
                secret.metadata.owner_references = Some(vec![other]);
            },
        ];
        for (number, change) in others.into_iter().enumerate() {
            assert_eq!(judged(change), UserSecret::Foreign, "{number}");
        }
    }

    #[test]
    fn a_secret_without_an_owner_was_written_for_an_object_if_its_labels_say_so() {
        let written = |change: fn(&mut Secret)| {
            let mut secret = build(&object(), &pair("token"));
            secret.metadata.owner_references = None;
            change(&mut secret);
            was_written_for(&secret, &object())
        };
        assert!(written(|_| {}));
        assert!(!written(|secret| secret.metadata.labels = None));
        assert!(!written(|secret| {
            let labels = secret.metadata.labels.as_mut().unwrap();
            labels.insert(crd::SUBACCOUNT_LABEL.to_owned(), "other".to_owned());
        }));
        assert!(
            !was_written_for(&build(&object(), &pair("token")), &object()),
            "it has an owner"
        );
    }

    #[test]
    fn a_secret_of_an_earlier_object_of_the_name_is_told_from_those_of_others() {
        let is_earlier = |change: fn(&mut OwnerReference)| {
            let mut secret = build(&object(), &pair("token"));
            change(&mut secret.metadata.owner_references.as_mut().unwrap()[0]);
            is_of_earlier_object(&secret, &object())
        };
        assert!(is_earlier(|owner| owner.uid = "u-0".to_owned()));
        assert!(!is_earlier(|_| {}), "its own");
        let others: [fn(&mut OwnerReference); 4] = [
            |owner| owner.name = "other".to_owned(),
            |owner| owner.kind = "Account".to_owned(),
            |owner| owner.api_version = "example.com/v1".to_owned(),
            |owner| owner.controller = None,
        ];
        for change in others {
            let mut secret = build(&object(), &pair("token"));
            let owner = &mut secret.metadata.owner_references.as_mut().unwrap()[0];
            owner.uid = "u-0".to_owned();
            change(owner);
            assert!(!is_of_earlier_object(&secret, &object()));
        }
        assert!(!is_of_earlier_object(&Secret::default(), &object()));
    }

    #[test]
    fn a_secret_of_another_type_is_foreign_whoever_it_says_controls_it() {
        let mut secret = build(&object(), &pair("token"));
        for (type_, wanted) in [
            (None, UserSecret::Good),
            (Some("Opaque"), UserSecret::Good),
            (Some("kubernetes.io/basic-auth"), UserSecret::Foreign),
            (Some("example.com/pair"), UserSecret::Foreign),
        ] {
            secret.type_ = type_.map(str::to_owned);
            assert_eq!(
                judge(&secret, &object(), Some(&pair("token"))),
                wanted,
                "{type_:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_a_pair_is_none() {
        for (key, value) in [
            ("ID", "MA_PARENT"),
            ("ID", ""),
            ("TOKEN", "two words"),
            ("TOKEN", "<redacted>"),
        ] {
            let mut secret = build(&object(), &pair("token"));
            secret
                .data
                .as_mut()
                .unwrap()
                .insert(key.to_owned(), ByteString(value.as_bytes().to_vec()));
            assert_eq!(
                pair_in(&secret, &object().spec.secret_ref.keys),
                None,
                "{key} {value}"
            );
        }
    }

    #[test]
    fn a_secret_that_its_user_hands_over_is_written_and_its_other_keys_stay() {
        let foreign = |annotations: serde_json::Value, owners: serde_json::Value| -> Secret {
            serde_json::from_value(json!({
                "metadata": {"name": "acme-vobiz", "annotations": annotations, "ownerReferences": owners},
                "data": {"PASSWORD": "c2VjcmV0"},
            }))
            .unwrap()
        };
        let handed_over = json!({"vobiz.ai/allow-adoption": "true"});
        let of = |kind: &str, uid: &str| json!([{"apiVersion": "vobiz.ai/v1alpha1", "kind": kind, "name": "acme", "uid": uid, "controller": true}]);
        for (secret, may_be_written) in [
            (foreign(handed_over.clone(), json!([])), true),
            (foreign(handed_over.clone(), of("Subaccount", "u-1")), true),
            (foreign(json!({}), json!([])), false),
            (
                foreign(json!({"vobiz.ai/allow-adoption": "yes"}), json!([])),
                false,
            ),
            (foreign(handed_over.clone(), of("Subaccount", "u-2")), false),
            (foreign(handed_over.clone(), of("SealedSecret", "u-3")), false),
        ] {
            let found = judge(&secret, &object(), Some(&pair("token")));
            let expected = if may_be_written {
                UserSecret::Different
            } else {
                UserSecret::Foreign
            };
            assert_eq!(found, expected, "{secret:?}");
        }
        let mut secret = foreign(handed_over, json!([]));
        apply(&mut secret, &object(), &pair("token"), &[]);
        assert!(secret.data.as_ref().unwrap().contains_key("PASSWORD"));
        assert!(is_ours(&secret, &object()));
        assert_eq!(judge(&secret, &object(), Some(&pair("token"))), UserSecret::Good);
        secret
            .metadata
            .annotations
            .as_mut()
            .unwrap()
            .remove(crd::ALLOW_ADOPTION_ANNOTATION);
        assert_eq!(judge(&secret, &object(), Some(&pair("token"))), UserSecret::Good);
        apply(&mut secret, &object(), &pair("new"), &[]);
        assert!(
            secret.data.as_ref().unwrap().contains_key("PASSWORD"),
            "the word has served"
        );
        secret.metadata.owner_references = None;
        assert_eq!(
            judge(&secret, &object(), Some(&pair("new"))),
            UserSecret::Foreign,
            "it gives no right to another object"
        );
    }
}
