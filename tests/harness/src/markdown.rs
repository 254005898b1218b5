//! Reads what documents tell people to type. PURE.

/// Every fenced block of one language, without its indentation.
#[must_use]
pub fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let indentation = line.len() - line.trim_start().len();
        if line.trim_start().strip_prefix("```") == Some(language) {
            let block = lines.by_ref().take_while(|line| line.trim() != "```");
            blocks.push(
                block
                    .map(|line| line.get(indentation..).unwrap_or_default().to_owned() + "\n")
                    .collect(),
            );
        }
    }
    blocks
}
