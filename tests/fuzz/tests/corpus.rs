//! Every input in `corpus/` once more, whoever found it: a reader that failed once stays mended.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use vobiz_fuzz::TARGETS;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("REPOSITORY")).join("tests/fuzz").join(name)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn no_input_of_the_corpus_breaks_a_promise() {
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        let inputs = folder("corpus").join(name);
        let files = names(&inputs);
        assert!(files.len() >= 3, "{name} has hardly any inputs");
        for file in files {
            let bytes = std::fs::read(inputs.join(&file)).unwrap();
            if std::panic::catch_unwind(|| target(&bytes)).is_err() {
                broken.push(format!("{name}/{file}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_target_has_a_program_for_the_fuzzer_and_inputs() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let programs: BTreeSet<String> = names(&folder("targets"))
        .iter()
        .map(|file| file.trim_end_matches(".rs").to_owned())
        .collect();
    assert_eq!(programs, targets);
    assert_eq!(names(&folder("corpus")), targets);
    let manifest = std::fs::read_to_string(folder("Cargo.toml")).unwrap();
    for target in &targets {
        assert!(
            manifest.contains(&format!("path = \"targets/{target}.rs\"")),
            "{target} is no program"
        );
    }
}
