//! Tests of TLS: accepted clients, the certificate in use, and the effect of a new one.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::process::refused;
use crate::harness::tls::{Certificate, HTTP_1, HTTP_2, kind};
use crate::harness::{Home, Process, Server};

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
const HSTS: &str = "max-age=31536000";

/// Longest time that a client waits for an event that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time beyond its limits that the server may take on a busy machine.
const GRACE: Duration = Duration::from_millis(2500);

/// Home whose server uses TLS with this certificate.
fn home(certificate: &Certificate) -> Home {
    let home =
        Home::new().set("TLS_CERT_FILE", "cert.pem").set("TLS_KEY_FILE", "key.pem");
    certificate.write(home.folder.path());
    home
}

/// Returns the first bytes of the response to an HTTP/1.1 request; none if the connection is closed.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), text: &str) -> String {
    let mut bytes = vec![0; 4096];
    if stream.write_all(text.as_bytes()).await.is_err() {
        return String::new();
    }
    let read = timeout(PATIENCE, stream.read(&mut bytes)).await.expect("an answer");
    bytes.truncate(read.unwrap_or(0));
    String::from_utf8(bytes).unwrap().to_ascii_lowercase()
}

/// Returns whether a new client that trusts this certificate alone can connect.
async fn is_shown(certificate: &Certificate, address: SocketAddr) -> bool {
    match certificate.client(&[HTTP_1]).connect(address).await {
        Ok(mut stream) => {
            assert!(ask(&mut stream, HEALTH).await.starts_with("http/1.1 200 "));
            true
        }
        Err(error) => {
            assert!(error.to_string().contains("certificate"), "{error}");
            false
        }
    }
}

#[tokio::test]
async fn both_protocols_are_spoken_and_every_answer_asks_for_tls_from_now_on() {
    let certificate = Certificate::new();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = certificate.write(folder.path());
    let cert = format!("--tls-cert-file={}", cert.display());
    let key = format!("--tls-key-file={}", key.display());
    let server = Server::with(&[&cert, &key]).await;
    let address = server.client.address();

    for version in [&TLS12, &TLS13] {
        for offered in [&[][..], &[HTTP_1], &[HTTP_1, "spdy/3"]] {
            let client = certificate.client_of(offered, &[version]);
            let mut stream = client.connect(address).await.unwrap();
            let answer = ask(&mut stream, HEALTH).await;
            assert!(answer.starts_with("http/1.1 200 "), "{offered:?}: {answer}");
            let wanted = format!("\r\nstrict-transport-security: {HSTS}\r\n");
            assert!(answer.contains(&wanted), "{answer}");
            let again = ask(&mut stream, &HEALTH.replace("health", "nothing")).await;
            assert!(again.starts_with("http/1.1 404 ") && again.contains(&wanted));
        }
        for offered in [&[HTTP_2][..], &[HTTP_1, HTTP_2]] {
            let client = certificate.client_of(offered, &[version]);
            let http2 = client.http2(address).await;
            for (path, status) in
                [("/health", StatusCode::OK), ("/nothing", StatusCode::NOT_FOUND)]
            {
                let (found, headers, _) = http2.get(path).await;
                assert_eq!(found, status);
                assert_eq!(headers["strict-transport-security"], HSTS);
            }
        }
    }
    let stranger = certificate.client(&["spdy/3"]).connect(address).await;
    assert!(stranger.unwrap_err().to_string().contains("NoApplicationProtocol"));
}

#[tokio::test]
async fn without_tls_nobody_is_told_to_use_it_and_nobody_speaks_http_2() {
    let server = Server::start().await;

    let answer = server.client.get("!/health").await;
    let mut stream = TcpStream::connect(server.client.address()).await.unwrap();
    let settings = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0";
    let preface = ask(&mut stream, settings).await;

    assert_eq!(answer.header("strict-transport-security"), None);
    assert!(preface.is_empty() || preface.starts_with("http/1.1 4"), "{preface:?}");
    // Then the connection ends.
    let mut rest = Vec::new();
    drop(timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("an end"));
}

#[tokio::test]
async fn who_comes_without_tls_is_not_answered() {
    let server = home(&Certificate::new()).set("HEADER_TIMEOUT_SECONDS", "2").serve();

    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(HEALTH.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;

    assert!(end.is_ok());
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
    // A TLS alert at most.
    assert!(answer.len() <= 7, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_is_for_new_connections_and_the_open_ones_go_on() {
    let (old, new) = (Certificate::new(), Certificate::new());
    let home = home(&old);
    let server = home.serve();
    let address = server.address();
    let client = old.client(&[HTTP_1]);
    let mut http1 = client.connect(address).await.unwrap();
    assert!(ask(&mut http1, HEALTH).await.starts_with("http/1.1 200 "));
    let mut again = client.connect(address).await.unwrap();
    assert!(ask(&mut again, HEALTH).await.starts_with("http/1.1 200 "));
    assert_eq!(kind(&again), HandshakeKind::Resumed);
    let http2 = old.client(&[HTTP_2]).http2(address).await;
    assert_eq!(http2.get("/health").await.0, StatusCode::OK);

    new.write(home.folder.path());
    assert!(is_shown(&old, address).await);
    server.signal("HUP");
    server.wait_for_log("reloaded the certificate");

    assert!(is_shown(&new, address).await);
    // A client with a session from the old certificate is refused, too.
    assert!(client.connect(address).await.is_err());
    assert!(!is_shown(&old, address).await);
    assert!(ask(&mut http1, HEALTH).await.starts_with("http/1.1 200 "));
    assert_eq!(http2.get("/health").await.0, StatusCode::OK);
    assert_eq!(server.terminate(), Some(0));
}

#[tokio::test]
async fn new_files_that_are_no_good_change_nothing() {
    let (old, other) = (Certificate::new(), Certificate::new());
    let home = home(&old);
    let folder = home.folder.path();
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let server = home.serve();
    let bad: [(&str, &dyn Fn()); 5] = [
        ("TLS_CERT_FILE", &|| fs::write(&cert, "nonsense").unwrap()),
        ("TLS_CERT_FILE", &|| fs::remove_file(&cert).unwrap()),
        ("TLS_KEY_FILE", &|| fs::write(&key, &other.key).unwrap()),
        ("TLS_KEY_FILE", &|| fs::remove_file(&key).unwrap()),
        ("TLS_KEY_FILE", &|| {
            fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        }),
    ];

    for (variable, spoil) in bad {
        old.write(folder);
        spoil();
        server.signal("HUP");
        let line = server.wait_for_log(
            "could not reload the certificate; the previous one stays in use",
        );

        assert_eq!(line["level"], "ERROR");
        let error = line["error"].as_str().unwrap();
        assert!(error.starts_with(variable), "{error}");
        assert!(is_shown(&old, server.address()).await);
    }
    other.write(folder);
    server.signal("HUP");
    server.wait_for_log("reloaded the certificate");
    assert!(is_shown(&other, server.address()).await);
}

#[tokio::test]
async fn a_hang_up_without_tls_is_survived() {
    let server = Home::new().serve();

    server.signal("HUP");
    server.wait_for_log("nothing to reload: TLS is off");

    assert_eq!(server.client().get("!/health").await.status, StatusCode::OK);
    assert_eq!(server.terminate(), Some(0));
}

/// First message of a client.
async fn hello(certificate: &Certificate) -> Vec<u8> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = certificate.client(&[HTTP_1]);
    let client = tokio::spawn(async move { drop(client.connect(address).await) });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut bytes = vec![0; 4096];
    let length = stream.read(&mut bytes).await.unwrap();
    client.abort();
    bytes.truncate(length);
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_do_not_come_to_an_end_make_room_and_are_cut_off() {
    let certificate = Certificate::new();
    let home = home(&certificate)
        .set("HEADER_TIMEOUT_SECONDS", "1")
        .set("MAX_CONNECTIONS_PER_NETWORK", "3");
    let server = home.serve();
    let address = server.address();
    let hello = hello(&certificate).await;

    // Nothing, half of the first message, and all of it without the last byte.
    let mut stuck = Vec::new();
    for begin in [&[][..], &hello[..hello.len() / 2], &hello] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begin).await.unwrap();
        stuck.push(stream);
    }
    let started = Instant::now();
    let mut fourth = certificate.client(&[HTTP_1]).connect(address).await.unwrap();
    assert!(ask(&mut fourth, HEALTH).await.starts_with("http/1.1 200 "));

    for mut stream in stuck {
        let mut bytes = Vec::new();
        let end = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
        let took = started.elapsed();
        assert!(end.is_ok() && took < Duration::from_secs(1) + GRACE, "{took:?}");
    }
    let mut stream = certificate.client(&[HTTP_1]).connect(address).await.unwrap();
    assert!(ask(&mut stream, HEALTH).await.starts_with("http/1.1 200 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stuck_handshakes_hold_up_neither_others_nor_the_end() {
    let certificate = Certificate::new();
    let server = home(&certificate).serve();
    let hello = hello(&certificate).await;
    let mut stuck = Vec::new();
    for number in 0..50 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(&hello[..hello.len() * (number % 3) / 2]).await.unwrap();
        stuck.push(stream);
    }

    let started = Instant::now();
    assert!(is_shown(&certificate, server.address()).await);
    assert!(started.elapsed() < GRACE);

    let started = Instant::now();
    assert_eq!(server.terminate(), Some(0));
    assert!(started.elapsed() < GRACE, "{:?}", started.elapsed());
    drop(stuck);
}

/// Variable that the error names, part of the reason, and the defect made in a sound folder.
type Case<'a> = (&'a str, &'a str, &'a dyn Fn(&Path));

#[test]
fn files_that_cannot_be_used_are_refused_by_name() {
    let (own, other) = (Certificate::new(), Certificate::new());
    let write = |folder: &Path, name: &str, text: &str| {
        fs::write(folder.join(name), text).unwrap();
    };
    let mode = |folder: &Path, mode: u32| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(folder.join("key.pem"), mode).unwrap();
    };
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nhunter2=\n\
        -----END ENCRYPTED PRIVATE KEY-----\n";
    let damaged = own.key.replace("MIG", "hunter2");
    let bent = own.pem.replace("MII", "hunter2");
    let cases: [Case<'_>; 13] = [
        ("TLS_CERT_FILE", "cannot be read", &|it| {
            fs::remove_file(it.join("cert.pem")).unwrap();
        }),
        ("TLS_KEY_FILE", "cannot be read", &|it| {
            fs::remove_file(it.join("key.pem")).unwrap();
        }),
        ("TLS_CERT_FILE", "no certificate", &|it| write(it, "cert.pem", "hunter2")),
        ("TLS_CERT_FILE", "no certificate", &|it| write(it, "cert.pem", &own.key)),
        ("TLS_CERT_FILE", "no certificate", &|it| write(it, "cert.pem", "")),
        ("TLS_CERT_FILE", "", &|it| write(it, "cert.pem", &bent)),
        ("TLS_KEY_FILE", "no private key", &|it| write(it, "key.pem", "hunter2")),
        ("TLS_KEY_FILE", "no private key", &|it| write(it, "key.pem", &own.pem)),
        ("TLS_KEY_FILE", "passphrase", &|it| write(it, "key.pem", locked)),
        ("TLS_KEY_FILE", "", &|it| write(it, "key.pem", &damaged)),
        ("TLS_KEY_FILE", "does not match", &|it| write(it, "key.pem", &other.key)),
        ("TLS_KEY_FILE", "chmod", &|it| mode(it, 0o604)),
        ("TLS_KEY_FILE", "chmod", &|it| mode(it, 0o641)),
    ];

    for (variable, reason, spoil) in cases {
        let home = home(&own);
        spoil(home.folder.path());
        let before = home.folder.path().read_dir().unwrap().count();

        let line = refused(home.run(&["serve"], ""), 78);

        assert!(line.starts_with(&format!("duly: {variable} ")), "{line}");
        assert!(line.contains(reason), "{line}");
        let secret = own.key.lines().nth(1).unwrap();
        assert!(!line.contains("hunter2") && !line.contains(secret), "{line}");
        assert_eq!(home.folder.path().read_dir().unwrap().count(), before, "{line}");
    }
}

#[test]
fn tls_takes_both_files_and_a_port() {
    let own = Certificate::new();
    for variable in ["TLS_CERT_FILE", "TLS_KEY_FILE"] {
        let home = Home::new().set(variable, "cert.pem");
        let line = refused(home.run(&["config"], ""), 78);
        assert!(line.starts_with(&format!("duly: {variable} ")), "{line}");
    }
    let socket = home(&own).set("LISTEN", "unix:duly.sock");
    let line = refused(socket.run(&["config"], ""), 78);
    assert!(
        line.starts_with("duly: TLS_CERT_FILE ") && line.contains("LISTEN"),
        "{line}"
    );
}

#[tokio::test]
async fn the_group_of_a_key_may_read_it() {
    let own = Certificate::new();
    let home = home(&own);
    let key = home.folder.path().join("key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();

    assert!(is_shown(&own, home.serve().address()).await);
}

/// Exit code of the health check.
fn health(home: &Home, server: &Process) -> Option<i32> {
    home.run(&["healthcheck", "--listen", &server.listening], "").status.code()
}

#[test]
fn the_health_check_speaks_tls_where_the_server_does() {
    let own = Certificate::new();
    let tls = home(&own);
    let server = tls.serve();
    assert_eq!(health(&tls, &server), Some(0));
    // A renewed certificate that the server has not loaded yet does not affect its health.
    Certificate::new().write(tls.folder.path());
    assert_eq!(health(&tls, &server), Some(0));
    fs::remove_file(tls.folder.path().join("key.pem")).unwrap();
    assert_eq!(health(&tls, &server), Some(0));

    let plain = Home::new();
    assert_eq!(health(&plain, &server), Some(1));
    assert_eq!(health(&tls, &plain.serve()), Some(1));
}
