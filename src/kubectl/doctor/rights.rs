//! What the operator must be allowed, as `manifests/` grants it, and what the caller. PURE.

use std::collections::BTreeMap;

use super::check::{Check, Part};
use super::settings::Settings;
use k8s_openapi::api::authorization::v1::ResourceAttributes;
use serde::Deserialize;

/// What is granted everywhere.
const EVERYWHERE: &str = include_str!("../../../manifests/base/cluster-role.yaml");
/// What is granted in the operator's own namespace.
const OWN_NAMESPACE: &str = include_str!("../../../manifests/base/role.yaml");
/// What is granted in a namespace that it watches, where nothing is granted everywhere.
const WATCHED_NAMESPACE: &str = include_str!("../../../manifests/watched-namespace/role.yaml");

/// Watched namespaces that are asked about: each takes more than a dozen requests.
pub const MOST_NAMESPACES: usize = 20;

/// One verb on one resource, somewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The verb.
    pub verb: String,
    /// `resource`, `resource.group`, `resource/subresource.group`.
    pub resource: String,
    /// The namespace; none: all, or the resource has none.
    pub namespace: Option<String>,
    /// Only of objects of this name.
    pub name: Option<String>,
}

impl Right {
    fn new(verb: &str, resource: &str, namespace: Option<&str>) -> Self {
        Self {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: None,
        }
    }

    /// As the API server is asked about it.
    #[must_use]
    pub fn attributes(&self) -> ResourceAttributes {
        let (whole, group) = self.resource.split_once('.').unwrap_or((&self.resource, ""));
        let (resource, subresource) = match whole.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
            None => (whole, None),
        };
        ResourceAttributes {
            group: Some(group.to_owned()),
            resource: Some(resource.to_owned()),
            subresource,
            verb: Some(self.verb.clone()),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            ..ResourceAttributes::default()
        }
    }

    fn words(&self) -> String {
        format!("{} {}", self.verb, self.of_what())
    }

    /// The resource and the place.
    fn of_what(&self) -> String {
        let name = self
            .name
            .as_ref()
            .map_or_else(String::new, |name| format!(" {name}"));
        let place = match &self.namespace {
            Some(namespace) => format!("the namespace {namespace}"),
            None => "all namespaces".to_owned(),
        };
        format!("{}{name} in {place}", self.resource)
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    #[serde(default)]
    resource_names: Vec<String>,
    verbs: Vec<String>,
}

fn granted(manifest: &str, namespace: Option<&str>) -> Vec<Right> {
    let documents: Vec<Document> = serde_saphyr::from_multiple(manifest).unwrap_or_default();
    let mut rights = Vec::new();
    for rule in documents.into_iter().flat_map(|document| document.rules) {
        for group in &rule.api_groups {
            for resource in &rule.resources {
                let resource = match group.as_str() {
                    "" => resource.clone(),
                    group => format!("{resource}.{group}"),
                };
                for verb in &rule.verbs {
                    let right = Right::new(verb, &resource, namespace);
                    if rule.resource_names.is_empty() {
                        rights.push(right.clone());
                    }
                    rights.extend(rule.resource_names.iter().map(|name| Right {
                        name: Some(name.clone()),
                        ..right.clone()
                    }));
                }
            }
        }
    }
    rights
}

/// What the operator must be allowed that is set so.
#[must_use]
pub fn of_operator(settings: &Settings, operator_namespace: &str) -> Vec<Right> {
    let mut rights = granted(OWN_NAMESPACE, Some(operator_namespace));
    let everywhere = granted(EVERYWHERE, None);
    if settings.namespaces.is_empty() {
        rights.extend(everywhere);
    } else {
        let looked_at = settings.namespaces.iter().take(MOST_NAMESPACES);
        rights.extend(looked_at.flat_map(|namespace| granted(WATCHED_NAMESPACE, Some(namespace))));
        rights.extend(everywhere.into_iter().filter(serves_cluster_accounts));
    }
    rights.retain(|right| {
        let is_spared = (!settings.elects && right.resource == "leases.coordination.k8s.io")
            || (!settings.cluster_accounts && serves_cluster_accounts(right));
        !is_spared
    });
    rights
}

/// Whether it is for the kind that has no namespace: it, and the labels of the namespaces that it allows.
fn serves_cluster_accounts(right: &Right) -> bool {
    right.resource.starts_with("clusteraccounts")
        || (right.resource == "namespaces" && matches!(right.verb.as_str(), "list" | "watch"))
}

/// What goes on without a right of the operator's, and what does not; none if nothing does.
fn without(right: &Right) -> Option<&'static str> {
    if serves_cluster_accounts(right) {
        Some("without it no ClusterAccount is served")
    } else if right.resource == "secrets" && right.verb == "watch" {
        Some("without it a rotated pair is seen with the next list alone")
    } else if right.resource == "events.events.k8s.io" {
        Some("without it no event tells anything")
    } else {
        None
    }
}

/// What the answers say of the operator's rights; `user`: as whom it acts.
#[must_use]
pub fn judge_operator(user: &str, answers: &[(Right, bool)]) -> Vec<Check> {
    let remedy = "give it the rights of manifests/base, or of manifests/watched-namespace in each namespace that it watches";
    // What is missing of one resource in one place is one line.
    let mut missing: BTreeMap<(Option<&str>, String), Vec<&str>> = BTreeMap::new();
    for (right, _) in answers.iter().filter(|(_, is_allowed)| !is_allowed) {
        let verbs = missing.entry((without(right), right.of_what())).or_default();
        verbs.push(&right.verb);
    }
    let missing: Vec<Check> = missing
        .into_iter()
        .map(|((effect, what), verbs)| {
            let message = format!("it may not {} {what}", verbs.join(", "));
            match effect {
                Some(effect) => {
                    Check::warning(Part::OperatorRights, user, format!("{message}: {effect}"), remedy)
                }
                None => Check::fault(Part::OperatorRights, user, message, remedy),
            }
        })
        .collect();
    if missing.is_empty() {
        let message = format!(
            "it may do all {} things that its manifests ask for",
            answers.len()
        );
        return vec![Check::ok(Part::OperatorRights, user, message)];
    }
    missing
}

/// What the caller needs, each with what is missing without it. `namespace`: the one that is looked at; none: all.
#[must_use]
pub fn of_caller(namespace: Option<&str>, operator_namespace: &str) -> Vec<(Right, &'static str)> {
    let own = Some(operator_namespace);
    let vobiz = "Vobiz is seen with --auth-id and --auth-token-file alone";
    let records = "no Record is seen, and so not what earlier objects left";
    let running = "whether the operator runs is not seen";
    let needs = [
        ("list", "subaccounts.vobiz.ai", namespace, "no Subaccount is seen"),
        (
            "patch",
            "subaccounts.vobiz.ai",
            namespace,
            "`plan` cannot have the API server try a manifest",
        ),
        ("list", "accounts.vobiz.ai", namespace, "no Account is seen"),
        (
            "list",
            "clusteraccounts.vobiz.ai",
            None,
            "no ClusterAccount is seen",
        ),
        ("get", "secrets", namespace, vobiz),
        (
            "list",
            "secrets",
            namespace,
            "`doctor` compares no pairs with their Records",
        ),
        (
            "list",
            "events.events.k8s.io",
            namespace,
            "`status` shows no events",
        ),
        ("list", "secrets", own, records),
        (
            "get",
            "configmaps",
            own,
            "which markers are this installation's is not seen",
        ),
        ("list", "deployments.apps", own, running),
        ("list", "pods", own, running),
        (
            "get",
            "leases.coordination.k8s.io",
            own,
            "which replica leads is not seen",
        ),
        (
            "get",
            "customresourcedefinitions.apiextensions.k8s.io",
            None,
            "the definitions of the kinds are not seen",
        ),
        (
            "create",
            "subjectaccessreviews.authorization.k8s.io",
            None,
            "the operator's rights are not seen",
        ),
    ];
    let need = |(verb, resource, namespace, effect)| (Right::new(verb, resource, namespace), effect);
    needs.into_iter().map(need).collect()
}

/// What the answers say of the caller's rights.
#[must_use]
pub fn judge_caller(answers: &[(Right, &'static str, bool)]) -> Vec<Check> {
    let missing: Vec<Check> = answers
        .iter()
        .filter(|(_, _, is_allowed)| !is_allowed)
        .map(|(right, effect, _)| {
            let message = format!("you may not {}: {effect}", right.words());
            Check::warning(
                Part::OwnRights,
                "you",
                message,
                "ask for that right, or somebody who has it",
            )
        })
        .collect();
    if missing.is_empty() {
        let message = format!(
            "you may see all that kubectl vobiz looks at ({} rights)",
            answers.len()
        );
        return vec![Check::ok(Part::OwnRights, "you", message)];
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::doctor::check::Verdict;

    fn rights(settings: &Settings) -> Vec<String> {
        of_operator(settings, "system").iter().map(Right::words).collect()
    }

    #[test]
    fn the_operator_needs_what_the_manifests_grant_it() {
        let all = rights(&Settings {
            elects: true,
            ..Settings::default()
        });
        assert!(all.len() > 30, "{all:#?}");
        for right in [
            "patch subaccounts/status.vobiz.ai in all namespaces",
            "watch clusteraccounts.vobiz.ai in all namespaces",
            "list secrets in the namespace system",
            "get configmaps vobiz-operator-installation in the namespace system",
            "update leases.coordination.k8s.io vobiz-operator-leader-election in the namespace system",
        ] {
            assert!(
                all.iter().any(|found| found == right),
                "{right} is not among {all:#?}"
            );
        }
        assert!(
            !all.iter().any(|right| right == "list secrets in all namespaces"),
            "{all:#?}"
        );
    }

    #[test]
    fn what_is_not_served_needs_no_right_and_watched_namespaces_need_theirs() {
        let plain = rights(&Settings {
            cluster_accounts: false,
            ..Settings::default()
        });
        assert!(
            !plain
                .iter()
                .any(|right| right.contains("clusteraccounts") || right.contains("leases")),
            "{plain:#?}"
        );
        assert!(
            plain
                .iter()
                .any(|right| right == "get namespaces in all namespaces")
        );
        let namespaces = (0..30).map(|number| format!("team-{number}")).collect();
        let watched = rights(&Settings {
            namespaces,
            cluster_accounts: false,
            ..Settings::default()
        });
        assert!(
            watched
                .iter()
                .any(|right| right == "list subaccounts.vobiz.ai in the namespace team-0"),
            "{watched:#?}"
        );
        assert!(
            !watched
                .iter()
                .any(|right| right.contains("all namespaces") || right.contains("team-20")),
            "{watched:#?}"
        );
    }

    #[test]
    fn the_api_server_is_asked_about_group_resource_and_subresource() {
        let asked = Right::new("patch", "subaccounts/status.vobiz.ai", Some("team")).attributes();
        assert_eq!(asked.group.as_deref(), Some("vobiz.ai"));
        assert_eq!(asked.resource.as_deref(), Some("subaccounts"));
        assert_eq!(asked.subresource.as_deref(), Some("status"));
        assert_eq!(
            (asked.verb.as_deref(), asked.namespace.as_deref()),
            (Some("patch"), Some("team"))
        );
        let of_core = Right::new("get", "secrets", None).attributes();
        assert_eq!((of_core.group.as_deref(), of_core.subresource), (Some(""), None));
    }

    #[test]
    fn a_missing_right_is_a_fault_unless_all_else_goes_on_without_it() {
        let answered = |missing: &str| -> Vec<(Right, bool)> {
            let all = of_operator(&Settings::default(), "system").into_iter();
            all.map(|right| {
                let is_allowed = right.words() != missing;
                (right, is_allowed)
            })
            .collect()
        };
        for (missing, verdict) in [
            ("nothing", Verdict::Ok),
            (
                "watch clusteraccounts.vobiz.ai in all namespaces",
                Verdict::Warning,
            ),
            ("watch secrets in all namespaces", Verdict::Warning),
            ("create events.events.k8s.io in all namespaces", Verdict::Warning),
            ("patch subaccounts.vobiz.ai in all namespaces", Verdict::Fault),
            ("create secrets in the namespace system", Verdict::Fault),
        ] {
            let told = judge_operator("system:serviceaccount:system:vobiz-operator", &answered(missing));
            assert_eq!(
                (told.len(), told[0].verdict),
                (1, verdict),
                "{missing}: {}",
                told[0].message
            );
        }
    }

    #[test]
    fn what_is_missing_of_one_resource_in_one_place_is_one_line() {
        let none: Vec<(Right, bool)> = of_operator(&Settings::default(), "system")
            .into_iter()
            .map(|right| (right, false))
            .collect();
        let told = judge_operator("system:serviceaccount:system:vobiz-operator", &none);
        assert!(told.len() < 20, "{} lines", told.len());
        let line = "it may not get, list, watch, patch subaccounts.vobiz.ai in all namespaces";
        assert!(told.iter().any(|check| check.message == line), "{told:#?}");
    }

    #[test]
    fn what_the_caller_may_not_do_is_told_with_what_is_missing_without_it() {
        let answered = |is_allowed: fn(&Right) -> bool| -> Vec<Check> {
            let needs = of_caller(Some("team"), "system").into_iter();
            let answers: Vec<_> = needs
                .map(|(right, effect)| {
                    let allowed = is_allowed(&right);
                    (right, effect, allowed)
                })
                .collect();
            judge_caller(&answers)
        };
        assert_eq!(answered(|_| true)[0].verdict, Verdict::Ok);
        let told = answered(|right| right.verb != "create");
        assert_eq!(told.len(), 1);
        assert!(
            told[0].message.ends_with("the operator's rights are not seen"),
            "{}",
            told[0].message
        );
        assert_eq!(told[0].verdict, Verdict::Warning);
    }
}
