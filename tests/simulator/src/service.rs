//! PURE. Decides every answer: who calls, may they, what happens to the state, what is said.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::account::microseconds;
use crate::fields::{Fields, Refused};
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
    fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.query(name)
            .map(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    fn number(&self, name: &str) -> Option<usize> {
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
    call.route(world, found).unwrap_or_else(|trouble| {
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
    })
}

struct Call<'a> {
    settings: &'a Settings,
    request: &'a Request,
    minted: &'a Minted,
}

fn status<T>(status: u16) -> Result<T, Trouble> {
    Err(Trouble::of_status(status))
}

impl Call<'_> {
    fn route(&self, world: &mut World, found: Route) -> Result<Reply, Trouble> {
        match found {
            Route::Unknown => status(404),
            // Good credentials do not help on a wrong path.
            Route::WrongPath => status(self.settings.wrong_path_status),
            Route::WrongSlash { right, .. } if self.settings.wrong_slash_status != 404 => {
                Err(Trouble::new(self.settings.wrong_slash_status, "REDIRECT", &right))
            }
            Route::WrongSlash { .. } => status(404),
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
                let Some(id) = id else {
                    return match operation {
                        Operation::Create => self.create(world, generation, &caller),
                        _ => Ok(self.list(world, generation, &caller)),
                    };
                };
                if world
                    .account(&id)
                    .is_none_or(|account| account.parent_auth_id != caller)
                {
                    return status(404);
                }
                match operation {
                    Operation::Update => self.update(world, generation, &id),
                    Operation::Delete => self.delete(world, generation, &id),
                    _ => self.get(world, generation, &id),
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
        let me = |auth_id: &str, id: u64, name: &str, kind: &str, parent: Option<&str>| {
            json!({"auth_id": auth_id, "id": id.to_string(), "name": name, "account_type": kind,
                   "parent_auth_id": parent, "enabled": true, "is_active": true})
        };
        let body = match self.caller(world)? {
            Caller::Parent(id) => {
                let Some(parent) = world.parents.get(&id) else {
                    return status(401);
                };
                me(&id, parent.id, &parent.name, "account", None)
            }
            Caller::Account(id) => {
                let Some(account) = world.account_mut(&id) else {
                    return status(401);
                };
                account.last_used = Some(self.minted.now);
                me(
                    &id,
                    account.id,
                    &account.name,
                    "sub_account",
                    Some(&account.parent_auth_id),
                )
            }
        };
        Ok(Reply::json(200, body))
    }

    fn fields(&self, generation: Generation, creating: bool) -> Result<Fields, Trouble> {
        match &self.request.body {
            Some(Ok(body)) => {
                Fields::read(generation, body, creating, self.settings).map_err(|why| refused(&why))
            }
            Some(Err(())) => Err(Trouble::new(400, "INVALID_JSON", "Body is not valid JSON")),
            None => {
                Fields::read(generation, &json!({}), creating, self.settings).map_err(|why| refused(&why))
            }
        }
    }

    fn create(&self, world: &mut World, generation: Generation, parent: &str) -> Result<Reply, Trouble> {
        let fields = self.fields(generation, true)?;
        fields.check_email(None).map_err(|why| refused(&why))?;
        let minted = self.minted;
        let Some(account) = world.create(parent, minted) else {
            return status(404);
        };
        fields.apply(account);
        let reply = match generation {
            Generation::Gen1 => Reply::json(
                201,
                json!({"api_id": minted.api_id, "auth_id": account.auth_id, "auth_token": account.auth_token,
                       "message": "created"}),
            ),
            Generation::Gen2 => {
                let body = json!({
                    "message": "Sub-account created successfully",
                    "sub_account": account.gen2_in_clear(),
                    "auth_credentials": {"auth_id": account.auth_id, "auth_token": account.auth_token},
                    "tokens": {"access_token": minted.access_token, "refresh_token": minted.refresh_token,
                               "token_type": "bearer", "expires_in": 1800},
                });
                world
                    .issued
                    .extend([minted.access_token.clone(), minted.refresh_token.clone()]);
                Reply::json(self.settings.gen2_create_status, body)
            }
        };
        Ok(reply.committed())
    }

    fn get(&self, world: &World, generation: Generation, id: &str) -> Result<Reply, Trouble> {
        let Some(account) = world.account(id) else {
            return status(404);
        };
        let body = match generation {
            Generation::Gen1 => account.gen1(),
            Generation::Gen2 => account.gen2(),
        };
        Ok(Reply::json(200, body))
    }

    fn list(&self, world: &World, generation: Generation, parent: &str) -> Reply {
        let Self {
            settings,
            request,
            minted,
        } = self;
        let (standard, largest, size_name) = match generation {
            Generation::Gen1 => (20, 20, "limit"),
            Generation::Gen2 => (25, 100, "size"),
        };
        let asked = request
            .number(size_name)
            .filter(|size| *size > 0)
            .unwrap_or(standard)
            .min(largest);
        let size = settings.list_page_size.unwrap_or(asked);
        match generation {
            Generation::Gen1 => {
                let offset = request.number("offset").unwrap_or(0);
                let page = world.page(parent, offset, size, false, settings, minted.now);
                let path =
                    |offset: usize| format!("/v1/Account/{parent}/Subaccount/?limit={size}&offset={offset}");
                let next = (offset.saturating_add(size) < page.total).then(|| path(offset + size));
                let previous = (offset > 0).then(|| path(offset.saturating_sub(size)));
                let objects: Vec<Value> = page.items.iter().map(|account| account.gen1()).collect();
                Reply::json(
                    200,
                    json!({"api_id": minted.api_id,
                           "meta": {"limit": size, "offset": offset, "next": next, "previous": previous,
                                    "total_count": page.total},
                           "objects": objects}),
                )
            }
            Generation::Gen2 => {
                let number = request.number("page").filter(|page| *page > 0).unwrap_or(1);
                let active_only = request
                    .flag("active_only")
                    .unwrap_or(settings.active_only_default);
                let offset = (number - 1).saturating_mul(size);
                let page = world.page(parent, offset, size, active_only, settings, minted.now);
                let items: Vec<Value> = page.items.iter().map(|account| account.gen2()).collect();
                Reply::json(
                    200,
                    json!({"sub_accounts": items, "total": page.total, "page": number, "size": size}),
                )
            }
        }
    }

    fn update(&self, world: &mut World, generation: Generation, id: &str) -> Result<Reply, Trouble> {
        let fields = self.fields(generation, false)?;
        let Some(account) = world.account_mut(id) else {
            return status(404);
        };
        fields.check_email(Some(account)).map_err(|why| refused(&why))?;
        fields.apply(account);
        account.updated_at = self.minted.now;
        let reply = match generation {
            Generation::Gen1 => Reply::json(202, json!({"api_id": self.minted.api_id, "message": "changed"})),
            Generation::Gen2 => Reply::json(200, account.gen2()),
        };
        Ok(reply.committed())
    }

    fn delete(&self, world: &mut World, generation: Generation, id: &str) -> Result<Reply, Trouble> {
        let now = self.minted.now;
        if let Some(until) = world.account(id).and_then(|account| account.cool_off_until)
            && until > now
        {
            return Err(cool_off(until, until.duration_since(now)));
        }
        let cascade = match generation {
            Generation::Gen1 => self.request.flag("cascade").unwrap_or(false),
            Generation::Gen2 => match &self.request.body {
                Some(Ok(body)) => body.get("cascade").and_then(Value::as_bool).unwrap_or(false),
                _ => false,
            },
        };
        world.delete(id, cascade, now);
        let reply = match generation {
            Generation::Gen2 if self.settings.gen2_delete_status != 204 => Reply::json(
                self.settings.gen2_delete_status,
                json!({"message": "Sub-account deleted successfully"}),
            ),
            _ => Reply::empty(204),
        };
        Ok(reply.committed())
    }
}

fn refused(why: &Refused) -> Trouble {
    match why {
        Refused::Invalid(errors) => Trouble {
            details: json!({"errors": errors}),
            ..Trouble::of_status(422)
        },
        Refused::EmailNeeded => {
            let error = json!({"field": "email", "message": "is required for customer_use", "code": "REQUIRED", "value": null});
            Trouble {
                details: json!({"errors": [error]}),
                ..Trouble::of_status(400)
            }
        }
    }
}

fn cool_off(until: Timestamp, remaining: SignedDuration) -> Trouble {
    let until = microseconds(until);
    let whole_second = format!("{}Z", until.split('.').next().unwrap_or(&until));
    let details = json!({"error": "did_cool_off_in_effect", "cool_off_until": whole_second,
                         "cool_off_remaining_seconds": remaining.as_secs().max(1)});
    Trouble {
        details,
        ..Trouble::new(409, "COOL_OFF", "A number is in its cool-off period")
    }
}
