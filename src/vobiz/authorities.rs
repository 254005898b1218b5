//! Whom the operator trusts beside the authorities of the system. I/O: reads the CA bundle.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::transport::TransportError;

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
    pub fn read(file: Option<&Path>) -> Result<Self, TransportError> {
        let Some(path) = file else {
            return Ok(Self::default());
        };
        let bundle = std::fs::read(path).map_err(|source| TransportError::ReadCaFile {
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
            .ok_or_else(|| TransportError::ParseCaFile {
                path: path.to_owned(),
            })?;
        Ok(Self { bundle, certificates })
    }

    /// For a client that is to trust them.
    pub fn certificates(&self) -> impl Iterator<Item = reqwest::Certificate> {
        self.certificates.iter().cloned()
    }
}
