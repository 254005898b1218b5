//! How values are written in Grafana's units. PURE.

/// A value in this unit, short.
pub fn written(value: f64, unit: &str) -> String {
    match unit {
        "s" => seconds(value),
        "bytes" => format!("{} MiB", number(value / 1_048_576.0)),
        "reqps" | "ops" => format!("{}/s", number(value)),
        _ => number(value),
    }
}

fn seconds(value: f64) -> String {
    if value == 0.0 {
        "0 s".to_owned()
    } else if value.abs() < 1.0 {
        format!("{} ms", number(value * 1000.0))
    } else if value.abs() < 120.0 {
        format!("{} s", number(value))
    } else {
        format!("{} min", number(value / 60.0))
    }
}

/// Three digits, and no zeros behind the point.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        small if small < 1.0 => 3,
        small if small < 10.0 => 2,
        small if small < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short_and_say_their_unit() {
        for (value, unit, expected) in [
            (0.0, "short", "0"),
            (12.0, "short", "12"),
            (0.125, "reqps", "0.125/s"),
            (2.5, "ops", "2.5/s"),
            (0.0425, "s", "42.5 ms"),
            (90.0, "s", "90 s"),
            (300.0, "s", "5 min"),
            (52_428_800.0, "bytes", "50 MiB"),
        ] {
            assert_eq!(written(value, unit), expected);
        }
    }
}
