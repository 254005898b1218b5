//! tmp
use std::time::Duration;
use vobiz_model::budgets;
use vobiz_model::check::check;

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let limit = std::env::args()
        .nth(2)
        .and_then(|s| s.parse().ok())
        .unwrap_or(120);
    if filter.starts_with("weak") {
        for weakness in vobiz_model::weakness::Weakness::ALL {
            if !std::env::args()
                .nth(3)
                .is_none_or(|only| only.contains(&format!("{weakness:?}")))
            {
                continue;
            }
            let found = check(budgets::showing(weakness), 2, Duration::from_secs(limit), true);
            println!(
                "{weakness:?}: {:?} {} states {:?}",
                found.violation.as_ref().map(|v| (v.0, v.1.len())),
                found.states,
                found.took
            );
            if let (true, Some(v)) = (filter == "weakness", &found.violation) {
                println!("  {:?}", v.1);
            }
        }
        return;
    }
    for rules in budgets::EXHAUSTED {
        if !rules.name.contains(&filter) {
            continue;
        }
        let found = check(
            rules,
            2,
            Duration::from_secs(limit),
            std::env::args().nth(3).is_some(),
        );
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
            println!("{:?}", state.cluster);
            println!("{:?}", state.vobiz);
            if let vobiz_model::rest::Run::Rested(rested) = vobiz_model::rest::run(&rules, state, |_| false) {
                println!(
                    "at rest: {:?}\n{:?}\n{:?}",
                    rested.cluster, rested.vobiz, rested.broken
                );
            }
        }
    }
}
