//! Requests to Vobiz on behalf of one Account: each passes the gate, is measured, and reports trouble. I/O.

use crate::account::parent::Parent;
use crate::controller::instrument::Metrics;
use crate::controller::wake::{Guarded, ObjectKey, Waker};
use crate::crd::Account;
use crate::vobiz::{
    AuthId, Client, Created, Credentials, Deletion, Error, Fields, Generation, Page, ParentAuthId,
    Subaccount, UnknownOutcome,
};
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a usable Account gives: a client for its parent, and everything that is shared about that parent.
#[derive(Clone)]
pub struct Access {
    /// The Account.
    pub account: ObjectKey,
    /// The parent.
    pub parent: Arc<Parent>,
    /// The API generation that the Account uses.
    pub generation: Generation,
    pub(super) client: Client,
    pub(super) metrics: Metrics,
    pub(super) accounts: Waker<Guarded<Account>>,
    pub(super) doubts: Arc<Doubts>,
}

/// What passes over Subaccounts were answered that is for their Account's own pass to look into.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    state: Mutex<HashMap<ObjectKey, Doubt>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Doubt {
    /// The pair was refused: it may have been rotated.
    pair: bool,
    /// When the balance was last too low.
    balance: Option<Instant>,
}

impl Doubts {
    /// Whether the pair was refused since the last time this was asked.
    pub(super) fn take_pair(&self, account: &ObjectKey) -> bool {
        self.lock()
            .get_mut(account)
            .is_some_and(|doubt| std::mem::take(&mut doubt.pair))
    }

    /// Whether the balance was too low within this time.
    pub(super) fn balance_within(&self, account: &ObjectKey, period: Duration) -> bool {
        self.lock()
            .get(account)
            .and_then(|doubt| doubt.balance)
            .is_some_and(|at| at.elapsed() < period)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, Doubt>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a request was not answered as hoped.
#[derive(Debug, Clone)]
pub enum CallError {
    /// Nothing was sent: the gate lets it pass after this time.
    Held(Duration),
    /// Vobiz or the way there failed.
    Failed(Error),
}

/// The gate's permit for one create request. It is taken before the Record is opened.
#[derive(Debug)]
pub struct Permit(());

impl Access {
    /// Whether an account of this parent and API generation can be reached through it.
    #[must_use]
    pub fn serves(&self, parent: &ParentAuthId, generation: Generation) -> bool {
        self.parent.id == *parent && self.generation == generation
    }

    /// Proves that it is Vobiz that answers, and this parent: a 404 says nothing while a gateway has lost its route.
    pub async fn confirm_parent(&self) -> Result<(), CallError> {
        self.call("me", |client| async move { client.me().await }).await
    }

    /// Takes the permit for one create request.
    pub fn permit(&self) -> Result<Permit, CallError> {
        self.pass().map(Permit)
    }

    /// Posts an account.
    pub async fn create(&self, _permit: Permit, generation: Generation, fields: &Fields) -> Created {
        let (client, begun) = (self.client.for_one_request(), now());
        let created = client.create(generation, fields).await;
        let error = match &created {
            Created::Committed { .. } | Created::Unknown(UnknownOutcome::UnusableAnswer(_)) => None,
            Created::NotCommitted(error) | Created::Unknown(UnknownOutcome::Unanswered(error)) => Some(error),
        };
        let success = matches!(created, Created::Committed { .. });
        self.measure("create", &client, begun, error, success);
        self.raise(error);
        created
    }

    /// Reads one account; none is the proof that it is gone, under this parent.
    pub async fn get(&self, generation: Generation, id: &AuthId) -> Result<Option<Subaccount>, CallError> {
        self.call("get", |client| async move { client.get(generation, id).await })
            .await
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

    /// Changes some fields; the answer shows the account in generation 2 only.
    pub async fn update(
        &self,
        generation: Generation,
        id: &AuthId,
        fields: &Fields,
    ) -> Result<Option<Subaccount>, CallError> {
        self.call("update", |client| async move {
            client.update(generation, id, fields).await
        })
        .await
    }

    /// Deletes an account.
    pub async fn delete(
        &self,
        generation: Generation,
        id: &AuthId,
        cascade: bool,
    ) -> Result<Deletion, CallError> {
        self.call("delete", |client| async move {
            client.delete(generation, id, cascade).await
        })
        .await
    }

    /// Asks whose pair this is.
    pub async fn whose(&self, pair: &Credentials) -> Result<Option<AuthId>, CallError> {
        match self
            .measured("me", |client| async move { client.me_as(pair).await })
            .await
        {
            Ok(id) => Ok(Some(id)),
            // The subaccount's pair is no good; that says nothing about the parent's.
            Err(CallError::Failed(Error::Unauthorized | Error::Forbidden { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A request for one Subaccount: what may be its Account's trouble is told there.
    async fn call<T, F: Future<Output = Result<T, Error>>>(
        &self,
        operation: &'static str,
        request: impl FnOnce(Client) -> F,
    ) -> Result<T, CallError> {
        let answer = self.measured(operation, request).await;
        if let Err(CallError::Failed(error)) = &answer {
            self.raise(Some(error));
        }
        answer
    }

    async fn measured<T, F: Future<Output = Result<T, Error>>>(
        &self,
        operation: &'static str,
        request: impl FnOnce(Client) -> F,
    ) -> Result<T, CallError> {
        self.pass()?;
        let (client, begun) = (self.client.for_one_request(), now());
        let answer = request(client.clone()).await;
        self.measure(operation, &client, begun, answer.as_ref().err(), answer.is_ok());
        answer.map_err(CallError::Failed)
    }

    fn pass(&self) -> Result<(), CallError> {
        self.parent.gate.try_pass().map_err(|wait| {
            self.metrics.rate_limit_wait(wait);
            CallError::Held(wait)
        })
    }

    fn measure(
        &self,
        operation: &'static str,
        client: &Client,
        begun: Instant,
        error: Option<&Error>,
        success: bool,
    ) {
        self.metrics
            .api_request(operation, client.status(), begun.elapsed());
        if success {
            self.metrics
                .api_success(&self.account.to_string(), unix_seconds());
        }
        if let Some(Error::RateLimited { retry_after }) = error {
            self.parent.gate.cool_down(*retry_after);
        }
    }

    /// Tells the Account's pass what may be its trouble and not that of one Subaccount.
    fn raise(&self, error: Option<&Error>) {
        {
            let mut doubts = self.doubts.lock();
            let doubt = doubts.entry(self.account.clone()).or_default();
            match error {
                // Whether the pair is bad, or only this request, is for that pass to find out.
                Some(Error::Unauthorized | Error::Forbidden { .. }) => doubt.pair = true,
                Some(Error::InsufficientBalance) => doubt.balance = Some(now()),
                Some(Error::RateLimited { .. }) => {}
                _ => return,
            }
        }
        self.accounts.wake(&self.account);
    }
}

#[expect(clippy::disallowed_methods, reason = "measures durations")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a metric in wall time")]
fn unix_seconds() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}
