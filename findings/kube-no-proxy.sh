#!/usr/bin/env bash
# Package: kube-client 5.0.0 (kube 5.0.0, feature http-proxy), crates.io. Date: 2026-11-28.
#
# Behaviour: where a kubeconfig names no `proxy-url`, kube takes the proxy of HTTPS_PROXY and looks into NO_PROXY; but what it
# compares with NO_PROXY is the URL of the *proxy*, not that of the API server (`ConfigLoader::proxy_url`). So NO_PROXY=10.0.0.0/8
# does not keep https://10.96.0.1 away from the proxy, and NO_PROXY=proxy.company:3128, which nobody writes, does. The same rule
# switches off a `proxy-url` that the kubeconfig itself names. And one comma too many in NO_PROXY, as in `.svc,`, is an error:
# no client at all.
#
# Seen: below, by the fields of the configuration alone; no request is made.
#
# The guess that was wrong: NO_PROXY names servers that are reached without the proxy, as in curl, Go and reqwest.
#
# The operator decides about proxies itself, once for both of its clients (src/proxy.rs), and hands kube none.
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
k8s-openapi = { version = "=0.29.0", default-features = false, features = ["v1_33"] }
kube = { version = "=5.0.0", default-features = false, features = ["client", "http-proxy"] }
serde_json = "1"
tokio = { version = "1", features = ["macros", "rt"] }
TOML
cat > src/main.rs <<'RUST'
use kube::config::{KubeConfigOptions, Kubeconfig};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let kubeconfig: Kubeconfig = serde_json::from_value(serde_json::json!({
        "clusters": [{"name": "c", "cluster": {"server": "https://10.96.0.1"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }))
    .unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let found = match config {
        Ok(config) => config.proxy_url.map_or("no proxy".to_owned(), |url| url.to_string()),
        Err(error) => format!("error: {error}"),
    };
    println!("{found}");
}
RUST
cargo build --quiet
ask() { NO_PROXY="$1" HTTPS_PROXY=http://proxy.company:3128 target/debug/finding; }
server="$(ask 10.0.0.0/8)" proxy="$(ask proxy.company:3128)" comma="$(ask .svc,)"
printf '%s\n' "NO_PROXY names the server: $server" "NO_PROXY names the proxy:  $proxy" "NO_PROXY ends with a comma: $comma"
[[ "$server" == http://proxy.company:3128/ && "$proxy" == "no proxy" && "$comma" == error:* ]] || { echo "it behaves otherwise now"; exit 1; }
