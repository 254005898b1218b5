//! A line for each series that is there at the end. PURE.

use anyhow::Result;
use plotters::prelude::*;
use vobiz_harness::recording::Recording;

use super::{Area, EDGE, FAINT, INK, MARGIN, pixels, text};
use crate::rows::Answered;

const LINE: u32 = 28;

/// Draws the labels of each.
pub(super) fn draw(area: &Area<'_>, answered: &Answered<'_>, recording: &Recording) -> Result<()> {
    let columns = answered.panel.columns();
    let width = area.dim_in_pixel().0;
    let step = (width - MARGIN) / u32::try_from(columns.len().max(1))?;
    let row = |top: u32, words: &[&str], colour| -> Result<()> {
        let mut left = MARGIN;
        for word in words {
            text(area, word, (left, top), 15, colour)?;
            left += step;
        }
        let below = pixels(top + LINE - 8);
        let line = vec![(pixels(MARGIN), below), (pixels(width) - pixels(MARGIN), below)];
        area.draw(&PathElement::new(line, EDGE.stroke_width(1)))?;
        Ok(())
    };
    let headings: Vec<&str> = columns.iter().map(|(_, heading)| *heading).collect();
    row(6, &headings, FAINT)?;
    let present = answered
        .series
        .iter()
        .filter(|series| lasts(&series.line.points, recording));
    let mut top = 6;
    for series in present {
        top += LINE;
        let labels = &series.line.labels;
        let words = columns
            .iter()
            .map(|(label, _)| labels.get(*label).map_or("", String::as_str));
        row(top, &words.collect::<Vec<_>>(), INK)?;
    }
    Ok(())
}

/// Whether there is a value at the end.
#[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
fn lasts(points: &[(f64, f64)], recording: &Recording) -> bool {
    points.last().is_some_and(|(at, _)| *at >= recording.end() as f64)
}
