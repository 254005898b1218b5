//! Reads manifests as kubectl does: files, folders, standard input, a kustomization. I/O.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::controller::wake::ObjectKey;
use crate::crd::{GROUP, VERSION};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{ClusterFlags, PlanFlags};
use crate::kubectl::sight::objects::{Kind, ObjectId};

/// Ends of the names of files that hold manifests.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// What the manifests say.
#[derive(Debug, Default)]
pub struct Manifests {
    /// Objects of our kinds, in their order, each once: the last word counts.
    pub objects: Vec<(ObjectId, Value)>,
    /// Names of namespaces that they make.
    pub namespaces: Vec<String>,
    /// How many objects of other kinds there are.
    pub others: usize,
}

/// Reads all that the flags name. Objects without a namespace belong to `namespace`.
pub fn read(flags: &PlanFlags, cluster: &ClusterFlags, namespace: &str) -> Result<Manifests, Failure> {
    let mut manifests = Manifests::default();
    for name in &flags.filenames {
        if name == Path::new("-") {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| {
                Failure::new("standard input", error.to_string(), "pipe manifests into it")
            })?;
            manifests.add("standard input", &text, namespace)?;
        } else {
            for path in files(name)? {
                let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
                manifests.add(&path.display().to_string(), &text, namespace)?;
            }
        }
    }
    if let Some(folder) = &flags.kustomize {
        manifests.add(
            &folder.display().to_string(),
            &kustomized(folder, cluster)?,
            namespace,
        )?;
    }
    Ok(manifests)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        path.display().to_string(),
        error.to_string(),
        "name a file or folder that can be read",
    )
}

/// The file, or those of a folder, in order.
fn files(name: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !std::fs::metadata(name)
        .map_err(|error| unreadable(name, &error))?
        .is_dir()
    {
        return Ok(vec![name.to_owned()]);
    }
    let entries = std::fs::read_dir(name).map_err(|error| unreadable(name, &error))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(name, &error))?.path();
        let ends_so = path
            .extension()
            .is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
        if ends_so && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn kustomized(folder: &Path, cluster: &ClusterFlags) -> Result<String, Failure> {
    let failed = |cause: String| {
        Failure::new(
            folder.display().to_string(),
            cause,
            "see what kubectl kustomize says of it",
        )
    };
    let mut kubectl = std::process::Command::new("kubectl");
    kubectl.arg("kustomize").arg(folder).stdin(Stdio::null());
    if let Some(kubeconfig) = &cluster.kubeconfig {
        kubectl.arg("--kubeconfig").arg(kubeconfig);
    }
    let output = kubectl
        .output()
        .map_err(|error| failed(format!("kubectl cannot be run ({error})")))?;
    if !output.status.success() {
        return Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().replace('\n', " "),
        ));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("kubectl printed no text".to_owned()))
}

impl Manifests {
    fn add(&mut self, source: &str, text: &str, namespace: &str) -> Result<(), Failure> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
            // The parser quotes lines, which may be those of a Secret.
            let line = error.location().map_or(0, |location| location.line());
            Failure::new(source, format!("it is no YAML (line {line})"), "correct it")
        })?;
        for document in documents {
            self.add_object(source, document, namespace)?;
        }
        Ok(())
    }

    fn add_object(&mut self, source: &str, mut object: Value, namespace: &str) -> Result<(), Failure> {
        if object.is_null() {
            return Ok(());
        }
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        if kind.ends_with("List") && object["items"].is_array() {
            for item in object["items"]
                .as_array_mut()
                .map(std::mem::take)
                .unwrap_or_default()
            {
                self.add_object(source, item, namespace)?;
            }
            return Ok(());
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if kind == "Namespace" {
            self.namespaces.push(name.clone());
        }
        let is_ours = object["apiVersion"] == format!("{GROUP}/{VERSION}");
        let Some(kind) = Kind::parse(&kind).filter(|_| is_ours) else {
            self.others += 1;
            return Ok(());
        };
        if name.is_empty() {
            let object = format!("{source}: a {}", kind.as_str());
            return Err(Failure::new(object, "it has no metadata.name", "give it one"));
        }
        let namespace = match (kind, object["metadata"]["namespace"].as_str()) {
            (Kind::ClusterAccount, _) => String::new(),
            (_, Some(own)) => own.to_owned(),
            (_, None) => namespace.to_owned(),
        };
        if !namespace.is_empty() {
            object["metadata"]["namespace"] = Value::from(namespace.as_str());
        }
        let id = ObjectId {
            kind,
            key: ObjectKey { namespace, name },
        };
        self.objects.retain(|(known, _)| *known != id);
        self.objects.push((id, object));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_our_kinds_are_found_wherever_they_stand() {
        let text = "apiVersion: vobiz.ai/v1alpha1\nkind: Subaccount\nmetadata: {name: acme}\nspec: {accountRef: {name: main}}\n---\n\
            apiVersion: v1\nkind: List\nitems:\n- {apiVersion: vobiz.ai/v1alpha1, kind: ClusterAccount, metadata: {name: shared}}\n\
            - {apiVersion: v1, kind: Namespace, metadata: {name: team-b}}\n---\n---\n\
            {\"apiVersion\": \"other.example/v1\", \"kind\": \"Subaccount\", \"metadata\": {\"name\": \"theirs\"}}\n---\n\
            apiVersion: vobiz.ai/v1alpha1\nkind: Subaccount\nmetadata: {name: acme}\nspec: {accountRef: {name: other}}\n";
        let mut manifests = Manifests::default();
        manifests.add("text", text, "team").unwrap();
        let found: Vec<String> = manifests.objects.iter().map(|(id, _)| id.to_string()).collect();
        assert_eq!(found, ["ClusterAccount shared", "Subaccount team/acme"]);
        assert_eq!(
            manifests.objects[1].1["spec"]["accountRef"]["name"], "other",
            "the last word counts"
        );
        assert_eq!(manifests.objects[1].1["metadata"]["namespace"], "team");
        assert_eq!(
            (manifests.namespaces.as_slice(), manifests.others),
            (&["team-b".to_owned()][..], 2)
        );
        let broken = manifests
            .add("text", "kind: Secret\nstringData: {token: s3cret\n", "team")
            .unwrap_err();
        assert!(!broken.to_string().contains("s3cret"), "{broken}");
    }
}
