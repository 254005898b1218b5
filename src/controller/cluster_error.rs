//! Why a request to the Kubernetes API server failed, and what that proves. PURE.

use std::fmt;
use std::time::Duration;

use kube::core::Status;

use super::denier::{Denier, is_failed_test, is_namespace_terminating};
use super::refusal::{ClusterRequest, Refusal};

/// A failed request. Its text never holds what an answer said beyond names and reasons: an answer may repeat the object
/// that was sent, and that may be a Secret. For the same reason it has no source and no other `Debug`.
pub enum ClusterError {
    /// No complete answer within the time allowed; a write may have happened.
    TimedOut(Duration),
    /// The API server said no.
    Refused {
        /// Its answer.
        status: Box<Status>,
        /// What was asked for, where that is known.
        request: Option<Box<ClusterRequest>>,
    },
    /// The request or its answer was lost; a write may have happened.
    Unreachable(String),
    /// An answer came that is not what was asked for; a write has happened.
    Unreadable,
    /// A replace was asked for of an object without name or resourceVersion; nothing was sent.
    Unversioned,
}

/// Longest part of an API server's message that is shown, in characters.
const LONGEST_MESSAGE: usize = 300;

impl ClusterError {
    /// The named object does not exist. An answer of 404 that does not come from the API server itself, or that says
    /// that the whole resource is unknown, proves nothing and is not one.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.has_reason("NotFound")
    }

    /// Nobody there knows the kind, or not yet. No proof either: a gateway may answer so.
    #[must_use]
    pub fn is_unserved(&self) -> bool {
        self.status().is_some_and(|status| status.code == 404) && !self.is_not_found()
    }

    /// The object was changed since it was read.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.has_reason("Conflict")
    }

    /// An object of that name exists.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.has_reason("AlreadyExists")
    }

    /// A `test` of a JSON patch did not hold.
    #[must_use]
    pub fn is_failed_test(&self) -> bool {
        self.status().is_some_and(is_failed_test)
    }

    /// The operator lacks a right.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        matches!(self.denier(), Some(Denier::Right(_)))
    }

    /// The object will not be stored as it is: a right is missing, it breaks its schema, or a policy, a webhook or a quota
    /// said no, or could not be asked.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.denier().is_some()
    }

    /// Who refuses to store the object.
    #[must_use]
    pub fn denier(&self) -> Option<Denier> {
        self.status().and_then(Denier::of)
    }

    /// What is refused, and by whom, where both are known.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let Self::Refused {
            status,
            request: Some(request),
        } = self
        else {
            return None;
        };
        Some(Refusal {
            request: (**request).clone(),
            by: Denier::of(status)?,
        })
    }

    /// The same, knowing what was asked for.
    #[must_use]
    pub fn of(self, request: impl FnOnce() -> ClusterRequest) -> Self {
        match self {
            Self::Refused {
                status,
                request: None,
            } => Self::Refused {
                status,
                request: Some(Box::new(request())),
            },
            other => other,
        }
    }

    /// The namespace is being deleted: nothing can be created in it any more.
    #[must_use]
    pub fn is_namespace_terminating(&self) -> bool {
        self.status().is_some_and(is_namespace_terminating)
    }

    /// Whether a write may have happened all the same.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::TimedOut(_) | Self::Unreachable(_) | Self::Unreadable => true,
            // Who is asked before an object is stored has refused it, whatever the status.
            Self::Refused { status, .. } => status.code >= 500 && Denier::of(status).is_none(),
            Self::Unversioned => false,
        }
    }

    fn status(&self) -> Option<&Status> {
        match self {
            Self::Refused { status, .. } => Some(status),
            Self::TimedOut(_) | Self::Unreachable(_) | Self::Unreadable | Self::Unversioned => None,
        }
    }

    /// Webhooks give whatever reason they like: theirs prove nothing about the object.
    fn has_reason(&self, reason: &str) -> bool {
        self.status()
            .is_some_and(|status| status.reason == reason && Denier::of(status).is_none())
    }
}

impl fmt::Display for ClusterError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(after) => {
                write!(
                    formatter,
                    "failed to get an answer of the Kubernetes API server within {after:?}"
                )
            }
            Self::Refused { status, .. } => refused(formatter, status),
            Self::Unreachable(why) => {
                write!(
                    formatter,
                    "failed to reach the Kubernetes API server: {}",
                    why.escape_debug()
                )
            }
            Self::Unreadable => {
                formatter.write_str("failed to decode the answer of the Kubernetes API server")
            }
            Self::Unversioned => {
                formatter.write_str("failed to replace an object that has no resourceVersion")
            }
        }
    }
}

fn refused(formatter: &mut fmt::Formatter<'_>, status: &Status) -> fmt::Result {
    write!(formatter, "failed with {}", status.code)?;
    match Denier::of(status) {
        Some(Denier::Right(words)) => return write!(formatter, ": {words}"),
        Some(Denier::Unnamed(_)) | None => {}
        Some(denier) => return write!(formatter, ": denied by {denier}"),
    }
    match status.code {
        // These speak of names, not of contents.
        404 | 409 if !status.message.is_empty() => {
            let message: String = status.message.chars().take(LONGEST_MESSAGE).collect();
            write!(formatter, ": {}", message.escape_debug())
        }
        _ if is_namespace_terminating(status) => formatter.write_str(": the namespace is being deleted"),
        _ if status.reason.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !status.reason.is_empty() => {
            write!(formatter, " {}", status.reason)
        }
        _ => Ok(()),
    }
}

impl fmt::Debug for ClusterError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ClusterError({self})")
    }
}

impl std::error::Error for ClusterError {}

#[cfg(test)]
mod tests {
    use kube::core::response::StatusCause;

    use super::*;

    fn refused(code: u16, reason: &str, message: &str, causes: &[StatusCause]) -> ClusterError {
        let answer = serde_json::json!({
            "status": "Failure", "code": code, "reason": reason, "message": message, "details": { "causes": causes },
        });
        kube::Error::Api(serde_json::from_value(answer).unwrap()).into()
    }

    fn cause(reason: &str, field: &str) -> StatusCause {
        StatusCause {
            reason: reason.to_owned(),
            message: "Invalid value: \"s3cret\"".to_owned(),
            field: field.to_owned(),
        }
    }

    #[test]
    fn a_stale_replace_and_an_existing_name_are_told_apart() {
        let stale = refused(409, "Conflict", "the object has been modified", &[]);
        let exists = refused(409, "AlreadyExists", "secrets \"a\" already exists", &[]);
        assert!(stale.is_conflict() && !stale.is_already_exists());
        assert!(exists.is_already_exists() && !exists.is_conflict());
    }

    #[test]
    fn the_recorded_answers_prove_what_they_say_and_a_webhook_proves_nothing_by_its_reasons() {
        let verdicts = |name: &str| {
            let folder = concat!(env!("REPOSITORY"), "/tests/golden/deniers");
            let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
            let error = ClusterError::from(kube::Error::Api(serde_json::from_str(&text).unwrap()));
            let verdicts = [
                ("not found", error.is_not_found()),
                ("conflict", error.is_conflict()),
                ("exists", error.is_already_exists()),
                ("failed test", error.is_failed_test()),
                ("terminating", error.is_namespace_terminating()),
                ("forbidden", error.is_forbidden()),
                ("denied", error.is_denied()),
                ("unknown", error.is_outcome_unknown()),
            ];
            let held: Vec<&str> = verdicts
                .iter()
                .filter(|(_, holds)| *holds)
                .map(|(name, _)| *name)
                .collect();
            held
        };
        for (name, expected) in [
            ("not-found", "not found"),
            ("stale", "conflict"),
            ("delete-of-another", "conflict"),
            ("exists", "exists"),
            ("failed-test", "failed test"),
            ("failed-test-of-nothing", "failed test"),
            ("namespace-terminating", "terminating"),
        ] {
            assert_eq!(verdicts(name), [expected], "{name}");
        }
        for name in ["right-to-create", "right-to-get", "right-to-patch"] {
            assert_eq!(verdicts(name), ["forbidden", "denied"], "{name}");
        }
        for name in [
            "immutable-secret",
            "rule",
            "schema",
            "too-large",
            "quota-exceeded",
            "mutation-broken",
            "policy-broken",
            "policy-by-default",
            "policy-forbidden",
            "policy-invalid",
            "policy-too-large",
            "policy-on-subaccount",
            "webhook-400",
            "webhook-403",
            "webhook-404",
            "webhook-409-conflict",
            "webhook-409-exists",
            "webhook-422",
            "webhook-422-invalid",
            "webhook-429",
            "webhook-500",
            "webhook-silent",
            "webhook-terminating",
            "webhook-unreachable",
            "webhook-without-status",
        ] {
            assert_eq!(verdicts(name), ["denied"], "{name}");
        }
    }

    #[test]
    fn a_404_that_is_not_the_api_servers_own_proves_no_absence() {
        assert!(refused(404, "NotFound", "subaccounts \"acme\" not found", &[]).is_not_found());
        assert!(!refused(404, "Failed to parse error data", "404 page not found", &[]).is_not_found());
    }

    #[test]
    fn whoever_refuses_to_store_an_object_denies_it_with_any_status_that_says_so() {
        let causes = [cause("", "")];
        for (code, reason) in [
            (400, "BadRequest"),
            (401, "Unauthorized"),
            (403, "Forbidden"),
            (413, "RequestEntityTooLarge"),
            (418, ""),
            (422, "Invalid"),
        ] {
            assert!(refused(code, reason, "", &causes).is_denied(), "{code}");
        }
        for (code, reason) in [
            (404, "NotFound"),
            (409, "Conflict"),
            (409, "AlreadyExists"),
            (429, "TooManyRequests"),
            (500, "InternalError"),
            (504, "Timeout"),
        ] {
            assert!(!refused(code, reason, "", &causes).is_denied(), "{code}");
        }
        assert!(
            !refused(
                422,
                "Invalid",
                "the server rejected our request due to an error in our request",
                &[]
            )
            .is_denied()
        );
        let gone = [cause("NamespaceTerminating", "metadata.namespace")];
        assert!(!refused(403, "Forbidden", "", &gone).is_denied());
        assert!(!ClusterError::Unreadable.is_denied() && !ClusterError::TimedOut(Duration::ZERO).is_denied());
    }

    #[test]
    fn who_denied_a_write_is_named_without_the_words_of_the_rule() {
        let rule = "secrets \"a\" is forbidden: ValidatingAdmissionPolicy 'no-pairs' with binding 'all' denied request: s3cret";
        let webhook = "admission webhook \"validate.example.com\" denied the request: s3cret";
        for (code, reason, message, shown) in [
            (
                403,
                "Forbidden",
                rule,
                "failed with 403: denied by ValidatingAdmissionPolicy no-pairs",
            ),
            (
                422,
                "Invalid",
                rule,
                "failed with 422: denied by ValidatingAdmissionPolicy no-pairs",
            ),
            (
                400,
                "",
                webhook,
                "failed with 400: denied by admission webhook validate.example.com",
            ),
            (
                403,
                "Forbidden",
                webhook,
                "failed with 403: denied by admission webhook validate.example.com",
            ),
        ] {
            assert_eq!(
                refused(code, reason, message, &[cause("", "")]).to_string(),
                shown
            );
        }
        let imitated = "admission webhook \"s3cret\ns3cret\" denied the request";
        assert_eq!(
            refused(422, "Invalid", imitated, &[cause("", "")]).to_string(),
            "failed with 422: denied by admission webhook"
        );
    }

    #[test]
    fn neither_display_nor_debug_repeats_values() {
        let schema = refused(
            422,
            "Invalid",
            "spec.name: \"s3cret\"",
            &[cause("FieldValueInvalid", "spec.name")],
        );
        let gateway = refused(502, "Failed to parse error data", "<html>s3cret</html>", &[]);
        let decode: ClusterError =
            kube::Error::SerdeError(serde_json::from_str::<u8>("\"s3cret\"").unwrap_err()).into();
        for error in [schema, gateway, decode] {
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
            assert!(std::error::Error::source(&error).is_none());
        }
    }

    #[test]
    fn a_message_says_which_right_is_missing() {
        let error = refused(
            403,
            "Forbidden",
            "secrets \"a\" is forbidden: User \"b\" cannot get",
            &[],
        );
        assert_eq!(error.to_string(), "failed with 403: User \\\"b\\\" cannot get");
    }
}
