//! Tells how a promise comes to be broken, step by step. PURE.

use crate::action::{Action, apply};
use crate::normal::Normal;
use crate::rest::{self, Run};
use crate::rules::Rules;
use crate::state::{Broken, State, Task};
use crate::step;
use std::fmt::Write as _;

/// The way from the start to the state in which, or after which, the promise is broken.
#[must_use]
pub fn tell(rules: &Rules, broken: Broken, path: &[Action]) -> String {
    let mut at = Normal::of(rules, &rules.initial());
    let mut story = format!("{broken:?} after {} steps:\n", path.len());
    for action in path {
        let _ = writeln!(story, "  {}", line(rules, &at.state, *action));
        let Some(after) = apply(rules, &at, *action) else {
            break;
        };
        at = after;
    }
    tell_state(&mut story, "then", &at.state);
    if let Run::Rested(rested) = rest::run(rules, &at.state, |_| false) {
        tell_state(&mut story, "at rest", &rested);
    }
    story
}

fn line(rules: &Rules, state: &State, action: Action) -> String {
    let Action::Step(number, fault) = action else {
        return format!("{action:?}");
    };
    let process = usize::from(number);
    let next = state.processes[process]
        .pass
        .as_ref()
        .map(|pass| match pass.task {
            Task::Plan => format!("{:?}", step::next(rules, state, process, pass)),
            other => format!("{other:?}"),
        });
    format!("process {number}: {} ({fault:?})", next.unwrap_or_default())
}

fn tell_state(story: &mut String, when: &str, state: &State) {
    let _ = writeln!(story, "{when}: {:?}", state.cluster.object);
    for record in state.cluster.records.iter().flatten() {
        let _ = writeln!(story, "  {record:?}");
    }
    let _ = writeln!(story, "  {:?}", state.cluster.secret);
    for (id, account) in state.vobiz.living() {
        let _ = writeln!(story, "  account {id}: {account:?}");
    }
}
