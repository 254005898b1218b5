//! What Kubernetes refuses: which request, and by whom. PURE.

use std::fmt;

use super::denier::Denier;

/// What a request does, in the API server's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Reads one object.
    Get,
    /// Creates one.
    Create,
    /// Replaces one.
    Update,
    /// Changes one in part.
    Patch,
    /// Deletes one.
    Delete,
}

impl Verb {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    /// Whether it changes anything.
    #[must_use]
    pub fn is_write(self) -> bool {
        self != Self::Get
    }
}

/// One request for one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterRequest {
    /// What it does.
    pub verb: Verb,
    /// To what, as rights name it: `secrets`, `subaccounts/status`.
    pub resource: String,
    /// To which one: `namespace/name`, or the namespace alone where the name tells nothing.
    pub object: String,
}

impl ClusterRequest {
    /// A request for an object of the collection at this path of the API server.
    #[must_use]
    pub fn new(verb: Verb, collection: &str, name: &str) -> Self {
        let mut parts = collection.rsplit('/');
        let resource = parts.next().unwrap_or_default().to_owned();
        let namespace = parts.next().unwrap_or_default();
        let is_namespaced = parts.next() == Some("namespaces");
        let object = match (is_namespaced, name) {
            (true, "") => namespace.to_owned(),
            (true, name) => format!("{namespace}/{name}"),
            (false, name) => name.to_owned(),
        };
        Self {
            verb,
            resource,
            object,
        }
    }

    /// The same for the object's status.
    #[must_use]
    pub fn of_status(mut self) -> Self {
        self.resource.push_str("/status");
        self
    }
}

impl fmt::Display for ClusterRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} of {} {}",
            self.verb.as_str(),
            self.resource,
            self.object.escape_debug()
        )
    }
}

/// A request that somebody refuses. Its text is stable while the same one refuses, and says what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The request.
    pub request: ClusterRequest,
    /// Who refuses it.
    pub by: Denier,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, by } = self;
        write!(formatter, "{request} is refused by {by}: {}", by.remedy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_named_as_rights_name_it() {
        let named = |collection, name| ClusterRequest::new(Verb::Patch, collection, name);
        let status = named("/apis/vobiz.ai/v1alpha1/namespaces/dev/subaccounts", "acme").of_status();
        assert_eq!(status.to_string(), "patch of subaccounts/status dev/acme");
        let event = named("/apis/events.k8s.io/v1/namespaces/dev/events", "");
        assert_eq!(
            (event.resource.as_str(), event.object.as_str()),
            ("events", "dev")
        );
        assert_eq!(
            named("/api/v1/namespaces", "dev").to_string(),
            "patch of namespaces dev"
        );
    }

    #[test]
    fn a_refusal_says_what_is_refused_by_whom_and_what_to_do() {
        let refusal = Refusal {
            request: ClusterRequest::new(Verb::Update, "/api/v1/namespaces/dev/secrets", "pair"),
            by: Denier::Quota("small".to_owned()),
        };
        assert_eq!(
            refusal.to_string(),
            "update of secrets dev/pair is refused by ResourceQuota small: raise the quota"
        );
    }
}
