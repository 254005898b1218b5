//! I/O. The operator's namespace, ServiceAccount and rights, exactly as `manifests/base` gives them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::control_plane::ControlPlane;
use crate::kubectl::Kubectl;

/// Held while the cluster-wide objects are applied.
static APPLYING: Mutex<()> = Mutex::const_new(());
/// What kubectl made of each kustomization.
static RENDERED: Mutex<BTreeMap<PathBuf, Vec<Value>>> = Mutex::const_new(BTreeMap::new());

/// An applied `manifests/base`.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The operator's namespace.
    pub namespace: String,
    /// The operator's ServiceAccount.
    pub service_account: String,
}

impl Installation {
    /// Applies the base as it is, as a user does.
    pub async fn apply(kubectl: &Kubectl, base: &Path) -> Result<Self> {
        let found = Self::of(&render(kubectl, base).await?)?;
        kubectl.apply_kustomization(base).await?;
        Ok(found)
    }

    /// Applies the base for an operator in a namespace of its own, so that many can run side by side: its namespace and
    /// the names of its cluster-wide bindings change, its rights do not. Nothing runs Pods here, so the Deployment is
    /// left out. Hundreds of environments do this: kubectl renders the base for the first one, and applies for none.
    pub async fn apply_aside(control_plane: &ControlPlane, base: &Path, namespace: &str) -> Result<Self> {
        let rendered = render(control_plane.kubectl(), base).await?;
        let original = Self::of(&rendered)?.namespace;
        let items: Vec<Value> = rendered
            .into_iter()
            .filter(|object| object["kind"] != "Deployment")
            .map(|object| moved(object, &original, namespace))
            .collect();
        let found = Self::of(&items)?;
        // Two that apply the same cluster-wide object for the first time at the same moment: one would be refused.
        let _one_at_a_time = APPLYING.lock().await;
        apply(control_plane.client(), items).await?;
        Ok(found)
    }

    /// Grants this operator what a watched namespace grants, as `kubectl apply --namespace` of this folder does.
    pub async fn grant_in(&self, control_plane: &ControlPlane, folder: &Path, namespace: &str) -> Result<()> {
        let mut items = render(control_plane.kubectl(), folder).await?;
        for object in &mut items {
            object["metadata"]["namespace"] = json!(namespace);
            let subjects = object.get_mut("subjects").and_then(Value::as_array_mut);
            for subject in subjects.into_iter().flatten() {
                subject["namespace"] = json!(self.namespace);
            }
        }
        apply(control_plane.client(), items).await
    }

    fn of(objects: &[Value]) -> Result<Self> {
        let mut accounts = objects.iter().filter(|object| object["kind"] == "ServiceAccount");
        let account = accounts.next().context("the base has no ServiceAccount")?;
        ensure!(
            accounts.next().is_none(),
            "the base has more than one ServiceAccount"
        );
        let field = |name: &str| account["metadata"][name].as_str().map(str::to_owned);
        Ok(Self {
            namespace: field("namespace").context("the base's ServiceAccount has no namespace")?,
            service_account: field("name").context("the base's ServiceAccount has no name")?,
        })
    }

    /// The name by which the API server and its audit log know this operator.
    #[must_use]
    pub fn user(&self) -> String {
        format!(
            "system:serviceaccount:{}:{}",
            self.namespace, self.service_account
        )
    }

    /// A token of the operator's ServiceAccount that is good for this many seconds.
    pub async fn token(&self, client: &kube::Client, seconds: u32) -> Result<String> {
        token(client, &self.namespace, &self.service_account, seconds).await
    }
}

/// A token of a ServiceAccount (`TokenRequest`) that is good for this many seconds, at least 600.
pub async fn token(client: &kube::Client, namespace: &str, account: &str, seconds: u32) -> Result<String> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let spec = TokenRequestSpec {
        expiration_seconds: Some(i64::from(seconds)),
        ..TokenRequestSpec::default()
    };
    let request = TokenRequest {
        spec,
        ..TokenRequest::default()
    };
    let answer = accounts
        .create_token_request(account, &PostParams::default(), &request)
        .await;
    let answer = answer.with_context(|| format!("failed to request a token of {namespace}/{account}"))?;
    Ok(answer.status.context("the token request has no answer")?.token)
}

/// The objects of a kustomization as they would be applied.
pub async fn render(kubectl: &Kubectl, base: &Path) -> Result<Vec<Value>> {
    let mut rendered = RENDERED.lock().await;
    if let Some(known) = rendered.get(base) {
        return Ok(known.clone());
    }
    let text = kubectl.kustomize(base).await?;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text)
        .with_context(|| format!("failed to parse the rendered {}", base.display()))?;
    rendered.insert(base.to_owned(), objects.clone());
    Ok(objects)
}

/// Applies objects in this order, as `kubectl apply --server-side` does.
async fn apply(client: kube::Client, objects: Vec<Value>) -> Result<()> {
    for object in objects {
        let object: DynamicObject = serde_json::from_value(object).context("an object has no kind")?;
        let kind = object.types.as_ref().context("an object has no kind")?;
        let resource = ApiResource::from_gvk(&kind.try_into().context("an object has no valid version")?);
        let api: Api<DynamicObject> = match &object.metadata.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        let name = object.metadata.name.as_deref().context("an object has no name")?;
        let parameters = PatchParams::apply("vobiz-harness").force();
        let applied = api.patch(name, &parameters, &Patch::Apply(&object)).await;
        applied.with_context(|| format!("failed to apply the {} {name}", kind.kind))?;
    }
    Ok(())
}

/// The same object for another namespace. Cluster roles are shared: every installation would write the same ones.
fn moved(mut object: Value, original: &str, namespace: &str) -> Value {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    if kind == "Namespace" && object["metadata"]["name"] == original {
        object["metadata"]["name"] = json!(namespace);
    }
    if object["metadata"]["namespace"] == original {
        object["metadata"]["namespace"] = json!(namespace);
    }
    if kind == "ClusterRoleBinding" {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        object["metadata"]["name"] = json!(format!("{name}-{namespace}"));
    }
    if let Some(subjects) = object.get_mut("subjects").and_then(Value::as_array_mut) {
        for subject in subjects
            .iter_mut()
            .filter(|subject| subject["namespace"] == original)
        {
            subject["namespace"] = json!(namespace);
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_binding_grants_the_same_role_to_the_moved_account() {
        let binding = json!({
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "operator"},
            "roleRef": {"kind": "ClusterRole", "name": "operator"},
            "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": "system"}],
        });
        let moved = moved(binding.clone(), "system", "other");
        assert_eq!(moved["metadata"]["name"], "operator-other");
        assert_eq!(moved["roleRef"], binding["roleRef"]);
        assert_eq!(moved["subjects"][0]["namespace"], "other");
    }

    #[test]
    fn a_role_elsewhere_stays_where_it_is() {
        let role = json!({"kind": "Role", "metadata": {"name": "reader", "namespace": "kube-system"}});
        assert_eq!(moved(role.clone(), "system", "other"), role);
    }
}
