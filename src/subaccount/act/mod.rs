//! Carries out one step of a pass and stores what it was answered in what the pass knows. I/O.
//!
//! An effect that cannot go on ends the pass with an outcome; nothing is retried here but what protects a pair.

mod adopt;
mod bind;
mod claim;
mod lookup;
mod needs;
mod object;
mod predecessor;
mod record;
mod remote;
mod secret;

pub(super) use object::remember;
pub(super) use secret::stays_behind;

use super::pass::Pass;
use super::plan::Step;
use super::tell::Outcome;

/// Runs the step. `Err` ends the pass.
pub async fn run(step: Step, pass: &mut Pass<'_>) -> Result<(), Outcome> {
    match step {
        Step::TakePermit => remote::take_permit(pass).await,
        Step::AddFinalizer => object::add_finalizer(pass).await,
        Step::ReadRecord => record::read(pass).await,
        Step::OpenRecord => record::open(pass).await,
        Step::RebuildRecord => record::rebuild(pass).await,
        Step::OpenAdoption => adopt::open(pass).await,
        Step::WithdrawAdoption => adopt::withdraw(pass).await,
        Step::Adopt => adopt::adopt(pass).await,
        Step::TakeOver => record::take_over(pass).await,
        Step::Reopen => record::reopen(pass).await,
        Step::ClosePredecessor => predecessor::close(pass).await,
        Step::Reclaim => predecessor::reclaim(pass).await,
        Step::Confirm => object::confirm(pass).await,
        Step::Create => remote::create(pass).await,
        Step::Bind => bind::bind(pass).await,
        Step::ReadSecret => secret::read(pass).await,
        Step::JudgeClaim => claim::judge(pass).await,
        Step::ProvePair => claim::prove(pass).await,
        Step::RecoverPair => {
            pass.known.recover_pair();
            Ok(())
        }
        Step::ForgetIdentity => object::forget_identity(pass).await,
        Step::AdoptIdentity => object::adopt_identity(pass).await,
        Step::RestorePair => record::restore_pair(pass).await,
        Step::PublishSecret => secret::publish(pass).await,
        Step::RemoveFormerSecret => secret::remove_former(pass).await,
        Step::ReadAccount => remote::read(pass).await,
        Step::Update => remote::update(pass).await,
        Step::Close => record::close(pass).await,
        Step::Delete => remote::delete(pass).await,
        Step::DeleteMade => remote::delete_made(pass).await,
        Step::DeleteLeftover => remote::delete_leftover(pass).await,
        Step::ReleaseFinalizer => object::release_finalizer(pass).await,
        Step::DropRecord => record::discard(pass).await,
        Step::Rest(rest) => Err(Outcome::new(rest, "")),
    }
}
