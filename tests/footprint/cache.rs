//! What a watch keeps of the objects that an API server lists.

use http::{Request, Response};
use kube::client::Body;
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use std::convert::{Infallible, identity};
use vobiz_operator::account::watches::own_part;
use vobiz_operator::controller::readiness::Readiness;
use vobiz_operator::controller::wake::Guarded;
use vobiz_operator::controller::watch::{Target, watch};
use vobiz_operator::crd::Subaccount;
use vobiz_operator::metrics::Metrics;
use vobiz_operator::subaccount::kept::Keeper;

const OBJECTS: usize = 1000;
/// Bytes of heap for one that has alike with others what Subaccounts of one namespace have.
const MOST_PER_OBJECT: usize = 600;
/// Bytes of heap for one that has nothing alike with any other.
const MOST_PER_STRANGE_OBJECT: usize = 3500;

/// As [`subaccount`], in a namespace and under an Account of its own, with conditions that no other has.
fn strange(number: usize) -> Value {
    let mut object = subaccount(number);
    let own = json!(format!("team-{number:06}"));
    for place in [
        "/metadata/namespace",
        "/metadata/annotations/vobiz.ai~1reconcile-requested-at",
        "/spec/accountRef/name",
        "/spec/secretRef/labels/team",
        "/status/parentAuthId",
        "/status/conditions/0/message",
        "/status/conditions/1/message",
        "/status/conditions/2/message",
        "/status/conditions/3/message",
    ] {
        *object.pointer_mut(place).unwrap() = own.clone();
    }
    object
}

/// A Subaccount with every field, applied by `kubectl` and served by the operator, as an API server sends it.
fn subaccount(number: usize) -> Value {
    let spec = json!({
        "accountRef": {"name": "vobiz"}, "name": format!("Customer {number:06}"), "enabled": true,
        "description": format!("Customer {number:06} of the northern region"),
        "email": format!("customer-{number:06}@example.com"), "phone": "+919876543210", "rateLimit": 1000,
        "permissions": {"calls": true, "cdr": true}, "deletion": {"policy": "Delete", "cascade": false},
        "secretRef": {"name": format!("customer-{number:06}-vobiz"), "labels": {"team": "north"}},
    });
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": message, "observedGeneration": 3,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    };
    let manager = |name: &str, subresource: &str, fields: &Value| {
        json!({
            "manager": name, "operation": "Update", "apiVersion": "vobiz.ai/v1alpha1", "time": "2026-01-01T00:00:00Z",
            "subresource": subresource, "fieldsType": "FieldsV1", "fieldsV1": {"f:owned": fields},
        })
    };
    json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount",
        "metadata": {
            "name": format!("customer-{number:06}"), "namespace": "team-north",
            "uid": format!("00000000-0000-4000-8000-{number:012}"), "resourceVersion": format!("{number}"),
            "generation": 3, "creationTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["vobiz.ai/subaccount"],
            "labels": {
                "app.kubernetes.io/name": "customers", "app.kubernetes.io/instance": format!("customer-{number:06}"),
                "app.kubernetes.io/managed-by": "Helm", "kustomize.toolkit.fluxcd.io/name": "customers",
                "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
            },
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "ConfigMap", "name": "customers",
                "uid": "00000000-0000-4000-8000-ffffffffffff",
            }],
            "annotations": {
                "meta.helm.sh/release-name": "customers", "meta.helm.sh/release-namespace": "team-north",
                "vobiz.ai/reconcile-requested-at": "2026-01-01T00:00:00Z",
                "kubectl.kubernetes.io/last-applied-configuration": spec.to_string()},
            "managedFields": [
                manager("kubectl-client-side-apply", "", &spec),
                manager("vobiz-operator", "", &json!({"f:finalizers": {}})),
                manager("vobiz-operator", "status", &spec),
            ],
        },
        "spec": spec,
        "status": {
            "observedGeneration": 3, "authId": format!("SA_{number:08}"), "parentAuthId": "MA_PARENT01",
            "secretName": format!("customer-{number:06}-vobiz"), "apiGeneration": "Gen2",
            "kyc": {"mode": "personal_use", "callsBlocked": false},
            "conditions": [
                condition("Ready", "Available", "The subaccount is as its spec says"),
                condition("Synced", "ReconcileSuccess", "Vobiz has accepted what the spec says"),
                condition("CredentialsPublished", "SecretWritten", "The Secret holds the pair of the subaccount"),
                condition("CallsAllowed", "KycNotRequired", "Vobiz allows calls"),
            ],
        },
    })
}

/// An API server that lists these objects, and at which nothing happens afterwards.
fn server(list: Vec<u8>) -> Client {
    let answer = move |request: Request<Body>| {
        let watches = request.uri().query().unwrap_or_default().contains("watch=true");
        // The watch is open for as long as the heap is looked at, and must hold no list.
        let list = (!watches).then(|| list.clone());
        async move {
            match list {
                Some(list) => Ok::<_, Infallible>(Response::new(Body::from(list))),
                None => std::future::pending().await,
            }
        }
    };
    Client::new(tower::service_fn(answer), "default")
}

fn heap() -> usize {
    dhat::HeapStats::get().curr_bytes
}

#[test]
fn a_cached_subaccount_takes_a_fraction_of_what_an_api_server_sends() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let per_object = taken_per_object(subaccount);
    println!("{per_object} bytes of heap per object");
    assert!(per_object > 250, "{per_object} bytes: nothing was kept");
    assert!(per_object <= MOST_PER_OBJECT, "{per_object} bytes");
    let per_strange_object = taken_per_object(strange);
    println!("{per_strange_object} bytes of heap per object that has nothing alike with any other");
    assert!(
        per_strange_object > per_object,
        "{per_strange_object} bytes: they are alike"
    );
    assert!(
        per_strange_object <= MOST_PER_STRANGE_OBJECT,
        "{per_strange_object} bytes"
    );
}

fn taken_per_object(subaccount: fn(usize) -> Value) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let items: Vec<_> = (0..OBJECTS).map(subaccount).collect();
    let list = json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "SubaccountList", "metadata": {"resourceVersion": "1"},
        "items": items,
    });
    let client = runtime.block_on(async { server(serde_json::to_vec(&list).unwrap()) });
    drop((items, list));
    runtime.block_on(async {
        let api: Api<Guarded<Subaccount>> = Api::all(client);
        let target = Target {
            kind: "Subaccount",
            place: String::new(),
            api,
            selection: watcher::Config::default(),
            metrics: Metrics::new(false, "1", "c"),
            readiness: Readiness::default(),
        };
        let before = heap();
        let mut keeper = Keeper::default();
        let keep = move |object: &Guarded<Subaccount>| keeper.keep(object);
        let watch = watch(target, identity, keep, own_part, |_, ()| false);
        let task = tokio::spawn(watch.task);
        watch.cache.complete().await.unwrap();
        let taken = heap().saturating_sub(before);
        assert_eq!(watch.cache.len(), OBJECTS);
        for kept in watch.cache.those(|_| true) {
            let object = kept.whole();
            assert!(object.0.is_ok(), "all can be read");
            let annotations: Vec<_> = object.annotations().keys().collect();
            assert_eq!(annotations, ["vobiz.ai/reconcile-requested-at"]);
            assert!(object.labels().is_empty() && object.owner_references().is_empty());
        }
        task.abort();
        taken / OBJECTS
    })
}
