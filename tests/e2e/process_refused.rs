//! What the process itself writes, refused: events, the Lease, the installation's id. It is told on `/readyz` and in the
//! metrics, nothing ends for good, and it mends by itself.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use vobiz_harness::installation::Installation;
use vobiz_harness::objects::{Kind, Objects};
use vobiz_harness::operator::{OperatorOptions, OperatorProcess};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{EnvironmentOptions, TestBed};

use crate::at_rest::await_event;
use crate::rule::{Rule, await_nothing_refused, await_told, ensure_counted};

const CONFIG_MAP: &str = "vobiz-operator-installation";
const LEADS: &str = "leader_election_master_status{name=\"vobiz-operator-leader-election\"} 1";
/// The Lease's time, a look at it, and what a busy machine adds.
const DEADLINE: Duration = Duration::from_mins(1);

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "refused events disturb no work and are told until one is taken",
        events,
    );
    suite.test(
        "a Lease that a rule refuses is told by who stands by and by who leads, and one leads once the rule goes",
        lease,
    );
    suite.test(
        "an operator whose installation may not be written waits, says who refuses it, and starts once it may",
        installation,
    );
    suite.test(
        "an operator whose installation was edited ends and says so",
        edited_installation,
    );
}

async fn events(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(EnvironmentOptions::new("refused-events")).await?;
    let (operator, namespace) = (environment.operator()?, environment.objects.namespace());
    let event = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "probe"},
        "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal", "reason": "Probe", "action": "Probe", "note": "",
        "reportingController": "example.com/probe", "reportingInstance": "probe",
        "regarding": {"kind": "Subaccount", "namespace": namespace, "name": "probe"},
    })
    .to_string();
    let rule = Rule {
        group: "events.k8s.io",
        resource: "events",
        operation: "CREATE",
        probe: &["create", "-f", "-"],
        input: &event,
    };
    let rule = rule
        .enforce(environment.control_plane().kubectl(), namespace)
        .await?;
    environment.create_ready("first", json!({})).await?;
    let line = format!("events: create of events {namespace} is refused by ValidatingAdmissionPolicy");
    await_told(operator, 200, &[&line, &rule.name, "let the policy admit it"]).await?;
    ensure_counted(operator, "events", "create").await?;
    rule.lift().await?;
    environment.create_ready("second", json!({})).await?;
    await_event(&environment, "second", "SubaccountCreated").await?;
    await_nothing_refused(operator).await
}

async fn await_leading(replica: &OperatorProcess) -> Result<()> {
    let leads = replica.await_sample(LEADS).await;
    leads.with_context(|| format!("it does not lead:\n{}", replica.log_tail(15)))
}

async fn lease(bed: Arc<TestBed>) -> Result<()> {
    let options = EnvironmentOptions {
        start_operator: false,
        account_ready: false,
        ..EnvironmentOptions::new("refused-lease")
    };
    let environment = bed.environment(options).await?;
    let namespace = environment.operator_objects.namespace();
    let kubectl = environment.control_plane().kubectl();
    let probe = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "probe"}, "spec": {},
    })
    .to_string();
    let rule = Rule {
        group: "coordination.k8s.io",
        resource: "leases",
        operation: "CREATE",
        probe: &["create", "-f", "-"],
        input: &probe,
    };
    let created = rule.enforce(kubectl, namespace).await?;
    let mut replica = environment.start_replica("only", &["--leader-elect"]).await?;
    let election = "leader election: ";
    await_told(
        &replica,
        200,
        &[election, "create of leases", namespace, &created.name],
    )
    .await?;
    ensure_counted(&replica, "leases", "create").await?;
    created.lift().await?;
    await_leading(&replica).await?;
    await_nothing_refused(&replica).await?;

    // The one who leads cannot renew, and has to end; the next one says why it does not follow.
    let rule = Rule {
        operation: "UPDATE",
        probe: &[
            "annotate",
            "lease",
            "vobiz-operator-leader-election",
            "probe=probe",
        ],
        ..rule
    };
    let renewed = rule.enforce(kubectl, namespace).await?;
    await_told(&replica, 200, &[election, "update of leases", &renewed.name]).await?;
    let code = replica.await_exit(DEADLINE).await?;
    ensure!(code == 10, "it ended with {code}:\n{}", replica.log_tail(15));
    replica.restart()?;
    await_told(&replica, 200, &[election, "update of leases", &renewed.name]).await?;
    ensure_counted(&replica, "leases", "update").await?;
    renewed.lift().await?;
    await_leading(&replica).await?;
    await_nothing_refused(&replica).await
}

/// An operator without Accounts, and its installation.
async fn start(bed: &TestBed, installation: &Installation) -> Result<OperatorProcess> {
    let options = OperatorOptions {
        // Nothing listens there.
        flags: vec![
            "--api-base-url=http://127.0.0.1:1".to_owned(),
            "--allow-insecure-api".to_owned(),
        ],
        ..OperatorOptions::default()
    };
    OperatorProcess::start(bed.control_plane(), installation, bed.operator_binary(), &options).await
}

async fn installation(bed: Arc<TestBed>) -> Result<()> {
    let (kubectl, namespace) = (bed.control_plane().kubectl(), "refused-installation");
    let base = bed.repository().join("manifests/base");
    let installed = Installation::apply_aside(bed.control_plane(), &base, namespace).await?;
    let rule = Rule {
        group: "",
        resource: "configmaps",
        operation: "CREATE",
        probe: &["create", "configmap", "probe"],
        input: "",
    };
    let rule = rule.enforce(kubectl, namespace).await?;
    let operator = start(&bed, &installed).await?;
    let write = format!("create of configmaps {namespace}/{CONFIG_MAP}");
    let text = await_told(&operator, 503, &["installation: ", &write, &rule.name]).await?;
    ensure!(text.starts_with("not ready\n"), "{text}");
    ensure_counted(&operator, "configmaps", "create").await?;
    ensure!(operator.get("/livez").await?.0 == 200, "it is not alive");
    rule.lift().await?;
    operator.await_ready().await?;
    await_nothing_refused(&operator).await
}

async fn edited_installation(bed: Arc<TestBed>) -> Result<()> {
    let namespace = "edited-installation";
    let base = bed.repository().join("manifests/base");
    let installed = Installation::apply_aside(bed.control_plane(), &base, namespace).await?;
    let objects = Objects::new(bed.control_plane().client(), namespace, DEADLINE);
    objects
        .create(
            Kind::ConfigMap,
            CONFIG_MAP,
            json!({"data": {"id": "not hexadecimal"}}),
        )
        .await?;
    let mut operator = start(&bed, &installed).await?;
    let code = operator.await_exit(DEADLINE).await?;
    let log = operator.log_tail(5);
    ensure!(
        code != 0 && log.contains("eight hexadecimal digits"),
        "it ended with {code}:\n{log}"
    );
    // As the message says.
    objects.delete(Kind::ConfigMap, CONFIG_MAP).await?;
    operator.restart()?;
    operator.await_ready().await
}
