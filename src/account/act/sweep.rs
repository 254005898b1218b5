//! Reads the whole list of a parent account: once for the roster, twice where absence must be proved. I/O.

use crate::account::access::{Access, CallError};
use crate::account::parent::listing::{Flaw, Listing, Progress, SweepError};
use crate::account::parent::roster::{Walk, marked};
use crate::clock::now;
use crate::vobiz::{AuthId, Error, Subaccount};
use futures::future::join_all;
use futures::{StreamExt as _, stream};
use std::collections::HashSet;
use std::pin::pin;
use std::time::Instant;
use vobiz_protocol::judge::misses_nothing;

/// Pairs of lists that are compared before the parent is left alone for a while: on a busy parent pages shift all the time.
pub const WALK_ATTEMPTS: u32 = 5;

/// Pages that are asked for at once while every object waits for the first list: how long one takes to come is then no limit.
const FIRST_AT_ONCE: usize = 4;

/// What a walk showed.
#[derive(Debug)]
pub struct Walked {
    /// When the first of its lists was begun.
    pub begun: Instant,
    /// Every account.
    pub shown: HashSet<AuthId>,
}

/// One complete list, into the roster.
pub async fn sweep(access: &Access) -> Result<(), SweepError> {
    let begun = now();
    access.parent.roster().begin_list();
    let listed = list(access, at_once(access)).await?;
    access.parent.roster().replace(listed, begun);
    Ok(())
}

/// Later lists are read page by page, see [`walk`]: nobody waits for them. So is the first one again if it failed: perhaps so many at once
/// were too many.
fn at_once(access: &Access) -> usize {
    let parent = &access.parent;
    let is_first = !parent.roster().is_known() && parent.wanted_list().is_none();
    if is_first && parent.schedule().failed().is_none() {
        FIRST_AT_ONCE
    } else {
        1
    }
}

/// Two lists that together miss nothing; the second becomes the roster. Where two do not agree, the second is held
/// against a third, as often as `attempts` says. None if accounts come and go too fast for any two to agree.
///
/// No page is asked for before the one in front of it was answered: what is made in front then pushes accounts into pages that are yet to
/// come, and never out of the list.
pub async fn walk(access: &Access, attempts: u32) -> Result<Option<Walked>, SweepError> {
    let mut first_begun = now();
    access.parent.roster().begin_list();
    let mut first = list(access, 1).await?;
    for _ in 0..attempts {
        let second_begun = now();
        access.parent.roster().begin_list();
        let second = list(access, 1).await?;
        if misses_nothing(&ids(&first), &ids(&second)) {
            let walk = Walk {
                begun: first_begun,
                marked: marked([&first, &second], access.generation),
            };
            let walked = Walked {
                begun: first_begun,
                // The second list shows all of the first.
                shown: second.iter().map(|remote| remote.auth_id.clone()).collect(),
            };
            access.parent.roster().replace(second, second_begun);
            access.parent.walked(walk);
            return Ok(Some(walked));
        }
        access.parent.roster().replace(second.clone(), second_begun);
        (first_begun, first) = (second_begun, second);
    }
    Ok(None)
}

fn ids(list: &[Subaccount]) -> Vec<&AuthId> {
    list.iter().map(|remote| &remote.auth_id).collect()
}

/// Every page in order, so many of them asked for at once; none beyond what the first says that there is, as long as that is enough. All that
/// were asked for are heard before the next are: what one is answered, above all a 429, is true of those too.
async fn list(access: &Access, at_once: usize) -> Result<Vec<Subaccount>, SweepError> {
    let page = |number| async move { settled(access, access.list(number).await) };
    let mut listing = Listing::default();
    let first = page(0).await?;
    let told = first.pages();
    let mut progress = listing.add(first);
    let told_of = stream::iter(1..told).chunks(at_once);
    let others = told_of.chain(stream::iter(told..u32::MAX).chunks(1));
    let others = others.then(|numbers| join_all(numbers.into_iter().map(page)));
    let mut others = pin!(others.flat_map(stream::iter));
    loop {
        match progress {
            Progress::More => {}
            Progress::Complete(listed) => return Ok(listed),
            Progress::Failed(flaw) => return Err(SweepError::Flawed(flaw)),
        }
        let Some(next) = others.next().await else {
            return Err(SweepError::Flawed(Flaw::ENDLESS));
        };
        progress = listing.add(next?);
    }
}

/// A request of the Account's own pass has waited for its turn at the gate; it is held only where Vobiz asked for a pause.
pub(in crate::account) fn settled<T>(access: &Access, answer: Result<T, CallError>) -> Result<T, SweepError> {
    answer.map_err(|error| {
        SweepError::List(match error {
            CallError::Failed(error) => error,
            // It is said of single accounts.
            CallError::Elsewhere => Error::Forbidden { code: None },
            CallError::Held => Error::RateLimited {
                retry_after: access.parent.gate.pause_left().unwrap_or_default(),
            },
        })
    })
}
