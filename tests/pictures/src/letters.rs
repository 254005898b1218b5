//! How wide words are, and where a line of them is broken: nothing here measures a font. PURE.

/// About how wide this is in a letter without serifs of this size, in pixels.
pub fn width(words: &str, size: u32) -> u32 {
    let thousandths: u32 = words.chars().map(thousandths).sum();
    // What Plotters calls the size is that of the line: it writes letters of its 1.24th part.
    (thousandths * size).div_ceil(1240)
}

/// Of the size of a letter, as the wider of the usual faces have it: a reader's own may be any.
fn thousandths(letter: char) -> u32 {
    match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' => 340,
        'f' | 'r' | 't' | ' ' | '/' | '(' | ')' | '-' => 410,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 980,
        'A'..='Z' | '<' | '>' => 700,
        _ => 620,
    }
}

/// The words in lines that are no wider than this.
pub fn lines(words: &str, size: u32, wide: u32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size) <= wide => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_between_words_before_it_is_too_wide() {
        assert!(width("illicit", 12) < width("WOMMWOM", 12) / 2);
        let words = "The leader; without an election every replica.";
        let broken = lines(words, 13, 180);
        assert!(broken.len() > 1 && broken.iter().all(|line| width(line, 13) <= 180));
        assert_eq!(broken.join(" "), words);
        assert_eq!(lines("", 13, 180), Vec::<String>::new());
    }
}
