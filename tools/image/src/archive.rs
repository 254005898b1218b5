//! PURE. The image as an archive in the layout of the Open Container Initiative, which container tools read.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use flate2::Compression;
use jiff::Timestamp;
use oci_spec::image::{
    ANNOTATION_CREATED, ANNOTATION_DESCRIPTION, ANNOTATION_LICENSES, ANNOTATION_REF_NAME,
    ANNOTATION_REVISION, ANNOTATION_TITLE, ANNOTATION_VERSION, Arch, Config, ConfigBuilder, Descriptor,
    DescriptorBuilder, HistoryBuilder, ImageConfigurationBuilder, ImageIndexBuilder, ImageManifestBuilder,
    MediaType, OciLayoutBuilder, Os, PlatformBuilder, RootFsBuilder, Sha256Digest,
};
use serde_json::Value;
use tar::{Builder, EntryType};

use crate::content::{AUTHORITIES, Content, PROGRAM, USER};
use crate::layer::{self, append, sha256};

/// Names of the image for those who load it into an engine: containerd and Docker read this one.
const ANNOTATION_IMAGE_NAME: &str = "io.containerd.image.name";

/// What is said of an image.
pub struct Facts {
    /// Which processors run it.
    pub architecture: Arch,
    /// Of the program.
    pub version: String,
    /// Of its source.
    pub commit: String,
    /// When it says that it was made.
    pub created: Timestamp,
}

impl Facts {
    fn labels(&self) -> HashMap<String, String> {
        let created = self.created.to_string();
        [
            (ANNOTATION_TITLE, "vobiz-operator"),
            (
                ANNOTATION_DESCRIPTION,
                "Keeps Vobiz subaccounts as their manifests say",
            ),
            (ANNOTATION_LICENSES, "Apache-2.0"),
            (ANNOTATION_VERSION, &self.version),
            (ANNOTATION_REVISION, &self.commit),
            (ANNOTATION_CREATED, &created),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn config(&self) -> Result<Config> {
        let config = ConfigBuilder::default()
            .user(format!("{USER}:{USER}"))
            .exposed_ports(["8080/tcp".to_owned()])
            .env([
                "PATH=/usr/local/bin".to_owned(),
                format!("SSL_CERT_FILE={AUTHORITIES}"),
            ])
            .entrypoint([PROGRAM.to_owned()])
            .cmd(["run".to_owned()])
            .working_dir("/")
            .labels(self.labels())
            .build();
        config.context("failed to configure the image")
    }
}

/// What an archive is made of: pieces named by their sums.
struct Blobs {
    archive: Builder<Vec<u8>>,
    digests: Vec<String>,
}

impl Blobs {
    fn add(&mut self, kind: MediaType, bytes: &[u8]) -> Result<DescriptorBuilder> {
        let digest = sha256(bytes);
        if !self.digests.contains(&digest) {
            let path = format!("blobs/sha256/{digest}");
            append(&mut self.archive, EntryType::Regular, &path, 0o644, bytes)?;
            self.digests.push(digest.clone());
        }
        let digest: Sha256Digest = digest.parse().context("a sum is none")?;
        Ok(DescriptorBuilder::default()
            .media_type(kind)
            .size(u64::try_from(bytes.len())?)
            .digest(digest))
    }
}

/// The archive, and the digest by which the image is known.
pub fn of(content: &Content, facts: &Facts, compression: Compression) -> Result<(Vec<u8>, String)> {
    let mut blobs = Blobs {
        archive: Builder::new(Vec::new()),
        digests: Vec::new(),
    };
    for folder in ["blobs/", "blobs/sha256/"] {
        append(&mut blobs.archive, EntryType::Directory, folder, 0o755, &[])?;
    }
    let (mut layers, mut sums, mut history) = (Vec::new(), Vec::new(), Vec::new());
    for (files, what) in content.layers().iter().zip(["system", "operator"]) {
        let layer = layer::of(files, compression)?;
        layers.push(blobs.add(MediaType::ImageLayerGzip, &layer.bytes)?.build()?);
        sums.push(format!("sha256:{}", layer.uncompressed_sha256));
        let entry = HistoryBuilder::default()
            .created(facts.created.to_string())
            .created_by(format!("vobiz-image: {what}"));
        history.push(entry.build()?);
    }
    let configuration = ImageConfigurationBuilder::default()
        .created(facts.created.to_string())
        .architecture(facts.architecture.clone())
        .os(Os::Linux)
        .config(facts.config()?)
        .rootfs(RootFsBuilder::default().diff_ids(sums).build()?)
        .history(history)
        .build()?;
    let configuration = blobs
        .add(MediaType::ImageConfig, &bytes_of(&configuration)?)?
        .build()?;
    let manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageManifest)
        .config(configuration)
        .layers(layers)
        .annotations(facts.labels())
        .build()?;
    let manifest = named(blobs.add(MediaType::ImageManifest, &bytes_of(&manifest)?)?, facts)?;
    let digest = manifest.digest().to_string();
    let index = ImageIndexBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageIndex)
        .manifests([manifest])
        .build()?;
    let layout = OciLayoutBuilder::default()
        .image_layout_version("1.0.0")
        .build()?;
    for (path, bytes) in [
        ("index.json", bytes_of(&index)?),
        ("oci-layout", bytes_of(&layout)?),
    ] {
        append(&mut blobs.archive, EntryType::Regular, path, 0o644, &bytes)?;
    }
    Ok((blobs.archive.into_inner()?, digest))
}

/// The entry of the manifest in the index.
fn named(manifest: DescriptorBuilder, facts: &Facts) -> Result<Descriptor> {
    let platform = PlatformBuilder::default()
        .architecture(facts.architecture.clone())
        .os(Os::Linux)
        .build()?;
    let names = [
        (ANNOTATION_REF_NAME, facts.version.clone()),
        (ANNOTATION_IMAGE_NAME, format!("vobiz-operator:{}", facts.version)),
    ];
    let names: HashMap<String, String> = names.map(|(name, value)| (name.to_owned(), value)).into();
    Ok(manifest.platform(platform).annotations(names).build()?)
}

/// JSON whose keys have one order: that of the tables in between changes from run to run.
fn bytes_of(document: &impl serde::Serialize) -> Result<Vec<u8>> {
    let document: Value =
        serde_json::to_value(document).context("failed to write a document of the image")?;
    serde_json::to_vec(&document).context("failed to write a document of the image")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;
    use crate::libraries::Library;

    fn made(version: &str) -> (Vec<u8>, String) {
        let content = Content {
            binary: b"program".to_vec(),
            libraries: BTreeMap::from([(
                "/lib/libc.so.6".to_owned(),
                Library {
                    bytes: b"library".to_vec(),
                    package: None,
                },
            )]),
            bill: "{}".to_owned(),
            licence: b"licence".to_vec(),
        };
        let facts = Facts {
            architecture: Arch::Amd64,
            version: version.to_owned(),
            commit: "abc".to_owned(),
            created: Timestamp::UNIX_EPOCH,
        };
        of(&content, &facts, Compression::fast()).unwrap()
    }

    fn files(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut read = tar::Archive::new(archive);
        let mut found = BTreeMap::new();
        for entry in read.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            found.insert(path, bytes);
        }
        found
    }

    #[test]
    fn the_same_content_makes_the_same_bytes_and_other_content_another_digest() {
        let first = made("1.0.0");
        for _ in 0..20 {
            assert!(made("1.0.0") == first);
        }
        assert_ne!(made("1.0.1").1, first.1);
    }

    #[test]
    fn everything_is_found_by_its_sum_from_the_index_down_and_runs_as_nobody() {
        let (archive, digest) = made("1.0.0");
        let files = files(&archive);
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let blob = |digest: &Value| {
            let sum = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
            let bytes = &files[&format!("blobs/sha256/{sum}")];
            assert_eq!(sha256(bytes), sum);
            bytes.clone()
        };
        let index = json(&files["index.json"]);
        assert_eq!(index["manifests"][0]["digest"], digest);
        assert_eq!(index["manifests"][0]["platform"]["architecture"], "amd64");
        let manifest = json(&blob(&index["manifests"][0]["digest"]));
        let config = json(&blob(&manifest["config"]["digest"]));
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Entrypoint"][0], PROGRAM);
        assert_eq!(
            config["config"]["Labels"]["org.opencontainers.image.revision"],
            "abc"
        );
        for (number, layer) in manifest["layers"].as_array().unwrap().iter().enumerate() {
            let packed = blob(&layer["digest"]);
            assert_eq!(layer["size"], packed.len());
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(packed.as_slice())
                .read_to_end(&mut unpacked)
                .unwrap();
            assert_eq!(
                config["rootfs"]["diff_ids"][number],
                format!("sha256:{}", sha256(&unpacked))
            );
        }
        assert_eq!(json(&files["oci-layout"])["imageLayoutVersion"], "1.0.0");
    }
}
