//! I/O. A person who has rights in one namespace alone.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::kubeconfig::client_as;
use crate::objects::{Kind, Objects};
use crate::test_bed::Environment;

/// How long the API server may take to know of a right that was just granted.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

impl Environment {
    /// These objects as somebody sees them who may do everything with Subaccounts, Accounts, Secrets and `ConfigMaps` of their
    /// namespace, and nothing else: no status of anything, and nothing in any other namespace.
    pub async fn tenant(&self, objects: &Objects) -> Result<Objects> {
        let namespace = objects.namespace();
        let user = format!("tenant-of-{namespace}");
        let metadata = json!({"name": "tenant", "namespace": namespace});
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
            "rules": [
                {"apiGroups": ["vobiz.ai"], "resources": ["subaccounts", "accounts"], "verbs": ["*"]},
                {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["*"]},
            ],
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        });
        let both = json!({"apiVersion": "v1", "kind": "List", "items": [role, binding]});
        let control_plane = self.control_plane();
        control_plane.kubectl().apply(&both.to_string()).await?;
        let tenant = objects.seen_through(client_as(control_plane.admin_kubeconfig(), &user).await?);
        let known = async {
            while tenant.list(Kind::Subaccount).await.is_err() {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        let waited = tokio::time::timeout(KNOWN_WITHIN, known).await;
        waited.with_context(|| format!("{user} may do nothing in {namespace}"))?;
        Ok(tenant)
    }
}
