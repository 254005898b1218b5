//! PURE. Annotations, labels and finalizers.

use vobiz_operator::crd::marks::{By, MARKS, Mark, Sort};

use crate::Page;
use crate::table::{Table, code, sentence};

/// Its heading, what is said of all in it, and which are in it.
type Section = (&'static str, &'static str, fn(&Mark) -> bool);

pub fn page() -> Page {
    let mut text = "# Annotations, labels and finalizers\n".to_owned();
    let sections: [Section; 3] = [
        (
            "Annotations that you set",
            "A value that is not named here changes nothing.",
            |mark| mark.by == By::You,
        ),
        (
            "Annotations and labels that the operator sets",
            "Leave them as they are. A Record is a Secret in the operator's namespace.",
            |mark| mark.by == By::Operator && mark.sort != Sort::Finalizer,
        ),
        (
            "Finalizers",
            "Do not take them off: the [runbook](../runbook.md#it-is-being-deleted-and-does-not-go) says what to do instead.",
            |mark| mark.sort == Sort::Finalizer,
        ),
    ];
    for (heading, note, is_in) in sections {
        text.extend([format!("\n## {heading}\n\n{note}\n\n")]);
        let mut rows = Table::new(&["name", "on", "what it means"]);
        for mark in MARKS.iter().filter(|mark| is_in(mark)) {
            let label = if mark.sort == Sort::Label { " (label)" } else { "" };
            rows.row(&[
                &format!("{}{label}", code(mark.name)),
                mark.on,
                &sentence(mark.meaning),
            ]);
        }
        text += &rows.finish();
    }
    Page {
        file: "annotations.md",
        text,
    }
}
