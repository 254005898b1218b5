//! PURE. The five operations on subaccounts, once the caller is known and allowed.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::account::microseconds;
use crate::fields::{Fields, Refused};
use crate::reply::{Reply, Trouble};
use crate::service::{Call, status};
use crate::settings::{Cascade, Generation};
use crate::world::World;

impl Call<'_> {
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

    /// `create` in either generation.
    pub fn create(&self, world: &mut World, generation: Generation, parent: &str) -> Result<Reply, Trouble> {
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

    /// `get` in either generation.
    pub fn get(world: &World, generation: Generation, id: &str) -> Result<Reply, Trouble> {
        let Some(account) = world.account(id) else {
            return status(404);
        };
        let body = match generation {
            Generation::Gen1 => account.gen1(),
            Generation::Gen2 => account.gen2(),
        };
        Ok(Reply::json(200, body))
    }

    /// `list` in either generation.
    pub fn list(&self, world: &World, generation: Generation, parent: &str) -> Reply {
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
        let place = |name: &str| request.number(name).filter(|_| !settings.list_ignores_page);
        match generation {
            Generation::Gen1 => {
                let offset = place("offset").unwrap_or(0);
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
                let number = place("page").filter(|page| *page > 0).unwrap_or(1);
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

    /// `update` in either generation.
    pub fn update(&self, world: &mut World, generation: Generation, id: &str) -> Result<Reply, Trouble> {
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

    /// `delete` in either generation.
    pub fn delete(&self, world: &mut World, generation: Generation, id: &str) -> Result<Reply, Trouble> {
        let now = self.minted.now;
        if let Some(until) = world.account(id).and_then(|account| account.cool_off_until)
            && until > now
        {
            return Err(cool_off(until, until.duration_since(now)));
        }
        let in_query = self.request.flag("cascade").unwrap_or(false);
        let in_body = match &self.request.body {
            Some(Ok(body)) => body.get("cascade").and_then(Value::as_bool).unwrap_or(false),
            _ => false,
        };
        let cascade = match (generation, self.settings.gen1_cascade) {
            (Generation::Gen1, Cascade::Either) => in_query || in_body,
            (Generation::Gen1, Cascade::Query) => in_query,
            (Generation::Gen1, Cascade::Body) | (Generation::Gen2, _) => in_body,
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
