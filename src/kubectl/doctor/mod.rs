//! `doctor`: the installation, the rights, the credentials, the clocks, Records and Secrets, each with a remedy where it is not well.

mod accounts;
mod check;
mod clocks;
mod definitions;
mod examine;
mod installation;
mod pairs;
mod records;
mod rights;
mod running;
mod secrets;
mod settings;
mod text;

use super::answer::Answer;
use super::failure::Failure;
use super::flags::{DoctorFlags, Format};
use super::output;
use super::session::Session;
use check::Report;

/// Carries it out.
pub async fn command(session: &Session, flags: &DoctorFlags) -> Result<Answer, Failure> {
    let report = Report::of(examine::all(session, flags).await?);
    output::data(&match flags.output {
        Format::Table => text::table(&report.checks, !flags.no_headers, output::is_terminal()),
        format => output::written(&report, format)?,
    })?;
    if flags.output == Format::Table {
        output::word(&text::summary(report.summary));
    }
    Ok(if report.summary.fault > 0 {
        Answer::Finding
    } else {
        Answer::Nothing
    })
}
