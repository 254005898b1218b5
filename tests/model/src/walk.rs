//! A list that is read page by page while accounts come and go: does the rule that calls two lists complete ever miss an
//! account that was there all the time? PURE.

use stateright::{Checker as _, Model, Property};
use vobiz_protocol::judge::misses_nothing;

/// Accounts of a page.
const PAGE: usize = 2;
/// Accounts that there ever are.
const ACCOUNTS: usize = 7;
const COMPLETE: &str = "two lists that are called complete show every account that was there all the time";

/// When two lists are taken for complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// As the product does.
    Product,
    /// The first list alone is believed.
    OneList,
    /// An account of the first list that is proved gone counts as shown by the second.
    GoneCountsAsShown,
}

/// One exploration.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// See [`Rule`].
    pub rule: Rule,
    /// Accounts at the beginning.
    pub accounts: u8,
    /// Accounts that come meanwhile.
    pub coming: u8,
    /// Accounts that go meanwhile.
    pub going: u8,
}

/// Ids in an order; 0 ends it.
type Ids = [u8; 2 * ACCOUNTS];

/// One state.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// Newest first.
    stored: Ids,
    lists: [Ids; 2],
    /// Pages read of the list that is being read, and which of the two it is.
    pages: usize,
    reading: usize,
    /// There since the first page was asked for.
    steady: u16,
    next: u8,
    coming: u8,
    going: u8,
}

/// What happens next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// The next page is read.
    Read,
    /// A new account, at the head.
    Come,
    /// This account is deleted.
    Go(u8),
}

fn ids(list: &Ids) -> impl Iterator<Item = u8> {
    list.iter().copied().take_while(|id| *id != 0)
}

fn listed(list: impl IntoIterator<Item = u8>) -> Ids {
    let mut ids = [0; 2 * ACCOUNTS];
    for (place, id) in ids.iter_mut().zip(list) {
        *place = id;
    }
    ids
}

impl Walk {
    fn is_called_complete(self, state: &State) -> bool {
        if state.reading < 2 {
            return false;
        }
        let [first, second] = state.lists.map(|list| ids(&list).collect::<Vec<_>>());
        match self.rule {
            Rule::Product => misses_nothing(&first, &second),
            Rule::OneList => true,
            Rule::GoneCountsAsShown => {
                let gone = first
                    .iter()
                    .filter(|id| ids(&state.stored).all(|stored| stored != **id));
                let shown: Vec<u8> = second.iter().chain(gone).copied().collect();
                misses_nothing(&first, &shown)
            }
        }
    }
}

impl Model for Walk {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            stored: listed((1..=self.accounts).rev()),
            lists: [[0; 2 * ACCOUNTS]; 2],
            pages: 0,
            reading: 0,
            steady: (1..=self.accounts).fold(0, |steady, id| steady | (1 << id)),
            next: self.accounts + 1,
            coming: self.coming,
            going: self.going,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.reading == 2 {
            return;
        }
        actions.push(Action::Read);
        if state.coming > 0 {
            actions.push(Action::Come);
        }
        if state.going > 0 {
            actions.extend(ids(&state.stored).map(Action::Go));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut after = state.clone();
        match action {
            Action::Read => {
                let page: Vec<u8> = ids(&state.stored).skip(state.pages * PAGE).take(PAGE).collect();
                let list = &mut after.lists[state.reading];
                *list = listed(ids(list).chain(page.iter().copied()).collect::<Vec<_>>());
                after.pages += 1;
                if page.len() < PAGE {
                    (after.reading, after.pages) = (state.reading + 1, 0);
                }
            }
            Action::Come => {
                after.coming -= 1;
                after.next += 1;
                after.stored = listed([state.next].into_iter().chain(ids(&state.stored)));
            }
            Action::Go(id) => {
                after.going -= 1;
                after.stored = listed(ids(&state.stored).filter(|stored| *stored != id));
                after.steady &= !(1 << id);
            }
        }
        Some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(COMPLETE, |walk: &Self, state: &State| {
            let shown = |id: u8| state.lists.iter().any(|list| ids(list).any(|shown| shown == id));
            let mut steady = (1..=walk.accounts).filter(|id| state.steady & (1 << id) != 0);
            !walk.is_called_complete(state) || steady.all(shown)
        })]
    }
}

/// Explores everything. How many states there are, and what happens on the way to an account that is missed.
#[must_use]
pub fn explore(walk: Walk) -> (usize, Option<Vec<Action>>) {
    let checker = walk.checker().spawn_bfs().join();
    let missed = checker.discovery(COMPLETE).map(stateright::Path::into_actions);
    (checker.unique_state_count(), missed)
}
