//! The dashboard, on what was recorded of a fleet: every query of it is answered, and the pictures in the documents are of it.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result};
use vobiz_harness::products::repository;
use vobiz_harness::ranges;
use vobiz_harness::recording::Recording;
use vobiz_pictures::dashboard::Dashboard;
use vobiz_pictures::{DASHBOARD, PICTURES, RECORDING, pictures};

/// The page that is made from the families of the operator's metrics.
const METRICS: &str = "docs/reference/metrics.md";
/// The page that shows the pictures.
const PAGE: &str = "docs/monitoring.md";

/// What an operator under an API server that is well never shows.
const NOT_IN_A_FLEET: [&str; 2] = [
    "vobiz_operator_objects_passed_over_total",
    "vobiz_operator_writes_refused",
];

fn file(path: &str) -> Result<String> {
    fs::read_to_string(repository().join(path)).with_context(|| format!("failed to read {path}"))
}

fn dashboard() -> Result<Dashboard> {
    Dashboard::parse(&file(DASHBOARD)?)
}

fn recording() -> Result<Recording> {
    Recording::parse(&file(RECORDING)?)
}

#[test]
fn every_query_of_the_dashboard_is_answered() {
    let (dashboard, recording) = (dashboard().unwrap(), recording().unwrap());
    let queries = dashboard.queries(recording.interval);
    assert!(queries.len() > 20);
    let answers = ranges::ask(&recording, &queries).unwrap();
    for (query, lines) in queries.iter().zip(answers) {
        let values = lines.iter().flat_map(|line| &line.points).map(|point| point.1);
        let values: Vec<f64> = values.collect();
        assert!(!values.is_empty(), "no answer: {query}");
        let is_of_the_healthy = NOT_IN_A_FLEET.iter().any(|name| query.contains(name));
        assert!(
            is_of_the_healthy || values.iter().any(|value| *value > 0.0),
            "nothing but zeros: {query}"
        );
    }
}

#[test]
fn what_is_asked_for_what_is_not_there_is_not_answered() {
    let queries = [
        "vobiz_no_such_metric".to_owned(),
        "vobiz_operator_build_info".to_owned(),
    ];
    let answers = ranges::ask(&recording().unwrap(), &queries).unwrap();
    assert!(answers[0].is_empty() && answers[1].len() == 1);
    let error = ranges::ask(&recording().unwrap(), &["rate(".to_owned()])
        .unwrap_err()
        .to_string();
    assert!(error.contains("rate("), "{error}");
}

#[test]
fn the_recording_has_every_metric_that_the_operator_has() {
    let page = file(METRICS).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let known: BTreeSet<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    let recording = recording().unwrap();
    let series = recording
        .series
        .iter()
        .map(|(series, _)| series.split('{').next().unwrap());
    let recorded: BTreeSet<&str> = series
        .map(|name| name.strip_suffix("_bucket").unwrap_or(name))
        .collect();
    let missing: Vec<&str> = known
        .iter()
        .copied()
        .filter(|name| !recorded.contains(name))
        .collect();
    assert_eq!(missing, NOT_IN_A_FLEET, "run `cargo xtask pictures --record`");
}

#[test]
fn the_pictures_are_of_the_dashboard_and_the_recording_and_a_page_shows_them() {
    let page = file(PAGE).unwrap();
    let drawn = pictures(&dashboard().unwrap(), &recording().unwrap()).unwrap();
    assert!(drawn.len() > 3);
    let shown = PICTURES.strip_prefix("docs/").unwrap();
    for (name, svg) in &drawn {
        let stored = fs::read_to_string(repository().join(PICTURES).join(name)).unwrap_or_default();
        assert!(
            stored == *svg,
            "{name} is out of date: run `cargo xtask pictures`"
        );
        assert!(
            page.contains(&format!("]({shown}/{name})")),
            "{PAGE} does not show {name}"
        );
    }
    let names: BTreeSet<&str> = drawn.iter().map(|(name, _)| name.as_str()).collect();
    for entry in fs::read_dir(repository().join(PICTURES)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(name.as_str()), "nothing draws {name}");
    }
}
