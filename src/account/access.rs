//! Requests to Vobiz on behalf of one Account: each passes the gate, is measured, and reports trouble. I/O.

use crate::account::key::AccountKey;
use crate::account::parent::Parent;
use crate::account::parent::bucket::Ticket;
use crate::account::parent::gate::{Gate, Heard, Held, Passed};
use crate::account::parent::queue::{Class, Turn};
use crate::account::store::doubts::Doubts;
use crate::account::waker::AccountWaker;
use crate::clock::{now, wall_clock};
use crate::metrics::Metrics;
use crate::vobiz::{
    AuthId, Client, Created, Credentials, Error, Fields, Generation, Page, ParentAuthId, UnknownOutcome,
};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tracing::Instrument as _;
use tracing::field::Empty;

/// What a usable Account gives: a client for its parent, and everything that is shared about that parent.
#[derive(Clone)]
pub struct Access {
    /// The Account.
    pub account: AccountKey,
    /// The parent.
    pub parent: Arc<Parent>,
    /// The API generation that the Account uses.
    pub generation: Generation,
    pub(super) client: Client,
    /// Whose pass it is; none for the Account's own.
    pub(super) caller: Option<Caller>,
    pub(super) metrics: Metrics,
    pub(super) wake_account: AccountWaker,
    pub(super) doubts: Arc<Doubts>,
}

/// The pass that requests are made for.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Its place in the queue, should it have to wait.
    pub turn: Turn,
    /// It was let through once: what it does further is the rest of what it began, and waits in place.
    begun: Arc<AtomicBool>,
}

impl Caller {
    /// A pass that has made no request yet.
    #[must_use]
    pub fn new(turn: Turn) -> Self {
        Self {
            turn,
            begun: Arc::default(),
        }
    }

    /// The same pass, now known to be about something else.
    #[must_use]
    pub fn with_class(&self, class: Class) -> Self {
        let mut caller = self.clone();
        caller.turn.class = class;
        caller
    }
}

/// Why a request was not answered as hoped.
#[derive(Debug, Clone)]
pub enum CallError {
    /// Nothing was sent: the gate wakes the caller when its permit is there.
    Held,
    /// Vobiz refuses the account (403), and the newest list does not show it: it belongs to another main account.
    Elsewhere,
    /// Vobiz or the way there failed.
    Failed(Error),
}

/// The gate's permit for one create request. It is taken before the Record is opened.
#[derive(Debug)]
pub struct Permit {
    ticket: Ticket,
    unused: Option<Arc<Gate>>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(gate) = &self.unused {
            gate.give_back(self.ticket);
        }
    }
}

impl Access {
    /// The same way, taken for a pass over an object or a Record.
    #[must_use]
    pub fn on_behalf_of(mut self, caller: Caller) -> Self {
        self.caller = Some(caller);
        self
    }

    /// Whether an account of this parent can be reached through it: the same accounts have the same ids in each generation of the API.
    #[must_use]
    pub fn serves(&self, parent: &ParentAuthId) -> bool {
        self.parent.id == *parent
    }

    /// Takes the permit for one create request.
    pub async fn permit(&self) -> Result<Permit, CallError> {
        Ok(Permit {
            ticket: self.pass().await?,
            unused: Some(Arc::clone(&self.parent.gate)),
        })
    }

    /// A permit is good until Vobiz asks for a pause: then the pass ends, and begins anew when there is another one. To wait
    /// for it in place could take longer than a Record that was just read may be relied on.
    pub fn renew(&self, permit: Permit) -> Result<Permit, CallError> {
        if self.parent.gate.honours(permit.ticket) {
            return Ok(permit);
        }
        if let Some(caller) = &self.caller {
            self.parent.gate.line_up(&caller.turn);
        }
        Err(CallError::Held)
    }

    /// Posts an account.
    pub async fn create(&self, mut permit: Permit, generation: Generation, fields: &Fields) -> Created {
        permit.unused = None;
        let (client, begun) = (self.client.for_one_request(), now());
        let created = traced("create", &client, client.create(generation, fields)).await;
        let error = match &created {
            Created::Committed { .. } | Created::Unknown(UnknownOutcome::UnusableAnswer(_)) => None,
            Created::NotCommitted(error) | Created::Unknown(UnknownOutcome::Unanswered(error)) => Some(error),
        };
        let success = matches!(created, Created::Committed { .. });
        self.measure("create", &client, begun, heard(error), permit.ticket);
        if success {
            self.succeeded();
        }
        self.raise(error);
        created
    }

    /// Reads one page of the list, for the Account's own pass.
    pub(super) async fn list(&self, page: u32) -> Result<Page, CallError> {
        self.measured("list", |client| async move {
            client.list(self.generation, page).await
        })
        .await
    }

    /// Asks whether the parent's pair works, for the Account's own pass.
    pub(super) async fn check(&self) -> Result<(), CallError> {
        self.measured("me", |client| async move { client.me().await })
            .await
    }

    /// Asks whose pair this is.
    pub async fn whose(&self, pair: &Credentials) -> Result<Option<AuthId>, CallError> {
        match self
            .sent("me", heard_of_another, |client| async move {
                client.me_as(pair).await
            })
            .await
        {
            Ok(id) => Ok(Some(id)),
            // The subaccount's pair is no good; that says nothing about the parent's.
            Err(CallError::Failed(Error::Unauthorized | Error::Forbidden { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn measured<T, F: Future<Output = Result<T, Error>>>(
        &self,
        operation: &'static str,
        request: impl FnOnce(Client) -> F,
    ) -> Result<T, CallError> {
        self.sent(operation, heard, request).await
    }

    /// `hears`: what the gate is told of the answer.
    async fn sent<T, F: Future<Output = Result<T, Error>>>(
        &self,
        operation: &'static str,
        hears: fn(Option<&Error>) -> Heard,
        request: impl FnOnce(Client) -> F,
    ) -> Result<T, CallError> {
        let ticket = self.pass().await?;
        let (client, begun) = (self.client.for_one_request(), now());
        let answer = traced(operation, &client, request(client.clone())).await;
        self.measure(operation, &client, begun, hears(answer.as_ref().err()), ticket);
        if answer.is_ok() {
            self.succeeded();
        }
        answer.map_err(CallError::Failed)
    }

    async fn pass(&self) -> Result<Ticket, CallError> {
        let gate = &self.parent.gate;
        let passed = match &self.caller {
            None => gate.pass(Class::Sweep).await,
            Some(caller) if caller.begun.load(Ordering::Relaxed) => {
                let passed = gate.pass(Class::Underway).await;
                passed.or_else(|Held| gate.try_pass(&caller.turn))
            }
            Some(caller) => gate.try_pass(&caller.turn),
        };
        let Passed { waited, ticket } = passed.map_err(|Held| CallError::Held)?;
        if let Some(caller) = &self.caller {
            caller.begun.store(true, Ordering::Relaxed);
        }
        if !waited.is_zero() {
            self.metrics.rate_limit_wait(waited);
        }
        Ok(ticket)
    }

    fn measure(
        &self,
        operation: &'static str,
        client: &Client,
        begun: Instant,
        heard: Heard,
        ticket: Ticket,
    ) {
        self.metrics
            .api_request(operation, client.status(), now().duration_since(begun));
        let limit = self.parent.gate.limit().requests_per_second.get();
        self.metrics.account_request(&self.account.to_string(), limit);
        if self.parent.gate.hear(heard, ticket) && self.caller.is_some() {
            self.doubt_parent();
        }
    }

    fn succeeded(&self) {
        self.metrics.api_success(
            &self.account.to_string(),
            wall_clock().as_duration().as_secs_f64(),
        );
    }

    /// Nothing more is sent for Subaccounts until the Account's pass has found out whether the parent works.
    fn doubt_parent(&self) {
        self.parent.gate.suspend();
        self.doubts.doubt_pair(&self.account);
        self.wake_account.wake(&self.account);
    }

    /// Tells the Account's pass what may be its trouble and not that of one Subaccount.
    pub(super) fn raise(&self, error: Option<&Error>) {
        match error {
            // Whether the pair is bad, or only this request, is for that pass to find out.
            Some(Error::Unauthorized | Error::Forbidden { .. }) => self.doubt_parent(),
            Some(Error::InsufficientBalance) => {
                self.doubts.doubt_balance(&self.account);
                self.wake_account.wake(&self.account);
            }
            Some(Error::RateLimited { .. }) => self.wake_account.wake(&self.account),
            _ => {}
        }
    }
}

/// Makes the one request of `client` in a span of its own. It tells what is done and how it was answered: no id and no value.
async fn traced<T>(operation: &'static str, client: &Client, request: impl Future<Output = T>) -> T {
    let span = tracing::info_span!(
        "request",
        otel.name = %format_args!("Vobiz {operation}"),
        otel.kind = "client",
        otel.status_code = Empty,
        operation,
        http.response.status_code = Empty,
    );
    let answer = request.instrument(span.clone()).await;
    let status = client.status();
    span.record("http.response.status_code", status.map(i64::from));
    if status.is_none_or(|status| status >= 400) {
        span.record("otel.status_code", "ERROR");
    }
    answer
}

/// What the gate is told of the answer to a request with the parent's own pair.
fn heard(error: Option<&Error>) -> Heard {
    match error {
        Some(Error::RateLimited { retry_after }) => Heard::TooMany(*retry_after),
        Some(Error::Server { .. } | Error::Unreachable(_) | Error::Interrupted(_)) => Heard::Failure,
        _ => Heard::Answer,
    }
}

/// Of one with another pair, which may be a tenant's who spends its requests elsewhere: a pause that is asked of that one is not the
/// parent's. If it is, the parent's own next request is told so too.
fn heard_of_another(error: Option<&Error>) -> Heard {
    match heard(error) {
        Heard::TooMany(_) => Heard::Answer,
        heard => heard,
    }
}
