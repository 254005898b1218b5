//! What Kubernetes keeps a pass over an Account from: it becomes a trouble of the Account, and the pass goes on. PURE.

use crate::account::tell::trouble::{AccountTrouble, Act};
use crate::controller::cluster::ClusterError;
use crate::controller::refusal::Refusal;

/// All that failed in one pass.
#[derive(Debug, Default)]
pub(super) struct Obstacles {
    /// The one to tell: a refusal, which a person must end, rather than what may go by itself.
    trouble: Option<AccountTrouble>,
    /// It is a write that is refused.
    is_refused: bool,
    refusals: Vec<Refusal>,
}

impl Obstacles {
    /// What came of a request; none if it failed and the pass goes on without. Fails if something changed under the pass:
    /// then another one follows, which sees it.
    pub(super) fn pass<T>(
        &mut self,
        act: Act,
        result: Result<T, ClusterError>,
    ) -> Result<Option<T>, ClusterError> {
        match result {
            Ok(done) => Ok(Some(done)),
            Err(error) if is_outdated(&error) => Err(error),
            Err(error) => {
                self.note(act, &error);
                Ok(None)
            }
        }
    }

    fn note(&mut self, act: Act, error: &ClusterError) {
        let refusal = error.refusal();
        let is_refused = refusal
            .as_ref()
            .is_some_and(|refusal| refusal.request.verb.is_write());
        if self.trouble.is_none() || (is_refused && !self.is_refused) {
            self.is_refused = is_refused;
            self.trouble = Some(match &refusal {
                Some(refusal) => AccountTrouble::Refused(act, refusal.clone()),
                None => AccountTrouble::Failed(act, error.to_string()),
            });
        }
        let news = refusal.filter(|refusal| !self.refusals.contains(refusal));
        self.refusals.extend(news);
    }

    /// What to tell.
    pub(super) fn trouble(&self) -> Option<&AccountTrouble> {
        self.trouble.as_ref()
    }

    /// What was refused.
    pub(super) fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }
}

/// Whether the object was changed, or went, under the pass.
fn is_outdated(error: &ClusterError) -> bool {
    error.is_conflict() || error.is_not_found() || error.is_failed_test()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::refusal::{ClusterRequest, Verb};
    use crate::crd::condition::Reason;
    use std::time::Duration;

    fn answer(name: &str, verb: Verb) -> ClusterError {
        let folder = concat!(env!("REPOSITORY"), "/tests/golden/deniers");
        let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
        let error = ClusterError::from(kube::Error::Api(serde_json::from_str(&text).unwrap()));
        error.of(|| ClusterRequest::new(verb, "/api/v1/namespaces/dev/secrets", "pair"))
    }

    #[test]
    fn what_is_refused_is_told_before_what_failed_and_the_first_of_each_kind_is_told() {
        let mut obstacles = Obstacles::default();
        let late = ClusterError::TimedOut(Duration::from_secs(10));
        assert_eq!(obstacles.pass::<()>(Act::ReadSecret, Err(late)).unwrap(), None);
        let told = obstacles.trouble().unwrap().row();
        assert_eq!(told.reason, Reason::ProgressingWithRetry);
        assert!(
            told.message
                .starts_with("failed to read the credentials Secret: "),
            "{}",
            told.message
        );
        for name in ["quota-exceeded", "policy-by-default"] {
            let refused = Err(answer(name, Verb::Update));
            assert_eq!(obstacles.pass::<()>(Act::MarkSecret, refused).unwrap(), None);
        }
        let told = obstacles.trouble().unwrap().row();
        assert_eq!(told.reason, Reason::WriteRefused);
        assert_eq!(
            told.message,
            "failed to mark the credentials Secret as in use: update of secrets dev/pair is refused by ResourceQuota no-secrets: raise the quota"
        );
        assert_eq!(obstacles.refusals().len(), 2);
    }

    #[test]
    fn a_read_that_is_forbidden_is_no_write_and_an_object_that_changed_ends_the_pass() {
        let mut obstacles = Obstacles::default();
        obstacles
            .pass::<()>(Act::ReadSecret, Err(answer("right-to-get", Verb::Get)))
            .unwrap();
        assert_eq!(
            obstacles.trouble().unwrap().row().reason,
            Reason::ProgressingWithRetry
        );
        assert_eq!(obstacles.refusals().len(), 1);
        for name in ["stale", "failed-test", "not-found"] {
            assert!(
                obstacles
                    .pass::<()>(Act::WriteStatus, Err(answer(name, Verb::Patch)))
                    .is_err()
            );
        }
    }
}
