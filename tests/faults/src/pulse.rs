//! I/O. How soon both servers answer somebody who asks for next to nothing: what the machine makes of it, not the operator.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);
/// Between two looks at whether it took too long.
const LOOK: Duration = Duration::from_secs(1);
/// A machine on which a look takes longer is starved: a pass of five requests would take seconds.
const PROMPT: SignedDuration = SignedDuration::from_millis(500);

/// A stretch of time in which the machine was starved.
pub type Span = (Timestamp, Timestamp);

/// Also on a machine that is always starved nobody waits longer.
pub const LONGEST: SignedDuration = SignedDuration::from_mins(10);

/// Asks again and again. Dropping it ends that.
pub struct Pulse {
    looks: Arc<Mutex<Looks>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Looks {
    starved: Vec<Span>,
    /// When the one began that is under way.
    begun: Option<Timestamp>,
}

impl Pulse {
    /// Begins; `ask` returns when every server has answered.
    pub fn start<F: Future<Output = ()> + Send>(ask: impl Fn() -> F + Send + Sync + 'static) -> Self {
        let looks = Arc::<Mutex<Looks>>::default();
        let found = Arc::clone(&looks);
        let task = tokio::spawn(async move {
            loop {
                let begun = Timestamp::now();
                found.lock().begun = Some(begun);
                ask().await;
                tokio::time::sleep(PAUSE).await;
                let ended = Timestamp::now();
                if is_starved(begun, ended) {
                    found.lock().starved.push((begun, ended));
                }
            }
        });
        Self { looks, task }
    }

    /// When the machine was starved, oldest first.
    #[must_use]
    pub fn starved(&self) -> Vec<Span> {
        let (looks, now) = (self.looks.lock(), Timestamp::now());
        let under_way = looks.begun.filter(|begun| is_starved(*begun, now));
        let under_way = under_way.map(|begun| (begun, now));
        looks.starved.iter().copied().chain(under_way).collect()
    }

    /// Waits for something no longer than this, not counting the time in which the machine is starved.
    pub async fn within<T>(&self, limit: SignedDuration, awaited: impl Future<Output = T>) -> Option<T> {
        let begun = Timestamp::now();
        let mut awaited = std::pin::pin!(awaited);
        loop {
            if let Ok(done) = tokio::time::timeout(LOOK, &mut awaited).await {
                return Some(done);
            }
            let now = Timestamp::now();
            if unstarved(&self.starved(), begun, now) > limit || now.duration_since(begun) > LONGEST {
                return None;
            }
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn is_starved(begun: Timestamp, ended: Timestamp) -> bool {
    ended.duration_since(begun) > PROMPT
}

/// How much time between two moments was not starved.
#[must_use]
pub fn unstarved(spans: &[Span], from: Timestamp, to: Timestamp) -> SignedDuration {
    let overlap = |(begun, ended): &Span| {
        let (begun, ended) = ((*begun).max(from), (*ended).min(to));
        ended.duration_since(begun).max(SignedDuration::ZERO)
    };
    let starved: SignedDuration = spans.iter().map(overlap).sum();
    (to.duration_since(from) - starved).max(SignedDuration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_part_of_a_starved_stretch_that_lies_between_the_moments_does_not_count() {
        let at = |seconds: i64| Timestamp::from_second(1_000 + seconds).unwrap();
        let spans = [(at(0), at(4)), (at(6), at(7)), (at(9), at(20)), (at(30), at(31))];
        assert_eq!(unstarved(&spans, at(2), at(12)), SignedDuration::from_secs(4));
        assert_eq!(unstarved(&[], at(2), at(12)), SignedDuration::from_secs(10));
        assert_eq!(unstarved(&spans, at(10), at(12)), SignedDuration::ZERO);
    }
}
