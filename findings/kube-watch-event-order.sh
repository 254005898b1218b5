#!/usr/bin/env bash
# Package: kube-core 5.0.0 and serde_json 1.0.154, crates.io. Date: 2026-11-30.
#
# Behaviour: `WatchEvent<K>` is tagged beside its content, `{"type":...,"object":...}`. While `type` stands first, as the API server
# writes it, `K` is read straight from the text, and may hold a `serde_json::value::RawValue`. Where `object` stands first, serde
# cannot know yet what it is, takes it apart into values of its own, and has no text any more when `K` asks for it: the event is an
# error, and with it the watch. An ordinary `K` is read in both orders.
#
# Seen: `type` first: read. `object` first: `invalid type: newtype struct, expected any valid JSON value`.
#
# The guess that was wrong: the order of keys in a JSON object means nothing to a type that can be deserialized.
#
# The operator reads its objects from their text, and has it written anew where there is none (src/controller/lenient/text.rs).
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
kube-core = { version = "=5.0.0", default-features = false }
serde_json = { version = "=1.0.154", features = ["raw_value"] }
TOML
cat > src/main.rs <<'RUST'
use kube_core::WatchEvent;
use serde_json::Value;
use serde_json::value::RawValue;

fn main() {
    let object = r#"{"metadata":{"name":"one"}}"#;
    let type_first = format!(r#"{{"type":"ADDED","object":{object}}}"#);
    let object_first = format!(r#"{{"object":{object},"type":"ADDED"}}"#);
    for event in [&type_first, &object_first] {
        assert!(serde_json::from_str::<WatchEvent<Value>>(event).is_ok(), "an ordinary type");
    }
    assert!(serde_json::from_str::<WatchEvent<Box<RawValue>>>(&type_first).is_ok());
    match serde_json::from_str::<WatchEvent<Box<RawValue>>>(&object_first) {
        Err(error) => println!("type first: read. object first: {error}"),
        Ok(_) => {
            println!("a raw value is read in both orders now");
            std::process::exit(1);
        }
    }
}
RUST
CARGO_TARGET_DIR="$folder/target" cargo run --quiet
