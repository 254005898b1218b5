//! The component that has an installation watched: it is added to any overlay, and finds what it is to watch.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};
use vobiz_harness::markdown::blocks;
use vobiz_operator::crd::custom_resource_definitions;
use vobiz_operator::metrics::Metrics;

use crate::documents::text;
use crate::kustomize::render_with;
use crate::render;

const STATE_METRICS: &str = "manifests/components/monitoring/kube-state-metrics.yaml";

#[test]
fn the_component_is_added_to_an_overlay_and_finds_its_service() {
    let shown = blocks(&text("docs/monitoring.md"), "yaml");
    let components = shown.iter().find(|block| block.contains("components:")).unwrap();
    for overlay in ["base", "overlays/namespaced", "overlays/prod"] {
        let kustomization = format!("resources: [vobiz-operator/manifests/{overlay}]\n{components}");
        let objects = render_with(&kustomization, &[]);
        let service = render::only(&objects, "Service");
        let monitor = render::only(&objects, "ServiceMonitor");
        let rule = render::only(&objects, "PrometheusRule");
        let selected = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
        assert!(
            selected
                .iter()
                .all(|(key, value)| &service["metadata"]["labels"][key] == value)
        );
        let endpoint = &monitor["spec"]["endpoints"][0];
        let ports = service["spec"]["ports"].as_array().unwrap();
        assert!(ports.iter().any(|port| port["name"] == endpoint["port"]));
        // Series name the namespace of their object, and rules go by it.
        assert_eq!(endpoint["honorLabels"], true);
        for object in [service, monitor, rule] {
            assert_eq!(object["metadata"]["namespace"], "vobiz-operator-system");
        }
    }
}

/// The configuration of kube-state-metrics for custom resources, as its documentation (version 2.17) has it, as far as it is used. The
/// tool itself is not to be had here: nothing else than this judges the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configuration {
    kind: String,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    resources: Vec<Resource>,
}

type Paths = BTreeMap<String, Vec<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Resource {
    group_version_kind: BTreeMap<String, String>,
    #[serde(rename = "resourcePlural")]
    plural: String,
    metric_name_prefix: String,
    labels_from_path: Paths,
    #[serde(rename = "errorLogV")]
    error_log_v: u8,
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metric {
    name: String,
    help: String,
    each: Each,
}

#[derive(Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
enum Each {
    Info { info: Source },
    Gauge { gauge: Source },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Source {
    #[serde(default)]
    path: Vec<String>,
    #[serde(default)]
    labels_from_path: Paths,
}

/// The schema of the field at a path; through a list to what it holds.
fn field<'a>(mut schema: &'a Value, path: &[String]) -> Option<&'a Value> {
    for part in path {
        let inner = schema.get("items").unwrap_or(schema);
        schema = inner.get("properties")?.get(part)?;
    }
    Some(schema)
}

#[test]
fn kube_state_metrics_is_told_to_show_the_series_that_the_operator_leaves_out() {
    let text = fs::read_to_string(render::root().join(STATE_METRICS)).unwrap();
    let configuration: Configuration = serde_yaml::from_str(&text).unwrap();
    assert_eq!(configuration.kind, "CustomResourceStateMetrics");
    let [resource] = &configuration.spec.resources[..] else {
        panic!("one kind has series of its objects")
    };
    let definitions = custom_resource_definitions();
    let definition = definitions
        .iter()
        .find(|definition| definition.spec.names.kind == resource.group_version_kind["kind"])
        .unwrap();
    assert_eq!(definition.spec.names.plural, resource.plural);
    assert_eq!(definition.spec.group, resource.group_version_kind["group"]);
    let version = &definition.spec.versions[0];
    assert_eq!(version.name, resource.group_version_kind["version"]);
    assert!(
        resource.error_log_v > 0,
        "fields that are not there yet are no errors"
    );

    let schema = serde_json::to_value(version.schema.as_ref().unwrap()).unwrap();
    let mut schema = schema["openAPIV3Schema"].clone();
    let named = json!({"type": "string"});
    schema["properties"]["metadata"] = json!({"properties": {
        "name": named, "namespace": named, "deletionTimestamp": {"type": "string", "format": "date-time"},
    }});
    let metrics = Metrics::new(true, "1", "c");
    metrics.admit_object("dev", "acme", "u-1");
    metrics.set_conditions("dev", "acme", Some("True"), None, false);
    metrics.set_info("dev", "acme", "SA_1", "dev/vobiz");
    metrics.set_deletion_started("dev", "acme", 1.0);
    let shown = metrics.encode().unwrap();
    for metric in &resource.metrics {
        let name = format!("{}_{}", resource.metric_name_prefix, metric.name);
        assert!(!metric.help.is_empty(), "{name}");
        let (Each::Info { info: source } | Each::Gauge { gauge: source }) = &metric.each;
        let value = field(&schema, &source.path).unwrap_or_else(|| panic!("{name}: {:?}", source.path));
        if let Each::Gauge { .. } = metric.each {
            assert_eq!(value["format"], "date-time", "{name} is a time");
        }
        for (label, path) in &source.labels_from_path {
            let found = field(value, path).unwrap_or_else(|| panic!("{name}: {label}"));
            assert_eq!(found["type"], "string", "{name}: {label}");
        }
        // The operator's own series of that name has these labels.
        let start = format!("{name}{{");
        let own = shown
            .lines()
            .find(|line| line.starts_with(&start))
            .unwrap_or_else(|| panic!("the operator has no {name}"));
        let labels = source
            .labels_from_path
            .keys()
            .chain(resource.labels_from_path.keys());
        for label in labels {
            assert!(
                own.contains(&format!("{label}=\"")),
                "{name} has no {label}: {own}"
            );
        }
    }
    for (label, path) in &resource.labels_from_path {
        assert!(field(&schema, path).is_some(), "{label}");
    }
}
