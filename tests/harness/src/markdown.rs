//! Reads what documents tell people to type. PURE.

/// Every fenced block of one language, without its indentation.
#[must_use]
pub fn blocks(text: &str, language: &str) -> Vec<String> {
    let all = fenced(text).into_iter();
    all.filter(|(of, _)| of == language)
        .map(|(_, block)| block)
        .collect()
}

/// Every fenced block with its language, in their order, without its indentation.
#[must_use]
pub fn fenced(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let indentation = line.len() - line.trim_start().len();
        if let Some(language) = line.trim_start().strip_prefix("```") {
            let block = lines.by_ref().take_while(|line| line.trim() != "```");
            let block = block.map(|line| line.get(indentation..).unwrap_or_default().to_owned() + "\n");
            blocks.push((language.to_owned(), block.collect()));
        }
    }
    blocks
}
