//! Which certificates are trusted: Mozilla's roots, the system's (and `SSL_CERT_FILE`), and a configured bundle.
//!
//! Never here: a way to switch verification off.

use super::DialError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// The TLS configuration for every https upstream. Reading the system's roots takes milliseconds, so this is called
/// when the first https origin appears, never before.
pub(super) fn config(ca_file: Option<&Path>) -> Result<ClientConfig, DialError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "a system root certificate could not be read");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| DialError::Tls(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(tls)
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), DialError> {
    let unreadable = |why: String| DialError::CaFile { path: path.display().to_string(), why };
    let mut found = 0usize;
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| unreadable(e.to_string()))? {
        let certificate = certificate.map_err(|e| unreadable(e.to_string()))?;
        roots.add(certificate).map_err(|e| unreadable(e.to_string()))?;
        found += 1;
    }
    if found == 0 { Err(unreadable("it holds no certificate".to_owned())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_bad_bundle_is_said_and_the_default_works() {
        assert!(config(None).is_ok());
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("ca.pem");
        std::fs::write(&empty, "no certificate here").unwrap();
        assert!(matches!(config(Some(&empty)), Err(DialError::CaFile { .. })));
        assert!(matches!(config(Some(&dir.path().join("missing"))), Err(DialError::CaFile { .. })));
    }
}
