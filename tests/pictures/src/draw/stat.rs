//! One number, and how it came to it. PURE.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use vobiz_harness::recording::Recording;

use super::{Area, COLOURS, pixels};
use crate::rows::Answered;
use crate::unit::written;

/// The lower part, in which the course is drawn.
const COURSE: u32 = 26;

/// Draws the last value, in the colour of the dashboard's threshold, over a small picture of those before.
#[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
pub(super) fn draw(area: &Area<'_>, answered: &Answered<'_>, recording: &Recording) -> Result<()> {
    let mut points: Vec<(f64, f64)> = answered
        .series
        .iter()
        .flat_map(|series| series.line.points.iter().copied())
        .collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    let Some((_, value)) = points.last().copied() else {
        return Ok(());
    };
    let defaults = &answered.panel.field_config.defaults;
    let colour = match defaults.colour(value) {
        "red" => COLOURS[4],
        "orange" | "yellow" => COLOURS[1],
        _ => COLOURS[2],
    };
    let (width, height) = area.dim_in_pixel();
    let highest = points.iter().map(|point| point.1).fold(1.0, f64::max);
    let course = area.clone().shrink((1, height - COURSE), (width - 2, COURSE - 1));
    let times = recording.start as f64..recording.end() as f64;
    let mut chart = ChartBuilder::on(&course).build_cartesian_2d(times, 0.0..highest * 1.1)?;
    let (first, last) = (points[0].0, points[points.len() - 1].0);
    let below = [points.as_slice(), &[(last, 0.0), (first, 0.0)]].concat();
    chart.draw_series([Polygon::new(below, colour.mix(0.15))])?;
    chart.draw_series(LineSeries::new(points, colour.mix(0.6)))?;
    let middle = (pixels(width) / 2, pixels((height - COURSE) / 2));
    let style = ("sans-serif", 38)
        .into_text_style(area)
        .color(&colour)
        .pos(Pos::new(HPos::Center, VPos::Center));
    area.draw(&Text::new(written(value, &defaults.unit), middle, style))?;
    Ok(())
}
