//! A wall clock that is set by an hour, ahead and back, while the operator works: what it promised for a time is kept for
//! that time, and nothing waits for the clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::audit::AuditQuery;
use vobiz_harness::objects::{Kind, condition_of};
use vobiz_harness::simulator::Api;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{Environment, EnvironmentOptions, TestBed};

use crate::at_rest::{await_leftovers_deleted, lose_one_create, record, record_name};
use crate::generation::environment;

const HOUR: i64 = 3600;
/// Longer than settle, walk and two jumps take, and much shorter than an hour.
const RETENTION_SECONDS: i64 = 30;
const DEADLINE: Duration = Duration::from_secs(40);
/// Stands before the C library's own clock in the operator's process: no other process may be disturbed.
const SHIFTED_CLOCK: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    const char *path = getenv("CLOCK_OFFSET_FILE");
    if (failed || clock != CLOCK_REALTIME || !path) return failed;
    char text[32] = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    if (read(file, text, sizeof text - 1) > 0) now->tv_sec += atol(text);
    close(file);
    return 0;
}
"#;

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "a wall clock that is set by an hour, ahead and back, shortens no retention, prolongs none, and stops nothing",
        set_by_an_hour,
    );
}

/// The operator's wall clock.
struct Clock {
    library: PathBuf,
    offset: PathBuf,
}

impl Clock {
    async fn new(directory: &Path) -> Result<Self> {
        let [source, library, offset] =
            ["clock.c", "clock.so", "clock-offset"].map(|name| directory.join(name));
        std::fs::write(&source, SHIFTED_CLOCK)?;
        let compiled = tokio::process::Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .output();
        // The linker that Rust uses too.
        let compiled = compiled.await.context("failed to run cc")?;
        let told = String::from_utf8_lossy(&compiled.stderr);
        ensure!(compiled.status.success(), "failed to compile the clock: {told}");
        let clock = Self { library, offset };
        clock.set(0)?;
        Ok(clock)
    }

    fn environment(&self) -> Vec<(String, String)> {
        let variable = |name: &str, path: &Path| (name.to_owned(), path.display().to_string());
        vec![
            variable("LD_PRELOAD", &self.library),
            variable("CLOCK_OFFSET_FILE", &self.offset),
        ]
    }

    /// Sets it so many seconds ahead of the true time, at once and for every thread.
    fn set(&self, seconds: i64) -> Result<()> {
        let next = self.offset.with_extension("next");
        std::fs::write(&next, seconds.to_string())?;
        std::fs::rename(&next, &self.offset)?;
        Ok(())
    }
}

/// How far ahead of the true time the operator dated this condition, in seconds.
fn dated_ahead(object: &Value, condition: &str) -> Result<i64> {
    let found = condition_of(object, condition).context("no such condition")?;
    let dated: jiff::Timestamp = found["lastTransitionTime"].as_str().context("no date")?.parse()?;
    Ok(dated.duration_since(jiff::Timestamp::now()).as_secs())
}

async fn await_lists(environment: &Environment) -> Result<()> {
    let mark = environment.simulator.journal_mark().await?;
    let lists = JournalQuery::new().since(mark).operation(Operation::List);
    let waited = environment.simulator.await_journal(&lists, 2, DEADLINE).await;
    environment.explain(waited).map(drop)
}

async fn set_by_an_hour(bed: Arc<TestBed>) -> Result<()> {
    let directory = bed.control_plane().directory().join("clock");
    std::fs::create_dir_all(&directory)?;
    let clock = Clock::new(&directory).await?;
    let options = EnvironmentOptions {
        account: json!({"resyncIntervalSeconds": 10}),
        operator_flags: vec![format!("--retention-seconds={RETENTION_SECONDS}")],
        operator_environment: clock.environment(),
        ..environment("clock", Api::Gen2)
    };
    let environment = bed.environment(options).await?;
    let audit = environment.audit()?;
    let start = audit.mark().await?;
    lose_one_create(&environment).await?;
    let fenced = environment.create_ready("fenced", json!({})).await?;
    await_leftovers_deleted(&environment, 1).await?;
    let kept = record(&environment, &fenced.uid).await?;
    ensure!(
        kept["fencedThrough"] == "1",
        "nothing is fenced: {:?}",
        kept.keys()
    );
    environment.objects.delete(Kind::Subaccount, "fenced").await?;
    environment.await_gone(Kind::Subaccount, "fenced").await?;
    let closed = record(&environment, &fenced.uid).await?;
    ensure!(closed["phase"] == "Closed", "the Record is {}", closed["phase"]);

    for (name, seconds) in [("ahead", HOUR), ("back", -HOUR)] {
        clock.set(seconds)?;
        environment.create_ready(name, json!({})).await?;
        let edit = json!({"spec": {"enabled": false}});
        environment.objects.merge(Kind::Subaccount, name, &edit).await?;
        let disabled = environment
            .await_reason(Kind::Subaccount, name, "Ready", "Disabled")
            .await?;
        let ahead = dated_ahead(&disabled, "CredentialsPublished")?;
        ensure!(
            (ahead - seconds).abs() < HOUR / 2,
            "the operator's clock is {ahead} s ahead and not {seconds} s"
        );
        await_lists(&environment).await?;
    }

    // Judged by the API server's clock, which nobody has set.
    let gone = environment
        .operator_objects
        .await_gone(Kind::Secret, &record_name(&fenced.uid))
        .await;
    environment.explain(gone)?;
    let lines = audit.lines(&AuditQuery::new().since(start)).await?;
    let deletion = lines
        .iter()
        .find(|line| line.verb == "delete" && line.object_ref.name == record_name(&fenced.uid));
    let deletion = deletion.context("the audit log shows no deletion of the Record")?;
    let deleted: jiff::Timestamp = deletion.request_received_timestamp.parse()?;
    let dated: jiff::Timestamp = closed["lastFencedAt"].parse()?;
    let kept_for = deleted.duration_since(dated).as_secs();
    println!("the Record was kept for {kept_for} s of {RETENTION_SECONDS} s");
    ensure!(
        (RETENTION_SECONDS..HOUR / 10).contains(&kept_for),
        "the Record was kept for {kept_for} s after its last fence"
    );
    let left = environment.simulator.accounts().await?.len();
    ensure!(left == 2, "{left} accounts exist for 2 objects");
    let creates = JournalQuery::new().operation(Operation::Create);
    let creates = environment.simulator.journal_count(&creates).await?;
    // The first object's was lost once.
    ensure!(creates == 4, "{creates} creates were sent for 3 objects");
    Ok(())
}
