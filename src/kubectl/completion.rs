//! Completes the command line: for kubectl, which asks a program of another name, and by scripts for shells. I/O: reads folders, for the
//! paths in them.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap_complete::Shell;
use clap_complete::engine::{CompletionCandidate, complete};

use super::flags;

/// The name by which kubectl asks a plugin's program what may come next.
const ASKED_AS: &str = "kubectl_complete-vobiz";

/// What the program is called where kubectl does not run it.
const NAME: &str = "kubectl-vobiz";

/// Bits of the line that ends an answer: no space is put behind what was chosen; no names of files are offered besides.
const NO_SPACE: u8 = 2;
const NO_FILES: u8 = 4;

/// Whether it is kubectl that runs the program, by this name, to complete a command line.
#[must_use]
pub fn is_asked(program: Option<&OsString>) -> bool {
    let name = program.and_then(|program| Path::new(program).file_name());
    name == Some(OsStr::new(ASKED_AS))
}

/// What may stand for the last of the arguments, which may be empty: as kubectl reads it, a line for each, with its help behind a tab.
/// The first argument is the program.
#[must_use]
pub fn answer(arguments: Vec<OsString>) -> String {
    let last = arguments.len().saturating_sub(1);
    let is_flag = arguments
        .get(last)
        .is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"));
    let here = std::env::current_dir().ok();
    // What cannot be completed is not.
    let found = complete(&mut flags::definition(), arguments, last, here.as_deref()).unwrap_or_default();
    let mut text = String::new();
    let mut directive = NO_FILES;
    for candidate in found {
        let value = candidate.get_value().to_string_lossy();
        // As kubectl does: flags where one was begun.
        if value.starts_with('-') && !is_flag {
            continue;
        }
        if value.ends_with('/') {
            directive |= NO_SPACE;
        }
        text.push_str(&line(&value, &candidate));
    }
    text + &format!(":{directive}\n")
}

fn line(value: &str, candidate: &CompletionCandidate) -> String {
    let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
    match help.lines().next() {
        Some(help) => format!("{value}\t{help}\n"),
        None => format!("{value}\n"),
    }
}

/// The script that completes `kubectl-vobiz` in a shell.
#[must_use]
pub fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut flags::definition(), NAME, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(words: &[&str]) -> String {
        let words = [ASKED_AS].iter().chain(words).map(OsString::from);
        answer(words.collect())
    }

    #[test]
    fn kubectl_is_told_commands_flags_and_values_with_their_help() {
        let commands = answered(&[""]);
        assert!(
            commands.contains("plan\tShow what applying manifests"),
            "{commands}"
        );
        assert!(
            !commands.contains("--") && !commands.contains("manual"),
            "{commands}"
        );
        assert!(commands.ends_with("\n:4\n"), "{commands}");
        assert!(answered(&["status", "--wa"]).starts_with("--watch\t"));
        assert_eq!(answered(&["plan", "-o", "mark"]).lines().count(), 2);
        assert_eq!(
            answered(&["plan", "--output=mark"]).lines().next(),
            Some("--output=markdown\tFor a merge request")
        );
        assert_eq!(answered(&["nothing", "of", "ours"]), ":4\n");
        let folders = answered(&["plan", "-f", "src/kub"]);
        assert_eq!(folders, "src/kubectl/\n:6\n");
    }

    #[test]
    fn another_name_is_another_question() {
        let is_asked = |program: &str| is_asked(Some(&OsString::from(program)));
        assert!(is_asked("/home/me/.local/bin/kubectl_complete-vobiz"));
        assert!(!is_asked("/usr/local/bin/kubectl-vobiz"));
    }
}
