//! What `docs/runbook.md` says, and which messages of the operator name a remedy. PURE, but for the reading of files.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use vobiz_harness::markdown::blocks;

/// A row of a table that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `heading / first cell`, without the marks of Markdown.
    pub key: String,
    /// The last cell.
    pub remedy: String,
}

/// A file of this repository.
pub fn file(path: &str) -> Result<String> {
    let path = vobiz_harness::products::repository().join(path);
    std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))
}

pub fn runbook() -> Result<String> {
    file("docs/runbook.md")
}

/// Every row of every table whose last column says what to do.
pub fn rows(text: &str) -> Vec<Row> {
    let (mut rows, mut heading, mut is_table) = (Vec::new(), String::new(), false);
    for line in text.lines() {
        if let Some(found) = line.strip_prefix('#') {
            heading = plain(found.trim_start_matches('#'));
        }
        let Some(cells) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            is_table = false;
            continue;
        };
        let cells: Vec<&str> = cells.split(" | ").map(str::trim).collect();
        let (first, last) = (cells[0], cells[cells.len() - 1]);
        if last == "what to do" {
            is_table = true;
        } else if is_table && !first.starts_with("--") {
            rows.push(Row {
                key: format!("{heading} / {}", plain(first)),
                remedy: last.to_owned(),
            });
        }
    }
    rows
}

fn plain(text: &str) -> String {
    text.replace('`', "").trim().to_owned()
}

/// Every kubectl command that stands between backticks in a sentence or a cell.
pub fn inline_commands(text: &str) -> Vec<String> {
    let prose: Vec<&str> = text.split("```").step_by(2).collect();
    let prose = prose.join("\n");
    let spans = prose.split('`').skip(1).step_by(2);
    // A command that is merely spoken of has no object.
    let commands = spans.filter(|span| span.starts_with("kubectl ") && span.split_whitespace().count() > 3);
    commands
        .map(|span| span.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// The only block of the runbook that has these words.
pub fn block(words: &str) -> Result<String> {
    let mut found = blocks(&runbook()?, "sh");
    found.retain(|block| block.contains(words));
    ensure!(
        found.len() == 1,
        "{} blocks of the runbook have {words:?}",
        found.len()
    );
    Ok(found.remove(0))
}

/// This command, which the runbook must have just so, with what stands for a name, a namespace, an id put in.
pub fn as_written(command: &str, replaced: &[(&str, &str)]) -> Result<String> {
    let known = inline_commands(&runbook()?).iter().any(|known| known == command);
    ensure!(known, "the runbook does not say {command:?}");
    Ok(filled(command, replaced))
}

/// A command with what stands for a name, a namespace, an id put in.
pub fn filled(command: &str, replaced: &[(&str, &str)]) -> String {
    let mut command = command.to_owned();
    for (from, to) in replaced {
        command = command.replace(from, to);
    }
    command
}

/// Every text of the operator that tells a person to do something, as the source has it, and where.
pub fn remedies_in_source() -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let root = std::path::absolute(vobiz_harness::products::repository())?;
    for folder in ["src", "protocol/src"] {
        collect(&root.join(folder), &mut found)?;
    }
    ensure!(found.len() > 20, "the messages were not found: {found:#?}");
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name == "tests" || name == "tests.rs" {
            continue;
        }
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path)?;
            let literals = literals(&source);
            let place = path.display().to_string();
            let remedies = literals.into_iter().filter(|text| is_remedy(text));
            found.extend(remedies.map(|text| (place.clone(), text)));
        }
    }
    Ok(())
}

/// Every text literal outside comments and tests, continued lines joined.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<&str> = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n").replace("'\"'", "").replace(r"\\", "");
    let mut joined = String::new();
    for (number, part) in code.split("\\\n").enumerate() {
        joined += if number == 0 { part } else { part.trim_start() };
    }
    let (mut literals, mut current, mut escaped) = (Vec::new(), None::<String>, false);
    for character in joined.chars() {
        match (&mut current, character) {
            (Some(literal), character) if escaped => {
                literal.push(character);
                escaped = false;
            }
            (Some(_), '\\') => escaped = true,
            (Some(_), '"') => literals.extend(current.take()),
            (Some(literal), character) => literal.push(character),
            (None, '"') => current = Some(String::new()),
            (None, _) => {}
        }
    }
    literals
}

/// What a remedy begins with, after a colon, a comma or a semicolon.
const IMPERATIVES: [&str; 21] = [
    "create",
    "correct",
    "remove",
    "delete",
    "set",
    "put",
    "apply",
    "change",
    "let",
    "raise",
    "grant",
    "name another",
    "choose",
    "top it",
    "check",
    "edit",
    "make",
    "restore",
    "give",
    "write",
    "use",
];

fn is_remedy(text: &str) -> bool {
    let begins = [
        "let the policy ",
        "let the webhook ",
        "raise the ",
        "grant the ",
        "make these ",
    ];
    begins.iter().any(|begin| text.starts_with(begin))
        || IMPERATIVES.iter().any(|verb| {
            [": ", ", or ", "; ", ", and "]
                .iter()
                .any(|before| text.contains(&format!("{before}{verb} ")))
        })
}

pub fn self_test() -> Result<()> {
    let text = "# Book\n\n## A `thing`\n\n| reason | what it means | what to do |\n|---|---|---|\n| `One` | a | b `kubectl get vsa --watch` |\n\n| x | y |\n|---|---|\n| no | row |\n";
    let expected = Row {
        key: "A thing / One".to_owned(),
        remedy: "b `kubectl get vsa --watch`".to_owned(),
    };
    ensure!(rows(text) == [expected], "{:?}", rows(text));
    ensure!(
        inline_commands(text) == ["kubectl get vsa --watch"],
        "{:?}",
        inline_commands(text)
    );
    let source = "// \"no: set it\"\nlet a = \"it is so: set \\\n     this \\\"x\\\" now\"; let b = \"plain\";\n#[cfg(test)] \"x: set it\"";
    ensure!(
        literals(source) == ["it is so: set this \"x\" now", "plain"],
        "{:?}",
        literals(source)
    );
    ensure!(
        is_remedy("it is so: set this") && !is_remedy("write the status") && !is_remedy("it was set to this")
    );
    Ok(())
}
