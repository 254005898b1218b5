//! PURE. One layer of an image: files in an archive that is the same for the same files.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// A file of root's.
pub struct File {
    /// Absolute.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Who may do what.
    pub mode: u32,
}

impl File {
    /// One that everybody may read.
    pub fn text(path: &str, text: String) -> Self {
        Self {
            path: path.to_owned(),
            bytes: text.into_bytes(),
            mode: 0o644,
        }
    }

    /// One that everybody may run.
    pub fn program(path: &str, bytes: Vec<u8>) -> Self {
        Self {
            path: path.to_owned(),
            bytes,
            mode: 0o755,
        }
    }
}

/// A layer as it is stored.
pub struct Layer {
    /// Compressed.
    pub bytes: Vec<u8>,
    /// Sum of what is in it, not compressed.
    pub uncompressed_sha256: String,
}

/// The layer with these files, and the folders above them.
pub fn of(files: &[File], compression: Compression) -> Result<Layer> {
    let mut archive = Builder::new(Vec::new());
    let folders: BTreeSet<&str> = files.iter().flat_map(|file| above(&file.path)).collect();
    for folder in folders {
        append(
            &mut archive,
            EntryType::Directory,
            &format!("{folder}/"),
            0o755,
            &[],
        )?;
    }
    let mut files: Vec<&File> = files.iter().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    for file in files {
        append(
            &mut archive,
            EntryType::Regular,
            &file.path,
            file.mode,
            &file.bytes,
        )?;
    }
    let archive = archive.into_inner().context("failed to end a layer")?;
    let uncompressed_sha256 = sha256(&archive);
    // Neither a time nor a name nor the system goes into the head.
    let mut compressed = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Vec::new(), compression);
    std::io::Write::write_all(&mut compressed, &archive).context("failed to compress a layer")?;
    Ok(Layer {
        bytes: compressed.finish().context("failed to compress a layer")?,
        uncompressed_sha256,
    })
}

/// Every folder above a path but the root, the outermost first.
fn above(path: &str) -> Vec<&str> {
    let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
    ends.map(|at| &path[..at]).collect()
}

/// Appends an entry of root's that was never changed.
pub fn append(
    archive: &mut Builder<Vec<u8>>,
    kind: EntryType,
    path: &str,
    mode: u32,
    bytes: &[u8],
) -> Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(u64::try_from(bytes.len())?);
    archive
        .append_data(&mut header, path.trim_start_matches('/'), bytes)
        .with_context(|| format!("failed to put {path} into an archive"))
}

/// The sum in lower case.
pub fn sha256(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_before_what_is_in_them_and_the_order_of_files_is_not_that_of_the_caller() {
        let made = |paths: &[&str]| {
            let files: Vec<File> = paths
                .iter()
                .map(|path| File::text(path, "x".to_owned()))
                .collect();
            of(&files, Compression::fast()).unwrap()
        };
        let one = made(&["/b/c/d", "/a"]);
        let other = made(&["/a", "/b/c/d"]);
        assert_eq!(one.bytes, other.bytes);
        let mut read = tar::Archive::new(flate2::read::GzDecoder::new(one.bytes.as_slice()));
        let entries = read.entries().unwrap().map(Result::unwrap);
        let paths: Vec<String> = entries
            .map(|entry| entry.path().unwrap().display().to_string())
            .collect();
        assert_eq!(paths, ["b/", "b/c/", "a", "b/c/d"]);
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
