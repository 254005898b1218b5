//! I/O. Accepts connections and notices what became of each answer.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::handler;
use crate::journal::{Entry, InFlight, Journal};
use crate::state::{State, lock};

/// The journal entry that a connection is answering.
#[derive(Default)]
pub struct Current(Mutex<Option<(Weak<Journal>, u64)>>);

impl Current {
    /// From now on write errors belong to this request.
    pub fn set(&self, journal: &Arc<Journal>, flight: &InFlight) {
        *lock(&self.0) = Some((Arc::downgrade(journal), flight.sequence()));
    }

    fn write_failed(&self) {
        if let Some((journal, sequence)) = lock(&self.0).take()
            && let Some(journal) = journal.upgrade()
        {
            journal.change(sequence, |entry: &mut Entry| entry.answered = false);
        }
    }
}

/// A stream that tells when an answer could not be written.
struct Watched {
    stream: TcpStream,
    current: Arc<Current>,
}

impl Watched {
    fn watch<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(_)) = &result {
            self.current.write_failed();
        }
        result
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Serves the API until the task is aborted; its connections end with it.
pub async fn serve(listener: TcpListener, state: Arc<State>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        // An accept that fails (a client that went at once, no file handles left) is no reason to stop.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, Arc::clone(&state)));
    }
}

async fn connection(stream: TcpStream, state: Arc<State>) {
    let number = state.connections.fetch_add(1, Ordering::Relaxed) + 1;
    // Small answers would otherwise wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let current = Arc::new(Current::default());
    let watched = Watched {
        stream,
        current: Arc::clone(&current),
    };
    let service = service_fn(move |request| {
        let (state, current) = (Arc::clone(&state), Arc::clone(&current));
        async move { handler::handle(state, request, number, &current).await }
    });
    // A connection that ends in an error is what half of the fault rules are for.
    let _ = http1::Builder::new()
        .max_buf_size(1 << 20)
        .serve_connection(TokioIo::new(watched), service)
        .await;
}
