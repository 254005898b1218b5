//! Decides from the HTTP library's error how far a request came. PURE.

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
    } else if caused_by_tls(error) {
        Unreachable::Tls
    } else if error.is_timeout() {
        Unreachable::TimedOut
    } else if io_kinds(error).contains(&io::ErrorKind::ConnectionRefused) {
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

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn StdError + 'static)| {
        (*cause).source()
    })
}

fn io_kinds(error: &reqwest::Error) -> Vec<io::ErrorKind> {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind)
        .collect()
}

/// An I/O error does not name what it wraps as its source, so it is opened by hand.
fn caused_by_tls(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause.is::<rustls::Error>() || wrapped.is_some_and(<dyn StdError + Send + Sync>::is::<rustls::Error>)
    })
}
