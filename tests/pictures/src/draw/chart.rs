//! Lines over time. PURE.

use anyhow::Result;
use plotters::prelude::*;
use vobiz_harness::recording::Recording;

use super::axis::Axis;
use super::{Area, COLOURS, EDGE, FAINT, INK, MARGIN, pixels, text};
use crate::letters;
use crate::rows::{Answered, Series};
use crate::scale;
use crate::unit::{number, written};

/// Of the names below the lines.
const LEGEND: u32 = 14;
/// Pixels of a line of them.
const LEGEND_LINE: u32 = 18;
/// Of the mark before a name, and from one name to the next.
const MARK: u32 = 14;
const SPACE: u32 = 14;

/// Draws the series and their names.
#[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
pub(super) fn draw(area: &Area<'_>, answered: &Answered<'_>, recording: &Recording) -> Result<()> {
    let unit = &answered.panel.field_config.defaults.unit;
    let (width, height) = area.dim_in_pixel();
    let drawn = answered
        .series
        .iter()
        .filter(|series| !series.line.points.is_empty());
    let series: Vec<&Series> = drawn.collect();
    let legend = places(&series, width - MARGIN);
    let lines = legend.last().map_or(1, |place| place.1 / LEGEND_LINE + 1);
    let foot = lines * LEGEND_LINE + 8;
    let chart_area = area.clone().shrink((0, 0), (width, height - foot));
    let (start, end) = (recording.start as f64, recording.end() as f64);
    let values = series
        .iter()
        .flat_map(|series| series.line.points.iter().map(|point| point.1));
    let marks = scale::marks(values.fold(0.0, f64::max), unit);
    let top = marks.last().copied().unwrap_or(1.0);
    let minutes = scale::minutes((end - start) / 60.0);
    let mut chart = ChartBuilder::on(&chart_area)
        .margin_top(8)
        .margin_right(MARGIN + 6)
        .x_label_area_size(22)
        .y_label_area_size(64)
        .build_cartesian_2d(
            Axis::new((end - start) / 60.0, minutes),
            // A line on the edge is drawn whole.
            Axis::new(top * 1.02, marks),
        )?;
    let label = ("sans-serif", 13).into_font().color(&FAINT);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(EDGE)
        .light_line_style(TRANSPARENT)
        .axis_style(EDGE)
        .label_style(label)
        .x_label_formatter(&|minutes| format!("{} min", number(*minutes)))
        .y_label_formatter(&|value| written(*value, unit))
        .draw()?;
    for (number, one) in series.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        for run in runs(&one.line.points, recording.interval as f64) {
            let points = run.iter().map(|(at, value)| ((at - start) / 60.0, *value));
            if one.dashed {
                chart.draw_series(DashedLineSeries::new(points, 8, 5, colour.stroke_width(2)))?;
            } else {
                chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
            }
        }
    }
    for (number, (one, (left, down))) in series.iter().zip(legend).enumerate() {
        let top = height - foot + down + 4;
        let mark = [
            (pixels(left), pixels(top + 5)),
            (pixels(left + MARK), pixels(top + 8)),
        ];
        area.draw(&Rectangle::new(mark, COLOURS[number % COLOURS.len()].filled()))?;
        text(area, &one.name, (left + MARK + 6, top), LEGEND, INK)?;
    }
    Ok(())
}

/// The parts of a series between its gaps.
fn runs(points: &[(f64, f64)], interval: f64) -> impl Iterator<Item = &[(f64, f64)]> {
    points.chunk_by(move |one, other| other.0 - one.0 <= interval * 1.5)
}

/// Where each name begins: one after the other, and a new line where there is no room.
fn places(series: &[&Series], width: u32) -> Vec<(u32, u32)> {
    let (mut left, mut down) = (MARGIN, 0);
    let mut places = Vec::new();
    for one in series {
        let room = MARK + 6 + letters::width(&one.name, LEGEND);
        if left > MARGIN && left + room > width {
            (left, down) = (MARGIN, down + LEGEND_LINE);
        }
        places.push((left, down));
        left += room + SPACE;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_of_two_scrapes_parts_a_line() {
        let points = [(0.0, 1.0), (2.0, 1.0), (6.0, 1.0), (8.0, 1.0)];
        let lengths: Vec<usize> = runs(&points, 2.0).map(<[_]>::len).collect();
        assert_eq!(lengths, [2, 2]);
    }
}
