//! The installation: restricted, with least rights, and with a namespace that survives a prune.

use std::fs;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{EnvVar, Namespace, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding};
use serde_json::{Value, json};
use vobiz_operator::LEASE;

use crate::render::{self, understood};

const NAMESPACE: &str = "vobiz-operator-system";
const INSTALLATIONS: [&str; 5] = [
    "manifests/base",
    "manifests/overlays/dev",
    "manifests/overlays/namespaced",
    "manifests/overlays/staging",
    "manifests/overlays/prod",
];

fn operator_rules(objects: &[Value]) -> Vec<PolicyRule> {
    let role = render::of_kind(objects, "ClusterRole")
        .into_iter()
        .find(|role| role["metadata"]["name"] == "vobiz-operator")
        .expect("the operator has a ClusterRole");
    understood::<ClusterRole>(role).rules.unwrap()
}

fn names(list: Option<&Vec<String>>) -> Vec<&str> {
    list.into_iter().flatten().map(String::as_str).collect()
}

#[test]
fn every_object_of_an_installation_is_understood_field_by_field() {
    for installation in INSTALLATIONS {
        for object in render::kustomize(installation) {
            match object["kind"].as_str().unwrap() {
                "Namespace" => drop(understood::<Namespace>(&object)),
                "ServiceAccount" => drop(understood::<ServiceAccount>(&object)),
                "ClusterRole" => drop(understood::<ClusterRole>(&object)),
                "ClusterRoleBinding" => drop(understood::<ClusterRoleBinding>(&object)),
                "Role" => drop(understood::<Role>(&object)),
                "RoleBinding" => drop(understood::<RoleBinding>(&object)),
                "Deployment" => drop(understood::<Deployment>(&object)),
                "Service" => drop(understood::<Service>(&object)),
                "NetworkPolicy" => drop(understood::<NetworkPolicy>(&object)),
                "PodDisruptionBudget" => drop(understood::<PodDisruptionBudget>(&object)),
                other => panic!("{installation} has a {other}, which this test does not know"),
            }
        }
    }
}

#[test]
fn a_prune_leaves_the_namespace_with_the_records_alone() {
    for installation in INSTALLATIONS {
        let objects = render::kustomize(installation);
        let namespace = render::only(&objects, "Namespace");
        assert_eq!(namespace["metadata"]["name"], NAMESPACE);
        let annotations = &namespace["metadata"]["annotations"];
        assert_eq!(
            annotations["argocd.argoproj.io/sync-options"],
            "Prune=false,Delete=false"
        );
        assert_eq!(annotations["kustomize.toolkit.fluxcd.io/prune"], "disabled");
        assert_eq!(
            namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
            "restricted"
        );
    }
}

#[test]
fn the_pod_meets_the_restricted_pod_security_standard() {
    for installation in INSTALLATIONS {
        let objects = render::kustomize(installation);
        let deployment: Deployment = understood(render::only(&objects, "Deployment"));
        let pod = deployment.spec.unwrap().template.spec.unwrap();
        let of_pod = pod.security_context.unwrap();
        assert_eq!(of_pod.run_as_non_root, Some(true));
        // OpenShift admits no user but the one that it chooses; elsewhere the image's holds.
        assert!(of_pod.run_as_user.is_none() && of_pod.run_as_group.is_none() && of_pod.fs_group.is_none());
        assert_eq!(of_pod.seccomp_profile.unwrap().type_, "RuntimeDefault");
        assert!(pod.host_network.is_none() && pod.host_pid.is_none() && pod.host_ipc.is_none());
        assert!(pod.volumes.is_none(), "no volume is needed");
        for container in pod.containers {
            let of_container = container.security_context.unwrap();
            assert!(of_container.run_as_user.is_none() && of_container.run_as_group.is_none());
            assert_eq!(of_container.allow_privilege_escalation, Some(false));
            assert_eq!(of_container.read_only_root_filesystem, Some(true));
            assert!(of_container.privileged.is_none());
            let capabilities = of_container.capabilities.unwrap();
            assert_eq!(
                (capabilities.drop.unwrap(), capabilities.add),
                (vec!["ALL".to_owned()], None)
            );
            assert!(container.startup_probe.is_some());
            assert_eq!(
                container.liveness_probe.unwrap().http_get.unwrap().path.unwrap(),
                "/livez"
            );
            assert_eq!(
                container.readiness_probe.unwrap().http_get.unwrap().path.unwrap(),
                "/readyz"
            );
            let resources = container.resources.unwrap();
            assert!(resources.requests.is_some() && resources.limits.unwrap().contains_key("memory"));
        }
    }
}

#[test]
fn the_image_names_its_user_by_a_number_that_is_not_roots() {
    // The kubelet cannot tell by a name whether `runAsNonRoot` is kept.
    let dockerfile = fs::read_to_string(render::root().join("Dockerfile")).unwrap();
    let users: Vec<&str> = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("USER "))
        .collect();
    let last = users.last().unwrap().split(':').next().unwrap();
    assert!(last.parse::<u32>().unwrap() > 0, "{last}");
}

#[test]
fn the_network_policy_lets_out_what_clusters_and_proxies_need_and_says_of_each_port_whose_it_is() {
    let objects = render::kustomize("manifests/base");
    let policy: NetworkPolicy = understood(render::only(&objects, "NetworkPolicy"));
    let mut ports: Vec<(String, u64)> = Vec::new();
    for rule in policy.spec.unwrap().egress.unwrap() {
        assert!(rule.to.is_none(), "addresses differ from cluster to cluster");
        for port in rule.ports.unwrap() {
            let number = serde_json::to_value(port.port.unwrap())
                .unwrap()
                .as_u64()
                .unwrap();
            ports.push((port.protocol.unwrap(), number));
        }
    }
    ports.sort_unstable();
    let expected = [
        ("TCP", 53),
        ("TCP", 443),
        ("TCP", 3128),
        ("TCP", 4318),
        ("TCP", 5353),
        ("TCP", 6443),
        ("TCP", 8080),
        ("TCP", 8443),
        ("TCP", 16443),
        ("UDP", 53),
        ("UDP", 5353),
    ];
    assert_eq!(
        ports,
        expected.map(|(protocol, port)| (protocol.to_owned(), port))
    );

    let text = fs::read_to_string(render::root().join("manifests/base/network-policy.yaml")).unwrap();
    let mut said = false;
    for line in text.lines().map(str::trim) {
        said |= line.starts_with('#');
        if let Some(port) = line.strip_prefix("port: ") {
            assert!(said, "no comment says whose port {port} is");
        }
        said &= line.starts_with('#')
            || line.starts_with('-')
            || line.starts_with("protocol")
            || line.starts_with("port");
    }
}

fn deployment(installation: &str) -> DeploymentSpec {
    let objects = render::kustomize(installation);
    let deployment: Deployment = understood(render::only(&objects, "Deployment"));
    deployment.spec.unwrap()
}

fn arguments(deployment: &DeploymentSpec) -> Vec<&str> {
    let pod = deployment.template.spec.as_ref().unwrap();
    names(pod.containers[0].args.as_ref())
}

#[test]
fn where_no_leader_is_elected_there_is_one_replica_and_never_a_second_beside_it() {
    for installation in INSTALLATIONS {
        let deployment = deployment(installation);
        if arguments(&deployment).contains(&"--leader-elect") {
            continue;
        }
        assert_eq!(arguments(&deployment), ["run"], "{installation}");
        let strategy = deployment.strategy.unwrap().type_.unwrap();
        assert_eq!(
            (deployment.replicas, strategy.as_str()),
            (Some(1), "Recreate"),
            "{installation}"
        );
    }
}

#[test]
fn in_production_one_of_two_replicas_leads_and_the_other_survives_drains_and_updates() {
    let deployment = deployment("manifests/overlays/prod");
    assert_eq!(arguments(&deployment), ["run", "--leader-elect"]);
    assert_eq!(deployment.replicas, Some(2));
    let rolling = deployment.strategy.unwrap().rolling_update.unwrap();
    assert_eq!(
        serde_json::to_value(rolling).unwrap(),
        json!({ "maxSurge": 1, "maxUnavailable": 0 })
    );
    let pod = deployment.template.spec.unwrap();
    let spread = pod.topology_spread_constraints.unwrap();
    let keys: Vec<&str> = spread.iter().map(|by| by.topology_key.as_str()).collect();
    assert_eq!(keys, ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
    let labels = deployment.template.metadata.unwrap().labels.unwrap();
    for by in spread {
        // A cluster of one node runs it too, and the third Pod of an update finds a place.
        assert_eq!(by.when_unsatisfiable, "ScheduleAnyway");
        let selected = by.label_selector.unwrap().match_labels.unwrap();
        assert!(selected.iter().all(|(key, value)| labels.get(key) == Some(value)));
    }

    let objects = render::kustomize("manifests/overlays/prod");
    let budget: PodDisruptionBudget = understood(render::only(&objects, "PodDisruptionBudget"));
    assert_eq!(
        serde_json::to_value(budget.spec.unwrap().max_unavailable).unwrap(),
        1
    );
}

#[test]
fn a_watched_namespace_grants_what_the_cluster_role_does_and_the_namespaced_operator_has_no_other() {
    let of_cluster_accounts = |rule: &PolicyRule| {
        let resources = names(rule.resources.as_ref());
        resources
            .iter()
            .all(|resource| resource.starts_with("clusteraccounts"))
            || rule.verbs == ["list", "watch"]
    };
    let mut everywhere = operator_rules(&render::kustomize("manifests/base"));
    everywhere.retain(|rule| !of_cluster_accounts(rule));
    let watched = render::kustomize("manifests/watched-namespace");
    let role: Role = understood(render::only(&watched, "Role"));
    assert_eq!(role.rules.unwrap(), everywhere);
    let binding: RoleBinding = understood(render::only(&watched, "RoleBinding"));
    assert_eq!(
        (binding.role_ref.kind.as_str(), Some(&binding.role_ref.name)),
        ("Role", role.metadata.name.as_ref())
    );

    let namespaced = render::kustomize("manifests/overlays/namespaced");
    let account = render::only(&namespaced, "ServiceAccount");
    let subject = serde_json::to_value(&binding.subjects.unwrap()[0]).unwrap();
    let metadata = &account["metadata"];
    assert_eq!(
        [&subject["kind"], &subject["name"], &subject["namespace"]],
        [
            &json!("ServiceAccount"),
            &metadata["name"],
            &metadata["namespace"]
        ]
    );
    assert!(render::of_kind(&namespaced, "ClusterRoleBinding").is_empty());
    let deployment: Deployment = understood(render::only(&namespaced, "Deployment"));
    let container = deployment
        .spec
        .unwrap()
        .template
        .spec
        .unwrap()
        .containers
        .remove(0);
    let is_off = |variable: &EnvVar| {
        variable.name == "VOBIZ_CLUSTER_ACCOUNTS" && variable.value.as_deref() == Some("false")
    };
    assert!(
        container.env.unwrap().iter().any(is_off),
        "it asks for what it may not see"
    );
    let roles = render::of_kind(&namespaced, "ClusterRole");
    assert!(
        roles
            .iter()
            .all(|role| role["metadata"]["name"] != "vobiz-operator"),
        "only people's roles are left"
    );
}

#[test]
fn a_leader_is_elected_by_the_lease_that_the_operator_names_and_by_no_other() {
    let objects = render::kustomize("manifests/base");
    let role: Role = understood(render::only(&objects, "Role"));
    let mut verbs = Vec::new();
    for rule in role.rules.unwrap() {
        if names(rule.resources.as_ref()).contains(&"leases") {
            assert_eq!(names(rule.api_groups.as_ref()), ["coordination.k8s.io"]);
            let named = names(rule.resource_names.as_ref());
            verbs.extend(rule.verbs.iter().map(|verb| (verb.clone(), named == [LEASE])));
        }
    }
    let expected = [("get", true), ("update", true), ("create", false)];
    assert_eq!(verbs, expected.map(|(verb, named)| (verb.to_owned(), named)));
    for rule in operator_rules(&objects) {
        assert!(!names(rule.resources.as_ref()).contains(&"leases"), "{rule:?}");
    }
}

#[test]
fn service_network_policy_and_budget_select_the_pod_and_its_port() {
    let objects = render::kustomize("manifests/overlays/prod");
    let template = &render::only(&objects, "Deployment")["spec"]["template"];
    let labels = template["metadata"]["labels"].as_object().unwrap();
    let selectors = [
        &render::only(&objects, "Deployment")["spec"]["selector"]["matchLabels"],
        &render::only(&objects, "Service")["spec"]["selector"],
        &render::only(&objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        &render::only(&objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ];
    for selector in selectors {
        let selector = selector.as_object().unwrap();
        assert!(!selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value)));
    }
    let port = &template["spec"]["containers"][0]["ports"][0];
    assert_eq!(port, &json!({ "name": "http", "containerPort": 8080 }));
    assert_eq!(
        render::only(&objects, "Service")["spec"]["ports"][0]["targetPort"],
        "http"
    );
    assert_eq!(
        render::only(&objects, "NetworkPolicy")["spec"]["ingress"][0]["ports"][0]["port"],
        8080
    );
}

#[test]
fn the_operator_cannot_list_secrets_outside_its_namespace() {
    // The rights of overlays/namespaced are those of the base, see above.
    for installation in INSTALLATIONS.iter().filter(|path| !path.ends_with("namespaced")) {
        for rule in operator_rules(&render::kustomize(installation)) {
            if names(rule.resources.as_ref()).contains(&"secrets") {
                assert_eq!(
                    rule.verbs,
                    ["get", "create", "update", "patch", "watch", "delete"]
                );
            }
        }
    }
}

#[test]
fn rights_are_spelt_out_and_none_is_handed_on() {
    let objects = render::kustomize("manifests/base");
    let role: Role = understood(render::only(&objects, "Role"));
    let mut rules = operator_rules(&objects);
    rules.extend(role.rules.unwrap());
    assert!(!rules.is_empty());
    for rule in rules {
        let everything = [
            names(rule.api_groups.as_ref()),
            names(rule.resources.as_ref()),
            names(Some(&rule.verbs)),
        ];
        assert!(!everything.concat().contains(&"*"), "{rule:?}");
        assert!(rule.non_resource_urls.is_none());
        assert!(
            !["escalate", "bind", "impersonate"]
                .iter()
                .any(|verb| names(Some(&rule.verbs)).contains(verb))
        );
        assert!(
            !names(rule.api_groups.as_ref()).contains(&"rbac.authorization.k8s.io"),
            "{rule:?}"
        );
    }
}

#[test]
fn rights_are_bound_to_the_account_that_the_pod_runs_under() {
    let objects = render::kustomize("manifests/base");
    let account = json!([{ "kind": "ServiceAccount", "name": "vobiz-operator", "namespace": NAMESPACE }]);
    for (binding, role) in [("ClusterRoleBinding", "ClusterRole"), ("RoleBinding", "Role")] {
        let binding = render::only(&objects, binding);
        assert_eq!(
            (&binding["subjects"], &binding["roleRef"]["kind"]),
            (&account, &json!(role))
        );
        assert_eq!(binding["roleRef"]["name"], "vobiz-operator");
    }
    assert_eq!(render::only(&objects, "Role")["metadata"]["namespace"], NAMESPACE);
    let pod = &render::only(&objects, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(
        (&pod["serviceAccountName"], &pod["automountServiceAccountToken"]),
        (&json!("vobiz-operator"), &json!(true))
    );
}

#[test]
fn viewers_editors_and_admins_get_the_kinds_and_nobody_gets_status() {
    let objects = render::kustomize("manifests/base");
    let mut reached = Vec::new();
    for role in render::of_kind(&objects, "ClusterRole") {
        let role: ClusterRole = understood(role);
        let labels = role.metadata.labels.unwrap_or_default();
        for to in ["view", "edit", "admin"] {
            if labels
                .get(&format!("rbac.authorization.k8s.io/aggregate-to-{to}"))
                .is_some_and(|value| value == "true")
            {
                for rule in role.rules.iter().flatten() {
                    assert_eq!(names(rule.resources.as_ref()), ["subaccounts", "accounts"]);
                    reached.push((
                        to,
                        rule.verbs.contains(&"get".to_owned()),
                        rule.verbs.contains(&"create".to_owned()),
                    ));
                }
            }
        }
    }
    reached.sort_unstable();
    assert_eq!(
        reached,
        [
            ("admin", false, true),
            ("admin", true, false),
            ("edit", false, true),
            ("edit", true, false),
            ("view", true, false)
        ]
    );
}

#[test]
fn every_variable_that_the_deployment_sets_is_one_that_the_operator_reads() {
    let flags = fs::read_to_string(render::root().join("src/cli.rs")).unwrap();
    let mut seen = 0;
    for installation in INSTALLATIONS {
        let objects = render::kustomize(installation);
        let deployment: Deployment = understood(render::only(&objects, "Deployment"));
        for container in deployment.spec.unwrap().template.spec.unwrap().containers {
            for variable in container.env.into_iter().flatten() {
                assert!(
                    flags.contains(&format!("env = \"{}\"", variable.name)),
                    "{} is no flag",
                    variable.name
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 0);
}
