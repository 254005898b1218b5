//! One parent for the Subaccounts of many namespaces: who may use it, and what its tenants see of it and of each other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use vobiz_harness::audit::AuditQuery;
use vobiz_harness::flux::Flux;
use vobiz_harness::objects::{Kind, Objects, condition_of};
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_harness::subaccounts::finalizers;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{CREDENTIALS, Environment, EnvironmentOptions, TestBed};

use crate::namespace::IN_USE;

/// An operator that serves `ClusterAccounts` serves all that there are: one such trial at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// How long a change of what is allowed may take until it shows.
const AT_ONCE: Duration = Duration::from_secs(10);

const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub fn add_to(suite: &mut Suite) {
    suite.test(
        "a ClusterAccount serves Subaccounts of the namespaces that it allows and shows its pair in none of them",
        two_tenants,
    );
    suite.test(
        "a ClusterAccount is held while Subaccounts use it, and names them with their namespaces",
        held,
    );
    suite.test(
        "a namespace is allowed and no longer allowed as its labels say, and deletions work all the same",
        labels,
    );
    suite.test(
        "a namespace that is not allowed makes nothing at a ClusterAccount's parent and does not hold it",
        not_allowed,
    );
    suite.test(
        "the reseller's ClusterAccount serves three customers, each in its namespace, by one command",
        reseller,
    );
    suite.test(
        "an operator that does not look at ClusterAccounts says so and goes on with Accounts",
        not_looked_at,
    );
    suite.test(
        "an operator that may not list ClusterAccounts and namespaces says so on /readyz and goes on with Accounts",
        no_right,
    );
}

/// An environment with the namespaces of two tenants, and a `ClusterAccount`.
pub struct Stage {
    pub environment: Environment,
    pub one: Objects,
    pub two: Objects,
    /// Name of the `ClusterAccount`.
    pub account: String,
    _alone: MutexGuard<'static, ()>,
}

impl Stage {
    /// With these fields of the spec, made of the names of both namespaces.
    pub async fn new(bed: &TestBed, name: &str, spec: impl FnOnce(&str, &str) -> Value) -> Result<Self> {
        Self::of(bed, EnvironmentOptions::new(name), spec).await
    }

    /// The same in an environment that is made with these options.
    pub async fn of(
        bed: &TestBed,
        options: EnvironmentOptions,
        spec: impl FnOnce(&str, &str) -> Value,
    ) -> Result<Self> {
        let alone = alone(bed).await?;
        let options = EnvironmentOptions {
            operator_flags: vec!["--cluster-accounts=true".to_owned()],
            further_namespaces: vec!["one".to_owned(), "two".to_owned()],
            account_ready: false,
            ..options
        };
        let environment = bed.environment(options).await?;
        environment
            .create_credentials(&environment.operator_objects)
            .await?;
        let (one, two) = (environment.further("one"), environment.further("two"));
        let account = environment.objects.namespace().to_owned();
        let mut manifest = json!({"spec": spec(one.namespace(), two.namespace())});
        manifest["spec"]["credentialsSecretRef"] = json!({"name": CREDENTIALS});
        environment
            .objects
            .create(Kind::ClusterAccount, &account, manifest)
            .await?;
        environment
            .await_condition(Kind::ClusterAccount, &account, "Ready", "True")
            .await?;
        Ok(Self {
            environment,
            one,
            two,
            account,
            _alone: alone,
        })
    }

    /// Creates a Subaccount of a tenant that names the `ClusterAccount`.
    pub async fn create(&self, tenant: &Objects, name: &str, more: Value) -> Result<Value> {
        let mut spec = json!({"accountRef": {"kind": "ClusterAccount", "name": self.account}});
        if let (Some(into), Value::Object(from)) = (spec.as_object_mut(), more) {
            into.extend(from);
        }
        tenant.create(Kind::Subaccount, name, json!({"spec": spec})).await
    }

    pub async fn ready(&self, tenant: &Objects, name: &str) -> Result<Value> {
        self.environment.explain(
            tenant
                .await_condition(Kind::Subaccount, name, "Ready", "True")
                .await,
        )
    }

    /// Waits until the object says that its namespace is not allowed, which must not take long.
    pub async fn refused(&self, tenant: &Objects, name: &str) -> Result<String> {
        let since = Instant::now();
        let stalled = tenant
            .await_reason(Kind::Subaccount, name, "Stalled", "NamespaceNotAllowed")
            .await;
        let object = self.environment.explain(stalled)?;
        let took = since.elapsed();
        ensure!(took < AT_ONCE, "it took {took:?}");
        let condition = condition_of(&object, "Stalled").context("not stalled")?;
        Ok(condition["message"].as_str().unwrap_or_default().to_owned())
    }

    async fn requests(&self, operation: Operation) -> Result<usize> {
        let query = JournalQuery::new().operation(operation);
        self.environment.simulator.journal_count(&query).await
    }
}

/// The right to serve `ClusterAccounts`, when none of an earlier trial is left.
pub async fn alone(bed: &TestBed) -> Result<MutexGuard<'static, ()>> {
    let alone = ALONE.lock().await;
    remove_former(bed).await?;
    Ok(alone)
}

/// What earlier trials have left, whose operators are gone: this one would serve it too, and share its limits.
async fn remove_former(bed: &TestBed) -> Result<()> {
    let objects = Objects::new(bed.control_plane().client(), "default", AT_ONCE);
    // An API server that has just begun may not know the kind yet.
    let since = Instant::now();
    let former = loop {
        match objects.list(Kind::ClusterAccount).await {
            Err(_) if since.elapsed() < AT_ONCE => tokio::time::sleep(POLL_INTERVAL).await,
            listed => break listed?,
        }
    };
    for former in former {
        let name = former["metadata"]["name"].as_str().context("no name")?;
        let free = json!({"metadata": {"finalizers": null}});
        objects.merge(Kind::ClusterAccount, name, &free).await?;
        if former["metadata"]["deletionTimestamp"].is_null() {
            objects.delete(Kind::ClusterAccount, name).await?;
        }
    }
    Ok(())
}

/// Everything that a tenant can read in its namespace, but the values of its own Secrets.
pub async fn visible(tenant: &Objects) -> Result<String> {
    let mut all = String::new();
    for kind in [
        Kind::Subaccount,
        Kind::Account,
        Kind::Event,
        Kind::Secret,
        Kind::ConfigMap,
    ] {
        for object in tenant.list(kind).await? {
            all.push_str(&object.to_string());
        }
    }
    Ok(all)
}

async fn two_tenants(bed: Arc<TestBed>) -> Result<()> {
    let stage = Stage::new(
        &bed,
        "shared-parent",
        |one, two| json!({"allowedNamespaces": {"names": [one, two]}, "namePrefix": "{namespace}."}),
    )
    .await?;
    let mark = stage.environment.audit()?.mark().await?;
    for tenant in [&stage.one, &stage.two] {
        stage.create(tenant, "acme", json!({})).await?;
    }
    let mut ids = Vec::new();
    for (tenant, other) in [(&stage.one, &stage.two), (&stage.two, &stage.one)] {
        let object = stage.ready(tenant, "acme").await?;
        let id = object["status"]["authId"].as_str().context("no id")?.to_owned();
        ensure!(object["status"]["parentAuthId"] == stage.environment.parent.auth_id.as_str());
        let made = stage.environment.simulator.account(&id).await?;
        ensure!(
            made["name"] == format!("{}.acme", tenant.namespace()),
            "it is called {}",
            made["name"]
        );
        tenant.get(Kind::Secret, "acme-vobiz").await?;
        let visible = visible(tenant).await?;
        for hidden in [
            CREDENTIALS,
            &stage.environment.parent.auth_token,
            other.namespace(),
        ] {
            ensure!(
                !visible.contains(hidden),
                "{hidden} shows in {}",
                tenant.namespace()
            );
        }
        ids.push(id);
    }
    ensure!(ids[0] != ids[1], "both have {}", ids[0]);

    // Their uids are known from a watch.
    let query = stage.environment.operator_requests(mark).resource("namespaces");
    let gets = gets_of(&stage.environment, &query).await?;
    ensure!(
        gets.is_empty(),
        "a namespace was read for a create:\n{}",
        gets.join("\n")
    );
    for tenant in [&stage.one, &stage.two] {
        let query = stage
            .environment
            .operator_requests(mark)
            .namespace(tenant.namespace());
        let gets = gets_of(&stage.environment, &query).await?;
        ensure!(
            gets.len() == 2,
            "a create reads the object and the user's Secret:\n{}",
            gets.join("\n")
        );
    }
    Ok(())
}

/// The reads of single objects among these requests.
async fn gets_of(environment: &Environment, query: &AuditQuery) -> Result<Vec<String>> {
    let reads = environment.audit()?.reads(query).await?;
    let gets = reads.iter().filter(|line| line.verb == "get");
    Ok(gets.map(|line| line.summary()).collect())
}

async fn await_marks(stage: &Stage, marked: bool) -> Result<()> {
    let shows = |object: &Value| finalizers(object).contains(&IN_USE) == marked;
    let environment = &stage.environment;
    environment
        .await_object(
            Kind::ClusterAccount,
            &stage.account,
            "marked as it should be",
            shows,
        )
        .await?;
    let secret = environment
        .operator_objects
        .await_object(Kind::Secret, CREDENTIALS, "marked as it should be", shows)
        .await;
    environment.explain(secret).map(drop)
}

async fn held(bed: Arc<TestBed>) -> Result<()> {
    let stage = Stage::new(
        &bed,
        "shared-held",
        |_, _| json!({"allowedNamespaces": {"selector": {}}}),
    )
    .await?;
    await_marks(&stage, false).await?;
    for tenant in [&stage.one, &stage.two] {
        stage.create(tenant, "acme", json!({})).await?;
        stage.ready(tenant, "acme").await?;
    }
    await_marks(&stage, true).await?;

    let environment = &stage.environment;
    environment
        .objects
        .delete(Kind::ClusterAccount, &stage.account)
        .await?;
    environment
        .operator_objects
        .delete(Kind::Secret, CREDENTIALS)
        .await?;
    let shown = environment
        .await_reason(Kind::ClusterAccount, &stage.account, "Ready", "Deleting")
        .await?;
    let message = condition_of(&shown, "Ready").context("not told")?["message"].to_string();
    for tenant in [&stage.one, &stage.two] {
        let holder = format!("{}/acme", tenant.namespace());
        ensure!(message.contains(&holder), "{holder} is not named: {message}");
    }

    let creates = stage.requests(Operation::Create).await?;
    stage.create(&stage.one, "late", json!({})).await?;
    let late = stage
        .one
        .await_reason(Kind::Subaccount, "late", "Reconciling", "DependencyNotReady")
        .await;
    environment.explain(late)?;
    stage
        .one
        .merge(Kind::Subaccount, "acme", &json!({"spec": {"enabled": false}}))
        .await?;
    let edited = stage
        .one
        .await_reason(Kind::Subaccount, "acme", "Ready", "Disabled")
        .await;
    environment.explain(edited)?;
    ensure!(
        stage.requests(Operation::Create).await? == creates,
        "a deleting ClusterAccount serves creates"
    );

    for (tenant, name) in [(&stage.one, "late"), (&stage.one, "acme"), (&stage.two, "acme")] {
        tenant.delete(Kind::Subaccount, name).await?;
        environment.explain(tenant.await_gone(Kind::Subaccount, name).await)?;
    }
    environment
        .await_gone(Kind::ClusterAccount, &stage.account)
        .await?;
    let secret = environment
        .operator_objects
        .await_gone(Kind::Secret, CREDENTIALS)
        .await;
    environment.explain(secret)?;
    let left = environment.simulator.accounts().await?;
    ensure!(left.is_empty(), "{} accounts are left", left.len());
    Ok(())
}

async fn label(stage: &Stage, tenant: &Objects, value: Value) -> Result<()> {
    let patch = json!({"metadata": {"labels": {"telephony": value}}});
    stage
        .environment
        .objects
        .merge(Kind::Namespace, tenant.namespace(), &patch)
        .await
        .map(drop)
}

async fn labels(bed: Arc<TestBed>) -> Result<()> {
    let stage = Stage::new(&bed, "shared-labels", |_, _| {
        json!({"allowedNamespaces": {"selector": {"matchExpressions": [
            {"key": "telephony", "operator": "In", "values": ["yes", "always"]},
        ]}}})
    })
    .await?;
    stage.create(&stage.one, "acme", json!({})).await?;
    let message = stage.refused(&stage.one, "acme").await?;
    ensure!(
        message.contains(&format!("ClusterAccount {}", stage.account))
            && message.contains("spec.allowedNamespaces"),
        "it says {message}"
    );

    label(&stage, &stage.one, json!("yes")).await?;
    let since = Instant::now();
    let made = stage.ready(&stage.one, "acme").await?;
    ensure!(since.elapsed() < AT_ONCE, "it took {:?}", since.elapsed());
    let id = made["status"]["authId"].as_str().context("no id")?.to_owned();

    label(&stage, &stage.one, Value::Null).await?;
    stage.refused(&stage.one, "acme").await?;
    let updates = stage.requests(Operation::Update).await?;
    let edited = stage
        .one
        .merge(
            Kind::Subaccount,
            "acme",
            &json!({"spec": {"description": "changed"}}),
        )
        .await?;
    let generation = edited["metadata"]["generation"].clone();
    let seen = stage
        .one
        .await_object(Kind::Subaccount, "acme", "seen", |object| {
            object["status"]["observedGeneration"] == generation
        })
        .await;
    let seen = stage.environment.explain(seen)?;
    let stalled = condition_of(&seen, "Stalled").context("not stalled any more")?;
    ensure!(stalled["reason"] == "NamespaceNotAllowed");
    ensure!(
        stage.requests(Operation::Update).await? == updates,
        "it was updated"
    );

    stage.one.delete(Kind::Subaccount, "acme").await?;
    stage
        .environment
        .explain(stage.one.await_gone(Kind::Subaccount, "acme").await)?;
    ensure!(
        stage.environment.simulator.find_account(&id).await?.is_none(),
        "its account is left"
    );
    await_marks(&stage, false).await?;

    stage.create(&stage.two, "acme", json!({})).await?;
    stage.refused(&stage.two, "acme").await?;
    let allowed = json!({"spec": {"allowedNamespaces": {"names": [stage.two.namespace()]}}});
    stage
        .environment
        .objects
        .merge(Kind::ClusterAccount, &stage.account, &allowed)
        .await?;
    let since = Instant::now();
    stage.ready(&stage.two, "acme").await?;
    ensure!(since.elapsed() < AT_ONCE, "it took {:?}", since.elapsed());
    Ok(())
}

async fn not_allowed(bed: Arc<TestBed>) -> Result<()> {
    let stage = Stage::new(
        &bed,
        "shared-denied",
        |one, _| json!({"allowedNamespaces": {"names": [one]}}),
    )
    .await?;
    stage.create(&stage.two, "acme", json!({})).await?;
    let message = stage.refused(&stage.two, "acme").await?;
    ensure!(
        !message.contains(stage.one.namespace()),
        "it names another tenant: {message}"
    );
    ensure!(stage.requests(Operation::Create).await? == 0, "a create was sent");
    let object = stage.two.get(Kind::Subaccount, "acme").await?;
    ensure!(
        finalizers(&object).is_empty(),
        "it is held by {:?}",
        finalizers(&object)
    );
    ensure!(
        stage.two.list(Kind::Secret).await?.is_empty(),
        "a Secret was written"
    );
    let account = stage
        .environment
        .objects
        .get(Kind::ClusterAccount, &stage.account)
        .await?;
    ensure!(
        !finalizers(&account).contains(&IN_USE),
        "whoever may not use it holds it"
    );

    // The administrator is free to let it go.
    let environment = &stage.environment;
    environment
        .objects
        .delete(Kind::ClusterAccount, &stage.account)
        .await?;
    environment
        .await_gone(Kind::ClusterAccount, &stage.account)
        .await?;
    stage.two.delete(Kind::Subaccount, "acme").await?;
    environment.explain(stage.two.await_gone(Kind::Subaccount, "acme").await)
}

async fn reseller(bed: Arc<TestBed>) -> Result<()> {
    const CUSTOMERS: [&str; 3] = ["acme", "globex", "initech"];
    let _alone = alone(&bed).await?;
    let watched = CUSTOMERS.map(|customer| format!("reseller-{customer}")).join(",");
    let options = EnvironmentOptions {
        operator_flags: vec![
            "--cluster-accounts=true".to_owned(),
            format!("--watch-namespaces={watched}"),
        ],
        account_ready: false,
        ..EnvironmentOptions::new("reseller")
    };
    let environment = bed.environment(options).await?;
    let pair = json!({"auth_id": environment.parent.auth_id, "auth_token": environment.parent.auth_token});
    environment
        .operator_objects
        .create(Kind::Secret, "reseller-credentials", json!({"stringData": pair}))
        .await?;
    let folder = bed.repository().join("manifests/subaccounts/reseller");
    bed.control_plane().kubectl().apply_kustomization(&folder).await?;
    for customer in CUSTOMERS {
        let objects = environment.objects.elsewhere(&format!("reseller-{customer}"));
        let ready = objects
            .await_condition(Kind::Subaccount, "main", "Ready", "True")
            .await;
        let ready = environment.explain(ready)?;
        let id = ready["status"]["authId"].as_str().context("no id")?;
        let made = environment.simulator.account(id).await?;
        ensure!(
            made["name"] == format!("reseller-{customer}-main"),
            "it is called {}",
            made["name"]
        );
        objects.get(Kind::Secret, "main-vobiz").await?;
    }
    // Flux takes over what kubectl has applied, and finds nothing to do then.
    let kubectl = bed.control_plane().kubectl();
    let manifests = kubectl.kustomize(&folder).await?;
    let flux = Flux::new(kubectl, "reseller", Duration::from_mins(1)).await?;
    flux.apply(&manifests).await?;
    environment.explain(flux.wait(&manifests).await)?;
    flux.ensure_no_drift(&manifests).await?;
    for customer in CUSTOMERS {
        let namespace = format!("reseller-{customer}");
        environment.objects.delete(Kind::Namespace, &namespace).await?;
        environment.await_gone(Kind::Namespace, &namespace).await?;
    }
    environment
        .objects
        .delete(Kind::ClusterAccount, "reseller")
        .await?;
    environment.await_gone(Kind::ClusterAccount, "reseller").await
}

async fn not_looked_at(bed: Arc<TestBed>) -> Result<()> {
    let environment = bed.environment(EnvironmentOptions::new("shared-off")).await?;
    goes_on_with_accounts(&environment).await
}

async fn no_right(bed: Arc<TestBed>) -> Result<()> {
    let bed = bed.apart().await?;
    let options = EnvironmentOptions {
        namespaced: true,
        operator_flags: vec!["--cluster-accounts=true".to_owned()],
        ..EnvironmentOptions::new("shared-no-right")
    };
    let environment = bed.environment(options).await?;
    let (status, text) = environment.operator()?.get("/readyz").await?;
    ensure!(status == 200, "it is not ready: {text}");
    for word in [
        "--cluster-accounts",
        "clusteraccounts",
        "namespaces",
        "may not be listed",
    ] {
        ensure!(text.contains(word), "no {word} in {text}");
    }
    goes_on_with_accounts(&environment).await
}

async fn goes_on_with_accounts(environment: &Environment) -> Result<()> {
    let spec = json!({"accountRef": {"kind": "ClusterAccount", "name": "shared"}});
    environment
        .objects
        .create(Kind::Subaccount, "acme", json!({"spec": spec}))
        .await?;
    let told = environment
        .await_reason(Kind::Subaccount, "acme", "Reconciling", "DependencyNotReady")
        .await?;
    let message = condition_of(&told, "Reconciling").context("not told")?["message"].to_string();
    ensure!(message.contains("--cluster-accounts=false"), "it says {message}");
    environment.create_subaccount("globex", json!({})).await?;
    environment.await_ready("globex").await?;
    environment.objects.delete(Kind::Subaccount, "acme").await?;
    environment.await_gone(Kind::Subaccount, "acme").await
}
