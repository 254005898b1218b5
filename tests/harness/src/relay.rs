//! I/O. A loopback port in front of a server, which can go and come back while the server stays.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// A relay that runs. Dropping it refuses new connections and breaks those that are open.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    opened: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Relays what arrives at a loopback port (0: any free one) to `target`, such as `127.0.0.1:4711`.
    pub async fn start(port: u16, target: &str) -> Result<Self> {
        Self::listen((Ipv4Addr::LOCALHOST, port), target, true).await
    }

    /// The same at any free port of `::1`: `target` is then reached by those who have no IPv4.
    pub async fn start_ipv6(target: &str) -> Result<Self> {
        Self::listen((Ipv6Addr::LOCALHOST, 0), target, true).await
    }

    /// Accepts connections at any free port, and passes nothing on until [`Self::open`].
    pub async fn start_silent(target: &str) -> Result<Self> {
        Self::listen((Ipv4Addr::LOCALHOST, 0), target, false).await
    }

    /// Passes on what has arrived and all that follows.
    pub fn open(&self) {
        self.opened.send_replace(true);
    }

    async fn listen((host, port): (impl Into<IpAddr>, u16), target: &str, open: bool) -> Result<Self> {
        let (opened, _) = watch::channel(open);
        let opening = opened.subscribe();
        let listener = TcpListener::bind((host.into(), port))
            .await
            .with_context(|| format!("failed to listen on port {port}"))?;
        let address = listener.local_addr().context("failed to read the relay's port")?;
        let target = target.to_owned();
        let task = tokio::spawn(async move {
            // Dropped with the task, and the connections with it.
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let (target, mut opening) = (target.clone(), opening.clone());
                connections.spawn(async move {
                    if opening.wait_for(|open| *open).await.is_err() {
                        return;
                    }
                    if let Ok(mut far) = TcpStream::connect(&target).await {
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Ok(Self {
            address,
            opened,
            task,
        })
    }

    /// Host and port, as a URL has them.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port at which it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Refuses connections from here on.
    pub async fn stop(mut self) {
        self.task.abort();
        // Only then is the listener closed.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}
