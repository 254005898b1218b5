//! Looks at the definitions, at the operator, and at who may do what. I/O: a bounded number of requests.

use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::{
    SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::check::{Check, Part};
use super::definitions;
use super::rights::{self, Right};
use super::running::{self, Leader};
use super::settings::Settings;
use crate::clock::wall_clock;
use crate::controller::cluster::{ClusterError, ask, body};
use crate::controller::versioned::{Versioned, get_versioned};
use crate::crd::custom_resource_definitions;
use crate::kubectl::failure::Failure;
use crate::kubectl::session::Session;
use crate::kubectl::sight::{Seen, pages};

/// Questions about rights that are asked at a time.
const AT_A_TIME: usize = 8;
/// After which a holder that renews its Lease, as it does every two seconds, has done so.
const SECOND_LOOK: Duration = Duration::from_secs(5);

/// Every check of the installation, in order. `namespace`: the one that is looked at; none: all.
pub async fn all(session: &Session, namespace: Option<&str>) -> Vec<Check> {
    let mut checks = Vec::new();
    for expected in custom_resource_definitions() {
        checks.push(definition(session, &expected).await);
    }
    let (running, settings) = operator(session).await;
    checks.extend(running);
    checks.push(leader(session, settings.as_ref()).await);
    checks.extend(operator_rights(session, &settings.unwrap_or_default()).await);
    checks.extend(own_rights(session, namespace).await);
    checks
}

async fn definition(session: &Session, expected: &CustomResourceDefinition) -> Check {
    let api: Api<CustomResourceDefinition> = Api::all(session.cluster.clone());
    let name = expected.metadata.name.clone().unwrap_or_default();
    let read = get_versioned(&api, &name).await;
    match Seen::of(&name, read.map(|read| read.map(Versioned::into_object))) {
        Ok(found) => definitions::judge(expected, &found),
        Err(failure) => Check::failed(Part::Definition, name, &failure),
    }
}

/// How the operator runs, and how it is set; none where that is not seen.
async fn operator(session: &Session) -> (Vec<Check>, Option<Settings>) {
    let namespace = &session.operator_namespace;
    let deployments = labelled::<Deployment>(session, "Deployments").await;
    let pods = labelled::<Pod>(session, "Pods").await;
    let first = |found: &Seen<Vec<Deployment>>| Some(Settings::of(found.shown()?.first()?));
    let settings = deployments.as_ref().ok().and_then(first);
    let mut checks = match deployments {
        Ok(found) => running::deployments(&found, namespace),
        Err(failure) => vec![Check::failed(Part::Operator, "Deployments", &failure)],
    };
    checks.extend(match pods {
        Ok(found) => running::pods(&found, namespace),
        Err(failure) => vec![Check::failed(Part::Operator, "Pods", &failure)],
    });
    (checks, settings)
}

/// What carries the operator's label in its namespace.
async fn labelled<K>(session: &Session, what: &str) -> Result<Seen<Vec<K>>, Failure>
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope> + Clone + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(session.cluster.clone(), &session.operator_namespace);
    let parameters = ListParams::default().labels(&format!("app.kubernetes.io/name={}", crate::NAME));
    let mut found = Vec::new();
    let listed = pages::each(&api, parameters, |page: Vec<K>| found.extend(page)).await;
    let what = format!("{what} in the namespace {}", session.operator_namespace);
    Seen::of(&what, listed.map(|()| found))
}

async fn leader(session: &Session, settings: Option<&Settings>) -> Check {
    match lease(session).await {
        Ok(found) => running::leader(&found, settings),
        Err(failure) => Check::failed(Part::Leader, crate::LEASE, &failure),
    }
}

/// The Lease. One that seems to be forgotten is looked at twice: its times are another machine's.
async fn lease(session: &Session) -> Result<Leader, Failure> {
    let first = read_lease(session).await?;
    let held = first.shown().cloned().flatten();
    let is_held = |lease: &Lease| {
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_ref());
        holder.is_some_and(|holder| !holder.is_empty())
    };
    let Some(held) = held.filter(is_held) else {
        return Ok(Leader {
            lease: first,
            is_renewed: false,
        });
    };
    if running::looks_renewed(&held, wall_clock()) {
        return Ok(Leader {
            lease: first,
            is_renewed: true,
        });
    }
    tokio::time::sleep(SECOND_LOOK).await;
    let second = read_lease(session).await?;
    let is_renewed = second
        .shown()
        .is_some_and(|now| now.as_ref().is_some_and(|now| now.spec != held.spec));
    Ok(Leader {
        lease: second,
        is_renewed,
    })
}

async fn read_lease(session: &Session) -> Result<Seen<Option<Lease>>, Failure> {
    let api: Api<Lease> = Api::namespaced(session.cluster.clone(), &session.operator_namespace);
    let read = get_versioned(&api, crate::LEASE).await;
    let what = format!(
        "Lease {} in the namespace {}",
        crate::LEASE,
        session.operator_namespace
    );
    Seen::of(&what, read.map(|read| read.map(Versioned::into_object)))
}

/// What the operator may do, asked of the API server about its `ServiceAccount`.
async fn operator_rights(session: &Session, settings: &Settings) -> Vec<Check> {
    let namespace = &session.operator_namespace;
    let user = format!("system:serviceaccount:{namespace}:{}", settings.service_account);
    let groups = vec![
        "system:authenticated".to_owned(),
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
    ];
    let asked = rights::of_operator(settings, namespace).into_iter().map(|right| {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(user.clone()),
                groups: Some(groups.clone()),
                resource_attributes: Some(right.attributes()),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let cluster = session.cluster.clone();
        async move {
            let answer: SubjectAccessReview = reviewed(&cluster, &review).await?;
            Ok((right, answer.status.is_some_and(|status| status.allowed)))
        }
    });
    let answers = futures::stream::iter(asked).buffered(AT_A_TIME);
    let answers: Vec<Result<(Right, bool), ClusterError>> = answers.collect().await;
    let answers: Result<Vec<_>, _> = answers.into_iter().collect();
    match Seen::of(&format!("the rights of {user}"), answers) {
        Ok(Seen::Shown(answers)) => rights::judge_operator(&user, &answers),
        Ok(Seen::Hidden(why)) => vec![Check::unseen(Part::OperatorRights, user, &why)],
        Err(failure) => vec![Check::failed(Part::OperatorRights, user, &failure)],
    }
}

/// What the caller may do.
async fn own_rights(session: &Session, namespace: Option<&str>) -> Vec<Check> {
    let needs = rights::of_caller(namespace, &session.operator_namespace);
    let asked = needs.into_iter().map(|(right, effect)| {
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(right.attributes()),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let cluster = session.cluster.clone();
        async move {
            let answer: SelfSubjectAccessReview = reviewed(&cluster, &review).await?;
            Ok((right, effect, answer.status.is_some_and(|status| status.allowed)))
        }
    });
    let answers = futures::stream::iter(asked).buffered(AT_A_TIME);
    let answers: Vec<Result<_, ClusterError>> = answers.collect().await;
    let answers: Result<Vec<_>, _> = answers.into_iter().collect();
    match Seen::of("your rights", answers) {
        Ok(Seen::Shown(answers)) => rights::judge_caller(&answers),
        Ok(Seen::Hidden(why)) => vec![Check::unseen(Part::OwnRights, "you", &why)],
        Err(failure) => vec![Check::failed(Part::OwnRights, "you", &failure)],
    }
}

/// A question to the API server, which has the form of a create: nothing is stored.
async fn reviewed<K>(cluster: &Client, review: &K) -> Result<K, ClusterError>
where
    K: Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned,
{
    let api: Api<K> = Api::all(cluster.clone());
    ask(&api, |request| {
        request.create(&PostParams::default(), body(review)?)
    })
    .await
}
