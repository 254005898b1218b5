//! Metadata that no date type of the operator can hold: the object is managed as any other, and stops nobody.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::kubectl::Kubectl;
use vobiz_harness::objects::{Kind, Objects};
use vobiz_harness::simulator::Api;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, CREDENTIALS, Environment, TestBed};

use crate::at_rest::{record_name, uid_of};
use crate::generation::environment;

const TENANT: &str = "odd-metadata-tenant";
const OTHERS: &str = "odd-metadata-others";
/// The API server keeps it as it is; the operator's dates end a day earlier.
const FAR: &str = "9999-12-31T23:59:59Z";
const ODD: &str = "odd";
const ODD_SECRET: &str = "odd-vobiz";
/// Whoever wrote by hand into the user's Secret.
const BY_HAND: &str = "by-hand";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "objects whose managedFields cannot be read are managed, and stop no operator that starts afterwards",
        odd_managed_fields,
    );
}

/// Objects of a namespace by kubectl: unlike the harness, it reads odd ones.
struct Odd<'a> {
    kubectl: &'a Kubectl,
    namespace: &'a str,
}

impl Odd<'_> {
    async fn get(&self, object: &str) -> Result<Value> {
        let arguments = [object, "--namespace", self.namespace, "--show-managed-fields"];
        self.kubectl.get_json(&arguments).await
    }

    async fn patch(&self, object: &str, patch: &Value, further: &[&str]) -> Result<String> {
        let patch = patch.to_string();
        let arguments = [
            "patch",
            object,
            "--namespace",
            self.namespace,
            "--type=merge",
            "-p",
            &patch,
        ];
        self.kubectl.run(&[&arguments, further].concat()).await
    }

    /// Stores the odd time, as whom `further` says, and proves that it was kept.
    async fn spoil(&self, object: &str, version: &str, further: &[&str]) -> Result<()> {
        let entry = json!({
            "manager": BY_HAND, "operation": "Update", "apiVersion": version, "time": FAR, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:labels": {"f:team": {}}}},
        });
        // What the entry names must be there, and not be changed with it: else the writer would own it.
        let label = json!({"metadata": {"labels": {"team": "voice"}}});
        self.patch(object, &label, further).await?;
        let mut fields = self.get(object).await?["metadata"]["managedFields"].take();
        let list = fields.as_array_mut().context("nobody manages it")?;
        list.push(entry);
        let patch = json!({"metadata": {"managedFields": fields}});
        self.patch(object, &patch, further).await?;
        self.ensure_odd(object).await
    }

    async fn ensure_odd(&self, object: &str) -> Result<()> {
        let stored = self.get(object).await?;
        let fields = stored["metadata"]["managedFields"].as_array();
        let is_odd = |entry: &Value| entry["manager"] == BY_HAND && entry["time"] == FAR;
        ensure!(
            fields.is_some_and(|fields| fields.iter().any(is_odd)),
            "{object} is not odd: {}",
            stored["metadata"]
        );
        Ok(())
    }

    async fn wait(&self, object: &str, what: &str) -> Result<String> {
        let arguments = [
            "wait",
            object,
            "--namespace",
            self.namespace,
            what,
            "--timeout=60s",
        ];
        self.kubectl.run(&arguments).await
    }

    /// Changes the spec and waits until the status says that it was seen.
    async fn edit(&self, object: &str, spec: &Value, further: &[&str]) -> Result<()> {
        self.patch(object, &json!({ "spec": spec }), further).await?;
        let generation = self.get(object).await?["metadata"]["generation"].clone();
        let seen = format!("--for=jsonpath={{.status.observedGeneration}}={generation}");
        self.wait(object, &seen).await?;
        self.wait(object, "--for=condition=Ready").await.map(drop)
    }
}

/// May watch Secrets in the namespace; and who may write Subaccounts of it, and nothing else.
fn rights(environment: &Environment, namespace: &str) -> String {
    let role = |name: &str, rule: Value| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": name, "namespace": namespace}, "rules": [rule],
        })
    };
    let binding = |name: &str, subject: Value| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": name, "namespace": namespace}, "subjects": [subject],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        })
    };
    let account =
        |namespace: &str, name: &str| json!({"kind": "ServiceAccount", "namespace": namespace, "name": name});
    let operator = &environment.installation;
    let items = [
        role(
            "watch-secrets",
            json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]}),
        ),
        binding(
            "watch-secrets",
            account(&operator.namespace, &operator.service_account),
        ),
        role(
            "tenant",
            json!({"apiGroups": ["vobiz.ai"], "resources": ["subaccounts"], "verbs": ["get", "patch", "update"]}),
        ),
        binding("tenant", account(namespace, "tenant")),
    ];
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// A namespace with the parent's pair, an Account, and Subaccounts of it.
async fn furnish(environment: &Environment, objects: &Objects, names: &[&str]) -> Result<()> {
    environment.create_credentials(objects).await?;
    let account = json!({"spec": {"credentialsSecretRef": {"name": CREDENTIALS}}});
    objects.create(Kind::Account, ACCOUNT, account).await?;
    for name in names {
        create(objects, name).await?;
    }
    for name in names {
        let ready = objects.await_condition(Kind::Subaccount, name, "Ready", "True");
        environment.explain(ready.await)?;
    }
    Ok(())
}

async fn create(objects: &Objects, name: &str) -> Result<Value> {
    let spec = json!({"spec": {"accountRef": {"name": ACCOUNT}}});
    objects.create(Kind::Subaccount, name, spec).await
}

async fn odd_managed_fields(bed: Arc<TestBed>) -> Result<()> {
    let mut options = environment("odd-metadata", Api::Gen2);
    (options.account_ready, options.start_operator) = (false, false);
    options.operator_flags = vec![
        format!("--watch-namespaces={TENANT},{OTHERS}"),
        "--watch-secrets=true".to_owned(),
        // What restores a Secret is the watch alone.
        "--secret-check-interval-seconds=900".to_owned(),
    ];
    let mut environment = bed.environment(options).await?;
    let kubectl = bed.control_plane().kubectl();
    let of = |namespace| Objects::new(bed.control_plane().client(), namespace, Duration::from_mins(1));
    let (tenant, others) = (of(TENANT), of(OTHERS));
    for objects in [&tenant, &others] {
        let namespace = objects.namespace();
        objects.create(Kind::Namespace, namespace, json!({})).await?;
        kubectl.apply(&rights(&environment, namespace)).await?;
    }
    environment.start_operator().await?;
    furnish(&environment, &tenant, &[ODD, "neighbour"]).await?;
    furnish(&environment, &others, &["healthy"]).await?;

    let spoiled = tenant.get(Kind::Subaccount, ODD).await?;
    let operator_namespace = environment.operator_objects.namespace().to_owned();
    let record = format!("secret/{}", record_name(&uid_of(&spoiled)?));
    let (odd, odd_record) = (
        Odd {
            kubectl,
            namespace: TENANT,
        },
        Odd {
            kubectl,
            namespace: &operator_namespace,
        },
    );
    let as_tenant = format!("--as=system:serviceaccount:{TENANT}:tenant");
    let (subaccount, account) = ("subaccount/odd", "account/vobiz");
    let refused = odd.spoil(account, "vobiz.ai/v1alpha1", &[&as_tenant]).await;
    ensure!(refused.is_err(), "the tenant may do more than its Subaccounts");
    odd.spoil(subaccount, "vobiz.ai/v1alpha1", &[&as_tenant]).await?;
    odd.spoil(account, "vobiz.ai/v1alpha1", &[]).await?;
    odd.spoil(&format!("secret/{ODD_SECRET}"), "v1", &[]).await?;
    odd.spoil(&format!("secret/{CREDENTIALS}"), "v1", &[]).await?;
    odd.spoil(&format!("namespace/{TENANT}"), "v1", &[]).await?;
    odd_record.spoil(&record, "v1", &[]).await?;

    environment.restart_operator()?;
    environment.explain(environment.operator()?.await_ready().await)?;
    serves_the_healthy(&environment, [(&others, "healthy"), (&tenant, "neighbour")]).await?;
    environment.explain(
        odd.edit(subaccount, &json!({"name": "odd but edited"}), &[&as_tenant])
            .await,
    )?;
    environment.explain(
        odd.edit(account, &json!({"resyncIntervalSeconds": 77}), &[])
            .await,
    )?;
    let accounts = environment.simulator.accounts().await?;
    ensure!(
        accounts.iter().any(|account| account["name"] == "odd but edited"),
        "the edit of the odd object did not arrive: {accounts:#?}"
    );
    restores_what_it_does_not_read(&environment, &odd).await?;
    ensure!(
        !environment
            .operator()?
            .log_tail(100_000)
            .contains("a watch failed"),
        "a list or watch failed"
    );

    // Its Record is closed and dropped, odd as it is.
    environment.explain(
        odd.kubectl
            .run(&["delete", subaccount, "--namespace", TENANT, "--timeout=60s"])
            .await,
    )?;
    let gone = [
        "wait",
        &record,
        "--for=delete",
        "--namespace",
        odd_record.namespace,
        "--timeout=60s",
    ];
    environment.explain(kubectl.run(&gone).await)?;
    for namespace in [TENANT, OTHERS] {
        let delete = [
            "delete",
            "subaccounts.vobiz.ai",
            "--all",
            "--namespace",
            namespace,
            "--timeout=60s",
        ];
        environment.explain(kubectl.run(&delete).await)?;
        environment.explain(
            kubectl
                .run(&["delete", "namespace", namespace, "--timeout=60s"])
                .await,
        )?;
    }
    Ok(())
}

/// New objects become Ready, and edits arrive, in each namespace.
async fn serves_the_healthy(environment: &Environment, all: [(&Objects, &str); 2]) -> Result<()> {
    for (objects, existing) in all {
        create(objects, "late").await?;
        let ready = objects.await_condition(Kind::Subaccount, "late", "Ready", "True");
        environment.explain(ready.await)?;
        let edit = json!({"spec": {"name": "edited"}});
        let edited = objects.merge(Kind::Subaccount, existing, &edit).await?;
        let generation = edited["metadata"]["generation"].clone();
        let seen = objects.await_object(Kind::Subaccount, existing, "the edit, seen", |object| {
            object["status"]["observedGeneration"] == generation
        });
        environment.explain(seen.await)?;
    }
    Ok(())
}

/// A replace of the user's Secret keeps all that others wrote to its metadata, read or not.
async fn restores_what_it_does_not_read(environment: &Environment, odd: &Odd<'_>) -> Result<()> {
    let secret = format!("secret/{ODD_SECRET}");
    let good = odd.get(&secret).await?;
    let by_hand = json!({
        "metadata": {"annotations": {"theirs": "kept"}, "finalizers": ["example.com/theirs"]},
        "stringData": {"auth_token": BY_HAND},
    });
    odd.patch(&secret, &by_hand, &[]).await?;
    let token = good["data"]["auth_token"].as_str().context("there is no pair")?;
    let restored = format!("--for=jsonpath={{.data.auth_token}}={token}");
    environment.explain(odd.wait(&secret, &restored).await)?;
    odd.ensure_odd(&secret).await?;
    let now = odd.get(&secret).await?;
    let (was, is) = (&good["metadata"], &now["metadata"]);
    for part in ["ownerReferences", "labels", "uid", "creationTimestamp"] {
        ensure!(was[part] == is[part], "{part} was {}, is {}", was[part], is[part]);
    }
    ensure!(is["annotations"]["theirs"] == "kept" && is["finalizers"] == json!(["example.com/theirs"]));
    odd.patch(&secret, &json!({"metadata": {"finalizers": null}}), &[])
        .await
        .map(drop)
}
