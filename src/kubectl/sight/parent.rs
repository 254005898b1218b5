//! What one parent account shows of its subaccounts. I/O: one request each, or one for each page of the list.

use std::collections::HashMap;

use crate::account::parent::listing::{Flaw, Listing, Progress};
use crate::kubectl::failure::Failure;
use crate::vobiz::{AuthId, Client, Credentials, Error, Generation, Page, ParentAuthId, Subaccount};

/// The way to one parent account, with what was asked already.
pub struct Parent {
    client: Client,
    /// The generation of the API that is asked.
    pub generation: Generation,
    list: Option<HashMap<AuthId, Subaccount>>,
    asked: HashMap<AuthId, Option<Subaccount>>,
    /// Requests made so far.
    pub requests: u32,
}

impl Parent {
    /// Whom the client acts for.
    #[must_use]
    pub fn new(client: Client, generation: Generation) -> Self {
        Self {
            client,
            generation,
            list: None,
            asked: HashMap::new(),
            requests: 0,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &ParentAuthId {
        self.client.parent()
    }

    /// The account; none if Vobiz has none of that id. A 404 for it alone is no proof: a list tells.
    pub async fn account(&mut self, id: &AuthId) -> Result<Option<Subaccount>, Failure> {
        if let Some(list) = &self.list {
            return Ok(list.get(id).cloned());
        }
        if let Some(known) = self.asked.get(id) {
            return Ok(known.clone());
        }
        self.requests += 1;
        let found = self.client.get(self.generation, id).await;
        let found = match found.map_err(|error| self.failure(&error))? {
            Some(account) => Some(account),
            None => self.all().await?.get(id).cloned(),
        };
        self.asked.insert(id.clone(), found.clone());
        Ok(found)
    }

    /// Every account, for whoever asks nothing else.
    pub async fn into_all(mut self) -> Result<HashMap<AuthId, Subaccount>, Failure> {
        self.all().await?;
        Ok(self.list.unwrap_or_default())
    }

    /// Every account: the list is read once.
    pub async fn all(&mut self) -> Result<&HashMap<AuthId, Subaccount>, Failure> {
        self.all_by_page(|_| ()).await
    }

    /// The same; `each` is shown one page after the other.
    pub async fn all_by_page(
        &mut self,
        each: impl FnMut(&Page),
    ) -> Result<&HashMap<AuthId, Subaccount>, Failure> {
        if self.list.is_none() {
            let listed = self.read(each).await?;
            let by_id = listed
                .into_iter()
                .map(|account| (account.auth_id.clone(), account));
            self.list = Some(by_id.collect());
        }
        Ok(self.list.get_or_insert_default())
    }

    async fn read(&mut self, mut each: impl FnMut(&Page)) -> Result<Vec<Subaccount>, Failure> {
        let mut listing = Listing::default();
        for number in 0..u32::MAX {
            self.requests += 1;
            let page = self.client.list(self.generation, number).await;
            let page = page.map_err(|error| self.failure(&error))?;
            each(&page);
            match listing.add(page) {
                Progress::More => {}
                Progress::Complete(listed) => return Ok(listed),
                Progress::Failed(flaw) => return Err(self.flawed(flaw)),
            }
        }
        Err(self.flawed(Flaw::ENDLESS))
    }

    /// Whether the pair works: the account that answers to it.
    pub async fn whose(&mut self, pair: &Credentials) -> Result<Option<AuthId>, Failure> {
        self.requests += 1;
        match self.client.me_as(pair).await {
            Ok(id) => Ok(Some(id)),
            Err(Error::Unauthorized | Error::Forbidden { .. }) => Ok(None),
            Err(error) => Err(self.failure(&error)),
        }
    }

    fn failure(&self, error: &Error) -> Failure {
        Failure::of_vobiz(format!("parent account {}", self.id()), error)
    }

    fn flawed(&self, flaw: Flaw) -> Failure {
        const AGAIN: &str = "try again; if it goes on, look whether a gateway before Vobiz drops the query";
        let (cause, remedy) = match flaw {
            Flaw::Incomplete => ("the pages of its list do not join".to_owned(), AGAIN),
            Flaw::Repeating => (
                "page after page of its list shows the same accounts".to_owned(),
                AGAIN,
            ),
            Flaw::Endless(entries) => (
                format!("there is no end of its list after {entries} entries"),
                "if there really are more subaccounts, divide them among parent accounts",
            ),
        };
        Failure::new(format!("parent account {}", self.id()), cause, remedy)
    }
}
