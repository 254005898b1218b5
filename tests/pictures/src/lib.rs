//! Draws `manifests/components/monitoring/dashboard.json` as it shows a recording: a picture for each of its rows.
//!
//! The queries are answered by Prometheus' own engine; how a panel is drawn is ours, and simpler than Grafana's.

pub mod dashboard;
mod draw;
mod letters;
mod rows;
mod scale;
mod unit;

use anyhow::Result;
use vobiz_harness::ranges;
use vobiz_harness::recording::Recording;

use dashboard::Dashboard;

/// Where the dashboard is in the repository.
pub const DASHBOARD: &str = "manifests/components/monitoring/dashboard.json";
/// Where what it is drawn from is.
pub const RECORDING: &str = "tests/pictures/fleet.series";
/// Where the pictures are.
pub const PICTURES: &str = "docs/monitoring";

/// A picture of each row of the dashboard: the name of its file, and SVG.
pub fn pictures(dashboard: &Dashboard, recording: &Recording) -> Result<Vec<(String, String)>> {
    let queries = dashboard.queries(recording.interval);
    let answers = ranges::ask(recording, &queries)?;
    let mut pictures = Vec::new();
    for row in rows::of(dashboard, answers) {
        let name = format!("{}.svg", row.slug());
        pictures.push((name, draw::row(&row, recording)?));
    }
    Ok(pictures)
}
