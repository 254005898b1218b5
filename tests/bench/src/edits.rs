//! I/O. A person edits one object after the other: how long is it until Vobiz is told?

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use vobiz_harness::simulator_journal::{JournalEntry, Operation};

use crate::percentile::percentile;
use crate::population::Population;
use crate::site::{Begun, Site};
use crate::waiting::until;

/// How long the last updates may take after all edits were made.
const PATIENCE: Duration = Duration::from_secs(30);

/// When the API server had answered each edit.
pub struct Edits {
    returned: HashMap<String, Timestamp>,
}

/// What became of them.
pub struct Found {
    /// Seconds from each edit to its update at Vobiz; infinite for one that never came.
    pub latencies: Vec<f64>,
    /// Edits whose update never came.
    pub missing: usize,
    /// Updates of the objects that were edited.
    pub updates: usize,
}

impl Edits {
    /// Gives these objects a new description, one in each interval.
    pub async fn make(
        population: &Population,
        names: &[String],
        description: &str,
        interval: Duration,
    ) -> Result<Self> {
        let mut returned = HashMap::new();
        for name in names {
            let next = tokio::time::Instant::now() + interval;
            population
                .describe(name, &format!("{description} {name}"))
                .await?;
            returned.insert(name.clone(), Timestamp::now());
            // The pace of the edits is part of the scenario.
            tokio::time::sleep_until(next).await;
        }
        Ok(Self { returned })
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.returned.len()
    }

    /// Waits until all have reached Vobiz. One that does not come is a figure, not an error.
    pub async fn await_updates(&self, site: &Site, begun: &Begun) {
        let query = site.calls(begun).operation(Operation::Update);
        let updated = async || {
            let calls = site.stage.simulator.journal(&query).await?;
            Ok(self.len() - self.found(&calls).missing)
        };
        let all = until("edits sent", self.len(), || site.check(), updated);
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }

    /// What became of them, by the requests that Vobiz has had since the first.
    pub fn found(&self, calls: &[JournalEntry]) -> Found {
        let mut sent: HashMap<&str, (usize, f64)> = HashMap::new();
        for call in calls.iter().filter(|call| call.operation == Operation::Update) {
            let name = call.name.as_deref().unwrap_or_default();
            let Some(returned) = self.returned.get(name) else {
                continue;
            };
            // It may arrive before the person's own answer does.
            let latency = call.time.duration_since(*returned).as_secs_f64().max(0.0);
            sent.entry(name).or_insert((0, latency)).0 += 1;
        }
        let missing = self.len() - sent.len();
        let mut latencies: Vec<f64> = sent.values().map(|(_, latency)| *latency).collect();
        latencies.extend(std::iter::repeat_n(f64::INFINITY, missing));
        Found {
            latencies,
            missing,
            updates: sent.values().map(|(count, _)| count).sum(),
        }
    }
}

impl Found {
    /// Seconds that so many of a hundred edits do not exceed.
    pub fn within(&self, percent: f64) -> f64 {
        percentile(&self.latencies, percent).unwrap_or(f64::INFINITY)
    }
}
