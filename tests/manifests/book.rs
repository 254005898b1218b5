//! The documents make a book: every page is in its summary, and no link of a page leaves it for a page that it does not have.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::documents::{documents, text};
use crate::render;

const SUMMARY: &str = "docs/SUMMARY.md";

/// The targets of the links of a text, but for those to other servers, each with the heading that it names.
pub fn links(text: &str) -> Vec<(String, Option<String>)> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains("://"))
        .map(|target| match target.split_once('#') {
            Some((file, heading)) => (file.to_owned(), Some(heading.to_owned())),
            None => (target.to_owned(), None),
        })
        .collect()
}

/// Where a link in this document leads, in the repository.
fn target(document: &str, link: &str) -> PathBuf {
    let mut found = PathBuf::new();
    let joined = Path::new(document).parent().unwrap().join(link);
    for part in joined.components() {
        match part {
            Component::ParentDir => drop(found.pop()),
            Component::CurDir => {}
            part => found.push(part),
        }
    }
    found
}

#[test]
fn every_page_is_in_the_summary_once_and_begins_with_a_title() {
    let listed: Vec<String> = links(&text(SUMMARY))
        .into_iter()
        .map(|(link, _)| format!("docs/{link}"))
        .collect();
    let once: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "a page is listed twice: {listed:?}");
    let pages: Vec<String> = documents()
        .into_iter()
        .filter(|document| document.starts_with("docs/") && document != SUMMARY)
        .collect();
    let there: BTreeSet<&String> = pages.iter().collect();
    let unlisted: Vec<_> = there.difference(&once).collect();
    let missing: Vec<_> = once.difference(&there).collect();
    assert!(unlisted.is_empty(), "name these pages in {SUMMARY}: {unlisted:?}");
    assert!(
        missing.is_empty(),
        "{SUMMARY} names pages that are not there: {missing:?}"
    );
    for page in pages {
        let text = text(&page);
        let titles = headings(&text)
            .filter(|heading| heading.starts_with("# "))
            .count();
        assert_eq!(titles, 1, "{page} has {titles} titles");
    }
}

/// Lines of headings, outside of code.
fn headings(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("\n```").step_by(2);
    prose.flat_map(str::lines).filter(|line| line.starts_with('#'))
}

#[test]
fn a_page_of_the_book_links_to_no_page_outside_of_it() {
    for document in documents() {
        if !document.starts_with("docs/") {
            continue;
        }
        for (link, _) in links(&text(&document)) {
            let target = target(&document, &link);
            let is_page = target.extension().is_some_and(|extension| extension == "md");
            assert!(
                !is_page || target.starts_with("docs"),
                "{document} links to {link}, which the book does not have: name it without a link"
            );
        }
    }
}

#[test]
fn links_to_files_and_headings_lead_somewhere() {
    let mut seen = 0;
    for document in documents() {
        for (link, heading) in links(&text(&document)) {
            let target = if link.is_empty() {
                PathBuf::from(&document)
            } else {
                target(&document, &link)
            };
            assert!(
                render::root().join(&target).exists(),
                "{document} links to {link}"
            );
            if let Some(heading) = heading {
                let is_there = anchors(&target.to_string_lossy()).contains(&heading);
                assert!(is_there, "{document} links to {link}#{heading}");
            }
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}

/// What the headings of a document are linked to by.
pub fn anchors(document: &str) -> Vec<String> {
    headings(&text(document)).map(anchor).collect()
}

/// What a heading is linked to by.
fn anchor(line: &str) -> String {
    let heading = line.trim_start_matches('#').trim();
    let kept = heading
        .chars()
        .filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn anchors_are_made_as_readers_of_markdown_make_them() {
    for (heading, expected) in [
        ("## A Subaccount is `Stalled`", "a-subaccount-is-stalled"),
        (
            "### It is being deleted and does not go",
            "it-is-being-deleted-and-does-not-go",
        ),
        ("## Try it: two commands", "try-it-two-commands"),
    ] {
        assert_eq!(anchor(heading), expected);
    }
    assert_eq!(
        target("docs/how-to/a.md", "../runbook.md"),
        Path::new("docs/runbook.md")
    );
}
