//! Acts for one parent account at the API: one request per call, never repeated, never redirected. I/O.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};

use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response};
use secrecy::zeroize::Zeroizing;

use super::address::Address;
use super::answer::{Answer, Body};
use super::auth_id::{AuthId, ParentAuthId};
use super::create::{self, Created};
use super::decode;
use super::error::{Error, Unreachable, Unusable};
use super::failure::{interrupted, not_answered};
use super::generation::Generation;
use super::http_date::unix_seconds;
use super::object::RemoteObject;
use super::request::{self, HttpMethod, Request};
use super::subaccount::{Fields, Page, Subaccount};
use super::token::{AuthToken, Credentials, ParentCredentials};
use super::transport::{Connections, Transport};
use super::wire;
use super::{gen1, gen2};
use crate::clock::wall_clock;

/// More than this is not read of an answer about one subaccount, nor of any error.
const ITEM_CAP: usize = 1 << 20;
/// More than this is not read of one page of the list.
const PAGE_CAP: usize = 8 << 20;
/// Stands for no date: none that a server may give.
const UNDATED: i64 = i64::MIN;

/// A parent account's access to the API. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    connections: Arc<Connections>,
    credentials: Arc<ParentCredentials>,
    /// Of the last answer; 0 before there is one.
    status: Arc<AtomicU16>,
    /// When the server says that it gave the last answer, in seconds from the epoch; [`UNDATED`] if it has not said.
    date: Arc<AtomicI64>,
}

/// What became of a delete that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// 2xx. Whether it is gone, a later [`Client::get`] proves.
    Accepted,
    /// 404: the parent has no such subaccount.
    AlreadyGone,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("parent", self.parent())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that acts for one parent account.
    #[must_use]
    pub fn new(transport: &Transport, credentials: ParentCredentials) -> Self {
        Self {
            connections: Arc::clone(&transport.inner),
            credentials: Arc::new(credentials),
            status: Arc::default(),
            date: Arc::new(AtomicI64::new(UNDATED)),
        }
    }

    /// The same client for one request whose status is of interest afterwards: see [`Client::status`].
    #[must_use]
    pub fn for_one_request(&self) -> Self {
        Self {
            status: Arc::default(),
            date: Arc::new(AtomicI64::new(UNDATED)),
            ..self.clone()
        }
    }

    /// HTTP status of the last answer, whatever came of its body; none if no answer came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        Some(self.status.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }

    /// When the server says that it gave the last answer, in seconds from the epoch; none if it has not said.
    #[must_use]
    pub fn date(&self) -> Option<i64> {
        Some(self.date.load(Ordering::Relaxed)).filter(|date| *date != UNDATED)
    }

    /// The parent account this client acts for.
    #[must_use]
    pub fn parent(&self) -> &ParentAuthId {
        &self.credentials.auth_id
    }

    /// The pair this client uses: to see whether the Secret has another one by now.
    #[must_use]
    pub fn credentials(&self) -> &ParentCredentials {
        &self.credentials
    }

    /// Whether the parent's pair works (`GET auth/me`): tells a bad pair from a path of the wrong case.
    pub async fn me(&self) -> Result<(), Error> {
        let body = self
            .ask(&request::me(), ITEM_CAP)
            .await?
            .into_body(wall_clock())?;
        let account: RemoteObject = wire::parse(&body).map_err(Error::Unusable)?;
        match account.read_only.auth_id.text() {
            Some(id) if id != self.parent().as_str() => Err(Error::Unusable(Unusable::DifferentAuthId)),
            _ => Ok(()),
        }
    }

    /// The id that a subaccount's own pair answers to (`GET auth/me` with that pair).
    pub async fn me_as(&self, pair: &Credentials) -> Result<AuthId, Error> {
        let answer = self
            .exchange(pair.auth_id.as_str(), &pair.auth_token, &request::me(), ITEM_CAP)
            .await?;
        let body = answer.into_body(wall_clock())?;
        let account: RemoteObject = wire::parse(&body).map_err(Error::Unusable)?;
        account
            .into_subaccount()
            .map(|account| account.auth_id)
            .map_err(Error::Unusable)
    }

    /// One page of the list, newest first, in the largest size of the generation. Pages count from 0.
    pub async fn list(&self, generation: Generation, page: u32) -> Result<Page, Error> {
        let request = match generation {
            Generation::Gen1 => gen1::list(self.parent(), page),
            Generation::Gen2 => gen2::list(self.parent(), page),
        };
        let body = self.ask(&request, PAGE_CAP).await?.into_body(wall_clock())?;
        decode::page(generation, page, &body).map_err(Error::Unusable)
    }

    /// One subaccount; `None` when this parent has no such (404).
    pub async fn get(
        &self,
        generation: Generation,
        address: impl Into<Address>,
    ) -> Result<Option<Subaccount>, Error> {
        let Address { auth_id, in_path } = address.into();
        let request = match generation {
            Generation::Gen1 => gen1::get(self.parent(), &in_path),
            Generation::Gen2 => gen2::get(self.parent(), &in_path),
        };
        let body = match self.ask(&request, ITEM_CAP).await?.into_body(wall_clock()) {
            Err(Error::NotFound) => return Ok(None),
            answer => answer?,
        };
        decode::subaccount(generation, &auth_id, &body)
            .map(Some)
            .map_err(Error::Unusable)
    }

    /// Asks once for a new subaccount. Whatever happens, the request is never sent a second time.
    pub async fn create(&self, generation: Generation, fields: &Fields) -> Created {
        let exchange = match supported(generation, fields) {
            Ok(()) => {
                let request = match generation {
                    Generation::Gen1 => gen1::create(self.parent(), fields),
                    Generation::Gen2 => gen2::create(self.parent(), fields),
                };
                self.ask(&request, ITEM_CAP).await
            }
            Err(error) => Err(error),
        };
        create::outcome(generation, self.parent(), exchange, wall_clock())
    }

    /// Sets the fields that are `Some`. Returns the subaccount where the answer shows it: generation 1 never
    /// does.
    pub async fn update(
        &self,
        generation: Generation,
        address: impl Into<Address>,
        fields: &Fields,
    ) -> Result<Option<Subaccount>, Error> {
        supported(generation, fields)?;
        let Address { auth_id, in_path } = address.into();
        let request = match generation {
            Generation::Gen1 => gen1::update(self.parent(), &in_path, fields),
            Generation::Gen2 => gen2::update(self.parent(), &in_path, fields),
        };
        let body = self.ask(&request, ITEM_CAP).await?.into_body(wall_clock())?;
        match decode::subaccount(generation, &auth_id, &body) {
            Ok(subaccount) => Ok(Some(subaccount)),
            // Done, and nothing is said about the object.
            Err(Unusable::Empty | Unusable::NoAuthId) => Ok(None),
            Err(unusable) => Err(Error::Unusable(unusable)),
        }
    }

    /// Deletes the subaccount for good. `cascade`: its applications, endpoints and numbers too, instead of
    /// handing them back to the parent.
    pub async fn delete(
        &self,
        generation: Generation,
        address: impl Into<Address>,
        cascade: bool,
    ) -> Result<Deletion, Error> {
        let Address { in_path, .. } = address.into();
        let request = match generation {
            Generation::Gen1 => gen1::delete(self.parent(), &in_path, cascade),
            Generation::Gen2 => gen2::delete(self.parent(), &in_path, cascade),
        };
        let answer = self.ask(&request, ITEM_CAP).await?;
        if answer.is_success() {
            return Ok(Deletion::Accepted);
        }
        match answer.refusal(wall_clock()) {
            Error::NotFound => Ok(Deletion::AlreadyGone),
            refusal => Err(refusal),
        }
    }

    /// One request with the parent's pair.
    async fn ask(&self, request: &Request, cap: usize) -> Result<Answer, Error> {
        self.exchange(self.parent().as_str(), &self.credentials.auth_token, request, cap)
            .await
    }

    async fn exchange(
        &self,
        auth_id: &str,
        auth_token: &AuthToken,
        request: &Request,
        cap: usize,
    ) -> Result<Answer, Error> {
        let clients = self.connections.clients();
        let (http, method) = match request.method {
            HttpMethod::Get => (&clients.reads, Method::GET),
            HttpMethod::Post => (&clients.writes, Method::POST),
            HttpMethod::Put => (&clients.writes, Method::PUT),
            HttpMethod::Delete => (&clients.writes, Method::DELETE),
        };
        let url = self.connections.url(&request.path, request.query.as_deref());
        let mut builder = http
            .request(method, url)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header("x-auth-id", sensitive(auth_id)?)
            .header("x-auth-token", sensitive(auth_token.expose())?);
        if let Some(body) = &request.body {
            builder = builder
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body.clone());
        }
        let mut response = builder.send().await.map_err(|error| not_answered(&error))?;
        let status = response.status().as_u16();
        self.status.store(status, Ordering::Relaxed);
        let date = text(response.headers(), DATE.as_str());
        let date = date.and_then(|date| unix_seconds(&date, wall_clock()));
        self.date.store(date.unwrap_or(UNDATED), Ordering::Relaxed);
        let cap = if response.status().is_success() {
            cap
        } else {
            ITEM_CAP
        };
        let body = read_body(&mut response, cap).await;
        let headers = response.headers();
        Ok(Answer {
            status,
            retry_after: text(headers, RETRY_AFTER.as_str()),
            rate_limit_reset: text(headers, "x-ratelimit-reset"),
            body,
        })
    }
}

/// Reads chunk by chunk and stops at the cap; the rest is never received.
async fn read_body(response: &mut Response, cap: usize) -> Result<Body, Error> {
    let announced = response
        .content_length()
        .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if announced.is_some_and(|bytes| bytes > cap) {
        return Err(Error::Unusable(Unusable::TooLarge));
    }
    // In one piece where the size is known: a vector that grows leaves copies that are not wiped.
    let mut body = Zeroizing::new(Vec::with_capacity(announced.unwrap_or(0)));
    while let Some(chunk) = response.chunk().await.map_err(|error| interrupted(&error))? {
        if body.len() + chunk.len() > cap {
            return Err(Error::Unusable(Unusable::TooLarge));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn supported(generation: Generation, fields: &Fields) -> Result<(), Error> {
    let fields: Vec<_> = fields
        .unsupported_by(generation)
        .map(|field| field.name)
        .collect();
    if fields.is_empty() {
        Ok(())
    } else {
        Err(Error::Unsupported { fields })
    }
}

/// A header whose value no log of the HTTP library shows.
fn sensitive(value: &str) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::from_str(value).map_err(|_| Error::Unreachable(Unreachable::Other))?;
    header.set_sensitive(true);
    Ok(header)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
