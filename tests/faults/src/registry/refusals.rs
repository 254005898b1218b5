//! I/O (the clock). A write that is refused from its first time on, until it is allowed again.

use jiff::Timestamp;

use super::{Case, Registry};
use crate::denier::Denier;
use crate::mode::Mode;
use crate::write::Write;

/// The one write of a plan that is refused.
#[derive(Debug)]
pub(super) struct Refusing {
    write: Write,
    by: Denier,
    since: Timestamp,
    times: u32,
    allowed: bool,
}

/// What has become of it so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedSoFar {
    /// When it was refused first.
    pub since: Timestamp,
    /// How often it was refused.
    pub times: u32,
}

impl Case {
    /// From here on it is refused, if that is the mode.
    pub(super) fn begin_refusing(&mut self, write: &Write, mode: Mode) {
        let Mode::Refused(by) = mode else { return };
        let since = Timestamp::now();
        self.refusing = Some(Refusing {
            write: write.clone(),
            by,
            since,
            times: 1,
            allowed: false,
        });
        self.under_way += 1;
        self.fault = Some(since);
    }

    /// How this write is refused, if it is.
    pub(super) fn refuses(&mut self, write: &Write) -> Option<Mode> {
        let refusing = self.refusing.as_mut();
        let refusing = refusing.filter(|refusing| !refusing.allowed && refusing.write == *write)?;
        refusing.times += 1;
        Some(Mode::Refused(refusing.by))
    }
}

impl Registry {
    /// What is refused in this plan, once it was refused.
    #[must_use]
    pub fn refused(&self, namespace: &str) -> Option<RefusedSoFar> {
        let cases = self.cases.lock();
        let refusing = cases.by_name.get(namespace)?.refusing.as_ref()?;
        Some(RefusedSoFar {
            since: refusing.since,
            times: refusing.times,
        })
    }

    /// Refuses nothing more.
    pub fn allow(&self, namespace: &str) {
        self.change(namespace, |case| {
            if let Some(refusing) = case.refusing.as_mut().filter(|refusing| !refusing.allowed) {
                refusing.allowed = true;
                case.under_way -= 1;
                case.fault = Some(Timestamp::now());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Occurrence;
    use crate::write::Server;

    #[test]
    fn a_write_is_refused_from_its_chosen_time_on_until_it_is_allowed_and_no_other_is() {
        let registry = Registry::new("op");
        let write = |action: &str| Write::new(Server::Kubernetes, action);
        let mode = Mode::Refused(Denier::Policy);
        registry.add("team");
        let at = Occurrence {
            write: write("update record"),
            ordinal: 2,
        };
        registry.begin("team", Some((at, mode)));
        let asked = |action: &str| registry.count("team", &write(action), 0).fault;
        assert_eq!(asked("update record"), None);
        assert!(!registry.has_begun("team"));
        assert_eq!(asked("update record"), Some(mode));
        assert_eq!(asked("create secrets"), None);
        assert_eq!(asked("update record"), Some(mode));
        assert_eq!(registry.refused("team").map(|refused| refused.times), Some(2));
        assert!(registry.has_begun("team"));
        assert_eq!(registry.fault("team"), None, "it is not over");
        registry.allow("team");
        assert_eq!(asked("update record"), None);
        assert!(registry.fault("team").is_some());
    }
}
