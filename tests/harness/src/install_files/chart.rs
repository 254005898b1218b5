//! I/O. What the chart shares with `crds/` and `manifests/`: it is written there once.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::InstallFile;
use super::values;

/// The chart's folder.
const CHART: &str = "charts/vobiz-operator";
/// The rights that the chart hands out, each from the rules of the one role in a file.
const RULES: [(&str, &str); 3] = [
    ("everywhere.yaml", "manifests/base/cluster-role.yaml"),
    ("own-namespace.yaml", "manifests/base/role.yaml"),
    ("watched-namespace.yaml", "manifests/watched-namespace/role.yaml"),
];
/// The roles of people, which the chart takes whole.
const USER_ROLES: &str = "manifests/base/user-roles.yaml";
/// The alerts, of which the chart takes what follows their metadata.
const ALERTS: &str = "manifests/components/monitoring/prometheus-rule.yaml";
/// The dashboard, which the chart takes whole.
const DASHBOARD: &str = "manifests/components/monitoring/dashboard.json";
/// Between these lines the README has the values.
const BEGIN: &str = "<!-- begin: made from values.yaml by `cargo xtask manifests` -->\n";
const END: &str = "<!-- end -->";

/// All of them.
pub(super) fn all(repository: &Path) -> Result<Vec<InstallFile>> {
    let read = |path: &str| {
        fs::read_to_string(repository.join(path)).with_context(|| format!("failed to read {path}"))
    };
    let mut files = Vec::new();
    let mut add = |path: String, text: String| {
        files.push(InstallFile {
            path: format!("{CHART}/{path}"),
            text,
        });
    };
    for (name, path) in definitions(repository)? {
        let template = definition_template(&path, &read(&path)?)?;
        add(format!("templates/crds/{name}"), template);
    }
    for (name, path) in RULES {
        let rules = rules(&read(path)?).with_context(|| format!("{path} has no rules"))?;
        add(format!("files/rules/{name}"), made_from(path) + &rules);
    }
    add(
        "files/rules/user-roles.yaml".to_owned(),
        made_from(USER_ROLES) + &read(USER_ROLES)?,
    );
    let alerts = read(ALERTS)?;
    let (_, spec) = alerts
        .split_once("\nspec:\n")
        .with_context(|| format!("{ALERTS} has no spec"))?;
    add(
        "files/monitoring/alerts.yaml".to_owned(),
        format!("{}spec:\n{spec}", made_from(ALERTS)),
    );
    add("files/monitoring/dashboard.json".to_owned(), read(DASHBOARD)?);
    let readme = read(&format!("{CHART}/README.md"))?;
    let table = values::table(&read(&format!("{CHART}/values.yaml"))?)?;
    add("README.md".to_owned(), with_table(&readme, &table)?);
    Ok(files)
}

/// The files of the definitions, by name, and where they are.
fn definitions(repository: &Path) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(repository.join("crds")).context("failed to list crds/")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != "kustomization.yaml" {
            found.push((name.clone(), format!("crds/{name}")));
        }
    }
    found.sort();
    Ok(found)
}

fn made_from(path: &str) -> String {
    format!("# Made from {path} by `cargo xtask manifests`.\n")
}

/// A definition as a template: with the metadata that the release gives it, and only where it is wanted.
fn definition_template(path: &str, definition: &str) -> Result<String> {
    let (head, rest) = definition
        .split_once("metadata:\n  name: ")
        .with_context(|| format!("{path} does not begin as a definition"))?;
    let (name, spec) = rest
        .split_once('\n')
        .with_context(|| format!("{path} has nothing but a name"))?;
    // What has a meaning in a template is text here.
    let spec = spec.replace("{{", "{{ \"{{\" }}");
    Ok(format!(
        "{{{{- /* Made from {path} by `cargo xtask manifests`. */}}}}\n\
         {{{{- if .Values.crds.enabled }}}}\n\
         {head}metadata:\n  \
         {{{{- include \"vobiz-operator.metadata\" (dict \"root\" . \"name\" \"{name}\"\n    \
         \"annotations\" (include \"vobiz-operator.definitionAnnotations\" . | fromYaml)) | nindent 2 }}}}\n\
         {spec}\
         {{{{- end }}}}\n"
    ))
}

/// The rules of the first role of a text, with what is said about them.
fn rules(manifest: &str) -> Option<String> {
    let (_, rules) = manifest.split_once("\nrules:\n")?;
    let rules = rules.split("\n---\n").next()?;
    Some(format!("rules:\n{}\n", rules.trim_end()))
}

fn with_table(readme: &str, table: &str) -> Result<String> {
    let (before, rest) = readme
        .split_once(BEGIN)
        .context("the chart's README has no place for the values")?;
    let (_, after) = rest
        .split_once(END)
        .context("the place for the values does not end")?;
    Ok(format!("{before}{BEGIN}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_gets_the_releases_metadata_and_what_looks_like_a_template_stays_text() {
        let definition =
            "kind: CustomResourceDefinition\nmetadata:\n  name: a.b\nspec:\n  x: \"{{namespace}}\"\n";
        let template = definition_template("crds/a.yaml", definition).unwrap();
        assert!(
            template.contains("if .Values.crds.enabled }}\nkind: CustomResourceDefinition\nmetadata:\n"),
            "{template}"
        );
        assert!(template.contains("\"name\" \"a.b\""), "{template}");
        assert!(
            template.ends_with("spec:\n  x: \"{{ \"{{\" }}namespace}}\"\n{{- end }}\n"),
            "{template}"
        );
    }

    #[test]
    fn the_rules_of_the_first_role_are_taken_with_their_comments() {
        let manifest =
            "kind: Role\nmetadata:\n  name: a\nrules:\n  # Why.\n  - verbs: [get]\n---\nkind: RoleBinding\n";
        assert_eq!(rules(manifest).unwrap(), "rules:\n  # Why.\n  - verbs: [get]\n");
        assert_eq!(rules("kind: RoleBinding\n"), None);
    }

    #[test]
    fn the_table_goes_between_its_marks_and_nothing_else_changes() {
        let readme = format!("head\n{BEGIN}old\n{END}\ntail\n");
        assert_eq!(
            with_table(&readme, "new\n").unwrap(),
            format!("head\n{BEGIN}new\n{END}\ntail\n")
        );
        assert!(with_table("head\n", "new\n").is_err());
    }
}
