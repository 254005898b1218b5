//! Decides what became of a create: made, certainly not made, or unknown. The only place that does. PURE.

use jiff::Timestamp;

use super::answer::Answer;
use super::auth_id::{AuthId, ParentAuthId};
use super::error::{Error, Unusable};
use super::generation::Generation;
use super::object::{RemoteObject, ShownPair};
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
    /// No whole answer came, or one that does not say: 5xx, a redirect, 409, 429, an undocumented status.
    #[error("the outcome of the create is unknown: {0}")]
    Unanswered(Error),
    /// A 2xx from which no pair can be taken. Several in a row: the API has changed.
    #[error("the outcome of the create is unknown: the API answered, but {0}")]
    UnusableAnswer(Unusable),
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
/// this very request made when a gateway sent it twice. Not 429: limits are kept by gateways, and one that counts after
/// the account was made, or that itself tries again, says 429 of a create that took effect; the same attempt sent once
/// more would make twins that no marker tells apart. Every other status is undocumented for a create.
fn is_certain_refusal(status: u16) -> bool {
    matches!(status, 400 | 401 | 402 | 403 | 404 | 422)
}

fn committed(
    generation: Generation,
    parent: &ParentAuthId,
    body: &[u8],
) -> Result<(Credentials, Option<Box<Subaccount>>), Unusable> {
    let (places, object): (Vec<ShownPair>, Option<RemoteObject>) = match generation {
        Generation::Gen1 => gen1::created(body)?,
        Generation::Gen2 => gen2::created(body)?,
    };
    let auth_id = auth_id(parent, &places)?;
    let auth_token = auth_token(&places)?;
    // One value in both places: nobody can say which of the two it is, and an id is shown where a token must not be.
    if auth_token.expose() == auth_id.as_str() {
        return Err(Unusable::InvalidAuthId);
    }
    let subaccount = object.map(|object| Box::new(object.known_as(auth_id.clone(), None)));
    Ok((Credentials { auth_id, auth_token }, subaccount))
}

/// The one valid id that stands in every place which has any.
fn auth_id(parent: &ParentAuthId, places: &[ShownPair]) -> Result<AuthId, Unusable> {
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
        // No create makes a main account.
        if auth_id.says_main_account() {
            return Err(Unusable::InvalidAuthId);
        }
        if found.as_ref().is_some_and(|known| *known != auth_id) {
            return Err(Unusable::DifferentAuthId);
        }
        found = Some(auth_id);
    }
    found.ok_or(Unusable::NoAuthId)
}

/// The one real token. A place that hides it beside one that shows it does no harm.
fn auth_token(places: &[ShownPair]) -> Result<AuthToken, Unusable> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::zeroize::Zeroizing;

    use super::super::error::{Interrupted, Unreachable};
    use super::*;

    fn decide(generation: Generation, exchange: Result<Answer, Error>) -> Created {
        outcome(
            generation,
            &ParentAuthId::parse("MA_P").unwrap(),
            exchange,
            Timestamp::UNIX_EPOCH,
        )
    }

    fn answer(status: u16, body: &str) -> Answer {
        let body = Ok(Zeroizing::new(body.as_bytes().to_vec()));
        Answer {
            status,
            retry_after: None,
            rate_limit_reset: None,
            body,
        }
    }

    fn unusable(generation: Generation, body: &str) -> Unusable {
        match decide(generation, Ok(answer(201, body))) {
            Created::Unknown(UnknownOutcome::UnusableAnswer(unusable)) => unusable,
            other => panic!("{body}: {other:?}"),
        }
    }

    fn pair(generation: Generation, body: &str) -> Credentials {
        match decide(generation, Ok(answer(200, body))) {
            Created::Committed { credentials, .. } => credentials,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn a_complete_valid_pair_is_the_only_proof_of_a_create() {
        let gen1 = pair(Generation::Gen1, r#"{"auth_id": "SA_1", "auth_token": "t"}"#);
        assert_eq!((gen1.auth_id.as_str(), gen1.auth_token.expose()), ("SA_1", "t"));
        for body in [
            r#"{"sub_account": {"auth_id": "SA_1", "auth_token": "t"},
                "auth_credentials": {"auth_id": "SA_1", "auth_token": "t"}}"#,
            r#"{"auth_credentials": {"auth_id": "SA_1", "auth_token": "t"}}"#,
            r#"{"sub_account": {"auth_id": "SA_1", "auth_token": "t"}, "auth_credentials": null}"#,
            r#"{"sub_account": {"auth_id": "SA_1", "auth_token": "<redacted>"},
                "auth_credentials": {"auth_id": "SA_1", "auth_token": "t"}}"#,
            r#"{"sub_account": {"auth_id": "SA_1", "rate_limit": 1e400, "name": [[]]},
                "auth_credentials": {"auth_token": "t"}}"#,
        ] {
            assert_eq!(pair(Generation::Gen2, body), gen1, "{body}");
        }
    }

    #[test]
    fn ids_of_every_known_form_are_bound_where_all_places_agree() {
        for id in [
            "SAXXXXXXXXXXXXXXXXX8",
            "a3f1c0d29b8e4f7086d5c4b3a2918070",
            "MA3F1C0D29B8E4F7086D5C4B3A291807",
        ] {
            let plain = format!(r#"{{"auth_id": "{id}", "auth_token": "t"}}"#);
            assert_eq!(pair(Generation::Gen1, &plain).auth_id.as_str(), id);
            let object = format!(r#"{{"id": "SA_1", "auth_id": "{id}", "auth_token": "t"}}"#);
            let both = format!(r#"{{"sub_account": {object}, "auth_credentials": {plain}}}"#);
            assert_eq!(pair(Generation::Gen2, &both).auth_id.as_str(), id);
            let swapped = format!(r#"{{"sub_account": {{"auth_id": "SA_1"}}, "auth_credentials": {plain}}}"#);
            assert_eq!(unusable(Generation::Gen2, &swapped), Unusable::DifferentAuthId);
        }
    }

    #[test]
    fn a_2xx_without_a_complete_valid_pair_is_unknown_and_says_why() {
        let table = [
            ("", Unusable::Empty),
            ("<html>", Unusable::Html),
            ("created", Unusable::NotJson),
            (r#"{"auth_id": "SA_1", "auth_"#, Unusable::Truncated),
            (r#"["SA_1", "t"]"#, Unusable::WrongShape),
            (
                r#"{"auth_id": "SA_1", "auth_token": "t", "auth_token": "u"}"#,
                Unusable::WrongShape,
            ),
            (r#"{"message": "created"}"#, Unusable::NoAuthId),
            (r#"{"auth_id": null, "auth_token": "t"}"#, Unusable::NoAuthId),
            (r#"{"auth_id": "", "auth_token": "t"}"#, Unusable::InvalidAuthId),
            (
                r#"{"auth_id": "SA_1/../x", "auth_token": "t"}"#,
                Unusable::InvalidAuthId,
            ),
            (r#"{"auth_id": 17, "auth_token": "t"}"#, Unusable::InvalidAuthId),
            (
                r#"{"auth_id": "MA_OTHER", "auth_token": "t"}"#,
                Unusable::InvalidAuthId,
            ),
            (
                r#"{"auth_id": "MAXXXXXXXXXXXXXXXXX8", "auth_token": "t"}"#,
                Unusable::InvalidAuthId,
            ),
            (
                r#"{"auth_id": "None", "auth_token": "t"}"#,
                Unusable::InvalidAuthId,
            ),
            (
                r#"{"auth_id": "SA_1", "auth_token": "SA_1"}"#,
                Unusable::InvalidAuthId,
            ),
            (
                r#"{"auth_id": "MA_P", "auth_token": "t"}"#,
                Unusable::ParentAuthId,
            ),
            (r#"{"auth_id": "SA_1"}"#, Unusable::NoAuthToken),
            (
                r#"{"auth_id": "SA_1", "auth_token": null}"#,
                Unusable::NoAuthToken,
            ),
            (r#"{"auth_id": "SA_1", "auth_token": ""}"#, Unusable::NoAuthToken),
            (
                r#"{"auth_id": "SA_1", "auth_token": "<redacted>"}"#,
                Unusable::RedactedAuthToken,
            ),
            (
                r#"{"auth_id": "SA_1", "auth_token": 17}"#,
                Unusable::InvalidAuthToken,
            ),
            (
                r#"{"auth_id": "SA_1", "auth_token": "a b"}"#,
                Unusable::InvalidAuthToken,
            ),
        ];
        for (body, expected) in table {
            assert_eq!(unusable(Generation::Gen1, body), expected, "{body}");
            let nested = format!(r#"{{"sub_account": {body}, "auth_credentials": {body}}}"#);
            if body.starts_with('{') && body.ends_with('}') {
                assert_eq!(unusable(Generation::Gen2, &nested), expected, "{nested}");
            }
        }
    }

    #[test]
    fn pairs_that_differ_within_one_answer_are_not_bound() {
        let ids = r#"{"sub_account": {"auth_id": "SA_1", "auth_token": "t"},
                      "auth_credentials": {"auth_id": "SA_2", "auth_token": "t"}}"#;
        assert_eq!(unusable(Generation::Gen2, ids), Unusable::DifferentAuthId);
        let tokens = r#"{"sub_account": {"auth_id": "SA_1", "auth_token": "t"},
                         "auth_credentials": {"auth_id": "SA_1", "auth_token": "u"}}"#;
        assert_eq!(unusable(Generation::Gen2, tokens), Unusable::DifferentAuthTokens);
        let empty = r#"{"sub_account": {"auth_id": "", "auth_token": "t"},
                        "auth_credentials": {"auth_id": "SA_1", "auth_token": "t"}}"#;
        assert_eq!(unusable(Generation::Gen2, empty), Unusable::InvalidAuthId);
    }

    #[test]
    fn only_a_documented_refusal_or_a_request_never_sent_is_certainly_not_committed() {
        let pair = r#"{"auth_id": "SA_1", "auth_token": "t"}"#;
        for status in (100..200).chain(300..1000) {
            let certain = [400, 401, 402, 403, 404, 422].contains(&status);
            for generation in [Generation::Gen1, Generation::Gen2] {
                match decide(generation, Ok(answer(status, pair))) {
                    Created::NotCommitted(_) => assert!(certain, "{status}"),
                    Created::Unknown(UnknownOutcome::Unanswered(_)) => assert!(!certain, "{status}"),
                    other => panic!("{status}: {other:?}"),
                }
            }
        }
        for never_sent in [
            Error::Unreachable(Unreachable::Refused),
            Error::Unreachable(Unreachable::Tls),
        ] {
            let exchange = Err(never_sent.clone());
            assert_eq!(
                decide(Generation::Gen2, exchange),
                Created::NotCommitted(never_sent)
            );
        }
        for sent in [Interrupted::TimedOut, Interrupted::Broken].map(Error::Interrupted) {
            let expected = Created::Unknown(UnknownOutcome::Unanswered(sent.clone()));
            assert_eq!(decide(Generation::Gen2, Err(sent.clone())), expected);
            let head_only = Answer {
                body: Err(sent),
                ..answer(201, "")
            };
            assert_eq!(decide(Generation::Gen2, Ok(head_only)), expected);
        }
    }

    proptest! {
        #[test]
        fn whatever_a_create_answers_only_a_valid_pair_of_that_answer_is_bound(
            status in 100_u16..600,
            body in prop_oneof![
                "\\PC{0,80}",
                r#"\{"auth_id": ("|)(SA_|MA_|)[A-Z0-9/%"]{0,4}("|), "auth_token": ("|)[a-z<> "]{0,4}("|)\}"#,
            ],
        ) {
            for generation in [Generation::Gen1, Generation::Gen2] {
                if let Created::Committed { credentials, .. } = decide(generation, Ok(answer(status, &body))) {
                    prop_assert!((200..300).contains(&status));
                    prop_assert!(credentials.auth_id.as_str() != "MA_P" && !credentials.auth_id.says_main_account());
                    prop_assert!(body.contains(credentials.auth_id.as_str()));
                    prop_assert!(body.contains(credentials.auth_token.expose()));
                }
            }
        }
    }
}
