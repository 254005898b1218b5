//! I/O. A program that never outlives this one.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::status_code;

/// What the shell runs: `$0` is how far the program stands back behind others, the arguments are its command line. The shell's
/// standard input ends when this process does, however it ends: then everything of its group is ended, what Cargo runs for instance,
/// which Cargo itself would leave behind.
const SHELL: &str = r#"
exec 4<&0
nice -n "$0" "$@" </dev/null 4<&- &
program=$!
{ read -r _ <&4; kill -TERM 0; } >/dev/null 2>&1 &
lifeline=$!
wait "$program"
code=$?
kill -KILL "$lifeline" 2>/dev/null
exit "$code"
"#;

/// A program under way.
pub struct Guarded {
    shell: Child,
    _lifeline: ChildStdin,
}

impl Guarded {
    /// Starts it, by `niceness` (0 to 19) behind others; what it prints goes where this program's output goes, or into `output`.
    pub fn start(command: &Command, niceness: u8, output: Option<&File>) -> Result<Self> {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", SHELL])
            .arg(niceness.to_string())
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
        if let Some(output) = output {
            let share = || output.try_clone().context("failed to share a file");
            shell.stdout(share()?).stderr(share()?);
        }
        let mut shell = shell
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .context("failed to run sh")?;
        let lifeline = shell.stdin.take().context("sh has no standard input")?;
        Ok(Self {
            shell,
            _lifeline: lifeline,
        })
    }

    /// Waits for its end, and tells its exit code.
    pub fn wait(mut self) -> Result<u8> {
        Ok(status_code(self.shell.wait().context("failed to wait for sh")?))
    }
}
