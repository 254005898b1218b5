//! Each alert fires in the trouble that it is for, and not in what looks like it; promtool judges.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use vobiz_harness::promtool::Promtool;

use crate::book::anchors;
use crate::documents::text;
use crate::render;

const RULES: &str = "manifests/components/monitoring/prometheus-rule.yaml";
const LEADER: &str =
    r#"leader_election_master_status{name="vobiz-operator-leader-election",namespace="ops",pod="a"}"#;
const OTHERS: &str =
    r#"leader_election_master_status{name="vobiz-operator-leader-election",namespace="ops",pod="b"}"#;

/// Series by name and values, a minute apart.
type Series = &'static [(&'static str, &'static str)];

/// One alert.
struct Case {
    alert: &'static str,
    /// When it is to fire, and a minute before which it is not to, where it must last.
    at: &'static str,
    fires: Series,
    /// What it is told with, beside its severity.
    labels: &'static [(&'static str, &'static str)],
    summary: &'static str,
    /// Much like it, and no trouble of this kind, for two hours.
    quiet: &'static [Series],
}

const CASES: &[Case] = &[
    Case {
        alert: "VobizOperatorDown",
        at: "10m",
        fires: &[("vobiz_operator_build_info", "1x3 stale")],
        labels: &[],
        summary: "No vobiz-operator shows its metrics.",
        quiet: &[&[("vobiz_operator_build_info", "1x5 stale _x2 1x600")]],
    },
    Case {
        alert: "VobizOperatorNoLeader",
        at: "5m",
        fires: &[(LEADER, "1x1 stale"), (OTHERS, "0x600")],
        labels: &[("namespace", "ops")],
        summary: "No replica of the vobiz-operator leads.",
        quiet: &[
            &[(LEADER, "0x600"), (OTHERS, "1x600")],
            &[("vobiz_operator_build_info", "1x600")],
            &[(
                r#"leader_election_master_status{name="another-operator",namespace="ops"}"#,
                "0x600",
            )],
        ],
    },
    Case {
        alert: "VobizOperatorLeaseLost",
        at: "8m",
        fires: &[(LEADER, "1x5 0x600"), (OTHERS, "0x5 1x600")],
        labels: &[
            ("name", "vobiz-operator-leader-election"),
            ("namespace", "ops"),
            ("pod", "a"),
        ],
        summary: "The leader a ended, and another replica may lead now.",
        // One that ends for good, and one that gives it up while it ends.
        quiet: &[
            &[(LEADER, "1x5 stale"), (OTHERS, "0x5 1x600")],
            &[(LEADER, "1x5 0 stale"), (OTHERS, "0x5 1x600")],
        ],
    },
    Case {
        alert: "VobizOperatorWatchSilent",
        at: "10m",
        fires: &[(
            r#"vobiz_operator_watch_answered_timestamp_seconds{resource="subaccounts",within="team-a"}"#,
            "0 60 120 120x600",
        )],
        labels: &[("resource", "subaccounts"), ("within", "team-a")],
        summary: "The vobiz-operator has not been able to watch subaccounts in team-a for 8m 0s.",
        quiet: &[&[(
            r#"vobiz_operator_watch_answered_timestamp_seconds{resource="subaccounts",within="team-a"}"#,
            "0+60x600",
        )]],
    },
    Case {
        alert: "VobizOperatorWritesRefused",
        at: "15m",
        fires: &[(
            r#"vobiz_operator_writes_refused{resource="secrets",verb="create",pod="a"}"#,
            "_x2 3x600",
        )],
        labels: &[("resource", "secrets"), ("verb", "create")],
        summary: "Kubernetes refuses the vobiz-operator to create secrets, 3 times over.",
        quiet: &[&[(
            r#"vobiz_operator_writes_refused{resource="secrets",verb="create"}"#,
            "1x5 stale _x5 1x5 stale",
        )]],
    },
    Case {
        alert: "VobizAccountUnauthorized",
        at: "5m",
        fires: &[(
            r#"vobiz_account_status_condition{account="dev/vobiz",condition="Ready",status="False",reason="Unauthorized"}"#,
            "_ 1x600",
        )],
        labels: &[("account", "dev/vobiz")],
        summary: "Vobiz refuses the pair of the Account dev/vobiz.",
        quiet: &[&[AVAILABLE]],
    },
    Case {
        alert: "VobizAccountRateLimited",
        at: "25m",
        // It comes and goes.
        fires: &[(
            r#"vobiz_account_status_condition{account="dev/vobiz",condition="Ready",status="False",reason="RateLimited"}"#,
            "1x3 _x2 1x3 _x2 1x3 _x2 1x3 _x2 1x600",
        )],
        labels: &[("account", "dev/vobiz")],
        summary: "Vobiz keeps telling the Account dev/vobiz to slow down.",
        quiet: &[&[(
            r#"vobiz_account_status_condition{account="dev/vobiz",condition="Ready",status="False",reason="RateLimited"}"#,
            "1x5 _x10 1x5 _x600",
        )]],
    },
    Case {
        alert: "VobizAccountMassDeletionHeld",
        at: "3m",
        fires: &[(
            r#"vobiz_account_status_condition{account="dev/vobiz",condition="Ready",status="False",reason="MassDeletionSuspected"}"#,
            "_x2 1x600",
        )],
        labels: &[("account", "dev/vobiz")],
        summary: "Many subaccounts of the Account dev/vobiz are missing from the list of Vobiz.",
        quiet: &[&[AVAILABLE]],
    },
    Case {
        alert: "VobizAccountNotReady",
        at: "20m",
        fires: &[(
            r#"vobiz_account_status_condition{account="dev/vobiz",condition="Ready",status="False",reason="CredentialsMissing"}"#,
            "1x600",
        )],
        labels: &[("account", "dev/vobiz")],
        summary: "The Account dev/vobiz is not Ready.",
        // Those have alerts of their own, or are meant.
        quiet: &[
            &[AVAILABLE],
            &[(
                r#"vobiz_account_status_condition{account="dev/vobiz",condition="Ready",status="False",reason="Deleting"}"#,
                "1x600",
            )],
            &[(
                r#"vobiz_account_status_condition{account="dev/vobiz",condition="Ready",status="False",reason="RateLimited"}"#,
                "1x600",
            )],
        ],
    },
    Case {
        alert: "VobizApiErrors",
        at: "15m",
        fires: &[
            (
                r#"vobiz_api_requests_total{operation="list",code="<error>",namespace="ops"}"#,
                "0 0 0+1x600",
            ),
            (
                r#"vobiz_api_requests_total{operation="get",code="200",namespace="ops"}"#,
                "7+3x600",
            ),
        ],
        labels: &[("namespace", "ops")],
        summary: "More than a tenth of the requests to Vobiz fail.",
        quiet: &[
            // At rest, and one request failed.
            &[
                (
                    r#"vobiz_api_requests_total{operation="list",code="503",namespace="ops"}"#,
                    "0 0 1x600",
                ),
                (
                    r#"vobiz_api_requests_total{operation="list",code="200",namespace="ops"}"#,
                    "0+0.2x600",
                ),
            ],
            &[
                (
                    r#"vobiz_api_requests_total{operation="list",code="503",namespace="ops"}"#,
                    "0+1x600",
                ),
                (
                    r#"vobiz_api_requests_total{operation="get",code="200",namespace="ops"}"#,
                    "0+30x600",
                ),
            ],
            &[(
                r#"vobiz_api_requests_total{operation="get",code="404",namespace="ops"}"#,
                "0+1x600",
            )],
        ],
    },
    Case {
        alert: "VobizSweepLate",
        at: "25m",
        fires: &[
            (r#"vobiz_sweep_timestamp_seconds{account="dev/vobiz"}"#, "0x600"),
            (r#"vobiz_sweep_interval_seconds{account="dev/vobiz"}"#, "300x600"),
        ],
        labels: &[("account", "dev/vobiz")],
        summary: "The list of subaccounts has not been compared for the Account dev/vobiz for 25m 0s.",
        quiet: &[&[
            (
                r#"vobiz_sweep_timestamp_seconds{account="dev/vobiz"}"#,
                "0x9 600x9 1200+60x600",
            ),
            (r#"vobiz_sweep_interval_seconds{account="dev/vobiz"}"#, "300x600"),
        ]],
    },
    Case {
        alert: "VobizOrphans",
        at: "40m",
        fires: &[(r#"vobiz_orphan_subaccounts{account="dev/vobiz"}"#, "0x5 2x600")],
        labels: &[("account", "dev/vobiz")],
        summary: "Subaccounts at Vobiz under the Account dev/vobiz that belong to no object: 2.",
        quiet: &[&[(
            r#"vobiz_orphan_subaccounts{account="dev/vobiz"}"#,
            "0x5 9x20 0x600",
        )]],
    },
    Case {
        alert: "VobizLeftoversStay",
        at: "70m",
        fires: &[(r#"vobiz_leftovers_pending{account="dev/vobiz"}"#, "1x600")],
        labels: &[("account", "dev/vobiz")],
        summary: "Leftovers of interrupted creates that stay at Vobiz under the Account dev/vobiz: 1.",
        quiet: &[&[(
            r#"vobiz_leftovers_pending{account="dev/vobiz"}"#,
            "3x30 0x5 1x30 0x600",
        )]],
    },
    Case {
        alert: "VobizSubaccountNotReady",
        at: "20m",
        fires: &[
            (NOT_READY, "_x2 1x600"),
            // Of another one.
            (
                r#"vobiz_subaccount_status_condition{namespace="dev",name="other",condition="Stalled",status="True"}"#,
                "1x3 _x600",
            ),
        ],
        labels: &[("namespace", "dev"), ("name", "acme")],
        summary: "The Subaccount dev/acme is not Ready.",
        quiet: &[
            &[(
                r#"vobiz_subaccount_status_condition{namespace="dev",name="acme",condition="Ready",status="True"}"#,
                "1x600",
            )],
            &[(NOT_READY, "1x600"), (STALLED, "1x600")],
            &[(NOT_READY, "1x600"), (DELETING, "0x600")],
        ],
    },
    Case {
        alert: "VobizSubaccountStalled",
        at: "10m",
        fires: &[(NOT_READY, "_x3 1x600"), (STALLED, "_x3 1x600")],
        labels: &[("namespace", "dev"), ("name", "acme")],
        summary: "The Subaccount dev/acme is Stalled.",
        quiet: &[
            &[(NOT_READY, "1x600"), (STALLED, "1x4 stale")],
            &[(NOT_READY, "1x600")],
        ],
    },
    Case {
        alert: "VobizSubaccountStuckDeleting",
        at: "20m",
        fires: &[(DELETING, "0x600")],
        labels: &[("namespace", "dev"), ("name", "acme")],
        summary: "The Subaccount dev/acme is being deleted, for 20m 0s already.",
        quiet: &[&[(DELETING, "0x10 stale")]],
    },
];

const AVAILABLE: (&str, &str) = (
    r#"vobiz_account_status_condition{account="dev/vobiz",condition="Ready",status="True",reason="Available"}"#,
    "1x600",
);
const NOT_READY: &str =
    r#"vobiz_subaccount_status_condition{namespace="dev",name="acme",condition="Ready",status="False"}"#;
const STALLED: &str =
    r#"vobiz_subaccount_status_condition{namespace="dev",name="acme",condition="Stalled",status="True"}"#;
const DELETING: &str = r#"vobiz_subaccount_deletion_started_timestamp_seconds{namespace="dev",name="acme"}"#;

/// The rules as Prometheus itself reads them.
fn rules() -> Value {
    let text = fs::read_to_string(render::root().join(RULES)).unwrap();
    let mut documents = render::documents(&text);
    assert_eq!(documents.len(), 1);
    documents[0]["spec"].take()
}

fn alerts(rules: &Value) -> Vec<&Value> {
    let groups = rules["groups"].as_array().unwrap();
    groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
        .collect()
}

fn input(series: Series) -> Value {
    let series = series
        .iter()
        .map(|(series, values)| json!({"series": series, "values": values}));
    series.collect()
}

/// What promtool is to find: the alert as it is sent, and none of the kind in what is much like it.
fn tests(case: &Case, rule: &Value) -> Vec<Value> {
    let mut labels = json!({"severity": rule["labels"]["severity"]});
    for (name, value) in case.labels {
        labels[*name] = json!(value);
    }
    let mut annotations = rule["annotations"].clone();
    annotations["summary"] = json!(case.summary);
    let told = json!({"exp_labels": labels, "exp_annotations": annotations});
    let fires = json!({
        "name": format!("{} fires", case.alert), "interval": "1m", "input_series": input(case.fires),
        "alert_rule_test": [
            {"eval_time": "1m", "alertname": case.alert, "exp_alerts": []},
            {"eval_time": case.at, "alertname": case.alert, "exp_alerts": [told]},
        ],
    });
    let quiet = case.quiet.iter().map(|series| {
        let hours = ["5m", "16m", "31m", "61m", "2h"];
        let looks = hours.map(|at| json!({"eval_time": at, "alertname": case.alert, "exp_alerts": []}));
        json!({
            "name": format!("{} does not fire", case.alert), "interval": "1m", "input_series": input(series),
            "alert_rule_test": looks,
        })
    });
    [fires].into_iter().chain(quiet).collect()
}

#[test]
fn each_alert_fires_in_its_trouble_and_in_no_other() {
    let promtool = Promtool::locate().unwrap();
    let rules = rules();
    promtool.check(&rules).unwrap();
    let alerts = alerts(&rules);
    let named: Vec<&str> = alerts
        .iter()
        .map(|rule| rule["alert"].as_str().unwrap())
        .collect();
    let mut tried: Vec<&str> = CASES.iter().map(|case| case.alert).collect();
    tried.sort_by_key(|alert| named.iter().position(|name| name == alert));
    assert_eq!(named, tried, "each alert has one case");
    assert!(CASES.iter().all(|case| !case.quiet.is_empty()));
    let tests: Vec<Value> = CASES
        .iter()
        .flat_map(|case| {
            let rule = alerts.iter().find(|rule| rule["alert"] == case.alert);
            tests(case, rule.unwrap())
        })
        .collect();
    promtool.test(&rules, &tests).unwrap();
}

#[test]
fn a_judge_that_is_told_wrong_says_so() {
    let (promtool, rules) = (Promtool::locate().unwrap(), rules());
    let alerts = alerts(&rules);
    let (down, rule) = (&CASES[0], alerts[0]);
    let mut wrong = tests(down, rule);
    wrong[0]["input_series"] = wrong[1]["input_series"].clone();
    let error = promtool.test(&rules, &wrong[..1]).unwrap_err().to_string();
    assert!(error.contains("VobizOperatorDown"), "{error}");
    assert!(
        promtool
            .check(&json!({"groups": [{"name": "a", "rules": [{"alert": "A", "expr": "rate("}]}]}))
            .is_err()
    );
}

#[test]
fn each_alert_is_fired_by_what_the_operator_shows_in_a_trial() {
    let trials = ["alerts.rs", "leader.rs"]
        .map(|name| fs::read_to_string(render::root().join("tests/e2e").join(name)).unwrap())
        .concat();
    let rules = rules();
    for rule in alerts(&rules) {
        let alert = rule["alert"].as_str().unwrap();
        assert!(trials.contains(&format!("\"{alert}\"")), "no trial fires {alert}");
    }
}

#[test]
fn each_alert_leads_to_a_part_of_the_runbook_that_exists() {
    let headings = anchors("docs/runbook.md");
    let rules = rules();
    let mut severities = BTreeSet::new();
    for rule in alerts(&rules) {
        let url = rule["annotations"]["runbook_url"].as_str().unwrap();
        let anchor = url.strip_prefix("docs/runbook.md#").unwrap();
        assert!(headings.iter().any(|heading| heading == anchor), "{url}");
        for annotation in ["summary", "description"] {
            let text = rule["annotations"][annotation].as_str().unwrap();
            assert!(text.ends_with('.'), "{text}");
        }
        severities.insert(rule["labels"]["severity"].as_str().unwrap());
    }
    assert_eq!(severities, BTreeSet::from(["critical", "warning"]));
}

#[test]
fn the_documents_say_of_each_alert_when_it_fires() {
    let document = text("docs/monitoring.md");
    let told: Vec<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `Vobiz")?.split('`').next())
        .collect();
    let rules = rules();
    let alerts: Vec<&str> = alerts(&rules)
        .into_iter()
        .filter_map(|rule| rule["alert"].as_str()?.strip_prefix("Vobiz"))
        .collect();
    assert_eq!(told, alerts);
}
