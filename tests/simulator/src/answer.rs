//! I/O (time). Turns an answer into HTTP: whole, cut short, byte by byte, or without end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::journal::InFlight;
use crate::reply::{Content, Reply};

/// How the body leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// At once.
    Whole,
    /// Half of it, then the connection is dropped.
    Truncated,
    /// One byte per interval.
    Slow(Duration),
    /// This many bytes of white space before it.
    Huge(u64),
    /// White space for ever.
    Endless,
}

enum Step {
    Send(Bytes),
    Pause(Duration),
    Abort,
}

const CHUNK: usize = 64 * 1024;

/// Builds the response. The entry counts as answered when the last byte was handed to the connection.
pub fn response(reply: Reply, manner: Manner, flight: Arc<InFlight>) -> Response<Body> {
    let (content_type, bytes) = match reply.content {
        Content::Empty => (None, Vec::new()),
        Content::Json(value) => (
            Some("application/json".to_owned()),
            value.to_string().into_bytes(),
        ),
        Content::Raw(content_type, bytes) => (Some(content_type), bytes),
    };
    let mut headers: Vec<(String, String)> = reply.headers;
    headers.extend(content_type.map(|value| ("content-type".to_owned(), value)));
    let padding = match manner {
        Manner::Huge(bytes) => bytes,
        _ => 0,
    };
    let length = bytes.len() as u64 + padding;
    let body = if length == 0 && manner != Manner::Endless {
        flight.answered();
        Body::empty()
    } else {
        if manner != Manner::Endless {
            headers.push(("content-length".to_owned(), length.to_string()));
        }
        stream(steps(bytes, manner), flight)
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn steps(bytes: Vec<u8>, manner: Manner) -> Box<dyn Iterator<Item = Step> + Send> {
    let bytes = Bytes::from(bytes);
    let spaces = Bytes::from(vec![b' '; CHUNK]);
    match manner {
        Manner::Whole => Box::new(std::iter::once(Step::Send(bytes))),
        Manner::Truncated => {
            // The pause lets the half leave before the connection goes.
            let half = bytes.slice(..bytes.len() / 2);
            Box::new(
                [
                    Step::Send(half),
                    Step::Pause(Duration::from_millis(20)),
                    Step::Abort,
                ]
                .into_iter(),
            )
        }
        Manner::Slow(interval) => Box::new((0..bytes.len()).flat_map(move |index| {
            let wait = (index > 0).then_some(Step::Pause(interval));
            wait.into_iter().chain([Step::Send(bytes.slice(index..=index))])
        })),
        Manner::Huge(padding) => {
            let chunk = CHUNK as u64;
            let rest = spaces.slice(..usize::try_from(padding % chunk).unwrap_or(0));
            let whole = (0..padding / chunk).map(move |_| spaces.clone());
            let tail = [rest, bytes].into_iter().filter(|part| !part.is_empty());
            Box::new(whole.chain(tail).map(Step::Send))
        }
        Manner::Endless => Box::new(std::iter::repeat_with(move || Step::Send(spaces.clone()))),
    }
}

fn stream(steps: Box<dyn Iterator<Item = Step> + Send>, flight: Arc<InFlight>) -> Body {
    let start = (steps.peekable(), Some(flight));
    Body::from_stream(futures::stream::unfold(
        start,
        |(mut steps, mut flight)| async move {
            loop {
                match steps.next()? {
                    Step::Pause(time) => tokio::time::sleep(time).await,
                    Step::Abort => {
                        return Some((Err(io::Error::other("failed on purpose")), (steps, flight)));
                    }
                    Step::Send(bytes) => {
                        if steps.peek().is_none()
                            && let Some(flight) = flight.take()
                        {
                            flight.answered();
                        }
                        return Some((Ok(bytes), (steps, flight)));
                    }
                }
            }
        },
    ))
}
