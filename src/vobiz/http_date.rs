//! Reads a date of an HTTP header as RFC 9110 (5.6.7) writes it, and as servers do who do not keep to it. PURE.
//!
//! All three forms have the same parts, told apart by what they look like. So they are looked for one by one, and what adds nothing is
//! not looked at: the day of the week follows from the date, and letters after the time can only mean GMT, which is the one zone
//! that the standard allows.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
/// A year of two digits that reads further ahead than this is one of the century before (RFC 9110).
const YEARS_AHEAD: i16 = 50;

#[derive(Default)]
struct Parts {
    day: Option<i8>,
    month: Option<i8>,
    /// As written, and how many digits it has.
    year: Option<(i16, usize)>,
    time: Option<Time>,
    /// East of Greenwich, in seconds.
    offset: i64,
}

/// Seconds from the epoch to the date; also of one that is too late for a timestamp. `now` decides on the century of a year of two digits.
#[must_use]
pub fn unix_seconds(text: &str, now: Timestamp) -> Option<i64> {
    let mut parts = Parts::default();
    let words = text.split(|character: char| character.is_ascii_whitespace() || character == ',');
    for word in words.filter(|word| !word.is_empty()) {
        parts.take(word)?;
    }
    let date = Date::new(full_year(parts.year?, now)?, parts.month?, parts.day?).ok()?;
    let since_epoch =
        DateTime::from_parts(date, parts.time?).duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    Some(since_epoch.as_secs() - parts.offset)
}

impl Parts {
    /// None for a word that makes it unclear what is meant.
    fn take(&mut self, word: &str) -> Option<()> {
        if let Some((hour, rest)) = word.split_once(':') {
            let (minute, second) = rest.split_once(':').unwrap_or((rest, "0"));
            // A leap second is one that this calendar does not have.
            let second = number::<i8>(second)?.min(if second == "60" { 59 } else { i8::MAX });
            let time = Time::new(number(hour)?, number(minute)?, second, 0).ok()?;
            return set(&mut self.time, time);
        }
        if let Some(offset) = word.strip_prefix(['+', '-']).filter(|_| self.time.is_some()) {
            let (hours, minutes) = offset.split_at_checked(2).filter(|_| offset.len() == 4)?;
            let east = number::<i64>(hours)? * 3600 + number::<i64>(minutes)? * 60;
            self.offset = if word.starts_with('-') { -east } else { east };
            return Some(());
        }
        if word.contains('-') {
            return word.split('-').try_for_each(|part| self.take(part));
        }
        if word.starts_with(|first: char| first.is_ascii_digit()) {
            return if self.day.is_none() && word.len() <= 2 {
                set(&mut self.day, number(word)?)
            } else {
                set(&mut self.year, (number(word)?, word.len()))
            };
        }
        let month = MONTHS.iter().position(|month| {
            let start = word.get(..3);
            start.is_some_and(|start| start.eq_ignore_ascii_case(month))
        });
        match month {
            Some(month) => set(&mut self.month, i8::try_from(month + 1).ok()?),
            // The name of a day or of a zone.
            None => word.bytes().all(|byte| byte.is_ascii_alphabetic()).then_some(()),
        }
    }
}

/// A part that is there twice says nothing.
fn set<T>(part: &mut Option<T>, value: T) -> Option<()> {
    part.replace(value).is_none().then_some(())
}

fn number<N: std::str::FromStr>(digits: &str) -> Option<N> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

fn full_year((year, digits): (i16, usize), now: Timestamp) -> Option<i16> {
    match digits {
        4 => Some(year),
        2 => {
            let this = now.to_zoned(jiff::tz::TimeZone::UTC).year();
            let year = this - this.rem_euclid(100) + year;
            Some(if year > this + YEARS_AHEAD {
                year - 100
            } else {
                year
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHEN: &str = "2026-07-01T09:31:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn read(text: &str) -> Option<i64> {
        unix_seconds(text, at("2026-07-01T09:30:00Z"))
    }

    #[test]
    fn what_adds_nothing_to_a_date_spoils_none() {
        for text in [
            "Wed, 01 Jul 2026 09:31:00 GMT",
            "Wednesday, 01-Jul-26 09:31:00 GMT",
            "Wed Jul  1 09:31:00 2026",
            // Wrong days of the week.
            "Mon, 01 Jul 2026 09:31:00 GMT",
            "Monday, 01-Jul-26 09:31:00 GMT",
            "Mon Jul  1 09:31:00 2026",
            "01 Jul 2026 09:31:00 GMT",
            // Zones that the standard does not know.
            "Wed, 01 Jul 2026 09:31:00 UTC",
            "Wed, 01 Jul 2026 09:31:00 XYZ",
            "Wed, 01 Jul 2026 09:31:00 Z",
            "Wed, 01 Jul 2026 09:31:00",
            "Wednesday, 01-Jul-26 09:31:00 IST",
            "Wed Jul  1 09:31:00 UTC 2026",
            "Wed, 01 Jul 2026 15:01:00 +0530",
            "Wed, 01 Jul 2026 04:31:00 -0500",
            "wed, 1 july 2026 09:31 gmt",
            "Wed, 01-Jul-2026 09:31:00 GMT",
        ] {
            assert_eq!(read(text), Some(at(WHEN).as_second()), "{text}");
        }
    }

    #[test]
    fn a_date_beyond_the_last_timestamp_is_read_and_an_unclear_one_is_not() {
        assert!(
            Timestamp::MAX.as_second() < 253_402_300_799,
            "there would be nothing to try"
        );
        for text in ["Fri, 31 Dec 9999 23:59:59 GMT", "Fri Dec 31 23:59:60 9999"] {
            assert_eq!(read(text), Some(253_402_300_799), "{text}");
        }
        for text in [
            "Wed, 31 Feb 2026 09:31:00 GMT",
            "Wed, 01 Jul 2026 25:31:00 GMT",
            "Wed, 01 Jul 2026 09:31:61 GMT",
            "Wed, 01 Jul 2026",
            "Wed, 01 Jul 09:31:00 GMT",
            "01 Jul Aug 2026 09:31:00 GMT",
            "Wed, 01 Jul 2026 09:31:00 +5",
            "Wed, 01 Jul 2026 09:31:00 2026",
            "Wed, 01 Jul 126 09:31:00 GMT",
            "soon",
            "",
            ":",
            "-",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_year_of_two_digits_is_never_more_than_50_years_ahead() {
        let year =
            |text: &str| Timestamp::from_second(read(text).unwrap()).unwrap().to_string()[..4].to_owned();
        assert_eq!(year("Wednesday, 01-Jul-76 09:31:00 GMT"), "2076");
        assert_eq!(year("Wednesday, 01-Jul-77 09:31:00 GMT"), "1977");
        assert_eq!(year("Wednesday, 01-Jul-00 09:31:00 GMT"), "2000");
    }

    proptest! {
        #[test]
        fn every_second_is_read_back_from_each_form(second in 0_i64..253_000_000_000, weekday in "Mon|Tuesday|Xyz", zone in "[A-Z]{1,4}") {
            let stamp = Timestamp::from_second(second).unwrap();
            for (form, two_digits) in [("%d %b %Y %H:%M:%S", false), ("%d-%b-%y %H:%M:%S", true), ("%b %e %H:%M:%S %Y", false)] {
                let text = format!("{weekday}, {} {zone}", stamp.strftime(form));
                let is_month = MONTHS.iter().any(|month| zone.to_lowercase().starts_with(month));
                let near = (second - at(WHEN).as_second()).abs() < 40 * 365 * 86_400;
                if !is_month && (near || !two_digits) {
                    prop_assert_eq!(read(&text), Some(second), "{}", text);
                }
            }
        }

        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,40}|[-+,: 0-9A-Za-z]{0,40}", at in Timestamp::MIN.as_second()..Timestamp::MAX.as_second()) {
            let _ = unix_seconds(&text, Timestamp::from_second(at).unwrap());
        }
    }
}
