//! I/O. An admission webhook on loopback that answers as its URL's path says. What it is asked about is never kept: it may
//! be a Secret.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::certificates::Authority;
use crate::tls_front::server_config;

/// How long one request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a request is held at most: longer than any caller waits.
const LONGEST_HOLD: Duration = Duration::from_mins(1);

/// What the requests of one path are answered.
pub enum Answer {
    /// They are denied, with this status.
    Denied(Value),
    /// They are allowed once the door is open.
    Allowed(Arc<Door>),
}

/// Holds requests back until it is opened.
#[derive(Default)]
pub struct Door {
    state: Mutex<DoorState>,
    changed: Condvar,
}

#[derive(Default)]
struct DoorState {
    is_reached: bool,
    is_open: bool,
}

impl Door {
    /// Lets those through who wait, and whoever comes later.
    pub fn open(&self) {
        self.change(|state| state.is_open = true);
    }

    /// Waits until somebody stands before it.
    pub async fn reached(self: &Arc<Self>) -> Result<()> {
        let door = Arc::clone(self);
        let waits = tokio::task::spawn_blocking(move || door.wait(PATIENCE, |state| state.is_reached));
        ensure!(waits.await?, "nobody has asked the webhook within {PATIENCE:?}");
        Ok(())
    }

    fn pass(&self) {
        self.change(|state| state.is_reached = true);
        self.wait(LONGEST_HOLD, |state| state.is_open);
    }

    fn change(&self, change: impl FnOnce(&mut DoorState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn wait(&self, longest: Duration, is_met: impl Fn(&DoorState) -> bool) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(state, longest, |state| !is_met(state));
        is_met(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}

/// A webhook that admits as it is told. Dropping it closes its port.
pub struct Webhook {
    port: u16,
    authority: String,
    ended: Arc<AtomicBool>,
}

impl Webhook {
    /// Starts one that answers a request of `/path` as is said of that path, and any other one with nothing at all until the
    /// asking side gives up.
    pub fn start(answers: BTreeMap<String, Answer>) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authority = Authority::new()?;
        let identity = authority.serving("webhook")?;
        let config = server_config(&identity)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("failed to listen for the webhook")?;
        let port = listener.local_addr()?.port();
        let ended = Arc::new(AtomicBool::new(false));
        let (answers, stop) = (Arc::new(answers), Arc::clone(&ended));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (config, answers) = (Arc::clone(&config), Arc::clone(&answers));
                // A caller that gives up, as one without an answer does, is no failure of ours.
                std::thread::spawn(move || serve(stream, config, &answers));
            }
        });
        Ok(Self {
            port,
            authority: authority.certificate().to_owned(),
            ended,
        })
    }

    /// The URL whose requests are answered with the status of that path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}/{path}", self.port)
    }

    /// The certificate of the authority behind it, PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, answers: &BTreeMap<String, Answer>) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config)?, stream));
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
        if head.is_empty() {
            head = line;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let path = head.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
    let Some(answer) = answers.get(path) else {
        // Until the other side closes the connection.
        let _ = stream.read(&mut [0]);
        return Ok(());
    };
    let asked: Value = serde_json::from_slice(&body)?;
    let uid = &asked["request"]["uid"];
    let response = match answer {
        Answer::Denied(status) => json!({"uid": uid, "allowed": false, "status": status}),
        Answer::Allowed(door) => {
            door.pass();
            json!({"uid": uid, "allowed": true})
        }
    };
    let answer =
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
            .to_string();
    let stream = stream.get_mut();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    )?;
    stream.flush()?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}
