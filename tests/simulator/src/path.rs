//! PURE. Decides what a method and a path ask for: resource, generation, case and slashes included.

use serde::{Deserialize, Serialize};

use crate::settings::{Api, Generation};

/// What a request asks for, as journal entries and fault rules name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A new subaccount.
    Create,
    /// One subaccount.
    Get,
    /// A page of subaccounts.
    List,
    /// A change of one subaccount.
    Update,
    /// The end of one subaccount.
    Delete,
    /// `GET /api/v1/auth/me`.
    Me,
    /// `GET /api/v1/sub-accounts/{id}/kyc/status`.
    KycStatus,
    /// Everything else, wrong paths and wrong methods included.
    Other,
}

/// A path that may be served, or why it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// One of the operations. `parent` is absent for `me` and `kyc_status`.
    Call {
        operation: Operation,
        generation: Option<Generation>,
        parent: Option<String>,
        id: Option<String>,
    },
    /// The resource exists, the method does not.
    MethodNotAllowed { generation: Generation },
    /// Wrong case, or a generation that is not served.
    WrongPath,
    /// The trailing slash is missing or superfluous; the path that would be right.
    WrongSlash { generation: Generation, right: String },
    /// No such path.
    Unknown,
}

/// Finds the route of `method path`, `path` without its query.
#[must_use]
pub fn route(api: Api, method: &str, path: &str) -> Route {
    let slash = path.len() > 1 && path.ends_with('/');
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        ["api", "v1", "auth", "me"] => single(method, Operation::Me, None),
        ["api", "v1", "sub-accounts", id, "kyc", "status"] => {
            single(method, Operation::KycStatus, Some((*id).to_owned()))
        }
        ["api", "v1", "Account", parent, "Subaccount", rest @ ..] => {
            resource(api, Generation::Gen1, method, path, slash, parent, rest)
        }
        ["api", "v1", "accounts", parent, "sub-accounts", rest @ ..] => {
            resource(api, Generation::Gen2, method, path, slash, parent, rest)
        }
        [first, second, third, ..] if is_near_miss(first, second, third) => Route::WrongPath,
        _ => Route::Unknown,
    }
}

fn single(method: &str, operation: Operation, id: Option<String>) -> Route {
    if method == "GET" {
        Route::Call {
            operation,
            generation: None,
            parent: None,
            id,
        }
    } else {
        Route::MethodNotAllowed {
            generation: Generation::Gen2,
        }
    }
}

/// A path that differs from a served one by its case, or mixes the generations.
fn is_near_miss(first: &str, second: &str, third: &str) -> bool {
    first.eq_ignore_ascii_case("api")
        && second.eq_ignore_ascii_case("v1")
        && ["account", "accounts", "auth", "sub-accounts"]
            .iter()
            .any(|known| third.eq_ignore_ascii_case(known))
}

fn resource(
    api: Api,
    generation: Generation,
    method: &str,
    path: &str,
    slash: bool,
    parent: &str,
    rest: &[&str],
) -> Route {
    if !api.serves(generation) {
        return Route::WrongPath;
    }
    let (id, wants_slash) = match rest {
        [] => (None, true),
        [id] => (Some((*id).to_owned()), generation == Generation::Gen1),
        _ => return Route::Unknown,
    };
    if slash != wants_slash {
        let right = if wants_slash {
            format!("{path}/")
        } else {
            path.trim_end_matches('/').to_owned()
        };
        return Route::WrongSlash { generation, right };
    }
    let operation = match (method, &id, generation) {
        ("GET", None, _) => Operation::List,
        ("POST", None, _) => Operation::Create,
        ("GET", Some(_), _) => Operation::Get,
        ("POST", Some(_), Generation::Gen1) | ("PUT", Some(_), Generation::Gen2) => Operation::Update,
        ("DELETE", Some(_), _) => Operation::Delete,
        // An empty item id turns the item's path into the collection's, which has no DELETE.
        _ => return Route::MethodNotAllowed { generation },
    };
    Route::Call {
        operation,
        generation: Some(generation),
        parent: Some(parent.to_owned()),
        id,
    }
}
