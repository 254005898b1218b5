//! PURE. The conditions of each kind, with their reasons and what to do about them.

use vobiz_operator::crd::condition::{ConditionStatus, ConditionType, Reason};
use vobiz_operator::crd::vocabulary::{OF_ACCOUNT, OF_SUBACCOUNT, Said};
use vobiz_operator::kubectl::runbook;

use crate::Page;
use crate::table::{Table, code, sentence};

/// Where the runbook tells more.
const RUNBOOK: &str = "../runbook.md";

pub fn page() -> Page {
    let mut text = "# Conditions\n\nConditions are in `status.conditions`. Where `Reconciling` or `Stalled` is there, `Ready` has its reason. What \
                    is to be done is in the message, with the names of your objects; here it is in the words of the \
                    [runbook](../runbook.md).\n"
        .to_owned();
    text += &of_kind("Of a Subaccount", OF_SUBACCOUNT, runbook::subaccount_row);
    text += &of_kind(
        "Of an Account or ClusterAccount",
        OF_ACCOUNT,
        runbook::account_row,
    );
    Page {
        file: "conditions.md",
        text,
    }
}

fn of_kind(heading: &str, table: &[Said], row: fn(&str) -> Option<runbook::Row>) -> String {
    let mut text = format!("\n## {heading}\n");
    for kind in ConditionType::ALL.iter().copied() {
        let of_kind: Vec<&Said> = table.iter().filter(|said| said.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        text.extend([format!("\n### {kind}\n\n{}\n\n", sentence(kind.meaning()))]);
        let mut rows = Table::new(&["value", "reason", "what it means", "what to do"]);
        for status in ConditionStatus::ALL.iter().copied() {
            let with_value = of_kind.iter().filter(|said| said.status == status);
            for reason in with_value.flat_map(|said| said.reasons) {
                // `Ready` repeats the reasons of both others: they are explained there.
                let is_told_there = kind == ConditionType::Ready
                    && table
                        .iter()
                        .any(|said| is_second(said.kind) && said.reasons.contains(reason));
                let (meaning, remedy) = if is_told_there {
                    ("as below".to_owned(), String::new())
                } else {
                    words(*reason, row(reason.as_str()))
                };
                rows.row(&[&code(status.as_str()), &code(reason.as_str()), &meaning, &remedy]);
            }
        }
        text += &rows.finish();
    }
    text
}

fn is_second(kind: ConditionType) -> bool {
    matches!(kind, ConditionType::Reconciling | ConditionType::Stalled)
}

/// What a reason means, and what to do: as the runbook has it, where it has a row.
fn words(reason: Reason, row: Option<runbook::Row>) -> (String, String) {
    match row {
        None => (sentence(reason.meaning()), String::new()),
        Some(row) => (in_reference(row.meaning), in_reference(row.remedy)),
    }
}

/// Links that the runbook has to its own headings and neighbours, as they are from here.
fn in_reference(text: &str) -> String {
    text.replace("](#", &format!("]({RUNBOOK}#"))
}
