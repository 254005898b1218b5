//! PURE. The events, with their types and when each is published.

use vobiz_operator::crd::REPORTING_CONTROLLER;
use vobiz_operator::crd::condition::Reason;
use vobiz_operator::crd::event::EventReason;

use crate::Page;
use crate::table::{Table, code, sentence};

pub fn page() -> Page {
    let mut text = format!(
        "# Events\n\nEvents of `events.k8s.io/v1`, reported by {}. One is published when something is done, or when a state is new; none for each \
         try. `kubectl describe` shows them.\n",
        code(REPORTING_CONTROLLER)
    );
    let is_state = |reason: EventReason| Reason::parse(reason.as_str()).is_some();
    for (heading, note, of_states) in [
        ("What was done, or went wrong", "", false),
        (
            "A state that is new",
            "\nA condition has the same reason: [conditions](conditions.md) says what to do.\n",
            true,
        ),
    ] {
        text.extend([format!("\n## {heading}\n{note}\n")]);
        let mut rows = Table::new(&["reason", "type", "when"]);
        for reason in EventReason::ALL
            .iter()
            .copied()
            .filter(|reason| is_state(*reason) == of_states)
        {
            let kind = if reason.is_warning() { "Warning" } else { "Normal" };
            rows.row(&[&code(reason.as_str()), kind, &sentence(reason.meaning())]);
        }
        text += &rows.finish();
    }
    Page {
        file: "events.md",
        text,
    }
}
