//! Why a command could not tell what it was asked: one line that names the object, the cause and the remedy. PURE.

use crate::controller::cluster::{ClusterError, ConnectError};
use crate::vobiz::{Error, TransportError};

/// Why a command could not tell what it was asked. Never holds a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {cause}; {remedy}")]
pub struct Failure {
    object: String,
    cause: String,
    remedy: String,
}

impl Failure {
    /// What it is about, what is wrong, and what to do.
    #[must_use]
    pub fn new(object: impl Into<String>, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            object: object.into(),
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// A request to Kubernetes about this object failed.
    #[must_use]
    pub fn of_cluster(object: impl Into<String>, error: &ClusterError) -> Self {
        let remedy = match error {
            _ if error.is_forbidden() => "ask for that right, or use another --context",
            _ if error.is_unserved() => "install the kinds: kubectl apply -k crds",
            ClusterError::TimedOut(_) | ClusterError::Unreachable(_) => {
                "see whether kubectl reaches the cluster of this --context"
            }
            _ => "try again",
        };
        Self::new(object, error.to_string(), remedy)
    }

    /// A request to Vobiz for this object failed.
    #[must_use]
    pub fn of_vobiz(object: impl Into<String>, error: &Error) -> Self {
        let remedy = match error {
            Error::Unauthorized => {
                "correct the pair in the credentials Secret, or give --auth-id and --auth-token-file"
            }
            Error::Unreachable(_) => "check --api-base-url, and the way there",
            Error::RateLimited { .. } => "wait for so long",
            _ => "try again, or ask Vobiz",
        };
        Self::new(object, error.to_string(), remedy)
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::new(
            "cluster",
            error.to_string(),
            "or choose another one with --kubeconfig or --context",
        )
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        Self::new("Vobiz", error.to_string(), "correct what it names")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_that_names_object_cause_and_remedy() {
        let failure = Failure::of_vobiz("Account team/vobiz", &Error::Unauthorized);
        assert_eq!(
            failure.to_string(),
            "Account team/vobiz: the API refused the credentials (401); correct the pair in the credentials Secret, or give --auth-id \
             and --auth-token-file"
        );
    }
}
