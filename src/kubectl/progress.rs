//! How far a command has come, for a person who waits: on standard error, on a terminal alone and never with `NO_COLOR`. I/O.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far something has come of which many are read or written. It is gone from the terminal when it is dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// Of so many of these; how many may not be known yet.
    #[must_use]
    pub fn of(what: &'static str, total: Option<u64>) -> Self {
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        let target = if io::stderr().is_terminal() && !is_plain {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self::on(target, what, total)
    }

    fn on(target: ProgressDrawTarget, what: &'static str, total: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(total, target).with_message(what);
        let progress = Self(bar);
        progress.style();
        progress
    }

    /// So many more, and how many there are in all, if that is known now.
    pub fn add(&self, more: usize, total: Option<u64>) {
        if let Some(total) = total.filter(|total| self.0.length() != Some(*total)) {
            self.0.set_length(total);
            self.style();
        }
        self.0.inc(more as u64);
    }

    /// A bar needs an end.
    fn style(&self) {
        let template = match self.0.length() {
            Some(_) => "{msg} {wide_bar} {pos}/{len}",
            None => "{spinner} {msg} {pos}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style.progress_chars("=> "));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::sync::{Arc, Mutex};

    /// A terminal that keeps all that was ever written to it.
    #[derive(Clone, Debug, Default)]
    struct Paper(Arc<Mutex<String>>);

    impl TermLike for Paper {
        fn width(&self) -> u16 {
            60
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            self.write_str("<cleared>")
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn it_counts_becomes_a_bar_once_the_end_is_known_and_leaves_nothing() {
        let paper = Paper::default();
        let progress = Progress::on(
            ProgressDrawTarget::term_like(Box::new(paper.clone())),
            "subaccounts at Vobiz",
            None,
        );
        progress.add(100, None);
        progress.0.force_draw();
        progress.add(100, Some(400));
        progress.0.force_draw();
        drop(progress);
        let drawn = paper.0.lock().unwrap().clone();
        assert!(drawn.contains("subaccounts at Vobiz 100"), "{drawn}");
        assert!(drawn.contains("==") && drawn.contains("200/400"), "{drawn}");
        let left = drawn.rsplit("<cleared>").next().unwrap_or_default();
        assert!(left.trim().is_empty() && !drawn.contains('\u{1b}'), "{drawn}");
    }
}
