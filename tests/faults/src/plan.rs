//! PURE. The plans: every write of the recorded clean run in every mode, numbered in a fixed order.

use std::collections::{BTreeMap, BTreeSet};

use crate::mode::{Kind, Mode};
use crate::workload::{Generation, Workload};
use crate::write::Write;

/// A workload on one generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scene {
    /// What the user does.
    pub workload: Workload,
    /// Against which API.
    pub generation: Generation,
}

impl Scene {
    /// Every workload on its generations.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let of = |workload: Workload| {
            let generations = workload.generations().iter().copied();
            generations.map(move |generation| Self { workload, generation })
        };
        Workload::ALL.into_iter().flat_map(of).collect()
    }

    /// Whether this write of it is broken so.
    #[must_use]
    pub fn meets(&self, write: &Write, mode: Mode) -> bool {
        let is_sample = mode.is_sample() && !write.is_event() && !write.may_release_a_mark();
        mode.fits(write) && (is_sample || !self.workload.is_sampled())
    }
}

impl std::fmt::Display for Scene {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.workload.name(), self.generation.name())
    }
}

/// The n-th write of a kind, for one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Occurrence {
    /// Which change.
    pub write: Write,
    /// Counted from 1 since the workload began.
    pub ordinal: u32,
}

/// One fault at one write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plan {
    /// During what.
    pub scene: Scene,
    /// At which write.
    pub at: Occurrence,
    /// What is done.
    pub mode: Mode,
}

impl Plan {
    /// What it needs.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.mode.kind() {
            Kind::Refused if self.is_a_bind() => Kind::RefusedBind,
            kind => kind,
        }
    }

    fn is_a_bind(&self) -> bool {
        self.at.write.changes_a_record() && self.scene.workload.bind() == Some(self.at.ordinal)
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { scene, at, mode } = self;
        let action = at.write.action.replace(['/', ' '], "-");
        write!(formatter, "{scene}/{action}-{}/{}", at.ordinal, mode.name())
    }
}

/// The writes that every clean run of a scene had: one that comes only sometimes cannot be aimed at.
#[must_use]
pub fn common(runs: &[Vec<Occurrence>]) -> BTreeSet<Occurrence> {
    let mut sets = runs
        .iter()
        .map(|run| run.iter().cloned().collect::<BTreeSet<_>>());
    let first = sets.next().unwrap_or_default();
    sets.fold(first, |common, run| common.intersection(&run).cloned().collect())
}

/// Every write in every mode that fits it. The place in the list, from 1, is the plan's number.
#[must_use]
pub fn enumerate(recorded: &BTreeMap<Scene, BTreeSet<Occurrence>>) -> Vec<Plan> {
    let mut plans = Vec::new();
    for (scene, writes) in recorded {
        for at in writes {
            for mode in Mode::all()
                .into_iter()
                .filter(|mode| scene.meets(&at.write, *mode))
            {
                plans.push(Plan {
                    scene: *scene,
                    at: at.clone(),
                    mode,
                });
            }
        }
    }
    plans
}

/// As many plans of every scene and mode as fit: the seed decides which, and in which order.
#[must_use]
pub fn choose(plans: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..plans).collect();
    fastrand::Rng::with_seed(seed).shuffle(&mut numbers);
    numbers.truncate(count);
    numbers
}

/// Of those in `order` one plan for each pair of a write and somebody who refuses it that no chosen plan has.
#[must_use]
pub fn missing_refusals(plans: &[Plan], order: &[usize], chosen: &[usize]) -> Vec<usize> {
    let pair = |number: &usize| {
        let plan = &plans[number - 1];
        matches!(plan.mode, Mode::Refused(_)).then_some((plan.mode, &plan.at.write))
    };
    let mut covered: BTreeSet<_> = chosen.iter().filter_map(pair).collect();
    let is_new = |number: &usize| pair(number).is_some_and(|pair| covered.insert(pair));
    order.iter().copied().filter(is_new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::denier::Denier;
    use crate::write::Server;

    fn occurrence(action: &str) -> Occurrence {
        Occurrence {
            write: Write::new(Server::Kubernetes, action),
            ordinal: 1,
        }
    }

    #[test]
    fn a_write_that_one_clean_run_lacks_is_no_target() {
        let runs = [
            vec![occurrence("create record"), occurrence("update record")],
            vec![occurrence("update record")],
        ];
        assert_eq!(common(&runs), BTreeSet::from([occurrence("update record")]));
    }

    #[test]
    fn every_write_meets_every_mode_that_fits_it_and_every_plan_has_a_name_of_its_own() {
        let scene = Scene::all()[0];
        let writes = BTreeSet::from([
            occurrence("create record"),
            occurrence("patch subaccounts/status"),
        ]);
        let plans = enumerate(&BTreeMap::from([(scene, writes)]));
        // After a status nobody looks at the object once more, an ending namespace refuses none, and it outlasts no Lease.
        assert_eq!(plans.len(), 2 * Mode::all().len() - 3);
        let names: BTreeSet<String> = plans.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), plans.len());
    }

    #[test]
    fn a_sampled_workload_is_broken_in_every_kind_of_way_and_never_at_an_event_or_a_mark() {
        let all = Scene::all();
        let sampled = all.iter().find(|scene| scene.workload.is_sampled());
        let writes = || {
            BTreeSet::from([
                occurrence("update record"),
                occurrence("create events SubaccountCreated"),
                occurrence("patch accounts"),
            ])
        };
        let plans = enumerate(&BTreeMap::from([(*sampled.unwrap(), writes())]));
        assert!(plans.iter().all(|plan| plan.at == occurrence("update record")));
        let kinds: BTreeSet<Kind> = plans.iter().map(Plan::kind).collect();
        let whole = enumerate(&BTreeMap::from([(all[0], writes())]));
        let all_kinds: BTreeSet<Kind> = whole.iter().map(|plan| plan.mode.kind()).collect();
        assert_eq!(kinds, all_kinds);
        assert!(
            2 * plans.len() < whole.len(),
            "{} of {}",
            plans.len(),
            whole.len()
        );
    }

    #[test]
    fn every_write_is_refused_by_everybody_in_one_of_the_chosen_plans_or_in_one_that_is_added() {
        let scenes = [Scene::all()[0], Scene::all()[2]];
        let writes = || BTreeSet::from([occurrence("create record"), occurrence("patch accounts")]);
        let plans = enumerate(&scenes.map(|scene| (scene, writes())).into());
        let order: Vec<usize> = (1..=plans.len()).rev().collect();
        let first_refused = order
            .iter()
            .find(|number| plans[*number - 1].kind() == Kind::Refused);
        let chosen = [*first_refused.unwrap()];
        let added = missing_refusals(&plans, &order, &chosen);
        // One is chosen, and an ending namespace refuses no patch.
        assert_eq!(added.len(), 2 * Denier::ALL.len() - 2);
        let all: Vec<usize> = chosen.iter().chain(&added).copied().collect();
        assert!(missing_refusals(&plans, &order, &all).is_empty());
    }

    #[test]
    fn a_refused_bind_is_told_from_the_other_updates_of_a_record() {
        let refused = |workload, ordinal| Plan {
            scene: Scene {
                workload,
                generation: Generation::Gen2,
            },
            at: Occurrence {
                write: Write::new(Server::Kubernetes, "update record"),
                ordinal,
            },
            mode: Mode::Refused(Denier::Quota),
        };
        assert_eq!(refused(Workload::Create, 1).kind(), Kind::RefusedBind);
        assert_eq!(refused(Workload::Recreate, 1).kind(), Kind::Refused);
        assert_eq!(refused(Workload::Recreate, 2).kind(), Kind::RefusedBind);
        assert_eq!(refused(Workload::DeleteDuringCreate, 2).kind(), Kind::Refused);
        let dropped = Plan {
            mode: Mode::Drop,
            ..refused(Workload::Create, 1)
        };
        assert_eq!(dropped.kind(), Kind::Request);
    }

    #[test]
    fn a_seed_chooses_the_same_plans_again_and_none_twice() {
        assert_eq!(choose(100, 30, 7), choose(100, 30, 7));
        assert_ne!(choose(100, 30, 7), choose(100, 30, 8));
        let whole: BTreeSet<usize> = choose(100, 100, 7).into_iter().collect();
        assert_eq!(whole.len(), 100);
    }
}
