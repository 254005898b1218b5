//! What the real API server answers when somebody refuses a write, one by one, held against `tests/golden/deniers`: what
//! the operator makes of these answers is tested on the same files. `VOBIZ_WRITE_GOLDEN=true` writes them anew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use http::{Method, Request};
use kube::core::Status;
use serde_json::{Value, json};
use vobiz_harness::objects::{Kind, Objects};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::TestBed;
use vobiz_harness::webhook::{Answer, Webhook};

const NAMESPACE: &str = "deniers";
const SECRETS: &str = "/api/v1/namespaces/deniers/secrets";
const SUBACCOUNTS: &str = "/apis/vobiz.ai/v1alpha1/namespaces/deniers/subaccounts";
const PATIENCE: Duration = Duration::from_secs(30);
const ADMISSION: &str = "admissionregistration.k8s.io/v1";

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "the API server answers a refused write as the golden files say, whoever refuses it",
        answers,
    );
}

async fn answers(bed: Arc<TestBed>) -> Result<()> {
    let objects = Objects::new(bed.control_plane().client(), NAMESPACE, PATIENCE);
    let labels = json!({"metadata": {"labels": {"deniers": "true"}}});
    objects.create(Kind::Namespace, NAMESPACE, labels).await?;
    let deniers = Deniers { bed, objects };
    let mut found = BTreeMap::new();
    deniers.policies(&mut found).await.context("policies")?;
    deniers.webhooks(&mut found).await.context("webhooks")?;
    deniers.quota(&mut found).await.context("quota")?;
    deniers.rights(&mut found).await.context("rights")?;
    deniers.objects(&mut found).await.context("objects")?;
    deniers
        .ending_namespace(&mut found)
        .await
        .context("ending namespace")?;
    compare(&deniers.bed, &found)
}

fn compare(bed: &TestBed, found: &BTreeMap<String, Value>) -> Result<()> {
    let folder = bed.repository().join("tests/golden/deniers");
    let write = std::env::var("VOBIZ_WRITE_GOLDEN").is_ok_and(|value| value == "true");
    let mut differ = Vec::new();
    for (name, answer) in found {
        let path = folder.join(format!("{name}.json"));
        let shown = format!("{answer:#}\n");
        if write {
            std::fs::write(&path, shown)?;
        } else if std::fs::read_to_string(&path).unwrap_or_default() != shown {
            differ.push(format!("{name}: the API server answers\n{shown}"));
        }
    }
    ensure!(differ.is_empty(), "{}", differ.join("\n"));
    let files = std::fs::read_dir(&folder)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    let idle: Vec<String> = files
        .filter(|file| {
            file.strip_suffix(".json")
                .is_some_and(|name| !found.contains_key(name))
        })
        .collect();
    ensure!(idle.is_empty(), "nobody answers as {idle:?} say");
    Ok(())
}

type Found = BTreeMap<String, Value>;

struct Deniers {
    bed: Arc<TestBed>,
    objects: Objects,
}

impl Deniers {
    async fn apply(&self, manifest: Value) -> Result<()> {
        let kubectl = self.bed.control_plane().kubectl();
        kubectl.apply(&manifest.to_string()).await.map(drop)
    }

    /// The answer to a request that must be refused.
    async fn refusal(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let answer = self.send(method, path, body, &[]).await?;
        answer.with_context(|| format!("{path} was written"))
    }

    /// The API server takes a moment to hold to a new rule: the first refusal of a create.
    async fn held(&self, path: &str, body: &Value) -> Result<Value> {
        let dry = format!("{path}?dryRun=All");
        let held = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(refused) = self.send(Method::POST, &dry, body, &[]).await? {
                    return anyhow::Ok(refused);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        held.await
            .with_context(|| format!("nobody refuses {}", body["metadata"]["name"]))?
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        headers: &[(&'static str, &str)],
    ) -> Result<Option<Value>> {
        let content = if method == Method::PATCH {
            "application/json-patch+json"
        } else {
            "application/json"
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let client = self.bed.control_plane().client();
        let answer = client.request::<Value>(request.body(serde_json::to_vec(body)?)?);
        match answer.await {
            Ok(_) => Ok(None),
            Err(kube::Error::Api(status)) => Ok(Some(plain(&status)?)),
            Err(error) => bail!(error),
        }
    }

    async fn policies(&self, found: &mut Found) -> Result<()> {
        let reasons = [
            ("policy-by-default", None),
            ("policy-forbidden", Some("Forbidden")),
            ("policy-invalid", Some("Invalid")),
            ("policy-too-large", Some("RequestEntityTooLarge")),
        ];
        for (name, reason) in reasons {
            let mut validation = json!({
                "expression": "false",
                "messageExpression": "'the words of the rule repeat ' + object.data['auth_token']",
            });
            if let Some(reason) = reason {
                validation["reason"] = json!(reason);
            }
            self.apply(policy(
                "ValidatingAdmissionPolicy",
                name,
                json!({"validations": [validation]}),
            ))
            .await?;
        }
        // It names a key that is not there.
        let broken = json!({"validations": [{"expression": "object.data['absent'] == ''"}]});
        self.apply(policy("ValidatingAdmissionPolicy", "policy-broken", broken))
            .await?;
        let mutation = json!({
            "reinvocationPolicy": "Never",
            "mutations": [{
                "patchType": "JSONPatch",
                "jsonPatch": {"expression": "[JSONPatch{op: 'add', path: '/data/a', value: object.data['absent']}]"},
            }],
        });
        self.apply(policy("MutatingAdmissionPolicy", "mutation-broken", mutation))
            .await?;
        let names = reasons.map(|(name, _)| name);
        let broken = ["policy-broken", "mutation-broken"];
        for name in names.into_iter().chain(broken) {
            found.insert(name.to_owned(), self.held(SECRETS, &secret(name)).await?);
        }
        let name = "policy-on-subaccount";
        let validation =
            json!({"validations": [{"expression": "false", "message": "the words of the rule"}]});
        let mut items = policy("ValidatingAdmissionPolicy", name, validation);
        items["items"][0]["spec"]["matchConstraints"]["resourceRules"][0] = json!({
            "apiGroups": ["vobiz.ai"], "apiVersions": ["*"], "resources": ["subaccounts", "subaccounts/status"],
            "operations": ["CREATE", "UPDATE"],
        });
        self.apply(items).await?;
        found.insert(
            name.to_owned(),
            self.held(SUBACCOUNTS, &subaccount(name, json!({}))).await?,
        );
        Ok(())
    }

    async fn webhooks(&self, found: &mut Found) -> Result<()> {
        let words = "the words of the rule";
        let statuses = [
            ("webhook-400", json!({"code": 400, "message": words})),
            ("webhook-403", json!({"code": 403, "message": words})),
            (
                "webhook-404",
                json!({"code": 404, "reason": "NotFound", "message": words}),
            ),
            (
                "webhook-409-conflict",
                json!({"code": 409, "reason": "Conflict", "message": words}),
            ),
            (
                "webhook-409-exists",
                json!({"code": 409, "reason": "AlreadyExists", "message": words}),
            ),
            ("webhook-422", json!({"code": 422, "message": words})),
            (
                "webhook-422-invalid",
                json!({"code": 422, "reason": "Invalid", "message": words}),
            ),
            ("webhook-429", json!({"code": 429, "message": words})),
            ("webhook-500", json!({"code": 500, "message": words})),
            (
                "webhook-terminating",
                json!({
                    "code": 403, "reason": "Forbidden", "message": words,
                    "details": {"causes": [{"reason": "NamespaceTerminating", "message": words, "field": "metadata.namespace"}]},
                }),
            ),
            ("webhook-without-status", json!({})),
        ];
        let webhook = Webhook::start(
            statuses
                .iter()
                .map(|(name, status)| ((*name).to_owned(), Answer::Denied(status.clone())))
                .collect(),
        )?;
        let mut names: Vec<&str> = statuses.iter().map(|(name, _)| *name).collect();
        names.push("webhook-silent");
        let mut hooks: Vec<Value> = names
            .iter()
            .map(|name| hook(name, &webhook.url(name), webhook.authority()))
            .collect();
        // Nothing listens there.
        names.push("webhook-unreachable");
        hooks.push(hook(
            "webhook-unreachable",
            "https://127.0.0.1:1/",
            webhook.authority(),
        ));
        self.apply(json!({
            "apiVersion": ADMISSION, "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": NAMESPACE}, "webhooks": hooks,
        }))
        .await?;
        for name in names {
            let mut answer = self.held(SECRETS, &secret(name)).await?;
            // The port is another one each time.
            let text = answer.to_string();
            let port = webhook.url("");
            answer =
                serde_json::from_str(&text.replace(port.trim_end_matches('/'), "https://127.0.0.1:4443"))?;
            found.insert(name.to_owned(), answer);
        }
        Ok(())
    }

    /// A `LimitRange` speaks of Pods and volume claims alone, none of which the operator writes.
    async fn quota(&self, found: &mut Found) -> Result<()> {
        let (namespace, hard) = ("deniers-quota", json!({"count/secrets": "0"}));
        self.objects.create(Kind::Namespace, namespace, json!({})).await?;
        self.apply(json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "no-secrets", "namespace": namespace},
            "spec": {"hard": hard},
        }))
        .await?;
        let path = format!("/api/v1/namespaces/{namespace}/secrets");
        // No controller counts here.
        let status = json!([{"op": "add", "path": "/status", "value": {"hard": hard, "used": hard}}]);
        let quota = format!("/api/v1/namespaces/{namespace}/resourcequotas/no-secrets/status");
        let counted = self.send(Method::PATCH, &quota, &status, &[]).await?;
        ensure!(counted.is_none(), "the quota's status was refused: {counted:?}");
        let name = "quota-exceeded";
        found.insert(
            name.to_owned(),
            self.counted(&path, name, "exceeded quota").await?,
        );
        Ok(())
    }

    /// As [`Self::held`], with these words: a quota counts no create that is only tried.
    async fn counted(&self, path: &str, name: &str, words: &str) -> Result<Value> {
        let held = tokio::time::timeout(PATIENCE, async {
            loop {
                match self.send(Method::POST, path, &secret(name), &[]).await? {
                    Some(answer)
                        if answer["message"]
                            .as_str()
                            .is_some_and(|message| message.contains(words)) =>
                    {
                        return anyhow::Ok(answer);
                    }
                    Some(_) => {}
                    None => {
                        let made = format!("{path}/{name}");
                        self.send(Method::DELETE, &made, &json!({}), &[]).await?;
                    }
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        held.await.with_context(|| format!("nobody says '{words}'"))?
    }

    async fn rights(&self, found: &mut Found) -> Result<()> {
        let as_nobody = [("impersonate-user", "nobody")];
        let (get, patch) = (Method::GET, Method::PATCH);
        let cases = [
            ("right-to-create", Method::POST, SECRETS.to_owned(), secret("a")),
            (
                "right-to-patch",
                patch,
                format!("{SUBACCOUNTS}/a/status"),
                json!([]),
            ),
            ("right-to-get", get, format!("{SECRETS}/a"), Value::Null),
        ];
        for (name, method, path, body) in cases {
            let answer = self.send(method, &path, &body, &as_nobody).await?;
            found.insert(name.to_owned(), answer.context("nobody may do that")?);
        }
        Ok(())
    }

    async fn objects(&self, found: &mut Found) -> Result<()> {
        let mut keep = |name: &str, answer: Value| found.insert(name.to_owned(), answer);
        let immutable = json!({"immutable": true, "stringData": {"auth_token": "first"}});
        self.objects.create(Kind::Secret, "immutable", immutable).await?;
        let path = format!("{SECRETS}/immutable");
        let other = json!([{"op": "replace", "path": "/data/auth_token", "value": "b3RoZXI="}]);
        keep(
            "immutable-secret",
            self.refusal(Method::PATCH, &path, &other).await?,
        );
        let failed = json!([{"op": "test", "path": "/metadata/uid", "value": "another"}]);
        keep("failed-test", self.refusal(Method::PATCH, &path, &failed).await?);
        let absent = json!([{"op": "test", "path": "/metadata/finalizers/0", "value": "a"}]);
        keep(
            "failed-test-of-nothing",
            self.refusal(Method::PATCH, &path, &absent).await?,
        );
        let mut stale = self.objects.get(Kind::Secret, "immutable").await?;
        stale["metadata"]["resourceVersion"] = json!("1");
        keep("stale", self.refusal(Method::PUT, &path, &stale).await?);
        keep(
            "exists",
            self.refusal(Method::POST, SECRETS, &secret("immutable")).await?,
        );
        let path = format!("{SECRETS}/absent");
        keep("not-found", self.refusal(Method::PATCH, &path, &json!([])).await?);
        let remove = json!({"preconditions": {"uid": "another"}});
        let path = format!("{SECRETS}/immutable");
        let mut answer = self.refusal(Method::DELETE, &path, &remove).await?;
        let uid = stale["metadata"]["uid"]
            .as_str()
            .context("a Secret without uid")?
            .to_owned();
        answer = serde_json::from_str(&answer.to_string().replace(&uid, "UID"))?;
        keep("delete-of-another", answer);
        let rule = subaccount("rule", json!({"name": "[vobiz-operator "}));
        keep("rule", self.refusal(Method::POST, SUBACCOUNTS, &rule).await?);
        let schema = subaccount("schema", json!({"enabled": "perhaps"}));
        keep("schema", self.refusal(Method::POST, SUBACCOUNTS, &schema).await?);
        let huge = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "huge"},
            "stringData": {"auth_token": "x".repeat(1_100_000)},
        });
        keep("too-large", self.refusal(Method::POST, SECRETS, &huge).await?);
        Ok(())
    }

    async fn ending_namespace(&self, found: &mut Found) -> Result<()> {
        let namespace = "deniers-ending";
        let ending = Objects::new(self.bed.control_plane().client(), namespace, PATIENCE);
        ending.create(Kind::Namespace, namespace, json!({})).await?;
        let finalizers = |finalizers: Value| json!({"metadata": {"finalizers": finalizers}});
        ending
            .create(Kind::ConfigMap, "held", finalizers(json!(["example.com/held"])))
            .await?;
        ending.delete(Kind::Namespace, namespace).await?;
        let path = format!("/api/v1/namespaces/{namespace}/secrets");
        let name = "namespace-terminating";
        found.insert(name.to_owned(), self.held(&path, &secret(name)).await?);
        ending
            .merge(Kind::ConfigMap, "held", &finalizers(Value::Null))
            .await?;
        ending.await_gone(Kind::Namespace, namespace).await
    }
}

fn secret(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"auth_token": "s3cret"},
    })
}

fn subaccount(name: &str, spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "metadata": {"name": name},
        "spec": {"accountRef": {"name": "none"}},
    });
    if let (Some(into), Value::Object(from)) = (object["spec"].as_object_mut(), spec) {
        into.extend(from);
    }
    object
}

/// A policy about the one Secret that bears its name, in the trial's namespace.
fn policy(kind: &str, name: &str, rules: Value) -> Value {
    let mut spec = json!({
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{
            "apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"], "operations": ["CREATE"],
        }]},
        "matchConditions": [{"name": "its-own", "expression": format!("object.metadata.name == '{name}'")}],
    });
    if let (Some(into), Value::Object(from)) = (spec.as_object_mut(), rules) {
        into.extend(from);
    }
    let mut binding = json!({
        "policyName": name,
        "matchResources": {"namespaceSelector": {"matchLabels": {"deniers": "true"}}},
    });
    if kind == "ValidatingAdmissionPolicy" {
        binding["validationActions"] = json!(["Deny"]);
    }
    let policy = json!({"apiVersion": ADMISSION, "kind": kind, "metadata": {"name": name}, "spec": spec});
    let binding = json!({
        "apiVersion": ADMISSION, "kind": format!("{kind}Binding"), "metadata": {"name": name}, "spec": binding,
    });
    json!({"apiVersion": "v1", "kind": "List", "items": [policy, binding]})
}

/// A webhook about the one Secret that bears its name, in the trial's namespace.
fn hook(name: &str, url: &str, authority: &str) -> Value {
    json!({
        "name": format!("{name}.example.com"), "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "failurePolicy": "Fail", "timeoutSeconds": 1,
        "clientConfig": {"url": url, "caBundle": k8s_openapi::ByteString(authority.as_bytes().to_vec())},
        "namespaceSelector": {"matchLabels": {"deniers": "true"}},
        "matchConditions": [{"name": "its-own", "expression": format!("object.metadata.name == '{name}'")}],
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"], "operations": ["CREATE"]}],
    })
}

fn plain(status: &Status) -> Result<Value> {
    serde_json::to_value(status).context("failed to write an answer as JSON")
}
