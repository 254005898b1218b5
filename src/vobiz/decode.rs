//! Reads each kind of answer without a connection: what the client does with the bytes that it got, open to whoever
//! feeds it bytes of their own. PURE.

use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;

use super::answer::Answer;
use super::auth_id::{AuthId, ParentAuthId};
use super::create::{self, Created};
use super::error::{Error, Unusable};
use super::generation::Generation;
use super::subaccount::{Page, Subaccount};
use super::{gen1, gen2};

/// Headers and body of an answer with a status other than 2xx.
#[derive(Clone, Copy, Debug, Default)]
pub struct FailedAnswer<'a> {
    /// The status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// The header `X-RateLimit-Reset`.
    pub rate_limit_reset: Option<&'a str>,
    /// The whole body.
    pub body: &'a [u8],
}

/// What became of a create that was answered so.
#[must_use]
pub fn created(
    generation: Generation,
    parent: &ParentAuthId,
    status: u16,
    body: &[u8],
    now: Timestamp,
) -> Created {
    let answer = FailedAnswer {
        status,
        body,
        ..FailedAnswer::default()
    };
    create::outcome(generation, parent, Ok(answer.into()), now)
}

/// The subaccount that was asked for by this id.
pub fn subaccount(generation: Generation, id: &AuthId, body: &[u8]) -> Result<Subaccount, Unusable> {
    let subaccount = match generation {
        Generation::Gen1 => gen1::subaccount(body),
        Generation::Gen2 => gen2::subaccount(body),
    }?;
    if subaccount.auth_id == *id {
        Ok(subaccount)
    } else {
        Err(Unusable::DifferentAuthId)
    }
}

/// A page of the list, asked for by this number, from 0.
pub fn page(generation: Generation, number: u32, body: &[u8]) -> Result<Page, Unusable> {
    match generation {
        Generation::Gen1 => gen1::page(body, number),
        Generation::Gen2 => gen2::page(body, number),
    }
}

/// The error that an answer with a status other than 2xx is.
#[must_use]
pub fn refusal(refusal: FailedAnswer<'_>, now: Timestamp) -> Error {
    Answer::from(refusal).refusal(now)
}

impl From<FailedAnswer<'_>> for Answer {
    fn from(refusal: FailedAnswer<'_>) -> Self {
        Self {
            status: refusal.status,
            retry_after: refusal.retry_after.map(str::to_owned),
            rate_limit_reset: refusal.rate_limit_reset.map(str::to_owned),
            body: Ok(Zeroizing::new(refusal.body.to_vec())),
        }
    }
}
