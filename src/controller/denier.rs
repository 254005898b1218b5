//! Who refuses to store an object, read out of the API server's answer. PURE.
//!
//! `tests/golden/deniers` has such answers as the API server gives them. Rules and webhooks choose status, reason and
//! words of theirs, so nothing but how the message begins tells who spoke: that part the API server writes itself.

use std::fmt;

use kube::core::Status;

/// Most fields that are named of an object that breaks its schema.
const FIELDS_SHOWN: usize = 5;
/// Longest part of the API server's own words that is shown, in characters.
const LONGEST_WORDS: usize = 300;
/// How the answer begins where a webhook could not be called.
const WEBHOOK_FAILED: &str = "Internal error occurred: failed calling webhook \"";

/// The cause in an answer of 403 that says that the namespace is being deleted.
const NAMESPACE_TERMINATING: &str = "NamespaceTerminating";
/// How the answer to a JSON patch whose `test` does not hold begins.
const REQUEST_REJECTED: &str = "the server rejected our request";

/// Who refuses. Its text never has the words of a rule: they may repeat the object, and that may be a Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denier {
    /// A `ValidatingAdmissionPolicy` of this name.
    ValidatingPolicy(String),
    /// A `MutatingAdmissionPolicy` of this name, which fails.
    MutatingPolicy(String),
    /// An admission webhook of this name.
    Webhook(String),
    /// An admission webhook of this name that could not be asked.
    SilentWebhook(String),
    /// A `ResourceQuota` of this name.
    Quota(String),
    /// The operator lacks a right: which one, in the API server's words.
    Right(String),
    /// The object breaks its schema or a validation rule, or cannot be changed, in these fields.
    Schema(Vec<String>),
    /// Somebody who is not named, with this status.
    Unnamed(u16),
}

impl Denier {
    /// Who refused; none if nobody did, and the request just met another state or another failure.
    #[must_use]
    pub fn of(status: &Status) -> Option<Self> {
        Self::named(&status.message).or_else(|| {
            let fields: Vec<String> = causes(status)
                .filter(|cause| !cause.field.is_empty())
                .map(|cause| cause.field.escape_debug().to_string())
                .take(FIELDS_SHOWN)
                .collect();
            match status.code {
                _ if is_failed_test(status) || is_namespace_terminating(status) => None,
                404 | 408 | 409 | 429 => None,
                422 if !fields.is_empty() => Some(Self::Schema(fields)),
                400..=499 => Some(Self::Unnamed(status.code)),
                _ => None,
            }
        })
    }

    /// Whom the message names.
    fn named(message: &str) -> Option<Self> {
        if let Some(webhook) = name_in(message, "admission webhook \"", '"') {
            return Some(Self::Webhook(webhook));
        }
        if let Some(webhook) = name_in(message, WEBHOOK_FAILED, '"') {
            return Some(Self::SilentWebhook(webhook));
        }
        if let Some(policy) = name_in(message, "policy '", '\'') {
            return Some(Self::MutatingPolicy(policy));
        }
        // Neither a resource nor an object's name has a space.
        let (_, why) = message.split_once(" is forbidden: ")?;
        if let Some(policy) = name_in(why, "ValidatingAdmissionPolicy '", '\'') {
            return Some(Self::ValidatingPolicy(policy));
        }
        if let Some(quota) = name_in(why, "exceeded quota: ", ',') {
            return Some(Self::Quota(quota));
        }
        let words: String = why.chars().take(LONGEST_WORDS).collect();
        // These speak of users, resources and owners, never of contents.
        let right = ["User \"", "cannot set "]
            .iter()
            .any(|begin| words.starts_with(begin));
        right.then(|| Self::Right(words.escape_debug().to_string()))
    }

    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::ValidatingPolicy(_) | Self::MutatingPolicy(_) => "let the policy admit it",
            Self::Webhook(_) => "let the webhook admit it",
            Self::SilentWebhook(_) => "let the webhook answer, or remove it",
            Self::Quota(_) => "raise the quota",
            Self::Right(_) => "grant the right",
            Self::Schema(_) => "make these fields acceptable",
            Self::Unnamed(_) => "the API server's audit log tells more",
        }
    }
}

/// The causes of an answer.
fn causes(status: &Status) -> impl Iterator<Item = &kube::core::response::StatusCause> {
    status.details.iter().flat_map(|details| &details.causes)
}

/// A `test` of a JSON patch did not hold: the API server says no more than that the request was wrong.
pub(super) fn is_failed_test(status: &Status) -> bool {
    status.code == 422
        && status.reason == "Invalid"
        && status.message.starts_with(REQUEST_REJECTED)
        && causes(status).next().is_none()
}

/// The API server itself says that the namespace is being deleted; a webhook may give the same cause.
pub(super) fn is_namespace_terminating(status: &Status) -> bool {
    status.reason == "Forbidden"
        && !status.message.starts_with("admission webhook ")
        && causes(status).any(|cause| cause.reason == NAMESPACE_TERMINATING)
}

/// The name between these two, if the text begins so. Whatever is no name is not repeated: then it is empty.
fn name_in(text: &str, begin: &str, end: char) -> Option<String> {
    let (name, _) = text.strip_prefix(begin)?.split_once(end)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    Some(if name.bytes().all(plain) { name } else { "" }.to_owned())
}

impl fmt::Display for Denier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = match self {
            Self::ValidatingPolicy(name) => ("ValidatingAdmissionPolicy", name),
            Self::MutatingPolicy(name) => ("MutatingAdmissionPolicy", name),
            Self::Webhook(name) => ("admission webhook", name),
            Self::SilentWebhook(name) => ("admission webhook that cannot be called,", name),
            Self::Quota(name) => ("ResourceQuota", name),
            Self::Right(words) => return write!(formatter, "the API server: {words}"),
            Self::Schema(fields) => {
                return write!(formatter, "the schema or a rule about {}", fields.join(", "));
            }
            Self::Unnamed(code) => return write!(formatter, "somebody who is not named (status {code})"),
        };
        formatter.write_str(kind)?;
        if name.is_empty() {
            return Ok(());
        }
        write!(formatter, " {name}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Every answer that was recorded, by the name of its file.
    fn golden() -> BTreeMap<String, Status> {
        let folder = concat!(env!("REPOSITORY"), "/tests/golden/deniers");
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let answers: BTreeMap<String, Status> = files
            .map(|path| {
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                let text = std::fs::read_to_string(path).unwrap();
                (name, serde_json::from_str(&text).unwrap())
            })
            .collect();
        assert!(answers.len() > 30, "there are {} answers", answers.len());
        answers
    }

    #[test]
    fn whoever_refuses_a_write_is_named_as_the_api_server_names_it_and_nobody_else_is() {
        let expected = |name: &str| {
            match name {
            "delete-of-another" | "exists" | "failed-test" | "failed-test-of-nothing"
            | "namespace-terminating" | "not-found" | "stale" => None,
            "immutable-secret" | "too-large" => Some(Denier::Schema(vec!["data".to_owned()])),
            "rule" => Some(Denier::Schema(vec!["spec.name".to_owned()])),
            "schema" => Some(Denier::Schema(vec!["spec.enabled".to_owned(), "<nil>".to_owned()])),
            "mutation-broken" => Some(Denier::MutatingPolicy(name.to_owned())),
            "quota-exceeded" => Some(Denier::Quota("no-secrets".to_owned())),
            "right-to-create" => Some(Denier::Right(
                r#"User \"nobody\" cannot create resource \"secrets\" in API group \"\" in the namespace \"deniers\""#
                    .to_owned(),
            )),
            "right-to-get" => Some(Denier::Right(
                r#"User \"nobody\" cannot get resource \"secrets\" in API group \"\" in the namespace \"deniers\""#
                    .to_owned(),
            )),
            "right-to-patch" => Some(Denier::Right(
                r#"User \"nobody\" cannot patch resource \"subaccounts/status\" in API group \"vobiz.ai\" in the namespace \"deniers\""#
                    .to_owned(),
            )),
            "webhook-silent" | "webhook-unreachable" => {
                Some(Denier::SilentWebhook(format!("{name}.example.com")))
            }
            webhook if webhook.starts_with("webhook-") => {
                Some(Denier::Webhook(format!("{name}.example.com")))
            }
            policy => {
                assert!(policy.starts_with("policy-"), "nobody has thought of {policy}");
                Some(Denier::ValidatingPolicy(policy.to_owned()))
            }
        }
        };
        for (name, answer) in golden() {
            assert_eq!(Denier::of(&answer), expected(&name), "{name}");
        }
    }

    #[test]
    fn the_words_of_a_rule_are_repeated_nowhere() {
        for (name, answer) in golden() {
            let Some(denier) = Denier::of(&answer) else {
                continue;
            };
            let text = format!("{denier} {denier:?} {}", denier.remedy());
            for words in [
                "words of the rule",
                "czNjcmV0",
                "s3cret",
                "no such key",
                "object.data",
            ] {
                assert!(!text.contains(words), "{name}: {text}");
            }
        }
    }

    #[test]
    fn a_name_that_is_none_is_not_repeated_and_words_that_imitate_another_denier_count_for_nothing() {
        let answer = |message: &str| Status {
            code: 403,
            reason: "Forbidden".to_owned(),
            message: message.to_owned(),
            ..Status::default()
        };
        let imitated = answer("admission webhook \"s3cret\ns3cret\" denied the request");
        assert_eq!(Denier::of(&imitated), Some(Denier::Webhook(String::new())));
        let imitated = answer(
            "secrets \"a\" is forbidden: ValidatingAdmissionPolicy 'b' with binding 'b' denied request:  is forbidden: \
             exceeded quota: s3cret, admission webhook \"s3cret\" ",
        );
        assert_eq!(
            Denier::of(&imitated),
            Some(Denier::ValidatingPolicy("b".to_owned()))
        );
        let unknown = answer("secrets \"a\" is forbidden: s3cret");
        assert_eq!(Denier::of(&unknown), Some(Denier::Unnamed(403)));
    }
}
