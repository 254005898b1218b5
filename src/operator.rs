//! Starts what the process consists of and stops it in order. I/O.

use std::future::Future;

use crate::cli::Config;
use crate::controller::cluster;
use crate::controller::heartbeat::Heartbeats;
use crate::controller::instrument::Metrics;
use crate::controller::readiness::Readiness;
use crate::http::{self, Endpoints};

/// Runs until `shutdown` completes.
pub async fn run(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let metrics = Metrics::new(config.object_metrics, crate::VERSION, crate::COMMIT);
    let _client = cluster::connect(&metrics).await?;
    let endpoints = Endpoints {
        readiness: Readiness::default(),
        heartbeats: Heartbeats::default(),
        metrics,
    };
    let listener = http::bind(config.http_address).await?;
    http::serve(listener, endpoints, shutdown).await?;
    Ok(())
}
