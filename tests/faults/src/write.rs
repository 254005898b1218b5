//! PURE. Which write of which plan a request is, by what it says alone: the order in which requests of different plans
//! arrive changes nothing.

use k8s_openapi::ByteString;
use serde_json::Value;

/// The server that a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    /// The API server.
    Kubernetes,
    /// The simulated API.
    Vobiz,
}

/// One kind of change, such as `patch subaccounts/status`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Write {
    /// Where it goes.
    pub server: Server,
    /// What it does.
    pub action: String,
}

impl Write {
    /// The change of this name.
    #[must_use]
    pub fn new(server: Server, action: &str) -> Self {
        Self {
            server,
            action: action.to_owned(),
        }
    }

    /// The POST of a new account.
    #[must_use]
    pub fn is_create_at_vobiz(&self) -> bool {
        self.server == Server::Vobiz && self.action == "create account"
    }

    /// A change of a Record: its pair, or what was decided of it.
    #[must_use]
    pub fn changes_a_record(&self) -> bool {
        self.server == Server::Kubernetes && self.action == "update record"
    }

    /// The creation of anything but an event.
    #[must_use]
    pub fn is_new_object(&self) -> bool {
        let creates = self.server == Server::Kubernetes && self.action.starts_with("create ");
        creates && !self.is_event()
    }

    /// What an Account has counted is told when its list was read: before the workload, in it or behind it.
    #[must_use]
    pub fn comes_with_the_time(&self) -> bool {
        self.server == Server::Kubernetes && self.action == "patch accounts/status"
    }

    /// An event.
    #[must_use]
    pub fn is_event(&self) -> bool {
        self.server == Server::Kubernetes && self.action.starts_with("create events ")
    }

    /// What two leaders must not both believe to be theirs: an account, or a Record.
    #[must_use]
    pub fn is_a_leaders(&self) -> bool {
        self.server == Server::Vobiz || self.opens_a_record() || self.changes_a_record()
    }

    /// A change of an Account or of its Secret: marked as in use, or let go.
    #[must_use]
    pub fn may_release_a_mark(&self) -> bool {
        let marks = ["patch accounts", "patch secrets/credentials"];
        self.server == Server::Kubernetes && marks.contains(&self.action.as_str())
    }

    /// A change of the user's Secret.
    #[must_use]
    pub fn is_of_users_secret(&self) -> bool {
        self.server == Server::Kubernetes && self.action.ends_with(" secrets")
    }

    /// The intent to create, before its POST.
    #[must_use]
    pub fn opens_a_record(&self) -> bool {
        self.server == Server::Kubernetes && self.action == "create record"
    }
}

impl std::fmt::Display for Write {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.action)
    }
}

/// Whom a request is about. Every plan has a namespace and a parent account of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// What is in this namespace.
    Namespace(String),
    /// The Record of the object with this uid.
    Record(String),
    /// What is under this parent account.
    Parent(String),
}

/// What a request to one of the two servers is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classified {
    /// Whom it is about.
    pub about: About,
    /// Which change it asks for; none: it reads.
    pub write: Option<Write>,
    /// A Record that is written names its object: (uid, namespace).
    pub record: Option<(String, String)>,
    /// It reads a Subaccount.
    pub is_look: bool,
}

/// What a request to the API server is; none: it is about no single namespace.
#[must_use]
pub fn to_kubernetes(
    method: &http::Method,
    path: &str,
    body: &[u8],
    operator_namespace: &str,
) -> Option<Classified> {
    let mut parts = path.trim_matches('/').split('/');
    match parts.next()? {
        "api" => parts.next()?,
        "apis" => {
            parts.next()?;
            parts.next()?
        }
        _ => return None,
    };
    (parts.next()? == "namespaces").then_some(())?;
    let (namespace, resource) = (parts.next()?, parts.next()?);
    let (name, subresource) = (parts.next().unwrap_or_default(), parts.next());
    let verb = match method.as_str() {
        "POST" => Some("create"),
        "PUT" => Some("update"),
        "PATCH" => Some("patch"),
        "DELETE" => Some("delete"),
        _ => None,
    };
    let body: Value = match verb {
        Some(_) => serde_json::from_slice(body).unwrap_or_default(),
        None => Value::Null,
    };
    let kubernetes = |action: String| Write {
        server: Server::Kubernetes,
        action,
    };
    if namespace == operator_namespace {
        let name = if name.is_empty() {
            body["metadata"]["name"].as_str().unwrap_or_default()
        } else {
            name
        };
        let uid = name.strip_prefix("subaccount-")?;
        return Some(Classified {
            about: About::Record(uid.to_owned()),
            write: verb.map(|verb| kubernetes(format!("{verb} record"))),
            record: text(&body["data"]["namespace"]).map(|namespace| (uid.to_owned(), namespace)),
            is_look: false,
        });
    }
    let what = match (resource, subresource) {
        ("events", _) => format!("events {}", body["reason"].as_str().unwrap_or_default()),
        // The parent's pair carries a finalizer, the user's Secret is written whole.
        ("secrets", _) if verb == Some("patch") => "secrets/credentials".to_owned(),
        (resource, Some(subresource)) => format!("{resource}/{subresource}"),
        (resource, None) => resource.to_owned(),
    };
    Some(Classified {
        about: About::Namespace(namespace.to_owned()),
        write: verb.map(|verb| kubernetes(format!("{verb} {what}"))),
        record: None,
        is_look: method == http::Method::GET && resource == "subaccounts" && !name.is_empty(),
    })
}

/// What a request to the simulated API is; none: it names no parent account.
#[must_use]
pub fn to_vobiz(method: &http::Method, path: &str, parent: Option<&str>) -> Option<Classified> {
    let collection = path.ends_with("/Subaccount/") || path.ends_with("/sub-accounts/");
    let action = match method.as_str() {
        "POST" if collection => Some("create account"),
        "POST" | "PUT" => Some("update account"),
        "DELETE" => Some("delete account"),
        _ => None,
    };
    Some(Classified {
        about: About::Parent(parent?.to_owned()),
        write: action.map(|action| Write::new(Server::Vobiz, action)),
        record: None,
        is_look: false,
    })
}

/// A value of a Secret's `data` as text.
fn text(value: &Value) -> Option<String> {
    let bytes: ByteString = serde_json::from_value(value.clone()).ok()?;
    String::from_utf8(bytes.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn kubernetes(method: &Method, path: &str, body: &Value) -> Option<Classified> {
        to_kubernetes(method, path, body.to_string().as_bytes(), "op")
    }

    fn action(classified: Option<Classified>) -> String {
        classified.unwrap().write.unwrap().action
    }

    #[test]
    fn a_record_is_known_by_its_uid_and_tells_whose_it_is() {
        let body = serde_json::json!({
            "metadata": {"name": "subaccount-u-1"}, "data": {"namespace": ByteString(b"team".to_vec())},
        });
        let created = kubernetes(&Method::POST, "/api/v1/namespaces/op/secrets", &body).unwrap();
        assert_eq!(created.about, About::Record("u-1".to_owned()));
        assert_eq!(created.record, Some(("u-1".to_owned(), "team".to_owned())));
        let path = "/api/v1/namespaces/op/secrets/subaccount-u-1";
        assert_eq!(
            action(kubernetes(&Method::DELETE, path, &Value::Null)),
            "delete record"
        );
        assert!(
            kubernetes(&Method::GET, path, &Value::Null)
                .unwrap()
                .write
                .is_none()
        );
    }

    #[test]
    fn the_two_kinds_of_secrets_and_the_reasons_of_events_are_told_apart() {
        let secrets = "/api/v1/namespaces/team/secrets";
        assert_eq!(
            action(kubernetes(&Method::POST, secrets, &Value::Null)),
            "create secrets"
        );
        let one = format!("{secrets}/vobiz-credentials");
        assert_eq!(
            action(kubernetes(&Method::PATCH, &one, &Value::Null)),
            "patch secrets/credentials"
        );
        let events = "/apis/events.k8s.io/v1/namespaces/team/events";
        let body = serde_json::json!({"reason": "SubaccountCreated"});
        assert_eq!(
            action(kubernetes(&Method::POST, events, &body)),
            "create events SubaccountCreated"
        );
        let status = "/apis/vobiz.ai/v1alpha1/namespaces/team/subaccounts/acme/status";
        assert_eq!(
            action(kubernetes(&Method::PATCH, status, &Value::Null)),
            "patch subaccounts/status"
        );
        assert_eq!(
            kubernetes(&Method::GET, "/apis/vobiz.ai/v1alpha1/subaccounts", &Value::Null),
            None
        );
    }

    #[test]
    fn a_create_is_told_from_an_update_in_both_generations() {
        let table = [
            (Method::POST, "/api/v1/Account/MA_1/Subaccount/", "create account"),
            (
                Method::POST,
                "/api/v1/Account/MA_1/Subaccount/SA_1/",
                "update account",
            ),
            (
                Method::POST,
                "/api/v1/accounts/MA_1/sub-accounts/",
                "create account",
            ),
            (
                Method::PUT,
                "/api/v1/accounts/MA_1/sub-accounts/SA_1",
                "update account",
            ),
            (
                Method::DELETE,
                "/api/v1/accounts/MA_1/sub-accounts/SA_1",
                "delete account",
            ),
        ];
        for (method, path, expected) in table {
            assert_eq!(action(to_vobiz(&method, path, Some("MA_1"))), expected);
        }
        assert_eq!(to_vobiz(&Method::GET, "/", None), None);
    }
}
