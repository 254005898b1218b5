//! Draws a row of the dashboard as SVG. PURE.

mod axis;
mod chart;
mod stat;
mod table;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use vobiz_harness::recording::Recording;

use crate::letters;
use crate::rows::{Answered, Row};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Pixels of a column and of a line of Grafana's grid.
const COLUMN: u32 = 50;
const LINE: u32 = 32;
/// Around a panel.
const GAP: u32 = 4;
/// From a panel's edge to what is in it.
const MARGIN: u32 = 12;
/// Of a panel's description.
const SMALL: u32 = 13;

const GROUND: RGBColor = RGBColor(244, 245, 247);
const PAPER: RGBColor = RGBColor(255, 255, 255);
const EDGE: RGBColor = RGBColor(222, 225, 230);
const INK: RGBColor = RGBColor(36, 41, 46);
const FAINT: RGBColor = RGBColor(106, 115, 125);
/// Of series, told apart by people who see no red and green too.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
    RGBColor(120, 94, 160),
    RGBColor(110, 110, 60),
];

/// The picture of a row.
pub fn row(row: &Row<'_>, recording: &Recording) -> Result<String> {
    let places = row.panels.iter().map(|answered| answered.panel.grid_pos);
    let top = places.clone().map(|place| place.y).min().unwrap_or_default();
    let end = places.map(|place| place.y + place.h).max().unwrap_or_default();
    let (width, height) = (24 * COLUMN, (end - top) * LINE);
    let mut svg = String::new();
    {
        let whole = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        whole.fill(&GROUND)?;
        for answered in &row.panels {
            let place = answered.panel.grid_pos;
            let corner = (place.x * COLUMN + GAP, (place.y - top) * LINE + GAP);
            let size = (place.w * COLUMN - 2 * GAP, place.h * LINE - 2 * GAP);
            let area = whole.clone().shrink(corner, size);
            panel(&area, answered, recording)?;
        }
        whole.present()?;
    }
    Ok(svg)
}

fn panel(area: &Area<'_>, answered: &Answered<'_>, recording: &Recording) -> Result<()> {
    let (width, height) = area.dim_in_pixel();
    let frame = [(0, 0), (pixels(width) - 1, pixels(height) - 1)];
    area.draw(&Rectangle::new(frame, PAPER.filled()))?;
    area.draw(&Rectangle::new(frame, EDGE.stroke_width(1)))?;
    text(area, &answered.panel.title, (MARGIN, 9), 18, INK)?;
    let mut head = 31;
    for line in letters::lines(&answered.panel.description, SMALL, width - 2 * MARGIN) {
        text(area, &line, (MARGIN, head), SMALL, FAINT)?;
        head += SMALL + 1;
    }
    let body = area.clone().shrink((0, head + 6), (width, height - head - 6));
    match answered.panel.kind.as_str() {
        "stat" => stat::draw(&body, answered, recording),
        "table" => table::draw(&body, answered, recording),
        _ => chart::draw(&body, answered, recording),
    }
}

/// Words whose upper left corner is at this place.
fn text(area: &Area<'_>, words: &str, (left, top): (u32, u32), size: u32, colour: RGBColor) -> Result<()> {
    let style = ("sans-serif", size)
        .into_text_style(area)
        .color(&colour)
        .pos(Pos::new(HPos::Left, VPos::Top));
    area.draw(&Text::new(words, (pixels(left), pixels(top)), style))?;
    Ok(())
}

fn pixels(length: u32) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
