//! One answer as a value, and which error a status other than 2xx is. PURE.

use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;

use super::envelope::Envelope;
use super::error::Error;
use super::retry_after::Hints;

/// A body, wiped when dropped: it may hold tokens.
pub(super) type Body = Zeroizing<Vec<u8>>;

/// What came back for one request.
pub(super) struct Answer {
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The header `X-RateLimit-Reset`.
    pub rate_limit_reset: Option<String>,
    /// The whole body, or why there is none.
    pub body: Result<Body, Error>,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body of a 2xx; else the error that the status is.
    pub fn into_body(self, now: Timestamp) -> Result<Body, Error> {
        if self.is_success() {
            self.body
        } else {
            Err(self.refusal(now))
        }
    }

    /// The error that a status other than 2xx is.
    pub fn refusal(&self, now: Timestamp) -> Error {
        let envelope = match &self.body {
            Ok(body) => Envelope::read(body, now),
            Err(_) => Envelope::default(),
        };
        match self.status {
            300..400 => Error::Redirected { status: self.status },
            400 | 422 => Error::Invalid {
                status: self.status,
                code: envelope.code,
                fields: envelope.fields,
            },
            401 => Error::Unauthorized,
            402 => Error::InsufficientBalance,
            403 => Error::Forbidden { code: envelope.code },
            404 => Error::NotFound,
            409 => Error::Conflict {
                code: envelope.code,
                until: envelope.until,
            },
            429 => {
                let hints = Hints {
                    retry_after: self.retry_after.as_deref(),
                    details: envelope.retry_after,
                    rate_limit_reset: self.rate_limit_reset.as_deref(),
                };
                Error::RateLimited {
                    retry_after: hints.wait(now),
                }
            }
            500..600 => Error::Server { status: self.status },
            status => Error::Unexpected { status },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, body: &str) -> Error {
        let body = Ok(Zeroizing::new(body.as_bytes().to_vec()));
        let answer = Answer {
            status,
            retry_after: Some("7".into()),
            rate_limit_reset: None,
            body,
        };
        assert!(!answer.is_success());
        answer.into_body(Timestamp::UNIX_EPOCH).unwrap_err()
    }

    #[test]
    fn each_status_is_one_error() {
        let table = [
            (
                302,
                "the API redirected the request, which is never followed (302)",
            ),
            (400, "the API found the request invalid (400, E1): email"),
            (401, "the API refused the credentials (401)"),
            (402, "the balance of the account is too low (402)"),
            (403, "the API does not allow this (403, E1)"),
            (404, "the API does not know this resource (404)"),
            (405, "the API answered with the undocumented status 405"),
            (409, "the state of the account stands in the way (409, E1)"),
            (422, "the API found the request invalid (422, E1): email"),
            (429, "the API asks to wait 7 s (429)"),
            (500, "the API failed (500)"),
            (504, "the API failed (504)"),
            (999, "the API answered with the undocumented status 999"),
        ];
        let envelope = r#"{"error": {"code": "E1", "message": "hunter2", "details": {"errors": [
            {"field": "email", "value": "hunter2"}]}}}"#;
        for (status, message) in table {
            let error = refusal(status, envelope);
            assert_eq!(error.to_string(), message);
            assert!(!format!("{error:?}").contains("hunter2"));
            assert!(!error.nothing_was_sent());
        }
        assert_eq!(
            refusal(403, "<html>").to_string(),
            "the API does not allow this (403)"
        );
    }
}
