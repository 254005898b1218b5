//! I/O. Runs a server that cannot outlive us, however we end.
//!
//! Each server is started by a small shell that holds one end of a pipe whose other end only this process has. When
//! this process ends (also by SIGKILL, when no destructor runs) the pipe closes and the shell kills the server. The shell
//! has a process group of its own, so that Ctrl-C in a terminal reaches us alone and the order of the shutdown is ours.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::sync::watch;

/// What the shell runs: `$0` is the log file, the arguments are the server's command line.
/// Descriptor 4 is the lifeline. The server must not inherit it, nor the pipe on which the shell reports.
const WATCHDOG: &str = r#"
exec 4<&0
"$@" </dev/null >>"$0" 2>&1 4<&- &
server=$!
{ read -r _ <&4; kill -KILL "$server"; } >/dev/null 2>&1 &
lifeline=$!
echo "pid $server $$ $lifeline"
wait "$server"
code=$?
kill -KILL "$lifeline" 2>/dev/null
echo "exit $code"
"#;

/// How long a server may take to be gone after its lifeline was cut.
const KILL_DEADLINE: Duration = Duration::from_secs(20);

/// The state of a supervised server as its watchdog reported it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// The watchdog has not reported yet.
    Starting,
    /// The server runs under this process id.
    Running {
        /// Process id of the server itself.
        server: u32,
        /// Process id of the watchdog shell.
        watchdog: u32,
        /// Process id of the watchdog's reader of the lifeline.
        lifeline: u32,
    },
    /// The server has ended; codes above 128 are 128 plus the signal's number.
    Exited(i32),
}

/// A running server with its watchdog. Dropping it kills the server and waits until it is gone.
#[derive(Debug)]
pub struct Supervised {
    name: String,
    log: PathBuf,
    watchdog: Child,
    lifeline: Option<ChildStdin>,
    state: watch::Receiver<ServerState>,
    reports: Option<JoinHandle<()>>,
}

impl Supervised {
    /// Starts `program` with `arguments` and extra `environment`; its output is appended to `log`.
    pub fn start(
        name: &str,
        program: &Path,
        arguments: &[String],
        environment: &[(String, String)],
        log: &Path,
    ) -> Result<Self> {
        // A missing program would otherwise be a line of the shell in the log.
        if !program.is_file() {
            bail!("failed to start {name}: {} is not a file", program.display());
        }
        let created = File::options().create(true).append(true).open(log);
        created.with_context(|| format!("failed to create {}", log.display()))?;
        let mut watchdog = Command::new("sh")
            .arg("-c")
            .arg(WATCHDOG)
            .arg(log)
            .arg(program)
            .args(arguments)
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("failed to start the watchdog of {name}"))?;
        let lifeline = watchdog.stdin.take();
        let reports = watchdog.stdout.take().context("the watchdog has no output")?;
        let (sender, state) = watch::channel(ServerState::Starting);
        let reports = std::thread::spawn(move || {
            for line in BufReader::new(reports).lines().map_while(Result::ok) {
                if let Some(reported) = parse_report(&line) {
                    sender.send_replace(reported);
                }
            }
        });
        Ok(Self {
            name: name.to_owned(),
            log: log.to_owned(),
            watchdog,
            lifeline,
            state,
            reports: Some(reports),
        })
    }

    /// The name given at the start, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that receives the server's output.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last report of the watchdog.
    #[must_use]
    pub fn state(&self) -> ServerState {
        *self.state.borrow()
    }

    /// Fails with the end of the log when the server has ended on its own.
    pub fn ensure_running(&self) -> Result<()> {
        match self.state() {
            ServerState::Exited(code) => {
                bail!(
                    "{} ended with code {code}; its last output:\n{}",
                    self.name,
                    self.log_tail(15)
                )
            }
            ServerState::Starting | ServerState::Running { .. } => Ok(()),
        }
    }

    /// The server's process id, once the watchdog has reported it.
    pub async fn pid(&self) -> Result<u32> {
        match self.await_state(|state| *state != ServerState::Starting).await? {
            ServerState::Running { server, .. } => Ok(server),
            ServerState::Exited(code) => Err(anyhow!("{} has ended with code {code}", self.name)),
            ServerState::Starting => Err(anyhow!("{} was never started", self.name)),
        }
    }

    /// Sends the signal of this name (`TERM`, `KILL`, `STOP`, `CONT`) to the server.
    pub async fn signal(&self, signal: &str) -> Result<()> {
        let pid = self.pid().await?;
        let status = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(pid.to_string())
            .stderr(Stdio::null())
            .status()
            .context("failed to run kill")?;
        if !status.success() && !matches!(self.state(), ServerState::Exited(_)) {
            bail!("failed to send SIG{signal} to {} ({pid})", self.name);
        }
        Ok(())
    }

    /// Waits until the server has ended and returns its exit code.
    pub async fn await_exit(&self, deadline: Duration) -> Result<i32> {
        let exited = self.await_state(|state| matches!(state, ServerState::Exited(_)));
        let state = tokio::time::timeout(deadline, exited)
            .await
            .map_err(|_| anyhow!("{} still runs after {} s", self.name, deadline.as_secs()))??;
        match state {
            ServerState::Exited(code) => Ok(code),
            ServerState::Starting | ServerState::Running { .. } => Err(anyhow!("{} still runs", self.name)),
        }
    }

    /// The last lines of the log, for failure messages.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        log_tail(&self.log, lines)
    }

    async fn await_state(&self, reached: impl FnMut(&ServerState) -> bool) -> Result<ServerState> {
        let mut state = self.state.clone();
        let found = state.wait_for(reached).await;
        found
            .map(|state| *state)
            .map_err(|_| anyhow!("the watchdog of {} has ended", self.name))
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        // The order matters: cutting the lifeline makes the shell kill and reap the server and end itself.
        drop(self.lifeline.take());
        let started = std::time::Instant::now();
        while matches!(self.watchdog.try_wait(), Ok(None)) && started.elapsed() < KILL_DEADLINE {
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some(reports) = self.reports.take()
            && matches!(self.watchdog.try_wait(), Ok(Some(_)))
        {
            // Its pipe is at its end, so this cannot hang; a panic there has nothing to say to us.
            let _ = reports.join();
        }
    }
}

/// The last `lines` lines of a file, or a remark that it cannot be read.
#[must_use]
pub fn log_tail(log: &Path, lines: usize) -> String {
    match std::fs::read(log) {
        Ok(content) => {
            let text = String::from_utf8_lossy(&content);
            let all: Vec<&str> = text.lines().collect();
            all[all.len().saturating_sub(lines)..].join("\n")
        }
        Err(error) => format!("(failed to read {}: {error})", log.display()),
    }
}

fn parse_report(line: &str) -> Option<ServerState> {
    let mut words = line.split_whitespace();
    match words.next()? {
        "pid" => Some(ServerState::Running {
            server: words.next()?.parse().ok()?,
            watchdog: words.next()?.parse().ok()?,
            lifeline: words.next()?.parse().ok()?,
        }),
        "exit" => Some(ServerState::Exited(words.next()?.parse().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::TemporaryDirectory;

    fn shell(directory: &TemporaryDirectory, script: &str) -> Supervised {
        let arguments = ["-c".to_owned(), script.to_owned()];
        let log = directory.path().join("server.log");
        Supervised::start("script", Path::new("/bin/sh"), &arguments, &[], &log).unwrap()
    }

    #[tokio::test]
    async fn the_exit_code_and_the_output_of_a_server_reach_the_caller() {
        let directory = TemporaryDirectory::new("watchdog").unwrap();
        let server = shell(&directory, "echo to-stdout; echo to-stderr >&2; exit 7");
        assert_eq!(server.await_exit(Duration::from_secs(10)).await.unwrap(), 7);
        assert_eq!(server.log_tail(2), "to-stdout\nto-stderr");
        assert!(
            server
                .ensure_running()
                .unwrap_err()
                .to_string()
                .contains("code 7")
        );
    }

    #[tokio::test]
    async fn a_dropped_server_is_gone_even_when_it_ignores_polite_signals() {
        let directory = TemporaryDirectory::new("watchdog").unwrap();
        let server = shell(&directory, "trap '' TERM INT HUP; while :; do sleep 0.05; done");
        let pid = server.pid().await.unwrap();
        assert!(Path::new(&format!("/proc/{pid}")).exists());
        drop(server);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[tokio::test]
    async fn a_server_receives_the_signals_sent_to_it() {
        let directory = TemporaryDirectory::new("watchdog").unwrap();
        let server = shell(
            &directory,
            "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done",
        );
        while !server.log_tail(1).contains("ready") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server.signal("TERM").await.unwrap();
        assert_eq!(server.await_exit(Duration::from_secs(10)).await.unwrap(), 3);
    }
}
