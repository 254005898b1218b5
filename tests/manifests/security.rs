//! docs/security.md says what the operator may, no more and no less.

use std::collections::BTreeSet;

use vobiz_harness::grants::grants_to;

use crate::{documents, render};

/// Where, resource with its group, verb, and the only name; none: any.
type Right = (bool, String, String, Option<String>);

fn granted() -> BTreeSet<Right> {
    let mut found = BTreeSet::new();
    for grant in grants_to(&render::kustomize("manifests/base"), "vobiz-operator") {
        let (resource, subresource) = grant
            .resource
            .split_once('/')
            .map_or((grant.resource.as_str(), String::new()), |(resource, sub)| {
                (resource, format!("/{sub}"))
            });
        let group = if grant.group.is_empty() {
            String::new()
        } else {
            format!(".{}", grant.group)
        };
        let what = format!("{resource}{group}{subresource}");
        assert!(grant.names.len() < 2, "{grant}");
        found.insert((
            grant.own_namespace,
            what,
            grant.verb,
            grant.names.into_iter().next(),
        ));
    }
    found
}

/// The rows of the table below the heading.
fn told(text: &str) -> BTreeSet<Right> {
    let (_, section) = text.split_once("\n## What the operator may\n").unwrap();
    let mut found = BTreeSet::new();
    for row in section
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
    {
        let Some(row) = row.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")) else {
            break;
        };
        let cells: Vec<&str> = row.split(" | ").collect();
        let &[place, what, verbs] = cells.as_slice() else {
            panic!("{row}");
        };
        let is_own = match place {
            "everywhere" => false,
            "its own namespace" => true,
            other => panic!("no such place: {other}"),
        };
        let (resources, name) = match what.split_once(" named ") {
            Some((resources, name)) => (resources, Some(name.trim_matches('`').to_owned())),
            None => (what, None),
        };
        for resource in resources.split(", ") {
            for verb in verbs.split(", ") {
                let resource = resource.trim_matches('`').to_owned();
                let right = (is_own, resource, verb.to_owned(), name.clone());
                assert!(found.insert(right.clone()), "told twice: {right:?}");
            }
        }
    }
    found
}

#[test]
fn the_table_of_rights_is_that_of_the_manifests() {
    let (granted, told) = (granted(), told(&documents::text("docs/security.md")));
    assert!(granted.len() > 20, "{granted:?}");
    let untold: Vec<_> = granted.difference(&told).collect();
    let wrong: Vec<_> = told.difference(&granted).collect();
    assert!(untold.is_empty(), "granted and not told: {untold:#?}");
    assert!(wrong.is_empty(), "told and not granted: {wrong:#?}");
}
