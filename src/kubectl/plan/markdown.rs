//! A plan for a merge request. PURE.

use super::deed::SecretAction;
use super::prospect::{Action, Prospect};
use super::summary::Plan;
use super::text::{shown, summary, what, word};

/// The plan as Markdown.
#[must_use]
pub fn plan(plan: &Plan) -> String {
    let mut text = "| | object | at Vobiz |\n|---|---|---|\n".to_owned();
    let told = plan
        .objects
        .iter()
        .filter(|prospect| prospect.action != Action::Nothing || !prospect.unseen.is_empty());
    let mut any = false;
    for prospect in told {
        any = true;
        let object = format!("{} {}", prospect.kind, prospect.place());
        let row = format!(
            "| **{}** | {} | {} |\n",
            word(prospect.action),
            cell(&object),
            details(prospect)
        );
        text.push_str(&row);
    }
    if !any {
        text.clear();
    }
    text.push('\n');
    for line in summary(&plan.summary).lines() {
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn details(prospect: &Prospect) -> String {
    let mut parts: Vec<String> = what(prospect).as_deref().map(cell).into_iter().collect();
    parts.extend(prospect.changes.iter().map(|change| {
        format!(
            "{}: {} → {}",
            change.field,
            code(&shown(&change.from)),
            code(&shown(&change.to))
        )
    }));
    parts.extend(
        prospect
            .leftovers
            .iter()
            .map(|id| format!("{} is deleted", cell(&id.to_string()))),
    );
    parts.extend(prospect.secrets.iter().map(|secret| {
        let done = match secret.action {
            SecretAction::Create => "made",
            SecretAction::Update => "written anew",
            SecretAction::Remove => "removed",
        };
        format!("Secret {} is {done}", cell(&secret.name))
    }));
    parts.extend(
        prospect
            .reason
            .as_deref()
            .map(|reason| format!("**{}**", cell(reason))),
    );
    parts.extend(prospect.message.lines().map(cell));
    parts.extend(
        prospect
            .unseen
            .iter()
            .map(|unseen| format!("*not seen: {}*", cell(unseen))),
    );
    parts.join("<br>")
}

/// A text that ends no cell and is no mark-up.
fn cell(text: &str) -> String {
    let mut safe = String::new();
    for character in text.chars() {
        match character {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => {
                safe.push('\\');
                safe.push(character);
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\n' | '\r' => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", cell(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_break_out_of_its_cell() {
        assert_eq!(cell("a|b\n<img> `x` *y*"), "a\\|b &lt;img&gt; \\`x\\` \\*y\\*");
    }
}
