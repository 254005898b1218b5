//! The dashboard: every query of it is one, asks for what the operator shows, and stands where Grafana can draw it.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use vobiz_harness::promtool::Promtool;

use crate::kustomize::render_with;
use crate::render;

const DASHBOARD: &str = "manifests/components/monitoring/dashboard.json";
/// The page that is made from the families of the operator's metrics.
const METRICS: &str = "docs/reference/metrics.md";

fn file(path: &str) -> String {
    fs::read_to_string(render::root().join(path)).unwrap()
}

fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&file(DASHBOARD)).unwrap();
    dashboard["panels"].as_array().unwrap().clone()
}

/// The queries, with the window that Grafana would choose.
fn queries() -> Vec<String> {
    let panels = panels();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array());
    let queries = targets.flatten().map(|target| target["expr"].as_str().unwrap());
    queries
        .map(|query| query.replace("$__rate_interval", "2m"))
        .collect()
}

#[test]
fn every_query_of_the_dashboard_can_be_read() {
    let queries = queries();
    assert!(queries.len() > 20);
    // As a rule, each can be read by itself, and lints see what is wrong in it.
    let rules = queries
        .iter()
        .enumerate()
        .map(|(number, query)| json!({"record": format!("query:{number}"), "expr": query}));
    let rules = json!({"groups": [{"name": "dashboard", "rules": rules.collect::<Vec<_>>()}]});
    Promtool::locate().unwrap().check(&rules).unwrap();
}

#[test]
fn the_dashboard_asks_for_metrics_that_there_are() {
    let page = file(METRICS);
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let known: BTreeSet<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    let mut asked = BTreeSet::new();
    for query in queries() {
        let words = query.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
        let names = words.filter(|word| {
            [
                "vobiz_",
                "controller_runtime_",
                "leader_election_",
                "rest_client_",
                "process_",
            ]
            .iter()
            .any(|start| word.starts_with(start))
        });
        asked.extend(names.map(|name| name.strip_suffix("_bucket").unwrap_or(name).to_owned()));
    }
    assert!(asked.len() > 15);
    for name in asked {
        assert!(known.contains(name.as_str()), "nothing shows {name}");
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_reads() {
    let (mut ids, mut free) = (BTreeSet::new(), 0);
    for panel in panels() {
        let title = &panel["title"];
        assert!(
            ids.insert(panel["id"].as_u64().unwrap()),
            "{title} has another's id"
        );
        let place = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{title} is too wide");
        assert!(place("y") >= free || place("x") > 0, "{title} lies on another");
        if panel["type"] == "row" {
            free = place("y");
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = panel["targets"].as_array().unwrap();
        let letters: BTreeSet<&str> = targets
            .iter()
            .map(|target| target["refId"].as_str().unwrap())
            .collect();
        assert_eq!(letters.len(), targets.len(), "{title}");
    }
    let dashboard: Value = serde_json::from_str(&file(DASHBOARD)).unwrap();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert!(variables.iter().any(|variable| variable["name"] == "datasource"));
}

#[test]
fn the_component_hands_the_dashboard_to_grafana() {
    let objects = render_with(
        "resources: [vobiz-operator/manifests/base]\ncomponents: [vobiz-operator/manifests/components/monitoring]\n",
        &[],
    );
    let shown = objects
        .iter()
        .find(|object| object["metadata"]["name"] == "vobiz-operator-dashboard")
        .unwrap();
    assert_eq!(shown["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(shown["metadata"]["namespace"], "vobiz-operator-system");
    assert_eq!(
        shown["data"]["dashboard.json"].as_str(),
        Some(file(DASHBOARD).as_str())
    );
}
