//! I/O. What the demonstration says: headings with the time that has passed, commands, and their output indented.

use std::time::Instant;

/// Tells a story on standard output.
#[derive(Debug)]
pub struct Narration {
    started: Instant,
}

impl Narration {
    /// The clock starts now.
    #[must_use]
    pub fn begin() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// A heading.
    pub fn heading(&self, text: &str) {
        println!("\n== {text}  [{:.1} s]", self.started.elapsed().as_secs_f32());
    }

    /// A remark.
    #[expect(
        clippy::unused_self,
        reason = "a remark belongs to a narration like its headings"
    )]
    pub fn say(&self, text: &str) {
        println!("   {text}");
    }

    /// A command as the reader would type it.
    pub fn command(&self, text: &str) {
        self.say(&format!("$ {text}"));
    }

    /// Output of a command or a table.
    pub fn output(&self, text: &str) {
        for line in text.trim_end().lines() {
            self.say(&format!("  {line}"));
        }
    }
}
