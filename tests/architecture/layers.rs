//! Imports run one way: main > operator > subaccount > account > {vobiz, crd, controller}, and `controller` knows no name of
//! ours. `kubectl`, which people run, stands beside `operator` and knows what that knows of objects. What belongs to the process
//! (`cli`, `http`, `leader`, `telemetry`) is used by `main` and `operator` alone; `proxy` by whoever makes a client;
//! `metrics` by all who count; `clock` and
//! `dice` by all.

use crate::source;

/// What every module may name.
const FOR_ALL: &[&str] = &["clock", "dice"];

/// Each module, and the modules that it may name beside itself and those for all.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("dice", &[]),
    ("metrics", &[]),
    ("proxy", &[]),
    ("vobiz", &["proxy"]),
    ("crd", &[]),
    ("controller", &["metrics", "proxy"]),
    ("account", &["vobiz", "crd", "controller", "metrics"]),
    (
        "subaccount",
        &["account", "vobiz", "crd", "controller", "metrics"],
    ),
    ("cli", &["proxy", "vobiz"]),
    ("http", &["controller", "metrics"]),
    ("leader", &["controller", "metrics"]),
    ("telemetry", &["cli", "proxy"]),
    (
        "kubectl",
        &[
            "subaccount",
            "account",
            "vobiz",
            "crd",
            "controller",
            "metrics",
            "proxy",
        ],
    ),
    (
        "operator",
        &[
            "subaccount",
            "account",
            "vobiz",
            "crd",
            "controller",
            "cli",
            "http",
            "leader",
            "metrics",
            "telemetry",
            "proxy",
        ],
    ),
];

/// Libraries that only some modules may name: the library, and its modules (all others when `false`).
const LIBRARIES: &[(&str, &[&str], bool)] = &[
    ("reqwest", &["vobiz", "telemetry"], true),
    ("kube", &["vobiz", "proxy"], false),
    ("k8s_openapi", &["vobiz"], false),
];

/// Parts of words that a module must not hold in its code or texts, in any case: they name what it is not about.
const STRANGE_WORDS: &[(&str, &[&str])] = &[(
    "controller",
    &["vobiz", "account", "auth_id", "authid", "auth-id"],
)];

/// The lines of a file that hold a word that is strange there.
fn strange_words(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (module, words) in STRANGE_WORDS {
        if !path.starts_with(&format!("src/{module}/")) {
            continue;
        }
        for line in source::without_comments(&source::without_tests(text)).lines() {
            // That one is Kubernetes' own.
            let lower = line.to_lowercase().replace("serviceaccount", "");
            if words.iter().any(|word| lower.contains(word)) {
                found.push(format!("{path} says: {}", line.trim()));
            }
        }
    }
    found
}

/// What a file below `src/` names although it must not.
fn breaches(path: &str, text: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let module: Vec<&str> = inside.split('/').filter(|part| *part != "mod").collect();
    let top = module.first().copied().unwrap_or_default();
    if matches!(top, "main" | "lib" | "bin") {
        return Vec::new();
    }
    let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == top) else {
        return vec![format!("{path}: the module {top} has no place in the layer rule")];
    };
    let mut breaches = Vec::new();
    for path_of_code in source::paths(&source::code(&source::without_tests(text))) {
        let mut parts = path_of_code.iter().map(String::as_str).peekable();
        let named = match parts.peek() {
            Some(&"crate") => {
                parts.next();
                parts.next()
            }
            Some(&"super") => {
                let supers = path_of_code.iter().take_while(|part| *part == "super").count();
                // As many steps up as the file is deep end at the crate's root.
                (supers >= module.len()).then(|| parts.nth(supers)).flatten()
            }
            Some(library) => {
                if let Some((_, modules, only)) = LIBRARIES.iter().find(|(name, ..)| name == library)
                    && path_of_code.len() > 1
                    && modules.contains(&top) != *only
                {
                    breaches.push(format!("{path} names {}", path_of_code.join("::")));
                }
                continue;
            }
            None => continue,
        };
        let is_module = named.is_some_and(|name| name.starts_with(char::is_lowercase) && name != "self");
        if let Some(name) = named
            && is_module
            && name != top
            && !allowed.contains(&name)
            && !FOR_ALL.contains(&name)
        {
            breaches.push(format!("{path} names {}", path_of_code.join("::")));
        }
    }
    breaches
}

#[test]
fn imports_run_one_way() {
    let files = source::files("src", ".rs");
    assert!(files.len() > 5, "the sources were not found");
    let found: Vec<String> = files
        .iter()
        .filter(|(path, _)| !source::is_test(path))
        .flat_map(|(path, text)| breaches(path, text))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_parts_for_any_controller_know_no_name_of_ours() {
    let found: Vec<String> = source::files("src/controller", ".rs")
        .iter()
        .filter(|(path, _)| !source::is_test(path))
        .flat_map(|(path, text)| strange_words(path, text))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_name_of_ours_is_caught_in_code_and_texts_but_not_in_comments_and_tests() {
    let path = "src/controller/watch.rs";
    for text in [
        "const MANAGER: &str = \"vobiz-operator\";",
        "fn admit_account(account: &str) {}",
        "struct Label { auth_id: String }",
        "let a = r#\"kind: Subaccount\"#;",
    ] {
        assert_eq!(strange_words(path, text).len(), 1, "{text}");
        assert_eq!(strange_words("src/account/mod.rs", text), Vec::<String>::new());
    }
    let innocent = "// of an account\nfn a() {} // Vobiz\nconst URL: &str = \"https://a\";\n\
        #[cfg(test)]\nmod tests {\n    const A: &str = \"vobiz\";\n}\n";
    assert_eq!(strange_words(path, innocent), Vec::<String>::new());
}

#[test]
fn an_import_against_the_order_is_caught_however_it_is_written() {
    for (path, text) in [
        ("src/crd/mod.rs", "use crate::vobiz::Client;"),
        (
            "src/vobiz/client.rs",
            "use crate::{\n    crd::{self, Account},\n};",
        ),
        (
            "src/account/sweep.rs",
            "fn f() { crate::subaccount::plan::plan() }",
        ),
        ("src/account/mod.rs", "use super::subaccount;"),
        (
            "src/account/sweep.rs",
            "use super::super::{vobiz::Client, subaccount::plan};",
        ),
        ("src/subaccount/plan.rs", "use crate::operator;"),
        ("src/controller/backoff.rs", "use {crate::crd::GROUP, std::fmt};"),
        ("src/http.rs", "use super::cli::Config;"),
        ("src/clock.rs", "use crate::cli::Config;"),
        ("src/helpers.rs", ""),
        ("src/account/sweep.rs", "use reqwest::Client;"),
        ("src/vobiz/client.rs", "fn f(client: kube::Client) {}"),
    ] {
        assert!(!breaches(path, text).is_empty(), "{path}: {text}");
    }
    for (path, text) in [
        (
            "src/subaccount/plan.rs",
            "use crate::{account::Roster, clock::now, crd, subaccount::desired, VERSION};",
        ),
        (
            "src/account/sweep.rs",
            "use super::roster::Roster;\nuse super::super::vobiz;",
        ),
        (
            "src/vobiz/client.rs",
            "use super::error; // not crate::crd\nuse reqwest::Client;",
        ),
        (
            "src/crd/mod.rs",
            "#[cfg(test)]\nmod tests {\n    use crate::vobiz;\n}\n",
        ),
        ("src/main.rs", "use vobiz_operator::operator;"),
    ] {
        assert_eq!(breaches(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}
