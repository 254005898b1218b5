//! When the API server was last heard on one watch. PURE.

use super::families::TimeGauge;

/// The series of one watch.
#[derive(Clone, Debug)]
pub struct WatchHeard(pub(super) TimeGauge);

impl WatchHeard {
    /// It was heard at this moment, in Unix seconds.
    pub fn at(&self, unix_seconds: f64) {
        self.0.set(unix_seconds);
    }
}
