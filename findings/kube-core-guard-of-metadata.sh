#!/usr/bin/env bash
# Package: kube-core 5.0.0 (kube 5.0.0), crates.io. Date: 2026-11-28.
#
# Behaviour: `Api<PartialObjectMeta<K>>` asks the API server for metadata alone, because `PartialObjectMeta` overrides
# `Resource::metadata_api()`. `DeserializeGuard<PartialObjectMeta<K>>`, which is there to keep one odd object from stopping a watch, does
# not pass that on: a guarded watch of metadata asks for whole objects. They still decode, since the metadata is among them, so nothing
# fails: a controller that meant to see names and labels of Secrets is sent every value of theirs, and keeps the bytes on its wire.
#
# Seen: `metadata_api()` is true for `PartialObjectMeta<Secret>` and false for the same in a `DeserializeGuard`.
#
# The guess that was wrong: a guard around a type makes the requests of that type.
#
# The operator has a guard of its own that passes it on (src/controller/lenient.rs), and its rights do not allow a list of users'
# Secrets unless somebody grants it.
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
kube-core = "=5.0.0"
TOML
cat > src/main.rs <<'RUST'
use k8s_openapi::api::core::v1::Secret;
use kube_core::{DeserializeGuard, PartialObjectMeta, Resource};

fn main() {
    let bare = <PartialObjectMeta<Secret> as Resource>::metadata_api();
    let guarded = <DeserializeGuard<PartialObjectMeta<Secret>> as Resource>::metadata_api();
    println!("asks for metadata alone: {bare}, in a guard: {guarded}");
    assert!(bare && !guarded, "the guard passes it on now");
}
RUST
cargo run --quiet
