//! Leads from the command line to what carries it out. I/O.

use super::answer::Answer;
use super::failure::Failure;
use super::flags::{Command, CommandLine};
use super::session::Session;
use super::{output, plan, status};

/// Carries it out. Needs a rustls provider installed for the process.
pub async fn run(command_line: CommandLine) -> Result<Answer, Failure> {
    let CommandLine {
        command,
        cluster,
        api,
    } = command_line;
    let session = || Session::open(&cluster, &api);
    match command {
        Command::Plan(flags) => plan::command(&session().await?, &flags, &cluster).await,
        Command::Status(flags) => status::command(&session().await?, &flags).await,
        Command::Version => {
            output::data(&format!("kubectl-vobiz {} ({})\n", crate::VERSION, crate::COMMIT))?;
            Ok(Answer::Nothing)
        }
    }
}
