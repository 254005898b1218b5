//! Ways through the model by the roll of a seeded die, to be replayed against real servers. PURE.

use crate::action::{self, Action};
use crate::rules::Rules;
use crate::state::State;
use crate::step::Fault;
use crate::world::{ACCOUNTS, SERIES};

/// One way: where it starts, and what happens on it.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Of the run that it belongs to.
    pub rules: Rules,
    /// In this order.
    pub actions: Vec<Action>,
}

impl Trace {
    /// A way of at most this many actions; the same seed makes the same one.
    #[must_use]
    pub fn random(rules: Rules, seed: u64, length: usize) -> Self {
        let (mut state, mut die) = (rules.initial(), Die(seed));
        let mut actions = Vec::new();
        while actions.len() < length && !is_full(&state) {
            let mut possible = Vec::new();
            action::all(&rules, &state, &mut possible);
            possible.retain(|action| action::after(&rules, &state, *action).is_some());
            let Some(chosen) = choose(&state, &possible, &mut die) else {
                break;
            };
            let Some(after) = action::after(&rules, &state, chosen) else {
                break;
            };
            actions.push(chosen);
            state = after;
        }
        Self { rules, actions }
    }
}

/// There is no room for what may come next.
fn is_full(state: &State) -> bool {
    state.vobiz.accounts[ACCOUNTS - 1].is_some() || usize::from(state.next_series) >= SERIES
}

/// Passes that go on come most often, else nothing would ever be there for a fault to hit.
fn choose(state: &State, possible: &[Action], die: &mut Die) -> Option<Action> {
    let total = possible.iter().map(|action| weight(state, *action)).sum();
    let mut rolled = die.below(total)?;
    possible.iter().copied().find(|action| {
        let weight = weight(state, *action);
        let chosen = rolled < weight;
        rolled = rolled.saturating_sub(weight);
        chosen
    })
}

fn weight(state: &State, action: Action) -> u64 {
    let served = state.vobiz.living().next().is_some();
    match action {
        Action::Step(_, Fault::None) => 60,
        Action::Begin(..) | Action::Create | Action::Restore { .. } => 12,
        Action::Settle(..)
        | Action::Walk(_)
        | Action::WalkForMarks(_)
        | Action::MakeAccount(_)
        | Action::Commit(_)
        | Action::Allow
        | Action::Admit
        | Action::FindRoute
        | Action::HeedDeletions => 8,
        Action::Step(..) => 4,
        // What a person does meets more once there is an account.
        Action::Delete | Action::Strip | Action::BeginDeletion | Action::CarryOut if !served => 1,
        Action::Crash(_) | Action::Vanish(_) | Action::Edit | Action::Delete | Action::Strip => 3,
        Action::LoseSecret
        | Action::LoseRecord(_)
        | Action::DeleteOutside(_)
        | Action::Orphan
        | Action::RollBack(_)
        | Action::Deny(_)
        | Action::DeleteOther
        | Action::Observe
        | Action::Grant
        | Action::Forge
        | Action::Bar
        | Action::LoseRoute
        | Action::IgnoreDeletions
        | Action::Move
        | Action::DropAccount
        | Action::BeginDeletion
        | Action::CarryOut => 6,
    }
}

/// Splitmix64.
struct Die(u64);

impl Die {
    fn below(&mut self, sides: u64) -> Option<u64> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(sides)
    }
}
