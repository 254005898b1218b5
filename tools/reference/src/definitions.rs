//! PURE. A page for each kind: every field with its type, default, limits and rules, from the definitions that a cluster gets.

use serde_json::Value;
use vobiz_operator::crd::custom_resource_definitions;

use crate::Page;
use crate::table::{Table, code, sentence};

/// The pages, by their kinds.
const FILES: [(&str, &str); 3] = [
    ("Subaccount", "subaccount.md"),
    ("Account", "account.md"),
    ("ClusterAccount", "cluster-account.md"),
];

/// Types of Kubernetes, which are explained there: their fields are not told again.
const FOREIGN: [&str; 1] = ["status.conditions"];

pub fn pages() -> Vec<Page> {
    let definitions: Vec<Value> = custom_resource_definitions()
        .iter()
        .filter_map(|definition| serde_json::to_value(definition).ok())
        .collect();
    let page_of = |(kind, file): &(&str, &'static str)| {
        let is_it = |definition: &&Value| definition["spec"]["names"]["kind"] == *kind;
        let definition = definitions.iter().find(is_it)?;
        Some(Page {
            file,
            text: page(definition),
        })
    };
    FILES.iter().filter_map(page_of).collect()
}

fn page(definition: &Value) -> String {
    let spec = &definition["spec"];
    let (names, version) = (&spec["names"], &spec["versions"][0]);
    let schema = &version["schema"]["openAPIV3Schema"];
    let kind = text(&names["kind"]);
    let namespaced = if spec["scope"] == "Namespaced" {
        "in a namespace"
    } else {
        "in the whole cluster, without a namespace"
    };
    let mut page = format!(
        "# {kind}\n\n{}\n\n`apiVersion: {}/{}`, {namespaced}; for kubectl `{}.{}` and, to read, `{}`; category `{}`.\n",
        sentence(text(&schema["description"])),
        text(&spec["group"]),
        text(&version["name"]),
        text(&names["plural"]),
        text(&spec["group"]),
        text(&names["shortNames"][0]),
        text(&names["categories"][0]),
    );
    for part in ["spec", "status"] {
        let schema = &schema["properties"][part];
        page.extend([format!(
            "\n## {part}\n\n{}\n\n",
            sentence(text(&schema["description"]))
        )]);
        let mut fields = Table::new(&["field", "type", "default", "what it is"]);
        add_fields(part, schema, &mut fields);
        page += &fields.finish();
    }
    let mut rules = Vec::new();
    collect_rules("", schema, &mut rules);
    page += "\n## Rules\n\nWhat does not hold is refused with these words. A rule about a list or a map holds for each entry.\n\n";
    let mut table = Table::new(&["of", "refused with"]);
    for (at, message) in rules {
        table.row(&[&code(&at), &message]);
    }
    page += &table.finish();
    page += "\n## Columns\n\n";
    let mut columns = Table::new(&["column", "is", "shown"]);
    for column in list(&version["additionalPrinterColumns"]) {
        let shown = if column["priority"].as_i64().unwrap_or_default() > 0 {
            "with `-o wide`"
        } else {
            "always"
        };
        columns.row(&[
            &text(&column["name"]).to_uppercase(),
            &code(text(&column["jsonPath"])),
            shown,
        ]);
    }
    page += &columns.finish();
    let selectable: Vec<String> = list(&version["selectableFields"])
        .map(|field| code(text(&field["jsonPath"]).trim_start_matches('.')))
        .collect();
    if !selectable.is_empty() {
        page.extend([format!(
            "\nSelected by `--field-selector`: {}.\n",
            selectable.join(", ")
        )]);
    }
    page
}

fn add_fields(at: &str, schema: &Value, table: &mut Table) {
    let required: Vec<&str> = list(&schema["required"]).map(text).collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{at}.{name}");
        let default = match &field["default"] {
            Value::Null if required.contains(&name.as_str()) => "required".to_owned(),
            Value::Null | Value::Object(_) => String::new(),
            default => code(&default.to_string()),
        };
        table.row(&[
            &code(&path),
            &type_of(field),
            &default,
            &sentence(text(&field["description"])),
        ]);
        if FOREIGN.contains(&path.as_str()) {
            continue;
        }
        add_fields(&path, field, table);
        add_fields(&format!("{path}[]"), &field["items"], table);
    }
}

/// The type with its limits.
fn type_of(schema: &Value) -> String {
    let values: Vec<String> = list(&schema["enum"]).map(|value| code(text(value))).collect();
    if !values.is_empty() {
        return values.join(", ");
    }
    let mut limits = Vec::new();
    for (key, words) in [
        ("minLength", "at least {} characters"),
        ("maxLength", "at most {} characters"),
        ("minimum", "at least {}"),
        ("maximum", "at most {}"),
        ("maxItems", "at most {} entries"),
        ("maxProperties", "at most {} entries"),
    ] {
        // The schema writes whole numbers as 1.0.
        if let Some(limit) = schema[key].as_f64() {
            limits.push(words.replace("{}", &limit.to_string()));
        }
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        limits.push(format!("of the form {}", code(pattern)));
    }
    let kind = match schema["type"].as_str() {
        Some("array") => format!("list of {}", type_of(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map of {}", type_of(&schema["additionalProperties"]))
        }
        Some(kind) => kind.to_owned(),
        None => "any".to_owned(),
    };
    if limits.is_empty() {
        kind
    } else {
        format!("{kind}, {}", limits.join(", "))
    }
}

fn collect_rules(at: &str, schema: &Value, found: &mut Vec<(String, String)>) {
    for rule in list(&schema["x-kubernetes-validations"]) {
        let at = if at.is_empty() { "metadata.name" } else { at };
        found.push((at.to_owned(), text(&rule["message"]).to_owned()));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = if at.is_empty() {
            name.clone()
        } else {
            format!("{at}.{name}")
        };
        collect_rules(&path, field, found);
        collect_rules(&format!("{path}[]"), &field["items"], found);
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
