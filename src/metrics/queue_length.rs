//! One part of a gauge that several hold together: each says how many wait with it, and takes them back when it goes. PURE.

use prometheus_client::metrics::gauge::Gauge;

use super::count::gauge_value;

/// How many wait in one place. By default nobody hears of it.
#[derive(Debug, Default)]
pub struct QueueLength {
    all: Gauge,
    here: i64,
}

impl QueueLength {
    pub(super) fn new(all: Gauge) -> Self {
        Self { all, here: 0 }
    }

    /// Says how many wait here now.
    pub fn set(&mut self, count: usize) {
        let here = gauge_value(count);
        self.all.inc_by(here - self.here);
        self.here = here;
    }
}

impl Drop for QueueLength {
    fn drop(&mut self) {
        self.all.dec_by(self.here);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_add_up_and_one_that_goes_takes_its_own_along() {
        let all = Gauge::default();
        let (mut one, mut other) = (QueueLength::new(all.clone()), QueueLength::new(all.clone()));
        one.set(3);
        other.set(2);
        one.set(1);
        assert_eq!(all.get(), 3);
        drop(other);
        assert_eq!(all.get(), 1);
    }
}
