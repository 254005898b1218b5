//! Leads from the command line to what carries it out. I/O.

use super::answer::Answer;
use super::failure::Failure;
use super::flags::{Command, CommandLine, PairFlags};
use super::session::Session;
use super::{completion, doctor, import, manual, orphans, output, plan, status};

/// Carries it out. Needs a rustls provider installed for the process.
pub async fn run(command_line: CommandLine) -> Result<Answer, Failure> {
    let CommandLine {
        command,
        cluster,
        api,
    } = command_line;
    let session = async |pair: &PairFlags| Session::open(&cluster, &api, pair).await;
    match command {
        Command::Plan(flags) => Box::pin(plan::command(session(&flags.pair).await, &flags, &cluster)).await,
        Command::Status(flags) => Box::pin(status::command(&session(&flags.pair).await?, &flags)).await,
        Command::Import(flags) => {
            let session = session(&PairFlags::default()).await?;
            Box::pin(import::command(&session, &flags)).await
        }
        Command::Orphans(flags) => Box::pin(orphans::command(&session(&flags.pair).await?, &flags)).await,
        Command::Doctor(flags) => {
            let session = session(&PairFlags::default()).await?;
            Box::pin(doctor::command(&session, &flags)).await
        }
        Command::Completion(flags) => {
            output::data(&completion::script(flags.shell))?;
            Ok(Answer::Nothing)
        }
        Command::Manual(flags) => {
            manual::write(&flags.directory)?;
            Ok(Answer::Nothing)
        }
        Command::Version => {
            output::data(&format!("kubectl-vobiz {} ({})\n", crate::VERSION, crate::COMMIT))?;
            Ok(Answer::Nothing)
        }
    }
}
