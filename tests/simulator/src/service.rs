//! PURE. Decides every answer: who calls, may they, what happens to the state, what is said.

use serde_json::{Value, json};

use crate::mint::Minted;
use crate::path::{Operation, Route, route};
use crate::reply::{Reply, Trouble};
use crate::settings::{Envelope, Generation, Settings};
use crate::world::{Caller, World};

/// One request, read completely.
#[derive(Clone, Debug)]
pub struct Request {
    /// Upper case.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Decoded pairs.
    pub query: Vec<(String, String)>,
    /// `X-Auth-ID`.
    pub auth_id: Option<String>,
    /// `X-Auth-Token`.
    pub auth_token: Option<String>,
    /// Absent: no body. Broken JSON is an error when somebody wants it.
    pub body: Option<Result<Value, ()>>,
}

impl Request {
    /// A parameter of the query, if it is there and readable.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter of the query, if it is there and readable.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.query(name)
            .map(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// A parameter of the query, if it is there and readable.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.query(name)?.parse().ok()
    }
}

/// Answers `request` and changes `world` accordingly. Total: every request has an answer.
pub fn answer(world: &mut World, settings: &Settings, request: &Request, minted: &Minted) -> Reply {
    let call = Call {
        settings,
        request,
        minted,
    };
    let found = route(settings.api, &request.method, &request.path);
    let generation = match &found {
        Route::Call { generation, .. } => generation.unwrap_or(Generation::Gen2),
        Route::MethodNotAllowed { generation } | Route::WrongSlash { generation, .. } => *generation,
        Route::WrongPath | Route::Unknown => Generation::Gen2,
    };
    let default_envelope = match generation {
        Generation::Gen1 => Envelope::ApiId,
        Generation::Gen2 => Envelope::Documented,
    };
    let envelope = settings.envelope.unwrap_or(default_envelope);
    let reply = call.route(world, found).unwrap_or_else(|trouble| {
        // Field faults have one documented form only.
        let envelope = if trouble.details.get("errors").is_some() {
            Envelope::Documented
        } else {
            envelope
        };
        match trouble.code.as_str() {
            "COOL_OFF" => Reply::json(409, trouble.details),
            "REDIRECT" => Reply::empty(trouble.status).header("location", trouble.message),
            _ => trouble.reply(envelope, minted),
        }
    });
    match &settings.hidden_permission {
        Some(hidden) => reply.without_permission(hidden),
        None => reply,
    }
}

/// One request and what its answer may depend on apart from the state.
pub struct Call<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) request: &'a Request,
    pub(crate) minted: &'a Minted,
}

/// A refusal with the usual words of its status.
pub fn status<T>(status: u16) -> Result<T, Trouble> {
    Err(Trouble::of_status(status))
}

impl Call<'_> {
    fn route(&self, world: &mut World, found: Route) -> Result<Reply, Trouble> {
        match found {
            // Good credentials do not help on a wrong path.
            Route::WrongPath => status(self.settings.wrong_path_status),
            Route::WrongSlash { right, .. } if self.settings.wrong_slash_status != 404 => {
                Err(Trouble::new(self.settings.wrong_slash_status, "REDIRECT", &right))
            }
            Route::Unknown | Route::WrongSlash { .. } => status(404),
            Route::MethodNotAllowed { .. } => status(405),
            Route::Call {
                operation: Operation::Me,
                ..
            } => self.me(world),
            Route::Call {
                operation: Operation::KycStatus,
                id,
                ..
            } => {
                let parent = self.parent(world)?;
                let id = id.unwrap_or_default();
                let account = world
                    .account(&id)
                    .filter(|account| account.parent_auth_id == parent);
                account.map_or_else(
                    || status(404),
                    |account| Ok(Reply::json(200, account.kyc_status())),
                )
            }
            Route::Call {
                operation,
                generation,
                parent,
                id,
            } => {
                let caller = self.parent(world)?;
                if parent.as_deref() != Some(&caller) {
                    return status(404);
                }
                let generation = generation.unwrap_or(Generation::Gen2);
                let Some(segment) = id else {
                    return match operation {
                        Operation::Create => self.create(world, generation, &caller),
                        _ => Ok(self.list(world, generation, &caller)),
                    };
                };
                let Some(id) = world.named_by(&segment, self.settings.item_path) else {
                    return status(404);
                };
                match world.account(&id) {
                    None => return status(404),
                    Some(account) if account.parent_auth_id != caller => {
                        return status(self.settings.foreign_status);
                    }
                    Some(_) => {}
                }
                match operation {
                    Operation::Update => self.update(world, generation, &id),
                    Operation::Delete => self.delete(world, generation, &id),
                    _ => Self::get(world, generation, &id),
                }
            }
        }
    }

    fn caller(&self, world: &World) -> Result<Caller, Trouble> {
        let (Some(auth_id), Some(token)) = (&self.request.auth_id, &self.request.auth_token) else {
            return status(401);
        };
        let Some(caller) = world.authenticate(auth_id, token) else {
            return status(401);
        };
        let enabled = match &caller {
            Caller::Parent(id) => world.parents.get(id).is_some_and(|parent| parent.enabled),
            Caller::Account(id) => world.account(id).is_some_and(|account| account.enabled),
        };
        if enabled {
            Ok(caller)
        } else {
            Err(Trouble::new(403, "ACCOUNT_INACTIVE", "Account is inactive"))
        }
    }

    fn parent(&self, world: &World) -> Result<String, Trouble> {
        match self.caller(world)? {
            Caller::Parent(id) => Ok(id),
            Caller::Account(_) => status(403),
        }
    }

    fn me(&self, world: &mut World) -> Result<Reply, Trouble> {
        let me = |auth_id: &str, id: &str, name: &str, kind: &str, parent: Option<&str>| {
            json!({"auth_id": auth_id, "id": id, "name": name, "account_type": kind,
                   "parent_auth_id": parent, "enabled": true, "is_active": true})
        };
        let body = match self.caller(world)? {
            Caller::Parent(id) => {
                let Some(parent) = world.parents.get(&id) else {
                    return status(401);
                };
                me(&id, &parent.id.to_string(), &parent.name, "account", None)
            }
            Caller::Account(id) => {
                let Some(account) = world.account_mut(&id) else {
                    return status(401);
                };
                account.last_used = Some(self.minted.now);
                me(
                    &id,
                    &account.id,
                    &account.name,
                    "sub_account",
                    Some(&account.parent_auth_id),
                )
            }
        };
        Ok(Reply::json(200, body))
    }
}
