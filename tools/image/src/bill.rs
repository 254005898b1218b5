//! I/O. The image's bill of materials in the JSON of `CycloneDX`: every crate in the program, as Cargo selects them, every library beside it,
//! and the authorities.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::archive::Facts;
use crate::layer::sha256;
use crate::libraries::Library;

/// The crate that the authorities come from.
const AUTHORITIES: &str = "webpki-root-certs";
/// The fields of a line by `cargo tree`, apart from its depth.
const FORMAT: &str = "|{p}|{l}";

/// A crate in the program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The crates in the program, and what each needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Packages {
    /// The licence of each, as it says.
    licences: BTreeMap<Crate, String>,
    /// What each needs itself.
    needs: BTreeMap<Crate, BTreeSet<Crate>>,
    /// What the authorities come from.
    authorities: Option<Crate>,
}

/// What Cargo puts into the operator with these features.
pub fn packages(root: &Path, features: &[&str]) -> Result<Packages> {
    let tree = cargo(root, &[&["--package", "vobiz-operator"], features].concat())?;
    let mut packages = read(&tree)?;
    let own = read(&cargo(root, &["--package", "vobiz-image"])?)?;
    packages.authorities = own.licences.into_keys().find(|found| found.name == AUTHORITIES);
    Ok(packages)
}

fn cargo(root: &Path, selection: &[&str]) -> Result<String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(program);
    cargo
        .current_dir(root)
        .args([
            "tree", "--locked", "--edges", "normal", "--prefix", "depth", "--format", FORMAT,
        ])
        .args(selection);
    let answer = cargo.output().context("failed to run cargo tree")?;
    ensure!(
        answer.status.success(),
        "cargo tree failed: {}",
        String::from_utf8_lossy(&answer.stderr)
    );
    String::from_utf8(answer.stdout).context("cargo tree tells no text")
}

/// Reads lines such as `2|serde v1.0.0|MIT OR Apache-2.0 (*)`, each below the last one that is less deep.
fn read(tree: &str) -> Result<Packages> {
    let mut packages = Packages::default();
    let mut above: Vec<Crate> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let mut fields = line.split('|');
        let mut field = || fields.next().with_context(|| format!("cargo tree says {line:?}"));
        let depth: usize = field()?.parse().context("cargo tree tells no depth")?;
        let mut words = field()?.split(' ');
        let name = words.next().unwrap_or_default().to_owned();
        let version = words
            .next()
            .unwrap_or_default()
            .trim_start_matches('v')
            .to_owned();
        let licence = field()?.trim_end_matches(" (*)").to_owned();
        let found = Crate { name, version };
        above.truncate(depth);
        if let Some(needing) = above.last() {
            let needs = packages.needs.entry(needing.clone()).or_default();
            needs.insert(found.clone());
        }
        packages.licences.insert(found.clone(), licence);
        above.push(found);
    }
    ensure!(packages.licences.len() > 1, "cargo tree lists nothing");
    Ok(packages)
}

impl Crate {
    /// By what it is known everywhere.
    fn purl(&self) -> String {
        // Of a version's characters only this one means something else there.
        format!("pkg:cargo/{}@{}", self.name, self.version.replace('+', "%2B"))
    }
}

/// The document.
pub fn text(
    facts: &Facts,
    packages: &Packages,
    libraries: &BTreeMap<String, Library>,
    binary: &[u8],
) -> Result<String> {
    let (program, others): (Vec<_>, Vec<_>) = packages
        .licences
        .iter()
        .partition(|(found, _)| found.name == "vobiz-operator");
    let (program, licence) = program.first().context("the operator is not in its own bill")?;
    let mut components: Vec<Value> = others
        .iter()
        .map(|(found, licence)| component(found, licence, "library"))
        .collect();
    components.extend(libraries.iter().map(|(path, library)| of_library(path, library)));
    if let Some(found) = &packages.authorities {
        components.push(component(found, "CDLA-Permissive-2.0", "data"));
    }
    let needs = packages.needs.iter();
    let mut dependencies: Vec<Value> = needs
        .map(|(needing, needed)| {
            let needed: Vec<String> = needed.iter().map(Crate::purl).collect();
            json!({"ref": needing.purl(), "dependsOn": needed})
        })
        .collect();
    dependencies.extend(libraries.keys().map(|path| json!({"ref": path, "dependsOn": []})));
    let mut subject = component(program, licence, "application");
    subject["hashes"] = json!([{"alg": "SHA-256", "content": sha256(binary)}]);
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": facts.created.to_string(),
            "component": subject,
            "properties": [{"name": "vobiz:commit", "value": facts.commit}],
        },
        "components": components,
        "dependencies": dependencies,
    });
    serde_json::to_string_pretty(&bill).context("failed to write the bill of materials")
}

fn component(found: &Crate, licence: &str, kind: &str) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": found.purl(),
        "name": found.name,
        "version": found.version,
    });
    component["purl"] = json!(found.purl());
    if !licence.is_empty() {
        // Some still separate two by a stroke, which is no expression.
        component["licenses"] = json!([{"expression": licence.replace('/', " OR ").replace("  ", " ")}]);
    }
    component
}

fn of_library(path: &str, library: &Library) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": path,
        "name": path.rsplit('/').next().unwrap_or(path),
        "hashes": [{"alg": "SHA-256", "content": sha256(&library.bytes)}],
        "properties": [{"name": "vobiz:path", "value": path}],
    });
    if let Some(package) = &library.package {
        component["version"] = json!(package.version);
        let version = package.version.replace('+', "%2B").replace(':', "%3A");
        component["purl"] = json!(format!(
            "pkg:deb/{}/{}@{version}",
            package.distribution, package.name
        ));
    }
    component
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use oci_spec::image::Arch;

    use super::*;

    const TREE: &str = "0|vobiz-operator v0.1.0 (/source)|Apache-2.0\n1|a v1.0.0+x|MIT/Apache-2.0\n2|b v2.0.0|MIT\n\
        1|b v2.0.0|MIT (*)\n1|c v3.0.0 (proc-macro)|\n";

    #[test]
    fn every_crate_is_there_once_with_its_licence_and_what_it_needs() {
        let packages = read(TREE).unwrap();
        let facts = Facts {
            architecture: Arch::Amd64,
            version: "0.1.0".to_owned(),
            commit: "abc".to_owned(),
            created: Timestamp::UNIX_EPOCH,
        };
        let library = Library {
            bytes: b"library".to_vec(),
            package: None,
        };
        let libraries = BTreeMap::from([("/lib/libc.so.6".to_owned(), library)]);
        let bill = text(&facts, &packages, &libraries, b"program").unwrap();
        let bill: Value = serde_json::from_str(&bill).unwrap();
        let refs: Vec<&str> = bill["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|component| component["bom-ref"].as_str().unwrap())
            .collect();
        let expected = [
            "pkg:cargo/a@1.0.0%2Bx",
            "pkg:cargo/b@2.0.0",
            "pkg:cargo/c@3.0.0",
            "/lib/libc.so.6",
        ];
        assert_eq!(refs, expected);
        assert_eq!(
            bill["components"][0]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        assert_eq!(
            bill["metadata"]["component"]["bom-ref"],
            "pkg:cargo/vobiz-operator@0.1.0"
        );
        let operator = bill["dependencies"].as_array().unwrap().iter();
        let operator = operator
            .clone()
            .find(|entry| entry["ref"] == "pkg:cargo/vobiz-operator@0.1.0")
            .unwrap();
        assert_eq!(
            operator["dependsOn"],
            json!(["pkg:cargo/a@1.0.0%2Bx", "pkg:cargo/b@2.0.0", "pkg:cargo/c@3.0.0"])
        );
    }

    #[test]
    fn the_operator_of_the_image_has_no_part_of_the_command_line() {
        let root = Path::new(env!("REPOSITORY"));
        let packages = packages(root, &["--no-default-features", "--features", "otlp"]).unwrap();
        let names: Vec<&str> = packages
            .licences
            .keys()
            .map(|found| found.name.as_str())
            .collect();
        assert!(
            names.contains(&"kube-client") && names.contains(&"opentelemetry-otlp"),
            "{names:?}"
        );
        assert!(!names.contains(&"clap_complete"), "{names:?}");
        assert!(packages.authorities.is_some());
    }
}
