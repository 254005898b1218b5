//! `import`: manifests of what is at Vobiz already, which change nothing there when they are applied.

mod gather;
mod naming;
mod wording;
mod write;

use super::answer::Answer;
use super::failure::Failure;
use super::flags::ImportFlags;
use super::session::Session;

/// Carries it out.
pub async fn command(session: &Session, flags: &ImportFlags) -> Result<Answer, Failure> {
    let import = gather::import(session, flags).await?;
    write::all(&import, flags)?;
    Ok(Answer::Nothing)
}
