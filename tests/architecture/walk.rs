//! The walk through the code leads somewhere: each file that it names exists and defines the names that follow it, and each rule that
//! it, or a comment of the plan, names by a number is one of the protocol's.

use std::fs;
use std::path::Path;

use crate::source;

const WALK: &str = "docs/walk.md";
const RULES: &str = "docs/reliability.md";

/// What makes a name known in the file that has it.
const DEFINING: &[&str] = &["fn", "struct", "enum", "trait", "type", "const", "static"];

/// How a document names the members of its numbered lists.
const NUMBERED: &[&str] = &["rule", "rules", "Rule", "Rules"];

fn text(path: &str) -> Option<String> {
    fs::read_to_string(source::root().join(path)).ok()
}

/// The paragraphs, items and rows of a document.
fn blocks(document: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in document.lines() {
        if line.trim().is_empty() || line.starts_with('|') {
            blocks.push(String::new());
        }
        let block = blocks.last_mut().expect("there is one");
        block.push_str(line);
        block.push('\n');
    }
    blocks
}

fn words(text: &str) -> Vec<&str> {
    let is_in_word = |character: char| character.is_alphanumeric() || character == '_';
    let words = text.split(|character| !is_in_word(character));
    words.filter(|word| !word.is_empty()).collect()
}

fn defines(code: &str, name: &str) -> bool {
    words(code)
        .windows(2)
        .any(|pair| DEFINING.contains(&pair[0]) && pair[1] == name)
}

/// The files that a document names, each with the names that follow it in its paragraph, and what is wrong with them.
fn follow(document: &str, read: impl Fn(&str) -> Option<String>) -> (usize, Vec<String>) {
    let (mut followed, mut found) = (0, Vec::new());
    for block in blocks(document) {
        let mut file: Option<(&str, String)> = None;
        for code in block.split('`').skip(1).step_by(2) {
            if Path::new(code)
                .extension()
                .is_some_and(|extension| extension == "rs")
            {
                file = read(code).map(|text| (code, source::code(&source::without_tests(&text))));
                if file.is_none() {
                    found.push(format!("there is no {code}"));
                }
            } else if words(code) == [code] {
                followed += 1;
                match &file {
                    Some((_, text)) if defines(text, code) => {}
                    Some((path, _)) => found.push(format!("{path} does not define {code}")),
                    None => found.push(format!("no file is named before {code}")),
                }
            }
        }
    }
    (followed, found)
}

/// The numbers of the rules that a text names: `rule 1`, `rules 2, 20, 21`.
fn rules_named(text: &str) -> Vec<usize> {
    let words = words(text);
    let mut named = Vec::new();
    for (at, _) in words
        .iter()
        .enumerate()
        .filter(|(_, word)| NUMBERED.contains(word))
    {
        named.extend(
            words[at + 1..]
                .iter()
                .map_while(|word| word.parse::<usize>().ok()),
        );
    }
    named
}

/// How many rules the table has, which counts them from 1.
fn rules(document: &str) -> usize {
    let rows = document
        .lines()
        .skip_while(|line| !line.starts_with("| rule |"))
        .skip(2);
    let numbers = rows.map_while(|row| words(row).first()?.parse::<usize>().ok());
    let numbers: Vec<usize> = numbers.collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len()), "{numbers:?}");
    numbers.len()
}

#[test]
fn every_file_and_name_of_the_walk_is_there() {
    let (followed, found) = follow(&text(WALK).expect(WALK), text);
    assert!(found.is_empty(), "{WALK}: {found:#?}");
    assert!(followed > 40, "only {followed} names were followed");
}

#[test]
fn every_rule_that_is_named_by_its_number_is_in_the_table() {
    let last = rules(&text(RULES).expect(RULES));
    assert!(last > 40, "{RULES} numbers {last} rules");
    let mut documents = source::files("protocol/src/plan", ".rs");
    documents.retain(|(path, _)| !source::is_test(path));
    for path in [WALK, "protocol/src/plan.rs"] {
        documents.push((path.to_owned(), text(path).expect(path)));
    }
    for (path, text) in documents {
        let named = rules_named(&text);
        assert!(!named.is_empty(), "{path} names no rule");
        let unknown: Vec<_> = named.iter().filter(|rule| !(1..=last).contains(*rule)).collect();
        assert!(unknown.is_empty(), "{path} names the rules {unknown:?} of {last}");
    }
}

#[test]
fn a_wrong_file_a_wrong_name_and_a_name_without_a_file_are_caught() {
    let read = |path: &str| {
        let text = "pub async fn walk() {}\nstruct Place; // fn comment\n#[cfg(test)]\nmod tests {\n    fn test() {}\n}\n";
        (path == "src/a.rs").then(|| text.to_owned())
    };
    for right in [
        "`src/a.rs` `walk` leads to a `Place`, as `kubectl get` shows.",
        "| Where? | `src/a.rs` | `walk` |",
        "`GET /me`, `spec.name`, and no file at all",
    ] {
        assert_eq!(follow(right, read).1, Vec::<String>::new(), "{right}");
    }
    for (wrong, told) in [
        ("`src/b.rs`", "there is no src/b.rs"),
        ("`src/a.rs` `run`", "src/a.rs does not define run"),
        ("`src/a.rs` `comment`", "src/a.rs does not define comment"),
        ("`src/a.rs` `test`", "src/a.rs does not define test"),
        ("`src/a.rs`\n\n`walk`", "no file is named before walk"),
        ("| `src/a.rs` |\n| `walk` |", "no file is named before walk"),
    ] {
        assert_eq!(follow(wrong, read).1, [told], "{wrong}");
    }
    assert_eq!(
        rules_named("(rules 2, 20; promise 3). Rule 7. Of rules, and\n// of rule\n// 4"),
        [2, 20, 7, 4]
    );
}
