//! What generators and judges are given is real, and the page on them says what they were asked.

use std::fs;

use serde_json::Value;
use vobiz_operator::kubectl::validation::Definitions;

use crate::documents::text;
use crate::render::root;

#[test]
fn the_object_that_generators_read_is_one_as_an_api_server_stores_it() {
    let object: Value = serde_json::from_str(&text("tests/generators/subaccount.json")).unwrap();
    let definitions = Definitions::new().unwrap();
    let errors = definitions.errors("Subaccount", &object, None);
    assert!(errors.is_empty(), "{errors:?}");
    for set_by_the_server in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
        assert!(
            !object["metadata"][set_by_the_server].is_null(),
            "it has no {set_by_the_server}"
        );
    }
    assert_eq!(
        object["metadata"]["generation"],
        object["status"]["observedGeneration"]
    );
}

#[test]
fn the_page_on_clients_says_of_each_tool_what_its_run_prints() {
    let page = text("docs/clients.md");
    let mut tools = 0;
    for folder in fs::read_dir(root().join("tests/generators")).unwrap() {
        let run = folder.unwrap().path().join("run");
        let Ok(script) = fs::read_to_string(&run) else {
            continue;
        };
        let title = script
            .lines()
            .nth(1)
            .and_then(|line| line.strip_prefix("# "))
            .unwrap();
        let verdict = script
            .lines()
            .last()
            .and_then(|line| line.strip_prefix("echo "))
            .unwrap();
        let verdict = verdict
            .trim_matches(['"', '\''])
            .replace("\\`", "`")
            .replace("$refused", "refused");
        let row = format!("| {title} | {verdict} |");
        assert!(page.contains(&row), "{} prints\n{row}", run.display());
        tools += 1;
    }
    let rows = page.lines().filter(|line| line.starts_with("| ")).count();
    assert_eq!(rows, tools + 1, "the page has rows of no tool");
}
