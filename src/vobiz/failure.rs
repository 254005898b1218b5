//! Decides from the HTTP library's error how far a request came. I/O: belongs to the client.

use std::error::Error as StdError;
use std::io;

use super::error::{Error, Interrupted, Unreachable};

/// Tells 'nothing was sent' from 'sent, and no answer'. In doubt it is the latter.
pub(super) fn not_answered(error: &reqwest::Error) -> Error {
    if !error.is_connect() && !error.is_builder() {
        return interrupted(error);
    }
    Error::Unreachable(if error.is_dns() {
        Unreachable::Dns
    } else if causes(error).any(<dyn StdError>::is::<rustls::Error>) {
        Unreachable::Tls
    } else if error.is_timeout() {
        Unreachable::TimedOut
    } else if causes(error).any(is_refusal) {
        Unreachable::Refused
    } else {
        Unreachable::Other
    })
}

/// A whole answer was not read in the end.
pub(super) fn interrupted(error: &reqwest::Error) -> Error {
    Error::Interrupted(if error.is_timeout() {
        Interrupted::TimedOut
    } else {
        Interrupted::Broken
    })
}

/// Every error that this one stands for. An I/O error does not name what it wraps as its source, so it is
/// opened by hand.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| match wrapped(cause) {
        Some(inner) => Some(inner),
        None => cause.source(),
    })
}

fn wrapped<'error>(cause: &'error (dyn StdError + 'static)) -> Option<&'error (dyn StdError + 'static)> {
    let inner = cause.downcast_ref::<io::Error>()?.get_ref()?;
    Some(inner)
}

fn is_refusal(cause: &(dyn StdError + 'static)) -> bool {
    cause
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
