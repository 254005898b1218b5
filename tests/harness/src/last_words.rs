//! I/O. What a server says just before it is stopped, kept as files for those who search the whole run.
//!
//! A destructor cannot await, so the request is made with a plain blocking connection to loopback.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// A server that was frozen or has crashed does not answer: what it would have said is nowhere else either.
const DEADLINE: Duration = Duration::from_secs(2);
/// Ends the name of a file with a simulator's `GET /secrets`.
pub const SECRETS: &str = "secrets";
/// Ends the name of a file with an operator's `GET /metrics`.
pub const METRICS: &str = "metrics";

/// Ends the name of a file with what an operator sent to a collector of traces.
pub const TRACES: &str = "traces";

/// Appends the answer to `GET url` to a file.
pub fn keep(url: &str, file: &Path) -> Result<()> {
    let answer = get(url)?;
    let opened = File::options().create(true).append(true).open(file);
    let mut opened = opened.with_context(|| format!("failed to open {}", file.display()))?;
    writeln!(opened, "{answer}").with_context(|| format!("failed to write {}", file.display()))
}

/// The files of a folder whose names begin and end so.
pub fn files(folder: &Path, begin: &str, end: &str) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("failed to list {}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(begin) && name.ends_with(end) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// HTTP/1.0 asks for neither chunks nor a lasting connection: the body ends where the connection ends.
fn get(url: &str) -> Result<String> {
    let rest = url
        .strip_prefix("http://")
        .context("only plain http is spoken here")?;
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let socket = address
        .parse()
        .with_context(|| format!("failed to read the address {address}"))?;
    let mut stream = TcpStream::connect_timeout(&socket, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    // In one piece: a small server may read only once.
    let request = format!("GET /{path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("the answer has no end of its head")?;
    ensure!(
        head.split_whitespace().nth(1) == Some("200"),
        "{url} did not answer 200"
    );
    Ok(body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::TemporaryDirectory;

    #[test]
    fn an_answer_is_appended_and_a_dead_server_is_an_error() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/secrets", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            for body in ["one", "two"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 512];
                let read = stream.read(&mut request).unwrap();
                assert!(request[..read].starts_with(b"GET /secrets HTTP/1.0"));
                write!(stream, "HTTP/1.0 200 OK\r\n\r\n{body}").unwrap();
            }
        });
        let folder = TemporaryDirectory::new("last-words").unwrap();
        let file = folder.path().join("simulator-a.secrets");
        keep(&url, &file).unwrap();
        keep(&url, &file).unwrap();
        server.join().unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "one\ntwo\n");
        assert_eq!(
            files(folder.path(), "simulator-", SECRETS).unwrap(),
            std::slice::from_ref(&file)
        );
        assert!(keep(&url, &file).is_err());
    }
}
