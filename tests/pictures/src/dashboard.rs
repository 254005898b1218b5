//! The parts of Grafana's dashboard that are drawn. PURE.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// A dashboard.
#[derive(Clone, Debug, Deserialize)]
pub struct Dashboard {
    /// Rows and panels, in order.
    pub panels: Vec<Panel>,
}

/// A row, or a panel of the row before it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Panel {
    /// Its heading.
    pub title: String,
    /// `row`, `stat`, `table` or `timeseries`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it shows, in a sentence; may be empty.
    #[serde(default)]
    pub description: String,
    /// Where it is.
    pub grid_pos: Place,
    /// What it asks for.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// How values are written.
    #[serde(default)]
    pub field_config: FieldConfig,
    /// What is made of the answers of a table.
    #[serde(default)]
    pub transformations: Vec<Transformation>,
}

/// What is made of answers: the one kind that is drawn is `organize`.
#[derive(Clone, Debug, Deserialize)]
pub struct Transformation {
    /// Names and order of columns.
    pub options: Columns,
}

/// Which labels are the columns of a table.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Columns {
    /// The place of each, from the left.
    pub index_by_name: BTreeMap<String, u32>,
    /// The heading of each.
    pub rename_by_name: BTreeMap<String, String>,
}

/// A place in the grid of 24 columns.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Place {
    /// From the left.
    pub x: u32,
    /// From the top.
    pub y: u32,
    /// Columns.
    pub w: u32,
    /// Lines.
    pub h: u32,
}

/// A query.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// In the query language of Prometheus, with Grafana's variables.
    pub expr: String,
    /// What a series is called, with its labels in double braces; `__auto`: by all of them.
    #[serde(default)]
    pub legend_format: String,
    /// Its letter.
    pub ref_id: String,
}

/// How values are written.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct FieldConfig {
    /// Of all series.
    #[serde(default)]
    pub defaults: Defaults,
    /// Of the series of single queries.
    #[serde(default)]
    pub overrides: Vec<Override>,
}

/// How the values of all series are written.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Defaults {
    /// Grafana's name of the unit.
    #[serde(default)]
    pub unit: String,
    /// From which value on another colour is used.
    #[serde(default)]
    pub thresholds: Thresholds,
}

/// Steps of colours.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Thresholds {
    /// From the lowest on, which begins nowhere.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// A colour's beginning.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// Grafana's name of the colour.
    pub color: String,
    /// None for the lowest.
    pub value: Option<f64>,
}

impl Defaults {
    /// The name of the colour in which a value is shown: that of the last step that it reaches.
    #[must_use]
    pub fn colour(&self, value: f64) -> &str {
        let steps = self.thresholds.steps.iter();
        let mut reached = steps.filter(|step| step.value.is_none_or(|from| value >= from));
        // As Grafana does where there are no steps.
        reached.next_back().map_or("green", |step| &step.color)
    }
}

/// How the series of one query are drawn.
#[derive(Clone, Debug, Deserialize)]
pub struct Override {
    /// Of which.
    pub matcher: Matcher,
}

/// The letter of a query.
#[derive(Clone, Debug, Deserialize)]
pub struct Matcher {
    /// Its letter.
    pub options: String,
}

impl Dashboard {
    /// The dashboard that a file holds.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("the dashboard is not as it is drawn")
    }

    /// Every query of every panel, in order, as it is sent where a scrape is made so often (seconds).
    #[must_use]
    pub fn queries(&self, interval: u64) -> Vec<String> {
        // As Grafana does it: four scrapes are in each window.
        let window = format!("{}s", interval * 4);
        let targets = self.panels.iter().flat_map(|panel| &panel.targets);
        targets
            .map(|target| target.expr.replace("$__rate_interval", &window))
            .collect()
    }
}

impl Panel {
    /// The labels that are the columns of a table, in order, each with its heading.
    #[must_use]
    pub fn columns(&self) -> Vec<(&str, &str)> {
        let Some(Transformation { options }) = self.transformations.first() else {
            return Vec::new();
        };
        let mut columns: Vec<_> = options.index_by_name.iter().collect();
        columns.sort_by_key(|(_, place)| **place);
        let headed = columns.into_iter().map(|(label, _)| {
            let heading = options.rename_by_name.get(label).unwrap_or(label);
            (label.as_str(), heading.as_str())
        });
        headed.collect()
    }

    /// Whether the series of a query are drawn as a dashed line: a limit, no value.
    #[must_use]
    pub fn is_dashed(&self, target: &Target) -> bool {
        let overrides = &self.field_config.overrides;
        overrides.iter().any(|of| of.matcher.options == target.ref_id)
    }
}
