//! The pages of `docs/reference`: each is made from the very tables, types and definitions that the product uses, so that none of
//! them can say anything else than it does.

use anyhow::Result;

mod commands;
mod conditions;
mod definitions;
mod events;
mod marks;
mod metrics;
mod table;
mod values;

/// A page of the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its file in `docs/reference`.
    pub file: &'static str,
    /// Markdown.
    pub text: String,
}

/// Every page. Fails where the chart's values are not what its table needs.
pub fn pages() -> Result<Vec<Page>> {
    let mut pages = definitions::pages();
    pages.extend([
        conditions::page(),
        events::page(),
        marks::page(),
        metrics::page(),
        commands::operator(),
        commands::kubectl(),
        values::page()?,
    ]);
    for page in &mut pages {
        page.text = format!(
            "<!-- Made by `cargo xtask docs`; not to be edited. -->\n\n{}",
            page.text
        );
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_reference_in_the_repository_is_that_of_the_code() {
        let folder = Path::new(env!("REPOSITORY")).join("docs/reference");
        let pages = pages().unwrap();
        for Page { file, text } in &pages {
            let stored = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
            assert!(
                stored == *text,
                "docs/reference/{file} is out of date: run `cargo xtask docs`"
            );
        }
        let made: BTreeSet<String> = pages.iter().map(|page| page.file.to_owned()).collect();
        let stored: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(stored, made, "a page that nothing makes, or one that is missing");
    }
}
