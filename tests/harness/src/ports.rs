//! I/O. Free ports on loopback.

use std::net::TcpListener;

use anyhow::{Context as _, Result};

/// Ports that are free now. All are held until all are chosen, so that they differ. Another process may take one before
/// its server does: whoever starts a server on them must be ready to try again.
pub fn free_ports<const COUNT: usize>() -> Result<[u16; COUNT]> {
    let mut listeners = Vec::with_capacity(COUNT);
    let mut ports = [0; COUNT];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("failed to find a free port")?;
        *port = listener
            .local_addr()
            .context("failed to read a free port")?
            .port();
        listeners.push(listener);
    }
    Ok(ports)
}
