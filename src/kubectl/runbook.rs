//! What the runbook says of a state: its very words. PURE.

/// The runbook.
const RUNBOOK: &str = include_str!("../../docs/runbook.md");

/// The heading below which states of Subaccounts are.
const OF_SUBACCOUNTS: [&str; 2] = ["## A Subaccount is `Stalled`", "## A Subaccount waits"];
/// The heading below which states of Accounts are.
const OF_ACCOUNTS: [&str; 1] = ["## An Account is in trouble"];
/// The heading below which what no object keeps is.
const OF_ORPHANS: [&str; 1] = ["## Leftovers and orphans"];

/// A row of one of its tables, in Markdown as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The whole row.
    text: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do; empty where nothing is to be done.
    pub remedy: &'static str,
}

/// What it means that a Subaccount is in the state of this reason, and what to do.
#[must_use]
pub fn of_subaccount(reason: &str) -> Option<String> {
    subaccount_row(reason).map(plain)
}

/// The same of an Account.
#[must_use]
pub fn of_account(reason: &str) -> Option<String> {
    account_row(reason).map(plain)
}

/// What it means that something is there which no object keeps, and what may be done.
#[must_use]
pub fn of_orphan(what: &str) -> Option<String> {
    find(&OF_ORPHANS, what).map(plain)
}

/// The row about Subaccounts in the state of this reason.
#[must_use]
pub fn subaccount_row(reason: &str) -> Option<Row> {
    find(&OF_SUBACCOUNTS, reason)
}

/// The row about Accounts in the state of this reason.
#[must_use]
pub fn account_row(reason: &str) -> Option<Row> {
    find(&OF_ACCOUNTS, reason)
}

/// Its words, for a terminal.
fn plain(row: Row) -> String {
    let cells: Vec<&str> = cells(row.text).collect();
    unlinked(&cells.join(" ")).replace('`', "")
}

/// With the name of a part of the runbook where there is a link to it.
fn unlinked(text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](#") {
        let (before, name) = before.rsplit_once('[').unwrap_or(("", before));
        told.extend([before, "\"", name, "\" in the runbook"]);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    told + rest
}

fn find(headings: &[&str], reason: &str) -> Option<Row> {
    let tables = headings.iter().filter_map(|heading| RUNBOOK.split_once(heading));
    let mut rows = tables.flat_map(|(_, rest)| rest.split("\n## ").next().unwrap_or_default().lines());
    let first = format!("`{reason}`");
    rows.find_map(|text| {
        let mut cells = cells(text);
        // The first cell may say more than the reason: that row is about a special case of it.
        (cells.next() == Some(first.as_str())).then(|| Row {
            text,
            meaning: cells.next().unwrap_or_default(),
            remedy: cells.next().unwrap_or_default(),
        })
    })
}

fn cells(row: &str) -> impl Iterator<Item = &str> {
    row.trim().trim_matches('|').split('|').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subaccount::tell::rows::{RESTS, Ready, row};

    #[test]
    fn every_state_that_needs_a_person_is_in_the_runbook() {
        for rest in RESTS {
            if let Ready::Stalled(reason) = row(*rest).ready {
                let words = of_subaccount(reason.as_str());
                assert!(words.is_some_and(|words| words.len() > 40), "{reason}");
            }
        }
        assert!(of_account("Unauthorized").is_some_and(|words| words.contains("new pair")));
        assert_eq!(of_subaccount("Unauthorized"), None, "that is an Account's");
        assert_eq!(of_subaccount("Available"), None);
    }

    #[test]
    fn a_terminal_is_told_the_name_of_what_a_link_leads_to() {
        let words = of_subaccount("SecretConflict").unwrap();
        assert!(
            words.ends_with(
                "restore the installation's ConfigMap instead (see \"Backup and restore\" in the runbook)."
            ),
            "{words}"
        );
        assert_eq!(
            unlinked("`[SA_...]` (see [A](#a), [B](#b))."),
            "`[SA_...]` (see \"A\" in the runbook, \"B\" in the runbook)."
        );
    }

    #[test]
    fn no_row_points_to_a_place_of_its_page() {
        // Rows are shown elsewhere too: by kubectl vobiz, and in the reference.
        for line in RUNBOOK.lines().filter(|line| line.starts_with('|')) {
            for word in ["below", "above"] {
                assert!(
                    !line.contains(&format!("({word}")) && !line.contains(&format!("see {word}")),
                    "{line}"
                );
            }
        }
    }
}
