#!/usr/bin/env bash
# Package: reqwest 0.13.5 (hyper-util 0.1.21), crates.io. Date: 2026-11-28.
#
# Behaviour: three things switch the proxy of `https_proxy` off, or leave it on, without a word:
# 1. HTTPS_PROXY set to nothing hides https_proxy (hyper-util takes the first variable that exists, not the first that says something);
# 2. REQUEST_METHOD in the environment switches off *every* proxy, also that of HTTPS_PROXY and ALL_PROXY; the `httpoxy` rule that it
#    comes from is about HTTP_PROXY alone, which a CGI server makes of a request's header `Proxy`;
# 3. NO_PROXY entries with a port (`api.example:443`) or with a star (`*.example`) match nothing, so what they name still goes
#    through the proxy. curl, Go and Python take at least one of them.
#
# Seen: below, by a proxy on loopback that counts who asks it to CONNECT.
#
# The guess that was wrong: reqwest reads these variables "the same as curl does", as hyper-util's documentation says.
#
# The operator reads them itself, once for both of its clients (src/proxy.rs).
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
hyper-util = "=0.1.21"
reqwest = { version = "=0.13.5", default-features = false, features = ["rustls-no-provider"] }
rustls = { version = "0.23", default-features = false, features = ["ring", "std", "tls12"] }
tokio = { version = "1", features = ["io-util", "macros", "net", "rt", "time"] }
TOML
cat > src/main.rs <<'RUST'
use std::process::Command;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    if std::env::var_os("ASK").is_some() {
        let timeout = std::time::Duration::from_secs(5);
        // Nobody knows the name: without a proxy no connection leaves this machine.
        let client = reqwest::Client::builder().timeout(timeout).build().unwrap();
        let _ = client.get("https://api.invalid/").send().await;
        return;
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let mut wrong = 0;
    for (what, variables, guessed) in [
        ("https_proxy alone", vec![("https_proxy", proxy.as_str())], true),
        ("an empty HTTPS_PROXY too", vec![("https_proxy", &proxy), ("HTTPS_PROXY", "")], true),
        ("HTTPS_PROXY and REQUEST_METHOD", vec![("HTTPS_PROXY", &proxy), ("REQUEST_METHOD", "GET")], true),
        ("NO_PROXY=api.invalid", vec![("HTTPS_PROXY", &proxy), ("NO_PROXY", "api.invalid")], false),
        ("NO_PROXY=api.invalid:443", vec![("HTTPS_PROXY", &proxy), ("NO_PROXY", "api.invalid:443")], false),
        ("NO_PROXY=*.invalid", vec![("HTTPS_PROXY", &proxy), ("NO_PROXY", "*.invalid")], false),
    ] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env_clear()
            .env("ASK", "1")
            .envs(variables)
            .spawn()
            .unwrap();
        let mut asked = false;
        while child.try_wait().unwrap().is_none() {
            let pause = std::time::Duration::from_millis(50);
            if let Ok(Ok((mut stream, _))) = tokio::time::timeout(pause, listener.accept()).await {
                asked = true;
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
            }
        }
        let word = if asked { "through the proxy" } else { "not through the proxy" };
        println!("{what}: {word}{}", if asked == guessed { "" } else { ", against the guess" });
        wrong += usize::from(asked != guessed);
    }
    assert_eq!(wrong, 4, "it behaves otherwise now");
}
RUST
cargo run --quiet
