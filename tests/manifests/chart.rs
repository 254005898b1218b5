//! The chart says what the manifests say, takes the values that it documents and no others, and is judged by Helm.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde_json::{Value, json};
use vobiz_harness::directory::TemporaryDirectory;
use vobiz_harness::helm::Helm;
use vobiz_harness::install_files::values::documented;
use vobiz_harness::judges;
use vobiz_harness::markdown::blocks;
use vobiz_operator::crd::custom_resource_definitions;

use crate::documents::text;
use crate::render::{self, understood};

const CHART: &str = "charts/vobiz-operator";
const NAMESPACE: &str = "vobiz-operator-system";
/// What the chart says beside the manifests, of whose release an object is.
const OF_THE_RELEASE: [&str; 4] = [
    "helm.sh/chart",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
];

static HELM: LazyLock<Helm> = LazyLock::new(|| Helm::without_cluster().unwrap());

/// `helm COMMAND` of the chart with these values: what it printed, or why it refused.
fn helm(command: &[&str], chart: &str, values: &Value) -> Result<String, String> {
    let folder = TemporaryDirectory::new("values").unwrap();
    let file = folder.path().join("values.yaml");
    fs::write(&file, values.to_string()).unwrap();
    let arguments = [
        command,
        &[
            chart,
            "--namespace",
            NAMESPACE,
            "--values",
            file.to_str().unwrap(),
        ],
    ]
    .concat();
    let output = HELM.output(&arguments).unwrap();
    if output.success {
        Ok(output.stdout)
    } else {
        Err(output.stderr + &output.stdout)
    }
}

fn chart() -> String {
    render::root().join(CHART).display().to_string()
}

fn template(values: &Value) -> Result<Vec<Value>, String> {
    let template = ["template", "vobiz-operator", "--kube-version=1.37"];
    helm(&template, &chart(), values).map(|text| render::documents(&text))
}

fn rendered(values: &Value) -> Vec<Value> {
    template(values).unwrap_or_else(|refusal| panic!("{values}: {refusal}"))
}

/// Kind, namespace and name.
type Key = (String, String, String);

/// The objects by what they are called, without what is the release's alone, and as the API server would complete them.
fn by_name(objects: Vec<Value>) -> BTreeMap<Key, Value> {
    let mut found = BTreeMap::new();
    for mut object in objects {
        for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
            if let Some(labels) = object.pointer_mut(labels).and_then(Value::as_object_mut) {
                labels.retain(|name, _| !OF_THE_RELEASE.contains(&name.as_str()));
            }
        }
        if let Some(container) = object.pointer_mut("/spec/template/spec/containers/0") {
            container.as_object_mut().unwrap().remove("imagePullPolicy");
            let variables = container["env"].as_array_mut().unwrap();
            variables.sort_by_key(|variable| variable["name"].as_str().map(str::to_owned));
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &object["metadata"];
        let key = (
            text(&object["kind"]),
            text(&metadata["namespace"]),
            text(&metadata["name"]),
        );
        assert!(
            found.insert(key.clone(), object).is_none(),
            "{key:?} is there twice"
        );
    }
    found
}

fn assert_same(chart: Vec<Value>, manifests: Vec<Value>) {
    let (chart, manifests) = (by_name(chart), by_name(manifests));
    let names = |objects: &BTreeMap<Key, Value>| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&chart), names(&manifests));
    for (key, object) in chart {
        assert_eq!(object, manifests[&key], "{key:?}");
    }
}

/// What a kustomization has without the namespace, which Helm makes if it is asked to.
fn manifests(folder: &str) -> Vec<Value> {
    let mut objects = render::kustomize(folder);
    objects.retain(|object| object["kind"] != "Namespace");
    objects
}

#[test]
fn the_chart_makes_what_the_base_makes() {
    let values = json!({"crds": {"enabled": false}, "networkPolicy": {"enabled": true}});
    assert_same(rendered(&values), manifests("manifests/base"));
}

#[test]
fn two_replicas_are_those_of_the_overlay_for_production() {
    let documented = blocks(&text("charts/vobiz-operator/README.md"), "yaml");
    let production = documented
        .iter()
        .find(|block| block.contains("replicas: 2"))
        .unwrap();
    let mut values = render::documents(production).remove(0);
    values["crds"] = json!({"enabled": false});
    assert_same(rendered(&values), manifests("manifests/overlays/prod"));
}

#[test]
fn the_namespaced_scope_is_that_of_its_overlay_and_grants_each_watched_namespace() {
    let values = json!({
        "crds": {"enabled": false},
        "networkPolicy": {"enabled": true},
        "rbac": {"scope": "namespaced"},
        "watchNamespaces": ["team-a", "team-b"],
    });
    let mut expected = manifests("manifests/overlays/namespaced");
    let watched = render::kustomize("manifests/watched-namespace");
    for namespace in ["team-a", "team-b"] {
        for mut object in watched.clone() {
            object["metadata"]["namespace"] = json!(namespace);
            expected.push(object);
        }
    }
    let deployment = expected
        .iter_mut()
        .find(|object| object["kind"] == "Deployment")
        .unwrap();
    let variables = deployment
        .pointer_mut("/spec/template/spec/containers/0/env")
        .unwrap();
    let named = json!({"name": "VOBIZ_WATCH_NAMESPACES", "value": "team-a,team-b"});
    variables.as_array_mut().unwrap().push(named);
    assert_same(rendered(&values), expected);
}

#[test]
fn what_prometheus_gets_is_that_of_the_component() {
    // As the page on monitoring shows them.
    let shown = blocks(&text("docs/monitoring.md"), "yaml");
    let shown = shown
        .iter()
        .find(|block| block.contains("prometheusRule:"))
        .unwrap();
    let mut values = render::documents(shown).remove(0);
    values["crds"] = json!({"enabled": false});
    // Where it is read is judged by itself.
    values["prometheusRule"]["runbookPrefix"] = json!("");
    let mut chart = rendered(&values);
    let dashboard = render::only(&chart, "ConfigMap");
    assert_eq!(dashboard["metadata"]["labels"]["grafana_dashboard"], "1");
    let told: Value = serde_json::from_str(dashboard["data"]["dashboard.json"].as_str().unwrap()).unwrap();
    let own: Value = serde_json::from_str(&text("manifests/components/monitoring/dashboard.json")).unwrap();
    assert_eq!(told, own);
    chart.retain(|object| object["apiVersion"] == "monitoring.coreos.com/v1");
    let mut component = Vec::new();
    for file in ["service-monitor.yaml", "prometheus-rule.yaml"] {
        component.extend(render::documents(&text(&format!(
            "manifests/components/monitoring/{file}"
        ))));
    }
    assert_same(chart, component);
}

#[test]
fn each_alert_of_the_chart_names_the_runbook_where_it_is_read() {
    let objects = rendered(&everything());
    let groups = render::only(&objects, "PrometheusRule")["spec"]["groups"]
        .as_array()
        .unwrap();
    let mut seen = 0;
    for alert in groups.iter().flat_map(|group| group["rules"].as_array().unwrap()) {
        let url = alert["annotations"]["runbook_url"].as_str().unwrap();
        let read = url.starts_with("https://git.example.com/vobiz-operator/docs/runbook.md#");
        assert!(read, "{url}");
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn the_kinds_are_those_of_the_code_and_stay_unless_that_is_turned_off() {
    let only_kinds = |values: &Value| {
        let mut objects = rendered(values);
        objects.retain(|object| object["kind"] == "CustomResourceDefinition");
        objects
    };
    let mut found = only_kinds(&json!({}));
    for definition in &mut found {
        assert_eq!(
            definition["metadata"]["annotations"],
            json!({"helm.sh/resource-policy": "keep"})
        );
        assert!(definition["metadata"]["labels"]["helm.sh/chart"].is_string());
        let metadata = definition["metadata"].as_object_mut().unwrap();
        metadata.retain(|name, _| name == "name");
    }
    let code: Vec<Value> = custom_resource_definitions()
        .iter()
        .map(|definition| serde_json::to_value(definition).unwrap())
        .collect();
    assert_eq!(by_name(found), by_name(code));
    let files = fs::read_dir(render::root().join(CHART).join("templates/crds")).unwrap();
    assert_eq!(
        files.count(),
        custom_resource_definitions().len(),
        "a definition that the code does not have"
    );

    let kept_by_nobody = only_kinds(&json!({"crds": {"keep": false, "annotations": {"a": "b"}}}));
    assert!(!kept_by_nobody.is_empty());
    for definition in kept_by_nobody {
        assert_eq!(definition["metadata"]["annotations"], json!({"a": "b"}));
    }
    assert!(only_kinds(&json!({"crds": {"enabled": false}})).is_empty());
}

/// Each value with something else than its default.
fn everything() -> Value {
    render::documents(&text("tests/manifests/chart-everything.yaml")).remove(0)
}

/// Where each value goes: the kind, the place in it, and what is there with [`everything`]. What turns an object on or off is told by the
/// objects that are there.
#[expect(clippy::too_many_lines, reason = "a table, one row per place")]
fn places() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "CustomResourceDefinition",
            "/metadata/annotations/definition",
            json!("yes"),
        ),
        ("ServiceAccount", "/metadata/name", json!("runner")),
        ("ServiceAccount", "/metadata/annotations/account", json!("yes")),
        ("ServiceAccount", "/metadata/annotations/everywhere", json!("yes")),
        ("ServiceAccount", "/metadata/labels/everywhere", json!("yes")),
        ("RoleBinding", "/subjects/0/name", json!("runner")),
        ("Service", "/metadata/name", json!("telephony")),
        ("Deployment", "/metadata/name", json!("telephony")),
        ("Deployment", "/spec/replicas", json!(3)),
        ("Deployment", "/spec/strategy/type", json!("RollingUpdate")),
        ("Deployment", "/spec/template/metadata/labels/pod", json!("yes")),
        (
            "Deployment",
            "/spec/template/metadata/annotations/pod",
            json!("yes"),
        ),
        (
            "Deployment",
            "/spec/template/spec/serviceAccountName",
            json!("runner"),
        ),
        (
            "Deployment",
            "/spec/template/spec/imagePullSecrets/0/name",
            json!("registry"),
        ),
        (
            "Deployment",
            "/spec/template/spec/terminationGracePeriodSeconds",
            json!(90),
        ),
        (
            "Deployment",
            "/spec/template/spec/securityContext/fsGroup",
            json!(1),
        ),
        (
            "Deployment",
            "/spec/template/spec/securityContext/runAsNonRoot",
            json!(true),
        ),
        (
            "Deployment",
            "/spec/template/spec/nodeSelector/disk",
            json!("ssd"),
        ),
        (
            "Deployment",
            "/spec/template/spec/tolerations/0/key",
            json!("telephony"),
        ),
        (
            "Deployment",
            "/spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/0/topologyKey",
            json!("rack"),
        ),
        (
            "Deployment",
            "/spec/template/spec/topologySpreadConstraints/0/topologyKey",
            json!("rack"),
        ),
        (
            "Deployment",
            "/spec/template/spec/priorityClassName",
            json!("high"),
        ),
        (
            "Deployment",
            "/spec/template/spec/volumes/0/configMap/name",
            json!("vobiz-ca"),
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/image",
            json!(format!(
                "registry.example.com/vobiz-operator:9.9.9@sha256:{}",
                "0".repeat(64)
            )),
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/imagePullPolicy",
            json!("Always"),
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/args",
            json!(["run", "--leader-elect", "--api-ca-file=/etc/vobiz/ca.crt"]),
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/env/1/value",
            json!("team-a,team-b"),
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/env/3/value",
            json!("http://proxy:3128"),
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/envFrom/0/secretRef/name",
            json!("settings"),
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/resources/limits/memory",
            json!("1Gi"),
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/securityContext/runAsGroup",
            json!(1),
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/volumeMounts/0/mountPath",
            json!("/etc/vobiz"),
        ),
        ("PodDisruptionBudget", "/spec/maxUnavailable", json!("50%")),
        ("Service", "/spec/ports/0/port", json!(9090)),
        ("Service", "/metadata/annotations/service", json!("yes")),
        (
            "NetworkPolicy",
            "/spec/ingress/0/from/0/podSelector/matchLabels/app",
            json!("prometheus"),
        ),
        ("NetworkPolicy", "/spec/egress/0/ports/0/port", json!(1053)),
        ("NetworkPolicy", "/spec/egress/1/ports/0/port", json!(1443)),
        ("NetworkPolicy", "/spec/egress/2/ports/0/port", json!(13128)),
        ("NetworkPolicy", "/spec/egress/3/ports/0/port", json!(14318)),
        ("NetworkPolicy", "/spec/egress/4/ports/0/port", json!(9418)),
        ("ServiceMonitor", "/metadata/labels/monitor", json!("service")),
        (
            "ServiceMonitor",
            "/metadata/annotations/monitor",
            json!("service"),
        ),
        ("ServiceMonitor", "/spec/endpoints/0/interval", json!("15s")),
        ("ServiceMonitor", "/spec/endpoints/0/scrapeTimeout", json!("5s")),
        (
            "ServiceMonitor",
            "/spec/endpoints/0/relabelings/0/action",
            json!("labeldrop"),
        ),
        (
            "ServiceMonitor",
            "/spec/endpoints/0/metricRelabelings/0/action",
            json!("drop"),
        ),
        ("PodMonitor", "/metadata/labels/monitor", json!("pod")),
        ("PodMonitor", "/metadata/annotations/monitor", json!("pod")),
        ("PodMonitor", "/spec/podMetricsEndpoints/0/interval", json!("1m")),
        (
            "PodMonitor",
            "/spec/podMetricsEndpoints/0/scrapeTimeout",
            json!("10s"),
        ),
        (
            "PodMonitor",
            "/spec/podMetricsEndpoints/0/relabelings/0/action",
            json!("labelkeep"),
        ),
        ("PrometheusRule", "/metadata/labels/monitor", json!("alerts")),
        ("PrometheusRule", "/metadata/annotations/monitor", json!("alerts")),
        ("ConfigMap", "/metadata/labels/monitor", json!("dashboard")),
        ("ConfigMap", "/metadata/annotations/monitor", json!("dashboard")),
        (
            "PodMonitor",
            "/spec/podMetricsEndpoints/0/metricRelabelings/0/action",
            json!("keep"),
        ),
    ]
}

#[test]
fn every_value_reaches_what_it_is_for() {
    let values = everything();
    for value in documented(&text("charts/vobiz-operator/values.yaml")) {
        let set = value
            .path
            .split('.')
            .try_fold(&values, |value, key| value.get(key));
        assert!(set.is_some(), "{} is not tried", value.path);
    }
    let objects = rendered(&values);
    for (kind, place, expected) in places() {
        let found = render::of_kind(&objects, kind);
        assert!(!found.is_empty(), "there is no {kind}");
        for object in found {
            assert_eq!(object.pointer(place), Some(&expected), "{kind}{place}");
        }
    }
    let scoped = render::of_kind(&objects, "Role");
    let namespaces: BTreeSet<_> = scoped
        .iter()
        .map(|role| role["metadata"]["namespace"].as_str())
        .collect();
    assert_eq!(
        namespaces,
        BTreeSet::from([Some("team-a"), Some("team-b"), Some(NAMESPACE)])
    );
    assert!(
        render::of_kind(&objects, "ClusterRole").is_empty(),
        "rbac.userRoles is false"
    );
    for object in &objects {
        let labels = &object["metadata"]["labels"];
        // What is the chart's is not somebody's to change.
        assert_eq!(
            (&labels["everywhere"], &labels["app.kubernetes.io/name"]),
            (&json!("yes"), &json!("vobiz-operator"))
        );
    }
}

#[test]
fn nothing_is_made_that_is_turned_off() {
    let values = json!({
        "rbac": {"create": false, "userRoles": false},
        "serviceAccount": {"create": false, "name": "mine"},
        "crds": {"enabled": false},
        "replicas": 2,
        "podDisruptionBudget": {"enabled": false},
    });
    let objects = rendered(&values);
    let kinds: Vec<_> = objects
        .iter()
        .map(|object| object["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["Service", "Deployment"]);
    let pod = &render::only(&objects, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], "mine");
}

#[test]
fn every_object_is_understood_field_by_field() {
    for object in rendered(&everything()) {
        match object["kind"].as_str().unwrap() {
            "ServiceAccount" => drop(understood::<ServiceAccount>(&object)),
            "ClusterRole" => drop(understood::<ClusterRole>(&object)),
            "ClusterRoleBinding" => drop(understood::<ClusterRoleBinding>(&object)),
            "Role" => drop(understood::<Role>(&object)),
            "RoleBinding" => drop(understood::<RoleBinding>(&object)),
            "Deployment" => drop(understood::<Deployment>(&object)),
            "Service" => drop(understood::<Service>(&object)),
            "ConfigMap" => drop(understood::<ConfigMap>(&object)),
            "NetworkPolicy" => drop(understood::<NetworkPolicy>(&object)),
            "PodDisruptionBudget" => drop(understood::<PodDisruptionBudget>(&object)),
            "CustomResourceDefinition" | "ServiceMonitor" | "PodMonitor" | "PrometheusRule" => {}
            other => panic!("the chart makes a {other}, which this test does not know"),
        }
    }
}

#[test]
fn what_cannot_work_is_refused_and_told() {
    for (values, told) in [
        (json!({"replica": 2}), "replica"),
        (json!({"image": {"tagg": "1"}}), "tagg"),
        (json!({"replicas": "two"}), "replicas"),
        (json!({"image": {"digest": "0123"}}), "digest"),
        (json!({"rbac": {"scope": "everywhere"}}), "scope"),
        (json!({"watchNamespaces": ["Team"]}), "watchNamespaces"),
        (json!({"networkPolicy": {"apiPorts": [70000]}}), "apiPorts"),
        (json!({"rbac": {"scope": "namespaced"}}), "in watchNamespaces"),
        (
            json!({"serviceAccount": {"create": false}}),
            "in serviceAccount.name",
        ),
        (
            json!({"env": [{"name": "VOBIZ_WATCH_NAMESPACES", "value": "a"}]}),
            "set watchNamespaces instead",
        ),
        (
            json!({"env": [{"name": "VOBIZ_LEADER_ELECT", "value": "true"}]}),
            "from 2 replicas on",
        ),
    ] {
        let refusal = template(&values).expect_err("it is not refused");
        assert!(refusal.contains(told), "{values}: {refusal}");
    }
    // What a chart may say that has this one as a part.
    rendered(&json!({"global": {"any": "thing"}, "enabled": true}));
}

/// The paths of a value's leaves: what holds no object with keys of its own.
fn leaves(at: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value.as_object().filter(|object| !object.is_empty()) {
        Some(object) => {
            for (key, value) in object {
                leaves(&format!("{at}.{key}"), value, found);
            }
        }
        None => drop(found.insert(at.trim_start_matches('.').to_owned())),
    }
}

/// The paths that a schema knows, down to where anything goes.
fn known(at: &str, schema: &Value, found: &mut BTreeSet<String>) {
    match schema["properties"].as_object() {
        Some(properties) => {
            assert_eq!(schema["additionalProperties"], false, "{at} takes anything");
            for (key, property) in properties {
                known(&format!("{at}.{key}"), property, found);
            }
        }
        None => drop(found.insert(at.trim_start_matches('.').to_owned())),
    }
}

#[test]
fn every_value_is_documented_and_in_the_schema_and_nothing_else_is() {
    let values = text("charts/vobiz-operator/values.yaml");
    let mut of_values = BTreeSet::new();
    leaves("", &render::documents(&values)[0], &mut of_values);
    let schema: Value = serde_json::from_str(&text("charts/vobiz-operator/values.schema.json")).unwrap();
    let mut of_schema = BTreeSet::new();
    known("", &schema, &mut of_schema);
    assert!(
        of_schema.remove("global") && of_schema.remove("enabled"),
        "no chart could have this one as a part"
    );
    let of_readme: BTreeSet<String> = documented(&values).into_iter().map(|value| value.path).collect();
    assert_eq!(of_schema, of_readme);
    let is_told = |path: &String| {
        let begins = |value: &&String| path == *value || path.starts_with(&format!("{value}."));
        of_readme.iter().any(|value| begins(&value))
    };
    let untold: Vec<_> = of_values.iter().filter(|path| !is_told(path)).collect();
    assert!(untold.is_empty(), "{untold:?}");
}

#[test]
fn helm_finds_nothing_to_say_about_the_chart() {
    let version = HELM.run(&["version", "--short"]).unwrap();
    assert!(version.starts_with(judges::HELM.version), "{version}");
    for values in [json!({}), everything()] {
        let said = helm(&["lint", "--strict", "--kube-version=1.37"], &chart(), &values).unwrap();
        let lines: Vec<_> = said
            .lines()
            .filter(|line| line.contains("[WARNING]") || line.contains("[ERROR]"))
            .collect();
        assert!(lines.is_empty() && said.contains("0 chart(s) failed"), "{said}");
    }
}

#[test]
fn the_packaged_chart_is_of_this_version_and_makes_the_same() {
    let folder = TemporaryDirectory::new("package").unwrap();
    let into = folder.path().to_str().unwrap();
    HELM.run(&["package", &chart(), "--destination", into]).unwrap();
    let package = folder
        .path()
        .join(format!("vobiz-operator-{}.tgz", env!("CARGO_PKG_VERSION")));
    let template = ["template", "vobiz-operator", "--kube-version=1.37"];
    let packaged = helm(&template, package.to_str().unwrap(), &everything()).unwrap();
    assert_eq!(render::documents(&packaged), rendered(&everything()));
    let default = rendered(&json!({}));
    let image = &render::only(&default, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(*image, concat!("vobiz-operator:", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_commands_in_the_charts_readme_are_helms() {
    let commands = blocks(&text("charts/vobiz-operator/README.md"), "sh");
    assert!(commands.len() > 1);
    let folder = TemporaryDirectory::new("chart-commands").unwrap();
    std::os::unix::fs::symlink(render::root(), folder.path().join("vobiz-operator")).unwrap();
    for command in commands {
        // Without a cluster it goes as far as what would be sent.
        let template = command
            .replace("helm install ", "helm template ")
            .replace("--wait", "--kube-version=1.37");
        let output = Command::new("sh")
            .args(["-euc", &template])
            .current_dir(folder.path())
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", HELM.program().parent().unwrap().display()),
            )
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let objects = render::documents(&String::from_utf8(output.stdout).unwrap());
        let container = &render::only(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], "REGISTRY/vobiz-operator:0.1.0");
    }
}
