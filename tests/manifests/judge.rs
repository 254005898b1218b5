//! Asks a tool of the field that judges what is handed out.

use std::io::Write as _;
use std::process::{Command, Stdio};

use vobiz_harness::go_module::GoModule;

/// What the program of a judge prints when it is given this; what it says when it refuses.
pub fn run(judge: &GoModule, program: &str, arguments: &[&str], input: &str) -> Result<String, String> {
    let mut child = Command::new(judge.locate().unwrap().join(program))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // Beside the reading: neither side waits for the other.
    let writer = std::thread::spawn(move || {
        // Who refuses early reads no further.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        let said = [output.stderr, output.stdout].concat();
        Err(String::from_utf8_lossy(&said).into_owned())
    }
}
