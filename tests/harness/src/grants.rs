//! The rights that a manifest grants to the operator, and which of them an audit log shows in use. PURE.

use serde_json::Value;

use crate::audit::AuditLine;

/// One verb on one resource, granted by one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Granted in the operator's own namespace alone, instead of everywhere.
    pub own_namespace: bool,
    /// API group, empty for the core group.
    pub group: String,
    /// `resource` or `resource/subresource`.
    pub resource: String,
    /// Verb.
    pub verb: String,
    /// Only for objects of these names; empty: of any name.
    pub names: Vec<String>,
}

impl Grant {
    /// Whether a request needed this grant. What may be done in the operator's own namespace by a grant for it does not
    /// justify a grant for all namespaces.
    #[must_use]
    pub fn is_used_by(&self, line: &AuditLine, operator_namespace: &str) -> bool {
        let object = &line.object_ref;
        let resource = if object.subresource.is_empty() {
            object.resource.clone()
        } else {
            format!("{}/{}", object.resource, object.subresource)
        };
        !line.is_forbidden()
            && self.verb == line.verb
            && self.group == object.api_group
            && self.resource == resource
            && self.own_namespace == (object.namespace == operator_namespace)
            && (self.names.is_empty() || self.names.contains(&object.name))
    }
}

impl std::fmt::Display for Grant {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            group,
            resource,
            verb,
            ..
        } = self;
        let place = if self.own_namespace {
            "in its own namespace"
        } else {
            "in all namespaces"
        };
        write!(formatter, "{verb} {group}/{resource} {place}")
    }
}

/// What the rendered manifests grant to the `ServiceAccount` of this name: by cluster role bindings everywhere, by role
/// bindings in the operator's namespace.
#[must_use]
pub fn grants_to(objects: &[Value], service_account: &str) -> Vec<Grant> {
    let of_kind = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
    let mut grants = Vec::new();
    for (binding_kind, own_namespace) in [("ClusterRoleBinding", false), ("RoleBinding", true)] {
        for binding in of_kind(binding_kind) {
            let subjects = binding["subjects"].as_array().into_iter().flatten();
            let mut ours = subjects.filter(|subject| subject["name"] == service_account);
            if ours.next().is_none() {
                continue;
            }
            let role = &binding["roleRef"];
            let roles = objects.iter().filter(|object| {
                object["kind"] == role["kind"] && object["metadata"]["name"] == role["name"]
            });
            for rule in roles.flat_map(|role| role["rules"].as_array().into_iter().flatten()) {
                grants.extend(of_rule(rule, own_namespace));
            }
        }
    }
    grants
}

fn of_rule(rule: &Value, own_namespace: bool) -> Vec<Grant> {
    let words = |key: &str| {
        let values = rule[key].as_array().into_iter().flatten();
        values
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let mut grants = Vec::new();
    for group in words("apiGroups") {
        for resource in words("resources") {
            for verb in words("verbs") {
                grants.push(Grant {
                    own_namespace,
                    group: group.clone(),
                    resource: resource.clone(),
                    verb,
                    names: words("resourceNames"),
                });
            }
        }
    }
    grants
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(namespace: &str, verb: &str) -> AuditLine {
        let line = json!({
            "requestURI": "/", "verb": verb, "user": {"username": "u"},
            "objectRef": {"resource": "secrets", "namespace": namespace, "name": "a"},
            "annotations": {"authorization.k8s.io/decision": "allow"},
        });
        serde_json::from_value(line).unwrap()
    }

    #[test]
    fn a_grant_everywhere_is_not_justified_by_requests_in_the_own_namespace() {
        let rule = json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "delete"]});
        let objects = [
            json!({"kind": "ClusterRole", "metadata": {"name": "operator"}, "rules": [rule]}),
            json!({"kind": "ClusterRole", "metadata": {"name": "view"}, "rules": [rule]}),
            json!({"kind": "ClusterRoleBinding", "roleRef": {"kind": "ClusterRole", "name": "operator"},
                "subjects": [{"kind": "ServiceAccount", "name": "operator"}]}),
            json!({"kind": "RoleBinding", "roleRef": {"kind": "ClusterRole", "name": "view"},
                "subjects": [{"kind": "ServiceAccount", "name": "somebody"}]}),
        ];
        let grants = grants_to(&objects, "operator");
        assert_eq!(grants.len(), 2);
        assert!(grants[0].is_used_by(&line("team", "get"), "system"));
        assert!(!grants[0].is_used_by(&line("system", "get"), "system"));
        assert!(!grants[1].is_used_by(&line("team", "get"), "system"));
    }
}
