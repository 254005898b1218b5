//! What no object keeps as a table, and what may be done in words. PURE.

use std::collections::BTreeSet;

use super::orphan::{AtVobiz, Orphan, Report, What};
use crate::kubectl::runbook;
use crate::kubectl::table::{plain_table, text_of};
use comfy_table::{Cell, Color, ColumnConstraint};

/// A line for each. Ids are in one piece, for whoever copies them; the Account is told where there are several.
#[must_use]
pub fn table(orphans: &[Orphan], has_headers: bool, is_terminal: bool) -> String {
    let accounts: BTreeSet<&String> = orphans
        .iter()
        .filter_map(|orphan| orphan.account.as_ref())
        .collect();
    let has_accounts = accounts.len() > 1;
    let mut table = plain_table(is_terminal);
    let with_account = |cells: [Cell; 4], account: Cell| {
        let account = has_accounts.then_some(account);
        cells.into_iter().chain(account).collect::<Vec<_>>()
    };
    if has_headers {
        let headers = ["WHAT", "AUTH-ID", "AT VOBIZ", "NAME"].map(Cell::new);
        table.set_header(with_account(headers, Cell::new("ACCOUNT")));
    }
    for orphan in orphans {
        let at_vobiz = orphan.at_vobiz.map_or("-", AtVobiz::as_str);
        let cells = [
            Cell::new(orphan.what.as_str()).fg(color(orphan.what)),
            Cell::new(orphan.auth_id.as_deref().unwrap_or("-")),
            Cell::new(at_vobiz),
            Cell::new(&orphan.name),
        ];
        table.add_row(with_account(
            cells,
            Cell::new(orphan.account.as_deref().unwrap_or("-")),
        ));
    }
    // Of columns that are there.
    table.set_constraints([ColumnConstraint::ContentWidth; 2]);
    text_of(table)
}

fn color(what: What) -> Color {
    match what {
        What::OrphanedAccount | What::OrphanedRecord | What::DamagedRecord => Color::Red,
        What::PendingRecord | What::Leftover => Color::Yellow,
        What::KeptRecord | What::UnownedAccount => Color::Reset,
    }
}

/// What may be done about each sort of them, how many there are, and what was not seen.
#[must_use]
pub fn words(report: &Report) -> Vec<String> {
    let count = |what: What| report.orphans.iter().filter(|orphan| orphan.what == what).count();
    let mut words = Vec::new();
    if report.orphans.is_empty() {
        words.push("there is nothing that no object keeps".to_owned());
    }
    for what in What::ALL.into_iter().filter(|what| count(*what) > 0) {
        words.push(format!(
            "{} {}: {}",
            count(what),
            what.as_str(),
            runbook::of_orphan(what.as_str()).unwrap_or_default()
        ));
    }
    if report.orphans.iter().any(|orphan| orphan.record.is_some()) {
        words.push("-o yaml names the Records".to_owned());
    }
    if report.of_other_installations > 0 {
        words.push(format!(
            "not listed, for another installation of the operator has marked them: {}",
            report.of_other_installations
        ));
    }
    words.extend(report.unseen.iter().map(|unseen| format!("not seen: {unseen}")));
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::output::WIDTH;

    fn orphan(what: What) -> Orphan {
        Orphan {
            what,
            name: "a-namespace-of-a-team/a-subaccount-with-a-long-name".to_owned(),
            auth_id: Some("SA_XXXXXXXXXXXXXXXXXX".to_owned()),
            parent: Some("MA_PARENT".to_owned()),
            account: Some("ClusterAccount shared".to_owned()),
            record: Some("subaccount-0f9d".to_owned()),
            at_vobiz: Some(AtVobiz::Shown),
            what_to_do: String::new(),
        }
    }

    #[test]
    fn a_table_fits_eighty_columns_and_each_sort_is_explained_once() {
        let report = Report {
            orphans: [What::OrphanedRecord, What::KeptRecord, What::KeptRecord]
                .map(orphan)
                .to_vec(),
            of_other_installations: 3,
            unseen: vec!["Records in the namespace system: you may not read it".to_owned()],
        };
        let text = table(&report.orphans, true, false);
        assert!(
            text.starts_with("WHAT") && text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(!text.contains("ACCOUNT"), "they are all of one: {text}");
        assert!(!table(&report.orphans, false, false).contains("WHAT"));
        let mut of_two = report.orphans.clone();
        of_two[0].account = Some("Account a-namespace-of-a-team/vobiz".to_owned());
        let text = table(&of_two, true, false);
        assert!(
            text.contains("ACCOUNT") && text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert_eq!(
            text.matches("SA_XXXXXXXXXXXXXXXXXX").count(),
            3,
            "an id is in one piece: {text}"
        );
        let words = words(&report);
        assert_eq!(words.len(), 5, "{words:#?}");
        assert!(
            words[0].starts_with("1 OrphanedRecord: ") && words[1].starts_with("2 KeptRecord: "),
            "{words:#?}"
        );
        assert!(words[4].starts_with("not seen: Records"), "{words:#?}");
    }

    #[test]
    fn where_there_is_nothing_that_is_said() {
        assert_eq!(table(&[], false, false), "");
        assert_eq!(
            words(&Report::default()),
            ["there is nothing that no object keeps"]
        );
    }

    #[test]
    fn the_runbook_says_of_each_sort_what_may_be_done() {
        for what in What::ALL {
            let words = runbook::of_orphan(what.as_str()).unwrap_or_default();
            assert!(words.len() > 40, "{what:?}: {words}");
        }
    }
}
