//! I/O. Answers that are cut short, and watches that are held, ended or late.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::{StreamExt as _, stream};
use http::{HeaderValue, Response, header};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::warden::{Warden, WatchFault};

const LARGEST_ANSWER: usize = 64 << 20;
/// How long the first half of an answer has to get out.
const HALF_TIME: Duration = Duration::from_millis(20);

/// How long a watch is silent, or late. An operator that hears nothing gives it up after more than a minute; where watches of dozens of
/// plans are held one after the other, none would ever get on. That it does is shown where its client is tested.
const LASTS: Duration = Duration::from_secs(30);

/// What an API server says to a watch that is too old.
const GONE: &str = concat!(
    r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","#,
    r#""message":"too old resource version","reason":"Expired","code":410}}"#,
    "\n"
);

/// Another handle on the same socket.
pub fn second_handle(stream: &TcpStream) -> io::Result<std::net::TcpStream> {
    use std::os::fd::AsFd as _;
    Ok(std::net::TcpStream::from(stream.as_fd().try_clone_to_owned()?))
}

/// The whole JSON's first half as if it were everything.
pub async fn truncate(answer: Response<Body>) -> Option<Response<Body>> {
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_ANSWER).await.ok()?;
    let half = body.slice(..body.len() / 2);
    Some(Response::from_parts(parts, Body::from(half)))
}

/// Half of the answer, then a reset. One without a body is reset before it is sent.
pub async fn cut(answer: Response<Body>, socket: &std::net::TcpStream) -> Option<Response<Body>> {
    let (mut parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_ANSWER).await.ok()?;
    let handle = TcpStream::from_std(socket.try_clone().ok()?).ok()?;
    if body.is_empty() {
        handle.set_zero_linger().ok()?;
        return None;
    }
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = body.slice(..body.len() / 2);
    let pieces = stream::once(async move { Ok(half) }).chain(stream::once(async move {
        tokio::time::sleep(HALF_TIME).await;
        let _ = handle.set_zero_linger();
        Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset))
    }));
    Some(Response::from_parts(parts, Body::from_stream(pieces)))
}

struct Watching {
    arrived: mpsc::UnboundedReceiver<(Instant, Bytes)>,
    warden: Arc<Warden>,
    faults: tokio::sync::watch::Receiver<(u64, Option<WatchFault>)>,
    /// How late what arrives is passed on, and until when.
    late: Option<(Duration, Instant)>,
    ended: bool,
}

/// A watch's answer as it comes, with what the warden does to watches.
pub fn streamed(mut answer: reqwest::Response, warden: Arc<Warden>) -> Body {
    let (sender, arrived) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            // Whoever reads may be gone while nothing arrives.
            let chunk = tokio::select! {
                chunk = answer.chunk() => chunk,
                () = sender.closed() => return,
            };
            let Ok(Some(chunk)) = chunk else { return };
            if sender.send((Instant::now(), chunk)).is_err() {
                return;
            }
        }
    });
    let faults = warden.watch_faults();
    let watching = Watching {
        arrived,
        warden,
        faults,
        late: None,
        ended: false,
    };
    Body::from_stream(stream::unfold(watching, next))
}

async fn next(mut watching: Watching) -> Option<(Result<Bytes, Infallible>, Watching)> {
    loop {
        if watching.ended {
            return None;
        }
        let fault = tokio::select! {
            biased;
            changed = watching.faults.changed() => {
                if changed.is_err() {
                    return None;
                }
                watching.faults.borrow_and_update().1
            }
            chunk = watching.arrived.recv() => {
                let (at, chunk) = chunk?;
                if let Some((delay, _)) = watching.late.filter(|(_, until)| at < *until) {
                    tokio::time::sleep_until(at + delay).await;
                }
                return Some((Ok(chunk), watching));
            }
        };
        match fault {
            Some(WatchFault::Held) => {
                let _held = watching.warden.hold();
                tokio::time::sleep(LASTS).await;
                return None;
            }
            Some(WatchFault::Gone) => {
                watching.ended = true;
                return Some((Ok(Bytes::from_static(GONE.as_bytes())), watching));
            }
            Some(WatchFault::Delayed(delay)) => watching.late = Some((delay, Instant::now() + LASTS)),
            None => {}
        }
    }
}
