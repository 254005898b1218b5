//! Puts the pages of a parent's list together, and sees when there is no end of them. PURE.

use crate::vobiz::{AuthId, Error, Page, Subaccount};
use std::collections::HashSet;

/// Pages in a row that show nothing new. Accounts that are made while the list is read push what was shown into the next page, but
/// never this much of it so often: the server does not look at the page number.
const FRUITLESS_PAGES: u32 = 3;

/// Entries after which a list is taken for endless. They take some 40 MB, and up to three lists of a parent are held at a time: those
/// of a walk, and what was listed before. More would not fit into the memory that the operator is shipped with.
const ENTRY_CAP: usize = 100_000;

/// A list as far as it was read.
#[derive(Debug, Default)]
pub struct Listing {
    listed: Vec<Subaccount>,
    seen: HashSet<AuthId>,
    /// Entries on the first page: a full one.
    page_size: usize,
    fruitless: u32,
}

/// What a page makes of the list.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// More pages follow.
    More,
    /// It was the last one, and the list is complete: every entry in order, those that were shown twice twice.
    Complete(Vec<Subaccount>),
    /// No complete list comes of it.
    Failed(Flaw),
}

/// Why no complete list could be put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Pages do not join, or entries cannot be read.
    Incomplete,
    /// Page after page shows the same accounts.
    Repeating,
    /// More entries than these, which are as many as are kept in memory.
    Endless(usize),
}

impl Flaw {
    /// There is no end of pages.
    pub const ENDLESS: Self = Self::Endless(ENTRY_CAP);
}

/// Why no complete list could be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SweepError {
    /// A request failed.
    List(Error),
    /// Its pages make no complete list.
    Flawed(Flaw),
}

impl SweepError {
    /// Whether Vobiz refuses the pair that was used: another Account's may work.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::List(Error::Unauthorized | Error::Forbidden { .. }))
    }
}

impl Listing {
    /// Adds the next page.
    pub fn add(&mut self, page: Page) -> Progress {
        if page.invalid > 0 {
            return Progress::Failed(Flaw::Incomplete);
        }
        let size = page.subaccounts.len();
        let is_first = self.listed.is_empty();
        let before = self.seen.len();
        self.seen
            .extend(page.subaccounts.iter().map(|remote| remote.auth_id.clone()));
        let repeats = !is_first && self.seen.len() == before;
        self.fruitless = if repeats { self.fruitless + 1 } else { 0 };
        // What a full page repeats from end to end adds nothing, not even to the number of entries.
        if !repeats || size < self.page_size {
            self.listed.extend(page.subaccounts);
        }
        if is_first {
            self.page_size = size;
        }
        if page.last {
            return self.end(page.total);
        }
        if self.fruitless >= FRUITLESS_PAGES {
            return Progress::Failed(Flaw::Repeating);
        }
        if self.listed.len() > ENTRY_CAP {
            return Progress::Failed(Flaw::ENDLESS);
        }
        Progress::More
    }

    fn end(&mut self, total: Option<u64>) -> Progress {
        // Shifting pages repeat a few accounts, not most of them.
        let joins = total.is_none_or(|total| {
            self.listed.len() as u64 >= total && (self.seen.len() as u64).saturating_mul(2) >= total
        });
        if joins {
            Progress::Complete(std::mem::take(&mut self.listed))
        } else if self.fruitless > 0 {
            Progress::Failed(Flaw::Repeating)
        } else {
            Progress::Failed(Flaw::Incomplete)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ops::Range;

    fn remote(number: usize) -> Subaccount {
        let page = crate::vobiz::decode::page(
            crate::vobiz::Generation::Gen2,
            0,
            format!(r#"{{"sub_accounts": [{{"auth_id": "SA_{number}"}}], "total": 1}}"#).as_bytes(),
        );
        page.unwrap().subaccounts.remove(0)
    }

    fn page(numbers: Range<usize>, total: u64, last: bool) -> Page {
        Page {
            subaccounts: numbers.map(remote).collect(),
            invalid: 0,
            total: Some(total),
            last,
        }
    }

    fn read(pages: impl IntoIterator<Item = Page>) -> (usize, Progress) {
        let mut listing = Listing::default();
        for (number, page) in pages.into_iter().enumerate() {
            match listing.add(page) {
                Progress::More => {}
                end => return (number + 1, end),
            }
        }
        (usize::MAX, Progress::More)
    }

    #[test]
    fn a_server_that_ignores_the_page_number_is_found_out_after_four_pages() {
        let same = std::iter::repeat_with(|| page(0..100, 300, false));
        assert_eq!(read(same), (4, Progress::Failed(Flaw::Repeating)));
        let one = std::iter::repeat_with(|| page(0..1, u64::MAX, false));
        assert_eq!(read(one), (4, Progress::Failed(Flaw::Repeating)));
        let full = std::iter::once(page(0..100, u64::MAX, false));
        let beyond_the_last = std::iter::repeat_with(|| page(100..107, u64::MAX, false));
        assert_eq!(
            read(full.chain(beyond_the_last)),
            (5, Progress::Failed(Flaw::Repeating))
        );
    }

    #[test]
    fn pages_that_repeat_each_other_make_no_complete_list_however_many_entries_they_add_up_to() {
        let claimed = [page(0..100, 200, false), page(0..100, 200, true)];
        assert_eq!(read(claimed), (2, Progress::Failed(Flaw::Repeating)));
        let nearly = [
            page(0..100, 300, false),
            page(0..100, 300, false),
            page(0..101, 300, true),
        ];
        assert_eq!(read(nearly), (3, Progress::Failed(Flaw::Incomplete)));
    }

    #[test]
    fn a_list_without_end_stops_at_a_number_of_entries() {
        let fresh = (0..).map(|number| page(number * 1000..(number + 1) * 1000, u64::MAX, false));
        assert_eq!(read(fresh), (101, Progress::Failed(Flaw::ENDLESS)));
    }

    proptest! {
        #[test]
        fn pages_that_shift_while_accounts_are_made_still_make_a_list(
            accounts in 0_usize..300, size in 1_usize..101, made in proptest::collection::vec(0_usize..3, 301),
        ) {
            // Newest first: the oldest has number 0, and those that are made meanwhile come in front.
            let mut newest = accounts;
            let mut listing = Listing::default();
            for (number, made) in made.into_iter().enumerate() {
                let made = made.min(size - 1);
                let shown: Vec<usize> = (0..newest).rev().skip(number * size).take(size).collect();
                let last = shown.is_empty() || number * size + shown.len() == newest;
                let page = Page {
                    subaccounts: shown.iter().map(|number| remote(*number)).collect(),
                    invalid: 0,
                    total: Some(newest as u64),
                    last,
                };
                match listing.add(page) {
                    Progress::More => newest += made,
                    Progress::Complete(list) => {
                        let ids: HashSet<_> = list.iter().map(|remote| &remote.auth_id).collect();
                        prop_assert!((0..accounts).all(|number| ids.contains(&remote(number).auth_id)));
                        return Ok(());
                    }
                    Progress::Failed(flaw) => {
                        // More were made than shown: what was repeated is most of it.
                        prop_assert!(newest > accounts, "{:?}", flaw);
                        return Ok(());
                    }
                }
            }
        }
    }
}
