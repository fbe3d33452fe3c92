//! Certificates for a fake: an authority of its own, and leaves that are good, expired, not yet good, of another name, or
//! signed by nobody.
//!
//! Never here: a trust store (a client is told of the authority by its file).

use rcgen::{CertificateParams, Issuer, KeyPair, date_time_ymd};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// An authority that nobody trusts before its certificate is put into a trust store.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a root").pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// Writes its certificate, for `SSL_CERT_FILE` and its kind.
    pub fn write(&self, path: &Path) {
        std::fs::write(path, &self.pem).expect("a writable path");
    }

    /// A good certificate for this name.
    pub fn certificate(&self, name: &str) -> Certificate {
        self.sign(leaf(name))
    }

    /// A certificate for this name that ended in 2001.
    pub fn expired(&self, name: &str) -> Certificate {
        let mut params = leaf(name);
        (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2001, 1, 1));
        self.sign(params)
    }

    /// A certificate for this name that begins in 2200.
    pub fn not_yet_valid(&self, name: &str) -> Certificate {
        let mut params = leaf(name);
        (params.not_before, params.not_after) = (date_time_ymd(2200, 1, 1), date_time_ymd(2201, 1, 1));
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let leaf = params.signed_by(&key, &self.issuer).expect("a signature");
        Certificate::of(leaf.der().clone(), &key)
    }
}

impl Default for Authority {
    fn default() -> Authority {
        Authority::new()
    }
}

fn leaf(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).expect("a name")
}

/// What a fake shows in the handshake.
#[derive(Clone)]
pub struct Certificate(Arc<ServerConfig>);

impl Certificate {
    /// One that only vouches for itself.
    pub fn self_signed(name: &str) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let leaf = leaf(name).self_signed(&key).expect("a signature");
        Certificate::of(leaf.der().clone(), &key)
    }

    fn of(leaf: CertificateDer<'static>, key: &KeyPair) -> Certificate {
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key in DER");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![leaf], key)
            .expect("a certificate with its key");
        Certificate(Arc::new(config))
    }

    /// For a server of HTTP/2 alone.
    pub(super) fn acceptor_of_two(&self) -> TlsAcceptor {
        let mut config = ServerConfig::clone(&self.0);
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.clone())
    }
}
