//! However much an API sends, and however long it takes, the client keeps little of it and comes to an end.

use std::time::{Duration, Instant};

use vobiz_operator::vobiz::{
    AuthId, Created, Error, Fields, Generation, Interrupted, UnknownOutcome, Unusable,
};

use crate::server::{Act, Server, answer};

const MEBIBYTE: usize = 1 << 20;
/// A page of 8 MiB while its buffer grows, and what is read from it; the other answers take less.
const MOST_MEBIBYTES: usize = 48;

/// Gigabytes of white space as a gzip of some kilobytes: one space, then `repeats` copies of 258. (RFC 1951, fixed
/// codes. The check sum at its end is wrong: whoever unpacks it finds out too late.)
pub fn gzip_bomb(repeats: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = Vec::new();
    let mut code = |value: u32, length: u32| {
        for bit in (0..length).rev() {
            bits.push(value >> bit & 1 == 1);
        }
    };
    // The last block, of fixed codes.
    code(0b1, 1);
    code(0b10, 2);
    code(0x30 + u32::from(b' '), 8);
    for _ in 0..repeats {
        // 258 bytes, from one byte before.
        code(0xc5, 8);
        code(0, 5);
    }
    code(0, 7);
    let packed = bits.chunks(8).map(|byte| {
        byte.iter()
            .enumerate()
            .fold(0, |packed, (at, bit)| packed | u8::from(*bit) << at)
    });
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff];
    head.into_iter().chain(packed).chain([0; 8]).collect()
}

/// The most memory that this process has had since it was last asked to forget, in KiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn fields() -> Fields {
    Fields {
        name: Some("acme".into()),
        ..Fields::default()
    }
}

#[tokio::test]
async fn a_compressed_answer_is_never_unpacked() {
    let bomb = gzip_bomb(400_000);
    assert!(
        bomb.len() < MEBIBYTE,
        "{} bytes are over the cap already",
        bomb.len()
    );
    let headers = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let server = Server::always(Act::Send(answer(200, headers, bomb))).await;
    let created = server.client().create(Generation::Gen2, &fields()).await;
    assert_eq!(
        created,
        Created::Unknown(UnknownOutcome::UnusableAnswer(Unusable::NotJson))
    );
    let page = server.client().list(Generation::Gen2, 0).await;
    assert_eq!(page, Err(Error::Unusable(Unusable::NotJson)));
}

fn hostile() -> Vec<(&'static str, Act)> {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let packed = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-filler: 1\r\n".repeat(10_000)).into_bytes();
    let endless_header = [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'a'; 2 * MEBIBYTE]].concat();
    let deep = format!("{{\"sub_accounts\": {}", "[".repeat(MEBIBYTE / 2));
    vec![
        ("endless chunks", Act::Flood(chunked)),
        (
            "a gzip bomb",
            Act::SendAndClose(answer(200, packed, gzip_bomb(400_000))),
        ),
        ("10,000 headers", Act::SendAndClose(many)),
        ("a header of 2 MiB", Act::SendAndClose(endless_header)),
        (
            "99 GB announced",
            Act::SendAndClose(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{".to_vec()),
        ),
        (
            "half a million brackets",
            Act::SendAndClose(answer(200, "", deep)),
        ),
        (
            "one byte at a time",
            Act::Trickle(
                b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec(),
                Duration::from_millis(50),
            ),
        ),
    ]
}

/// The largest page that is read whole: 1000 accounts with names of 8 kB. In one piece, so that nothing that was freed
/// hides what the client takes; and without a length, so that the client's buffer has to grow.
fn largest_page() -> Vec<u8> {
    let name = "n".repeat(8300);
    let mut page = Vec::with_capacity(9 * MEBIBYTE);
    page.extend(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    page.extend(br#"{"total": 1000, "page": 1, "size": 1000, "sub_accounts": [{"auth_id": "SA_X"}"#);
    for number in 1..1000 {
        page.extend(format!(r#",{{"auth_id": "SA_{number}", "name": "{name}"}}"#).as_bytes());
    }
    page.extend(b"]}");
    assert!((8 * MEBIBYTE - MEBIBYTE / 8..8 * MEBIBYTE).contains(&page.len()));
    page
}

#[expect(clippy::disallowed_methods, reason = "a test may read the clock")]
async fn take_everything() {
    let id = AuthId::parse("SA_1").unwrap();
    let slow = Error::Interrupted(Interrupted::TimedOut);
    for (what, act) in hostile() {
        let server = Server::always(act).await;
        let client = server.impatient_client();
        for generation in [Generation::Gen1, Generation::Gen2] {
            let begun = Instant::now();
            assert!(
                matches!(client.create(generation, &fields()).await, Created::Unknown(_)),
                "{what}"
            );
            let read = client.get(generation, &id).await;
            assert!(read.is_err(), "{what}");
            assert_eq!(read == Err(slow.clone()), what == "one byte at a time", "{what}");
            assert!(client.list(generation, 0).await.is_err(), "{what}");
            // Three requests of at most 0.4 s each.
            assert!(begun.elapsed() < Duration::from_secs(8), "{what}");
        }
    }
}

async fn take_a_whole_page(page: Vec<u8>) {
    let server = Server::always(Act::SendAndClose(page)).await;
    let page = server.client().list(Generation::Gen2, 0).await.unwrap();
    assert_eq!((page.subaccounts.len(), page.last), (1000, true));
}

/// How many MiB more than before this process had at most while it did that.
async fn growth(what: &str, doing: impl Future<Output = ()>) -> usize {
    forget_peak();
    let before = peak();
    doing.await;
    let grown = peak().saturating_sub(before) / 1024;
    println!("{what}: {grown} MiB more than before");
    grown
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn memory_and_time_are_bounded_whatever_arrives() {
    const ALONE: &str = "VOBIZ_TEST_MEMORY_ALONE";
    if let Ok(what) = std::env::var(ALONE) {
        // The first request makes what every client has: roots, pools, buffers.
        let server = Server::always(Act::Send(answer(200, "", "{}"))).await;
        assert!(server.client().list(Generation::Gen2, 0).await.is_err());
        let grown = if what == "hostile answers" {
            growth(&what, take_everything()).await
        } else {
            growth(&what, take_a_whole_page(largest_page())).await
        };
        assert!(
            (1..MOST_MEBIBYTES).contains(&grown),
            "{grown} MiB more than before"
        );
        return;
    }
    // In processes of their own: other tests take memory too, and what is freed is used again.
    let name = "memory::memory_and_time_are_bounded_whatever_arrives";
    for what in ["hostile answers", "a whole page of 8 MiB"] {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(ALONE, what)
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        print!("{printed}");
        assert!(
            output.status.success() && printed.contains("1 passed"),
            "{printed}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
