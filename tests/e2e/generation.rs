//! One trial per generation of the API.

use std::future::Future;
use std::sync::Arc;

use anyhow::Result;
use vobiz_harness::simulator::Api;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{EnvironmentOptions, TestBed};

/// Adds the trial twice, against a server of each generation alone.
pub fn in_each<Run, Running>(suite: &mut Suite, name: &str, run: Run)
where
    Run: Fn(Arc<TestBed>, Api) -> Running + Send + Sync + Copy + 'static,
    Running: Future<Output = Result<()>>,
{
    for (api, number) in [(Api::Gen1, 1), (Api::Gen2, 2)] {
        suite.test(&format!("{name} (generation {number})"), move |bed| run(bed, api));
    }
}

/// An environment that speaks this generation.
pub fn environment(name: &str, api: Api) -> EnvironmentOptions {
    EnvironmentOptions {
        api,
        ..EnvironmentOptions::new(name)
    }
}
