//! The bed that all other trials stand on: a real API server with our kinds, and an audit log that misses nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use vobiz_harness::audit::AuditQuery;
use vobiz_harness::control_plane::ADMIN_USER;
use vobiz_harness::kstatus::{Status, status};
use vobiz_harness::objects::{Kind, Objects};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::TestBed;

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "the API server knows the kinds and calls a new object in progress",
        knows_the_kinds,
    );
    suite.test(
        "the audit log counts every write and refusal of one user",
        counts_writes,
    );
    suite.test("a deleted namespace goes with all that is in it", namespace_goes);
}

async fn namespace(bed: &TestBed, name: &str) -> Result<Objects> {
    let objects = Objects::new(bed.control_plane().client(), name, Duration::from_mins(1));
    objects.create(Kind::Namespace, name, json!({})).await?;
    Ok(objects)
}

async fn knows_the_kinds(bed: Arc<TestBed>) -> Result<()> {
    let objects = namespace(&bed, "bed-kinds").await?;
    let spec = json!({"spec": {"accountRef": {"name": "none"}}});
    let created = objects.create(Kind::Subaccount, "fresh", spec).await?;
    ensure!(
        created["status"]["observedGeneration"] == -1,
        "no default status: {}",
        created["status"]
    );
    ensure!(
        status(&created) == Status::InProgress,
        "a tool would call it {:?}",
        status(&created)
    );
    Ok(())
}

async fn counts_writes(bed: Arc<TestBed>) -> Result<()> {
    let objects = namespace(&bed, "bed-audit").await?;
    let audit = bed.control_plane().audit()?;
    let mark = audit.mark().await?;
    objects
        .create(Kind::ConfigMap, "counted", json!({"data": {"a": "1"}}))
        .await?;
    objects
        .merge(Kind::ConfigMap, "counted", &json!({"data": {"a": "2"}}))
        .await?;
    objects.get(Kind::ConfigMap, "counted").await?;
    objects.delete(Kind::ConfigMap, "counted").await?;

    let query = AuditQuery::new()
        .since(mark)
        .user(ADMIN_USER)
        .namespace("bed-audit")
        .resource("configmaps");
    let writes = audit.writes(&query).await?;
    let verbs: Vec<&str> = writes.iter().map(|line| line.verb.as_str()).collect();
    ensure!(
        verbs == ["create", "patch", "delete"],
        "the audit log shows the writes {verbs:?}"
    );
    ensure!(
        audit.reads(&query).await?.len() == 1,
        "the audit log does not show one read"
    );
    ensure!(
        audit.forbidden(&query).await?.is_empty(),
        "the administrator was refused something"
    );
    Ok(())
}

async fn namespace_goes(bed: Arc<TestBed>) -> Result<()> {
    let objects = namespace(&bed, "bed-deleted").await?;
    objects
        .create(Kind::Secret, "pair", json!({"stringData": {"auth_id": "SA_1"}}))
        .await?;
    objects.delete(Kind::Namespace, "bed-deleted").await?;
    objects.await_gone(Kind::Namespace, "bed-deleted").await
}
