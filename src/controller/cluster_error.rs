//! Why a request to the Kubernetes API server failed, and what that proves. PURE.

use std::fmt;
use std::time::Duration;

use kube::core::Status;

/// A failed request. Its text never holds what an answer said beyond names and reasons: an answer may repeat the object
/// that was sent, and that may be a Secret. For the same reason it has no source and no other `Debug`.
pub enum ClusterError {
    /// No complete answer within the time allowed; a write may have happened.
    TimedOut(Duration),
    /// The API server said no.
    Refused(Box<Status>),
    /// The request or its answer was lost; a write may have happened.
    Unreachable(String),
    /// An answer came that is not what was asked for; a write has happened.
    Unreadable,
    /// A replace was asked for of an object without name or resourceVersion; nothing was sent.
    Unversioned,
}

/// The cause in an answer of 403 that says that the namespace is being deleted.
const NAMESPACE_TERMINATING: &str = "NamespaceTerminating";
/// Longest part of an API server's message that is shown, in characters.
const LONGEST_MESSAGE: usize = 300;

impl ClusterError {
    /// The named object does not exist. An answer of 404 that does not come from the API server itself, or that says
    /// that the whole resource is unknown, proves nothing and is not one.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.has_reason("NotFound")
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

    /// A `test` of a JSON patch did not hold: 422 that names no field.
    #[must_use]
    pub fn is_failed_test(&self) -> bool {
        self.refusal()
            .is_some_and(|status| status.code == 422 && causes(status).next().is_none())
    }

    /// The object breaks its schema or a validation rule: 422 that names fields.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        self.refusal()
            .is_some_and(|status| status.code == 422 && causes(status).next().is_some())
    }

    /// The operator lacks a right, or an admission rule said no.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.has_reason("Forbidden") && !self.is_namespace_terminating()
    }

    /// The object will not be stored as it is: a right is missing, it breaks its schema, or an admission rule or a quota
    /// said no. Rules and webhooks answer with whatever status their authors chose.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        let says_no = |status: &Status| {
            matches!(status.code, 400..=499) && !matches!(status.code, 404 | 408 | 409 | 429)
        };
        self.refusal().is_some_and(says_no) && !self.is_failed_test() && !self.is_namespace_terminating()
    }

    /// The namespace is being deleted: nothing can be created in it any more.
    #[must_use]
    pub fn is_namespace_terminating(&self) -> bool {
        self.has_reason("Forbidden")
            && self
                .refusal()
                .is_some_and(|status| causes(status).any(|cause| cause.reason == NAMESPACE_TERMINATING))
    }

    /// Whether a write may have happened all the same.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::TimedOut(_) | Self::Unreachable(_) | Self::Unreadable => true,
            Self::Refused(status) => status.code >= 500,
            Self::Unversioned => false,
        }
    }

    fn refusal(&self) -> Option<&Status> {
        match self {
            Self::Refused(status) => Some(status),
            Self::TimedOut(_) | Self::Unreachable(_) | Self::Unreadable | Self::Unversioned => None,
        }
    }

    fn has_reason(&self, reason: &str) -> bool {
        self.refusal().is_some_and(|status| status.reason == reason)
    }
}

fn causes(status: &Status) -> impl Iterator<Item = &kube::core::response::StatusCause> {
    status.details.iter().flat_map(|details| &details.causes)
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
            Self::Refused(status) => refused(formatter, status),
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
    if let Some(denier) = denier(&status.message) {
        return write!(formatter, ": denied by {denier}");
    }
    match status.code {
        // These speak of names and rights, not of contents.
        403 | 404 | 409 if !status.message.is_empty() => {
            let message: String = status.message.chars().take(LONGEST_MESSAGE).collect();
            write!(formatter, ": {}", message.escape_debug())
        }
        _ => {
            if status.reason.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !status.reason.is_empty() {
                write!(formatter, " {}", status.reason)?;
            }
            let named = causes(status).filter(|cause| !cause.field.is_empty());
            for (index, cause) in named.take(5).enumerate() {
                let separator = if index == 0 { ": " } else { ", " };
                write!(formatter, "{separator}{}", cause.field.escape_debug())?;
            }
            Ok(())
        }
    }
}

/// The admission rule or webhook that said no. Its own words stay out: they may repeat the object.
fn denier(message: &str) -> Option<String> {
    let name = |begin: &str, end: char| {
        let (_, rest) = message.split_once(begin)?;
        let (name, _) = rest.split_once(end)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        (!name.is_empty() && name.bytes().all(plain)).then(|| name.to_owned())
    };
    let rule =
        name("ValidatingAdmissionPolicy '", '\'').map(|name| format!("ValidatingAdmissionPolicy {name}"));
    rule.or_else(|| name("admission webhook \"", '"').map(|name| format!("admission webhook {name}")))
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
    fn a_failed_test_and_a_broken_schema_are_told_apart() {
        let test = refused(422, "Invalid", "testing path failed", &[]);
        let schema = refused(422, "Invalid", "", &[cause("FieldValueInvalid", "spec.name")]);
        assert!(test.is_failed_test() && !test.is_invalid());
        assert!(schema.is_invalid() && !schema.is_failed_test());
    }

    #[test]
    fn a_namespace_that_is_being_deleted_is_not_a_missing_right() {
        let gone = refused(
            403,
            "Forbidden",
            "",
            &[cause("NamespaceTerminating", "metadata.namespace")],
        );
        assert!(gone.is_namespace_terminating() && !gone.is_forbidden());
        let right = refused(403, "Forbidden", "secrets is forbidden", &[]);
        assert!(right.is_forbidden() && !right.is_namespace_terminating());
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
        assert!(!refused(422, "Invalid", "testing path failed", &[]).is_denied());
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
            "failed with 422 Invalid"
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
        let error = refused(403, "Forbidden", "secrets \"a\" is forbidden: cannot get", &[]);
        assert_eq!(
            error.to_string(),
            "failed with 403: secrets \\\"a\\\" is forbidden: cannot get"
        );
    }
}
