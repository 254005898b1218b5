//! The dashboard's rows with what their panels' queries were answered. PURE.

use vobiz_harness::ranges::Line;

use crate::dashboard::{Dashboard, Panel, Target};

/// A row and the panels in it.
pub struct Row<'a> {
    pub title: &'a str,
    pub panels: Vec<Answered<'a>>,
}

/// A panel and its series.
pub struct Answered<'a> {
    pub panel: &'a Panel,
    pub series: Vec<Series>,
}

/// A series as it is drawn.
#[derive(Clone, Debug)]
pub struct Series {
    /// What it is called.
    pub name: String,
    /// A limit, no value.
    pub dashed: bool,
    pub line: Line,
}

impl Row<'_> {
    /// Its title as a part of a file's name.
    pub fn slug(&self) -> String {
        let words = self.title.split(|character: char| !character.is_alphanumeric());
        let words: Vec<String> = words
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        words.join("-")
    }
}

/// The rows of the dashboard; `answers` has one for each query, in order.
pub fn of(dashboard: &Dashboard, answers: Vec<Vec<Line>>) -> Vec<Row<'_>> {
    let (mut rows, mut answers): (Vec<Row<'_>>, _) = (Vec::new(), answers.into_iter());
    for panel in &dashboard.panels {
        if panel.kind == "row" {
            rows.push(Row {
                title: &panel.title,
                panels: Vec::new(),
            });
            continue;
        }
        let mut series = Vec::new();
        for target in &panel.targets {
            let lines = answers.next().unwrap_or_default();
            series.extend(lines.into_iter().map(|line| Series {
                name: name(target, &line),
                dashed: panel.is_dashed(target),
                line,
            }));
        }
        if let Some(row) = rows.last_mut() {
            row.panels.push(Answered { panel, series });
        }
    }
    rows
}

/// The legend with the labels put in.
fn name(target: &Target, line: &Line) -> String {
    if target.legend_format == "__auto" {
        let labels = line.labels.iter().filter(|(name, _)| *name != "__name__");
        return labels
            .map(|(_, value)| value.as_str())
            .collect::<Vec<_>>()
            .join(" ");
    }
    let mut parts = target.legend_format.split("{{");
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (label, rest) = part.split_once("}}").unwrap_or((part, ""));
        // A label that a series lacks is empty.
        name.push_str(line.labels.get(label).map_or("", String::as_str));
        name.push_str(rest);
    }
    name.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_in_their_rows_and_series_have_their_names() {
        let dashboard = Dashboard::parse(
            r#"{"panels": [
                {"title": "The Vobiz API", "type": "row", "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}},
                {"title": "Requests", "type": "timeseries", "gridPos": {"x": 0, "y": 1, "w": 12, "h": 8}, "targets": [
                    {"expr": "rate(a[$__rate_interval])", "legendFormat": "{{code}}! {{none}}", "refId": "A"},
                    {"expr": "b", "legendFormat": "limit", "refId": "B"}
                ], "fieldConfig": {"defaults": {"unit": "reqps"}, "overrides": [{"matcher": {"options": "B"}}]}}
            ]}"#,
        )
        .unwrap();
        assert_eq!(dashboard.queries(2), ["rate(a[8s])", "b"]);
        let line = |code: &str| Line {
            labels: [("code".to_owned(), code.to_owned())].into(),
            points: vec![(0.0, 1.0)],
        };
        let rows = of(&dashboard, vec![vec![line("200"), line("404")], vec![line("")]]);
        assert_eq!(rows[0].slug(), "the-vobiz-api");
        let series = &rows[0].panels[0].series;
        let drawn: Vec<(&str, bool)> = series.iter().map(|one| (one.name.as_str(), one.dashed)).collect();
        assert_eq!(drawn, [("200!", false), ("404!", false), ("limit", true)]);
    }
}
