//! PURE. How large and how long each scenario is, from what was asked for.

use std::time::Duration;

use serde::Serialize;

/// Sizes and times of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scale {
    /// Subaccounts of the main population.
    pub objects: usize,
    /// The smaller create.
    pub few: usize,
    /// Sizes at which the population is measured while it grows, ascending; the last is the largest.
    pub sizes: Vec<usize>,
    /// Times, rates and their ratios are not judged.
    pub counts_only: bool,
    /// Seconds between two sweeps at rest.
    pub interval_seconds: u32,
    /// Intervals that are watched at rest.
    pub intervals: usize,
    /// Intervals of the shortest length that are watched at each size of the growth.
    pub growth_intervals: usize,
    /// Rounds in which each size of the growth is made.
    pub growth_rounds: usize,
    /// Restarts that are measured at each size of the growth.
    pub growth_restarts: usize,
    /// Objects that the loader creates between two rounds and two restarts.
    pub loaded_objects: usize,
    /// Subaccounts created under a limit of requests per second.
    pub limited_objects: usize,
    /// Subaccounts deleted under that limit.
    pub bulk_objects: usize,
    /// Edits under a backlog.
    pub edits: usize,
    /// Edits beside a bad object.
    pub neighbours: usize,
    /// Rounds of a neighbour's acts, with and without each attack.
    pub attack_rounds: usize,
    /// Seconds during which every answer is 429.
    pub outage_seconds: u32,
}

/// The rate of the limited create.
pub const LIMITED_RATE: u32 = 20;
/// Its burst.
pub const LIMITED_BURST: u32 = 20;
/// The rate while a backlog waits and a user edits.
pub const BACKLOG_RATE: u32 = 10;
/// Its burst: the default of an Account.
pub const BACKLOG_BURST: u32 = 20;
/// Time between two edits: a fifth of the rate, so that the backlog moves too.
pub const EDIT_INTERVAL: Duration = Duration::from_millis(500);
/// The shortest interval that an Account accepts.
pub const SHORTEST_INTERVAL_SECONDS: u32 = 10;

impl Scale {
    /// The scale of a run with so many objects, which grows to these further sizes at last.
    pub fn new(objects: usize, growth: &[usize], counts_only: bool) -> Self {
        let mut sizes = if counts_only {
            vec![objects / 3, objects]
        } else {
            vec![objects / 10, objects / 5, objects / 2, objects]
        };
        sizes.extend(growth);
        sizes.retain(|size| *size > 0);
        sizes.sort_unstable();
        sizes.dedup();
        let limited_seconds = if counts_only { 8 } else { 60 };
        let limited = usize::try_from(LIMITED_RATE * limited_seconds + LIMITED_BURST).unwrap_or(usize::MAX);
        Self {
            objects,
            few: objects.min(1000),
            sizes,
            counts_only,
            interval_seconds: if counts_only {
                SHORTEST_INTERVAL_SECONDS
            } else {
                60
            },
            intervals: if counts_only { 2 } else { 5 },
            growth_intervals: if counts_only { 1 } else { 3 },
            growth_rounds: if counts_only { 1 } else { 7 },
            growth_restarts: if counts_only { 1 } else { 5 },
            loaded_objects: if counts_only { 20 } else { 300 },
            limited_objects: limited.min(objects),
            bulk_objects: objects.min(1000),
            edits: edits(objects),
            neighbours: if counts_only { 20 } else { 99 },
            attack_rounds: if counts_only { 3 } else { 100 },
            outage_seconds: if counts_only { 15 } else { 60 },
        }
    }

    /// Lists that a sweep over so many accounts takes.
    pub fn pages(accounts: usize) -> usize {
        accounts.div_ceil(100).max(1)
    }

    /// The time between two sweeps at rest.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(u64::from(self.interval_seconds))
    }
}

/// As many edits, at most a hundred, as fit while the backlog still has a third of its creates before it.
fn edits(backlog: usize) -> usize {
    let lasts = Duration::from_secs(backlog as u64 * 2 / 3 / u64::from(BACKLOG_RATE));
    let fits = |count: &u32| EDIT_INTERVAL * *count <= lasts;
    (1..=100).take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_grows_through_four_sizes_and_further_by_command() {
        let scale = Scale::new(10_000, &[], false);
        assert_eq!(scale.sizes, [1000, 2000, 5000, 10_000]);
        assert_eq!((scale.few, scale.limited_objects, scale.edits), (1000, 1220, 100));
        assert_eq!(Scale::new(10_000, &[50_000], false).sizes.last(), Some(&50_000));
    }

    #[test]
    fn a_small_run_still_has_a_backlog_when_the_last_edit_comes() {
        let scale = Scale::new(300, &[], true);
        assert_eq!((scale.edits, scale.limited_objects), (40, 180));
        let lasts = EDIT_INTERVAL * u32::try_from(scale.edits).unwrap();
        let created = lasts.as_secs() * u64::from(BACKLOG_RATE) + u64::from(BACKLOG_BURST);
        assert!(created < 300, "{created} are created meanwhile");
        assert_eq!(scale.sizes, [100, 300]);
    }

    #[test]
    fn a_page_holds_a_hundred() {
        assert_eq!([0, 1, 100, 101, 10_000].map(Scale::pages), [1, 1, 1, 2, 100]);
    }
}
