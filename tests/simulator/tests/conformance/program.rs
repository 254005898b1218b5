//! I/O. The program prints its addresses, serves, and ends when told.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

#[tokio::test]
async fn the_program_prints_its_addresses_and_ends_with_its_standard_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_vobiz-simulator"))
        .args(["--parent", "MA_A:secret", "--api", "gen1", "--until-stdin-closes"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let get = |path: &str| {
        crate::bed::client()
            .get(format!("{}{path}", ready["url"].as_str().unwrap()))
            .header("X-Auth-ID", "MA_A")
            .header("X-Auth-Token", "secret")
            .send()
    };
    assert_eq!(
        get("/api/v1/Account/MA_A/Subaccount/")
            .await
            .unwrap()
            .status()
            .as_u16(),
        200
    );
    assert_eq!(
        get("/api/v1/accounts/MA_A/sub-accounts/")
            .await
            .unwrap()
            .status()
            .as_u16(),
        401
    );
    let health = format!("{}/health", ready["control_url"].as_str().unwrap());
    assert_eq!(
        crate::bed::client()
            .get(health)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16(),
        200
    );
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
