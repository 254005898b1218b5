//! Generation 2 on the wire, `sub-accounts` (Vobiz API documentation): the requests to send and what their
//! answers say. PURE.

use serde::Deserialize;

use super::auth_id::{AuthId, ParentAuthId};
use super::error::Unusable;
use super::generation::Generation;
use super::object::{Entries, RemoteObject, ShownPair};
use super::request::{DeleteBody, HttpMethod, Request};
use super::subaccount::{Fields, Page, Subaccount};
use super::wire::{self, Keyed, Scalar};

/// The largest `size` known to work.
const PAGE_SIZE: u64 = Generation::Gen2.page_size();

fn collection(parent: &ParentAuthId) -> String {
    format!("api/v1/accounts/{parent}/sub-accounts/")
}

/// Unlike the collection's and generation 1's, this path has no slash at its end.
fn item(parent: &ParentAuthId, id: &AuthId) -> String {
    format!("api/v1/accounts/{parent}/sub-accounts/{id}")
}

pub(super) fn list(parent: &ParentAuthId, page: u32) -> Request {
    let number = u64::from(page) + 1;
    // What the API takes `active_only` for when it is left out is undocumented; disabled ones must be listed.
    Request::new(HttpMethod::Get, collection(parent))
        .query(format!("page={number}&size={PAGE_SIZE}&active_only=false"))
}

pub(super) fn get(parent: &ParentAuthId, id: &AuthId) -> Request {
    Request::new(HttpMethod::Get, item(parent, id))
}

pub(super) fn create(parent: &ParentAuthId, fields: &Fields) -> Request {
    Request::new(HttpMethod::Post, collection(parent)).json(fields)
}

pub(super) fn update(parent: &ParentAuthId, id: &AuthId, fields: &Fields) -> Request {
    Request::new(HttpMethod::Put, item(parent, id)).json(fields)
}

pub(super) fn delete(parent: &ParentAuthId, id: &AuthId, cascade: bool) -> Request {
    let request = Request::new(HttpMethod::Delete, item(parent, id));
    // The operation's own documentation has no body; only the deviation from the default needs one.
    if cascade {
        request.json(&DeleteBody { cascade })
    } else {
        request
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CreateAnswer {
    auth_id: Scalar,
    auth_token: Scalar,
    sub_account: Keyed<RemoteObject>,
    auth_credentials: Keyed<Pair>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pair {
    auth_id: Scalar,
    auth_token: Scalar,
}

/// Everywhere the answer to a create shows the pair or a part of it, and the object.
pub(super) fn created(body: &[u8]) -> Result<(Vec<ShownPair>, Option<RemoteObject>), Unusable> {
    let answer: CreateAnswer = wire::parse(body)?;
    let mut places = vec![ShownPair {
        auth_id: answer.auth_id,
        auth_token: answer.auth_token,
    }];
    if let Some(Pair { auth_id, auth_token }) = answer.auth_credentials.0 {
        places.push(ShownPair { auth_id, auth_token });
    }
    let mut object = answer.sub_account.0;
    if let Some(object) = &mut object {
        let auth_id = std::mem::take(&mut object.read_only.auth_id);
        let auth_token = std::mem::take(&mut object.read_only.auth_token);
        places.push(ShownPair { auth_id, auth_token });
    }
    Ok((places, object))
}

pub(super) fn subaccount(body: &[u8]) -> Result<Subaccount, Unusable> {
    wire::parse::<RemoteObject>(body)?.into_subaccount()
}

#[derive(Deserialize)]
struct List {
    sub_accounts: Entries,
    #[serde(default)]
    total: Scalar,
    #[serde(default)]
    page: Scalar,
    #[serde(default)]
    size: Scalar,
}

/// `page` is the number that [`list`] was given.
pub(super) fn page(body: &[u8], page: u32) -> Result<Page, Unusable> {
    let list: List = wire::parse(body)?;
    let number = list.page.count().unwrap_or(u64::from(page) + 1);
    let size = list.size.count().unwrap_or(PAGE_SIZE);
    let before = number.saturating_sub(1).saturating_mul(size);
    Ok(list.sub_accounts.into_page(before, list.total.count()))
}
