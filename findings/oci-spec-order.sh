#!/usr/bin/env bash
# Package: oci-spec 0.10.0, crates.io. Date: 2026-11-29.
#
# Behaviour: `ImageManifest::to_string` and its siblings write labels and annotations in another order in every process, and for two
# equal documents of one process: they are hash maps with a random seed. What a manifest's digest names is its bytes, so the same image
# made twice has two digests, and a registry keeps both.
#
# Seen: below, one manifest made a hundred times.
#
# The guess that was wrong: a library for documents that are known by the sum of their bytes writes the same bytes for the same document.
#
# `cargo xtask image` puts each document into a tree with sorted keys first (tools/image/src/archive.rs).
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
oci-spec = { version = "=0.10.0", default-features = false, features = ["image"] }
TOML
cat > src/main.rs <<'RUST'
use std::collections::{HashMap, HashSet};

use oci_spec::image::{Descriptor, ImageManifestBuilder, MediaType, Sha256Digest};

fn made() -> String {
    let digest: Sha256Digest = "0".repeat(64).parse().unwrap();
    let annotations = ["title", "version", "revision", "created"].map(|name| (name.to_owned(), "same".to_owned()));
    let manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .config(Descriptor::new(MediaType::ImageConfig, 0, digest))
        .layers([])
        .annotations(HashMap::from(annotations))
        .build()
        .unwrap();
    manifest.to_string().unwrap()
}

fn main() {
    let texts: HashSet<String> = (0..100).map(|_| made()).collect();
    println!("one manifest, made a hundred times: {} texts", texts.len());
    assert!(texts.len() > 1, "it behaves otherwise now");
}
RUST
cargo run --quiet
