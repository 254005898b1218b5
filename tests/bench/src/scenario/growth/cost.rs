//! PURE. What an object costs at each size, and whether it costs more where there are many. Every cost is told at every
//! size, so that whatever is judged of it can be drawn.

use crate::percentile::share;
use crate::row::{Bound, Row};
use crate::scenario::growth::size::Size;
use crate::scenario::rest::mebibytes;
use crate::slope::{Point, later_over_earlier, marginal, rise, spread};

/// The largest ratio that still counts as flat.
const FLAT: f64 = 1.2;

/// Something that a size costs.
struct Cost {
    name: &'static str,
    unit: &'static str,
    of: fn(&Size) -> f64,
    judged: Judged,
}

/// What of a cost must be flat.
#[derive(Clone, Copy)]
enum Judged {
    /// Nothing: it explains another one.
    No,
    /// This many at each size.
    Exactly(f64),
    /// A count: the highest over the lowest.
    Count,
    /// What the machine decides: the highest over the lowest.
    Timing,
    /// What is spent once makes it fall: at a size over the lowest at a smaller one.
    Rise,
    /// The same, of what an object takes of it.
    RisePerObject,
    /// What an object more takes above half of the largest size, over what it takes below.
    Slope,
}

const COSTS: [Cost; 14] = [
    Cost {
        name: "POST per create",
        unit: "",
        of: |size| size.made.per_create(size.made.posts),
        judged: Judged::Exactly(1.0),
    },
    Cost {
        name: "writes per create",
        unit: "",
        of: |size| size.made.per_create(size.made.writes),
        judged: Judged::Count,
    },
    Cost {
        name: "reads per create",
        unit: "",
        of: |size| size.made.per_create(size.made.reads),
        judged: Judged::Count,
    },
    Cost {
        name: "CPU per create over the loader's",
        unit: "",
        of: |size| size.made.cpu_over_loader(),
        judged: Judged::Timing,
    },
    Cost {
        name: "CPU per create",
        unit: "ms",
        of: |size| size.made.cpu.as_secs_f64() / share(size.made.objects, 1) * 1000.0,
        judged: Judged::No,
    },
    Cost {
        name: "requests of an interval per page",
        unit: "",
        of: |size| size.rest_calls / (size.objects / 100.0).ceil(),
        judged: Judged::Count,
    },
    Cost {
        name: "CPU of an interval per object over the loader's",
        unit: "",
        of: |size| size.rest_cpu_in_objects / size.objects,
        judged: Judged::Rise,
    },
    Cost {
        name: "CPU of an interval per object",
        unit: "us",
        of: |size| size.rest_cpu / size.objects * 1e6,
        judged: Judged::No,
    },
    Cost {
        name: "CPU of a restart per object over the loader's",
        unit: "",
        of: |size| size.restarts.cpu_in_objects() / size.objects,
        judged: Judged::Rise,
    },
    Cost {
        name: "CPU of a restart per object",
        unit: "us",
        of: |size| size.restarts.median(|restart| restart.cpu) / size.objects * 1e6,
        judged: Judged::No,
    },
    Cost {
        name: "ready after a restart",
        unit: "s",
        of: |size| size.restarts.median(|restart| restart.ready),
        judged: Judged::No,
    },
    // Half of it is the answer time of the simulator, page after page: the loader's rate is no measure for that.
    Cost {
        name: "quiet after a restart",
        unit: "s",
        of: |size| size.restarts.median(|restart| restart.quiet),
        judged: Judged::RisePerObject,
    },
    Cost {
        name: "resident memory after a restart",
        unit: "MiB",
        of: |size| size.restarts.median(|restart| mebibytes(restart.usage.resident)),
        judged: Judged::Slope,
    },
    Cost {
        name: "resident memory after the creates",
        unit: "MiB",
        of: |size| mebibytes(size.made_resident),
        judged: Judged::No,
    },
];

impl Cost {
    fn points(&self, sizes: &[Size]) -> Vec<Point> {
        sizes.iter().map(|size| (size.objects, (self.of)(size))).collect()
    }

    fn judge(&self, row: &mut Row, sizes: &[Size]) {
        let points = self.points(sizes);
        let costs: Vec<f64> = points.iter().map(|(_, cost)| *cost).collect();
        let spread = || spread(&costs).unwrap_or(f64::INFINITY);
        let flat = Bound::AtMost(FLAT);
        let found = match self.judged {
            Judged::No | Judged::Exactly(_) => None,
            Judged::Count => {
                row.count(&format!("{}, highest over lowest", self.name), spread(), flat);
                None
            }
            Judged::Timing => Some(("highest over lowest", spread())),
            Judged::Rise => {
                let whole: Vec<Point> = points.iter().map(|(size, cost)| (*size, cost * size)).collect();
                rise(&whole).map(|found| ("at a size over the lowest at a smaller one", found))
            }
            Judged::RisePerObject => {
                rise(&points).map(|found| ("per object, at a size over the lowest at a smaller one", found))
            }
            Judged::Slope => later_over_earlier(&points)
                .map(|found| ("slope among large sizes over that among small ones", found)),
        };
        if let Some((how, found)) = found {
            row.timing(&format!("{}, {how}", self.name), found, "", flat);
        }
        if let (Judged::Slope, [first, .., last]) = (self.judged, points.as_slice()) {
            let more = marginal(*first, *last) * 1024.0;
            row.tell(&format!("{}, one object more", self.name), more, "KiB");
        }
    }
}

/// Tells all costs at all sizes, and judges those that must be flat.
pub fn tell(row: &mut Row, sizes: &[Size]) {
    for size in sizes {
        for cost in &COSTS {
            let name = format!("{} at {}", cost.name, size.objects);
            let value = (cost.of)(size);
            match cost.judged {
                Judged::Exactly(wanted) => row.count(&name, value, Bound::Exactly(wanted)),
                _ => row.tell(&name, value, cost.unit),
            };
        }
    }
    // Sizes that were never reached may be those at which it costs more.
    if row.trouble.is_none() {
        for cost in &COSTS {
            cost.judge(row, sizes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::curves;
    use crate::picture::svg;
    use crate::process::Usage;
    use crate::requests::Requests;
    use crate::scenario::growth::size::{Made, Restarts};
    use crate::scenario::restart::Restart;
    use std::time::Duration;

    /// A size at which so much is spent on everything.
    fn size(objects: u32, cost: u32) -> Size {
        let resident = u64::from(cost) * 10_000;
        let cost = f64::from(cost);
        let restart = Restart {
            ready: 1.0,
            quiet: cost / 1000.0,
            cpu: cost / 1000.0,
            usage: Usage {
                resident,
                ..Usage::default()
            },
            lists: 1,
            others: 1,
            requests: Requests::default(),
        };
        Size {
            objects: f64::from(objects),
            made: Made {
                objects: 100,
                posts: 100,
                writes: 500,
                reads: 300,
                cpu: Duration::from_millis(200),
                cpu_over_loader: vec![1.8],
            },
            made_resident: 20 << 20,
            rest_calls: f64::from(objects) / 100.0,
            rest_cpu: cost / 1e6,
            rest_cpu_in_objects: cost / 100.0,
            restarts: Restarts {
                all: vec![restart],
                cpu_in_objects: vec![cost / 100.0],
            },
        }
    }

    fn row(cost: fn(u32) -> u32) -> Row {
        let mut row = Row::new("growth", false);
        tell(
            &mut row,
            &[1000, 2000, 5000, 10_000].map(|objects| size(objects, cost(objects))),
        );
        row
    }

    #[test]
    fn every_cost_has_a_picture() {
        let report = serde_json::json!({"rows": [row(|objects| objects)]});
        let found = curves(&report);
        let names: Vec<&str> = found.iter().map(|curve| curve.name.as_str()).collect();
        assert_eq!(names, COSTS.each_ref().map(|cost| cost.name));
        let mut files: Vec<String> = found.iter().map(crate::curve::Curve::file).collect();
        files.sort();
        files.dedup();
        assert_eq!(files.len(), COSTS.len(), "{files:?}");
        for curve in &found {
            assert_eq!(svg(curve).unwrap().matches("<circle").count(), 4, "{curve:?}");
        }
    }

    #[test]
    fn what_is_judged_is_told_at_each_size_under_the_same_name() {
        for figure in row(|objects| objects).figures {
            let is_told = COSTS.iter().any(|cost| {
                let rest = figure.name.strip_prefix(cost.name);
                rest.is_some_and(|rest| rest.starts_with(" at ") || rest.starts_with(", "))
            });
            assert!(is_told, "{}", figure.name);
        }
    }

    #[test]
    fn what_ended_early_keeps_the_sizes_that_were_reached_and_judges_nothing_over_them() {
        let mut row = Row::new("growth", false);
        row.end_early("at 50000 objects: it stalled".to_owned());
        tell(&mut row, &[size(1000, 1000)]);
        assert!(
            row.figures
                .iter()
                .any(|figure| figure.name == "POST per create at 1000")
        );
        let over_sizes = |name: &str| name.contains(", ");
        assert!(!row.figures.iter().any(|figure| over_sizes(&figure.name)));
        assert!(!row.reached);
    }

    #[test]
    fn what_grows_with_the_size_is_reached_and_what_grows_faster_is_not() {
        let missed = |cost: fn(u32) -> u32| -> Vec<String> {
            let missed = row(cost).figures.into_iter();
            missed
                .filter(|figure| figure.held == Some(false))
                .map(|figure| figure.name)
                .collect()
        };
        assert_eq!(missed(|objects| objects), Vec::<String>::new());
        let missed = missed(|objects| objects / 100 * objects);
        assert_eq!(missed.len(), 4, "{missed:?}");
    }
}
