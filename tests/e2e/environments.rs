//! The shipped Subaccount manifests, as people apply them and as Flux does: apart by namespace, name and what a deletion does.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::accounts::create_credentials_of;
use vobiz_harness::flux::Flux;
use vobiz_harness::objects::{Kind, Objects};
use vobiz_harness::simulator::{Api, Parent};
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, EnvironmentOptions, TestBed};

use crate::generation::environment;

/// Each environment, and whether the account of a deleted object is enabled, disabled or gone.
const ENVIRONMENTS: [(&str, Option<bool>); 3] =
    [("dev", None), ("staging", Some(false)), ("prod", Some(true))];
const SUBACCOUNTS: [(&str, &str); 2] = [("acme", "acme-vobiz"), ("globex", "globex-telephony")];

/// By this annotation in Git an object stays when Flux prunes.
const PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
/// The namespace of `manifests/samples`.
const SAMPLES: &str = "vobiz-samples";
const PATIENCE: Duration = Duration::from_mins(1);

pub fn add_to(suite: &mut Suite) {
    // One trial for both generations: the namespaces are those that the manifests name.
    suite.test(
        "one set of manifests makes dev, staging and prod by Flux and by kubectl, with the names and the deletion policy of each",
        |bed| async move {
            three_environments(&bed, Api::Gen2, By::Flux).await?;
            three_environments(&bed, Api::Gen1, By::Kubectl).await
        },
    );
    suite.test(
        "each department of the shipped sample has a subaccount with what it may do, kept disabled when it closes",
        |bed| async move { departments(&bed).await },
    );
}

/// Who applies the manifests and takes objects away.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Flux,
    Kubectl,
}

/// One environment's manifests, and who delivers them.
struct Set {
    /// As kustomize renders them.
    manifests: String,
    /// The Subaccounts among them.
    subaccounts: String,
    flux: Flux,
}

impl Set {
    async fn new(bed: &TestBed, folder: &str, name: &str) -> Result<Self> {
        let kubectl = bed.control_plane().kubectl();
        let manifests = kubectl.kustomize(&bed.repository().join(folder)).await?;
        let is_subaccount = |document: &&str| document.contains("\nkind: Subaccount\n");
        let subaccounts: Vec<&str> = manifests.split("---\n").filter(is_subaccount).collect();
        let subaccounts = subaccounts.join("---\n");
        let flux = Flux::new(kubectl, name, PATIENCE).await?;
        Ok(Self {
            manifests,
            subaccounts,
            flux,
        })
    }

    /// The Subaccounts are as Flux calls healthy, and what the operator and the API server made of the set is no drift.
    async fn ensure_at_rest(&self) -> Result<()> {
        self.flux.wait(&self.manifests).await?;
        self.flux.ensure_no_drift(&self.manifests).await
    }

    /// Flux prunes all Subaccounts but the one that is marked; a person deletes that one then.
    async fn prune_all_but_marked(&self, environment: &Environment, objects: &Objects) -> Result<()> {
        let (marked, _) = SUBACCOUNTS[0];
        let mark = json!({"metadata": {"annotations": {PRUNE: "disabled"}}});
        objects.merge(Kind::Subaccount, marked, &mark).await?;
        let found = self.flux.prune(&self.subaccounts).await?;
        for (name, _) in SUBACCOUNTS {
            let action = &found[&format!("Subaccount/{}/{name}", objects.namespace())];
            let expected = if name == marked { "skipped" } else { "deleted" };
            ensure!(action == expected, "Flux {action} {name}");
        }
        let kept = objects.get(Kind::Subaccount, marked).await?;
        let id = kept["status"]["authId"].as_str().context("no id")?;
        ensure!(
            kept["metadata"]["deletionTimestamp"].is_null(),
            "{marked} is being deleted"
        );
        environment.simulator.account(id).await?;
        objects.delete(Kind::Subaccount, marked).await
    }
}

/// A further parent of this environment's simulator, its pair in the Secret that the Account of that namespace names.
async fn provide_parent(environment: &Environment, objects: &Objects) -> Result<Parent> {
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let parent = Parent::new(
        &format!("MA_{}", unique[..18].to_uppercase()),
        &format!("token-{unique}"),
    );
    let (id, token) = (&parent.auth_id, &parent.auth_token);
    environment.simulator.put_parent(id, token).await?;
    create_credentials_of(&parent, objects).await?;
    Ok(parent)
}

async fn three_environments(bed: &TestBed, api: Api, by: By) -> Result<()> {
    let mut options = environment("environments", api);
    options.account_ready = false;
    options
        .operator_flags
        .push("--watch-namespaces=vobiz-dev,vobiz-staging,vobiz-prod".to_owned());
    let environment = bed.environment(options).await?;
    let mut all = Vec::new();
    for (name, left) in ENVIRONMENTS {
        let namespace = format!("vobiz-{name}");
        let client = bed.control_plane().client();
        let objects = Objects::new(client, &namespace, Duration::from_mins(1));
        let folder = format!("manifests/subaccounts/overlays/{name}");
        let set = Set::new(bed, &folder, &format!("vobiz-subaccounts-{name}")).await?;
        if by == By::Flux {
            let applied = set.flux.apply(&set.manifests).await?;
            ensure!(applied.values().all(|action| action == "created"), "{applied:?}");
        } else {
            bed.control_plane().kubectl().apply(&set.manifests).await?;
        }
        let parent = provide_parent(&environment, &objects).await?;
        all.push((name, left, objects, parent, set));
    }
    for (name, _, objects, parent, set) in &all {
        if by == By::Flux {
            environment.explain(set.ensure_at_rest().await)?;
        }
        environment.explain(
            objects
                .await_condition(Kind::Account, ACCOUNT, "Ready", "True")
                .await,
        )?;
        for (subaccount, secret) in SUBACCOUNTS {
            let waited = objects
                .await_condition(Kind::Subaccount, subaccount, "Ready", "True")
                .await;
            let ready = environment.explain(waited)?;
            let account = find(&environment, &format!("{name}-{subaccount}")).await?;
            let is_its_own = |account: &Value| {
                account["auth_id"] == ready["status"]["authId"]
                    && account["parent_auth_id"] == parent.auth_id.as_str()
            };
            ensure!(
                account.as_ref().is_some_and(is_its_own),
                "{name}-{subaccount} is at Vobiz {account:#?}, in the cluster {ready:#}"
            );
            objects.get(Kind::Secret, secret).await?;
        }
    }
    ensure!(
        environment.simulator.accounts().await?.len() == 6,
        "there are more accounts than six"
    );

    for (name, left, objects, _, set) in &all {
        if by == By::Kubectl {
            for (subaccount, _) in SUBACCOUNTS {
                objects.delete(Kind::Subaccount, subaccount).await?;
            }
        } else if left.is_none() {
            let pruned = set.prune_all_but_marked(&environment, objects).await;
            environment.explain(pruned)?;
        } else {
            // With the Account and the namespace, in one go.
            let pruned = set.flux.prune(&set.manifests).await;
            let pruned = environment.explain(pruned)?;
            ensure!(
                pruned.values().all(|action| action == "deleted"),
                "of {name}: {pruned:?}"
            );
        }
    }
    for (name, left, objects, ..) in &all {
        for (subaccount, _) in SUBACCOUNTS {
            environment.explain(objects.await_gone(Kind::Subaccount, subaccount).await)?;
            let account = find(&environment, &format!("{name}-{subaccount}")).await?;
            let enabled = account.map(|account| account["enabled"] == true);
            ensure!(
                enabled == *left,
                "{name}-{subaccount} is left {enabled:?} instead of {left:?}"
            );
        }
    }
    for (_, _, objects, ..) in &all {
        if objects
            .find(Kind::Namespace, objects.namespace())
            .await?
            .is_some()
        {
            objects.delete(Kind::Namespace, objects.namespace()).await?;
        }
    }
    for (_, _, objects, ..) in &all {
        environment.explain(objects.await_gone(Kind::Namespace, objects.namespace()).await)?;
    }
    Ok(())
}

async fn departments(bed: &TestBed) -> Result<()> {
    const NAMESPACE: &str = "vobiz-departments";
    let mut options = EnvironmentOptions::new("departments");
    options.account_ready = false;
    options
        .operator_flags
        .push(format!("--watch-namespaces={NAMESPACE},{SAMPLES}"));
    let environment = bed.environment(options).await?;
    let objects = Objects::new(bed.control_plane().client(), NAMESPACE, Duration::from_mins(1));
    let set = Set::new(bed, "manifests/subaccounts/departments", "departments").await?;
    bed.control_plane().kubectl().apply(&set.manifests).await?;
    environment.create_credentials(&objects).await?;
    for (department, secret, calls, cdr) in [
        ("sales", "sales-vobiz", true, false),
        ("support", "helpdesk-telephony", true, true),
        ("operations", "operations-vobiz", false, true),
    ] {
        let ready = objects.await_condition(Kind::Subaccount, department, "Ready", "True");
        environment.explain(ready.await)?;
        let account = find(&environment, &format!("company-{department}")).await?;
        let account = account.with_context(|| format!("{department} has no account"))?;
        ensure!(
            account["permissions"] == json!({"calls": calls, "cdr": cdr}),
            "{department} may do something else: {account:#}"
        );
        objects.get(Kind::Secret, secret).await?;
    }
    // Flux takes over what kubectl has applied.
    set.flux.apply(&set.manifests).await?;
    environment.explain(set.ensure_at_rest().await)?;
    samples(&environment, bed).await?;
    objects.delete(Kind::Subaccount, "sales").await?;
    environment.explain(objects.await_gone(Kind::Subaccount, "sales").await)?;
    let closed = find(&environment, "company-sales").await?;
    ensure!(
        closed.as_ref().is_some_and(|account| account["enabled"] == false),
        "the closed department's account is {closed:?}"
    );
    objects.delete(Kind::Namespace, NAMESPACE).await?;
    environment.explain(objects.await_gone(Kind::Namespace, NAMESPACE).await)
}

/// The samples, with every field that there is: nothing of them is drift to Flux.
async fn samples(environment: &Environment, bed: &TestBed) -> Result<()> {
    let objects = environment.objects.elsewhere(SAMPLES);
    let set = Set::new(bed, "manifests/samples", "samples").await?;
    set.flux.apply(&set.manifests).await?;
    environment.create_credentials(&objects).await?;
    environment.explain(set.ensure_at_rest().await)?;
    set.flux.prune(&set.manifests).await?;
    environment.explain(objects.await_gone(Kind::Namespace, SAMPLES).await)
}

async fn find(environment: &Environment, name: &str) -> Result<Option<Value>> {
    let accounts = environment.simulator.accounts().await?;
    Ok(accounts.into_iter().find(|account| account["name"] == name))
}
