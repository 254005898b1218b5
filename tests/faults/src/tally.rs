//! PURE. The figures of a campaign.

use std::time::Duration;

use crate::campaign::Report;
use crate::judge::Finding;

/// Counted while reports come.
#[derive(Debug, Default)]
pub struct Tally {
    count: usize,
    held: usize,
    strays: usize,
    lost_pairs: usize,
    wrong_deletes: usize,
    untold: usize,
    repeated: usize,
    harmed: usize,
    calls_per_minute: usize,
}

impl Tally {
    /// Counts one.
    pub fn add(&mut self, report: &Report) {
        self.count += 1;
        self.held += usize::from(report.ran() && report.findings().is_empty());
        for finding in report.findings() {
            match finding {
                Finding::Strays(strays) => self.strays += strays,
                Finding::LostPair(_) | Finding::MixedPair(_) => self.lost_pairs += 1,
                Finding::WrongDelete(_) => self.wrong_deletes += 1,
                Finding::Untold(_) => self.untold += 1,
                Finding::Repeated { .. } => self.repeated += 1,
                Finding::Harmed(_) => self.harmed += 1,
                _ => {}
            }
        }
        if let Ok(ended) = &report.ended {
            self.calls_per_minute = self.calls_per_minute.max(ended.verdict.calls_per_minute);
        }
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// How long plans took to converge, and what else was measured.
    #[must_use]
    pub fn details(&self, reports: &[Report], took: Duration) -> String {
        let mut seconds: Vec<f64> = reports
            .iter()
            .filter_map(|report| Some(report.convergence()?.as_secs_f64()))
            .collect();
        seconds.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let place = (seconds.len().saturating_sub(1) * percent).div_ceil(100);
            seconds.get(place).copied().unwrap_or_default()
        };
        format!(
            "converged after the last fault: p50 {:.1} s, p99 {:.1} s, at most {:.1} s; at most {} calls per minute \
             and object; while a write was refused: {} repeated, {} harmed; {} s in all",
            at(50),
            at(99),
            at(100),
            self.calls_per_minute,
            self.repeated,
            self.harmed,
            took.as_secs()
        )
    }

    /// The line that says it all.
    #[must_use]
    pub fn last_line(&self, wanted: usize) -> String {
        let Self {
            held,
            strays,
            lost_pairs,
            wrong_deletes,
            untold,
            ..
        } = self;
        format!(
            "faults: {held}/{wanted} plans, {strays} strays, {lost_pairs} lost pairs, {wrong_deletes} wrong deletes, \
             {untold} untold"
        )
    }

    /// Whether every plan ran and everything held.
    #[must_use]
    pub fn is_clean(&self, wanted: usize) -> bool {
        self.held == wanted && self.strays + self.lost_pairs + self.wrong_deletes + self.untold == 0
    }
}
