//! PURE. Holds arrivals against a token bucket: was its rate used, and was it ever exceeded?

/// A rate limit as an Account states it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Requests per second in the long run.
    pub rate: f64,
    /// Requests that may be sent at once after a rest.
    pub burst: f64,
}

impl Bucket {
    /// By how many requests the worst window holds more than `burst + rate * window`; none arrived: minus `burst`.
    /// `arrivals` are seconds, ascending.
    pub fn excess(self, arrivals: &[f64]) -> f64 {
        let mut worst = -self.burst;
        // A window from the i-th to the j-th arrival holds j - i + 1 requests: what counts is the lowest start so far.
        let mut lowest = f64::INFINITY;
        let mut number = 0.0;
        for arrival in arrivals {
            let level = number - self.rate * arrival;
            lowest = lowest.min(level);
            worst = worst.max(level - lowest + 1.0 - self.burst);
            number += 1.0;
        }
        worst
    }

    /// The share of the rate that was used from the moment the burst was spent to the last arrival; none while it is not.
    pub fn used(self, arrivals: &[f64]) -> Option<f64> {
        let mut number = 0.0;
        let spent = arrivals.iter().find(|_| {
            number += 1.0;
            number >= self.burst
        })?;
        let after = arrivals.iter().filter(|arrival| *arrival > spent);
        let count = after.fold(0.0, |count, _| count + 1.0);
        let window = arrivals.last()? - spent;
        (window > 0.0).then(|| count / (self.rate * window))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: Bucket = Bucket {
        rate: 10.0,
        burst: 3.0,
    };

    /// Three at once, then one every tenth of a second.
    fn even(count: u32) -> Vec<f64> {
        let after = (1..=count).map(|number| f64::from(number) / 10.0);
        [0.0, 0.0, 0.0].into_iter().chain(after).collect()
    }

    #[test]
    fn the_full_rate_after_the_burst_is_used_up_and_not_exceeded() {
        assert!(BUCKET.excess(&even(50)).abs() < 1e-9);
        assert!((BUCKET.used(&even(50)).unwrap() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn one_request_too_many_is_seen_wherever_it_is() {
        let mut late = even(50);
        late.push(5.0);
        assert!((BUCKET.excess(&late) - 1.0).abs() < 1e-9);
        let mut early = even(50);
        early.insert(0, 0.0);
        assert!((BUCKET.excess(&early) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_pause_lowers_what_was_used_and_does_not_hide_a_later_burst() {
        let mut paused = even(10);
        paused.extend([3.0, 3.0, 3.0]);
        assert!(BUCKET.used(&paused).unwrap() < 0.5);
        assert!(BUCKET.excess(&paused).abs() < 1e-9, "the bucket was full again");
        paused.push(3.0);
        assert!((BUCKET.excess(&paused) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn too_few_arrivals_say_nothing_about_the_rate() {
        assert_eq!(BUCKET.used(&[0.0, 0.0]), None);
        assert_eq!(BUCKET.used(&[]), None);
        assert!(BUCKET.excess(&[]) < 0.0);
    }
}
