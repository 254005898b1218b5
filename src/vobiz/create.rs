//! Decides what became of a create: made, certainly not made, or unknown. The only place that does. PURE.

use jiff::Timestamp;

use super::answer::Answer;
use super::auth_id::{AuthId, ParentAuthId};
use super::error::{Error, Unusable};
use super::generation::Generation;
use super::object::Object;
use super::subaccount::Subaccount;
use super::token::{AuthToken, Credentials, InvalidAuthToken};
use super::wire::Scalar;
use super::{gen1, gen2};

/// What became of a create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// The account exists and this is its pair, complete and valid.
    Committed {
        /// Its pair. Generation 2 never shows the token again.
        credentials: Credentials,
        /// The account, where the answer has it (generation 2), without the token.
        subaccount: Option<Box<Subaccount>>,
    },
    /// Certainly no account was made: nothing was sent, or the API refused.
    NotCommitted(Error),
    /// An account may have been made. It must be looked for; asking again could make a second one.
    Unknown(UnknownOutcome),
}

/// Why nobody knows whether an account was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownOutcome {
    /// No whole answer came, or one that does not say: 5xx, a redirect, 409, an undocumented status.
    #[error("the outcome of the create is unknown: {0}")]
    Unanswered(Error),
    /// A 2xx from which no pair can be taken. Several in a row: the API has changed.
    #[error("the outcome of the create is unknown: the API answered, but {0}")]
    UnusableAnswer(Unusable),
}

/// One place of an answer that may show the pair or a part of it.
pub(super) struct Place {
    pub auth_id: Scalar,
    pub auth_token: Scalar,
}

/// `exchange`: the answer, or why there is none.
pub(super) fn outcome(
    generation: Generation,
    parent: &ParentAuthId,
    exchange: Result<Answer, Error>,
    now: Timestamp,
) -> Created {
    let answer = match exchange {
        Ok(answer) => answer,
        Err(error) if error.nothing_was_sent() => return Created::NotCommitted(error),
        Err(error) => return Created::Unknown(UnknownOutcome::Unanswered(error)),
    };
    if !answer.is_success() {
        let refusal = answer.refusal(now);
        return if is_certain_refusal(answer.status) {
            Created::NotCommitted(refusal)
        } else {
            Created::Unknown(UnknownOutcome::Unanswered(refusal))
        };
    }
    match answer.body {
        Ok(body) => match committed(generation, parent, &body) {
            Ok((credentials, subaccount)) => Created::Committed {
                credentials,
                subaccount,
            },
            Err(unusable) => Created::Unknown(UnknownOutcome::UnusableAnswer(unusable)),
        },
        Err(Error::Unusable(unusable)) => Created::Unknown(UnknownOutcome::UnusableAnswer(unusable)),
        Err(error) => Created::Unknown(UnknownOutcome::Unanswered(error)),
    }
}

/// The documented refusals that cannot follow from the request having been carried out.
///
/// Not 409: names are not unique, so the state most likely to stand in the way of a create is the account that
/// this very request made when a gateway sent it twice. Every other status is undocumented for a create.
fn is_certain_refusal(status: u16) -> bool {
    matches!(status, 400 | 401 | 402 | 403 | 404 | 422 | 429)
}

fn committed(
    generation: Generation,
    parent: &ParentAuthId,
    body: &[u8],
) -> Result<(Credentials, Option<Box<Subaccount>>), Unusable> {
    let (places, object): (Vec<Place>, Option<Object>) = match generation {
        Generation::Gen1 => gen1::created(body)?,
        Generation::Gen2 => gen2::created(body)?,
    };
    let auth_id = auth_id(parent, &places)?;
    let auth_token = auth_token(&places)?;
    let subaccount = object.map(|object| Box::new(object.known_as(auth_id.clone(), None)));
    Ok((Credentials { auth_id, auth_token }, subaccount))
}

/// The one valid id that stands in every place which has any.
fn auth_id(parent: &ParentAuthId, places: &[Place]) -> Result<AuthId, Unusable> {
    let mut found: Option<AuthId> = None;
    for place in places {
        let text = match &place.auth_id {
            Scalar::Null => continue,
            other => other.text().ok_or(Unusable::InvalidAuthId)?,
        };
        if text == parent.as_str() {
            return Err(Unusable::ParentAuthId);
        }
        let auth_id = AuthId::parse(text).map_err(|_| Unusable::InvalidAuthId)?;
        if found.as_ref().is_some_and(|known| *known != auth_id) {
            return Err(Unusable::DifferentAuthId);
        }
        found = Some(auth_id);
    }
    found.ok_or(Unusable::NoAuthId)
}

/// The one real token. A place that hides it beside one that shows it does no harm.
fn auth_token(places: &[Place]) -> Result<AuthToken, Unusable> {
    let mut found: Option<AuthToken> = None;
    let mut absent = Unusable::NoAuthToken;
    for place in places {
        let text = match &place.auth_token {
            Scalar::Null => continue,
            other => other.text().ok_or(Unusable::InvalidAuthToken)?,
        };
        match AuthToken::parse(text) {
            Ok(token) if found.as_ref().is_some_and(|known| *known != token) => {
                return Err(Unusable::DifferentAuthTokens);
            }
            Ok(token) => found = Some(token),
            Err(InvalidAuthToken::Redacted) => absent = Unusable::RedactedAuthToken,
            Err(InvalidAuthToken::Empty) => {}
            Err(InvalidAuthToken::TooLong | InvalidAuthToken::NotVisibleAscii) => {
                return Err(Unusable::InvalidAuthToken);
            }
        }
    }
    found.ok_or(absent)
}
