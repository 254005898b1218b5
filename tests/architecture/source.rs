//! Finds source files, takes comments, texts and tests out of them, and expands their paths.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("REPOSITORY"))
}

/// Every file below a folder of the repository whose name ends so, sorted, with its path from the root and its text.
pub fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries.map(Result::unwrap) {
            let path: PathBuf = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().unwrap().is_dir() {
                if !matches!(name.as_str(), ".git" | "target") {
                    folders.push(path);
                }
            } else if name.ends_with(ending)
                && let Ok(text) = fs::read_to_string(&path)
            {
                let relative = path
                    .strip_prefix(root())
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                found.push((relative, text));
            }
        }
    }
    found.sort();
    found
}

/// Files that hold nothing but tests.
pub fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The text without the items that only tests compile.
pub fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("#[cfg(test)]") {
            // rustfmt closes an item of the top level at the first column, or keeps it on one line.
            for skipped in lines.by_ref() {
                if skipped == "}" || (!skipped.starts_with([' ', '#']) && skipped.ends_with([';', '}'])) {
                    break;
                }
            }
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// The code alone: comments are gone and texts are empty.
pub fn code(text: &str) -> String {
    stripped(text, false)
}

/// The code with its texts: comments alone are gone.
pub fn without_comments(text: &str) -> String {
    stripped(text, true)
}

fn stripped(text: &str, keeps_texts: bool) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut code = String::new();
    let mut at = 0;
    let peek = |at: usize| bytes.get(at).copied().unwrap_or('\0');
    while at < bytes.len() {
        let (here, next) = (bytes[at], peek(at + 1));
        let in_word = at > 0 && (bytes[at - 1].is_alphanumeric() || bytes[at - 1] == '_');
        let begin = at;
        if here == '/' && next == '/' {
            while at < bytes.len() && bytes[at] != '\n' {
                at += 1;
            }
        } else if here == '/' && next == '*' {
            let mut depth = 0;
            loop {
                match (peek(at), peek(at + 1)) {
                    ('/', '*') => (depth, at) = (depth + 1, at + 2),
                    ('*', '/') => (depth, at) = (depth - 1, at + 2),
                    _ => at += 1,
                }
                if depth == 0 || at >= bytes.len() {
                    break;
                }
            }
        } else if here == 'r' && !in_word && raw_text_hashes(&bytes[at + 1..]).is_some() {
            let hashes = raw_text_hashes(&bytes[at + 1..]).unwrap_or(0);
            at += 2 + hashes;
            let closing: Vec<char> = std::iter::once('"')
                .chain(std::iter::repeat_n('#', hashes))
                .collect();
            while at < bytes.len() && !bytes[at..].starts_with(&closing) {
                at += 1;
            }
            at += closing.len();
            keep_text(&mut code, &bytes, begin..at, keeps_texts);
        } else if here == '"' {
            at += 1;
            while at < bytes.len() && bytes[at] != '"' {
                at += if bytes[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
            keep_text(&mut code, &bytes, begin..at, keeps_texts);
        } else if here == '\'' && next == '\\' {
            at += 3;
            while at < bytes.len() && bytes[at] != '\'' {
                at += 1;
            }
            at += 1;
        } else if here == '\'' && peek(at + 2) == '\'' {
            at += 3;
        } else {
            code.push(here);
            at += 1;
        }
    }
    code
}

fn keep_text(code: &mut String, characters: &[char], text: Range<usize>, keeps: bool) {
    if keeps {
        code.extend(&characters[text.start..text.end.min(characters.len())]);
    } else {
        code.push_str("\"\"");
    }
}

fn raw_text_hashes(after_r: &[char]) -> Option<usize> {
    let hashes = after_r.iter().take_while(|c| **c == '#').count();
    (after_r.get(hashes) == Some(&'"')).then_some(hashes)
}

/// Every path of the code with groups written out: `use a::{b, c::d};` has the paths `a::b` and `a::c::d`.
pub fn paths(code: &str) -> Vec<Vec<String>> {
    let tokens = tokens(code);
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_word(&tokens[at]) || tokens[at] == "{" && at > 0 && tokens[at - 1] == "use" {
            at = path_tree(&tokens, at, &[], &mut paths);
        } else {
            at += 1;
        }
    }
    paths
}

fn path_tree(tokens: &[String], mut at: usize, prefix: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("{") => {
                at += 1;
                while at < tokens.len() && tokens[at] != "}" {
                    if is_word(&tokens[at]) || tokens[at] == "{" {
                        at = path_tree(tokens, at, &path, paths);
                    } else {
                        at += 1;
                    }
                }
                return at + 1;
            }
            Some(word) if is_word(word) => {
                path.push(word.to_owned());
                at += 1;
            }
            _ => break,
        }
        if tokens.get(at).map(String::as_str) != Some("::") {
            break;
        }
        at += 1;
    }
    paths.push(path);
    at
}

/// A name that a `use` brings in.
pub struct Import {
    /// The name, as it is known from there on.
    pub name: String,
    /// Where it comes from.
    pub path: Vec<String>,
    /// Whether it is handed on.
    pub is_public: bool,
}

/// What the code imports, and every other path in it.
pub fn names(code: &str) -> (Vec<Import>, Vec<Vec<String>>) {
    let tokens = tokens(code);
    let (mut imports, mut paths) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        // The other `use` stands in a type, before an angle bracket.
        if tokens[at] == "use" && tokens.get(at + 1).is_some_and(|next| next != "<") {
            let is_public = at > 0 && matches!(tokens[at - 1].as_str(), "pub" | ")");
            at += 1;
            while at < tokens.len() && tokens[at] != ";" {
                at = import_tree(&tokens, at, &[], is_public, &mut imports);
            }
        } else if is_word(&tokens[at]) {
            at = path_tree(&tokens, at, &[], &mut paths);
        } else {
            at += 1;
        }
    }
    (imports, paths)
}

fn import_tree(
    tokens: &[String],
    mut at: usize,
    prefix: &[String],
    is_public: bool,
    imports: &mut Vec<Import>,
) -> usize {
    let (mut path, begin) = (prefix.to_vec(), at);
    while let Some(token) = tokens.get(at).map(String::as_str) {
        at += 1;
        match token {
            "::" => {}
            "{" => {
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = import_tree(tokens, at, &path, is_public, imports);
                }
                return at + 1;
            }
            "self" if !path.is_empty() => {}
            word if is_word(word) && word != "as" => path.push(word.to_owned()),
            _ => {
                at -= 1;
                break;
            }
        }
    }
    if at == begin {
        // A comma between groups, or a star alone.
        return at + 1;
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if tokens.get(at).is_some_and(|token| token == "as") {
        name.clone_from(&tokens[at + 1]);
        at += 2;
    }
    imports.push(Import {
        name,
        path,
        is_public,
    });
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn tokens(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_word = false;
    let mut characters = code.chars().peekable();
    while let Some(here) = characters.next() {
        if here.is_alphanumeric() || here == '_' {
            match tokens.last_mut() {
                Some(word) if in_word => word.push(here),
                _ => tokens.push(here.to_string()),
            }
            in_word = true;
            continue;
        }
        in_word = false;
        if here == ':' && characters.peek() == Some(&':') {
            characters.next();
            tokens.push("::".to_owned());
        } else if !here.is_whitespace() {
            tokens.push(here.to_string());
        }
    }
    tokens
}

#[test]
fn comments_texts_and_tests_are_no_code() {
    let text = r#"
        use a::b; // crate::comment
        /* crate::outer /* crate::inner */ crate::outer */
        const A: &str = "crate::text \" crate::more"; const B: &str = r"crate::raw";
        const C: char = '"'; const D: char = '\''; fn e<'a>(f: &'a str) { crate::real(f) }
    "#;
    let code = code(text);
    let found: Vec<String> = paths(&code).iter().map(|path| path.join("::")).collect();
    assert!(
        found.contains(&"a::b".to_owned()) && found.contains(&"crate::real".to_owned()),
        "{found:?}"
    );
    assert_eq!(
        found.iter().filter(|path| path.starts_with("crate")).count(),
        1,
        "{found:?}"
    );

    let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n\nfn c() {}\n#[cfg(test)]\nmod more;\nfn d() {}\n";
    assert_eq!(without_tests(text), "fn a() {}\n\n\nfn c() {}\nfn d() {}\n");
}

#[test]
fn nested_and_multi_line_groups_are_written_out() {
    let code = "use crate::{\n  a::{self, B},\n  c,\n  d::{e::F as G},\n};\nuse {x::y, z};\nfn f() { let g = crate::h::i(j); }";
    let found: Vec<String> = paths(code).iter().map(|path| path.join("::")).collect();
    for expected in [
        "crate::a::self",
        "crate::a::B",
        "crate::c",
        "crate::d::e::F",
        "x::y",
        "z",
        "crate::h::i",
    ] {
        assert!(found.contains(&expected.to_owned()), "{expected} in {found:?}");
    }
}

#[test]
fn imports_are_told_from_other_paths_with_the_names_they_bring() {
    let code = "pub use a::{self, b::C as D, e::*};\nuse super::f;\npub(crate) use g::h::{self as i};\nfn j() { k::l() }";
    let (imports, paths) = names(code);
    let imports: Vec<(String, String, bool)> = imports
        .into_iter()
        .map(|import| (import.name, import.path.join("::"), import.is_public))
        .collect();
    for (name, path, is_public) in [
        ("a", "a", true),
        ("D", "a::b::C", true),
        ("f", "super::f", false),
        ("i", "g::h", true),
    ] {
        let expected = (name.to_owned(), path.to_owned(), is_public);
        assert!(imports.contains(&expected), "{expected:?} in {imports:?}");
    }
    assert!(paths.contains(&vec!["k".to_owned(), "l".to_owned()]), "{paths:?}");
    assert!(!paths.iter().any(|path| path[0] == "super"), "{paths:?}");
}
