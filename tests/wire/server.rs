//! A scripted HTTP server on a loopback socket: records every request, then does what the script says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use vobiz_operator::vobiz::{BaseUrl, Client, ParentCredentials, Transport, TransportConfig};

pub const PARENT: &str = "MA_7QX2M4KD";
pub const PARENT_TOKEN: &str = "parent-token-that-no-output-shows";

/// What the server does with one request.
#[derive(Clone)]
pub enum Act {
    /// These bytes; the connection stays open for the next request.
    Send(Vec<u8>),
    /// These bytes, then the end of the connection.
    SendAndClose(Vec<u8>),
    /// These bytes, then one byte after each pause, without end.
    Trickle(Vec<u8>, Duration),
    /// These bytes, then chunks without end.
    Flood(Vec<u8>),
    /// A reset instead of an answer.
    Reset,
    /// Nothing, ever.
    Silence,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Counts from 0.
    pub connection: usize,
    pub method: String,
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// One act for every request.
    pub async fn always(act: Act) -> Self {
        Self::scripted(vec![act]).await
    }

    /// One act after the other; the last one for all that follow.
    pub async fn scripted(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(serve(listener, acts.into(), Arc::clone(&seen)));
        Self { address, seen, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap()
    }

    /// The only request that arrived.
    pub fn one(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].clone()
    }

    pub fn client(&self) -> Client {
        client(&self.url(), Duration::from_secs(10))
    }

    pub fn impatient_client(&self) -> Client {
        client(&self.url(), Duration::from_millis(400))
    }
}

pub fn config(url: &str, request_timeout: Duration) -> TransportConfig {
    TransportConfig {
        base_url: BaseUrl::parse(url, true).unwrap(),
        ca_file: None,
        proxy: None,
        request_timeout,
        user_agent: "vobiz-operator/0.0.0-test".to_owned(),
    }
}

pub fn credentials() -> ParentCredentials {
    ParentCredentials::parse("id", "token", |key| match key {
        "id" => Some(PARENT.as_bytes()),
        _ => Some(PARENT_TOKEN.as_bytes()),
    })
    .unwrap()
}

pub fn install_tls_provider() {
    // Another test of this process may have done so already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub fn client(url: &str, request_timeout: Duration) -> Client {
    install_tls_provider();
    let transport = Transport::new(config(url, request_timeout)).unwrap();
    Client::new(&transport, credentials())
}

/// A whole answer with a body of known length.
pub fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

async fn serve(listener: TcpListener, acts: Arc<[Act]>, seen: Arc<Mutex<Vec<Seen>>>) {
    // Aborted with this task when the server is dropped.
    let mut connections = JoinSet::new();
    for connection in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(converse(stream, connection, Arc::clone(&acts), Arc::clone(&seen)));
    }
}

async fn converse(mut stream: TcpStream, connection: usize, acts: Arc<[Act]>, seen: Arc<Mutex<Vec<Seen>>>) {
    while let Some(request) = read_request(&mut stream, connection).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request);
            seen.len() - 1
        };
        // Writes fail once the client has had enough: that is what some tests are about.
        match &acts[number.min(acts.len() - 1)] {
            Act::Send(bytes) => {
                if stream.write_all(bytes).await.is_err() {
                    return;
                }
            }
            Act::SendAndClose(bytes) => {
                let _ = stream.write_all(bytes).await;
                return;
            }
            Act::Trickle(bytes, pause) => {
                let _ = stream.write_all(bytes).await;
                while stream.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(*pause).await;
                }
                return;
            }
            Act::Flood(bytes) => {
                let _ = stream.write_all(bytes).await;
                let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
                while stream.write_all(chunk.as_bytes()).await.is_ok() {}
                return;
            }
            Act::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Act::Silence => std::future::pending().await,
        }
    }
}

async fn read_request(stream: &mut TcpStream, connection: usize) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut request_line = lines.next()?.split(' ');
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = bytes.split_off(head_end);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    let method = request_line.next()?.to_owned();
    let target = request_line.next()?.to_owned();
    Some(Seen {
        connection,
        method,
        target,
        headers,
        body,
    })
}
