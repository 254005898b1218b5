//! I/O. A healthy object with a namespace and a parent of its own, edited while others are refused.

use std::time::Duration;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};

use crate::actor::Actor;
use crate::judge::refusals::EDITED;
use crate::plan::Scene;
use crate::pulse::{LONGEST, unstarved};
use crate::refusal::Edit;
use crate::stage::Stage;
use crate::workload::{Generation, Workload};

/// How long one request to the simulator waits for the edit.
const WAIT: Duration = Duration::from_secs(1);
/// After this long it is not slow, it does not come.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// The healthy object of a run.
pub struct Bystander<'a> {
    stage: &'a Stage,
    actor: Actor<'a>,
    /// How often it was edited: an edit that overtook another would hide it.
    edits: Mutex<u32>,
}

/// Edits of which one must arrive in time.
const ATTEMPTS: usize = 3;

impl<'a> Bystander<'a> {
    /// Makes it and waits until it is Ready.
    pub async fn start(stage: &'a Stage) -> Result<Self> {
        let scene = Scene {
            workload: Workload::Edit,
            generation: Generation::Gen2,
        };
        let actor = Actor::new(stage, scene, "bystander");
        actor.set_up().await?;
        Ok(Self {
            stage,
            actor,
            edits: Mutex::default(),
        })
    }

    /// Edits it, and again if that took long: who is held up by a refusal is held up each time, and a busy machine is not.
    pub async fn edit(&self) -> Result<Edit> {
        let mut edit = self.edit_once().await?;
        for _ in 1..ATTEMPTS {
            if edit.until.duration_since(edit.asked) <= EDITED {
                break;
            }
            edit = self.edit_once().await?;
        }
        Ok(edit)
    }

    /// Edits it and waits until that is at Vobiz, or until it will not come any more.
    async fn edit_once(&self) -> Result<Edit> {
        let mut edits = self.edits.lock().await;
        *edits += 1;
        let name = format!("edit-{edits}");
        self.actor.rename(&name).await?;
        let asked = Timestamp::now();
        let query = JournalQuery::new()
            .parent(&self.actor.parent)
            .operation(Operation::Update)
            .name(&name)
            .committed(true);
        loop {
            let arrived = self.stage.simulator.await_journal(&query, 1, WAIT).await;
            if let Some(entry) = arrived.ok().and_then(|entries| entries.into_iter().next()) {
                let until = entry.time.max(asked);
                return Ok(Edit { asked, until });
            }
            self.stage.simulator.ensure_running()?;
            let until = Timestamp::now();
            let waited = unstarved(&self.stage.pulse.starved(), asked, until);
            if waited > PATIENCE || until.duration_since(asked) > LONGEST {
                return Ok(Edit { asked, until });
            }
        }
    }
}
