//! Whom the operator trusts beside the authorities of the system. I/O: reads the CA bundle.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Why a CA bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// It cannot be read.
    #[error("failed to read the CA file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It has no certificate, or one that is no certificate.
    #[error("the CA file {path} is no PEM bundle of certificates")]
    Parse {
        /// The file.
        path: PathBuf,
    },
}

/// The certificates of a CA bundle; none without one. Equal are two that come from the same bytes.
#[derive(Default)]
pub(super) struct Authorities {
    bundle: Vec<u8>,
    certificates: Vec<reqwest::Certificate>,
}

impl PartialEq for Authorities {
    fn eq(&self, other: &Self) -> bool {
        self.bundle == other.bundle
    }
}

impl Authorities {
    /// Reads the bundle, if there is one.
    pub fn read(file: Option<&Path>) -> Result<Self, AuthoritiesError> {
        let Some(path) = file else {
            return Ok(Self::default());
        };
        let bundle = std::fs::read(path).map_err(|source| AuthoritiesError::Read {
            path: path.to_owned(),
            source,
        })?;
        // Each one is looked at here, so that a bad one is not reported as a missing CA store later.
        let mut looked_at = rustls::RootCertStore::empty();
        let certificates: Option<Vec<_>> = CertificateDer::pem_slice_iter(&bundle)
            .map(|certificate| {
                let certificate = certificate.ok()?;
                looked_at.add(certificate.clone()).ok()?;
                reqwest::Certificate::from_der(&certificate).ok()
            })
            .collect();
        let certificates = certificates
            .filter(|certificates| !certificates.is_empty())
            .ok_or_else(|| AuthoritiesError::Parse {
                path: path.to_owned(),
            })?;
        Ok(Self { bundle, certificates })
    }

    /// For a client that is to trust them.
    pub fn certificates(&self) -> impl Iterator<Item = reqwest::Certificate> {
        self.certificates.iter().cloned()
    }
}
