//! PURE. The certificate authorities that the image trusts: Mozilla's, as a crate of this workspace's lock file has them. Those of
//! the machine that builds it stay out: they may be a company's own, and would make another image on every machine.

/// Their certificates, PEM.
pub fn bundle() -> String {
    let certificates = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let certificates = certificates.map(|certificate| pem::Pem::new("CERTIFICATE", certificate.as_ref()));
    let certificates: Vec<pem::Pem> = certificates.collect();
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_many_config(&certificates, config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_many_and_each_can_be_read() {
        let found = pem::parse_many(bundle()).unwrap();
        assert!(found.len() > 100, "{}", found.len());
        assert!(found.iter().all(|certificate| certificate.tag() == "CERTIFICATE"));
    }
}
