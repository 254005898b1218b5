//! A file whose first lines say PURE takes facts and gives decisions; every other file says I/O. One file reads the
//! clocks, and one throws the dice.

use crate::source;

/// Paths that a PURE file must not name: whoever needs one of them does more than decide.
const FORBIDDEN_PATHS: &[&str] = &[
    "kube::Client",
    "kube::client::Client",
    "kube::client::ClientBuilder",
    "kube::Api",
    "kube::api::Api",
    "reqwest",
    "tokio",
    "crate::clock",
    "crate::dice",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
];

/// Values of those libraries that say what came back: facts, not clients.
const FACTS: &[&str] = &["reqwest::Error", "reqwest::StatusCode", "reqwest::header"];

/// Words that a PURE file must not hold, in code without white space.
const FORBIDDEN_WORDS: &[&str] = &[".await", "Client::try_default"];

/// Words that only one file may hold, in code without white space: it reads the clocks, or throws the dice, for whoever
/// acts.
const ONE_FILE: &[(&str, &[&str])] = &[
    (
        "src/clock.rs",
        &[
            "Instant::now",
            ".elapsed()",
            "Timestamp::now",
            "Zoned::now",
            "SystemTime",
        ],
    ),
    ("src/dice.rs", &["Uuid::new_v4", "rand::"]),
];

/// What the first lines of a file say.
fn opening(text: &str) -> String {
    text.lines()
        .take_while(|line| line.starts_with("//!"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn says_pure(text: &str) -> bool {
    opening(text)
        .split(|character: char| !character.is_alphanumeric())
        .any(|word| word == "PURE")
}

fn says_io(text: &str) -> bool {
    opening(text).contains("I/O")
}

/// Why the opening of a file does not say what it should.
fn breach_of_opening(path: &str, text: &str) -> Option<String> {
    if opening(text).is_empty() {
        return Some(format!("{path} does not open with //!"));
    }
    let names_modules = path.ends_with("/mod.rs") || path.ends_with("/lib.rs");
    if !names_modules && says_pure(text) == says_io(text) {
        return Some(format!("{path} must open with either PURE or I/O"));
    }
    None
}

/// Whether a path names this or something in it.
fn is_below(named: &str, path: &str) -> bool {
    named
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// What a PURE file holds although it only decides.
fn breaches(path: &str, text: &str) -> Vec<String> {
    if !says_pure(text) || says_io(text) {
        return Vec::new();
    }
    let code = source::code(&source::without_tests(text));
    let dense: String = code.split_whitespace().collect();
    let words = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found: Vec<String> = source::paths(&code)
        .iter()
        .map(|parts| parts.join("::"))
        .filter(|named| FORBIDDEN_PATHS.iter().any(|forbidden| is_below(named, forbidden)))
        .filter(|named| !FACTS.iter().any(|fact| is_below(named, fact)))
        .filter(|named| named.contains("::"))
        .collect();
    found.extend(
        FORBIDDEN_WORDS
            .iter()
            .filter(|word| dense.contains(**word))
            .map(|word| (*word).to_owned()),
    );
    found.extend(
        ["async fn", "async move", "async {"]
            .iter()
            .filter(|word| words.contains(**word))
            .map(|word| (*word).to_owned()),
    );
    found
        .iter()
        .map(|what| format!("{path} is PURE and holds {what}"))
        .collect()
}

/// How a file reads a clock or throws dice past the one that does it for all, its tests included.
fn readings(path: &str, text: &str) -> Vec<String> {
    let dense: String = source::code(text).split_whitespace().collect();
    let mut found = Vec::new();
    for (file, words) in ONE_FILE.iter().filter(|(file, _)| *file != path) {
        let held = words.iter().filter(|word| dense.contains(**word));
        found.extend(held.map(|word| format!("{path} holds {word}, which is for {file}")));
    }
    found
}

#[test]
fn every_file_says_whether_it_decides_or_acts() {
    let found: Vec<String> = source::files("src", ".rs")
        .iter()
        .filter_map(|(path, text)| breach_of_opening(path, text))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn files_that_decide_hold_no_client_await_clock_or_randomness() {
    let files = source::files("src", ".rs");
    assert!(
        files.iter().filter(|(_, text)| says_pure(text)).count() > 3,
        "no PURE file was found"
    );
    let found: Vec<String> = files
        .iter()
        .flat_map(|(path, text)| breaches(path, text))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn one_file_reads_the_clocks_and_one_throws_the_dice() {
    let files = source::files("src", ".rs");
    for (file, _) in ONE_FILE {
        assert!(files.iter().any(|(path, _)| path == file), "{file} is gone");
    }
    let found: Vec<String> = files
        .iter()
        .flat_map(|(path, text)| readings(path, text))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn an_opening_that_says_nothing_or_both_is_caught() {
    for text in [
        "use std::fmt;",
        "//! Decides.\n",
        "//! PURE, and I/O too.\n",
        "// PURE.\nfn a() {}\n",
    ] {
        assert!(breach_of_opening("src/a.rs", text).is_some(), "{text}");
    }
    for (path, text) in [
        ("src/a.rs", "//! Decides. PURE.\n"),
        ("src/a.rs", "//! Acts. I/O: one\n"),
        ("src/b/mod.rs", "//! B.\n"),
    ] {
        assert_eq!(breach_of_opening(path, text), None);
    }
}

#[test]
fn a_clock_that_is_read_or_dice_that_are_thrown_elsewhere_are_caught() {
    for (planted, file) in [
        ("fn a() { let now = jiff::Timestamp::now(); }", "src/clock.rs"),
        (
            "fn a(since: std::time::Instant) -> bool { since.elapsed().is_zero() }",
            "src/clock.rs",
        ),
        ("fn a() { Instant :: now(); }", "src/clock.rs"),
        ("use std::time::SystemTime;", "src/clock.rs"),
        ("use rand::Rng;", "src/dice.rs"),
        ("fn a() -> u8 { rand::random() }", "src/dice.rs"),
        ("fn a() { uuid::Uuid::new_v4() }", "src/dice.rs"),
    ] {
        assert_eq!(readings("src/a.rs", planted).len(), 1, "{planted}");
        assert_eq!(readings(file, planted), Vec::<String>::new());
    }
    let innocent =
        "// Instant::now()\nfn a(at: std::time::Instant) { crate::clock::now().duration_since(at) }";
    assert_eq!(readings("src/a.rs", innocent), Vec::<String>::new());
}

#[test]
fn a_client_an_await_a_clock_or_dice_in_a_pure_file_is_caught() {
    for planted in [
        "use kube::Client;",
        "use kube::{Resource, Api};",
        "use reqwest::{StatusCode, RequestBuilder};",
        "fn a(client: &reqwest::Client) {}",
        "fn a() { b()\n        .await; }",
        "async fn a() {}",
        "use crate::clock::now;",
        "fn a() { let now = crate::clock::wall_clock(); }",
        "use crate::dice::random;",
        "fn a() -> u8 { crate::dice::random() }",
        "use tokio::sync::Mutex;",
        "fn a() { let b = async { 1 }; }",
    ] {
        assert!(
            !breaches("src/a.rs", &format!("//! Decides. PURE.\n{planted}\n")).is_empty(),
            "{planted}"
        );
        assert!(
            breaches("src/a.rs", &format!("//! Acts. I/O.\n{planted}\n")).is_empty(),
            "{planted}"
        );
    }
    let innocent = "//! Decides. PURE.\nuse std::time::Duration;\nuse reqwest::Error;\n// .await and Instant::now() in a comment\n\
        const A: &str = \"reqwest::Client\";\nfn operand(a: jiff::Timestamp) {}\n\
        #[cfg(test)]\nmod tests {\n    async fn a() {}\n}\n";
    assert_eq!(breaches("src/a.rs", innocent), Vec::<String>::new());
}
