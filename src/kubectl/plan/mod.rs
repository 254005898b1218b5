//! `plan`: what applying manifests, and pruning what is in none, would do at Vobiz, object by object, without a write anywhere.

mod account;
pub mod deed;
mod effect;
mod foresee;
mod looks;
mod make;
mod manifests;
mod markdown;
mod merge;
pub mod prospect;
pub mod rehearsal;
mod rehearsed;
mod setting;
mod stand_in;
mod summary;
pub mod text;

use super::answer::Answer;
use super::failure::Failure;
use super::flags::{ClusterFlags, Format, PlanFlags, PlanFormat};
use super::output;
use super::session::Session;
use prospect::{Action, Prospect};
use summary::Plan;

/// Carries it out.
pub async fn command(
    session: &Session,
    flags: &PlanFlags,
    cluster: &ClusterFlags,
) -> Result<Answer, Failure> {
    let manifests = manifests::read(flags, cluster, &session.namespace)?;
    let others = manifests.others;
    let plan = Box::pin(make::plan(session, flags, manifests)).await?;
    output::data(&match flags.output {
        PlanFormat::Table => text::plan(&plan),
        PlanFormat::Markdown => markdown::plan(&plan),
        PlanFormat::Json => output::written(&plan, Format::Json)?,
        PlanFormat::Yaml => output::written(&plan, Format::Yaml)?,
    })?;
    if others > 0 && flags.output == PlanFormat::Table {
        output::word(&format!("{others} objects of other kinds are not looked at"));
    }
    answer(&plan)
}

fn answer(plan: &Plan) -> Result<Answer, Failure> {
    let untold = plan
        .objects
        .iter()
        .filter(|prospect| prospect.action == Action::CannotTell);
    let untold: Vec<String> = untold.map(Prospect::place).collect();
    if !untold.is_empty() {
        return Err(Failure::new(
            untold.join(", "),
            "what would become of it cannot be told",
            "see what the plan says of it",
        ));
    }
    let is_change = plan.objects.iter().any(Prospect::is_change);
    Ok(if is_change {
        Answer::Finding
    } else {
        Answer::Nothing
    })
}
