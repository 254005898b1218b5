//! What is compared: everything that the model says of the two servers, without the numbers that only count versions. PURE.

use std::collections::BTreeMap;

use vobiz_model::state::State;
use vobiz_model::world::{Account, Object, Record, UIDS, UserSecret};

/// Kubernetes and Vobiz, as the model tells it or as the real servers show it in the model's small numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    pub object: Option<Object>,
    pub records: [Option<Record>; UIDS],
    pub secret: Option<UserSecret>,
    /// The ones that live, by id.
    pub accounts: BTreeMap<u8, Account>,
}

impl View {
    /// As the model tells it.
    pub fn of(state: &State) -> Self {
        let living = state.vobiz.living();
        Self {
            object: state.cluster.object,
            records: state.cluster.records,
            secret: state.cluster.secret,
            accounts: living.map(|(id, account)| (id, *account)).collect(),
        }
        .comparable()
    }

    /// Without what is not stored anywhere: the count of versions, and what a proof must have seen.
    pub fn comparable(mut self) -> Self {
        if let Some(object) = &mut self.object {
            object.version = 0;
        }
        for record in self.records.iter_mut().flatten() {
            record.version = 0;
        }
        for account in self.accounts.values_mut() {
            account.due = false;
        }
        self
    }

    /// Where two of them differ; none if they agree.
    pub fn difference(&self, real: &Self) -> Option<String> {
        let differing = [
            (
                "object",
                self.object == real.object,
                format!("{:?}\n    {:?}", self.object, real.object),
            ),
            (
                "Records",
                self.records == real.records,
                format!("{:?}\n    {:?}", self.records, real.records),
            ),
            (
                "Secret",
                self.secret == real.secret,
                format!("{:?}\n    {:?}", self.secret, real.secret),
            ),
            (
                "accounts",
                self.accounts == real.accounts,
                format!("{:?}\n    {:?}", self.accounts, real.accounts),
            ),
        ];
        let lines: Vec<String> = differing
            .into_iter()
            .filter(|(_, same, _)| !same)
            .map(|(what, _, both)| format!("{what}: the model, then the real one\n    {both}"))
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}
