//! How far this machine's clock is from the servers'. PURE.

use super::check::{Check, Part};
use crate::kubectl::sight::clock::Said;

/// Seconds that no server need be ashamed of.
const NEAR: i64 = 5;
/// Seconds beyond which servers refuse what is signed or dated.
const FAR: i64 = 300;

/// What a server said of the time. None: nobody could be asked, and why.
#[must_use]
pub fn judge(server: &str, said: Result<Said, &str>) -> Check {
    let said = match said {
        Ok(said) => said,
        Err(why) => return Check::unseen(Part::Clock, server, why),
    };
    let Some(ahead) = ahead(said) else {
        return Check::warning(
            Part::Clock,
            server,
            "its answer has no Date that can be read",
            "see what stands between it and this machine",
        );
    };
    let distance = ahead.abs();
    let words = match ahead {
        0 => "its clock is this machine's, as far as an answer tells".to_owned(),
        1.. => format!("its clock is {distance} s ahead of this machine's"),
        _ => format!("its clock is {distance} s behind this machine's"),
    };
    let remedy = "have the clocks of both kept by a time server (NTP): where both servers are as far away, it is this machine's that is \
                  wrong. The operator counts its times on a clock of its own, but for how old a Record is when it starts";
    if distance <= NEAR {
        Check::ok(Part::Clock, server, words)
    } else if distance <= FAR {
        Check::warning(Part::Clock, server, words, remedy)
    } else {
        Check::fault(Part::Clock, server, words, remedy)
    }
}

/// Seconds that a server is ahead of this machine at least; a date is of whole seconds, and of a moment between request and answer.
fn ahead(said: Said) -> Option<i64> {
    let date = said.date?;
    let (before, after) = (said.before.as_second(), said.after.as_second());
    Some(if date > after {
        date - after
    } else if date < before {
        date - before
    } else {
        0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::doctor::check::Verdict;
    use jiff::Timestamp;

    #[test]
    fn a_clock_is_judged_by_what_the_answer_proves_alone() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let said = |date: Option<i64>| Said {
            before: at(1000),
            after: at(1004),
            date,
        };
        for (date, verdict, words) in [
            (Some(1002), Verdict::Ok, "is this machine's"),
            (Some(1000), Verdict::Ok, "is this machine's"),
            (Some(1009), Verdict::Ok, "5 s ahead"),
            (Some(1010), Verdict::Warning, "6 s ahead"),
            (Some(940), Verdict::Warning, "60 s behind"),
            (Some(1305), Verdict::Fault, "301 s ahead"),
            (Some(-9000), Verdict::Fault, "10000 s behind"),
            (None, Verdict::Warning, "no Date"),
        ] {
            let check = judge("Vobiz", Ok(said(date)));
            assert_eq!(check.verdict, verdict, "{}", check.message);
            assert!(check.message.contains(words), "{}", check.message);
        }
        assert_eq!(judge("Vobiz", Err("it is not asked")).verdict, Verdict::Warning);
    }
}
