//! I/O. A proxy as companies have them: it takes CONNECT from those who know its password, and counts to whom they spoke.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A head that is longer is none.
const LONGEST_HEAD: usize = 8192;

/// A proxy that runs. Dropping it breaks every connection through it.
pub struct ConnectProxy {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

/// What the proxy was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many connections to each `host:port` it opened.
    pub opened: BTreeMap<String, usize>,
    /// How many it refused, for they came without its password.
    pub refused: usize,
}

impl ConnectProxy {
    /// Lets through whoever sends this value of `Proxy-Authorization`. Every name leads to the loopback address: names
    /// that nobody but the proxy can resolve.
    pub async fn start(authorization: &str) -> Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST, authorization).await
    }

    /// The same at a loopback address of either family.
    pub async fn start_at(host: impl Into<IpAddr>, authorization: &str) -> Result<Self> {
        let listener = TcpListener::bind((host.into(), 0))
            .await
            .context("failed to listen for the proxy")?;
        let address = listener.local_addr().context("failed to read the proxy's port")?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (kept, authorization) = (Arc::clone(&seen), authorization.to_owned());
        let task = tokio::spawn(async move {
            // Dropped with the task, and the connections with it.
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let (kept, authorization) = (Arc::clone(&kept), authorization.clone());
                connections.spawn(async move {
                    // Whoever hangs up hangs up.
                    let _ = serve(near, &authorization, &kept).await;
                });
            }
        });
        Ok(Self { address, seen, task })
    }

    /// Host and port, as a proxy's URL has them.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked for so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets what it was asked for.
    pub fn forget(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen::default();
    }
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut near: TcpStream, authorization: &str, seen: &Mutex<Seen>) -> Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        head.push(near.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut request = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (request.next(), request.next().unwrap_or_default());
    if method != Some("CONNECT") {
        near.write_all(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n")
            .await?;
        return Ok(());
    }
    let known = lines.any(|line| {
        line.split_once(": ").is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("proxy-authorization") && value == authorization
        })
    });
    {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if known {
            *seen.opened.entry(target.to_owned()).or_default() += 1;
        } else {
            seen.refused += 1;
        }
    }
    if !known {
        near.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            .await?;
        return Ok(());
    }
    let port: u16 = target.rsplit(':').next().unwrap_or_default().parse()?;
    let mut far = TcpStream::connect(("127.0.0.1", port)).await?;
    near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await?;
    tokio::io::copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}
