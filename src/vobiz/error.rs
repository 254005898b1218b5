//! Everything that can go wrong with a request, as a closed set without bodies, values or secrets. PURE.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// Why a request did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 401: a bad pair, or a path of the wrong case.
    #[error("the API refused the credentials (401)")]
    Unauthorized,
    /// 403: not allowed.
    #[error("the API does not allow this (403{})", suffix(code.as_ref()))]
    Forbidden {
        /// The envelope's code, `ACCOUNT_INACTIVE` for example.
        code: Option<ErrorCode>,
    },
    /// 402: the parent's balance is too low.
    #[error("the balance of the account is too low (402)")]
    InsufficientBalance,
    /// 404: no such resource, or a path of the wrong case.
    #[error("the API does not know this resource (404)")]
    NotFound,
    /// 400 or 422: the request is wrong and stays wrong.
    #[error("the API found the request invalid ({status}{}){}", suffix(code.as_ref()), listed(fields))]
    Invalid {
        /// 400 or 422.
        status: u16,
        /// The envelope's code.
        code: Option<ErrorCode>,
        /// The names of the fields it complains of, at most ten.
        fields: Vec<String>,
    },
    /// 409: the state of the account stands in the way, such as a number's cool-off.
    #[error("the state of the account stands in the way (409{})", suffix(code.as_ref()))]
    Conflict {
        /// The envelope's code, `did_cool_off_in_effect` for example.
        code: Option<ErrorCode>,
        /// When it is over, if the answer says so.
        until: Option<Timestamp>,
    },
    /// 429: too many requests of this parent.
    #[error("the API asks to wait {} s (429)", retry_after.as_secs())]
    RateLimited {
        /// How long to leave the parent alone: 1 s to 15 min.
        retry_after: Duration,
    },
    /// 500 and above. The outcome of a write is unknown.
    #[error("the API failed ({status})")]
    Server {
        /// The status.
        status: u16,
    },
    /// No connection was made: certainly nothing was sent.
    #[error("failed to reach the API: {0}")]
    Unreachable(Unreachable),
    /// The request was sent, at least in part, and no whole answer came.
    #[error("failed to get an answer: {0}")]
    Interrupted(Interrupted),
    /// A 2xx whose body says nothing usable.
    #[error("the API answered, but {0}")]
    Unusable(Unusable),
    /// 3xx: never followed, since the credentials would go along.
    #[error("the API redirected the request, which is never followed ({status})")]
    Redirected {
        /// The status.
        status: u16,
    },
    /// A status that the API does not document.
    #[error("the API answered with the undocumented status {status}")]
    Unexpected {
        /// The status.
        status: u16,
    },
    /// The request asks for fields that this generation of the API does not have: nothing was sent.
    #[error("generation 1 of the API does not have{}", listed(fields))]
    Unsupported {
        /// Their names.
        fields: Vec<&'static str>,
    },
}

/// How a connection failed to come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// The host's name did not resolve.
    #[error("the host name does not resolve")]
    Dns,
    /// Nothing listens there.
    #[error("the connection was refused")]
    Refused,
    /// The TLS handshake failed: unknown authority, expired, wrong host, or no TLS at all.
    #[error("no trusted TLS connection could be made")]
    Tls,
    /// No connection within the time for it.
    #[error("connecting took too long")]
    TimedOut,
    /// Anything else before the first byte of the request.
    #[error("no connection could be made")]
    Other,
}

/// How a request that was sent ended without a whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    /// The time for the whole request was over.
    #[error("the request took too long")]
    TimedOut,
    /// The connection ended, or what came was no HTTP.
    #[error("the connection broke or spoke no HTTP")]
    Broken,
}

/// What is wrong with the body of a 2xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// No body at all.
    #[error("with an empty body")]
    Empty,
    /// A page of a gateway or a portal.
    #[error("with HTML")]
    Html,
    /// Neither HTML nor JSON, or JSON that is nested too deep or has numbers out of range.
    #[error("with something that is no valid JSON")]
    NotJson,
    /// JSON that ends too early.
    #[error("with truncated JSON")]
    Truncated,
    /// More than is read of such an answer.
    #[error("with more data than is accepted")]
    TooLarge,
    /// JSON of another shape, or with a field that occurs twice.
    #[error("with JSON of an unknown shape")]
    WrongShape,
    /// No account id where one must be.
    #[error("without an auth_id")]
    NoAuthId,
    /// An account id from which no URL may be built, or one that cannot be a subaccount's.
    #[error("with an invalid auth_id")]
    InvalidAuthId,
    /// The parent's own id in the place of the subaccount's.
    #[error("with the parent's own auth_id")]
    ParentAuthId,
    /// The id of an account that was there before, in the answer to a create.
    #[error("with the auth_id of another account")]
    KnownAuthId,
    /// Several account ids in one answer, or another than was asked for.
    #[error("with an auth_id that differs from the expected one")]
    DifferentAuthId,
    /// No token where one must be.
    #[error("without an auth_token")]
    NoAuthToken,
    /// The placeholder in the place of the token.
    #[error("with a redacted auth_token")]
    RedactedAuthToken,
    /// A token that no header can carry.
    #[error("with an invalid auth_token")]
    InvalidAuthToken,
    /// Several tokens in one answer.
    #[error("with auth_tokens that differ")]
    DifferentAuthTokens,
}

/// A short code of an error envelope, such as `ACCOUNT_INACTIVE` or `did_cool_off_in_effect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorCode(String);

impl ErrorCode {
    /// `None` when the text is a sentence, too long or otherwise no code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_word(text).then(|| Self(text.to_owned()))
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error {
    /// Certainly not a byte of the request left this process.
    #[must_use]
    pub fn nothing_was_sent(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Unsupported { .. })
    }

    /// With a pair that works, such an answer to a list means that this path is not served.
    #[must_use]
    pub fn says_wrong_path(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized | Self::NotFound | Self::Unexpected { status: 410 }
        )
    }
}

/// A word that a program's author wrote: 1 to 48 letters of one case, `_`, `-`, `.` and at most four digits.
/// A token of an account is never one, should an answer echo it where a code or a field's name belongs.
pub(super) fn is_word(text: &str) -> bool {
    let short = (1..=48).contains(&text.len());
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    let has = |class: fn(&u8) -> bool| text.as_bytes().iter().any(class);
    let mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    short && plain && !mixed && digits <= 4
}

fn suffix(code: Option<&ErrorCode>) -> String {
    code.map(|code| format!(", {code}")).unwrap_or_default()
}

fn listed<Name: AsRef<str>>(names: &[Name]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    format!(": {}", names.join(", "))
}
