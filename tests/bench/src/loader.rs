//! I/O. A plain loader: it sends what one create takes, over as many workers as the operator has, holds the same watches,
//! and decides nothing. What it reaches is the limit that the operator's creates are held against.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use vobiz_harness::audit::AuditQuery;
use vobiz_harness::kubeconfig;
use vobiz_harness::operator::plain_http_client;
use vobiz_harness::simulator::Parent;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};

use crate::calls::arrivals;
use crate::percentile::share;
use crate::population::{Population, names};
use crate::process::own_cpu;
use crate::requests::{About, Requests, span};
use crate::site::{Site, TOKEN_SECONDS};
use crate::stage::Stage;
use crate::waiting::progress;

/// The operator's `--max-concurrent-reconciles`, as shipped.
pub const WORKERS: usize = 10;

/// What the loader reached.
#[derive(Clone, Copy, Debug)]
pub struct Loaded {
    /// How many objects.
    pub objects: usize,
    /// Seconds from its first write to its last.
    pub seconds: f64,
    /// Its processor time, this program's own with it.
    pub cpu: Duration,
    /// Of the simulator's journal what had arrived before it began.
    journal: u64,
}

/// What all workers share.
struct Load {
    objects: Api<DynamicObject>,
    events: Api<DynamicObject>,
    secrets: Api<Secret>,
    records: Api<Secret>,
    http: reqwest::Client,
    url: String,
    parent: Parent,
    namespace: String,
    records_namespace: String,
}

/// A loader at a site of its own.
pub struct Loader {
    site: Site,
    load: Arc<Load>,
    population: Population,
    made: usize,
    _watches: JoinSet<()>,
}

impl Loader {
    /// Makes the site and opens the watches.
    pub async fn start(stage: &Stage) -> Result<Self> {
        let site = Site::new(stage, "loader").await?;
        let population = Population::new(stage.control_plane.client(), site.objects.namespace());
        let client = client(&site).await?;
        Ok(Self {
            _watches: watches(&client, &site),
            load: Arc::new(Load::new(client, &site)?),
            population,
            made: 0,
            site,
        })
    }

    /// Loads so many objects more. What was logged before is let go.
    pub async fn load(&mut self, count: usize) -> Result<Loaded> {
        progress(&format!("  the plain loader creates {count}"));
        let names = names("load", self.made..self.made + count);
        self.made += count;
        let objects = Arc::new(self.population.create(&names).await?);
        let audit = self.site.stage.control_plane.audit()?;
        let journal = self.site.stage.simulator.journal_mark().await?;
        let (mark, cpu) = (audit.mark().await?, own_cpu()?);
        audit.release(mark);
        let next = Arc::new(AtomicUsize::new(0));
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            let (load, objects, next) = (Arc::clone(&self.load), Arc::clone(&objects), Arc::clone(&next));
            workers.spawn(async move {
                while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = load.one(object).await;
                    done.with_context(|| format!("the loader failed at {}", object.name_any()))?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = workers.join_next().await {
            ended.context("a worker of the loader ended")??;
        }
        let cpu = own_cpu()?.saturating_sub(cpu);
        let query = AuditQuery::new().user(&self.site.installation.user()).since(mark);
        let lines = audit.lines(&query).await?;
        let lines = || lines.iter().map(|line| &**line);
        let records_namespace = &self.site.installation.namespace;
        let sent = Requests::of(lines(), records_namespace);
        ensure!(
            sent.object_writes() == 5 * count && sent.writes(About::Event) == count && sent.refused == 0,
            "the loader did not send what it should: {sent:?}"
        );
        let seconds = span(lines(), records_namespace).context("the loader wrote nothing")?;
        Ok(Loaded {
            objects: count,
            seconds,
            cpu,
            journal,
        })
    }

    /// When each account of a load was made and of all that came after it, in seconds on the simulator's clock.
    pub async fn made_at(&self, loaded: &Loaded) -> Result<Vec<f64>> {
        let parent = &self.load.parent.auth_id;
        let creates = JournalQuery::new().parent(parent).since(loaded.journal);
        let creates = creates.operation(Operation::Create).committed(true);
        Ok(arrivals(&self.site.stage.simulator.journal(&creates).await?))
    }
}

/// With the rights of an operator.
async fn client(site: &Site) -> Result<Client> {
    let control_plane = &site.stage.control_plane;
    let token = site
        .installation
        .token(&control_plane.client(), TOKEN_SECONDS)
        .await?;
    let name = format!("loader-{}.kubeconfig", site.installation.namespace);
    let path = control_plane.directory().join(name);
    control_plane
        .endpoint()
        .write_for_token(&path, &site.installation.namespace, &token)?;
    kubeconfig::client(&path).await
}

fn vobiz(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("vobiz.ai", "v1alpha1", kind))
}

/// What the operator watches is delivered and read here too.
fn watches(client: &Client, site: &Site) -> JoinSet<()> {
    let mut watches = JoinSet::new();
    let namespace = site.objects.namespace();
    for kind in ["Subaccount", "Account"] {
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &vobiz(kind));
        watches.spawn(
            watcher(api, watcher::Config::default())
                .default_backoff()
                .for_each(|_| std::future::ready(())),
        );
    }
    let records: Api<Secret> = Api::namespaced(client.clone(), &site.installation.namespace);
    let selection = watcher::Config::default().fields("type=vobiz.ai/record");
    watches.spawn(
        watcher(records, selection)
            .default_backoff()
            .for_each(|_| std::future::ready(())),
    );
    watches
}

impl Load {
    fn new(client: Client, site: &Site) -> Result<Self> {
        let _ = plain_http_client()?;
        let namespace = site.objects.namespace();
        let event = ApiResource::from_gvk(&GroupVersionKind::gvk("events.k8s.io", "v1", "Event"));
        let http = reqwest::Client::builder()
            .no_proxy()
            // As the operator does it: an idle connection may be closed just when the request goes out.
            .pool_max_idle_per_host(0);
        Ok(Self {
            objects: Api::namespaced_with(client.clone(), namespace, &vobiz("Subaccount")),
            events: Api::namespaced_with(client.clone(), namespace, &event),
            secrets: Api::namespaced(client.clone(), namespace),
            records: Api::namespaced(client, &site.installation.namespace),
            http: http.build().context("failed to make an HTTP client")?,
            url: format!(
                "{}/api/v1/accounts/{}/sub-accounts/",
                site.stage.simulator.url(),
                site.parent.auth_id
            ),
            parent: site.parent.clone(),
            namespace: namespace.to_owned(),
            records_namespace: site.installation.namespace.clone(),
        })
    }

    /// Five writes, one event, three reads and one POST, in the order of a create.
    async fn one(&self, object: &DynamicObject) -> Result<()> {
        let name = object.name_any();
        let uid = object.uid().context("a created object has no uid")?;
        let record = format!("subaccount-{uid}");
        let finalizer = json!([
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "test", "path": "/metadata/resourceVersion", "value": object.resource_version()},
            {"op": "add", "path": "/metadata/finalizers", "value": ["vobiz.ai/subaccount"]},
        ]);
        self.objects
            .patch(&name, &PatchParams::default(), &json_patch(finalizer)?)
            .await?;
        let found = self.records.get_opt(&record).await?;
        ensure!(found.is_none(), "a Record is there already");
        let open = self.record(&record, &name, &uid, &json!({"phase": "Open"}))?;
        let opened = self.records.create(&PostParams::default(), &open).await?;
        let secret_name = format!("{name}-vobiz");
        let found = self.secrets.get_opt(&secret_name).await?;
        ensure!(found.is_none(), "a Secret is there already");
        self.objects.get(&name).await?;

        let (id, token) = self.post(&name, &uid).await?;
        let pair = json!({"phase": "Bound", "auth_id": id, "auth_token": token});
        let mut bound = self.record(&record, &name, &uid, &pair)?;
        bound.metadata.resource_version = opened.metadata.resource_version;
        self.records
            .replace(&record, &PostParams::default(), &bound)
            .await?;
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {
                "name": secret_name, "namespace": self.namespace,
                "labels": {"app.kubernetes.io/managed-by": "vobiz-operator", "vobiz.ai/subaccount": name},
                "annotations": {"vobiz.ai/auth-id": id},
                "ownerReferences": [{"apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "name": name, "uid": uid,
                    "controller": true}],
            },
            "stringData": {"auth_id": id, "auth_token": token},
        });
        self.secrets
            .create(&PostParams::default(), &serde_json::from_value(secret)?)
            .await?;
        let status = json!([
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "add", "path": "/status", "value": self.status(&id, &secret_name)},
        ]);
        self.objects
            .patch_status(&name, &PatchParams::default(), &json_patch(status)?)
            .await?;
        self.events
            .create(&PostParams::default(), &self.event(&name, &uid, &id)?)
            .await?;
        Ok(())
    }

    async fn post(&self, name: &str, uid: &str) -> Result<(String, String)> {
        let series = uid.replace('-', "");
        let body = json!({
            "name": name, "enabled": true,
            "description": format!("Customer {name} [vobiz-operator 00000000 {series}.1]"),
        });
        let request = self
            .http
            .post(&self.url)
            .header("X-Auth-ID", &self.parent.auth_id)
            .header("X-Auth-Token", &self.parent.auth_token)
            .json(&body);
        let answer = request.send().await.context("failed to post an account")?;
        ensure!(
            answer.status().is_success(),
            "a create was answered {}",
            answer.status()
        );
        let answer: Value = answer
            .json()
            .await
            .context("failed to read the answer to a create")?;
        let field = |name: &str| answer["auth_credentials"][name].as_str().map(str::to_owned);
        let pair = field("auth_id").zip(field("auth_token"));
        pair.context("the answer to a create has no pair")
    }

    fn record(&self, record: &str, name: &str, uid: &str, more: &Value) -> Result<Secret> {
        let mut data = json!({
            "namespace": self.namespace, "namespaceUid": uid, "name": name, "uid": uid,
            "parentAuthId": self.parent.auth_id, "apiGeneration": "Gen2", "series": uid.replace('-', ""),
            "epoch": "1", "fencedThrough": "0",
        });
        if let (Some(into), Some(from)) = (data.as_object_mut(), more.as_object()) {
            into.extend(from.clone());
        }
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "vobiz.ai/record",
            "metadata": {
                "name": record, "namespace": self.records_namespace,
                "labels": {"app.kubernetes.io/managed-by": "vobiz-operator"},
            },
            "stringData": data,
        });
        serde_json::from_value(secret).context("failed to make a Record")
    }

    fn status(&self, id: &str, secret_name: &str) -> Value {
        let condition = |kind: &str, reason: &str, message: &str| {
            json!({
                "type": kind, "status": "True", "reason": reason, "message": message, "observedGeneration": 1,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            })
        };
        json!({
            "observedGeneration": 1, "authId": id, "secretName": secret_name, "parentAuthId": self.parent.auth_id,
            "apiGeneration": "Gen2", "kyc": {"mode": "personal_use", "callsBlocked": false},
            "conditions": [
                condition("Ready", "Available", "the subaccount is as its spec says"),
                condition("Synced", "ReconcileSuccess", "the last request for it was answered"),
                condition("CredentialsPublished", "SecretWritten", "the Secret held the pair at the last look"),
                condition("CallsAllowed", "KycNotRequired", "calls are allowed"),
            ],
        })
    }

    fn event(&self, name: &str, uid: &str, id: &str) -> Result<DynamicObject> {
        let event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"name": format!("{name}.{}", uuid::Uuid::new_v4().simple()), "namespace": self.namespace},
            "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal", "reason": "SubaccountCreated",
            "action": "Reconcile", "note": format!("created {id}; its pair is in the Secret {name}-vobiz"),
            "reportingController": "vobiz.ai/operator", "reportingInstance": "loader",
            "regarding": {"apiVersion": "vobiz.ai/v1alpha1", "kind": "Subaccount", "namespace": self.namespace,
                "name": name, "uid": uid},
        });
        serde_json::from_value(event).context("failed to make an event")
    }
}

fn json_patch(operations: Value) -> Result<Patch<()>> {
    let patch = serde_json::from_value(operations).context("failed to make a patch")?;
    Ok(Patch::Json(patch))
}

impl Loaded {
    /// Objects per second.
    pub fn rate(&self) -> f64 {
        share(self.objects, 1) / self.seconds
    }

    /// Processor time of one object, in seconds.
    pub fn cpu_per_object(&self) -> f64 {
        self.cpu.as_secs_f64() / share(self.objects, 1)
    }
}
