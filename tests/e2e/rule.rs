//! An admission rule that refuses some writes in one namespace, whoever makes them, and gives no reason.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use vobiz_harness::kubectl::Kubectl;
use vobiz_harness::operator::OperatorProcess;
use vobiz_harness::test_bed::Environment;

const PATIENCE: Duration = Duration::from_mins(1);
const ADMISSION: &str = "admissionregistration.k8s.io/v1";

/// What is refused.
#[derive(Clone, Copy)]
pub struct Rule<'a> {
    /// The API group.
    pub group: &'a str,
    /// The resource, `secrets` or `accounts/status`.
    pub resource: &'a str,
    /// `CREATE`, `UPDATE`, `DELETE`.
    pub operation: &'a str,
    /// What kubectl is asked to try (with `--dry-run=server`): it fails once the API server holds to the rule.
    pub probe: &'a [&'a str],
    /// What kubectl reads.
    pub input: &'a str,
}

/// A rule that is in force; [`InForce::lift`] ends it.
pub struct InForce<'a> {
    kubectl: Kubectl,
    rule: Rule<'a>,
    namespace: String,
    /// The name of the policy.
    pub name: String,
}

impl<'a> Rule<'a> {
    /// Puts it in force for this namespace.
    pub async fn enforce(self, kubectl: &Kubectl, namespace: &str) -> Result<InForce<'a>> {
        let name = format!("{namespace}-{}", self.resource.replace('/', "-"));
        let policy = json!({
            "apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [{
                    "apiGroups": [self.group], "apiVersions": ["*"], "resources": [self.resource],
                    "operations": [self.operation],
                }]},
                "validations": [{"expression": "false"}],
            },
        });
        let binding = json!({
            "apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
            "spec": {
                "policyName": name, "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}},
            },
        });
        let both = json!({"apiVersion": "v1", "kind": "List", "items": [policy, binding]});
        kubectl.apply(&both.to_string()).await?;
        let in_force = InForce {
            kubectl: kubectl.clone(),
            rule: self,
            namespace: namespace.to_owned(),
            name,
        };
        in_force
            .await_probe(true)
            .await
            .context("the rule is not held to")?;
        Ok(in_force)
    }
}

impl InForce<'_> {
    /// Ends it.
    pub async fn lift(self) -> Result<()> {
        for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
            self.kubectl.run(&["delete", kind, &self.name]).await?;
        }
        self.await_probe(false).await.context("the rule is still held to")
    }

    /// The API server takes a moment to hold to a rule, and to let go of it. What the probe asks for may be gone by then.
    async fn await_probe(&self, held: bool) -> Result<()> {
        let mut probe = self.rule.probe.to_vec();
        probe.extend(["--namespace", &self.namespace, "--dry-run=server"]);
        let word = format!("ValidatingAdmissionPolicy '{}'", self.name);
        let mut last = String::new();
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let output = self.kubectl.output(&probe, self.rule.input).await?;
                last = output.stderr;
                let is_over = if held {
                    last.contains(&word)
                } else {
                    output.success || last.contains("(NotFound)")
                };
                if is_over {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let waited = waited.await;
        waited.with_context(|| format!("the last probe was told: {last}"))?
    }
}

/// Waits until what kubectl tries with `--dry-run=server` is refused: the API server takes a moment to hold to what was just put in force. What
/// it is told then.
pub async fn await_in_force(
    kubectl: &Kubectl,
    probe: &[&str],
    input: &str,
    within: Duration,
) -> Result<String> {
    let probe = [probe, &["--dry-run=server"]].concat();
    let refused = tokio::time::timeout(within, async {
        loop {
            let output = kubectl.output(&probe, input).await?;
            if !output.success {
                return anyhow::Ok(output.stderr);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    refused.await.context("the API server does not hold to it")?
}

/// Waits until the operator says on `/readyz`, with this status, all of these texts in one line.
pub async fn await_told(operator: &OperatorProcess, status: u16, texts: &[&str]) -> Result<String> {
    let told = |text: &str| {
        text.lines()
            .any(|line| texts.iter().all(|wanted| line.contains(wanted)))
    };
    await_readyz(operator, status, told)
        .await
        .with_context(|| format!("/readyz does not say {texts:?}"))
}

/// Waits until the operator is ready and names nothing that is refused; the metric says the same.
pub async fn await_nothing_refused(operator: &OperatorProcess) -> Result<()> {
    await_readyz(operator, 200, |text| text == "ok\n").await?;
    let none_left = |text: &str| {
        let mut lines = text.lines();
        !lines.any(|line| line.starts_with("vobiz_operator_writes_refused{"))
    };
    operator.await_metrics(none_left).await.map(drop)
}

async fn await_readyz(
    operator: &OperatorProcess,
    status: u16,
    told: impl Fn(&str) -> bool,
) -> Result<String> {
    let mut last = String::new();
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            let (code, text) = operator.get("/readyz").await?;
            if code == status && told(&text) {
                return anyhow::Ok(text);
            }
            last = format!("{code} {text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    match waited {
        Ok(found) => found,
        Err(_) => anyhow::bail!(
            "/readyz says {last}\nthe operator's last lines:\n{}",
            operator.log_tail(15)
        ),
    }
}

/// The metric counts one who is refused this write.
pub async fn ensure_counted(operator: &OperatorProcess, resource: &str, verb: &str) -> Result<()> {
    let sample = format!("vobiz_operator_writes_refused{{resource=\"{resource}\",verb=\"{verb}\"}} 1");
    operator.await_sample(&sample).await
}

/// Waits until the operator has tried this write so often again.
pub async fn await_tried(environment: &Environment, resource: &str, verb: &str, times: usize) -> Result<()> {
    let since = environment.audit()?.mark().await?;
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            let query = environment.operator_requests(since).resource(resource).verb(verb);
            let lines = environment.audit()?.lines(&query).await?;
            if lines.len() >= times {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    waited.await.context("the write is not tried again")?
}
