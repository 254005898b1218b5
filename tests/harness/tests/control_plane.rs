//! The control plane is real, and nothing of it stays behind.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use vobiz_harness::audit::AuditQuery;
use vobiz_harness::control_plane::{ADMIN_USER, ControlPlane, ControlPlaneOptions};
use vobiz_harness::watchdog::ServerState;

/// Set for the copy of this test binary that is killed: it starts a control plane and waits for its end.
const VICTIM: &str = "VOBIZ_HARNESS_TEST_VICTIM";

fn pids(control_plane: &ControlPlane) -> Vec<u32> {
    let of = |state| match state {
        ServerState::Running {
            server,
            watchdog,
            lifeline,
        } => vec![server, watchdog, lifeline],
        ServerState::Starting | ServerState::Exited(_) => Vec::new(),
    };
    control_plane
        .servers()
        .flat_map(|server| of(server.state()))
        .collect()
}

fn is_alive(pid: u32) -> bool {
    // A zombie has its entry, but nothing of it runs; who adopts it decides when the entry goes.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .any(|line| line.starts_with("State:") && !line.contains('Z'))
}

fn await_gone(pids: &[u32], directory: &Path) {
    let started = Instant::now();
    while pids.iter().any(|pid| is_alive(*pid)) || directory.exists() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "still there: {pids:?}, {}",
            directory.display()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_plane_answers_counts_writes_and_leaves_nothing_behind() -> Result<()> {
    let control_plane = ControlPlane::start(&ControlPlaneOptions::default()).await?;
    eprintln!(
        "control plane up in {:.1} s",
        control_plane.started_in().as_secs_f32()
    );
    let version = control_plane.client().apiserver_version().await?;
    assert_eq!(version.major, "1");

    if let Ok(audit) = control_plane.audit() {
        let mark = audit.mark().await?;
        let configmap =
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"counted","namespace":"default"}}"#;
        control_plane.kubectl().apply(configmap).await?;
        let of_admin = AuditQuery::new()
            .since(mark)
            .user(ADMIN_USER)
            .namespace("default")
            .resource("configmaps");
        let writes = audit.writes(&of_admin).await?;
        assert_eq!(writes.len(), 1, "{writes:?}");
        assert_eq!(
            (writes[0].verb.as_str(), writes[0].response_status.code),
            ("create", 201)
        );
        assert_eq!(writes[0].object_ref.name, "counted");
        let later = AuditQuery::new().since(audit.mark().await?).user(ADMIN_USER);
        assert!(audit.writes(&later).await?.is_empty());
    }

    let (pids, directory) = (pids(&control_plane), control_plane.directory().to_owned());
    control_plane.ensure_running()?;
    drop(control_plane);
    assert!(
        !directory.exists() && !pids.iter().any(|pid| is_alive(*pid)),
        "left behind: {pids:?}"
    );
    Ok(())
}

#[test]
fn a_control_plane_whose_owner_is_killed_leaves_no_process_and_no_data() -> Result<()> {
    let mut owner = Command::new(std::env::current_exe()?)
        .args(["--exact", "victim", "--ignored", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start the owner")?;
    let output = BufReader::new(owner.stdout.take().context("the owner has no output")?);
    let mut lines = output.lines().map_while(Result::ok);
    let found = lines.find_map(|line| line.split_once("victim: ").map(|(_, rest)| rest.to_owned()));
    let found = found.context("the owner said nothing about its servers")?;
    let mut words = found.split_whitespace();
    let directory = words.next().context("the owner named no directory")?.to_owned();
    let pids: Vec<u32> = words.map(str::parse).collect::<Result<_, _>>()?;
    assert!(
        pids.len() >= 6 && pids.iter().all(|pid| is_alive(*pid)),
        "not all alive: {pids:?}"
    );
    assert!(Path::new(&directory).exists());

    owner.kill().context("failed to kill the owner")?;
    owner.wait()?;
    await_gone(&pids, Path::new(&directory));
    Ok(())
}

/// Not a test of its own: the process that the test above kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs as a process of another test"]
async fn victim() -> Result<()> {
    if std::env::var_os(VICTIM).is_none() {
        return Ok(());
    }
    let control_plane = ControlPlane::start(&ControlPlaneOptions::default()).await?;
    for server in control_plane.servers() {
        server.pid().await?;
    }
    let pids: Vec<String> = pids(&control_plane).iter().map(u32::to_string).collect();
    println!(
        "victim: {} {}",
        control_plane.directory().display(),
        pids.join(" ")
    );
    std::future::pending().await
}
