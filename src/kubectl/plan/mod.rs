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
use super::validation::Definitions;
use manifests::Manifests;
use prospect::{Action, Prospect};
use summary::Plan;

/// The namespace of objects that name none, where there is no kubeconfig that names one.
const NAMESPACE: &str = "default";

/// Carries it out. What is wrong with the manifests alone is told without the cluster as well, which may be out of reach.
pub async fn command(
    session: Result<Session, Failure>,
    flags: &PlanFlags,
    cluster: &ClusterFlags,
) -> Result<Answer, Failure> {
    let namespace = match &session {
        Ok(session) => session.namespace.as_str(),
        Err(_) => cluster.namespace.as_deref().unwrap_or(NAMESPACE),
    };
    let manifests = manifests::read(flags, cluster, namespace)?;
    let definitions = Definitions::new()?;
    let planned = match session {
        Ok(session) => Box::pin(make::plan(&session, flags, &manifests, &definitions)).await,
        Err(failure) => Err(failure),
    };
    let plan = planned.inspect_err(|_| {
        for line in wrong(&manifests, &definitions) {
            output::word(&line);
        }
    })?;
    output::data(&match flags.output {
        PlanFormat::Table => text::plan(&plan),
        PlanFormat::Markdown => markdown::plan(&plan),
        PlanFormat::Json => output::written(&plan, Format::Json)?,
        PlanFormat::Yaml => output::written(&plan, Format::Yaml)?,
    })?;
    if manifests.others > 0 && flags.output == PlanFormat::Table {
        let others = manifests.others;
        output::word(&format!("{others} objects of other kinds are not looked at"));
    }
    answer(&plan)
}

/// A line for each thing that the definitions' own rules say of a manifest alone.
fn wrong(manifests: &Manifests, definitions: &Definitions) -> Vec<String> {
    let of_each = manifests.objects.iter().flat_map(|(id, manifest)| {
        let errors = definitions.errors(id.kind.as_str(), manifest, None);
        errors
            .into_iter()
            .map(move |error| format!("{id}: {}", error.told()))
    });
    of_each.collect()
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
