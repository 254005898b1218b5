//! I/O. The control API's view of the state: what a person at the console, or time, may do to it.

use std::sync::Arc;

use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::routing::{get, patch, post, put};
use axum::{Json, Router};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::control::{Control, Outcome, Refusal};
use crate::fault::merge;
use crate::mint::Minted;
use crate::state::{State, lock};
use crate::world::{Resource, ResourceKind, World};

/// The routes of this file.
pub fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/accounts", get(accounts).post(create))
        .route("/accounts/{id}", get(account).patch(change).delete(remove))
        .route("/accounts/{id}/kyc", put(set_kyc))
        .route("/accounts/{id}/cool-off", put(set_cool_off))
        .route("/accounts/{id}/resources", post(attach))
        .route("/resources", get(resources))
        .route("/parents", get(parents).post(put_parent))
        .route("/parents/{id}", patch(change_parent))
        .route("/parents/{id}/resources", post(attach_to_parent))
        .route("/secrets", get(secrets))
}

#[derive(Deserialize)]
struct Of {
    parent: Option<String>,
}

async fn accounts(Shared(state): Control, Query(of): Query<Of>) -> Json<Value> {
    let world = lock(&state.world);
    let live: Vec<_> = world.accounts(of.parent.as_deref()).collect();
    let deleted: Vec<_> = world
        .deleted
        .iter()
        .filter(|gone| {
            of.parent
                .as_ref()
                .is_none_or(|parent| *parent == gone.account.parent_auth_id)
        })
        .collect();
    Json(json!({"accounts": live, "deleted": deleted}))
}

async fn account(Shared(state): Control, Path(id): Path<String>) -> Outcome {
    lock(&state.world)
        .account(&id)
        .map(|account| Json(json!(account)))
        .ok_or_else(|| Refusal::unknown("account"))
}

/// Overwrites fields of an account without any of the API's checks.
fn overwrite(world: &mut World, id: &str, patch: &Value, touch: &Minted) -> Outcome {
    let account = world.account_mut(id).ok_or_else(|| Refusal::unknown("account"))?;
    let known = json!(account);
    let mut value = known.clone();
    let fixed = ["auth_id", "id", "parent_auth_id", "parent_id"];
    for (key, field) in patch
        .as_object()
        .ok_or_else(|| Refusal::invalid("not an object"))?
    {
        if known.get(key).is_none() || fixed.contains(&key.as_str()) {
            return Err(Refusal::invalid(format!("field {key} is unknown or fixed")));
        }
        if field.is_null() {
            value[key] = Value::Null;
        } else {
            merge(&mut value[key], field);
        }
    }
    *account = serde_json::from_value(value).map_err(Refusal::invalid)?;
    account.updated_at = touch.now;
    Ok(Json(json!(account)))
}

async fn change(Shared(state): Control, Path(id): Path<String>, Json(patch): Json<Value>) -> Outcome {
    overwrite(&mut lock(&state.world), &id, &patch, &Minted::fresh())
}

/// Accounts made at the console: `{"parent", "count"?, ...any field}`.
async fn create(
    Shared(state): Control,
    Json(mut body): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let fields = body
        .as_object_mut()
        .ok_or_else(|| Refusal::invalid("not an object"))?;
    let parent = fields
        .remove("parent")
        .and_then(|parent| parent.as_str().map(ToOwned::to_owned));
    let parent = parent.ok_or_else(|| Refusal::invalid("parent is missing"))?;
    let count = fields.remove("count").and_then(|count| count.as_u64());
    let name = fields
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or("stray")
        .to_owned();
    let mut made = Vec::new();
    let ids = lock(&state.settings).ids;
    let mut world = lock(&state.world);
    for number in 0..count.unwrap_or(1) {
        let minted = Minted::with(ids);
        let account = world
            .create(&parent, &minted)
            .ok_or_else(|| Refusal::unknown("parent"))?;
        account.by_hand = true;
        if let Err(refusal) = overwrite(&mut world, &minted.auth_id, &body, &minted) {
            world.delete(&minted.auth_id, true, minted.now);
            world.deleted.pop();
            return Err(refusal);
        }
        if let Some(account) = world.account_mut(&minted.auth_id) {
            account.name = if count.is_some() {
                format!("{name}-{number}")
            } else {
                name.clone()
            };
            made.push(json!(account));
        }
    }
    let answer = if count.is_some() {
        json!({"created": made.len()})
    } else {
        made.pop().unwrap_or_default()
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

#[derive(Deserialize)]
struct Cascade {
    #[serde(default)]
    cascade: bool,
}

async fn remove(
    Shared(state): Control,
    Path(id): Path<String>,
    Query(how): Query<Cascade>,
) -> Result<StatusCode, Refusal> {
    if lock(&state.world).delete(&id, how.cascade, Minted::fresh().now) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::unknown("account"))
    }
}

async fn set_kyc(Shared(state): Control, Path(id): Path<String>, Json(patch): Json<Value>) -> Outcome {
    overwrite(
        &mut lock(&state.world),
        &id,
        &json!({"kyc": patch}),
        &Minted::fresh(),
    )
}

#[derive(Deserialize)]
struct CoolOff {
    seconds: i64,
}

async fn set_cool_off(Shared(state): Control, Path(id): Path<String>, Json(off): Json<CoolOff>) -> Outcome {
    let mut world = lock(&state.world);
    let account = world
        .account_mut(&id)
        .ok_or_else(|| Refusal::unknown("account"))?;
    let until = Minted::fresh()
        .now
        .checked_add(SignedDuration::from_secs(off.seconds))
        .map_err(Refusal::invalid)?;
    account.cool_off_until = (off.seconds > 0).then_some(until);
    Ok(Json(json!(account)))
}

#[derive(Deserialize)]
struct Thing {
    kind: ResourceKind,
    name: String,
}

async fn attach(Shared(state): Control, Path(id): Path<String>, Json(thing): Json<Thing>) -> Outcome {
    let mut world = lock(&state.world);
    let parent = world
        .account(&id)
        .ok_or_else(|| Refusal::unknown("account"))?
        .parent_auth_id
        .clone();
    let resource = Resource {
        kind: thing.kind,
        name: thing.name,
        parent,
        account: Some(id),
    };
    world.resources.push(resource.clone());
    Ok(Json(json!(resource)))
}

async fn attach_to_parent(
    Shared(state): Control,
    Path(parent): Path<String>,
    Json(thing): Json<Thing>,
) -> Outcome {
    let mut world = lock(&state.world);
    if !world.parents.contains_key(&parent) {
        return Err(Refusal::unknown("parent"));
    }
    let resource = Resource {
        kind: thing.kind,
        name: thing.name,
        parent,
        account: None,
    };
    world.resources.push(resource.clone());
    Ok(Json(json!(resource)))
}

async fn resources(Shared(state): Control, Query(of): Query<Of>) -> Json<Value> {
    let world = lock(&state.world);
    let wanted = |resource: &&Resource| of.parent.as_ref().is_none_or(|parent| *parent == resource.parent);
    Json(json!({"resources": world.resources.iter().filter(wanted).collect::<Vec<_>>()}))
}

async fn parents(Shared(state): Control) -> Json<Value> {
    let world = lock(&state.world);
    Json(json!({"parents": world.parents.values().collect::<Vec<_>>()}))
}

#[derive(Deserialize)]
struct NewParent {
    auth_id: String,
    token: String,
}

async fn put_parent(Shared(state): Control, Json(parent): Json<NewParent>) -> (StatusCode, Json<Value>) {
    let mut world = lock(&state.world);
    world.put_parent(&parent.auth_id, &parent.token);
    (
        StatusCode::CREATED,
        Json(json!(world.parents.get(&parent.auth_id))),
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParentChange {
    token: Option<String>,
    name: Option<String>,
    enabled: Option<bool>,
}

async fn change_parent(
    Shared(state): Control,
    Path(id): Path<String>,
    Json(change): Json<ParentChange>,
) -> Outcome {
    let mut world = lock(&state.world);
    if !world.parents.contains_key(&id) {
        return Err(Refusal::unknown("parent"));
    }
    if let Some(token) = change.token {
        world.put_parent(&id, &token);
    }
    let parent = world
        .parents
        .get_mut(&id)
        .ok_or_else(|| Refusal::unknown("parent"))?;
    parent.name = change.name.unwrap_or_else(|| parent.name.clone());
    parent.enabled = change.enabled.unwrap_or(parent.enabled);
    Ok(Json(json!(parent)))
}

/// Every secret that was ever issued: what must not be found in any log.
async fn secrets(Shared(state): Control) -> Json<Value> {
    Json(json!({"secrets": lock(&state.world).issued}))
}
