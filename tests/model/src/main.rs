//! `vobiz-model`: explores the protocol. I/O.

use std::time::Duration;
use vobiz_model::budgets;
use vobiz_model::check::check;

fn main() {
    let filter = std::env::args().nth(1);
    let limit = std::env::args()
        .nth(2)
        .and_then(|s| s.parse().ok())
        .unwrap_or(120);
    for rules in budgets::exhausted() {
        if filter
            .as_ref()
            .is_some_and(|filter| !rules.name.contains(filter.as_str()))
        {
            continue;
        }
        let found = check(rules, 2, Duration::from_secs(limit));
        println!(
            "{}: {} states, {:?}, exhausted {}",
            rules.name, found.states, found.took, found.exhausted
        );
        if let Some((broken, path)) = found.violation {
            println!("  {broken:?} after {} steps", path.len());
            let mut state = rules.initial();
            for action in path {
                let Some(next) = vobiz_model::action::apply(&rules, &state, action) else {
                    break;
                };
                let step = match action {
                    vobiz_model::action::Action::Step(p, _) => {
                        state.processes[usize::from(p)].pass.map(|pass| {
                            format!(
                                "{:?} {:?}",
                                pass.task,
                                vobiz_model::step::next(&rules, &state, usize::from(p), &pass)
                            )
                        })
                    }
                    _ => None,
                };
                println!("    {action:?} {}", step.unwrap_or_default());
                state = next;
            }
            println!("{:#?}", state.cluster);
            println!("{:?}", state.vobiz);
            if let Some(rested) = vobiz_model::rest::run(&rules, state) {
                println!(
                    "at rest: {:?}\n{:?}\n{:?}",
                    rested.cluster, rested.vobiz, rested.broken
                );
            }
            break;
        }
    }
}
