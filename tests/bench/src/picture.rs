//! PURE. A curve as a picture: a line for each operator.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::curve::{Curve, Line};

const WIDTH: u32 = 720;
const HEIGHT: u32 = 400;
/// One for each line: this tree's operator, and those that it is held against.
const COLOURS: [RGBColor; 3] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 110, 20),
    RGBColor(120, 120, 120),
];
const INK: RGBColor = RGBColor(51, 51, 51);
const GRID: RGBColor = RGBColor(225, 225, 225);
const FONT: &str = "sans-serif";
/// Above and below its point, in pixels: the figures of two lines that do not cross are not written over each other.
const ABOVE: (i32, i32) = (0, -9);
const BELOW: (i32, i32) = (0, 20);

/// The picture as SVG.
pub fn svg(curve: &Curve) -> Result<String> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (WIDTH, HEIGHT)).into_drawing_area();
        // The error borrows the picture that is being drawn.
        draw(curve, &area).map_err(|error| anyhow!("failed to draw '{}': {error}", curve.name))?;
    }
    Ok(text)
}

fn draw(
    curve: &Curve,
    area: &DrawingArea<SVGBackend<'_>, Shift>,
) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    area.fill(&WHITE)?;
    let most = |of: fn(&(f64, f64)) -> f64| {
        let points = curve.lines.iter().flat_map(|line| &line.points);
        points.map(of).fold(0.0, f64::max)
    };
    let (furthest, highest) = (most(|point| point.0), most(|point| point.1));
    let with_legend = curve.lines.len() > 1;
    // What grows with the size may be lowest at the right, and its figures stand there; what only comes is highest there.
    let (head_room, legend_at) = if curve.is_by_size() {
        (
            if with_legend { 1.35 } else { 1.15 },
            SeriesLabelPosition::UpperLeft,
        )
    } else {
        (1.15, SeriesLabelPosition::LowerRight)
    };
    // This tree's last, over the others where they are the same.
    let lines = || {
        curve
            .lines
            .iter()
            .zip(COLOURS.iter().cycle())
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
    };
    let mut chart = ChartBuilder::on(area)
        .caption(curve.title(), (FONT, 18).into_font().color(&INK))
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(56)
        // From nothing: a slope that is none must look like none.
        .build_cartesian_2d(
            0.0..above_nothing(furthest) * 1.05,
            0.0..round_up(highest * head_room),
        )?;
    let style = (FONT, 14).into_font().color(&INK);
    chart
        .configure_mesh()
        .x_desc(curve.along.as_str())
        .x_labels(6)
        .y_labels(6)
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(style.clone())
        .axis_desc_style(style.clone())
        .x_label_formatter(&|along| number(*along))
        .y_label_formatter(&|value| number(*value))
        .draw()?;
    for (line, colour) in lines() {
        let points = line.points.iter().copied();
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(line.of.as_str())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    if curve.is_by_size() {
        for (line, colour) in lines() {
            let at = if is_lower(line, curve) { BELOW } else { ABOVE };
            let dots = line
                .points
                .iter()
                .map(|point| Circle::new(*point, 4, colour.filled()));
            chart.draw_series(dots)?;
            let centred = (FONT, 14)
                .into_font()
                .color(colour)
                .pos(Pos::new(HPos::Center, VPos::Bottom));
            let figures = line
                .points
                .iter()
                .map(|point| EmptyElement::at(*point) + Text::new(number(point.1), at, centred.clone()));
            chart.draw_series(figures)?;
        }
    }
    if with_legend {
        chart
            .configure_series_labels()
            .position(legend_at)
            .label_font(style)
            .background_style(WHITE.mix(0.8))
            .border_style(GRID)
            .draw()?;
    }
    area.present()
}

/// Whether another line is above this one at its end; of two that end in one place the first is the lower one.
fn is_lower(line: &Line, curve: &Curve) -> bool {
    let end = |line: &Line| line.points.last().map_or(0.0, |point| point.1);
    let after = curve.lines.iter().skip_while(|other| *other != line).skip(1);
    let mut after = after.filter(|other| end(other).total_cmp(&end(line)).is_eq());
    curve.lines.iter().any(|other| end(other) > end(line)) || after.next().is_some()
}

/// An axis has some length also where nothing took any time.
fn above_nothing(value: f64) -> f64 {
    if value > 0.0 { value } else { 1.0 }
}

/// The next number of one digit and zeros, a half or a quarter of one.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps
        .iter()
        .map(|step| step * unit)
        .find(|rounded| *rounded >= value)
        .unwrap_or(10.0 * unit)
}

/// Whole numbers with a comma before each three digits.
pub fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// As precise as a reader of the axis needs it.
pub fn number(value: f64) -> String {
    if value >= 100.0 {
        thousands(value)
    } else {
        let text = if value < 0.1 {
            format!("{value:.4}")
        } else {
            format!("{value:.2}")
        };
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::OBJECTS;

    #[test]
    fn a_picture_shows_the_name_the_unit_and_each_figure() {
        let line = |of: &str, factor: f64| Line {
            of: of.to_owned(),
            points: vec![
                (1000.0, 0.8 * factor),
                (2000.0, 1.1 * factor),
                (10_000.0, 5.0 * factor),
            ],
        };
        let mut curve = Curve {
            name: "quiet after".to_owned(),
            unit: "s".to_owned(),
            along: OBJECTS.to_owned(),
            lines: vec![line("this", 1.0)],
        };
        let text = svg(&curve).unwrap();
        for shown in ["quiet after, s", "objects", "0.8", "1.1", "10,000"] {
            assert!(text.contains(shown), "{shown} is not in {text}");
        }
        assert_eq!(text.matches("<circle").count(), 3);
        assert!(!text.contains("this"), "one line needs no legend: {text}");
        curve.lines.push(line("other", 2.0));
        let both = svg(&curve).unwrap();
        for shown in ["this", "other", "\n0.8\n", "\n1.6\n", "\n2.2\n"] {
            assert!(both.contains(shown), "{shown} is not in {both}");
        }
        assert_eq!(both.matches("<circle").count(), 6);
    }

    #[test]
    fn a_course_has_a_line_without_dots_also_where_nothing_came() {
        let curve = Curve {
            name: "requests".to_owned(),
            unit: String::new(),
            along: "seconds".to_owned(),
            lines: vec![Line {
                of: "this".to_owned(),
                points: vec![(0.0, 0.0), (5.0, 0.0)],
            }],
        };
        let text = svg(&curve).unwrap();
        assert!(text.contains("seconds") && text.contains("<polyline"), "{text}");
        assert!(!text.contains("<circle"), "{text}");
    }

    #[test]
    fn numbers_are_rounded_for_readers() {
        assert_eq!(
            [0.0, 0.0304, 0.8, 2.02, 46.3].map(number),
            ["0", "0.0304", "0.8", "2.02", "46.3"]
        );
        assert_eq!(
            [0.0, 999.0, 1000.0, 1_234_567.0].map(thousands),
            ["0", "999", "1,000", "1,234,567"]
        );
        let rounded = [0.0, 0.92, 2.3, 5.75, 12.0].map(|value| number(round_up(value)));
        assert_eq!(rounded, ["1", "1", "2.5", "6", "12.5"]);
    }
}
