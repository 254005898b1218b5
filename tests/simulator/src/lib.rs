//! The Vobiz API stand-in: both generations of the subaccount resource over one state, faults on demand and a
//! journal of every request. I/O starts here; the files marked PURE decide. `README.md` beside this crate has
//! the control API.
//!
//! It shares no type with the operator: both are tested against `tests/golden`.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use crate::settings::{Api, Settings};

mod account;
mod answer;
mod connection;
mod control;
mod control_accounts;
mod fault;
mod fields;
mod handler;
mod job;
mod journal;
mod mint;
mod operation;
mod path;
mod redact;
mod reply;
mod service;
mod settings;
mod state;
mod world;

/// A parent account's pair, written `ID:token`.
#[derive(Clone)]
pub struct ParentPair {
    /// `MA_...`, or of another form.
    pub auth_id: String,
    /// Its token.
    pub token: String,
}

impl FromStr for ParentPair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((auth_id, token)) if !auth_id.is_empty() && !token.is_empty() => Ok(Self {
                auth_id: auth_id.to_owned(),
                token: token.to_owned(),
            }),
            _ => Err("expected ID:token".to_owned()),
        }
    }
}

/// How a simulator starts.
#[derive(Clone)]
pub struct Options {
    /// Address of the API; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Address of the control API; port 0 picks a free one.
    pub control_listen: SocketAddr,
    /// Parents that exist from the start.
    pub parents: Vec<ParentPair>,
    /// Switches.
    pub settings: Settings,
}

impl Default for Options {
    fn default() -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen: any,
            control_listen: any,
            parents: Vec::new(),
            settings: Settings::default(),
        }
    }
}

/// A running simulator. Dropping it stops it and drops its connections.
pub struct Simulator {
    address: SocketAddr,
    control_address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Simulator {
    /// Starts on the current tokio runtime; both ports accept when this returns.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let mut world = world::World::default();
        for parent in &options.parents {
            world.put_parent(&parent.auth_id, &parent.token);
        }
        let state = Arc::new(state::State::new(world, options.settings));
        let bind = async |address: SocketAddr| {
            TcpListener::bind(address)
                .await
                .with_context(|| format!("failed to listen on {address}"))
        };
        let (api, control) = (bind(options.listen).await?, bind(options.control_listen).await?);
        let (address, control_address) = (api.local_addr()?, control.local_addr()?);
        let router = control::router(Arc::clone(&state));
        let tasks = vec![
            tokio::spawn(async move {
                connection::serve(api, state).await;
            }),
            tokio::spawn(async move {
                // axum's accept loop returns no error.
                let _ = axum::serve(control, router).await;
            }),
        ];
        Ok(Self {
            address,
            control_address,
            tasks,
        })
    }

    /// Base URL of the API, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Base URL of the control API, without a trailing slash.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("http://{}", self.control_address)
    }

    /// Stops both servers and waits until their ports are free.
    pub async fn stop(mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            // Aborted, so it ends with a cancellation.
            let _ = task.await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
