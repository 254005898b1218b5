//! PURE. The metrics, read from what `/metrics` shows once each of them has a sample.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vobiz_operator::metrics::{Metrics, ReconcileResult};

use crate::Page;
use crate::table::{Table, code, sentence};

/// What one family shows.
#[derive(Default)]
struct Family {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

pub fn page() -> Page {
    let mut text = "# Metrics\n\n`/metrics` on port 8080, as OpenMetrics or as Prometheus text, whichever the scraper accepts. A histogram `x` \
                    shows as `x_bucket`, `x_sum` and `x_count`. Names end with their unit: `seconds`, `bytes`; all others are counts. `account` is \
                    `namespace/name`, of a ClusterAccount its name.\n\n"
        .to_owned();
    let mut rows = Table::new(&["metric", "type", "labels", "what it tells"]);
    for (name, family) in families(&text_of_all()) {
        let labels: Vec<String> = family.labels.iter().map(|label| code(label)).collect();
        rows.row(&[
            &code(&name),
            &family.kind,
            &labels.join(", "),
            &sentence(&family.help),
        ]);
    }
    text += &rows.finish();
    text += "\nThose whose name begins with `vobiz_subaccount_` and has the labels `namespace` and `name` are there for each Subaccount, and not at all \
             with `--object-metrics=false`.\n";
    Page {
        file: "metrics.md",
        text,
    }
}

/// Every metric with a sample, as OpenMetrics.
fn text_of_all() -> String {
    let metrics = Metrics::new(true, "0", "0");
    metrics.pass("subaccount").finish(ReconcileResult::Error);
    metrics.rest_request("GET", Some(200));
    metrics.expect_watch("subaccounts", Some("team"), 0.0);
    metrics.passed_over("Subaccount");
    metrics.set_leader("lease", true);
    metrics.set_writes_refused("secrets", "create", 1);
    metrics.api_request("list", Some(200), Duration::ZERO);
    metrics.rate_limit_wait(Duration::ZERO);
    metrics.drift("name");
    metrics.secret_repaired();
    let account = "team/vobiz";
    metrics.admit_account(account);
    metrics.set_account_ready(account, "True", "Available");
    metrics.account_request(account, 10);
    metrics.swept(account, 0.0, Duration::ZERO);
    metrics.api_success(account, 0.0);
    metrics.set_orphans(account, 0);
    metrics.set_leftovers_pending(account, 0);
    metrics.admit_object("team", "acme", "uid");
    metrics.set_conditions("team", "acme", Some("True"), Some("True"), true);
    metrics.set_info("team", "acme", "SA_1", account);
    metrics.set_deletion_started("team", "acme", 0.0);
    metrics.encode().unwrap_or_default()
}

/// The families of a text, each with the labels of its samples.
fn families(text: &str) -> BTreeMap<String, Family> {
    let mut found = BTreeMap::new();
    let mut current = (String::new(), Family::default());
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            let before = std::mem::take(&mut current);
            found.insert(before.0, before.1);
            name.clone_into(&mut current.0);
            help.clone_into(&mut current.1.help);
        } else if let Some((_, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            kind.clone_into(&mut current.1.kind);
            if kind == "counter" {
                current.0 += "_total";
            }
        } else if let Some((labels, _)) = line.split_once('{').and_then(|(_, rest)| rest.split_once('}')) {
            let names = labels.split("\",").filter_map(|label| label.split_once('='));
            let names = names.map(|(name, _)| name.to_owned()).filter(|name| name != "le");
            current.1.labels.extend(names);
        }
    }
    found.insert(current.0, current.1);
    found.remove("");
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those that have no labels.
    const UNLABELLED: [&str; 9] = [
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_virtual_memory_bytes",
        "vobiz_api_rate_limit_wait_seconds",
        "vobiz_api_requests_waiting",
        "vobiz_subaccount_secrets_repaired_total",
    ];

    #[test]
    fn every_metric_has_a_sample_here_so_that_its_labels_are_known() {
        for (name, family) in families(&text_of_all()) {
            assert_eq!(
                family.labels.is_empty(),
                UNLABELLED.contains(&name.as_str()),
                "{name}: give it a sample in text_of_all"
            );
        }
    }
}
