//! No file needs another that needs it: whoever reads one finds below it only what it stands on.
//!
//! A parent that declares its children, or hands their names on (`pub use`) without using them, needs none of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::source::{self, Import};

/// The path of a module, without `crate`.
type Module = Vec<String>;

struct File {
    path: String,
    imports: Vec<Import>,
    /// Every path of its code but those of imports.
    paths: Vec<Vec<String>>,
}

/// The files of one crate by their modules.
struct Tree(BTreeMap<Module, File>);

impl Tree {
    fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let file = |(path, text): (&str, &str)| {
            let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
            let mut module: Module = inside.split('/').map(str::to_owned).collect();
            module.pop_if(|last| matches!(last.as_str(), "mod" | "lib"));
            let (imports, paths) = source::names(&source::code(&source::without_tests(text)));
            let file = File {
                path: path.to_owned(),
                imports,
                paths,
            };
            (module, file)
        };
        Self(files.into_iter().map(file).collect())
    }

    /// The file that defines what a file at this module calls by this path; none if that is no file of this crate.
    fn definer(&self, at: &Module, path: &[String]) -> Option<Module> {
        // A name that is handed on is looked for where it comes from, and so on.
        let (mut at, mut path) = (at.clone(), path.to_vec());
        for _ in 0..16 {
            let (mut module, mut rest) = self.begin(&at, &path)?;
            while let Some(name) = rest.first() {
                let child: Module = module.iter().chain([name]).cloned().collect();
                if !self.0.contains_key(&child) {
                    break;
                }
                module = child;
                rest.remove(0);
            }
            let import = rest.first().and_then(|name| {
                self.0
                    .get(&module)?
                    .imports
                    .iter()
                    .find(|import| import.name == *name)
            });
            let Some(import) = import else {
                return self.0.contains_key(&module).then_some(module);
            };
            path = import.path.iter().chain(&rest[1..]).cloned().collect();
            at = module;
        }
        None
    }

    /// The module that a path begins in, and what is left of the path there.
    fn begin(&self, at: &Module, path: &[String]) -> Option<(Module, Vec<String>)> {
        let supers = path.iter().take_while(|part| *part == "super").count();
        match path.first()?.as_str() {
            "crate" => Some((Vec::new(), path[1..].to_vec())),
            "self" => Some((at.clone(), path[1..].to_vec())),
            "super" => Some((
                at[..at.len().checked_sub(supers)?].to_vec(),
                path[supers..].to_vec(),
            )),
            first => {
                let child: Module = at.iter().cloned().chain([first.to_owned()]).collect();
                let is_known = self.0.contains_key(&child)
                    || self.0[at].imports.iter().any(|import| import.name == first);
                // Anything else is of the language, of this file, or of another crate.
                is_known.then(|| (at.clone(), path.to_vec()))
            }
        }
    }

    /// The files that a file needs, each with the first path that says so.
    fn needs(&self, module: &Module) -> BTreeMap<Module, String> {
        let file = &self.0[module];
        let is_used = |name: &str| file.paths.iter().any(|path| path[0] == name);
        let imports = file
            .imports
            .iter()
            .filter(|import| !import.is_public || is_used(&import.name))
            .map(|import| &import.path);
        let mut needs = BTreeMap::new();
        for path in imports.chain(file.paths.iter().filter(|path| path.len() > 1)) {
            if let Some(definer) = self.definer(module, path).filter(|definer| definer != module) {
                needs.entry(definer).or_insert_with(|| path.join("::"));
            }
        }
        needs
    }

    /// For each file in a circle the shortest one, as a person can follow it; each circle once.
    fn circles(&self) -> Vec<Vec<(String, String)>> {
        let needs: BTreeMap<&Module, BTreeMap<Module, String>> =
            self.0.keys().map(|module| (module, self.needs(module))).collect();
        let (mut circles, mut seen) = (Vec::new(), BTreeSet::new());
        for start in self.0.keys() {
            let Some(circle) = shortest_circle(start, &needs) else {
                continue;
            };
            if seen.insert(circle.iter().copied().collect::<BTreeSet<_>>()) {
                let step = |at: usize| {
                    let (from, to) = (circle[at], circle[(at + 1) % circle.len()]);
                    (self.0[from].path.clone(), needs[from][to].clone())
                };
                circles.push((0..circle.len()).map(step).collect());
            }
        }
        circles
    }
}

fn shortest_circle<'a>(
    start: &'a Module,
    needs: &'a BTreeMap<&'a Module, BTreeMap<Module, String>>,
) -> Option<Vec<&'a Module>> {
    let mut before: BTreeMap<&Module, &Module> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(module) = waiting.pop_front() {
        for next in needs[module].keys() {
            if next == start {
                let mut circle = vec![module];
                while let Some(earlier) = before.get(circle[circle.len() - 1]) {
                    circle.push(*earlier);
                }
                circle.reverse();
                return Some(circle);
            }
            if !before.contains_key(next) {
                before.insert(next, module);
                waiting.push_back(next);
            }
        }
    }
    None
}

fn told(circle: &[(String, String)]) -> String {
    let steps: Vec<String> = circle
        .iter()
        .map(|(path, named)| format!("{path} names {named}"))
        .collect();
    format!("{}, and so on", steps.join(", "))
}

#[test]
fn no_file_needs_one_that_needs_it() {
    let files = source::files("src", ".rs");
    let files = files.iter().filter(|(path, _)| !source::is_test(path));
    let tree = Tree::read(files.map(|(path, text)| (path.as_str(), text.as_str())));
    let needs = tree
        .0
        .keys()
        .map(|module| tree.needs(module).len())
        .sum::<usize>();
    assert!(needs > 300, "only {needs} needs were found");
    let found: Vec<String> = tree.circles().iter().map(|circle| told(circle)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_circle_is_found_however_its_names_are_written_and_told() {
    for files in [
        [("src/a.rs", "use crate::b::B;"), ("src/b.rs", "use crate::a::A;")],
        [
            ("src/a.rs", "use super::b;"),
            ("src/b.rs", "fn f() { crate::a::f() }"),
        ],
        [
            ("src/a/mod.rs", "mod c;\nuse c::C;"),
            ("src/a/c.rs", "use super::Parent;"),
        ],
        [
            ("src/a.rs", "mod c;\npub use c::C;\nfn f() -> C { C }"),
            ("src/a/c.rs", "use super::f;"),
        ],
        [
            ("src/a.rs", "use crate::b as other;\nfn f() { other::f() }"),
            ("src/b.rs", "use crate::{a::{self, A}};"),
        ],
    ] {
        let circles = Tree::read(files).circles();
        assert_eq!(circles.len(), 1, "{files:?}");
        assert_eq!(circles[0].len(), 2, "{files:?}");
    }
    let files = [
        ("src/a/mod.rs", "mod b;\nmod c;\npub use b::B;"),
        ("src/a/b.rs", "use crate::d::D;"),
        ("src/a/c.rs", "use super::B;"),
        ("src/d.rs", "use crate::a::c;"),
    ];
    let circles = Tree::read(files).circles();
    assert_eq!(circles.len(), 1);
    assert_eq!(
        told(&circles[0]),
        "src/a/b.rs names crate::d::D, src/d.rs names crate::a::c, src/a/c.rs names super::B, and so on"
    );
}

#[test]
fn children_that_are_declared_or_handed_on_and_names_of_others_make_no_circle() {
    for files in [
        [
            ("src/a/mod.rs", "mod c;\npub use c::C;\npub const X: u8 = 1;"),
            ("src/a/c.rs", "use super::X;"),
        ],
        [
            (
                "src/a.rs",
                "use crate::b::B;\n#[cfg(test)]\nmod tests {\n    use crate::b;\n}\n",
            ),
            ("src/b.rs", "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n"),
        ],
        [
            ("src/a.rs", "use crate::b::B; // crate::b"),
            (
                "src/b.rs",
                "use http::a; /* crate::a */ const T: &str = \"crate::a::A\";",
            ),
        ],
    ] {
        assert_eq!(Tree::read(files).circles(), Vec::<Vec<_>>::new(), "{files:?}");
    }
}
