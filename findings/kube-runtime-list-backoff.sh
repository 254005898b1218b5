#!/usr/bin/env bash
# Package: kube-runtime 5.0.0 (kube 5.0.0), crates.io. Date: 2026-11-28.
#
# Behaviour: `watcher(...).default_backoff()` never backs off while the list itself keeps failing. `StreamBackoff` resets its pause at
# any `Ok`, and the watcher yields `Ok(Event::Init)` before it asks for each list: failure, `Init`, failure, `Init`. So the pause stays
# at its first length (0.8 s and jitter) for ever, however long the API server refuses; each controller of a cluster asks again about
# once a second, and where the list fails while it is decoded, each time for the whole list.
#
# Seen: the pauses between eight failed lists in a row are all about a second; the same backoff without the resets would have reached
# its longest pause of 30 s.
#
# The guess that was wrong: 'default backoff' of a watcher means that the pauses between failed lists grow up to 30 s, as the
# documentation of `DefaultBackoff` says of the strategy.
#
# The operator wraps the raw watcher in a backoff of its own that only a completed list or an event of an object resets
# (src/controller/watch.rs).
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
futures = "=0.3.34"
k8s-openapi = { version = "=0.29.0", default-features = false, features = ["v1_33"] }
kube = { version = "=5.0.0", default-features = false, features = ["client", "runtime"] }
tokio = { version = "1", features = ["io-util", "macros", "net", "rt", "time"] }
TOML
cat > src/main.rs <<'RUST'
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Config};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let body = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"no"}"#;
            let answer = format!(
                "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let client = Client::try_from(Config::new(url.parse().unwrap())).unwrap();
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
    let (mut failures, mut pauses, mut last) = (0, Vec::new(), Instant::now());
    while failures < 9 {
        if events.next().await.unwrap().is_err() {
            if failures > 0 {
                pauses.push(last.elapsed());
            }
            (failures, last) = (failures + 1, Instant::now());
        }
    }
    println!("pauses between failed lists: {pauses:.1?}");
    let longest = pauses.iter().max().unwrap();
    assert!(*longest < Duration::from_secs(4), "they grow now: {longest:?}");
}
RUST
cargo run --quiet
