//! The operator as a process: who it is, that it serves, how it ends.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use vobiz_harness::installation::Installation;
use vobiz_harness::operator::{OperatorOptions, OperatorProcess};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::TestBed;

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "the operator serves, ends with 0 on SIGTERM and comes back",
        starts_and_stops,
    );
    suite.test(
        "two operators run side by side, each as its own user",
        side_by_side,
    );
}

async fn operator(bed: &TestBed, namespace: &str) -> Result<(Installation, OperatorProcess)> {
    let control_plane = bed.control_plane();
    let base = bed.repository().join("manifests/base");
    let installation = Installation::apply_aside(control_plane.kubectl(), &base, namespace).await?;
    let options = OperatorOptions {
        // Nothing listens there: no Account exists, so nothing is to be said to it.
        flags: vec![
            "--api-base-url=http://127.0.0.1:1".to_owned(),
            "--allow-insecure-api".to_owned(),
        ],
        ..OperatorOptions::default()
    };
    let operator =
        OperatorProcess::start(control_plane, &installation, bed.operator_binary(), &options).await?;
    Ok((installation, operator))
}

async fn starts_and_stops(bed: Arc<TestBed>) -> Result<()> {
    let (_, mut operator) = operator(&bed, "process-stops").await?;
    ensure!(operator.get("/livez").await?.0 == 200, "it is not alive");
    let first = operator.pid().await?;
    ensure!(
        operator.metrics().await?.contains("vobiz_operator_build_info"),
        "the metrics lack the build"
    );
    let code = operator.terminate(Duration::from_secs(30)).await?;
    ensure!(
        code == 0,
        "SIGTERM ended it with {code}:\n{}",
        operator.log_tail(20)
    );
    operator.restart()?;
    ensure!(operator.get("/livez").await?.0 == 200, "it is not alive again");
    ensure!(operator.pid().await? != first, "it is the same process");
    operator.kill_hard().await?;
    ensure!(
        operator.await_exit(Duration::from_secs(1)).await? == 137,
        "SIGKILL did not end it"
    );
    Ok(())
}

async fn side_by_side(bed: Arc<TestBed>) -> Result<()> {
    let (first, first_process) = operator(&bed, "process-first").await?;
    let (second, second_process) = operator(&bed, "process-second").await?;
    ensure!(first.user() != second.user(), "both are {}", first.user());
    ensure!(
        first_process.url().await? != second_process.url().await?,
        "both serve on one address"
    );
    Ok(())
}
