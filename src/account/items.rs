//! Requests about one account, whichever of its ids the path takes. I/O.

use crate::account::access::{Access, CallError};
use crate::account::parent::addressing::Ways;
use crate::vobiz::{Address, AuthId, Client, Deletion, Error, Fields, Generation, Subaccount, Unusable};
use std::future::Future;

impl Access {
    /// Reads one account; none: Vobiz answered 404, by either of the ids that the list shows of it, which alone is no proof that it is gone.
    pub async fn get(&self, generation: Generation, id: &AuthId) -> Result<Option<Subaccount>, CallError> {
        let Ways { first, second } = self.parent.ways(id);
        match (self.read(generation, first).await, second) {
            (Ok(None), Some(second)) => self.read_aside(generation, second).await,
            (answer, _) => answer,
        }
    }

    /// Changes some fields; the answer shows the account in generation 2 only.
    pub async fn update(
        &self,
        generation: Generation,
        id: &AuthId,
        fields: &Fields,
    ) -> Result<Option<Subaccount>, CallError> {
        let Ways { first, second } = self.parent.ways(id);
        match (self.change(generation, first, fields).await, second) {
            (Err(CallError::Failed(Error::NotFound)), Some(second)) => {
                self.prove(generation, &second).await?;
                self.change(generation, second, fields).await
            }
            (answer, _) => answer,
        }
    }

    /// Deletes an account.
    pub async fn delete(
        &self,
        generation: Generation,
        id: &AuthId,
        cascade: bool,
    ) -> Result<Deletion, CallError> {
        let Ways { first, second } = self.parent.ways(id);
        match (self.remove(generation, first, cascade).await, second) {
            (Ok(Deletion::AlreadyGone), Some(second)) => match self.prove(generation, &second).await {
                Ok(()) => self.remove(generation, second, cascade).await,
                Err(CallError::Failed(Error::NotFound)) => Ok(Deletion::AlreadyGone),
                Err(error) => Err(error),
            },
            (answer, _) => answer,
        }
    }

    async fn read(&self, generation: Generation, way: Address) -> Result<Option<Subaccount>, CallError> {
        let to = &way;
        let answer = self.about(&way, "get", |client| async move {
            client.get(generation, to.clone()).await
        });
        let answer = answer.await;
        if let Ok(found) = &answer {
            self.parent.learn(&way, found.is_some());
        }
        answer
    }

    /// By the id that is not its `auth_id` somebody else's account may be found: then this one is not there.
    async fn read_aside(
        &self,
        generation: Generation,
        way: Address,
    ) -> Result<Option<Subaccount>, CallError> {
        match self.read(generation, way).await {
            Err(CallError::Failed(Error::Unusable(Unusable::DifferentAuthId))) => Ok(None),
            answer => answer,
        }
    }

    /// Nothing is changed or deleted on a way on which the account was not seen first.
    async fn prove(&self, generation: Generation, way: &Address) -> Result<(), CallError> {
        match self.read_aside(generation, way.clone()).await? {
            Some(_) => Ok(()),
            None => Err(CallError::Failed(Error::NotFound)),
        }
    }

    async fn change(
        &self,
        generation: Generation,
        way: Address,
        fields: &Fields,
    ) -> Result<Option<Subaccount>, CallError> {
        let to = &way;
        let answer = self.about(&way, "update", |client| async move {
            client.update(generation, to.clone(), fields).await
        });
        let answer = answer.await;
        match &answer {
            Ok(_) => self.parent.learn(&way, true),
            Err(CallError::Failed(Error::NotFound)) => self.parent.learn(&way, false),
            Err(_) => {}
        }
        answer
    }

    async fn remove(
        &self,
        generation: Generation,
        way: Address,
        cascade: bool,
    ) -> Result<Deletion, CallError> {
        let to = &way;
        let answer = self.about(&way, "delete", |client| async move {
            client.delete(generation, to.clone(), cascade).await
        });
        let answer = answer.await;
        // That it was accepted shows nothing: some servers answer so for whatever is not there.
        if let Ok(Deletion::AlreadyGone) = &answer {
            self.parent.learn(&way, false);
        }
        answer
    }

    /// A 403 for one account that the list does not show says nothing about the parent: no other request waits for it to be tried.
    async fn about<T, F: Future<Output = Result<T, Error>>>(
        &self,
        way: &Address,
        operation: &'static str,
        request: impl FnOnce(Client) -> F,
    ) -> Result<T, CallError> {
        let answer = self.measured(operation, request).await;
        match &answer {
            Err(CallError::Failed(Error::Forbidden { .. })) if self.is_unlisted(&way.auth_id) => {
                return Err(CallError::Elsewhere);
            }
            Err(CallError::Failed(error)) => self.raise(Some(error)),
            _ => {}
        }
        answer
    }

    fn is_unlisted(&self, id: &AuthId) -> bool {
        let roster = self.parent.roster();
        roster.is_known() && roster.get(id).is_none()
    }
}
