//! No file is much longer than 300 lines without its tests; the test tools have a little more room.

use crate::source;

/// Folders, and the most lines of a file in them.
const MOST: &[(&str, usize)] = &[
    ("src", 350),
    ("xtask/src", 400),
    ("tests/harness/src", 400),
    ("tests/simulator/src", 400),
    ("tools/image/src", 350),
];

fn breach(path: &str, text: &str, most: usize) -> Option<String> {
    let lines = source::without_tests(text).lines().count();
    (lines > most).then(|| format!("{path} has {lines} lines without its tests; {most} are the most"))
}

#[test]
fn no_file_is_too_long_to_be_read_in_one_go() {
    let mut found = Vec::new();
    for (folder, most) in MOST {
        let files = source::files(folder, ".rs");
        let files = files
            .iter()
            .filter(|(path, _)| !source::is_test(path.trim_start_matches("tests/")));
        found.extend(files.filter_map(|(path, text)| breach(path, text, *most)));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_long_file_is_caught_unless_its_tests_make_it_long() {
    assert!(breach("src/a.rs", &"fn a() {}\n".repeat(351), 350).is_some());
    let tests = format!(
        "fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "    //\n".repeat(350)
    );
    assert!(breach("src/a.rs", &tests, 350).is_none());
}
