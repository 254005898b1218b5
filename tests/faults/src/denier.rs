//! PURE. Who refuses a write for good, and in which words of the API server's.

use serde_json::{Value, json};

/// The policy that refuses.
pub const POLICY: &str = "no-writes";
/// The quota that is exceeded.
pub const QUOTA: &str = "house";
/// What a policy's own words repeat of the object: it may be shown nowhere.
pub const NEEDLE: &str = "needle-5c1e77a0b94f4d0e";

/// Who says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Denier {
    /// A `ValidatingAdmissionPolicy`.
    Policy,
    /// A right is missing.
    Rights,
    /// A `ResourceQuota` is used up.
    Quota,
    /// The namespace is being deleted.
    Terminating,
}

/// What was asked of the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// As a right is named.
    pub verb: &'static str,
    /// Empty: the core group.
    pub group: String,
    /// In the plural.
    pub resource: String,
    /// Such as `status`.
    pub subresource: Option<String>,
    /// In which namespace.
    pub namespace: String,
    /// Of the object; in a create it stands in the body alone.
    pub name: String,
}

impl Denier {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Policy, Self::Rights, Self::Quota, Self::Terminating];

    /// The name in a plan.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Policy => "422-policy",
            Self::Rights => "403-rbac",
            Self::Quota => "403-quota",
            Self::Terminating => "403-terminating",
        }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Policy => 422,
            Self::Rights | Self::Quota | Self::Terminating => 403,
        }
    }

    /// The body of the answer to `user`.
    #[must_use]
    pub fn answer(self, asked: &Asked, user: &str) -> String {
        let (name, why) = match self {
            // Whether somebody may is asked before the body is read.
            Self::Rights if asked.verb == "create" => ("", lacks(asked, user)),
            Self::Rights => (asked.name.as_str(), lacks(asked, user)),
            Self::Policy => (asked.name.as_str(), denied()),
            Self::Quota => (asked.name.as_str(), exceeded(asked)),
            Self::Terminating => (asked.name.as_str(), terminating(&asked.namespace)),
        };
        let mut details = json!({"kind": asked.resource});
        for (field, value) in [("name", name), ("group", &asked.group)] {
            if !value.is_empty() {
                details[field] = json!(value);
            }
        }
        match self {
            Self::Policy => details["causes"] = json!([{"message": why}]),
            Self::Terminating => {
                details["causes"] = json!([{
                    "reason": "NamespaceTerminating",
                    "message": format!("namespace {} is being terminated", asked.namespace),
                    "field": "metadata.namespace",
                }]);
            }
            Self::Rights | Self::Quota => {}
        }
        let named = if name.is_empty() {
            asked.qualified()
        } else {
            format!("{} \"{name}\"", asked.qualified())
        };
        let reason = if self == Self::Policy {
            "Invalid"
        } else {
            "Forbidden"
        };
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": format!("{named} is forbidden: {why}"), "reason": reason, "details": details,
            "code": self.status(),
        })
        .to_string()
    }
}

fn denied() -> String {
    format!(
        "ValidatingAdmissionPolicy '{POLICY}' with binding '{POLICY}' denied request: nothing may be written here, \
         auth_token {NEEDLE} among it"
    )
}

fn lacks(asked: &Asked, user: &str) -> String {
    let subresource = asked.subresource.as_deref().map(|name| format!("/{name}"));
    format!(
        "User \"{user}\" cannot {} resource \"{}{}\" in API group \"{}\" in the namespace \"{}\"",
        asked.verb,
        asked.resource,
        subresource.unwrap_or_default(),
        asked.group,
        asked.namespace
    )
}

fn exceeded(asked: &Asked) -> String {
    let counted = format!("count/{}", asked.qualified());
    format!("exceeded quota: {QUOTA}, requested: {counted}=1, used: {counted}=1, limited: {counted}=1")
}

fn terminating(namespace: &str) -> String {
    format!("unable to create new content in namespace {namespace} because it is being terminated")
}

impl Asked {
    /// What a write asks for; none: it is about no single namespace.
    #[must_use]
    pub fn of(method: &http::Method, path: &str, body: &[u8]) -> Option<Self> {
        let verb = match method.as_str() {
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => return None,
        };
        let mut parts = path.trim_matches('/').split('/');
        let group = match parts.next()? {
            "apis" => parts.next()?,
            _ => "",
        };
        // The version.
        parts.next()?;
        (parts.next()? == "namespaces").then_some(())?;
        let (namespace, resource) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let name = parts.next().map(str::to_owned).or_else(|| {
            let body: Value = serde_json::from_slice(body).ok()?;
            body["metadata"]["name"].as_str().map(str::to_owned)
        });
        Some(Self {
            verb,
            group: group.to_owned(),
            resource,
            subresource: parts.next().map(str::to_owned),
            namespace,
            name: name.unwrap_or_default(),
        })
    }

    /// The resource with its group, as the API server names it.
    fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.resource.clone()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    const STATUS: &str = "/apis/vobiz.ai/v1alpha1/namespaces/team/subaccounts/acme/status";

    fn answer(denier: Denier, method: &Method, path: &str, body: &Value) -> Value {
        let asked = Asked::of(method, path, body.to_string().as_bytes()).unwrap();
        let user = "system:serviceaccount:op:vobiz-operator";
        serde_json::from_str(&denier.answer(&asked, user)).unwrap()
    }

    #[test]
    fn a_policy_refuses_with_the_reason_that_its_author_chose_and_repeats_what_it_was_shown() {
        let answer = answer(Denier::Policy, &Method::PATCH, STATUS, &Value::Null);
        assert_eq!(
            (&answer["code"], &answer["reason"]),
            (&json!(422), &json!("Invalid"))
        );
        let message = answer["message"].as_str().unwrap();
        let expected = "subaccounts.vobiz.ai \"acme\" is forbidden: ValidatingAdmissionPolicy 'no-writes' with binding \
                        'no-writes' denied request: ";
        assert!(message.starts_with(expected), "{message}");
        assert!(message.contains(NEEDLE));
        assert_eq!(answer["details"]["name"], "acme");
        assert_eq!(answer["details"]["group"], "vobiz.ai");
        let cause = answer["details"]["causes"][0]["message"].as_str().unwrap();
        assert!(
            cause.starts_with("ValidatingAdmissionPolicy 'no-writes'"),
            "{cause}"
        );
    }

    #[test]
    fn a_missing_right_names_user_verb_and_subresource_and_no_object_that_is_yet_to_be_made() {
        let patched = answer(Denier::Rights, &Method::PATCH, STATUS, &Value::Null);
        assert_eq!(
            patched["message"],
            "subaccounts.vobiz.ai \"acme\" is forbidden: User \"system:serviceaccount:op:vobiz-operator\" cannot patch \
             resource \"subaccounts/status\" in API group \"vobiz.ai\" in the namespace \"team\""
        );
        let secrets = "/api/v1/namespaces/team/secrets";
        let body = json!({"metadata": {"name": "acme-vobiz"}});
        let created = answer(Denier::Rights, &Method::POST, secrets, &body);
        let message = created["message"].as_str().unwrap();
        assert!(message.starts_with("secrets is forbidden: User "), "{message}");
        assert_eq!(created["details"], json!({"kind": "secrets"}));
    }

    #[test]
    fn a_quota_names_itself_and_a_namespace_that_goes_is_a_cause() {
        let secrets = "/api/v1/namespaces/team/secrets";
        let body = json!({"metadata": {"name": "acme-vobiz"}});
        let quota = answer(Denier::Quota, &Method::POST, secrets, &body);
        assert_eq!(
            quota["message"],
            "secrets \"acme-vobiz\" is forbidden: exceeded quota: house, requested: count/secrets=1, used: \
             count/secrets=1, limited: count/secrets=1"
        );
        let going = answer(Denier::Terminating, &Method::POST, secrets, &body);
        assert_eq!(
            (&going["code"], &going["reason"]),
            (&json!(403), &json!("Forbidden"))
        );
        assert_eq!(
            going["details"]["causes"],
            json!([{"reason": "NamespaceTerminating", "message": "namespace team is being terminated",
                "field": "metadata.namespace"}])
        );
    }
}
