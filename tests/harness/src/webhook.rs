//! I/O. An admission webhook on loopback that answers as its URL's path says. What it is asked about is never kept: it may
//! be a Secret.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::certificates::Authority;
use crate::tls_front::server_config;

/// How long one request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// A webhook that denies everything. Dropping it closes its port.
pub struct Webhook {
    port: u16,
    authority: String,
    ended: Arc<AtomicBool>,
}

impl Webhook {
    /// Starts one that answers a request of `/path` with the status of that path, and any other one with nothing at all
    /// until the asking side gives up.
    pub fn start(answers: BTreeMap<String, Value>) -> Result<Self> {
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

fn serve(stream: TcpStream, config: Arc<ServerConfig>, answers: &BTreeMap<String, Value>) -> Result<()> {
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
    let Some(status) = answers.get(path) else {
        // Until the other side closes the connection.
        let _ = stream.read(&mut [0]);
        return Ok(());
    };
    let asked: Value = serde_json::from_slice(&body)?;
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "response": {"uid": asked["request"]["uid"], "allowed": false, "status": status},
    })
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
