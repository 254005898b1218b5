//! What kustomize does to names reaches every place that names an object.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use vobiz_harness::directory::TemporaryDirectory;
use vobiz_harness::markdown::blocks;

use crate::documents::text;
use crate::render;

const REFERENCES: &str = "manifests/kustomize/name-reference.yaml";

/// Writes a kustomization and what lies beside it, and renders it.
pub fn render_with(kustomization: &str, files: &[(&str, &str)]) -> Vec<Value> {
    let folder = TemporaryDirectory::new("kustomize").unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("kustomization.yaml", kustomization);
    for (name, text) in files {
        write(name, text);
    }
    link_repository(folder.path());
    render::kustomize_at(folder.path())
}

/// The repository as it lies beside a user's kustomization.
fn link_repository(folder: &Path) {
    std::os::unix::fs::symlink(render::root(), folder.join("vobiz-operator")).unwrap();
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

#[test]
fn a_name_prefix_and_the_hash_of_a_generator_reach_every_reference() {
    let documented = blocks(&text("manifests/gitops/README.md"), "yaml");
    let references = text(REFERENCES);
    let account = "apiVersion: vobiz.ai/v1alpha1
kind: Account
metadata: {name: vobiz}
spec: {credentialsSecretRef: {name: vobiz-credentials}}
";
    let subaccounts = "apiVersion: vobiz.ai/v1alpha1
kind: Subaccount
metadata: {name: acme}
spec: {accountRef: {name: vobiz}, secretRef: {name: vobiz-credentials}}
---
apiVersion: vobiz.ai/v1alpha1
kind: Subaccount
metadata: {name: globex}
spec: {accountRef: {name: elsewhere}, secretRef: {name: globex-telephony}}
---
apiVersion: vobiz.ai/v1alpha1
kind: Subaccount
metadata: {name: helpdesk}
spec: {accountRef: {name: vobiz}, secretRef: {name: helpdesk}}
---
# Another product's kind of the same name, which names none of ours.
apiVersion: account.btp.sap.crossplane.io/v1alpha1
kind: Subaccount
metadata: {name: theirs}
spec: {accountRef: {name: vobiz}}
---
# Uses the pair of one of our Subaccounts in every way, a generated Secret, and one that is called like another product's object.
apiVersion: apps/v1
kind: Deployment
metadata: {name: desk}
spec:
  selector: {matchLabels: {app: desk}}
  template:
    metadata: {labels: {app: desk}}
    spec:
      initContainers: [{name: a, image: a, envFrom: [{secretRef: {name: helpdesk}}]}]
      containers:
        - name: b
          image: b
          env:
            - {name: ID, valueFrom: {secretKeyRef: {name: helpdesk, key: auth_id}}}
            - {name: PARENT, valueFrom: {secretKeyRef: {name: vobiz-credentials, key: auth_id}}}
            - {name: OTHER, valueFrom: {secretKeyRef: {name: theirs, key: auth_id}}}
      volumes:
        - {name: c, secret: {secretName: helpdesk}}
        - {name: d, projected: {sources: [{secret: {name: helpdesk}}]}}
";
    let objects = render_with(
        &documented[0],
        &[
            ("name-reference.yaml", &references),
            ("credentials.env", "auth_id=MA_TEST\nauth_token=t\n"),
            ("account.yaml", account),
            ("subaccount.yaml", subaccounts),
        ],
    );
    let secret = name_of(render::only(&objects, "Secret"));
    assert!(
        secret.starts_with("team-a-vobiz-credentials-"),
        "{secret} has no prefix or no hash"
    );
    let account = render::only(&objects, "Account");
    assert_eq!(name_of(account), "team-a-vobiz");
    assert_eq!(account["spec"]["credentialsSecretRef"]["name"], secret);
    let specs: BTreeMap<&str, &Value> = render::of_kind(&objects, "Subaccount")
        .into_iter()
        .map(|object| (name_of(object), &object["spec"]))
        .collect();
    assert_eq!(specs["team-a-acme"]["accountRef"]["name"], "team-a-vobiz");
    assert_eq!(specs["team-a-acme"]["secretRef"]["name"], secret);
    // What is not in the kustomization keeps its name.
    assert_eq!(specs["team-a-globex"]["accountRef"]["name"], "elsewhere");
    assert_eq!(specs["team-a-globex"]["secretRef"]["name"], "globex-telephony");
    assert_eq!(specs["team-a-theirs"]["accountRef"]["name"], "vobiz");
    // And back: what uses the pair of a Subaccount follows it.
    assert_eq!(specs["team-a-helpdesk"]["secretRef"]["name"], "team-a-helpdesk");
    let pod = &render::only(&objects, "Deployment")["spec"]["template"]["spec"];
    let (env, volumes) = (&pod["containers"][0]["env"], &pod["volumes"]);
    for name in [
        &pod["initContainers"][0]["envFrom"][0]["secretRef"]["name"],
        &env[0]["valueFrom"]["secretKeyRef"]["name"],
        &volumes[0]["secret"]["secretName"],
        &volumes[1]["projected"]["sources"][0]["secret"]["name"],
    ] {
        assert_eq!(name, "team-a-helpdesk");
    }
    assert_eq!(env[1]["valueFrom"]["secretKeyRef"]["name"], secret);
    assert_eq!(env[2]["valueFrom"]["secretKeyRef"]["name"], "theirs");
}

#[test]
fn the_pair_of_a_subaccount_is_followed_into_every_kind_of_workload() {
    let references = render::documents(&text(REFERENCES)).remove(0);
    let rules = references["nameReference"].as_array().unwrap();
    let back = rules.iter().find(|rule| rule["kind"] == "Subaccount").unwrap();
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for place in back["fieldSpecs"].as_array().unwrap() {
        let path = place["path"].as_str().unwrap();
        let end = path.rsplit_once("spec/").map_or(path, |(_, end)| end);
        places
            .entry(place["kind"].as_str().unwrap())
            .or_default()
            .push(end);
    }
    assert_eq!(places.remove("Subaccount"), Some(vec!["secretRef/name"]));
    let kinds: Vec<&str> = places.keys().copied().collect();
    assert_eq!(
        kinds,
        ["CronJob", "DaemonSet", "Deployment", "Job", "Pod", "StatefulSet"]
    );
    let pod = &places["Pod"];
    assert!(
        pod.len() == 6 && places.values().all(|ends| ends == pod),
        "{places:#?}"
    );
}

#[test]
fn several_operators_in_one_cluster_write_none_of_each_others_objects() {
    let documented = blocks(&text("docs/scale.md"), "yaml");
    let one = &documented[0];
    assert!(
        one.contains("team-a"),
        "scale.md shows no operator of its own for a team"
    );
    let mut seen: BTreeMap<(String, String), Value> = BTreeMap::new();
    for team in ["team-a", "team-b"] {
        let objects = render_with(&one.replace("team-a", team), &[]);
        let namespace = name_of(render::only(&objects, "Namespace")).to_owned();
        let account = name_of(render::only(&objects, "ServiceAccount")).to_owned();
        for kind in ["ClusterRoleBinding", "RoleBinding"] {
            let binding = render::only(&objects, kind);
            let subject = &binding["subjects"][0];
            assert_eq!(
                (&subject["name"], &subject["namespace"]),
                (&account.as_str().into(), &namespace.as_str().into())
            );
            let role = binding["roleRef"]["name"].as_str().unwrap();
            let roles = render::of_kind(&objects, binding["roleRef"]["kind"].as_str().unwrap());
            assert!(
                roles.iter().any(|found| name_of(found) == role),
                "{kind} names {role}"
            );
        }
        let pod = &render::only(&objects, "Deployment")["spec"]["template"]["spec"];
        assert_eq!(pod["serviceAccountName"], account.as_str());
        assert!(
            pod["containers"][0]["args"]
                .as_array()
                .unwrap()
                .iter()
                .any(|argument| argument.as_str().unwrap().starts_with("--watch-namespaces=")),
            "an operator beside others watches its own namespaces alone"
        );
        for object in objects {
            let namespaced = object["metadata"].get("namespace").is_some();
            if namespaced {
                assert_eq!(object["metadata"]["namespace"], namespace.as_str());
                continue;
            }
            let key = (
                object["kind"].as_str().unwrap().to_owned(),
                name_of(&object).to_owned(),
            );
            if let Some(earlier) = seen.insert(key.clone(), object.clone()) {
                assert_eq!(
                    earlier, object,
                    "{key:?} of one operator overwrites that of another"
                );
            }
        }
    }
    let bindings = seen
        .keys()
        .filter(|(kind, _)| kind == "ClusterRoleBinding")
        .count();
    assert_eq!(bindings, 2);
}

#[test]
fn the_readmes_namespaced_operator_watches_what_its_kustomization_names() {
    let documented = blocks(&text("README.md"), "yaml");
    let kustomization = documented
        .iter()
        .find(|block| block.contains("overlays/namespaced"));
    let objects = render_with(kustomization.unwrap(), &[]);
    let deployment = render::only(&objects, "Deployment");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let variables = container["env"].as_array().unwrap();
    let value = |name: &str| variables.iter().find(|variable| variable["name"] == name);
    assert_eq!(value("VOBIZ_WATCH_NAMESPACES").unwrap()["value"], "team-a,team-b");
    assert!(
        value("VOBIZ_OPERATOR_NAMESPACE").is_some(),
        "what the base sets stays"
    );
    assert_eq!(container["image"], "REGISTRY/vobiz-operator:0.1.0");
}
