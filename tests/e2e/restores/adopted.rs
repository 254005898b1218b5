//! The same of objects that name an account which was there before them: what they have a right to they get back by naming it, and what
//! nothing gives them a right to they say.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vobiz_harness::objects::Kind;
use vobiz_harness::simulator::Api;
use vobiz_harness::suite::Suite;
use vobiz_harness::test_bed::{ACCOUNT, Environment, TestBed};

use super::{
    ACCEPT, Left, Pair, Row, Saved, Way, annotate, delete_namespace, earlier_namespace, ensure_back,
    ensure_same_accounts, lose_objects, portable, restore_records, row, save_records,
};
use crate::at_rest::{auth_id_of, secret_values, text, uid_of, values_of};
use crate::edit::resyncing;
use crate::generation::in_each;
use crate::hands::set_status;

const ALLOW: &str = "vobiz.ai/allow-adoption";

pub fn add_to(suite: &mut Suite) {
    in_each(
        suite,
        "adopted objects that are restored after Retain get their accounts back by naming them, or say what gives them the right",
        |bed, api| same_namespace(bed, api, Left::Kept),
    );
    in_each(
        suite,
        "adopted objects that are restored after their finalizers were stripped get their accounts back in the same way",
        |bed, api| same_namespace(bed, api, Left::Bound),
    );
    in_each(
        suite,
        "adopted objects that are restored into a namespace made anew get their accounts back by a proof or a word",
        namespace_anew,
    );
}

/// How an object gets its account back.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Remedy {
    /// By itself.
    None,
    /// It says this; then the Secret, which is there, is handed over.
    HandOver(&'static str),
    /// It says this; then the pair is put into a Secret that is handed over.
    PutIn(&'static str),
    /// `OrphanFound`, then the administrator's word for the earlier namespace.
    Accept,
}

/// One row of the table in `docs/reliability.md`.
#[derive(Clone, Copy, Debug)]
struct Adopted {
    row: Row,
    /// Its Secret comes back without an owner, and with the word that hands it over.
    handed_over: bool,
    /// The Account lists its account.
    listed: bool,
    remedy: Remedy,
}

const fn adopted(name: &'static str, record: bool, status: bool, pair: Pair) -> Adopted {
    Adopted {
        row: row(name, record, status, pair, Way::Alone),
        handed_over: false,
        listed: false,
        remedy: Remedy::None,
    }
}

impl Adopted {
    const fn handed_over(self) -> Self {
        Self {
            handed_over: true,
            ..self
        }
    }

    const fn listed(self) -> Self {
        Self { listed: true, ..self }
    }

    const fn by(self, remedy: Remedy) -> Self {
        Self { remedy, ..self }
    }
}

const NOT_ALLOWED: &str = "AdoptionNotAllowed";
const LOST: &str = "CredentialsLost";

/// Those whose Record is lost are alike in any namespace: nothing is left there that could be another's.
fn without_record(api: Api) -> Vec<Adopted> {
    // Generation 1 shows the parent its accounts' tokens.
    let listed = |remedy| if api == Api::Gen1 { Remedy::None } else { remedy };
    vec![
        adopted("status-handed", false, true, Pair::Unowned).handed_over(),
        adopted("handed", false, false, Pair::Unowned).handed_over(),
        adopted("status-pair", false, true, Pair::Unowned).by(Remedy::HandOver(NOT_ALLOWED)),
        adopted("pair", false, false, Pair::Unowned).by(Remedy::HandOver(NOT_ALLOWED)),
        adopted("status", false, true, Pair::Gone).by(Remedy::PutIn(NOT_ALLOWED)),
        adopted("status-owned", false, true, Pair::Owned).by(Remedy::PutIn(NOT_ALLOWED)),
        adopted("nothing", false, false, Pair::Gone).by(Remedy::PutIn(NOT_ALLOWED)),
        adopted("listed", false, false, Pair::Gone)
            .listed()
            .by(listed(Remedy::PutIn(LOST))),
        adopted("listed-pair", false, true, Pair::Unowned)
            .listed()
            .by(listed(Remedy::HandOver(LOST))),
    ]
}

/// Makes the account by hand and has it adopted by its pair.
async fn make(environment: &Environment, rows: &[Adopted], spec: &Value) -> Result<Vec<Saved>> {
    let mut saved = Vec::new();
    for Adopted { row, .. } in rows {
        let fields = json!({"name": row.name, "parent": environment.parent.auth_id});
        let made = environment.simulator.create_account(&fields).await?;
        let (id, name) = (text(&made["auth_id"])?, secret_name(row.name));
        let pair = BTreeMap::from([
            ("auth_id".to_owned(), id.to_owned()),
            ("auth_token".to_owned(), text(&made["auth_token"])?.to_owned()),
        ]);
        put_in(environment, &name, &pair).await?;
        environment.create_subaccount(row.name, naming(id, spec)).await?;
        let object = environment.await_ready(row.name).await?;
        ensure!(auth_id_of(&object)? == id, "it has another account");
        saved.push(Saved {
            row: *row,
            uid: uid_of(&object)?,
            status: object["status"].clone(),
            secret: environment.objects.get(Kind::Secret, &name).await?,
            pair: secret_values(&environment.objects, &name).await?,
            record: None,
        });
    }
    Ok(saved)
}

fn secret_name(name: &str) -> String {
    format!("{name}-vobiz")
}

fn naming(id: &str, spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec["authId"] = json!(id);
    spec
}

async fn put_in(environment: &Environment, name: &str, pair: &BTreeMap<String, String>) -> Result<()> {
    let manifest = json!({"metadata": {"annotations": {ALLOW: "true"}}, "stringData": pair});
    environment
        .objects
        .create(Kind::Secret, name, manifest)
        .await
        .map(drop)
}

async fn restore(environment: &Environment, rows: &[Adopted], saved: &[Saved]) -> Result<()> {
    // Whatever they ask for, nothing is made and nothing is deleted.
    let spec = json!({"deletion": {"policy": "Delete", "cascade": true}, "credentialRecovery": "Recreate"});
    for (adopted, one) in rows.iter().zip(saved) {
        let (Row { name, pair, .. }, secret) = (adopted.row, secret_name(adopted.row.name));
        if pair != Pair::Gone {
            let mut manifest = portable(&one.secret, pair == Pair::Owned);
            if !adopted.handed_over {
                manifest["metadata"]["annotations"][ALLOW] = json!("false");
            }
            environment
                .objects
                .create(Kind::Secret, &secret, manifest)
                .await?;
        }
        if pair == Pair::Owned {
            environment.await_gone(Kind::Secret, &secret).await?;
        }
        environment
            .create_subaccount(name, naming(&one.pair["auth_id"], &spec))
            .await?;
        if adopted.row.status {
            set_status(environment, name, &one.status).await?;
        }
    }
    Ok(())
}

/// Follows the way that the object's own message names, to its end.
async fn follow(environment: &Environment, adopted: &Adopted, saved: &Saved) -> Result<()> {
    let name = adopted.row.name;
    let secret = secret_name(name);
    let told = async |reason: &str, texts: &[&str]| {
        environment
            .await_reason(Kind::Subaccount, name, "Stalled", reason)
            .await?;
        environment
            .await_message(Kind::Subaccount, name, "Ready", texts)
            .await
    };
    match adopted.remedy {
        Remedy::None => {}
        Remedy::HandOver(reason) => {
            told(reason, &[ALLOW, &secret]).await?;
            annotate(&environment.objects, Kind::Secret, &secret, ALLOW, "true").await?;
        }
        Remedy::PutIn(reason) => {
            told(reason, &[ALLOW, &secret]).await?;
            put_in(environment, &secret, &saved.pair).await?;
        }
        Remedy::Accept => {
            let earlier = earlier_namespace(saved)?;
            told("OrphanFound", &[ACCEPT, &earlier]).await?;
            annotate(&environment.objects, Kind::Account, ACCOUNT, ACCEPT, &earlier).await?;
        }
    }
    Ok(())
}

/// Each has its own account and pair again, and it is still one that was there before.
async fn ensure_all_back(environment: &Environment, rows: &[Adopted], saved: &[Saved]) -> Result<()> {
    // What needs no word must not live by the one that was given for another.
    let alone = rows.iter().position(|adopted| adopted.remedy == Remedy::Accept);
    let alone = alone.unwrap_or(rows.len());
    for part in [0..alone, alone..rows.len()] {
        let part = || rows[part.clone()].iter().zip(&saved[part.clone()]);
        for (adopted, one) in part() {
            let followed = follow(environment, adopted, one).await;
            followed.with_context(|| format!("{adopted:?}"))?;
        }
        for (adopted, one) in part() {
            let back = ensure_back(environment, one).await;
            back.with_context(|| format!("{adopted:?}"))?;
        }
    }
    for record in environment.operator_objects.list(Kind::Secret).await? {
        let values = values_of(record)?;
        let is_bound = values.get("phase").is_some_and(|phase| phase == "Bound");
        ensure!(
            !is_bound || values.get("adopted").is_some_and(|adopted| adopted == "true"),
            "the Record of {:?} has forgotten that its account was there before",
            values.get("name")
        );
    }
    ensure_same_accounts(environment, 0, saved.len()).await
}

fn listed(rows: &[Adopted], saved: &[Saved]) -> Value {
    let listed = rows.iter().zip(saved).filter(|(row, _)| row.listed);
    let ids: Vec<&str> = listed.map(|(_, one)| one.pair["auth_id"].as_str()).collect();
    json!({"authIds": ids})
}

async fn same_namespace(bed: Arc<TestBed>, api: Api, left: Left) -> Result<()> {
    let mut rows = vec![
        adopted("record", true, false, Pair::Gone),
        adopted("record-status", true, true, Pair::Gone),
        adopted("record-status-owned", true, true, Pair::Owned),
        adopted("record-pair", true, false, Pair::Unowned),
        adopted("record-handed", true, true, Pair::Unowned).handed_over(),
    ];
    rows.extend(without_record(api));
    let mut environment = bed.environment(resyncing("restore-adopted", api)).await?;
    // Deleted with it, their accounts stay by the default alone.
    let spec = match left {
        Left::Kept => json!({}),
        Left::Bound => json!({"deletion": {"policy": "Delete"}, "credentialRecovery": "Recreate"}),
    };
    let mut saved = make(&environment, &rows, &spec).await?;
    let adoptable = json!({"spec": {"adoptable": listed(&rows, &saved)}});
    environment
        .objects
        .merge(Kind::Account, ACCOUNT, &adoptable)
        .await?;
    lose_objects(&environment, &saved, left).await?;
    save_records(&environment, &mut saved).await?;
    restore_records(&environment, &saved).await?;
    restore(&environment, &rows, &saved).await?;
    environment.restart_operator()?;
    ensure_all_back(&environment, &rows, &saved).await
}

async fn namespace_anew(bed: Arc<TestBed>, api: Api) -> Result<()> {
    let mut rows = vec![
        adopted("record-pair", true, false, Pair::Unowned),
        adopted("record-handed", true, true, Pair::Unowned).handed_over(),
    ];
    rows.extend(without_record(api));
    rows.extend([
        adopted("record", true, false, Pair::Gone).by(Remedy::Accept),
        // By the same word.
        adopted("record-status-owned", true, true, Pair::Owned),
    ]);
    let mut environment = bed.environment(resyncing("restore-adopted-anew", api)).await?;
    let mut saved = make(&environment, &rows, &json!({})).await?;
    delete_namespace(&environment).await?;
    save_records(&environment, &mut saved).await?;
    restore_records(&environment, &saved).await?;
    let spec = json!({"resyncIntervalSeconds": 10, "adoptable": listed(&rows, &saved)});
    environment.create_account(spec).await?;
    restore(&environment, &rows, &saved).await?;
    environment.restart_operator()?;
    ensure_all_back(&environment, &rows, &saved).await
}
