//! Every part of an object made odd in turn, among objects that are good. PURE.

use super::*;
use crate::account::marker::Series;
use crate::crd::{Account, Subaccount};
use crate::subaccount::store::record::{RECORD_TYPE, Record, Subject, encode, secret_name};
use crate::subaccount::store::records::{Change, Records};
use crate::vobiz::{Generation, ParentAuthId};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::core::{ObjectList, PartialObjectMeta, WatchEvent};
use kube::runtime::watcher::Event;
use proptest::prelude::*;
use serde::Serialize;
use serde_json::json;

/// The API server keeps it, and no date type here can hold it.
const FAR: &str = "9999-12-31T23:59:59Z";

/// Parts that nobody reads.
const UNREAD: [&str; 4] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
];

fn metadata(name: &str) -> Value {
    json!({
        "name": name, "namespace": "team", "uid": format!("uid-of-{name}"), "resourceVersion": "7", "generation": 3,
        "generateName": "customer-", "creationTimestamp": "2026-01-01T00:00:00Z", "selfLink": "/x",
        "deletionTimestamp": "2026-01-02T00:00:00Z", "deletionGracePeriodSeconds": 0,
        "finalizers": ["vobiz.ai/subaccount", "theirs"], "labels": {"team": "voice"},
        "annotations": {"vobiz.ai/paused": "true"},
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "all", "uid": "1", "controller": true},
        ],
        "managedFields": [{
            "manager": "kubectl", "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:name": {}}},
        }],
    })
}

fn subaccount(name: &str) -> Value {
    json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "metadata": metadata(name),
        "spec": {
            "accountRef": {"name": "vobiz"}, "name": "Customer", "enabled": true, "rateLimit": 1000,
            "permissions": {"calls": true, "cdr": true}, "deletion": {"policy": "Delete", "cascade": false},
            "secretRef": {"name": "customer-vobiz", "labels": {"team": "north"}},
        },
        "status": {
            "observedGeneration": 3, "authId": "SA_1", "parentAuthId": "MA_1", "secretName": "customer-vobiz",
            "kyc": {"mode": "personal_use", "callsBlocked": false},
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Available", "message": "", "observedGeneration": 3,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
        },
    })
}

fn account(name: &str) -> Value {
    json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Account", "metadata": metadata(name),
        "spec": {
            "credentialsSecretRef": {"name": "credentials"}, "namePrefix": "dev-", "resyncIntervalSeconds": 60,
            "rateLimit": {"requestsPerSecond": 5, "burst": 9}, "defaults": {"deletion": {"policy": "Retain"}},
        },
        "status": {"observedGeneration": 3, "authId": "MA_1", "subaccounts": {"managed": 1, "found": 1, "orphaned": 0}},
    })
}

fn secret(name: &str) -> Value {
    let data = json!({"auth_id": "U0FfMQ==", "auth_token": "dG9rZW4="});
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": metadata(name), "type": "Opaque", "immutable": true,
        "data": data,
    })
}

fn namespace(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": metadata(name),
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
    })
}

/// The same without what nobody reads: what a strict reader may be given.
fn without_unread(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|part, _| !UNREAD.contains(&part.as_str()));
    }
    object
}

/// Pointers to every part of it, and to some that it might have.
fn places(object: &Value) -> Vec<String> {
    fn below(at: &str, value: &Value, places: &mut Vec<String>) {
        let mut enter = |key: &str, value: &Value| {
            let place = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
            places.push(place.clone());
            below(&place, value, places);
        };
        match value {
            Value::Object(parts) => {
                parts.iter().for_each(|(key, value)| enter(key, value));
                enter("another", &Value::Null);
            }
            Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    enter(&index.to_string(), value);
                }
            }
            _ => {}
        }
    }
    let mut places = Vec::new();
    below("", object, &mut places);
    places
}

fn put(object: &mut Value, place: &str, value: Value) {
    let (parent, key) = place.rsplit_once('/').unwrap();
    match object.pointer_mut(parent).unwrap() {
        Value::Object(parts) => drop(parts.insert(key.replace("~1", "/").replace("~0", "~"), value)),
        Value::Array(values) => values[key.parse::<usize>().unwrap()] = value,
        other => panic!("{other} has no parts"),
    }
}

fn nested(levels: usize, opening: fn(Value) -> Value) -> Value {
    (0..levels).fold(Value::Null, |inner, _| opening(inner))
}

fn oddities() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1.5),
        json!(1e300),
        json!(""),
        json!("odd"),
        json!(FAR),
        json!("\u{0}"),
        json!([]),
        json!([null]),
        // As many as metadata has parts that are read: a type that derives its reading takes them in order.
        json!([null, null, null, null, null, null, null, null, null, null, null]),
        json!([[FAR]]),
        json!({}),
        json!({"odd": {"time": FAR}}),
        json!([{"manager": "m", "operation": "Update", "time": FAR}]),
        nested(150, |inner| json!([inner])),
        nested(150, |inner| json!({ "f:a": inner })),
    ]
}

/// As a strict reader shows it, without what nobody reads; none if that is not readable.
fn strictly<K: DeserializeOwned + Serialize>(object: &Value) -> Option<Value> {
    let read: K = serde_json::from_value(without_unread(object.clone())).ok()?;
    // An object without metadata is no object, whatever its type says.
    object["metadata"].is_object().then_some(())?;
    Some(serde_json::to_value(read).unwrap())
}

fn shown<K: Serialize>(object: &Guarded<K>) -> Option<Value> {
    let object = object.0.as_ref().ok()?;
    Some(serde_json::to_value(object).unwrap())
}

fn is_nested_too_deep(object: &Value) -> bool {
    serde_json::from_str::<Value>(&object.to_string()).is_err()
}

/// Reads the odd one in a list of three, in a watch, and alone, and compares with the strict reader.
fn hold<K>(good: fn(&str) -> Value, odd: &Value)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize,
    K::Scope: 'static,
{
    let (before, after) = (good("first"), good("last"));
    let list = json!({
        "apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "9"}, "items": [before, odd, after],
    });
    let read: ObjectList<Guarded<K>> = serde_json::from_str(&list.to_string()).unwrap();
    assert_eq!(read.items.len(), 3);
    assert!(shown(&read.items[0]).is_some());
    assert_eq!(shown(&read.items[0]), strictly::<K>(&before));
    assert_eq!(shown(&read.items[2]), strictly::<K>(&after));
    assert_eq!(shown(&read.items[1]), strictly::<K>(odd), "{odd}");

    // In the order in which the API server writes it.
    let event = format!("{{\"type\":\"MODIFIED\",\"object\":{odd}}}");
    let WatchEvent::Modified(watched) = serde_json::from_str::<WatchEvent<Guarded<K>>>(&event).unwrap()
    else {
        panic!("another event")
    };
    assert_eq!(shown(&watched), strictly::<K>(odd));
    // In another one, as whoever stands between may write it.
    let event = format!("{{\"object\":{odd},\"type\":\"ADDED\"}}");
    let event = serde_json::from_str::<WatchEvent<Guarded<K>>>(&event);
    // serde takes such an object apart before we see it, and nothing that is nested too deep.
    let is_deep = event.is_err() && is_nested_too_deep(odd);
    if !is_deep {
        let WatchEvent::Added(watched) = event.unwrap() else {
            panic!("another event")
        };
        assert_eq!(shown(&watched), strictly::<K>(odd));
    }
    let alone: Guarded<K> = serde_json::from_str(&odd.to_string()).unwrap();
    assert_eq!(alone.meta(), watched.meta());
    let known = |part: &str| {
        odd["metadata"][part]
            .as_str()
            .is_some_and(|part| !part.is_empty())
    };
    let is_placed = TypeId::of::<K::Scope>() == TypeId::of::<ClusterResourceScope>() || known("namespace");
    assert_eq!(alone.is_identified(), is_placed && known("name") && known("uid"));
}

fn every_part_in_turn<K>(good: fn(&str) -> Value)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize,
    K::Scope: 'static,
{
    for place in places(&good("odd")) {
        for oddity in oddities() {
            let mut odd = good("odd");
            put(&mut odd, &place, oddity);
            hold::<K>(good, &odd);
        }
    }
    for whole in oddities() {
        hold::<K>(good, &whole);
    }
}

#[test]
fn a_subaccount_with_any_part_odd_is_whole_or_marked_and_hurts_no_other() {
    every_part_in_turn::<Subaccount>(subaccount);
}

#[test]
fn an_account_with_any_part_odd_is_whole_or_marked_and_hurts_no_other() {
    every_part_in_turn::<Account>(account);
}

#[test]
fn a_secret_with_any_part_odd_is_whole_or_marked_and_hurts_no_other() {
    every_part_in_turn::<Secret>(secret);
}

#[test]
fn the_metadata_of_a_secret_with_any_part_odd_is_whole_or_marked_and_hurts_no_other() {
    every_part_in_turn::<PartialObjectMeta<Secret>>(secret);
}

#[test]
fn a_namespace_with_any_part_odd_is_whole_or_marked_and_hurts_no_other() {
    every_part_in_turn::<Namespace>(namespace);
}

fn record(name: &str) -> Value {
    let subject = Subject {
        namespace: "team".to_owned(),
        namespace_uid: "n-1".to_owned(),
        name: name.to_owned(),
        uid: name.to_owned(),
    };
    let parent = ParentAuthId::parse("MA_PARENT").unwrap();
    let data = encode(&Record::open(subject, parent, Generation::Gen2, Series(7)));
    let mut metadata = metadata(&secret_name(name));
    metadata["namespace"] = json!("operator");
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": RECORD_TYPE, "data": data})
}

#[test]
fn a_record_with_any_part_odd_is_whole_or_counts_as_damaged_and_hurts_no_other() {
    for place in places(&record("odd")) {
        for oddity in oddities() {
            let mut odd = record("odd");
            put(&mut odd, &place, oddity);
            let list = json!({"metadata": {"resourceVersion": "9"}, "items": [record("first"), odd, record("last")]});
            let list: ObjectList<Guarded<Secret>> = serde_json::from_str(&list.to_string()).unwrap();
            let records = Records::default();
            let mut damaged = 0;
            records.apply(&Event::Init);
            for item in list.items.into_iter().filter(Guarded::is_identified) {
                let changes = records.apply(&Event::InitApply(item.or_bare()));
                damaged += changes
                    .iter()
                    .filter(|change| matches!(change, Change::Damaged(..)))
                    .count();
            }
            records.apply(&Event::InitDone);
            assert!(records.get("first").is_some() && records.get("last").is_some());
            assert!(damaged <= 1, "{place}");
            if UNREAD.iter().any(|part| place.contains(part)) {
                assert_eq!(records.get("odd"), {
                    let whole = Records::default();
                    whole.apply(&Event::Apply(serde_json::from_value(record("odd")).unwrap()));
                    whole.get("odd")
                });
            }
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z:/.]{0,8}", inner, 0..4)
                .prop_map(|parts| Value::Object(parts.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn two_odd_parts_of_any_shape_hurt_no_other_object(
        places_at: (prop::sample::Index, prop::sample::Index),
        values in (any_json(), any_json()),
        kind in 0..4_usize,
    ) {
        let good = [subaccount, account, secret, namespace][kind];
        let mut odd = good("odd");
        let all = places(&odd);
        let place: &String = places_at.0.get(&all);
        put(&mut odd, place, values.0);
        let place: &String = places_at.1.get(&all);
        let parent = place.rsplit_once('/').unwrap().0;
        if odd.pointer(parent).is_some_and(Value::is_object) {
            put(&mut odd, place, values.1);
        }
        match kind {
            0 => hold::<Subaccount>(good, &odd),
            1 => hold::<Account>(good, &odd),
            2 => hold::<Secret>(good, &odd),
            _ => hold::<Namespace>(good, &odd),
        }
    }
}

#[test]
fn what_a_replace_must_carry_is_read_exactly_and_what_nobody_uses_not_at_all() {
    let read: Guarded<Secret> = serde_json::from_value(secret("one")).unwrap();
    let written = serde_json::to_value(read.0.unwrap()).unwrap();
    assert_eq!(written, without_unread(secret("one")));
    let stored = metadata("one");
    assert!(UNREAD.iter().all(|part| stored.get(part).is_some()));
    assert_eq!(
        written["metadata"].as_object().unwrap().len(),
        11,
        "all that a replace must carry"
    );
}

#[test]
fn an_object_that_cannot_be_read_still_says_who_it_is() {
    let mut odd = subaccount("odd");
    odd["spec"]["enabled"] = json!("perhaps");
    odd["metadata"]["labels"] = json!(["none"]);
    let read: Guarded<Subaccount> = serde_json::from_value(odd).unwrap();
    assert!(read.0.is_err() && read.is_identified());
    let metadata = read.meta();
    assert_eq!(metadata.name.as_deref(), Some("odd"));
    assert_eq!(metadata.uid.as_deref(), Some("uid-of-odd"));
    assert_eq!(metadata.resource_version.as_deref(), Some("7"));
    assert_eq!(metadata.labels, None);
}

/// What no [`Value`] can say: it stands in the text alone.
#[test]
fn what_only_a_text_can_say_is_read_as_before_and_broken_text_is_an_error_that_shows_nothing() {
    let text = r#"{"metadata":{"name":"a","namespace":"team","uid":"1"},"type":"T","type":"T"}"#;
    let twice: Guarded<Secret> = serde_json::from_str(text).unwrap();
    assert_eq!(twice.0.unwrap().type_.as_deref(), Some("T"));
    let escaped: Guarded<Secret> = serde_json::from_str(&text.replace("meta", r"m\u0065ta")).unwrap();
    assert!(escaped.is_identified() && escaped.0.is_ok());
    for broken in ["1e999", r#""\ud800""#, "tru"] {
        let object = text.replace(r#""T""#, broken);
        let list = format!(r#"{{"metadata":{{}},"items":[{object}]}}"#);
        let error = serde_json::from_str::<ObjectList<Guarded<Secret>>>(&list).unwrap_err();
        assert!(!error.to_string().contains("team"), "{error}");
    }
}

#[test]
fn one_that_is_guarded_twice_is_read_as_one_that_is_guarded_once() {
    let mut odd = subaccount("odd");
    odd["spec"]["enabled"] = json!("perhaps");
    for object in [subaccount("good"), odd] {
        let text = object.to_string();
        let once: Guarded<Subaccount> = serde_json::from_str(&text).unwrap();
        let twice: Guarded<Guarded<Subaccount>> = serde_json::from_str(&text).unwrap();
        let twice = twice.0.unwrap();
        assert_eq!(shown(&twice), shown(&once));
        assert_eq!(twice.meta(), once.meta());
    }
}
