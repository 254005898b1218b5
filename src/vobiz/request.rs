//! One request to the API as a value: what the generations build and the client sends. PURE.

use serde::Serialize;

/// A request without host and credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub method: HttpMethod,
    /// Below the base URL, without a leading slash. Made of constants and validated ids only.
    pub path: String,
    /// Made of constants and numbers only.
    pub query: Option<String>,
    /// JSON.
    pub body: Option<Vec<u8>>,
}

/// The methods that the API uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HttpMethod {
    Get,
    Post,
    Put,
    Delete,
}

/// The body of a DELETE that takes along what belongs to the subaccount.
#[derive(Serialize)]
pub(super) struct DeleteBody {
    pub cascade: bool,
}

impl Request {
    pub fn new(method: HttpMethod, path: String) -> Self {
        Self {
            method,
            path,
            query: None,
            body: None,
        }
    }

    pub fn query(self, query: String) -> Self {
        Self {
            query: Some(query),
            ..self
        }
    }

    pub fn json(self, body: &impl Serialize) -> Self {
        // Structs of texts, numbers and booleans with text keys: writing them to memory has no way to fail.
        Self {
            body: serde_json::to_vec(body).ok(),
            ..self
        }
    }
}

/// Any pair may ask whose it is (Vobiz API documentation).
pub(super) fn me() -> Request {
    Request::new(HttpMethod::Get, "api/v1/auth/me".to_owned())
}
