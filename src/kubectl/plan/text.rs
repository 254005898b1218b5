//! A plan for a terminal: a line for each object, what changes below it, and what it comes to. PURE.

use super::deed::SecretAction;
use super::prospect::{Action, Because, Prospect};
use super::summary::{Plan, Summary};
use crate::kubectl::output::{ADDED, CHANGED, FAINT, REMOVED, WIDTH, painted};
use anstyle::Style;
use serde_json::Value;

/// Spaces before what belongs to an object.
const INDENT: usize = 4;

/// The plan as text.
#[must_use]
pub fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    let quiet = |prospect: &&Prospect| {
        prospect.action == Action::Nothing && prospect.unseen.is_empty() && prospect.reason.is_none()
    };
    for prospect in plan.objects.iter().filter(|prospect| !quiet(prospect)) {
        text.push_str(&object(prospect));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&summary(&plan.summary));
    text
}

fn object(prospect: &Prospect) -> String {
    let (sign, style) = sign(prospect.action);
    let head = format!(
        "{sign} {} {} {}",
        word(prospect.action),
        prospect.kind,
        prospect.place()
    );
    let mut lines = vec![painted(style, &head)];
    let mut add = |style: Style, line: &str| {
        for line in wrapped(line, WIDTH - INDENT) {
            lines.push(format!("{}{}", " ".repeat(INDENT), painted(style, &line)));
        }
    };
    if let Some(what) = what(prospect) {
        add(Style::new(), &what);
    }
    for change in &prospect.changes {
        let is_made = matches!(prospect.action, Action::Create | Action::Recreate);
        if !(is_made && change.from.is_null()) {
            add(REMOVED, &format!("- {}: {}", change.field, shown(&change.from)));
        }
        add(ADDED, &format!("+ {}: {}", change.field, shown(&change.to)));
    }
    for id in &prospect.leftovers {
        add(REMOVED, &format!("- {id}, which an interrupted create left"));
    }
    for secret in &prospect.secrets {
        let (style, line) = match secret.action {
            SecretAction::Create => (ADDED, format!("+ SECRET {}", secret.name)),
            SecretAction::Update => (CHANGED, format!("~ SECRET {}", secret.name)),
            SecretAction::Remove => (REMOVED, format!("- SECRET {}", secret.name)),
        };
        add(style, &line);
    }
    if let Some(reason) = &prospect.reason {
        add(style, reason);
    }
    for line in prospect.message.lines() {
        add(Style::new(), line);
    }
    for unseen in &prospect.unseen {
        add(FAINT, &format!("not seen: {unseen}"));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What becomes of the account, and why.
#[must_use]
pub fn what(prospect: &Prospect) -> Option<String> {
    let id = prospect
        .auth_id
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let of = match prospect.because {
        Because::Prune => ", for it is in no manifest",
        Because::Account => ", for its Account changes",
        Because::Manifest => "",
    };
    Some(match prospect.action {
        Action::Delete | Action::Recreate => {
            let goes = if prospect.cascade == Some(true) {
                "its applications, endpoints and numbers are deleted too"
            } else {
                "its applications, endpoints and numbers go back to the parent account"
            };
            format!("{id} is deleted for good, and its token with it{of}; {goes}")
        }
        Action::Disable => format!("{id} is disabled and stays at Vobiz{of}"),
        Action::Keep => format!("{id} stays at Vobiz as it is{of}"),
        Action::Forget => format!("nothing is done at Vobiz{of}"),
        Action::Adopt => format!("takes {id}, which is there already"),
        Action::TakeOver => format!("takes {id}, which an earlier object of this name left"),
        Action::Update => format!("{id}{of}"),
        Action::Secret => format!("{id} stays as it is"),
        Action::Create
        | Action::Store
        | Action::Refuse
        | Action::Wait
        | Action::CannotTell
        | Action::Nothing => return None,
    })
    .filter(|_| prospect.kind == "Subaccount")
}

/// A value as people write it.
#[must_use]
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "(not set)".to_owned(),
        value => value.to_string(),
    }
}

/// The word for an action.
#[must_use]
pub fn word(action: Action) -> &'static str {
    match action {
        Action::Delete => "delete",
        Action::Recreate => "recreate",
        Action::Disable => "disable",
        Action::Keep => "keep",
        Action::Forget => "let go",
        Action::Create => "create",
        Action::Adopt => "adopt",
        Action::TakeOver => "take over",
        Action::Update => "update",
        Action::Secret => "secret",
        Action::Store => "store",
        Action::Refuse => "refuse",
        Action::Wait => "wait",
        Action::CannotTell => "cannot tell",
        Action::Nothing => "nothing",
    }
}

fn sign(action: Action) -> (char, Style) {
    match action {
        Action::Delete | Action::Recreate | Action::Disable | Action::Keep | Action::Forget => ('-', REMOVED),
        Action::Create | Action::Adopt | Action::TakeOver => ('+', ADDED),
        Action::Update | Action::Secret | Action::Store | Action::Wait => ('~', CHANGED),
        Action::Refuse | Action::CannotTell => ('!', REMOVED),
        Action::Nothing => ('=', FAINT),
    }
}

/// What the plan comes to, in two lines.
#[must_use]
pub fn summary(summary: &Summary) -> String {
    let counts = summary
        .actions
        .iter()
        .map(|(action, count)| format!("{count} {}", word(*action)));
    let counts: Vec<String> = counts.collect();
    let mut lines = vec![format!(
        "Plan: {}.",
        if counts.is_empty() {
            "no objects of ours".to_owned()
        } else {
            counts.join(", ")
        }
    )];
    for load in &summary.accounts {
        let counted = |count: u32, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        lines.push(format!(
            "Vobiz, {}: {} and {}, at least {} s at {} a second.",
            load.account,
            counted(load.requests.writes(), "write"),
            counted(load.requests.reads, "read"),
            load.seconds,
            load.per_second
        ));
    }
    let lines = lines.iter().flat_map(|line| wrapped(line, WIDTH));
    lines.map(|line| line + "\n").collect()
}

/// The text in lines of at most so many characters, broken at spaces where there are any.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let length = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        while line.chars().count() > width {
            let rest = line.chars().skip(width).collect();
            line = line.chars().take(width).collect();
            lines.push(std::mem::replace(&mut line, rest));
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::wake::ObjectKey;
    use crate::kubectl::plan::deed::{FieldChange, Requests, SecretChange};
    use crate::kubectl::sight::objects::{Kind, ObjectId};
    use crate::vobiz::AuthId;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn prospect(name: &str, action: Action) -> Prospect {
        let id = ObjectId {
            kind: Kind::Subaccount,
            key: ObjectKey {
                namespace: "team".to_owned(),
                name: name.to_owned(),
            },
        };
        Prospect {
            action,
            auth_id: AuthId::parse("SA_ONE").ok(),
            account: "Account vobiz".to_owned(),
            ..Prospect::nothing(&id, Because::Manifest)
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_plan_shows_what_is_lost_first_and_fits_a_terminal() {
        let update = Prospect {
            changes: vec![FieldChange {
                field: "rateLimit",
                from: json!(1000),
                to: json!(500),
            }],
            requests: Requests {
                updates: 1,
                ..Requests::default()
            },
            ..prospect("acme", Action::Update)
        };
        let delete = Prospect {
            because: Because::Prune,
            cascade: Some(true),
            secrets: vec![SecretChange {
                name: "globex-vobiz".to_owned(),
                action: SecretAction::Remove,
            }],
            requests: Requests {
                deletes: 1,
                reads: 1,
                ..Requests::default()
            },
            ..prospect("globex", Action::Delete)
        };
        let quiet = prospect("hooli", Action::Nothing);
        let text = plain(&plan(&Plan::new(vec![quiet, update, delete], &BTreeMap::new())));
        assert_eq!(
            text,
            "- delete Subaccount team/globex\n    SA_ONE is deleted for good, and its token with it, for it is in no manifest;\n    its \
             applications, endpoints and numbers are deleted too\n    - SECRET globex-vobiz\n\
             ~ update Subaccount team/acme\n    SA_ONE\n    - rateLimit: 1000\n    + rateLimit: 500\n\n\
             Plan: 1 delete, 1 update, 1 nothing.\n\
             Vobiz, Account team/vobiz: 2 writes and 1 read, at least 0 s at 10 a second.\n"
        );
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(wrapped(&"x".repeat(170), 80).len(), 3);
    }
}
