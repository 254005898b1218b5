//! Only a server that proves itself gets to see the credentials.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use vobiz_operator::vobiz::{
    BaseUrl, Client, Created, Error, Fields, Generation, Transport, TransportError, Unreachable,
};

use crate::server::{answer, config, credentials, install_tls_provider};

const ANSWER: &str = r#"{"auth_id": "MA_7QX2M4KD"}"#;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    Authority {
        issuer: Issuer::new(params, key),
        pem,
    }
}

/// Serves one connection: the bytes that it read in clear, empty when no handshake came about.
fn serve_once(authority: &Authority, host: &str, is_expired: bool) -> (String, JoinHandle<Vec<u8>>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    if is_expired {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    }
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let server = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let connection = rustls::ServerConnection::new(Arc::new(server)).unwrap();
        let mut tls = rustls::StreamOwned::new(connection, stream);
        let mut read = vec![0; 4096];
        let Ok(count) = tls.read(&mut read) else {
            return Vec::new();
        };
        read.truncate(count);
        tls.write_all(&answer(200, "connection: close\r\n", ANSWER))
            .unwrap();
        read
    });
    (url, thread)
}

fn ca_file(name: &str, pem: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("vobiz-wire-{}-{name}.pem", std::process::id()));
    std::fs::write(&path, pem).unwrap();
    path
}

fn transport(url: &str, ca_file: Option<PathBuf>) -> Result<Transport, TransportError> {
    install_tls_provider();
    let config = config(url, Duration::from_secs(10));
    Transport::new(vobiz_operator::vobiz::TransportConfig { ca_file, ..config })
}

#[tokio::test]
async fn a_server_under_an_authority_of_the_ca_file_is_trusted() {
    install_tls_provider();
    let authority = authority();
    // A bundle: the authority is not the first.
    let path = ca_file("trusted", &format!("{}{}", self::authority().pem, authority.pem));
    let (url, server) = serve_once(&authority, "127.0.0.1", false);
    let client = Client::new(&transport(&url, Some(path.clone())).unwrap(), credentials());
    assert_eq!(client.me().await, Ok(()));
    assert!(
        server
            .join()
            .unwrap()
            .starts_with(b"GET /api/v1/auth/me HTTP/1.1\r\n")
    );
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_prove_itself_sees_no_request() {
    install_tls_provider();
    let trusted = authority();
    let path = ca_file("others", &trusted.pem);
    for (what, issuer, host, is_expired) in [
        ("unknown authority", &authority(), "127.0.0.1", false),
        ("wrong host", &trusted, "other.example", false),
        ("expired", &trusted, "127.0.0.1", true),
    ] {
        let (url, server) = serve_once(issuer, host, is_expired);
        let client = Client::new(&transport(&url, Some(path.clone())).unwrap(), credentials());
        let fields = Fields {
            name: Some("acme".into()),
            ..Fields::default()
        };
        let created = client.create(Generation::Gen2, &fields).await;
        assert_eq!(
            created,
            Created::NotCommitted(Error::Unreachable(Unreachable::Tls)),
            "{what}"
        );
        assert_eq!(server.join().unwrap(), b"", "{what}");
    }
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_sees_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut read = vec![0; 4096];
        let count = stream.read(&mut read).unwrap();
        stream.write_all(&answer(400, "", "")).unwrap();
        read.truncate(count);
        read
    });
    let client = Client::new(&transport(&url, None).unwrap(), credentials());
    assert_eq!(client.me().await, Err(Error::Unreachable(Unreachable::Tls)));
    let read = server.join().unwrap();
    assert_eq!(read[0], 0x16, "a TLS handshake record");
    assert!(!read.windows(4).any(|window| window == b"GET "));
}

#[test]
fn settings_that_cannot_work_are_refused_at_the_start_with_a_clear_message() {
    let missing = PathBuf::from("/no/such/bundle.pem");
    let empty = ca_file("empty", "");
    let garbage = ca_file(
        "garbage",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    for (url, ca_file, message) in [
        (
            "https://api.vobiz.ai",
            Some(missing),
            "failed to read the CA file /no/such/bundle.pem",
        ),
        (
            "https://api.vobiz.ai",
            Some(empty.clone()),
            "is no PEM bundle of certificates",
        ),
        (
            "https://api.vobiz.ai",
            Some(garbage.clone()),
            "is no PEM bundle of certificates",
        ),
    ] {
        let error = transport(url, ca_file).err().unwrap().to_string();
        assert!(error.contains(message), "{error}");
    }
    let error = BaseUrl::parse("http://api.vobiz.ai", false)
        .unwrap_err()
        .to_string();
    assert!(error.contains("would send credentials unprotected"), "{error}");
    std::fs::remove_file(empty).unwrap();
    std::fs::remove_file(garbage).unwrap();
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up_before_anything_was_sent() {
    // The kernel completes the connection; nobody ever answers on it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    install_tls_provider();
    let config = config(&url, Duration::from_millis(400));
    let client = Client::new(&Transport::new(config).unwrap(), credentials());
    let created = client.create(Generation::Gen2, &Fields::default()).await;
    assert_eq!(
        created,
        Created::NotCommitted(Error::Unreachable(Unreachable::TimedOut))
    );
}

#[test]
fn without_a_ca_store_the_start_fails_with_the_remedy_unless_no_tls_is_asked_for() {
    const NOWHERE: &str = "/no/such/store";
    if std::env::var("SSL_CERT_FILE").as_deref() == Ok(NOWHERE) {
        let error = transport("https://api.vobiz.ai", None).err().unwrap().to_string();
        assert!(error.contains("ca-certificates"), "{error}");
        assert!(Transport::new(config("http://127.0.0.1:1", Duration::from_secs(1))).is_ok());
        let path = ca_file("alone", &authority().pem);
        assert!(
            transport("https://api.vobiz.ai", Some(path.clone())).is_ok(),
            "a CA file alone is enough"
        );
        std::fs::remove_file(path).unwrap();
        return;
    }
    // A process of its own: the place of the store is an environment variable.
    let name = "tls::without_a_ca_store_the_start_fails_with_the_remedy_unless_no_tls_is_asked_for";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env("SSL_CERT_FILE", NOWHERE)
        .env("SSL_CERT_DIR", NOWHERE)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}"
    );
}
