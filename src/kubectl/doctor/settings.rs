//! How the operator is set, as its Deployment says. PURE.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Container;

/// The `ServiceAccount` of `manifests/base`.
const SERVICE_ACCOUNT: &str = crate::NAME;
/// The container of `manifests/base`.
const CONTAINER: &str = "operator";

/// How the operator is set. By default as `manifests/base` sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// As whom it acts.
    pub service_account: String,
    /// How many replicas there should be.
    pub replicas: i32,
    /// What it is run from.
    pub image: String,
    /// One of several replicas works, and the others stand by.
    pub elects: bool,
    /// The namespaces that it looks at; none: all.
    pub namespaces: Vec<String>,
    /// It serves `ClusterAccounts`.
    pub cluster_accounts: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            service_account: SERVICE_ACCOUNT.to_owned(),
            replicas: 1,
            image: String::new(),
            elects: false,
            namespaces: Vec::new(),
            cluster_accounts: true,
        }
    }
}

impl Settings {
    /// Of a Deployment. What is set by way of another object is not looked up.
    #[must_use]
    pub fn of(deployment: &Deployment) -> Self {
        let default = Self::default();
        let spec = deployment.spec.as_ref();
        let pod = spec.and_then(|spec| spec.template.spec.as_ref());
        let containers = pod.map(|pod| pod.containers.as_slice()).unwrap_or_default();
        let container = containers
            .iter()
            .find(|container| container.name == CONTAINER)
            .or(containers.first());
        let setting = |name: &str| container.and_then(|container| setting(container, name));
        let is_on = |name: &str, default: bool| setting(name).map_or(default, |value| value == "true");
        let namespaces = setting("watch-namespaces").unwrap_or_default();
        let names = namespaces
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        Self {
            service_account: pod
                .and_then(|pod| pod.service_account_name.clone())
                .unwrap_or(default.service_account),
            replicas: spec.and_then(|spec| spec.replicas).unwrap_or(default.replicas),
            image: container
                .and_then(|container| container.image.clone())
                .unwrap_or_default(),
            elects: is_on("leader-elect", default.elects),
            namespaces: names.map(str::to_owned).collect(),
            cluster_accounts: is_on("cluster-accounts", default.cluster_accounts),
        }
    }
}

/// What a flag says, else the variable that stands for it. A flag without a value is `true`.
fn setting(container: &Container, name: &str) -> Option<String> {
    let flag = format!("--{name}");
    let words: Vec<&String> = container
        .command
        .iter()
        .chain(container.args.iter())
        .flatten()
        .collect();
    let of_flag = words.iter().enumerate().rev().find_map(|(place, word)| {
        let rest = word.strip_prefix(&flag)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value.to_owned()),
            // The flags of the operator that are named here take a value after `=` alone, or are lists.
            None if rest.is_empty() => {
                let next = words.get(place + 1).filter(|next| !next.starts_with('-'));
                Some(next.map_or_else(|| "true".to_owned(), |next| (*next).clone()))
            }
            None => None,
        }
    });
    of_flag.or_else(|| {
        let variable = format!("VOBIZ_{}", name.to_uppercase().replace('-', "_"));
        let set = container.env.iter().flatten().find(|set| set.name == variable)?;
        set.value.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn settings(container: &Value) -> Settings {
        let deployment = json!({"spec": {"replicas": 2, "selector": {}, "template": {"spec": {
            "serviceAccountName": "voice", "containers": [{"name": "sidecar"}, container],
        }}}});
        Settings::of(&serde_json::from_value(deployment).unwrap())
    }

    #[test]
    fn a_setting_is_read_from_a_flag_or_its_variable_as_the_operator_reads_it() {
        let of_flags = settings(&json!({"name": "operator", "image": "vobiz-operator:0.1.0",
            "args": ["run", "--leader-elect", "--watch-namespaces=a,b", "--cluster-accounts=false"],
            "env": [{"name": "VOBIZ_WATCH_NAMESPACES", "value": "c"}]}));
        let expected = Settings {
            service_account: "voice".to_owned(),
            replicas: 2,
            image: "vobiz-operator:0.1.0".to_owned(),
            elects: true,
            namespaces: vec!["a".to_owned(), "b".to_owned()],
            cluster_accounts: false,
        };
        assert_eq!(of_flags, expected);
        let of_variables = settings(
            &json!({"name": "operator", "image": "vobiz-operator:0.1.0", "args": ["run"],
            "env": [{"name": "VOBIZ_WATCH_NAMESPACES", "value": "a, b"}, {"name": "VOBIZ_LEADER_ELECT", "value": "true"},
                {"name": "VOBIZ_CLUSTER_ACCOUNTS", "value": "false"}]}),
        );
        assert_eq!(of_variables, expected);
        let apart = settings(
            &json!({"name": "operator", "args": ["run", "--watch-namespaces", "a", "--leader-elect=false"]}),
        );
        assert_eq!((apart.namespaces, apart.elects), (vec!["a".to_owned()], false));
    }

    #[test]
    fn what_is_not_said_is_as_the_operator_has_it_by_itself() {
        assert_eq!(Settings::of(&Deployment::default()), Settings::default());
    }

    #[test]
    fn the_deployment_of_the_manifests_is_set_as_is_taken_for_granted_where_it_cannot_be_seen() {
        let text =
            std::fs::read_to_string(concat!(env!("REPOSITORY"), "/manifests/base/deployment.yaml")).unwrap();
        let settings = Settings::of(&serde_saphyr::from_str(&text).unwrap());
        assert_eq!(
            Settings {
                image: String::new(),
                ..settings
            },
            Settings::default()
        );
    }
}
