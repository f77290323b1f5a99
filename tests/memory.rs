//! Tests of passwords in the memory of the real process, and of access to that memory.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, chown};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::Command;

use rustix::process::{Resource, getrlimit};

use crate::harness::process::finish;
use crate::harness::{Home, Process};

const NOBODY: u32 = 65_534;

/// Shell command that permits core dumps, as far as the tests may.
fn allow_dumps() -> String {
    let most = getrlimit(Resource::Core).maximum;
    most.map_or_else(|| "unlimited".to_owned(), |bytes| (bytes / 512).to_string())
}

#[test]
fn a_crash_leaves_no_image_of_the_memory() {
    let home = Home::new();
    let mut server = home.serve_through(&format!("ulimit -c {} &&", allow_dumps()));

    let limits =
        fs::read_to_string(format!("/proc/{}/limits", server.child.id())).unwrap();
    let core =
        limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);

    server.signal("ABRT");
    assert!(!server.child.wait().unwrap().core_dumped());
}

#[test]
#[cfg(target_os = "linux")]
fn nobody_but_root_can_look_into_the_process_not_even_its_own_user() {
    let home = Home::new();
    let is_root = chown(home.folder.path(), Some(NOBODY), Some(NOBODY)).is_ok();
    let program = home.folder.path().join("duly");
    fs::copy(env!("CARGO_BIN_EXE_duly"), &program).unwrap();
    let as_user = |mut command: Command| {
        command.current_dir(home.folder.path()).env_clear();
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    let mut server = as_user(Command::new(program));
    server.args(["serve"]).env("LISTEN", "127.0.0.1:0").env("LOG_FORMAT", "json");
    let server = Process::start(server);
    let pid = server.child.id();

    for name in ["mem", "environ", "maps"] {
        let path = format!("/proc/{pid}/{name}");
        assert_eq!(fs::metadata(&path).unwrap().uid(), 0, "{path}");
        let mut cat = as_user(Command::new("/bin/cat"));
        cat.arg(&path);
        let output = finish(cat, "");
        assert!(!output.status.success(), "{path}");
        assert!(output.stdout.is_empty(), "{path}");
    }
}

/// All readable memory of a process, or `None` without root.
fn memory_of(pid: u32) -> Option<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let memory = fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    let mut all = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split(' ').next()?.split_once('-')?;
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut part = vec![0; usize::try_from(to - from).unwrap()];
        // Some regions belong to the kernel.
        if memory.read_exact_at(&mut part, from).is_ok() {
            all.extend_from_slice(&part);
        }
    }
    Some(all)
}

/// Sends a request and reads enough of the response to see whether it was accepted.
fn send(stream: &mut TcpStream, head: &str, body: &str) -> String {
    let length = body.len();
    let request = format!("{head}\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 4096];
    let read = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

/// Number of tries of a kind of request before a password in memory counts as kept. A password stays in hyper's read
/// buffer until hyper reads on, and in the freed buffer if hyper takes another.
const TRIES: u32 = 8;

/// Needs root, as in CI; tests nothing without it.
#[test]
#[cfg(target_os = "linux")]
fn no_password_of_a_request_stays_in_memory() {
    // Otherwise the loader saves registers, with any content, at the first call of a function.
    let server = Home::new().set("LD_BIND_NOW", "1").serve();
    let register =
        "POST /api/v1/auth/register HTTP/1.1\r\nContent-Type: application/json";
    let login = "POST /api/v1/auth/login HTTP/1.1\r\n\
                 Content-Type: application/x-www-form-urlencoded";
    // Each request is accepted or refused at another place.
    let kinds: [(&str, &str, &str); 6] = [
        (register, r#"{"email":"a#@example.com","password":"PASSWORD"}"#, "201"),
        (register, r#"{"email":"a@a@example.com","password":"PASSWORD"}"#, "422"),
        (register, r#"{"email":"a@example.com","password":"PASSWORD""#, "400"),
        (register, r#"{"password":"PASSWORD","password":ROOM""}"#, "400"),
        (login, "username=a%40example.com&password=PASSWORD", "401"),
        (login, "username=a%40example.com&password=PASSWORD&password=a", "422"),
    ];
    let fill = format!("GET /health HTTP/1.1\r\nX-Fill: {}", "f".repeat(3000));
    for (head, body, status) in kinds {
        let kept = (0..TRIES).all(|attempt| {
            let password = format!("xqzwv{attempt}{status}kjhgfd");
            let body =
                body.replace("PASSWORD", &password).replace('#', &attempt.to_string());
            // The search for the line of an error reads vectors of bytes, and the last ones stay on the
            // stack of an unoptimized build.
            let room = if status == "400" { " ".repeat(500) } else { String::new() };
            let body = format!("{room}{}{room}", body.replace("ROOM", &room));
            let mut stream = TcpStream::connect(server.address()).unwrap();
            let answer = send(&mut stream, head, &body);
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{body}: {answer}"
            );
            for _ in 0..12 {
                assert!(send(&mut stream, &fill, "").starts_with("HTTP/1.1 200"));
            }
            // Released buffers are reused by further requests.
            for _ in 0..16 {
                let mut other = TcpStream::connect(server.address()).unwrap();
                assert!(send(&mut other, &fill, "").starts_with("HTTP/1.1 200"));
            }
            let memory = memory_of(server.child.id());
            memory.is_some_and(|memory| find(&memory, password.as_bytes()))
        });
        assert!(!kept, "the password of {body} stays in memory");
    }
}

fn find(memory: &[u8], text: &[u8]) -> bool {
    let starts = memory.iter().enumerate().filter(|(_, byte)| **byte == text[0]);
    starts.into_iter().any(|(at, _)| memory[at..].starts_with(text))
}
