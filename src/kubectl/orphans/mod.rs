//! `orphans`: what no object keeps, at Vobiz and among the Records, each with what may be done.

mod gather;
pub mod judge;
pub mod objects;
pub mod orphan;
mod text;

use super::answer::Answer;
use super::failure::Failure;
use super::flags::{Format, OrphansFlags};
use super::output;
use super::session::Session;

/// Carries it out.
pub async fn command(session: &Session, flags: &OrphansFlags) -> Result<Answer, Failure> {
    let report = gather::report(session, flags).await?;
    output::data(&match flags.output {
        Format::Table => text::table(&report.orphans, !flags.no_headers, output::is_terminal()),
        format => output::written(&report, format)?,
    })?;
    if flags.output == Format::Table {
        for word in text::words(&report) {
            output::word(&word);
        }
    }
    if !report.orphans.is_empty() {
        return Ok(Answer::Finding);
    }
    if report.unseen.is_empty() {
        return Ok(Answer::Nothing);
    }
    Err(Failure::new(
        "orphans",
        "none were found, and not everything could be seen",
        "ask for the rights that it names",
    ))
}
