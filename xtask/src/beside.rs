//! I/O. A program that runs beside another one and takes only what processor time is left over.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::status_code;

/// What the shell runs; the arguments are the program's command line. Its standard input ends when this process does, however it ends:
/// then everything of its group is ended, so that nothing is left behind.
const SHELL: &str = r#"
exec 4<&0
nice -n 19 "$@" </dev/null 4<&- &
program=$!
{ read -r _ <&4; kill -TERM 0; } >/dev/null 2>&1 &
lifeline=$!
wait "$program"
code=$?
kill -KILL "$lifeline" 2>/dev/null
exit "$code"
"#;

/// A program under way. Dropping it ends the program.
pub struct Beside {
    shell: Child,
    _lifeline: ChildStdin,
    log: PathBuf,
}

impl Beside {
    /// Starts it; what it prints goes into `log`.
    pub fn start(command: &Command, log: PathBuf) -> Result<Self> {
        let file = File::create(&log).with_context(|| format!("failed to create {}", log.display()))?;
        let mut shell = Command::new("sh");
        shell
            .args(["-c", SHELL, "beside"])
            .arg(command.get_program())
            .args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            shell.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let mut shell = shell
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(file.try_clone().context("failed to share the log")?)
            .stderr(file)
            .spawn()
            .context("failed to run sh")?;
        let lifeline = shell.stdin.take().context("sh has no standard input")?;
        Ok(Self {
            shell,
            _lifeline: lifeline,
            log,
        })
    }

    /// Waits for its end, prints what it said, and tells its exit code.
    pub fn finish(mut self) -> Result<u8> {
        let status = self.shell.wait().context("failed to wait for sh")?;
        let said =
            std::fs::read(&self.log).with_context(|| format!("failed to read {}", self.log.display()))?;
        print!("{}", String::from_utf8_lossy(&said));
        Ok(status_code(status))
    }
}
