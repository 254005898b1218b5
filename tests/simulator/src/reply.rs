//! PURE. An answer before any fault is applied to it, and the envelopes in which errors come.

use serde_json::{Value, json};

use crate::account::microseconds;
use crate::mint::Minted;
use crate::settings::Envelope;

/// The content of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// No body at all.
    Empty,
    /// `application/json`.
    Json(Value),
    /// Any bytes with their content type.
    Raw(String, Vec<u8>),
}

/// An answer as the API would give it.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers apart from content type and length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub content: Content,
    /// Whether the state was changed.
    pub committed: bool,
}

impl Reply {
    /// A JSON answer that changed nothing.
    #[must_use]
    pub fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Json(body),
            committed: false,
        }
    }

    /// An answer without a body that changed nothing.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Empty,
            committed: false,
        }
    }

    /// The same, showing one permission of each account less.
    #[must_use]
    pub fn without_permission(mut self, hidden: &str) -> Self {
        fn hide(value: &mut Value, hidden: &str) {
            match value {
                Value::Object(object) => {
                    if let Some(Value::Object(permissions)) = object.get_mut("permissions") {
                        permissions.remove(hidden);
                    }
                    object.values_mut().for_each(|value| hide(value, hidden));
                }
                Value::Array(items) => items.iter_mut().for_each(|item| hide(item, hidden)),
                _ => {}
            }
        }
        if let Content::Json(value) = &mut self.content {
            hide(value, hidden);
        }
        self
    }

    /// The same, having changed the state.
    #[must_use]
    pub fn committed(self) -> Self {
        Self {
            committed: true,
            ..self
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// What an error says, whatever its envelope.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// HTTP status.
    pub status: u16,
    /// Such as `RESOURCE_NOT_FOUND`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// `details`, an object; only the documented envelopes have a place for it.
    pub details: Value,
}

impl Trouble {
    /// A trouble without details.
    #[must_use]
    pub fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            details: json!({}),
        }
    }

    /// What the API says for `status` when nothing more is known.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        let (code, message) = match status {
            400 => ("INVALID_REQUEST", "Invalid request"),
            401 => ("AUTHENTICATION_FAILED", "Authentication failed"),
            402 => ("INSUFFICIENT_BALANCE", "Balance too low"),
            403 => ("FORBIDDEN", "Not allowed"),
            404 => ("RESOURCE_NOT_FOUND", "Sub-account not found"),
            405 => ("METHOD_NOT_ALLOWED", "Method not allowed"),
            409 => ("CONFLICT", "Conflict with the current state"),
            422 => ("VALIDATION_ERROR", "Invalid request"),
            429 => ("RATE_LIMIT_EXCEEDED", "Rate limit exceeded"),
            502 => ("BAD_GATEWAY", "Bad gateway"),
            503 => ("SERVICE_UNAVAILABLE", "Service unavailable"),
            504 => ("GATEWAY_TIMEOUT", "Gateway timeout"),
            _ => ("INTERNAL_ERROR", "Internal error"),
        };
        Self::new(status, code, message)
    }

    /// Puts the trouble into an envelope.
    #[must_use]
    pub fn reply(self, envelope: Envelope, minted: &Minted) -> Reply {
        let Self {
            status,
            code,
            message,
            details,
        } = self;
        let documented = |status_field: Value| {
            json!({
                "status": status_field,
                "error": {"code": code, "message": message, "details": details},
                "timestamp": microseconds(minted.now),
                "requestId": format!("req_{}", &minted.api_id.replace('-', "")[..12]),
            })
        };
        let body = match envelope {
            Envelope::Documented => documented(json!("error")),
            Envelope::StatusNumber => documented(json!(status)),
            Envelope::Text => json!({"error": message}),
            Envelope::CodeMessage => json!({"error": code.to_lowercase(), "message": message}),
            Envelope::ApiId => json!({"api_id": minted.api_id, "error": message}),
            Envelope::Detail => json!({"detail": message}),
            Envelope::Html => {
                return Reply {
                    content: html(status, &message),
                    ..Reply::empty(status)
                };
            }
            Envelope::Empty => return Reply::empty(status),
        };
        Reply::json(status, body)
    }
}

/// The page that a gateway sends in the place of an answer.
#[must_use]
pub fn html(status: u16, title: &str) -> Content {
    let page = format!(
        "<html>\n<head><title>{status} {title}</title></head>\n<body>\n<center><h1>{status} {title}</h1></center>\n</body>\n</html>\n"
    );
    Content::Raw("text/html".to_owned(), page.into_bytes())
}
