//! `status`: how Subaccounts stand, worst first; and of one all that is known, on one page.

mod facts;
mod list;
mod page;
mod row;
mod text;

use super::answer::Answer;
use super::failure::Failure;
use super::flags::StatusFlags;
use super::session::Session;

/// Carries it out.
pub async fn command(session: &Session, flags: &StatusFlags) -> Result<Answer, Failure> {
    match &flags.name {
        Some(name) => Box::pin(page::show(session, name, flags)).await,
        None => list::show(session, flags).await,
    }
}
