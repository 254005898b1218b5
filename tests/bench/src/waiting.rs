//! I/O. Waits for counts, tells how far they are, and gives up when they stand still.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

const LOOK: Duration = Duration::from_millis(250);
const TELL: Duration = Duration::from_secs(10);
/// Without any progress for so long, something is stuck: longer than `--settle-seconds` is by default, which the end of an
/// object waits for whose create was under way.
const STALL: Duration = Duration::from_secs(200);

/// Says on standard error what is being done, and when.
pub fn progress(what: &str) {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let elapsed = BEGUN.get_or_init(Instant::now).elapsed();
    eprintln!("[{:>5.0} s] {what}", elapsed.as_secs_f64());
}

const BAR: &str = "          {msg} {wide_bar} {pos}/{len}";
/// Before anything has come there is no estimate.
const BAR_WITH_ESTIMATE: &str = "          {msg} {wide_bar} {pos}/{len}, {eta} left";

/// How far a count has come, on a terminal alone.
fn bar(what: &str, wanted: usize) -> ProgressBar {
    let bar = ProgressBar::new(wanted as u64).with_message(what.to_owned());
    style(&bar, BAR);
    bar
}

fn style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
}

/// Waits until a count is at least this large; `check` tells what is broken, if anything is.
pub async fn until(
    what: &str,
    wanted: usize,
    check: impl Fn() -> Result<()>,
    mut count: impl AsyncFnMut() -> Result<usize>,
) -> Result<()> {
    let (mut last, mut moved, mut told) = (None, Instant::now(), Instant::now());
    let bar = bar(what, wanted);
    loop {
        let found = count().await?;
        bar.set_position(found as u64);
        if found >= wanted {
            return Ok(());
        }
        check()?;
        if last != Some(found) {
            if last.is_some() {
                style(&bar, BAR_WITH_ESTIMATE);
            }
            (last, moved) = (Some(found), Instant::now());
        }
        if moved.elapsed() > STALL {
            bail!(
                "{what}: {found} of {wanted}, and no more for {} s",
                STALL.as_secs()
            );
        }
        if bar.is_hidden() && told.elapsed() > TELL {
            told = Instant::now();
            progress(&format!("  {what}: {found} of {wanted}"));
        }
        tokio::time::sleep(LOOK).await;
    }
}
