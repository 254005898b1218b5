//! PURE. The recorded clean run as a file: it gives every plan the number that it has on every machine.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};

use crate::plan::{Occurrence, Scene, common};
use crate::write::{Server, Write};

/// The writes of each scene.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// Those of every clean run.
    pub always: BTreeMap<Scene, BTreeSet<Occurrence>>,
    /// Those that some clean runs had; none of them can be aimed at.
    pub sometimes: BTreeMap<Scene, BTreeSet<Occurrence>>,
}

impl Recording {
    /// What several clean runs of each scene had.
    #[must_use]
    pub fn of(runs: &BTreeMap<Scene, Vec<Vec<Occurrence>>>) -> Self {
        let mut recording = Self::default();
        for (scene, runs) in runs {
            let mut always = common(runs);
            always.retain(|occurrence| !occurrence.write.comes_with_the_time());
            let union: BTreeSet<Occurrence> = runs.iter().flatten().cloned().collect();
            let sometimes = union.difference(&always).cloned().collect();
            recording.sometimes.insert(*scene, sometimes);
            recording.always.insert(*scene, always);
        }
        recording.share_doubts();
        recording
    }

    /// The cluster's side of a workload is the same for both generations: what comes only sometimes there comes only
    /// sometimes here, although all of a few runs had it.
    fn share_doubts(&mut self) {
        let doubts: Vec<(Scene, Occurrence)> = self
            .sometimes
            .iter()
            .flat_map(|(scene, writes)| writes.iter().map(|write| (*scene, write.clone())))
            .filter(|(_, doubt)| doubt.write.server == Server::Kubernetes)
            .collect();
        for (scene, doubt) in doubts {
            let peers = self
                .always
                .iter_mut()
                .filter(|(peer, _)| peer.workload == scene.workload);
            for (peer, always) in peers {
                if always.remove(&doubt) {
                    self.sometimes.entry(*peer).or_default().insert(doubt.clone());
                }
            }
        }
    }

    /// What is newer counts, scene by scene.
    pub fn replace(&mut self, newer: Self) {
        self.always.extend(newer.always);
        self.sometimes.extend(newer.sometimes);
    }

    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self> {
        let mut recording = Self::default();
        for line in text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (how, scene, occurrence) =
                parse_line(line).with_context(|| format!("failed to read the recorded write '{line}'"))?;
            let into = if how == "always" {
                &mut recording.always
            } else {
                &mut recording.sometimes
            };
            into.entry(scene).or_default().insert(occurrence);
        }
        Ok(recording)
    }

    /// Writes a file.
    #[must_use]
    pub fn text(&self) -> String {
        let head = "# The writes of a run without faults; `cargo xtask faults --record` writes this file.\n";
        let mut lines = vec![head.to_owned()];
        for (how, scenes) in [("always", &self.always), ("sometimes", &self.sometimes)] {
            for (scene, writes) in scenes {
                for Occurrence { write, ordinal } in writes {
                    let server = match write.server {
                        Server::Kubernetes => "kubernetes",
                        Server::Vobiz => "vobiz",
                    };
                    lines.push(format!("{how} {scene} {server} {ordinal} {write}\n"));
                }
            }
        }
        lines.concat()
    }

    /// How a clean run differs: writes that never came, and such as were never recorded.
    #[must_use]
    pub fn differences(&self, runs: &BTreeMap<Scene, Vec<Vec<Occurrence>>>) -> Vec<String> {
        let now = Self::of(runs);
        let nothing = BTreeSet::new();
        let mut differences = Vec::new();
        for scene in runs.keys() {
            let of = |scenes: &BTreeMap<Scene, BTreeSet<Occurrence>>| {
                scenes.get(scene).unwrap_or(&nothing).clone()
            };
            let always = of(&self.always);
            let (now_always, now_sometimes) = (of(&now.always), of(&now.sometimes));
            for missing in always.difference(&(&now_always | &now_sometimes)) {
                differences.push(format!("{scene} lacks {} {}", missing.write, missing.ordinal));
            }
            let known = self.known(*scene);
            // One more of a known kind is a repetition: how often something is tried depends on the machine.
            for new in now_always.iter().filter(|new| !known.contains(&new.write)) {
                differences.push(format!("{scene} has {} {}", new.write, new.ordinal));
            }
        }
        differences
    }

    /// Every write that was ever seen in this scene, and what the cluster was asked only sometimes under the other generation: that
    /// depends on the machine, and on no generation.
    fn known(&self, scene: Scene) -> BTreeSet<&Write> {
        let own = [&self.always, &self.sometimes];
        let own = own.into_iter().filter_map(|scenes| scenes.get(&scene)).flatten();
        let peers = self
            .sometimes
            .iter()
            .filter(|(peer, _)| peer.workload == scene.workload);
        let doubts = peers
            .flat_map(|(_, writes)| writes)
            .filter(|doubt| doubt.write.server == Server::Kubernetes);
        own.chain(doubts).map(|known| &known.write).collect()
    }
}

fn parse_line(line: &str) -> Option<(&str, Scene, Occurrence)> {
    let mut words = line.splitn(5, ' ');
    let (how, scene, server) = (words.next()?, words.next()?, words.next()?);
    let scene = Scene::all()
        .into_iter()
        .find(|known| known.to_string() == scene)?;
    let server = match server {
        "kubernetes" => Server::Kubernetes,
        "vobiz" => Server::Vobiz,
        _ => return None,
    };
    let (ordinal, action) = (words.next()?.parse().ok()?, words.next()?);
    let write = Write::new(server, action);
    Some((how, scene, Occurrence { write, ordinal }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occurrence(action: &str) -> Occurrence {
        Occurrence {
            write: Write::new(Server::Kubernetes, action),
            ordinal: 1,
        }
    }

    fn runs(runs: &[&[&str]]) -> BTreeMap<Scene, Vec<Vec<Occurrence>>> {
        let runs = runs
            .iter()
            .map(|run| run.iter().map(|action| occurrence(action)).collect());
        BTreeMap::from([(Scene::all()[0], runs.collect())])
    }

    #[test]
    fn a_recording_is_read_as_it_was_written() {
        let recording = Recording::of(&runs(&[&["create record", "patch a/b"], &["create record"]]));
        assert_eq!(recording.always.values().map(BTreeSet::len).sum::<usize>(), 1);
        assert_eq!(Recording::parse(&recording.text()).unwrap(), recording);
        assert!(Recording::parse("always nowhere/gen9 vobiz 1 create account").is_err());
    }

    #[test]
    fn what_an_account_counts_comes_when_its_list_was_read_and_so_only_sometimes() {
        let counts: &[&str] = &["patch accounts/status", "create record"];
        let recording = Recording::of(&runs(&[counts, counts]));
        let always: Vec<_> = recording.always.values().flatten().collect();
        assert_eq!(always, [&occurrence("create record")]);
    }

    #[test]
    fn what_the_cluster_was_asked_sometimes_under_one_generation_is_not_new_under_the_other() {
        let [one, other] = [Scene::all()[0], Scene::all()[1]];
        assert_eq!(one.workload, other.workload);
        let always = occurrence("create events Lost");
        let sometimes = occurrence("create events Missing");
        let at_vobiz = Occurrence {
            write: Write::new(Server::Vobiz, "create account"),
            ordinal: 1,
        };
        let all = vec![always.clone(), sometimes, at_vobiz];
        let runs = vec![all.clone(), vec![always]];
        let recording = Recording::of(&BTreeMap::from([(one, runs), (other, vec![vec![]])]));
        let now = BTreeMap::from([(other, vec![all])]);
        let new = ["create events Lost", "create account"].map(|action| format!("{other} has {action} 1"));
        assert_eq!(recording.differences(&now), new);
    }

    #[test]
    fn a_write_that_is_new_or_missing_is_a_difference_and_one_that_comes_sometimes_is_none() {
        let recording = Recording::of(&runs(&[&["one", "two"], &["one"]]));
        assert!(recording.differences(&runs(&[&["one", "two"]])).is_empty());
        assert_eq!(recording.differences(&runs(&[&["two"]])).len(), 1);
        assert_eq!(recording.differences(&runs(&[&["one", "three"]])).len(), 1);
    }
}
