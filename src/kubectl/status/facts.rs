//! All that is known of one Subaccount, on one page. PURE.

use crate::kubectl::plan::prospect::{Action, Prospect};
use crate::kubectl::plan::text::{shown, what, word};
use crate::kubectl::runbook;
use crate::kubectl::table::{plain_table, text_of};
use comfy_table::Cell;
use serde::Serialize;

/// All that is known of one Subaccount.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// Namespace and name.
    pub subaccount: String,
    /// What each condition says.
    pub conditions: Vec<Said>,
    /// Its Account, and how that stands.
    pub account: String,
    /// What the Account's trouble is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_trouble: Option<String>,
    /// The parent account at Vobiz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What the Record says.
    pub record: String,
    /// What Vobiz shows, against the spec.
    pub vobiz: String,
    /// The user's Secret: its keys, never its values.
    pub secret: String,
    /// What a deletion of the object would do.
    pub deletion: String,
    /// What the operator would do next.
    pub next: Option<Prospect>,
    /// The newest events, the newest first.
    pub events: Vec<Told>,
    /// What could not be seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
}

/// What a condition says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// Which condition.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its value.
    pub status: String,
    /// Why, for programs.
    pub reason: String,
    /// Why, for people.
    pub message: String,
    /// Since when.
    pub since: String,
}

/// An event.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// When it was last told.
    pub at: String,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, for programs.
    pub reason: String,
    /// What happened, for people.
    pub note: String,
}

impl Page {
    /// Whether a person must act.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.conditions
            .iter()
            .any(|said| said.kind == "Stalled" && said.status == "True")
    }

    /// What to do, in the runbook's words: of the object, else of its Account.
    fn remedy(&self) -> Option<String> {
        let ready = self
            .conditions
            .iter()
            .find(|said| said.kind == "Ready" && said.status != "True");
        let own = ready.and_then(|said| runbook::of_subaccount(&said.reason));
        own.into_iter()
            .chain(self.account_trouble.as_deref().and_then(runbook::of_account))
            .reduce(|own, account| format!("{own} {account}"))
    }

    fn next(&self) -> Option<String> {
        let next = self.next.as_ref()?;
        let mut lines = vec![match next.action {
            Action::Nothing => "nothing: it is as its manifest says".to_owned(),
            action => word(action).to_owned(),
        }];
        lines.extend(what(next).filter(|_| next.action != Action::Nothing));
        let change = |change: &crate::kubectl::plan::deed::FieldChange| {
            format!(
                "{}: {} -> {}",
                change.field,
                shown(&change.from),
                shown(&change.to)
            )
        };
        lines.extend(next.changes.iter().map(change));
        lines.extend(
            next.secrets
                .iter()
                .map(|secret| format!("SECRET {} is written", secret.name)),
        );
        lines.extend(next.reason.clone());
        Some(lines.join("\n"))
    }

    /// The page as text.
    #[must_use]
    pub fn text(&self, is_terminal: bool) -> String {
        let mut table = plain_table(is_terminal);
        let mut add = |what: &str, text: String| {
            if !text.is_empty() {
                table.add_row([Cell::new(what), Cell::new(text)]);
            }
        };
        add("Subaccount", self.subaccount.clone());
        for (number, said) in self.conditions.iter().enumerate() {
            // Ready carries the words of Reconciling and Stalled.
            let is_said = self.conditions[..number]
                .iter()
                .any(|before| before.message == said.message);
            let words = if is_said || said.message.is_empty() {
                String::new()
            } else {
                format!(": {}", said.message)
            };
            add(
                &said.kind,
                format!("{} {}{words}, since {}", said.status, said.reason, said.since),
            );
        }
        add("Account", self.account.clone());
        add("Parent", self.parent.clone().unwrap_or_default());
        add("Record", self.record.clone());
        add("At Vobiz", self.vobiz.clone());
        add("Secret", self.secret.clone());
        add("Deletion", self.deletion.clone());
        add("Next", self.next().unwrap_or_default());
        add("What to do", self.remedy().unwrap_or_default());
        let events = self
            .events
            .iter()
            .map(|told| format!("{} {} {}: {}", told.at, told.kind, told.reason, told.note));
        add("Events", events.collect::<Vec<_>>().join("\n"));
        add("Not seen", self.unseen.join("\n"));
        text_of(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_to_do_in_the_runbooks_words_and_fits_eighty_columns() {
        let said = |kind: &str, status: &str| Said {
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: "OrphanFound".to_owned(),
            message: "an earlier object of this name left an account that is kept".to_owned(),
            since: "2026-01-01T00:00:00Z".to_owned(),
        };
        let page = Page {
            subaccount: "team/acme".to_owned(),
            conditions: vec![said("Ready", "False"), said("Stalled", "True")],
            account: "Account vobiz: Ready".to_owned(),
            ..Page::default()
        };
        assert!(page.is_stalled());
        let text = page.text(false);
        assert!(
            text.contains("What to do") && text.contains("vobiz.ai/reclaim=true"),
            "{text}"
        );
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= crate::kubectl::output::WIDTH),
            "{text}"
        );
    }
}
