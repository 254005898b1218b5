//! The API as other documents and clients of it have it: where it differs, the operator does not.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::json;
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::TestBed;

use crate::generation::environment;

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "cascade is heard by a server that reads it in one place only (generation 1)",
        cascade,
    );
}

async fn cascade(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(environment("variant-cascade", Api::Gen1)).await?;
    for place in ["query", "body"] {
        environment
            .simulator
            .change_settings(&json!({"gen1_cascade": place}))
            .await?;
        let deletion = json!({"deletion": {"policy": "Delete", "cascade": true}});
        let made = environment.create_ready("acme", deletion).await?;
        environment
            .simulator
            .attach(&made.auth_id, "number", "+911140001234")
            .await?;
        environment.objects.delete(Kind::Subaccount, "acme").await?;
        environment.await_gone(Kind::Subaccount, "acme").await?;
        let left = environment.simulator.resources().await?;
        ensure!(left.is_empty(), "read in the {place} alone, it left {left:?}");
    }
    Ok(())
}
