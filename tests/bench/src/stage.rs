//! I/O. A control plane and a simulator for some scenarios; each of these works at a site of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use vobiz_harness::control_plane::{AuditDetail, ControlPlane, ControlPlaneOptions};
use vobiz_harness::products;
use vobiz_harness::simulator::{Api, Parent, Simulator, SimulatorOptions};

use crate::scale::Scale;
use crate::waiting::progress;

/// What every request to the simulated API waits.
pub const LATENCY: Duration = Duration::from_millis(20);

/// The end of an object whose create was under way need not take two minutes where no times are judged. No request may
/// outlast the settling.
const SHORT_SETTLE: [&str; 2] = ["--request-timeout-seconds=10", "--settle-seconds=20"];

/// What all sites share.
#[derive(Clone)]
pub struct Stage {
    /// The API. Dropped first: its end is no outage for an operator that is gone.
    pub simulator: Arc<Simulator>,
    /// The cluster.
    pub control_plane: Arc<ControlPlane>,
    /// The operator that is measured.
    pub operator: PathBuf,
    /// What the operator is told beyond the flags that it is shipped with.
    pub flags: &'static [&'static str],
}

impl Stage {
    /// Starts both.
    pub async fn start(scale: &Scale, operator: &Path) -> Result<Self> {
        progress("starting a control plane and the simulator");
        let options = ControlPlaneOptions {
            definitions: Some(products::repository().join("crds")),
            audit: AuditDetail::Programs,
        };
        let control_plane = ControlPlane::start(&options).await?;
        let options = SimulatorOptions {
            api: Api::Gen2,
            parents: vec![Parent::new(
                "MA_NOBODY",
                &uuid::Uuid::new_v4().simple().to_string(),
            )],
        };
        let log = control_plane.directory().join("simulator.log");
        let simulator = Simulator::start(&products::simulator()?, &options, &log).await?;
        let latency = json!({"latency_ms": u64::try_from(LATENCY.as_millis())?});
        simulator.change_settings(&latency).await?;
        Ok(Self {
            simulator: Arc::new(simulator),
            control_plane: Arc::new(control_plane),
            operator: operator.to_owned(),
            flags: if scale.counts_only { &SHORT_SETTLE } else { &[] },
        })
    }
}
