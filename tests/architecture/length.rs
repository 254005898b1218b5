//! No file is longer than 350 lines without its tests: about 300, and some room.

use crate::source;

const MOST: usize = 350;

fn breach(path: &str, text: &str) -> Option<String> {
    let lines = source::without_tests(text).lines().count();
    (lines > MOST).then(|| format!("{path} has {lines} lines without its tests"))
}

#[test]
fn no_file_is_too_long_to_be_read_in_one_go() {
    let found: Vec<String> = ["src", "xtask/src", "tests/harness/src", "tests/simulator/src"]
        .iter()
        .flat_map(|folder| source::files(folder, ".rs"))
        .filter(|(path, _)| !source::is_test(path.trim_start_matches("tests/")))
        .filter_map(|(path, text)| breach(&path, &text))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_long_file_is_caught_unless_its_tests_make_it_long() {
    let long = "fn a() {}\n".repeat(MOST + 1);
    assert!(breach("src/a.rs", &long).is_some());
    assert!(
        breach(
            "src/a.rs",
            &format!(
                "fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n",
                "    //\n".repeat(MOST)
            )
        )
        .is_none()
    );
}
