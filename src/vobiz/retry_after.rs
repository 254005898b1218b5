//! How long an API that answered 429 wants to be left alone, in each form it may say so. PURE.

use std::time::Duration;

use jiff::Timestamp;

use super::http_date;

/// Never shorter, even when the answer says 0, a time in the past, or nothing.
const SHORTEST: f64 = 1.0;
/// Never longer: a wrong number must not silence a parent account for days.
const LONGEST: f64 = 15.0 * 60.0;

/// The forms in the order in which they count (Vobiz API documentation); one that makes no sense is skipped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hints<'a> {
    /// The header `Retry-After`: seconds or an HTTP date, read leniently.
    pub retry_after: Option<&'a str>,
    /// `error.details.retryAfter`: seconds.
    pub details: Option<f64>,
    /// The header `X-RateLimit-Reset`: unix seconds.
    pub rate_limit_reset: Option<&'a str>,
}

impl Hints<'_> {
    /// 1 s to 15 min.
    pub fn wait(self, now: Timestamp) -> Duration {
        let header = self
            .retry_after
            .and_then(|text| seconds(text).or_else(|| until_date(text, now)));
        let reset = || {
            self.rate_limit_reset
                .and_then(seconds)
                .map(|reset| reset - unix_seconds(now))
        };
        let wait = header
            .or(self.details)
            .or_else(reset)
            .filter(|wait| !wait.is_nan())
            .unwrap_or(SHORTEST);
        Duration::from_secs_f64(wait.clamp(SHORTEST, LONGEST))
    }
}

/// A number in decimal or scientific notation; not the `inf` and `nan` that a float may also be written as.
fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let numeric = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first))
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if numeric { text.parse().ok() } else { None }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds of a date are far fewer than a float holds exactly"
)]
fn until_date(text: &str, now: Timestamp) -> Option<f64> {
    http_date::unix_seconds(text, now).map(|date| date as f64 - unix_seconds(now))
}

fn unix_seconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-07-01T09:30:00Z".parse().unwrap()
    }

    #[test]
    fn each_form_of_the_header_is_read_and_clamped() {
        let table = [
            ("30", 30),
            (" 30 ", 30),
            ("0", 1),
            ("-5", 1),
            ("901", 900),
            ("1e30", 900),
            ("99999999999999999999999999", 900),
            ("1e999", 900),
            ("Wed, 01 Jul 2026 09:31:00 GMT", 60),
            ("Wednesday, 01-Jul-26 09:31:00 GMT", 60),
            ("Wed Jul  1 09:31:00 2026", 60),
            ("Monday, 01-Jul-26 09:31:00 GMT", 60),
            ("Mon Jul  1 09:31:00 2026", 60),
            ("Wed, 01 Jul 2026 09:31:00 XYZ", 60),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 900),
            ("Wed, 01 Jul 2026 09:00:00 GMT", 1),
            ("Wed, 01 Jul 2036 09:00:00 GMT", 900),
            ("soon", 1),
            ("", 1),
            ("nan", 1),
            ("inf", 1),
            ("-", 1),
            ("1e", 1),
        ];
        for (header, expected) in table {
            let hints = Hints {
                retry_after: Some(header),
                ..Hints::default()
            };
            assert_eq!(hints.wait(now()), Duration::from_secs(expected), "{header:?}");
        }
    }

    #[test]
    fn a_header_that_makes_no_sense_gives_way_to_the_next_form() {
        let reset = (now().as_second() + 45).to_string();
        let full = Hints {
            retry_after: Some("20"),
            details: Some(30.0),
            rate_limit_reset: Some(&reset),
        };
        assert_eq!(full.wait(now()).as_secs(), 20);
        assert_eq!(
            Hints {
                retry_after: Some("soon"),
                ..full
            }
            .wait(now())
            .as_secs(),
            30
        );
        assert_eq!(
            Hints {
                retry_after: None,
                details: None,
                ..full
            }
            .wait(now())
            .as_secs(),
            45
        );
        assert_eq!(
            Hints {
                rate_limit_reset: Some("1"),
                ..Hints::default()
            }
            .wait(now())
            .as_secs(),
            1
        );
        assert_eq!(
            Hints {
                rate_limit_reset: Some("9e300"),
                ..Hints::default()
            }
            .wait(now())
            .as_secs(),
            900
        );
        assert_eq!(Hints::default().wait(now()).as_secs(), 1);
    }

    #[test]
    fn a_clock_that_is_an_hour_off_silences_nobody_for_an_hour() {
        let reset = (now().as_second() + 45).to_string();
        let dated = Hints {
            retry_after: Some("Wed, 01 Jul 2026 09:31:00 GMT"),
            ..Hints::default()
        };
        let at_reset = Hints {
            rate_limit_reset: Some(&reset),
            ..Hints::default()
        };
        for hints in [dated, at_reset] {
            let hour = Duration::from_hours(1);
            assert_eq!(hints.wait(now() + hour).as_secs(), 1, "fast");
            assert_eq!(hints.wait(now() - hour).as_secs(), 15 * 60, "slow");
        }
        let seconds = Hints {
            retry_after: Some("30"),
            ..Hints::default()
        };
        assert_eq!(seconds.wait(Timestamp::MIN), seconds.wait(Timestamp::MAX));
    }

    proptest! {
        #[test]
        fn whatever_arrives_the_wait_is_between_1_s_and_15_min(
            header in proptest::option::of("\\PC{0,40}|[-+0-9.eE]{0,30}"),
            details in proptest::option::of(proptest::num::f64::ANY),
            reset in proptest::option::of("[-+0-9.eE]{0,30}"),
            at in -1_000_000_000_i64..5_000_000_000,
        ) {
            let hints = Hints { retry_after: header.as_deref(), details, rate_limit_reset: reset.as_deref() };
            let wait = hints.wait(Timestamp::from_second(at).unwrap());
            prop_assert!((Duration::from_secs(1)..=Duration::from_mins(15)).contains(&wait));
        }
    }
}
