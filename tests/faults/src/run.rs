//! I/O. One plan from its first object to its verdict.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::future::{Either, select};
use jiff::{SignedDuration, Timestamp};

use crate::actor::{Actor, is_ready};
use crate::collect::{evidence, remains, remains_for_certain};
use crate::company::Companion;
use crate::evidence::{EndState, Remains};
use crate::judge::{Verdict, judge};
use crate::mode::Mode;
use crate::plan::{Occurrence, Scene};
use crate::pulse::{LONGEST, unstarved};
use crate::refusal::{Counts, Refusal, counts};
use crate::registry::Interlude;
use crate::stage::Stage;
use crate::withstand::{Measure, withstand};

const LOOK: Duration = Duration::from_millis(500);
/// A state counts as the end when it has stayed for so long: longer than settle, and than a late commit takes.
const QUIET: Duration = Duration::from_millis(5500);
/// How long a namespace that is empty of everything of ours may take: its controller looks again less and less often.
const NAMESPACE: Duration = Duration::from_mins(5);
/// How long it waits for that write when everything else is over.
const IDLE: Duration = Duration::from_secs(15);
/// After this long it is not slow, it is stuck. Until then it is looked at on, so that the verdict tells one from the other.
const STUCK: SignedDuration = SignedDuration::from_secs(90);

/// A plan that has been prepared.
pub struct Prepared<'a> {
    stage: &'a Stage,
    actor: Actor<'a>,
    scene: Scene,
    target: Option<(Occurrence, Mode)>,
    interlude: Option<Interlude>,
}

/// What became of a plan.
pub struct Ended {
    /// Whether the fault happened, if one was to.
    pub reached: bool,
    /// The end.
    pub end: EndState,
    /// Whether that is what the workload is for.
    pub is_as_meant: bool,
    /// The writes of the workload.
    pub seen: Vec<Occurrence>,
    /// Its requests to the API.
    pub calls: Counts,
    /// The verdict.
    pub verdict: Verdict,
    /// What happened, line by line.
    pub timeline: String,
}

/// Makes everything that is there before the workload begins.
pub async fn prepare<'a>(
    stage: &'a Stage,
    scene: Scene,
    target: Option<(Occurrence, Mode)>,
    unique: &str,
) -> Result<Prepared<'a>> {
    let actor = Actor::new(stage, scene, unique);
    let set_up = actor.set_up().await;
    if let Err(error) = set_up {
        let said = stage.warden.explain().await;
        return Err(error.context(format!("failed to set a plan up; the operator says:\n{said}")));
    }
    let interlude = actor.interlude();
    Ok(Prepared {
        stage,
        actor,
        scene,
        target,
        interlude,
    })
}

impl Prepared<'_> {
    /// Lets it happen and judges what is left; `clean` is the end without faults, none: this is the run without. What is
    /// refused for good is looked at while it lasts.
    pub async fn run(self, clean: Option<&EndState>, measure: Option<Measure<'_>>) -> Result<Ended> {
        let Self {
            stage,
            actor,
            scene,
            target,
            interlude,
        } = self;
        let is_aimed = target.is_some();
        stage.registry.begin(&actor.namespace, target.clone());
        let life = async {
            let performed = actor.perform(interlude).await;
            performed.context("failed to perform a workload")?;
            await_rest(stage, &actor, scene, is_aimed, clean).await
        };
        let (faults, refusal) = match (target, measure) {
            (Some((at, Mode::Refused(by))), Some(measure)) => {
                let ordeal = withstand(stage, &actor, scene.workload, (at.write, by), measure);
                let lived = Box::pin(through(life, ordeal)).await;
                // Whatever went wrong, it is refused no longer than its plan lasts.
                stage.registry.allow(&actor.namespace);
                let (faults, refusal) = lived?;
                let is_judged = refusal.is_some() || !stage.registry.has_begun(&actor.namespace);
                ensure!(is_judged, "the plan ended before its refusal was judged");
                (faults, refusal)
            }
            _ => (life.await?, None),
        };
        stage.warden.ensure_well().await?;
        let reached = stage.registry.fault(&actor.namespace).is_some();
        let mut faults = faults;
        faults.extend(stage.registry.given_up(&actor.namespace));
        faults.sort();
        let found = evidence(stage, &actor, scene, faults, refusal).await?;
        let end = found.scene.end_state();
        let is_as_meant = is_expected(scene, &found.scene, &actor.companions());
        let verdict = judge(&found, clean.unwrap_or(&end));
        let seen = stage.registry.seen(&actor.namespace);
        actor.retire().await;
        Ok(Ended {
            reached: reached || !is_aimed,
            end,
            is_as_meant,
            seen,
            calls: counts(&found.calls, None),
            verdict,
            timeline: found.timeline(),
        })
    }
}

/// The workload to its end, and its refusal before that; none: its write never came.
async fn through(
    life: impl Future<Output = Result<Vec<Timestamp>>>,
    ordeal: impl Future<Output = Result<Refusal>>,
) -> Result<(Vec<Timestamp>, Option<Refusal>)> {
    match select(pin!(life), pin!(ordeal)).await {
        Either::Left((faults, _)) => Ok((faults?, None)),
        Either::Right((refusal, life)) => {
            let refusal = refusal?;
            Ok((life.await?, Some(refusal)))
        }
    }
}

/// Waits for the end, or for the time by which it should have come. Returns when something was broken.
async fn await_rest(
    stage: &Stage,
    actor: &Actor<'_>,
    scene: Scene,
    is_aimed: bool,
    clean: Option<&EndState>,
) -> Result<Vec<Timestamp>> {
    let (begun, beginning) = (Instant::now(), Timestamp::now());
    let mut calm: Option<(Instant, usize)> = None;
    let mut reached_since: Option<Instant> = None;
    loop {
        let own = stage.registry.fault(&actor.namespace);
        let has_begun = stage.registry.has_begun(&actor.namespace);
        let is_under_way = has_begun && own.is_none();
        let faults = stage.warden.faults().filter(|_| !is_under_way);
        let faults = faults.map(|mut faults| {
            faults.extend(own);
            faults.sort();
            faults
        });
        let faults_are_over = faults.is_some();
        let over = (own.is_some() || !is_aimed) && faults_are_over;
        let faults = faults.unwrap_or_default();
        if let Some((since, count)) = calm
            && count == faults.len()
            && since.elapsed() <= QUIET
        {
            tokio::time::sleep(LOOK).await;
            continue;
        }
        let found = remains(stage, actor).await?;
        let is_end = |found: &Remains| match clean {
            Some(clean) => found.end_state() == *clean,
            None => is_expected(scene, found, &actor.companions()),
        };
        let is_reached = is_end(&found);
        calm = match calm {
            _ if !is_reached || !over => None,
            Some((_, count)) if count == faults.len() => {
                // Watches may lag: what they told is true only if a new look shows the same.
                if is_end(&remains_for_certain(stage, actor).await?) {
                    return Ok(faults);
                }
                None
            }
            _ => Some((Instant::now(), faults.len())),
        };
        let last = faults.last().copied();
        let since = last.unwrap_or(beginning).max(beginning);
        let is_stuck = unstarved(&stage.pulse.starved(), since, Timestamp::now()) > STUCK;
        let too_late = faults_are_over && is_stuck || begun.elapsed() > LONGEST.unsigned_abs();
        reached_since = reached_since
            .filter(|_| is_reached)
            .or(is_reached.then(Instant::now));
        let idle = reached_since.is_some_and(|since| since.elapsed() > IDLE);
        let mut missed = is_aimed && !has_begun && idle;
        if missed && !is_end(&remains_for_certain(stage, actor).await?) {
            (missed, reached_since) = (false, None);
        }
        // How soon a namespace goes when its last object has gone is its controller's affair.
        let is_kubernetes_turn = clean.is_some_and(|clean| {
            let end = found.end_state();
            end.namespace
                && !clean.namespace
                && EndState {
                    namespace: false,
                    ..end
                } == *clean
        });
        let patient = is_kubernetes_turn && begun.elapsed() < NAMESPACE;
        if (too_late && calm.is_none() && !patient) || missed {
            return Ok(faults);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What a workload is for.
fn is_expected(scene: Scene, found: &Remains, beside: &[Companion]) -> bool {
    let workload = scene.workload;
    let lives = |remains: &Remains| remains.object.as_ref().is_some_and(is_ready) && remains.secret.is_some();
    let is_gone = |remains: &Remains| remains.object.is_none() && remains.secret.is_none();
    let object = if workload.leaves_an_object() {
        lives(found) && found.accounts.len() == 1
    } else {
        is_gone(found) && found.accounts.len() == workload.accounts_left()
    };
    let stays = workload.leaves_the_namespace();
    let credentials = found.credentials_in_use == stays.then_some(workload.leaves_the_credentials_in_use());
    let is_as_meant = |(remains, companion): (&Remains, &Companion)| {
        if stays && companion.stays {
            lives(remains)
        } else {
            is_gone(remains)
        }
    };
    object && credentials && found.namespace == stays && found.companions.iter().zip(beside).all(is_as_meant)
}
