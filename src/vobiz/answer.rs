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
