//! PURE. What was measured at one size of the population.

use std::time::Duration;

use crate::percentile::{percentile, share};
use crate::scenario::restart::Restart;

/// What one size cost.
pub struct Size {
    /// How many objects there are.
    pub objects: f64,
    /// What making the last of them cost.
    pub made: Made,
    /// Memory of the process that made them, in bytes.
    pub made_resident: u64,
    /// Requests to Vobiz of an interval at rest.
    pub rest_calls: f64,
    /// Processor time of an interval, in seconds.
    pub rest_cpu: f64,
    /// The same, in so many of the loader's objects.
    pub rest_cpu_in_objects: f64,
    /// What restarts cost then.
    pub restarts: Restarts,
}

/// What the creates up to a size cost.
#[derive(Default)]
pub struct Made {
    /// Objects that were made.
    pub objects: usize,
    /// Creates at Vobiz.
    pub posts: usize,
    /// Writes to Kubernetes, without events.
    pub writes: usize,
    /// Reads from Kubernetes.
    pub reads: usize,
    /// Processor time.
    pub cpu: Duration,
    /// Per round: processor time of a create over what the loader spent on one just before and just after.
    pub cpu_over_loader: Vec<f64>,
}

impl Made {
    /// So many of something for each of them.
    pub fn per_create(&self, count: usize) -> f64 {
        share(count, self.objects)
    }

    /// In the middle round.
    pub fn cpu_over_loader(&self) -> f64 {
        median(&self.cpu_over_loader)
    }
}

/// What restarts at a size cost.
#[derive(Default)]
pub struct Restarts {
    /// Each of them.
    pub all: Vec<Restart>,
    /// Per restart: processor time, in so many of the objects that the loader made just before and just after.
    pub cpu_in_objects: Vec<f64>,
}

impl Restarts {
    /// In the middle one.
    pub fn median(&self, of: impl Fn(&Restart) -> f64) -> f64 {
        median(&self.all.iter().map(of).collect::<Vec<_>>())
    }

    /// In the middle one.
    pub fn cpu_in_objects(&self) -> f64 {
        median(&self.cpu_in_objects)
    }
}

/// A busy neighbour spoils a round or two.
fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0).unwrap_or(f64::INFINITY)
}
