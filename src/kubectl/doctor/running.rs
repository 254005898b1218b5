//! Whether the operator runs: its Deployment, its Pods, and which replica leads. PURE.

use super::check::{Check, Part};
use super::settings::Settings;
use crate::kubectl::sight::Seen;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;

/// What the operator's ends mean, by the exit code.
const EXIT_CODES: [(i32, &str); 3] = [
    (3, "a setting, the credentials or the cluster"),
    (10, "another replica leads"),
    (137, "it was killed, perhaps for want of memory"),
];

/// How the Deployments of the operator in this namespace stand.
#[must_use]
pub fn deployments(found: &Seen<Vec<Deployment>>, namespace: &str) -> Vec<Check> {
    let object = format!("Deployment in the namespace {namespace}");
    match found {
        Seen::Hidden(why) => vec![Check::unseen(Part::Operator, object, why)],
        Seen::Shown(found) if found.is_empty() => vec![Check::fault(
            Part::Operator,
            object,
            format!(
                "there is none with the label app.kubernetes.io/name={}",
                crate::NAME
            ),
            "install the operator, or name its namespace with --operator-namespace",
        )],
        Seen::Shown(found) => found.iter().map(deployment).collect(),
    }
}

fn deployment(deployment: &Deployment) -> Check {
    let Settings { replicas, image, .. } = Settings::of(deployment);
    let name = deployment.name_any();
    let object = format!("Deployment {name}");
    let command = format!(
        "kubectl --namespace {}",
        deployment.namespace().unwrap_or_default()
    );
    let ready = deployment
        .status
        .as_ref()
        .and_then(|status| status.ready_replicas)
        .unwrap_or(0);
    let log = format!("see why: {command} describe pods, {command} logs deployment/{name}");
    if replicas == 0 {
        let start = format!("start it: {command} scale deployment {name} --replicas 1");
        Check::fault(
            Part::Operator,
            object,
            "it is scaled to 0, so nobody works",
            start,
        )
    } else if ready == 0 {
        Check::fault(Part::Operator, object, "none of its Pods is ready", log)
    } else if ready < replicas {
        let message = format!("{ready} of {replicas} Pods are ready");
        Check::warning(Part::Operator, object, message, log)
    } else {
        let message = format!("{ready} of {replicas} Pods are ready, of {image}");
        Check::ok(Part::Operator, object, message)
    }
}

/// The Pods of the operator that are not ready, each with what is known of why.
#[must_use]
pub fn pods(found: &Seen<Vec<Pod>>, namespace: &str) -> Vec<Check> {
    match found {
        Seen::Hidden(why) => vec![Check::unseen(
            Part::Operator,
            format!("Pods in the namespace {namespace}"),
            why,
        )],
        Seen::Shown(found) => found.iter().filter_map(pod).collect(),
    }
}

fn pod(pod: &Pod) -> Option<Check> {
    let status = pod.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let is_ready = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    if is_ready || pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let containers = status.and_then(|status| status.container_statuses.as_ref());
    let why: Vec<String> = containers.into_iter().flatten().filter_map(trouble).collect();
    let phase = status.and_then(|status| status.phase.clone()).unwrap_or_default();
    let why = if why.is_empty() { phase } else { why.join("; ") };
    Some(Check::warning(
        Part::Operator,
        format!("Pod {}", pod.name_any()),
        format!("it is not ready: {why}"),
        format!(
            "see its last lines: kubectl --namespace {} logs {} --previous",
            pod.namespace().unwrap_or_default(),
            pod.name_any()
        ),
    ))
}

fn trouble(container: &ContainerStatus) -> Option<String> {
    let state = container.state.as_ref();
    let waiting = state
        .and_then(|state| state.waiting.as_ref())
        .and_then(|waiting| waiting.reason.clone());
    let last = container.last_state.as_ref().or(state);
    let ended = last.and_then(|state| state.terminated.as_ref()).map(|ended| {
        let meaning = EXIT_CODES.iter().find(|(code, _)| *code == ended.exit_code);
        let meaning = meaning.map_or_else(String::new, |(_, meaning)| format!(" ({meaning})"));
        format!("ended with {}{meaning}", ended.exit_code)
    });
    let parts: Vec<String> = waiting.into_iter().chain(ended).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The Lease as it was read, and whether its holder was seen to renew it.
pub struct Leader {
    /// None if there is none.
    pub lease: Seen<Option<Lease>>,
    /// It was renewed a moment ago, or between two looks.
    pub is_renewed: bool,
}

/// Whether the Lease was renewed a moment ago, if its holder's clock is ours. One that seems not to be is to be looked at twice.
#[must_use]
pub fn looks_renewed(lease: &Lease, now: Timestamp) -> bool {
    let Some(spec) = &lease.spec else {
        return false;
    };
    let seconds = i64::from(spec.lease_duration_seconds.unwrap_or(0));
    let renewed = spec.renew_time.as_ref().map(|at| at.0.as_second());
    renewed.is_some_and(|renewed| (now.as_second() - renewed).abs() <= seconds)
}

/// Which replica works. `settings`: none if they were not seen.
#[must_use]
pub fn leader(leader: &Leader, settings: Option<&Settings>) -> Check {
    let object = format!("Lease {}", crate::LEASE);
    let lease = match &leader.lease {
        Seen::Hidden(why) => return Check::unseen(Part::Leader, object, why),
        Seen::Shown(lease) => lease,
    };
    let holder = lease
        .as_ref()
        .and_then(|lease| lease.spec.as_ref()?.holder_identity.as_deref())
        .filter(|holder| !holder.is_empty());
    if let Some(holder) = holder.filter(|_| leader.is_renewed) {
        return Check::ok(Part::Leader, object, format!("{holder} leads"));
    }
    let stale = holder.map_or_else(
        || "nobody holds it".to_owned(),
        |holder| format!("{holder} holds it and has not renewed it"),
    );
    match settings {
        Some(Settings { elects: true, .. }) => Check::fault(
            Part::Leader,
            object,
            format!("{stale}, so nobody works"),
            "see whether a replica runs, and what it says: a line of /readyz begins with leader election",
        ),
        Some(Settings { replicas, .. }) if *replicas > 1 => Check::warning(
            Part::Leader,
            object,
            format!(
                "{replicas} replicas work without an election: every promise holds, and each asks for everything"
            ),
            "run them with --leader-elect, as manifests/overlays/prod does",
        ),
        Some(_) => Check::ok(Part::Leader, object, "one replica needs no election"),
        None => Check::warning(
            Part::Leader,
            object,
            format!("{stale}: fine for one replica without --leader-elect"),
            "see how many replicas run, and whether they elect a leader",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::doctor::check::Verdict;
    use serde_json::{Value, json};

    fn with(replicas: i32, ready: i32, arguments: &[&str]) -> Deployment {
        let deployment = json!({"metadata": {"name": "vobiz-operator", "namespace": "system"},
            "spec": {"replicas": replicas, "selector": {}, "template": {"spec": {"containers": [
                {"name": "operator", "image": "vobiz-operator:0.1.0", "args": arguments}]}}},
            "status": {"readyReplicas": ready}});
        serde_json::from_value(deployment).unwrap()
    }

    fn lease(holder: &str, renewed: &str) -> Lease {
        let spec = json!({"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed});
        serde_json::from_value(json!({"metadata": {"name": crate::LEASE}, "spec": spec})).unwrap()
    }

    #[test]
    fn a_deployment_is_a_fault_where_nobody_works_and_a_warning_where_some_do_not() {
        for (replicas, ready, verdict) in [
            (1, 1, Verdict::Ok),
            (2, 2, Verdict::Ok),
            (2, 1, Verdict::Warning),
            (1, 0, Verdict::Fault),
            (0, 0, Verdict::Fault),
        ] {
            let found = Seen::Shown(vec![with(replicas, ready, &["run"])]);
            assert_eq!(
                deployments(&found, "system")[0].verdict,
                verdict,
                "{ready} of {replicas}"
            );
        }
        assert_eq!(
            deployments(&Seen::Shown(Vec::new()), "system")[0].verdict,
            Verdict::Fault
        );
        assert_eq!(
            deployments(&Seen::Hidden(String::new()), "system")[0].verdict,
            Verdict::Warning
        );
    }

    #[test]
    fn a_pod_that_is_not_ready_tells_how_it_ended_and_one_that_is_tells_nothing() {
        let pod = |status: Value| -> Pod {
            serde_json::from_value(
                json!({"metadata": {"name": "p", "namespace": "system"}, "status": status}),
            )
            .unwrap()
        };
        let failing = pod(json!({"phase": "Running", "containerStatuses": [{
            "name": "operator", "image": "", "imageID": "", "ready": false, "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 3}}}]}));
        let ready = pod(json!({"conditions": [{"type": "Ready", "status": "True"}]}));
        let pending = pod(json!({"phase": "Pending"}));
        let told = pods(&Seen::Shown(vec![failing, ready, pending]), "system");
        let messages: Vec<&str> = told.iter().map(|check| check.message.as_str()).collect();
        let ended =
            "it is not ready: CrashLoopBackOff, ended with 3 (a setting, the credentials or the cluster)";
        assert_eq!(messages, [ended, "it is not ready: Pending"]);
    }

    #[test]
    fn somebody_must_lead_where_replicas_elect_and_need_not_where_there_is_one() {
        let (elects, one, two) = (
            Settings::of(&with(2, 2, &["run", "--leader-elect"])),
            Settings::of(&with(1, 1, &["run"])),
            Settings::of(&with(2, 2, &["run"])),
        );
        let held = || Seen::Shown(Some(lease("p-1_x", "2026-07-01T12:00:00.000000Z")));
        let nobodys = || Seen::Shown(Some(lease("", "2026-07-01T12:00:00.000000Z")));
        for (lease, is_renewed, settings, verdict) in [
            (held(), true, Some(&elects), Verdict::Ok),
            (held(), true, None, Verdict::Ok),
            (held(), false, Some(&elects), Verdict::Fault),
            (nobodys(), true, Some(&elects), Verdict::Fault),
            (Seen::Shown(None), false, Some(&elects), Verdict::Fault),
            (Seen::Shown(None), false, Some(&one), Verdict::Ok),
            // Left by an election of earlier days.
            (held(), false, Some(&one), Verdict::Ok),
            (Seen::Shown(None), false, Some(&two), Verdict::Warning),
            (Seen::Shown(None), false, None, Verdict::Warning),
            (
                Seen::Hidden(String::new()),
                false,
                Some(&elects),
                Verdict::Warning,
            ),
        ] {
            let check = leader(&Leader { lease, is_renewed }, settings);
            assert_eq!(check.verdict, verdict, "{}", check.message);
        }
    }

    #[test]
    fn a_lease_looks_renewed_for_as_long_as_it_asks_for() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let lease = lease("p", "2026-07-01T12:00:00.000000Z");
        assert!(looks_renewed(&lease, at("2026-07-01T12:00:15Z")));
        assert!(!looks_renewed(&lease, at("2026-07-01T12:00:16Z")));
        assert!(
            !looks_renewed(&lease, at("2026-07-01T11:59:00Z")),
            "another clock is ahead of ours"
        );
        assert!(!looks_renewed(&Lease::default(), at("2026-07-01T12:00:00Z")));
    }
}
