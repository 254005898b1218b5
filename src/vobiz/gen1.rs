//! Generation 1 on the wire, `Subaccount` (Vobiz API documentation): the requests to send and what their
//! answers say. PURE.

use serde::Deserialize;

use super::auth_id::{AuthId, ParentAuthId};
use super::error::Unusable;
use super::generation::Generation;
use super::object::{Entries, RemoteObject, ShownPair};
use super::request::{DeleteBody, HttpMethod, Request};
use super::subaccount::{Fields, Page, Subaccount};
use super::wire::{self, Keyed, Scalar};

/// The largest `limit` that the API takes.
const PAGE_SIZE: u64 = Generation::Gen1.page_size();

fn collection(parent: &ParentAuthId) -> String {
    format!("api/v1/Account/{parent}/Subaccount/")
}

fn item(parent: &ParentAuthId, id: &AuthId) -> String {
    format!("api/v1/Account/{parent}/Subaccount/{id}/")
}

pub(super) fn list(parent: &ParentAuthId, page: u32) -> Request {
    let offset = u64::from(page) * PAGE_SIZE;
    Request::new(HttpMethod::Get, collection(parent)).query(format!("limit={PAGE_SIZE}&offset={offset}"))
}

pub(super) fn get(parent: &ParentAuthId, id: &AuthId) -> Request {
    Request::new(HttpMethod::Get, item(parent, id))
}

pub(super) fn create(parent: &ParentAuthId, fields: &Fields) -> Request {
    Request::new(HttpMethod::Post, collection(parent)).json(fields)
}

pub(super) fn update(parent: &ParentAuthId, id: &AuthId, fields: &Fields) -> Request {
    Request::new(HttpMethod::Post, item(parent, id)).json(fields)
}

/// `cascade` goes both ways: the documentation shows a query parameter, the clients of this API's shape, the vendor's own among
/// them, send it in a JSON body, and a server that looks only where it was not put would hand the numbers back without a word.
///
/// A body of a DELETE has no meaning of its own in HTTP (RFC 9110, 9.3.5), and a gateway may refuse a request for it. So there
/// is one only where it says what is not the default, and it is announced with its length, not sent in chunks. What is refused is
/// an error like any other: it is told and tried again, and never sent with half of the wish.
pub(super) fn delete(parent: &ParentAuthId, id: &AuthId, cascade: bool) -> Request {
    let request = Request::new(HttpMethod::Delete, item(parent, id));
    // false is the documented default.
    if cascade {
        request
            .query("cascade=true".to_owned())
            .json(&DeleteBody { cascade })
    } else {
        request
    }
}

/// Where the answer to a create shows the pair. It has no object.
pub(super) fn created(body: &[u8]) -> Result<(Vec<ShownPair>, Option<RemoteObject>), Unusable> {
    let object: RemoteObject = wire::parse(body)?;
    Ok((
        vec![ShownPair {
            auth_id: object.read_only.auth_id,
            auth_token: object.read_only.auth_token,
        }],
        None,
    ))
}

pub(super) fn subaccount(body: &[u8]) -> Result<Subaccount, Unusable> {
    wire::parse::<RemoteObject>(body)?.into_subaccount()
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    meta: Keyed<Meta>,
    objects: Entries,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    offset: Scalar,
    total_count: Scalar,
}

/// `page` is the number that [`list`] was given.
pub(super) fn page(body: &[u8], page: u32) -> Result<Page, Unusable> {
    let List { meta, objects } = wire::parse(body)?;
    let meta = meta.0.unwrap_or_default();
    let before = meta.offset.count().unwrap_or(u64::from(page) * PAGE_SIZE);
    Ok(objects.into_page(before, meta.total_count.count()))
}
